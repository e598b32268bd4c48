import { createRunner, FatalError, graph, input, interrupt, node, type Target } from 'troupe';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { requestOf, statusesOf } from '../support/forest.ts';
import { execute, ID, labelsOf, logIn, Notes, storeAfter, storeWith } from './call-crash.ts';

class Socket {
  readonly port = 80;
}

const notes = new Notes();
const next = node('next', async (value: unknown) => {
  notes.add('next');
  return value;
});
/** Holds what cannot be stored, deep down. */
const tainted = (): object => ({ items: [{ id: 1 }, { id: 2, send: () => undefined }] });

/** The error names workflow, node and path. */
function expectNamed(error: unknown, nodeName: string, path: string): void {
  expect(error).toMatchObject({ code: 'CHECKPOINT', hint: expect.stringMatching(/./) as string });
  const { message } = error as Error;
  expect(message).toContain(`"${ID}"`);
  expect(message).toContain(`"${nodeName}"`);
  expect(message).toContain(path);
}

describe('what cannot be stored', () => {
  test('as the input of a run is refused, and there is no workflow', async () => {
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    notes.take();

    const error = await rejectionOf(runner.run(next, tainted(), { workflowId: ID }));

    expectNamed(error, 'next', 'items[1].send');
    expect(await store.get(ID)).toBeUndefined();
    expect(notes.take()).toEqual([]);
    expect((await runner.run(next, 1, { workflowId: ID })).answer).toBe(1);
  });

  test('as the input of a call fails that call, before its body runs', async () => {
    const root = node('root', async (_: unknown, ctx) => ctx.call(next, tainted()));
    notes.take();

    const { result } = await execute(root);

    expectNamed(result.error, 'next', 'items[1].send');
    expect(statusesOf(result.info)).toEqual(['root failed', 'next failed']);
    expect(notes.take()).toEqual([]);
  });

  test('as the input of a call may be caught, and the workflow goes on, after a crash too', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      const refused = await ctx.call(next, tainted()).catch((error: { code: unknown }) => error.code);
      return [refused, await ctx.call(next, 'fine')];
    });
    const whole = await execute(root);

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'NodeStart next') });

    expect(whole.result.answer).toEqual(['CHECKPOINT', 'fine']);
    expect(result.answer).toEqual(['CHECKPOINT', 'fine']);
  });

  test('as the output of a node fails that node', async () => {
    const makes = node('makes', async () => tainted());
    const root = node('root', (_: unknown, ctx) => ctx.call(makes));

    const { result } = await execute(root);

    expectNamed(result.error, 'makes', 'items[1].send');
    expect(requestOf(result.info, 'makes').status).toBe('failed');
  });

  test('as the output of a node of a graph fails that node, and the run', async () => {
    const makes = node({
      name: 'makes',
      inputs: {},
      output: 'socket',
      run: () => ({ socket: new Socket() }),
    });
    const uses = node({
      name: 'uses',
      inputs: { socket: input<unknown>() },
      output: 'end',
      run: () => notes.add('uses'),
    });
    notes.take();

    const { result } = await execute(graph({ name: 'whole', nodes: [makes, uses] }), { input: {} });

    expectNamed(result.error, 'makes', 'socket');
    expect(result.nodes).toMatchObject({ makes: 'failed' });
    expect(notes.take()).toEqual([]);
  });

  test('as the answer of the run fails the run, which may be resumed once it is mended', async () => {
    let isTainted = true;
    const root = node('root', async (_: unknown, ctx) => {
      const value = await ctx.call(next, 1);
      return isTainted ? tainted() : value;
    });
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    const error = await rejectionOf(runner.run(root, undefined, { workflowId: ID }));
    isTainted = false;
    notes.take();

    const { answer } = await runner.resume(root, ID);

    expectNamed(error, 'root', 'items[1].send');
    expect(answer).toBe(1);
    expect(notes.take()).toEqual([]);
  });

  test('as a value of the context is refused to the body that writes it, and not written', async () => {
    const seen: unknown[] = [];
    const root = node('root', async (_: unknown, { context }) => {
      try {
        context.put('socket', tainted());
      } catch (error) {
        seen.push(error);
      }
      return context.get('socket', 'nothing');
    });

    const { result, log } = await execute(root);

    expectNamed(seen[0], 'root', 'items[1].send');
    expect(result.answer).toBe('nothing');
    expect(labelsOf(log)).not.toContain('ContextWrite root');
  });

  test('as one value of an update of the context writes none of them', async () => {
    const root = node('root', async (_: unknown, { context }) => {
      try {
        context.update({ fine: 1, socket: tainted() });
      } catch {
        return context.keys();
      }
      return 'written';
    });

    const { result } = await execute(root);

    expect(result.answer).toEqual([]);
  });

  test('as a seed of the context is no matter: seeds are given again', async () => {
    const socket = new Socket();
    const root = node('root', async (_: unknown, ctx) => [ctx.context.get('socket') === socket]);

    const { result } = await execute(root, { context: { socket } });

    expect(result.answer).toEqual([true]);
  });

  test('as a question is refused to the body that asks', async () => {
    const asks = node('asks', (_: unknown, ctx) => ctx.interrupt(tainted(), { key: 'go' }));

    const { result, log } = await execute(asks);

    expectNamed(result.error, 'asks', 'items[1].send');
    expect(labelsOf(log)).not.toContain('Interrupt asks');
  });

  test('as the question of an interrupt fails that', async () => {
    const ask = interrupt({ name: 'ask', inputs: {}, response: 'said', run: () => new Socket() });

    const { result } = await execute(graph({ name: 'asking', nodes: [ask] }), { input: {} });

    expectNamed(result.error, 'ask', '(root)');
    expect(result.status).toBe('failed');
  });

  test('as an answer is refused to whoever answers, and the question stays open', async () => {
    const asks = node('asks', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    await runner.run(asks, undefined, { workflowId: ID });
    const before = await logIn(store);

    const error = await rejectionOf(runner.respond(ID, 'go', tainted()));
    const after = await logIn(store);
    const { answer } = await runner.respond(ID, 'go', 'fine');

    expectNamed(error, 'asks', 'items[1].send');
    expect(after.entries).toEqual(before.entries);
    expect(answer).toBe('fine');
  });

  test('as an answer of a resume is refused, and the question stays open', async () => {
    const asks = node('asks', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
    const whole = await execute(asks);
    const store = await storeWith(whole.log, whole.log.entries.length);
    await using runner = createRunner({ checkpointer: store });

    const error = await rejectionOf(runner.resume(asks, ID, { responses: { go: tainted() } }));
    const { answer } = await runner.resume(asks, ID, { responses: { go: 'fine' } });

    expectNamed(error, 'asks', 'items[1].send');
    expect(answer).toBe('fine');
  });

  test('as an answer for later is refused', async () => {
    const asks = node('asks', async (_: unknown, ctx) => [
      await ctx.interrupt('First?', { key: 'first' }),
      await ctx.interrupt('Second?', { key: 'second' }),
    ]);
    const whole = await execute(asks);
    const store = await storeWith(whole.log, whole.log.entries.length);
    await using runner = createRunner({ checkpointer: store });

    const error = await rejectionOf(runner.resume(asks, ID, { responses: { second: tainted() } }));

    expect(error).toMatchObject({ code: 'CHECKPOINT' });
    expect((error as Error).message).toContain('items[1].send');
    expect(labelsOf(await logIn(store))).not.toContain('AnswerKept');
  });

  test('as the input of a fork is refused, and there is no workflow', async () => {
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    await runner.run(next, 1, { workflowId: ID });

    const error = await rejectionOf(runner.fork(next, ID, { input: tainted(), workflowId: 'fork' }));

    expect(error).toMatchObject({ code: 'CHECKPOINT' });
    expect((error as Error).message).toMatch(/"fork".*items\[1\]\.send/su);
    expect(await store.get('fork')).toBeUndefined();
  });

  test.each([
    ['a function', () => 1, '[0]'],
    ['a symbol', Symbol('x'), '[0]'],
    ['an instance of a class', new Socket(), '[0]'],
    ['a promise', Promise.resolve(1), '[0]'],
    ['a weak map', new WeakMap(), '[0]'],
    ['an instance as a key of a map', new Map([[new Socket(), 1]]), '[0]'],
    ['an instance in a set', new Set([new Socket()]), '[0]'],
    [
      'what throws when it is read',
      Object.defineProperty({}, 'x', { enumerable: true, get: thrower }),
      '[0]',
    ],
  ])('may be %s', async (_what, value, path) => {
    const makes = node('makes', () => [value]);

    const { result } = await execute(makes);

    expect(result.error).toMatchObject({ code: 'CHECKPOINT' });
    expect((result.error as Error).message).toContain(path);
  });

  test('leaves nothing half-written: the log can be read, and goes on', async () => {
    let isTainted = true;
    const makes = node('makes', async (n: number) => (isTainted && n === 1 ? tainted() : n));
    const root = node('root', async (_: unknown, ctx) => {
      const first = await ctx.call(next, 0);
      return [first, await ctx.call(makes, 1)];
    });
    const { log } = await execute(root);
    isTainted = false;
    notes.take();

    const { result } = await execute(root, { store: await storeWith(log, log.entries.length) });

    expect(labelsOf(log).at(-1)).toBe('RunEnd');
    expect(result.answer).toEqual([0, 1]);
    expect(notes.take()).toEqual([]);
  });
});

describe('an error that is thrown with what cannot be stored', () => {
  test('is the very error for those who wait now', async () => {
    const socket = new Socket();
    const thrown = Object.assign(new Error('reset', { cause: { socket } }), { code: 'ECONNRESET', socket });
    const fails = node('fails', () => Promise.reject(thrown));

    const { result } = await execute(fails);

    expect(result.error).toBe(thrown);
    expect((result.error as { socket: unknown }).socket).toBe(socket);
  });

  test('is given again with all that can be stored of it', async () => {
    const seen: unknown[] = [];
    const thrown = Object.assign(new RangeError('reset'), {
      code: 'ECONNRESET',
      socket: new Socket(),
      tries: 3,
    });
    const fails = node('fails', () => Promise.reject(thrown));
    const root = node('root', async (_: unknown, ctx) => {
      seen.push(await ctx.call(fails).catch((error: unknown) => error));
      return ctx.call(next, 1);
    });
    const whole = await execute(root);

    await execute(root, { store: await storeAfter(whole.log, 'NodeStart next') });

    expect(seen[1]).toBeInstanceOf(RangeError);
    expect(seen[1]).toMatchObject({ message: 'reset', code: 'ECONNRESET', tries: 3 });
    expect((seen[1] as { socket: unknown }).socket).not.toBeInstanceOf(Socket);
  });

  test.each([
    ['a function', () => 1],
    ['a symbol', Symbol('thrown')],
    ['an instance of a class', new Socket()],
    ['a FatalError with a socket as its cause', new FatalError('over', { cause: new Socket() })],
    ['an error whose message throws', Object.defineProperty(new Error('x'), 'message', { get: thrower })],
  ])('may be %s, and the workflow can be read and retried', async (_what, thrown) => {
    let isBroken = true;
    const fails: Target = node('fails', async () => {
      if (isBroken) throw thrown;
      return 'mended';
    });
    const { result, log } = await execute(fails);
    isBroken = false;

    const again = await execute(fails, { way: 'retry', store: await storeWith(log, log.entries.length) });

    expect(result.error).toBe(thrown);
    expect(again.result.answer).toBe('mended');
  });
});

function thrower(): never {
  throw new Error('cannot be read');
}

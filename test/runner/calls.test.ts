import { createRunner, input, InvalidInputError, node } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { deferred, rejectionOf } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf } from '../support/forest.ts';
import { eventLog, ofType } from '../support/runs.ts';

const add = node({
  name: 'add',
  inputs: { a: input<number>(), b: input(1) },
  output: 'sum',
  run: ({ a, b }) => a + b,
});
const strict = node({
  name: 'strict',
  inputs: { n: input<number>() },
  run: ({ n }) => n,
});

describe('the result of a call', () => {
  test('is the same object that the callee returned', async () => {
    const made = { deep: [1] };
    const makes = node('makes', async () => Promise.resolve(made));
    const root = node('root', async (_: unknown, ctx) => (await ctx.call(makes)) === made);

    const { answer } = await createRunner().run(root);

    expect(answer).toBe(true);
  });

  test('of the root is the same object that the run answers with', async () => {
    const made = { deep: [1] };

    const { answer } = await createRunner().run(node('makes', () => made));

    expect(answer).toBe(made);
  });

  test.each([undefined, null, 0, '', Number.NaN, false])('may be %j', async (value) => {
    const returns = node('returns', async (): Promise<unknown> => Promise.resolve(value));
    const root = node('root', async (_: unknown, ctx) => [await ctx.call(returns)]);

    const { answer, info } = await createRunner().run(root);

    expect(answer).toEqual([value]);
    expect(requestOf(info, 'returns').status).toBe('succeeded');
  });

  test('is named in outputs by the declared output', async () => {
    const { answer, outputs } = await createRunner().run(add, { a: 1, b: 2 });

    expect(answer).toBe(3);
    expect(outputs).toEqual({ sum: 3 });
  });

  test('of a node that names no output leaves outputs empty', async () => {
    const { outputs } = await createRunner().run(node('one', () => 1));

    expect(outputs).toEqual({});
  });

  test('of a node with several outputs names each', async () => {
    const split = node({
      name: 'split',
      inputs: { n: input<number>() },
      outputs: ['low', 'high'],
      run: ({ n }) => ({ low: n - 1, high: n + 1 }),
    });

    const { outputs } = await createRunner().run(split, { n: 5 });

    expect(outputs).toEqual({ low: 4, high: 6 });
  });
});

describe('the failure of a call', () => {
  const own = Object.assign(new Error('mine'), { name: 'AbortError' });
  const late = Object.assign(new Error('mine'), { name: 'TimeoutError' });

  test.each([
    ['an error', new Error('boom')],
    ['an AbortError of its own', own],
    ['a TimeoutError of its own', late],
    ['a DOMException', new DOMException('stopped', 'AbortError')],
    ['undefined', undefined],
    ['null', null],
    ['a string', 'boom'],
    ['a number', 0],
    ['an object', { code: 7 }],
  ])('is the very thing that was thrown: %s', async (_name, thrown) => {
    const fails = node('fails', (): Promise<void> => Promise.reject(thrown));
    const caught: unknown[] = [];
    const root = node('root', (_: unknown, ctx) =>
      ctx.call(fails).catch((error: unknown) => caught.push(error)),
    );

    const { info } = await createRunner().run(root);

    expect(caught).toHaveLength(1);
    expect(caught[0]).toBe(thrown);
    expect(statusesOf(info)).toEqual(['root succeeded', 'fails failed']);
  });

  test.each([['a string', 'boom'] as const, ['undefined', undefined] as const])(
    'that nobody catches rejects the run with the very thing: %s',
    async (_name, thrown) => {
      const fails = node('fails', (): Promise<void> => Promise.reject(thrown));
      const root = node('root', (_: unknown, ctx) => ctx.call(fails));

      const error = await rejectionOf(createRunner().run(root));

      expect(error).toBe(thrown);
    },
  );

  test('that is undefined leaves the run failed', async () => {
    const fails = node('fails', (): Promise<void> => Promise.reject(undefined));

    const { status, info } = await createRunner().run(fails, undefined, { onFailure: 'return' });

    expect(status).toBe('failed');
    expect(statusesOf(info)).toEqual(['fails failed']);
  });

  test('thrown by a synchronous body is a rejection', async () => {
    const boom = new Error('boom');
    const fails = node('fails', (): number => {
      throw boom;
    });
    const root = node('root', (_: unknown, ctx) => ctx.call(fails).catch((error: unknown) => error === boom));

    expect((await createRunner().run(root)).answer).toBe(true);
  });

  test('is the error of its request and of its events', async () => {
    const clock = fakeClock();
    const { events, subscriber } = eventLog();
    const boom = new Error('boom');
    const fails = node('fails', (): Promise<void> => Promise.reject(boom));

    const { info } = await createRunner({ clock }).run(fails, undefined, { subscriber, onFailure: 'return' });
    await clock.advance(0);

    expect(requestOf(info, 'fails').error).toBe(boom);
    expect(ofType(events, 'NodeError').map((event) => event.error)).toEqual([boom]);
    expect(ofType(events, 'RequestFailure').map((event) => event.error)).toEqual([boom]);
  });

  test('of a child that nobody awaits is recorded and fails nothing else', async () => {
    const fails = node('fails', (): Promise<void> => Promise.reject(new Error('boom')));
    const root = node('root', (_: unknown, ctx) => {
      void ctx.call(fails);
      return 'fine';
    });

    const { answer, info } = await createRunner().run(root);

    expect(answer).toBe('fine');
    expect(statusesOf(info)).toEqual(['root succeeded', 'fails failed']);
  });

  test('of a child that nobody awaits is logged', async () => {
    const lines: unknown[] = [];
    const note = (...args: unknown[]): void => void lines.push(args[0]);
    const logger = { debug: () => undefined, info: () => undefined, warn: note, error: note };
    const boom = new Error('boom');
    const fails = node('fails', (): Promise<void> => Promise.reject(boom));
    const root = node('root', (_: unknown, ctx) => void ctx.call(fails));
    const clock = fakeClock();
    const runner = createRunner({ logger, logLevel: 'warn', clock });

    await runner.run(root);
    await clock.advance(0);

    const logged = lines.filter(
      (line) => typeof line === 'object' && line !== null && Object.values(line).includes(boom),
    );
    expect(logged.length).toBeGreaterThan(0);
  });

  test('of a child that nobody awaits is no unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', note);
    onTestFinished(() => void process.off('unhandledRejection', note));
    const clock = fakeClock();
    const fails = node('fails', (): Promise<void> => Promise.reject(new Error('boom')));
    const root = node('root', (_: unknown, ctx) => {
      void ctx.call(fails);
      void ctx.callBatch(fails, [1, 2]);
      void ctx.call(strict, {} as { n: number });
    });

    await createRunner({ clock }).run(root);
    await clock.advance(0);

    expect(unhandled).toEqual([]);
  });
});

describe('a call whose input is refused', () => {
  const cases = [
    ['MISSING_INPUT', {}],
    ['UNKNOWN_INPUT', { n: 1, m: 2 }],
  ] as const;

  test.each(cases)('%s rejects, and its caller may go on', async (code, given) => {
    const caught: unknown[] = [];
    const root = node('root', async (_: unknown, ctx) => {
      await ctx.call(strict, given as { n: number }).catch((error: unknown) => caught.push(error));
      return 'went on';
    });

    const { answer } = await createRunner().run(root);

    expect(answer).toBe('went on');
    expect(caught).toMatchObject([{ code, hint: expect.stringMatching(/./) as string }]);
  });

  test.each(cases)('%s is on record as failed with the error and two stamps', async (code, given) => {
    const root = node('root', (_: unknown, ctx) =>
      ctx.call(strict, given as { n: number }).catch((error: unknown) => error),
    );

    const { answer, info } = await createRunner().run(root);
    const request = requestOf(info, 'strict');

    expect(request.status).toBe('failed');
    expect(request.error).toBe(answer);
    expect(request.error).toMatchObject({ code });
    expect(stepsOf(info).steps).toEqual([0, 1, 2, 3]);
    expect(info.stamps.filter((stamp) => stamp.identifier.includes('strict'))).toHaveLength(2);
  });

  test('is published as RequestCreationFailure', async () => {
    const clock = fakeClock();
    const { events, subscriber } = eventLog();
    const root = node('root', (_: unknown, ctx) =>
      ctx.call(strict, {} as { n: number }).catch(() => undefined),
    );

    await createRunner({ clock }).run(root, undefined, { subscriber });
    await clock.advance(0);

    expect(ofType(events, 'RequestCreationFailure')).toMatchObject([
      { nodeName: 'strict', status: 'failed' },
    ]);
    expect(ofType(events, 'NodeStart').map((event) => event.nodeName)).toEqual(['root']);
  });

  test('is not tried again and gets no body', async () => {
    let runs = 0;
    const retried = node({
      name: 'retried',
      inputs: { n: input<number>() },
      retry: { maxAttempts: 3, delay: 0 },
      run: () => {
        runs += 1;
      },
    });
    const root = node('root', (_: unknown, ctx) => ctx.call(retried, {} as { n: number }));

    const error = await rejectionOf(createRunner().run(root));

    expect(error).toMatchObject({ code: 'MISSING_INPUT' });
    expect(runs).toBe(0);
  });

  test('something that is no node is a typed error', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.call('strict' as unknown as typeof strict, { n: 1 }));

    expect(await rejectionOf(createRunner().run(root))).toBeInstanceOf(InvalidInputError);
  });

  test('an unknown option of a call is a typed error', async () => {
    const root = node('root', (_: unknown, ctx) =>
      ctx.call(strict, { n: 1 }, { kye: 'a' } as unknown as { key: string }),
    );

    expect(await rejectionOf(createRunner().run(root))).toBeInstanceOf(InvalidInputError);
  });
});

describe('the options of a call', () => {
  test('a key changes nothing of the result', async () => {
    const root = node('root', (_: unknown, ctx) =>
      Promise.all([ctx.call(add, { a: 1 }, { key: 'x' }), ctx.call(add, { a: 2 }, { key: 'y' })]),
    );

    expect((await createRunner().run(root)).answer).toEqual([2, 3]);
  });

  test('a context is a scope of the callee and of everything below it', async () => {
    const reads = node('reads', (_: unknown, ctx) => ctx.context.get('user'));
    const mid = node('mid', async (_: unknown, ctx) => ctx.call(reads));
    const root = node('root', async (_: unknown, ctx) => [
      await ctx.call(mid, undefined, { context: { user: 'Bob' } }),
      await ctx.call(mid),
    ]);

    const { answer } = await createRunner({ context: { user: 'Ada' } }).run(root);

    expect(answer).toEqual(['Bob', 'Ada']);
  });

  test('a child scope reads through to what it does not hold itself', async () => {
    const reads = node('reads', (_: unknown, ctx) => ctx.context.get('shared'));
    const root = node('root', (_: unknown, ctx) => ctx.call(reads, undefined, { context: { other: 1 } }));

    const { answer } = await createRunner({ context: { shared: 'seen' } }).run(root);

    expect(answer).toBe('seen');
  });

  test('what is written in a child scope stays inside', async () => {
    const writes = node('writes', (_: unknown, ctx) => ctx.context.put('user', 'Eve'));
    const root = node('root', async (_: unknown, ctx) => {
      await ctx.call(writes, undefined, { context: { user: 'Bob' } });
      return ctx.context.get('user');
    });

    const { answer } = await createRunner({ context: { user: 'Ada' } }).run(root);

    expect(answer).toBe('Ada');
  });

  test('the context of a call is cloned', async () => {
    const seed = { list: [1] };
    const writes = node('writes', (_: unknown, ctx) => ctx.context.get<number[]>('list').push(2));
    const root = node('root', (_: unknown, ctx) => ctx.call(writes, undefined, { context: seed }));

    await createRunner().run(root);

    expect(seed).toEqual({ list: [1] });
  });
});

describe('what is recorded of a call', () => {
  test('the input after defaults', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.call(add, { a: 1 }));

    const { info } = await createRunner().run(root);

    expect(requestOf(info, 'add').input).toEqual({ a: 1, b: 1 });
  });

  test('input and output as they were at that moment', async () => {
    const made: number[] = [];
    const gate = deferred();
    const push = node('push', async (list: number[]) => {
      list.push(1);
      made.push(1);
      await gate.promise;
      return made;
    });
    const root = node('root', async (_: unknown, ctx) => {
      const result = await ctx.call(push, []);
      result.push(2);
    });
    const running = createRunner().run(root);

    gate.resolve();
    const { info } = await running;

    expect(requestOf(info, 'push')).toMatchObject({ input: [], output: [1] });
  });
});

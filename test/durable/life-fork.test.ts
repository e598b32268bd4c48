import { createRunner, graph, input, interrupt, node, type Checkpointer } from 'troupe';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { stepsOf, unendedOf } from '../support/forest.ts';
import { execute, ID, labelsOf, logIn, Notes, storeAfter, storeWith } from './call-crash.ts';

const notes = new Notes();
const keys: string[] = [];
const double = node({
  name: 'double',
  inputs: { n: input<number>() },
  output: 'twice',
  run: ({ n }, { idempotencyKey }) => {
    notes.add('double');
    keys.push(idempotencyKey);
    return n * 2;
  },
});
const add = node({
  name: 'add',
  inputs: { twice: input<number>(), more: input(1) },
  output: 'sum',
  run: ({ twice, more }, { idempotencyKey }) => {
    notes.add('add');
    keys.push(idempotencyKey);
    return twice + more;
  },
});
const sums = graph({ name: 'sums', nodes: [double, add] });

/** A store in which the workflow has completed. */
async function completed(): Promise<Checkpointer> {
  const { log } = await execute(sums, { input: { n: 1 } });
  notes.take();
  return storeWith(log, log.entries.length);
}

describe('a fork', () => {
  test('at each step gives what the original gave, and runs only what came later', async () => {
    // Steps: 0 sums and 1 double created, 2 double ended, 3 add created, 4 add ended, 5 sums ended.
    const ran = [['double', 'add'], ['double', 'add'], ['add'], ['add'], [], []];
    for (const [at, names] of ran.entries()) {
      await using runner = createRunner({ checkpointer: await completed() });

      const { outputs, info } = await runner.fork(sums, ID, { at });

      expect([at, outputs]).toEqual([at, { sum: 3 }]);
      expect([at, notes.take()]).toEqual([at, names]);
      expect(unendedOf(info)).toEqual([]);
      expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
      expect(info.requests.size).toBe(3);
    }
  });

  test('without a step begins after the last one', async () => {
    await using runner = createRunner({ checkpointer: await completed() });

    const { status, outputs } = await runner.fork(sums, ID);

    expect([status, outputs]).toEqual(['completed', { sum: 3 }]);
    expect(notes.take()).toEqual([]);
  });

  test('with an input begins anew with that', async () => {
    await using runner = createRunner({ checkpointer: await completed() });

    const { outputs } = await runner.fork(sums, ID, { input: { n: 5 } });

    expect(outputs).toEqual({ sum: 11 });
    expect(notes.take()).toEqual(['double', 'add']);
  });

  test('with an input keeps those of the original that it does not name', async () => {
    const { log } = await execute(sums, { input: { n: 1, more: 100 } });
    await using runner = createRunner({ checkpointer: await storeWith(log, log.entries.length) });

    const { outputs } = await runner.fork(sums, ID, { input: { n: 5 } });

    expect(outputs).toEqual({ sum: 110 });
  });

  test('with an input at a step gives that to what has not run', async () => {
    await using runner = createRunner({ checkpointer: await completed() });

    const { outputs } = await runner.fork(sums, ID, { at: 2, input: { n: 1_000, more: 7 } });

    expect(outputs).toEqual({ sum: 9 });
    expect(notes.take()).toEqual(['add']);
  });

  test('with the input of a target of one argument takes that whole', async () => {
    const echo = node('echo', async (value: unknown) => value);
    const { log } = await execute(echo, { input: { a: 1 } });
    await using runner = createRunner({ checkpointer: await storeWith(log, log.entries.length) });

    const { answer } = await runner.fork(echo, ID, { input: 'other' });

    expect(answer).toBe('other');
  });

  test('checks its input', async () => {
    const store = await completed();
    await using runner = createRunner({ checkpointer: store });

    const error = await rejectionOf(
      runner.fork(sums, ID, { input: { m: 5 } as unknown as { n: number }, workflowId: 'fork' }),
    );

    expect(error).toMatchObject({ code: 'UNKNOWN_INPUT' });
    expect(await store.get('fork')).toBeUndefined();
  });

  test('records where it began', async () => {
    const store = await completed();
    await using runner = createRunner({ checkpointer: store });

    await runner.fork(sums, ID, { at: 2, workflowId: 'fork' });

    expect(await store.get('fork')).toMatchObject({
      workflowId: 'fork',
      status: 'completed',
      forkedFrom: { workflowId: ID, step: 2 },
    });
    expect((await store.get(ID))?.forkedFrom).toBeUndefined();
  });

  test('has a run id and idempotency keys of its own', async () => {
    keys.length = 0;
    const store = await completed();
    const original = (await store.get(ID))?.runId;
    const before = new Set(keys.splice(0));
    await using runner = createRunner({ checkpointer: store });

    const { runId, info } = await runner.fork(sums, ID, { at: 0, workflowId: 'fork' });

    expect(runId).not.toBe(original);
    expect(info.runId).toBe(runId);
    expect(keys).toHaveLength(2);
    expect(keys.filter((key) => before.has(key))).toEqual([]);
  });

  test('leaves the original as it was', async () => {
    const store = await completed();
    const [log, record] = [await logIn(store), await store.get(ID)];
    await using runner = createRunner({ checkpointer: store });

    await runner.fork(sums, ID, { at: 2, input: { more: 7 } });

    expect(await logIn(store)).toEqual(log);
    expect(await store.get(ID)).toEqual(record);
  });

  test('gets an id of its own where none is given', async () => {
    const store = await completed();
    await using runner = createRunner({ checkpointer: store });

    const [one, two] = [await runner.fork(sums, ID), await runner.fork(sums, ID)];

    expect(new Set([one.workflowId, two.workflowId, ID]).size).toBe(3);
    expect(new Set((await store.list()).map(({ workflowId }) => workflowId))).toEqual(
      new Set([ID, one.workflowId, two.workflowId]),
    );
  });

  test('refuses an id that there is, and leaves that as it was', async () => {
    const store = await completed();
    await using runner = createRunner({ checkpointer: store });
    await runner.run(sums, { n: 9 }, { workflowId: 'taken' });
    const before = await logIn(store, 'taken');

    for (const workflowId of ['taken', ID])
      expect(await rejectionOf(runner.fork(sums, ID, { workflowId }))).toMatchObject({ code: 'CONFLICT' });
    expect(await logIn(store, 'taken')).toEqual(before);
  });

  test.each([-1, 0.5, 6, 1_000, Number.NaN, '2'])('refuses step %j', async (at) => {
    const store = await completed();
    await using runner = createRunner({ checkpointer: store });

    const error = await rejectionOf(runner.fork(sums, ID, { at: at as number, workflowId: 'fork' }));

    expect(error).toMatchObject({ code: 'INVALID_INPUT', hint: expect.stringMatching(/./) as string });
    expect(await store.get('fork')).toBeUndefined();
    expect(notes.take()).toEqual([]);
  });

  test('of an unknown workflow is refused', async () => {
    await using runner = createRunner({ checkpointer: memoryCheckpointer() });

    expect(await rejectionOf(runner.fork(sums, 'nothing'))).toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
  });

  test('of another structure is refused, unless it begins anew', async () => {
    await using runner = createRunner({ checkpointer: await completed() });
    const other = graph({ name: 'sums', nodes: [double] });

    expect(await rejectionOf(runner.fork(other, ID, { at: 2 }))).toMatchObject({ code: 'GRAPH_CHANGED' });
    expect((await runner.fork(other, ID, { input: { n: 4 } })).outputs).toEqual({ twice: 8 });
  });

  test('goes on with a body that was changed', async () => {
    await using runner = createRunner({ checkpointer: await completed() });
    const mended = node({
      name: 'add',
      inputs: { twice: input<number>(), more: input(1) },
      output: 'sum',
      run: ({ twice, more }) => twice * 100 + more,
    });

    const { outputs } = await runner.fork(graph({ name: 'sums', nodes: [double, mended] }), ID, { at: 2 });

    expect(outputs).toEqual({ sum: 201 });
  });
});

describe('a fork of a workflow', () => {
  let isBroken = true;
  const breaks = node('breaks', async (n: number) => {
    notes.add('breaks');
    if (isBroken) throw new RangeError('broken');
    return n;
  });
  const handles = node('handles', async (n: number) => {
    notes.add('handles');
    return n + 1;
  });
  const root = node('root', async (n: number, ctx) => {
    const first = await ctx.call(handles, n);
    return ctx.call(breaks, first);
  });

  test('that failed runs again what failed, and leaves the failure with the original', async () => {
    isBroken = true;
    const { log } = await execute(root, { input: 1 });
    const store = await storeWith(log, log.entries.length);
    isBroken = false;
    notes.take();
    await using runner = createRunner({ checkpointer: store });

    const { answer, info } = await runner.fork(root, ID, { workflowId: 'fork' });

    expect(answer).toBe(2);
    expect(notes.take()).toEqual(['breaks']);
    expect((await store.get(ID))?.status).not.toBe('completed');
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('that is paused asks what the original asks, and both go on by themselves', async () => {
    const ask = interrupt({
      name: 'ask',
      inputs: { twice: input<number>() },
      response: 'said',
      run: () => '?',
    });
    const asking = graph({ name: 'asking', nodes: [double, ask] });
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    await runner.run(asking, { n: 1 }, { workflowId: ID });
    notes.take();

    const fork = await runner.fork(asking, ID, { workflowId: 'fork' });
    const theirs = await runner.respond('fork', 'said', 'no');
    const ours = await runner.respond(ID, 'said', 'yes');

    expect(fork).toMatchObject({ status: 'paused', pauses: [{ key: 'said' }] });
    expect([theirs.outputs, ours.outputs]).toMatchObject([{ said: 'no' }, { said: 'yes' }]);
    expect(notes.take()).toEqual([]);
  });

  test('before a question was asked asks it again', async () => {
    const asks = node('asks', async (_: unknown, ctx) => {
      const n = await ctx.call(handles, 1);
      return [n, await ctx.interrupt<string>('Go?', { key: 'go' })];
    });
    const { log } = await execute(asks, { responses: { go: 'yes' } });
    await using runner = createRunner({ checkpointer: await storeWith(log, log.entries.length) });

    const { status } = await runner.fork(asks, ID, { at: 1, workflowId: 'fork' });
    const { answer } = await runner.respond('fork', 'go', 'no');

    expect(status).toBe('paused');
    expect(answer).toEqual([2, 'no']);
  });

  test('after a question was answered keeps the answer', async () => {
    const asks = node('asks', async (_: unknown, ctx) => {
      const said = await ctx.interrupt<string>('Go?', { key: 'go' });
      return [said, await ctx.call(handles, 1)];
    });
    const { log } = await execute(asks, { responses: { go: 'yes' } });
    await using runner = createRunner({ checkpointer: await storeWith(log, log.entries.length) });

    const { answer } = await runner.fork(asks, ID, { at: 1 });

    expect(answer).toEqual(['yes', 2]);
  });

  test('that was cancelled may go on', async () => {
    let hangs = true;
    const hanging = node('hanging', () => {
      notes.add('hanging');
      return hangs ? new Promise<string>(() => undefined) : 'worked';
    });
    const both = node('both', async (_: unknown, ctx) => [
      await ctx.call(handles, 1),
      await ctx.call(hanging),
    ]);
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    const handle = runner.iter(both, undefined, { workflowId: ID, onFailure: 'return' });
    for await (const event of handle)
      if (event.type === 'NodeStart' && event.nodeName === 'hanging') handle.cancel('enough');
    hangs = false;
    notes.take();

    const { answer } = await runner.fork(both, ID);

    expect(answer).toEqual([2, 'worked']);
    expect(notes.take()).toEqual(['hanging']);
    expect((await store.get(ID))?.status).toBe('cancelled');
  });

  test('that is unfinished runs what was in flight', async () => {
    isBroken = false;
    const { log } = await execute(root, { input: 1 });
    const store = await storeAfter(log, 'NodeStart breaks');
    notes.take();
    await using runner = createRunner({ checkpointer: store });

    const { answer } = await runner.fork(root, ID, { workflowId: 'fork' });

    expect(answer).toBe(2);
    expect(notes.take()).toEqual(['breaks']);
    expect((await store.get(ID))?.status).toBe('abandoned');
  });

  test('that runs leaves it running', async () => {
    const releases: ((value: string) => void)[] = [];
    const waits = node('waits', () => new Promise<string>((resolve) => void releases.push(resolve)));
    const both = node('both', async (n: number, ctx) => [await ctx.call(handles, n), await ctx.call(waits)]);
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    const handle = runner.iter(both, 1, { workflowId: ID });
    for await (const event of handle) if (event.type === 'NodeStart' && event.nodeName === 'waits') break;

    const forked = runner.fork(both, ID, { at: 2, workflowId: 'fork' });
    while (releases.length < 2) await new Promise((resolve) => setImmediate(resolve));
    releases[1]?.('forked');
    const fork = await forked;
    releases[0]?.('original');

    expect(fork.answer).toEqual([2, 'forked']);
    expect((await handle.result).answer).toEqual([2, 'original']);
  });

  test('that is a fork itself records the nearest', async () => {
    const store = await completed();
    await using runner = createRunner({ checkpointer: store });
    await runner.fork(sums, ID, { at: 2, workflowId: 'one' });

    await runner.fork(sums, 'one', { at: 3, workflowId: 'two' });

    expect((await store.get('two'))?.forkedFrom).toEqual({ workflowId: 'one', step: 3 });
  });

  test('may be resumed after a crash like any other', async () => {
    const store = await completed();
    await using runner = createRunner({ checkpointer: store });
    await runner.fork(sums, ID, { at: 2, input: { more: 5 }, workflowId: 'fork' });
    const log = await logIn(store, 'fork');
    const begun = labelsOf(log).indexOf('RunContinue') + 1;
    notes.take();

    await using other = createRunner({ checkpointer: await storeWith(log, begun, 'fork') });
    const { outputs } = await other.resume(sums, 'fork');

    expect(outputs).toEqual({ sum: 7 });
    expect(notes.take()).toEqual(['add']);
  });

  test('begun with the inputs of the fork is the same to a run that names those', async () => {
    const { log } = await execute(sums, { input: { n: 1 } });
    const store = await storeWith(log, log.entries.length);
    await using runner = createRunner({ checkpointer: store });
    await runner.fork(sums, ID, { at: 2, input: { more: 5 }, workflowId: 'fork' });
    const forked = await logIn(store, 'fork');
    await using other = createRunner({
      checkpointer: await storeWith(forked, labelsOf(forked).indexOf('RunContinue') + 1, 'fork'),
    });

    const error = await rejectionOf(other.run(sums, { n: 1 }, { workflowId: 'fork' }));
    const { outputs } = await other.run(sums, { n: 1, more: 5 }, { workflowId: 'fork' });

    expect(error).toMatchObject({ code: 'INPUT_OVERRIDE_REQUIRES_FORK' });
    expect(outputs).toEqual({ sum: 7 });
  });
});

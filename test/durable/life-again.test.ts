import { createRunner, graph, input, interrupt, node } from 'troupe';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { execute, ID, logIn, Notes, storeAfter, storeWith } from './call-crash.ts';

const notes = new Notes();
const double = node({
  name: 'double',
  inputs: { n: input<number>() },
  output: 'twice',
  run: ({ n }) => {
    notes.add('double');
    return n * 2;
  },
});
const add = node({
  name: 'add',
  inputs: { twice: input<number>(), more: input(1) },
  output: 'sum',
  run: ({ twice, more }) => {
    notes.add('add');
    return twice + more;
  },
});
const sums = graph({ name: 'sums', nodes: [double, add] });

/** The store of a workflow that crashed when half of it had run. */
async function halfDone() {
  const whole = await execute(sums, { input: { n: 1 } });
  const store = await storeAfter(whole.log, 'RequestSuccess double');
  notes.take();
  return store;
}

describe('a new id', () => {
  test('begins a workflow, whose record tells what it is', async () => {
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });

    const result = await runner.run(sums, { n: 1 }, { workflowId: ID });

    expect(result).toMatchObject({ status: 'completed', outputs: { sum: 3 }, workflowId: ID });
    const record = await store.get(ID);
    expect(record).toMatchObject({
      workflowId: ID,
      status: 'completed',
      target: 'sums',
      runId: result.runId,
    });
    expect(record?.updatedAt).toBeGreaterThanOrEqual(record?.createdAt ?? Number.NaN);
  });

  test('cannot be resumed or retried', async () => {
    await using runner = createRunner({ checkpointer: memoryCheckpointer() });

    expect(await rejectionOf(runner.resume(sums, ID))).toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
    expect(await rejectionOf(runner.retry(sums, ID))).toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
  });

  test('is not taken by what was refused', async () => {
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });

    const error = await rejectionOf(runner.run(sums, {} as { n: number }, { workflowId: ID }));

    expect(error).toMatchObject({ code: 'MISSING_INPUT' });
    expect(await store.get(ID)).toBeUndefined();
    expect((await runner.run(sums, { n: 1 }, { workflowId: ID })).outputs).toEqual({ sum: 3 });
  });

  test('is not taken by a resume of nothing', async () => {
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    await rejectionOf(runner.resume(sums, ID));

    expect(await store.list()).toEqual([]);
    expect((await runner.run(sums, { n: 1 }, { workflowId: ID })).outputs).toEqual({ sum: 3 });
  });
});

describe('the id of an unfinished workflow', () => {
  test('continues it by run', async () => {
    const { result } = await execute(sums, { store: await halfDone(), input: { n: 1 } });

    expect(result.outputs).toEqual({ sum: 3 });
    expect(notes.take()).toEqual(['add']);
  });

  test.each([
    ['none at all', undefined],
    ['an empty one', {}],
  ])('continues it with the recorded input when there is %s', async (_what, given) => {
    const { result } = await execute(sums, { store: await halfDone(), input: given });

    expect(result.outputs).toEqual({ sum: 3 });
    expect(notes.take()).toEqual(['add']);
  });

  test('keeps its run id, its time of creation, and its target', async () => {
    const store = await halfDone();
    const before = await store.get(ID);

    await execute(sums, { store });

    const { runId, createdAt, target } = (await store.get(ID)) ?? {};
    expect({ runId, createdAt, target }).toEqual({
      runId: before?.runId,
      createdAt: before?.createdAt,
      target: before?.target,
    });
  });

  test('is refused with another input, and told to be forked', async () => {
    await using runner = createRunner({ checkpointer: await halfDone() });

    const error = await rejectionOf(runner.run(sums, { n: 2 }, { workflowId: ID }));

    expect(error).toMatchObject({
      code: 'INPUT_OVERRIDE_REQUIRES_FORK',
      hint: expect.stringContaining('fork') as string,
    });
    expect(notes.take()).toEqual([]);
  });

  test('stays as it was, and free, after another input was refused', async () => {
    const store = await halfDone();
    const before = await logIn(store);
    await using runner = createRunner({ checkpointer: store });
    await rejectionOf(runner.run(sums, { n: 2 }, { workflowId: ID }));

    expect((await logIn(store)).entries).toEqual(before.entries);
    expect((await runner.run(sums, { n: 1 }, { workflowId: ID })).outputs).toEqual({ sum: 3 });
  });

  test.each([
    ['more of it', { n: 1, more: 5 }],
    ['a default said aloud, as it was not', { n: 1, more: 2 }],
    ['a value of another type', { n: '1' }],
  ])('is refused with %s', async (_what, given) => {
    await using runner = createRunner({ checkpointer: await halfDone() });

    const error = await rejectionOf(runner.run(sums, given as { n: number }, { workflowId: ID }));

    expect(error).toMatchObject({ code: 'INPUT_OVERRIDE_REQUIRES_FORK' });
  });
});

describe('inputs are compared by what they hold', () => {
  const keep = node({ name: 'keep', inputs: { value: input<unknown>() }, run: ({ value }) => value });

  /** The error of a workflow that began with one value and goes on with another; undefined where it goes on. */
  async function comparedTo(recorded: unknown, given: unknown): Promise<unknown> {
    const whole = await execute(keep, { input: { value: recorded } });
    await using runner = createRunner({ checkpointer: await storeAfter(whole.log, 'NodeStart keep') });
    return await runner.run(keep, { value: given }, { workflowId: ID }).then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  test.each([
    [
      { a: [1, { b: 2 }], c: undefined },
      { c: undefined, a: [1, { b: 2 }] },
    ],
    [new Date(5), new Date(5)],
    [new Map([['a', new Set([1])]]), new Map([['a', new Set([1])]])],
    [Number.NaN, Number.NaN],
    [10n, 10n],
    [/a/u, /a/u],
    [new URL('https://example.org/'), new URL('https://example.org')],
    [new Uint8Array([1, 2]), new Uint8Array([1, 2])],
    [new RangeError('same'), undefined],
  ])('%o is the same as its copy', async (recorded, given) => {
    expect(await comparedTo(recorded, given ?? recorded)).toBeUndefined();
  });

  test.each([
    [{ a: [1, 2] }, { a: [2, 1] }],
    [new Date(5), new Date(6)],
    [new Set([1]), new Set([2])],
    [1, '1'],
    [1, 1n],
    [0, -0],
    [null, undefined],
    [{ a: 1 }, { a: 1, b: undefined }],
    [[1], { 0: 1 }],
  ])('%o is not %o', async (recorded, given) => {
    expect(await comparedTo(recorded, given)).toMatchObject({ code: 'INPUT_OVERRIDE_REQUIRES_FORK' });
  });

  test('also where a target takes one argument', async () => {
    const echo = node('echo', async (value: unknown) => value);
    const whole = await execute(echo, { input: 'said' });
    const store = await storeAfter(whole.log, 'NodeStart echo');
    await using runner = createRunner({ checkpointer: store });

    const error = await rejectionOf(runner.run(echo, 'unsaid', { workflowId: ID }));

    expect(error).toMatchObject({ code: 'INPUT_OVERRIDE_REQUIRES_FORK' });
    expect((await runner.run(echo, 'said', { workflowId: ID })).answer).toBe('said');
  });

  test('an object that the caller changed since is not the one that was recorded', async () => {
    const list = [1];
    const whole = await execute(keep, { input: { value: list } });
    list.push(2);
    await using runner = createRunner({ checkpointer: await storeAfter(whole.log, 'NodeStart keep') });

    const error = await rejectionOf(runner.run(keep, { value: list }, { workflowId: ID }));

    expect(error).toMatchObject({ code: 'INPUT_OVERRIDE_REQUIRES_FORK' });
  });
});

describe('answers among the inputs', () => {
  const ask = interrupt({
    name: 'ask',
    inputs: { twice: input<number>() },
    response: 'said',
    run: ({ twice }) => `${twice}?`,
  });
  const asking = graph({ name: 'asking', nodes: [double, ask] });

  test('are no inputs, so that a workflow may go on with one more', async () => {
    const whole = await execute(asking, { input: { n: 1 } });
    const store = await storeWith(whole.log, whole.log.entries.length);

    const { result } = await execute(asking, { store, input: { n: 1, said: 'yes' } });

    expect(whole.result.status).toBe('paused');
    expect(result.outputs).toMatchObject({ said: 'yes' });
  });

  test('may be all that is given', async () => {
    const whole = await execute(asking, { input: { n: 1 } });
    const store = await storeWith(whole.log, whole.log.entries.length);

    const { result } = await execute(asking, { store, input: { said: 'yes' } });

    expect(result.outputs).toMatchObject({ said: 'yes' });
  });

  test('may be left out, where they were given in the beginning', async () => {
    const whole = await execute(asking, { input: { n: 1, said: 'yes' } });
    const store = await storeAfter(whole.log, 'RequestSuccess double');

    const { result } = await execute(asking, { store, input: { n: 1 } });

    expect(result.outputs).toMatchObject({ said: 'yes' });
  });

  test('answer nothing a second time', async () => {
    const whole = await execute(asking, { input: { n: 1, said: 'yes' } });
    const store = await storeAfter(whole.log, 'RequestSuccess double');

    const { result } = await execute(asking, { store, input: { n: 1, said: 'no' } });

    expect(result.outputs).toMatchObject({ said: 'yes' });
  });
});

describe('the id of a workflow that has', () => {
  test('completed is finished, whatever the inputs', async () => {
    const { log } = await execute(sums, { input: { n: 1 } });
    await using runner = createRunner({ checkpointer: await storeWith(log, log.entries.length) });
    const ways = [
      () => runner.run(sums, { n: 1 }, { workflowId: ID }),
      () => runner.run(sums, { n: 2 }, { workflowId: ID }),
      () => runner.run(sums, {} as { n: number }, { workflowId: ID }),
      () => runner.resume(sums, ID),
      () => runner.retry(sums, ID),
    ];
    for (const way of ways)
      expect(await rejectionOf(way())).toMatchObject({
        code: 'WORKFLOW_ALREADY_COMPLETED',
        hint: expect.stringContaining('fork') as string,
      });
  });

  test('completed is finished for all who ask at once', async () => {
    const { log } = await execute(sums, { input: { n: 1 } });
    const store = await storeWith(log, log.entries.length);
    await using runner = createRunner({ checkpointer: store });
    await using other = createRunner({ checkpointer: store });

    const errors = await Promise.all([
      rejectionOf(runner.run(sums, { n: 1 }, { workflowId: ID })),
      rejectionOf(runner.resume(sums, ID)),
      rejectionOf(other.run(sums, { n: 1 }, { workflowId: ID })),
    ]);

    expect(errors.map((error) => (error as { code: unknown }).code)).toEqual(
      Array.from({ length: 3 }, () => 'WORKFLOW_ALREADY_COMPLETED'),
    );
  });

  test('been cancelled is finished too', async () => {
    const hangs = node('hangs', (_: unknown, { signal }) => {
      notes.add('hangs');
      return new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    const handle = runner.iter(hangs, undefined, { workflowId: ID, onFailure: 'return' });
    for await (const { type } of handle) if (type === 'NodeStart') handle.cancel('enough');
    notes.take();

    for (const way of [
      () => runner.run(hangs, undefined, { workflowId: ID }),
      () => runner.resume(hangs, ID),
      () => runner.retry(hangs, ID),
    ])
      expect(await rejectionOf(way())).toMatchObject({ code: 'WORKFLOW_ALREADY_COMPLETED' });
    expect((await store.get(ID))?.status).toBe('cancelled');
    expect(notes.take()).toEqual([]);
  });

  test.each(['run', 'resume', 'retry'] as const)('failed goes on by %s, with what failed', async (way) => {
    let isBroken = true;
    const breaks = node({
      name: 'breaks',
      inputs: { twice: input<number>() },
      output: 'end',
      run: ({ twice }) => {
        notes.add('breaks');
        if (isBroken) throw new RangeError('broken');
        return twice;
      },
    });
    const broken = graph({ name: 'broken', nodes: [double, breaks] });
    const { result, log } = await execute(broken, { input: { n: 1 } });
    notes.take();
    isBroken = false;

    const store = await storeWith(log, log.entries.length);
    const again = await execute(broken, { way, store });

    expect(result.status).toBe('failed');
    expect(again.result).toMatchObject({ status: 'completed', outputs: { end: 2 } });
    expect(notes.take()).toEqual(['breaks']);
    expect((await store.get(ID))?.status).toBe('completed');
  });

  test('failed fails again, and may be tried as often as one likes', async () => {
    let left = 3;
    const stubborn = node('stubborn', async () => {
      left -= 1;
      if (left > 0) throw new Error(`${left} left`);
      return 'done';
    });
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    const seen: unknown[] = [];
    seen.push(await rejectionOf(runner.run(stubborn, undefined, { workflowId: ID })));
    seen.push(await rejectionOf(runner.resume(stubborn, ID)));

    const { answer } = await runner.retry(stubborn, ID);

    expect(seen).toMatchObject([{ message: '2 left' }, { message: '1 left' }]);
    expect(answer).toBe('done');
    expect((await store.history(ID)).filter(({ type }) => type === 'RunContinue')).toHaveLength(2);
  });
});

describe('an id', () => {
  test.each(['', 5, null])('%j is refused at once', async (id) => {
    await using runner = createRunner({ checkpointer: memoryCheckpointer() });
    const workflowId = id as string;

    expect(await rejectionOf(runner.resume(sums, workflowId))).toMatchObject({ code: 'INVALID_INPUT' });
    expect(await rejectionOf(runner.retry(sums, workflowId))).toMatchObject({ code: 'INVALID_INPUT' });
    expect(await rejectionOf(runner.fork(sums, workflowId))).toMatchObject({ code: 'INVALID_INPUT' });
  });

  test.each(['a/b', '../../x', 'ünï cødé 🎭', ' ', '__proto__', "'; drop table --", 'x'.repeat(2_000)])(
    'may be any text: %j',
    async (workflowId) => {
      const store = memoryCheckpointer();
      await using runner = createRunner({ checkpointer: store });

      await runner.run(sums, { n: 1 }, { workflowId });

      expect((await store.get(workflowId))?.status).toBe('completed');
    },
  );
});

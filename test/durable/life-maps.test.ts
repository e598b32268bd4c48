import { createRunner, graph, input, interrupt, node, type Checkpointer, type Runner } from 'troupe';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { describe, expect, onTestFinished, test } from 'vitest';
import { never, rejectionOf } from '../support/deferred.ts';
import { ID, Notes, turns } from './call-crash.ts';

const notes = new Notes();
const broken = new Set<number>();
const hanging = new Set<number>();
const square = node({
  name: 'square',
  inputs: { n: input<number>(), more: input(0) },
  output: 'sq',
  run: async ({ n, more }) => {
    notes.add(`square ${n}`);
    if (hanging.has(n)) await never();
    if (broken.has(n)) throw new RangeError(`broken ${n}`);
    return n * n + more;
  },
});

function openRunner(checkpointer: Checkpointer): Runner {
  const runner = createRunner({ checkpointer });
  onTestFinished(() => runner.close({ drain: false }));
  return runner;
}

/** The bodies that ran, whatever their order. */
const ran = (): string[] => notes.take().toSorted();

/** A map whose process dies while some of its items work. */
async function crashed(n: readonly number[], stuck: readonly number[]): Promise<Checkpointer> {
  const store = memoryCheckpointer();
  const runner = openRunner(store);
  for (const each of stuck) hanging.add(each);
  const mapping = runner.map(square, { n }, { over: 'n', workflowId: ID, onFailure: 'return' });
  const isDone = async (): Promise<boolean> =>
    (await store.list({ status: 'completed' })).length === n.length - stuck.length;
  while (!(await isDone()) || (await store.list()).length < n.length) await turns(1);
  await runner.close({ drain: false });
  await mapping;
  hanging.clear();
  notes.take();
  return store;
}

describe('a durable map', () => {
  test('keeps each item as a workflow of its own', async () => {
    const store = memoryCheckpointer();
    const runner = openRunner(store);

    const result = await runner.map(square, { n: [1, 2, 3] }, { over: 'n', workflowId: ID });

    const records = await store.list();
    expect(result.column('sq')).toEqual([1, 4, 9]);
    expect(records.map(({ status, target }) => [status, target])).toEqual([
      ['completed', 'square'],
      ['completed', 'square'],
      ['completed', 'square'],
    ]);
    expect(new Set(records.map(({ workflowId }) => workflowId)).size).toBe(3);
    expect(records.map(({ runId }) => runId).toSorted()).toEqual(result.map(({ runId }) => runId).toSorted());
  });

  test('names the workflow of each item in its result', async () => {
    const store = memoryCheckpointer();

    const result = await openRunner(store).map(square, { n: [1, 2] }, { over: 'n', workflowId: ID });

    for (const { workflowId, runId } of result)
      expect(await store.get(workflowId ?? '')).toMatchObject({ runId, status: 'completed' });
  });

  test('that has completed gives its results again, and runs nothing', async () => {
    const store = memoryCheckpointer();
    const runner = openRunner(store);
    const first = await runner.map(square, { n: [1, 2, 3] }, { over: 'n', workflowId: ID });
    ran();

    const again = await openRunner(store).map(square, { n: [1, 2, 3] }, { over: 'n', workflowId: ID });

    expect(again.status).toBe('completed');
    expect(again.column('sq')).toEqual([1, 4, 9]);
    expect(again.map(({ runId }) => runId)).toEqual(first.map(({ runId }) => runId));
    expect(again[0]?.info.toJSON().requests).toEqual(first[0]?.info.toJSON().requests);
    expect(ran()).toEqual([]);
  });

  test('goes on after a crash with what had not ended', async () => {
    const store = await crashed([1, 2, 3, 4], [2, 4]);

    const result = await openRunner(store).map(square, { n: [1, 2, 3, 4] }, { over: 'n', workflowId: ID });

    expect(result.column('sq')).toEqual([1, 4, 9, 16]);
    expect(ran()).toEqual(['square 2', 'square 4']);
  });

  test('knows its items again in another order', async () => {
    const store = await crashed([1, 2, 3, 4], [2, 4]);

    const result = await openRunner(store).map(square, { n: [4, 3, 2, 1] }, { over: 'n', workflowId: ID });

    expect(result.column('sq')).toEqual([16, 9, 4, 1]);
    expect(ran()).toEqual(['square 2', 'square 4']);
  });

  test('runs only what is new where there are more items', async () => {
    const store = memoryCheckpointer();
    await openRunner(store).map(square, { n: [1, 2] }, { over: 'n', workflowId: ID });
    ran();

    const result = await openRunner(store).map(square, { n: [9, 1, 2, 8] }, { over: 'n', workflowId: ID });

    expect(result.column('sq')).toEqual([81, 1, 4, 64]);
    expect(ran()).toEqual(['square 8', 'square 9']);
  });

  test('may have fewer items', async () => {
    const store = memoryCheckpointer();
    await openRunner(store).map(square, { n: [1, 2, 3] }, { over: 'n', workflowId: ID });
    ran();

    const result = await openRunner(store).map(square, { n: [3] }, { over: 'n', workflowId: ID });

    expect(result.column('sq')).toEqual([9]);
    expect(ran()).toEqual([]);
  });

  test('runs equal items each by itself, as often as there are', async () => {
    const store = memoryCheckpointer();
    const first = await openRunner(store).map(square, { n: [2, 2, 2] }, { over: 'n', workflowId: ID });
    const before = ran();

    const again = await openRunner(store).map(square, { n: [2, 2, 2, 2] }, { over: 'n', workflowId: ID });

    expect(first.column('sq')).toEqual([4, 4, 4]);
    expect(before).toHaveLength(3);
    expect(again.column('sq')).toEqual([4, 4, 4, 4]);
    expect(ran()).toEqual(['square 2']);
    expect(await store.list()).toHaveLength(4);
  });

  test('tells items apart by all of their input, what is broadcast included', async () => {
    const store = memoryCheckpointer();
    await openRunner(store).map(square, { n: [1, 2], more: 5 }, { over: 'n', workflowId: ID });
    ran();

    const result = await openRunner(store).map(square, { n: [1, 2], more: 6 }, { over: 'n', workflowId: ID });

    expect(result.column('sq')).toEqual([7, 10]);
    expect(ran()).toEqual(['square 1', 'square 2']);
  });

  test('knows items of any storable value again', async () => {
    const echo = node({
      name: 'echo',
      inputs: { value: input<unknown>() },
      output: 'same',
      run: ({ value }) => {
        notes.add('echo');
        return value;
      },
    });
    const value = [
      new Date(5),
      new Map([['a', 1n]]),
      { b: 1, a: undefined },
      Number.NaN,
      null,
      'text',
      -0,
      0,
    ];
    const store = memoryCheckpointer();
    await openRunner(store).map(echo, { value }, { over: 'value', workflowId: ID });
    const before = ran();

    const again = await openRunner(store).map(echo, { value }, { over: 'value', workflowId: ID });

    expect(before).toHaveLength(value.length);
    expect(again.column('same')).toStrictEqual(value);
    expect(ran()).toEqual([]);
  });

  test('of another id has items of its own', async () => {
    const store = memoryCheckpointer();
    const runner = openRunner(store);
    await runner.map(square, { n: [1] }, { over: 'n', workflowId: 'one' });
    ran();

    await runner.map(square, { n: [1] }, { over: 'n', workflowId: 'two' });

    expect(ran()).toEqual(['square 1']);
  });

  test('over nothing is nothing', async () => {
    const store = memoryCheckpointer();

    const result = await openRunner(store).map(square, { n: [] }, { over: 'n', workflowId: ID });

    expect([result.status, result.length, (await store.list()).length]).toEqual(['completed', 0, 0]);
  });
});

describe('a durable map with failures', () => {
  test("under 'stop' runs again what failed, and what was stopped or not begun", async () => {
    const store = memoryCheckpointer();
    broken.add(3);
    const error = await rejectionOf(
      openRunner(store).map(square, { n: [1, 2, 3, 4] }, { over: 'n', workflowId: ID, maxConcurrency: 1 }),
    );
    const before = ran();
    broken.clear();

    const result = await openRunner(store).map(
      square,
      { n: [1, 2, 3, 4] },
      { over: 'n', workflowId: ID, maxConcurrency: 1 },
    );

    expect(error).toMatchObject({ message: 'broken 3' });
    expect(before).toEqual(['square 1', 'square 2', 'square 3']);
    expect(result.column('sq')).toEqual([1, 4, 9, 16]);
    expect(ran()).toEqual(['square 3', 'square 4']);
  });

  test("under 'stop' runs again items that were working when it was stopped", async () => {
    const store = memoryCheckpointer();
    broken.add(3);
    hanging.add(1);
    await rejectionOf(openRunner(store).map(square, { n: [1, 2, 3] }, { over: 'n', workflowId: ID }));
    broken.clear();
    hanging.clear();
    ran();

    const result = await openRunner(store).map(square, { n: [1, 2, 3] }, { over: 'n', workflowId: ID });

    expect(result.status).toBe('completed');
    expect(result.column('sq')).toEqual([1, 4, 9]);
    expect(ran()).toContain('square 1');
    expect(ran()).toEqual([]);
  });

  test("under 'continue' runs again only what failed", async () => {
    const store = memoryCheckpointer();
    broken.add(2).add(3);
    const first = await openRunner(store).map(
      square,
      { n: [1, 2, 3, 4] },
      { over: 'n', workflowId: ID, onError: 'continue', onFailure: 'return' },
    );
    broken.delete(3);
    ran();

    const again = await openRunner(store).map(
      square,
      { n: [1, 2, 3, 4] },
      { over: 'n', workflowId: ID, onError: 'continue', onFailure: 'return' },
    );

    expect(first.failures.map(({ index }) => index)).toEqual([1, 2]);
    expect(again.status).toBe('partial');
    expect(again.column('sq')).toEqual([1, undefined, 9, 16]);
    expect(ran()).toEqual(['square 2', 'square 3']);
    broken.clear();
  });

  test('goes on inside of an item that failed', async () => {
    let isBroken = true;
    const steps = node({
      name: 'steps',
      inputs: { n: input<number>() },
      run: async ({ n }, ctx) => {
        const first = await ctx.call(square, { n });
        notes.add(`step ${n}`);
        if (isBroken && n === 2) throw new Error('broken');
        return first;
      },
    });
    const store = memoryCheckpointer();
    await openRunner(store).map(steps, { n: [1, 2] }, { over: 'n', workflowId: ID, onError: 'continue' });
    isBroken = false;
    ran();

    const result = await openRunner(store).map(steps, { n: [1, 2] }, { over: 'n', workflowId: ID });

    expect(result.map(({ answer }) => answer)).toEqual([1, 4]);
    expect(ran()).toEqual(['step 2']);
  });

  test('refuses items that cannot be stored, each by itself', async () => {
    const store = memoryCheckpointer();
    const echo = node({ name: 'echo', inputs: { value: input<unknown>() }, run: () => 1 });

    const error = await rejectionOf(
      openRunner(store).map(echo, { value: [() => 1] }, { over: 'value', workflowId: ID }),
    );

    expect(error).toMatchObject({ code: 'CHECKPOINT', hint: expect.stringMatching(/./) as string });
    expect(await store.list()).toEqual([]);
  });

  test('that another process works at is refused, item by item', async () => {
    const store = memoryCheckpointer();
    hanging.add(1);
    const mapping = openRunner(store).map(
      square,
      { n: [1] },
      { over: 'n', workflowId: ID, onFailure: 'return' },
    );
    while ((await store.list()).length === 0) await turns(1);

    const error = await rejectionOf(openRunner(store).map(square, { n: [1] }, { over: 'n', workflowId: ID }));

    expect(error).toMatchObject({ code: 'WORKFLOW_ALREADY_RUNNING' });
    hanging.clear();
    void mapping;
  });
});

describe('a durable map with questions', () => {
  const draft = node({
    name: 'draft',
    inputs: { n: input<number>() },
    output: 'text',
    run: ({ n }) => {
      notes.add(`draft ${n}`);
      return `draft ${n}`;
    },
  });
  const approve = interrupt({
    name: 'approve',
    inputs: { text: input<string>() },
    response: 'ok',
    run: ({ text }) => text,
  });
  const letter = graph({ name: 'letter', nodes: [draft, approve] });

  test('has paused items, each answered by its own run id', async () => {
    const store = memoryCheckpointer();
    const runner = openRunner(store);
    const paused = await runner.map(letter, { n: [1, 2] }, { over: 'n', workflowId: ID });

    const answered = await runner.respond(paused[1]?.runId ?? '', 'ok', 'yes');

    expect(paused.status).toBe('paused');
    expect(answered.outputs).toMatchObject({ ok: 'yes' });
    expect((await store.list()).map(({ status }) => status).toSorted()).toEqual(['completed', 'paused']);
  });

  test('keeps the answers, and asks again what is open', async () => {
    const store = memoryCheckpointer();
    const runner = openRunner(store);
    const paused = await runner.map(letter, { n: [1, 2] }, { over: 'n', workflowId: ID });
    await runner.respond(paused[1]?.runId ?? '', 'ok', 'yes');
    await runner.close();
    ran();

    const again = await openRunner(store).map(letter, { n: [1, 2] }, { over: 'n', workflowId: ID });

    expect(again.map(({ status }) => status)).toEqual(['paused', 'completed']);
    expect(again[1]?.outputs).toMatchObject({ ok: 'yes' });
    expect(ran()).toEqual([]);
  });

  test('has items that may be resumed by their workflow ids', async () => {
    const store = memoryCheckpointer();
    const runner = openRunner(store);
    const [item] = await runner.map(letter, { n: [1] }, { over: 'n', workflowId: ID });
    await runner.close();

    const { outputs } = await openRunner(store).resume(letter, item?.workflowId ?? '', {
      responses: { ok: 'yes' },
    });

    expect(outputs).toMatchObject({ ok: 'yes' });
  });

  test('in the runner in which they are paused goes on with them', async () => {
    const store = memoryCheckpointer();
    const runner = openRunner(store);
    const first = await runner.map(letter, { n: [1, 2] }, { over: 'n', workflowId: ID });

    const again = await runner.map(letter, { n: [1, 2] }, { over: 'n', workflowId: ID });
    const answered = await runner.respond(again[0]?.runId ?? '', 'ok', 'yes');

    expect(again.map(({ runId }) => runId)).toEqual(first.map(({ runId }) => runId));
    expect(answered.outputs).toMatchObject({ ok: 'yes' });
  });
});

describe('a durable mapIter', () => {
  test('yields what had ended, and runs the rest', async () => {
    const store = await crashed([1, 2, 3, 4], [2, 4]);
    const seen: unknown[] = [];

    for await (const { index, result } of openRunner(store).mapIter(
      square,
      { n: [1, 2, 3, 4] },
      { over: 'n', workflowId: ID },
    ))
      seen[index] = result.answer;

    expect(seen).toEqual([1, 4, 9, 16]);
    expect(ran()).toEqual(['square 2', 'square 4']);
  });

  test('that is left half-way goes on another time with what was not yielded', async () => {
    const store = memoryCheckpointer();
    for await (const { result } of openRunner(store).mapIter(
      square,
      { n: [1, 2, 3, 4] },
      { over: 'n', workflowId: ID, maxConcurrency: 1 },
    ))
      if (result.answer === 4) break;
    const before = ran();

    const result = await openRunner(store).map(square, { n: [1, 2, 3, 4] }, { over: 'n', workflowId: ID });

    expect(result.column('sq')).toEqual([1, 4, 9, 16]);
    expect([...before, ...ran()].filter((each) => each === 'square 1' || each === 'square 2')).toHaveLength(
      2,
    );
  });
});

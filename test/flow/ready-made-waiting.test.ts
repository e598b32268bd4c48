import { batcher, debouncer, slot, type Job } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { deferred, thrownBy } from '../support/deferred.ts';
import { statusesOf } from '../support/flows.ts';
import { elsewhere, tryOut, type TryOut } from './ready-made-parts.ts';

async function postAll({ post }: TryOut, values: readonly number[]): Promise<readonly Job[]> {
  const jobs: Job[] = [];
  for (const value of values) jobs.push(await post(value));
  return jobs;
}

const threes = batcher('b', { input: slot<number>(), size: 3 });
const threeOrLate = batcher('b', { input: slot<number>(), size: 3, maxWait: 100 });
const quiet = debouncer('d', { input: slot<number>(), wait: 50 });
const quietOrLate = debouncer('d', { input: slot<number>(), wait: 50, maxWait: 120 });

describe('batcher', () => {
  test('makes lists of exactly its size, in order', async () => {
    const stage = tryOut(threes);

    await postAll(stage, [1, 2, 3, 4, 5, 6, 7]);
    await stage.clock.advance(10_000);

    expect(stage.of('batch')).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });

  test('makes a shorter one when the oldest message has waited for `maxWait`', async () => {
    const stage = tryOut(threeOrLate);
    await stage.post(1);
    await stage.clock.advance(60);
    await stage.post(2);

    await stage.clock.advance(39);
    const before = stage.emitted.length;
    await stage.clock.advance(1);

    expect(before).toBe(0);
    expect(stage.emitted).toEqual([{ event: 'batch', value: [1, 2], at: 1_100 }]);
  });

  test('counts `maxWait` anew from the oldest that is left', async () => {
    const stage = tryOut(threeOrLate);
    await postAll(stage, [1, 2]);
    await stage.clock.advance(50);
    await postAll(stage, [3, 4]);

    await stage.clock.advance(100);

    expect(stage.emitted.map(({ value, at }) => [value, at])).toEqual([
      [[1, 2, 3], 1_050],
      [[4], 1_150],
    ]);
    expect(stage.clock.pending).toBe(0);
  });

  test('a message that waits keeps its job alive, and a batch belongs to all of its jobs', async () => {
    const held = deferred();
    const stage = tryOut(threes, { receive: () => held.promise });

    const jobs = [...(await postAll(stage, [1, 2]))];
    await stage.clock.advance(0);
    const before = statusesOf(jobs);
    jobs.push(await stage.post(3));
    await stage.clock.advance(0);
    const meanwhile = statusesOf(jobs);
    held.resolve();
    await stage.clock.advance(0);

    expect(before).toEqual(['pending', 'pending']);
    expect(meanwhile).toEqual(['running', 'running', 'running']);
    expect(statusesOf(jobs)).toEqual(['completed', 'completed', 'completed']);
  });

  test('makes a shorter one of what is left when the worker drains', async () => {
    const stage = tryOut(threes);
    const jobs = await postAll(stage, [1, 2, 3, 4]);

    await stage.worker.stop({ drain: true });

    expect(stage.of('batch')).toEqual([[1, 2, 3], [4]]);
    expect(statusesOf(jobs)).toEqual(['completed', 'completed', 'completed', 'completed']);
  });

  test('keeps what is left with `flush: false`', async () => {
    const stage = tryOut(batcher('b', { size: 3, flush: false }));
    const jobs = await postAll(stage, [1]);

    await stage.worker.stop({ drain: true });

    expect(stage.of('batch')).toEqual([]);
    expect(statusesOf(jobs)).toEqual(['cancelled']);
  });

  test('goes on elsewhere from a snapshot, with the time that its messages have waited', async () => {
    const stage = tryOut(threeOrLate);
    await postAll(stage, [1, 2]);
    await stage.clock.advance(70);

    const next = await elsewhere(threeOrLate, stage);
    await next.clock.advance(30);

    expect(next.emitted).toEqual([{ event: 'batch', value: [1, 2], at: 1_100 }]);
    expect(statusesOf(next.runtime.listJobs())).toEqual(['completed', 'completed']);
  });

  test('lets posts wait while its batches find no room', async () => {
    const held = deferred();
    const narrow = batcher('b', { input: slot<number>({ capacity: 2, overflow: 'block' }), size: 2 });
    const stage = tryOut(narrow, { room: 1, receive: () => held.promise });
    let posted = 0;

    const all = Promise.all(
      Array.from({ length: 20 }, async (_, value) => {
        await stage.post(value);
        posted += 1;
      }),
    );
    await stage.clock.advance(0);
    const before = posted;
    held.resolve();
    await stage.clock.advance(0);
    await all;

    expect(before).toBe(8); // a batch at work, one in the slot, one that waits for room, and one to be made
    expect(stage.of('batch')).toHaveLength(10);
  });
});

describe('debouncer', () => {
  test('sends on the last message after so long a silence', async () => {
    const stage = tryOut(quiet);
    await stage.post(1);
    await stage.clock.advance(49);
    await stage.post(2);

    await stage.clock.advance(50);

    expect(stage.emitted).toEqual([{ event: 'output', value: 2, at: 1_099 }]);
    expect(stage.clock.pending).toBe(0);
  });

  test('waits no longer than `maxWait` from the first message', async () => {
    const stage = tryOut(quietOrLate);

    for (let value = 1; value <= 5; value += 1) {
      await stage.post(value);
      await stage.clock.advance(40);
    }
    await stage.clock.advance(1_000);

    expect(stage.emitted.map(({ value, at }) => [value, at])).toEqual([
      [3, 1_120],
      [5, 1_210],
    ]);
  });

  test('the jobs of superseded messages end with the last one', async () => {
    const held = deferred();
    const stage = tryOut(quiet, { receive: () => held.promise });
    const jobs = await postAll(stage, [1, 2]);

    await stage.clock.advance(50);
    const before = statusesOf(jobs);
    held.resolve();
    await stage.clock.advance(0);

    expect(before).toEqual(['running', 'running']);
    expect(statusesOf(jobs)).toEqual(['completed', 'completed']);
    expect(stage.of('output')).toEqual([2]);
  });

  test('sends on the last message at once when the worker drains', async () => {
    const stage = tryOut(quiet);
    await postAll(stage, [1, 2]);

    await stage.worker.stop({ drain: true });

    expect(stage.emitted).toEqual([{ event: 'output', value: 2, at: 1_000 }]);
  });

  test('drops the oldest of more messages than its slot holds', async () => {
    const stage = tryOut(debouncer('d', { wait: 50 }), { runtime: { maxQueueSize: null } });

    const jobs = await postAll(
      stage,
      Array.from({ length: 1_010 }, (_, value) => value),
    );
    const early = statusesOf(jobs.slice(0, 11));
    await stage.clock.advance(50);

    expect(early).toEqual([...Array.from({ length: 10 }, () => 'completed'), 'pending']);
    expect(stage.of('output')).toEqual([1_009]);
  });

  test('holds `maxWait` also when more comes than its slot holds', async () => {
    const input = slot<number>({ capacity: 3, overflow: 'dropOldest' });
    const stage = tryOut(debouncer('d', { input, wait: 50, maxWait: 100 }));

    for (let value = 0; value < 20; value += 1) {
      await stage.post(value);
      await stage.clock.advance(10);
    }

    const times = stage.emitted.map(({ at }) => at);
    expect(times.length).toBeGreaterThan(1);
    expect(times[0]).toBeLessThanOrEqual(1_100);
  });

  test('goes on elsewhere from a snapshot, with the time that has passed', async () => {
    const stage = tryOut(quiet);
    await postAll(stage, [1, 2]);
    await stage.clock.advance(30);

    const next = await elsewhere(quiet, stage);
    await next.clock.advance(20);

    expect(next.emitted).toEqual([{ event: 'output', value: 2, at: 1_050 }]);
  });
});

describe('what is not of the form asked for', () => {
  test.each([
    ['no options of a batcher', () => Reflect.apply(batcher, undefined, ['b'])],
    ['no size', () => Reflect.apply(batcher, undefined, ['b', {}])],
    ['a size of 0', () => batcher('b', { size: 0 })],
    ['a maxWait below 0', () => batcher('b', { size: 1, maxWait: -1 })],
    ['a flush that is no boolean', () => Reflect.apply(batcher, undefined, ['b', { size: 1, flush: 1 }])],
    ['an option of another', () => Reflect.apply(batcher, undefined, ['b', { size: 1, wait: 1 }])],
    ['no options of a debouncer', () => Reflect.apply(debouncer, undefined, ['d'])],
    ['no wait', () => Reflect.apply(debouncer, undefined, ['d', {}])],
    ['a wait of 0', () => debouncer('d', { wait: 0 })],
    ['a maxWait below the wait', () => debouncer('d', { wait: 10, maxWait: 9 })],
  ])('is an error: %s', (_, make) => {
    expect(thrownBy(make)).toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('is an error: a size that the slot cannot hold', () => {
    expect(thrownBy(() => batcher('b', { size: 1_001 }))).toMatchObject({ code: 'FLOW_CONFIG' });
  });
});

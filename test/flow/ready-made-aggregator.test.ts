import { aggregator, slot } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { deferred, thrownBy } from '../support/deferred.ts';
import { statusesOf } from '../support/flows.ts';
import { elsewhere, tryOut, type TryOut } from './ready-made-parts.ts';

const slots = { a: slot<number>(), b: slot<number>(), c: slot<number>() };

/** Posts so many messages to slots, each with its own number. */
async function fill(stage: TryOut, names: string) {
  const jobs = [];
  for (const [at, name] of [...names].entries()) jobs.push(await stage.post(at, name));
  return jobs;
}

describe('an aggregator of all', () => {
  const all = aggregator('join', { slots });
  const allInTime = aggregator('join', { slots, timeout: 100 });

  test('puts the first of each slot together, then the second', async () => {
    const stage = tryOut(all);

    await fill(stage, 'aabcbc');
    await stage.clock.advance(0);

    expect(stage.of('output')).toEqual([
      { a: 0, b: 2, c: 3 },
      { a: 1, b: 4, c: 5 },
    ]);
  });

  test('says what is missing when the oldest message has waited for `timeout`', async () => {
    const stage = tryOut(allInTime);
    await fill(stage, 'b');
    await stage.clock.advance(60);
    await fill(stage, 'a');

    await stage.clock.advance(39);
    const before = stage.emitted.length;
    await stage.clock.advance(1);

    expect(before).toBe(0);
    expect(stage.emitted).toEqual([
      { event: 'timedOut', value: { values: { a: 0, b: 0 }, missing: ['c'] }, at: 1_100 },
    ]);
    expect(stage.clock.pending).toBe(0);
  });

  test('a message that comes too late is the first of its slot for the next output', async () => {
    const stage = tryOut(allInTime);
    await fill(stage, 'ab');
    await stage.clock.advance(100);

    await fill(stage, 'cab');
    await stage.clock.advance(0);

    expect(stage.of('output')).toEqual([{ a: 1, b: 2, c: 0 }]);
  });

  test('what waits keeps its job alive, and what is emitted belongs to all of them', async () => {
    const held = deferred();
    const stage = tryOut(all, { receive: () => held.promise });

    const jobs = await fill(stage, 'ab');
    await stage.clock.advance(0);
    const before = statusesOf(jobs);
    jobs.push(await stage.post(9, 'c'));
    await stage.clock.advance(0);
    const meanwhile = statusesOf(jobs);
    held.resolve();
    await stage.clock.advance(0);

    expect(before).toEqual(['pending', 'pending']);
    expect(meanwhile).toEqual(['running', 'running', 'running']);
    expect(statusesOf(jobs)).toEqual(['completed', 'completed', 'completed']);
  });

  test('keeps what is incomplete when the worker drains, without a `timeout`', async () => {
    const stage = tryOut(all);
    const jobs = await fill(stage, 'ab');

    await stage.worker.stop({ drain: true });

    expect(stage.emitted).toEqual([]);
    expect(statusesOf(jobs)).toEqual(['cancelled', 'cancelled']);
  });

  test('gives up what is incomplete when the worker drains, with one', async () => {
    const stage = tryOut(allInTime);
    const jobs = await fill(stage, 'aab');

    await stage.worker.stop({ drain: true });

    expect(stage.emitted).toEqual([
      { event: 'timedOut', value: { values: { a: 0, b: 2 }, missing: ['c'] }, at: 1_000 },
      { event: 'timedOut', value: { values: { a: 1 }, missing: ['b', 'c'] }, at: 1_000 },
    ]);
    expect(statusesOf(jobs)).toEqual(['completed', 'completed', 'completed']);
  });

  test('counts a message that is undefined', async () => {
    const stage = tryOut(all);
    for (const name of ['a', 'b', 'c']) await stage.post(undefined, name);
    await stage.clock.advance(0);

    expect(stage.of('output')).toEqual([{ a: undefined, b: undefined, c: undefined }]);
    expect(stage.of('timedOut')).toEqual([]);
  });

  test('goes on elsewhere from a snapshot, with the time that its messages have waited', async () => {
    const stage = tryOut(allInTime);
    await fill(stage, 'ab');
    await stage.clock.advance(70);

    const next = await elsewhere(allInTime, stage);
    await next.clock.advance(30);

    expect(next.emitted).toEqual([
      { event: 'timedOut', value: { values: { a: 0, b: 1 }, missing: ['c'] }, at: 1_100 },
    ]);
    expect(statusesOf(next.runtime.listJobs())).toEqual(['completed', 'completed']);
  });
});

describe('an aggregator of fewer', () => {
  test('`any` emits as soon as one slot has a message', async () => {
    const stage = tryOut(aggregator('join', { slots, mode: 'any' }));

    await fill(stage, 'bc');
    await stage.clock.advance(0);

    expect(stage.of('output')).toEqual([{ b: 0 }, { c: 1 }]);
  });

  test('`any` takes one of each slot that has one', async () => {
    const stage = tryOut(aggregator('join', { slots, mode: 'any' }));
    await stage.worker.pause();
    await fill(stage, 'bcb');

    stage.worker.resume();
    await stage.clock.advance(0);

    expect(stage.of('output')).toEqual([{ b: 0, c: 1 }, { b: 2 }]);
  });

  test('`atLeast` emits as soon as so many slots have one', async () => {
    const stage = tryOut(aggregator('join', { slots, mode: { atLeast: 2 }, timeout: 100 }));

    await fill(stage, 'aacb');
    await stage.clock.advance(0);
    const before = stage.of('output');
    await fill(stage, 'c');
    await stage.clock.advance(100);

    expect(before).toEqual([
      { a: 0, c: 2 },
      { a: 1, b: 3 },
    ]);
    expect(stage.of('timedOut')).toEqual([{ values: { c: 0 }, missing: ['a', 'b'] }]);
  });
});

describe('what is not of the form asked for', () => {
  test.each([
    ['no options', () => Reflect.apply(aggregator, undefined, ['j'])],
    ['no slots', () => Reflect.apply(aggregator, undefined, ['j', {}])],
    ['slots of nothing', () => aggregator('j', { slots: {} })],
    ['a slot that is none', () => Reflect.apply(aggregator, undefined, ['j', { slots: { a: 1 } }])],
    ['a mode that there is not', () => Reflect.apply(aggregator, undefined, ['j', { slots, mode: 'most' }])],
    ['more than there are slots', () => aggregator('j', { slots, mode: { atLeast: 4 } })],
    ['fewer than one', () => aggregator('j', { slots, mode: { atLeast: 0 } })],
    ['a part of a slot', () => aggregator('j', { slots, mode: { atLeast: 1.5 } })],
    ['a timeout of 0', () => aggregator('j', { slots, timeout: 0 })],
    ['an option of another', () => Reflect.apply(aggregator, undefined, ['j', { slots, size: 1 }])],
  ])('is an error: %s', (_, make) => {
    expect(thrownBy(make)).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

import { createRunner, graph, input, node } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred } from '../support/deferred.ts';

/** A node that counts how many of it work at once, and works until the gate is open. */
function metered(name: string, meter: { active: number; peak: number; done: number }, gate: Promise<void>) {
  return node({
    name,
    inputs: { n: input<number>() },
    output: `${name}Out`,
    run: async ({ n }) => {
      meter.active += 1;
      meter.peak = Math.max(meter.peak, meter.active);
      await gate;
      meter.active -= 1;
      meter.done += 1;
      return n;
    },
  });
}

const newMeter = () => ({ active: 0, peak: 0, done: 0 });
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('maxConcurrency of a map', () => {
  test.each([1, 3])('%i lets so many items work at once', async (maxConcurrency) => {
    const clock = fakeClock();
    const [meter, gate] = [newMeter(), deferred()];
    const mapping = createRunner({ clock }).map(
      metered('leaf', meter, gate.promise),
      { n: numbers(10) },
      { over: 'n', maxConcurrency },
    );

    await clock.advance(0);
    gate.resolve();
    await mapping;

    expect(meter).toEqual({ active: 0, peak: maxConcurrency, done: 10 });
  });

  test('is that of the runner where none is given', async () => {
    const clock = fakeClock();
    const [meter, gate] = [newMeter(), deferred()];
    const mapping = createRunner({ clock, maxConcurrency: 2 }).map(
      metered('leaf', meter, gate.promise),
      { n: numbers(5) },
      { over: 'n' },
    );

    await clock.advance(0);
    gate.resolve();
    await mapping;

    expect(meter.peak).toBe(2);
  });

  test('without it all items work at once', async () => {
    const clock = fakeClock();
    const [meter, gate] = [newMeter(), deferred()];
    const mapping = createRunner({ clock }).map(
      metered('leaf', meter, gate.promise),
      { n: numbers(20) },
      { over: 'n' },
    );

    await clock.advance(0);
    gate.resolve();
    await mapping;

    expect(meter.peak).toBe(20);
  });

  test.each([1, 2, 5])('is one budget of %i for the nodes of all items', async (maxConcurrency) => {
    const clock = fakeClock();
    const [meter, gate] = [newMeter(), deferred()];
    const names = ['one', 'two', 'three'];
    const wide = graph({ name: 'wide', nodes: names.map((name) => metered(name, meter, gate.promise)) });
    const mapping = createRunner({ clock }).map(wide, { n: numbers(4) }, { over: 'n', maxConcurrency });

    await clock.advance(0);
    gate.resolve();
    await mapping;

    expect(meter).toEqual({ active: 0, peak: maxConcurrency, done: 12 });
  });

  test('an item in a backoff holds no place', async () => {
    const clock = fakeClock();
    const trace: string[] = [];
    const flaky = node({
      name: 'flaky',
      inputs: { n: input<number>() },
      retry: { delay: 1_000, jitter: 'none' },
      run: ({ n }, ctx) => {
        trace.push(`${n} attempt ${ctx.attempt}`);
        if (n === 0 && ctx.attempt === 1) throw new Error('again');
      },
    });
    const mapping = createRunner({ clock }).map(flaky, { n: [0, 1] }, { over: 'n', maxConcurrency: 1 });

    await clock.advance(1_000);
    await mapping;

    expect(trace).toEqual(['0 attempt 1', '1 attempt 1', '0 attempt 2']);
  });

  test('an item that waits for an answer holds no place', async () => {
    const ask = node({
      name: 'ask',
      inputs: { n: input<number>() },
      run: (_, ctx) => ctx.interrupt('?', { key: 'decision' }),
    });

    const results = await createRunner().map(ask, { n: numbers(3) }, { over: 'n', maxConcurrency: 1 });

    expect(results.map(({ status }) => status)).toEqual(['paused', 'paused', 'paused']);
  });

  test('of mapIter is one budget for the nodes of all items too', async () => {
    const clock = fakeClock();
    const [meter, gate] = [newMeter(), deferred()];
    const names = ['one', 'two', 'three'];
    const wide = graph({ name: 'wide', nodes: names.map((name) => metered(name, meter, gate.promise)) });
    const items = createRunner({ clock }).mapIter(wide, { n: numbers(4) }, { over: 'n', maxConcurrency: 2 });
    const first = items.next();

    await clock.advance(0);
    gate.resolve();
    await first;
    for await (const _ of items);

    expect(meter).toEqual({ active: 0, peak: 2, done: 12 });
  });
});

import { createRunner, END, graph, input, node, route } from 'troupe';
import { memoryCache } from 'troupe/cache';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';

const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
const again = route({
  name: 'again',
  inputs: { n: input<number>() },
  targets: ['inc', END],
  run: ({ n }) => (n < 5 ? 'inc' : END),
});
const counting = graph({ name: 'counting', nodes: [inc, again] });

describe('null for an option of a run', () => {
  test('means no limit to iterations', async () => {
    const runner = createRunner({ maxIterations: 2 });

    const { outputs } = await runner.run(counting, { n: 0 }, { maxIterations: null });

    expect(outputs).toEqual({ n: 5 });
  });

  test('means no limit to concurrency', async () => {
    const runner = createRunner({ maxConcurrency: 1 });
    const seen = { now: 0, most: 0 };
    const work = node('work', async (turn: number) => {
      seen.now += 1;
      seen.most = Math.max(seen.most, seen.now);
      await Promise.resolve();
      seen.now -= 1;
      return turn;
    });
    const all = node('all', async (_: unknown, ctx) => ctx.callBatch(work, [1, 2, 3]));

    await runner.run(all, undefined, { maxConcurrency: null });

    expect(seen.most).toBe(3);
  });

  test('means no selection', async () => {
    const { outputs } = await createRunner().run(counting, { n: 0 }, { select: null });

    expect(outputs).toEqual({ n: 5 });
  });
});

describe('the clock of a runner', () => {
  test('tells a cache without a clock of its own when an entry is out of date', async () => {
    const clock = fakeClock();
    let runs = 0;
    const made = node('made', () => (runs += 1), { cache: { ttl: 50 } });
    const runner = createRunner({ clock, cache: memoryCache() });

    await runner.run(made);
    await clock.advance(49);
    await runner.run(made);
    await clock.advance(1);
    await runner.run(made);

    expect(runs).toBe(2);
  });
});

describe('a body that declares several outputs', () => {
  test('fails when it returns none of them', async () => {
    const split = node({
      name: 'split',
      outputs: ['lo', 'hi'],
      run: (): { lo: number; hi: number } => 5 as never,
    });

    const result = await createRunner().run(
      graph({ name: 'g', nodes: [split] }),
      {},
      { onFailure: 'return' },
    );

    expect(result.status).toBe('failed');
    expect(result.error).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

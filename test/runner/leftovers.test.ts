import { getEventListeners } from 'node:events';
import { createRunner, FatalError, node, type Runner, type RunOptions } from 'troupe';
import { fakeClock, type FakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { never, rejectionOf } from '../support/deferred.ts';

const POLICIES = { timeout: 1_000, retry: { maxAttempts: 2, delay: 10, jitter: 'none' } } as const;
const boom = new Error('boom');

const completes = node('completes', () => 1, POLICIES);
const retries = node(
  'retries',
  (_: unknown, ctx) => {
    if (ctx.attempt === 1) throw boom;
    return 2;
  },
  POLICIES,
);
const fails = node(
  'fails',
  () => {
    throw boom;
  },
  POLICIES,
);
const dooms = node('dooms', () => {
  throw new FatalError('lost');
});
const hangs = node('hangs', () => never(), POLICIES);
const asks = node('asks', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }), POLICIES);
const tree = node('tree', (_: unknown, ctx) => Promise.all([ctx.call(hangs), ctx.call(asks)]), POLICIES);

interface Scene {
  readonly runner: Runner;
  readonly clock: FakeClock;
  readonly options: RunOptions;
}

const ENDINGS: Record<string, (scene: Scene) => Promise<unknown>> = {
  completed: ({ runner, options }) => runner.run(completes, undefined, options),
  'completed after a retry': async ({ runner, clock, options }) => {
    const running = runner.run(retries, undefined, options);
    await clock.advance(10);
    await running;
  },
  failed: async ({ runner, clock, options }) => {
    const failure = rejectionOf(runner.run(fails, undefined, options));
    await clock.advance(10);
    await failure;
  },
  'failed for good beside work that hangs': async ({ runner, options }) => {
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(tree), ctx.call(dooms)]), POLICIES);
    await rejectionOf(runner.run(root, undefined, options));
  },
  'cancelled by its handle': async ({ runner, clock, options }) => {
    const handle = runner.iter(tree, undefined, options);
    await clock.advance(0);
    handle.cancel();
    await rejectionOf(handle.result);
  },
  'cancelled in a backoff': async ({ runner, clock, options }) => {
    const handle = runner.iter(fails, undefined, options);
    await clock.advance(5);
    handle.cancel();
    await rejectionOf(handle.result);
  },
  'timed out': async ({ runner, clock, options }) => {
    const failure = rejectionOf(runner.run(tree, undefined, { ...options, timeout: 500 }));
    await clock.advance(500);
    await failure;
  },
  'failed by the timeout of a node': async ({ runner, clock, options }) => {
    const failure = rejectionOf(runner.run(hangs, undefined, options));
    await clock.advance(2_010);
    await failure;
  },
  'paused and answered': async ({ runner, options }) => {
    const { runId } = await runner.run(asks, undefined, options);
    await runner.respond(runId, 'go', true);
  },
  'paused and cancelled': async ({ runner, options }) => {
    const { runId } = await runner.run(asks, undefined, options);
    runner.cancel(runId);
  },
  'paused and closed': async ({ runner, options }) => {
    await runner.run(asks, undefined, options);
    await runner.close();
  },
  'refused for its input': ({ runner, options }) => {
    const picky = node({ name: 'picky', inputs: {}, run: () => 1 });
    return rejectionOf(runner.run(picky, { unknown: 1 }, options));
  },
};

describe.each(Object.entries(ENDINGS))('after a run that was %s', (_name, play) => {
  test('no timer waits', async () => {
    const clock = fakeClock();
    const runner = createRunner({ clock });

    await play({ runner, clock, options: { timeout: 10_000 } });

    expect(clock.pending).toBe(0);
  });

  test('its signal has no listener', async () => {
    const clock = fakeClock();
    const runner = createRunner({ clock });
    const { signal } = new AbortController();

    await play({ runner, clock, options: { signal } });

    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

const timers = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;

describe('what many runs leave behind', () => {
  test('a signal that 1,000 runs shared has no listener after any of them', { timeout: 30_000 }, async () => {
    const runner = createRunner({ clock: fakeClock() });
    const { signal } = new AbortController();
    const counts = new Set<number>();

    for (let run = 0; run < 1_000; run += 1) {
      await runner.run(completes, undefined, { signal });
      counts.add(getEventListeners(signal, 'abort').length);
    }

    expect([...counts]).toEqual([0]);
  });

  test('a signal that concurrent runs share has no listener after them', async () => {
    const runner = createRunner({ clock: fakeClock() });
    const { signal } = new AbortController();

    await Promise.all(Array.from({ length: 100 }, () => runner.run(completes, undefined, { signal })));

    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('the real clock has no timer after runs that had time limits', async () => {
    const before = timers();
    const slow = node('slow', () => never(), { timeout: 60_000 });

    {
      await using runner = createRunner({ timeout: 60_000 });
      await runner.run(completes);
      const handle = runner.iter(slow, undefined, { onFailure: 'return' });
      const backingOff = runner.iter(
        node(
          'backingOff',
          () => {
            throw boom;
          },
          { retry: { delay: 60_000, jitter: 'none' } },
        ),
        undefined,
        { onFailure: 'return' },
      );
      await runner.run(asks);
      handle.cancel();
      backingOff.cancel();
      await Promise.all([handle.result, backingOff.result]);
    }

    expect(timers()).toBe(before);
  });

  test('a process without anything but a runner that was closed has nothing to wait for', async () => {
    const before = process.getActiveResourcesInfo().toSorted();

    {
      await using runner = createRunner();
      await runner.run(completes);
    }

    expect(process.getActiveResourcesInfo().toSorted()).toEqual(before);
  });
});

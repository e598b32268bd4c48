import { createRunner, node, type Cache, type RunnerOptions } from 'troupe';
import { memoryCache } from 'troupe/cache';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred, rejectionOf } from '../support/deferred.ts';
import { statusesOf, stepsOf } from '../support/forest.ts';
import { eventLog, ofType } from '../support/runs.ts';

/** A runner on a fake clock with a cache of its own. */
function stage(options: RunnerOptions = {}) {
  const clock = fakeClock();
  const { events, subscriber } = eventLog();
  const runner = createRunner({ cache: memoryCache({ clock }), clock, subscriber, ...options });
  return { runner, clock, events };
}

/** A cached node whose n-th run is up to the n-th of the given bodies; the last one stays. */
function scripted(...bodies: ((signal: AbortSignal) => unknown)[]) {
  const meter = { runs: 0 };
  const slow = node(
    'slow',
    (_given: unknown, { signal }): unknown => {
      const body = bodies[meter.runs] ?? bodies.at(-1);
      meter.runs += 1;
      return body?.(signal);
    },
    { cache: true },
  );
  return { slow, meter };
}

const fail = (message: string) => () => {
  throw new Error(message);
};

/** A time that goes on with every look at it. */
function countUp(): () => number {
  let now = 0;
  return () => (now += 1);
}

/** A backend that holds nothing and takes nothing. */
function refusing(set: Cache['set']): Cache {
  return { get: () => undefined, set, delete: () => undefined, clear: () => undefined };
}

describe.each([1, 2, Number.POSITIVE_INFINITY])(
  'concurrent misses of one key, maxConcurrency %s',
  (limit) => {
    test('run once in one run', async () => {
      const { runner, clock, events } = stage({ maxConcurrency: limit });
      const gate = deferred<number>();
      const { slow, meter } = scripted(() => gate.promise);
      const root = node('root', (_: unknown, ctx) => ctx.callBatch(slow, [7, 7, 7, 7]));
      const running = runner.run(root);

      await clock.advance(0);
      gate.resolve(5);
      const { answer, info } = await running;

      expect([answer, meter.runs]).toEqual([[5, 5, 5, 5], 1]);
      expect([ofType(events, 'CacheMiss').length, ofType(events, 'CacheHit').length]).toEqual([1, 3]);
      expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
    });

    test('run once in two runs of a runner', async () => {
      const { runner, clock, events } = stage({ maxConcurrency: limit });
      const gate = deferred<number>();
      const { slow, meter } = scripted(() => gate.promise);
      const running = [runner.run(slow, 7), runner.run(slow, 7)];

      await clock.advance(0);
      gate.resolve(5);
      const results = await Promise.all(running);

      expect([results.map(({ answer }) => answer), meter.runs]).toEqual([[5, 5], 1]);
      expect(ofType(events, 'CacheHit').map(({ runId }) => runId)).toEqual([results[1]?.runId]);
    });

    test('when the first fails the next one computes, and the rest get its result', async () => {
      const { runner, clock, events } = stage({ maxConcurrency: limit });
      const gate = deferred();
      const { slow, meter } = scripted(
        () => gate.promise.then(fail('first')),
        async () => 5,
      );
      const root = node('root', (_: unknown, ctx) => ctx.callBatch(slow, [7, 7, 7], { onError: 'return' }));
      const running = runner.run(root);

      await clock.advance(0);
      gate.resolve();
      const { answer } = await running;

      expect([answer, meter.runs]).toEqual([[new Error('first'), 5, 5], 2]);
      expect([ofType(events, 'CacheMiss').length, ofType(events, 'CacheHit').length]).toEqual([2, 1]);
    });

    test('when all fail each computes once', async () => {
      const { runner } = stage({ maxConcurrency: limit });
      const { slow, meter } = scripted(async () => fail('no')());
      const root = node('root', (_: unknown, ctx) => ctx.callBatch(slow, [7, 7, 7], { onError: 'return' }));

      const { answer } = await runner.run(root);

      expect(answer).toEqual([new Error('no'), new Error('no'), new Error('no')]);
      expect(meter.runs).toBe(3);
    });

    test('when the first is cancelled the next one computes', async () => {
      const { runner, clock } = stage({ maxConcurrency: limit });
      const started = deferred();
      const { slow, meter } = scripted(
        (signal) => {
          started.resolve();
          return new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error));
          });
        },
        async () => 5,
      );
      const root = node('root', (_: unknown, ctx) => ctx.callBatch(slow, [7, 7], { onError: 'return' }));
      const handle = runner.iter(root);
      await started.promise;

      runner.cancel([...handle.info.requests][1]?.id ?? '', 'not this one');
      await clock.advance(0);
      const { answer, info } = await handle.result;

      expect([answer, meter.runs]).toEqual([[expect.objectContaining({ code: 'CANCELLED' }), 5], 2]);
      expect(statusesOf(info)).toEqual(['root succeeded', 'slow cancelled', 'slow succeeded']);
    });

    test('when the run of the first is cancelled another run computes', async () => {
      const { runner, clock } = stage({ maxConcurrency: limit });
      const { slow, meter } = scripted(
        () => deferred().promise,
        async () => 5,
      );
      const first = runner.iter(slow, 7);
      const second = runner.run(slow, 7);

      await clock.advance(0);
      first.cancel('enough');
      const { answer } = await second;

      expect(await rejectionOf(first.result)).toMatchObject({ code: 'CANCELLED' });
      expect([answer, meter.runs]).toEqual([5, 2]);
    });

    test('a first one that waits for a person pauses the run, and the rest get its result after the answer', async () => {
      const { runner, events } = stage({ maxConcurrency: limit });
      const ask = node('ask', (_: number, ctx) => ctx.interrupt<string>('Go?', { key: 'go' }), {
        cache: true,
      });
      const root = node('root', (_: unknown, ctx) => ctx.callBatch(ask, [7, 7, 7]));

      const { status, pauses, runId } = await runner.run(root);
      const result = await runner.respond(runId, 'go', 'yes');

      expect([status, pauses.length]).toEqual(['paused', 1]);
      expect(result).toMatchObject({ status: 'completed', answer: ['yes', 'yes', 'yes'] });
      expect(ofType(events, 'Interrupt').length).toBe(1);
    });
  },
);

describe('concurrent callers of one key', () => {
  test.each([
    ['is too large for it', () => memoryCache({ maxBytes: 1 })],
    ['is out of date at once', () => memoryCache({ ttl: 1, clock: { now: countUp() } })],
    ['it refuses to store', () => refusing(() => fail('full')())],
    ['it rejects to store', () => refusing(async () => fail('full')())],
  ])('run the body once also when the cache does not keep the result, which %s', async (_, cache) => {
    const { runner } = stage({ cache: cache() });
    const { slow, meter } = scripted(async () => ({ list: [1] }));
    const root = node('root', (_given: unknown, ctx) => ctx.callBatch(slow, [7, 7, 7]));

    const { answer } = await runner.run(root);

    expect([answer, meter.runs]).toEqual([[{ list: [1] }, { list: [1] }, { list: [1] }], 1]);
    expect(new Set(answer).size).toBe(3);
  });

  test('get a hit at the same time, not one after the other', async () => {
    const clock = fakeClock();
    const texts = new Map<string, string>();
    const slowCache: Cache = {
      ...refusing(() => undefined),
      get: (key) => new Promise((resolve) => void clock.setTimeout(() => resolve(texts.get(key)), 10)),
      set: (key, text) => void texts.set(key, text),
    };
    const { runner } = stage({ clock, cache: slowCache });
    const { slow } = scripted(() => 5);
    const first = runner.run(slow, 7);
    await clock.advance(10);
    await first;
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(slow, [7, 7, 7, 7, 7]));

    const running = runner.run(root);
    await clock.advance(20);

    expect(clock.pending).toBe(0);
    expect((await running).answer).toEqual([5, 5, 5, 5, 5]);
  });
});

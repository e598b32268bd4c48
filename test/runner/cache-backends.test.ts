import { createRunner, node, type Cache, type RunnerOptions } from 'troupe';
import { memoryCache } from 'troupe/cache';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred, never } from '../support/deferred.ts';
import { statusesOf, stepsOf } from '../support/forest.ts';
import { memoryLogger } from '../support/memory-logger.ts';
import { eventLog, ofType } from '../support/runs.ts';

/** A backend that answers by promises, as one over a network does. */
function promisedCache(own: Partial<Cache> = {}) {
  const texts = new Map<string, string>();
  const cache: Cache = {
    get: async (key) => texts.get(key),
    set: async (key, text) => void texts.set(key, text),
    delete: async (key) => void texts.delete(key),
    clear: async () => texts.clear(),
    ...own,
  };
  return { cache, texts };
}

/** A runner with that backend, its events, its log, and a cached node that counts its runs. */
function stage(cache: Cache, options: RunnerOptions = {}) {
  const clock = fakeClock();
  const { events, subscriber } = eventLog();
  const { logger, lines } = memoryLogger();
  const runner = createRunner({ cache, clock, subscriber, logger, ...options });
  const meter = { runs: 0 };
  const double = node(
    'double',
    (n: number) => {
      meter.runs += 1;
      return n * 2;
    },
    { cache: true },
  );
  const warnings = (): string[] =>
    lines.filter(({ level }) => level === 'warn' || level === 'error').map(({ message }) => message);
  return { runner, clock, events, double, meter, warnings };
}

const broken = (): never => {
  throw new Error('the store is gone');
};

describe('a backend that answers by promises', () => {
  test('gives a hit', async () => {
    const { runner, double, meter, events } = stage(promisedCache().cache);
    await runner.run(double, 4);

    const { answer } = await runner.run(double, 4);

    expect([answer, meter.runs]).toEqual([8, 1]);
    expect(ofType(events, 'CacheHit')).toHaveLength(1);
  });

  test('may say null where it has nothing', async () => {
    const { runner, double, events, warnings } = stage(promisedCache({ get: async () => null }).cache);

    const { answer } = await runner.run(double, 4);

    expect([answer, ofType(events, 'CacheMiss').length, warnings()]).toEqual([8, 1, []]);
  });

  test.each([1, 2, Number.POSITIVE_INFINITY])(
    'concurrent misses run once, maxConcurrency %s',
    async (maxConcurrency) => {
      const { runner, double, meter, events } = stage(promisedCache().cache, { maxConcurrency });
      const root = node('root', (_: unknown, ctx) => ctx.callBatch(double, [4, 4, 4, 5]));

      const { answer, info } = await runner.run(root);

      expect([answer, meter.runs]).toEqual([[8, 8, 8, 10], 2]);
      expect(ofType(events, 'CacheHit')).toHaveLength(2);
      expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
    },
  );

  test('concurrent misses run once also while the result is being stored', async () => {
    const stored = deferred();
    const { cache, texts } = promisedCache();
    const slowToStore: Cache = {
      ...cache,
      set: (key, text) => stored.promise.then(() => void texts.set(key, text)),
    };
    const { runner, double, meter, clock } = stage(slowToStore);
    await runner.run(double, 4);
    const second = runner.run(double, 4);

    await clock.advance(0);
    stored.resolve();
    const { answer } = await second;

    expect([answer, meter.runs]).toEqual([8, 1]);
  });

  test('concurrent misses run once also when one is told late that there is nothing', async () => {
    const answers = [deferred<undefined>(), deferred<undefined>()];
    let looks = 0;
    const { cache, texts } = promisedCache();
    const slowToAnswer: Cache = {
      ...cache,
      get: (key) => {
        looks += 1;
        return answers[looks - 1]?.promise ?? Promise.resolve(texts.get(key));
      },
    };
    const { runner, double, meter, clock, events } = stage(slowToAnswer);
    const running = Promise.all([runner.run(double, 4), runner.run(double, 4)]);

    await clock.advance(0);
    answers[0]?.resolve(undefined);
    await clock.advance(0);
    answers[1]?.resolve(undefined);
    const results = await running;

    expect([results.map(({ answer }) => answer), meter.runs]).toEqual([[8, 8], 1]);
    expect(ofType(events, 'CacheMiss')).toHaveLength(1);
  });

  test('does not hold up the result while it stores it', async () => {
    const { runner, double } = stage(promisedCache({ set: () => never() }).cache);

    expect((await runner.run(double, 4)).answer).toBe(8);
  });

  test('gives the `ttl` of the node on', async () => {
    const given: unknown[] = [];
    const { cache } = promisedCache({ set: async (_key, _text, options) => void given.push(options) });
    const { runner } = stage(cache);

    await runner.run(node('short', () => 1, { cache: { ttl: 50 } }));
    await runner.run(node('unlimited', () => 1, { cache: true }));

    expect(given).toMatchObject([{ ttl: 50 }, {}]);
    expect((given[1] as { ttl?: number } | undefined)?.ttl).toBeUndefined();
  });

  test('holds no place while it looks', async () => {
    const looked = deferred<undefined>();
    const { cache } = promisedCache({ get: () => looked.promise });
    const { runner, double, clock } = stage(cache, { maxConcurrency: 1 });
    const trace: string[] = [];
    const quick = node('quick', async () => void trace.push('quick'));
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(double, 4), ctx.call(quick)]));
    const running = runner.run(root);

    await clock.advance(0);
    const before = [...trace];
    looked.resolve(undefined);
    await running;

    expect(before).toEqual(['quick']);
  });

  test('is not waited for by a run that is cancelled', async () => {
    const { cache } = promisedCache({ get: () => never() });
    const { runner, double, clock, meter } = stage(cache);
    const handle = runner.iter(double, 4, { onFailure: 'return' });
    await clock.advance(0);

    handle.cancel('enough');
    const { status, info } = await handle.result;

    expect([status, meter.runs]).toEqual(['cancelled', 0]);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('starts no body when it answers after the run was cancelled', async () => {
    const looked = deferred<undefined>();
    const { cache } = promisedCache({ get: () => looked.promise });
    const { runner, double, clock, meter, events } = stage(cache);
    const handle = runner.iter(double, 4, { onFailure: 'return' });
    handle.cancel('enough');
    await handle.result;

    looked.resolve(undefined);
    await clock.advance(0);

    expect([meter.runs, events.at(-1)?.type]).toEqual([0, 'RunEnd']);
  });

  test('pauses no run while it looks: what it may give does not wait for a person', async () => {
    const looked = deferred<undefined>();
    const { cache } = promisedCache({ get: () => looked.promise });
    const { runner, double, clock } = stage(cache);
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(ask), ctx.call(double, 4)]));
    const handle = runner.iter(root);

    await clock.advance(0);
    const statusBefore = handle.info.status;
    looked.resolve(undefined);
    await clock.advance(0);

    expect([statusBefore, handle.info.status]).toEqual(['running', 'paused']);
    await handle.respond('go', 1);
    expect((await handle.result).answer).toEqual([1, 8]);
  });

  test('pauses no run that still has calls which wait for what it stores', async () => {
    const stored = deferred();
    const { cache } = promisedCache({ set: () => stored.promise });
    const { runner, double, clock } = stage(cache);
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
    const root = node('root', (_: unknown, ctx) =>
      Promise.all([ctx.call(ask), ctx.call(double, 4), ctx.call(double, 4)]),
    );
    const running = runner.run(root);

    await clock.advance(0);
    stored.resolve();
    const { status, info } = await running;

    expect(status).toBe('paused');
    expect(statusesOf(info)).toEqual([
      'root running',
      'ask interrupted',
      'double succeeded',
      'double succeeded',
    ]);
  });

  test('pauses no run that waits for a result of another run, which works on it', async () => {
    const { runner, clock } = stage(memoryCache());
    const gate = deferred<number>();
    const slow = node('slow', () => gate.promise, { cache: true });
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(ask), ctx.call(slow)]));
    const other = runner.run(slow);
    const handle = runner.iter(root);

    await clock.advance(0);
    const statusBefore = handle.info.status;
    gate.resolve(5);
    await clock.advance(0);

    expect([statusBefore, handle.info.status]).toEqual(['running', 'paused']);
    await handle.respond('go', 1);
    expect([(await handle.result).answer, (await other).answer]).toEqual([[1, 5], 5]);
  });
});

describe('a backend that does not work', () => {
  test.each([
    ['throws on get', { get: broken }],
    ['rejects on get', { get: async () => broken() }],
  ])('because it %s is a miss, which is logged, and the node runs', async (_, own) => {
    const { runner, double, events, warnings } = stage(promisedCache(own).cache);

    const { status, answer } = await runner.run(double, 4);

    expect([status, answer]).toEqual(['completed', 8]);
    expect(ofType(events, 'CacheMiss')[0]?.reason).toContain('the store is gone');
    expect(warnings()).toHaveLength(1);
  });

  test.each([
    ['throws on set', { set: broken }],
    ['rejects on set', { set: async () => broken() }],
  ])('because it %s fails nothing, which is logged', async (_, own) => {
    const { runner, clock, double, meter, warnings } = stage(promisedCache(own).cache);

    const first = await runner.run(double, 4);
    const second = await runner.run(double, 4);
    await clock.advance(0);

    expect([first.answer, second.answer, meter.runs]).toEqual([8, 8, 2]);
    expect(warnings()).toHaveLength(2);
  });

  test.each([
    ['get and set throw', { get: broken, set: broken }],
    ['get and set reject', { get: async () => broken(), set: async () => broken() }],
  ])('because %s gives every concurrent caller its result', async (_, own) => {
    const { runner, double } = stage(promisedCache(own).cache, { maxConcurrency: 1 });
    const root = node('root', (_given: unknown, ctx) => ctx.callBatch(double, [4, 4, 4]));

    const { answer, info } = await runner.run(root);

    expect(answer).toEqual([8, 8, 8]);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test.each([
    ['no JSON', '{"half":'],
    ['nothing', ''],
    ['JSON of another kind', '{"answer":42}'],
    ['a reference to nowhere', '[[99]]'],
    ['an unknown class', '[[0],["error","Nope",false]]'],
    ['a number', JSON.parse('5') as string],
  ])('because an entry holds %s is a miss, which is logged, and is mended', async (_, text) => {
    const { cache, texts } = promisedCache();
    const { runner, double, meter, events, warnings } = stage(cache);
    await runner.run(double, 4);
    for (const key of texts.keys()) texts.set(key, text);

    const mended = await runner.run(double, 4);
    const hit = await runner.run(double, 4);

    expect([mended.answer, hit.answer, meter.runs]).toEqual([8, 8, 2]);
    expect(ofType(events, 'CacheMiss')).toHaveLength(2);
    expect(ofType(events, 'CacheHit')).toHaveLength(1);
    expect(warnings()).toHaveLength(1);
  });
});

describe('a synchronous run', () => {
  test('gets its hits from a backend that answers at once', async () => {
    const { runner, clock, double, meter, events } = stage(memoryCache());

    const answers = [runner.runSync(double, 4).answer, runner.runSync(double, 4).answer];
    await clock.advance(0);

    expect([answers, meter.runs]).toEqual([[8, 8], 1]);
    expect(ofType(events, 'NodeEnd').map(({ cached }) => cached)).toEqual([false, true]);
  });

  test('gets the hits of its calls as well', () => {
    const { runner, double, meter } = stage(memoryCache());
    const root = node('root', (_: unknown, ctx) => [ctx.callSync(double, 4), ctx.callSync(double, 4)]);

    const { answer, info } = runner.runSync(root);

    expect([answer, meter.runs]).toEqual([[8, 8], 1]);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('shares results with asynchronous runs', async () => {
    const { runner, double, meter } = stage(memoryCache());
    await runner.run(double, 4);

    expect([runner.runSync(double, 4).answer, meter.runs]).toEqual([8, 1]);
  });

  test('misses where the backend answers by a promise, says why, and the node runs', async () => {
    const { runner, clock, double, meter, events } = stage(promisedCache().cache);

    const { status, answer } = runner.runSync(double, 4);
    await clock.advance(0);

    expect([status, answer, meter.runs]).toEqual(['completed', 8, 1]);
    expect(ofType(events, 'CacheMiss')[0]?.reason).toMatch(/sync/);
  });

  test('is not hurt by a promise that rejects', async () => {
    const { cache } = promisedCache({ get: async () => broken(), set: async () => broken() });
    const { runner, double, clock } = stage(cache);

    const { answer } = runner.runSync(double, 4);
    await clock.advance(0);

    expect(answer).toBe(8);
  });

  test('computes what an asynchronous run is still computing', async () => {
    const { runner, clock } = stage(memoryCache());
    const gate = deferred<number>();
    const slow = node('slow', (_given: number): number | Promise<number> => gate.promise, {
      cache: { key: () => 'same' },
    });
    const quick = node('quick', (_given: number) => 6, { cache: { key: () => 'same' } });
    const running = runner.run(slow, 4);
    await clock.advance(0);

    const { answer } = runner.runSync(quick, 4);
    gate.resolve(5);

    expect([answer, (await running).answer]).toEqual([6, 5]);
  });

  test('calls from an asynchronous body get hits, and wait for nobody', async () => {
    const { runner, double, meter } = stage(memoryCache());
    const root = node('root', async (_: unknown, ctx) => [
      ctx.callSync(double, 4),
      await ctx.call(double, 4),
      ctx.callSync(double, 4),
    ]);

    expect([(await runner.run(root)).answer, meter.runs]).toEqual([[8, 8, 8], 1]);
  });
});

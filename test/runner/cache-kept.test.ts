import { createRunner, FatalError, node, type RunnerOptions } from 'troupe';
import { memoryCache } from 'troupe/cache';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { memoryLogger } from '../support/memory-logger.ts';
import { eventLog, ofType } from '../support/runs.ts';

/** A runner on a fake clock with a cache of its own, its events and its log. */
function stage(options: RunnerOptions = {}) {
  const clock = fakeClock({ now: 1_000 });
  const { events, subscriber } = eventLog();
  const { logger, lines } = memoryLogger();
  const runner = createRunner({ cache: memoryCache({ clock }), clock, subscriber, logger, ...options });
  return { runner, clock, events, lines };
}

/** How often a cached body ran, after so many runs with one input. */
function counting(value: () => unknown) {
  const meter = { runs: 0 };
  const made = node(
    'made',
    (_given: unknown) => {
      meter.runs += 1;
      return value();
    },
    { cache: true },
  );
  return { made, meter };
}

describe('what is not kept', () => {
  test('a failure', async () => {
    const { runner, events } = stage();
    const { made, meter } = counting(() => {
      throw new Error('no');
    });

    await runner.run(made, undefined, { onFailure: 'return' });
    const { error } = await runner.run(made, undefined, { onFailure: 'return' });

    expect([error, meter.runs]).toEqual([new Error('no'), 2]);
    expect(ofType(events, 'CacheHit')).toEqual([]);
  });

  test('a fatal failure', async () => {
    const { runner } = stage();
    const { made, meter } = counting(() => {
      throw new FatalError('no');
    });

    await runner.run(made, undefined, { onFailure: 'return' });
    await runner.run(made, undefined, { onFailure: 'return' });

    expect(meter.runs).toBe(2);
  });

  test.each([
    ['sync', () => 'fallen back'],
    ['async', async () => 'fallen back'],
  ])('the answer of a %s fallback', async (_, fallback) => {
    const { runner } = stage();
    let runs = 0;
    const flaky = node(
      'flaky',
      () => {
        runs += 1;
        if (runs === 1) throw new Error('once');
        return 'computed';
      },
      { cache: true, fallback },
    );

    const answers = [await runner.run(flaky), await runner.run(flaky), await runner.run(flaky)].map(
      ({ answer }) => answer,
    );

    expect(answers).toEqual(['fallen back', 'computed', 'computed']);
  });

  test('what a body returns after its time was up', async () => {
    const { runner, clock } = stage();
    const slow = node(
      'slow',
      () => new Promise((resolve) => void clock.setTimeout(() => resolve('late'), 20)),
      {
        cache: true,
        timeout: 10,
      },
    );
    const first = runner.run(slow, undefined, { onFailure: 'return' });
    await clock.advance(30);
    const second = runner.run(slow, undefined, { onFailure: 'return' });

    await clock.advance(10);

    expect([(await first).error, (await second).error]).toMatchObject([
      { code: 'NODE_TIMEOUT' },
      { code: 'NODE_TIMEOUT' },
    ]);
  });

  class Client {
    readonly id = 1;
  }

  test.each([
    ['a function', { send: () => 1 }],
    ['an instance of a class', { client: new Client() }],
    ['a symbol', { tag: Symbol('x') }],
    [
      'what throws when it is read',
      Object.defineProperty({}, 'x', { enumerable: true, get: () => JSON.parse('{') }),
    ],
  ])('a result with %s: the caller gets it, and the log says so', async (_, value) => {
    const { runner, lines } = stage();
    const { made, meter } = counting(() => value);

    const first = await runner.run(made);
    const second = await runner.run(made);

    expect([first.answer === value, second.answer === value, meter.runs]).toEqual([true, true, 2]);
    const warnings = lines.filter(({ level }) => level === 'warn');
    expect(warnings).toHaveLength(2);
    expect(warnings[0]?.message).toContain('made');
  });

  test('the result of an attempt that failed: a retry that succeeds is kept', async () => {
    const { runner, clock, events } = stage();
    let runs = 0;
    const flaky = node(
      'flaky',
      () => {
        runs += 1;
        if (runs < 3) throw new Error('again');
        return runs;
      },
      { cache: true, retry: { delay: 100, jitter: 'none' } },
    );
    const first = runner.run(flaky);
    await clock.runAll();
    await first;

    const { answer, info } = await runner.run(flaky);

    expect([answer, runs]).toEqual([3, 3]);
    expect([...info.requests][0]?.attempts).toBe(0);
    expect(ofType(events, 'CacheMiss')).toHaveLength(1);
  });
});

describe('the limits of a cache', () => {
  test('an entry is good until its `ttl` is over', async () => {
    const clock = fakeClock();
    const { runner } = stage({ clock, cache: memoryCache({ clock, ttl: 100 }) });
    const { made, meter } = counting(() => 7);
    await runner.run(made);

    await clock.advance(99);
    await runner.run(made);
    const before = meter.runs;
    await clock.advance(1);
    await runner.run(made);

    expect([before, meter.runs]).toEqual([1, 2]);
  });

  test.each([
    ['shorter', 10],
    ['longer', 1_000],
  ])('the `ttl` of a node wins over a %s one', async (_, ttl) => {
    const clock = fakeClock();
    const { runner } = stage({ clock, cache: memoryCache({ clock, ttl: 100 }) });
    let runs = 0;
    const made = node('made', () => (runs += 1), { cache: { ttl } });
    await runner.run(made);

    await clock.advance(ttl - 1);
    await runner.run(made);
    const before = runs;
    await clock.advance(1);
    await runner.run(made);

    expect([before, runs]).toEqual([1, 2]);
  });

  test('an entry more drops the one that was not used for longest', async () => {
    const { runner, events } = stage({ cache: memoryCache({ maxEntries: 2 }) });
    const same = node('same', (n: number) => n, { cache: true });

    for (const n of [1, 2, 1, 3, 1, 2]) await runner.run(same, n);

    const found = events.flatMap(({ type }) => (type === 'CacheHit' || type === 'CacheMiss' ? [type] : []));
    expect(found).toEqual(['CacheMiss', 'CacheMiss', 'CacheHit', 'CacheMiss', 'CacheHit', 'CacheMiss']);
  });

  test('a result larger than `maxBytes` is not kept, and drops nothing', async () => {
    const { runner, events } = stage({ cache: memoryCache({ maxBytes: 1_000 }) });
    const repeat = node('repeat', (n: number) => 'x'.repeat(n), { cache: true });

    for (const n of [1, 2_000, 1, 2_000]) await runner.run(repeat, n);

    expect(ofType(events, 'CacheHit')).toHaveLength(1);
  });

  test('`clear` forgets everything', async () => {
    const cache = memoryCache();
    const { runner } = stage({ cache });
    const { made, meter } = counting(() => 7);
    await runner.run(made);

    cache.clear();
    await runner.run(made);

    expect(meter.runs).toBe(2);
  });
});

describe('no cache', () => {
  test.each([
    ['on the runner', { cache: null }, {}],
    ['in a run that switches it off', {}, { cache: null }],
  ])('%s: the body runs, and no event tells of a cache', async (_, shared, own) => {
    const { runner, events } = stage(shared);
    const { made, meter } = counting(() => 7);
    await runner.run(made);

    await runner.run(made, undefined, own);

    expect(meter.runs).toBe(2);
    const { runId } = events.at(-1) ?? {};
    const types = events.filter((event) => event.runId === runId).map(({ type }) => type);
    expect(types.filter((type) => type.startsWith('Cache'))).toEqual([]);
    expect(ofType(events, 'NodeEnd').map(({ cached }) => cached)).toEqual([false, false]);
  });

  test.each([
    ['is not wanted by the node', false],
    ['is not mentioned by the node', undefined],
  ])('that %s: the body runs, and no event tells of a cache', async (_, cache) => {
    const { runner, events } = stage();
    let runs = 0;
    const plain = node('plain', () => (runs += 1), cache === undefined ? {} : { cache });

    await runner.run(plain);
    await runner.run(plain);

    expect(runs).toBe(2);
    expect(events.filter(({ type }) => type.startsWith('Cache'))).toEqual([]);
  });

  test('a run that switches it off also keeps nothing', async () => {
    const { runner } = stage();
    const { made, meter } = counting(() => 7);

    await runner.run(made, undefined, { cache: null });
    await runner.run(made);

    expect(meter.runs).toBe(2);
  });

  test('a run may bring another', async () => {
    const { runner } = stage();
    const { made, meter } = counting(() => 7);
    const own = memoryCache();

    await runner.run(made);
    await runner.run(made, undefined, { cache: own });
    await runner.run(made, undefined, { cache: own });

    expect([meter.runs, own.size]).toEqual([2, 1]);
  });

  test('two runners may share one', async () => {
    const cache = memoryCache();
    const { made, meter } = counting(() => 7);

    await createRunner({ cache }).run(made);
    await createRunner({ cache }).run(made);

    expect(meter.runs).toBe(1);
  });

  test('is what a runner without the option has', async () => {
    const { events, subscriber } = eventLog();
    const { made, meter } = counting(() => 7);
    const runner = createRunner({ subscriber });

    await runner.run(made);
    await runner.run(made);

    expect(meter.runs).toBe(2);
    expect(events.filter(({ type }) => type.startsWith('Cache'))).toEqual([]);
  });
});

describe('what a person answered', () => {
  const asks = node('asks', async (_given: number, ctx) => `said ${String(await ctx.interrupt('Well?'))}`, {
    cache: true,
  });
  const calls = node('calls', async (given: number, ctx) => ctx.call(asks, given), { cache: true });

  test.each([
    { who: 'the body itself', target: asks },
    { who: 'something that the body calls', target: calls },
  ])('to $who is asked again in the next run', async ({ target }) => {
    const { runner } = stage();
    const first = await runner.run(target, 1);
    await runner.respond(first.runId, 'asks', 'yes');

    const second = await runner.run(target, 1);
    const { answer } = await runner.respond(second.runId, 'asks', 'no');

    expect(answer).toBe('said no');
  });

  test('keeps no result, also where a handler gave it, but those beside it are kept', async () => {
    const { runner, events } = stage({ interruptHandlers: { asks: () => 'handled' } });
    const { made, meter } = counting(() => 7);
    const both = node('both', async (_: unknown, ctx) => [await ctx.call(asks, 1), await ctx.call(made)]);

    await runner.run(both);
    await runner.run(both);
    await runner.close();

    expect(meter.runs).toBe(1);
    expect(ofType(events, 'CacheHit').map(({ nodeName }) => nodeName)).toEqual(['made']);
  });
});

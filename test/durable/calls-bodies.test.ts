import { node, type NodeContext, type TroupeEvent } from 'troupe';
import { memoryCache } from 'troupe/cache';
import { describe, expect, test } from 'vitest';
import { execute, Notes, storeAfter, storeWith } from './call-crash.ts';

const notes = new Notes();
const add = node('add', async (n: number) => {
  notes.add(`add ${n}`);
  return n + 1;
});

const chunksOf = (events: readonly TroupeEvent[]): unknown[] =>
  events.flatMap((event) => (event.type === 'StreamingChunk' ? [event.chunk] : []));

describe('a body that yields', () => {
  const streams = node('streams', async function* streams(n: number, ctx: NodeContext) {
    notes.add('streams');
    for (let i = 0; i < n; i += 1) yield await ctx.call(add, i);
  });

  test('gives the array of its chunks again where it had ended', async () => {
    const root = node('root', async (_: unknown, ctx) => [
      await ctx.call(streams, 3),
      await ctx.call(add, 100),
    ]);
    const whole = await execute(root);
    notes.take();

    const { result, events } = await execute(root, {
      store: await storeAfter(whole.log, 'RequestSuccess streams'),
    });

    expect(result.answer).toEqual([[1, 2, 3], 101]);
    expect(chunksOf(events)).toEqual([]);
    expect(notes.take()).toEqual(['add 100']);
  });

  test('yields from its beginning where it had not, and calls only what is new', async () => {
    const whole = await execute(streams, { input: 3 });
    notes.take();

    const { result, events } = await execute(streams, {
      store: await storeAfter(whole.log, 'RequestSuccess add', 2),
    });

    expect(result.answer).toEqual([1, 2, 3]);
    expect(chunksOf(events)).toEqual([1, 2, 3]);
    expect(notes.take()).toEqual(['streams', 'add 2']);
  });

  test('gives what it returns', async () => {
    const counts = node('counts', async function* counts(_: unknown, ctx: NodeContext) {
      yield 'chunk';
      return await ctx.call(add, 1);
    });
    const whole = await execute(counts);

    const { result } = await execute(counts, { store: await storeAfter(whole.log, 'NodeStart add') });

    expect(result.answer).toBe(2);
  });

  test('synchronously gives its chunks again', async () => {
    const sync = node('sync', function* sync() {
      notes.add('sync');
      yield 1;
      yield 2;
    });
    const root = node('root', async (_: unknown, ctx) => [await ctx.call(sync), await ctx.call(add, 1)]);
    const whole = await execute(root);
    notes.take();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess sync') });

    expect(result.answer).toEqual([[1, 2], 2]);
    expect(notes.take()).toEqual(['add 1']);
  });
});

describe('what a body publishes besides', () => {
  test('is published again by a body that runs again', async () => {
    const tells = node('tells', async (_: unknown, ctx) => {
      ctx.broadcast('begun');
      ctx.emitChunk('part');
      return ctx.call(add, 1);
    });
    const whole = await execute(tells);

    const { events } = await execute(tells, { store: await storeAfter(whole.log, 'NodeStart add') });

    expect(events.filter(({ type }) => type === 'Broadcast')).toMatchObject([{ item: 'begun' }]);
    expect(chunksOf(events)).toEqual(['part']);
  });

  test('is part of no log', async () => {
    const tells = node('tells', async (_: unknown, ctx) => {
      ctx.broadcast('begun');
      ctx.emitChunk('part');
    });

    const { log } = await execute(tells);

    expect(log.history.map(({ type }) => type)).toEqual([
      'RunStart',
      'RequestCreation',
      'NodeStart',
      'RequestSuccess',
      'RunEnd',
    ]);
  });
});

describe('a fallback', () => {
  const tries = node(
    'tries',
    async (n: number, ctx: NodeContext): Promise<number> => {
      notes.add(`tries ${ctx.attempt}`);
      await ctx.call(add, n);
      throw new Error('no');
    },
    { retry: { maxAttempts: 2, delay: 0 }, fallback: ({ input }) => input * 100 },
  );

  test('answers after the attempts that were left', async () => {
    const whole = await execute(tries, { input: 5 });
    notes.take();

    const { result } = await execute(tries, { store: await storeAfter(whole.log, 'NodeRetry tries') });

    expect(result.answer).toBe(500);
    expect(notes.take()).toEqual(['tries 2', 'add 5']);
  });

  test('is not asked again once it has answered', async () => {
    const root = node('root', async (_: unknown, ctx) => [await ctx.call(tries, 5), await ctx.call(add, 1)]);
    const whole = await execute(root);
    notes.take();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess tries') });

    expect(result.answer).toEqual([500, 2]);
    expect(notes.take()).toEqual(['add 1']);
  });
});

describe('a result from the cache', () => {
  const cached = node(
    'cached',
    async (n: number) => {
      notes.add(`cached ${n}`);
      return n * 2;
    },
    { cache: { version: '1' } },
  );
  const root = node('root', async (_: unknown, ctx) => [await ctx.call(cached, 1), await ctx.call(add, 1)]);

  test('is on record as any other, so that it needs no cache after the crash', async () => {
    const cache = memoryCache();
    await execute(cached, { input: 1, cache });
    const whole = await execute(root, { cache });
    notes.take();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess cached') });

    expect(result.answer).toEqual([2, 2]);
    expect(notes.take()).toEqual(['add 1']);
  });

  test('serves a call that was in flight', async () => {
    const cache = memoryCache();
    const whole = await execute(root, { cache });
    notes.take();

    const { result } = await execute(root, { cache, store: await storeAfter(whole.log, 'NodeStart cached') });

    expect(result.answer).toEqual([2, 2]);
    expect(notes.take()).toEqual(['add 1']);
  });
});

describe('values of calls', () => {
  const values: readonly (readonly [what: string, value: unknown])[] = [
    ['undefined', undefined],
    ['null', null],
    ['NaN', Number.NaN],
    ['-0', -0],
    ['an infinity', Number.NEGATIVE_INFINITY],
    ['a big integer', 12_345_678_901_234_567_890n],
    ['a date', new Date(1_234)],
    ['a map of sets', new Map([['a', new Set([1, 2])]])],
    ['a regular expression', /a+/giu],
    ['a URL', new URL('https://example.org/x?y=1')],
    ['bytes', new Uint8Array([1, 2, 255])],
    ['an error', new RangeError('a value, not a failure')],
    ['a hole in undefined', { gone: undefined, list: [undefined, 1] }],
    ['keys of any kind', { '': 1, 'a.b': 2, 'two words': 3, 7: 4 }],
    ['a lone surrogate', '\u{D800}'],
  ];

  test.each(values)('come back as they were: %s', async (_what, value) => {
    const gives = node('gives', () => value);
    const takes = node('takes', async (given: unknown) => [given]);
    const root = node('root', async (_: unknown, ctx) => ctx.call(takes, await ctx.call(gives)));
    const whole = await execute(root);

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'NodeStart takes') });

    expect(result.status).toBe('completed');
    expect(result.answer).toStrictEqual([value]);
  });

  test('come back as one object where they were one', async () => {
    const gives = node('gives', () => {
      const shared = { n: 1 };
      const ring: Record<string, unknown> = { left: shared, right: shared };
      ring['self'] = ring;
      return ring;
    });
    const root = node('root', async (_: unknown, ctx) => {
      const ring = await ctx.call(gives);
      await ctx.call(add, 1);
      return [ring['left'] === ring['right'], ring['self'] === ring];
    });
    const whole = await execute(root);

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'NodeStart add') });

    expect(result.answer).toEqual([true, true]);
  });

  test('are those that were recorded, whatever the body does to them later', async () => {
    const gives = node('gives', () => ({ list: [1] }));
    const root = node('root', async (_: unknown, ctx) => {
      const given = await ctx.call(gives);
      given.list.push(await ctx.call(add, 1));
      given.list.push(await ctx.call(add, 2));
      return given;
    });
    const whole = await execute(root);

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess add') });

    expect(result.answer).toEqual({ list: [1, 2, 3] });
  });

  test('of an input that the body changes are compared as they were given', async () => {
    const grows = node('grows', async (list: number[]) => {
      list.push(1);
      return list.length;
    });
    const root = node('root', async (_: unknown, ctx) => [
      await ctx.call(grows, [0]),
      await ctx.call(grows, [0, 0]),
      await ctx.call(add, 1),
    ]);
    const whole = await execute(root);

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'NodeStart add') });

    expect(result.answer).toEqual([2, 3, 2]);
  });

  test('of an input with many keys are compared whatever the order of the keys', async () => {
    let isFirst = true;
    const takes = node('takes', async (given: unknown) => given);
    const root = node('root', async (_: unknown, ctx) => {
      await ctx.call(takes, isFirst ? { a: 1, b: 2 } : { b: 2, a: 1 });
      return ctx.call(add, 1);
    });
    const whole = await execute(root);
    isFirst = false;

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'NodeStart add') });

    expect(result.answer).toBe(2);
  });
});

test('a body that calls nothing and was in flight runs again as a whole', async () => {
  const alone = node('alone', async (n: number) => {
    notes.add('alone');
    return n;
  });
  const whole = await execute(alone, { input: 3 });
  notes.take();

  const { result } = await execute(alone, { store: await storeWith(whole.log, 3) });

  expect(result.answer).toBe(3);
  expect(notes.take()).toEqual(['alone']);
});

import { call, createRunner, node, type AnyNode, type TroupeEvent } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { ofType } from '../support/runs.ts';

async function play(target: AnyNode) {
  const clock = fakeClock();
  const events: TroupeEvent[] = [];
  const result = await createRunner({ clock }).run(target, undefined, {
    subscriber: (event) => void events.push(event),
    onFailure: 'return',
  });
  await clock.advance(0);
  return { result, chunks: ofType(events, 'StreamingChunk') };
}

const BODIES: Record<string, AnyNode> = {
  'a sync generator': node('streams', function* () {
    yield 'a';
    yield 'b';
  }),
  'an async generator': node('streams', async function* () {
    yield 'a';
    await Promise.resolve();
    yield 'b';
  }),
};
const RETURNING: Record<string, AnyNode> = {
  'a sync generator': node('streams', function* () {
    yield 'a';
    yield 'b';
    return 'returned';
  }),
  'an async generator': node('streams', async function* () {
    yield 'a';
    await Promise.resolve();
    yield 'b';
    return 'returned';
  }),
};

describe.each(Object.entries(BODIES))('%s that returns nothing', (_name, target) => {
  test('its output is the array of its chunks', async () => {
    const { result } = await play(target);

    expect(result.answer).toEqual(['a', 'b']);
  });

  test('each yielded value is a StreamingChunk event', async () => {
    const { chunks } = await play(target);

    expect(chunks).toMatchObject([
      { nodeName: 'streams', chunk: 'a', index: 0 },
      { nodeName: 'streams', chunk: 'b', index: 1 },
    ]);
  });
});

describe.each(Object.entries(RETURNING))('%s with a return value', (_name, target) => {
  test('its output is its return value', async () => {
    const { result } = await play(target);

    expect(result.answer).toBe('returned');
  });

  test('each yielded value is a StreamingChunk event, and the returned one is not', async () => {
    const { chunks } = await play(target);

    expect(chunks.map((event) => event.chunk)).toEqual(['a', 'b']);
  });
});

describe('a generator body', () => {
  test('that yields nothing gives an empty array', async () => {
    const silent = node('silent', async function* () {
      yield* await Promise.resolve<string[]>([]);
    });

    expect((await play(silent)).result.answer).toEqual([]);
  });

  test.each([null, 0, false, ''])('may return %j', async (value) => {
    const target = node('streams', function* () {
      yield 'a';
      return value;
    });

    expect((await play(target)).result.answer).toBe(value);
  });

  test('gives its caller what it gives a run', async () => {
    const streams = node('streams', function* () {
      yield 1;
      yield 2;
    });
    const root = node('root', async (_: unknown, ctx) => (await ctx.call(streams)).length);

    expect((await play(root)).result.answer).toBe(2);
  });

  test('that throws after a chunk fails with the very error', async () => {
    const boom = new Error('boom');
    const target = node('streams', async function* () {
      yield await Promise.resolve('a');
      throw boom;
    });

    const { result, chunks } = await play(target);

    expect(result.error).toBe(boom);
    expect(chunks.map((event) => event.chunk)).toEqual(['a']);
  });

  test('counts its chunks anew on each attempt', async () => {
    const flaky = node(
      'flaky',
      function* (_: unknown, ctx) {
        yield `attempt ${ctx.attempt}`;
        if (ctx.attempt === 1) throw new Error('again');
      },
      { retry: { delay: 0 } },
    );

    const { result, chunks } = await play(flaky);

    expect(result.answer).toEqual(['attempt 2']);
    expect(chunks.map((event) => event.index)).toEqual([0, 0]);
  });

  test('may make calls between its chunks', async () => {
    const one = node('one', () => 1);
    const streams = node('streams', async function* (_: unknown, ctx) {
      yield await ctx.call(one);
      yield await ctx.call(one);
    });

    expect((await play(streams)).result.answer).toEqual([1, 1]);
  });

  test('keeps the ambient functions between its chunks', async () => {
    const one = node('one', () => 1);
    const streams = node('streams', async function* () {
      yield await call(one);
      yield await call(one);
    });

    expect((await play(streams)).result.answer).toEqual([1, 1]);
  });
});

describe('ctx.emitChunk', () => {
  test('publishes chunks that are no part of the output', async () => {
    const emits = node('emits', (_: unknown, ctx) => {
      ctx.emitChunk('a');
      ctx.emitChunk('b');
      return 'done';
    });

    const { result, chunks } = await play(emits);

    expect(result.answer).toBe('done');
    expect(chunks).toMatchObject([
      { chunk: 'a', index: 0 },
      { chunk: 'b', index: 1 },
    ]);
  });

  test('counts on with what a generator yields', async () => {
    const both = node('both', function* (_: unknown, ctx) {
      yield 'a';
      ctx.emitChunk('b');
      yield 'c';
    });

    const { result, chunks } = await play(both);

    expect(chunks.map((event) => [event.chunk, event.index])).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 2],
    ]);
    expect(result.answer).toEqual(['a', 'c']);
  });
});

describe('ctx.broadcast', () => {
  test('publishes a Broadcast event', async () => {
    const clock = fakeClock();
    const events: TroupeEvent[] = [];
    const says = node('says', (_: unknown, ctx) => ctx.broadcast({ note: 1 }));

    await createRunner({ clock }).run(says, undefined, { subscriber: (event) => void events.push(event) });
    await clock.advance(0);

    expect(ofType(events, 'Broadcast')).toMatchObject([{ nodeName: 'says', item: { note: 1 } }]);
  });
});

describe('a body of an ordinary kind', () => {
  test('may return an array or an iterator without being taken for a generator', async () => {
    const lists = node('lists', () => [1, 2][Symbol.iterator]());

    const { answer } = await createRunner().run(lists);

    expect([...answer]).toEqual([1, 2]);
  });

  test('may return a thenable, which is awaited', async () => {
    const made = new Promise<number>((resolve) => resolve(5));
    const waits = node('waits', () => made);

    expect((await createRunner().run(waits)).answer).toBe(5);
  });

  test('may throw before it returns a promise', async () => {
    const boom = new Error('boom');
    const fails = node('fails', (): Promise<number> => {
      throw boom;
    });

    expect(await rejectionOf(createRunner().run(fails))).toBe(boom);
  });
});

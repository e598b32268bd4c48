import { input, node } from 'troupe';
import type { FakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { watch } from '../support/watch-events.ts';

const ID = expect.any(String) as string;

const sleep = (clock: FakeClock, ms: number) => new Promise<void>((resolve) => clock.setTimeout(resolve, ms));
const hang = node('hang', () => new Promise<void>(() => {}), { timeout: 30 });
const boom = new Error('boom');
const broken = node('broken', () => Promise.reject(boom));

describe('an event of a run', () => {
  test('that starts names its target and its inputs', async () => {
    const { of } = await watch(
      node({ name: 'add', inputs: { a: input<number>(), b: input(2) }, run: ({ a, b }) => a + b }),
      { a: 1 },
    );

    expect(of('RunStart')).toMatchObject([
      { target: 'add', inputs: { a: 1, b: 2 }, seq: 0, timestamp: 1_000, parentSpanId: null },
    ]);
  });

  test('that has completed has its outputs and its duration, and no error', async () => {
    const { of } = await watch((clock) =>
      node({ name: 'slow', output: 'done', run: () => sleep(clock, 25).then(() => 'yes') }),
    );

    expect(of('RunEnd')).toMatchObject([{ status: 'completed', outputs: { done: 'yes' }, durationMs: 25 }]);
    expect(of('RunEnd')[0]).not.toHaveProperty('error');
  });

  test('that has failed has the very error', async () => {
    const { of } = await watch(broken);

    expect(of('RunEnd')).toMatchObject([{ status: 'failed' }]);
    expect(of('RunEnd')[0]?.error).toBe(boom);
  });

  test('that has timed out has its error', async () => {
    const { of } = await watch(
      node('hang', () => new Promise(() => {})),
      undefined,
      { timeout: 40 },
    );

    expect(of('RunEnd')).toMatchObject([
      { status: 'timedOut', durationMs: 40, error: { code: 'RUN_TIMEOUT' } },
    ]);
  });
});

describe('an event of a node', () => {
  test('that starts has its inputs and the attempt', async () => {
    const { of } = await watch(
      node('echo', (text: string) => text),
      'hi',
    );

    expect(of('NodeStart')).toMatchObject([
      { nodeName: 'echo', inputs: 'hi', attempt: 1, requestId: ID, spanId: ID },
    ]);
  });

  test('that has ended has its output, its outputs by name, its duration, and that it was not cached', async () => {
    const { of } = await watch((clock) =>
      node({
        name: 'split',
        outputs: ['lo', 'hi'],
        run: () => sleep(clock, 5).then(() => ({ lo: 1, hi: 2 })),
      }),
    );

    expect(of('NodeEnd')).toMatchObject([
      {
        nodeName: 'split',
        output: { lo: 1, hi: 2 },
        outputs: { lo: 1, hi: 2 },
        durationMs: 5,
        cached: false,
      },
    ]);
  });

  test('that names one output has the whole output under it', async () => {
    const { of } = await watch(node({ name: 'one', output: 'only', run: () => [1] }));

    expect(of('NodeEnd')).toMatchObject([{ output: [1], outputs: { only: [1] } }]);
  });

  test('that failed has the very error, once, with the last attempt', async () => {
    const { of } = await watch(node('broken', () => Promise.reject(boom), { retry: { maxAttempts: 3 } }));

    expect(of('NodeError')).toMatchObject([{ nodeName: 'broken', attempt: 3 }]);
    expect(of('NodeError')[0]?.error).toBe(boom);
  });

  test('that is tried again has the error, the attempt that failed and the delay', async () => {
    const { of } = await watch(
      node('broken', () => Promise.reject(boom), {
        retry: { maxAttempts: 3, delay: 100, backoff: 2, jitter: 'none' },
      }),
    );

    expect(of('NodeRetry')).toMatchObject([
      { nodeName: 'broken', attempt: 1, delayMs: 100 },
      { nodeName: 'broken', attempt: 2, delayMs: 200 },
    ]);
    expect(of('NodeRetry')[0]?.error).toBe(boom);
    expect(of('NodeStart').map(({ timestamp }) => timestamp)).toEqual([1_000, 1_100, 1_300]);
  });

  test('that was saved by its fallback is no NodeError', async () => {
    const { of } = await watch(
      node('broken', (): Promise<number> => Promise.reject(boom), { fallback: () => 7 }),
    );

    expect(of('NodeError')).toEqual([]);
    expect(of('NodeEnd')).toMatchObject([{ output: 7 }]);
  });

  test('that streams has each chunk and its place', async () => {
    const { of } = await watch(
      node('stream', function* () {
        yield 'a';
        yield 'b';
      }),
    );

    expect(of('StreamingChunk')).toMatchObject([
      { nodeName: 'stream', chunk: 'a', index: 0 },
      { nodeName: 'stream', chunk: 'b', index: 1 },
    ]);
  });

  test('that emits chunks counts them from 0 in each attempt', async () => {
    const { of } = await watch(
      node(
        'stream',
        async (_: unknown, ctx) => {
          ctx.emitChunk(ctx.attempt);
          ctx.emitChunk(ctx.attempt);
          if (ctx.attempt === 1) throw boom;
        },
        { retry: {} },
      ),
    );

    expect(of('StreamingChunk').map(({ chunk, index }) => [chunk, index])).toEqual([
      [1, 0],
      [1, 1],
      [2, 0],
      [2, 1],
    ]);
  });

  test('that broadcasts has the item', async () => {
    const { of } = await watch(node('radio', (_: unknown, ctx) => ctx.broadcast({ news: 1 })));

    expect(of('Broadcast')).toMatchObject([{ nodeName: 'radio', item: { news: 1 } }]);
  });

  test('that timed out is a NodeError with a NodeTimeoutError', async () => {
    const { of } = await watch(hang);

    expect(of('NodeError')).toMatchObject([
      { nodeName: 'hang', error: { code: 'NODE_TIMEOUT' }, attempt: 1 },
    ]);
  });
});

describe('an event of a question', () => {
  test('that is open has its key, its node, the path to it and what was asked', async () => {
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt({ prompt: 'Whose name?' }, { key: 'name' }));

    const { of } = await watch(ask);

    expect(of('Interrupt')).toMatchObject([
      { key: 'name', node: 'ask', value: { prompt: 'Whose name?' }, requestId: ID },
    ]);
    expect(of('Interrupt')[0]?.path.at(-1)).toBe('ask');
  });

  test('that was answered has its key and the answer', async () => {
    const { of } = await watch(node('ask', (_: unknown, ctx) => ctx.interrupt('?')));

    expect(of('InterruptResolved')).toMatchObject([{ key: 'ask', value: 'answer' }]);
  });

  test('has the answer that the schema parsed', async () => {
    const { z } = await import('zod');
    const ask = node('ask', (_: unknown, ctx) =>
      ctx.interrupt('?', { schema: z.string().transform((text) => text.length) }),
    );

    const { of } = await watch(ask);

    expect(of('InterruptResolved')).toMatchObject([{ value: 6 }]);
  });
});

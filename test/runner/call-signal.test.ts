import { CancelledError, createRunner, node } from 'troupe';
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';

const endless = node('endless', () => new Promise<void>(() => {}));
const quick = node('quick', (n: number) => n);

describe('the signal of a call', () => {
  test('cancels that call alone, and the caller may go on', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      const enough = new AbortController();
      const stopped = ctx
        .call(endless, undefined, { signal: enough.signal })
        .catch((error: unknown) => error);
      const other = ctx.call(quick, 7);
      enough.abort('enough');
      return [await stopped, await other];
    });
    await using runner = createRunner();

    const { answer, info } = await runner.run(root);

    expect(answer[0]).toBeInstanceOf(CancelledError);
    expect(answer[0]).toMatchObject({ reason: 'enough' });
    expect(answer[1]).toBe(7);
    expect(Array.from(info.requests, ({ status }) => status)).toEqual([
      'succeeded',
      'cancelled',
      'succeeded',
    ]);
  });

  test('that has aborted before lets the call never start', async () => {
    const root = node('root', (_: unknown, ctx) =>
      ctx.call(endless, undefined, { signal: AbortSignal.abort('early') }).catch(() => 'stopped'),
    );
    await using runner = createRunner();

    const { answer, info } = await runner.run(root);

    expect(answer).toBe('stopped');
    expect([...info.requests][1]).toMatchObject({ status: 'cancelled', attempts: 0 });
    expect(info.steps).toBe(4);
  });

  test('keeps no listener when the call has ended', async () => {
    const { signal } = new AbortController();
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(quick, [1, 2, 3], { signal }));
    await using runner = createRunner();

    const { answer } = await runner.run(root);

    expect(answer).toEqual([1, 2, 3]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('that is no AbortSignal is refused', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.call(quick, 1, { signal: 'no' as never }));
    await using runner = createRunner();

    await expect(runner.run(root)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});

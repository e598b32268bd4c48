import { createRunner, node } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred, never } from '../support/deferred.ts';
import { statusesOf, stepsOf, unendedOf } from '../support/forest.ts';

const quick = node('quick', () => 'quick');
const boom = new Error('boom');

describe("a child that runs on when its parent has returned, under orphans 'wait'", () => {
  test('it is waited for, and the request of the parent stays running until then', async () => {
    const clock = fakeClock();
    const gate = deferred();
    const slow = node('slow', () => gate.promise);
    const root = node('root', (_: unknown, ctx) => {
      void ctx.call(slow);
      return 'returned';
    });
    const handle = createRunner({ clock }).iter(root);

    await clock.advance(0);
    const meanwhile = statusesOf(handle.info);
    gate.resolve();
    const { answer, info } = await handle.result;

    expect(meanwhile).toEqual(['root running', 'slow running']);
    expect(answer).toBe('returned');
    expect(statusesOf(info)).toEqual(['root succeeded', 'slow succeeded']);
    expect(info.stamps.at(-1)?.identifier).toContain('root');
  });

  test('it may make new calls', async () => {
    const clock = fakeClock();
    const gate = deferred();
    const slow = node('slow', async (_: unknown, ctx) => {
      await gate.promise;
      return ctx.call(quick);
    });
    const root = node('root', (_: unknown, ctx) => void ctx.call(slow));
    const running = createRunner({ clock }).run(root);

    await clock.advance(0);
    gate.resolve();
    const { info } = await running;

    expect(statusesOf(info)).toEqual(['root succeeded', 'slow succeeded', 'quick succeeded']);
  });

  test('the losers of a Promise.race end in a terminal state', async () => {
    const gate = deferred();
    const slow = node('slow', () => gate.promise.then(() => 'slow'));
    const root = node('root', async (_: unknown, ctx) => {
      const winner = await Promise.race([ctx.call(slow), ctx.call(quick)]);
      gate.resolve();
      return winner;
    });

    const { answer, info } = await createRunner().run(root);

    expect(answer).toBe('quick');
    expect(unendedOf(info)).toEqual([]);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('that fails fails nothing else', async () => {
    const clock = fakeClock();
    const gate = deferred();
    const slow = node('slow', () => gate.promise);
    const root = node('root', (_: unknown, ctx) => {
      void ctx.call(slow);
      return 'returned';
    });
    const running = createRunner({ clock }).run(root);

    await clock.advance(0);
    gate.reject(boom);
    const { answer, info } = await running;

    expect(answer).toBe('returned');
    expect(statusesOf(info)).toEqual(['root succeeded', 'slow failed']);
  });

  test('a caller of the parent gets the result only when the orphans have ended', async () => {
    const clock = fakeClock();
    const gate = deferred();
    let hasReturned = false;
    const slow = node('slow', () => gate.promise);
    const mid = node('mid', (_: unknown, ctx) => void ctx.call(slow));
    const root = node('root', async (_: unknown, ctx) => {
      await ctx.call(mid);
      hasReturned = true;
    });
    const running = createRunner({ clock }).run(root);

    await clock.advance(0);
    const before = hasReturned;
    gate.resolve();
    await running;

    expect([before, hasReturned]).toEqual([false, true]);
  });
});

describe("a child that runs on when its parent has returned, under orphans 'cancel'", () => {
  test('it is cancelled at once', async () => {
    const slow = node('slow', () => never());
    const root = node('root', (_: unknown, ctx) => {
      void ctx.call(slow);
      return 'returned';
    });

    const { answer, status, info } = await createRunner({ orphans: 'cancel' }).run(root);

    expect(status).toBe('completed');
    expect(answer).toBe('returned');
    expect(statusesOf(info)).toEqual(['root succeeded', 'slow cancelled']);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('everything below it is cancelled too', async () => {
    const leaf = node('leaf', () => never());
    const mid = node('mid', (_: unknown, ctx) => ctx.call(leaf));
    const root = node('root', (_: unknown, ctx) => void ctx.call(mid));

    const { info } = await createRunner({ orphans: 'cancel' }).run(root);

    expect(statusesOf(info)).toEqual(['root succeeded', 'mid cancelled', 'leaf cancelled']);
  });

  test('its signal fires with a CancelledError', async () => {
    const signals: AbortSignal[] = [];
    const slow = node('slow', (_: unknown, ctx) => {
      signals.push(ctx.signal);
      return never();
    });
    const root = node('root', (_: unknown, ctx) => void ctx.call(slow));

    await createRunner({ orphans: 'cancel' }).run(root);

    expect(signals.map((signal) => signal.reason as unknown)).toMatchObject([{ code: 'CANCELLED' }]);
  });

  test('the option of the run wins', async () => {
    const slow = node('slow', () => never());
    const root = node('root', (_: unknown, ctx) => void ctx.call(slow));

    const { info } = await createRunner({ orphans: 'wait' }).run(root, undefined, { orphans: 'cancel' });

    expect(statusesOf(info)).toEqual(['root succeeded', 'slow cancelled']);
  });
});

describe('a child that runs on when its parent has failed', () => {
  test("it is cancelled under onError 'stop'", async () => {
    const slow = node('slow', () => never());
    const root = node('root', (_: unknown, ctx) => {
      void ctx.call(slow);
      throw boom;
    });

    const { error, info } = await createRunner().run(root, undefined, { onFailure: 'return' });

    expect(error).toBe(boom);
    expect(statusesOf(info)).toEqual(['root failed', 'slow cancelled']);
  });

  test("it runs to its end under onError 'continue', new calls included", async () => {
    const clock = fakeClock();
    const gate = deferred();
    const slow = node('slow', async (_: unknown, ctx) => {
      await gate.promise;
      return ctx.call(quick);
    });
    const root = node('root', (_: unknown, ctx) => {
      void ctx.call(slow);
      throw boom;
    });
    const running = createRunner({ clock, onError: 'continue' }).run(root, undefined, {
      onFailure: 'return',
    });

    await clock.advance(0);
    gate.resolve();
    const { error, info } = await running;

    expect(error).toBe(boom);
    expect(statusesOf(info)).toEqual(['root failed', 'slow succeeded', 'quick succeeded']);
  });

  test("under onError 'continue' the request of the parent stays running until then", async () => {
    const clock = fakeClock();
    const gate = deferred();
    const slow = node('slow', () => gate.promise);
    const root = node('root', (_: unknown, ctx) => {
      void ctx.call(slow);
      throw boom;
    });
    const handle = createRunner({ clock, onError: 'continue' }).iter(root, undefined, {
      onFailure: 'return',
    });

    await clock.advance(0);
    const meanwhile = statusesOf(handle.info);
    gate.resolve();
    await handle.result;

    expect(meanwhile).toEqual(['root running', 'slow running']);
  });

  test('it is cancelled before the parent is tried again', async () => {
    const clock = fakeClock();
    const slow = node('slow', () => never());
    const root = node(
      'root',
      (_: unknown, ctx) => {
        if (ctx.attempt === 2) return 'second';
        void ctx.call(slow);
        throw boom;
      },
      { retry: { delay: 10, jitter: 'none' } },
    );
    const handle = createRunner({ clock }).iter(root);

    await clock.advance(5);
    const meanwhile = statusesOf(handle.info);
    await clock.advance(5);
    const { answer } = await handle.result;

    expect(meanwhile).toContain('slow cancelled');
    expect(answer).toBe('second');
  });
});

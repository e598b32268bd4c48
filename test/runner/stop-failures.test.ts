import { node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { deferred, never, rejectionOf } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf } from '../support/forest.ts';
import { EACH_RUN, stageFor } from '../support/runs.ts';

const boom = new Error('boom');
const fails = node('fails', async () => {
  throw boom;
});

describe.each(EACH_RUN)("onError 'stop' in the %s run of a runner", (turn) => {
  test('an uncaught failure rejects the run with the very error', async () => {
    const { runner } = await stageFor(turn);
    const mid = node('mid', async (_: unknown, ctx) => ctx.call(fails));
    const root = node('root', async (_: unknown, ctx) => ctx.call(mid));

    const error = await rejectionOf(runner.run(root));

    expect(error).toBe(boom);
  });

  test('an uncaught failure cancels the running siblings', async () => {
    const { runner } = await stageFor(turn);
    const sibling = node('sibling', () => never());
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(sibling), ctx.call(fails)]));

    const { status, error, info } = await runner.run(root, undefined, { onFailure: 'return' });

    expect(status).toBe('failed');
    expect(error).toBe(boom);
    expect(statusesOf(info)).toEqual(['root failed', 'sibling cancelled', 'fails failed']);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('the signal of a cancelled sibling fires with a CancelledError', async () => {
    const { runner } = await stageFor(turn);
    const begun = deferred<AbortSignal>();
    const sibling = node('sibling', (_: unknown, ctx) => {
      begun.resolve(ctx.signal);
      return never();
    });
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(sibling), ctx.call(fails)]));

    await runner.run(root, undefined, { onFailure: 'return' });
    const signal = await begun.promise;

    expect(signal.reason).toMatchObject({ code: 'CANCELLED' });
  });

  test('a parent that catches the failure of a child has handled it', async () => {
    const { runner } = await stageFor(turn);
    const root = node('root', (_: unknown, ctx) => ctx.call(fails).catch(() => 'went on'));

    const { status, answer, info } = await runner.run(root);

    expect(status).toBe('completed');
    expect(answer).toBe('went on');
    expect(statusesOf(info)).toEqual(['root succeeded', 'fails failed']);
  });

  test('a failed child that was caught leaves its siblings running', async () => {
    const { runner } = await stageFor(turn);
    const gate = deferred<string>();
    const sibling = node('sibling', () => gate.promise);
    const root = node('root', async (_: unknown, ctx) => {
      const other = ctx.call(sibling);
      await ctx.call(fails).catch(() => undefined);
      gate.resolve('unharmed');
      return other;
    });

    const { answer } = await runner.run(root);

    expect(answer).toBe('unharmed');
  });

  test('a parent in the middle that fails takes its running children along, and nothing else', async () => {
    const { runner } = await stageFor(turn);
    const hanging = node('hanging', () => never());
    const mid = node('mid', (_: unknown, ctx) => Promise.all([ctx.call(hanging), ctx.call(fails)]));
    const gate = deferred();
    const outside = node('outside', () => gate.promise);
    const root = node('root', async (_: unknown, ctx) => {
      const other = ctx.call(outside);
      await ctx.call(mid).catch(() => gate.resolve());
      await other;
    });

    const { info } = await runner.run(root);

    expect(statusesOf(info).toSorted()).toEqual([
      'fails failed',
      'hanging cancelled',
      'mid failed',
      'outside succeeded',
      'root succeeded',
    ]);
  });
});

describe.each(EACH_RUN)("onError 'continue' in the %s run of a runner", (turn) => {
  test('siblings of an uncaught failure run to their end before the run fails with it', async () => {
    const { runner, clock } = await stageFor(turn, { onError: 'continue' });
    const gate = deferred<string>();
    const sibling = node('sibling', () => gate.promise);
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(sibling), ctx.call(fails)]));
    const handle = runner.iter(root, undefined, { onFailure: 'return' });

    await clock.advance(0);
    const meanwhile = statusesOf(handle.info);
    gate.resolve('done');
    const { status, error, info } = await handle.result;

    expect(meanwhile).toEqual(['root running', 'sibling running', 'fails failed']);
    expect(status).toBe('failed');
    expect(error).toBe(boom);
    expect(statusesOf(info)).toEqual(['root failed', 'sibling succeeded', 'fails failed']);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('a sibling that runs on may make new calls', async () => {
    const { runner, clock } = await stageFor(turn, { onError: 'continue' });
    const gate = deferred();
    const late = node('late', () => 'late');
    const sibling = node('sibling', async (_: unknown, ctx) => {
      await gate.promise;
      return ctx.call(late);
    });
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(sibling), ctx.call(fails)]));
    const running = runner.run(root, undefined, { onFailure: 'return' });

    await clock.advance(0);
    gate.resolve();
    const { info } = await running;

    expect(statusesOf(info)).toEqual(['root failed', 'sibling succeeded', 'fails failed', 'late succeeded']);
  });

  test('a failed body that still has calls under way may make new ones', async () => {
    const { runner, clock } = await stageFor(turn, { onError: 'continue' });
    const gate = deferred();
    const first = node('first', () => gate.promise);
    const second = node('second', () => 'second');
    const root = node('root', async (_: unknown, ctx) => {
      const chain = ctx.call(first).then(() => ctx.call(second));
      await Promise.all([chain, ctx.call(fails)]);
    });
    const running = runner.run(root, undefined, { onFailure: 'return' });

    await clock.advance(0);
    gate.resolve();
    const { status, info } = await running;

    expect(status).toBe('failed');
    expect(statusesOf(info)).toEqual(['root failed', 'first succeeded', 'fails failed', 'second succeeded']);
  });

  test('a sibling that fails later does not replace the first failure', async () => {
    const { runner, clock } = await stageFor(turn, { onError: 'continue' });
    const gate = deferred();
    const sibling = node('sibling', () => gate.promise);
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(sibling), ctx.call(fails)]));
    const running = runner.run(root, undefined, { onFailure: 'return' });

    await clock.advance(0);
    gate.reject(new Error('second'));
    const { error, info } = await running;

    expect(error).toBe(boom);
    expect(statusesOf(info)).toEqual(['root failed', 'sibling failed', 'fails failed']);
  });
});

describe.each(EACH_RUN)("onError 'stopAll' in the %s run of a runner", (turn) => {
  test('the first failure stops the run even where a parent would have caught it', async () => {
    const { runner } = await stageFor(turn, { onError: 'stopAll' });
    const root = node('root', (_: unknown, ctx) => ctx.call(fails).catch(() => 'went on'));

    const { status, error, info } = await runner.run(root, undefined, { onFailure: 'return' });

    expect(status).toBe('failed');
    expect(error).toBe(boom);
    expect(statusesOf(info)).toEqual(['root cancelled', 'fails failed']);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('the run rejects with the very error of the first failure', async () => {
    const { runner } = await stageFor(turn, { onError: 'stopAll' });
    const root = node('root', (_: unknown, ctx) => ctx.call(fails).catch(() => 'went on'));

    expect(await rejectionOf(runner.run(root))).toBe(boom);
  });

  test('the first failure cancels what runs elsewhere in the tree', async () => {
    const { runner } = await stageFor(turn, { onError: 'stopAll' });
    const hanging = node('hanging', () => never());
    const branch = node('branch', async (_: unknown, ctx) => ctx.call(hanging));
    const root = node('root', (_: unknown, ctx) => Promise.allSettled([ctx.call(branch), ctx.call(fails)]));

    const { info } = await runner.run(root, undefined, { onFailure: 'return' });

    expect(statusesOf(info).toSorted()).toEqual([
      'branch cancelled',
      'fails failed',
      'hanging cancelled',
      'root cancelled',
    ]);
  });

  test('a child that nobody awaits stops the run as well', async () => {
    const { runner } = await stageFor(turn, { onError: 'stopAll' });
    const root = node('root', (_: unknown, ctx) => {
      void ctx.call(fails);
      return never();
    });

    const { status, error } = await runner.run(root, undefined, { onFailure: 'return' });

    expect(status).toBe('failed');
    expect(error).toBe(boom);
  });

  test('a node that succeeds after a retry stops nothing', async () => {
    const { runner, clock } = await stageFor(turn, { onError: 'stopAll' });
    const flaky = node(
      'flaky',
      (_: unknown, ctx) => {
        if (ctx.attempt === 1) throw boom;
        return 'second';
      },
      { retry: { delay: 10, jitter: 'none' } },
    );
    const running = runner.run(node('root', (_: unknown, ctx) => ctx.call(flaky)));

    await clock.advance(10);

    expect((await running).answer).toBe('second');
  });

  test('a node that falls back stops nothing', async () => {
    const { runner } = await stageFor(turn, { onError: 'stopAll' });
    const safe = node(
      'safe',
      (): string => {
        throw boom;
      },
      { fallback: () => 'instead' },
    );

    const { answer } = await runner.run(node('root', (_: unknown, ctx) => ctx.call(safe)));

    expect(answer).toBe('instead');
  });

  test('a child that takes too long stops the run', async () => {
    const { runner, clock } = await stageFor(turn, { onError: 'stopAll' });
    const slow = node('slow', (): Promise<string> => never(), { timeout: 100 });
    const root = node('root', (_: unknown, ctx) => ctx.call(slow).catch(() => 'went on'));
    const running = runner.run(root, undefined, { onFailure: 'return' });

    await clock.advance(100);
    const { status, error, info } = await running;

    expect(status).toBe('failed');
    expect(error).toMatchObject({ code: 'NODE_TIMEOUT' });
    expect(statusesOf(info)).toEqual(['root cancelled', 'slow timedOut']);
  });

  test('a failed body that still calls something under way loses it', async () => {
    const { runner } = await stageFor(turn, { onError: 'stopAll' });
    const slow = node('slow', () => never());
    const root = node('root', (_: unknown, ctx) => {
      void ctx.call(slow);
      throw boom;
    });

    const { error, info } = await runner.run(root, undefined, { onFailure: 'return' });

    expect(error).toBe(boom);
    expect(statusesOf(info)).toEqual(['root failed', 'slow cancelled']);
  });

  test('a child whose input is refused stops the run', async () => {
    const { runner } = await stageFor(turn, { onError: 'stopAll' });
    const picky = node({ name: 'picky', inputs: {}, run: () => 1 });
    const root = node('root', (_: unknown, ctx) => ctx.call(picky, { unknown: 1 }).catch(() => 'went on'));

    const { status, error, info } = await runner.run(root, undefined, { onFailure: 'return' });

    expect(status).toBe('failed');
    expect(error).toMatchObject({ code: 'UNKNOWN_INPUT' });
    expect(requestOf(info, 'picky').status).toBe('failed');
  });
});

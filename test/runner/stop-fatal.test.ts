import { FatalError, node } from 'troupe';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { deferred, never, rejectionOf } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf } from '../support/forest.ts';
import { EACH_RUN, eventLog, ofType, stageFor } from '../support/runs.ts';

const fatal = new FatalError('all is lost', { cause: 'rust' });
const dooms = node('dooms', async (): Promise<string> => {
  throw fatal;
});

describe.each(EACH_RUN)('a FatalError in the %s run of a runner', (turn) => {
  test('it stops the run even where a parent would have caught it', async () => {
    const { runner } = await stageFor(turn);
    const root = node('root', (_: unknown, ctx) => ctx.call(dooms).catch(() => 'went on'));

    const { status, error, info } = await runner.run(root, undefined, { onFailure: 'return' });

    expect(status).toBe('failed');
    expect(error).toBe(fatal);
    expect(statusesOf(info)).toEqual(['root cancelled', 'dooms failed']);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('it rejects the run with the very error', async () => {
    const { runner } = await stageFor(turn);

    const error = await rejectionOf(runner.run(dooms));

    expect(error).toBe(fatal);
    expect(error).toMatchObject({ code: 'FATAL', cause: 'rust' });
  });

  test.each(['stop', 'continue', 'stopAll'] as const)(
    "it stops the run under onError '%s'",
    async (onError) => {
      const { runner } = await stageFor(turn, { onError });
      const hanging = node('hanging', () => never());
      const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(hanging), ctx.call(dooms)]));

      const { error, info } = await runner.run(root, undefined, { onFailure: 'return' });

      expect(error).toBe(fatal);
      expect(requestOf(info, 'hanging').status).toBe('cancelled');
    },
  );

  test('it skips retry', async () => {
    const { runner, clock } = await stageFor(turn);
    let attempts = 0;
    const once = node(
      'once',
      () => {
        attempts += 1;
        throw fatal;
      },
      { retry: { delay: 1, on: () => true } },
    );

    const { status } = await runner.run(once, undefined, { onFailure: 'return' });
    await clock.advance(1_000);

    expect(status).toBe('failed');
    expect(attempts).toBe(1);
  });

  test('it skips the fallback', async () => {
    const { runner } = await stageFor(turn);
    const guarded = node(
      'guarded',
      (): string => {
        throw fatal;
      },
      { fallback: () => 'instead' },
    );

    const error = await rejectionOf(runner.run(guarded));

    expect(error).toBe(fatal);
  });

  test('it is published as one FatalFailure with the request that it came from', async () => {
    const { runner, clock } = await stageFor(turn);
    const { events, subscriber } = eventLog();
    const mid = node('mid', async (_: unknown, ctx) => ctx.call(dooms));
    const root = node('root', async (_: unknown, ctx) => ctx.call(mid));

    const { info } = await runner.run(root, undefined, { subscriber, onFailure: 'return' });
    await clock.advance(0);

    expect(ofType(events, 'FatalFailure')).toMatchObject([
      { requestId: requestOf(info, 'dooms').id, nodeName: 'dooms', error: fatal },
    ]);
  });

  test('from a child that nobody awaits it stops the run as well', async () => {
    const { runner } = await stageFor(turn);
    const root = node('root', (_: unknown, ctx) => {
      void ctx.call(dooms);
      return never();
    });

    const { status, error } = await runner.run(root, undefined, { onFailure: 'return' });

    expect(status).toBe('failed');
    expect(error).toBe(fatal);
  });

  test('from a child that outlives its parent it stops the run as well', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred();
    const late = node('late', async () => {
      await gate.promise;
      throw fatal;
    });
    const root = node('root', (_: unknown, ctx) => {
      void ctx.call(late);
      return 'returned';
    });
    const running = runner.run(root, undefined, { onFailure: 'return' });

    await clock.advance(0);
    gate.resolve();
    const { status, error } = await running;

    expect(status).toBe('failed');
    expect(error).toBe(fatal);
  });

  test('from the last child that outlives its parent it prints nothing', async () => {
    const { runner, clock } = await stageFor(turn);
    const printed = vi.spyOn(console, 'warn');
    onTestFinished(() => printed.mockRestore());
    const gate = deferred();
    const late = node('late', async () => {
      await gate.promise;
      throw fatal;
    });
    const root = node('root', (_: unknown, ctx) => {
      void ctx.call(late);
      return 'returned';
    });
    const running = runner.run(root, undefined, { onFailure: 'return' });

    await clock.advance(0);
    gate.resolve();
    await running;

    expect(printed).not.toHaveBeenCalled();
  });

  test('thrown by the root it is published as well', async () => {
    const { runner, clock } = await stageFor(turn);
    const { events, subscriber } = eventLog();

    const { info } = await runner.run(dooms, undefined, { subscriber, onFailure: 'return' });
    await clock.advance(0);

    expect(ofType(events, 'FatalFailure')).toMatchObject([{ requestId: requestOf(info, 'dooms').id }]);
  });

  test('from a synchronous call it stops the run as well', async () => {
    const { runner } = await stageFor(turn);
    const doomsNow = node('doomsNow', (): string => {
      throw fatal;
    });
    const root = node('root', (_: unknown, ctx) => {
      try {
        return ctx.callSync(doomsNow);
      } catch {
        return 'went on';
      }
    });

    const { status, error } = await runner.run(root, undefined, { onFailure: 'return' });

    expect(status).toBe('failed');
    expect(error).toBe(fatal);
  });

  test('it cancels questions that are open', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred();
    const asking = node('asking', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
    const late = node('late', async () => {
      await gate.promise;
      throw fatal;
    });
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(asking), ctx.call(late)]));
    const running = runner.run(root, undefined, { onFailure: 'return' });

    await clock.advance(0);
    gate.resolve();
    const { status, pauses, info } = await running;

    expect(status).toBe('failed');
    expect(pauses).toEqual([]);
    expect(requestOf(info, 'asking').status).toBe('cancelled');
  });
});

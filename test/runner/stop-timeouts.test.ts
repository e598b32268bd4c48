import { NodeTimeoutError, node, RunTimeoutError } from 'troupe';
import { describe, expect, test } from 'vitest';
import { deferred, never, rejectionOf } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf } from '../support/forest.ts';
import { EACH_RUN, eventLog, ofType, stageFor } from '../support/runs.ts';

describe.each(EACH_RUN)('a node timeout in the %s run of a runner', (turn) => {
  test('a body that takes too long fails with a NodeTimeoutError', async () => {
    const { runner, clock } = await stageFor(turn);
    const slow = node('slow', () => never(), { timeout: 100 });
    const failure = rejectionOf(runner.run(slow));

    await clock.advance(100);
    const error = await failure;

    expect(error).toBeInstanceOf(NodeTimeoutError);
    expect(error).toMatchObject({ code: 'NODE_TIMEOUT' });
  });

  test('a run that ends with an uncaught NodeTimeoutError is failed, and the request timedOut', async () => {
    const { runner, clock } = await stageFor(turn);
    const slow = node('slow', () => never(), { timeout: 100 });
    const running = runner.run(slow, undefined, { onFailure: 'return' });

    await clock.advance(100);
    const { status, info } = await running;

    expect(status).toBe('failed');
    expect(statusesOf(info)).toEqual(['slow timedOut']);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('the request is timedOut, its caller failed, and what it had called is cancelled', async () => {
    const { runner, clock } = await stageFor(turn);
    const leaf = node('leaf', () => never());
    const slow = node('slow', async (_: unknown, ctx) => ctx.call(leaf), { timeout: 100 });
    const root = node('root', async (_: unknown, ctx) => ctx.call(slow));
    const running = runner.run(root, undefined, { onFailure: 'return' });

    await clock.advance(100);
    const { status, error, info } = await running;

    expect(status).toBe('failed');
    expect(error).toBeInstanceOf(NodeTimeoutError);
    expect(statusesOf(info)).toEqual(['root failed', 'slow timedOut', 'leaf cancelled']);
  });

  test('the signal of the attempt fires with the NodeTimeoutError', async () => {
    const { runner, clock } = await stageFor(turn);
    const begun = deferred<AbortSignal>();
    const slow = node(
      'slow',
      (_: unknown, ctx) => {
        begun.resolve(ctx.signal);
        return never();
      },
      { timeout: 100 },
    );
    const running = runner.run(slow, undefined, { onFailure: 'return' });
    const signal = await begun.promise;

    await clock.advance(99);
    const wasAborted = signal.aborted;
    await clock.advance(1);
    await running;

    expect(wasAborted).toBe(false);
    expect(signal.reason).toBeInstanceOf(NodeTimeoutError);
  });

  test('a caller may catch the NodeTimeoutError and go on', async () => {
    const { runner, clock } = await stageFor(turn);
    const slow = node('slow', (): Promise<string> => never(), { timeout: 100 });
    const root = node('root', (_: unknown, ctx) => ctx.call(slow).catch(() => 'went on'));
    const running = runner.run(root);

    await clock.advance(100);
    const { answer, info } = await running;

    expect(answer).toBe('went on');
    expect(statusesOf(info)).toEqual(['root succeeded', 'slow timedOut']);
  });

  test('a timeout that is followed by a successful attempt leaves the request succeeded', async () => {
    const { runner, clock } = await stageFor(turn);
    const slowOnce = node(
      'slowOnce',
      (_: unknown, ctx): Promise<string> => (ctx.attempt === 1 ? never() : Promise.resolve('second')),
      { timeout: 100, retry: { delay: 10, jitter: 'none' } },
    );
    const running = runner.run(slowOnce);

    await clock.advance(110);
    const { answer, info } = await running;

    expect(answer).toBe('second');
    expect(requestOf(info, 'slowOnce')).toMatchObject({ status: 'succeeded', attempts: 2 });
  });

  test('what the timed out attempt had called is cancelled before the next attempt', async () => {
    const { runner, clock } = await stageFor(turn);
    const leaf = node('leaf', () => never());
    const slow = node('slow', async (_: unknown, ctx) => (ctx.attempt === 1 ? ctx.call(leaf) : 'second'), {
      timeout: 100,
      retry: { delay: 10, jitter: 'none' },
    });
    const handle = runner.iter(slow);

    await clock.advance(105);
    const { status } = requestOf(handle.info, 'leaf');
    await clock.advance(5);
    const { answer } = await handle.result;

    expect(status).toBe('cancelled');
    expect(answer).toBe('second');
  });

  test('time at an interrupt does not count', async () => {
    const { runner, clock } = await stageFor(turn);
    const asking = node(
      'asking',
      async (_: unknown, ctx) => {
        const name = await ctx.interrupt<string>('Who?', { key: 'name' });
        await never();
        return name;
      },
      { timeout: 100 },
    );
    const paused = await runner.run(asking, undefined, { onFailure: 'return' });
    await clock.advance(1_000_000);
    const answered = runner.respond(paused.runId, 'name', 'Ada');

    await clock.advance(99);
    const before = runner.info.run(paused.runId).status;
    await clock.advance(1);
    const { status } = await answered;

    expect(before).toBe('running');
    expect(status).toBe('failed');
  });

  test('time in which a child waits at an interrupt does not count for its caller either', async () => {
    const { runner, clock } = await stageFor(turn);
    const asking = node('asking', (_: unknown, ctx) => ctx.interrupt('Who?', { key: 'name' }));
    const outer = node('outer', async (_: unknown, ctx) => ctx.call(asking), { timeout: 100 });
    const { runId } = await runner.run(outer);

    await clock.advance(1_000);
    const { status, answer } = await runner.respond(runId, 'name', 'Ada');

    expect(status).toBe('completed');
    expect(answer).toBe('Ada');
  });

  test('time before and after an interrupt adds up', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred();
    const asking = node(
      'asking',
      async (_: unknown, ctx) => {
        await gate.promise;
        await ctx.interrupt('Who?', { key: 'name' });
        return never();
      },
      { timeout: 100 },
    );
    const running = runner.run(asking, undefined, { onFailure: 'return' });
    await clock.advance(60);
    gate.resolve();
    const { runId } = await running;
    await clock.advance(1_000);
    const answered = runner.respond(runId, 'name', 'Ada');

    await clock.advance(39);
    const before = runner.info.run(runId).status;
    await clock.advance(1);
    const { error } = await answered;

    expect(before).toBe('running');
    expect(error).toBeInstanceOf(NodeTimeoutError);
  });
});

describe.each(EACH_RUN)('the timeout of the %s run of a runner', (turn) => {
  test('a run that takes too long rejects with a RunTimeoutError that knows its limit', async () => {
    const { runner, clock } = await stageFor(turn);
    const slow = node('slow', () => never());
    const failure = rejectionOf(runner.run(slow, undefined, { timeout: 100 }));

    await clock.advance(100);
    const error = await failure;

    expect(error).toBeInstanceOf(RunTimeoutError);
    expect(error).toMatchObject({ code: 'RUN_TIMEOUT', timeoutMs: 100 });
  });

  test('the run is timedOut, and everything below the root cancelled', async () => {
    const { runner, clock } = await stageFor(turn);
    const leaf = node('leaf', () => never());
    const mid = node('mid', async (_: unknown, ctx) => ctx.call(leaf));
    const root = node('root', async (_: unknown, ctx) => ctx.call(mid));
    const running = runner.run(root, undefined, { timeout: 100, onFailure: 'return' });

    await clock.advance(100);
    const { status, info } = await running;

    expect(status).toBe('timedOut');
    expect(info.status).toBe('timedOut');
    expect(statusesOf(info).slice(1)).toEqual(['mid cancelled', 'leaf cancelled']);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('every signal fires with a RunTimeoutError', async () => {
    const { runner, clock } = await stageFor(turn);
    const signals: AbortSignal[] = [];
    const leaf = node('leaf', (_: unknown, ctx) => {
      signals.push(ctx.signal);
      return never();
    });
    const root = node('root', async (_: unknown, ctx) => {
      signals.push(ctx.signal);
      return ctx.call(leaf);
    });
    const running = runner.run(root, undefined, { timeout: 100, onFailure: 'return' });

    await clock.advance(100);
    await running;

    expect(signals.map((signal) => signal.reason instanceof RunTimeoutError)).toEqual([true, true]);
  });

  test('a timed out run is neither retried nor given a fallback', async () => {
    const { runner, clock } = await stageFor(turn);
    let attempts = 0;
    const slow = node(
      'slow',
      (): Promise<string> => {
        attempts += 1;
        return never();
      },
      { retry: { delay: 1 }, fallback: () => 'instead' },
    );
    const running = runner.run(slow, undefined, { timeout: 100, onFailure: 'return' });

    await clock.advance(10_000);
    const { status } = await running;

    expect(status).toBe('timedOut');
    expect(attempts).toBe(1);
  });

  test('no body can catch the stop and complete the run', async () => {
    const { runner, clock } = await stageFor(turn);
    const leaf = node('leaf', (): Promise<string> => never());
    const root = node('root', (_: unknown, ctx) => ctx.call(leaf).catch(() => 'went on'));
    const running = runner.run(root, undefined, { timeout: 100, onFailure: 'return' });

    await clock.advance(100);
    const { status } = await running;

    expect(status).toBe('timedOut');
  });

  test('a body that throws its own error named TimeoutError fails with that error', async () => {
    const { runner } = await stageFor(turn);
    const own = Object.assign(new Error('mine'), { name: 'TimeoutError' });
    const throws = node('throws', () => {
      throw own;
    });

    const result = await runner.run(throws, undefined, { timeout: 100, onFailure: 'return' });

    expect(result.status).toBe('failed');
    expect(result.error).toBe(own);
    expect(statusesOf(result.info)).toEqual(['throws failed']);
  });

  test('paused time does not count', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred();
    const asking = node('asking', async (_: unknown, ctx) => {
      await gate.promise;
      await ctx.interrupt('Go?', { key: 'go' });
      return never();
    });
    const running = runner.run(asking, undefined, { timeout: 100, onFailure: 'return' });
    await clock.advance(60);
    gate.resolve();
    const { runId } = await running;
    await clock.advance(1_000_000);
    const answered = runner.respond(runId, 'go', true);

    await clock.advance(39);
    const before = runner.info.run(runId).status;
    await clock.advance(1);
    const { status } = await answered;

    expect(before).toBe('running');
    expect(status).toBe('timedOut');
  });

  test('time counts while one path waits at an interrupt and another works', async () => {
    const { runner, clock } = await stageFor(turn);
    const asking = node('asking', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
    const working = node('working', () => never());
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(asking), ctx.call(working)]));
    const running = runner.run(root, undefined, { timeout: 100, onFailure: 'return' });

    await clock.advance(100);
    const { status, info } = await running;

    expect(status).toBe('timedOut');
    expect(statusesOf(info).slice(1)).toEqual(['asking cancelled', 'working cancelled']);
  });

  test('a run that timed out publishes RunEnd with that status', async () => {
    const { runner, clock } = await stageFor(turn);
    const { events, subscriber } = eventLog();
    const slow = node('slow', () => never());
    const running = runner.run(slow, undefined, { timeout: 100, onFailure: 'return', subscriber });

    await clock.advance(100);
    await running;
    await clock.advance(0);

    expect(ofType(events, 'RunEnd')).toMatchObject([{ status: 'timedOut', durationMs: 100 }]);
  });
});

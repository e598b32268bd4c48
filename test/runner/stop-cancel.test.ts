import { CancelledError, node, UnknownIdError } from 'troupe';
import { describe, expect, test } from 'vitest';
import { deferred, never, rejectionOf, thrownBy } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf } from '../support/forest.ts';
import { EACH_RUN, eventLog, ofType, stageFor } from '../support/runs.ts';

/** root -> mid -> leaf, where the leaf hangs and says that it has begun. */
function hangingTree() {
  const begun = deferred<AbortSignal>();
  const leaf = node('leaf', (_: unknown, ctx) => {
    begun.resolve(ctx.signal);
    return never();
  });
  const mid = node('mid', async (_: unknown, ctx) => ctx.call(leaf));
  const root = node('root', async (_: unknown, ctx) => ctx.call(mid));
  return { root, begun: begun.promise };
}

describe.each(EACH_RUN)('cancelling the %s run of a runner', (turn) => {
  test('runner.cancel of a run rejects it with a CancelledError that holds the reason', async () => {
    const { runner } = await stageFor(turn);
    const { root, begun } = hangingTree();
    const reason = { why: 'enough' };
    let runId = '';
    const running = runner.run(root, undefined, { subscriber: (event) => void (runId = event.runId) });
    await begun;

    const hasStopped = runner.cancel(runId, reason);
    const error = await rejectionOf(running);

    expect(hasStopped).toBe(true);
    expect(error).toBeInstanceOf(CancelledError);
    expect(error).toMatchObject({ code: 'CANCELLED', reason });
    expect((error as CancelledError).reason).toBe(reason);
  });

  test('handle.cancel makes the run and every request in it cancelled', async () => {
    const { runner } = await stageFor(turn);
    const { root, begun } = hangingTree();
    const handle = runner.iter(root, undefined, { onFailure: 'return' });
    await begun;

    handle.cancel('enough');
    const result = await handle.result;

    expect(result.status).toBe('cancelled');
    expect(result.error).toMatchObject({ code: 'CANCELLED', reason: 'enough' });
    expect(statusesOf(result.info)).toEqual(['root cancelled', 'mid cancelled', 'leaf cancelled']);
    expect(stepsOf(result.info).steps).toEqual(stepsOf(result.info).lawful);
  });

  test('a cancelled body sees the typed error as the reason of its signal', async () => {
    const { runner } = await stageFor(turn);
    const { root, begun } = hangingTree();
    const handle = runner.iter(root);
    const signal = await begun;

    handle.cancel('enough');
    await rejectionOf(handle.result);

    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBeInstanceOf(CancelledError);
    expect(signal.reason).toMatchObject({ reason: 'enough' });
  });

  test('a request that has not started is cancelled without running its body', async () => {
    const { runner } = await stageFor(turn, { maxConcurrency: 1 });
    const begun = deferred();
    const started: string[] = [];
    const leaf = node('leaf', (name: string) => {
      started.push(name);
      begun.resolve();
      return never();
    });
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(leaf, ['a', 'b']));
    const handle = runner.iter(root, undefined, { onFailure: 'return' });
    await begun.promise;

    handle.cancel();
    const { info } = await handle.result;

    expect(started).toEqual(['a']);
    expect(statusesOf(info)).toEqual(['root cancelled', 'leaf cancelled', 'leaf cancelled']);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('a request in its backoff is cancelled and makes no further attempt', async () => {
    const { runner, clock } = await stageFor(turn);
    let attempts = 0;
    const flaky = node(
      'flaky',
      () => {
        attempts += 1;
        throw new Error('again');
      },
      { retry: { delay: 1_000, jitter: 'none' } },
    );
    const handle = runner.iter(flaky, undefined, { onFailure: 'return' });
    await clock.advance(500);

    handle.cancel('enough');
    const result = await handle.result;
    await clock.advance(10_000);

    expect(attempts).toBe(1);
    expect(result.status).toBe('cancelled');
    expect(statusesOf(result.info)).toEqual(['flaky cancelled']);
  });

  test('a paused run is cancelled, and its open questions with it', async () => {
    const { runner } = await stageFor(turn);
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
    const paused = await runner.run(ask);

    const hasStopped = runner.cancel(paused.runId, 'enough');
    const info = runner.info.run(paused.runId);

    expect(hasStopped).toBe(true);
    expect(info.status).toBe('cancelled');
    expect(statusesOf(info)).toEqual(['ask cancelled']);
  });

  test('an ended run cannot be cancelled', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(node('one', () => 1));

    const hasStopped = runner.cancel(runId, 'late');

    expect(hasStopped).toBe(false);
    expect(runner.info.run(runId).status).toBe('completed');
  });

  test('the second cancel of a run stops nothing and changes no reason', async () => {
    const { runner } = await stageFor(turn);
    const { root, begun } = hangingTree();
    const handle = runner.iter(root);
    await begun;

    handle.cancel('first');
    const hasStoppedAgain = handle.cancel('second');

    expect(hasStoppedAgain).toBe(false);
    expect(await rejectionOf(handle.result)).toMatchObject({ reason: 'first' });
  });

  test('an unknown id is an UnknownIdError', async () => {
    const { runner } = await stageFor(turn);

    const error = thrownBy(() => runner.cancel('nobody'));

    expect(error).toBeInstanceOf(UnknownIdError);
    expect(error).toMatchObject({ code: 'UNKNOWN_ID' });
  });

  test('the request id of the root means the run', async () => {
    const { runner } = await stageFor(turn);
    const { root, begun } = hangingTree();
    const handle = runner.iter(root, undefined, { onFailure: 'return' });
    await begun;

    const hasStopped = runner.cancel(requestOf(handle.info, 'root').id, 'enough');
    const result = await handle.result;

    expect(hasStopped).toBe(true);
    expect(result.status).toBe('cancelled');
    expect(result.error).toMatchObject({ reason: 'enough' });
  });

  test('a run that was cancelled publishes RequestCancelled for each request, and RunEnd at last', async () => {
    const { runner, clock } = await stageFor(turn);
    const { root, begun } = hangingTree();
    const { events, subscriber } = eventLog();
    const handle = runner.iter(root, undefined, { subscriber, onFailure: 'return' });
    await begun;

    handle.cancel('enough');
    await handle.result;
    await clock.advance(0);

    const names = ofType(events, 'RequestCancelled').map((event) => event.nodeName);
    expect(names.toSorted()).toEqual(['leaf', 'mid', 'root']);
    expect(events.at(-1)).toMatchObject({ type: 'RunEnd', status: 'cancelled' });
  });
});

describe.each(EACH_RUN)('aborting the signal of the %s run of a runner', (turn) => {
  test('an abort cancels the run with the reason of the signal', async () => {
    const { runner } = await stageFor(turn);
    const { root, begun } = hangingTree();
    const controller = new AbortController();
    const reason = new Error('the user left');
    const running = runner.run(root, undefined, { signal: controller.signal });
    await begun;

    controller.abort(reason);
    const error = await rejectionOf(running);

    expect(error).toBeInstanceOf(CancelledError);
    expect((error as CancelledError).reason).toBe(reason);
  });

  test('an abort leaves every request cancelled', async () => {
    const { runner } = await stageFor(turn);
    const { root, begun } = hangingTree();
    const controller = new AbortController();
    const running = runner.run(root, undefined, { signal: controller.signal, onFailure: 'return' });
    await begun;

    controller.abort();
    const { status, info } = await running;

    expect(status).toBe('cancelled');
    expect(statusesOf(info)).toEqual(['root cancelled', 'mid cancelled', 'leaf cancelled']);
  });

  test('a signal that was aborted before cancels the run before any body runs', async () => {
    const { runner } = await stageFor(turn);
    let hasRun = false;
    const root = node('root', () => {
      hasRun = true;
    });

    const result = await runner.run(root, undefined, {
      signal: AbortSignal.abort('too late'),
      onFailure: 'return',
    });

    expect(hasRun).toBe(false);
    expect(result.status).toBe('cancelled');
    expect(result.error).toMatchObject({ code: 'CANCELLED', reason: 'too late' });
    expect(statusesOf(result.info)).toEqual(['root cancelled']);
  });

  test('a signal that was aborted before rejects the run with a CancelledError', async () => {
    const { runner } = await stageFor(turn);
    const running = runner.run(
      node('one', () => 1),
      undefined,
      { signal: AbortSignal.abort('too late') },
    );

    expect(await rejectionOf(running)).toBeInstanceOf(CancelledError);
  });

  test('an abort after the end changes nothing', async () => {
    const { runner } = await stageFor(turn);
    const controller = new AbortController();
    const { runId } = await runner.run(
      node('one', () => 1),
      undefined,
      { signal: controller.signal },
    );

    controller.abort();

    expect(runner.info.run(runId).status).toBe('completed');
  });

  test('an abort cancels a paused run', async () => {
    const { runner } = await stageFor(turn);
    const controller = new AbortController();
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
    const { runId } = await runner.run(ask, undefined, { signal: controller.signal });

    controller.abort('left');

    expect(runner.info.run(runId).status).toBe('cancelled');
  });
});

describe.each(EACH_RUN)('cancelling one request of the %s run of a runner', (turn) => {
  test('its caller gets a CancelledError with the reason, may catch it and go on', async () => {
    const { runner } = await stageFor(turn);
    const { root: hanging, begun } = hangingTree();
    const caught: unknown[] = [];
    const outer = node('outer', async (_: unknown, ctx) => {
      await ctx.call(hanging).catch((error: unknown) => caught.push(error));
      return 'went on';
    });
    const handle = runner.iter(outer);
    await begun;

    const hasStopped = runner.cancel(requestOf(handle.info, 'root').id, 'enough');
    const result = await handle.result;

    expect(hasStopped).toBe(true);
    expect(result.answer).toBe('went on');
    expect(caught).toHaveLength(1);
    expect(caught[0]).toBeInstanceOf(CancelledError);
    expect(caught[0]).toMatchObject({ reason: 'enough' });
  });

  test('its subtree is cancelled, and nothing else', async () => {
    const { runner } = await stageFor(turn);
    const { root: hanging, begun } = hangingTree();
    const gate = deferred();
    const sibling = node('sibling', () => gate.promise);
    const outer = node('outer', (_: unknown, ctx) =>
      Promise.allSettled([ctx.call(hanging), ctx.call(sibling)]),
    );
    const handle = runner.iter(outer);
    await begun;

    runner.cancel(requestOf(handle.info, 'root').id);
    gate.resolve();
    const { info } = await handle.result;

    expect(statusesOf(info).toSorted()).toEqual([
      'leaf cancelled',
      'mid cancelled',
      'outer succeeded',
      'root cancelled',
      'sibling succeeded',
    ]);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('a caller that does not catch the CancelledError fails with it', async () => {
    const { runner } = await stageFor(turn);
    const { root, begun } = hangingTree();
    const handle = runner.iter(root, undefined, { onFailure: 'return' });
    await begun;

    runner.cancel(requestOf(handle.info, 'leaf').id, 'enough');
    const result = await handle.result;

    expect(result.status).toBe('failed');
    expect(result.error).toMatchObject({ code: 'CANCELLED', reason: 'enough' });
    expect(statusesOf(result.info)).toEqual(['root failed', 'mid failed', 'leaf cancelled']);
  });

  test('a request that has ended cannot be cancelled, during the run and after it', async () => {
    const { runner } = await stageFor(turn);
    const gate = deferred();
    const atGate = deferred();
    const quick = node('quick', () => 1);
    const outer = node('outer', async (_: unknown, ctx) => {
      await ctx.call(quick);
      atGate.resolve();
      await gate.promise;
    });
    const handle = runner.iter(outer);
    await atGate.promise;
    const { id } = requestOf(handle.info, 'quick');

    const during = runner.cancel(id);
    gate.resolve();
    const { status } = await handle.result;
    const after = runner.cancel(id);

    expect([during, after]).toEqual([false, false]);
    expect(status).toBe('completed');
  });

  test('a cancelled request is neither retried nor given its fallback', async () => {
    const { runner, clock } = await stageFor(turn);
    const begun = deferred();
    let attempts = 0;
    const hangs = node(
      'hangs',
      (): Promise<string> => {
        attempts += 1;
        begun.resolve();
        return never();
      },
      { retry: { delay: 1 }, fallback: () => 'instead' },
    );
    const outer = node('outer', (_: unknown, ctx) => ctx.call(hangs));
    const handle = runner.iter(outer);
    await begun.promise;

    runner.cancel(requestOf(handle.info, 'hangs').id, 'enough');
    await clock.advance(100);

    expect(await rejectionOf(handle.result)).toMatchObject({ code: 'CANCELLED' });
    expect(attempts).toBe(1);
  });
});

import { createRunner, node, type RunnerOptions } from 'troupe';
import { memoryCache } from 'troupe/cache';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf } from '../support/forest.ts';
import { eventLog, ofType } from '../support/runs.ts';

/** A runner on a fake clock with a cache of its own. */
function stage(options: RunnerOptions = {}) {
  const clock = fakeClock();
  const { events, subscriber } = eventLog();
  const runner = createRunner({ cache: memoryCache({ clock }), clock, subscriber, ...options });
  return { runner, clock, events };
}

/** A cached node whose n-th run is up to the n-th of the given bodies; the last one stays. */
function scripted(...bodies: ((signal: AbortSignal) => unknown)[]) {
  const meter = { runs: 0 };
  const slow = node(
    'slow',
    (_given: unknown, { signal }): unknown => {
      const body = bodies[meter.runs] ?? bodies.at(-1);
      meter.runs += 1;
      return body?.(signal);
    },
    { cache: true },
  );
  return { slow, meter };
}

describe('who waits for the result of another', () => {
  test('holds no place', async () => {
    const { runner, clock } = stage({ maxConcurrency: 2 });
    const gate = deferred<number>();
    const { slow } = scripted(() => gate.promise);
    const trace: string[] = [];
    const quick = node('quick', async () => void trace.push('quick'));
    const root = node('root', (_: unknown, ctx) =>
      Promise.all([ctx.call(slow, 7), ctx.call(slow, 7), ctx.call(quick)]),
    );
    const running = runner.run(root);

    await clock.advance(0);
    const before = [...trace];
    gate.resolve(5);
    await running;

    expect(before).toEqual(['quick']);
  });

  test('takes a place again when it has to compute itself', async () => {
    const { runner, clock } = stage({ maxConcurrency: 1 });
    const active = { now: 0, peak: 0 };
    const gate = deferred();
    const slow = node(
      'slow',
      async (_given: number) => {
        active.now += 1;
        active.peak = Math.max(active.peak, active.now);
        await gate.promise;
        active.now -= 1;
        throw new Error('no');
      },
      { cache: true },
    );
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(slow, [7, 7, 8, 8], { onError: 'return' }));
    const running = runner.run(root);

    await clock.advance(0);
    gate.resolve();
    await running;

    expect(active).toEqual({ now: 0, peak: 1 });
  });

  test('can be cancelled, and the first goes on', async () => {
    const { runner, clock } = stage();
    const gate = deferred<number>();
    const { slow, meter } = scripted(() => gate.promise);
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(slow, [7, 7], { onError: 'return' }));
    const handle = runner.iter(root);
    await clock.advance(0);

    runner.cancel([...handle.info.requests][2]?.id ?? '', 'not that one');
    gate.resolve(5);
    const { answer, info } = await handle.result;

    expect([answer, meter.runs]).toEqual([[5, expect.objectContaining({ code: 'CANCELLED' })], 1]);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('is stopped with its run', async () => {
    const { runner, clock } = stage();
    const { slow, meter } = scripted(() => deferred().promise);
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(slow, [7, 7]));
    const running = runner.run(root, undefined, { timeout: 5, onFailure: 'return' });

    await clock.advance(5);
    const { status, info } = await running;

    expect([status, meter.runs]).toEqual(['timedOut', 1]);
    expect(statusesOf(info)).toEqual(['root cancelled', 'slow cancelled', 'slow cancelled']);
  });

  test('is cancelled when its runner closes', async () => {
    const { runner, clock } = stage();
    const { slow, meter } = scripted(() => deferred().promise);
    const running = [7, 7].map((n) => runner.run(slow, n, { onFailure: 'return' }));
    await clock.advance(0);

    await runner.close({ drain: false });

    expect((await Promise.all(running)).map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
    expect(meter.runs).toBe(1);
  });

  test('computes when the first one took too long', async () => {
    const { runner, clock } = stage();
    let runs = 0;
    const slow = node('slow', (_given: number) => ((runs += 1) === 1 ? deferred<number>().promise : 5), {
      cache: true,
      timeout: 10,
    });
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(slow, [7, 7], { onError: 'return' }));
    const running = runner.run(root);

    await clock.advance(10);
    const { answer } = await running;

    expect([answer, runs]).toEqual([[expect.objectContaining({ code: 'NODE_TIMEOUT' }), 5], 2]);
  });

  test('waits over the retries of the first', async () => {
    const { runner, clock } = stage();
    let runs = 0;
    const flaky = node(
      'flaky',
      async (_given: number) => {
        runs += 1;
        if (runs < 3) throw new Error('again');
        return 5;
      },
      { cache: true, retry: { delay: 1_000, jitter: 'none' } },
    );
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(flaky, [7, 7]));
    const running = runner.run(root);

    await clock.runAll();
    const { answer, info } = await running;

    expect([answer, runs]).toEqual([[5, 5], 3]);
    expect(Array.from(info.requests, ({ attempts }) => attempts)).toEqual([1, 3, 0]);
  });

  test('computes when the first one fell back', async () => {
    const { runner } = stage();
    let runs = 0;
    const flaky = node(
      'flaky',
      async (_given: number) => {
        runs += 1;
        if (runs === 1) throw new Error('once');
        return 5;
      },
      { cache: true, fallback: () => 0 },
    );
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(flaky, [7, 7]));

    const { answer } = await runner.run(root);

    expect([answer, runs]).toEqual([[0, 5], 2]);
  });

  test('in another run than the person’s gets the result after the answer', async () => {
    const { runner, clock, events } = stage();
    const ask = node('ask', (_: number, ctx) => ctx.interrupt<string>('Go?', { key: 'go' }), { cache: true });
    const { runId } = await runner.run(ask, 7);
    const second = runner.iter(ask, 7);
    await clock.advance(0);
    const statusBefore = second.info.status;

    await runner.respond(runId, 'go', 'yes');
    const { answer, status } = await second.result;

    expect([statusBefore, status, answer]).toEqual(['running', 'completed', 'yes']);
    expect(ofType(events, 'Interrupt').length).toBe(1);
  });

  test('asks itself when the run that asked is cancelled', async () => {
    const { runner, clock } = stage();
    const ask = node('ask', (_: number, ctx) => ctx.interrupt<string>('Go?', { key: 'go' }), { cache: true });
    const { runId } = await runner.run(ask, 7, { onFailure: 'return' });
    const second = runner.iter(ask, 7);
    await clock.advance(0);

    runner.cancel(runId, 'nobody there');
    await clock.advance(0);

    expect(second.pauses.map(({ key }) => key)).toEqual(['go']);
    await second.respond('go', 'yes');
    expect(await second.result).toMatchObject({ status: 'completed', answer: 'yes' });
  });

  test('gets a value of its own', async () => {
    const { runner, clock } = stage();
    const gate = deferred<{ list: number[] }>();
    const { slow } = scripted(() => gate.promise);
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(slow, [7, 7, 7]));
    const running = runner.run(root);
    const made = { list: [1] };

    await clock.advance(0);
    gate.resolve(made);
    const [first, second, third] = (await running).answer;

    expect([first, second, third]).toEqual([made, made, made]);
    expect(first).toBe(made);
    expect(new Set([first, second, third]).size).toBe(3);
  });

  test('never waits for its own caller, whose key it has', async () => {
    const { runner, clock } = stage({ timeout: 10 });
    const page = node('page', (url: string) => `page of ${url}`, { cache: { key: (url) => url } });
    const title = node('title', async (url: string, ctx) => `title of ${await ctx.call(page, url)}`, {
      cache: { key: (url) => url },
    });
    const running = runner.run(title, 'a', { onFailure: 'return' });

    await clock.advance(10);
    const { status, answer } = await running;

    expect([status, answer]).toEqual(['completed', 'title of page of a']);
  });

  test('never waits when its caller’s caller is the one it would wait for', async () => {
    const { runner, clock } = stage({ timeout: 10, maxConcurrency: 1 });
    const inner = node('inner', () => 1, { cache: { key: () => 'same' } });
    const middle = node('middle', async (_: unknown, ctx) => (await ctx.call(inner)) + 1);
    const outer = node('outer', async (_: unknown, ctx) => (await ctx.call(middle)) + 1, {
      cache: { key: () => 'same' },
    });
    const running = runner.run(outer, undefined, { onFailure: 'return' });

    await clock.advance(10);
    const { status, answer } = await running;

    expect([status, answer]).toEqual(['completed', 3]);
  });

  test('of another key waits for nobody', async () => {
    const { runner, clock } = stage();
    const gate = deferred();
    const trace: number[] = [];
    const slow = node('slow', async (n: number) => (n === 1 ? gate.promise : void trace.push(n)), {
      cache: true,
    });
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(slow, [1, 2, 3]));
    const running = runner.run(root);

    await clock.advance(0);
    const before = [...trace];
    gate.resolve();
    await running;

    expect(before).toEqual([2, 3]);
  });

  test('has a request that shows no attempt and its result', async () => {
    const { runner } = stage();
    const { slow } = scripted(async () => 5);
    const follower = node('follower', (_: unknown, ctx) => ctx.call(slow, 7));
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(slow, 7), ctx.call(follower)]));

    const { info } = await runner.run(root);

    const { nodeId } = requestOf(info, 'follower');
    const request = [...info.requests].find(({ sourceNodeId }) => sourceNodeId === nodeId);
    expect(request).toMatchObject({ status: 'succeeded', attempts: 0, output: 5 });
  });
});

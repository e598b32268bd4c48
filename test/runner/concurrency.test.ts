import { createRunner, node } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred } from '../support/deferred.ts';

/** A leaf that counts how many of it work at once, and works until the gate is open. */
function meteredLeaf() {
  const gate = deferred();
  const meter = { active: 0, peak: 0, done: 0 };
  const leaf = node('leaf', async (_given: unknown) => {
    meter.active += 1;
    meter.peak = Math.max(meter.peak, meter.active);
    await gate.promise;
    meter.active -= 1;
    meter.done += 1;
  });
  return { leaf, meter, gate };
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('maxConcurrency', () => {
  test.each([1, 3, 10])('%i leaves work at once', async (maxConcurrency) => {
    const clock = fakeClock();
    const { leaf, meter, gate } = meteredLeaf();
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(leaf, numbers(20)));
    const running = createRunner({ clock, maxConcurrency }).run(root);

    await clock.advance(0);
    const { active } = meter;
    gate.resolve();
    await running;

    expect(active).toBe(maxConcurrency);
    expect(meter).toEqual({ active: 0, peak: maxConcurrency, done: 20 });
  });

  test('without it all leaves work at once', async () => {
    const clock = fakeClock();
    const { leaf, meter, gate } = meteredLeaf();
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(leaf, numbers(20)));
    const running = createRunner({ clock }).run(root);

    await clock.advance(0);
    gate.resolve();
    await running;

    expect(meter.peak).toBe(20);
  });

  test.each([1, 3])('is one budget of %i for calls of every depth', async (maxConcurrency) => {
    const clock = fakeClock();
    const { leaf, meter, gate } = meteredLeaf();
    const mid = node('mid', (_: number, ctx) => ctx.callBatch(leaf, numbers(4)));
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(mid, numbers(5)));
    const running = createRunner({ clock, maxConcurrency }).run(root);

    await clock.advance(0);
    gate.resolve();
    await running;

    expect(meter).toEqual({ active: 0, peak: maxConcurrency, done: 20 });
  });

  test('at 1 a chain of callers that wait for each other does not deadlock', async () => {
    const a = node('a', () => 1);
    const b = node('b', async (_: unknown, ctx) => (await ctx.call(a)) + 1);
    const c = node('c', async (_: unknown, ctx) => (await ctx.call(b)) + (await ctx.call(a)));

    expect((await createRunner({ maxConcurrency: 1 }).run(c)).answer).toBe(3);
  });

  test('at 1 only one body works at any moment, callers between their calls included', async () => {
    const clock = fakeClock();
    const meter = { active: 0, peak: 0 };
    const work = async (): Promise<void> => {
      meter.active += 1;
      meter.peak = Math.max(meter.peak, meter.active);
      await Promise.resolve();
      await Promise.resolve();
      meter.active -= 1;
    };
    const leaf = node('leaf', work);
    const mid = node('mid', async (_: number, ctx) => {
      await work();
      await ctx.call(leaf);
      await work();
    });
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(mid, numbers(4)));

    await createRunner({ clock, maxConcurrency: 1 }).run(root);

    expect(meter).toEqual({ active: 0, peak: 1 });
  });

  test('a node at an interrupt holds no place', async () => {
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
    const trace: string[] = [];
    const works = node('works', async () => {
      await Promise.resolve();
      trace.push('worked');
    });
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(ask), ctx.call(works)]));

    const { status } = await createRunner({ maxConcurrency: 1 }).run(root);

    expect(status).toBe('paused');
    expect(trace).toEqual(['worked']);
  });

  test('a body that waits for its place with two answers needs one place', async () => {
    const clock = fakeClock();
    await using runner = createRunner({ clock, maxConcurrency: 1 });
    const [hogged, isTime] = [deferred(), deferred()];
    const asks = node('asks', (_: unknown, ctx) =>
      Promise.all([
        ctx.interrupt<string>('First?', { key: 'first' }),
        isTime.promise.then(() => ctx.interrupt<string>('Second?', { key: 'second' })),
      ]),
    );
    const hogs = node('hogs', () => hogged.promise);
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(asks), ctx.call(hogs)]));
    const handle = runner.iter(root);
    await clock.advance(0);

    void runner.respond(handle.runId, 'first', 'one');
    await clock.advance(0);
    isTime.resolve();
    await clock.advance(0);
    void runner.respond(handle.runId, 'second', 'two');
    await clock.advance(0);
    hogged.resolve();
    await clock.advance(0);
    runner.cancel(handle.runId, 'It waits for itself');

    expect((await handle.result).answer).toEqual([['one', 'two'], undefined]);
  });

  test('a node in its backoff holds no place', async () => {
    const clock = fakeClock();
    const trace: string[] = [];
    const flaky = node(
      'flaky',
      (_: unknown, ctx) => {
        trace.push(`attempt ${ctx.attempt}`);
        if (ctx.attempt === 1) throw new Error('again');
      },
      { retry: { delay: 1_000, jitter: 'none' } },
    );
    const works = node('works', () => void trace.push('worked'));
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(flaky), ctx.call(works)]));
    const running = createRunner({ clock, maxConcurrency: 1 }).run(root);

    await clock.advance(1_000);
    await running;

    expect(trace).toEqual(['attempt 1', 'worked', 'attempt 2']);
  });

  test('a failed leaf gives its place to the next', async () => {
    const fails = node('fails', async (_given: number): Promise<number> => Promise.reject(new Error('boom')));
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(fails, numbers(5), { onError: 'return' }));

    const { answer } = await createRunner({ maxConcurrency: 1 }).run(root);

    expect(answer).toHaveLength(5);
  });

  test('a leaf that times out gives its place to the next', async () => {
    const clock = fakeClock();
    const started: number[] = [];
    const hangs = node(
      'hangs',
      (n: number) => {
        started.push(n);
        return new Promise<void>(() => undefined);
      },
      { timeout: 10 },
    );
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(hangs, [1, 2, 3], { onError: 'return' }));
    const running = createRunner({ clock, maxConcurrency: 1 }).run(root);

    await clock.advance(30);
    await running;

    expect(started).toEqual([1, 2, 3]);
  });

  test('the time in which a node waits for its place is not its own', async () => {
    const clock = fakeClock();
    const gates = [deferred(), deferred()];
    const slow = node('slow', (index: number) => gates[index]?.promise, { timeout: 100 });
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(slow, [0, 1]));
    const running = createRunner({ clock, maxConcurrency: 1 }).run(root, undefined, { onFailure: 'return' });

    await clock.advance(80);
    gates[0]?.resolve();
    await clock.advance(0);
    await clock.advance(80);
    gates[1]?.resolve();
    const { status } = await running;

    expect(status).toBe('completed');
  });

  test('each run has a budget of its own', async () => {
    const clock = fakeClock();
    const { leaf, meter, gate } = meteredLeaf();
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(leaf, numbers(3)));
    const runner = createRunner({ clock, maxConcurrency: 1 });
    const running = [runner.run(root), runner.run(root)];

    await clock.advance(0);
    gate.resolve();
    await Promise.all(running);

    expect(meter.peak).toBe(2);
  });

  test('the option of the run wins', async () => {
    const clock = fakeClock();
    const { leaf, meter, gate } = meteredLeaf();
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(leaf, numbers(5)));
    const running = createRunner({ clock, maxConcurrency: 1 }).run(root, undefined, { maxConcurrency: 2 });

    await clock.advance(0);
    gate.resolve();
    await running;

    expect(meter.peak).toBe(2);
  });
});

import { memoryCheckpointer } from 'troupe/checkpoint';
import { batchSize, flow, type RoutineMetrics, type Runtime } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { crashed, goOn, settled } from '../support/durable-flows.ts';
import { flowStage, gate, passOn, sink, step } from '../support/flows.ts';

/** What a routine of flow `f` has done. */
function metricsOf(runtime: Runtime, routine: string): RoutineMetrics | undefined {
  return runtime.metrics().flows?.['f']?.[routine];
}

const one = { policy: batchSize(1) };

describe('without monitoring', () => {
  test('there are no metrics of flows', async () => {
    const f = flow('f').add(sink().routine);
    const { runtime } = flowStage();
    runtime.exec(f);
    await (
      await runtime.post(f, 'sink', 'input', 1)
    ).done;

    expect(runtime.metrics()).not.toHaveProperty('flows');
  });
});

describe('with monitoring', () => {
  test('each flow that is known has each of its routines, also before they run', () => {
    const f = flow('f').add(step('a', passOn)).add(sink().routine);
    const g = flow('g').add(sink().routine);
    const { runtime } = flowStage({ monitoring: true, flows: [f, g] });
    const idle = {
      activations: 0,
      succeeded: 0,
      failed: 0,
      skipped: 0,
      messages: 0,
      running: 0,
      durationMs: { total: 0, mean: 0, max: 0 },
      slots: { input: { depth: 0, maxDepth: 0, capacity: 1_000, pressure: 0 } },
    };

    expect(runtime.metrics().flows).toEqual({ f: { a: idle, sink: idle }, g: { sink: idle } });
  });

  test('activations and messages are counted', async () => {
    const f = flow('f')
      .add(step('a', passOn, one))
      .add(sink({ policy: batchSize(3) }).routine)
      .connect('a.output', 'sink.input');
    const { runtime } = flowStage({ monitoring: true });
    runtime.exec(f);
    for (const n of [1, 2, 3]) await runtime.post(f, 'a', 'input', n);
    await runtime.waitUntilAllJobsFinished();

    expect(metricsOf(runtime, 'a')).toMatchObject({ activations: 3, succeeded: 3, messages: 3, running: 0 });
    expect(metricsOf(runtime, 'sink')).toMatchObject({ activations: 1, succeeded: 1, messages: 3 });
  });

  test('what fails and what is skipped is told apart', async () => {
    const fails = (): Promise<never> => Promise.reject(new Error('no'));
    const f = flow('f')
      .add(step('stop', fails))
      .add(step('goOn', fails, { onError: 'continue' }))
      .add(step('skip', fails, { onError: 'skip' }));
    const { runtime } = flowStage({ monitoring: true });
    runtime.exec(f);
    for (const name of ['stop', 'goOn', 'skip'] as const) await runtime.post(f, name, 'input', 1);
    await runtime.waitUntilAllJobsFinished();

    const counts = (name: string): unknown => {
      const { succeeded, failed, skipped } = metricsOf(runtime, name) ?? {};
      return [succeeded, failed, skipped];
    };
    expect(['stop', 'goOn', 'skip'].map(counts)).toEqual([
      [0, 1, 0],
      [0, 1, 0],
      [0, 0, 1],
    ]);
  });

  test('what is cancelled has neither succeeded nor failed', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body));
    const { runtime, clock } = flowStage({ monitoring: true });
    runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);
    await settled(clock);
    job.cancel();
    held.open();
    await settled(clock);

    expect(metricsOf(runtime, 'a')).toMatchObject({
      activations: 1,
      succeeded: 0,
      failed: 0,
      skipped: 0,
      running: 0,
    });
  });

  test('durations are those of whole activations, retries included', async () => {
    const times = [10, 30];
    const f = flow('f')
      .add(
        step(
          'a',
          () => new Promise((resolve) => clock.setTimeout(() => resolve(undefined), times.shift() ?? 0)),
          one,
        ),
      )
      .add(
        step(
          'b',
          (_, ctx) => {
            if (ctx.attempt === 1) throw new Error('once');
          },
          { retry: { maxAttempts: 2, delay: 70, jitter: 'none' } },
        ),
      );
    const { runtime, clock } = flowStage({ monitoring: true });
    runtime.exec(f);
    for (const name of ['a', 'a', 'b'] as const) await runtime.post(f, name, 'input', 1);
    await clock.runAll();
    await settled(clock);

    expect(metricsOf(runtime, 'a')?.durationMs).toEqual({ total: 40, mean: 20, max: 30 });
    expect(metricsOf(runtime, 'b')).toMatchObject({
      activations: 1,
      succeeded: 1,
      durationMs: { total: 70, max: 70 },
    });
  });

  test('the mean is that of those that have ended', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body, { ...one, concurrency: 3 }));
    const { runtime, clock } = flowStage({ monitoring: true });
    runtime.exec(f);
    for (const n of [1, 2, 3]) await runtime.post(f, 'a', 'input', n);
    await clock.advance(20);
    held.release();
    await settled(clock);

    expect(metricsOf(runtime, 'a')).toMatchObject({
      running: 2,
      durationMs: { total: 20, mean: 20, max: 20 },
    });
  });

  test('slots show how full they are, and the most that they ever were', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body, { ...one, slot: { capacity: 4 } }));
    const { runtime, clock } = flowStage({ monitoring: true });
    runtime.exec(f);
    for (const n of [1, 2, 3, 4]) await runtime.post(f, 'a', 'input', n);
    await settled(clock);
    const full = metricsOf(runtime, 'a')?.slots;
    held.open();
    await runtime.waitUntilAllJobsFinished();

    expect(full).toEqual({ input: { depth: 3, maxDepth: 3, capacity: 4, pressure: 0.75 } });
    expect(metricsOf(runtime, 'a')?.slots).toEqual({
      input: { depth: 0, maxDepth: 3, capacity: 4, pressure: 0 },
    });
  });

  test('a slot that drops was never fuller than it may be', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body, { ...one, slot: { capacity: 2, overflow: 'dropOldest' } }));
    const { runtime, clock } = flowStage({ monitoring: true });
    runtime.exec(f);
    for (const n of [1, 2, 3, 4, 5]) await runtime.post(f, 'a', 'input', n);
    await settled(clock);

    expect(metricsOf(runtime, 'a')?.slots).toEqual({
      input: { depth: 2, maxDepth: 2, capacity: 2, pressure: 1 },
    });
  });

  test('a slot without a bound has no pressure', async () => {
    const f = flow('f').add(
      sink({ policy: batchSize(5), slot: { capacity: Number.POSITIVE_INFINITY } }).routine,
    );
    const { runtime } = flowStage({ monitoring: true });
    runtime.exec(f);
    await runtime.post(f, 'sink', 'input', 1);

    expect(metricsOf(runtime, 'sink')?.slots['input']).toMatchObject({ depth: 1, pressure: 0 });
  });

  test('several workers are summed, and the pressure is the largest', async () => {
    const f = flow('f').add(sink({ policy: batchSize(4), slot: { capacity: 10 } }).routine);
    const { runtime, clock } = flowStage({ monitoring: true });
    for (const workerId of ['x', 'y']) runtime.exec(f, { workerId });
    for (const [workerId, count] of [
      ['x', 5],
      ['y', 3],
    ] as const)
      for (let n = 0; n < count; n += 1) await runtime.post(f, 'sink', 'input', n, { workerId });
    await settled(clock);

    expect(metricsOf(runtime, 'sink')).toMatchObject({
      activations: 1,
      messages: 4,
      slots: { input: { depth: 4, maxDepth: 4, pressure: 0.3 } },
    });
  });

  test('what a worker has done that has stopped stays counted', async () => {
    const f = flow('f').add(sink().routine);
    const { runtime } = flowStage({ monitoring: true });
    const worker = runtime.exec(f);
    await (
      await runtime.post(f, 'sink', 'input', 1)
    ).done;
    await worker.stop();
    runtime.exec(f);
    await (
      await runtime.post(f, 'sink', 'input', 2)
    ).done;

    expect(metricsOf(runtime, 'sink')).toMatchObject({ activations: 2, succeeded: 2, messages: 2 });
  });

  test('what is at work when its worker stops counts as running no more', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body));
    const { runtime, clock } = flowStage({ monitoring: true });
    const worker = runtime.exec(f);
    await runtime.post(f, 'a', 'input', 1);
    await settled(clock);
    await worker.stop();
    await settled(clock);

    expect(metricsOf(runtime, 'a')).toMatchObject({ activations: 1, running: 0, succeeded: 0 });
  });

  test('a flush at a drain is an activation', async () => {
    const f = flow('f').add(sink({ policy: batchSize(5) }).routine);
    const { runtime } = flowStage({ monitoring: true });
    runtime.exec(f);
    await runtime.post(f, 'sink', 'input', 1);
    await runtime.shutdown();

    expect(metricsOf(runtime, 'sink')).toMatchObject({ activations: 1, messages: 1, succeeded: 1 });
  });

  test.each(['a snapshot', 'a log'])('a worker that goes on from %s begins to count anew', async (from) => {
    const f = flow('f').add(sink({ policy: batchSize(2) }).routine);
    const store = memoryCheckpointer();
    const durable = await goOn(f, store);
    const here = flowStage();
    here.runtime.exec(f, { workerId: 'w' });
    for (const { runtime } of [durable, here])
      for (const n of [1, 2, 3]) await runtime.post(f, 'sink', 'input', n);
    await settled(here.clock);

    const { runtime, clock } =
      from === 'a log'
        ? await goOn(f, await crashed(store), { monitoring: true })
        : flowStage({ monitoring: true, flows: [f], snapshot: await here.runtime.snapshot() });
    await runtime.post(f, 'sink', 'input', 4);
    await settled(clock);

    expect(metricsOf(runtime, 'sink')).toMatchObject({
      activations: 1,
      messages: 2,
      succeeded: 1,
      running: 0,
    });
    expect(runtime.metrics().messages).toMatchObject({ posted: 4, delivered: 4 });
  });

  test.each(['a snapshot', 'a log'])(
    'what was at work is counted where it runs again, after %s',
    async (from) => {
      const held = gate();
      const f = flow('f').add(step('a', held.body));
      const store = memoryCheckpointer();
      const durable = await goOn(f, store);
      const here = flowStage();
      here.runtime.exec(f, { workerId: 'w' });
      for (const { runtime } of [durable, here]) await runtime.post(f, 'a', 'input', 1);
      await settled(here.clock);
      const taken = here.runtime.snapshot({ timeout: 1 });
      await here.clock.advance(1);
      const snapshot = await taken;
      const left = await crashed(store);

      const { runtime, clock } =
        from === 'a log'
          ? await goOn(f, left, { monitoring: true })
          : flowStage({ monitoring: true, flows: [f], snapshot });
      await settled(clock);
      const during = metricsOf(runtime, 'a');
      await clock.advance(5);
      held.open();
      await settled(clock);
      const after = metricsOf(runtime, 'a');

      expect(during).toMatchObject({ activations: 1, running: 1, durationMs: { total: 0, mean: 0, max: 0 } });
      expect(after).toMatchObject({ activations: 1, running: 0, succeeded: 1 });
      expect(after?.durationMs.mean).toBe(after?.durationMs.total);
    },
  );
});

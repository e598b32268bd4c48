import { batchSize, flow, type Runtime } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { never } from '../support/deferred.ts';
import { flowStage, gate, passOn, sink, step } from '../support/flows.ts';

/** Whether `posted` is the sum of all others. */
function sumsOf(runtime: Runtime): readonly [posted: number, others: number] {
  const { posted, delivered, dropped, deadLettered, parked, queued, running } = runtime.metrics().messages;
  return [posted, delivered + dropped + deadLettered + parked + queued + running];
}

describe('the messages in `metrics`', () => {
  test('add up whatever happens to them', async () => {
    const held = gate();
    const f = flow('f')
      .add(step('first', passOn))
      .add(step('held', held.body))
      .add(step('narrow', () => never(), { slot: { capacity: 1, overflow: 'dropOldest' } }))
      .add(step('failing', () => Promise.reject(new Error('boom')), { onError: 'continue' }))
      .add(step('batch', () => undefined, { policy: batchSize(4) }))
      .add(sink().routine)
      .connect('first.output', 'held.input')
      .connect('first.output', 'narrow.input')
      .connect('first.output', 'failing.input')
      .connect('first.output', 'batch.input')
      .connect('first.output', 'sink.input');
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    runtime.breakpoint({ flow: f, routine: 'sink', slot: 'input', when: (value) => value === 2 });
    const sums: (readonly [number, number])[] = [];

    for (const value of [1, 2, 3, 4, 5, 6]) {
      await runtime.post(f, 'first', 'input', value);
      sums.push(sumsOf(runtime));
      await clock.advance(0);
      sums.push(sumsOf(runtime));
    }
    runtime.listJobs()[3]?.cancel();
    sums.push(sumsOf(runtime));
    held.open();
    await clock.advance(0);
    const { messages } = runtime.metrics();
    sums.push(sumsOf(runtime));
    await worker.stop();
    sums.push(sumsOf(runtime));

    expect(sums.map(([posted, others]) => posted - others)).toEqual(sums.map(() => 0));
    expect(messages.posted).toBe(36);
    for (const count of Object.values(messages)) expect(count).toBeGreaterThan(0);
  });

  test('say what waits and what runs', async () => {
    const held = gate();
    const f = flow('f').add(step('held', held.body));
    const { runtime } = flowStage();
    runtime.exec(f);

    for (const value of [1, 2, 3]) await runtime.post(f, 'held', 'input', value);
    const { messages } = runtime.metrics();

    expect(messages).toMatchObject({ queued: 2, running: 1 });
  });

  test('keep counting over workers that have ended', async () => {
    const f = flow('f').add(sink().routine);
    const { runtime } = flowStage();
    for (let round = 0; round < 3; round += 1) {
      const worker = runtime.exec(f);
      await (
        await runtime.post(f, 'sink', 'input', 1)
      ).done;
      await worker.stop();
    }

    const { messages, workers } = runtime.metrics();

    expect(messages).toMatchObject({ posted: 3, delivered: 3 });
    expect(workers).toBe(0);
  });

  test('keep counting over very many workers that have ended', async () => {
    const f = flow('f').add(sink().routine);
    const { runtime } = flowStage();
    for (let round = 0; round < 150; round += 1) {
      const worker = runtime.exec(f);
      await (
        await runtime.post(f, 'sink', 'input', 1)
      ).done;
      await worker.stop();
    }

    expect(runtime.metrics().messages).toMatchObject({ posted: 150, delivered: 150 });
  });

  test('keep counting where a worker of the same id begins again', async () => {
    const f = flow('f').add(sink().routine);
    const { runtime } = flowStage();
    for (let round = 0; round < 2; round += 1) {
      const worker = runtime.exec(f, { workerId: 'one' });
      await (
        await runtime.post(f, 'sink', 'input', 1)
      ).done;
      await worker.stop();
    }

    expect(runtime.metrics().messages).toMatchObject({ posted: 2, delivered: 2 });
  });
});

describe('the jobs in `metrics`', () => {
  test('are counted by their status', async () => {
    const held = gate();
    const f = flow('f')
      .add(step('held', held.body))
      .add(step('failing', () => Promise.reject(new Error('boom'))))
      .add(sink().routine);
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    for (const name of ['held', 'held', 'held', 'failing', 'sink', 'sink'] as const)
      await runtime.post(f, name, 'input', 1);
    await clock.advance(0);
    runtime.listJobs({ status: 'pending' })[0]?.cancel();

    const { jobs, workers } = runtime.metrics();

    expect(jobs).toEqual({ pending: 1, running: 1, completed: 2, failed: 1, cancelled: 1, timedOut: 0 });
    expect(workers).toBe(1);
  });
});

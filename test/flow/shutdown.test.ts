import { batchSize, flow } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { never, rejectionOf, thrownBy } from '../support/deferred.ts';
import { flowStage, gate, passOn, sink, statusesOf, step } from '../support/flows.ts';

describe('shutting a runtime down', () => {
  test('does what is left first', async () => {
    const held = gate(passOn);
    const end = sink();
    const f = flow('f').add(step('a', held.body)).add(end.routine).connect('a.output', 'sink.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const jobs = [await runtime.post(f, 'a', 'input', 1), await runtime.post(f, 'a', 'input', 2)];
    let isShut = false;
    const shut = runtime.shutdown().then(() => (isShut = true));
    await clock.advance(1_000);
    const before = isShut;

    held.open();
    await shut;

    expect(before).toBe(false);
    expect(statusesOf(jobs)).toEqual(['completed', 'completed']);
    expect(end.seen).toEqual([1, 2]);
  });

  test('flushes partial batches', async () => {
    const seen: (readonly number[])[] = [];
    const f = flow('f').add(step('a', (input) => void seen.push(input), { policy: batchSize(10) }));
    const { runtime } = flowStage();
    runtime.exec(f);
    for (const value of [1, 2]) await runtime.post(f, 'a', 'input', value);

    await runtime.shutdown({ wait: true });

    expect(seen).toEqual([[1, 2]]);
  });

  test('cancels what is left with `wait: false`', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body));
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    const jobs = [await runtime.post(f, 'a', 'input', 1), await runtime.post(f, 'a', 'input', 2)];
    await clock.advance(0);

    await runtime.shutdown({ wait: false });

    expect(statusesOf(jobs)).toEqual(['cancelled', 'cancelled']);
    expect(jobs[0]?.error).toMatchObject({ reason: 'shutdown' });
    expect(held.contexts[0]?.signal.aborted).toBe(true);
    expect(worker.status).toBe('stopped');
  });

  test('cancels what is left after its `timeout`', async () => {
    const f = flow('f').add(step('a', () => never()));
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);
    const shut = runtime.shutdown({ timeout: 100 });

    await clock.advance(99);
    const before = job.status;
    await clock.advance(1);
    await shut;

    expect([before, job.status]).toEqual(['running', 'cancelled']);
  });

  test('leaves no timer behind when it needs less than its `timeout`', async () => {
    const { runtime, clock } = flowStage();
    const f = flow('f').add(sink().routine);
    runtime.exec(f);
    await runtime.post(f, 'sink', 'input', 1);

    await runtime.shutdown({ timeout: 100 });

    expect(clock.pending).toBe(0);
  });

  test('does not wait for a body that never returns with `wait: false`', async () => {
    const f = flow('f').add(step('a', () => never()));
    const { runtime } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);

    await runtime.shutdown({ wait: false });

    expect(job.status).toBe('cancelled');
  });

  test('goes on with workers that are paused', async () => {
    const end = sink();
    const f = flow('f').add(end.routine);
    const { runtime } = flowStage();
    const worker = runtime.exec(f);
    await worker.pause();
    await runtime.post(f, 'sink', 'input', 1);

    await runtime.shutdown();

    expect(end.seen).toEqual([1]);
  });

  test('twice is fine, and both wait for the end', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body));
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    await runtime.post(f, 'a', 'input', 1);
    let shut = 0;
    const both = [runtime.shutdown(), runtime.shutdown()].map(async (each) => {
      await each;
      shut += 1;
    });
    await clock.advance(0);
    const before = shut;

    held.open();
    await Promise.all(both);

    expect([before, shut]).toEqual([0, 2]);
  });

  test('a second time with `wait: false` cancels what the first waits for', async () => {
    const f = flow('f').add(step('a', () => never()));
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);
    const first = runtime.shutdown();
    await clock.advance(0);

    await runtime.shutdown({ wait: false });
    await first;

    expect(job.status).toBe('cancelled');
  });

  test('a second time with a `timeout` cancels what the first still waits for then', async () => {
    const f = flow('f').add(step('a', () => never()));
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);
    void runtime.shutdown();

    void runtime.shutdown({ timeout: 100 });
    await clock.advance(100);

    expect(job.status).toBe('cancelled');
  });

  test('makes posts reject, and exec and respond fail, with a RuntimeClosedError', async () => {
    const f = flow('f').add(sink().routine);
    const { runtime } = flowStage();
    runtime.exec(f, { workerId: 'one' });
    await runtime.shutdown();

    const errors = [
      await rejectionOf(runtime.post(f, 'sink', 'input', 1)),
      thrownBy(() => runtime.exec(f)),
      await rejectionOf(runtime.respond('one', 'key', 1)),
    ];

    expect(errors.map((error) => (error as { code?: string }).code)).toEqual([
      'RUNTIME_CLOSED',
      'RUNTIME_CLOSED',
      'RUNTIME_CLOSED',
    ]);
  });

  test('refuses posts already while it drains', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body));
    const { runtime } = flowStage();
    runtime.exec(f);
    await runtime.post(f, 'a', 'input', 1);
    const shut = runtime.shutdown();

    const error = await rejectionOf(runtime.post(f, 'a', 'input', 2));
    held.open();
    await shut;

    expect(error).toMatchObject({ code: 'RUNTIME_CLOSED' });
  });

  test('keeps jobs and states readable', async () => {
    const f = flow('f').add(step('a', (input, ctx) => ctx.state.set('last', input[0])));
    const { runtime } = flowStage();
    const worker = runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 7);

    await runtime.shutdown();

    expect(runtime.getJob(job.id)).toBe(job);
    expect(worker.state('a')).toEqual({ last: 7 });
  });

  test('makes `waitUntilAllJobsFinished` resolve', async () => {
    const f = flow('f').add(step('a', () => never()));
    const { runtime } = flowStage();
    runtime.exec(f);
    await runtime.post(f, 'a', 'input', 1);
    const waiting = runtime.waitUntilAllJobsFinished();

    await runtime.shutdown({ wait: false });

    expect(await waiting).toBe(true);
  });

  test('of a runtime that never did anything is fine', async () => {
    const { runtime } = flowStage();

    await runtime.shutdown();

    expect(runtime.workers).toEqual([]);
  });

  test.each([{ wait: true, timeout: -1 }, { timeout: Number.NaN }, { now: true }])(
    'refuses the options %j, and goes on',
    async (options) => {
      const f = flow('f').add(sink().routine);
      const { runtime } = flowStage();
      runtime.exec(f);

      const error = await rejectionOf(runtime.shutdown(options));
      const job = await runtime.post(f, 'sink', 'input', 1);

      expect(error).toMatchObject({ code: 'INVALID_INPUT' });
      expect((await job.done).status).toBe('completed');
    },
  );
});

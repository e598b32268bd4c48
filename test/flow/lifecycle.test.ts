import { flow, timeInterval, type Job } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { never, rejectionOf } from '../support/deferred.ts';
import { flowStage, gate, passOn, sink, statusesOf, step } from '../support/flows.ts';

const retry = { maxAttempts: 2, delay: 100, jitter: 'none' } as const;

/** A worker whose routine waits at each activation. */
function holding() {
  const stage = flowStage();
  const held = gate();
  const f = flow('f').add(step('held', held.body));
  const worker = stage.runtime.exec(f);
  const post = async (...values: number[]): Promise<readonly Job[]> => {
    const jobs: Job[] = [];
    for (const value of values) jobs.push(await stage.runtime.post(f, 'held', 'input', value));
    return jobs;
  };
  return { ...stage, held, worker, post, f };
}

describe('pausing a worker', () => {
  test('lets what runs finish, and resolves then', async () => {
    const { clock, held, worker, post } = holding();
    const [job] = await post(1);
    let isQuiet = false;
    const paused = worker.pause('for lunch').then(() => (isQuiet = true));
    await clock.advance(1_000);
    const before = [isQuiet, worker.status];

    held.open();
    await paused;

    expect(before).toEqual([false, 'paused']);
    expect(job?.status).toBe('completed');
  });

  test('holds what waits, and takes posts', async () => {
    const { clock, held, worker, post } = holding();
    await worker.pause();

    const jobs = await post(1, 2);
    await clock.advance(1_000);

    expect(statusesOf(jobs)).toEqual(['pending', 'pending']);
    expect(held.seen).toEqual([]);
  });

  test('holds what a routine emits while it finishes', async () => {
    const held = gate(passOn);
    const end = sink();
    const f = flow('f').add(step('a', held.body)).add(end.routine).connect('a.output', 'sink.input');
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);
    const paused = worker.pause();
    held.open();
    await paused;
    await clock.advance(0);

    const before = [...end.seen];
    worker.resume();
    await job.done;

    expect(before).toEqual([]);
    expect(end.seen).toEqual([1]);
  });

  test('holds retries until it is resumed', async () => {
    const times: number[] = [];
    const { runtime, clock } = flowStage();
    const flaky = step(
      'flaky',
      () => {
        times.push(clock.now());
        if (times.length === 1) throw new Error('once');
      },
      { retry },
    );
    const f = flow('f').add(flaky);
    const worker = runtime.exec(f);
    const job = await runtime.post(f, 'flaky', 'input', 1);
    await clock.advance(50);
    await worker.pause();

    await clock.advance(500);
    const before = [...times];
    worker.resume();
    await job.done;

    expect(before).toEqual([1_000]);
    expect(times).toEqual([1_000, 1_550]);
  });

  test('resolves at once where nothing works', async () => {
    const { worker } = holding();

    await worker.pause();

    expect(worker.status).toBe('paused');
  });

  test('runs nothing of a policy whose time has come', async () => {
    const seen: (readonly number[])[] = [];
    const f = flow('f').add(step('a', (input) => void seen.push(input), { policy: timeInterval(100) }));
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    for (const value of [1, 2]) await runtime.post(f, 'a', 'input', value);
    await worker.pause();

    await clock.advance(1_000);
    const before = [...seen];
    worker.resume();
    await clock.advance(0);

    expect(before).toEqual([[1]]);
    expect(seen).toEqual([[1], [2]]);
  });
});

describe('resuming a worker', () => {
  test('goes on with all that waits, in order', async () => {
    const { runtime, held, worker, post } = holding();
    await worker.pause();
    await post(1, 2, 3);

    held.open();
    worker.resume();
    await runtime.waitUntilAllJobsFinished();

    expect(held.seen).toEqual([[1, 2, 3]]);
    expect(worker.status).toBe('running');
  });

  test('is nothing for a worker that runs', async () => {
    const { worker, post, held } = holding();

    worker.resume();
    held.open();
    const [job] = await post(1);

    expect((await job?.done)?.status).toBe('completed');
  });
});

describe('stopping a worker', () => {
  test('cancels its jobs, and fires the signals of its bodies', async () => {
    const { clock, held, worker, post } = holding();
    const jobs = await post(1, 2);
    await clock.advance(0);

    await worker.stop();

    expect(worker.status).toBe('stopped');
    expect(statusesOf(jobs)).toEqual(['cancelled', 'cancelled']);
    expect(jobs[0]?.error).toMatchObject({ code: 'CANCELLED', reason: 'stopped' });
    expect(held.contexts[0]?.signal.aborted).toBe(true);
  });

  test('cancels them with the reason that is given', async () => {
    const { worker, post } = holding();
    const [job] = await post(1);

    await worker.stop({ reason: 'enough' });

    expect(job?.error).toMatchObject({ reason: 'enough' });
  });

  test('makes posts to it reject', async () => {
    const { worker, post } = holding();
    await worker.stop();

    const error = await rejectionOf(post(1));

    expect(error).toMatchObject({ code: 'WORKER_STOPPED' });
  });

  test('twice is fine', async () => {
    const { worker } = holding();

    await Promise.all([worker.stop(), worker.stop()]);

    expect(worker.status).toBe('stopped');
  });

  test('keeps its state readable', async () => {
    const f = flow('f').add(step('a', (input, ctx) => ctx.state.set('last', input[0])));
    const { runtime } = flowStage();
    const worker = runtime.exec(f, { workerId: 'one' });
    await (
      await runtime.post(f, 'a', 'input', 7)
    ).done;

    await worker.stop();

    expect(worker.state('a')).toEqual({ last: 7 });
    expect(runtime.worker('one')).toBe(worker);
    expect(runtime.workers).toEqual([]);
  });

  test('does not wait for a body that never returns', async () => {
    const f = flow('f').add(step('a', () => never()));
    const { runtime } = flowStage();
    const worker = runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);

    await worker.stop();

    expect([worker.status, job.status]).toEqual(['stopped', 'cancelled']);
  });

  test('leaves no timer behind', async () => {
    const f = flow('f')
      .add(step('a', () => undefined, { policy: timeInterval(100) }))
      .add(step('b', () => Promise.reject(new Error('b')), { retry }))
      .add(step('c', () => never(), { timeout: 100 }));
    const { runtime, clock } = flowStage({ jobTimeout: 1_000 });
    const worker = runtime.exec(f);
    for (const name of ['a', 'a', 'b', 'c'] as const) await runtime.post(f, name, 'input', 1);
    await clock.advance(0);

    await worker.stop();

    expect(clock.pending).toBe(0);
  });
});

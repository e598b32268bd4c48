import { node } from 'troupe';
import {
  allSlotsReady,
  batchSize,
  flow,
  routine,
  slot,
  timeInterval,
  type Job,
  type Policy,
} from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { never, rejectionOf } from '../support/deferred.ts';
import { flowStage, gate, statusesOf, step } from '../support/flows.ts';

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

describe('draining a worker', () => {
  test('does all that is left, and takes no posts', async () => {
    const { clock, held, worker, post } = holding();
    const jobs = await post(1, 2);
    const stopped = worker.stop({ drain: true });
    await clock.advance(0);
    const status = worker.status;

    const error = await rejectionOf(post(3));
    held.open();
    await stopped;

    expect(status).toBe('draining');
    expect(error).toMatchObject({ code: 'WORKER_STOPPED' });
    expect(worker.status).toBe('stopped');
    expect(statusesOf(jobs)).toEqual(['completed', 'completed']);
  });

  test('goes on with a worker that was paused', async () => {
    const { held, worker, post } = holding();
    await worker.pause();
    const jobs = await post(1, 2);
    held.open();

    await worker.stop({ drain: true });

    expect(statusesOf(jobs)).toEqual(['completed', 'completed']);
  });

  test('waits for retries', async () => {
    let attempts = 0;
    const flaky = step(
      'flaky',
      () => {
        attempts += 1;
        if (attempts === 1) throw new Error('once');
      },
      { retry },
    );
    const f = flow('f').add(flaky);
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    const job = await runtime.post(f, 'flaky', 'input', 1);
    await clock.advance(0);

    const stopped = worker.stop({ drain: true });
    await clock.advance(100);
    await stopped;

    expect(job.status).toBe('completed');
  });

  test('waits for retries of a node that a routine calls', async () => {
    let attempts = 0;
    const flaky = node(
      'flaky',
      () => {
        attempts += 1;
        if (attempts === 1) throw new Error('once');
      },
      { retry },
    );
    const f = flow('f').add(step('a', (_input, ctx) => ctx.call(flaky)));
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);

    const stopped = worker.stop({ drain: true });
    await clock.advance(100);
    await stopped;

    expect([attempts, job.status]).toEqual([2, 'completed']);
  });

  test('does what waits for room to the end', async () => {
    const held = gate();
    const f = flow('f')
      .add(
        step('emitter', async (_input, ctx) => {
          for (const value of [1, 2, 3, 4]) await ctx.emit('output', value);
        }),
      )
      .add(step('held', held.body, { slot: { capacity: 1, overflow: 'block' } }))
      .connect('emitter.output', 'held.input');
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    const job = await runtime.post(f, 'emitter', 'input', 0);
    await clock.advance(0);

    const stopped = worker.stop({ drain: true });
    await clock.advance(0);
    held.open();
    await stopped;

    expect(job.status).toBe('completed');
    expect(held.seen.flat()).toEqual([1, 2, 3, 4]);
  });

  test('flushes partial batches, those of senders first', async () => {
    const seen: [string, readonly number[]][] = [];
    const summing = (name: string) =>
      step(
        name,
        async (input, ctx) => {
          seen.push([name, input]);
          await ctx.emit(
            'output',
            input.reduce((sum, value) => sum + value, 0),
          );
        },
        { policy: batchSize(3) },
      );
    const f = flow('f')
      .add(summing('late'), 'late')
      .add(summing('early'), 'early')
      .connect('early.output', 'late.input');
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    const jobs: Job[] = [];
    for (const value of [1, 2, 3, 4, 5]) jobs.push(await runtime.post(f, 'early', 'input', value));
    await clock.advance(0);

    await worker.stop({ drain: true });

    expect(seen).toEqual([
      ['early', [1, 2, 3]],
      ['early', [4, 5]],
      ['late', [6, 9]],
    ]);
    expect(new Set(statusesOf(jobs))).toEqual(new Set(['completed']));
  });

  test('does what waits behind what works, as its policy says', async () => {
    const held = gate();
    const two = routine({
      name: 'two',
      slots: { a: slot<number>(), b: slot<number>() },
      policy: allSlotsReady(),
      run: ({ a, b }, ctx) => held.body([...a, ...b], ctx as never),
    });
    const f = flow('f').add(two);
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    for (const value of [1, 2]) await runtime.post(f, 'two', 'a', value);
    for (const value of [10, 20]) await runtime.post(f, 'two', 'b', value);

    const stopped = worker.stop({ drain: true });
    await clock.advance(0);
    held.open();
    await stopped;

    expect(held.seen).toEqual([
      [1, 10],
      [2, 20],
    ]);
    expect(new Set(statusesOf(runtime.listJobs()))).toEqual(new Set(['completed']));
  });

  test('gives "drain" as the reason of what it flushes', async () => {
    const reasons: string[] = [];
    const f = flow('f').add(
      step('a', (_input, { reason }) => void reasons.push(reason), { policy: batchSize(3) }),
    );
    const { runtime } = flowStage();
    const worker = runtime.exec(f);
    await runtime.post(f, 'a', 'input', 1);

    await worker.stop({ drain: true });

    expect(reasons).toEqual(['drain']);
  });

  test.each([
    ['batchSize with `{ flush: false }`', batchSize(3, { flush: false })],
    ['allSlotsReady, which keeps by default', allSlotsReady()],
  ] as readonly [string, Policy][])(
    'keeps what a policy wants kept, and cancels its jobs: %s',
    async (_what, policy) => {
      const seen: unknown[] = [];
      const two = routine({
        name: 'two',
        slots: { a: slot<number>(), b: slot<number>() },
        policy,
        run: (data) => void seen.push(data),
      });
      const f = flow('f').add(two);
      const { runtime } = flowStage();
      const worker = runtime.exec(f);
      const job = await runtime.post(f, 'two', 'a', 1);

      await worker.stop({ drain: true });

      expect(seen).toEqual([]);
      expect(job.status).toBe('cancelled');
      expect(worker.status).toBe('stopped');
    },
  );

  test('flushes allSlotsReady where it is told to, with slots that are empty', async () => {
    const seen: unknown[] = [];
    const two = routine({
      name: 'two',
      slots: { a: slot<number>(), b: slot<number>() },
      policy: allSlotsReady({ flush: true }),
      run: (data) => void seen.push(data),
    });
    const f = flow('f').add(two);
    const { runtime } = flowStage();
    const worker = runtime.exec(f);
    const job = await runtime.post(f, 'two', 'a', 1);

    await worker.stop({ drain: true });

    expect(seen).toEqual([{ a: [1], b: [] }]);
    expect(job.status).toBe('completed');
  });

  test('does not wait for the time of an interval', async () => {
    const seen: (readonly number[])[] = [];
    const f = flow('f').add(step('a', (input) => void seen.push(input), { policy: timeInterval(100_000) }));
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    for (const value of [1, 2]) await runtime.post(f, 'a', 'input', value);

    await worker.stop({ drain: true });

    expect(seen).toEqual([[1], [2]]);
    expect(clock.pending).toBe(0);
  });

  test('does not wait for a person, and cancels the job that asks', async () => {
    const f = flow('f').add(step('a', (_input, ctx) => ctx.interrupt('sure?', { key: 'decision' })));
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);

    await worker.stop({ drain: true });

    expect([worker.status, job.status]).toEqual(['stopped', 'cancelled']);
    expect(runtime.pauses).toEqual([]);
  });

  test('does not wait for what a breakpoint holds, and cancels its job', async () => {
    const f = flow('f').add(step('a', () => undefined));
    const { runtime } = flowStage();
    const worker = runtime.exec(f);
    const breakpoint = runtime.breakpoint({ flow: f, routine: 'a', slot: 'input' });
    const job = await runtime.post(f, 'a', 'input', 1);

    await worker.stop({ drain: true });

    expect([worker.status, job.status]).toEqual(['stopped', 'cancelled']);
    expect([breakpoint.parked, runtime.metrics().messages.dropped]).toEqual([[], 1]);
  });

  test('can be cut short by a stop', async () => {
    const f = flow('f').add(step('a', () => never()));
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);
    const draining = worker.stop({ drain: true });
    await clock.advance(0);

    void worker.stop();
    await clock.advance(0);

    expect([worker.status, job.status]).toEqual(['stopped', 'cancelled']);
    expect(await draining).toBeUndefined();
  });
});

import {
  allSlotsReady,
  batchSize,
  event,
  flow,
  immediate,
  routine,
  slot,
  timeInterval,
  type Job,
  type Policy,
} from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { deferred } from '../support/deferred.ts';
import { flowStage, gate, statusesOf, step, type FlowStage } from '../support/flows.ts';

/** A routine with the slots `a` and `b` that keeps what it is given. */
function pairing(policy: Policy, wait: () => unknown = () => undefined) {
  const seen: unknown[] = [];
  const pair = routine({
    name: 'pair',
    slots: { a: slot<number>(), b: slot<number>() },
    policy,
    run: (data) => {
      seen.push(data);
      return wait();
    },
  });
  return { seen, f: flow('f').add(pair) };
}

/** One routine that keeps what it is given and why, and posts to it. */
function recording(stage: FlowStage, policy: Policy) {
  const seen: { readonly input: readonly number[]; readonly reason: string; readonly at: number }[] = [];
  const f = flow('f').add(
    step('a', (input, { reason }) => void seen.push({ input, reason, at: stage.clock.now() }), { policy }),
  );
  const worker = stage.runtime.exec(f);
  const post = async (...values: number[]): Promise<readonly Job[]> => {
    const jobs: Job[] = [];
    for (const value of values) jobs.push(await stage.runtime.post(f, 'a', 'input', value));
    return jobs;
  };
  return { seen, f, worker, post };
}

describe('`immediate` at work', () => {
  test('runs with what there is as soon as any slot has something', async () => {
    const { f, seen } = pairing(immediate());
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    await runtime.post(f, 'pair', 'b', 1);
    await clock.advance(0);

    expect(seen).toEqual([{ a: [], b: [1] }]);
  });

  test('takes all of every slot that came while the routine was busy', async () => {
    const busy = deferred();
    const { f, seen } = pairing(immediate(), () => busy.promise);
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    await runtime.post(f, 'pair', 'a', 1);
    await runtime.post(f, 'pair', 'a', 2);
    await runtime.post(f, 'pair', 'b', 3);
    await runtime.post(f, 'pair', 'a', 4);
    busy.resolve();
    await clock.advance(0);

    expect(seen).toEqual([
      { a: [1], b: [] },
      { a: [2, 4], b: [3] },
    ]);
  });

  test('is the default, and the reason of its activations', async () => {
    const reasons: string[] = [];
    const f = flow('f').add(step('a', (_input, { reason }) => void reasons.push(reason)));
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    await (
      await runtime.post(f, 'a', 'input', 1)
    ).done;

    expect(reasons).toEqual(['immediate']);
  });
});

describe('`allSlotsReady` at work', () => {
  test('waits until every slot has something', async () => {
    const { f, seen } = pairing(allSlotsReady());
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    await runtime.post(f, 'pair', 'a', 1);
    await clock.advance(1_000);
    const before = [...seen];

    await runtime.post(f, 'pair', 'b', 10);
    await clock.advance(0);

    expect(before).toEqual([]);
    expect(seen).toEqual([{ a: [1], b: [10] }]);
  });

  test('takes one of each, the oldest, again and again', async () => {
    const { f, seen } = pairing(allSlotsReady());
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    await worker.pause();
    for (const value of [1, 2, 3]) await runtime.post(f, 'pair', 'a', value);
    for (const value of [10, 20]) await runtime.post(f, 'pair', 'b', value);

    worker.resume();
    await clock.advance(0);

    expect(seen).toEqual([
      { a: [1], b: [10] },
      { a: [2], b: [20] },
    ]);
    expect(runtime.metrics().messages.queued).toBe(1);
  });
});

describe('`batchSize` at work', () => {
  test('takes exactly so many', async () => {
    const stage = flowStage();
    const { seen, post } = recording(stage, batchSize(3));

    const jobs = await post(1, 2, 3, 4, 5, 6, 7);
    await stage.clock.advance(0);

    expect(seen.map(({ input }) => input)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(statusesOf(jobs).at(-1)).toBe('pending');
    expect(seen[0]?.reason).toBe('batchSize(3)');
  });

  test('asks again until there is no full batch left', async () => {
    const stage = flowStage();
    const { seen, post, worker } = recording(stage, batchSize(2));
    await worker.pause();
    await post(1, 2, 3, 4, 5);

    worker.resume();
    await stage.clock.advance(0);

    expect(seen.map(({ input }) => input)).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test('works for all jobs of its messages, and what it emits belongs to all of them', async () => {
    const jobsOf: (readonly Job[])[] = [];
    const f = flow('f')
      .add(step('batch', (input, ctx) => ctx.emit('output', input.length), { policy: batchSize(2) }))
      .add(step('after', (_input, { jobs }) => void jobsOf.push(jobs)))
      .connect('batch.output', 'after.input');
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const one = await runtime.post(f, 'batch', 'input', 1);
    const two = await runtime.post(f, 'batch', 'input', 2);
    await Promise.all([one.done, two.done]);

    expect(jobsOf).toEqual([[one, two]]);
    expect(statusesOf([one, two])).toEqual(['completed', 'completed']);
  });

  test('each of its jobs ends when its own share has', async () => {
    const slow = gate();
    const batch = routine({
      name: 'batch',
      slots: { input: slot<number>() },
      policy: batchSize(2),
      run: () => undefined,
    });
    const split = routine({
      name: 'split',
      slots: { input: slot<number>() },
      events: { toBatch: event<number>(), toSlow: event<number>() },
      run: async ({ input: [value = 0] }, ctx) => {
        await ctx.emit('toBatch', value);
        if (value === 2) await ctx.emit('toSlow', value);
      },
    });
    const f = flow('f')
      .add(split)
      .add(batch)
      .add(step('slow', slow.body))
      .connect('split.toBatch', 'batch.input')
      .connect('split.toSlow', 'slow.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    const one = await runtime.post(f, 'split', 'input', 1);
    const two = await runtime.post(f, 'split', 'input', 2);
    await clock.advance(0);
    const meanwhile = statusesOf([one, two]);
    slow.open();
    await two.done;

    expect(meanwhile).toEqual(['completed', 'running']);
    expect(two.status).toBe('completed');
  });
});

describe('`timeInterval` at work', () => {
  test('runs at once with the first message', async () => {
    const stage = flowStage();
    const { seen, post } = recording(stage, timeInterval(100));

    await post(1);
    await stage.clock.advance(0);

    expect(seen).toEqual([{ input: [1], reason: 'timeInterval(100)', at: 1_000 }]);
  });

  test('then runs with all that came, when the time is up, and nobody needs to post', async () => {
    const stage = flowStage();
    const { seen, post } = recording(stage, timeInterval(100));
    await post(1);
    await stage.clock.advance(30);
    await post(2, 3);

    await stage.clock.advance(69);
    const before = seen.length;
    await stage.clock.advance(1);

    expect(before).toBe(1);
    expect(seen.slice(1)).toMatchObject([{ input: [2, 3], at: 1_100 }]);
  });

  test('runs every so many ms while there is something to do', async () => {
    const stage = flowStage();
    const { seen, post } = recording(stage, timeInterval(100));

    for (let value = 0; value < 10; value += 1) {
      await post(value);
      await stage.clock.advance(50);
    }
    await stage.clock.runAll();

    expect(seen.map(({ at }) => at)).toEqual([1_000, 1_100, 1_200, 1_300, 1_400, 1_500]);
    expect(seen.flatMap(({ input }) => input)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('does not run without messages, and leaves no timer then', async () => {
    const stage = flowStage();
    const { seen, post } = recording(stage, timeInterval(100));
    await post(1);

    await stage.clock.advance(10_000);

    expect(seen).toHaveLength(1);
    expect(stage.clock.pending).toBe(0);
  });

  test('runs at once again after a quiet time', async () => {
    const stage = flowStage();
    const { seen, post } = recording(stage, timeInterval(100));
    await post(1);
    await stage.clock.advance(500);

    await post(2);
    await stage.clock.advance(0);

    expect(seen.map(({ at }) => at)).toEqual([1_000, 1_500]);
  });
});

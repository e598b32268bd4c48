import { FatalError, node, NodeTimeoutError } from 'troupe';
import { batchSize, flow, routine, slot, type Job, type RoutineErrorPolicy } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { never } from '../support/deferred.ts';
import { flowStage, gate, passOn, sink, statusesOf, step, traceOf, type StepBody } from '../support/flows.ts';
import { memoryLogger } from '../support/memory-logger.ts';

const boom = new Error('boom');

/** A body that fails on odd numbers, and passes the others on. */
const oddFails: StepBody = async (input, ctx) => {
  if (input.some((value) => value % 2 === 1)) throw boom;
  await passOn(input, ctx);
};

/** A routine before it, and one after it. */
function chain(onError?: RoutineErrorPolicy, ofFlow?: RoutineErrorPolicy) {
  const end = sink();
  const middle = step('middle', oddFails, onError === undefined ? {} : { onError });
  const f = flow('f')
    .add(step('first', passOn))
    .add(middle)
    .add(end.routine)
    .connect('first.output', 'middle.input')
    .connect('middle.output', 'sink.input');
  return { f: ofFlow === undefined ? f : f.onError(ofFlow), seen: end.seen };
}

describe('what a failure does to its job', () => {
  test("fails it by default, as 'stop' says, and the worker lives on", async () => {
    const { f, seen } = chain();
    await using runtime = flowStage().runtime;
    const worker = runtime.exec(f);

    const bad = await runtime.post(f, 'first', 'input', 1);
    const good = await runtime.post(f, 'first', 'input', 2);
    await Promise.all([bad.done, good.done]);

    expect(statusesOf([bad, good])).toEqual(['failed', 'completed']);
    expect(bad.error).toBe(boom);
    expect([seen, worker.status]).toEqual([[2], 'running']);
  });

  test.each([
    ["'continue' of the routine", 'continue', undefined],
    ["'continue' of the flow", undefined, 'continue'],
    ["the routine's own before that of its flow", 'continue', 'stop'],
  ] as const)('records it and goes on with %s', async (_what, own, ofFlow) => {
    const { f } = chain(own, ofFlow);
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'first', 'input', 1);
    await job.done;

    expect(job.status).toBe('completed');
    expect(job.error).toBeUndefined();
    expect(job.deadLetters).toMatchObject([
      { routine: 'middle', slot: 'input', value: 1, policy: 'continue' },
    ]);
    expect(traceOf(job)).toContain('failed middle');
  });

  test.each([
    ['of the routine', 'skip', undefined],
    ['of the flow', undefined, 'skip'],
  ] as const)("marks the routine skipped with 'skip' %s", async (_what, own, ofFlow) => {
    const { f, seen } = chain(own, ofFlow);
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'first', 'input', 1);
    await job.done;

    expect(job.status).toBe('completed');
    expect(traceOf(job)).toContain('skipped middle');
    expect(job.deadLetters).toMatchObject([{ policy: 'skip' }]);
    expect(seen).toEqual([]);
  });

  test("the routine's 'stop' comes before the flow's 'continue'", async () => {
    const { f } = chain('stop', 'continue');
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'first', 'input', 1);

    expect((await job.done).status).toBe('failed');
  });

  test('what it had emitted before it failed is dropped with a job that fails', async () => {
    const end = gate();
    const half = step('half', async (_input, ctx) => {
      await ctx.emit('output', 1);
      await ctx.emit('output', 2);
      throw boom;
    });
    const f = flow('f').add(half).add(step('end', end.body)).connect('half.output', 'end.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    const job = await runtime.post(f, 'half', 'input', 1);
    await job.done;
    await clock.advance(0);

    expect(job.status).toBe('failed');
    expect(end.contexts.map(({ signal }) => signal.aborted)).toEqual([true]);
    expect(runtime.metrics().messages).toMatchObject({ posted: 3, dropped: 2, deadLettered: 1, queued: 0 });
  });

  test('what it had emitted before it failed goes on with a job that goes on', async () => {
    const end = sink();
    const half = step(
      'half',
      async (_input, ctx) => {
        await ctx.emit('output', 1);
        throw boom;
      },
      { onError: 'continue' },
    );
    const f = flow('f').add(half).add(end.routine).connect('half.output', 'sink.input');
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'half', 'input', 1);
    await job.done;

    expect([job.status, end.seen]).toEqual(['completed', [1]]);
  });

  test.each([undefined, 'a text', null, 0])('fails it with %s where that was thrown', async (thrown) => {
    const f = flow('f').add(
      step('a', () => {
        throw thrown; // oxlint-disable-line typescript/only-throw-error -- any value may be thrown
      }),
    );
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'a', 'input', 1);
    await job.done;

    expect(job.status).toBe('failed');
    expect(job.error).toBe(thrown);
    expect(job.deadLetters).toHaveLength(1);
  });
});

describe('dead letters', () => {
  test.each([
    ['the hop of a post', 'first'],
    ['a later hop', 'second'],
    ['the last hop', 'third'],
  ])('hold the input that failed on %s', async (_what, failing) => {
    const pass = (name: string) => step(name, name === failing ? oddFails : passOn);
    const f = flow('f')
      .add(pass('first'), 'first')
      .add(pass('second'), 'second')
      .add(pass('third'), 'third')
      .connect('first.output', 'second.input')
      .connect('second.output', 'third.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    await clock.advance(5);

    const job = await runtime.post(f, 'first', 'input', 1);
    await job.done;

    expect(job.status).toBe('failed');
    expect(job.deadLetters).toEqual([
      { routine: failing, slot: 'input', value: 1, error: boom, policy: 'stop', at: 1_005 },
    ]);
    expect(job.deadLetters[0]?.error).toBe(boom);
  });

  test('hold the input as it came, also where the body has changed it', async () => {
    const changing = routine({
      name: 'changing',
      slots: { input: slot<{ list: number[] }>() },
      run: ({ input }) => {
        for (const { list } of input) list.push(2);
        throw boom;
      },
    });
    const f = flow('f').add(changing);
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'changing', 'input', { list: [1] });
    await job.done;

    expect(job.deadLetters.map(({ value }) => value)).toEqual([{ list: [1] }]);
  });

  test('of a batch go to the jobs that they belong to', async () => {
    const batch = step('batch', () => Promise.reject(boom), { policy: batchSize(2) });
    const f = flow('f').add(batch);
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const one = await runtime.post(f, 'batch', 'input', 1);
    const two = await runtime.post(f, 'batch', 'input', 2);
    await two.done;

    expect(one.deadLetters.map(({ value }) => value)).toEqual([1]);
    expect(two.deadLetters.map(({ value }) => value)).toEqual([2]);
  });
});

test('a failing batch fails all its jobs', async () => {
  const batch = step('batch', () => Promise.reject(boom), { policy: batchSize(3) });
  const f = flow('f').add(batch);
  await using runtime = flowStage().runtime;
  runtime.exec(f);

  const jobs: Job[] = [];
  for (const value of [1, 2, 3]) jobs.push(await runtime.post(f, 'batch', 'input', value));
  await jobs[2]?.done;

  expect(jobs.map(({ status, error }) => [status, error])).toEqual(jobs.map(() => ['failed', boom]));
});

describe('a critical routine that fails', () => {
  test('fails the worker, and its other jobs, with that very error object', async () => {
    const f = flow('f')
      .add(step('critical', oddFails, { critical: true }))
      .add(step('other', () => never()));
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    const running = await runtime.post(f, 'other', 'input', 1);
    const waiting = await runtime.post(f, 'other', 'input', 2);

    const job = await runtime.post(f, 'critical', 'input', 1);
    await clock.advance(0);

    expect(worker.status).toBe('failed');
    expect(worker.error).toBe(boom);
    expect(statusesOf([running, waiting, job])).toEqual(['failed', 'failed', 'failed']);
    for (const each of [running, waiting, job]) expect(each.error).toBe(boom);
  });

  test.each(['continue', 'skip'] as const)("does so also with `onError: '%s'`", async (onError) => {
    const f = flow('f').add(step('critical', oddFails, { critical: true, onError }));
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);

    const job = await runtime.post(f, 'critical', 'input', 1);
    await clock.advance(0);

    expect([worker.status, job.status]).toEqual(['failed', 'failed']);
  });

  test('does so only after its retries', async () => {
    const retry = { maxAttempts: 2, delay: 100, jitter: 'none' } as const;
    const f = flow('f').add(step('critical', oddFails, { critical: true, retry }));
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    await runtime.post(f, 'critical', 'input', 1);

    await clock.advance(99);
    const before = worker.status;
    await clock.advance(1);

    expect([before, worker.status]).toEqual(['running', 'failed']);
  });

  test('is told in the log', async () => {
    const { logger, lines } = memoryLogger();
    const f = flow('f').add(step('critical', oddFails, { critical: true }));
    const { runtime, clock } = flowStage({ logger, logLevel: 'error' });
    runtime.exec(f, { workerId: 'one' });

    await runtime.post(f, 'critical', 'input', 1);
    await clock.advance(0);

    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        fields: expect.objectContaining({ err: boom, workerId: 'one' }),
      }),
    );
  });

  test('leaves other workers alone, and posts to its worker reject', async () => {
    const f = flow('f').add(step('critical', oddFails, { critical: true }));
    const { runtime, clock } = flowStage();
    const other = runtime.exec(flow('g').add(sink().routine));
    runtime.exec(f, { workerId: 'one' });
    await runtime.post(f, 'critical', 'input', 1);
    await clock.advance(0);

    const post = runtime.post(f, 'critical', 'input', 2, { workerId: 'one' });

    await expect(post).rejects.toMatchObject({ code: 'WORKER_STOPPED' });
    expect(other.status).toBe('running');
  });
});

describe('a FatalError', () => {
  test.each(['continue', 'skip'] as const)("fails the job also with `onError: '%s'`", async (onError) => {
    const fatal = new FatalError('no way on');
    const f = flow('f').add(step('a', () => Promise.reject(fatal), { onError }));
    await using runtime = flowStage().runtime;
    const worker = runtime.exec(f);

    const job = await runtime.post(f, 'a', 'input', 1);
    await job.done;

    expect(job.status).toBe('failed');
    expect(job.error).toBe(fatal);
    expect(worker.status).toBe('running');
  });

  test('skips the retries', async () => {
    let attempts = 0;
    const fails = step(
      'a',
      () => {
        attempts += 1;
        throw new FatalError('no way on');
      },
      { retry: { maxAttempts: 5, delay: 1 } },
    );
    const f = flow('f').add(fails);
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.runAll();

    expect([attempts, job.status]).toEqual([1, 'failed']);
  });

  test('of a node that a routine calls fails the job also where the routine catches it', async () => {
    const fatal = new FatalError('no way on');
    const deep = node('deep', () => Promise.reject(fatal));
    const f = flow('f').add(step('a', (_input, ctx) => ctx.call(deep).catch(() => 'caught')));
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'a', 'input', 1);
    await job.done;

    expect(job.status).toBe('failed');
    expect(job.error).toBe(fatal);
  });
});

describe('the `timeout` of a routine', () => {
  test('fails its job with a NodeTimeoutError, and fires the signal', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body, { timeout: 50 }));
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);

    await clock.advance(49);
    const before = job.status;
    await clock.advance(1);

    expect([before, job.status]).toEqual(['running', 'failed']);
    expect(job.error).toBeInstanceOf(NodeTimeoutError);
    expect(held.contexts[0]?.signal.aborted).toBe(true);
  });

  test('counts for each attempt anew', async () => {
    const held = gate();
    const retry = { maxAttempts: 2, delay: 10, jitter: 'none' } as const;
    const f = flow('f').add(step('a', held.body, { timeout: 50, retry }));
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);

    await clock.advance(109);
    const before = [job.status, held.seen.length];
    await clock.advance(1);

    expect(before).toEqual(['running', 2]);
    expect(job.status).toBe('failed');
  });
});

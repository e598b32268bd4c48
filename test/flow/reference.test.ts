import { createRuntime, event, flow, immediate, routine, slot, type Job } from 'troupe/flow';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { flowStage, gate, sink, step } from '../support/flows.ts';

describe('creating a runtime', () => {
  test('`await using` shuts the runtime down at the end of its block', async () => {
    const { routine: count, seen } = sink();
    const counting = flow('my_flow').add(count);
    let worker;

    {
      await using runtime = createRuntime({ concurrency: 4, clock: fakeClock() });
      worker = runtime.exec(counting);
      await runtime.post(counting, 'sink', 'input', 1);
    }

    expect(worker.status).toBe('stopped');
    expect(seen).toEqual([1]);
  });

  test('`await using` shuts the runtime down when its block throws', async () => {
    const counting = flow('my_flow').add(sink().routine);
    const stage = flowStage();
    const error = new Error('in the block');
    const use = async (): Promise<void> => {
      await using runtime = stage.runtime;
      runtime.exec(counting);
      throw error;
    };

    const thrown = await rejectionOf(use());

    expect(thrown).toBe(error);
    expect(stage.runtime.workers).toEqual([]);
  });

  test('`shutdown` is the same by hand', async () => {
    const runtime = createRuntime({ concurrency: 4, clock: fakeClock() });
    const worker = runtime.exec(flow('my_flow').add(sink().routine));

    await runtime.shutdown();

    expect(worker.status).toBe('stopped');
  });

  test.each([{}, { concurrency: 8 }, { concurrency: 4, maxQueueSize: 1_000, monitoring: true }])(
    'takes the parameters %j',
    async (parameters) => {
      const { routine: count, seen } = sink();
      const counting = flow('my_flow').add(count);
      await using runtime = createRuntime({ ...parameters, clock: fakeClock() });
      runtime.exec(counting);

      const job = await runtime.post(counting, 'sink', 'input', 1);
      const { status } = await job.done;

      expect(status).toBe('completed');
      expect(seen).toEqual([1]);
    },
  );
});

describe('executing a flow', () => {
  test('`exec` gives a worker with its id, its flow and its status', async () => {
    await using runtime = flowStage({ concurrency: 2 }).runtime;

    const worker = runtime.exec(flow('my_flow').add(sink().routine));

    expect(worker.id).toEqual(expect.any(String));
    expect(worker.flow).toBe('my_flow');
    expect(worker.status).toBe('running');
  });

  test('`exec` takes the name of a flow that the runtime was given', async () => {
    await using runtime = flowStage({ flows: [flow('my_flow').add(sink().routine)] }).runtime;

    const worker = runtime.exec('my_flow');

    expect(worker.flow).toBe('my_flow');
  });

  test('`post` triggers a routine, and gives the job with what is known of it', async () => {
    const seen: unknown[] = [];
    const routine1 = routine({
      name: 'routine1',
      slots: { trigger: slot<{ key: string }>() },
      run: ({ trigger }) => void seen.push(...trigger),
    });
    const { runtime } = flowStage({ concurrency: 2 });
    await using used = runtime;
    const worker = used.exec(flow('my_flow').add(routine1));

    const job = await used.post('my_flow', 'routine1', 'trigger', { key: 'value' });
    await job.done;

    expect(job).toMatchObject({ id: expect.any(String), flow: 'my_flow', workerId: worker.id });
    expect(seen).toEqual([{ key: 'value' }]);
  });

  test('a post before exec rejects', async () => {
    const counting = flow('my_flow').add(sink().routine);
    await using runtime = flowStage().runtime;

    const error = await rejectionOf(runtime.post(counting, 'sink', 'input', 1));

    expect(error).toMatchObject({ code: 'NOT_STARTED' });
  });

  test('a post after exec is taken', async () => {
    const counting = flow('my_flow').add(sink().routine);
    await using runtime = flowStage().runtime;
    await rejectionOf(runtime.post(counting, 'sink', 'input', 1));
    runtime.exec(counting);

    const job = await runtime.post(counting, 'sink', 'input', 1);

    expect((await job.done).status).toBe('completed');
  });
});

describe('waiting for completion', () => {
  test('`waitUntilAllJobsFinished` resolves true when all jobs have ended', async () => {
    const { routine: count, seen } = sink();
    const counting = flow('my_flow').add(count);
    await using runtime = flowStage({ concurrency: 2 }).runtime;
    runtime.exec(counting);
    for (const value of [0, 1, 2, 3, 4]) await runtime.post(counting, 'sink', 'input', value);

    const isDone = await runtime.waitUntilAllJobsFinished({ timeout: 10_000 });

    expect(isDone).toBe(true);
    expect(seen).toEqual([0, 1, 2, 3, 4]);
  });

  test('`waitUntilAllJobsFinished` resolves false at its timeout, and the jobs go on', async () => {
    const held = gate();
    const holding = flow('my_flow').add(step('held', held.body));
    const { runtime, clock } = flowStage();
    runtime.exec(holding);
    const job = await runtime.post(holding, 'held', 'input', 1);

    const waiting = runtime.waitUntilAllJobsFinished({ timeout: 30_000 });
    await clock.advance(30_000);
    const isDone = await waiting;
    const { status } = job;
    held.open();
    const ended = await job.done;

    expect(isDone).toBe(false);
    expect(status).toBe('running');
    expect(ended.status).toBe('completed');
  });

  test('`waitUntilAllJobsFinished` without a timeout waits as long as it takes', async () => {
    const held = gate();
    const holding = flow('my_flow').add(step('held', held.body));
    const { runtime, clock } = flowStage();
    runtime.exec(holding);
    await runtime.post(holding, 'held', 'input', 1);
    let isDone = false;
    const waiting = runtime.waitUntilAllJobsFinished().then((done) => (isDone = done));

    await clock.advance(1_000_000_000);
    const before = isDone;
    held.open();
    await waiting;

    expect(before).toBe(false);
    expect(isDone).toBe(true);
  });

  test('polling `getJob` sees a job come to its end', async () => {
    const { runtime, clock } = flowStage({ concurrency: 2 });
    const slow = step('processor', () => new Promise<void>((resolve) => clock.setTimeout(resolve, 250)));
    const slowly = flow('my_flow').add(slow);
    runtime.exec(slowly);
    const { id } = await runtime.post(slowly, 'processor', 'input', 42);

    const polled: (string | undefined)[] = [];
    while (!['completed', 'failed'].includes(polled.at(-1) ?? '')) {
      polled.push(runtime.getJob(id)?.status);
      await clock.advance(100);
    }

    expect(polled).toEqual(['running', 'running', 'running', 'completed']);
  });
});

test('the complete example prints, counts and keeps its order as it says', async () => {
  const printed: string[] = [];
  const processor = routine({
    name: 'processor',
    slots: { input: slot<{ value: number }>() },
    events: { output: event<{ result: number; original: number }>() },
    policy: immediate(),
    run: ({ input }, ctx) => {
      for (const { value } of input) {
        const result = value * 2;
        const count = ctx.state.get('processedCount', 0) + 1;
        ctx.state.update({ processedCount: count, lastValue: value });
        printed.push(`Processed: ${value} → ${result} (count: ${count})`);
        void ctx.emit('output', { result, original: value });
      }
    },
  });
  const processing = flow('processor_flow').add(processor, 'processor');
  await using runtime = createRuntime({ concurrency: 2, clock: fakeClock() });
  const worker = runtime.exec(processing);
  const jobs: Job[] = [];

  for (const value of [0, 1, 2, 3, 4])
    jobs.push(await runtime.post('processor_flow', 'processor', 'input', { value }));
  await runtime.waitUntilAllJobsFinished({ timeout: 10_000 });
  const statuses = jobs.map(({ id }) => runtime.getJob(id)?.status);

  expect(printed).toEqual([
    'Processed: 0 → 0 (count: 1)',
    'Processed: 1 → 2 (count: 2)',
    'Processed: 2 → 4 (count: 3)',
    'Processed: 3 → 6 (count: 4)',
    'Processed: 4 → 8 (count: 5)',
  ]);
  expect(statuses).toEqual(Array.from({ length: 5 }, () => 'completed'));
  expect(worker.state('processor')).toEqual({ processedCount: 5, lastValue: 4 });
});

describe('common patterns', () => {
  test('single-shot: one post runs its flow to the end', async () => {
    const done = sink();
    const start = step('start', (input, ctx) => ctx.emit('output', (input[0] ?? 0) + 1));
    const single = flow('my_flow').add(start).add(done.routine).connect('start.output', 'sink.input');
    await using runtime = flowStage().runtime;
    runtime.exec(single);

    await runtime.post(single, 'start', 'input', 1);
    const isDone = await runtime.waitUntilAllJobsFinished({ timeout: 5_000 });

    expect(isDone).toBe(true);
    expect(done.seen).toEqual([2]);
  });

  test('continuous: what is posted from time to time is done from time to time', async () => {
    const { routine: processor, seen } = sink();
    const processing = flow('my_flow').add(processor);
    const { runtime, clock } = flowStage();
    runtime.exec(processing);

    const seenAfter: number[] = [];
    for (const value of [1, 2, 3]) {
      await runtime.post(processing, 'sink', 'input', value);
      await clock.advance(100);
      seenAfter.push(seen.length);
    }

    expect(seenAfter).toEqual([1, 2, 3]);
  });

  test('batching: full batches and what remains are posted as one message each', async () => {
    const sizes: number[] = [];
    const processor = routine({
      name: 'processor',
      slots: { input: slot<{ batch: number[] }>() },
      run: ({ input }) => void sizes.push(...input.map(({ batch }) => batch.length)),
    });
    const processing = flow('my_flow').add(processor);
    await using runtime = flowStage().runtime;
    runtime.exec(processing);

    let batch: number[] = [];
    for (let item = 0; item < 250; item += 1) {
      batch.push(item);
      if (batch.length < 100) continue;
      await runtime.post(processing, 'processor', 'input', { batch });
      batch = [];
    }
    await runtime.post(processing, 'processor', 'input', { batch });
    const isDone = await runtime.waitUntilAllJobsFinished({ timeout: 30_000 });

    expect(isDone).toBe(true);
    expect(sizes).toEqual([100, 100, 50]);
  });
});

test('an event goes to every slot that is connected to it', async () => {
  const a = sink();
  const b = sink();
  const start = step('start', (input, ctx) => ctx.emit('output', input[0] ?? 0));
  const routing = flow('my_flow')
    .add(start)
    .add(a.routine, 'a')
    .add(b.routine, 'b')
    .connect('start.output', 'a.input')
    .connect('start.output', 'b.input');
  await using runtime = flowStage().runtime;
  runtime.exec(routing);

  const job = await runtime.post(routing, 'start', 'input', 123);
  await job.done;

  expect([a.seen, b.seen]).toEqual([[123], [123]]);
});

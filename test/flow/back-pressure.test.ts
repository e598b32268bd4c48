import { SlotFullError } from 'troupe';
import { flow, type Job, type SlotOptions } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { flowStage, gate, passOn, sink, statusesOf, step, type StepBody } from '../support/flows.ts';

/** A routine `held` that works on one message and has room for `capacity` more. */
function narrow(options: SlotOptions<number>) {
  const stage = flowStage({ maxQueueSize: null });
  const held = gate();
  const f = flow('f').add(step('held', held.body, { slot: options }));
  stage.runtime.exec(f);
  const post = (value: number): Promise<Job> => stage.runtime.post(f, 'held', 'input', value);
  return { ...stage, held, f, post };
}

/** A routine `emitter` that emits 1, 2, 3 for each message to a routine `held` with room for one. */
function emitting(body: StepBody, options: SlotOptions<number>) {
  const stage = flowStage();
  const held = gate();
  const f = flow('f')
    .add(step('emitter', body))
    .add(step('held', held.body, { slot: options }))
    .connect('emitter.output', 'held.input');
  stage.runtime.exec(f);
  return { ...stage, held, f };
}

const emitThree: StepBody = async (_input, ctx) => {
  for (const value of [1, 2, 3]) await ctx.emit('output', value);
};

describe("a slot that is full, with overflow 'reject'", () => {
  test('makes a post reject with a SlotFullError that leaves nothing', async () => {
    const { runtime, held, post } = narrow({ capacity: 2 });
    const jobs = [await post(1), await post(2), await post(3)];

    const error = await rejectionOf(post(4));
    held.open();
    await runtime.waitUntilAllJobsFinished();

    expect(error).toBeInstanceOf(SlotFullError);
    expect(error).toMatchObject({ code: 'SLOT_FULL' });
    expect(runtime.listJobs()).toEqual(jobs);
    expect(held.seen).toEqual([[1], [2, 3]]);
    expect(runtime.metrics().messages).toMatchObject({ posted: 3, delivered: 3, dropped: 0 });
  });

  test('is the default, with room for 1,000', async () => {
    const { post } = narrow({});
    for (let value = 0; value < 1_001; value += 1) await post(value);

    const error = await rejectionOf(post(1_001));

    expect(error).toMatchObject({ code: 'SLOT_FULL' });
  });

  test('fails the job whose awaited emit it refuses', async () => {
    const { runtime, held, f } = emitting(emitThree, { capacity: 1 });

    const job = await runtime.post(f, 'emitter', 'input', 0);
    await job.done;

    expect(job.status).toBe('failed');
    expect(job.error).toBeInstanceOf(SlotFullError);
    expect(job.deadLetters).toMatchObject([{ routine: 'emitter', value: 0 }]);
    expect(held.seen).toEqual([[1]]);
  });

  test('fails the job also where a sync body does not await the emit', async () => {
    const { runtime, f } = emitting(
      (_input, ctx) => {
        for (const value of [1, 2, 3]) void ctx.emit('output', value);
      },
      { capacity: 1 },
    );

    const job = await runtime.post(f, 'emitter', 'input', 0);
    await job.done;

    expect(job.status).toBe('failed');
    expect(job.error).toMatchObject({ code: 'SLOT_FULL' });
  });

  test('leaves a job alone whose body catches the refusal', async () => {
    const caught: unknown[] = [];
    const { runtime, held, f } = emitting(
      async (_input, ctx) => {
        for (const value of [1, 2, 3]) await ctx.emit('output', value).catch((error) => caught.push(error));
      },
      { capacity: 1 },
    );

    const job = await runtime.post(f, 'emitter', 'input', 0);
    held.open();
    await job.done;

    expect(job.status).toBe('completed');
    expect(caught).toMatchObject([{ code: 'SLOT_FULL' }]);
    expect(held.seen).toEqual([[1], [2]]);
  });

  test('causes no unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const listen = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', listen);
    const { runtime, clock, f } = emitting(
      (_input, ctx) => {
        for (const value of [1, 2, 3]) void ctx.emit('output', value);
      },
      { capacity: 1 },
    );

    await runtime.post(f, 'emitter', 'input', 0);
    await clock.advance(0);
    process.off('unhandledRejection', listen);

    expect(unhandled).toEqual([]);
  });

  test('has room again when its routine has taken messages', async () => {
    const { held, clock, post } = narrow({ capacity: 1 });
    for (const value of [1, 2]) await post(value);
    await rejectionOf(post(3));
    held.release();
    await clock.advance(0);

    const job = await post(3);
    held.open();
    await job.done;

    expect(held.seen).toEqual([[1], [2], [3]]);
  });

  test('refuses an emit to several receivers for all of them', async () => {
    const held = gate();
    const free = sink();
    const f = flow('f')
      .add(step('emitter', emitThree, { onError: 'continue' }))
      .add(free.routine)
      .add(step('held', held.body, { slot: { capacity: 1 } }))
      .connect('emitter.output', 'sink.input')
      .connect('emitter.output', 'held.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    await runtime.post(f, 'emitter', 'input', 0);
    await clock.advance(0);

    expect(free.seen).toEqual([1, 2]);
    expect(runtime.metrics().messages.posted).toBe(5);
  });
});

describe("a slot that is full, with overflow 'block'", () => {
  const block = { capacity: 1, overflow: 'block' } as const;

  test('makes a post wait for room', async () => {
    const { held, clock, post } = narrow(block);
    for (const value of [1, 2]) await post(value);
    let isTaken = false;
    const waiting = post(3).then(() => (isTaken = true));

    await clock.advance(1_000);
    const before = isTaken;
    held.release();
    await waiting;

    expect([before, isTaken]).toEqual([false, true]);
  });

  test('begins the job of a post only when it has room', async () => {
    const { runtime, held, clock, post } = narrow(block);
    const jobs = [await post(1), await post(2)];
    const waiting = post(3);
    await clock.advance(500);

    const listed = runtime.listJobs();
    held.open();
    const job = await waiting;

    expect(listed).toEqual(jobs);
    expect(job.createdAt).toBe(1_500);
  });

  test('keeps the order of posts that wait', async () => {
    const { runtime, held, post } = narrow(block);

    const posts = [1, 2, 3, 4, 5].map((value) => post(value));
    held.open();
    await Promise.all(posts);
    await runtime.waitUntilAllJobsFinished();

    expect(held.seen.flat()).toEqual([1, 2, 3, 4, 5]);
  });

  test('counts as unfinished for `waitUntilAllJobsFinished` what waits for room', async () => {
    const { runtime, held, post } = narrow(block);

    for (const value of [1, 2, 3, 4]) void post(value);
    held.open();
    await runtime.waitUntilAllJobsFinished();

    expect(held.seen.flat()).toEqual([1, 2, 3, 4]);
  });

  test('makes an emitter wait, which then goes on in order', async () => {
    const { runtime, held, clock, f } = emitting(emitThree, block);
    const job = await runtime.post(f, 'emitter', 'input', 0);
    await clock.advance(1_000);
    const { posted } = runtime.metrics().messages;

    held.open();
    await job.done;

    expect(posted).toBe(3);
    expect(job.status).toBe('completed');
    expect(held.seen).toEqual([[1], [2], [3]]);
  });

  test('keeps the order of emits that nobody awaits, and their activation runs until they are gone', async () => {
    const { runtime, held, clock, f } = emitting((_input, ctx) => {
      for (const value of [1, 2, 3, 4]) void ctx.emit('output', value);
    }, block);
    const job = await runtime.post(f, 'emitter', 'input', 0);
    await clock.advance(0);
    const isFinished = job.trace.some(({ type, routine: name }) => type === 'finished' && name === 'emitter');

    held.open();
    await job.done;

    expect(isFinished).toBe(false);
    expect(job.status).toBe('completed');
    expect(held.seen.flat()).toEqual([1, 2, 3, 4]);
  });

  test('lets nobody have an emit of which another receiver still has to wait', async () => {
    const held = gate();
    const free = sink();
    const f = flow('f')
      .add(step('emitter', emitThree))
      .add(free.routine)
      .add(step('held', held.body, { slot: block }))
      .connect('emitter.output', 'sink.input')
      .connect('emitter.output', 'held.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'emitter', 'input', 0);
    await clock.advance(0);

    const before = [...free.seen];
    held.open();
    await job.done;

    expect(before).toEqual([1, 2]);
    expect(free.seen).toEqual([1, 2, 3]);
  });

  test('drops the emits that wait when their job is cancelled', async () => {
    const { runtime, held, clock, f } = emitting(emitThree, block);
    const job = await runtime.post(f, 'emitter', 'input', 0);
    await clock.advance(0);

    job.cancel();
    held.open();
    await clock.advance(0);

    expect(held.seen).toEqual([[1]]);
    expect(runtime.metrics().messages).toMatchObject({ posted: 3, dropped: 3, queued: 0, running: 0 });
  });

  test('lets others have the room of a job that was cancelled', async () => {
    const { held, clock, post } = narrow(block);
    await post(1);
    const second = await post(2);
    const third = post(3);
    await clock.advance(0);

    second.cancel();
    const job = await third;
    held.open();
    await job.done;

    expect(held.seen).toEqual([[1], [3]]);
  });

  test('makes a post that waits reject when its worker is stopped, and leaves nothing', async () => {
    const { runtime, clock, post } = narrow(block);
    const jobs = [await post(1), await post(2)];
    const waiting = rejectionOf(post(3));
    await clock.advance(0);

    await runtime.workers[0]?.stop();
    const error = await waiting;

    expect(error).toMatchObject({ code: 'WORKER_STOPPED' });
    expect(runtime.listJobs()).toEqual(jobs);
    expect(statusesOf(jobs)).toEqual(['cancelled', 'cancelled']);
    expect(await runtime.waitUntilAllJobsFinished()).toBe(true);
  });
});

test('what a routine passes on to a slot with room is not held up by another slot that is full', async () => {
  const held = gate();
  const free = sink();
  const f = flow('f')
    .add(step('narrow', passOn))
    .add(step('wide', passOn))
    .add(step('held', held.body, { slot: { capacity: 1, overflow: 'block' } }))
    .add(free.routine)
    .connect('narrow.output', 'held.input')
    .connect('wide.output', 'sink.input');
  const { runtime, clock } = flowStage();
  runtime.exec(f);

  for (const value of [1, 2, 3, 4]) {
    await runtime.post(f, 'narrow', 'input', value);
    await runtime.post(f, 'wide', 'input', value);
  }
  await clock.advance(0);

  expect(free.seen).toEqual([1, 2, 3, 4]);
});

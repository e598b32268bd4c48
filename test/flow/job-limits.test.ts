import { InvalidInputError, RunTimeoutError } from 'troupe';
import { event, flow, routine, slot } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { deferred, never, rejectionOf } from '../support/deferred.ts';
import { flowStage, gate, sink, statusesOf, step } from '../support/flows.ts';

describe('the option `jobTimeout`', () => {
  test('ends a job that takes longer with a RunTimeoutError', async () => {
    const f = flow('f').add(step('a', () => never()));
    const { runtime, clock } = flowStage({ jobTimeout: 100 });
    runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);

    await clock.advance(99);
    const before = job.status;
    await clock.advance(1);

    expect([before, job.status]).toEqual(['running', 'timedOut']);
    expect(job.error).toBeInstanceOf(RunTimeoutError);
    expect(job).toMatchObject({ error: { timeoutMs: 100 }, completedAt: 1_100 });
  });

  test('stops the body that works for it, and not its worker', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body));
    const { runtime, clock } = flowStage({ jobTimeout: 100 });
    const worker = runtime.exec(f);
    await runtime.post(f, 'a', 'input', 1);

    await clock.advance(100);
    held.open();
    const next = await runtime.post(f, 'a', 'input', 2);
    await next.done;

    expect(held.contexts[0]?.signal.aborted).toBe(true);
    expect([worker.status, next.status]).toEqual(['running', 'completed']);
  });

  test('is each job’s own, from its post on', async () => {
    const f = flow('f').add(step('a', () => never(), { concurrency: 2 }));
    const { runtime, clock } = flowStage({ jobTimeout: 100 });
    runtime.exec(f);
    const first = await runtime.post(f, 'a', 'input', 1);
    await clock.advance(60);
    const second = await runtime.post(f, 'a', 'input', 2);

    await clock.advance(40);
    const meanwhile = statusesOf([first, second]);
    await clock.advance(60);

    expect(meanwhile).toEqual(['timedOut', 'running']);
    expect(second.status).toBe('timedOut');
  });

  test('stands still while the worker is paused', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body));
    const { runtime, clock } = flowStage({ jobTimeout: 100 });
    const worker = runtime.exec(f);
    await runtime.post(f, 'a', 'input', 1);
    const job = await runtime.post(f, 'a', 'input', 2);
    await clock.advance(50);
    held.open();
    await worker.pause();

    await clock.advance(1_000);
    const paused = job.status;
    worker.resume();
    await job.done;

    expect([paused, job.status]).toEqual(['pending', 'completed']);
  });

  test('goes on where it stood when the worker is resumed', async () => {
    const f = flow('f').add(step('a', () => never()));
    const { runtime, clock } = flowStage({ jobTimeout: 100 });
    const worker = runtime.exec(f);
    await worker.pause();
    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.advance(1_000);
    worker.resume();

    await clock.advance(99);
    const before = job.status;
    await clock.advance(1);

    expect([before, job.status]).toEqual(['running', 'timedOut']);
  });

  test('leaves no timer behind when a job ends in time', async () => {
    const f = flow('f').add(sink().routine);
    const { runtime, clock } = flowStage({ jobTimeout: 100 });
    runtime.exec(f);

    const job = await runtime.post(f, 'sink', 'input', 1);
    await job.done;

    expect(clock.pending).toBe(0);
  });
});

describe('a failed post leaves nothing behind', () => {
  const checked = routine({
    name: 'checked',
    slots: { input: slot({ schema: z.object({ v: z.number() }) }) },
    run: () => undefined,
  });
  const f = flow('f')
    .add(checked)
    .add(step('a', () => never(), { slot: { capacity: 1 } }));

  test.each([
    ['an unknown flow', 'UNKNOWN_FLOW', ['g', 'a', 'input']],
    ['an unknown routine', 'UNKNOWN_ROUTINE', ['f', 'b', 'input']],
    ['an unknown slot', 'UNKNOWN_SLOT', ['f', 'a', 'output']],
    ['a value that the schema refuses', 'INVALID_INPUT', ['f', 'checked', 'input']],
  ] as const)('for %s', async (_what, code, [flowName, routineName, slotName]) => {
    const { runtime } = flowStage({ flows: [f] });
    runtime.exec(f);

    const post = runtime.post(flowName, routineName, slotName, { v: 'text' }, { jobId: 'mine' });
    const error = await rejectionOf(post);

    expect(error).toMatchObject({ code });
    expect(runtime.listJobs()).toEqual([]);
    expect(runtime.getJob('mine')).toBeUndefined();
    expect(runtime.metrics().messages.posted).toBe(0);
    expect(await runtime.waitUntilAllJobsFinished({ timeout: 0 })).toBe(true);
  });

  test('for an unknown worker', async () => {
    const { runtime } = flowStage();
    runtime.exec(f);

    const error = await rejectionOf(runtime.post(f, 'a', 'input', 1, { workerId: 'nobody' }));

    expect(error).toMatchObject({ code: 'UNKNOWN_WORKER' });
    expect(runtime.listJobs()).toEqual([]);
  });

  test('for a worker of another flow', async () => {
    const { runtime } = flowStage();
    runtime.exec(f);
    runtime.exec(flow('other').add(sink().routine), { workerId: 'theirs' });

    const error = await rejectionOf(runtime.post(f, 'a', 'input', 1, { workerId: 'theirs' }));

    expect(error).toMatchObject({ code: 'UNKNOWN_WORKER' });
    expect(runtime.listJobs()).toEqual([]);
  });

  test('for a value that cannot be read', async () => {
    const { runtime } = flowStage();
    runtime.exec(f);
    const error = new Error('not to be read');
    const value = {
      get v(): number {
        throw error;
      },
    };

    const thrown = await rejectionOf(runtime.post('f', 'a', 'input', value, { jobId: 'mine' }));

    expect(thrown).toBe(error);
    expect(runtime.listJobs()).toEqual([]);
    expect(await runtime.waitUntilAllJobsFinished({ timeout: 0 })).toBe(true);
  });

  test('and its id may be used again', async () => {
    const { runtime } = flowStage();
    runtime.exec(f);
    await rejectionOf(runtime.post('f', 'checked', 'input', { v: 'text' }, { jobId: 'mine' }));

    const job = await runtime.post('f', 'checked', 'input', { v: 1 }, { jobId: 'mine' });

    expect((await job.done).status).toBe('completed');
  });

  test('for an id that a job has', async () => {
    const { runtime } = flowStage();
    runtime.exec(f);
    const first = await runtime.post(f, 'a', 'input', 1, { jobId: 'mine' });

    const error = await rejectionOf(runtime.post(f, 'a', 'input', 2, { jobId: 'mine' }));

    expect(error).toMatchObject({ code: 'DUPLICATE_ID' });
    expect(runtime.listJobs()).toEqual([first]);
  });

  test.each([{ jobId: '' }, { workerId: '' }, { metadata: 1 }, { job: 'typo' }])(
    'for the options %j',
    async (options) => {
      const { runtime } = flowStage();
      runtime.exec(f);

      const error = await rejectionOf(runtime.post(f, 'a', 'input', 1, options as never));

      expect(error).toBeInstanceOf(InvalidInputError);
      expect(runtime.listJobs()).toEqual([]);
    },
  );
});

test('a post whose value is still being checked counts as unfinished', async () => {
  const checked = deferred<{ value: number }>();
  const slow = { '~standard': { version: 1, vendor: 'test', validate: () => checked.promise } } as const;
  const seen: unknown[] = [];
  const a = routine({
    name: 'a',
    slots: { input: slot<number>({ schema: slow }) },
    run: ({ input }) => void seen.push(...input),
  });
  const f = flow('f').add(a);
  const { runtime, clock } = flowStage();
  runtime.exec(f);
  let isDone = false;
  const posted = runtime.post(f, 'a', 'input', 1);
  const waiting = runtime.waitUntilAllJobsFinished().then((done) => (isDone = done));

  await clock.advance(0);
  const before = isDone;
  checked.resolve({ value: 2 });
  await waiting;

  expect(before).toBe(false);
  expect([(await posted).status, seen]).toEqual(['completed', [2]]);
});

test('a post that a slow check refuses leaves nothing behind', async () => {
  const slow = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: () => Promise.resolve({ issues: [{ message: 'no' }] }),
    },
  } as const;
  const a = routine({ name: 'a', slots: { input: slot<number>({ schema: slow }) }, run: () => undefined });
  const f = flow('f').add(a);
  const { runtime } = flowStage();
  runtime.exec(f);

  const error = await rejectionOf(runtime.post(f, 'a', 'input', 1));
  const isDone = await runtime.waitUntilAllJobsFinished();

  expect(error).toMatchObject({ code: 'INVALID_INPUT' });
  expect([isDone, runtime.listJobs()]).toEqual([true, []]);
});

test('what enters a slot with a schema is what the value parses to', async () => {
  const seen: unknown[] = [];
  const parsing = routine({
    name: 'parsing',
    slots: { input: slot({ schema: z.object({ v: z.coerce.number(), w: z.string().default('w') }) }) },
    run: ({ input }) => void seen.push(...input),
  });
  await using runtime = flowStage({ flows: [flow('f').add(parsing)] }).runtime;
  runtime.exec('f');

  await (
    await runtime.post('f', 'parsing', 'input', { v: '5' })
  ).done;

  expect(seen).toEqual([{ v: 5, w: 'w' }]);
});

describe('the option `maxQueueSize`', () => {
  const f = flow('f').add(sink().routine);

  test('makes a post reject with a QueueFullError when so many jobs are pending', async () => {
    const { runtime } = flowStage({ maxQueueSize: 2 });
    const worker = runtime.exec(f);
    await worker.pause();
    const jobs = [await runtime.post(f, 'sink', 'input', 1), await runtime.post(f, 'sink', 'input', 2)];

    const error = await rejectionOf(runtime.post(f, 'sink', 'input', 3));

    expect(error).toMatchObject({ code: 'QUEUE_FULL' });
    expect(runtime.listJobs()).toEqual(jobs);
  });

  test('counts no job that runs or has ended', async () => {
    const held = gate();
    const holding = flow('f').add(step('held', held.body));
    const { runtime } = flowStage({ maxQueueSize: 1 });
    runtime.exec(holding);

    const jobs = [
      await runtime.post(holding, 'held', 'input', 1),
      await runtime.post(holding, 'held', 'input', 2),
    ];
    const error = await rejectionOf(runtime.post(holding, 'held', 'input', 3));

    expect(statusesOf(jobs)).toEqual(['running', 'pending']);
    expect(error).toMatchObject({ code: 'QUEUE_FULL' });
  });

  test('counts posts that wait for room', async () => {
    const slow = deferred();
    const blocking = routine({
      name: 'blocking',
      slots: { input: slot<number>({ capacity: 1, overflow: 'block' }) },
      events: { none: event() },
      run: () => slow.promise,
    });
    const g = flow('g').add(blocking);
    const { runtime } = flowStage({ maxQueueSize: 2 });
    runtime.exec(g);
    for (const value of [1, 2]) await runtime.post(g, 'blocking', 'input', value);
    const waiting = runtime.post(g, 'blocking', 'input', 3);

    const error = await rejectionOf(runtime.post(g, 'blocking', 'input', 4));
    slow.resolve();

    expect(error).toMatchObject({ code: 'QUEUE_FULL' });
    expect((await (await waiting).done).status).toBe('completed');
  });
});

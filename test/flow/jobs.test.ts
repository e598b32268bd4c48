import { InvalidInputError } from 'troupe';
import { batchSize, flow } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { never, thrownBy } from '../support/deferred.ts';
import {
  flowStage,
  gate,
  passOn,
  sink,
  statusesOf,
  step,
  traceOf,
  type StepContext,
} from '../support/flows.ts';

const boom = new Error('boom');
const failing = step('failing', () => {
  throw boom;
});

describe('the statuses and times of a job', () => {
  test('a job is pending, then running, then completed', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body));
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    await worker.pause();

    const job = await runtime.post(f, 'a', 'input', 1);
    const posted = job.status;
    worker.resume();
    await clock.advance(0);
    const begun = job.status;
    held.open();
    const ended = await job.done;

    expect([posted, begun, ended.status]).toEqual(['pending', 'running', 'completed']);
  });

  test('its times are those of the post, of its first activation and of its end', async () => {
    const held = gate(passOn);
    const f = flow('f').add(step('a', held.body)).add(sink().routine).connect('a.output', 'sink.input');
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    await worker.pause();

    const job = await runtime.post(f, 'a', 'input', 1);
    const { startedAt, completedAt } = job;
    await clock.advance(10);
    worker.resume();
    await clock.advance(20);
    held.open();
    await job.done;

    expect([startedAt, completedAt]).toEqual([undefined, undefined]);
    expect(job).toMatchObject({ createdAt: 1_000, startedAt: 1_010, completedAt: 1_030 });
  });

  test('a job runs as long as a message of it waits in a slot', async () => {
    const held = gate();
    const f = flow('f').add(step('a', passOn)).add(step('b', held.body)).connect('a.output', 'b.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    const first = await runtime.post(f, 'a', 'input', 1);
    const second = await runtime.post(f, 'a', 'input', 2);
    await clock.advance(0);
    held.release();
    await clock.advance(0);
    const statuses = statusesOf([first, second]);
    held.open();
    await second.done;

    expect(statuses).toEqual(['completed', 'running']);
    expect(second.status).toBe('completed');
  });

  test('a job ends when all of its branches have', async () => {
    const held = gate();
    const f = flow('f')
      .add(step('a', passOn))
      .add(sink().routine)
      .add(step('slow', held.body))
      .connect('a.output', 'sink.input')
      .connect('a.output', 'slow.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);
    const before = job.status;
    held.open();
    await job.done;

    expect([before, job.status]).toEqual(['running', 'completed']);
  });

  test('a job whose routine fails is failed, with the very error', async () => {
    const f = flow('f').add(failing);
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'failing', 'input', 1);
    await job.done;

    expect(job.status).toBe('failed');
    expect(job.error).toBe(boom);
  });

  test('`done` gives the job itself, also when it had ended before', async () => {
    const f = flow('f').add(sink().routine);
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'sink', 'input', 1);
    await clock.advance(0);

    const ended = await job.done;

    expect(ended).toBe(job);
  });

  test('a job that nobody waits for fails without an unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const listen = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', listen);
    const f = flow('f').add(failing);
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    await runtime.post(f, 'failing', 'input', 1);
    await clock.advance(0);
    process.off('unhandledRejection', listen);

    expect(unhandled).toEqual([]);
  });
});

describe('what a job carries', () => {
  test('its metadata are a frozen copy of what was given', async () => {
    const f = flow('f').add(sink().routine);
    await using runtime = flowStage().runtime;
    runtime.exec(f);
    const metadata = { user: 'ada', tags: ['a'] };

    const job = await runtime.post(f, 'sink', 'input', 1, { metadata });
    metadata.tags.push('b');

    expect(job.metadata).toEqual({ user: 'ada', tags: ['a'] });
    expect(Object.isFrozen(job.metadata)).toBe(true);
  });

  test('`get` reads what a body has set for it, or the fallback', async () => {
    const f = flow('f').add(step('a', (input, ctx) => ctx.job.set('seen', input)));
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'a', 'input', 7);
    await job.done;

    expect([job.get('seen'), job.get('other', 'fallback'), job.get('other')]).toEqual([
      [7],
      'fallback',
      undefined,
    ]);
  });

  test('what one routine sets for a job, the next one reads', async () => {
    const read: unknown[] = [];
    const f = flow('f')
      .add(
        step('a', async (input, ctx) => {
          ctx.job.set('from', 'a');
          await ctx.emit('output', input[0] ?? 0);
        }),
      )
      .add(step('b', (_input, ctx) => void read.push(ctx.job.get('from'))))
      .connect('a.output', 'b.input');
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'a', 'input', 1);
    await job.done;

    expect(read).toEqual(['a']);
  });

  test('`ctx.jobs` are those that the messages of an activation belong to, and `ctx.job` is the first', async () => {
    const contexts: StepContext[] = [];
    const f = flow('f').add(step('a', (_input, ctx) => void contexts.push(ctx), { policy: batchSize(2) }));
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const first = await runtime.post(f, 'a', 'input', 1);
    const second = await runtime.post(f, 'a', 'input', 2);
    await second.done;

    expect(contexts.map(({ jobs }) => jobs)).toEqual([[first, second]]);
    expect(contexts[0]?.job).toBe(first);
  });

  test('its trace says what has happened, in order', async () => {
    const f = flow('f')
      .add(step('a', (_input, ctx) => void ctx.emit('output', 1)))
      .add(sink().routine)
      .connect('a.output', 'sink.input');
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'a', 'input', 1);
    await job.done;

    expect(traceOf(job)).toEqual([
      'posted a',
      'activated a',
      'emitted a',
      'finished a',
      'activated sink',
      'finished sink',
      'ended',
    ]);
  });

  test('an entry of its trace names slot, event, messages, reason and time', async () => {
    const f = flow('f').add(step('a', passOn)).add(sink().routine).connect('a.output', 'sink.input');
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'a', 'input', 1);
    await job.done;

    expect(job.trace.slice(0, 3)).toEqual([
      { type: 'posted', at: 1_000, routine: 'a', slot: 'input', messages: [0] },
      { type: 'activated', at: 1_000, routine: 'a', reason: 'immediate', requestId: expect.any(String) },
      { type: 'emitted', at: 1_000, routine: 'a', event: 'output', messages: [1] },
    ]);
    expect(job.trace.at(-1)).toEqual({ type: 'ended', at: 1_000, reason: 'completed' });
  });

  test('what bodies write with `ctx.log` is kept with their jobs, also where nothing is printed', async () => {
    const f = flow('f').add(step('a', (input, ctx) => ctx.log.info({ input }, 'got it')));
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'a', 'input', 1);
    const other = await runtime.post(f, 'a', 'input', 2);
    await Promise.all([job.done, other.done]);

    expect(job.log).toEqual([
      { level: 'info', message: 'got it', fields: { input: [1] }, routine: 'a', at: 1_000 },
    ]);
    expect(other.log.map(({ fields }) => fields)).toEqual([{ input: [2] }]);
  });

  test('what is written for several jobs is kept with each of them', async () => {
    const f = flow('f').add(step('a', (_input, ctx) => ctx.log.warn('for both'), { policy: batchSize(2) }));
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const one = await runtime.post(f, 'a', 'input', 1);
    const two = await runtime.post(f, 'a', 'input', 2);
    await two.done;

    expect([one, two].map(({ log }) => log.map(({ level, message }) => `${level} ${message}`))).toEqual([
      ['warn for both'],
      ['warn for both'],
    ]);
  });
});

describe('finding jobs', () => {
  test('`getJob` finds a job by the id that it was given', async () => {
    const f = flow('f').add(sink().routine);
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'sink', 'input', 1, { jobId: 'mine' });

    expect(job.id).toBe('mine');
    expect(runtime.getJob('mine')).toBe(job);
    expect(runtime.getJob('other')).toBeUndefined();
  });

  test('`listJobs` lists all, or those of one status', async () => {
    const f = flow('f').add(failing).add(sink().routine);
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    const bad = await runtime.post(f, 'failing', 'input', 1);
    const good = await runtime.post(f, 'sink', 'input', 2);
    await clock.advance(0);

    expect(runtime.listJobs()).toEqual([bad, good]);
    expect(runtime.listJobs({ status: 'failed' })).toEqual([bad]);
    expect(runtime.listJobs({ status: 'pending' })).toEqual([]);
  });

  test('`listJobs` refuses a status that there is not', () => {
    const { runtime } = flowStage();

    const error = thrownBy(() => runtime.listJobs({ status: 'done' as never }));

    expect(error).toBeInstanceOf(InvalidInputError);
  });

  test('only the last `retain` jobs that have ended stay readable', async () => {
    const f = flow('f').add(sink().routine);
    await using runtime = flowStage({ retain: 2 }).runtime;
    runtime.exec(f);

    for (const jobId of ['a', 'b', 'c']) await (await runtime.post(f, 'sink', 'input', 1, { jobId })).done;

    expect(runtime.listJobs().map(({ id }) => id)).toEqual(['b', 'c']);
    expect(runtime.getJob('a')).toBeUndefined();
  });

  test('a job that has not ended is kept whatever `retain` says', async () => {
    const f = flow('f').add(step('a', () => never()));
    const { runtime } = flowStage({ retain: 0 });
    runtime.exec(f);

    const job = await runtime.post(f, 'a', 'input', 1);

    expect(runtime.getJob(job.id)).toBe(job);
  });
});

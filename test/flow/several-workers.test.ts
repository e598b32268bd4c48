import { flow, routine, slot, type Job } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { rejectionOf } from '../support/deferred.ts';
import { flowStage, sink, step } from '../support/flows.ts';

describe('several workers', () => {
  const f = flow('f').add(step('a', (_input, ctx) => ctx.job.set('by', ctx.worker.id)));

  test('get posts in turn', async () => {
    await using runtime = flowStage().runtime;
    for (const workerId of ['one', 'two', 'three']) runtime.exec(f, { workerId });

    const jobs: Job[] = [];
    for (let value = 0; value < 6; value += 1) jobs.push(await runtime.post(f, 'a', 'input', value));
    await runtime.waitUntilAllJobsFinished();

    expect(jobs.map((job) => job.get('by'))).toEqual(['one', 'two', 'three', 'one', 'two', 'three']);
    expect(jobs.map(({ workerId }) => workerId)).toEqual(['one', 'two', 'three', 'one', 'two', 'three']);
  });

  test('a post with a `workerId` goes to that one', async () => {
    await using runtime = flowStage().runtime;
    for (const workerId of ['one', 'two']) runtime.exec(f, { workerId });

    const job = await runtime.post(f, 'a', 'input', 1, { workerId: 'two' });
    await job.done;

    expect(job.get('by')).toBe('two');
  });

  test('one that has stopped gets no turn', async () => {
    await using runtime = flowStage().runtime;
    const [one] = ['one', 'two'].map((workerId) => runtime.exec(f, { workerId }));
    await one?.stop();

    const jobs: Job[] = [];
    for (let value = 0; value < 3; value += 1) jobs.push(await runtime.post(f, 'a', 'input', value));

    expect(jobs.map(({ workerId }) => workerId)).toEqual(['two', 'two', 'two']);
  });

  test('have states of their own', async () => {
    const counting = flow('counting').add(
      step('a', (_input, ctx) => ctx.state.set('count', ctx.state.get('count', 0) + 1)),
    );
    await using runtime = flowStage().runtime;
    const workers = ['one', 'two'].map((workerId) => runtime.exec(counting, { workerId }));

    for (let value = 0; value < 3; value += 1) await runtime.post(counting, 'a', 'input', value);
    await runtime.waitUntilAllJobsFinished();

    expect(workers.map((worker) => worker.state('a'))).toEqual([{ count: 2 }, { count: 1 }]);
  });

  test('cannot have the same id', () => {
    const { runtime } = flowStage();
    runtime.exec(f, { workerId: 'one' });

    expect(() => runtime.exec(f, { workerId: 'one' })).toThrow(
      expect.objectContaining({ code: 'DUPLICATE_ID' }),
    );
  });
});

test('a post that is refused takes no turn of a worker', async () => {
  const checked = routine({ name: 'checked', slots: { input: slot({ schema: z.number() }) }, run: () => 1 });
  await using runtime = flowStage({ flows: [flow('f').add(checked)] }).runtime;
  for (const workerId of ['one', 'two']) runtime.exec('f', { workerId });

  await rejectionOf(runtime.post('f', 'checked', 'input', 'text'));
  const job = await runtime.post('f', 'checked', 'input', 1);

  expect(job.workerId).toBe('one');
});

describe('the option `autoStart`', () => {
  const f = flow('f').add(sink().routine);

  test('starts a worker for the first post', async () => {
    await using runtime = flowStage({ autoStart: true }).runtime;

    const job = await runtime.post(f, 'sink', 'input', 1);

    expect((await job.done).status).toBe('completed');
    expect(runtime.workers.map(({ id }) => id)).toEqual([job.workerId]);
  });

  test('starts no second one for the second post', async () => {
    await using runtime = flowStage({ autoStart: true }).runtime;

    const first = await runtime.post(f, 'sink', 'input', 1);
    const second = await runtime.post(f, 'sink', 'input', 2);

    expect(second.workerId).toBe(first.workerId);
  });

  test('starts none for a post that is refused', async () => {
    await using runtime = flowStage({ autoStart: true }).runtime;

    const error = await rejectionOf(runtime.post('f', 'sink', 'input', 1));
    const other = await rejectionOf(runtime.post(f, 'sinc' as 'sink', 'input', 1));

    expect([error, other]).toMatchObject([{ code: 'UNKNOWN_FLOW' }, { code: 'UNKNOWN_ROUTINE' }]);
    expect(runtime.workers).toEqual([]);
  });

  test('starts none for a post whose job id is taken', async () => {
    const { runtime } = flowStage({ autoStart: true });
    const first = await runtime.post(f, 'sink', 'input', 1, { jobId: 'mine' });
    await runtime.worker(first.workerId)?.stop();

    const error = await rejectionOf(runtime.post(f, 'sink', 'input', 1, { jobId: 'mine' }));

    expect(error).toMatchObject({ code: 'DUPLICATE_ID' });
    expect(runtime.workers).toEqual([]);
  });

  test('starts none for a value that the schema refuses', async () => {
    const checked = routine({
      name: 'checked',
      slots: { input: slot({ schema: z.number() }) },
      run: () => undefined,
    });
    const { runtime } = flowStage({ autoStart: true, flows: [flow('g').add(checked)] });

    const error = await rejectionOf(runtime.post('g', 'checked', 'input', 'text'));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(runtime.workers).toEqual([]);
  });

  test('keeps no flow of a post that is refused', async () => {
    const { runtime } = flowStage({ autoStart: true });
    await rejectionOf(runtime.post(f, 'sinc' as 'sink', 'input', 1));

    const error = await rejectionOf(runtime.post('f', 'sink', 'input', 1));

    expect(error).toMatchObject({ code: 'UNKNOWN_FLOW' });
    expect(runtime.workers).toEqual([]);
  });
});

describe('starting a worker', () => {
  const f = flow('f').add(sink().routine);

  test('of an unknown name fails', () => {
    const { runtime } = flowStage();

    expect(() => runtime.exec('f')).toThrow(expect.objectContaining({ code: 'UNKNOWN_FLOW' }));
  });

  test('of another flow under a known name fails', () => {
    const { runtime } = flowStage();
    runtime.exec(f);

    const other = flow('f').add(sink().routine);

    expect(() => runtime.exec(other)).toThrow(expect.objectContaining({ code: 'FLOW_CONFIG' }));
    expect(runtime.workers).toHaveLength(1);
  });

  test('of a flow that cannot run fails, and its name stays free', () => {
    const { runtime } = flowStage();

    expect(() => runtime.exec(flow('f'))).toThrow(expect.objectContaining({ code: 'FLOW_CONFIG' }));
    expect(runtime.exec(f).status).toBe('running');
  });

  test('under the id of one that has ended is fine', async () => {
    const { runtime } = flowStage();
    const first = runtime.exec(f, { workerId: 'one' });
    await first.stop();

    const second = runtime.exec(f, { workerId: 'one' });

    expect([first.status, second.status]).toEqual(['stopped', 'running']);
    expect(runtime.worker('one')).toBe(second);
  });

  test('again gives another worker', () => {
    const { runtime } = flowStage();

    const workers = [runtime.exec(f), runtime.exec(f)];

    expect(new Set(workers.map(({ id }) => id)).size).toBe(2);
    expect(runtime.workers).toEqual(workers);
  });
});

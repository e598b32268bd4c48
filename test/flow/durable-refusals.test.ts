import { createRunner, node } from 'troupe';
import { memoryCheckpointer, type CheckpointBatch, type Checkpointer, type Lease } from 'troupe/checkpoint';
import { batchSize, flow } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { PassingStore } from '../durable/passing-store.ts';
import { deferred, rejectionOf } from '../support/deferred.ts';
import { begin, crashed, entriesOf, goOn, ID, jobsOf, settled } from '../support/durable-flows.ts';
import { gate, passOn, sink, step, type StepBody } from '../support/flows.ts';

const keep: StepBody = (input, ctx) =>
  ctx.state.set('seen', [...ctx.state.get<number[]>('seen', []), ...input]);
const pairs = () => flow('pairs').add(step('keep', keep, { policy: batchSize(2) }));

/** A store that says when it may be acquired, and that fails to append from when it is told to. */
class BadStore extends PassingStore {
  readonly open = deferred();
  readonly #isHeld: boolean;
  isFull = false;

  constructor(store: Checkpointer, { isHeld = false } = {}) {
    super(store);
    this.#isHeld = isHeld;
  }

  override async acquire(workflowId: string): Promise<Lease> {
    if (this.#isHeld) await this.open.promise;
    return super.acquire(workflowId);
  }

  override async append(lease: Lease, batch: CheckpointBatch): Promise<void> {
    if (this.isFull) throw new Error('the disk is full');
    await super.append(lease, batch);
  }
}

describe('while its log is read', () => {
  test('a worker is starting, and posts wait for it', async () => {
    const store = new BadStore(memoryCheckpointer(), { isHeld: true });
    const f = pairs();
    const { runtime, clock, worker } = begin(f, store);
    let isPosted = false;
    const posted = runtime.post(f, 'keep', 'input', 1).finally(() => (isPosted = true));
    await settled(clock);
    const before = [worker.status, isPosted];

    store.open.resolve();
    const job = await posted;

    expect(before).toEqual(['starting', false]);
    expect([worker.status, job.status]).toEqual(['running', 'pending']);
  });

  test('posts keep their order, behind what was there', async () => {
    const memory = memoryCheckpointer();
    const f = pairs();
    const before = begin(f, memory);
    await before.runtime.post(f, 'keep', 'input', 1);

    const { runtime, worker } = begin(f, await crashed(memory));
    await Promise.all([2, 3, 4].map((n) => runtime.post(f, 'keep', 'input', n)));
    await runtime.waitUntilAllJobsFinished();

    expect(worker.state('keep')).toEqual({ seen: [1, 2, 3, 4] });
  });

  test('waiting for all jobs waits for those that are read', async () => {
    const memory = memoryCheckpointer();
    const held = gate();
    const f = flow('f').add(step('a', held.body));
    const before = begin(f, memory);
    await before.runtime.post(f, 'a', 'input', 1, { jobId: 'one' });
    const left = await crashed(memory);
    held.open();

    const { runtime } = begin(f, left);

    expect(await runtime.waitUntilAllJobsFinished()).toBe(true);
    expect(jobsOf(runtime)).toEqual(['one completed']);
  });

  test('a shutdown waits for it, and refuses the posts that have waited', async () => {
    const store = new BadStore(memoryCheckpointer(), { isHeld: true });
    const f = pairs();
    const { runtime, worker } = begin(f, store);
    const down = runtime.shutdown({ wait: false });
    const refused = rejectionOf(runtime.post(f, 'keep', 'input', 1));

    store.open.resolve();
    await down;

    expect(worker.status).toBe('stopped');
    expect(await refused).toMatchObject({ code: 'RUNTIME_CLOSED' });
  });
});

describe('a worker that cannot begin', () => {
  test('fails while another runtime has it, which goes on', async () => {
    const store = memoryCheckpointer();
    const f = pairs();
    const first = await goOn(f, store);

    const second = begin(f, store);
    const error = await rejectionOf(second.runtime.post(f, 'keep', 'input', 1));
    for (const n of [1, 2]) await first.runtime.post(f, 'keep', 'input', n);
    await first.runtime.waitUntilAllJobsFinished();

    expect(error).toMatchObject({ code: 'WORKFLOW_ALREADY_RUNNING' });
    expect([second.worker.status, second.worker.error]).toEqual(['failed', error]);
    expect(first.worker.state('keep')).toEqual({ seen: [1, 2] });
  });

  test.each([
    ['another slot order of routines', () => flow('f').add(step('b', passOn)).add(step('a', passOn))],
    ['another routine', () => flow('f').add(step('a', passOn)).add(step('c', passOn))],
    [
      'a connection more',
      () => flow('f').add(step('a', passOn)).add(step('b', passOn)).connect('a.output', 'b.input'),
    ],
    ['another name', () => flow('g').add(step('a', passOn)).add(step('b', passOn))],
  ])('fails where the flow has %s, and writes nothing', async (_, other) => {
    const store = memoryCheckpointer();
    const f = flow('f').add(step('a', passOn)).add(step('b', passOn));
    const before = await goOn(f, store);
    await before.runtime.shutdown();
    const entries = await entriesOf(store);

    const { worker } = await goOn(other(), store);

    expect([worker.status, worker.error]).toMatchObject(['failed', { code: 'FLOW_CONFIG' }]);
    expect(await entriesOf(store)).toBe(entries);
    expect((await goOn(f, store)).worker.status).toBe('running');
  });

  test('takes another body, policy and options of the same flow', async () => {
    const store = memoryCheckpointer();
    const before = await goOn(pairs(), store);
    await before.runtime.post('pairs', 'keep', 'input', 1);
    await before.runtime.shutdown({ wait: false });

    const f = flow('pairs').add(
      step('keep', (input, ctx) => ctx.state.set('all', input), { slot: { capacity: 3 } }),
    );
    const { worker } = await goOn(f, store);

    expect(worker.state('keep')).toEqual({ all: [1] });
  });

  test('fails under the id of a workflow, which stays as it is', async () => {
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    await runner.run(
      node('n', async () => 1),
      undefined,
      { workflowId: ID },
    );
    const before = await store.read(ID);

    const { worker } = await goOn(pairs(), store);

    expect([worker.status, worker.error]).toMatchObject(['failed', { code: 'CHECKPOINT' }]);
    expect((await store.read(ID))?.entries).toEqual(before?.entries);
  });

  test('has the reason for every post to its id, also later', async () => {
    const store = memoryCheckpointer();
    const f = pairs();
    await goOn(f, store);
    const second = await goOn(f, store);

    const error = await rejectionOf(second.runtime.post(f, 'keep', 'input', 1, { workerId: ID }));

    expect(error).toMatchObject({ code: 'WORKFLOW_ALREADY_RUNNING' });
  });

  test('has left no job behind, and its id is free for another try', async () => {
    const store = memoryCheckpointer();
    const f = pairs();
    const first = await goOn(f, store);
    const second = begin(f, store);
    await rejectionOf(second.runtime.post(f, 'keep', 'input', 1, { jobId: 'one' }));
    await first.runtime.shutdown();

    const again = second.runtime.exec(f, { workerId: ID });
    const job = await second.runtime.post(f, 'keep', 'input', 1, { jobId: 'one' });

    expect([again.status, job.status]).toEqual(['running', 'pending']);
    expect(second.runtime.listJobs()).toEqual([job]);
  });

  test('whose log cannot be read fails with CHECKPOINT', async () => {
    const store = memoryCheckpointer();
    const lease = await store.acquire(ID);
    const head = { target: 'pairs', runId: 'r' };
    await store.append(lease, { first: 0, entries: ['{"no": 1'], status: 'running', head, releases: true });

    const { worker } = await goOn(pairs(), store);

    expect(worker.error).toMatchObject({ code: 'CHECKPOINT' });
    expect(await entriesOf(store)).toBe(1);
  });
});

describe('the id of a worker', () => {
  test.each(['run', 'resume', 'retry', 'fork'] as const)('is no workflow to %s', async (method) => {
    const store = memoryCheckpointer();
    const { runtime } = await goOn(pairs(), store);
    await runtime.shutdown();
    const entries = await entriesOf(store);
    await using runner = createRunner({ checkpointer: store });
    const n = node('pairs', async () => 1);

    const error = await rejectionOf(
      method === 'run' ? runner.run(n, undefined, { workflowId: ID }) : runner[method](n, ID),
    );

    expect(error).toMatchObject({ code: 'CHECKPOINT' });
    expect(await entriesOf(store)).toBe(entries);
  });

  test('is in the list of its store, with its status', async () => {
    const store = memoryCheckpointer();
    const statusOf = async (): Promise<unknown> =>
      (await store.list()).map(({ workflowId, target, status }) => [workflowId, target, status]);
    const { runtime } = await goOn(pairs(), store);
    const during = await statusOf();
    await runtime.shutdown();

    expect(during).toEqual([[ID, 'pairs', 'running']]);
    expect(await statusOf()).toEqual([[ID, 'pairs', 'paused']]);
    expect(await (await crashed(store)).get(ID)).toMatchObject({ status: 'abandoned', target: 'pairs' });
  });

  test('can be removed when it was let go, and is new then', async () => {
    const store = memoryCheckpointer();
    const f = pairs();
    const first = await goOn(f, store);
    for (const n of [1, 2]) await first.runtime.post(f, 'keep', 'input', n);
    await first.runtime.waitUntilAllJobsFinished();
    const refused = await rejectionOf(store.delete(ID));
    await first.runtime.shutdown();
    await store.delete(ID);

    const { worker } = await goOn(f, store);

    expect(refused).toMatchObject({ code: 'WORKFLOW_ALREADY_RUNNING' });
    expect(worker.state('keep')).toEqual({});
  });
});

describe('a store that fails', () => {
  test('fails the posts that wait for it, the jobs and the worker', async () => {
    const store = new BadStore(memoryCheckpointer());
    const f = pairs();
    const { runtime, clock, worker } = await goOn(f, store);
    const before = await runtime.post(f, 'keep', 'input', 1);
    store.isFull = true;

    const error = await rejectionOf(runtime.post(f, 'keep', 'input', 2));
    await settled(clock);

    expect(error).toMatchObject({ code: 'CHECKPOINT', cause: { message: 'the disk is full' } });
    expect([worker.status, worker.error]).toEqual(['failed', error]);
    expect([before.status, before.error]).toEqual(['failed', error]);
  });

  test('leaves what was written, for another to go on with', async () => {
    const memory = memoryCheckpointer();
    const store = new BadStore(memory);
    const f = pairs();
    const { runtime, clock } = await goOn(f, store);
    await runtime.post(f, 'keep', 'input', 1, { jobId: 'one' });
    store.isFull = true;
    await rejectionOf(runtime.post(f, 'keep', 'input', 2, { jobId: 'two' }));
    await settled(clock);

    const next = await goOn(f, memory);

    expect(jobsOf(next.runtime)).toEqual(['one pending']);
    expect(next.worker.status).toBe('running');
  });

  test('lets no body begin whose beginning was not written', async () => {
    const store = new BadStore(memoryCheckpointer());
    const end = sink({ policy: batchSize(1) });
    const f = flow('f').add(end.routine);
    const { runtime, clock, worker } = await goOn(f, store);
    await worker.pause();
    const job = await runtime.post(f, 'sink', 'input', 1);
    store.isFull = true;
    worker.resume();
    await settled(clock);

    expect(end.seen).toEqual([]);
    expect((await job.done).status).toBe('failed');
  });

  test('that fails at the very first append fails the worker', async () => {
    const store = new BadStore(memoryCheckpointer());
    store.isFull = true;
    const f = pairs();

    const { runtime, worker } = begin(f, store);
    const error = await rejectionOf(runtime.post(f, 'keep', 'input', 1));

    expect(error).toMatchObject({ code: 'CHECKPOINT' });
    expect(worker.status).toBe('failed');
    expect(runtime.metrics().workers).toBe(0);
  });

  test('does not keep a shutdown from ending', async () => {
    const store = new BadStore(memoryCheckpointer());
    const f = pairs();
    const { runtime } = await goOn(f, store);
    await runtime.post(f, 'keep', 'input', 1);
    store.isFull = true;

    await runtime.shutdown({ wait: false });

    expect(runtime.listJobs().map(({ status }) => status)).toEqual(['pending']);
  });
});

import { memoryCheckpointer, type CheckpointBatch, type Checkpointer, type Lease } from 'troupe/checkpoint';
import { batchSize, flow, type AnyFlow, type RuntimeOptions } from 'troupe/flow';
import { describe, expect, test, vi } from 'vitest';
import { PassingStore } from '../durable/passing-store.ts';
import {
  begin,
  crashed,
  entriesOf,
  goOn,
  jobsOf,
  logOf,
  settled,
  type Process,
} from '../support/durable-flows.ts';
import { gate, passOn, step, type StepBody } from '../support/flows.ts';

// Thousands of messages, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 60_000 });

const count: StepBody = (input, ctx) => ctx.state.set('n', ctx.state.get('n', 0) + input.length);
const one = { policy: batchSize(1), slot: { capacity: Number.POSITIVE_INFINITY } };

/** So many jobs write more than a log may have before it is shortened. */
const MANY = 3_000;
const BOUND = 12_000;
const options: RuntimeOptions = { maxQueueSize: null, retain: 10 };

/** Posts many messages and waits until all but `left` jobs have ended. */
async function postMany(
  f: AnyFlow,
  { runtime, clock }: Process,
  routine: string,
  many = MANY,
): Promise<void> {
  await Promise.all(Array.from({ length: many }, (_, n) => runtime.post(f, routine, 'input', n)));
  await settled(clock);
}

/** Counts how often the log was shortened. */
class CountingStore extends PassingStore {
  shortened = 0;
  most = 0;
  #entries = 0;

  override async append(lease: Lease, batch: CheckpointBatch): Promise<void> {
    await super.append(lease, batch);
    if (batch.replaces === true) this.shortened += 1;
    this.#entries = batch.entries.length + (batch.replaces === true ? 0 : this.#entries);
    this.most = Math.max(this.most, this.#entries);
  }
}

describe.each(['sync', 'async'] as const)("the log of a worker under '%s'", (durability) => {
  const all: RuntimeOptions = { ...options, durability };

  test('does not grow without end', async () => {
    const store = new CountingStore(memoryCheckpointer());
    const f = flow('f').add(step('a', count, one));
    const process = begin(f, store, all);

    for (let round = 0; round < 4; round += 1) {
      await postMany(f, process, 'a');
      await process.runtime.waitUntilAllJobsFinished();
    }

    expect(store.shortened).toBeGreaterThanOrEqual(3);
    expect(store.most).toBeLessThan(4 * MANY + BOUND);
    await process.runtime.shutdown();
    expect(await entriesOf(store)).toBeLessThan(BOUND);
  });

  test('has all that the worker held, when it was shortened', async () => {
    const store = new CountingStore(memoryCheckpointer());
    const f = flow('f')
      .add(step('a', count, one))
      .add(step('wait', count, { policy: batchSize(3, { flush: false }) }));
    const process = begin(f, store, all);
    for (const n of [1, 2])
      await process.runtime.post(f, 'wait', 'input', n, { jobId: `wait ${n}`, metadata: { n } });
    await postMany(f, process, 'a');
    await process.runtime.shutdown();

    const next = await goOn(f, store, all);
    const found = [next.worker.state('a'), next.runtime.metrics().messages];
    await next.runtime.post(f, 'wait', 'input', 3, { jobId: 'wait 3' });
    await settled(next.clock);

    expect(store.shortened).toBe(1);
    expect(found).toMatchObject([{ n: MANY }, { posted: MANY + 2, delivered: MANY, queued: 2 }]);
    expect(next.worker.state('wait')).toEqual({ n: 3 });
    expect(jobsOf(next.runtime).slice(-3)).toEqual([
      'wait 1 completed',
      'wait 2 completed',
      'wait 3 completed',
    ]);
    expect(next.runtime.getJob('wait 2')?.metadata).toEqual({ n: 2 });
  });
});

/** A flow of which one routine is at work while the log is shortened. */
async function shortenedDuring(body: StepBody, more: Parameters<typeof step>[2] = {}) {
  const store = new CountingStore(memoryCheckpointer());
  const f = flow('f')
    .add(step('slow', body, { ...one, ...more }))
    .add(step('a', count, one));
  const process = begin(f, store, { ...options, durability: 'async' });
  await process.runtime.post(f, 'slow', 'input', 7, { jobId: 'slow' });
  await settled(process.clock);
  await postMany(f, process, 'a');
  await process.runtime.post(f, 'a', 'input', 0); // what comes before is written
  return { store, f, process };
}

/** Goes on elsewhere with what a store has now. */
async function elsewhere(f: AnyFlow, store: Checkpointer): Promise<Process> {
  return goOn(f, await crashed(store), options);
}

describe('what is at work while a log is shortened', () => {
  test('runs again after a crash, with the same data and under the same key', async () => {
    const held = gate();
    const { store, f } = await shortenedDuring(held.body);

    await elsewhere(f, store);

    expect(store.shortened).toBe(1);
    expect(held.seen).toEqual([[7], [7]]);
    expect(held.contexts[1]?.idempotencyKey).toBe(held.contexts[0]?.idempotencyKey);
  });

  test('ends once, when nothing crashes', async () => {
    const held = gate(count);
    const { store, f, process } = await shortenedDuring(held.body);
    held.open();
    await process.runtime.shutdown();

    const next = await elsewhere(f, store);

    expect(held.seen).toEqual([[7]]);
    expect(next.worker.state('slow')).toEqual({ n: 1 });
  });

  test('has not written its state, as it has not ended', async () => {
    const held = gate();
    const { store, f } = await shortenedDuring((input, ctx) => {
      void count(input, ctx);
      return held.body(input, ctx);
    });
    held.open();

    const next = await elsewhere(f, store);

    expect(next.worker.state('slow')).toEqual({ n: 1 });
  });

  test('goes on with its attempt, where one had failed', async () => {
    const attempts: number[] = [];
    const retry = { maxAttempts: 3, delay: 100, jitter: 'none' } as const;
    const { store, f } = await shortenedDuring(
      (_, ctx) => {
        attempts.push(ctx.attempt);
        if (ctx.attempt < 3) throw new Error('not yet');
      },
      { retry },
    );

    const next = await elsewhere(f, store);
    await next.clock.advance(100);
    await next.clock.advance(200);

    expect(attempts).toEqual([1, 2, 3]);
    expect(next.runtime.getJob('slow')?.status).toBe('completed');
  });

  test('keeps what it had emitted, and does not send it again', async () => {
    const store = new CountingStore(memoryCheckpointer());
    const held = gate();
    const seen: number[] = [];
    const f = flow('f')
      .add(
        step('slow', async (input, ctx) => {
          await passOn(input, ctx);
          await held.body(input, ctx);
        }),
      )
      .add(step('pair', (input) => void seen.push(...input), { policy: batchSize(2, { flush: false }) }))
      .add(step('a', count, one))
      .connect('slow.output', 'pair.input');
    const process = begin(f, store, { ...options, durability: 'async' });
    await process.runtime.post(f, 'slow', 'input', 7);
    await postMany(f, process, 'a');
    await process.runtime.post(f, 'a', 'input', 0);
    held.open();

    const next = await elsewhere(f, store);
    const found = next.runtime.metrics().messages;
    await next.runtime.post(f, 'pair', 'input', 8);
    await settled(next.clock);

    expect(store.shortened).toBe(1);
    expect(held.seen).toHaveLength(2);
    expect(found).toMatchObject({ posted: MANY + 3, queued: 1 });
    expect(seen).toEqual([7, 8]);
  });

  test('may keep something in its state that cannot be stored any more, and fails alone', async () => {
    const { store, process } = await shortenedDuring((_, ctx) => {
      const kept: Record<string, unknown> = {};
      ctx.state.set('kept', kept);
      return Promise.resolve().then(() => {
        kept['f'] = () => 1;
      });
    });
    await settled(process.clock);

    expect(process.runtime.getJob('slow')).toBe(undefined); // it ended long ago, and only the last ten are kept
    expect(process.worker.status).toBe('running');
    expect(process.worker.state('a')).toEqual({ n: MANY + 1 });
    expect(store.shortened).toBe(1);
  });
});

describe('a log that is shortened', () => {
  test('keeps jobs that have failed with an error that cannot be stored as it is', async () => {
    const store = new CountingStore(memoryCheckpointer());
    const f = flow('f')
      .add(step('a', count, one))
      .add(
        step('bad', () => {
          throw Object.assign(new Error('odd'), { client: () => 1 });
        }),
      );
    const process = begin(f, store, { maxQueueSize: null, durability: 'async' });
    await (
      await process.runtime.post(f, 'bad', 'input', 1, { jobId: 'bad' })
    ).done;
    await postMany(f, process, 'a', MANY);
    await process.runtime.post(f, 'a', 'input', 0, { jobId: 'last' });
    await settled(process.clock);

    expect(process.worker.status).toBe('running');
    expect(process.worker.state('a')).toEqual({ n: MANY + 1 });
    expect(store.shortened).toBe(1);
  });

  test('has large values once, and those that are still needed', async () => {
    const store = memoryCheckpointer({ blobBytes: 100 });
    const f = flow('f')
      .add(step('a', count, one))
      .add(
        step('keep', (input, ctx) => ctx.state.set('all', input), { policy: batchSize(2, { flush: false }) }),
      );
    const process = begin(f, store, { ...options, durability: 'async' });
    const large = Array.from({ length: 200 }, (_, n) => n) as unknown as number;
    await process.runtime.post(f, 'keep', 'input', large, { jobId: 'one' });
    await postMany(f, process, 'a');
    await process.runtime.post(f, 'keep', 'input', large, { jobId: 'two' });
    await settled(process.clock);
    await process.runtime.shutdown();

    const next = await goOn(f, store, options);

    expect(next.worker.state('keep')).toEqual({ all: [large, large] });
    expect((await logOf(store)).length).toBeLessThan(BOUND);
  });

  test('is shortened again after a restart', async () => {
    const store = new CountingStore(memoryCheckpointer());
    const f = flow('f').add(step('a', count, one));
    for (let round = 0; round < 3; round += 1) {
      const process = await goOn(f, store, { ...options, durability: 'async' });
      await postMany(f, process, 'a');
      await process.runtime.shutdown();
    }

    const { worker } = await goOn(f, store, options);

    expect(worker.state('a')).toEqual({ n: 3 * MANY });
    expect(store.shortened).toBeGreaterThanOrEqual(2);
    expect(await entriesOf(store)).toBeLessThan(BOUND);
  });
});

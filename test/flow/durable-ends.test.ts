import { memoryCheckpointer } from 'troupe/checkpoint';
import { batchSize, flow } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { never } from '../support/deferred.ts';
import { begin, crashed, goOn, jobsOf, settled } from '../support/durable-flows.ts';
import { gate, passOn, step, type StepBody } from '../support/flows.ts';

const keep: StepBody = (input, ctx) =>
  ctx.state.set('seen', [...ctx.state.get<number[]>('seen', []), ...input]);

describe('a runtime that is shut down', () => {
  test('leaves what policies keep: not cancelled here, and going on there', async () => {
    const store = memoryCheckpointer();
    const f = flow('f').add(step('keep', keep, { policy: batchSize(2, { flush: false }) }));
    const { runtime } = begin(f, store);
    const job = await runtime.post(f, 'keep', 'input', 1, { jobId: 'one' });
    await runtime.shutdown();

    const next = await goOn(f, store);
    const found = jobsOf(next.runtime);
    await next.runtime.post(f, 'keep', 'input', 2, { jobId: 'two' });
    await settled(next.clock);

    expect(job.status).toBe('pending');
    expect(await job.done).toBe(job);
    expect(found).toEqual(['one pending']);
    expect(jobsOf(next.runtime)).toEqual(['one completed', 'two completed']);
    expect(next.worker.state('keep')).toEqual({ seen: [1, 2] });
  });

  test('does what can be done first, and nothing of it again', async () => {
    const store = memoryCheckpointer();
    const seen: number[] = [];
    const f = flow('f').add(step('a', (input) => void seen.push(...input), { policy: batchSize(2) }));
    const { runtime } = begin(f, store);
    for (const n of [1, 2, 3]) await runtime.post(f, 'a', 'input', n, { jobId: `${n}` });
    await runtime.shutdown();

    const next = await goOn(f, store);

    expect(seen).toEqual([1, 2, 3]);
    expect(jobsOf(next.runtime)).toEqual(['1 completed', '2 completed', '3 completed']);
  });

  test('without waiting leaves all that was left, what was at work included', async () => {
    const store = memoryCheckpointer();
    const seen: (readonly number[])[] = [];
    let isSlow = true;
    const body: StepBody = async (input) => {
      seen.push(input);
      if (isSlow) await never();
    };
    const f = flow('f').add(step('a', body, { policy: batchSize(1) }));
    const { runtime, clock } = begin(f, store);
    const jobs = [];
    for (const n of [1, 2]) jobs.push(await runtime.post(f, 'a', 'input', n, { jobId: `${n}` }));
    await settled(clock);
    await runtime.shutdown({ wait: false });
    isSlow = false;

    const next = await goOn(f, store);

    expect(jobs.map(({ status }) => status)).toEqual(['running', 'pending']);
    expect(seen).toEqual([[1], [1], [2]]);
    expect(jobsOf(next.runtime)).toEqual(['1 completed', '2 completed']);
  });

  test('at its timeout leaves all that was left', async () => {
    const store = memoryCheckpointer();
    let isSlow = true;
    const f = flow('f').add(step('a', () => (isSlow ? never() : undefined)));
    const { runtime, clock } = begin(f, store);
    await runtime.post(f, 'a', 'input', 1, { jobId: 'one' });
    const down = runtime.shutdown({ timeout: 100 });
    await settled(clock);
    await clock.advance(100);
    await down;
    isSlow = false;

    const next = await goOn(f, store);

    expect(jobsOf(runtime)).toEqual(['one running']);
    expect(jobsOf(next.runtime)).toEqual(['one completed']);
  });

  test('leaves open questions', async () => {
    const store = memoryCheckpointer();
    const f = flow('f').add(
      step('ask', async (_, ctx) => ctx.state.set('said', await ctx.interrupt('well?', { key: 'k' }))),
    );
    const { runtime } = begin(f, store);
    const job = await runtime.post(f, 'ask', 'input', 1, { jobId: 'one' });
    await runtime.shutdown();

    const next = await goOn(f, store);
    await next.runtime.respond('one', 'k', 'fine');
    await settled(next.clock);

    expect(job.status).toBe('running');
    expect(next.worker.state('ask')).toEqual({ said: 'fine' });
  });

  test('leaves an emit that waits for room to run again', async () => {
    const store = memoryCheckpointer();
    const held = gate();
    const f = flow('f')
      .add(step('a', passOn))
      .add(step('b', held.body, { slot: { capacity: 1, overflow: 'block' }, policy: batchSize(1) }))
      .connect('a.output', 'b.input');
    const { runtime, clock } = begin(f, store);
    for (const n of [1, 2, 3]) await runtime.post(f, 'a', 'input', n, { jobId: `${n}` });
    await settled(clock);
    const left = await crashed(store);
    held.open();

    const next = await goOn(f, left);

    expect(jobsOf(next.runtime)).toEqual(['1 completed', '2 completed', '3 completed']);
    expect([...new Set(held.seen.slice(1).flat())]).toEqual([1, 2, 3]);
  });
});

describe('a worker that is stopped', () => {
  test('has its jobs cancelled for good, and its states there', async () => {
    const store = memoryCheckpointer();
    const f = flow('f').add(step('keep', keep, { policy: batchSize(2) }));
    const { runtime, worker, clock } = begin(f, store);
    for (const n of [1, 2, 3]) await runtime.post(f, 'keep', 'input', n, { jobId: `${n}` });
    await settled(clock);
    await worker.stop({ reason: 'enough' });

    const next = await goOn(f, store);

    expect(jobsOf(next.runtime)).toEqual(['1 completed', '2 completed', '3 cancelled']);
    expect(next.runtime.getJob('3')?.error).toMatchObject({ code: 'CANCELLED', reason: 'enough' });
    expect(next.worker.state('keep')).toEqual({ seen: [1, 2] });
  });

  test('can go on in the same runtime', async () => {
    const store = memoryCheckpointer();
    const f = flow('f').add(step('keep', keep, { policy: batchSize(1) }));
    const { runtime, worker } = begin(f, store);
    await (
      await runtime.post(f, 'keep', 'input', 1, { jobId: 'one' })
    ).done;
    await worker.stop();

    const again = runtime.exec(f, { workerId: worker.id });
    await (
      await runtime.post(f, 'keep', 'input', 2, { jobId: 'two' })
    ).done;

    expect(again.state('keep')).toEqual({ seen: [1, 2] });
    expect(jobsOf(runtime)).toEqual(['one completed', 'two completed']);
    expect(runtime.metrics().messages).toMatchObject({ posted: 2, delivered: 2 });
  });

  test('with a body that never returns is free for others at once', async () => {
    const store = memoryCheckpointer();
    const f = flow('f').add(step('a', () => never()));
    const { runtime, worker, clock } = begin(f, store);
    await runtime.post(f, 'a', 'input', 1, { jobId: 'one' });
    await settled(clock);
    await worker.stop();

    const next = await goOn(f, store);

    expect(next.worker.status).toBe('running');
    expect(jobsOf(next.runtime)).toEqual(['one cancelled']);
  });
});

describe('a worker whose critical routine has failed', () => {
  test('goes on with its states, and with its jobs failed', async () => {
    const store = memoryCheckpointer();
    let isBad = true;
    const f = flow('f')
      .add(step('keep', keep))
      .add(step('wait', () => undefined, { policy: batchSize(2) }))
      .add(
        step(
          'vital',
          () => {
            if (isBad) throw new Error('boom');
          },
          { critical: true },
        ),
      );
    const { runtime, clock, worker } = begin(f, store);
    await (
      await runtime.post(f, 'keep', 'input', 1, { jobId: 'kept' })
    ).done;
    await runtime.post(f, 'wait', 'input', 1, { jobId: 'waits' });
    await runtime.post(f, 'vital', 'input', 1, { jobId: 'bad' });
    await settled(clock);
    isBad = false;

    const next = await goOn(f, store);
    const job = await next.runtime.post(f, 'vital', 'input', 1, { jobId: 'good' });
    await job.done;

    expect(worker.status).toBe('failed');
    expect(jobsOf(next.runtime)).toEqual(['kept completed', 'waits failed', 'bad failed', 'good completed']);
    expect(next.runtime.getJob('waits')?.error).toMatchObject({ message: 'boom' });
    expect(next.worker.state('keep')).toEqual({ seen: [1] });
  });

  test('goes on again and again after that', async () => {
    const store = memoryCheckpointer();
    let isBad = true;
    const f = flow('f').add(
      step('vital', (input, ctx) => (isBad ? Promise.reject(new Error('boom')) : keep(input, ctx)), {
        critical: true,
      }),
    );
    const first = begin(f, store);
    await first.runtime.post(f, 'vital', 'input', 1);
    await settled(first.clock);
    isBad = false;
    const second = await goOn(f, store);
    const job = await second.runtime.post(f, 'vital', 'input', 2);
    await job.done;

    const third = await goOn(f, await crashed(store));

    expect(third.worker.status).toBe('running');
    expect(third.worker.state('vital')).toEqual({ seen: [2] });
  });
});

describe("under 'async'", () => {
  test('a post that has resolved outlives the end of the process', async () => {
    const store = memoryCheckpointer();
    const f = flow('f').add(step('keep', keep, { policy: batchSize(2) }));
    const { runtime } = begin(f, store, { durability: 'async' });
    for (const n of [1, 2, 3]) await runtime.post(f, 'keep', 'input', n, { jobId: `${n}` });

    const next = await goOn(f, await crashed(store), { durability: 'async' });

    expect(jobsOf(next.runtime)).toEqual(['1 completed', '2 completed', '3 pending']);
    expect(next.worker.state('keep')).toEqual({ seen: [1, 2] });
  });

  test('all is there after a shutdown', async () => {
    const store = memoryCheckpointer();
    const seen: number[] = [];
    const f = flow('f')
      .add(step('a', passOn))
      .add(step('b', (input, ctx) => (seen.push(...input), keep(input, ctx))))
      .connect('a.output', 'b.input');
    const { runtime } = begin(f, store, { durability: 'async' });
    for (const n of [1, 2, 3]) await runtime.post(f, 'a', 'input', n, { jobId: `${n}` });
    await runtime.shutdown();

    const next = await goOn(f, store, { durability: 'async' });

    expect(seen).toEqual([1, 2, 3]);
    expect(next.worker.state('b')).toEqual({ seen: [1, 2, 3] });
    expect(jobsOf(next.runtime)).toEqual(['1 completed', '2 completed', '3 completed']);
  });
});

import { memoryCheckpointer } from 'troupe/checkpoint';
import { batchSize, flow, timeInterval } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { begin, crashed, goOn, ID, jobsOf, settled } from '../support/durable-flows.ts';
import { gate, step, type StepBody } from '../support/flows.ts';

const keep: StepBody = (input, ctx) =>
  ctx.state.set('seen', [...ctx.state.get<number[]>('seen', []), ...input]);

/** A flow that keeps what comes, two by two. */
const pairs = () => flow('pairs').add(step('keep', keep, { policy: batchSize(2, { flush: false }) }));

describe('a worker that goes on after a crash', () => {
  test('has its states, and the messages that waited', async () => {
    const store = memoryCheckpointer();
    const f = pairs();
    const before = begin(f, store);
    for (const n of [1, 2, 3]) await before.runtime.post(f, 'keep', 'input', n);
    await settled(before.clock);

    const { runtime, clock, worker } = await goOn(f, await crashed(store));
    const found = worker.state('keep');
    await runtime.post(f, 'keep', 'input', 4);
    await settled(clock);

    expect(found).toEqual({ seen: [1, 2] });
    expect(worker.state('keep')).toEqual({ seen: [1, 2, 3, 4] });
  });

  test('has its jobs, with what is known of them', async () => {
    const store = memoryCheckpointer();
    const f = pairs();
    const before = begin(f, store);
    await before.runtime.post(f, 'keep', 'input', 1, { jobId: 'one', metadata: { from: new Date(5) } });

    const { runtime } = await goOn(f, await crashed(store));

    expect(runtime.getJob('one')).toMatchObject({
      status: 'pending',
      metadata: { from: new Date(5) },
      createdAt: 1_000,
      workerId: ID,
    });
  });

  test('works on every post that was accepted, in order, though no body had begun', async () => {
    const store = memoryCheckpointer();
    const held = gate(keep);
    const f = flow('f').add(step('keep', held.body, { policy: batchSize(1) }));
    const before = begin(f, store);
    for (const n of [1, 2, 3, 4]) await before.runtime.post(f, 'keep', 'input', n, { jobId: `${n}` });
    const left = await crashed(store);
    held.open();

    const { runtime, worker } = await goOn(f, left);
    await runtime.waitUntilAllJobsFinished();

    expect(worker.state('keep')).toEqual({ seen: [1, 2, 3, 4] });
    expect(jobsOf(runtime)).toEqual(['1 completed', '2 completed', '3 completed', '4 completed']);
  });

  test('runs what was at work again, with the same data and under the same idempotency key', async () => {
    const store = memoryCheckpointer();
    const held = gate();
    const f = flow('f').add(step('a', held.body));
    const before = begin(f, store);
    await before.runtime.post(f, 'a', 'input', 7);
    await settled(before.clock);
    const left = await crashed(store);

    await goOn(f, left);

    expect(held.seen).toEqual([[7], [7]]);
    expect(held.contexts[1]?.idempotencyKey).toBe(held.contexts[0]?.idempotencyKey);
    expect(held.contexts[1]?.reason).toBe(held.contexts[0]?.reason);
  });

  test('runs nothing again that has ended', async () => {
    const store = memoryCheckpointer();
    const seen: number[] = [];
    const f = flow('f').add(step('a', (input) => void seen.push(...input)));
    const before = begin(f, store);
    await (
      await before.runtime.post(f, 'a', 'input', 1)
    ).done;

    await goOn(f, await crashed(store));

    expect(seen).toEqual([1]);
  });

  test('gives new activations other keys than those before the crash', async () => {
    const store = memoryCheckpointer();
    const keys: string[] = [];
    const f = flow('f').add(step('a', (_, ctx) => void keys.push(ctx.idempotencyKey)));
    const before = begin(f, store);
    await (
      await before.runtime.post(f, 'a', 'input', 1)
    ).done;

    const { runtime } = await goOn(f, await crashed(store));
    await (
      await runtime.post(f, 'a', 'input', 2)
    ).done;

    expect(new Set(keys).size).toBe(2);
  });

  test('does not have what an activation has set that did not end', async () => {
    const store = memoryCheckpointer();
    const counting: StepBody = (_, ctx) => ctx.state.set('n', ctx.state.get('n', 0) + 1);
    const held = gate();
    const f = flow('f').add(
      step('a', (input, ctx) => {
        void counting(input, ctx);
        return held.body(input, ctx);
      }),
    );
    const before = begin(f, store);
    await before.runtime.post(f, 'a', 'input', 1);
    await settled(before.clock);
    const left = await crashed(store);
    held.open();

    const { runtime, worker } = await goOn(f, left);
    await runtime.waitUntilAllJobsFinished();

    expect(worker.state('a')).toEqual({ n: 1 });
  });

  test('waits for what is left of a delay, and goes on with the next attempt', async () => {
    const store = memoryCheckpointer();
    const attempts: [number, number][] = [];
    const retry = { maxAttempts: 4, delay: 100, backoff: 2, jitter: 'none' } as const;
    let now = (): number => 0;
    const f = flow('f').add(
      step(
        'a',
        (_, ctx) => {
          attempts.push([ctx.attempt, now()]);
          if (ctx.attempt < 4) throw new Error('not yet');
        },
        { retry },
      ),
    );
    const before = begin(f, store);
    now = () => before.clock.now();
    await before.runtime.post(f, 'a', 'input', 1, { jobId: 'one' });
    await settled(before.clock);
    await before.clock.advance(160); // the second attempt at 1,100, the third due at 1,300
    await settled(before.clock);
    const left = await crashed(store);
    await before.worker.pause();

    const { runtime, clock } = begin(f, left);
    now = () => clock.now();
    await clock.advance(150);
    await settled(clock);
    await clock.advance(1_000);
    await settled(clock);

    expect(attempts).toEqual([
      [1, 1_000],
      [2, 1_100],
      [3, 1_300],
      [4, 1_700],
    ]);
    expect(runtime.getJob('one')?.status).toBe('completed');
  });

  test('knows when a routine was last activated', async () => {
    const store = memoryCheckpointer();
    const seen: (readonly number[])[] = [];
    const f = flow('f').add(step('a', (input) => void seen.push(input), { policy: timeInterval(100) }));
    const before = begin(f, store);
    for (const n of [1, 2]) await before.runtime.post(f, 'a', 'input', n);
    await settled(before.clock);
    const left = await crashed(store);
    await before.worker.pause();

    const { clock } = await goOn(f, left);
    await clock.advance(99);
    await settled(clock);
    const early = [...seen];
    await clock.advance(1);
    await settled(clock);

    expect(early).toEqual([[1]]);
    expect(seen).toEqual([[1], [2]]);
  });

  test.each([
    ['does not send again what was emitted before', [5, 5], [5, 6], 2],
    ['sends what is another value the second time', [5, 7], [5, 7, 8], 3],
  ])('%s', async (_, values, expected, posted) => {
    const store = memoryCheckpointer();
    const held = gate();
    let runs = 0;
    const f = flow('f')
      .add(
        step('a', async (input, ctx) => {
          await ctx.emit('output', values[runs] ?? 0);
          runs += 1;
          await held.body(input, ctx);
        }),
      )
      .add(step('b', keep, { policy: batchSize(posted, { flush: false }) }))
      .connect('a.output', 'b.input');
    const before = begin(f, store);
    await before.runtime.post(f, 'a', 'input', 0);
    await settled(before.clock);
    const left = await crashed(store);
    held.open();

    const { runtime, clock, worker } = await goOn(f, left);
    await runtime.post(f, 'b', 'input', expected.at(-1) ?? 0);
    await settled(clock);

    expect(worker.state('b')).toEqual({ seen: expected });
  });

  test('puts what a breakpoint held into its slot', async () => {
    const store = memoryCheckpointer();
    const f = flow('f').add(step('keep', keep, { policy: batchSize(1) }));
    const before = begin(f, store);
    const breakpoint = before.runtime.breakpoint({
      flow: f,
      routine: 'keep',
      slot: 'input',
      when: (n) => n === 1,
    });
    for (const n of [1, 2]) await before.runtime.post(f, 'keep', 'input', n, { jobId: `${n}` });
    breakpoint.edit(breakpoint.parked[0]?.id ?? -1, 10);
    await settled(before.clock);

    const { runtime, worker } = await goOn(f, await crashed(store));

    expect(worker.state('keep')).toEqual({ seen: [2, 10] });
    expect(jobsOf(runtime).toSorted()).toEqual(['1 completed', '2 completed']);
  });

  test('asks a question again, and takes the answer', async () => {
    const store = memoryCheckpointer();
    const f = flow('f').add(
      step('ask', async (_, ctx) =>
        ctx.state.set('said', await ctx.interrupt<string>('well?', { key: 'k' })),
      ),
    );
    const before = begin(f, store);
    await before.runtime.post(f, 'ask', 'input', 1, { jobId: 'one' });
    await settled(before.clock);

    const { runtime, clock, worker } = await goOn(f, await crashed(store));
    const asked = runtime.pauses.map(({ key, jobs }) => [key, jobs]);
    await runtime.respond('one', 'k', 'fine');
    await settled(clock);

    expect(asked).toEqual([['k', ['one']]]);
    expect(worker.state('ask')).toEqual({ said: 'fine' });
  });

  test('goes on with the counts of its messages', async () => {
    const store = memoryCheckpointer();
    const f = pairs();
    const before = begin(f, store);
    for (const n of [1, 2, 3]) await before.runtime.post(f, 'keep', 'input', n);
    await settled(before.clock);

    const { runtime } = await goOn(f, await crashed(store));

    expect(runtime.metrics().messages).toMatchObject({ posted: 3, delivered: 2, queued: 1 });
  });

  test('may crash again and again', async () => {
    let store = memoryCheckpointer();
    const f = pairs();
    for (const n of [1, 2, 3, 4, 5]) {
      const { runtime, clock } = await goOn(f, store);
      await runtime.post(f, 'keep', 'input', n, { jobId: `${n}` });
      await settled(clock);
      store = await crashed(store);
    }

    const { runtime, worker } = await goOn(f, store);

    expect(worker.state('keep')).toEqual({ seen: [1, 2, 3, 4] });
    expect(runtime.getJob('5')?.status).toBe('pending');
  });
});

describe('a job of a worker that goes on', () => {
  test('that has ended stays readable, with its status, error, values and dead letters', async () => {
    const store = memoryCheckpointer();
    const f = flow('f').add(
      step('a', (input, ctx) => {
        ctx.job.set('seen', new Map([[input[0], 1n]]));
        if (input[0] === 2) throw new RangeError('two', { cause: 'much' });
      }),
    );
    const before = begin(f, store);
    for (const n of [1, 2]) await (await before.runtime.post(f, 'a', 'input', n, { jobId: `${n}` })).done;

    const { runtime } = await goOn(f, await crashed(store));
    const [one, two] = [runtime.getJob('1'), runtime.getJob('2')];

    expect(one?.status).toBe('completed');
    expect(one?.get('seen')).toEqual(new Map([[1, 1n]]));
    expect(two).toMatchObject({
      status: 'failed',
      error: { name: 'RangeError', message: 'two', cause: 'much' },
    });
    expect(two?.deadLetters).toMatchObject([
      { routine: 'a', slot: 'input', value: 2, policy: 'stop', error: { message: 'two' } },
    ]);
    expect(await two?.done).toBe(two);
  });

  test('has an id that is taken, whether it has ended or not', async () => {
    const store = memoryCheckpointer();
    const f = pairs();
    const before = begin(f, store);
    for (const n of [1, 2, 3]) await before.runtime.post(f, 'keep', 'input', n, { jobId: `${n}` });
    await settled(before.clock);
    const left = await crashed(store);

    const { runtime } = begin(f, left);
    const post = (jobId: string) => runtime.post(f, 'keep', 'input', 0, { jobId });
    const errors = await Promise.all([rejectionOf(post('1')), rejectionOf(post('3'))]);

    expect(errors).toMatchObject([{ code: 'DUPLICATE_ID' }, { code: 'DUPLICATE_ID' }]);
    expect(runtime.metrics().messages).toMatchObject({ posted: 3, queued: 1 });
  });

  test('that has ended is kept only as long as the runtime retains it', async () => {
    const store = memoryCheckpointer();
    const f = flow('f').add(step('a', () => undefined));
    const before = begin(f, store);
    for (const n of [1, 2, 3]) await (await before.runtime.post(f, 'a', 'input', n, { jobId: `${n}` })).done;

    const { runtime } = await goOn(f, await crashed(store), { retain: 2 });

    expect(jobsOf(runtime)).toEqual(['2 completed', '3 completed']);
  });

  test('that was cancelled does not go on', async () => {
    const store = memoryCheckpointer();
    const f = pairs();
    const before = begin(f, store);
    const job = await before.runtime.post(f, 'keep', 'input', 1, { jobId: 'one' });
    job.cancel('enough');
    await settled(before.clock);

    const { runtime, worker } = await goOn(f, await crashed(store));
    for (const n of [2, 3]) await runtime.post(f, 'keep', 'input', n);
    await runtime.waitUntilAllJobsFinished();

    expect(runtime.getJob('one')).toMatchObject({
      status: 'cancelled',
      error: { code: 'CANCELLED', reason: 'enough' },
    });
    expect(worker.state('keep')).toEqual({ seen: [2, 3] });
  });

  test('has all of its time again', async () => {
    const store = memoryCheckpointer();
    const f = pairs();
    const before = begin(f, store, { jobTimeout: 100 });
    await before.runtime.post(f, 'keep', 'input', 1, { jobId: 'one' });
    await before.clock.advance(60);
    const left = await crashed(store);

    const { runtime, clock } = await goOn(f, left, { jobTimeout: 100 });
    await clock.advance(99);
    const early = runtime.getJob('one')?.status;
    await clock.advance(1);

    expect([early, runtime.getJob('one')?.status]).toEqual(['pending', 'timedOut']);
  });
});

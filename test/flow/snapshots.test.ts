import {
  batchSize,
  createRuntime,
  event,
  flow,
  routine,
  slot,
  timeInterval,
  type AnyFlow,
  type Runtime,
} from 'troupe/flow';
import { fakeClock, type FakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { settled } from '../support/durable-flows.ts';
import { flowStage, gate, passOn, sink, step, type StepBody } from '../support/flows.ts';

const keep: StepBody = (input, ctx) =>
  ctx.state.set('seen', [...ctx.state.get<number[]>('seen', []), ...input]);
const one = { policy: batchSize(1) };

/** A snapshot of a runtime as text, and a runtime that goes on with it on a clock that starts at 5,000. */
async function moved(
  f: AnyFlow,
  { runtime, clock }: { runtime: Runtime; clock: FakeClock },
  options: Parameters<typeof createRuntime>[0] = {},
) {
  const taken = runtime.snapshot();
  await settled(clock);
  const text = JSON.stringify(await taken);
  const there = fakeClock({ now: 5_000 });
  return { runtime: createRuntime({ ...options, snapshot: text, flows: [f], clock: there }), clock: there };
}

describe('a runtime that goes on with a snapshot', () => {
  test('has the workers under their ids, with their states', async () => {
    const f = flow('f').add(step('keep', keep));
    const here = flowStage();
    for (const workerId of ['x', 'y']) here.runtime.exec(f, { workerId });
    for (const n of [1, 2]) await (await here.runtime.post(f, 'keep', 'input', n)).done;

    const { runtime } = await moved(f, here);

    expect(runtime.workers.map(({ id }) => id)).toEqual(['x', 'y']);
    expect(runtime.workers.map((worker) => worker.state('keep'))).toEqual([{ seen: [1] }, { seen: [2] }]);
  });

  test('has the messages in their order, and new ones come behind', async () => {
    const f = flow('f').add(step('keep', keep, one));
    const here = flowStage();
    const worker = here.runtime.exec(f, { workerId: 'w' });
    await worker.pause();
    for (const n of [1, 2, 3]) await here.runtime.post(f, 'keep', 'input', n);

    const { runtime, clock } = await moved(f, here);
    await runtime.post(f, 'keep', 'input', 4);
    await settled(clock);

    expect(runtime.worker('w')?.state('keep')).toEqual({ seen: [1, 2, 3, 4] });
  });

  test('has the jobs, with what is known of them', async () => {
    const f = flow('f')
      .add(
        step('a', (_, ctx) => {
          ctx.job.set('left', new Set([1]));
          return ctx.emit('output', 1);
        }),
      )
      .add(step('b', keep, { policy: batchSize(2) }))
      .connect('a.output', 'b.input');
    const here = flowStage();
    here.runtime.exec(f);
    await here.runtime.post(f, 'a', 'input', 1, { jobId: 'one', metadata: { by: 'Ada' } });
    await settled(here.clock);

    const { runtime } = await moved(f, here);
    const job = runtime.getJob('one');

    expect(job).toMatchObject({
      status: 'running',
      metadata: { by: 'Ada' },
      createdAt: 1_000,
      startedAt: 1_000,
    });
    expect(job?.get('left')).toEqual(new Set([1]));
  });

  test('has the jobs that have ended, with errors and dead letters', async () => {
    const f = flow('f').add(
      step('a', ([n]) => {
        if (n === 2) throw new RangeError('two');
      }),
    );
    const here = flowStage();
    here.runtime.exec(f);
    for (const n of [1, 2]) await (await here.runtime.post(f, 'a', 'input', n, { jobId: `${n}` })).done;

    const { runtime } = await moved(f, here);

    expect(runtime.listJobs().map(({ id, status }) => [id, status])).toEqual([
      ['1', 'completed'],
      ['2', 'failed'],
    ]);
    expect(runtime.getJob('2')?.error).toBeInstanceOf(RangeError);
    expect(runtime.getJob('2')?.deadLetters).toMatchObject([
      { routine: 'a', value: 2, error: { message: 'two' } },
    ]);
    expect((await runtime.getJob('2')?.done)?.id).toBe('2');
  });

  test('has values that JSON has not', async () => {
    const values = [
      new Date(7),
      new Map([['a', 1n]]),
      new Set([Number.NaN]),
      new TypeError('no'),
      undefined,
      -0,
      /x/gu,
    ];
    const seen: unknown[] = [];
    const any = routine({
      name: 'any',
      slots: { in: slot() },
      run: (data, ctx) => {
        seen.push(...data.in);
        ctx.state.set('all', data.in);
      },
    });
    const f = flow('f').add(any);
    const here = flowStage();
    await here.runtime.exec(f, { workerId: 'w' }).pause();
    for (const value of values) await here.runtime.post(f, 'any', 'in', value);

    const { runtime, clock } = await moved(f, here);
    await settled(clock);
    const again = await moved(f, { runtime, clock });

    expect(seen).toEqual(values);
    expect(again.runtime.worker('w')?.state('any')).toEqual({ all: values });
  });

  test('goes on with the next attempt, when it is due', async () => {
    const attempts: [number, number][] = [];
    const retry = { maxAttempts: 3, delay: 4_500, jitter: 'none', backoff: 1 } as const;
    let now = (): number => 0;
    const f = flow('f').add(
      step(
        'a',
        (_, ctx) => {
          attempts.push([ctx.attempt, now()]);
          throw new Error('no');
        },
        { retry },
      ),
    );
    const here = flowStage();
    now = () => here.clock.now();
    here.runtime.exec(f);
    await here.runtime.post(f, 'a', 'input', 1, { jobId: 'one' });

    const { runtime, clock } = await moved(f, here);
    now = () => clock.now();
    await clock.runAll();

    expect(attempts).toEqual([
      [1, 1_000],
      [2, 5_500],
      [3, 10_000],
    ]);
    expect(runtime.getJob('one')?.status).toBe('failed');
  });

  test('waits for what is left of an interval', async () => {
    const seen: [readonly number[], number][] = [];
    let now = (): number => 0;
    const f = flow('f').add(
      step('a', (input) => void seen.push([input, now()]), { policy: timeInterval(4_600) }),
    );
    const here = flowStage();
    now = () => here.clock.now();
    here.runtime.exec(f);
    for (const n of [1, 2]) await here.runtime.post(f, 'a', 'input', n);
    await settled(here.clock);

    const { clock } = await moved(f, here);
    now = () => clock.now();
    await clock.runAll();

    expect(seen).toEqual([
      [[1], 1_000],
      [[2], 5_600],
    ]);
  });

  test('gives a job what is left of its time', async () => {
    const f = flow('f').add(step('a', keep, { policy: batchSize(2) }));
    const here = flowStage({ jobTimeout: 100 });
    here.runtime.exec(f);
    await here.runtime.post(f, 'a', 'input', 1, { jobId: 'one' });
    await here.clock.advance(60);

    const { runtime, clock } = await moved(f, here, { jobTimeout: 100 });
    await clock.advance(39);
    const early = runtime.getJob('one')?.status;
    await clock.advance(1);

    expect([early, runtime.getJob('one')?.status]).toEqual(['pending', 'timedOut']);
  });

  test('begins again what waited for a person, and asks again', async () => {
    const f = flow('f').add(
      step('ask', async (_, ctx) => ctx.state.set('said', await ctx.interrupt('well?', { key: 'k' }))),
    );
    const here = flowStage();
    here.runtime.exec(f, { workerId: 'w' });
    await here.runtime.post(f, 'ask', 'input', 1, { jobId: 'one' });
    await settled(here.clock);

    const { runtime, clock } = await moved(f, here);
    await settled(clock);
    const asked = runtime.pauses.map(({ key }) => key);
    await runtime.respond('one', 'k', 'fine');
    await settled(clock);

    expect(asked).toEqual(['k']);
    expect(runtime.worker('w')?.state('ask')).toEqual({ said: 'fine' });
    expect(runtime.getJob('one')?.status).toBe('completed');
  });

  test('begins again what waited for room, and loses none of its messages', async () => {
    const held = gate(keep);
    const f = flow('f')
      .add(
        step('a', async (_, ctx) => {
          for (const n of [1, 2, 3, 4]) await ctx.emit('output', n);
        }),
      )
      .add(step('b', held.body, { ...one, slot: { capacity: 2, overflow: 'block' } }))
      .connect('a.output', 'b.input');
    const here = flowStage();
    here.runtime.exec(f, { workerId: 'w' });
    await here.runtime.post(f, 'a', 'input', 1, { jobId: 'one' });
    await settled(here.clock); // b works on 1; 2 and 3 wait in its slot, and a waits with 4
    const taken = here.runtime.snapshot({ timeout: 10 });
    await here.clock.advance(10);
    held.open();

    const there = fakeClock();
    const runtime = createRuntime({ snapshot: await taken, flows: [f], clock: there });
    await settled(there);

    // What runs again emits all of it again.
    expect(runtime.worker('w')?.state('b')).toEqual({ seen: [1, 2, 3, 1, 2, 3, 4] });
    expect(runtime.getJob('one')?.status).toBe('completed');
  });

  test('emits again what was emitted by what runs again, under the same key', async () => {
    const keys: string[] = [];
    const f = flow('f')
      .add(
        step('a', async (input, ctx) => {
          keys.push(ctx.idempotencyKey);
          await passOn(input, ctx);
          await ctx.interrupt('well?', { key: 'k' });
        }),
      )
      .add(step('b', keep))
      .connect('a.output', 'b.input');
    const here = flowStage();
    here.runtime.exec(f, { workerId: 'w' });
    await here.runtime.post(f, 'a', 'input', 7, { jobId: 'one' });
    await settled(here.clock);

    const { runtime, clock } = await moved(f, here);
    await settled(clock);

    expect(runtime.worker('w')?.state('b')).toEqual({ seen: [7, 7] });
    expect(keys[1]).toBe(keys[0]);
    expect(keys).toHaveLength(2);
  });

  test('puts what a breakpoint held into its slot, in its old place', async () => {
    const f = flow('f').add(step('keep', keep, { policy: batchSize(3) }));
    const here = flowStage();
    here.runtime.exec(f, { workerId: 'w' });
    here.runtime.breakpoint({ flow: f, routine: 'keep', slot: 'input', when: (n) => n === 1 });
    for (const n of [1, 2, 3]) await here.runtime.post(f, 'keep', 'input', n);

    const { runtime, clock } = await moved(f, here);
    await settled(clock);

    expect(runtime.worker('w')?.state('keep')).toEqual({ seen: [1, 2, 3] });
    expect(runtime.metrics().messages).toMatchObject({ posted: 3, delivered: 3, parked: 0 });
  });

  test('refuses ids of jobs that are in it', async () => {
    const f = flow('f').add(step('a', keep, { policy: batchSize(3) }));
    const here = flowStage();
    here.runtime.exec(f);
    await here.runtime.post(f, 'a', 'input', 1, { jobId: 'one' });

    const { runtime } = await moved(f, here);

    await expect(runtime.post(f, 'a', 'input', 1, { jobId: 'one' })).rejects.toMatchObject({
      code: 'DUPLICATE_ID',
    });
  });

  test('can be moved on again, with the same in it', async () => {
    const f = flow('f')
      .add(step('a', passOn))
      .add(step('b', keep, { policy: batchSize(9) }))
      .connect('a.output', 'b.input');
    const here = flowStage();
    await here.runtime.exec(f, { workerId: 'w' }).pause();
    for (const n of [1, 2]) await here.runtime.post(f, 'a', 'input', n, { jobId: `${n}` });

    const first = await here.runtime.snapshot();
    const there = createRuntime({ snapshot: first, flows: [f], clock: fakeClock({ now: 1_000 }) });
    const second = await there.snapshot();

    expect(second.workers[0]).toMatchObject({ id: 'w', counts: { posted: 2, delivered: 0 }, nextMail: 2 });
  });
});

describe('the flow of a snapshot', () => {
  test('may have events of its own that nothing hears', async () => {
    const talk = routine({
      name: 'talk',
      slots: { in: slot<number>() },
      events: { out: event<number>() },
      run: () => {},
    });
    const f = flow('f').add(talk).add(sink().routine);
    const here = flowStage();
    here.runtime.exec(f, { workerId: 'w' });

    const { runtime } = await moved(f, here);

    expect(runtime.worker('w')?.status).toBe('running');
  });
});

import { flow, type Breakpoint, type Job } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { thrownBy } from '../support/deferred.ts';
import { flowStage, passOn, sink, statusesOf, step, traceOf } from '../support/flows.ts';

/** A flow `first` → `sink` with a breakpoint before `sink`. */
function watched(when?: (value: unknown) => boolean) {
  const stage = flowStage();
  const end = sink();
  const f = flow('f').add(step('first', passOn)).add(end.routine).connect('first.output', 'sink.input');
  const worker = stage.runtime.exec(f);
  const breakpoint = stage.runtime.breakpoint({ flow: f, routine: 'sink', slot: 'input', when });
  const post = async (...values: number[]): Promise<readonly Job[]> => {
    const jobs: Job[] = [];
    for (const value of values) jobs.push(await stage.runtime.post(f, 'first', 'input', value));
    await stage.clock.advance(0);
    return jobs;
  };
  return { ...stage, f, end, worker, breakpoint, post };
}

function valuesOf({ parked }: Breakpoint): readonly unknown[] {
  return parked.map(({ value }) => value);
}

describe('a breakpoint', () => {
  test('parks what comes into its slot, and says what it is', async () => {
    const { breakpoint, end, worker, post } = watched();

    const [job] = await post(1);

    expect(breakpoint.parked).toEqual([
      {
        id: 1,
        value: 1,
        jobs: [job?.id],
        source: { routine: 'first', event: 'output' },
        at: 1_000,
        workerId: worker.id,
      },
    ]);
    expect(end.seen).toEqual([]);
  });

  test('keeps the job of a parked message running, and notes it in the trace', async () => {
    const { runtime, clock, post } = watched();
    const [job] = await post(1);

    const waiting = runtime.waitUntilAllJobsFinished({ timeout: 60_000 });
    await clock.advance(60_000);

    expect(job?.status).toBe('running');
    expect(traceOf(job as Job)).toContain('parked sink');
    expect(await waiting).toBe(false);
  });

  test('parks what is posted as well as what is emitted', async () => {
    const { runtime, f, breakpoint, post } = watched();

    await post(1);
    const job = await runtime.post(f, 'sink', 'input', 2);

    expect(breakpoint.parked.map(({ source }) => source)).toEqual([
      { routine: 'first', event: 'output' },
      'post',
    ]);
    expect(job.status).toBe('pending');
  });

  test('lets other slots alone', async () => {
    const { runtime } = watched();
    const g = flow('g').add(sink().routine);
    runtime.exec(g);

    const job = await runtime.post(g, 'sink', 'input', 1);

    expect((await job.done).status).toBe('completed');
  });

  test('`step` lets the oldest go on', async () => {
    const { clock, breakpoint, end, post } = watched();
    const jobs = await post(1, 2);

    const isStepped = breakpoint.step();
    await clock.advance(0);

    expect([isStepped, end.seen]).toEqual([true, [1]]);
    expect(statusesOf(jobs)).toEqual(['completed', 'running']);
    expect(valuesOf(breakpoint)).toEqual([2]);
  });

  test('`step` gives false when nothing is parked', () => {
    const { breakpoint } = watched();

    expect(breakpoint.step()).toBe(false);
  });

  test('`resume` lets all go on that are parked now, in order, and parks those to come', async () => {
    const { clock, breakpoint, end, post } = watched();
    await post(1, 2, 3);

    const count = breakpoint.resume();
    await clock.advance(0);
    await post(4);

    expect([count, end.seen]).toEqual([3, [1, 2, 3]]);
    expect(valuesOf(breakpoint)).toEqual([4]);
  });

  test('`edit` gives a message another value', async () => {
    const { clock, breakpoint, end, post } = watched();
    const [job] = await post(1, 2);

    breakpoint.edit(breakpoint.parked[0]?.id ?? -1, 100);
    const values = valuesOf(breakpoint);
    breakpoint.resume();
    await clock.advance(0);

    expect(values).toEqual([100, 2]);
    expect(end.seen).toEqual([100, 2]);
    expect(traceOf(job as Job)).toContain('edited');
  });

  test('`drop` ends a job of which nothing else is left, and counts', async () => {
    const { runtime, breakpoint, end, post } = watched();
    const jobs = await post(1, 2);

    breakpoint.drop(breakpoint.parked[0]?.id ?? -1);

    expect(statusesOf(jobs)).toEqual(['completed', 'running']);
    expect(jobs[0]?.trace.find(({ type }) => type === 'dropped')).toMatchObject({ reason: 'breakpoint' });
    expect(runtime.metrics().messages).toMatchObject({ dropped: 1, parked: 1 });
    expect(end.seen).toEqual([]);
  });

  test.each(['edit', 'drop'] as const)('`%s` refuses a message that is not parked', async (act) => {
    const { breakpoint, post } = watched();
    await post(1);

    const error = thrownBy(() => (act === 'edit' ? breakpoint.edit(99, 1) : breakpoint.drop(99)));

    expect(error).toMatchObject({ code: 'UNKNOWN_ID' });
    expect(valuesOf(breakpoint)).toEqual([1]);
  });

  test('`remove` lets all go on, and parks nothing more', async () => {
    const { clock, breakpoint, end, post } = watched();
    await post(1, 2);

    breakpoint.remove();
    await clock.advance(0);
    await post(3);

    expect(end.seen).toEqual([1, 2, 3]);
    expect(breakpoint.parked).toEqual([]);
  });

  test('that is removed parks nothing in workers to come', async () => {
    const { runtime, f, breakpoint } = watched();
    breakpoint.remove();
    runtime.exec(f, { workerId: 'later' });

    const job = await runtime.post(f, 'sink', 'input', 1, { workerId: 'later' });

    expect((await job.done).status).toBe('completed');
  });

  test('parks only what its `when` picks', async () => {
    const { breakpoint, end, post } = watched((value) => value === 2);

    await post(1, 2, 3);

    expect(valuesOf(breakpoint)).toEqual([2]);
    expect(end.seen).toEqual([1, 3]);
  });

  test('holds for all workers of its flow, also for those to come', async () => {
    const { runtime, f, breakpoint } = watched();
    runtime.exec(f, { workerId: 'later' });

    const one = await runtime.post(f, 'sink', 'input', 1);
    const two = await runtime.post(f, 'sink', 'input', 2);

    expect(breakpoint.parked.map(({ workerId }) => workerId)).toEqual([one.workerId, two.workerId]);
    expect(two.workerId).toBe('later');
  });

  test('may be set before a worker is there', async () => {
    const f = flow('f').add(sink().routine);
    const { runtime } = flowStage();
    const breakpoint = runtime.breakpoint({ flow: f, routine: 'sink', slot: 'input' });
    runtime.exec(f);

    await runtime.post(f, 'sink', 'input', 1);

    expect(valuesOf(breakpoint)).toEqual([1]);
  });

  test('gives up what belongs to a job that is cancelled', async () => {
    const { runtime, breakpoint, post } = watched();
    const jobs = await post(1, 2);

    jobs[0]?.cancel();

    expect(valuesOf(breakpoint)).toEqual([2]);
    expect(runtime.metrics().messages).toMatchObject({ parked: 1, dropped: 1 });
  });

  test('keeps what is parked through a pause', async () => {
    const { clock, breakpoint, end, worker, post } = watched();
    await post(1);

    await worker.pause();
    breakpoint.resume();
    await clock.advance(0);
    const before = [...end.seen];
    worker.resume();
    await clock.advance(0);

    expect(before).toEqual([]);
    expect(end.seen).toEqual([1]);
  });

  test('what it shows, and what it is given, are copies', async () => {
    const { clock, breakpoint, end, post } = watched();
    await post(1);
    const [shown] = breakpoint.parked;
    const given = { v: 5 };

    breakpoint.edit(shown?.id ?? -1, given);
    given.v = 6;
    breakpoint.resume();
    await clock.advance(0);

    expect(shown?.value).toBe(1);
    expect(end.seen).toEqual([{ v: 5 }]);
  });

  test.each([
    ['an unknown flow', { flow: 'g', routine: 'sink', slot: 'input' }, 'UNKNOWN_FLOW'],
    ['an unknown routine', { flow: 'f', routine: 'sinc', slot: 'input' }, 'UNKNOWN_ROUTINE'],
    ['an unknown slot', { flow: 'f', routine: 'sink', slot: 'output' }, 'UNKNOWN_SLOT'],
    ['an unknown option', { flow: 'f', routine: 'sink', slot: 'input', if: 1 }, 'INVALID_INPUT'],
    ['a `when` that is no function', { flow: 'f', routine: 'sink', slot: 'input', when: 1 }, 'INVALID_INPUT'],
  ] as const)('refuses %s', (_what, options, code) => {
    const { runtime } = watched();

    const error = thrownBy(() => runtime.breakpoint(options as never));

    expect(error).toMatchObject({ code });
  });

  test('whose `when` throws neither loses the message nor harms its job', async () => {
    const { breakpoint, end, post } = watched(() => {
      throw new Error('in the condition');
    });

    const [job] = await post(1);

    expect(job?.error).toBeUndefined();
    expect([...valuesOf(breakpoint), ...end.seen]).toEqual([1]);
  });

  test('whose `when` throws does not refuse a post', async () => {
    const { runtime, f, breakpoint, end, clock } = watched(() => {
      throw new Error('in the condition');
    });

    const settled = await Promise.allSettled([runtime.post(f, 'sink', 'input', 1)]);
    await clock.advance(0);

    expect(settled.map(({ status }) => status)).toEqual(['fulfilled']);
    expect([...valuesOf(breakpoint), ...end.seen]).toEqual([1]);
  });
});

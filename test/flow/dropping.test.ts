import { flow, type Job, type SlotOptions } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { flowStage, gate, statusesOf, step, type StepBody, type StepContext } from '../support/flows.ts';

/** A routine that works on a first message, and whose slot then takes what `post` gives. */
async function busy(options: SlotOptions<number>) {
  const stage = flowStage();
  const held = gate();
  const f = flow('f').add(step('held', held.body, { slot: options }));
  stage.runtime.exec(f);
  const post = async (...values: number[]): Promise<readonly Job[]> => {
    const jobs: Job[] = [];
    for (const value of values) jobs.push(await stage.runtime.post(f, 'held', 'input', value));
    return jobs;
  };
  await post(0);
  return { ...stage, held, post };
}

describe.each([
  ['dropOldest', [3, 4], ['completed', 'completed', 'pending', 'pending'], [1, 2]],
  ['dropNewest', [1, 2], ['pending', 'pending', 'completed', 'completed'], [3, 4]],
] as const)("a slot that is full, with overflow '%s'", (overflow, kept, statuses, dropped) => {
  const full = { capacity: 2, overflow };

  test('keeps the right ones, in order', async () => {
    const { runtime, held, post } = await busy(full);
    await post(1, 2, 3, 4);

    held.open();
    await runtime.waitUntilAllJobsFinished();

    expect(held.seen).toEqual([[0], kept]);
  });

  test('completes the jobs of which nothing is left', async () => {
    const { post } = await busy(full);

    const jobs = await post(1, 2, 3, 4);

    expect(statusesOf(jobs)).toEqual(statuses);
  });

  test('counts what it drops', async () => {
    const { runtime, post } = await busy(full);

    await post(1, 2, 3, 4);

    expect(runtime.metrics().messages).toMatchObject({ posted: 5, dropped: 2, queued: 2, running: 1 });
  });

  test('tells the job of it in its trace', async () => {
    const { post } = await busy(full);

    const jobs = await post(1, 2, 3, 4);
    const traces = dropped.map((value) => jobs[value - 1]?.trace.slice(1));

    expect(traces).toEqual(
      dropped.map((value) => [
        { type: 'dropped', at: 1_000, routine: 'held', slot: 'input', messages: [value], reason: overflow },
        { type: 'ended', at: 1_000, reason: 'completed' },
      ]),
    );
  });

  test('lets a job that emits too much end completed', async () => {
    const end = gate();
    const many = step('many', async (_input, ctx) => {
      for (const value of [0, 1, 2, 3, 4]) await ctx.emit('output', value);
    });
    const f = flow('f')
      .add(many)
      .add(step('end', end.body, { slot: full }))
      .connect('many.output', 'end.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'many', 'input', 0);
    await clock.advance(0);

    end.open();
    await job.done;

    expect(job.status).toBe('completed');
    expect(end.seen).toEqual([[0], kept]);
    expect(job.trace.filter(({ type }) => type === 'dropped')).toHaveLength(2);
  });
});

describe('a generator as the body of a routine', () => {
  const bodies = [
    [
      'sync',
      function* (_input: readonly number[], ctx: StepContext) {
        for (const value of [1, 2, 3, 4]) {
          void ctx.emit('output', value);
          yield value;
        }
      },
    ],
    [
      'async',
      async function* (_input: readonly number[], ctx: StepContext) {
        for (const value of [1, 2, 3, 4]) {
          void ctx.emit('output', value);
          yield value;
        }
      },
    ],
  ] as const;

  function generating(body: StepBody, options: SlotOptions<number>) {
    const stage = flowStage();
    const held = gate();
    const f = flow('f')
      .add(step('generator', body))
      .add(step('held', held.body, { slot: options }))
      .connect('generator.output', 'held.input');
    stage.runtime.exec(f);
    return { ...stage, held, f };
  }

  test.each(bodies)(
    'fails its job when an emit that it does not await is refused (%s)',
    async (_what, body) => {
      const { runtime, clock, f } = generating(body, { capacity: 1 });

      const job = await runtime.post(f, 'generator', 'input', 0);
      await clock.advance(0);

      expect(job.status).toBe('failed');
      expect(job.error).toMatchObject({ code: 'SLOT_FULL' });
    },
  );

  test.each(bodies)(
    'loses no emit that waits for room and that it does not await (%s)',
    async (_what, body) => {
      const { runtime, clock, f, held } = generating(body, { capacity: 1, overflow: 'block' });
      const job = await runtime.post(f, 'generator', 'input', 0);
      await clock.advance(0);

      held.open();
      await job.done;

      expect(job.status).toBe('completed');
      expect(held.seen.flat()).toEqual([1, 2, 3, 4]);
    },
  );
});

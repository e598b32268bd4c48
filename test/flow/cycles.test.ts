import { FlowConfigError, HopLimitError } from 'troupe';
import { event, flow, routine, slot, type Flow } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { flowStage, gate, passOn, sink, statusesOf, step, traceOf, type StepBody } from '../support/flows.ts';

describe('cycles', () => {
  const countDown = routine({
    name: 'count',
    slots: { input: slot<number>() },
    events: { again: event<number>(), done: event<number>() },
    run: ({ input }, ctx) => {
      for (const left of input) void ctx.emit(left === 0 ? 'done' : 'again', left - 1);
    },
  });
  const counting = flow('f').add(countDown).connect('count.again', 'count.input');

  test.each([1, 10, 3_000])('that end after %i rounds are fine', async (rounds) => {
    await using runtime = flowStage().runtime;
    runtime.exec(counting);

    const job = await runtime.post(counting, 'count', 'input', rounds);

    expect((await job.done).status).toBe('completed');
  });

  test('that do not end fail their job with a HopLimitError after `maxHops`', async () => {
    await using runtime = flowStage({ maxHops: 5 }).runtime;
    const worker = runtime.exec(counting);

    const enough = await runtime.post(counting, 'count', 'input', 5);
    const tooMany = await runtime.post(counting, 'count', 'input', 6);
    await Promise.all([enough.done, tooMany.done]);

    expect(statusesOf([enough, tooMany])).toEqual(['completed', 'failed']);
    expect(tooMany.error).toBeInstanceOf(HopLimitError);
    expect(worker.status).toBe('running');
  });

  test('that do not end are stopped after 10,000 hops by default', async () => {
    await using runtime = flowStage().runtime;
    runtime.exec(counting);

    const job = await runtime.post(counting, 'count', 'input', -1);
    await job.done;

    expect(job.error).toMatchObject({ code: 'HOP_LIMIT' });
  });

  test('of two routines keep their job as well', async () => {
    const there = step('there', ([left = 0], ctx) => (left > 0 ? ctx.emit('output', left - 1) : undefined));
    const f = flow('f')
      .add(there)
      .add(there, 'back')
      .connect('there.output', 'back.input')
      .connect('back.output', 'there.input');
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'there', 'input', 20);
    await job.done;

    expect(job.status).toBe('completed');
    expect(traceOf(job).filter((entry) => entry.startsWith('activated'))).toHaveLength(21);
  });
});

const blocking = { capacity: 1, overflow: 'block' } as const;

/** Emits each number three times, less one, until it is zero. */
const multiply: StepBody = async (input, ctx) => {
  for (const value of input.filter((each) => each > 0))
    for (let times = 0; times < 3; times += 1) await ctx.emit('output', value - 1);
};

describe('a ring of blocking slots in which nobody can go on', () => {
  test('of one routine ends with a FlowConfigError that names it', async () => {
    const f = flow('f')
      .add(step('loop', multiply, { slot: blocking }))
      .connect('loop.output', 'loop.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    const job = await runtime.post(f, 'loop', 'input', 2);
    await clock.advance(0);

    expect(job.status).toBe('failed');
    expect(job.error).toBeInstanceOf(FlowConfigError);
    expect(String(job.error)).toContain('loop → loop');
  });

  test.each([
    ['two routines', ['ping', 'pong']],
    ['three routines', ['one', 'two', 'three']],
  ])('of %s ends with a FlowConfigError that names them in their order', async (_what, names) => {
    const bare = flow('f') as unknown as Flow;
    const members = names.reduce((f, name) => f.add(step(name, multiply, { slot: blocking })), bare);
    const ring = names.reduce(
      (f, name, at) => f.connect(`${name}.output`, `${names[(at + 1) % names.length]}.input`),
      members,
    );
    const { runtime, clock } = flowStage();
    runtime.exec(ring);

    const job = await runtime.post('f', names[0] ?? '', 'input', 9);
    await clock.advance(0);
    const rotations = names.map((name, at) => [...names.slice(at), ...names.slice(0, at), name].join(' → '));

    expect(job.status).toBe('failed');
    expect(job.error).toBeInstanceOf(FlowConfigError);
    expect(rotations.filter((way) => String(job.error).includes(way))).toHaveLength(1);
  });

  test('ends only the jobs of which an emit had to be refused', async () => {
    const other = sink();
    const f = flow('f')
      .add(step('loop', multiply, { slot: blocking }))
      .add(other.routine)
      .connect('loop.output', 'loop.input');
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    const bad = await runtime.post(f, 'loop', 'input', 2);
    const good = await runtime.post(f, 'sink', 'input', 1);
    await clock.advance(0);

    expect(statusesOf([bad, good])).toEqual(['failed', 'completed']);
    expect(worker.status).toBe('running');
  });
});

describe('no false alarm is given', () => {
  test('for a ring whose messages fit', async () => {
    const once: StepBody = async ([value = 0], ctx) => {
      if (value > 0) await ctx.emit('output', value - 1);
    };
    const f = flow('f')
      .add(step('ping', once, { slot: blocking }))
      .add(step('pong', once, { slot: blocking }))
      .connect('ping.output', 'pong.input')
      .connect('pong.output', 'ping.input');
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'ping', 'input', 50);

    expect((await job.done).status).toBe('completed');
  });

  test('for many that fan out from one routine and in to another', async () => {
    const seen: number[] = [];
    const spread = routine({
      name: 'spread',
      slots: { input: slot<number>(blocking) },
      events: { left: event<number>(), right: event<number>() },
      run: async ({ input }, ctx) => {
        for (const count of input)
          for (let value = 0; value < count; value += 1)
            await ctx.emit(value % 2 === 0 ? 'left' : 'right', value);
      },
    });
    const f = flow('f')
      .add(spread)
      .add(step('left', passOn, { slot: blocking }))
      .add(step('right', passOn, { slot: blocking }))
      .add(step('end', (input) => void seen.push(...input), { slot: blocking }))
      .connect('spread.left', 'left.input')
      .connect('spread.right', 'right.input')
      .connect('left.output', 'end.input')
      .connect('right.output', 'end.input');
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const jobs = [await runtime.post(f, 'spread', 'input', 20), await runtime.post(f, 'spread', 'input', 20)];
    await runtime.waitUntilAllJobsFinished();

    expect(statusesOf(jobs)).toEqual(['completed', 'completed']);
    expect(seen).toHaveLength(40);
  });

  test('where the receiver is only slow', async () => {
    const held = gate();
    const f = flow('f')
      .add(step('emitter', multiply, { slot: blocking }))
      .add(step('held', held.body, { slot: blocking }))
      .connect('emitter.output', 'held.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'emitter', 'input', 1);
    await clock.advance(60_000);
    const before = job.status;

    held.open();
    await job.done;

    expect([before, job.status]).toEqual(['running', 'completed']);
  });

  test('where a second activation of a routine in the ring can make room', async () => {
    const f = flow('f')
      .add(step('loop', multiply, { slot: blocking, concurrency: Number.POSITIVE_INFINITY }))
      .connect('loop.output', 'loop.input');
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'loop', 'input', 4);

    expect((await job.done).status).toBe('completed');
  });
});

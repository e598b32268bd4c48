// What the laws of jobs have found once, each as small as it came.
import { FlowConfigError, node } from 'troupe';
import {
  allSlotsReady,
  batchSize,
  createRuntime,
  event,
  flow,
  routine,
  slot,
  type AnyFlow,
  type Job,
  type RuntimeOptions,
} from 'troupe/flow';
import { fakeClock, type FakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';

const single = { in: slot<number>({ capacity: 1, overflow: 'block' }) };
const many = { in: slot<number>() };
const out = { out: event<number>() };

const sleep = (clock: FakeClock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.setTimeout(resolve, ms));

interface Emitter {
  emit(event: 'out', value: number): Promise<void>;
}

/** A runtime with a worker of a flow, and a way to post to it by `routine.slot`. */
function started(made: AnyFlow, options: RuntimeOptions) {
  const runtime = createRuntime(options);
  runtime.exec(made);
  const post = (path: string): Promise<Job> => {
    const [name = '', into = ''] = path.split('.');
    return runtime.post(made.name, name, into, 0);
  };
  return { runtime, post };
}

const statusesOf = (jobs: readonly Job[]): string[] => jobs.map(({ status }) => status);

/** Lets happen what takes turns in which no timer waits. */
async function settle(clock: FakeClock): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await clock.runAll();
}

describe('emits that wait, where one body may work at once', () => {
  test.each(['each', 'all', 'never'] as const)('let their receivers work: awaited %s', async (style) => {
    const clock = fakeClock();
    const sender = routine({
      name: 'sender',
      slots: many,
      events: out,
      run: async (_data, ctx) => {
        if (style === 'each') for (const n of [1, 2, 3, 4]) await ctx.emit('out', n);
        const sent = style === 'each' ? [] : [1, 2, 3, 4].map((n) => ctx.emit('out', n));
        if (style === 'all') await Promise.all(sent);
      },
    });
    const receiver = routine({ name: 'receiver', slots: single, run: () => sleep(clock, 1) });
    const made = flow('pair').add(sender).add(receiver).connect('sender.out', 'receiver.in');
    const { post } = started(made, { clock, concurrency: 1 });

    const job = await post('sender.in');
    await settle(clock);

    expect(job.status).toBe('completed');
  });

  test.each(['each', 'never'] as const)(
    'let them work beside a call that ends: awaited %s',
    async (style) => {
      const clock = fakeClock();
      const helper = node('helper', () => sleep(clock, 2));
      const sender = routine({
        name: 'sender',
        slots: many,
        events: out,
        run: async (_data, ctx) => {
          const call = ctx.call(helper);
          if (style === 'each') for (const n of [1, 2, 3]) await ctx.emit('out', n);
          else for (const n of [1, 2, 3]) void ctx.emit('out', n);
          await call;
        },
      });
      const receiver = routine({ name: 'receiver', slots: single, run: () => sleep(clock, 1) });
      const made = flow('pair').add(sender).add(receiver).connect('sender.out', 'receiver.in');
      const { post } = started(made, { clock, concurrency: 1 });

      const job = await post('sender.in');
      await settle(clock);

      expect(job.status).toBe('completed');
    },
  );

  test('do not keep a drain from its end when one of them has gone', async () => {
    const clock = fakeClock();
    const sender = routine({
      name: 'sender',
      slots: many,
      events: out,
      run: (_data, ctx) => [1, 2, 3, 4].forEach((n) => void ctx.emit('out', n)),
    });
    const slots = { other: slot<number>(), ...single };
    const receiver = routine({ name: 'receiver', slots, policy: batchSize(1), run: () => sleep(clock, 1) });
    const made = flow('pair').add(sender).add(receiver).connect('sender.out', 'receiver.in');
    const { post, runtime } = started(made, { clock, concurrency: 1 });

    const job = await post('sender.in');
    await settle(clock);
    void runtime.shutdown();
    await settle(clock);

    expect(job.status).toBe('completed');
  });
});

describe('a drain', () => {
  test('waits for routines that wait for their place', async () => {
    const clock = fakeClock();
    const slow = routine({ name: 'slow', slots: many, run: () => sleep(clock, 5) });
    const slots = { x: slot<number>(), y: slot<number>() };
    const pairs = routine({ name: 'pairs', slots, policy: allSlotsReady(), run: () => undefined });
    const { post, runtime } = started(flow('both').add(slow).add(pairs), { clock, concurrency: 1 });

    const jobs = [await post('slow.in'), await post('pairs.x'), await post('pairs.y')];
    const down = runtime.shutdown();
    await settle(clock);
    await down;

    expect(statusesOf(jobs)).toEqual(['completed', 'completed', 'completed']);
  });

  test('makes full batches of what waits for its place', async () => {
    const clock = fakeClock();
    const sizes: number[] = [];
    const slow = routine({ name: 'slow', slots: many, run: () => sleep(clock, 5) });
    const batches = routine({
      name: 'batches',
      slots: many,
      policy: batchSize(2),
      run: (data) => void sizes.push(data.in.length),
    });
    const { post, runtime } = started(flow('both').add(slow).add(batches), { clock, concurrency: 1 });

    await post('slow.in');
    for (let posted = 0; posted < 5; posted += 1) await post('batches.in');
    const down = runtime.shutdown();
    await settle(clock);
    await down;

    expect(sizes).toEqual([2, 2, 1]);
  });

  test('waits for a body that has only to get its place again', async () => {
    const clock = fakeClock();
    const sender = routine({
      name: 'sender',
      slots: many,
      events: out,
      run: async (_data, ctx) => {
        for (const n of [1, 2, 3]) await ctx.emit('out', n);
      },
    });
    const policy = batchSize(1, { flush: false });
    const receiver = routine({ name: 'receiver', slots: single, policy, run: () => sleep(clock, 50) });
    const made = flow('pair').add(sender).add(receiver).connect('sender.out', 'receiver.in');
    const { post, runtime } = started(made, { clock, concurrency: 1 });

    const job = await post('sender.in');
    const down = runtime.shutdown();
    await settle(clock);
    await down;

    expect(job.status).toBe('completed');
  });

  test('goes on when the last thing that happens is that an emit waits', async () => {
    const clock = fakeClock();
    const run = async ({ in: [n = 0] }: { in: readonly number[] }, ctx: Emitter): Promise<void> => {
      await sleep(clock, 0);
      if (n < 2) await ctx.emit('out', n + 1);
    };
    const slots = { other: slot<number>(), ...single };
    const first = routine({ name: 'first', slots, events: out, policy: batchSize(1), run });
    const second = routine({ name: 'second', slots: many, events: out, run });
    const made = flow('ring')
      .add(first)
      .add(second)
      .connect('first.out', 'second.in')
      .connect('first.out', 'first.in')
      .connect('second.out', 'first.in');
    const { post, runtime } = started(made, { clock });

    const job = await post('first.other');
    await settle(clock);
    void runtime.shutdown();
    await settle(clock);

    expect(job.status).not.toBe('running');
  });

  test('completes all jobs of the batch that is done last', async () => {
    const clock = fakeClock();
    const batches = routine({
      name: 'batches',
      slots: many,
      policy: batchSize(3),
      run: () => sleep(clock, 1),
    });
    const { post, runtime } = started(flow('one').add(batches), { clock });

    const jobs = [await post('batches.in'), await post('batches.in')];
    const down = runtime.shutdown();
    await settle(clock);
    await down;

    expect(statusesOf(jobs)).toEqual(['completed', 'completed']);
  });
});

describe('a job that ends', () => {
  test('takes with it what its bodies have waiting, all of it', async () => {
    const clock = fakeClock();
    const seen: number[] = [];
    const first = routine({
      name: 'first',
      slots: many,
      events: { slow: event<number>(), sender: event<number>() },
      run: (_data, ctx) => {
        void ctx.emit('slow', 0);
        void ctx.emit('sender', 0);
      },
    });
    const slow = routine({ name: 'slow', slots: many, run: () => sleep(clock, 100) });
    const sender = routine({
      name: 'sender',
      slots: many,
      events: out,
      run: async (_data, ctx) => {
        for (const n of [1, 2, 3]) await ctx.emit('out', n);
      },
    });
    const receiver = routine({
      name: 'receiver',
      slots: single,
      run: async (data) => {
        seen.push(...data.in);
        await sleep(clock, 50);
      },
    });
    const made = flow('tree')
      .add(first)
      .add(slow)
      .add(sender)
      .add(receiver)
      .connect('first.slow', 'slow.in')
      .connect('first.sender', 'sender.in')
      .connect('sender.out', 'receiver.in');
    const { post, runtime } = started(made, { clock });

    const job = await post('first.in');
    await clock.advance(10);
    job.cancel();
    await settle(clock);

    expect(seen).toEqual([1]);
    expect(runtime.metrics().messages).toMatchObject({ queued: 0, running: 0, posted: 5 });
  });
});

describe('routines that wait for each other', () => {
  test('are found also when no emit has come last', async () => {
    const clock = fakeClock();
    const left = routine({
      name: 'left',
      slots: single,
      events: out,
      run: async (_data, ctx) => {
        for (const n of [1, 2]) await ctx.emit('out', n);
      },
    });
    const right = routine({
      name: 'right',
      slots: single,
      events: out,
      run: async (_data, ctx) => {
        for (const n of [1, 2, 3]) await ctx.emit('out', n);
      },
    });
    const slow = routine({ name: 'slow', slots: single, run: () => sleep(clock, 50) });
    const made = flow('ring')
      .add(left)
      .add(right)
      .add(slow)
      .connect('left.out', 'right.in')
      .connect('left.out', 'slow.in')
      .connect('right.out', 'left.in');
    const { post } = started(made, { clock });

    const jobs = [await post('slow.in'), await post('slow.in'), await post('left.in')];
    await clock.advance(1);
    jobs.push(await post('right.in'));
    await clock.advance(1);
    // Only now what `left` has waiting finds `right` full, as soon as `slow` has room.
    jobs.push(await post('right.in'));
    await settle(clock);

    expect(statusesOf(jobs)).not.toContain('running');
    expect(jobs.find(({ status }) => status === 'failed')?.error).toBeInstanceOf(FlowConfigError);
  });
});

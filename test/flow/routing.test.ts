import { custom, event, flow, routine, slot, type Job, type MessageInfo } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { flowStage, gate, passOn, sink, statusesOf, step, type StepContext } from '../support/flows.ts';

const oneByOne = custom(({ slots: { input } }) => (input?.size ?? 0) > 0 && { take: { input: 1 } });

describe('how many activations run at once', () => {
  test('one of a routine, unless it says more', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body, { policy: oneByOne }));
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    for (const value of [1, 2]) await runtime.post(f, 'a', 'input', value);
    await clock.advance(0);
    const begun = [...held.seen];
    held.open();
    await runtime.waitUntilAllJobsFinished();

    expect(begun).toEqual([[1]]);
    expect(held.seen).toEqual([[1], [2]]);
  });

  test('so many as the `concurrency` of a routine says', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body, { policy: oneByOne, concurrency: 2 }));
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    for (const value of [1, 2, 3]) await runtime.post(f, 'a', 'input', value);
    await clock.advance(0);
    const begun = [...held.seen];
    held.release();
    await clock.advance(0);

    expect(begun).toEqual([[1], [2]]);
    expect(held.seen).toEqual([[1], [2], [3]]);
  });

  test('so many of all workers together as the `concurrency` of the runtime says', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body));
    const g = flow('g').add(step('a', held.body));
    const { runtime, clock } = flowStage({ concurrency: 2 });
    for (const each of [f, f, g]) runtime.exec(each);

    await runtime.post(f, 'a', 'input', 1);
    await runtime.post(f, 'a', 'input', 2);
    await runtime.post(g, 'a', 'input', 3);
    await clock.advance(0);
    const begun = [...held.seen];
    held.release();
    await clock.advance(0);

    expect(begun).toEqual([[1], [2]]);
    expect(held.seen).toEqual([[1], [2], [3]]);
  });

  test('a routine that calls a node holds no place of the runtime meanwhile', async () => {
    const { runtime, clock } = flowStage({ concurrency: 1 });
    const { node } = await import('troupe');
    const child = node('child', (value: number) => value + 1);
    const seen: number[] = [];
    const f = flow('f').add(
      step('a', async (input, ctx) => void seen.push(await ctx.call(child, input[0] ?? 0))),
    );
    runtime.exec(f);

    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);

    expect(job.status).toBe('completed');
    expect(seen).toEqual([2]);
  });

  test('a slow routine delays no other', async () => {
    const held = gate();
    const fast = sink();
    const split = step('split', passOn);
    const f = flow('f')
      .add(split)
      .add(step('slow', held.body))
      .add(fast.routine)
      .connect('split.output', 'slow.input')
      .connect('split.output', 'sink.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    for (const value of [1, 2, 3]) await runtime.post(f, 'split', 'input', value);
    await clock.advance(0);

    expect(fast.seen).toEqual([1, 2, 3]);
    expect(held.seen).toEqual([[1]]);
  });

  test('a routine that is slow does not keep a place that others wait for longer than it works', async () => {
    const held = gate();
    const fast = sink();
    const f = flow('f').add(step('slow', held.body)).add(fast.routine);
    const { runtime, clock } = flowStage({ concurrency: 2 });
    runtime.exec(f);

    await runtime.post(f, 'slow', 'input', 1);
    for (const value of [1, 2, 3]) await runtime.post(f, 'sink', 'input', value);
    await clock.advance(0);

    expect(fast.seen).toEqual([1, 2, 3]);
  });
});

describe('the order of messages', () => {
  test('is that of their posts along a path of routines', async () => {
    const end = sink();
    const f = flow('f')
      .add(step('a', passOn))
      .add(step('b', passOn))
      .add(end.routine)
      .connect('a.output', 'b.input')
      .connect('b.output', 'sink.input');
    await using runtime = flowStage().runtime;
    runtime.exec(f);
    const values = Array.from({ length: 50 }, (_, index) => index);

    await Promise.all(values.map((value) => runtime.post(f, 'a', 'input', value)));
    await runtime.waitUntilAllJobsFinished();

    expect(end.seen).toEqual(values);
  });

  test('is kept where a routine takes different times for them', async () => {
    const end = sink();
    const { runtime, clock } = flowStage();
    const uneven = step(
      'uneven',
      async ([value = 0], ctx) => {
        await new Promise<void>((resolve) => clock.setTimeout(resolve, 100 - value));
        await ctx.emit('output', value);
      },
      { policy: oneByOne },
    );
    const f = flow('f').add(uneven).add(end.routine).connect('uneven.output', 'sink.input');
    runtime.exec(f);

    for (const value of [10, 90, 50]) await runtime.post(f, 'uneven', 'input', value);
    await clock.runAll();

    expect(end.seen).toEqual([10, 90, 50]);
  });

  test('of one job is kept among all that a body emits', async () => {
    const end = sink();
    const many = step('many', (_input, ctx) => {
      for (let value = 0; value < 300; value += 1) void ctx.emit('output', value);
    });
    const f = flow('f').add(many).add(end.routine).connect('many.output', 'sink.input');
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    await (
      await runtime.post(f, 'many', 'input', 1)
    ).done;

    expect(end.seen).toEqual(Array.from({ length: 300 }, (_, index) => index));
  });
});

describe('what a routine gets', () => {
  test('every slot is present in its data, also one that is empty', async () => {
    const seen: unknown[] = [];
    const two = routine({
      name: 'two',
      slots: { a: slot<number>(), b: slot<number>() },
      run: (data) => void seen.push(data),
    });
    const f = flow('f').add(two);
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    await (
      await runtime.post(f, 'two', 'a', 1)
    ).done;

    expect(seen).toEqual([{ a: [1], b: [] }]);
  });

  test('`messages` says where each message came from, when, and over how many hops', async () => {
    const infos: (readonly MessageInfo[])[] = [];
    const f = flow('f')
      .add(step('a', passOn))
      .add(step('b', (_input, { messages }) => void infos.push(messages['input'])))
      .connect('a.output', 'b.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    await runtime.post(f, 'b', 'input', 1);
    await clock.advance(10);
    await (
      await runtime.post(f, 'a', 'input', 2)
    ).done;

    expect(infos).toEqual([
      [{ id: 0, source: 'post', at: 1_000, hops: 0 }],
      [{ id: 2, source: { routine: 'a', event: 'output' }, at: 1_010, hops: 1 }],
    ]);
  });

  test('`worker` and `state` are those of its worker', async () => {
    const contexts: StepContext[] = [];
    const f = flow('f').add(
      step('a', (_input, ctx) => {
        contexts.push(ctx);
        ctx.state.update({ x: 1, y: 2 });
        ctx.state.set('x', 3);
      }),
    );
    await using runtime = flowStage().runtime;
    const worker = runtime.exec(f);

    await (
      await runtime.post(f, 'a', 'input', 1)
    ).done;

    expect(contexts[0]?.worker).toBe(worker);
    expect(worker.state('a')).toEqual({ x: 3, y: 2 });
  });

  test('what a worker gives of a state is a copy', async () => {
    const f = flow('f').add(step('a', (_input, { state }) => state.set('list', [1])));
    await using runtime = flowStage().runtime;
    const worker = runtime.exec(f);
    await (
      await runtime.post(f, 'a', 'input', 1)
    ).done;

    const before = worker.state('a');
    await (
      await runtime.post(f, 'a', 'input', 2)
    ).done;

    expect(before['list']).not.toBe(worker.state('a')['list']);
    expect(() => worker.state('b')).toThrow(expect.objectContaining({ code: 'UNKNOWN_ROUTINE' }));
  });
});

describe('what is passed on', () => {
  interface Item {
    v: number;
  }
  const keeping = (name: string, kept: Item[]) =>
    routine({ name, slots: { input: slot<Item>() }, run: ({ input }) => void kept.push(...input) });
  const changing = routine({
    name: 'changing',
    slots: { input: slot<Item>() },
    events: { output: event<Item>() },
    run: ({ input }, ctx) => {
      for (const item of input) {
        void ctx.emit('output', item);
        item.v = -1;
      }
    },
  });

  test('is a clone for each receiver', async () => {
    const a: Item[] = [];
    const b: Item[] = [];
    const f = flow('f')
      .add(changing)
      .add(keeping('a', a))
      .add(keeping('b', b))
      .connect('changing.output', 'a.input')
      .connect('changing.output', 'b.input');
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    await (
      await runtime.post(f, 'changing', 'input', { v: 1 })
    ).done;

    expect([a, b]).toEqual([[{ v: 1 }], [{ v: 1 }]]);
    expect(a[0]).not.toBe(b[0]);
  });

  test('is no more the object that was posted', async () => {
    const kept: Item[] = [];
    const f = flow('f').add(keeping('a', kept));
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    await worker.pause();
    const item = { v: 1 };

    await runtime.post(f, 'a', 'input', item);
    item.v = 2;
    worker.resume();
    await clock.advance(0);

    expect(kept).toEqual([{ v: 1 }]);
  });

  test('is what `map` makes of it, for the receiver that has one', async () => {
    const a: Item[] = [];
    const end = sink();
    const f = flow('f')
      .add(changing)
      .add(keeping('a', a))
      .add(end.routine)
      .connect('changing.output', 'a.input')
      .connect('changing.output', 'sink.input', { map: ({ v }) => v * 10 });
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    await (
      await runtime.post(f, 'changing', 'input', { v: 1 })
    ).done;

    expect([a, end.seen]).toEqual([[{ v: 1 }], [10]]);
  });

  test('fails its job with the very error that a `map` throws, and goes to nobody', async () => {
    const error = new Error('in the map');
    const a: Item[] = [];
    const end = sink();
    const f = flow('f')
      .add(changing)
      .add(keeping('a', a))
      .add(end.routine)
      .connect('changing.output', 'a.input')
      .connect('changing.output', 'sink.input', {
        map: () => {
          throw error;
        },
      });
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job: Job = await runtime.post(f, 'changing', 'input', { v: 1 });
    await job.done;

    expect(statusesOf([job])).toEqual(['failed']);
    expect(job.error).toBe(error);
    expect([a, end.seen]).toEqual([[], []]);
  });

  test('fails its job where the routine has no such event', async () => {
    const f = flow('f').add(step('a', (_input, ctx) => void ctx.emit('outputs', 1)));
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'a', 'input', 1);
    await job.done;

    expect(job.error).toMatchObject({ code: 'FLOW_CONFIG' });
  });
});

import { node } from 'troupe';
import { custom, flow } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { flowStage, gate, sink, statusesOf, step, type FlowStage } from '../support/flows.ts';

const block = { capacity: 1, overflow: 'block' } as const;
const oneByOne = custom(({ slots: { input } }) => (input?.size ?? 0) > 0 && { take: { input: 1 } });

/** Work that takes 10 ms, and is counted. */
function meter({ clock }: FlowStage) {
  const counts = { working: 0, most: 0 };
  const work = async (): Promise<void> => {
    counts.working += 1;
    counts.most = Math.max(counts.most, counts.working);
    await new Promise<void>((resolve) => clock.setTimeout(resolve, 10));
    counts.working -= 1;
  };
  return { counts, work };
}

describe('with a `concurrency` of the runtime,', () => {
  test('a body that waits for room gives its place back', async () => {
    const end = sink({ slot: block });
    const f = flow('f')
      .add(
        step('emitter', async (_input, ctx) => {
          for (let value = 0; value < 20; value += 1) await ctx.emit('output', value);
        }),
      )
      .add(end.routine)
      .connect('emitter.output', 'sink.input');
    const { runtime, clock } = flowStage({ concurrency: 1 });
    runtime.exec(f);

    const job = await runtime.post(f, 'emitter', 'input', 0);
    await clock.advance(0);

    expect(job.status).toBe('completed');
    expect(end.seen).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  test('no more bodies work at once than it says, while emitters wait', async () => {
    let working = 0;
    let most = 0;
    const { runtime, clock } = flowStage({ concurrency: 2 });
    const work = async (): Promise<void> => {
      working += 1;
      most = Math.max(most, working);
      await new Promise<void>((resolve) => clock.setTimeout(resolve, 10));
      working -= 1;
    };
    const emitter = step('emitter', async (_input, ctx) => {
      for (const value of [1, 2, 3]) {
        await work();
        await ctx.emit('output', value);
      }
    });
    const f = flow('f')
      .add(emitter)
      .add(emitter, 'other')
      .add(step('end', work, { slot: block }))
      .connect('emitter.output', 'end.input')
      .connect('other.output', 'end.input');
    runtime.exec(f);

    for (const name of ['emitter', 'other'] as const) await runtime.post(f, name, 'input', 0);
    await clock.runAll();
    const isDone = await runtime.waitUntilAllJobsFinished({ timeout: 0 });

    expect([isDone, most]).toEqual([true, 2]);
  });

  test.each([
    ['sync', (): unknown => undefined],
    ['async', (): unknown => Promise.resolve()],
  ] as const)('the %s body whose emits nobody awaits comes to its end', async (_what, after) => {
    const end = sink({ slot: block });
    const f = flow('f')
      .add(
        step('emitter', (_input, ctx) => {
          for (let value = 0; value < 20; value += 1) void ctx.emit('output', value);
          return after();
        }),
      )
      .add(end.routine)
      .connect('emitter.output', 'sink.input');
    const { runtime } = flowStage({ concurrency: 1 });
    runtime.exec(f);

    const job = await runtime.post(f, 'emitter', 'input', 0);
    await job.done;

    expect(job.status).toBe('completed');
    expect(end.seen).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  test('an emit that nobody awaits gives no place back while its body works', async () => {
    const stage = flowStage({ concurrency: 1 });
    const { counts, work } = meter(stage);
    const { runtime, clock } = stage;
    const f = flow('f')
      .add(
        step('emitter', async (_input, ctx) => {
          for (const value of [1, 2]) void ctx.emit('output', value);
          await work();
        }),
      )
      .add(step('end', work, { slot: block }))
      .connect('emitter.output', 'end.input');
    runtime.exec(f);

    await runtime.post(f, 'emitter', 'input', 0);
    await clock.runAll();

    expect(counts).toEqual({ working: 0, most: 1 });
  });

  test('the places of a job that is cancelled while it waits for room come back once', async () => {
    const stage = flowStage({ concurrency: 1 });
    const { counts, work } = meter(stage);
    const { runtime, clock } = stage;
    const held = gate();
    const f = flow('f')
      .add(
        step('emitter', async (_input, ctx) => {
          for (const value of [1, 2, 3]) await ctx.emit('output', value);
        }),
      )
      .add(step('held', held.body, { slot: block }))
      .add(step('other', work, { policy: oneByOne, concurrency: 5 }))
      .connect('emitter.output', 'held.input');
    const worker = runtime.exec(f);
    const job = await runtime.post(f, 'emitter', 'input', 0);
    await clock.advance(0);
    job.cancel();

    for (const value of [1, 2, 3]) await runtime.post(f, 'other', 'input', value);
    await clock.runAll();

    expect(counts).toEqual({ working: 0, most: 1 });
    expect(statusesOf(runtime.listJobs({ status: 'completed' }))).toHaveLength(3);
    expect(worker.status).toBe('running');
  });

  test('bodies and the nodes that they call share its places', async () => {
    const stage = flowStage({ concurrency: 1 });
    const { counts, work } = meter(stage);
    const { runtime, clock } = stage;
    const child = node('child', work);
    const f = flow('f').add(
      step('a', async (_input, ctx) => {
        await Promise.all([ctx.call(child), ctx.call(child)]);
        await work();
      }),
    );
    for (const workerId of ['one', 'two']) runtime.exec(f, { workerId });

    const jobs = [await runtime.post(f, 'a', 'input', 1), await runtime.post(f, 'a', 'input', 2)];
    await clock.runAll();

    expect(statusesOf(jobs)).toEqual(['completed', 'completed']);
    expect(counts).toEqual({ working: 0, most: 1 });
  });

  test('a worker that is stopped gives the places of its bodies back', async () => {
    const stage = flowStage({ concurrency: 1 });
    const { runtime, clock } = stage;
    const end = sink();
    const hangs = flow('hangs').add(step('a', () => new Promise(() => undefined)));
    const f = flow('f').add(end.routine);
    const worker = runtime.exec(hangs);
    runtime.exec(f);
    await runtime.post(hangs, 'a', 'input', 1);
    await runtime.post(f, 'sink', 'input', 2);
    await clock.advance(0);
    const before = [...end.seen];

    await worker.stop();
    await clock.advance(0);

    expect(before).toEqual([]);
    expect(end.seen).toEqual([2]);
  });
});

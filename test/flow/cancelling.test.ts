import { CancelledError } from 'troupe';
import { batchSize, flow } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { never, thrownBy } from '../support/deferred.ts';
import { flowStage, gate, passOn, sink, statusesOf, step, type StepBody } from '../support/flows.ts';

describe('cancelling a job', () => {
  test('gives it the reason, and the status cancelled', async () => {
    const f = flow('f').add(step('a', () => never()));
    const { runtime } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);

    const isCancelled = job.cancel('no need');
    await job.done;

    expect(isCancelled).toBe(true);
    expect(job.status).toBe('cancelled');
    expect(job.error).toMatchObject({ code: 'CANCELLED', reason: 'no need' });
  });

  test('fires the signal of a body that works for it', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body));
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);

    job.cancel('no need');

    expect(held.contexts[0]?.signal.aborted).toBe(true);
    expect(held.contexts[0]?.signal.reason).toBeInstanceOf(CancelledError);
  });

  test('drops its messages that wait, and counts them', async () => {
    const held = gate();
    const f = flow('f').add(step('a', passOn)).add(step('b', held.body)).connect('a.output', 'b.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const first = await runtime.post(f, 'b', 'input', 1);
    const second = await runtime.post(f, 'b', 'input', 2);
    await clock.advance(0);

    second.cancel();
    held.open();
    await first.done;

    expect(held.seen).toEqual([[1]]);
    expect(runtime.metrics().messages).toMatchObject({ posted: 2, delivered: 1, dropped: 1, queued: 0 });
  });

  test('lets other jobs go on', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body));
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);
    const other = await runtime.post(f, 'a', 'input', 2);
    await clock.advance(0);

    job.cancel();
    held.open();
    await other.done;

    expect(statusesOf([job, other])).toEqual(['cancelled', 'completed']);
    expect(held.seen).toEqual([[1], [2]]);
  });

  test('leaves a batch that also works for another job at work', async () => {
    const held = gate();
    const f = flow('f').add(step('a', held.body, { policy: batchSize(2) }));
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);
    const other = await runtime.post(f, 'a', 'input', 2);
    await clock.advance(0);

    job.cancel();
    const isAborted = held.contexts[0]?.signal.aborted;
    held.open();
    await other.done;

    expect(isAborted).toBe(false);
    expect(statusesOf([job, other])).toEqual(['cancelled', 'completed']);
  });

  test('lets no branch of it emit while another is being stopped', async () => {
    const block = { capacity: 1, overflow: 'block' } as const;
    const held = gate();
    const twice: StepBody = async (_input, ctx) => {
      for (const value of [2, 3]) await ctx.emit('output', value);
    };
    const f = flow('f')
      .add(step('split', passOn))
      .add(step('left', twice))
      .add(step('right', twice))
      .add(step('held', held.body, { slot: block }))
      .connect('split.output', 'left.input')
      .connect('split.output', 'right.input')
      .connect('left.output', 'held.input')
      .connect('right.output', 'held.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const other = await runtime.post(f, 'held', 'input', 1);
    const job = await runtime.post(f, 'split', 'input', 0);
    await clock.advance(0);

    job.cancel();
    held.open();
    await other.done;
    await clock.advance(0);

    expect(held.seen).toEqual([[1]]);
    expect(runtime.metrics().messages).toMatchObject({ queued: 0, running: 0, delivered: 2 });
  });

  test('is refused once it has ended', async () => {
    const f = flow('f').add(sink().routine);
    await using runtime = flowStage().runtime;
    runtime.exec(f);
    const job = await runtime.post(f, 'sink', 'input', 1);
    await job.done;

    const isCancelled = job.cancel('late');

    expect(isCancelled).toBe(false);
    expect(job.status).toBe('completed');
  });

  test('drops what a body emits afterwards', async () => {
    const end = sink();
    const held = gate((_input, ctx) => ctx.emit('output', 1).catch(() => undefined));
    const f = flow('f').add(step('a', held.body)).add(end.routine).connect('a.output', 'sink.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);

    job.cancel();
    held.open();
    await clock.advance(0);

    expect(end.seen).toEqual([]);
    expect(runtime.metrics().messages).toMatchObject({ posted: 1, dropped: 1 });
  });

  test('keeps what a body writes afterwards out of the state of its routine', async () => {
    const thrown: unknown[] = [];
    const held = gate((_input, ctx) => thrown.push(thrownBy(() => ctx.state.set('late', true))));
    const f = flow('f').add(step('a', held.body));
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);

    job.cancel();
    held.open();
    await clock.advance(0);

    expect(thrown).toMatchObject([{ code: 'CANCELLED' }]);
    expect(worker.state('a')).toEqual({});
  });
});

import { memoryCheckpointer } from 'troupe/checkpoint';
import { batchSize, createRuntime, custom, flow } from 'troupe/flow';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { never, rejectionOf, thrownBy } from '../support/deferred.ts';
import { settled } from '../support/durable-flows.ts';
import { flowStage, gate, passOn, sink, step, type StepBody } from '../support/flows.ts';

const keep: StepBody = (input, ctx) =>
  ctx.state.set('seen', [...ctx.state.get<number[]>('seen', []), ...input]);
const retry = { maxAttempts: 2, delay: 100, jitter: 'none' } as const;

describe('taking a snapshot', () => {
  test('waits for what works, and lets nothing begin meanwhile', async () => {
    const held = gate(passOn);
    const end = sink();
    const f = flow('f').add(step('a', held.body)).add(end.routine).connect('a.output', 'sink.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    await runtime.post(f, 'a', 'input', 1);
    await settled(clock);
    let isTaken = false;
    const taken = runtime.snapshot().finally(() => (isTaken = true));
    await runtime.post(f, 'sink', 'input', 9);
    await settled(clock);
    const before = [isTaken, [...end.seen]];

    held.open();
    const { workers } = await taken;

    expect(before).toEqual([false, []]);
    expect(workers[0]?.activations).toEqual([]);
    expect(workers[0]?.slots.map((mails) => mails.map(([, value]) => value))).toEqual([[], [9, 1]]);
  });

  test('goes on afterwards, in order', async () => {
    const held = gate(passOn);
    const end = sink();
    const f = flow('f').add(step('a', held.body)).add(end.routine).connect('a.output', 'sink.input');
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    await runtime.post(f, 'a', 'input', 1);
    const taken = runtime.snapshot();
    for (const n of [2, 3]) await runtime.post(f, 'a', 'input', n);
    held.open();
    await taken;

    await settled(clock);

    expect(end.seen).toEqual([1, 2, 3]);
    expect(worker.status).toBe('running');
  });

  test('with a timeout takes what still works as not ended, and does not disturb it', async () => {
    const held = gate(keep);
    const f = flow('f').add(step('a', held.body));
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f, { workerId: 'w' });
    const job = await runtime.post(f, 'a', 'input', 7);
    const taken = runtime.snapshot({ timeout: 50 });
    await clock.advance(50);
    const snapshot = await taken;
    held.open();
    await job.done;

    const there = createRuntime({ snapshot, flows: [f], clock: fakeClock() });
    await there.waitUntilAllJobsFinished();

    expect(held.seen).toEqual([[7], [7]]);
    expect(held.contexts[1]?.idempotencyKey).toBe(held.contexts[0]?.idempotencyKey);
    expect([worker.state('a'), there.worker('w')?.state('a')]).toEqual([{ seen: [7] }, { seen: [7] }]);
  });

  test('does not wait for a body that waits for a person, for room or for its next attempt', async () => {
    const f = flow('f')
      .add(step('ask', (_, ctx) => ctx.interrupt('well?', { key: 'k' })))
      .add(step('fails', () => Promise.reject(new Error('no')), { retry }))
      .add(
        step('full', async (_, ctx) => {
          for (const n of [1, 2, 3]) await ctx.emit('output', n);
        }),
      )
      .add(sink({ slot: { capacity: 1, overflow: 'block' }, policy: custom(() => false) }).routine)
      .connect('full.output', 'sink.input');
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    for (const name of ['ask', 'fails', 'full'] as const) await runtime.post(f, name, 'input', 1);
    await settled(clock);

    const { workers } = await runtime.snapshot();

    expect(workers[0]?.activations).toHaveLength(3);
    expect(workers[0]?.activations.find(({ resumption }) => resumption !== undefined)?.resumption).toEqual({
      attempt: 2,
      at: 1_100,
    });
  });

  test('of a runtime without workers gives none', async () => {
    const { runtime } = flowStage();

    expect(await runtime.snapshot()).toEqual({ version: 1, workers: [] });
  });

  test('leaves out workers that have stopped', async () => {
    const f = flow('f').add(sink().routine);
    const { runtime } = flowStage();
    await runtime.exec(f, { workerId: 'gone' }).stop();
    runtime.exec(f, { workerId: 'here' });

    const { workers } = await runtime.snapshot();

    expect(workers.map(({ id }) => id)).toEqual(['here']);
  });

  test('keeps a paused worker paused', async () => {
    const f = flow('f').add(sink().routine);
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    await worker.pause();
    const job = await runtime.post(f, 'sink', 'input', 1);

    await runtime.snapshot();
    await settled(clock);

    expect([worker.status, job.status]).toEqual(['paused', 'pending']);
  });

  test('leaves out posts that wait for room, which then go on here', async () => {
    const f = flow('f').add(
      step('a', keep, { policy: batchSize(2), slot: { capacity: 2, overflow: 'block' } }),
    );
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    await worker.pause();
    for (const n of [1, 2]) await runtime.post(f, 'a', 'input', n);
    const waiting = runtime.post(f, 'a', 'input', 3);
    await settled(clock);

    const { workers } = await runtime.snapshot();
    worker.resume();
    await waiting;
    await settled(clock);

    expect(workers[0]?.jobs).toHaveLength(2);
    expect(workers[0]?.slots.map((mails) => mails.map(([, value]) => value))).toEqual([[1, 2]]);
    expect(runtime.metrics().messages).toMatchObject({ posted: 3, delivered: 2, queued: 1 });
  });

  test('is plain JSON', async () => {
    const f = flow('f').add(step('a', keep, { policy: batchSize(2) }));
    const { runtime } = flowStage();
    runtime.exec(f);
    for (const n of [1, 2, 3]) await runtime.post(f, 'a', 'input', n, { metadata: { at: new Date(1) } });

    const snapshot = await runtime.snapshot();

    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
  });

  test('twice at once gives the same', async () => {
    const held = gate(keep);
    const f = flow('f').add(step('a', held.body));
    const { runtime } = flowStage();
    runtime.exec(f);
    await runtime.post(f, 'a', 'input', 1);
    const both = Promise.all([runtime.snapshot(), runtime.snapshot()]);
    held.open();

    const [first, second] = await both;

    expect(first).toEqual(second);
  });

  test('of what was changed afterwards shows what was there', async () => {
    const f = flow('f').add(
      step('a', (input, ctx) => {
        const list = ctx.state.get<number[]>('list', []);
        list.push(...input);
        ctx.state.set('list', list);
      }),
    );
    const { runtime } = flowStage();
    runtime.exec(f, { workerId: 'w' });
    await (
      await runtime.post(f, 'a', 'input', 1)
    ).done;
    const snapshot = await runtime.snapshot();
    await (
      await runtime.post(f, 'a', 'input', 2)
    ).done;

    const there = createRuntime({ snapshot, flows: [f], clock: fakeClock() });

    expect(there.worker('w')?.state('a')).toEqual({ list: [1] });
  });
});

describe('a snapshot is refused', () => {
  const f = flow('f').add(sink().routine);
  const taken = async () => {
    const { runtime } = flowStage();
    runtime.exec(f);
    return runtime.snapshot();
  };

  test('where the flow of that name is another one', async () => {
    const snapshot = await taken();
    const other = flow('f').add(sink().routine).add(step('more', passOn));

    expect(thrownBy(() => createRuntime({ snapshot, flows: [other] }))).toMatchObject({
      code: 'FLOW_CONFIG',
    });
  });

  test('where the runtime is not given the flow', async () => {
    const snapshot = await taken();

    expect(thrownBy(() => createRuntime({ snapshot }))).toMatchObject({ code: 'UNKNOWN_FLOW' });
  });

  test.each([
    ['text that is no JSON', '{"version": 1'],
    ['another object', { workers: 1 }],
    ['null in text', 'null'],
    ['a number', 7],
    ['another version', { version: 2, workers: [] }],
  ])('where it is %s', (_, snapshot) => {
    const error = thrownBy(() => createRuntime({ snapshot, flows: [f] }));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('together with a checkpointer', async () => {
    const snapshot = await taken();
    const error = thrownBy(() => createRuntime({ snapshot, flows: [f], checkpointer: memoryCheckpointer() }));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
  });

  test.each([
    ['a message', { value: () => 1 }],
    ['the metadata of a job', { metadata: { f: () => 1 } }],
    ['a state', { state: () => 1 }],
    ['a value of a job', { left: () => 1 }],
  ])('where %s cannot be stored, and the runtime goes on', async (_, given: Record<string, unknown>) => {
    const odd = flow('odd')
      .add(step('wait', keep, { policy: batchSize(2) }))
      .add(
        step('set', (_input, ctx) => {
          ctx.state.set('state', given['state']);
          ctx.job.set('left', given['left']);
        }),
      );
    const { runtime, clock } = flowStage();
    runtime.exec(odd);
    const metadata = (given['metadata'] ?? {}) as Record<string, unknown>;
    await runtime.post(odd, 'wait', 'input', given['value'] as number, { metadata });
    await runtime.post(odd, 'set', 'input', 1);
    await settled(clock);

    const error = await rejectionOf(runtime.snapshot());
    const job = await runtime.post(odd, 'set', 'input', 2);

    expect(error).toMatchObject({ code: 'CHECKPOINT' });
    expect((await job.done).status).toBe('completed');
  });

  test('for a timeout that is none', async () => {
    const { runtime } = flowStage();

    expect(await rejectionOf(runtime.snapshot({ timeout: -1 }))).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('a body that never returns', () => {
  test('does not keep a snapshot with a timeout of 0 from being taken', async () => {
    const f = flow('f').add(step('a', () => never()));
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    await runtime.post(f, 'a', 'input', 1);
    await settled(clock);
    const taken = runtime.snapshot({ timeout: 0 });
    await clock.advance(0);

    expect((await taken).workers[0]?.activations).toHaveLength(1);
  });
});

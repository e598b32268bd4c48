import { batchSize, createRuntime, flow, fromFlow, type AnyFlow } from 'troupe/flow';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { createActor, setup, toPromise, type InspectionEvent, type Snapshot } from 'xstate';
import { settled } from '../support/durable-flows.ts';
import { flowStage, gate, passOn, sink, step, type StepBody } from '../support/flows.ts';

const keep: StepBody = (input, ctx) =>
  ctx.state.set('seen', [...ctx.state.get<number[]>('seen', []), ...input]);

function post(data: number, jobId?: string) {
  return {
    type: 'post',
    routine: 'a',
    slot: 'input',
    data,
    ...(jobId === undefined ? {} : { jobId }),
  } as const;
}

function started(f: AnyFlow, snapshot?: Snapshot<unknown>) {
  const clock = fakeClock();
  const logic = fromFlow(f, { clock });
  const actor = createActor(logic, snapshot === undefined ? {} : { snapshot }).start();
  return { actor, clock };
}

/** A persisted snapshot, as it is after it was text. */
function persistedOf(actor: { getPersistedSnapshot(): unknown }): Snapshot<unknown> {
  return JSON.parse(JSON.stringify(actor.getPersistedSnapshot())) as Snapshot<unknown>; // as it was
}

describe('the persisted snapshot of a flow’s actor', () => {
  test('goes on with its states, its jobs and what waits', async () => {
    const f = flow('f').add(step('a', keep, { policy: batchSize(2) }));
    const before = started(f);
    for (const n of [1, 2, 3]) before.actor.send(post(n, `${n}`));
    await settled(before.clock);

    const { actor, clock } = started(f, persistedOf(before.actor));
    actor.send(post(4));
    await settled(clock);
    const { context } = actor.getSnapshot();
    actor.send({ type: 'drain' });

    expect(context).toMatchObject({ status: 'running', jobs: { pending: 0, running: 0 } });
    expect(context.workerId).toBe(before.actor.getSnapshot().context.workerId);
    expect(await toPromise(actor)).toEqual({ a: { seen: [1, 2, 3, 4] } });
  });

  test('begins again what was at work, under the same idempotency key', async () => {
    const held = gate(keep);
    const f = flow('f').add(step('a', held.body));
    const before = started(f);
    before.actor.send(post(7));
    await settled(before.clock);
    const persisted = persistedOf(before.actor);
    held.open();

    const { actor } = started(f, persisted);
    actor.send({ type: 'drain' });

    expect(await toPromise(actor)).toEqual({ a: { seen: [7] } });
    expect(held.contexts[1]?.idempotencyKey).toBe(held.contexts[0]?.idempotencyKey);
    expect(held.seen).toEqual([[7], [7]]);
  });

  test('asks its questions again', async () => {
    const f = flow('f').add(step('a', (_, ctx) => ctx.interrupt('well?', { key: 'k' })));
    const before = started(f);
    before.actor.send(post(1));
    await settled(before.clock);

    const { actor, clock } = started(f, persistedOf(before.actor));
    await settled(clock);
    const asked = actor.getSnapshot().context.pauses.map(({ key }) => key);
    actor.send({ type: 'respond', key: 'k', value: 1 });
    await settled(clock);

    expect(asked).toEqual(['k']);
    expect(actor.getSnapshot().context.pauses).toEqual([]);
  });

  test('of one that has not begun goes on as a new one', async () => {
    const f = flow('f').add(step('a', keep));
    const actor = createActor(fromFlow(f));

    const again = started(f, persistedOf(actor));
    again.actor.send(post(1));
    again.actor.send({ type: 'drain' });

    expect(await toPromise(again.actor)).toEqual({ a: { seen: [1] } });
  });

  test('of one that is done has its output', async () => {
    const f = flow('f').add(step('a', keep));
    const before = started(f);
    before.actor.send(post(1));
    before.actor.send({ type: 'drain' });
    await toPromise(before.actor);

    const { actor } = started(f, persistedOf(before.actor));

    expect(actor.getSnapshot()).toMatchObject({ status: 'done', output: { a: { seen: [1] } } });
  });

  test('of a restored one that has not begun again holds the same', async () => {
    const f = flow('f').add(step('a', keep, { policy: batchSize(2) }));
    const before = started(f);
    before.actor.send(post(1));
    await settled(before.clock);
    const first = persistedOf(before.actor);

    const { actor } = started(f, persistedOf(createActor(fromFlow(f), { snapshot: first })));
    actor.send(post(2));
    actor.send({ type: 'drain' });

    expect(await toPromise(actor)).toEqual({ a: { seen: [1, 2] } });
  });

  test('goes with that of the machine that invokes it', async () => {
    const clock = fakeClock();
    const f = flow('f').add(step('a', keep, { policy: batchSize(2) }));
    const machine = setup({ actors: { logic: fromFlow(f, { clock }) } }).createMachine({
      invoke: { id: 'worker', src: 'logic' },
    });
    const before = createActor(machine).start();
    before.getSnapshot().children['worker']?.send(post(1));
    await settled(clock);

    const after = createActor(machine, { snapshot: persistedOf(before) }).start();
    const worker = after.getSnapshot().children['worker'];
    worker?.send(post(2));
    await settled(clock);
    worker?.send({ type: 'drain' });
    await settled(clock);

    expect(worker?.getSnapshot()).toMatchObject({ status: 'done', output: { a: { seen: [1, 2] } } });
  });

  test('keeps a paused worker from nothing but what it had begun', async () => {
    const f = flow('f').add(step('a', keep));
    const before = started(f);
    before.actor.send({ type: 'pause' });
    before.actor.send(post(1));
    await settled(before.clock);

    const { actor } = started(f, persistedOf(before.actor));
    actor.send({ type: 'drain' });

    expect(await toPromise(actor)).toEqual({ a: { seen: [1] } });
  });
});

/** The actors that an inspector has seen. */
function watch() {
  const events: InspectionEvent[] = [];
  const ids = (): readonly string[] =>
    events.flatMap((event) =>
      event.type === '@xstate.actor' && 'id' in event.actorRef ? [String(event.actorRef.id)] : [],
    );
  const movesOf = (id: string): readonly unknown[] =>
    events.flatMap((event) =>
      event.type === '@xstate.snapshot' && 'id' in event.actorRef && event.actorRef.id === id
        ? [(event.snapshot as { value?: unknown }).value]
        : [],
    );
  return { inspect: (event: InspectionEvent) => void events.push(event), events, ids, movesOf };
}

describe('an inspector', () => {
  test('sees the worker, its coordinator, its keeper and its routines in the system of the machine', async () => {
    const { inspect, events, ids } = watch();
    const f = flow('f').add(step('a', passOn)).add(sink().routine).connect('a.output', 'sink.input');
    const actor = createActor(fromFlow(f), { id: 'worker', inspect }).start();
    actor.send(post(1));
    actor.send({ type: 'drain' });
    await toPromise(actor);

    expect(new Set(events.map(({ rootId }) => rootId))).toEqual(new Set([actor.sessionId]));
    expect(ids()).toEqual(expect.arrayContaining(['worker', 'coordinator', 'stateKeeper']));
    expect(ids().filter((id) => /-r\d+$/u.test(id)).length).toBeGreaterThanOrEqual(2); // one for each activation
  });

  test('of a runtime sees each worker below it, with what is below that', async () => {
    const { inspect, events, ids, movesOf } = watch();
    const f = flow('f').add(step('a', passOn));
    const runtime = createRuntime({ inspect });
    for (const workerId of ['x', 'y']) runtime.exec(f, { workerId });
    for (const n of [1, 2]) await (await runtime.post(f, 'a', 'input', n)).done;
    await runtime.shutdown();

    expect(new Set(events.map(({ rootId }) => rootId)).size).toBe(1);
    expect(
      ids()
        .filter((id) => ['x', 'y', 'coordinator', 'stateKeeper'].includes(id))
        .toSorted(),
    ).toEqual(['coordinator', 'coordinator', 'stateKeeper', 'stateKeeper', 'x', 'y']);
    expect([...new Set(movesOf('x'))]).toEqual(['starting', 'running', 'draining', 'stopped']);
  });

  test('sees the charts of activations move', async () => {
    const { inspect, ids, movesOf } = watch();
    const { runtime } = flowStage({ inspect });
    const f = flow('f').add(step('a', passOn));
    runtime.exec(f);
    await (
      await runtime.post(f, 'a', 'input', 1)
    ).done;

    const activation = ids().findLast((id) => /-r\d+$/u.test(id)) ?? '';
    expect(movesOf(activation)).toEqual(['pending', 'running', 'succeeded']);
  });

  test('that throws changes nothing', async () => {
    const { runtime } = flowStage({
      inspect: () => {
        throw new Error('inspector');
      },
      logLevel: 'silent',
    });
    const f = flow('f').add(step('a', keep));
    const worker = runtime.exec(f);
    await (
      await runtime.post(f, 'a', 'input', 1)
    ).done;

    expect(worker.state('a')).toEqual({ seen: [1] });
  });
});

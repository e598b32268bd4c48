import type { TroupeEvent } from 'troupe';
import { batchSize, flow, fromFlow, type AnyFlow, type FlowEmbeddingOptions } from 'troupe/flow';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { assign, createActor, setup, toPromise, type AnyActorLogic } from 'xstate';
import { never, rejectionOf, thrownBy } from '../support/deferred.ts';
import { settled } from '../support/durable-flows.ts';
import { gate, passOn, sink, step, type StepBody } from '../support/flows.ts';
import { memoryLogger, type LogLine } from '../support/memory-logger.ts';

const keep: StepBody = (input, ctx) =>
  ctx.state.set('seen', [...ctx.state.get<number[]>('seen', []), ...input]);
const keeping = () => flow('keeping').add(step('keep', keep, { policy: batchSize(1) }));

/** What is posted to a routine of these flows. */
function post(data: unknown, more: { routine?: string; slot?: string; jobId?: string } = {}) {
  return { type: 'post', routine: 'keep', slot: 'input', data, ...more } as const;
}

function warningsIn(lines: readonly LogLine[]): readonly LogLine[] {
  return lines.filter(({ level }) => level === 'warn');
}

/** An actor of a flow, started, on a clock that starts at 0. */
function started(f: AnyFlow, options: FlowEmbeddingOptions = {}) {
  const clock = fakeClock();
  const actor = createActor(fromFlow(f, { ...options, clock }));
  actor.subscribe({ error: () => undefined });
  actor.start();
  return { actor, clock };
}

/** A machine that invokes a flow, passes on what it is sent, and ends with what came of it. */
function invoking(logic: AnyActorLogic) {
  return setup({ types: { context: {} as { result: unknown } }, actors: { logic } }).createMachine({
    context: { result: undefined },
    initial: 'working',
    states: {
      working: {
        invoke: {
          id: 'worker',
          src: 'logic',
          onDone: { target: 'done', actions: assign({ result: ({ event }) => event.output }) },
          onError: { target: 'failed', actions: assign({ result: ({ event }) => event.error }) },
        },
        on: { leave: 'idle' },
      },
      idle: {},
      done: { type: 'final' },
      failed: { type: 'final' },
    },
  });
}

describe('a flow as a root actor', () => {
  test('does what is posted to it, in order, and is done when it has drained', async () => {
    const { actor } = started(keeping());
    for (const n of [1, 2, 3]) actor.send(post(n));
    actor.send({ type: 'drain' });

    expect(await toPromise(actor)).toEqual({ keep: { seen: [1, 2, 3] } });
    expect(actor.getSnapshot()).toMatchObject({ status: 'done', value: 'stopped' });
  });

  test('flushes what policies have left before it is done', async () => {
    const { actor } = started(flow('f').add(step('keep', keep, { policy: batchSize(5) })));
    actor.send(post(1));
    actor.send({ type: 'drain' });

    expect(await toPromise(actor)).toEqual({ keep: { seen: [1] } });
  });

  test('begins nothing more while it is paused', async () => {
    const { actor, clock } = started(keeping());
    actor.send({ type: 'pause', reason: 'lunch' });
    actor.send(post(1));
    await settled(clock);
    const { value, context } = actor.getSnapshot();
    actor.send({ type: 'resume' });
    await settled(clock);

    expect([value, context.status, context.jobs]).toMatchObject(['paused', 'paused', { pending: 1 }]);
    expect(actor.getSnapshot().context).toMatchObject({
      status: 'running',
      jobs: { pending: 0, completed: 1 },
    });
  });

  test('shows its questions, and takes answers', async () => {
    const f = flow('f').add(
      step('keep', async (_, ctx) => ctx.state.set('said', await ctx.interrupt('?', { key: 'k' }))),
    );
    const { actor, clock } = started(f);
    actor.send(post(1));
    await settled(clock);
    const asked = actor.getSnapshot().context.pauses.map(({ key }) => key);
    actor.send({ type: 'respond', key: 'k', value: 'yes' });
    await settled(clock);
    actor.send({ type: 'drain' });

    expect(asked).toEqual(['k']);
    expect(await toPromise(actor)).toEqual({ keep: { said: 'yes' } });
    expect(actor.getSnapshot().context.pauses).toEqual([]);
  });

  test('answers the question of the job that is named', async () => {
    const f = flow('f').add(
      step('keep', async ([n], ctx) => ctx.state.set(`${n}`, await ctx.interrupt('?', { key: 'k' })), {
        policy: batchSize(1),
        concurrency: 2,
      }),
    );
    const { actor, clock } = started(f);
    for (const n of [1, 2]) actor.send(post(n, { jobId: `job ${n}` }));
    await settled(clock);
    actor.send({ type: 'respond', key: 'k', value: 'two', jobId: 'job 2' });
    await settled(clock);
    actor.send({ type: 'respond', key: 'k', value: 'one', jobId: 'job 1' });
    await settled(clock);
    actor.send({ type: 'drain' });

    expect(await toPromise(actor)).toEqual({ keep: { 1: 'one', 2: 'two' } });
  });

  test('logs an answer that nobody waits for, and goes on', async () => {
    const { logger, lines } = memoryLogger();
    const { actor, clock } = started(keeping(), { logger });
    actor.send({ type: 'respond', key: 'none', value: 1 });
    await settled(clock);

    expect(warningsIn(lines)).toMatchObject([{ message: 'An answer was not taken' }]);
    expect(actor.getSnapshot().value).toBe('running');
  });

  test('fails with CANCELLED and the reason when it is cancelled', async () => {
    const held = gate();
    const { actor, clock } = started(flow('f').add(step('keep', held.body)));
    actor.send(post(1));
    await settled(clock);
    actor.send({ type: 'cancel', reason: 'enough' });

    expect(await rejectionOf(toPromise(actor))).toMatchObject({ code: 'CANCELLED', reason: 'enough' });
    expect(held.contexts[0]?.signal.aborted).toBe(true);
    expect(actor.getSnapshot().context.jobs).toMatchObject({ cancelled: 1 });
  });

  test('fails with the very error of a critical routine', async () => {
    const boom = new Error('boom');
    const { logger } = memoryLogger();
    const { actor } = started(flow('f').add(step('keep', () => Promise.reject(boom), { critical: true })), {
      logger,
    });
    actor.send(post(1));

    expect(await rejectionOf(toPromise(actor))).toBe(boom);
    expect(actor.getSnapshot()).toMatchObject({ status: 'error', value: 'failed' });
  });

  test('lives on when a job fails', async () => {
    const { actor, clock } = started(flow('f').add(step('keep', () => Promise.reject(new Error('no')))));
    actor.send(post(1));
    await settled(clock);

    expect(actor.getSnapshot()).toMatchObject({ status: 'active', context: { jobs: { failed: 1 } } });
  });

  test.each([
    ['for an unknown routine', post(1, { routine: 'nobody' }), 'UNKNOWN_ROUTINE'],
    ['for an unknown slot', post(1, { slot: 'nothing' }), 'UNKNOWN_SLOT'],
    ['under the id of another job', post(1, { jobId: 'one' }), 'DUPLICATE_ID'],
  ])('logs a post that is refused %s, which changes nothing', async (_, refused, code) => {
    const { logger, lines } = memoryLogger();
    const { actor, clock } = started(keeping(), { logger });
    actor.send(post(0, { jobId: 'one' }));
    await settled(clock);
    actor.send(refused);
    await settled(clock);

    expect(warningsIn(lines)).toMatchObject([
      { level: 'warn', message: 'A post was refused', fields: { err: { code } } },
    ]);
    expect(actor.getSnapshot().context.jobs).toMatchObject({ completed: 1, failed: 0, pending: 0 });
  });

  test('logs the posts that come after it is told to drain', async () => {
    const { logger, lines } = memoryLogger();
    const held = gate();
    const { actor, clock } = started(flow('f').add(step('keep', held.body)), { logger });
    actor.send(post(1));
    actor.send({ type: 'drain' });
    actor.send(post(2));
    await settled(clock);
    held.open();
    await toPromise(actor);

    expect(warningsIn(lines)).toMatchObject([{ level: 'warn', fields: { err: { code: 'WORKER_STOPPED' } } }]);
    expect(held.seen).toEqual([[1]]);
  });

  test('heeds the limits that it is given', async () => {
    const { logger, lines } = memoryLogger();
    const held = gate();
    const f = flow('f').add(step('keep', held.body, { policy: batchSize(1), concurrency: 5 }));
    const { actor, clock } = started(f, { logger, concurrency: 2, maxQueueSize: 1, jobTimeout: 50 });
    for (const n of [1, 2]) {
      actor.send(post(n));
      await settled(clock);
    }
    for (const n of [3, 4]) actor.send(post(n));
    await settled(clock);
    const { length } = held.seen;
    await clock.advance(50);

    expect(length).toBe(2);
    expect(warningsIn(lines)).toMatchObject([{ fields: { err: { code: 'QUEUE_FULL' } } }]);
    expect(actor.getSnapshot().context.jobs).toMatchObject({ timedOut: 3 });
  });

  test('emits every event of the worker', async () => {
    const f = flow('f').add(step('keep', passOn)).add(sink().routine).connect('keep.output', 'sink.input');
    const { actor } = started(f);
    const events: TroupeEvent[] = [];
    actor.on('*', (event) => events.push(event));
    actor.send(post(1));
    actor.send({ type: 'drain' });
    await toPromise(actor);

    const names = events.flatMap((event) => (event.type === 'NodeEnd' ? [event.nodeName] : []));
    expect(names.toSorted()).toEqual(['keep', 'sink']);
    expect([events[0]?.type, events.at(-1)?.type]).toEqual(['RunStart', 'RunEnd']);
    expect(events.at(-1)).toMatchObject({ status: 'completed' });
  });

  test.each([
    ['no flow', () => fromFlow({} as AnyFlow), 'INVALID_INPUT'],
    ['a flow without routines', () => fromFlow(flow('f')), 'FLOW_CONFIG'],
    ['an option that it has not', () => fromFlow(keeping(), { autoStart: true } as object), 'INVALID_INPUT'],
    ['an option of another form', () => fromFlow(keeping(), { maxHops: -1 }), 'INVALID_INPUT'],
  ])('refuses %s', (_, make, code) => {
    expect(thrownBy(make)).toMatchObject({ code });
  });
});

describe('an invoked flow', () => {
  test('gives its states to onDone', async () => {
    const actor = createActor(invoking(fromFlow(keeping()))).start();
    const worker = actor.getSnapshot().children['worker'];
    worker?.send(post(5));
    worker?.send({ type: 'drain' });
    await toPromise(actor);

    expect(actor.getSnapshot()).toMatchObject({
      value: 'done',
      context: { result: { keep: { seen: [5] } } },
    });
  });

  test('gives why it was cancelled to onError', async () => {
    const actor = createActor(invoking(fromFlow(keeping()))).start();
    actor.getSnapshot().children['worker']?.send({ type: 'cancel', reason: 'enough' });
    await toPromise(actor);

    expect(actor.getSnapshot()).toMatchObject({
      value: 'failed',
      context: { result: { code: 'CANCELLED', reason: 'enough' } },
    });
  });

  test('is stopped when its parent leaves the state, and nothing runs on', async () => {
    const clock = fakeClock();
    const aborted: boolean[] = [];
    const seen: number[] = [];
    const f = flow('f')
      .add(
        step('keep', (_, ctx) => {
          ctx.signal.addEventListener('abort', () => aborted.push(true));
          return never();
        }),
      )
      .add(step('later', (input) => void seen.push(...input), { policy: batchSize(2) }));
    const actor = createActor(invoking(fromFlow(f, { clock, jobTimeout: 1_000 }))).start();
    const worker = actor.getSnapshot().children['worker'];
    worker?.send(post(1));
    worker?.send(post(1, { routine: 'later' }));
    await settled(clock);
    actor.send({ type: 'leave' });
    await settled(clock);

    expect(aborted).toEqual([true]);
    expect(seen).toEqual([]);
    expect(clock.pending).toBe(0);
    expect(worker?.getSnapshot()).toMatchObject({ status: 'stopped' });
  });
});

describe('a spawned flow', () => {
  test('works beside others, each with its own states', async () => {
    const logic = fromFlow(keeping());
    const machine = setup({ actors: { logic } }).createMachine({
      context: ({ spawn }) => ({ refs: [spawn('logic', { id: 'x' }), spawn('logic', { id: 'y' })] }),
    });
    const actor = createActor(machine).start();
    const [x, y] = actor.getSnapshot().context['refs'];
    x?.send(post(1));
    y?.send(post(2));
    x?.send({ type: 'drain' });
    y?.send({ type: 'drain' });

    expect(x && (await toPromise(x))).toEqual({ keep: { seen: [1] } });
    expect(y && (await toPromise(y))).toEqual({ keep: { seen: [2] } });
  });
});

import {
  createRunner,
  END,
  fromGraph,
  graph,
  ifElse,
  input,
  isTroupeError,
  node,
  type TroupeEvent,
} from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { type AnyActorLogic, assign, createActor, setup, toPromise, waitFor } from 'xstate';
import { never } from '../support/deferred.ts';

const add = node({
  name: 'add',
  inputs: { a: input<number>(), b: input(1) },
  output: 'sum',
  run: async ({ a, b }) => a + b,
});
const isBig = ifElse({
  name: 'isBig',
  inputs: { sum: input<number>() },
  then: 'halve',
  else: END,
  run: ({ sum }) => sum > 10,
});
const halve = node({
  name: 'halve',
  inputs: { sum: input<number>() },
  output: 'half',
  run: ({ sum }) => sum / 2,
});
const adding = graph({ name: 'adding', nodes: [add] });
const halving = graph({ name: 'halving', nodes: [add, isBig, halve] });
const boom = new Error('boom');
const fails = node({ name: 'fails', inputs: {}, output: 'nothing', run: () => Promise.reject(boom) });
const failing = graph({ name: 'failing', nodes: [fails, add] });

function codeOf(error: unknown): string | undefined {
  return isTroupeError(error) ? error.code : undefined;
}

/** A graph that never ends, and why its node was told to stop. */
function hanging() {
  const reasons: unknown[] = [];
  const hangs = node({
    name: 'hangs',
    inputs: {},
    output: 'found',
    run: (_, ctx): Promise<number> => {
      ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason));
      return never();
    },
  });
  const inner = graph({ name: 'inner', nodes: [hangs] });
  return { reasons, target: graph({ name: 'hanging', nodes: [inner.asNode()] }) };
}

/** A machine that invokes a graph and ends with what came of it. */
function invoking(actor: AnyActorLogic, given: unknown) {
  return setup({ types: { context: {} as { result: unknown } }, actors: { actor } }).createMachine({
    context: { result: undefined },
    initial: 'working',
    states: {
      working: {
        invoke: {
          id: 'job',
          src: 'actor',
          input: given,
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

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

describe('an invoked graph', () => {
  test('gives its outputs to onDone', async () => {
    const actor = createActor(invoking(fromGraph(halving), { a: 19 })).start();

    await toPromise(actor);

    expect(actor.getSnapshot()).toMatchObject({ value: 'done', context: { result: { half: 10 } } });
  });

  test('gives the very error of its node to onError', async () => {
    const actor = createActor(invoking(fromGraph(failing), { a: 1 })).start();

    await toPromise(actor);

    expect(actor.getSnapshot().value).toBe('failed');
    expect(actor.getSnapshot().context.result).toBe(boom);
  });

  test('whose input is refused gives that error to onError', async () => {
    const actor = createActor(invoking(fromGraph(adding), { a: 1, c: 2 })).start();

    await waitFor(actor, ({ status }) => status !== 'active');

    expect(codeOf(actor.getSnapshot().context.result)).toBe('UNKNOWN_INPUT');
  });

  test('that is given a value for what a node makes gives a ConflictError to onError', async () => {
    const actor = createActor(invoking(fromGraph(adding), { a: 1, sum: 2 })).start();

    await waitFor(actor, ({ status }) => status !== 'active');

    expect(codeOf(actor.getSnapshot().context.result)).toBe('CONFLICT');
  });

  test('that is cancelled gives a CancelledError with the reason to onError', async () => {
    const { reasons, target } = hanging();
    const actor = createActor(invoking(fromGraph(target), {})).start();
    await settle();

    actor.getSnapshot().children['job']?.send({ type: 'cancel', reason: 'enough' });
    await toPromise(actor);

    const { result } = actor.getSnapshot().context;
    expect(codeOf(result)).toBe('CANCELLED');
    expect(result).toMatchObject({ reason: 'enough' });
    expect(reasons).toMatchObject([{ reason: 'enough' }]);
  });

  test('is stopped with everything in it when its parent leaves the state', async () => {
    const { reasons, target } = hanging();
    const actor = createActor(invoking(fromGraph(target), {})).start();
    await settle();

    actor.send({ type: 'leave' });

    expect(reasons.map(codeOf)).toEqual(['CANCELLED']);
  });

  test('is stopped with everything in it when its parent is stopped', async () => {
    const { reasons, target } = hanging();
    const actor = createActor(invoking(fromGraph(target), {})).start();
    await settle();

    actor.stop();

    expect(reasons.map(codeOf)).toEqual(['CANCELLED']);
  });

  test('hands its outputs on to the next graph', async () => {
    const machine = setup({
      types: { context: {} as { sum: number; final: unknown } },
      actors: { adding: fromGraph(adding), halving: fromGraph(halving) },
    }).createMachine({
      context: { sum: 0, final: undefined },
      initial: 'first',
      states: {
        first: {
          invoke: {
            src: 'adding',
            input: { a: 18 },
            onDone: { target: 'second', actions: assign({ sum: ({ event }) => event.output.sum }) },
          },
        },
        second: {
          invoke: {
            src: 'halving',
            input: ({ context }) => ({ a: context.sum }),
            onDone: { target: 'done', actions: assign({ final: ({ event }) => event.output }) },
          },
        },
        done: { type: 'final' },
      },
    });
    const actor = createActor(machine).start();

    await toPromise(actor);

    expect(actor.getSnapshot().context).toEqual({ sum: 19, final: { half: 10 } });
  });
});

describe('a graph as a root actor', () => {
  test('gives its outputs as its output', async () => {
    const actor = createActor(fromGraph(adding), { input: { a: 1, b: 2 } }).start();

    expect(await toPromise(actor)).toEqual({ sum: 3 });
    expect(actor.getSnapshot()).toMatchObject({ status: 'done', output: { sum: 3 } });
  });

  test('rejects with the very error of its node', async () => {
    const actor = createActor(fromGraph(failing), { input: { a: 1 } });
    const outcome = toPromise(actor);

    actor.start();

    await expect(outcome).rejects.toBe(boom);
    expect(actor.getSnapshot()).toMatchObject({ status: 'error', context: { status: 'failed' } });
  });

  test('shows its status and its outputs in its context', async () => {
    const actor = createActor(fromGraph(adding), { input: { a: 1 } }).start();
    const before = actor.getSnapshot().context;

    await toPromise(actor);

    expect(before).toMatchObject({ status: 'running', pauses: [], outputs: {} });
    expect(actor.getSnapshot().context).toMatchObject({
      status: 'completed',
      pauses: [],
      outputs: { sum: 2 },
    });
  });

  test('of which a node failed shows what was produced in its context', async () => {
    const actor = createActor(fromGraph(failing, { onError: 'continue' }), { input: { a: 1 } });
    const outcome = toPromise(actor).catch(() => undefined);

    actor.start();
    await outcome;

    expect(actor.getSnapshot().context).toMatchObject({ status: 'failed', outputs: { sum: 2 } });
  });

  test('emits every event of its nodes, in order', async () => {
    const actor = createActor(fromGraph(halving), { input: { a: 1 } });
    const all: TroupeEvent[] = [];
    actor.on('*', (event) => void all.push(event));

    actor.start();
    await toPromise(actor);

    expect(all.at(0)).toMatchObject({ type: 'RunStart', target: 'halving' });
    expect(all.at(-1)).toMatchObject({ type: 'RunEnd', status: 'completed', outputs: {} });
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, index) => index));
    expect(all.flatMap((event) => (event.type === 'NodeStart' ? [event.nodeName] : []))).toEqual([
      'halving',
      'add',
      'isBig',
    ]);
  });

  test('emits decisions and skips to who asks for them', async () => {
    const actor = createActor(fromGraph(halving), { input: { a: 1 } });
    const seen: unknown[] = [];
    actor.on('RouteDecision', ({ gate, decision }) => void seen.push([gate, decision]));
    actor.on('NodeSkipped', ({ nodeName }) => void seen.push(nodeName));

    actor.start();
    await toPromise(actor);

    expect(seen).toEqual([['isBig', 'END'], 'halve']);
  });

  test('emits the same events as a runner publishes', async () => {
    const published: string[] = [];
    const runner = createRunner({ subscriber: (event) => void published.push(event.type) });
    await runner.run(halving, { a: 19 });
    await runner.close();
    const actor = createActor(fromGraph(halving), { input: { a: 19 } });
    const emitted: string[] = [];
    actor.on('*', ({ type }) => void emitted.push(type));

    actor.start();
    await toPromise(actor);

    expect(emitted).toEqual(published);
  });

  test('ends with a RunTimeoutError at its time limit', async () => {
    const { target } = hanging();
    const clock = fakeClock();
    const actor = createActor(fromGraph(target, { timeout: 50, clock }), { input: {} });
    const outcome = toPromise(actor).catch((error: unknown) => error);

    actor.start();
    await clock.advance(50);

    expect(codeOf(await outcome)).toBe('RUN_TIMEOUT');
    expect(actor.getSnapshot().context.status).toBe('timedOut');
  });

  test('restores from the persisted snapshot of its end', async () => {
    const first = createActor(fromGraph(adding), { input: { a: 1 } }).start();
    await toPromise(first);
    const persisted: unknown = JSON.parse(JSON.stringify(first.getPersistedSnapshot()));

    const second = createActor(fromGraph(adding), { input: { a: 5 }, snapshot: persisted as never }).start();

    expect(second.getSnapshot()).toMatchObject({
      status: 'done',
      output: { sum: 2 },
      context: { outputs: { sum: 2 } },
    });
  });

  test('has the limit of iterations that it is given', async () => {
    const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
    const more = ifElse({
      name: 'more',
      inputs: { n: input<number>() },
      then: 'inc',
      else: END,
      run: () => true,
    });
    const endless = graph({ name: 'endless', nodes: [inc, more] });
    const actor = createActor(fromGraph(endless, { maxIterations: 3 }), { input: { n: 0 } });
    const outcome = toPromise(actor).catch((error: unknown) => error);

    actor.start();

    expect(codeOf(await outcome)).toBe('INFINITE_LOOP');
  });
});

describe('fromGraph', () => {
  test('refuses what is no graph', () => {
    expect(() => fromGraph({} as typeof adding)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });

  test('refuses options that it does not know', () => {
    expect(() => fromGraph(adding, { retain: 3 } as object)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    );
  });

  test('takes a graph with its binds and its selection', async () => {
    const actor = createActor(fromGraph(halving.bind({ a: 19 }).select('sum')), { input: {} }).start();

    expect(await toPromise(actor)).toEqual({ sum: 20 });
  });

  test('gives one logic that many actors can run at once', async () => {
    const logic = fromGraph(adding);

    const actors = [1, 2, 3].map((a) => createActor(logic, { input: { a } }).start());

    expect(await Promise.all(actors.map((actor) => toPromise(actor)))).toEqual([
      { sum: 2 },
      { sum: 3 },
      { sum: 4 },
    ]);
  });
});

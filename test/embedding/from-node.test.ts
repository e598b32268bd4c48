import { fromNode, input, isTroupeError, node, type TroupeEvent } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { type AnyActorLogic, assign, createActor, fromPromise, setup, toPromise, waitFor } from 'xstate';

const double = node({ name: 'double', output: 'twice', run: async (n: number) => n * 2 });
const boom = new Error('boom');
const fail = node('fail', async (): Promise<number> => {
  throw boom;
});
const ask = node('ask', async (_: unknown, ctx) => `Hello ${await ctx.interrupt<string>('Whose name?')}`);
const hang = node('hang', () => new Promise<string>(() => {}));

function codeOf(error: unknown): string | undefined {
  return isTroupeError(error) ? error.code : undefined;
}

/** A machine that invokes a node and ends with what came of it. */
function invoking(actor: AnyActorLogic, given?: unknown) {
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
      },
      done: { type: 'final' },
      failed: { type: 'final' },
    },
  });
}

describe('an invoked node', () => {
  test('gives its answer to onDone', async () => {
    const actor = createActor(invoking(fromNode(double), 21)).start();

    await toPromise(actor);

    expect(actor.getSnapshot()).toMatchObject({ value: 'done', context: { result: 42 } });
  });

  test('gives the very object that the body returned', async () => {
    const made = { list: [1] };
    const make = node('make', () => made);
    const actor = createActor(invoking(fromNode(make))).start();

    await toPromise(actor);

    expect(actor.getSnapshot().context.result).toBe(made);
  });

  test('gives its error, the very object, to onError', async () => {
    const actor = createActor(invoking(fromNode(fail))).start();

    await toPromise(actor);

    expect(actor.getSnapshot().value).toBe('failed');
    expect(actor.getSnapshot().context.result).toBe(boom);
  });

  test('that is cancelled gives a CancelledError with the reason to onError', async () => {
    const actor = createActor(invoking(fromNode(hang))).start();
    await waitFor(actor, ({ children }) => children['job'] !== undefined);

    actor.getSnapshot().children['job']?.send({ type: 'cancel', reason: 'enough' });
    await toPromise(actor);

    const { result } = actor.getSnapshot().context;
    expect(codeOf(result)).toBe('CANCELLED');
    expect(result).toMatchObject({ reason: 'enough' });
  });

  test('whose input is refused gives that error to onError', async () => {
    const strict = node({ name: 'strict', inputs: { n: input<number>() }, run: ({ n }) => n });
    const actor = createActor(invoking(fromNode(strict), { m: 1 })).start();

    await waitFor(actor, ({ status }) => status !== 'active');

    expect(codeOf(actor.getSnapshot().context.result)).toBe('UNKNOWN_INPUT');
  });

  test('goes on when its parent answers it by sendTo', async () => {
    const machine = setup({
      types: { context: {} as { result: unknown } },
      actors: { ask: fromNode(ask) },
    }).createMachine({
      context: { result: undefined },
      initial: 'asking',
      states: {
        asking: {
          invoke: {
            id: 'asking',
            src: 'ask',
            onDone: { target: 'done', actions: assign({ result: ({ event }) => event.output }) },
          },
          on: {
            answer: {
              actions: ({ self }) =>
                self.getSnapshot().children['asking']?.send({ type: 'respond', key: 'ask', value: 'Ada' }),
            },
          },
        },
        done: { type: 'final' },
      },
    });
    const actor = createActor(machine).start();
    const child = actor.getSnapshot().children['asking'];
    if (child === undefined) throw new Error('nothing was invoked');
    await waitFor(child, ({ context }) => context.status === 'paused');

    actor.send({ type: 'answer' });
    await toPromise(actor);

    expect(actor.getSnapshot().context.result).toBe('Hello Ada');
  });

  test('is stopped with everything below it when its parent leaves the state', async () => {
    const reasons: unknown[] = [];
    const leaf = node('leaf', (_: void, ctx) => {
      ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason));
      return new Promise<void>(() => {});
    });
    const tree = node('tree', (_: unknown, ctx) => ctx.call(leaf));
    const machine = setup({ actors: { tree: fromNode(tree) } }).createMachine({
      initial: 'working',
      states: { working: { invoke: { src: 'tree', input: 0 }, on: { leave: 'idle' } }, idle: {} },
    });
    const actor = createActor(machine).start();
    await new Promise((resolve) => setImmediate(resolve));

    actor.send({ type: 'leave' });

    expect(reasons.map(codeOf)).toEqual(['CANCELLED']);
  });

  test('is stopped with everything below it when its parent is stopped', async () => {
    const reasons: unknown[] = [];
    const leaf = node('leaf', (_: void, ctx) => {
      ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason));
      return new Promise<void>(() => {});
    });
    const tree = node('tree', (_: unknown, ctx) => ctx.call(leaf));
    const actor = createActor(invoking(fromNode(tree))).start();
    await new Promise((resolve) => setImmediate(resolve));

    actor.stop();

    expect(reasons.map(codeOf)).toEqual(['CANCELLED']);
  });

  test('runs beside other actors of its parent', async () => {
    const other = fromPromise(async () => 'other');
    const machine = setup({ actors: { double: fromNode(double), other } }).createMachine({
      type: 'parallel',
      states: {
        one: {
          initial: 'on',
          states: { on: { invoke: { src: 'double', input: 1, onDone: 'off' } }, off: { type: 'final' } },
        },
        two: {
          initial: 'on',
          states: { on: { invoke: { src: 'other', onDone: 'off' } }, off: { type: 'final' } },
        },
      },
    });
    const actor = createActor(machine).start();

    await toPromise(actor);

    expect(actor.getSnapshot().value).toEqual({ one: 'off', two: 'off' });
  });
});

describe('a spawned node', () => {
  test('gives its answer to its parent', async () => {
    const machine = setup({
      actors: { double: fromNode(double) },
      types: { context: {} as { got: unknown } },
    }).createMachine({
      context: { got: undefined },
      entry: assign(({ spawn }) => {
        spawn('double', { id: 'job', input: 4 });
        return {};
      }),
      on: { 'xstate.done.actor.job': { actions: assign({ got: ({ event }) => event['output'] }) } },
    });
    const actor = createActor(machine).start();

    await waitFor(actor, ({ context }) => context.got !== undefined);

    expect(actor.getSnapshot().context.got).toBe(8);
  });
});

describe('a node as a root actor', () => {
  test('gives its answer as its output', async () => {
    const actor = createActor(fromNode(double), { input: 21 }).start();

    expect(await toPromise(actor)).toBe(42);
    expect(actor.getSnapshot()).toMatchObject({ status: 'done', output: 42 });
  });

  test('rejects with the very error of its body', async () => {
    const actor = createActor(fromNode(fail));
    const outcome = toPromise(actor);

    actor.start();

    await expect(outcome).rejects.toBe(boom);
    expect(actor.getSnapshot()).toMatchObject({ status: 'error', error: boom });
  });

  test('shows its status, its questions and its outputs in its context', async () => {
    const greet = node({
      name: 'greet',
      output: 'greeting',
      run: (_: unknown, ctx) => ctx.interrupt('Whose name?'),
    });
    const actor = createActor(fromNode(greet), { input: undefined }).start();
    expect(actor.getSnapshot().context).toMatchObject({ status: 'running', pauses: [], outputs: {} });

    await waitFor(actor, ({ context }) => context.status === 'paused');
    expect(actor.getSnapshot().context.pauses).toMatchObject([
      { key: 'greet', node: 'greet', value: 'Whose name?' },
    ]);

    actor.send({ type: 'respond', key: 'greet', value: 'Ada' });
    await toPromise(actor);
    expect(actor.getSnapshot().context).toMatchObject({
      status: 'completed',
      pauses: [],
      outputs: { greeting: 'Ada' },
    });
  });

  test('stays paused when it is given an answer to another question', async () => {
    const actor = createActor(fromNode(ask), { input: undefined }).start();
    await waitFor(actor, ({ context }) => context.status === 'paused');

    actor.send({ type: 'respond', key: 'other', value: 1 });
    await new Promise((resolve) => setImmediate(resolve));

    expect(actor.getSnapshot().context.status).toBe('paused');
    actor.send({ type: 'respond', key: 'ask', value: 'Ada' });
    expect(await toPromise(actor)).toBe('Hello Ada');
  });

  test('emits every event, in order', async () => {
    const actor = createActor(fromNode(double), { input: 2 });
    const all: TroupeEvent[] = [];
    actor.on('*', (event) => void all.push(event));

    actor.start();
    await toPromise(actor);

    expect(all.map(({ type }) => type)).toEqual([
      'RunStart',
      'RequestCreation',
      'NodeStart',
      'NodeEnd',
      'RequestSuccess',
      'RunEnd',
    ]);
    expect(all.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('emits the events of one type to who asks for them', async () => {
    const actor = createActor(fromNode(double), { input: 2 });
    const outputs: unknown[] = [];
    actor.on('NodeEnd', ({ output, nodeName }) => void outputs.push([nodeName, output]));

    actor.start();
    await toPromise(actor);

    expect(outputs).toEqual([['double', 4]]);
  });

  test('restores from the persisted snapshot of its end', async () => {
    const first = createActor(fromNode(double), { input: 21 }).start();
    await toPromise(first);
    const persisted: unknown = JSON.parse(JSON.stringify(first.getPersistedSnapshot()));

    const second = createActor(fromNode(double), { input: 0, snapshot: persisted as never }).start();

    expect(second.getSnapshot()).toMatchObject({
      status: 'done',
      output: 42,
      context: { outputs: { twice: 42 } },
    });
  });

  test('that had not ended runs again from its input when it is restored', async () => {
    const greet = node(
      'greet',
      async (name: string, ctx) => `${await ctx.interrupt<string>('Which greeting?')}, ${name}`,
    );
    const first = createActor(fromNode(greet), { input: 'Ada' }).start();
    await waitFor(first, ({ context }) => context.status === 'paused');
    const persisted: unknown = JSON.parse(JSON.stringify(first.getPersistedSnapshot()));
    first.stop();

    const second = createActor(fromNode(greet), { input: '', snapshot: persisted as never }).start();
    await waitFor(second, ({ context }) => context.status === 'paused');
    second.send({ type: 'respond', key: 'greet', value: 'Good day' });

    expect(await toPromise(second)).toBe('Good day, Ada');
  });

  test('that was restored after its end takes no events', async () => {
    const first = createActor(fromNode(double), { input: 1 }).start();
    await toPromise(first);

    const second = createActor(fromNode(double), {
      input: 1,
      snapshot: first.getPersistedSnapshot(),
    }).start();

    expect(second.getSnapshot().output).toBe(2);
  });

  test('ends with a RunTimeoutError at its time limit', async () => {
    const clock = fakeClock();
    const actor = createActor(fromNode(hang, { timeout: 50, clock }), { input: undefined });
    const outcome = toPromise(actor).catch((error: unknown) => error);

    actor.start();
    await clock.advance(50);

    expect(codeOf(await outcome)).toBe('RUN_TIMEOUT');
  });

  test('takes the options of a runner that concern one run', async () => {
    const greet = node('greet', (_: unknown, ctx) => ctx.context.get<string>('name'));

    const actor = createActor(fromNode(greet, { context: { name: 'Ada' } }), { input: undefined }).start();

    expect(await toPromise(actor)).toBe('Ada');
  });
});

describe('fromNode', () => {
  test('refuses what is no node', () => {
    expect(() => fromNode({} as typeof double)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });

  test('refuses options that it does not know', () => {
    expect(() => fromNode(double, { retain: 3 } as object)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    );
  });

  test('gives one logic that many actors can run at once', async () => {
    const logic = fromNode(double);

    const actors = [1, 2, 3].map((n) => createActor(logic, { input: n }).start());

    expect(await Promise.all(actors.map((actor) => toPromise(actor)))).toEqual([2, 4, 6]);
  });
});

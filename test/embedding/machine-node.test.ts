import { createRunner, input, isTroupeError, machineNode, node } from 'troupe';
import { fakeClock, testContext } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { type AnyActorRef, fromCallback, fromPromise, setup } from 'xstate';

const doubling = setup({
  types: { input: {} as { n: number; by: number }, context: {} as { result: number }, output: {} as number },
}).createMachine({
  context: ({ input: { n, by } }) => ({ result: n * by }),
  initial: 'done',
  states: { done: { type: 'final' } },
  output: ({ context }) => context.result,
});
const multiply = machineNode({
  name: 'multiply',
  machine: doubling,
  inputs: { n: input<number>(), by: input(2) },
  output: 'product',
});

/** A machine that never ends, and says when it starts and stops. */
function endless(log: string[]) {
  const worker = fromCallback(() => {
    log.push('started');
    return () => log.push('stopped');
  });
  return setup({ actors: { worker } }).createMachine({
    initial: 'on',
    states: { on: { invoke: { src: 'worker' } } },
  });
}

/** XState has no public way from an actor to its parent. */
function parentOf(actor: object): AnyActorRef | undefined {
  return Reflect.get(actor, '_parent') as AnyActorRef | undefined;
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('a machine as a node', () => {
  test('gives the machine’s output when it is done', async () => {
    await using runner = createRunner();

    const { answer, outputs } = await runner.run(multiply, { n: 21, by: 2 });

    expect([answer, outputs]).toEqual([42, { product: 42 }]);
  });

  test('gives the machine its input with the defaults filled in', async () => {
    await using runner = createRunner();

    const { answer, info } = await runner.run(multiply, { n: 4 });

    expect(answer).toBe(8);
    expect(info.requests.roots[0]?.input).toEqual({ n: 4, by: 2 });
  });

  test('is of kind machine', async () => {
    await using runner = createRunner();

    const { info } = await runner.run(multiply, { n: 1 });

    expect(info.nodes.roots[0]).toMatchObject({ name: 'multiply', kind: 'machine' });
  });

  test('can be called as any other', async () => {
    await using runner = createRunner();
    const parent = node('parent', async (_: void, ctx) => (await ctx.call(multiply, { n: 3 })) + 1);

    expect((await runner.run(parent)).answer).toBe(7);
  });

  test('takes any actor logic', async () => {
    await using runner = createRunner();
    const upper = machineNode({
      name: 'upper',
      machine: fromPromise(async ({ input: text }: { input: string }) => text.toUpperCase()),
    });

    expect((await runner.run(upper, 'ada')).answer).toBe('ADA');
  });

  test('fails with the very error of the machine', async () => {
    await using runner = createRunner();
    const boom = new Error('boom');
    const machine = setup({ actors: { broken: fromPromise(() => Promise.reject(boom)) } }).createMachine({
      invoke: { src: 'broken' },
    });

    await expect(runner.run(machineNode({ name: 'broken', machine }))).rejects.toBe(boom);
  });

  test('fails with the error that the making of the machine throws', async () => {
    await using runner = createRunner();
    const boom = new Error('boom');
    const machine = setup({}).createMachine({
      context: () => {
        throw boom;
      },
    });

    await expect(runner.run(machineNode({ name: 'broken', machine }))).rejects.toBe(boom);
  });

  test('stops the machine when the run is cancelled', async () => {
    await using runner = createRunner();
    const log: string[] = [];
    const handle = runner.iter(machineNode({ name: 'endless', machine: endless(log) }), undefined, {
      onFailure: 'return',
    });
    await settle();

    handle.cancel();

    expect(log).toEqual(['started', 'stopped']);
    expect((await handle.result).status).toBe('cancelled');
  });

  test('stops the machine at its time limit', async () => {
    const clock = fakeClock();
    await using runner = createRunner({ clock });
    const log: string[] = [];
    const run = runner.run(machineNode({ name: 'endless', machine: endless(log), timeout: 100 }), undefined, {
      onFailure: 'return',
    });

    await clock.advance(100);

    const { error } = await run;
    expect(log).toEqual(['started', 'stopped']);
    expect(isTroupeError(error, 'NODE_TIMEOUT')).toBe(true);
  });

  test('makes a new machine for each attempt', async () => {
    const clock = fakeClock();
    await using runner = createRunner({ clock });
    let attempts = 0;
    const machine = fromPromise(async () => {
      attempts += 1;
      if (attempts < 3) throw new Error('flaky');
      return attempts;
    });

    const run = runner.run(machineNode({ name: 'flaky', machine, retry: {} }));
    await clock.runAll();

    expect((await run).answer).toBe(3);
  });

  test('answers with its fallback when the machine fails', async () => {
    await using runner = createRunner();
    const machine = fromPromise(async (): Promise<number> => {
      throw new Error('broken');
    });

    const { answer } = await runner.run(machineNode({ name: 'broken', machine, fallback: () => 7 }));

    expect(answer).toBe(7);
  });

  test('refuses a missing input before the machine is made', async () => {
    await using runner = createRunner();

    await expect(runner.run(multiply, {} as { n: number })).rejects.toMatchObject({ code: 'MISSING_INPUT' });
  });

  test('runs in a context of a test', async () => {
    expect(await multiply.run({ n: 2, by: 5 }, testContext())).toBe(10);
  });

  test('has the machine as an actor below the invocation’s, in the runner’s system', async () => {
    const made: object[] = [];
    await using runner = createRunner({
      inspect: ({ type, actorRef }) => {
        if (type === '@xstate.actor' && 'logic' in actorRef && actorRef.logic === doubling)
          made.push(actorRef);
      },
    });

    const { info } = await runner.run(multiply, { n: 2 });

    expect(made.map((actor) => parentOf(actor)?.id)).toEqual([info.requests.roots[0]?.id]);
  });
});

describe('machineNode', () => {
  test('refuses what is no actor logic', () => {
    expect(() => machineNode({ name: 'no', machine: {} as typeof doubling })).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    );
  });

  test('refuses options that it does not know', () => {
    const unknown = { name: 'no', machine: doubling, run: () => 0 };

    expect(() => machineNode(unknown)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });
});

import { fromNode, input, machineNode, node, type Node, type RunSnapshot, type TroupeEvent } from 'troupe';
import { mockNode, testContext, type TestContext } from 'troupe/testing';
import { describe, expectTypeOf, test } from 'vitest';
import { createActor, fromPromise, setup, type InputFrom, type OutputFrom, type SnapshotFrom } from 'xstate';

const embed = node({
  name: 'embed',
  inputs: { text: input<string>(), k: input(5) },
  output: 'embedding',
  run: async ({ text, k }) => [text.length * k],
});

describe('fromNode', () => {
  const logic = fromNode(embed);

  test('has the node’s input and output', () => {
    expectTypeOf<InputFrom<typeof logic>>().toExtend<{ text: string; k?: number | undefined }>();
    expectTypeOf<{ text: string }>().toExtend<InputFrom<typeof logic>>();
    expectTypeOf<OutputFrom<typeof logic>>().toEqualTypeOf<number[]>();
  });

  test('has a snapshot that shows the run', () => {
    expectTypeOf<SnapshotFrom<typeof logic>>().toEqualTypeOf<RunSnapshot<number[]>>();
    const { context } = createActor(logic, { input: { text: '' } }).getSnapshot();
    expectTypeOf(context.status).not.toBeAny();
    expectTypeOf(context.pauses[0]?.key).toEqualTypeOf<string | undefined>();
  });

  test('refuses a wrong input of the actor', () => {
    // @ts-expect-error a number is no text
    createActor(logic, { input: { text: 1 } });
  });

  test('takes the commands, and nothing else', () => {
    const actor = createActor(logic, { input: { text: '' } });

    actor.send({ type: 'respond', key: 'k', value: 1 });
    actor.send({ type: 'cancel', reason: 'enough' });
    actor.send({ type: 'cancel' });
    // @ts-expect-error there is no such command
    actor.send({ type: 'pause' });
    // @ts-expect-error the key is missing
    actor.send({ type: 'respond', value: 1 });
  });

  test('emits the events', () => {
    const actor = createActor(logic, { input: { text: '' } });

    actor.on('NodeEnd', (event) => expectTypeOf(event.durationMs).toEqualTypeOf<number>());
    actor.on('RequestFailure', (event) => expectTypeOf(event.nodeName).toEqualTypeOf<string>());
    actor.on('*', (event) => expectTypeOf(event).toEqualTypeOf<TroupeEvent>());
    // @ts-expect-error there is no such event
    actor.on('NodeFinished', () => {});
  });

  test('gives its output to onDone of a machine that invokes it', () => {
    setup({ actors: { embed: logic } }).createMachine({
      invoke: {
        src: 'embed',
        input: { text: 'hello' },
        onDone: { actions: ({ event }) => expectTypeOf(event.output).toEqualTypeOf<number[]>() },
        onError: { actions: ({ event }) => expectTypeOf(event.error).toEqualTypeOf<unknown>() },
      },
    });
  });

  test('has its input checked where a machine invokes it', () => {
    setup({ actors: { embed: logic } }).createMachine({
      // @ts-expect-error a number is no text
      invoke: { src: 'embed', input: { text: 1 } },
    });
  });

  test('refuses options that concern a runner alone', () => {
    // @ts-expect-error an embedded run is retained by nobody
    fromNode(embed, { retain: 3 });
  });
});

describe('machineNode', () => {
  const machine = setup({
    types: { input: {} as { n: number; by: number }, output: {} as number },
  }).createMachine({});
  type InputOf<Of> = Of extends Node<infer Input, unknown> ? Input : never;
  type OutputOf<Of> = Of extends Node<infer _, infer Output> ? Output : never;

  test('has the machine’s output, and its declared inputs', () => {
    const multiply = machineNode({
      name: 'multiply',
      machine,
      inputs: { n: input<number>(), by: input(2) },
      output: 'product',
    });

    expectTypeOf(multiply.name).toEqualTypeOf<'multiply'>();
    expectTypeOf<OutputOf<typeof multiply>>().toEqualTypeOf<number>();
    expectTypeOf<{ n: number }>().toExtend<InputOf<typeof multiply>>();
    expectTypeOf<{ by: number }>().not.toExtend<InputOf<typeof multiply>>();
  });

  test('has the machine’s own input where none is declared', () => {
    const multiply = machineNode({ name: 'multiply', machine });

    expectTypeOf<InputOf<typeof multiply>>().toEqualTypeOf<{ n: number; by: number }>();
  });

  test('takes any actor logic', () => {
    const upper = machineNode({
      name: 'upper',
      machine: fromPromise(async ({ input: text }: { input: string }) => text.length),
    });

    expectTypeOf<InputOf<typeof upper>>().toEqualTypeOf<string>();
    expectTypeOf<OutputOf<typeof upper>>().toEqualTypeOf<number>();
  });

  test('refuses a fallback of another type', () => {
    // @ts-expect-error a text is no number
    machineNode({ name: 'multiply', machine, fallback: () => 'none' });
  });

  test('refuses inputs that the machine does not take', () => {
    // @ts-expect-error the machine's `n` is a number
    machineNode({ name: 'multiply', machine, inputs: { n: input<string>(), by: input(2) } });
  });
});

describe('the tools for tests', () => {
  test('give a body what it takes', () => {
    expectTypeOf(testContext()).toEqualTypeOf<TestContext>();
    expectTypeOf(embed.run({ text: '', k: 1 }, testContext())).toEqualTypeOf<Promise<number[]>>();
  });

  test('keep the types of a mocked node', () => {
    const mocked = mockNode(embed, () => [1]);

    expectTypeOf(mocked.name).toEqualTypeOf<'embed'>();
    expectTypeOf(mocked).toExtend<typeof embed>();
    // @ts-expect-error a text is no list of numbers
    mockNode(embed, () => 'none');
  });
});

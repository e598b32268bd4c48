import { createActor, type AnyActorLogic, type AnyActorRef, type InputFrom, type OutputFrom } from 'xstate';
import { CancelledError } from '../errors.ts';
import type {
  BodyInput,
  CallInput,
  InputDeclarations,
  Node,
  NodeContext,
  NodePolicies,
} from '../nodes/contract.ts';
import {
  checkInputs,
  checkName,
  checkOutputs,
  checkPolicies,
  freezeNode,
  POLICY_NAMES,
  type BareSpecOf,
  type SpecOf,
} from '../nodes/node.ts';
import { assertKnownOptions, expected } from '../nodes/validate.ts';
import { BodyContext } from './body-context.ts';
import { stopActor } from './stop-actor.ts';

/** A machine, or any other actor logic, as a node. */
export interface MachineNodeDefinition<
  Name extends string,
  Logic extends AnyActorLogic,
  Inputs extends InputDeclarations,
  Output extends string,
> extends NodePolicies<BodyInput<Inputs>, OutputFrom<Logic>> {
  readonly name: Name;
  /** Gets the node's input as its own. */
  readonly machine: Logic;
  readonly inputs: Inputs;
  /** The name of its output. */
  readonly output?: Output;
}

/**
 * Makes a node of an XState machine, or of any other actor logic. The machine's actor is a child of the invocation's, so
 * the person's inspector sees it; when it is done its output is the node's, its error is the node's failure, and when
 * the node is stopped so is the machine.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when a part of the definition is missing, unknown or of the wrong form.
 *
 * @example
 * ```ts
 * import { createRunner, machineNode } from 'troupe';
 * import { setup } from 'xstate';
 *
 * const doubling = setup({ types: { input: {} as { n: number }, context: {} as { n: number }, output: {} as number } })
 *   .createMachine({
 *     context: ({ input }) => ({ n: input.n }),
 *     initial: 'done',
 *     states: { done: { type: 'final' } },
 *     output: ({ context }) => context.n * 2,
 *   });
 * const double = machineNode({ name: 'double', machine: doubling });
 * await using runner = createRunner();
 * console.log((await runner.run(double, { n: 21 })).answer); // 42
 * ```
 */
export function machineNode<
  const Name extends string,
  Logic extends AnyActorLogic,
  Inputs extends InputDeclarations,
  const Output extends string = string,
>(
  definition: MachineNodeDefinition<Name, Logic, Inputs, Output> & {
    readonly inputs: BodyInput<Inputs> extends InputFrom<Logic> ? unknown : InputFrom<Logic>;
  },
): Node<
  CallInput<Inputs>,
  OutputFrom<Logic>,
  SpecOf<Name, Output, BodyInput<Inputs>, Promise<OutputFrom<Logic>>>
>;
export function machineNode<
  const Name extends string,
  Logic extends AnyActorLogic,
  const Output extends string = string,
>(
  definition: Omit<MachineNodeDefinition<Name, Logic, Record<never, never>, Output>, 'inputs'> & {
    readonly inputs?: undefined;
  },
): Node<
  InputFrom<Logic>,
  OutputFrom<Logic>,
  BareSpecOf<Name, Output, InputFrom<Logic>, Promise<OutputFrom<Logic>>>
>;
export function machineNode(given: object): Node {
  assertKnownOptions('a machineNode', given, ['name', 'machine', 'inputs', 'output', ...POLICY_NAMES]);
  const definition: {
    readonly [Key in 'name' | 'machine' | 'inputs' | 'output' | (typeof POLICY_NAMES)[number]]?: unknown;
  } = given;
  const name = checkName(definition.name);
  const { machine } = definition;
  if (!isActorLogic(machine))
    throw expected(`\`machine\` of node "${name}"`, 'an XState machine or other actor logic', machine);
  return freezeNode<Node>({
    kind: 'machine',
    name,
    inputs: checkInputs(name, definition.inputs),
    outputs: checkOutputs(name, definition),
    policies: checkPolicies(name, definition),
    body: sourceOf(machine),
    run: (input: never, ctx: NodeContext) => runLogic(machine, input, ctx),
  });
}

/** What was written of a machine; other logic is what it holds. */
function sourceOf(logic: AnyActorLogic): unknown {
  return 'implementations' in logic && 'config' in logic
    ? { config: logic.config, implementations: logic.implementations }
    : logic;
}

function isActorLogic(value: unknown): value is AnyActorLogic {
  return (
    typeof value === 'object' && value !== null && 'transition' in value && 'getInitialSnapshot' in value
  );
}

function runLogic(logic: AnyActorLogic, input: unknown, ctx: NodeContext): Promise<unknown> {
  // In a test's context there is no actor to be a child of.
  const parent = ctx instanceof BodyContext ? (ctx as unknown as BodyContext).actor : undefined;
  return new Promise((resolve, reject) => {
    const options = { id: ctx.nodeId, input, ...(parent === undefined ? {} : { parent }) };
    const actor: AnyActorRef = createActor(logic, options);
    const { signal } = ctx;
    const onAbort = (): void => stopActor(actor);
    signal.addEventListener('abort', onAbort, { once: true });
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort);
      const snapshot: { status: string; output?: unknown } = actor.getSnapshot();
      if (snapshot.status === 'done') resolve(snapshot.output);
      else reject(new CancelledError('The machine was stopped before it was done'));
    };
    actor.subscribe({
      complete: settle,
      error: (error: unknown) => {
        signal.removeEventListener('abort', onAbort);
        reject(error);
      },
    });
    actor.start();
  });
}

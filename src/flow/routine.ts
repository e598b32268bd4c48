import { FlowConfigError } from '../errors.ts';
import type { RetryPolicy } from '../nodes/contract.ts';
import { checkPolicies } from '../nodes/node.ts';
import {
  assertFunction,
  assertInteger,
  assertKnownOptions,
  assertOneOf,
  expected,
} from '../nodes/validate.ts';
import type {
  AnyRoutine,
  FlowEvents,
  Routine,
  RoutineContext,
  RoutineErrorPolicy,
  RoutineInput,
  Slots,
} from './contract.ts';
import { immediate, isPolicy, type Policy } from './policies.ts';

/** What {@link routine} takes. */
export interface RoutineDefinition<Name extends string, InSlots extends Slots, OutEvents extends FlowEvents> {
  /** Its name in a flow, unless the flow gives it another. Without dots. */
  readonly name: Name;
  /** Where its messages come in. */
  readonly slots: InSlots;
  /** What it may emit. Default: nothing. */
  readonly events?: OutEvents;
  /** When it runs, and with what. Default: `immediate()`. */
  readonly policy?: Policy;
  /** How many activations may run at once. With more than one, messages may overtake each other. Default: 1. */
  readonly concurrency?: number;
  /** What becomes of a job when the routine fails. Default: that of the flow, or else `'stop'`. */
  readonly onError?: RoutineErrorPolicy;
  /** How a failed activation is tried again, with the same data. Default: not at all. */
  readonly retry?: RetryPolicy;
  /** The longest that one attempt may take, in ms. Default: no limit. */
  readonly timeout?: number | null;
  /** Whether a failure fails the worker, with all of its jobs. Default: false. */
  readonly critical?: boolean;
  /** The body, sync or async: gets the messages of each slot as arrays. */
  readonly run: (data: RoutineInput<InSlots>, ctx: RoutineContext<InSlots, OutEvents>) => unknown;
}

const OPTIONS = [
  'name',
  'slots',
  'events',
  'policy',
  'concurrency',
  'onError',
  'retry',
  'timeout',
  'critical',
  'run',
] as const;

/**
 * Defines a routine: a frozen value that any flow of any runtime may use.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when an option is missing, unknown or of the wrong form;
 * {@link FlowConfigError} FLOW_CONFIG when a slot can never hold what the policy waits for.
 *
 * @example
 * ```ts
 * import { event, routine, slot } from 'troupe/flow';
 *
 * export const double = routine({
 *   name: 'double',
 *   slots: { input: slot<{ v: number }>() },
 *   events: { output: event<{ result: number }>() },
 *   run: (data, ctx) => {
 *     for (const { v } of data.input) ctx.emit('output', { result: v * 2 });
 *   },
 * });
 * ```
 */
export function routine<
  const Name extends string,
  InSlots extends Slots,
  OutEvents extends FlowEvents = Record<never, never>,
>(definition: RoutineDefinition<Name, InSlots, OutEvents>): Routine<Name, InSlots, OutEvents> {
  assertKnownOptions('routine', definition, OPTIONS);
  const {
    name,
    slots,
    events = {} as OutEvents, // the default of the type
    policy = immediate(),
    concurrency = 1,
    onError,
    retry,
    timeout,
    critical = false,
    run,
  } = definition;
  assertPartName('the name of a routine', name);
  assertParts(name, 'slot', slots);
  assertParts(name, 'event', events);
  if (run === undefined) throw expected(`\`run\` of routine "${name}"`, 'a function', run);
  assertFunction(`\`run\` of routine "${name}"`, run);
  assertInteger(`\`concurrency\` of routine "${name}"`, concurrency, 1, true);
  if (!isPolicy(policy))
    throw expected(`\`policy\` of routine "${name}"`, 'a policy', policy, 'Use `immediate()`, for example.');
  assertErrorPolicy(`routine "${name}"`, onError);
  if (typeof critical !== 'boolean')
    throw expected(`\`critical\` of routine "${name}"`, 'true or false', critical);
  checkPolicies(name, { retry, timeout });
  assertAble(name, slots, policy);
  const made: Routine<Name, InSlots, OutEvents> = {
    kind: 'routine',
    name,
    slots: Object.freeze({ ...slots }),
    events: Object.freeze({ ...events }),
    policy,
    concurrency,
    onError: ownErrorPolicy(onError),
    retry: retry && Object.freeze({ ...retry }),
    timeout,
    critical,
    run,
  };
  Object.defineProperty(made, ROUTINE, { value: true });
  return Object.freeze(made);
}

const ROUTINE = Symbol.for('troupe.routine');

/** Whether something is a routine. */
export function isRoutine(value: unknown): value is AnyRoutine {
  return typeof value === 'object' && value !== null && ROUTINE in value;
}

/** The same policy as a value of its own, which nobody can change. */
export function ownErrorPolicy(given: RoutineErrorPolicy | undefined): RoutineErrorPolicy | undefined {
  if (typeof given !== 'object') return given;
  return Object.freeze({ ...given, retry: Object.freeze({ ...given.retry }) });
}

/** Throws unless this says what becomes of a job when a routine fails. */
export function assertErrorPolicy(
  owner: string,
  given: unknown,
): asserts given is RoutineErrorPolicy | undefined {
  const choices = ['stop', 'continue', 'skip'];
  if (typeof given !== 'object' || given === null) {
    assertOneOf(`\`onError\` of ${owner}`, given, choices);
    return;
  }
  assertKnownOptions(`\`onError\` of ${owner}`, given, ['retry', 'then']);
  const { retry, then }: { retry?: unknown; then?: unknown } = given;
  if (retry === undefined) throw expected(`\`retry\` of \`onError\` of ${owner}`, 'an object', retry);
  checkPolicies(owner, { retry });
  assertOneOf(`\`then\` of \`onError\` of ${owner}`, then, choices);
}

/** Throws for a name that cannot be part of `routine.slot`. */
export function assertPartName(what: string, name: unknown): asserts name is string {
  const isFit = typeof name === 'string' && name !== '' && !name.includes('.') && name !== '__proto__';
  if (!isFit) throw expected(what, 'a text without dots that is not empty', name);
}

function assertParts(routineName: string, kind: 'slot' | 'event', parts: unknown): void {
  const what = `\`${kind}s\` of routine "${routineName}"`;
  if (typeof parts !== 'object' || parts === null || Array.isArray(parts))
    throw expected(what, `an object of ${kind}s`, parts);
  for (const [name, part] of Object.entries(parts)) {
    assertPartName(`the name of a ${kind} of routine "${routineName}"`, name);
    const isPart = typeof part === 'object' && part !== null && Reflect.get(part, 'kind') === kind;
    if (!isPart)
      throw expected(`${kind} "${name}" of routine "${routineName}"`, `made by \`${kind}()\``, part);
  }
}

function assertAble(name: string, slots: Slots, { atLeast, name: policyName }: Policy): void {
  for (const [slotName, { capacity }] of Object.entries(slots)) {
    if (capacity >= atLeast) continue;
    throw new FlowConfigError(
      `Routine "${name}" would never run: slot "${slotName}" holds at most ${capacity}, and ${policyName} waits for ${atLeast}`,
      { hint: `Give the slot a \`capacity\` of at least ${atLeast}.` },
    );
  }
}

/** The retries of a routine, and what follows them: its own, else those of its flow. */
export function errorPolicyOf(
  { onError, retry }: AnyRoutine,
  ofFlow: RoutineErrorPolicy | undefined,
): { readonly retry: RetryPolicy | undefined; readonly then: 'stop' | 'continue' | 'skip' } {
  const given = onError ?? ofFlow ?? 'stop';
  if (typeof given === 'string') return { retry, then: given };
  return { retry: retry ?? given.retry, then: given.then ?? 'stop' };
}

import { assertFunction, assertKnownOptions, expected } from '../../nodes/validate.ts';
import type { FlowEvents, Routine, RoutineContext, Slot, Slots } from '../contract.ts';
import { batchSize, type Policy } from '../policies.ts';
import { routine, type RoutineDefinition } from '../routine.ts';
import { slot } from '../slot.ts';

/** Options of every ready-made routine, as those of `routine`. */
export type ReadyMadeOptions = Pick<
  RoutineDefinition<string, Slots, FlowEvents>,
  'concurrency' | 'onError' | 'retry' | 'critical'
>;

/** Options of a ready-made routine that has one slot, `input`. */
export type InputOptions<Value> = ReadyMadeOptions & {
  /** Its slot, made by `slot()`: how many messages wait in it, what becomes of others, their type. Default: `slot()`. */
  readonly input?: Slot<Value>;
  /** The longest that one attempt may take, in ms; the wait for room in other slots counts. Default: no limit. */
  readonly timeout?: number | null;
};

/** The one slot of a ready-made routine. */
export type InputSlot<Value> = { readonly input: Slot<Value> };

/** What the function of a ready-made routine gets beside a message: all of a routine's context, except `emit`. */
export type StepContext = Omit<RoutineContext<InputSlot<unknown>>, 'emit'>;

/** What a ready-made routine on one slot is made of. */
export interface InputParts<Name extends string, Value, OutEvents extends FlowEvents> {
  readonly name: Name;
  /** The function that makes it, as it is called in errors. */
  readonly maker: string;
  readonly events: OutEvents;
  /** As given by the user. */
  readonly options: InputOptions<Value>;
  /** The names of the options that only this one has. */
  readonly own?: readonly string[];
  /** Default: one message after the other. */
  readonly policy?: Policy;
  readonly run: (input: readonly Value[], ctx: RoutineContext<InputSlot<Value>, OutEvents>) => unknown;
}

const ROUTINE_OPTIONS = ['concurrency', 'onError', 'retry', 'critical'];

/** A routine with one slot, `input`. */
export function inputRoutine<const Name extends string, Value, OutEvents extends FlowEvents>({
  name,
  maker,
  events,
  options,
  own = [],
  policy = batchSize(1),
  run,
}: InputParts<Name, Value, OutEvents>): Routine<Name, InputSlot<Value>, OutEvents> {
  assertOptions(maker, options, ['input', 'timeout', ...own]);
  const { input = slot<Value>(), timeout } = options;
  return routine({
    ...routineOptions(options),
    ...(timeout === undefined ? {} : { timeout }),
    name,
    slots: { input },
    events,
    policy,
    run: (data, ctx) => run(data.input, ctx),
  });
}

/** Throws for an option that neither every ready-made routine has nor this one. */
export function assertOptions(maker: string, options: unknown, own: readonly string[]): void {
  assertKnownOptions(maker, options, [...own, ...ROUTINE_OPTIONS]);
}

/** The options that every ready-made routine has. */
export function routineOptions(options: ReadyMadeOptions): ReadyMadeOptions {
  return Object.fromEntries(Object.entries(options).filter(([key]) => ROUTINE_OPTIONS.includes(key)));
}

/** Throws unless this is what a ready-made routine does with a message. */
export function assertWork(what: string, work: unknown): void {
  if (work === undefined) throw expected(what, 'a function', work);
  assertFunction(what, work);
}

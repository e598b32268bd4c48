import { assertFunction, assertKnownOptions, expected } from '../../nodes/validate.ts';
import type { FlowEvents, Routine, RoutineContext, Slot, Slots } from '../contract.ts';
import { batchSize, type Policy } from '../policies.ts';
import { routine, type RoutineDefinition } from '../routine.ts';
import { slot, type SlotOptions } from '../slot.ts';

/** Options of every ready-made routine, as those of `routine`. */
export type ReadyMadeOptions = Pick<
  RoutineDefinition<string, Slots, FlowEvents>,
  'concurrency' | 'onError' | 'retry' | 'critical'
>;

/** Options of a ready-made routine that has one slot, `input`: those of `routine`, and those of the slot. */
export type InputOptions = ReadyMadeOptions &
  Pick<RoutineDefinition<string, Slots, FlowEvents>, 'timeout'> &
  Pick<SlotOptions<unknown>, 'capacity' | 'overflow'>;

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
  readonly options: InputOptions;
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
  assertOptions(maker, options, [...own, 'timeout', 'capacity', 'overflow']);
  return routine({
    ...pick(options, [...ROUTINE_OPTIONS, 'timeout']),
    name,
    slots: { input: slot<Value>(pick(options, ['capacity', 'overflow'])) },
    events,
    policy,
    run: ({ input }, ctx) => run(input, ctx),
  });
}

/** Throws for an option that neither every routine has nor this one. */
export function assertOptions(maker: string, options: unknown, own: readonly string[]): void {
  assertKnownOptions(maker, options, [...ROUTINE_OPTIONS, ...own]);
}

/** The options that every ready-made routine has. */
export function routineOptions(options: ReadyMadeOptions): ReadyMadeOptions {
  return pick(options, ROUTINE_OPTIONS);
}

/** Throws unless this is the function of a ready-made routine. */
export function assertWork(maker: string, work: unknown): void {
  if (work === undefined) throw expected(`the function of ${maker}`, 'a function', work);
  assertFunction(`the function of ${maker}`, work);
}

function pick<Options extends object>(options: Options, keys: readonly string[]): Options {
  // What is left out is optional.
  return Object.fromEntries(Object.entries(options).filter(([key]) => keys.includes(key))) as Options;
}

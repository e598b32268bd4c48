import type { FlowEvent, Routine } from '../contract.ts';
import { event } from '../slot.ts';
import { assertWork, inputRoutine, type InputOptions, type InputSlot, type StepContext } from './options.ts';

/** The events of {@link filter}. */
export type FilterEvents<Passing, Rejected> = {
  readonly output: FlowEvent<Passing>;
  readonly rejected: FlowEvent<Rejected>;
};

/**
 * Sends on each message as it is: slot `input`, event `output` for those that the predicate holds for, event `rejected`
 * for the others. A type guard narrows both. An event that nothing is connected to drops its messages.
 *
 * @param predicate - Gets the message, and the routine's context without `emit`; sync or async.
 * @throws {@link InvalidInputError} INVALID_INPUT when the predicate is missing, or an option is unknown or of the wrong form.
 *
 * @example
 * ```ts
 * import { createRuntime, filter, flow, routine, slot } from 'troupe/flow';
 *
 * const print = routine({
 *   name: 'print',
 *   slots: { number: slot<number>() },
 *   run: ({ number }) => number.forEach((n) => console.log(n)),
 * });
 * const f = flow('evens')
 *   .add(filter('even', (n: number) => n % 2 === 0))
 *   .add(print)
 *   .connect('even.output', 'print.number');
 * await using runtime = createRuntime();
 * runtime.exec(f);
 * for (const n of [1, 2, 3, 4]) await runtime.post(f, 'even', 'input', n);
 * await runtime.waitUntilAllJobsFinished(); // prints 2 and 4
 * ```
 */
export function filter<const Name extends string, Value, Passing extends Value>(
  name: Name,
  predicate: (value: Value, ctx: StepContext) => value is Passing,
  options?: InputOptions<Value>,
): Routine<Name, InputSlot<Value>, FilterEvents<Passing, Exclude<Value, Passing>>>;
export function filter<const Name extends string, Value>(
  name: Name,
  predicate: (value: Value, ctx: StepContext) => boolean | PromiseLike<boolean>,
  options?: InputOptions<Value>,
): Routine<Name, InputSlot<Value>, FilterEvents<Value, Value>>;
export function filter<const Name extends string, Value>(
  name: Name,
  predicate: (value: Value, ctx: StepContext) => boolean | PromiseLike<boolean>,
  options: InputOptions<Value> = {},
): Routine<Name, InputSlot<Value>, FilterEvents<Value, Value>> {
  const maker = 'filter';
  assertWork(`the predicate of ${maker}`, predicate);
  return inputRoutine<Name, Value, FilterEvents<Value, Value>>({
    name,
    maker,
    options,
    events: { output: event<Value>(), rejected: event<Value>() },
    run: async (input, ctx) => {
      for (const value of input) await ctx.emit((await predicate(value, ctx)) ? 'output' : 'rejected', value);
    },
  });
}

import type { FlowEvent, Routine } from '../contract.ts';
import { event } from '../slot.ts';
import { assertWork, inputRoutine, type InputOptions, type InputSlot, type StepContext } from './options.ts';

/**
 * Makes one message of each: slot `input`, event `output`. Messages keep their order, unless `concurrency` lets them
 * overtake each other. Each message is worked on by itself, so that one that fails fails only its own job.
 *
 * @param fn - Gets the message, and the routine's context without `emit`; sync or async.
 * @throws {@link InvalidInputError} INVALID_INPUT when the function is missing, or an option is unknown or of the wrong form.
 *
 * @example
 * ```ts
 * import { createRuntime, flow, mapRoutine, routine, slot } from 'troupe/flow';
 *
 * const print = routine({
 *   name: 'print',
 *   slots: { line: slot<string>() },
 *   run: ({ line }) => line.forEach((text) => console.log(text)),
 * });
 * const f = flow('shouting')
 *   .add(mapRoutine('shout', (text: string) => text.toUpperCase()))
 *   .add(print)
 *   .connect('shout.output', 'print.line');
 * await using runtime = createRuntime();
 * runtime.exec(f);
 * const job = await runtime.post(f, 'shout', 'input', 'land ahoy');
 * await job.done; // prints LAND AHOY
 * ```
 */
export function mapRoutine<const Name extends string, Value, Result>(
  name: Name,
  fn: (value: Value, ctx: StepContext) => Result | PromiseLike<Result>,
  options: InputOptions<Value> = {},
): Routine<Name, InputSlot<Value>, { readonly output: FlowEvent<Result> }> {
  const maker = 'mapRoutine';
  assertWork(`the function of ${maker}`, fn);
  return inputRoutine<Name, Value, { readonly output: FlowEvent<Result> }>({
    name,
    maker,
    options,
    events: { output: event<Result>() },
    run: async (input, ctx) => {
      for (const value of input) await ctx.emit('output', await fn(value, ctx));
    },
  });
}

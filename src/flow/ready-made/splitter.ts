import type { FlowEvent, Routine } from '../contract.ts';
import { event } from '../slot.ts';
import { assertWork, inputRoutine, type InputOptions, type InputSlot, type StepContext } from './options.ts';

/** What {@link splitter} makes of a message. */
export type Pieces<Piece> = Iterable<Piece> | AsyncIterable<Piece>;

/**
 * Makes many messages of each: slot `input`, event `output`. It waits for each piece to be taken before it asks for the
 * next, so where a receiver's slot is full and blocks, a generator stands still; when the job is stopped, it is closed.
 * With retries, pieces that were sent before the failure are sent again.
 *
 * @param fn - Gets the message, and the routine's context without `emit`; gives an iterable, or a promise of one.
 * @throws {@link InvalidInputError} INVALID_INPUT when the function is missing, or an option is unknown or of the wrong form.
 *
 * @example
 * ```ts
 * import { createRuntime, flow, routine, slot, splitter } from 'troupe/flow';
 *
 * const print = routine({
 *   name: 'print',
 *   slots: { word: slot<string>({ capacity: 10, overflow: 'block' }) },
 *   run: ({ word }) => word.forEach((text) => console.log(text)),
 * });
 * const f = flow('words')
 *   .add(splitter('split', (line: string) => line.split(' ')))
 *   .add(print)
 *   .connect('split.output', 'print.word');
 * await using runtime = createRuntime();
 * runtime.exec(f);
 * const job = await runtime.post(f, 'split', 'input', 'all hands on deck');
 * await job.done; // prints four words
 * ```
 */
export function splitter<const Name extends string, Value, Piece>(
  name: Name,
  fn: (value: Value, ctx: StepContext) => Pieces<Piece> | PromiseLike<Pieces<Piece>>,
  options: InputOptions<Value> = {},
): Routine<Name, InputSlot<Value>, { readonly output: FlowEvent<Piece> }> {
  const maker = 'splitter';
  assertWork(`the function of ${maker}`, fn);
  return inputRoutine<Name, Value, { readonly output: FlowEvent<Piece> }>({
    name,
    maker,
    options,
    events: { output: event<Piece>() },
    run: async (input, ctx) => {
      for (const value of input)
        for await (const piece of await fn(value, ctx)) await ctx.emit('output', piece);
    },
  });
}

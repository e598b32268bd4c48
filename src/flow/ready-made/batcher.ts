import { assertInteger, assertNumber, expected } from '../../nodes/validate.ts';
import type { FlowEvent, Routine } from '../contract.ts';
import { custom, type Policy, type PolicyOptions } from '../policies.ts';
import { event } from '../slot.ts';
import { inputRoutine, type InputOptions, type InputSlot } from './options.ts';

/** Options of {@link batcher}. */
export type BatcherOptions<Value> = InputOptions<Value> &
  PolicyOptions & {
    /** How many messages make a batch: an integer from 1 up, not above the slot's `capacity`. */
    readonly size: number;
    /** The longest that a message waits for its batch to be full, in ms. Default: no limit. */
    readonly maxWait?: number;
  };

/**
 * Puts messages together: slot `input`, event `batch` with lists of exactly `size`, in the order in which they came; of
 * fewer when the oldest has waited for `maxWait` ms, and when the worker drains (unless `flush: false`).
 *
 * Messages wait in the slot: they outlive a crash, go into a snapshot with the time that they have waited, and keep their
 * jobs running. A batch belongs to the jobs of all its messages.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when an option is missing, unknown or of the wrong form;
 * {@link FlowConfigError} FLOW_CONFIG when the slot's `capacity` (default 1,000) is below `size`.
 *
 * @example
 * ```ts
 * import { batcher, createRuntime, flow, routine, slot } from 'troupe/flow';
 *
 * const print = routine({
 *   name: 'print',
 *   slots: { pairs: slot<readonly string[]>() },
 *   run: ({ pairs }) => pairs.forEach((pair) => console.log(pair)),
 * });
 * const f = flow('pairs')
 *   .add(batcher('pair', { input: slot<string>(), size: 2, maxWait: 50 }))
 *   .add(print)
 *   .connect('pair.batch', 'print.pairs');
 * await using runtime = createRuntime();
 * runtime.exec(f);
 * for (const name of ['Ann', 'Bob', 'Cid']) await runtime.post(f, 'pair', 'input', name);
 * await runtime.waitUntilAllJobsFinished(); // prints [ 'Ann', 'Bob' ], and 50 ms later [ 'Cid' ]
 * ```
 */
export function batcher<const Name extends string, Value = unknown>(
  name: Name,
  options: BatcherOptions<Value>,
): Routine<Name, InputSlot<Value>, { readonly batch: FlowEvent<readonly Value[]> }> {
  const maker = 'batcher';
  if (typeof options !== 'object' || options === null)
    throw expected(`the options of ${maker}`, 'an object', options);
  const { size, maxWait, flush } = options;
  if (size === undefined) throw expected(`\`size\` of ${maker}`, 'an integer >= 1', size);
  assertInteger(`\`size\` of ${maker}`, size, 1);
  assertNumber(`\`maxWait\` of ${maker}`, maxWait, 0);
  return inputRoutine<Name, Value, { readonly batch: FlowEvent<readonly Value[]> }>({
    name,
    maker,
    options,
    own: ['size', 'maxWait', 'flush'],
    policy: fullOrLate({ size, maxWait }, flush === undefined ? {} : { flush }),
    events: { batch: event<readonly Value[]>() },
    run: async (input, ctx) => {
      // A flush takes whatever there is.
      for (let from = 0; from < input.length; from += size)
        await ctx.emit('batch', input.slice(from, from + size));
    },
  });
}

function fullOrLate(
  { size, maxWait }: { readonly size: number; readonly maxWait: number | undefined },
  options: PolicyOptions,
): Policy {
  const policy = custom(({ slots, now }) => {
    const { size: waiting = 0, oldestAt = now } = slots['input'] ?? {};
    if (waiting >= size) return { take: { input: size }, reason: 'full' };
    if (waiting === 0 || maxWait === undefined) return false;
    const dueAt = oldestAt + maxWait;
    return now >= dueAt ? { take: { input: waiting }, reason: 'maxWait' } : { askAt: dueAt };
  }, options);
  return {
    ...policy,
    name: `batchSize(${size})${maxWait === undefined ? '' : ` or ${maxWait} ms`}`,
    atLeast: size,
  };
}

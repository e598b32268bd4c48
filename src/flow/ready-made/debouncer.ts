import { assertNumber, expected } from '../../nodes/validate.ts';
import type { FlowEvent, Routine } from '../contract.ts';
import { custom, type Policy, type PolicyOptions } from '../policies.ts';
import { event, slot } from '../slot.ts';
import { inputRoutine, type InputOptions, type InputSlot } from './options.ts';

/** Options of {@link debouncer}. */
export type DebouncerOptions<Value> = InputOptions<Value> &
  PolicyOptions & {
    /** How long nothing must come, in ms: above 0. */
    readonly wait: number;
    /** The longest from the first message to the output, in ms, however many follow. Default: no limit. */
    readonly maxWait?: number;
  };

/**
 * Waits until no more messages come: slot `input`, event `output` with the last message, `wait` ms after it, or `maxWait`
 * ms after the first. The messages before it are superseded: they end with it. When the worker drains, the last message
 * is sent on at once (unless `flush: false`).
 *
 * Messages wait in the slot: they outlive a crash, go into a snapshot with the time that they have waited, and keep their
 * jobs running. The output belongs to the jobs of all of them. Unless you give `input`, a message that finds 1,000
 * waiting drops the oldest; with `maxWait`, a slot that is full is not waited for any longer.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when an option is missing, unknown or of the wrong form.
 *
 * @example
 * ```ts
 * import { createRuntime, debouncer, flow, routine, slot } from 'troupe/flow';
 *
 * const search = routine({
 *   name: 'search',
 *   slots: { text: slot<string>() },
 *   run: ({ text }) => console.log(text),
 * });
 * const f = flow('typing')
 *   .add(debouncer('settle', { input: slot<string>(), wait: 20, maxWait: 1_000 }))
 *   .add(search)
 *   .connect('settle.output', 'search.text');
 * await using runtime = createRuntime();
 * runtime.exec(f);
 * for (const text of ['t', 'ti', 'tide']) await runtime.post(f, 'settle', 'input', text);
 * await runtime.waitUntilAllJobsFinished(); // prints [ 'tide' ]
 * ```
 */
export function debouncer<const Name extends string, Value = unknown>(
  name: Name,
  options: DebouncerOptions<Value>,
): Routine<Name, InputSlot<Value>, { readonly output: FlowEvent<Value> }> {
  const maker = 'debouncer';
  if (typeof options !== 'object' || options === null)
    throw expected(`the options of ${maker}`, 'an object', options);
  const { wait, maxWait, flush, input = slot<Value>({ overflow: 'dropOldest' }) } = options;
  if (wait === undefined || wait === 0) throw expected(`\`wait\` of ${maker}`, 'a number of ms > 0', wait);
  assertNumber(`\`wait\` of ${maker}`, wait, 0);
  assertNumber(`\`maxWait\` of ${maker}`, maxWait, wait);
  return inputRoutine<Name, Value, { readonly output: FlowEvent<Value> }>({
    name,
    maker,
    options: { ...options, input },
    own: ['wait', 'maxWait', 'flush'],
    policy: quietOrLate({ wait, maxWait }, flush === undefined ? {} : { flush }),
    events: { output: event<Value>() },
    run: async (values, ctx) => {
      for (const last of values.slice(-1)) await ctx.emit('output', last);
    },
  });
}

function quietOrLate(
  {
    wait,
    maxWait = Number.POSITIVE_INFINITY,
  }: { readonly wait: number; readonly maxWait: number | undefined },
  options: PolicyOptions,
): Policy {
  const policy = custom(({ slots, now }) => {
    const { size = 0, capacity = 0, oldestAt = now, newestAt = now } = slots['input'] ?? {};
    if (size === 0) return false;
    const take = { input: size };
    if (now >= newestAt + wait) return { take, reason: 'quiet' };
    const lateAt = oldestAt + maxWait;
    // Of a full slot the oldest message may be dropped, and how long it has waited would be forgotten.
    const isFull = Number.isFinite(maxWait) && size >= capacity;
    if (isFull || now >= lateAt) return { take, reason: 'maxWait' };
    return { askAt: Math.min(newestAt + wait, lateAt) };
  }, options);
  return { ...policy, name: `${wait} ms of quiet` };
}

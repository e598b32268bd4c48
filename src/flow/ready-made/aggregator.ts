import { assertInteger, assertKnownOptions, assertTimeout, expected } from '../../nodes/validate.ts';
import type { FlowEvent, Routine, Slots, ValueOf } from '../contract.ts';
import { custom, type Policy, type PolicyOptions, type PolicyView } from '../policies.ts';
import { routine } from '../routine.ts';
import { event } from '../slot.ts';
import { assertOptions, routineOptions, type ReadyMadeOptions } from './options.ts';

/** When an {@link aggregator} has what it needs: one message from each slot, from any slot, or from so many slots. */
export type Completeness = 'all' | 'any' | { readonly atLeast: number };

/** One message from each slot, by the names of the slots. */
export type OneOfEach<InSlots extends Slots> = { readonly [Name in keyof InSlots]: ValueOf<InSlots[Name]> };

/** What an {@link aggregator} had when its time was up. */
export interface Incomplete<InSlots extends Slots> {
  readonly values: Partial<OneOfEach<InSlots>>;
  /** The slots that had nothing. */
  readonly missing: readonly (keyof InSlots & string)[];
}

/** The events of {@link aggregator}. */
export type AggregatorEvents<InSlots extends Slots, Mode> = {
  readonly output: FlowEvent<Mode extends 'all' ? OneOfEach<InSlots> : Partial<OneOfEach<InSlots>>>;
  readonly timedOut: FlowEvent<Incomplete<InSlots>>;
};

/** Options of {@link aggregator}. */
export type AggregatorOptions<InSlots extends Slots, Mode> = ReadyMadeOptions &
  PolicyOptions & {
    /** Its slots, made by `slot()`. */
    readonly slots: InSlots;
    /** When it has what it needs. Default: `'all'`. */
    readonly mode?: Mode;
    /** The longest that a message waits for others, in ms, before what there is goes to `timedOut`. Default: no limit. */
    readonly timeout?: number | null;
  };

/**
 * Puts together messages of several slots: event `output` as soon as what it needs is there, with one message, the
 * oldest, from each slot that has any, as an object by the names of the slots. When the oldest message has waited for
 * `timeout` ms, or the worker drains, what there is goes to event `timedOut` with the names of the slots that had nothing;
 * connect nothing to it to drop that, or both events to one slot to go on with it.
 *
 * Messages wait in their slots: they outlive a crash, go into a snapshot with the time that they have waited, and keep
 * their jobs running. What is emitted belongs to the jobs of all messages in it. Without a `timeout`, what is incomplete
 * when the worker drains is kept, and its jobs end cancelled; `flush` says otherwise.
 *
 * They are put together by position: the first of one slot with the first of the others. So a message that does not come,
 * as a filter or `onError: 'continue'` has dropped it, that comes after the `timeout`, or that comes twice, as a durable
 * worker emits again what an activation had emitted when its process died, shifts all that follow in its slot. Where that
 * can happen, put a key into the messages, and compare it in what follows.
 *
 * There is no grouping by a key: a policy takes the oldest messages of a slot, so groups would have to live in `ctx.state`,
 * where no timeout sees them, and the jobs of what they hold would have ended.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when an option is missing, unknown or of the wrong form.
 *
 * @example
 * ```ts
 * import { aggregator, createRuntime, flow, mapRoutine, routine, slot } from 'troupe/flow';
 *
 * const print = routine({
 *   name: 'print',
 *   slots: { offer: slot<{ readonly price: number; readonly days: number }>() },
 *   run: ({ offer }) => offer.forEach((each) => console.log(each)),
 * });
 * const f = flow('offers')
 *   .add(mapRoutine('ask', (goods: string) => goods))
 *   .add(mapRoutine('price', (goods: string) => goods.length * 10))
 *   .add(mapRoutine('days', (goods: string) => goods.length))
 *   .add(aggregator('join', { slots: { price: slot<number>(), days: slot<number>() }, timeout: 5_000 }))
 *   .add(print)
 *   .connect('ask.output', 'price.input')
 *   .connect('ask.output', 'days.input')
 *   .connect('price.output', 'join.price')
 *   .connect('days.output', 'join.days')
 *   .connect('join.output', 'print.offer');
 * await using runtime = createRuntime();
 * runtime.exec(f);
 * const job = await runtime.post(f, 'ask', 'input', 'sail');
 * await job.done; // prints { price: 40, days: 4 }
 * ```
 */
export function aggregator<
  const Name extends string,
  InSlots extends Slots,
  const Mode extends Completeness = 'all',
>(
  name: Name,
  options: AggregatorOptions<InSlots, Mode>,
): Routine<Name, InSlots, AggregatorEvents<InSlots, Mode>> {
  const maker = 'aggregator';
  assertOptions(maker, options, ['slots', 'mode', 'timeout', 'flush']);
  const { slots, mode = 'all', timeout } = options;
  const names = namesOf(slots);
  const needed = neededOf(mode, names.length);
  assertTimeout(`\`timeout\` of ${maker}`, timeout);
  const { flush = typeof timeout === 'number' } = options;
  const made = routine({
    ...routineOptions(options),
    name,
    slots,
    events: { output: event(), timedOut: event() },
    policy: completeOrLate({ names, needed, timeout: timeout ?? undefined }, { flush }),
    run: async (data, ctx) => {
      for (const { values, missing } of rowsOf<unknown>(names, data)) {
        if (names.length - missing.length >= needed) await ctx.emit('output', values);
        else await ctx.emit('timedOut', { values, missing });
      }
    },
  });
  return made as Routine<Name, InSlots, AggregatorEvents<InSlots, Mode>>; // what rows are made of
}

function namesOf(slots: unknown): readonly string[] {
  if (typeof slots === 'object' && slots !== null && Object.keys(slots).length > 0) return Object.keys(slots);
  throw expected('`slots` of aggregator', 'an object with a slot or more', slots);
}

function neededOf(mode: Completeness, slots: number): number {
  if (mode === 'all') return slots;
  if (mode === 'any') return 1;
  if (typeof mode !== 'object' || mode === null)
    throw expected('`mode` of aggregator', "'all', 'any' or { atLeast }", mode);
  assertKnownOptions('`mode` of aggregator', mode, ['atLeast']);
  const { atLeast } = mode;
  if (atLeast === undefined || atLeast > slots)
    throw expected('`atLeast` of aggregator', `an integer from 1 to ${slots}, the number of slots`, atLeast);
  assertInteger('`atLeast` of aggregator', atLeast, 1);
  return atLeast;
}

interface Rule {
  readonly names: readonly string[];
  /** Of how many slots. */
  readonly needed: number;
  /** In ms. */
  readonly timeout: number | undefined;
}

function completeOrLate({ names, needed, timeout }: Rule, options: PolicyOptions): Policy {
  const policy = custom(({ slots, now }) => {
    const ready = names.filter((name) => (slots[name]?.size ?? 0) > 0);
    const take = Object.fromEntries(ready.map((name) => [name, 1]));
    if (ready.length >= needed) return { take, reason: 'complete' };
    if (ready.length === 0 || timeout === undefined) return false;
    const dueAt = oldestOf(slots, now) + timeout;
    return now >= dueAt ? { take, reason: 'timeout' } : { askAt: dueAt };
  }, options);
  const wait = timeout === undefined ? '' : ` or ${timeout} ms`;
  return { ...policy, name: `${needed} of ${names.length}${wait}` };
}

function oldestOf(slots: PolicyView['slots'], now: number): number {
  return Math.min(...Object.values(slots).map(({ oldestAt = now }) => oldestAt));
}

/** The first message of each slot, then the second, and so on: a flush takes whatever there is. */
function* rowsOf<Value>(names: readonly string[], data: Readonly<Record<string, readonly Value[]>>) {
  const length = Math.max(...names.map((name) => data[name]?.length ?? 0));
  for (let at = 0; at < length; at += 1) {
    const values: Record<string, Value> = {};
    const missing: string[] = [];
    for (const name of names) {
      const list = data[name] ?? [];
      // A message may be undefined.
      if (at < list.length) values[name] = list[at] as Value;
      else missing.push(name);
    }
    yield { values, missing };
  }
}

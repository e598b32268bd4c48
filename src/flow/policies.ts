import {
  assertFunction,
  assertInteger,
  assertKnownOptions,
  assertNumber,
  expected,
} from '../nodes/validate.ts';

/** What a policy sees of a slot. */
export interface SlotView {
  /** How many messages wait in it. */
  readonly size: number;
  readonly capacity: number;
  /** Their values, oldest first; to be looked at only. */
  readonly messages: readonly unknown[];
  /** When the oldest and the newest of them came, in ms since the epoch. */
  readonly oldestAt: number | undefined;
  readonly newestAt: number | undefined;
}

/** What a policy decides by. */
export interface PolicyView {
  readonly slots: Readonly<Record<string, SlotView>>;
  /** ms since the epoch. */
  readonly now: number;
  /** When the routine was last activated. */
  readonly lastAt: number | undefined;
}

/** That a routine is to run, and with what. */
export interface Activation {
  /** How many messages to take from each slot; none of those that it leaves out. */
  readonly take: Readonly<Record<string, number>>;
  /** Default: the policy's name. */
  readonly reason?: string;
}

/** That a routine is not to run before a time, unless another message comes. */
export interface AskAgain {
  /** ms since the epoch. */
  readonly askAt: number;
}

/** What a policy says: run, not now, or not before a time. */
export type Verdict = Activation | AskAgain | false;

/** What stands for no as well. */
type Falsy = undefined | null | 0 | '';

/** When a routine runs: a pure function of what is in its slots and of the time. Taking messages, asking again and timers are the runtime's. */
export interface Policy {
  /** Shown in descriptions, and the reason of its activations. */
  readonly name: string;
  readonly ask: (view: PolicyView) => Verdict;
  /** Whether what it leaves in the slots is taken when the worker drains. */
  readonly flush: boolean;
  /** The fewest messages that a slot must be able to hold for it to ever activate. */
  readonly atLeast: number;
}

/** Options of a policy. */
export interface PolicyOptions {
  /** Whether what is left in the slots is taken when the worker drains. Otherwise it is kept, and its jobs end cancelled. */
  readonly flush?: boolean;
}

function policy(given: Policy): Policy {
  return Object.freeze(given);
}

function flushOf(what: string, options: PolicyOptions, fallback: boolean): boolean {
  assertKnownOptions(what, options, ['flush']);
  const { flush = fallback } = options;
  if (typeof flush !== 'boolean') throw expected(`\`flush\` of ${what}`, 'true or false', flush);
  return flush;
}

/**
 * Runs as soon as any slot has a message, with all messages of all slots. The default.
 *
 * @example
 * ```ts
 * import { immediate } from 'troupe/flow';
 *
 * console.log(immediate().name); // immediate
 * ```
 */
export function immediate(): Policy {
  return policy({ name: 'immediate', flush: true, atLeast: 1, ask: takeAll });
}

/** Everything, if there is anything. */
function takeAll({ slots }: PolicyView): Activation | false {
  let isAny = false;
  const take: Record<string, number> = {};
  for (const name in slots) {
    const size = slots[name]?.size ?? 0;
    take[name] = size;
    if (size > 0) isAny = true;
  }
  return isAny ? { take } : false;
}

/** So many of each slot, if all have them. Without slots there is nothing to run with. */
function takeOfEach(slots: PolicyView['slots'], count: number): Activation | false {
  const names = Object.keys(slots);
  if (names.length === 0 || names.some((name) => (slots[name]?.size ?? 0) < count)) return false;
  return { take: Object.fromEntries(names.map((name) => [name, count])) };
}

/**
 * Runs when every slot has a message, with one of each. What has no partner when the worker drains is kept; with
 * `{ flush: true }` it is taken, and slots may then be empty.
 *
 * @example
 * ```ts
 * import { allSlotsReady, event, routine, slot } from 'troupe/flow';
 *
 * export const pair = routine({
 *   name: 'pair',
 *   slots: { order: slot<string>(), payment: slot<number>() },
 *   events: { paid: event<string>() },
 *   policy: allSlotsReady(),
 *   run: ({ order: [order], payment: [payment] }, ctx) => ctx.emit('paid', `${order}: ${payment}`),
 * });
 * ```
 */
export function allSlotsReady(options: PolicyOptions = {}): Policy {
  return policy({
    name: 'allSlotsReady',
    flush: flushOf('allSlotsReady', options, false),
    atLeast: 1,
    ask: ({ slots }) => takeOfEach(slots, 1),
  });
}

/**
 * Runs when every slot has `size` messages, with exactly so many of each.
 *
 * @param size - An integer from 1 up. No slot may hold fewer.
 * @throws {@link InvalidInputError} INVALID_INPUT
 *
 * @example
 * ```ts
 * import { batchSize } from 'troupe/flow';
 *
 * console.log(batchSize(100).name); // batchSize(100)
 * ```
 */
export function batchSize(size: number, options: PolicyOptions = {}): Policy {
  if (size === undefined) throw expected('the size of batchSize', 'an integer >= 1', size);
  assertInteger('the size of batchSize', size, 1);
  return policy({
    name: `batchSize(${size})`,
    flush: flushOf('batchSize', options, true),
    atLeast: size,
    ask: ({ slots }) => takeOfEach(slots, size),
  });
}

/**
 * Runs at once, and then at most once in `ms`, each time with everything that came meanwhile. Nobody needs to post for
 * the next time.
 *
 * @param ms - Above 0.
 * @throws {@link InvalidInputError} INVALID_INPUT
 *
 * @example
 * ```ts
 * import { timeInterval } from 'troupe/flow';
 *
 * console.log(timeInterval(1_000).name); // timeInterval(1000)
 * ```
 */
export function timeInterval(ms: number, options: PolicyOptions = {}): Policy {
  if (ms === undefined || ms === 0) throw expected('the ms of timeInterval', 'a number of ms > 0', ms);
  assertNumber('the ms of timeInterval', ms, 0);
  return policy({
    name: `timeInterval(${ms})`,
    flush: flushOf('timeInterval', options, true),
    atLeast: 1,
    ask: (view) => {
      const all = takeAll(view);
      const { lastAt, now } = view;
      if (all === false || lastAt === undefined || now - lastAt >= ms) return all;
      return { askAt: lastAt + ms };
    },
  });
}

/**
 * Runs when `ask` says so. It must be pure: it is asked whenever a message has come and the routine is free, again after
 * each activation, and at the time that it named with `askAt`. Whatever is falsy means no.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT
 *
 * @example
 * ```ts
 * import { custom } from 'troupe/flow';
 *
 * // Three at once, or whatever there is when the oldest has waited for a second.
 * export const threeOrLate = custom(({ slots, now }) => {
 *   const { size, oldestAt = now } = slots['input'] ?? { size: 0 };
 *   if (size >= 3) return { take: { input: 3 }, reason: 'three' };
 *   if (size > 0 && now - oldestAt >= 1_000) return { take: { input: size }, reason: 'late' };
 *   return size > 0 && { askAt: oldestAt + 1_000 };
 * });
 * ```
 */
export function custom(ask: (view: PolicyView) => Verdict | Falsy, options: PolicyOptions = {}): Policy {
  if (ask === undefined) throw expected('the function of custom', 'a function', ask);
  assertFunction('the function of custom', ask);
  const flush = flushOf('custom', options, true);
  return policy({ name: 'custom', flush, atLeast: 1, ask: (view) => ask(plainView(view)) || false });
}

/** A view that may be kept, copied and shown: built-in policies look at the slots themselves. */
function plainView({ slots, now, lastAt }: PolicyView): PolicyView {
  const shown = Object.entries(slots).map(([name, { size, capacity, messages, oldestAt, newestAt }]) => [
    name,
    Object.freeze({ size, capacity, messages: Object.freeze(messages), oldestAt, newestAt }),
  ]);
  return { slots: Object.freeze(Object.fromEntries(shown)), now, lastAt };
}

/** Whether something is a policy. */
export function isPolicy(value: unknown): value is Policy {
  return typeof value === 'object' && value !== null && 'ask' in value && typeof value.ask === 'function';
}

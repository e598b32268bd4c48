import { afterThisTurn, type Clock, type TimerHandle } from '../../clock.ts';
import { FlowConfigError } from '../../errors.ts';
import type { Activation, AskAgain, PolicyView, SlotView, Verdict } from '../../flow/policies.ts';
import type { RoutineRecord } from './flow-state.ts';
import type { Slots } from '../slots.ts';

/** What a dispatcher leaves to its worker. */
export interface DispatchHost {
  /** Whether activations may begin at all. */
  readonly isOpen: boolean;
  /** A policy wants its routine to run, which has its place: takes so many messages, by the places of its slots. */
  activate(record: RoutineRecord, take: readonly number[], reason: string): void;
  /** A policy has thrown, or said what cannot be done. */
  onPolicyFailed(record: RoutineRecord, error: unknown): void;
  /** Nothing is left to be asked. */
  onDispatched(): void;
}

/** What a dispatcher needs. */
export interface DispatcherOptions {
  readonly records: readonly RoutineRecord[];
  readonly clock: Clock;
  /** The places of all routines of a runtime together. */
  readonly slots: Slots | undefined;
  readonly host: DispatchHost;
}

// After so many activations in one go it goes on in the next turn, so that a cycle leaves room for everything else.
const ASKED_AT_ONCE = 256;

/** Asks the policies of a worker's routines, one routine after the other and never one inside the other, and owns their timers. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #seats: readonly Seat[];
  #due: Seat[] = [];
  #isBusy = false;
  #isPutOff = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#seats = options.records.map((record) => new Seat(record, options.clock));
  }

  /** Whether anything is still to be asked, or waits for its place. */
  get isBusy(): boolean {
    return this.#isBusy || this.#due.length > 0 || this.#seats.some((seat) => seat.isWaitingForPlace);
  }

  /** A routine may have something to do. To be followed by {@link run}, or {@link runSoon}. */
  wake(routine: number): void {
    const seat = this.#seats[routine];
    if (seat === undefined || seat.isDue) return;
    seat.isDue = true;
    this.#due.push(seat);
  }

  wakeAll(): void {
    for (const { record } of this.#seats) this.wake(record.plan.index);
  }

  /** Asks all that may have something to do; where that is going on, they come in their turn. */
  run(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    let asked = 0;
    // The list grows while it is walked.
    for (const seat of this.#due) {
      if (asked === ASKED_AT_ONCE) break;
      asked += 1;
      seat.isDue = false;
      this.#ask(seat);
    }
    this.#due = asked === this.#due.length ? [] : this.#due.slice(asked);
    this.#isBusy = false;
    if (this.#due.length > 0) this.#putOff();
    else this.#options.host.onDispatched();
  }

  /** The same, after what is going on. */
  runSoon(): void {
    if (!this.#isBusy) queueMicrotask(() => this.run());
  }

  /** Gives a routine all that is in its slots, whatever its policy says. */
  flush(routine: number): void {
    const seat = this.#seats[routine];
    if (seat === undefined) return;
    seat.isFlushed = true;
    this.wake(routine);
    this.runSoon();
  }

  /** No routine is woken by time any more. */
  clear(): void {
    for (const seat of this.#seats) this.#disarm(seat);
  }

  #putOff(): void {
    if (this.#isPutOff) return;
    this.#isPutOff = true;
    afterThisTurn(() => {
      this.#isPutOff = false;
      this.run();
    });
  }

  #ask(seat: Seat): void {
    const { slots } = this.#options;
    if (seat.timer !== undefined) this.#disarm(seat);
    if (seat.isWaitingForPlace || !this.#isAble(seat)) return;
    const verdict = this.#verdict(seat);
    if (verdict === false) return;
    if ('askAt' in verdict) {
      this.#arm(seat, verdict.askAt);
      return;
    }
    if (slots === undefined) {
      this.#activate(seat, verdict);
      this.wake(seat.record.plan.index);
      return;
    }
    seat.isWaitingForPlace = true;
    slots.acquire(() => {
      seat.isWaitingForPlace = false;
      // Meanwhile there may be more to take, or less.
      const late = this.#isAble(seat) ? this.#verdict(seat) : false;
      if (late === false || 'askAt' in late) slots.release();
      else this.#activate(seat, late);
      this.wake(seat.record.plan.index);
      this.runSoon();
    }, false);
  }

  #activate(seat: Seat, { take, reason }: Wish): void {
    seat.isFlushed = false;
    this.#options.host.activate(seat.record, take, reason);
  }

  #isAble({ record }: Seat): boolean {
    return this.#options.host.isOpen && record.running < record.plan.concurrency;
  }

  /** What the policy says, in the places of the slots. */
  #verdict(seat: Seat): Wish | AskAgain | false {
    const { record, view } = seat;
    if (seat.isFlushed) {
      const take = record.mailboxes.map(({ size }) => size);
      return take.some((size) => size > 0) && { take, reason: 'drain' };
    }
    try {
      return readVerdict(record, record.plan.policy.ask(view));
    } catch (error) {
      this.#options.host.onPolicyFailed(record, error);
      return false;
    }
  }

  #arm(seat: Seat, askAt: number): void {
    const { clock } = this.#options;
    seat.timer = clock.setTimeout(
      () => {
        seat.timer = undefined;
        this.wake(seat.record.plan.index);
        this.run();
      },
      Math.max(0, askAt - clock.now()),
    );
  }

  #disarm(seat: Seat): void {
    if (seat.timer !== undefined) this.#options.clock.clearTimeout(seat.timer);
    seat.timer = undefined;
  }
}

/** A routine to be asked. */
class Seat {
  readonly record: RoutineRecord;
  readonly view: PolicyView;
  isDue = false;
  isWaitingForPlace = false;
  isFlushed = false;
  timer: TimerHandle | undefined;

  constructor(record: RoutineRecord, clock: Clock) {
    this.record = record;
    const slots: Record<string, SlotView> = {};
    for (const mailbox of record.mailboxes) slots[mailbox.slot.name] = mailbox;
    this.view = {
      slots: Object.freeze(slots),
      get now() {
        return clock.now();
      },
      get lastAt() {
        return record.lastAt;
      },
    };
  }
}

interface Wish {
  readonly take: readonly number[];
  readonly reason: string;
}

/** What a policy says, in the places of the slots. Throws for what cannot be done. */
function readVerdict(record: RoutineRecord, verdict: Verdict): Wish | AskAgain | false {
  if (verdict === false) return false;
  const { name } = record.plan;
  const given: unknown = verdict;
  if (typeof given !== 'object' || given === null) throw badVerdict(name, 'no verdict');
  if ('askAt' in given) {
    if (typeof given.askAt !== 'number' || Number.isNaN(given.askAt))
      throw badVerdict(name, '`askAt` is no time');
    return { askAt: given.askAt };
  }
  if (!('take' in given) || typeof given.take !== 'object' || given.take === null)
    throw badVerdict(name, 'it says neither `take` nor `askAt`');
  return wishOf(record, verdict as Activation); // as far as it was checked
}

/** How many messages of which slot; false where that is none. */
function wishOf({ plan, mailboxes, names }: RoutineRecord, { take, reason }: Activation): Wish | false {
  let sum = 0;
  const counts: number[] = [];
  for (const { slot, size } of mailboxes) {
    const wanted = take[slot.name] ?? 0;
    if (!(wanted >= 0)) throw badVerdict(plan.name, `it takes ${String(wanted)} of slot "${slot.name}"`);
    const count = Math.min(Math.floor(wanted), size);
    counts.push(count);
    sum += count;
  }
  for (const name in take) if (!names.has(name)) throw badVerdict(plan.name, `there is no slot "${name}"`);
  return sum > 0 && { take: counts, reason: reason ?? plan.policy.name };
}

function badVerdict(routine: string, why: string): FlowConfigError {
  return new FlowConfigError(`The policy of routine "${routine}" cannot be followed: ${why}`, {
    hint: 'Let it give `{ take: { slot: count } }`, `{ askAt: time }`, or `false`.',
  });
}

import { afterThisTurn, systemClock, type TimerHandle } from '../clock.ts';

/** So many are called in one turn, so that thousands of them hold nothing else up. */
const CALLS_IN_A_TURN = 100;

/** How a {@link SharedTimer} calls back. */
export interface SharedTimerOptions<Waiter> {
  /** The longest that somebody waits, in ms. */
  readonly delayMs: number;
  readonly call: (waiter: Waiter) => void;
  /** Whether it keeps the process alive. */
  readonly isRef: boolean;
}

/** Calls all who wait, once, at one time: most have taken back what they asked for long before. */
export class SharedTimer<Waiter> {
  readonly #options: SharedTimerOptions<Waiter>;
  #waiting = new Set<Waiter>();
  #timer: TimerHandle | undefined;

  constructor(options: SharedTimerOptions<Waiter>) {
    this.#options = options;
  }

  add(waiter: Waiter): void {
    this.#waiting.add(waiter);
    if (this.#timer === undefined) this.#arm();
  }

  delete(waiter: Waiter): void {
    this.#waiting.delete(waiter);
  }

  #arm(): void {
    const { delayMs, isRef } = this.#options;
    const timer = systemClock.setTimeout(() => this.#ring(), delayMs);
    if (!isRef) (timer as { unref?: () => void }).unref?.(); // of Node's own timers
    this.#timer = timer;
  }

  #ring(): void {
    this.#timer = undefined;
    const waiting = [...this.#waiting];
    this.#waiting = new Set();
    this.#callFrom(waiting, 0);
  }

  #callFrom(waiting: readonly Waiter[], from: number): void {
    const end = Math.min(from + CALLS_IN_A_TURN, waiting.length);
    for (const waiter of waiting.slice(from, end)) this.#options.call(waiter);
    if (end < waiting.length) afterThisTurn(() => this.#callFrom(waiting, end));
  }
}

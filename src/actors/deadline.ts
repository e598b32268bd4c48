import type { Clock, TimerHandle } from '../clock.ts';

/** What a deadline needs. */
export interface DeadlineOptions {
  readonly clock: Clock;
  readonly limitMs: number;
  /** Holds it as long as it can expire. */
  readonly group: Set<Deadline>;
  readonly onExpire: () => void;
}

/** A time limit that stands still while it is held. */
export class Deadline {
  readonly #options: DeadlineOptions;
  readonly #clock: Clock;
  #leftMs: number;
  #since = 0;
  #holds = 0;
  #timer: TimerHandle | undefined;
  #isOver = false;

  constructor(options: DeadlineOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#leftMs = options.limitMs;
    options.group.add(this);
    this.#arm();
  }

  /** Whether the time is up, also where no timer could fire because the thread was busy. */
  get isExpired(): boolean {
    return !this.#isOver && this.#holds === 0 && this.#clock.now() - this.#since >= this.#leftMs;
  }

  /** How much of the time is left, in ms. */
  get leftMs(): number {
    if (this.#isOver) return 0;
    return this.#holds > 0 ? this.#leftMs : this.#leftMs - (this.#clock.now() - this.#since);
  }

  /** Stops the time until as many calls of `release`. */
  hold(): void {
    this.#holds += 1;
    if (this.#holds > 1 || this.#isOver) return;
    this.#leftMs -= this.#clock.now() - this.#since;
    this.#disarm();
  }

  release(): void {
    this.#holds -= 1;
    if (this.#holds === 0 && !this.#isOver) this.#arm();
  }

  /** Ends it for good. */
  clear(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#disarm();
    this.#options.group.delete(this);
  }

  #arm(): void {
    this.#since = this.#clock.now();
    this.#timer = this.#clock.setTimeout(
      () => {
        this.clear();
        this.#options.onExpire();
      },
      Math.max(0, this.#leftMs),
    );
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

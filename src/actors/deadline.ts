import type { Clock, TimerHandle } from '../clock.ts';

/** A time limit that stands still while it is held. */
export class Deadline {
  readonly #clock: Clock;
  readonly #onExpire: () => void;
  #leftMs: number;
  #since = 0;
  #holds = 0;
  #timer: TimerHandle | undefined;
  #isOver = false;
  /** Called once, when it can no longer expire. */
  onClear: (() => void) | undefined;

  constructor(clock: Clock, limitMs: number, onExpire: () => void) {
    this.#clock = clock;
    this.#leftMs = limitMs;
    this.#onExpire = onExpire;
    this.#arm();
  }

  /** Whether the time is up, also where no timer could fire because the thread was busy. */
  get isExpired(): boolean {
    return !this.#isOver && this.#holds === 0 && this.#clock.now() - this.#since >= this.#leftMs;
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
    this.onClear?.();
  }

  #arm(): void {
    this.#since = this.#clock.now();
    this.#timer = this.#clock.setTimeout(
      () => {
        this.clear();
        this.#onExpire();
      },
      Math.max(0, this.#leftMs),
    );
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

import type { Checkpointer } from '../checkpoint/checkpointer.ts';
import { systemClock, type TimerHandle } from '../clock.ts';

/** Who has to give signs of life. */
export interface Living {
  /** Gives one. */
  beat(): void;
}

/**
 * Has signs of life given for the leases of one checkpointer, three times in the time of one. All have the same timer: most
 * workflows have ended long before they need it.
 */
export class Heartbeat {
  readonly #intervalMs: number;
  readonly #living = new Set<Living>();
  #timer: TimerHandle | undefined;

  private constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** That of a checkpointer. */
  static of(checkpointer: Checkpointer): Heartbeat {
    const found = known.get(checkpointer) ?? new Heartbeat(checkpointer.settings.leaseMs / 3);
    known.set(checkpointer, found);
    return found;
  }

  add(living: Living): void {
    this.#living.add(living);
    if (this.#timer === undefined) this.#arm();
  }

  delete(living: Living): void {
    this.#living.delete(living);
  }

  #arm(): void {
    const timer = systemClock.setTimeout(() => this.#beat(), this.#intervalMs);
    (timer as { unref?: () => void }).unref?.(); // of Node's own timers
    this.#timer = timer;
  }

  #beat(): void {
    this.#timer = undefined;
    if (this.#living.size === 0) return;
    for (const living of this.#living) living.beat();
    this.#arm();
  }
}

const known = new WeakMap<Checkpointer, Heartbeat>();

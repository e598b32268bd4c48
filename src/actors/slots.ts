import { Fifo } from './fifo.ts';

type Grant = () => void;

/**
 * One budget of places for the leaf work of a run, or of all runs of a map. Work that goes on comes before work that starts, so that what was
 * begun is finished first. A place that is given back is passed on in a microtask of its own: whoever gives it back
 * never finds another body's work done in the middle of its own.
 */
export class Slots {
  readonly #limit: number;
  #free: number;
  readonly #resuming = new Fifo<Grant>();
  readonly #starting = new Fifo<Grant>();
  #isDue = false;
  #bringMore: (() => boolean) | undefined;

  constructor(limit: number) {
    this.#limit = limit;
    this.#free = limit;
  }

  /** As many places, for another run. */
  another(): Slots {
    return new Slots(this.#limit);
  }

  /** Calls `grant` when a place is free, at once if one is and nobody waits. */
  acquire(grant: Grant, isResuming: boolean): void {
    if (this.#free > 0 && !this.#isDue) {
      this.#free -= 1;
      grant();
    } else (isResuming ? this.#resuming : this.#starting).push(grant);
  }

  /** Calls `bringMore` as long as a place is free that nobody waits for, now and later, until it gives false. */
  feed(bringMore: () => boolean): void {
    this.#bringMore = bringMore;
    if (this.#isDue) return;
    this.#isDue = true;
    this.#grantFree();
  }

  release(): void {
    this.#free += 1;
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => this.#grantFree());
  }

  #grantFree(): void {
    while (this.#free > 0) {
      const next = this.#resuming.shift() ?? this.#starting.shift();
      if (next === undefined) {
        if (this.#bringMore?.() === true) continue;
        this.#bringMore = undefined;
        break;
      }
      this.#free -= 1;
      next();
    }
    this.#isDue = false;
  }
}

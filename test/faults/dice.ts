import { randomInt } from 'node:crypto';
import { onTestFailed } from 'vitest';

/** Random numbers that come again with the same seed. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** An integer from 0 up to, and without, `limit`. */
  below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  pick<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.below(items.length)] ?? items[0];
  }

  /** The generator that is known as mulberry32. */
  #next(): number {
    this.#state = (this.#state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

/** Dice of another seed in each run, which is printed when the test fails; TROUPE_FAULT_SEED gives it again. */
export function newDice(): Dice {
  const seed = Number(process.env['TROUPE_FAULT_SEED'] ?? randomInt(2 ** 31));
  onTestFailed(() => console.error(`TROUPE_FAULT_SEED=${seed}`));
  return new Dice(seed);
}

/** Prints how often something happened, for those who set TROUPE_FAULT_COUNTS. */
export function tellCounts(text: string): void {
  if (process.env['TROUPE_FAULT_COUNTS'] !== undefined) console.info(text);
}

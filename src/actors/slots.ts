type Grant = () => void;

/**
 * One budget of places for the leaf work of a run. Work that goes on comes before work that starts, so that what was
 * begun is finished first. Grants never nest: 100,000 waiting starts need no deeper stack than one.
 */
export class Slots {
  #free: number;
  readonly #resuming = new GrantQueue();
  readonly #starting = new GrantQueue();
  #isGranting = false;

  constructor(limit: number) {
    this.#free = limit;
  }

  /** Calls `grant` when a place is free, at once if one is. */
  acquire(grant: Grant, isResuming: boolean): void {
    (isResuming ? this.#resuming : this.#starting).push(grant);
    this.#grantFree();
  }

  release(): void {
    this.#free += 1;
    this.#grantFree();
  }

  #grantFree(): void {
    if (this.#isGranting) return;
    this.#isGranting = true;
    while (this.#free > 0) {
      const next = this.#resuming.shift() ?? this.#starting.shift();
      if (next === undefined) break;
      this.#free -= 1;
      next();
    }
    this.#isGranting = false;
  }
}

/** A queue whose `shift` stays cheap at 100,000 entries. */
class GrantQueue {
  #items: (Grant | undefined)[] = [];
  #head = 0;

  push(grant: Grant): void {
    this.#items.push(grant);
  }

  shift(): Grant | undefined {
    const grant = this.#items[this.#head];
    if (grant === undefined) return undefined;
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#items.length || this.#head > 1_024) this.#compact();
    return grant;
  }

  #compact(): void {
    if (this.#head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}

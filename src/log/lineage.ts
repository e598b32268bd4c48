const NONE = -1;

/**
 * Who called whom, by ordinals, append-only. As children are added in the order of their ordinals, the children that
 * existed when a run had `size` invocations are those below `size`: one structure serves every snapshot.
 */
export class Lineage {
  readonly #first: number[] = [];
  readonly #last: number[] = [];
  readonly #next: number[] = [];
  readonly #roots: number[] = [];

  add(ordinal: number, source: number): void {
    this.#first.push(NONE);
    this.#last.push(NONE);
    this.#next.push(NONE);
    if (source === NONE) {
      this.#roots.push(ordinal);
      return;
    }
    const last = this.#last[source] ?? NONE;
    if (last === NONE) this.#first[source] = ordinal;
    else this.#next[last] = ordinal;
    this.#last[source] = ordinal;
  }

  /** The roots among the first `size` invocations. */
  *roots(size: number): Generator<number, void> {
    for (const root of this.#roots) if (root < size) yield root;
  }

  /** The children of an invocation among the first `size` invocations, in order of creation. */
  *children(ordinal: number, size: number): Generator<number, void> {
    let child = this.#first[ordinal] ?? NONE;
    while (child !== NONE && child < size) {
      yield child;
      child = this.#next[child] ?? NONE;
    }
  }
}

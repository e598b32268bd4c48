/** A queue whose `shift` stays cheap at 100,000 entries. */
export class Fifo<Item extends object> {
  #items: (Item | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  /** The oldest. */
  get first(): Item | undefined {
    return this.#items[this.#head];
  }

  /** The newest. */
  get last(): Item | undefined {
    return this.size === 0 ? undefined : this.#items.at(-1);
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  /** Takes the oldest out. */
  shift(): Item | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head] = undefined;
    this.#head += 1;
    this.#compact();
    return item;
  }

  /** Takes the oldest ones out, into a list of its own. */
  take(count: number): Item[] {
    if (count >= this.size) return this.#takeAll();
    const taken = this.#items.slice(this.#head, this.#head + count);
    this.#items.fill(undefined, this.#head, this.#head + count);
    this.#head += count;
    this.#compact();
    return taken as Item[]; // behind the head all are there
  }

  /** Takes out those that do not hold, and gives them. */
  retain(holds: (item: Item) => boolean): readonly Item[] {
    const gone = this.all().filter((item) => !holds(item));
    if (gone.length === 0) return gone;
    this.#items = this.all().filter((item) => holds(item));
    this.#head = 0;
    return gone;
  }

  /** All, oldest first. */
  all(): readonly Item[] {
    return this.#items.slice(this.#head) as Item[]; // behind the head all are there
  }

  #takeAll(): Item[] {
    if (this.size === 0) return [];
    const all = this.#head === 0 ? this.#items : this.#items.slice(this.#head);
    this.#items = [];
    this.#head = 0;
    return all as Item[]; // behind the head all are there
  }

  #compact(): void {
    if (this.#head < this.#items.length && (this.#head <= 1_024 || this.#head * 2 < this.#items.length))
      return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}

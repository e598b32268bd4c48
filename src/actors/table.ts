// Up to so many items are found by looking through them; from so few on they are again.
const SMALL = 16;
const SMALL_AGAIN = 4;

/**
 * A map for what comes and goes all the time in something that lives long, in the order in which it came. The engine gives
 * a `Map` a new table every few deletions, and what an old table refers to lives until the next full collection; here no
 * table refers to an item.
 */
export class Table<Key extends string | number, Item extends object> {
  #keys: Key[] = [];
  /** Beside their keys; of many, in their places. */
  #items: (Item | undefined)[] = [];
  /** The places of many items. */
  #places: Map<Key, number> | undefined;
  #free: number[] = [];

  get size(): number {
    return this.#places?.size ?? this.#items.length;
  }

  get(key: Key): Item | undefined {
    if (this.#places === undefined) {
      // What is asked for is mostly new.
      const at = this.#keys.lastIndexOf(key);
      return at === -1 ? undefined : this.#items[at];
    }
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#items[place];
  }

  has(key: Key): boolean {
    return this.#places === undefined ? this.#keys.includes(key) : this.#places.has(key);
  }

  /** Adds an item under a key that is not there. */
  add(key: Key, item: Item): void {
    if (this.#places === undefined && this.#items.length < SMALL) {
      this.#keys.push(key);
      this.#items.push(item);
      return;
    }
    const places = (this.#places ??= this.#grow());
    const place = this.#free.pop() ?? this.#items.length;
    places.set(key, place);
    this.#items[place] = item;
  }

  /** Whether it was there. */
  delete(key: Key): boolean {
    if (this.#places === undefined) {
      const at = this.#keys.indexOf(key);
      if (at === -1) return false;
      removeAt(this.#keys, at);
      removeAt(this.#items, at);
      return true;
    }
    const place = this.#places.get(key);
    if (place === undefined) return false;
    this.#places.delete(key);
    this.#items[place] = undefined;
    this.#free.push(place);
    if (this.#places.size <= SMALL_AGAIN) this.#shrink(this.#places);
    return true;
  }

  /** All, oldest first, as they are now. */
  values(): Item[] {
    if (this.#places === undefined) return this.#items.slice() as Item[]; // of few there are no gaps
    const found: Item[] = [];
    for (const place of this.#places.values()) {
      const item = this.#items[place];
      if (item !== undefined) found.push(item);
    }
    return found;
  }

  /** The oldest key. */
  get firstKey(): Key | undefined {
    if (this.#places === undefined) return this.#keys[0];
    for (const key of this.#places.keys()) return key;
    return undefined;
  }

  #grow(): Map<Key, number> {
    const places = new Map(this.#keys.map((key, place) => [key, place] as const));
    this.#keys = [];
    return places;
  }

  #shrink(places: ReadonlyMap<Key, number>): void {
    const items = this.values();
    this.#keys = [...places.keys()];
    this.#items = items;
    this.#places = undefined;
    this.#free = [];
  }
}

/** As `splice`, without a list of what is removed. */
function removeAt(list: unknown[], at: number): void {
  for (let next = at + 1; next < list.length; next += 1) list[next - 1] = list[next];
  list.pop();
}

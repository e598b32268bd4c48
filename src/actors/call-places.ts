/** Something for each of a caller's calls: for those with a key by that, for others by name. */
export class CallPlaces<Value> {
  #byName: Map<string, Value> | undefined;
  #byKey: Map<string, Value> | undefined;

  get(name: string, key: string | undefined): Value | undefined {
    return key === undefined ? this.#byName?.get(name) : this.#byKey?.get(key);
  }

  set(name: string, key: string | undefined, value: Value): void {
    if (key === undefined) (this.#byName ??= new Map()).set(name, value);
    else (this.#byKey ??= new Map()).set(key, value);
  }
}

/** A call among those that its caller has made. */
export type CallStep = {
  readonly attempt: number;
  /** How many with this key or, without one, of this name came before. */
  readonly before: number;
} & ({ readonly name: string } | { readonly key: string });

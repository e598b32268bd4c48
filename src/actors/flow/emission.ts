import { CancelledError } from '../../errors.ts';

/** The promise of an emit that was refused, or has to wait. It knows whether anybody looks at it. */
export class Emission extends Promise<void> {
  /** Whether whoever emitted waits for it, and will hear of a failure. */
  isHeeded = false;
  /** Told when that becomes so. */
  onHeeded: (() => void) | undefined;

  // Promises that come of it are ordinary ones.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- that somebody waits for it is what is to be known
  override then<Fulfilled = void, Rejected = never>(
    onFulfilled?: ((value: void) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    if (!this.isHeeded) {
      this.isHeeded = true;
      this.onHeeded?.();
    }
    return super.then(onFulfilled, onRejected);
  }
}

/** An emit that has not come to its end. */
export interface PendingEmission {
  readonly promise: Emission;
  resolve(): void;
  reject(error: unknown): void;
}

export function pendingEmission(): PendingEmission {
  let settle: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  const promise = new Emission((resolve, reject) => {
    settle = { resolve, reject };
  });
  // Nobody who does not look at it gets an unhandled rejection: the activation fails with it instead.
  void Promise.prototype.then.call(promise, undefined, () => undefined);
  return {
    promise,
    resolve: () => settle?.resolve(),
    reject: (error) => settle?.reject(error),
  };
}

/** The emits of one attempt of a body: those that wait, and those that failed. */
export class Emissions {
  /** How many wait for room. */
  blocked = 0;
  // Most emits go at once, and leave nothing.
  #pending: Set<PendingEmission> | undefined;
  #failures: { readonly promise: Emission; readonly error: unknown }[] | undefined;
  #onIdle: (() => void) | undefined;
  readonly #onAwaited: () => void;

  /** `onAwaited`: the body waits for what cannot go yet. */
  constructor(onAwaited: () => void) {
    this.#onAwaited = onAwaited;
  }

  /** How many have not come to their end: those that wait for room, and those whose body waits for its place again. */
  get waiting(): number {
    return this.#pending?.size ?? 0;
  }

  /** Whether the body waits for one of them, and none of them is on its way. */
  get isAwaited(): boolean {
    if (this.blocked === 0 || this.blocked < this.waiting) return false;
    if (this.#onIdle !== undefined) return true;
    for (const { promise } of this.#pending ?? []) if (promise.isHeeded) return true;
    return false;
  }

  add(emission: PendingEmission): void {
    this.blocked += 1;
    emission.promise.onHeeded = this.#onAwaited;
    (this.#pending ??= new Set()).add(emission);
  }

  /** It has gone, and its body may know. */
  resolve(emission: PendingEmission): void {
    this.#pending?.delete(emission);
    emission.resolve();
    this.#tell();
  }

  refuse(emission: PendingEmission, error: unknown): void {
    if (this.#pending?.delete(emission) === true) this.blocked -= 1;
    (this.#failures ??= []).push({ promise: emission.promise, error });
    emission.reject(error);
    this.#tell();
  }

  /** Those that still wait never will go. */
  withdraw(): void {
    for (const emission of this.#pending ?? [])
      emission.reject(new CancelledError('The attempt that emitted has ended'));
    this.#pending = undefined;
    this.blocked = 0;
  }

  /** What a body gave, when its emits have come to their ends: one that failed and that it did not look at is its failure. */
  settled(result: unknown): unknown {
    if (this.waiting > 0) return this.#whenIdle().then(() => this.settled(result));
    const failure = this.#failures?.find(({ promise }) => !promise.isHeeded);
    if (failure !== undefined) throw failure.error;
    return result;
  }

  #whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#onAwaited();
    });
  }

  #tell(): void {
    if (this.waiting === 0) this.#onIdle?.();
  }
}

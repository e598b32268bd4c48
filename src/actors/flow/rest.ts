/** Tells when a worker has come to rest; never in the middle of what has led there. */
export class Rest {
  readonly #isQuiet: () => boolean;
  readonly #onRest: () => void;
  #waiters: (() => void)[] = [];
  #isDue = false;

  /** `onRest`: called whenever something has come to rest, not only all. */
  constructor(isQuiet: () => boolean, onRest: () => void) {
    this.#isQuiet = isQuiet;
    this.#onRest = onRest;
  }

  /** Whether anybody waits for it. */
  get isAwaited(): boolean {
    return this.#waiters.length > 0;
  }

  /** Resolves when all is quiet. */
  quiet(): Promise<void> {
    if (this.#isQuiet()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Something has come to rest. */
  check(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#tell();
      this.#onRest();
    });
  }

  #tell(): void {
    if (this.#waiters.length === 0 || !this.#isQuiet()) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const goOn of waiters) goOn();
  }
}

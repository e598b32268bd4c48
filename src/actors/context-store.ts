import { ContextKeyError } from '../errors.ts';
import type { RunContext } from '../nodes/contract.ts';
import { didYouMean } from '../suggest.ts';

/** The values of one scope of a run's context: the run's own, or that of a subtree, which reads through to the one around it. */
export class ContextScope {
  readonly #outer: ContextScope | undefined;
  // Most runs have no context.
  #values: Map<string, unknown> | undefined;
  // Keys of the scopes around that were deleted here.
  #deleted: Set<string> | undefined;

  constructor(values: Readonly<Record<string, unknown>>, outer?: ContextScope) {
    const entries = Object.entries(values);
    if (entries.length > 0) this.#values = new Map(entries);
    this.#outer = outer;
  }

  has(key: string): boolean {
    return (
      this.#values?.has(key) === true || (this.#deleted?.has(key) !== true && this.#outer?.has(key) === true)
    );
  }

  read(key: string): unknown {
    return this.#values?.has(key) === true ? this.#values.get(key) : this.#outer?.read(key);
  }

  write(key: string, value: unknown): void {
    (this.#values ??= new Map()).set(key, value);
  }

  remove(key: string): void {
    this.#values?.delete(key);
    if (this.#outer?.has(key) === true) (this.#deleted ??= new Set()).add(key);
  }

  keys(): string[] {
    const outer = this.#outer?.keys().filter((key) => this.#deleted?.has(key) !== true) ?? [];
    return [...new Set([...outer, ...(this.#values?.keys() ?? [])])];
  }
}

/** Hears of a write before it is made; false stops it. */
export type WriteListener = (key: string, isDelete: boolean, value: unknown) => boolean;

/** A scope as the bodies of one invocation use it. */
export function contextOf(
  scope: ContextScope,
  onWrite: WriteListener,
  /** Throws where one of several values cannot be written: then none is. */
  check?: (values: readonly unknown[]) => void,
): RunContext {
  const put = (key: string, value: unknown): void => {
    if (onWrite(key, false, value)) scope.write(key, value);
  };
  return {
    get: <Value>(...args: [key: string, fallback?: Value]) => {
      const [key, fallback] = args;
      if (scope.has(key)) return scope.read(key) as Value; // the caller says what it put there
      if (args.length > 1) return fallback as Value;
      throw missingKey(scope, key);
    },
    has: (key) => scope.has(key),
    put,
    update: (values) => {
      check?.(Object.values(values));
      for (const [key, value] of Object.entries(values)) put(key, value);
    },
    delete: (key) => {
      if (!scope.has(key)) throw missingKey(scope, key);
      if (onWrite(key, true, undefined)) scope.remove(key);
    },
    keys: () => scope.keys(),
  };
}

function missingKey(scope: ContextScope, key: string): ContextKeyError {
  return new ContextKeyError(`The context has no key "${key}"`, {
    hint: `Give a fallback: \`get('${key}', …)\`. ${didYouMean(key, scope.keys())}`,
  });
}

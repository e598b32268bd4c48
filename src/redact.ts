import { isBuiltInValue } from './clone.ts';

/**
 * What is kept out of everything that is logged, saved, published or inspected: key names (`'token'`), dotted paths
 * that match at the end of a value's path, with `*` for any one key (`'user.*.token'`), or a function that gets every
 * value with its dotted path and returns what stands there instead.
 */
export type RedactOption = readonly string[] | ((value: unknown, path: string) => unknown);

/** Copies a value with what must not be seen replaced; `path` is where it stands. */
export type Redactor = (value: unknown, path: string) => unknown;

const REPLACEMENT = '[redacted]';

type Replace = (value: unknown, path: string) => unknown;

/**
 * The redactor for an option; `undefined` where nothing is redacted, so that nothing is copied. Where a function throws
 * the value is hidden, and the process is warned once.
 */
export function createRedactor(option: RedactOption | null | undefined): Redactor | undefined {
  if (option === undefined || option === null) return undefined;
  const replace = typeof option === 'function' ? hidingOnThrow(option) : byPatterns(option);
  return (value, path) => new Redaction(replace).of(value, path);
}

function hidingOnThrow(replace: Replace): Replace {
  let hasWarned = false;
  return (value, path) => {
    try {
      return replace(value, path);
    } catch (error) {
      if (!hasWarned) process.emitWarning(`The \`redact\` function threw: ${String(error)}`, 'TroupeWarning');
      hasWarned = true;
      return REPLACEMENT;
    }
  };
}

function byPatterns(patterns: readonly string[]): Replace {
  const split = patterns.map((pattern) => pattern.split('.').toReversed());
  return (value, path) => {
    const keys = path.split('.').toReversed();
    const isHit = split.some((pattern) =>
      pattern.every((part, index) => index < keys.length && (part === '*' || part === keys[index])),
    );
    return isHit ? REPLACEMENT : value;
  };
}

/** One copy of one value; what occurs twice in it is copied once. */
class Redaction {
  readonly #replace: Replace;
  readonly #seen = new Map<object, unknown>();

  constructor(replace: Replace) {
    this.#replace = replace;
  }

  of(value: unknown, path: string): unknown {
    const kept = this.#replace(value, path);
    if (typeof kept !== 'object' || kept === null || isBuiltInValue(kept)) return kept;
    return this.#seen.get(kept) ?? this.#copy(kept, path);
  }

  #copy(value: object, path: string): unknown {
    if (Array.isArray(value)) {
      const copy: unknown[] = [];
      this.#seen.set(value, copy);
      for (const [index, item] of value.entries()) copy.push(this.of(item, `${path}.${index}`));
      return copy;
    }
    if (value instanceof Map) {
      const copy = new Map<unknown, unknown>();
      this.#seen.set(value, copy);
      for (const [key, item] of value)
        copy.set(this.of(key, `${path}.*`), this.of(item, `${path}.${String(key)}`));
      return copy;
    }
    if (value instanceof Set) {
      const copy = new Set<unknown>();
      this.#seen.set(value, copy);
      for (const item of value) copy.add(this.of(item, `${path}.*`));
      return copy;
    }
    return this.#copyFields(value, path);
  }

  /** Of an instance only its fields are shown; an error stays one. */
  #copyFields(value: object, path: string): unknown {
    const isError = value instanceof Error;
    const copy: object = isError ? (Object.create(Object.getPrototypeOf(value) as object) as object) : {};
    this.#seen.set(value, copy);
    const define = (key: string, item: unknown, enumerable: boolean): void => {
      // Defined, not assigned: a key may be `__proto__`.
      const shown = this.of(item, `${path}.${key}`);
      Object.defineProperty(copy, key, { value: shown, enumerable, writable: true, configurable: true });
    };
    if (isError)
      for (const key of ['message', 'stack', 'cause'])
        if (key in value) define(key, Reflect.get(value, key), false);
    for (const [key, item] of Object.entries(value)) define(key, item, true);
    return copy;
  }
}

/** Redacts a value that stands under a key of its own, such as a context's: by its place, and by that key. */
export function redactKeyed(
  redact: Redactor,
  place: { readonly path: string; readonly key: unknown },
  value: unknown,
): unknown {
  const { path, key } = place;
  const shown = redact(value, path);
  return typeof key === 'string' ? redact(shown, `${path}.${key}`) : shown;
}

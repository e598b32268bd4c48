/**
 * What is kept out of everything that is logged, saved, published or inspected: key names (`'token'`), dotted paths
 * that match at the end of a value's path, with `*` for any one key (`'user.*.token'`), or a function that gets every
 * value with its dotted path and returns what stands there instead.
 */
export type RedactOption = readonly string[] | ((value: unknown, path: string) => unknown);

/** Copies a value with what must not be seen replaced; `path` is where it stands. */
export type Redactor = (value: unknown, path: string) => unknown;

const REPLACEMENT = '[redacted]';

/** The redactor for an option; `undefined` where nothing is redacted, so that nothing is copied. */
export function createRedactor(option: RedactOption | null | undefined): Redactor | undefined {
  if (option === undefined || option === null) return undefined;
  const replace = typeof option === 'function' ? option : byPatterns(option);
  return (value, path) => redacted(value, path, replace, new Map());
}

function byPatterns(patterns: readonly string[]): (value: unknown, path: string) => unknown {
  const split = patterns.map((pattern) => pattern.split('.').toReversed());
  return (value, path) => {
    const keys = path.split('.').toReversed();
    const isHit = split.some((pattern) =>
      pattern.every((part, index) => index < keys.length && (part === '*' || part === keys[index])),
    );
    return isHit ? REPLACEMENT : value;
  };
}

function redacted(
  value: unknown,
  path: string,
  replace: (value: unknown, path: string) => unknown,
  seen: Map<object, unknown>,
): unknown {
  const kept = replace(value, path);
  if (typeof kept !== 'object' || kept === null) return kept;
  const met = seen.get(kept);
  if (met !== undefined) return met;
  if (Array.isArray(kept)) {
    const copy: unknown[] = [];
    seen.set(kept, copy);
    for (const [index, item] of kept.entries()) copy.push(redacted(item, `${path}.${index}`, replace, seen));
    return copy;
  }
  if (kept instanceof Map) {
    const copy = new Map<unknown, unknown>();
    seen.set(kept, copy);
    for (const [key, item] of kept) copy.set(key, redacted(item, `${path}.${String(key)}`, replace, seen));
    return copy;
  }
  const prototype: unknown = Object.getPrototypeOf(kept);
  if (prototype !== Object.prototype && prototype !== null) return kept;
  const copy: Record<string, unknown> = {};
  seen.set(kept, copy);
  for (const [key, item] of Object.entries(kept)) copy[key] = redacted(item, `${path}.${key}`, replace, seen);
  return copy;
}

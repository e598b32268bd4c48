/** How a copy treats what is no plain data. */
interface CopyRule {
  /** Whether copied arrays and plain objects are frozen. */
  readonly freeze: boolean;
  /** What stands for a function, a symbol, or an instance of a class. */
  readonly other: (value: object | symbol) => unknown;
}

const RECORD: CopyRule = { freeze: true, other: cloneOrDescribe };
const SHARE: CopyRule = { freeze: false, other: (value) => value };

// So many objects are found by looking through them; most values have fewer.
const FEW = 8;

/** What was copied already, with its copy. */
class Copies {
  readonly #originals: object[] = [];
  readonly #copies: unknown[] = [];
  #index: Map<object, unknown> | undefined;

  get(original: object): unknown {
    if (this.#index !== undefined) return this.#index.get(original);
    const place = this.#originals.indexOf(original);
    return place === -1 ? undefined : this.#copies[place];
  }

  set(original: object, copied: unknown): void {
    if (this.#index === undefined && this.#originals.length < FEW) {
      this.#originals.push(original);
      this.#copies.push(copied);
      return;
    }
    this.#index ??= new Map(this.#originals.map((known, place) => [known, this.#copies[place]]));
    this.#index.set(original, copied);
  }
}

/**
 * The value as it is now, for the record: a deep, frozen copy. Instances of classes are copied as the structured clone
 * algorithm does it; what cannot be cloned (functions, promises, sockets) becomes a text such as `[Function: send]`.
 */
export function recordOf(value: unknown): unknown {
  if (isScalar(value)) return value;
  try {
    return copy(value, RECORD, undefined);
  } catch (error) {
    // A getter or a proxy trap that throws, or data nested deeper than the stack.
    return `[Uncloneable: ${error instanceof Error ? error.message : 'threw'}]`;
  }
}

/** A deep copy of plain data, in which functions and instances of classes (clients, connections) stay the same objects. */
export function cloneData<Value>(value: Value): Value {
  // `copy` keeps the shape of plain data, and everything else is the same object.
  return isScalar(value) ? value : (copy(value, SHARE, undefined) as Value);
}

function isScalar(value: unknown): boolean {
  return (
    value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol')
  );
}

function copy(value: unknown, rule: CopyRule, seen: Copies | undefined): unknown {
  if (typeof value === 'symbol' || typeof value === 'function') return rule.other(value);
  if (typeof value !== 'object' || value === null) return value;
  const met = seen?.get(value);
  if (met !== undefined) return met;
  return copyObject(value, rule, seen ?? new Copies());
}

function copyObject(value: object, rule: CopyRule, seen: Copies): unknown {
  if (Array.isArray(value)) return copyArray(value, rule, seen);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return copyPlain(value, rule, seen);
  if (value instanceof Map) return copyMap(value, rule, seen);
  if (value instanceof Set) return copySet(value, rule, seen);
  const result = isBuiltInValue(value) ? cloneBuiltIn(value) : rule.other(value);
  seen.set(value, result);
  return result;
}

function copyArray(value: readonly unknown[], rule: CopyRule, seen: Copies): unknown {
  const result: unknown[] = [];
  seen.set(value, result);
  for (let index = 0; index < value.length; index += 1) {
    const item = value[index];
    result.push(isScalar(item) ? item : copy(item, rule, seen));
  }
  return rule.freeze ? Object.freeze(result) : result;
}

function copyPlain(value: object, rule: CopyRule, seen: Copies): unknown {
  const result: Record<string, unknown> = {};
  seen.set(value, result);
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key]; // an own key of a plain object
    const copied = isScalar(item) ? item : copy(item, rule, seen);
    if (key === '__proto__') Object.defineProperty(result, key, { value: copied, enumerable: true });
    else result[key] = copied;
  }
  return rule.freeze ? Object.freeze(result) : result;
}

function copyMap(value: ReadonlyMap<unknown, unknown>, rule: CopyRule, seen: Copies): unknown {
  const result = new Map<unknown, unknown>();
  seen.set(value, result);
  for (const [key, item] of value) result.set(copy(key, rule, seen), copy(item, rule, seen));
  return result;
}

function copySet(value: ReadonlySet<unknown>, rule: CopyRule, seen: Copies): unknown {
  const result = new Set<unknown>();
  seen.set(value, result);
  for (const item of value) result.add(copy(item, rule, seen));
  return result;
}

/** Whether an object is a value in itself, with no parts of the application's own inside: a date, a buffer … */
export function isBuiltInValue(value: object): boolean {
  return (
    value instanceof Date ||
    value instanceof RegExp ||
    value instanceof URL ||
    value instanceof ArrayBuffer ||
    ArrayBuffer.isView(value)
  );
}

function cloneBuiltIn(value: object): unknown {
  if (value instanceof URL) return new URL(value.href); // structuredClone gives an empty object for it
  try {
    return structuredClone(value);
  } catch {
    return describe(value); // a detached buffer
  }
}

function cloneOrDescribe(value: object | symbol): unknown {
  if (typeof value === 'symbol' || typeof value === 'function') return describe(value);
  try {
    return structuredClone(value);
  } catch {
    return describe(value);
  }
}

function describe(value: object | symbol): string {
  if (typeof value === 'symbol') return `[Symbol: ${value.description ?? ''}]`;
  if (typeof value === 'function') return `[Function: ${value.name === '' ? 'anonymous' : value.name}]`;
  const { constructor } = value;
  return `[${typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'Object'}]`;
}

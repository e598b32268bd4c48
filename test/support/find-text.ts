/**
 * Where a text stands in a value, also in what is not enumerable, in maps, sets, errors and in keys; undefined if
 * nowhere. Properties that are named by symbols are looked into if `withSymbols` says so.
 */
export function findText(value: unknown, text: string, withSymbols = false): string | undefined {
  return find({ value, text, path: '' }, withSymbols, new Set());
}

interface Place {
  readonly value: unknown;
  readonly text: string;
  readonly path: string;
}

function find({ value, text, path }: Place, withSymbols: boolean, seen: Set<object>): string | undefined {
  if (typeof value === 'string') return value.includes(text) ? path : undefined;
  if (typeof value !== 'object' || value === null || seen.has(value)) return undefined;
  seen.add(value);
  for (const [key, item] of partsOf(value)) {
    if (typeof key === 'symbol' && !withSymbols) continue;
    const below = { value: item, text, path: `${path}.${String(key)}` };
    const found = String(key).includes(text) ? `${path}.(key)` : find(below, withSymbols, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

function* partsOf(value: object): Generator<readonly [unknown, unknown], void> {
  if (value instanceof Map)
    yield* [...value].flatMap(([key, item], index) => [
      [`key ${index}`, key] as const,
      [index, item] as const,
    ]);
  if (value instanceof Set) yield* [...value].map((item, index) => [index, item] as const);
  if (value instanceof URL) yield ['href', value.href];
  for (const key of Reflect.ownKeys(value)) {
    const descriptor = Object.getOwnPropertyDescriptor(value, key);
    if (descriptor !== undefined && 'value' in descriptor) yield [key, descriptor.value];
  }
}

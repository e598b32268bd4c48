import type { Redactor } from './redact.ts';

/** Any value as plain JSON data: what JSON cannot say becomes a text, repeated ancestors become `[Circular]`. */
export function toJsonValue(value: unknown, path: string, redact?: Redactor): unknown {
  return convert(redact === undefined ? value : redact(value, path), path, [], redact);
}

function convert(
  value: unknown,
  path: string,
  ancestors: readonly object[],
  redact: Redactor | undefined,
): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : `[${String(value)}]`;
    case 'bigint':
      return `[BigInt: ${String(value)}]`;
    case 'object':
      break;
    case 'undefined':
      return undefined;
    default:
      return `[${typeof value === 'function' ? 'Function' : 'Symbol'}]`;
  }
  if (value === null) return null;
  if (ancestors.includes(value)) return '[Circular]';
  if (ancestors.length > 200) return '[Too deep]';
  return convertObject(value, path, [...ancestors, value], redact);
}

function convertObject(
  value: object,
  path: string,
  ancestors: readonly object[],
  redact: Redactor | undefined,
): unknown {
  const inner = (item: unknown, key: string): unknown => convert(item, `${path}.${key}`, ancestors, redact);
  if (value instanceof Error) return convertError(value, path, ancestors, redact);
  const list = asList(value, inner);
  if (list !== undefined) return list;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '[Invalid Date]' : value.toISOString();
  if (value instanceof RegExp || value instanceof URL) return String(value);
  if (value instanceof ArrayBuffer || value instanceof DataView)
    return `[${value.constructor.name}: ${value.byteLength} bytes]`;
  const entries = Object.entries(value).map(([key, item]) => [key, inner(item, key)] as const);
  return Object.fromEntries(entries);
}

/** What JSON shows as an array. Nothing may be left out of one, or the others would change their places. */
function asList(value: object, inner: (item: unknown, key: string) => unknown): unknown[] | undefined {
  const item = (each: unknown, key: string): unknown => inner(each, key) ?? null;
  if (Array.isArray(value)) return Array.from(value, (each: unknown, index) => item(each, String(index)));
  if (value instanceof Set) return Array.from(value, (each: unknown) => item(each, '*'));
  if (value instanceof Map)
    return Array.from(value, ([key, each]) => [item(key, 'key'), item(each, String(key))]);
  // A typed array, of numbers or of big integers.
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return Array.from(value as Uint8Array, (each) => item(each, '*'));
  }
  return undefined;
}

function convertError(
  error: Error,
  path: string,
  ancestors: readonly object[],
  redact: Redactor | undefined,
): unknown {
  const fields: Record<string, unknown> = { ...error, name: error.name, message: error.message };
  if (error.stack !== undefined) fields['stack'] = error.stack;
  if (error.cause !== undefined) fields['cause'] = error.cause;
  const shown = redact === undefined ? fields : (redact(fields, path) as Record<string, unknown>); // a record stays one
  const entries = Object.entries(shown).map(
    ([key, item]) => [key, convert(item, `${path}.${key}`, ancestors, redact)] as const,
  );
  return Object.fromEntries(entries);
}

import { types } from 'node:util';
import { recordOf } from './clone.ts';
import * as troupeErrors from './errors.ts';
import { decodeFlat, encodeFlat, isUndefinedCell } from './stored-flat.ts';

/** What a stored object is; objects of no kind cannot be stored. */
export type ValueKind = 'array' | 'plain' | 'map' | 'set' | 'date' | 'regexp' | 'url' | 'bytes' | 'error';

const BYTES = new Set(
  ['Int8', 'Uint8', 'Uint8Clamped', 'Int16', 'Uint16', 'Int32', 'Uint32', 'Float32', 'Float64', 'BigInt64']
    .map((name) => `${name}Array`)
    .concat('BigUint64Array', 'DataView', 'ArrayBuffer', 'Buffer'),
);

const CHECKS: Readonly<Record<string, readonly [kind: ValueKind, check: (value: object) => boolean]>> = {
  Array: ['array', (value) => Array.isArray(value)],
  Map: ['map', (value) => types.isMap(value)],
  Set: ['set', (value) => types.isSet(value)],
  Date: ['date', (value) => types.isDate(value)],
  RegExp: ['regexp', (value) => types.isRegExp(value)],
  URL: ['url', (value) => value instanceof URL],
};

/** The name of the class an object is a direct instance of, empty where it has none. */
export function classNameOf(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (typeof prototype !== 'object' || prototype === null || !Object.hasOwn(prototype, 'constructor'))
    return '';
  const { constructor } = prototype;
  return typeof constructor === 'function' ? constructor.name : '';
}

/** The kind of an object, also of another realm; `undefined` for instances of other classes, subclasses included. */
export function kindOf(value: object): ValueKind | undefined {
  if (types.isNativeError(value) || value instanceof Error) return 'error';
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return 'plain';
  const name = classNameOf(value);
  if (BYTES.has(name)) return isOwnBytes(value) ? 'bytes' : undefined;
  if (!Object.hasOwn(CHECKS, name)) return undefined;
  const [kind, check] = CHECKS[name] ?? [];
  return check?.(value) === true ? kind : undefined;
}

/** Bytes that other threads may write meanwhile are no value. */
function isOwnBytes(value: object): boolean {
  if (ArrayBuffer.isView(value)) return !types.isSharedArrayBuffer(value.buffer);
  return types.isArrayBuffer(value);
}

/** The bytes that a view shows, or a buffer holds; not those around them. */
export function bytesOf(value: object): Buffer {
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return Buffer.from(value as ArrayBuffer); // the other value of kind 'bytes'
}

/** A property as a part of a path: `.name`, `[0]` or `["two words"]`. */
export function propertyStep(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** The steps as one text; `(root)` where there is none. */
export function pathOf(steps: readonly string[]): string {
  const path = steps.join('');
  return path === '' ? '(root)' : path.replace(/^\./, '');
}

/** What is refused, in words. */
export function describeKind(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`;
  if (types.isPromise(value)) return 'a promise';
  const name = classNameOf(value);
  return name === '' ? 'an object of an unknown class' : `an instance of ${name}`;
}

/** A value holds something that no text can stand for. Callers turn it into an error of their own. */
export class UnstorableValueError extends Error {
  override readonly name = 'UnstorableValueError';
  /** What it holds, as `a function`. */
  readonly what: string;
  /** Where it is, as `items[0].send`; `(root)` for the value itself. */
  readonly path: string;

  constructor(what: string, path: string, options?: ErrorOptions) {
    super(`Cannot store ${what} at ${path}`, options);
    this.what = what;
    this.path = path;
  }
}

/** What stands for a value inside a row: JSON's own scalars, `[index]` of a row, or a tag and its text. */
type Cell = string | number | boolean | null | readonly [number] | readonly [tag: string, text?: string];

/** An object: its tag, then what its kind needs. */
type Row = readonly [tag: string, ...parts: unknown[]];

interface Visit {
  readonly value: object;
  /** The index of the visit that led here; -1 for the root. */
  readonly parent: number;
  readonly step: string;
}

/** The native error classes and those of Troupe, so that `instanceof` still holds of a revived one. */
const ERROR_PROTOTYPES = new Map<string, object>();
for (const native of [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError,
]) {
  ERROR_PROTOTYPES.set(native.name, native.prototype);
}
for (const [name, item] of Object.entries(troupeErrors)) {
  if (typeof item !== 'function') continue;
  const prototype: unknown = item.prototype;
  if (prototype instanceof troupeErrors.TroupeError) ERROR_PROTOTYPES.set(name, prototype);
}

const ERROR_NAMES = new Map([...ERROR_PROTOTYPES].map(([name, prototype]) => [prototype, name]));
const BRAND = Symbol.for('troupe.error');

/** A non-recursive walk, so that depth is bounded by memory alone. Each object becomes one row, however often it is met. */
class Encoder {
  readonly #visits: Visit[] = [];
  readonly #indexes = new Map<object, number>();
  /** False: errors count as storable unseen. */
  readonly #readsErrors: boolean;
  #current = -1;

  constructor(readsErrors: boolean) {
    this.#readsErrors = readsErrors;
  }

  encode(value: unknown): unknown[] {
    try {
      const result: unknown[] = [this.#cell(value, '')];
      for (let index = 0; index < this.#visits.length; index += 1) {
        this.#current = index;
        result.push(this.#row((this.#visits[index] as Visit).value)); // below the length
      }
      return result;
    } catch (error) {
      if (error instanceof UnstorableValueError) throw error;
      throw new UnstorableValueError('what throws when it is read', this.#path(''), { cause: error });
    }
  }

  #path(step: string): string {
    const steps = [step];
    for (let visit = this.#visits[this.#current]; visit !== undefined; visit = this.#visits[visit.parent]) {
      steps.unshift(visit.step);
    }
    return pathOf(steps);
  }

  #cell(value: unknown, step: string): Cell {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value;
      case 'undefined':
        return ['undefined'];
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0) ? value : ['number', numberText(value)];
      case 'bigint':
        return ['bigint', String(value)];
      case 'object':
        return value === null ? null : [this.#indexOf(value, step)];
      default:
        throw new UnstorableValueError(describeKind(value), this.#path(step));
    }
  }

  #indexOf(value: object, step: string): number {
    const known = this.#indexes.get(value);
    if (known !== undefined) return known;
    const index = this.#visits.push({ value, parent: this.#current, step }) - 1;
    this.#indexes.set(value, index);
    return index;
  }

  #row(value: object): Row {
    const kind = kindOf(value);
    switch (kind) {
      case 'array':
        return ['array', ...this.#items(value as readonly unknown[])];
      case 'plain':
        return [Object.getPrototypeOf(value) === null ? 'bare' : 'object', ...this.#properties(value)];
      case 'map':
        return ['map', ...this.#mapEntries(value as ReadonlyMap<unknown, unknown>)];
      case 'set':
        return [
          'set',
          ...Array.from(value as ReadonlySet<unknown>, (item, index) => this.#cell(item, `<${index}>`)),
        ];
      case 'error':
        return this.#readsErrors ? this.#error(value as Error) : ['error'];
      case undefined:
        throw new UnstorableValueError(describeKind(value), this.#path(''));
      default:
        return scalarRow(value, kind);
    }
  }

  #items(value: readonly unknown[]): Cell[] {
    return Array.from(value, (item, index) =>
      item === undefined && !(index in value) ? ['hole'] : this.#cell(item, propertyStep(index)),
    );
  }

  #properties(value: object): Cell[] {
    for (const key of Object.getOwnPropertySymbols(value)) {
      if (!Object.prototype.propertyIsEnumerable.call(value, key)) continue;
      throw new UnstorableValueError('a property named by a symbol', this.#path(`[${String(key)}]`));
    }
    return Object.entries(value).flatMap(([key, item]) => [key, this.#cell(item, propertyStep(key))]);
  }

  #mapEntries(value: ReadonlyMap<unknown, unknown>): Cell[] {
    return [...value].flatMap(([key, item], index) => [
      this.#cell(key, `<key ${index}>`),
      this.#cell(item, typeof key === 'string' ? `<${JSON.stringify(key)}>` : `<${index}>`),
    ]);
  }

  #error(error: Error): Row {
    const known = nearestKnown(error);
    const fields: [key: string, isEnumerable: boolean, cell: Cell][] = [];
    for (const key of new Set([...Object.getOwnPropertyNames(error), ...inheritedFields(error, known)])) {
      const isEnumerable = Object.prototype.propertyIsEnumerable.call(error, key);
      const field = (error as unknown as Record<string, unknown>)[key]; // by name, whatever the class
      fields.push([key, isEnumerable, this.#cell(storableField(field), propertyStep(key))]);
    }
    return ['error', known, BRAND in error, ...fields];
  }
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function scalarRow(value: object, kind: 'date' | 'regexp' | 'url' | 'bytes'): Row {
  switch (kind) {
    case 'date':
      return ['date', (value as Date).getTime()]; // JSON makes null of an invalid one
    case 'regexp':
      return ['regexp', (value as RegExp).source, (value as RegExp).flags];
    case 'url':
      return ['url', (value as URL).href];
    default:
      return ['bytes', classNameOf(value), bytesOf(value).toString('base64')];
  }
}

/** The class of {@link ERROR_PROTOTYPES} that an error is an instance of, the most special one. */
function nearestKnown(error: Error): string {
  for (let at: unknown = Object.getPrototypeOf(error); at !== null; at = Object.getPrototypeOf(at)) {
    const name = ERROR_NAMES.get(at as object); // a prototype that is not null
    if (name !== undefined) return name;
  }
  return 'Error';
}

/** Fields that an error's own class gives it by its prototype, as `DOMException` does with all of them. */
function inheritedFields(error: Error, known: string): string[] {
  const revived = ERROR_PROTOTYPES.get(known) ?? Error.prototype;
  const keys = ['name', 'message', 'stack', 'code', 'cause'];
  return keys.filter((key) => key in error && Reflect.get(error, key) !== Reflect.get(revived, key));
}

/** The record of a failure must not fail for a socket or a function that the error carries: text stands for such. */
function storableField(field: unknown): unknown {
  if (isStorable(field)) return field;
  const record = recordOf(field);
  return isStorable(record) ? record : `[${describeKind(field)}]`;
}

function isStorable(value: unknown): boolean {
  try {
    new Encoder(false).encode(value);
    return true;
  } catch {
    return false; // only a yes or no is asked
  }
}

/**
 * The value as one JSON text, from which {@link decodeValue} makes an equal value: also `undefined`, NaN, infinities,
 * -0, bigints, dates, maps, sets, regular expressions, URLs, buffers, typed arrays, errors, holes, cycles and shared
 * references. Errors keep class (native and Troupe's; else the nearest of those), name, message, stack, cause, code
 * and own fields, and text stands for a field of an error that cannot be stored. Views of one buffer come back with a
 * buffer each; extra properties of arrays, and properties that are not enumerable, do not come back.
 *
 * Throws {@link UnstorableValueError} for functions, symbols, promises, shared memory and instances of other classes.
 */
export function encodeValue(value: unknown): string {
  return encodeCounted(value).text;
}

/** As {@link encodeValue}, with the number of objects in it: each counts once, however often it is met. */
export function encodeCounted(value: unknown): { readonly text: string; readonly objects: number } {
  return encodeFlat(value) ?? encodeDeep(value);
}

function encodeDeep(value: unknown): { readonly text: string; readonly objects: number } {
  const rows = new Encoder(true).encode(value);
  try {
    return { text: JSON.stringify(rows), objects: rows.length - 1 };
  } catch (error) {
    throw new UnstorableValueError('a value of that size', pathOf([]), { cause: error });
  }
}

/** As {@link encodeValue}, for what must be stored whatever it is: text stands for what cannot be. */
export function encodeAnyValue(value: unknown): string {
  try {
    return encodeValue(storableField(value));
  } catch {
    return encodeValue('[Uncloneable: it throws when it is read]');
  }
}

/** The value of a text of {@link encodeValue}. Throws an `Error` for any other text, so that corruption is noticed. */
export function decodeValue(text: string): unknown {
  return decodeRows(JSON.parse(text));
}

/** As {@link decodeValue}, of a text that was parsed already, as a part of another. */
export function decodeRows(parsed: unknown): unknown {
  const cells = asArray(parsed);
  // What most values are: one that JSON has itself.
  if (cells.length === 1) {
    if (typeof cells[0] !== 'object' || cells[0] === null) return cells[0];
    if (isUndefinedCell(cells[0])) return undefined;
  }
  const flat = decodeFlat(cells);
  if (flat !== undefined) return flat;
  const [root, ...rows] = cells;
  const shells = rows.map((row) => createShell(asArray(row)));
  const valueOf = (cell: unknown): unknown => decodeCell(cell, shells);
  for (const [index, row] of rows.entries()) fillShell(shells[index], asArray(row), valueOf);
  return valueOf(root);
}

function invalid(): Error {
  return new Error('Expected the text of a stored value');
}

function asArray(value: unknown): unknown[] {
  if (Array.isArray(value)) return value as unknown[]; // of anything
  throw invalid();
}

function asString(value: unknown): string {
  if (typeof value === 'string') return value;
  throw invalid();
}

function decodeCell(cell: unknown, shells: readonly unknown[]): unknown {
  if (!Array.isArray(cell)) {
    if (typeof cell === 'object' && cell !== null) throw invalid();
    return cell;
  }
  const [tag, text] = cell as readonly unknown[];
  switch (tag) {
    case 'undefined':
      return undefined;
    case 'number':
      return Number(asString(text));
    case 'bigint':
      return BigInt(asString(text));
    default:
      if (typeof tag === 'number' && Number.isInteger(tag) && tag >= 0 && tag < shells.length)
        return shells[tag];
      throw invalid();
  }
}

/** The object of a row, still empty where other rows go into it: thus cycles close themselves. */
function createShell([tag, first, second]: readonly unknown[]): unknown {
  switch (tag) {
    case 'array':
      return [];
    case 'object':
      return {};
    case 'bare':
      return Object.create(null);
    case 'map':
      return new Map();
    case 'set':
      return new Set();
    case 'date':
      return new Date(typeof first === 'number' ? first : Number.NaN);
    case 'regexp':
      return new RegExp(asString(first), asString(second));
    case 'url':
      return new URL(asString(first));
    case 'bytes':
      return createBytes(asString(first), asString(second));
    case 'error':
      return createError(asString(first), second === true);
    default:
      throw invalid();
  }
}

function createBytes(className: string, base64: string): unknown {
  const bytes = Buffer.from(base64, 'base64');
  if (className === 'Buffer') return bytes;
  if (!BYTES.has(className)) throw invalid();
  const { buffer } = new Uint8Array(bytes); // a buffer of its own, without the pool around it
  if (className === 'ArrayBuffer') return buffer;
  // The names of BYTES are those of the global view classes.
  const View = Reflect.get(globalThis, className) as new (buffer: ArrayBuffer) => unknown;
  return new View(buffer);
}

function createError(className: string, isBranded: boolean): Error {
  const prototype = ERROR_PROTOTYPES.get(className);
  if (prototype === undefined) throw invalid();
  const error = new Error();
  Object.setPrototypeOf(error, prototype);
  delete error.stack;
  if (isBranded) Object.defineProperty(error, BRAND, { value: true });
  return error;
}

function fillShell(shell: unknown, row: readonly unknown[], valueOf: (cell: unknown) => unknown): void {
  if (Array.isArray(shell)) fillArray(shell as unknown[], row, valueOf);
  else if (shell instanceof Map) {
    for (let at = 1; at < row.length; at += 2) shell.set(valueOf(row[at]), valueOf(row[at + 1]));
  } else if (shell instanceof Set) {
    for (let at = 1; at < row.length; at += 1) shell.add(valueOf(row[at]));
  } else if (row[0] === 'error') {
    for (const field of row.slice(3)) {
      const [key, enumerable, cell] = asArray(field);
      define(shell, asString(key), valueOf(cell), enumerable === true);
    }
  } else if (row[0] === 'object' || row[0] === 'bare') {
    for (let at = 1; at < row.length; at += 2) define(shell, asString(row[at]), valueOf(row[at + 1]), true);
  }
}

function fillArray(shell: unknown[], row: readonly unknown[], valueOf: (cell: unknown) => unknown): void {
  shell.length = row.length - 1;
  for (let at = 1; at < row.length; at += 1) {
    const cell = row[at];
    if (Array.isArray(cell) && cell[0] === 'hole') continue;
    shell[at - 1] = valueOf(cell);
  }
}

/** Defined, never assigned: an own `__proto__` is a property like any other, and sets no prototype. */
function define(target: unknown, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(target, key, { value, enumerable, writable: true, configurable: true });
}

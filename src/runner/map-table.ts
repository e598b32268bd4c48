import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type * as Arrow from 'apache-arrow';
import { IncompatibleRunnerError } from '../errors.ts';
import { toJsonValue } from '../json-value.ts';

/** What of an Arrow table is named here; the object is a `Table` of the package `apache-arrow`. */
export interface ArrowTable {
  readonly numRows: number;
  readonly numCols: number;
  readonly schema: { readonly fields: readonly { readonly name: string }[] };
  getChild(name: string): {
    readonly length: number;
    get(index: number): unknown;
    toArray(): ArrayLike<unknown>;
  } | null;
  toArray(): readonly unknown[];
}

/** A column by name, and its values in the order of the rows; undefined is null. */
export type TableColumn = readonly [name: string, values: readonly unknown[]];

/**
 * An Arrow table of columns.
 *
 * @throws {@link IncompatibleRunnerError} INCOMPATIBLE_RUNNER when the package `apache-arrow` is not there.
 */
export function tableOf(columns: readonly TableColumn[]): unknown {
  const arrow = loadArrow();
  return new arrow.Table(
    Object.fromEntries(columns.map(([name, values]) => [name, vectorOf(arrow, values)])),
  );
}

/** The very module that an `import` gives, so that its functions know this table as one of theirs. */
function loadArrow(): typeof Arrow {
  const require = createRequire(import.meta.url);
  try {
    return require(arrowPath()) as typeof Arrow; // by the package's own types
  } catch (error) {
    throw new IncompatibleRunnerError('toTable() needs the package "apache-arrow"', {
      hint: 'npm install apache-arrow',
      cause: error,
    });
  }
}

function arrowPath(): string {
  // Where modules are loaded by a tool, there may be no `resolve`: then by the name, as another copy of the module.
  const { resolve } = import.meta as Partial<ImportMeta>;
  return resolve === undefined ? 'apache-arrow' : fileURLToPath(resolve('apache-arrow'));
}

/** Values as a vector: of the type that Arrow finds for them; as texts, JSON where need be, when it finds none. */
function vectorOf(arrow: typeof Arrow, values: readonly unknown[]): Arrow.Vector {
  const cells = values.map((value) => value ?? null);
  const kinds = new Set(cells.filter((cell) => cell !== null).map(kindOf));
  if (kinds.size === 0) return arrow.vectorFromArray(cells as null[], new arrow.Null());
  if (kinds.size === 1 && !kinds.has('string') && !kinds.has('other')) {
    try {
      return arrow.vectorFromArray(cells.map(plain));
    } catch {
      // Lists or objects of mixed types: Arrow has no type for them.
    }
  }
  return arrow.vectorFromArray(cells.map(textOf), new arrow.Utf8());
}

function kindOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) {
    const type = typeof value;
    return type === 'function' || type === 'symbol' ? 'other' : type;
  }
  if (Array.isArray(value) || isNumbers(value)) return 'array';
  if (value instanceof Date) return 'date';
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? 'object' : 'other';
}

function isNumbers(value: unknown): value is Float64Array {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

function plain(value: unknown): unknown {
  return isNumbers(value) ? Array.from(value) : value;
}

function textOf(value: unknown): string | null {
  if (value === null || typeof value === 'string') return value;
  return JSON.stringify(toJsonValue(value, '', undefined)) ?? null;
}

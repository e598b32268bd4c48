import { createHash } from 'node:crypto';
import { bytesOf, classNameOf, describeKind, kindOf, pathOf, propertyStep } from '../stored-value.ts';

/** What makes one call of a node the same as another. */
export interface CacheKeyParts {
  readonly nodeName: string;
  readonly ports: { readonly inputs: readonly string[]; readonly outputs: readonly string[] };
  /** Stands for the body, in the place of its source. */
  readonly version?: string | undefined;
  /** The source text of the body. */
  readonly source: string;
  readonly input: unknown;
}

/** More cycles than this are no data: the ways through densely linked objects grow beyond all bounds. */
const MAX_BACK_REFERENCES = 100_000;

class UnhashableError extends Error {}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/**
 * A text for a value that is the same for equal structures: whatever the order of properties, of set items and of map
 * entries, and whether equal parts are one object or several. Every part is delimited, so that no two values share it.
 */
class Canonical {
  /** The objects around the one at hand, and how deep they are. */
  readonly #ancestors = new Map<object, number>();
  /** Texts of objects without a cycle; those of others depend on where they are met. */
  readonly #texts = new Map<object, string>();
  readonly #steps: string[] = [];
  #backReferences = 0;

  textOf(value: unknown): string {
    switch (typeof value) {
      case 'string':
        return JSON.stringify(value);
      case 'number':
        return Object.is(value, -0) ? '-0' : String(value);
      case 'bigint':
        return `${value}n`;
      case 'boolean':
      case 'undefined':
        return String(value);
      case 'object':
        return value === null ? 'null' : this.#objectText(value);
      default:
        throw this.refusal(describeKind(value));
    }
  }

  refusal(what: string): UnhashableError {
    return new UnhashableError(`the input holds ${what} at ${pathOf(this.#steps)}`);
  }

  #objectText(value: object): string {
    const known = this.#texts.get(value);
    if (known !== undefined) return known;
    const depth = this.#ancestors.get(value);
    if (depth !== undefined) {
      this.#backReferences += 1;
      if (this.#backReferences > MAX_BACK_REFERENCES) throw this.refusal('too many cycles');
      return `^${this.#ancestors.size - depth}`;
    }
    const before = this.#backReferences;
    this.#ancestors.set(value, this.#ancestors.size);
    const text = this.#contentText(value);
    this.#ancestors.delete(value);
    const short = text.length > 64 ? `#${sha256(text)}` : text;
    if (this.#backReferences === before) this.#texts.set(value, short);
    return short;
  }

  #contentText(value: object): string {
    switch (kindOf(value)) {
      case 'array':
        return this.#arrayText(value as readonly unknown[]);
      case 'plain':
        return `{${this.#properties(value, Object.keys(value))}}`;
      case 'map':
        return `Map{${this.#mapEntries(value as ReadonlyMap<unknown, unknown>)}}`;
      case 'set':
        return `Set{${Array.from(value as ReadonlySet<unknown>, (item, index) =>
          this.#part(`<${index}>`, item),
        )
          .toSorted()
          .join()}}`;
      case 'date':
        return `Date(${(value as Date).getTime()})`;
      case 'regexp':
        return `RegExp(${JSON.stringify((value as RegExp).source)},${(value as RegExp).flags})`;
      case 'url':
        return `URL(${JSON.stringify((value as URL).href)})`;
      case 'bytes':
        return `${classNameOf(value)}(${createHash('sha256').update(bytesOf(value)).digest('base64url')})`;
      case 'error':
        return this.#errorText(value as Error);
      default:
        throw this.refusal(describeKind(value));
    }
  }

  #part(step: string, value: unknown): string {
    this.#steps.push(step);
    const text = this.textOf(value);
    this.#steps.pop();
    return text;
  }

  #property(value: object, key: string): string {
    this.#steps.push(propertyStep(key));
    const text = this.textOf(Reflect.get(value, key));
    this.#steps.pop();
    return text;
  }

  #properties(value: object, keys: readonly string[]): string {
    for (const key of Object.getOwnPropertySymbols(value)) {
      if (!Object.prototype.propertyIsEnumerable.call(value, key)) continue;
      throw this.refusal('a property named by a symbol');
    }
    return keys
      .toSorted()
      .map((key) => `${JSON.stringify(key)}:${this.#property(value, key)}`)
      .join();
  }

  /** Holes and extra properties (as of a match of a regular expression) make another array. */
  #arrayText(value: readonly unknown[]): string {
    const keys = Object.keys(value);
    const isDense =
      keys.length === value.length && (keys.length === 0 || keys.at(-1) === String(keys.length - 1));
    if (!isDense) return `[${value.length};${this.#properties(value, keys)}]`;
    return `[${value.map((item, index) => this.#part(propertyStep(index), item)).join()}]`;
  }

  #mapEntries(value: ReadonlyMap<unknown, unknown>): string {
    return Array.from(value)
      .map(([key, item], index) => `${this.#part(`<key ${index}>`, key)}=>${this.#part(`<${index}>`, item)}`)
      .toSorted()
      .join();
  }

  /** Without the stack: two failures at two places are equal. */
  #errorText(error: Error): string {
    const own = Object.getOwnPropertyNames(error).filter((key) => key !== 'stack' && key !== 'name');
    return `Error(${JSON.stringify(error.name)},{${this.#properties(error, own)}})`;
  }
}

/**
 * The key under which the result of a call is kept, `<node's name>:<hash>`; or why there can be none: the input holds
 * something without a structure (a function, a promise, a symbol, an instance of an unknown class), named with its path.
 */
export function cacheKey(parts: CacheKeyParts): { readonly key: string } | { readonly reason: string } {
  const { nodeName, ports, version, source, input } = parts;
  const body = version === undefined ? { source: sha256(source) } : { version };
  const canonical = new Canonical();
  try {
    const text = canonical.textOf(input);
    const head = JSON.stringify([nodeName, ports.inputs.toSorted(), ports.outputs.toSorted(), body]);
    return { key: `${nodeName}:${sha256(`${head}${text}`)}` };
  } catch (error) {
    if (error instanceof UnhashableError) return { reason: error.message };
    const { message } = canonical.refusal('what throws when it is read, or is nested too deeply,');
    return { reason: message };
  }
}

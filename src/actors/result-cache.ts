import type { Cache } from '../cache/cache.ts';
import { cacheKey } from '../cache/key.ts';
import type { AnyNode, CachePolicy } from '../nodes/contract.ts';
import { decodeValue, encodeValue } from '../stored-value.ts';

/** What a look into the cache found. */
export type CacheAnswer =
  | { readonly type: 'hit'; readonly key: string; readonly value: unknown }
  | { readonly type: 'miss'; readonly key: string | undefined; readonly reason: string };

/** The computation of one missing result, which others of the same key wait for. */
export class CacheFlight {
  readonly key: string;
  /** The invocation that computes it. */
  readonly leader: object;
  readonly #landed: Promise<void>;
  #land: () => void = () => undefined;

  constructor(key: string, leader: object) {
    this.key = key;
    this.leader = leader;
    this.#landed = new Promise((resolve) => (this.#land = resolve));
  }

  get landed(): Promise<void> {
    return this.#landed;
  }

  land(): void {
    this.#land();
  }
}

/** Tells of a cache that does not work. The run goes on without it. */
export type CacheTrouble = (error: unknown, what: string) => void;

/** The results of nodes in one cache backend, as one runner uses it: concurrent misses of one key run once. */
export class ResultCache {
  readonly #backend: Cache;
  readonly #flights = new Map<string, CacheFlight>();

  constructor(backend: Cache) {
    this.#backend = backend;
  }

  /** The key of a call, or why it has none. */
  keyOf(node: AnyNode, input: unknown): { readonly key: string } | { readonly reason: string } {
    const policy = policyOf(node);
    const { version } = policy;
    try {
      if (policy.key !== undefined) return ownKey(policy.key(input as never)); // its types were checked where it was written
      const source = Function.prototype.toString.call(node.run);
      if (version === undefined && (node.kind !== 'node' || source.includes('[native code]')))
        return { reason: 'its body has no source text to tell versions apart: give `cache: { version }`' };
      const ports = { inputs: Object.keys(node.inputs ?? {}), outputs: node.outputs };
      return cacheKey({ nodeName: node.name, ports, version, source, input });
    } catch (error) {
      return { reason: `its key could not be made: ${messageOf(error)}` };
    }
  }

  /** Looks a key up; a promise only where the backend gives one. */
  lookUp(key: string, onTrouble: CacheTrouble): CacheAnswer | Promise<CacheAnswer> {
    const failed = (error: unknown): CacheAnswer => {
      onTrouble(error, 'The cache could not be read');
      return { type: 'miss', key, reason: `the cache could not be read: ${messageOf(error)}` };
    };
    try {
      const found = this.#backend.get(key);
      if (!(found instanceof Promise)) return this.#answer(key, found, onTrouble);
      return found.then((text) => this.#answer(key, text, onTrouble), failed);
    } catch (error) {
      return failed(error);
    }
  }

  /** The computation of a key that is under way. */
  flightOf(key: string): CacheFlight | undefined {
    return this.#flights.get(key);
  }

  /** Begins the computation of a missing result. */
  begin(key: string, leader: object): CacheFlight {
    const flight = new CacheFlight(key, leader);
    this.#flights.set(key, flight);
    return flight;
  }

  /** The computation is over, whatever came of it. */
  finish(flight: CacheFlight): void {
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key);
    flight.land();
  }

  /** Keeps a result. What cannot be stored is not kept. */
  store(key: string, node: AnyNode, value: unknown, onTrouble: CacheTrouble): void | Promise<void> {
    const failed = (error: unknown): void =>
      onTrouble(error, `A result of node "${node.name}" could not be cached`);
    const { ttl } = policyOf(node);
    try {
      const stored = this.#backend.set(key, encodeValue(value), ttl === undefined ? {} : { ttl });
      return stored instanceof Promise ? stored.catch(failed) : undefined;
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  #answer(key: string, text: string | null | undefined, onTrouble: CacheTrouble): CacheAnswer {
    if (text === null || text === undefined) return { type: 'miss', key, reason: 'there is no entry' };
    try {
      return { type: 'hit', key, value: decodeValue(text) };
    } catch (error) {
      onTrouble(error, 'A cache entry could not be read');
      return { type: 'miss', key, reason: `the entry could not be read: ${messageOf(error)}` };
    }
  }
}

function ownKey(key: unknown): { readonly key: string } | { readonly reason: string } {
  return typeof key === 'string'
    ? { key }
    : { reason: `its \`key\` function returned a ${typeof key}, not a text` };
}

/** The cache policy of a node as an object; empty also where it has none. */
function policyOf({ policies: { cache } }: AnyNode): CachePolicy<never> {
  return typeof cache === 'object' ? cache : {};
}

/** Whether a node asks for its results to be kept. */
export function isCached({ policies: { cache }, kind }: AnyNode): boolean {
  return cache !== undefined && cache !== false && (kind === 'node' || kind === 'machine');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

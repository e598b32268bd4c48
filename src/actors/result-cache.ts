import type { Cache } from '../cache/cache.ts';
import { cacheKey } from '../cache/key.ts';
import type { RunId } from '../ids.ts';
import type { AnyNode, CachePolicy } from '../nodes/contract.ts';
import { isPromiseLike } from './body.ts';
import { decodeValue, encodeValue } from '../stored-value.ts';

/** What a look into the cache found. */
export type CacheAnswer =
  | {
      readonly type: 'hit';
      readonly key: string;
      /** The result, a new copy each time. */ readonly value: () => unknown;
    }
  | { readonly type: 'miss'; readonly key: string | undefined; readonly reason: string };

/** What becomes of a call that waits for another's search: it gets the answer, goes on searching, or computes for itself. */
export type Turn = 'answer' | 'lead' | 'alone';

/** Hears how a search ended; false when the call was stopped meanwhile. */
export type Waiter = (turn: Turn) => boolean;

/** The search for one result, which others of the same key wait for: the look into the cache, and the computation. */
export class CacheFlight {
  readonly key: string;
  /** The invocation at it, and the run of that. */
  leader: object;
  runId: RunId;
  /** What was found or computed, once it is there. */
  answer: (() => CacheAnswer) | undefined;
  #waiters: Waiter[] = [];

  constructor(key: string, leader: object, runId: RunId) {
    this.key = key;
    this.leader = leader;
    this.runId = runId;
  }

  wait(waiter: Waiter): void {
    this.#waiters.push(waiter);
  }

  /** It has an answer, for all who wait and all who come. */
  landWith(answer: () => CacheAnswer): void {
    this.answer = answer;
    this.land('answer');
  }

  /** Tells all who wait. */
  land(turn: 'answer' | 'alone'): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter(turn);
  }

  /** Lets the first who still waits go on with the search; false when nobody does. */
  handOn(): boolean {
    const waiters = this.#waiters;
    const next = waiters.findIndex((waiter) => waiter('lead'));
    this.#waiters = next === -1 ? [] : waiters.slice(next + 1);
    return next !== -1;
  }
}

/** Tells of a cache that does not work. The run goes on without it. */
export type CacheTrouble = (error: unknown, what: string) => void;

/** The results of nodes in one cache backend, as one runner uses it: concurrent misses of one key run once. */
export class ResultCache {
  readonly #backend: Cache;
  readonly #flights = new Map<string, CacheFlight>();
  readonly #stores = new Set<Promise<void>>();

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
  lookUp(key: string, now: number, onTrouble: CacheTrouble): CacheAnswer | Promise<CacheAnswer> {
    const failed = (error: unknown): CacheAnswer => {
      onTrouble(error, 'The cache could not be read');
      return { type: 'miss', key, reason: `the cache could not be read: ${messageOf(error)}` };
    };
    try {
      const found = this.#backend.get(key, { now });
      if (!isPromiseLike(found)) return this.#answer(key, found, onTrouble);
      return Promise.resolve(found).then((text) => this.#answer(key, text, onTrouble), failed);
    } catch (error) {
      return failed(error);
    }
  }

  /** The search for a key that is under way. */
  flightOf(key: string): CacheFlight | undefined {
    return this.#flights.get(key);
  }

  /** Begins a search. */
  begin(key: string, leader: object, runId: RunId): CacheFlight {
    const flight = new CacheFlight(key, leader, runId);
    this.#flights.set(key, flight);
    return flight;
  }

  /** A search has found the result in the cache. */
  found(flight: CacheFlight, answer: CacheAnswer): void {
    this.#flights.delete(flight.key);
    flight.landWith(() => answer);
  }

  /** A search has come to nothing: the next who waits goes on with it. */
  giveUp(flight: CacheFlight): void {
    // In a turn of its own: what stops this call may stop those who wait as well.
    queueMicrotask(() => {
      if (!flight.handOn()) this.#flights.delete(flight.key);
    });
  }

  /** Keeps what was computed, and gives it to all who wait. What cannot be stored is not kept. */
  store(
    flight: CacheFlight,
    node: AnyNode,
    given: { value: unknown; now: number },
    onTrouble: CacheTrouble,
  ): void {
    const { key } = flight;
    const text = this.share(flight, node, given.value, onTrouble);
    if (text === undefined) return;
    const failed = (error: unknown): void => {
      this.#flights.delete(key);
      onTrouble(error, notCached(node));
    };
    // Whoever comes before it is kept gets it from here.
    this.#flights.set(key, flight);
    const { ttl } = policyOf(node);
    const { now } = given;
    try {
      const stored = this.#backend.set(key, text, ttl === undefined ? { now } : { now, ttl });
      if (isPromiseLike(stored)) this.#track(key, stored, failed);
      else this.#flights.delete(key);
    } catch (error) {
      failed(error);
    }
  }

  /** Gives what was computed to all who wait, and keeps nothing; its text, where it has one. */
  share(flight: CacheFlight, node: AnyNode, value: unknown, onTrouble: CacheTrouble): string | undefined {
    const { key } = flight;
    this.#flights.delete(key);
    try {
      const text = encodeValue(value);
      flight.landWith(() => this.#answer(key, text, onTrouble));
      return text;
    } catch (error) {
      onTrouble(error, notCached(node));
      // Nobody will ever get a result of this node from another.
      flight.land('alone');
      return undefined;
    }
  }

  /** Resolves when everything that was to be kept is. */
  async settled(): Promise<void> {
    await Promise.all(this.#stores);
  }

  #track(key: string, stored: PromiseLike<void>, failed: (error: unknown) => void): void {
    const tracked = Promise.resolve(stored)
      .then(() => void this.#flights.delete(key), failed)
      .finally(() => this.#stores.delete(tracked));
    this.#stores.add(tracked);
  }

  #answer(key: string, text: string | null | undefined, onTrouble: CacheTrouble): CacheAnswer {
    if (text === null || text === undefined) return { type: 'miss', key, reason: 'there is no entry' };
    try {
      // Read now, so that what cannot be read is a miss.
      let first: { readonly value: unknown } | undefined = { value: decodeValue(text) };
      const value = (): unknown => {
        const taken = first;
        first = undefined;
        return taken === undefined ? decodeValue(text) : taken.value;
      };
      return { type: 'hit', key, value };
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

function notCached({ name }: AnyNode): string {
  return `A result of node "${name}" could not be cached`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

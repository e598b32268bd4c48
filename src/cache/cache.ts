/** A value, or a promise of it. */
export type MaybePromise<Value> = Value | Promise<Value>;

/** What a backend is told besides the key. */
export interface CacheLookupOptions {
  /** The time by the runner's clock, in ms since the epoch. A backend with a clock of its own need not care. */
  readonly now?: number;
}

/** What is known of an entry besides its text. */
export interface CacheEntryOptions extends CacheLookupOptions {
  /** How long the entry is good, in ms. It wins over the backend's own `ttl`. Default: the backend's. */
  readonly ttl?: number;
}

/**
 * Where a runner keeps the results of nodes with a `cache` policy: a store of texts by key. Give one to
 * `createRunner({ cache })`: `memoryCache()`, `diskCache({ dir })`, or your own.
 *
 * A backend stores texts and knows nothing of what they mean, so a hit never shares an object. It may answer at once or
 * by a promise; one that answers at once also serves `runSync`. It need not care for concurrent misses of one key: the
 * runner computes them once. Whatever it throws or rejects with is a failure of the cache, not of the node.
 *
 * @example
 * ```ts
 * import { createRunner, node } from 'troupe';
 * import type { Cache } from 'troupe/cache';
 *
 * const texts = new Map<string, string>(); // stands for a Redis client
 * const shared: Cache = {
 *   get: async (key) => texts.get(key), // redis.get(key)
 *   set: async (key, value) => void texts.set(key, value), // redis.set(key, value, { PX: ttl })
 *   delete: async (key) => void texts.delete(key), // redis.del(key)
 *   clear: async () => texts.clear(),
 * };
 * const double = node('double', (n: number) => n * 2, { cache: true });
 * await using runner = createRunner({ cache: shared });
 * console.log((await runner.run(double, 2)).answer); // 4
 * ```
 */
export interface Cache {
  /** The text last set for the key; `undefined` or `null` when there is none, or none that is still good. */
  get(key: string, options?: CacheLookupOptions): MaybePromise<string | null | undefined>;
  /** Keeps the text under the key, in the place of what was there. */
  set(key: string, value: string, options?: CacheEntryOptions): MaybePromise<void>;
  /** Forgets one entry, if it is there. */
  delete(key: string): MaybePromise<void>;
  /** Forgets all entries. */
  clear(): MaybePromise<void>;
  /** Lets go of files and connections. A runner never closes a cache that it was given. */
  close?(): MaybePromise<void>;
}

import { systemClock, type Clock } from '../clock.ts';
import { assertLimit } from './assert-limit.ts';
import type { Cache, CacheEntryOptions, CacheLookupOptions } from './cache.ts';

/** Options of {@link memoryCache}. */
export interface MemoryCacheOptions {
  /** How many entries it keeps at most. Default: 10,000. */
  readonly maxEntries?: number;
  /** How many bytes its keys and values may have together, counted as UTF-8. Default: 64 MiB. */
  readonly maxBytes?: number;
  /** How long an entry is good, in ms, unless it is set with its own. Default: no limit. */
  readonly ttl?: number;
  /** What tells the time. Default: the clock of the runner that uses it; without a runner that of the machine. */
  readonly clock?: Pick<Clock, 'now'>;
}

/** A cache in this process, which answers at once. */
export interface MemoryCache extends Cache {
  /** How many entries it holds, those included that went out of date since they were last asked for. */
  readonly size: number;
  get(key: string, options?: CacheLookupOptions): string | undefined;
  set(key: string, value: string, options?: CacheEntryOptions): void;
  delete(key: string): void;
  clear(): void;
  /** Forgets everything. */
  close(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Entry {
  readonly value: string;
  readonly bytes: number;
  /** In ms since the epoch; it is no longer good at that time. */
  readonly expiresAt: number;
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

class LruCache implements MemoryCache {
  /** The least recently used first: a map keeps the order in which keys came. */
  readonly #entries = new Map<string, Entry>();
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #ttl: number;
  readonly #clock: Pick<Clock, 'now'> | undefined;
  #bytes = 0;

  constructor(options: MemoryCacheOptions) {
    const { maxEntries = 10_000, maxBytes = DEFAULT_MAX_BYTES, ttl = Infinity, clock } = options;
    assertLimit('maxEntries', maxEntries);
    assertLimit('maxBytes', maxBytes);
    assertLimit('ttl', ttl);
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
    this.#ttl = ttl;
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string, { now = systemClock.now() }: CacheLookupOptions = {}): string | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if ((this.#clock?.now() ?? now) >= entry.expiresAt) {
      this.delete(key);
      return undefined;
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: string, options: CacheEntryOptions = {}): void {
    const { ttl = this.#ttl, now = systemClock.now() } = options;
    this.delete(key);
    const bytes = Buffer.byteLength(key) + Buffer.byteLength(value);
    if (bytes > this.#maxBytes || !(ttl > 0)) return;
    this.#entries.set(key, { value, bytes, expiresAt: (this.#clock?.now() ?? now) + ttl });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries && this.#bytes <= this.#maxBytes) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  close(): void {
    this.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.clear();
    return Promise.resolve();
  }
}

/**
 * A cache in the memory of this process. When an entry more would be too many, those go that were not used for longest;
 * an entry larger than `maxBytes` is not kept. Nothing is removed by a timer: an entry that is out of date goes when it
 * is asked for, or when room is needed.
 *
 * Throws `CacheError` for a limit that is no positive number.
 *
 * @example
 * ```ts
 * import { createRunner, node } from 'troupe';
 * import { memoryCache } from 'troupe/cache';
 *
 * const slow = node('slow', (n: number) => n ** 2, { cache: true });
 * await using runner = createRunner({ cache: memoryCache({ maxEntries: 1_000, ttl: 60_000 }) });
 * console.log((await runner.run(slow, 4)).answer, (await runner.run(slow, 4)).answer); // 16 16
 * ```
 */
export function memoryCache(options: MemoryCacheOptions = {}): MemoryCache {
  return new LruCache(options);
}

import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Database, open as openLmdb, RootDatabase } from 'lmdb';
import { systemClock, type Clock } from '../clock.ts';
import { CacheError } from '../errors.ts';
import { assertLimit } from './assert-limit.ts';
import type { Cache, CacheEntryOptions, CacheLookupOptions } from './cache.ts';

/** Options of {@link diskCache}. */
export interface DiskCacheOptions {
  /** The folder; made on first use. Several processes may share it. */
  readonly dir: string;
  /** How many bytes keys and values may have together, counted as UTF-8; the file is somewhat larger. Default: 1 GiB. */
  readonly maxBytes?: number;
  /** How long an entry is good, in ms, unless it is set with its own. Default: no limit. */
  readonly ttl?: number;
  /** What tells the time. Default: the clock of the runner that uses it; without a runner that of the machine. */
  readonly clock?: Pick<Clock, 'now'>;
}

/** A cache in a folder. Reads answer at once; writes are promises, kept when they resolve. */
export interface DiskCache extends Cache {
  get(key: string, options?: CacheLookupOptions): string | undefined;
  set(key: string, value: string, options?: CacheEntryOptions): Promise<void>;
  delete(key: string): Promise<void>;
  clear(): Promise<void>;
  /** Ends what is under way and lets go of the folder. The cache cannot be used afterwards. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What is kept of an entry besides its text; times in ms since the epoch, `expiresAt` null for never. */
type Stamp = readonly [usedAt: number, expiresAt: number | null, checksum: number, bytes: number];

interface Store {
  readonly root: RootDatabase<unknown, string>;
  readonly texts: Database<string, string>;
  readonly stamps: Database<unknown, string>;
  /** The bytes of each entry, in the order of last use. */
  readonly uses: Database<number, [usedAt: number, id: string]>;
  readonly totals: Database<unknown, string>;
}

const DEFAULT_MAX_BYTES = 1024 ** 3;
/** What an LMDB file has near its beginning, in the byte order of the machine. */
const MAGIC = Buffer.of(0xde, 0xc0, 0xef, 0xbe);
const MAX_PENDING_USES = 10_000;

/** Keys of any length and content become keys of the store. */
function idOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}

function loadLmdb(): { readonly open: typeof openLmdb } {
  try {
    // Not `import`: a hit is to be had without a promise.
    return createRequire(import.meta.url)('lmdb') as { open: typeof openLmdb }; // by the package's own types
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND';
    const message = isMissing
      ? 'diskCache() needs the package "lmdb"'
      : 'The package "lmdb" cannot be loaded';
    throw new CacheError(message, { hint: 'npm install lmdb', cause: error });
  }
}

/** LMDB maps its file into memory: opening one that is none ends the whole process, so look before. */
function assertIntact(file: string): void {
  if (!existsSync(file)) return;
  const head = Buffer.alloc(64);
  const handle = openSync(file, 'r');
  const length = readSync(handle, head);
  closeSync(handle);
  const isStore = head.includes(MAGIC) || head.includes(Buffer.from(MAGIC.toReversed()));
  if (length > 0 && !isStore) throw new Error(`${file} is not a file of lmdb`);
}

function openStore(dir: string): Store {
  const { open } = loadLmdb();
  try {
    mkdirSync(dir, { recursive: true });
    assertIntact(join(dir, 'data.mdb'));
    // A folder whose name has a dot is a folder all the same.
    const root = open<unknown, string>({ path: dir, noSubdir: false, maxReaders: 1_024 });
    return {
      root,
      texts: root.openDB('texts', { encoding: 'string' }),
      stamps: root.openDB('stamps', {}),
      uses: root.openDB('uses', {}),
      totals: root.openDB('totals', {}),
    };
  } catch (error) {
    throw new CacheError(`Cannot open the cache folder "${dir}"`, {
      hint: 'Check that it is a folder that this process may write. If its files are damaged, delete it: it is only a cache.',
      cause: error,
    });
  }
}

function isStamp(value: unknown): value is Stamp {
  if (!Array.isArray(value) || value.length !== 4) return false;
  const [usedAt, expiresAt, checksum, bytes] = value as readonly unknown[];
  const numbers = [usedAt, checksum, bytes, expiresAt ?? 0];
  return numbers.every((item) => typeof item === 'number' && Number.isFinite(item));
}

/** What is stored under an id, or undefined when it cannot be read: damage is as good as absence. */
function readSafely(database: Database<unknown, string>, id: string): unknown {
  try {
    return database.get(id);
  } catch {
    return undefined; // the entry will be computed and written anew
  }
}

function stampOf(store: Store, id: string): Stamp | undefined {
  const stamp = readSafely(store.stamps, id);
  return isStamp(stamp) ? stamp : undefined;
}

/** The bytes of all entries. */
function totalOf(store: Store): number | undefined {
  const total = readSafely(store.totals, 'bytes');
  return typeof total === 'number' && Number.isFinite(total) ? total : undefined;
}

/** Counts the bytes again when the count is lost; before anything else, lest a change be counted twice. */
function mendTotal(store: Store): void {
  if (totalOf(store) !== undefined) return;
  let sum = 0;
  for (const { value } of store.uses.getRange()) sum += value;
  store.totals.putSync('bytes', sum);
}

function addToTotal(store: Store, bytes: number): void {
  store.totals.putSync('bytes', (totalOf(store) ?? 0) + bytes);
}

/** Like all that write here, only for the inside of a transaction, of which the write becomes a part. */
function remove(store: Store, id: string): void {
  const stamp = stampOf(store, id);
  if (stamp !== undefined) {
    const [usedAt, , , bytes] = stamp;
    store.uses.removeSync([usedAt, id]);
    addToTotal(store, -bytes);
  }
  store.stamps.removeSync(id);
  store.texts.removeSync(id);
}

function write(store: Store, id: string, text: string, stamp: Stamp): void {
  const [usedAt, , , bytes] = stamp;
  remove(store, id);
  store.texts.putSync(id, text);
  store.stamps.putSync(id, stamp);
  store.uses.putSync([usedAt, id], bytes);
  addToTotal(store, bytes);
}

function touch(store: Store, id: string, usedAt: number): void {
  const stamp = stampOf(store, id);
  if (stamp === undefined || stamp[0] >= usedAt) return;
  const [before, expiresAt, checksum, bytes] = stamp;
  store.uses.removeSync([before, id]);
  store.uses.putSync([usedAt, id], bytes);
  store.stamps.putSync(id, [usedAt, expiresAt, checksum, bytes] satisfies Stamp);
}

/** Removes what was not used for longest until the rest fits. */
function evict(store: Store, maxBytes: number): void {
  let excess = (totalOf(store) ?? 0) - maxBytes;
  if (excess <= 0) return;
  const victims: [use: [number, string], bytes: number][] = [];
  for (const { key, value } of store.uses.getRange()) {
    if (excess <= 0) break;
    victims.push([key, value]);
    excess -= value;
  }
  for (const [use, bytes] of victims) {
    const [usedAt, id] = use;
    if (stampOf(store, id)?.[0] === usedAt) {
      remove(store, id);
      continue;
    }
    // What is left of an entry that was damaged and written anew.
    store.uses.removeSync(use);
    addToTotal(store, -bytes);
  }
}

function assertDir(dir: unknown): void {
  if (typeof dir === 'string' && dir !== '') return;
  throw new CacheError(
    `Expected \`dir\` to be the path of a folder, got \`${String(dir)}\` (${typeof dir})`,
    {
      hint: "Name a folder: diskCache({ dir: '.cache' }).",
    },
  );
}

class LmdbCache implements DiskCache {
  readonly #dir: string;
  readonly #maxBytes: number;
  readonly #ttl: number;
  readonly #clock: Pick<Clock, 'now'> | undefined;
  /** When entries were read since the last write: a read shall not cost a write. */
  readonly #uses = new Map<string, number>();
  #store: Store | undefined;
  #closing: Promise<void> | undefined;

  constructor({ dir, maxBytes = DEFAULT_MAX_BYTES, ttl = Infinity, clock }: DiskCacheOptions) {
    assertLimit('maxBytes', maxBytes);
    assertLimit('ttl', ttl);
    assertDir(dir);
    this.#dir = dir;
    this.#maxBytes = maxBytes;
    this.#ttl = ttl;
    this.#clock = clock;
  }

  get(key: string, options: CacheLookupOptions = {}): string | undefined {
    const store = this.#open();
    const id = idOf(key);
    const stamp = stampOf(store, id);
    if (stamp === undefined) return undefined;
    const [, expiresAt, checksum] = stamp;
    const now = this.#now(options);
    if (expiresAt !== null && now >= expiresAt) return undefined;
    const text = readSafely(store.texts, id);
    if (typeof text !== 'string' || crc32(text) !== checksum) return undefined;
    this.#noteUse(id, now);
    return text;
  }

  async set(key: string, value: string, options: CacheEntryOptions = {}): Promise<void> {
    const { ttl = this.#ttl } = options;
    const id = idOf(key);
    const now = this.#now(options);
    const bytes = Buffer.byteLength(key) + Buffer.byteLength(value);
    const isKept = bytes <= this.#maxBytes && ttl > 0;
    const stamp: Stamp = [now, Number.isFinite(ttl) ? now + ttl : null, crc32(value), bytes];
    await this.#write((store) => {
      if (!isKept) {
        remove(store, id);
        return;
      }
      write(store, id, value, stamp);
      evict(store, this.#maxBytes);
    });
  }

  #now({ now }: CacheLookupOptions): number {
    return this.#clock?.now() ?? now ?? systemClock.now();
  }

  async delete(key: string): Promise<void> {
    await this.#write((store) => remove(store, idOf(key)));
  }

  async clear(): Promise<void> {
    await this.#write((store) => {
      for (const database of [store.texts, store.stamps, store.uses, store.totals]) database.clearSync();
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const store = this.#store;
    if (store === undefined) return;
    if (this.#uses.size > 0) await this.#transact(store, () => {});
    await store.root.close();
  }

  #open(): Store {
    if (this.#closing !== undefined) {
      throw new CacheError(`The cache of the folder "${this.#dir}" is closed`, {
        hint: 'Close a cache after the runners that use it, or make a new one with diskCache().',
      });
    }
    this.#store ??= openStore(this.#dir);
    return this.#store;
  }

  async #write(change: (store: Store) => void): Promise<void> {
    await this.#transact(this.#open(), change);
  }

  async #transact(store: Store, change: (store: Store) => void): Promise<void> {
    const uses = [...this.#uses];
    this.#uses.clear();
    try {
      await store.root.transaction(() => {
        mendTotal(store);
        for (const [id, usedAt] of uses) touch(store, id, usedAt);
        change(store);
      });
    } catch (error) {
      throw new CacheError(`Cannot write to the cache folder "${this.#dir}"`, {
        hint: 'Check that its disk has room and that this process may write there.',
        cause: error,
      });
    }
  }

  #noteUse(id: string, now: number): void {
    this.#uses.set(id, now);
    if (this.#uses.size <= MAX_PENDING_USES) return;
    for (const oldest of this.#uses.keys()) {
      this.#uses.delete(oldest);
      return;
    }
  }
}

/**
 * A cache in a folder, for results that outlive the process; several processes may use one folder at the same time. It
 * needs the package `lmdb` (`npm install lmdb`), which is loaded on first use, as the folder is opened.
 *
 * When an entry more would be too many bytes, those go that were not used for longest. That is approximate: a use is
 * noted with the next write or `close` of the process that made it. An entry larger than `maxBytes` is not kept, and
 * one that is out of date stays until it is set again or room is needed. A damaged entry is a miss.
 *
 * Throws `CacheError` for wrong options; its methods throw it or reject with it when the package is missing, when the
 * folder cannot be opened or written, and after `close`.
 *
 * @example
 * ```ts
 * import { createRunner, node } from 'troupe';
 * import { diskCache } from 'troupe/cache';
 *
 * await using cache = diskCache({ dir: '.troupe-cache', maxBytes: 100 * 1024 * 1024 });
 * await using runner = createRunner({ cache });
 * const slow = node('slow', (n: number) => n ** 2, { cache: true });
 * console.log((await runner.run(slow, 4)).answer); // 16
 * ```
 */
export function diskCache(options: DiskCacheOptions): DiskCache {
  return new LmdbCache(options);
}

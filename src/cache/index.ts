/**
 * Where results of nodes are kept: in memory, in a folder, or in a store of your own.
 *
 * @module
 */
export type { Cache, CacheEntryOptions, CacheLookupOptions, MaybePromise } from './cache.ts';
export { diskCache, type DiskCache, type DiskCacheOptions } from './disk.ts';
export { memoryCache, type MemoryCache, type MemoryCacheOptions } from './memory.ts';

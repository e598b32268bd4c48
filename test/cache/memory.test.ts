import { expect, test } from 'vitest';
import { memoryCache } from 'troupe/cache';
import { cacheContract } from './contract.ts';

cacheContract('memoryCache', memoryCache);

test('past its number of entries it forgets what was not used for longest', () => {
  const cache = memoryCache({ maxEntries: 2 });
  cache.set('a', '1');
  cache.set('b', '2');

  cache.get('a');
  cache.set('c', '3');

  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual(['1', undefined, '3']);
  expect(cache.size).toBe(2);
});

test('it keeps 10,000 entries unless told otherwise', () => {
  const cache = memoryCache();

  for (let index = 0; index < 10_001; index += 1) cache.set(`key ${index}`, '');

  expect(cache.size).toBe(10_000);
  expect(cache.get('key 0')).toBeUndefined();
});

test('it answers without a promise', () => {
  const cache = memoryCache();

  const result: void = cache.set('key', 'text');

  expect(result).toBeUndefined();
  expect(cache.get('key')).toBe('text');
});

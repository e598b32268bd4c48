import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Cache } from 'troupe/cache';
import { fakeClock, type FakeClock } from 'troupe/testing';

/** What a backend of the contract is made with. */
export interface ContractOptions {
  readonly clock: FakeClock;
  readonly maxBytes?: number;
  readonly ttl?: number;
}

type DisposableCache = Cache & AsyncDisposable;

/** The laws of every cache backend. `create` gives an empty one each time. */
export function cacheContract(name: string, create: (options: ContractOptions) => DisposableCache): void {
  describe(`${name} as a cache`, () => {
    test('a key that was never set is a miss', async () => {
      await using cache = create({ clock: fakeClock() });

      expect(await cache.get('absent')).toBeUndefined();
    });

    test('a text comes back as it was set', async () => {
      await using cache = create({ clock: fakeClock() });

      await cache.set('key', '[[0],["object"]]');

      expect(await cache.get('key')).toBe('[[0],["object"]]');
    });

    test('any key and any text are kept', async () => {
      await using cache = create({ clock: fakeClock() });
      const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constantFrom('', '\0', 'a\0b'));

      await fc.assert(
        fc.asyncProperty(text, text, async (key, value) => {
          await cache.set(key, value);
          expect(await cache.get(key)).toBe(value);
        }),
        { numRuns: 60 },
      );
    });

    test('a key and a text of many thousand characters are kept', async () => {
      await using cache = create({ clock: fakeClock() });
      const key = 'k'.repeat(20_000);

      await cache.set(key, 'v'.repeat(200_000));

      expect(await cache.get(key)).toBe('v'.repeat(200_000));
      expect(await cache.get(key.slice(1))).toBeUndefined();
    });

    test('a second text replaces the first', async () => {
      await using cache = create({ clock: fakeClock() });

      await cache.set('key', 'first');
      await cache.set('key', 'second');

      expect(await cache.get('key')).toBe('second');
    });

    test('delete forgets one entry and no other', async () => {
      await using cache = create({ clock: fakeClock() });
      await cache.set('one', '1');
      await cache.set('two', '2');

      await cache.delete('one');
      await cache.delete('never set');

      expect(await cache.get('one')).toBeUndefined();
      expect(await cache.get('two')).toBe('2');
    });

    test('clear forgets all, and the cache can be used on', async () => {
      await using cache = create({ clock: fakeClock() });
      await cache.set('one', '1');
      await cache.set('two', '2');

      await cache.clear();
      await cache.set('three', '3');

      expect([await cache.get('one'), await cache.get('two'), await cache.get('three')]).toEqual([
        undefined,
        undefined,
        '3',
      ]);
    });

    test('an entry is good until its ttl has passed, and not at that moment', async () => {
      const clock = fakeClock();
      await using cache = create({ clock, ttl: 1_000 });
      await cache.set('key', 'text');

      await clock.advance(999);
      const before = await cache.get('key');
      await clock.advance(1);

      expect(before).toBe('text');
      expect(await cache.get('key')).toBeUndefined();
    });

    test('the ttl of an entry wins over that of the cache, whether longer or shorter', async () => {
      const clock = fakeClock({ now: 5_000 });
      await using cache = create({ clock, ttl: 1_000 });
      await cache.set('short', '1', { ttl: 10 });
      await cache.set('long', '2', { ttl: 10_000 });
      await cache.set('forever', '3', { ttl: Infinity });

      await clock.advance(9_999);

      expect(await cache.get('short')).toBeUndefined();
      expect(await cache.get('long')).toBe('2');
      expect(await cache.get('forever')).toBe('3');
    });

    test('reading an entry does not make it live longer, setting it does', async () => {
      const clock = fakeClock();
      await using cache = create({ clock, ttl: 1_000 });
      await cache.set('read', '1');
      await cache.set('set again', '2');

      await clock.advance(600);
      await cache.get('read');
      await cache.set('set again', '2');
      await clock.advance(600);

      expect(await cache.get('read')).toBeUndefined();
      expect(await cache.get('set again')).toBe('2');
    });

    test('an entry set with no time to live is a miss', async () => {
      await using cache = create({ clock: fakeClock() });
      await cache.set('key', 'old');

      await cache.set('key', 'text', { ttl: 0 });

      expect(await cache.get('key')).toBeUndefined();
    });

    test('past its bytes it forgets what was not used for longest', async () => {
      const clock = fakeClock();
      await using cache = create({ clock, maxBytes: 300 });
      for (const key of ['a', 'b', 'c']) {
        await cache.set(key, 'x'.repeat(89));
        await clock.advance(1);
      }

      await cache.get('a');
      await clock.advance(1);
      await cache.set('d', 'x'.repeat(89));

      expect(await cache.get('a')).toHaveLength(89);
      expect(await cache.get('b')).toBeUndefined();
      expect(await cache.get('d')).toHaveLength(89);
    });

    test('a text larger than the whole cache is not kept and drives nothing else out', async () => {
      await using cache = create({ clock: fakeClock(), maxBytes: 100 });
      await cache.set('small', '1');
      await cache.set('large', '1');

      await cache.set('large', 'x'.repeat(101));

      expect(await cache.get('large')).toBeUndefined();
      expect(await cache.get('small')).toBe('1');
    });

    test('replacing, deleting and clearing give their bytes back', async () => {
      await using cache = create({ clock: fakeClock(), maxBytes: 100 });
      for (let round = 0; round < 5; round += 1) {
        await cache.set('again', 'x'.repeat(40));
        await cache.set('gone', 'x'.repeat(30));
        await cache.delete('gone');
      }
      await cache.set('more', 'x'.repeat(40));
      const kept = [await cache.get('again'), await cache.get('more')];
      await cache.clear();
      await cache.set('again', 'x'.repeat(40));
      await cache.set('more', 'x'.repeat(40));

      expect(kept).toEqual(['x'.repeat(40), 'x'.repeat(40)]);
      expect([await cache.get('again'), await cache.get('more')]).toEqual(kept);
    });

    test.each([0, -1, Number.NaN, '5'])('a limit of %o is refused', (limit) => {
      expect(() => create({ clock: fakeClock(), maxBytes: limit as number })).toThrow(
        expect.objectContaining({ code: 'CACHE' }),
      );
      expect(() => create({ clock: fakeClock(), ttl: limit as number })).toThrow(
        expect.objectContaining({ code: 'CACHE' }),
      );
    });
  });
}

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { open } from 'lmdb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { diskCache, type DiskCacheOptions } from 'troupe/cache';
import { fakeClock } from 'troupe/testing';
import { cacheContract } from './contract.ts';

const run = promisify(execFile);
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const source = fileURLToPath(new URL('../../src', import.meta.url));

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-cache-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A folder that no other test has. */
function newDir(): string {
  return join(folder, `${randomUUID()}.cache`);
}

function shareFolder(dir: string, name: string, count: number): Promise<{ stdout: string }> {
  const script = fileURLToPath(new URL('share-folder.ts', import.meta.url));
  const flags = ['--conditions=@troupe/source', '--import', tsx];
  return run(process.execPath, [...flags, script, dir, name, String(count)]);
}

cacheContract('diskCache', (options) => diskCache({ ...options, dir: newDir() }));

describe('a cache on disk', () => {
  test('outlives the object that wrote it', async () => {
    const dir = newDir();
    {
      await using writer = diskCache({ dir });
      await writer.set('key', 'text');
    }

    await using reader = diskCache({ dir });

    expect(reader.get('key')).toBe('text');
  });

  test('opens its folder on first use and not before', async () => {
    const dir = newDir();
    const cache = diskCache({ dir });
    await cache.close();

    await expect(readFile(join(dir, 'data.mdb'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('two objects on one folder see each other, and one may close first', async () => {
    const dir = newDir();
    await using first = diskCache({ dir });
    const second = diskCache({ dir });

    await first.set('key', 'text');
    const seen = second.get('key');
    await second.close();

    expect(seen).toBe('text');
    expect(first.get('key')).toBe('text');
  });

  test('concurrent writes are all kept', async () => {
    await using cache = diskCache({ dir: newDir() });
    const keys = Array.from({ length: 200 }, (_, index) => `key ${index}`);

    await Promise.all(keys.map((key) => cache.set(key, key)));

    expect(keys.map((key) => cache.get(key))).toEqual(keys);
  });

  test('keeps the use of an entry for the next process, once it was closed', async () => {
    const clock = fakeClock();
    const options: DiskCacheOptions = { dir: newDir(), maxBytes: 250, clock };
    {
      await using cache = diskCache(options);
      for (const key of ['a', 'b']) {
        await cache.set(key, 'x'.repeat(99));
        await clock.advance(1);
      }
      cache.get('a');
    }

    await using cache = diskCache(options);
    await cache.set('c', 'x'.repeat(99));

    expect([cache.get('a')?.length, cache.get('b')?.length]).toEqual([99, undefined]);
  });

  test('after close it refuses, and a second close does nothing', async () => {
    const cache = diskCache({ dir: newDir() });
    await cache.set('key', 'text');

    await cache.close();
    await cache.close();

    expect(() => cache.get('key')).toThrow(expect.objectContaining({ code: 'CACHE' }));
    await expect(cache.set('key', 'text')).rejects.toMatchObject({ code: 'CACHE' });
  });

  test('close waits for writes that are under way', async () => {
    const dir = newDir();
    const cache = diskCache({ dir });

    const write = cache.set('key', 'text');
    await cache.close();
    await write;

    await using again = diskCache({ dir });
    expect(again.get('key')).toBe('text');
  });
});

describe('several processes on one folder', () => {
  test('lose nothing of each other', { timeout: 60_000 }, async () => {
    const dir = newDir();
    await using cache = diskCache({ dir });
    await cache.set('first', 'of the parent');
    const names = ['ann', 'bob', 'cid'];

    const outputs = await Promise.all(names.map((name) => shareFolder(dir, name, 100)));

    expect(outputs.map(({ stdout }) => JSON.parse(stdout) as unknown)).toEqual(
      names.map((name) => ({ own: `${name} wrote 0`, shared: 1_000, first: 'of the parent' })),
    );
    for (const name of names) expect(cache.get(`${name} 99`)).toBe(`${name} wrote 99`);
  });
});

describe('a damaged cache', () => {
  const damages: readonly [name: string, database: string, bytes: Buffer | undefined][] = [
    ['whose text was changed', 'texts', Buffer.from('tExt')],
    ['whose text is gone', 'texts', undefined],
    ['whose text is no text', 'texts', Buffer.from([0xff, 0xfe, 0, 0xc1])],
    ['whose stamp is no stamp', 'stamps', Buffer.from([0x93, 1, 2, 3])],
    ['whose stamp cannot be read', 'stamps', Buffer.from([0xc1, 0xff, 0xdf])],
    ['whose stamp ends early', 'stamps', Buffer.from([0x94, 1])],
  ];

  test.each(damages)('takes an entry %s for a miss, and can set it again', async (_, name, bytes) => {
    const dir = newDir();
    {
      await using cache = diskCache({ dir });
      await cache.set('key', 'text');
    }
    const root = open({ path: dir, noSubdir: false });
    const database = root.openDB<Buffer, string>(name, { encoding: 'binary' });
    for (const id of Array.from(database.getKeys())) {
      if (bytes === undefined) await database.remove(id);
      else await database.put(id, bytes);
    }
    await root.close();

    await using cache = diskCache({ dir });

    expect(cache.get('key')).toBeUndefined();
    await cache.set('key', 'new text');
    expect(cache.get('key')).toBe('new text');
  });

  test('counts its bytes again when the count is lost', async () => {
    const dir = newDir();
    {
      await using cache = diskCache({ dir });
      await cache.set('old', 'x'.repeat(97));
    }
    const root = open({ path: dir, noSubdir: false });
    await root.openDB<Buffer, string>('totals', { encoding: 'binary' }).put('bytes', Buffer.from([0xc1]));
    await root.close();

    await using cache = diskCache({ dir, maxBytes: 150 });
    await cache.set('new', 'x'.repeat(97));

    expect([cache.get('old'), cache.get('new')?.length]).toEqual([undefined, 97]);
  });

  test.each([
    ['garbage', 'garbage'.repeat(10_000)],
    ['zeroes', '\0'.repeat(65_536)],
    ['a few bytes', 'x'],
  ])('whose file holds %s is an error with a way out', async (_, content) => {
    const dir = newDir();
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'data.mdb'), content);

    const cache = diskCache({ dir });

    expect(() => cache.get('key')).toThrow(expect.objectContaining({ code: 'CACHE' }));
    await expect(cache.set('key', 'text')).rejects.toMatchObject({
      hint: expect.stringContaining('delete it'),
    });
  });
});

describe('a cache on disk that cannot be', () => {
  test('on the path of a file is an error with a hint', async () => {
    const file = newDir();
    await writeFile(file, 'not a folder');

    const cache = diskCache({ dir: file });

    expect(() => cache.get('key')).toThrow(
      expect.objectContaining({ code: 'CACHE', hint: expect.stringContaining('folder') }),
    );
  });

  test.each(['', undefined, 5])('in %o is refused at once', (dir) => {
    expect(() => diskCache({ dir } as DiskCacheOptions)).toThrow(expect.objectContaining({ code: 'CACHE' }));
  });

  test('without lmdb says how to install it, and only when it is used', { timeout: 60_000 }, async () => {
    const away = newDir();
    for (const part of ['cache', 'errors.ts', 'clock.ts']) {
      await cp(join(source, part), join(away, 'src', part), { recursive: true });
    }
    await writeFile(join(away, 'package.json'), '{ "type": "module" }');
    const script = `
      import { diskCache, memoryCache } from './src/cache/index.ts';
      memoryCache().set('a', 'b');
      try { diskCache({ dir: 'cache' }).get('a'); } catch ({ code, hint }) { console.log(code, hint); }
    `;
    await writeFile(join(away, 'main.ts'), script);

    const { stdout } = await run(process.execPath, ['--import', tsx, join(away, 'main.ts')], { cwd: away });

    expect(stdout).toBe('CACHE npm install lmdb\n');
  });
});

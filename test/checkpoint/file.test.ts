import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { cp, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { createClient } from '@libsql/client';
import { afterAll, describe, expect, test } from 'vitest';
import { fileCheckpointer, type FileCheckpointerOptions } from 'troupe/checkpoint';
import { begin, blobOf, Folders, HEAD, line, lines, sql, write } from './file-parts.ts';

const run = promisify(execFile);
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const source = fileURLToPath(new URL('../../src', import.meta.url));

const folders = new Folders();
afterAll(() => folders.remove());

const OPEN_FILES = '/proc/self/fd';

/** How many files of a folder this process has open. */
function openFiles(dir: string): number {
  const files = readdirSync(OPEN_FILES).map((file) => {
    try {
      return readlinkSync(join(OPEN_FILES, file));
    } catch {
      return ''; // of the listing itself
    }
  });
  return files.filter((file) => file.startsWith(dir)).length;
}

describe('a folder of workflows', () => {
  test('outlives the object that wrote it', async () => {
    const dir = folders.next();
    {
      await using checkpointer = fileCheckpointer({ dir });
      const lease = await begin(checkpointer, 'a', { blobs: [blobOf('["x"]')] });
      await checkpointer.append(lease, { first: 1, entries: lines(1, 2), status: 'paused', releases: true });
    }

    await using checkpointer = fileCheckpointer({ dir });
    const stored = await checkpointer.read('a');

    expect(stored?.entries).toEqual(lines(0, 3));
    expect([...(stored?.blobs.values() ?? [])]).toEqual(['["x"]']);
    expect(stored?.record).toMatchObject({ workflowId: 'a', status: 'paused', ...HEAD });
  });

  test('is made on first use and not before, with all above it', async () => {
    const dir = join(folders.next(), 'below', 'with #, ? and 100 %');
    const checkpointer = fileCheckpointer({ dir });
    const before = await stat(dir).catch(() => 'absent');

    await write(checkpointer, 'a');
    await checkpointer.close();

    expect(before).toBe('absent');
    expect(await readdir(dir)).toContain('troupe.db');
  });

  test('may be open several times in one process, and closing one leaves the others alone', async () => {
    const dir = folders.next();
    await using first = fileCheckpointer({ dir });
    const second = fileCheckpointer({ dir });
    const lease = await begin(first, 'a');
    await begin(second, 'b', { status: 'paused', releases: true });

    await second.close();
    await first.append(lease, { first: 1, entries: [line(1)], status: 'running' });

    expect((await first.read('a'))?.entries).toEqual(lines(0, 2));
    expect((await first.get('b'))?.status).toBe('paused');
  });

  test('takes what several write to it at the same time', async () => {
    const dir = folders.next();
    const checkpointers = Array.from({ length: 4 }, () => fileCheckpointer({ dir }));

    await Promise.all(
      checkpointers.map(async (checkpointer, index) => {
        const lease = await begin(checkpointer, `workflow ${index}`);
        const appends = lines(1, 50).map((entry, at) =>
          checkpointer.append(lease, { first: at + 1, entries: [entry], status: 'running' }),
        );
        await Promise.all(appends);
        await checkpointer.close();
      }),
    );

    await using reader = fileCheckpointer({ dir });
    for (const index of checkpointers.keys())
      expect((await reader.read(`workflow ${index}`))?.entries).toEqual(lines(0, 51));
  });

  test('a log of more bytes than are read at once comes back', { timeout: 30_000 }, async () => {
    await using checkpointer = fileCheckpointer({ dir: folders.next() });
    const lease = await begin(checkpointer, 'a');
    const large = JSON.stringify({ type: 'AnswerKept', key: 'x'.repeat(12_000_000), value: [1], time: 1 });
    for (const first of [1, 2, 3])
      await checkpointer.append(lease, { first, entries: [large], status: 'running' });

    const stored = await checkpointer.read('a');

    expect(stored?.entries.map(({ length }) => length)).toEqual([
      line(0).length,
      ...[1, 2, 3].map(() => large.length),
    ]);
  });

  test('an entry with the character that separates rows comes back', async () => {
    await using checkpointer = fileCheckpointer({ dir: folders.next() });
    const odd = ['a\u001eb', '', ' 7 \u001e'];

    await begin(checkpointer, 'a', { entries: odd });

    expect((await checkpointer.read('a'))?.entries).toEqual(odd);
  });

  test('its write-ahead log does not grow for ever', { timeout: 30_000 }, async () => {
    const dir = folders.next();
    await using checkpointer = fileCheckpointer({ dir });
    const lease = await begin(checkpointer, 'a');
    const large = JSON.stringify('x'.repeat(1_000_000));

    for (let first = 1; first < 50; first += 1)
      await checkpointer.append(lease, { first, entries: [large], status: 'running' });

    expect((await stat(join(dir, 'troupe.db-wal'))).size).toBeLessThan(20_000_000);
    expect((await checkpointer.read('a'))?.entries.length).toBe(50);
  });

  test.skipIf(!existsSync(OPEN_FILES))('what is refused leaves no file open', async () => {
    const dir = folders.next();
    await using checkpointer = fileCheckpointer({ dir, maxBytes: 60_000 });
    const lease = await begin(checkpointer, 'a');
    const large = JSON.stringify('x'.repeat(100_000));
    const refuse = async (): Promise<void> => {
      const append = checkpointer.append(lease, { first: 1, entries: [large], status: 'running' });
      await expect(append).rejects.toThrow('is full');
    };
    await refuse();
    const before = openFiles(dir);

    for (let count = 0; count < 50; count += 1) await refuse();

    expect(openFiles(dir)).toBe(before);
    await checkpointer.append(lease, { first: 1, entries: [line(1)], status: 'running' });
    expect((await checkpointer.read('a'))?.entries.length).toBe(2);
  });

  test(
    'its write-ahead log does not grow for ever where leases are taken and given up',
    { timeout: 30_000 },
    async () => {
      const dir = folders.next();
      await using checkpointer = fileCheckpointer({ dir });
      await write(checkpointer, 'a');

      for (let count = 0; count < 4_000; count += 1)
        await checkpointer.release(await checkpointer.acquire('a'));

      expect((await stat(join(dir, 'troupe.db-wal'))).size).toBeLessThan(30_000_000);
    },
  );

  test('close waits for what is under way', async () => {
    const dir = folders.next();
    const checkpointer = fileCheckpointer({ dir });
    const lease = await begin(checkpointer, 'a');

    const append = checkpointer.append(lease, { first: 1, entries: [line(1)], status: 'running' });
    await checkpointer.close();
    await append;

    await using again = fileCheckpointer({ dir });
    expect((await again.read('a'))?.entries).toEqual(lines(0, 2));
  });
});

describe('what is over', () => {
  test('is removed from the database when the folder is opened', async () => {
    const dir = folders.next();
    {
      await using checkpointer = fileCheckpointer({ dir });
      await begin(checkpointer, 'a', { status: 'failed', blobs: [blobOf('1')], releases: true });
      await begin(checkpointer, 'b', { status: 'paused', releases: true });
    }
    await using checkpointer = fileCheckpointer({ dir, ttl: 0.001 });
    const list = await checkpointer.list();
    const left = await sql(
      dir,
      'SELECT (SELECT count(*) FROM entries) + 0 AS e, (SELECT count(*) FROM blobs) + 0 AS b',
    );

    expect(list.map(({ workflowId }) => workflowId)).toEqual(['b']);
    expect([left?.rows[0]?.['e'], left?.rows[0]?.['b']]).toEqual([1, 0]);
  });

  test('gives its place to what comes after it', async () => {
    const dir = folders.next();
    await using checkpointer = fileCheckpointer({ dir });

    for (let round = 0; round < 5; round += 1) {
      await write(checkpointer, `workflow ${round}`);
      await checkpointer.delete(`workflow ${round}`);
    }

    expect((await sql(dir, 'SELECT count(*) + 0 AS count FROM workflows'))?.rows[0]?.['count']).toBe(1);
  });
});

describe('a full store', () => {
  /** Appends until it cannot, and says how many entries are safe. */
  async function fill(options: FileCheckpointerOptions): Promise<{ safe: number; error?: unknown }> {
    await using checkpointer = fileCheckpointer(options);
    const lease = await begin(checkpointer, 'a');
    const large = JSON.stringify('x'.repeat(10_000));
    let safe = 1;
    try {
      for (; safe < 200; safe += 2) {
        // Now and then something of each kind, so that it ends in the middle of a transaction.
        const blobs = safe % 4 === 1 ? [blobOf(`["${safe}${large}"]`)] : [];
        const entries = [large, large];
        await checkpointer.append(lease, { first: safe, entries, status: 'running', blobs });
      }
      return { safe };
    } catch (error) {
      return { safe, error };
    }
  }

  test('says so, and keeps what was safe', async () => {
    const options = { dir: folders.next(), maxBytes: 400_000 };

    const { safe, error } = await fill(options);

    expect(error).toMatchObject({ code: 'CHECKPOINT', hint: expect.stringContaining('maxBytes') });
    await using checkpointer = fileCheckpointer(options);
    expect((await checkpointer.read('a'))?.entries.length).toBe(safe);
    expect((await stat(join(options.dir, 'troupe.db'))).size).toBeLessThanOrEqual(400_000);
  });

  test('can be used again when there is room', async () => {
    const options = { dir: folders.next(), maxBytes: 400_000 };
    await fill(options);
    await using checkpointer = fileCheckpointer({ ...options, maxBytes: 800_000 });
    const lease = await begin(checkpointer, 'b');

    await checkpointer.append(lease, {
      first: 1,
      entries: [JSON.stringify('x'.repeat(100_000))],
      status: 'running',
    });

    expect((await checkpointer.read('b'))?.entries.length).toBe(2);
  });
});

describe('a folder that cannot be', () => {
  test.each([
    ['below a file', () => 'file/below', 'file'],
    ['in the place of a file', () => 'file', 'file'],
    ['where nobody may write', () => '/proc/troupe', ''],
  ])('%s is an error that names it', async (_, name, file) => {
    const root = folders.next();
    await mkdir(root);
    if (file !== '') await writeFile(join(root, file), 'not a folder');
    const dir = name().startsWith('/') ? name() : join(root, name());

    await using checkpointer = fileCheckpointer({ dir });

    await expect(checkpointer.acquire('a')).rejects.toMatchObject({
      code: 'CHECKPOINT',
      message: expect.stringContaining(dir),
      hint: expect.stringContaining('folder'),
    });
  });

  test('is tried again', async () => {
    const dir = folders.next();
    await writeFile(dir, 'in the way');
    await using checkpointer = fileCheckpointer({ dir: join(dir, 'below') });
    const before = await checkpointer.list().catch(() => 'refused');
    await rm(dir);

    const after = await checkpointer.list();

    expect([before, [...after]]).toEqual(['refused', []]);
  });

  test.each(['', undefined, 5])('is refused at once when it is %o', (dir) => {
    expect(() => fileCheckpointer({ dir } as FileCheckpointerOptions)).toThrow(
      expect.objectContaining({ code: 'CHECKPOINT' }),
    );
  });

  test.each([{ maxBytes: 0 }, { maxBytes: '1' }, { lease: -1 }, { path: 'x' }])(
    'is refused at once with %o',
    (wrong) => {
      expect(() => fileCheckpointer({ dir: 'x', ...wrong } as FileCheckpointerOptions)).toThrow(
        expect.objectContaining({ code: 'CHECKPOINT' }),
      );
    },
  );
});

describe('a database that is none of ours', () => {
  test.each([
    ['text', 'not a database'],
    ['much text', 'not a database '.repeat(10_000)],
    ['zeroes', '\0'.repeat(65_536)],
  ])('of %s is an error that names it', async (_, content) => {
    const dir = folders.next();
    await mkdir(dir);
    await writeFile(join(dir, 'troupe.db'), content);

    await using checkpointer = fileCheckpointer({ dir });

    await expect(checkpointer.list()).rejects.toMatchObject({
      code: 'CHECKPOINT',
      message: expect.stringContaining(dir),
    });
  });

  test('of somebody else is left as it is', async () => {
    const dir = folders.next();
    await mkdir(dir);
    const client = createClient({ url: pathToFileURL(join(dir, 'troupe.db')).href });
    await client.execute('CREATE TABLE theirs (x)');
    client.close();

    await using checkpointer = fileCheckpointer({ dir });

    await expect(checkpointer.acquire('a')).rejects.toMatchObject({
      code: 'CHECKPOINT',
      message: expect.stringContaining('no store of Troupe'),
    });
    expect((await sql(dir, 'SELECT count(*) + 0 AS c FROM sqlite_schema'))?.rows[0]?.['c']).toBe(1);
  });

  test.each(["'sunning'", 'NULL'])(
    'that would not list a workflow, as its status is %s, is damaged',
    async (status) => {
      const dir = folders.next();
      {
        await using checkpointer = fileCheckpointer({ dir });
        await write(checkpointer, 'a');
      }
      await sql(dir, `UPDATE workflows SET status = ${status}`);

      await using checkpointer = fileCheckpointer({ dir });

      await expect(checkpointer.list()).rejects.toMatchObject({ code: 'CHECKPOINT' });
    },
  );

  test('of a newer version is an error that says so', async () => {
    const dir = folders.next();
    {
      await using checkpointer = fileCheckpointer({ dir });
      await write(checkpointer, 'a');
    }
    await sql(dir, 'PRAGMA user_version = 2');

    await using checkpointer = fileCheckpointer({ dir });

    await expect(checkpointer.get('a')).rejects.toMatchObject({
      code: 'CHECKPOINT',
      message: expect.stringContaining('newer version'),
      hint: expect.stringContaining('Update'),
    });
  });
});

test(
  'without its package it says how to install it, and only when it is used',
  { timeout: 60_000 },
  async () => {
    const away = folders.next();
    await cp(source, join(away, 'src'), { recursive: true });
    await writeFile(join(away, 'package.json'), '{ "type": "module" }');
    const script = `
    import { fileCheckpointer } from './src/checkpoint/file.ts';
    const checkpointer = fileCheckpointer({ dir: 'workflows' });
    try { await checkpointer.acquire('a'); } catch ({ code, hint }) { console.log(code, hint); }
  `;
    await writeFile(join(away, 'main.ts'), script);

    const { stdout } = await run(process.execPath, ['--import', tsx, join(away, 'main.ts')], { cwd: away });

    expect(stdout).toBe('CHECKPOINT npm install @libsql/client\n');
  },
);

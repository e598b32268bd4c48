import fs, { fstatSync, statSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { fileCheckpointer } from 'troupe/checkpoint';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { begin, Folders, line } from './file-parts.ts';

const folders = new Folders();
afterAll(() => folders.remove());

/** The files, by inode, that were put on disk since the test began; that is still done. */
let flushed: number[] = [];
const { fdatasync, fdatasyncSync, openSync } = fs;

beforeEach(() => {
  flushed = [];
  fs.fdatasyncSync = (file) => {
    fdatasyncSync(file);
    flushed.push(fstatSync(file).ino);
  };
  syncBuiltinESMExports();
});

afterEach(() => {
  fs.fdatasyncSync = fdatasyncSync;
  fs.fdatasync = fdatasync;
  fs.openSync = openSync;
  syncBuiltinESMExports();
});

/** Does something else where the store puts its log on disk without waiting for that. */
function flushBy(replacement: (file: number, done: fs.NoParamCallback) => void): void {
  fs.fdatasync = replacement as typeof fdatasync; // nobody promisifies it
  syncBuiltinESMExports();
}

/** Large enough to be put on disk before anybody asks. */
const MUCH = {
  entries: [JSON.stringify({ type: 'a', text: 'x'.repeat(3_000_000) })],
  isRelaxed: true,
} as const;

function logOf(dir: string): number {
  return statSync(join(dir, 'troupe.db-wal')).ino;
}

describe('what is appended to a folder', () => {
  test('is on disk when its promise resolves, once for each append', async () => {
    const dir = folders.next();
    await using checkpointer = fileCheckpointer({ dir });

    const lease = await begin(checkpointer, 'a');
    expect(flushed).toEqual([logOf(dir)]);

    await checkpointer.append(lease, { first: 1, entries: [line(1)], status: 'running' });
    await checkpointer.append(lease, { first: 2, entries: [line(2)], status: 'completed', releases: true });
    expect(flushed).toEqual([logOf(dir), logOf(dir), logOf(dir)]);
  });

  test('is on disk as well where the folder was written before', async () => {
    const dir = folders.next();
    const before = fileCheckpointer({ dir });
    await begin(before, 'a');
    await before.close();
    flushed = [];

    await using checkpointer = fileCheckpointer({ dir });
    await begin(checkpointer, 'b');

    expect(flushed).toEqual([logOf(dir)]);
  });

  test('does not wait for the disk where it is relaxed, but the next that is not is on disk with all before it', async () => {
    const dir = folders.next();
    await using checkpointer = fileCheckpointer({ dir });
    const lease = await begin(checkpointer, 'a', { isRelaxed: true });
    expect(flushed).toEqual([]);

    await checkpointer.append(lease, { first: 1, entries: [line(1)], status: 'running' });

    expect(flushed).toEqual([logOf(dir)]);
  });

  test('and cannot be put on disk is refused, and so is whatever follows until the folder is opened again', async () => {
    const dir = folders.next();
    await using checkpointer = fileCheckpointer({ dir });
    const lease = await begin(checkpointer, 'a');
    const works = fs.fdatasyncSync;
    fs.fdatasyncSync = () => {
      throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
    };
    syncBuiltinESMExports();
    const failed = checkpointer.append(lease, { first: 1, entries: [line(1)], status: 'running' });
    const refusal = { code: 'CHECKPOINT', message: expect.stringContaining('cannot be put on disk') };
    await expect(failed).rejects.toMatchObject(refusal);
    fs.fdatasyncSync = works;
    syncBuiltinESMExports();

    await expect(begin(checkpointer, 'b')).rejects.toMatchObject(refusal);

    await using again = fileCheckpointer({ dir });
    await begin(again, 'c');
    expect((await again.get('c'))?.status).toBe('running');
  });

  test('is put on disk without anybody waiting for it where it is relaxed, and much', async () => {
    const dir = folders.next();
    await using checkpointer = fileCheckpointer({ dir });
    const flushing = new Promise<number>((resolve, reject) => {
      flushBy((file, done) =>
        fdatasync(file, (error) => {
          done(error);
          if (error === null) resolve(fstatSync(file).ino);
          else reject(error);
        }),
      );
    });

    await begin(checkpointer, 'a', MUCH);

    expect(flushed).toEqual([]);
    expect(await flushing).toBe(logOf(dir));
  });

  test('and cannot be put on disk later: whoever writes next is refused', async () => {
    const dir = folders.next();
    await using checkpointer = fileCheckpointer({ dir });
    const failed = new Promise<void>((resolve) => {
      flushBy((_, done) => {
        setImmediate(() => {
          done(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }));
          resolve();
        });
      });
    });
    const lease = await begin(checkpointer, 'a', MUCH);
    await failed;

    const next = checkpointer.append(lease, {
      first: 1,
      entries: [line(1)],
      status: 'running',
      isRelaxed: true,
    });

    await expect(next).rejects.toMatchObject({
      code: 'CHECKPOINT',
      message: expect.stringContaining('cannot be put on disk'),
    });
  });

  test('goes on where its log could not be opened for that', async () => {
    const dir = folders.next();
    await using checkpointer = fileCheckpointer({ dir });
    const lease = await begin(checkpointer, 'a', { isRelaxed: true });
    fs.openSync = () => {
      throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
    };
    syncBuiltinESMExports();
    await checkpointer.append(lease, { first: 1, status: 'running', ...MUCH });
    const refused = checkpointer.append(lease, { first: 2, entries: [line(2)], status: 'running' });
    await expect(refused).rejects.toMatchObject({ code: 'CHECKPOINT' });
    fs.openSync = openSync;
    syncBuiltinESMExports();

    await begin(checkpointer, 'b');

    expect(flushed).toEqual([logOf(dir)]);
  });

  test('leaves no file open when its folder is closed meanwhile', async () => {
    const checkpointer = fileCheckpointer({ dir: folders.next() });
    const flushing: { file: number; done: fs.NoParamCallback }[] = [];
    flushBy((file, done) => void flushing.push({ file, done }));
    await begin(checkpointer, 'a', MUCH);

    await checkpointer.close();

    const { file = -1, done } = flushing[0] ?? {};
    expect(() => fdatasyncSync(file)).not.toThrow();
    done?.(null);
    expect(() => fdatasyncSync(file)).toThrow('EBADF');
  });

  test('and removed again is gone from the disk', async () => {
    const dir = folders.next();
    await using checkpointer = fileCheckpointer({ dir });
    await begin(checkpointer, 'a', { isRelaxed: true, status: 'completed', releases: true });

    await checkpointer.delete('a');

    expect(flushed).toEqual([logOf(dir)]);
  });
});

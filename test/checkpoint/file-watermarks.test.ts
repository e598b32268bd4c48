import { execFileSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileCheckpointer, type Checkpointer } from 'troupe/checkpoint';
import { begin, blobOf, Folders, line, lines, write } from './file-parts.ts';
import { DAMAGED, faultsOf, viewOf, type View } from './file-view.ts';

const folders = new Folders();
afterAll(() => folders.remove());

const IDS = ['a', 'b', 'c', 'never'];

/** What is done to a folder, one thing after the other. */
const STEPS: readonly ((checkpointer: Checkpointer) => Promise<unknown>)[] = [
  (store) => begin(store, 'a', { status: 'paused', releases: true }),
  (store) => begin(store, 'b', { blobs: [blobOf('[1]')], status: 'paused', releases: true }),
  async (store) =>
    store.append(await store.acquire('a'), {
      first: 1,
      entries: lines(1, 2),
      status: 'paused',
      releases: true,
    }),
  async (store) =>
    store.append(await store.acquire('a'), { first: 3, entries: [], status: 'failed', releases: true }),
  // No more entries, and not those that were there.
  async (store) =>
    store.append(await store.acquire('a'), {
      first: 3,
      entries: lines(7, 3),
      status: 'completed',
      replaces: true,
      releases: true,
    }),
  (store) => store.delete('b'),
  (store) => write(store, 'c'),
  (store) => store.delete('c'),
  (store) => begin(store, 'c', { entries: lines(3, 2), status: 'paused', releases: true }),
  (store) => begin(store, 'b', { status: 'paused', releases: true }),
];

/** The folder after each step, and what could be seen of it. */
const copies: string[] = [];
const truths: View[] = [];
const moments = [...STEPS.keys()];

/** Not by this process: when it closes a file of a database, it loses its locks on it. */
function copyFolder(from: string): string {
  const to = folders.next();
  execFileSync('cp', ['-r', from, to]);
  return to;
}

beforeAll(async () => {
  const dir = folders.next();
  for (const step of STEPS) {
    await using checkpointer = fileCheckpointer({ dir });
    await step(checkpointer);
    const copy = copyFolder(dir);
    copies.push(copy);
    truths.push(await viewOf(copyFolder(copy), IDS));
  }
}, 60_000);

/** The database of one moment with the watermarks of another. */
function mixed(database: number, marks: number): string {
  const dir = copyFolder(copies.at(database) ?? '');
  copyFileSync(join(copies.at(marks) ?? '', 'watermarks'), join(dir, 'watermarks'));
  return dir;
}

describe('watermarks', () => {
  test.each(moments)('of before step %i say nothing wrong after it', async (step) => {
    for (const marks of moments.slice(0, step + 1))
      expect(await viewOf(mixed(step, marks), IDS)).toEqual(truths[step]);
  });

  test.each(moments.slice(1))('of after step %i tell that the database is an older one', async (step) => {
    for (const database of moments.slice(0, step)) {
      const view = await viewOf(mixed(database, step), IDS);

      expect(faultsOf(view, truths[step] ?? {})).toEqual([]);
      expect(view['list']).toBe(DAMAGED);
    }
  });

  test('that are gone are made again', async () => {
    const dir = copyFolder(copies.at(-1) ?? '');
    rmSync(join(dir, 'watermarks'));

    {
      await using checkpointer = fileCheckpointer({ dir });
      const lease = await checkpointer.acquire('a');
      await checkpointer.append(lease, { first: 3, entries: [line(3)], status: 'paused', releases: true });
    }

    await using checkpointer = fileCheckpointer({ dir });
    expect((await checkpointer.read('a'))?.entries).toEqual(lines(7, 3).concat(line(3)));
  });

  test('let nothing new begin where something was lost', async () => {
    await using checkpointer = fileCheckpointer({ dir: mixed(0, -1) });

    await expect(checkpointer.acquire('never')).rejects.toMatchObject({
      code: 'CHECKPOINT',
      hint: expect.stringContaining('watermarks'),
    });
  });
});

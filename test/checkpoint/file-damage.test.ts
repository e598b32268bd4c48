import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Child, Folders, line, sql } from './file-parts.ts';
import { DAMAGED, faultsOf, viewOf, type View } from './file-view.ts';

const folders = new Folders();
afterAll(() => folders.remove());

const IDS = ['short', 'paused/ü🎈', 'replaced', 'deleted', 'long', 'never'];

type Files = ReadonlyMap<string, Buffer>;
function readFolder(dir: string): Files {
  return new Map(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name))]));
}

/** A folder of these files, of which one was changed; undefined leaves it out. */
function folderOf(files: Files, changed: string, content: Buffer | undefined): string {
  const dir = folders.next();
  mkdirSync(dir);
  for (const [name, bytes] of files) {
    const written = name === changed ? content : bytes;
    if (written !== undefined) writeFileSync(join(dir, name), written);
  }
  return dir;
}

/** What can be seen of such a folder. */
async function viewWith(files: Files, changed: string, content: Buffer | undefined): Promise<View> {
  const dir = folderOf(files, changed, content);
  const view = await viewOf(dir, IDS);
  rmSync(dir, { recursive: true });
  return view;
}

describe.each([
  ['whose writer was killed', false],
  ['whose log was moved into the database', true],
])('a damaged folder %s', { timeout: 240_000 }, (_, isMoved) => {
  let files: Files = new Map();
  let truth: View = {};

  beforeAll(async () => {
    const dir = folders.next();
    const child = new Child('fill', dir);
    await child.next(); // when it is filled
    await child.kill();
    if (isMoved) await sql(dir, 'PRAGMA wal_checkpoint(TRUNCATE)');
    files = readFolder(dir);
    truth = await viewWith(files, '', undefined);
  }, 60_000);

  /** A file that is not empty, and a place in it. */
  function places(): fc.Arbitrary<readonly [name: string, at: number]> {
    const names = [...files].filter(([, { length }]) => length > 0).map(([name]) => name);
    return fc
      .constantFrom(...names)
      .chain((name) => fc.tuple(fc.constant(name), fc.nat((files.get(name)?.length ?? 1) - 1)));
  }

  test('is whole before', () => {
    expect(Object.values(truth)).not.toContain(DAMAGED);
    expect(truth).toMatchObject({
      'get long': { status: 'abandoned' },
      'get deleted': undefined,
      'history deleted': 'WORKFLOW_NOT_FOUND',
      'history long': { length: 12 },
      'list completed': [{ workflowId: 'replaced' }],
    });
  });

  test('is found out, whichever byte has changed', async () => {
    await fc.assert(
      fc.asyncProperty(places(), fc.integer({ min: 1, max: 255 }), async ([name, at], change) => {
        const content = Buffer.from(files.get(name) ?? []);
        content[at] = (content[at] ?? 0) ^ change;
        expect(faultsOf(await viewWith(files, name, content), truth)).toEqual([]);
      }),
      { numRuns: 120 },
    );
  });

  test('is found out, wherever a file ends', async () => {
    await fc.assert(
      fc.asyncProperty(places(), async ([name, length]) => {
        const content = files.get(name)?.subarray(0, length);
        expect(faultsOf(await viewWith(files, name, content), truth)).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  test('is found out, whichever byte of an entry has changed', async () => {
    const name = isMoved ? 'troupe.db' : 'troupe.db-wal';
    const entry = Buffer.from(line(11));
    for (let index = 0; index < entry.length; index += 4) {
      const content = Buffer.from(files.get(name) ?? []);
      // Wherever the pages of the database hold a copy.
      for (let at = content.indexOf(entry); at >= 0; at = content.indexOf(entry, at + 1))
        content[at + index] = (content[at + index] ?? 0) ^ 1;
      const view = await viewWith(files, name, content);

      expect(faultsOf(view, truth)).toEqual([]);
      expect(view['read long']).toBe(DAMAGED);
    }
  });

  test('is found out when the database is empty, and what is left of it stays', async () => {
    const dir = folderOf(files, 'troupe.db', Buffer.alloc(0));

    const view = await viewOf(dir, IDS);

    expect(new Set(Object.values(view))).toEqual(new Set([DAMAGED]));
    expect(readFolder(dir).get('troupe.db-wal')).toEqual(files.get('troupe.db-wal'));
  });

  test('is found out when a file is gone', async () => {
    for (const name of files.keys())
      expect(faultsOf(await viewWith(files, name, undefined), truth)).toEqual([]);
  });
});

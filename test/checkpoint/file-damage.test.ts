import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isTroupeError } from 'troupe';
import { fileCheckpointer } from 'troupe/checkpoint';
import { Child, Folders, sql } from './file-parts.ts';

const folders = new Folders();
afterAll(() => folders.remove());

type Files = ReadonlyMap<string, Buffer>;
type View = Readonly<Record<string, unknown>>;

const IDS = ['short', 'paused/ü🎈', 'replaced', 'deleted', 'long', 'never'];
const DAMAGED = 'CHECKPOINT';

/** All that can be seen of a folder. */
async function viewOf(dir: string): Promise<View> {
  const view: Record<string, unknown> = {};
  await using checkpointer = fileCheckpointer({ dir });
  const see = async (what: string, look: () => Promise<unknown>): Promise<void> => {
    view[what] = await look().catch((error: unknown) => (isTroupeError(error) ? error.code : String(error)));
  };
  for (const id of IDS) {
    await see(`get ${id}`, () => checkpointer.get(id));
    await see(`read ${id}`, () => checkpointer.read(id));
    await see(`history ${id}`, () => checkpointer.history(id));
  }
  await see('list', async () => [...(await checkpointer.list())]);
  for (const status of ['abandoned', 'paused', 'completed'] as const)
    await see(`list ${status}`, async () => [...(await checkpointer.list({ status }))]);
  await see('second page', async () => {
    const { cursor = '' } = await checkpointer.list({ limit: 2 });
    return [...(await checkpointer.list({ cursor }))];
  });
  return view;
}

function readFolder(dir: string): Files {
  return new Map(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name))]));
}

/** What can be seen of these files, of which one was changed; undefined leaves it out. */
async function viewWith(files: Files, changed: string, content: Buffer | undefined): Promise<View> {
  const dir = folders.next();
  mkdirSync(dir);
  for (const [name, bytes] of files) {
    const written = name === changed ? content : bytes;
    if (written !== undefined) writeFileSync(join(dir, name), written);
  }
  const view = await viewOf(dir);
  rmSync(dir, { recursive: true });
  return view;
}

/** Each thing is as it was, or said to be damaged. */
function expectTrueOrDamaged(view: View, truth: View): void {
  for (const [what, seen] of Object.entries(view))
    if (seen !== DAMAGED) expect({ [what]: seen }).toEqual({ [what]: truth[what] });
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
    expect(await child.next()).toBe('filled');
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
        expectTrueOrDamaged(await viewWith(files, name, content), truth);
      }),
      { numRuns: 150 },
    );
  });

  test('is found out, wherever a file ends', async () => {
    await fc.assert(
      fc.asyncProperty(places(), async ([name, length]) => {
        const content = files.get(name)?.subarray(0, length);
        expectTrueOrDamaged(await viewWith(files, name, content), truth);
      }),
      { numRuns: 60 },
    );
  });

  test('is found out when the database is empty', async () => {
    const view = await viewWith(files, 'troupe.db', Buffer.alloc(0));

    expect(new Set(Object.values(view))).toEqual(new Set([DAMAGED]));
  });

  test('is found out when a file is gone', async () => {
    for (const name of files.keys()) expectTrueOrDamaged(await viewWith(files, name, undefined), truth);
  });
});

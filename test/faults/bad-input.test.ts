import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createRunner, isTroupeError, type Runner } from 'troupe';
import type { Checkpointer } from 'troupe/checkpoint';
import { sql as fileSql } from '../checkpoint/file-parts.ts';
import { sql } from '../checkpoint/postgres-desk.ts';
import { openBay } from './bay.ts';
import { fileStore, findPostgresStore, type StoreKind } from './store-kinds.ts';
import { openStore, type StorePlace } from './stores.ts';
import { PROVISIONS, voyageOf } from './voyage.ts';

const TEST_MS = 60_000;
/** The user that owns nothing; only root can become it, and anybody else has no rights either in what root has closed. */
const NOBODY = 65_534;
const postgres = await findPostgresStore();

/** Bodies that say that they have run. */
function watchedVoyage() {
  const begun: string[] = [];
  const voyage = voyageOf({ note: ({ name }) => begun.push(name), work: async () => {} });
  return { begun, voyage };
}

/** What a run comes to on a store that cannot be used, and which bodies began before. */
async function refusalOf(place: StorePlace): Promise<unknown> {
  const { begun, voyage } = watchedVoyage();
  await using checkpointer = openStore(place);
  await using runner = createRunner({ checkpointer });
  const error: unknown = await runner
    .run(voyage, PROVISIONS, { workflowId: 'voyage' })
    .catch((thrown: unknown) => thrown);
  return isTroupeError(error) ? { ...error.toJSON(), begun } : error;
}

/** A refusal that says why, and what to do about it. */
function because(message: RegExp): unknown {
  return {
    name: 'CheckpointError',
    code: 'CHECKPOINT',
    message: expect.stringMatching(message),
    hint: expect.stringMatching(/\S/u),
    begun: [],
  };
}

describe('a folder that cannot be used', () => {
  test('is refused before anything runs, when this user may not write it', { timeout: TEST_MS }, async () => {
    await using bay = await openBay(fileStore);
    const parent = bay.place.type === 'file' ? bay.place.dir : '';
    mkdirSync(parent);
    chmodSync(parent, 0o555);
    const user = process.getuid?.() === 0 ? { user: NOBODY } : {};
    const sailor = await bay.start({ ...user, store: { type: 'file', dir: join(parent, 'store') } });

    const outcome = await sailor.tell({ do: 'run', workflowId: 'voyage', input: PROVISIONS });

    expect(outcome).toMatchObject({ code: 'CHECKPOINT', message: expect.stringContaining(parent) });
    expect(sailor.seen(({ type }) => type === 'effect' || undefined)).toBeUndefined();
  });

  test('is refused before anything runs, when this user may only read it', { timeout: TEST_MS }, async () => {
    await using bay = await openBay(fileStore);
    await bay.checkpointer.list();
    const dir = bay.place.type === 'file' ? bay.place.dir : '';
    chmodSync(dir, 0o555);
    for (const file of ['troupe.db', 'watermarks']) chmodSync(join(dir, file), 0o444);
    const user = process.getuid?.() === 0 ? { user: NOBODY } : {};
    const sailor = await bay.start(user);

    const outcome = await sailor.tell({ do: 'run', workflowId: 'voyage', input: PROVISIONS });

    expect(outcome).toMatchObject({ code: 'CHECKPOINT', message: expect.stringContaining(dir) });
    expect(sailor.seen(({ type }) => type === 'effect' || undefined)).toBeUndefined();
  });

  test(
    'is refused before anything runs, when its path leads through a file',
    { timeout: TEST_MS },
    async () => {
      await using bay = await openBay(fileStore);
      writeFileSync(bay.effects, '');

      expect(await refusalOf({ type: 'file', dir: join(bay.effects, 'store') })).toEqual(because(/effects/u));
    },
  );

  test('is refused before anything runs, when a newer version wrote it', { timeout: TEST_MS }, async () => {
    await using bay = await openBay(fileStore);
    await bay.checkpointer.list();
    await bay.checkpointer.close();
    await fileSql(bay.place.type === 'file' ? bay.place.dir : '', 'PRAGMA user_version = 99');

    expect(await refusalOf(bay.place)).toEqual(because(/newer version/u));
  });
});

describe('a connection string that is wrong', () => {
  test.each([['no address'], ['mysql://ada@localhost/workflows'], ['']])('%j is refused at once', (text) => {
    expect(() => openStore({ type: 'postgres', schema: 'troupe', connectionString: text })).toThrow(
      expect.objectContaining({ code: 'CHECKPOINT' }),
    );
  });

  test('is refused before anything runs, when nobody listens there', { timeout: TEST_MS }, async () => {
    const connectionString = 'postgres://ada:secret@127.0.0.1:1/workflows';

    expect(await refusalOf({ type: 'postgres', schema: 'troupe', connectionString })).toEqual(
      because(/^(?!.*secret)/u),
    );
  });
});

describe.skipIf(!postgres.isThere)('a server that refuses', () => {
  const changes: readonly [string, (url: URL) => void][] = [
    ['a wrong password', (url) => (url.password = 'wrong-secret')],
    ['an unknown user', (url) => (url.username = 'nobody-knows')],
    ['a database that is not there', (url) => (url.pathname = '/not-there')],
  ];

  test.each(changes)(
    '%s does so before anything runs',
    async (_, change) => {
      await using bay = await openBay(postgres);
      if (bay.place.type !== 'postgres') throw new Error('Expected a store in Postgres');
      const url = new URL(bay.place.connectionString);
      change(url);

      expect(await refusalOf({ ...bay.place, connectionString: url.href })).toEqual(
        because(/^(?!.*secret)/u),
      );
    },
    TEST_MS,
  );

  test('a schema of a newer version does so before anything runs', { timeout: TEST_MS }, async () => {
    await using bay = await openBay(postgres);
    if (bay.place.type !== 'postgres') throw new Error('Expected a store in Postgres');
    await bay.checkpointer.list();
    const { connectionString, schema } = bay.place;
    await sql(connectionString, `UPDATE ${schema}.checkpoint_version SET version = 99`);

    expect(await refusalOf(bay.place)).toEqual(because(/version 99/u));
  });
});

const kinds: readonly StoreKind[] = [fileStore, postgres];

describe.each(kinds)('an id that is not there ($name)', (kind) => {
  const calls: readonly [
    string,
    (runner: Runner, checkpointer: Checkpointer, voyage: ReturnType<typeof voyageOf>) => Promise<unknown>,
  ][] = [
    ['resume', (runner, _, voyage) => runner.resume(voyage, 'unknown')],
    ['retry', (runner, _, voyage) => runner.retry(voyage, 'unknown')],
    ['fork', (runner, _, voyage) => runner.fork(voyage, 'unknown')],
    ['history', (_, checkpointer) => checkpointer.history('unknown')],
    ['delete', (_, checkpointer) => checkpointer.delete('unknown')],
  ];

  test.skipIf(!kind.isThere).each(calls)(
    '%s rejects with WorkflowNotFoundError, and nothing runs',
    async (_, call) => {
      await using bay = await openBay(kind);
      const { begun, voyage } = watchedVoyage();
      await using runner = createRunner({ checkpointer: bay.checkpointer });

      await expect(call(runner, bay.checkpointer, voyage)).rejects.toMatchObject({
        code: 'WORKFLOW_NOT_FOUND',
      });

      expect(begun).toEqual([]);
      expect(await bay.checkpointer.list()).toHaveLength(0);
    },
    TEST_MS,
  );
});

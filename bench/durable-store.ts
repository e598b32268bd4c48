import { createClient } from '@libsql/client';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

import type * as Checkpoint from '../src/checkpoint/index.ts';
import { expectEqual } from './harness.ts';

const chosen = process.env['TROUPE_BENCH_ENTRY'];
const entry =
  chosen === undefined
    ? new URL('../dist/checkpoint/index.js', import.meta.url)
    : new URL('checkpoint/index.js', pathToFileURL(chosen));

/** Of the same build as what `troupe.ts` gives. */
export const { fileCheckpointer, memoryCheckpointer } = (await import(entry.href)) as typeof Checkpoint;

export type Store = Checkpoint.Checkpointer;

/** Ignored by Git, and on the disk of the repository: the folder for temporary files may be in memory. */
const PARENT = fileURLToPath(new URL('node_modules/.cache', import.meta.url));

const MAX_WAIT_MS = 5_000;

export interface Folder extends AsyncDisposable {
  readonly path: string;
}

/** A new folder, gone when it is disposed of. */
export async function createFolder(): Promise<Folder> {
  mkdirSync(PARENT, { recursive: true });
  const path = await mkdtemp(join(PARENT, 'durable-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** The package that the embedded store is built on, with as little as a durable write needs. */
export interface BareStore extends Disposable {
  /** One row, on disk when it resolves. */
  readonly write: (text: string) => Promise<void>;
}

/** The same with the engine of that package, and a statement that is prepared once. */
export function createPreparedStore(folder: Folder): BareStore {
  const load = createRequire(createRequire(import.meta.url).resolve('@libsql/client'));
  const Engine = load('libsql') as new (path: string) => BareEngine; // the part of it that is used
  const engine = new Engine(join(folder.path, 'prepared.db'));
  engine.exec('PRAGMA journal_mode = WAL');
  engine.exec('PRAGMA synchronous = FULL');
  engine.exec('CREATE TABLE records (position INTEGER PRIMARY KEY, text TEXT NOT NULL)');
  const insert = engine.prepare('INSERT INTO records (text) VALUES (?)');
  return {
    write: async (text) => expectEqual('the rows of a prepared write', insert.run([text]).changes, 1),
    [Symbol.dispose]: () => engine.close(),
  };
}

interface BareEngine {
  readonly exec: (sql: string) => void;
  readonly prepare: (sql: string) => {
    readonly run: (args: readonly string[]) => { readonly changes: number };
  };
  readonly close: () => void;
}

export async function createBareStore(folder: Folder): Promise<BareStore> {
  const client = await connect(join(folder.path, 'bare.db'));
  await client.execute('CREATE TABLE records (position INTEGER PRIMARY KEY, text TEXT NOT NULL)');
  return {
    write: async (text) => {
      const { rowsAffected } = await client.execute({
        sql: 'INSERT INTO records (text) VALUES (?)',
        args: [text],
      });
      expectEqual('the rows of a bare write', rowsAffected, 1);
    },
    [Symbol.dispose]: () => client.close(),
  };
}

/** The rows of the one workflow in a store that a file checkpointer has written. */
export interface BareRecords extends Disposable {
  /** Reads them all; resolves with how many there are. */
  readonly readAll: () => Promise<number>;
}

export async function openBareRecords(path: string): Promise<BareRecords> {
  const client = await connect(join(path, 'troupe.db'));
  return {
    readAll: async () => (await client.execute('SELECT text FROM entries ORDER BY position')).rows.length,
    [Symbol.dispose]: () => client.close(),
  };
}

/** As the embedded store opens its file; with more than one connection each would have to be told. */
async function connect(path: string) {
  const client = createClient({ url: pathToFileURL(path).href, concurrency: 1 });
  await client.execute('PRAGMA journal_mode = WAL');
  await client.execute('PRAGMA synchronous = FULL');
  return client;
}

/** The lines that a workflow has in its store. */
export async function entriesOf(store: Store, workflowId: string): Promise<readonly string[]> {
  const stored = await store.read(workflowId);
  if (stored === undefined) throw new Error(`Workflow "${workflowId}" was not stored`);
  return stored.entries;
}

/** Resolves when the end of a workflow is stored, so that a timed piece of work ends with its last write. */
export async function whenStored(store: Store, workflowId: string): Promise<void> {
  const deadline = performance.now() + MAX_WAIT_MS;
  while ((await store.get(workflowId))?.status !== 'completed') {
    if (performance.now() > deadline) throw new Error(`The end of workflow "${workflowId}" was not stored`);
    await setImmediate();
  }
}

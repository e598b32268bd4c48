import { createRequire } from 'node:module';
import { mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemClock } from '../clock.ts';
import { CheckpointError } from '../errors.ts';
import type { CheckpointerSettings } from './checkpointer.ts';
import { FileConnection, type ConnectionOptions } from './file-connection.ts';
import { damagedStore, storeError } from './file-errors.ts';
import { lossOf, nameOf, parseRow, ROW, STATUSES, textOf, type WorkflowRow } from './file-rows.ts';
import { lostTables, prepareSchema } from './file-schema.ts';
import { Watermarks, type Watermark } from './file-watermarks.ts';
import { PAGE_BYTES, WriteAheadLog } from './file-wal.ts';
import { isGone } from './owner.ts';
import { damaged } from './reading.ts';

/** What a store is opened with. */
export interface StoreOptions {
  readonly dir: string;
  readonly maxBytes: number;
  readonly settings: CheckpointerSettings;
}

/** An open folder. */
export interface FileStore {
  /** Of the database. */
  readonly path: string;
  readonly connection: FileConnection;
  readonly log: WriteAheadLog;
  readonly marks: Watermarks;
  readonly settings: CheckpointerSettings;
  /** The damage for which a workflow that is not found may be one that was lost. */
  readonly damage: CheckpointError | undefined;
  /** The number after the last new one that was given here. */
  nextNumber: number | undefined;
}

/** Opens a folder, which is made if need be. Throws {@link CheckpointError}. */
export function openStore({ dir, maxBytes, settings }: StoreOptions): FileStore {
  const Engine = loadEngine();
  const path = join(dir, 'troupe.db');
  const marksPath = join(dir, 'watermarks');
  makeFolder(dir);
  const marks = Watermarks.readAll(marksPath);
  assertNotEmptied(path, marks);
  const connect = (): FileConnection => new FileConnection({ Engine, path, pragmas: pragmasOf(maxBytes) });
  const connection = connect();
  try {
    prepareSchema(connection, path, marks.size > 0);
    const damage = findDamage(connection, path, marks);
    const log = new WriteAheadLog(path, connection, connect());
    const watermarks = new Watermarks(marksPath);
    return { path, connection, log, marks: watermarks, settings, damage, nextNumber: undefined };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Lets go of a folder. */
export function closeStore({ connection, log, marks }: FileStore): void {
  connection.close();
  log.close();
  marks.close();
}

/**
 * The row of a workflow that has all that it must have; undefined for an unknown one. Throws
 * {@link CheckpointError} when it is damaged, or may be lost.
 */
export function findRow(store: FileStore, workflowId: string): WorkflowRow | undefined {
  let known: { readonly number: number; readonly mark: Watermark | undefined } | undefined;
  for (;;) {
    const row = selectRow(store, workflowId);
    if (row === undefined) return undefined;
    if (known?.number === row.number) {
      assertWhole(row, workflowId, known.mark);
      return row;
    }
    const mark = store.marks.read(row.number);
    if (lossOf(row, mark) === undefined) return row;
    // Another process may have written between the two: only what is read after the mark must be as far on as it is.
    known = { number: row.number, mark };
  }
}

/** Throws {@link CheckpointError} when a row lacks something; the mark must have been read before the row. */
export function assertWhole(row: WorkflowRow, workflowId: string, mark: Watermark | undefined): void {
  const loss = lossOf(row, mark);
  if (loss !== undefined) throw damaged(workflowId, loss);
}

function selectRow(store: FileStore, workflowId: string): WorkflowRow | undefined {
  const [found] = store.connection.all(`SELECT ${ROW} FROM workflows WHERE name = ?`, nameOf(workflowId));
  if (found !== undefined) return readRow(workflowId, found['row']);
  if (store.damage !== undefined) throw store.damage;
  return undefined;
}

/** As `parseRow`. Throws {@link CheckpointError} when it is not what was written, or that of another workflow. */
export function readRow(workflowId: string, value: unknown): WorkflowRow {
  let row: WorkflowRow;
  try {
    row = parseRow(value);
  } catch (cause) {
    throw damaged(workflowId, 'its row cannot be read', cause);
  }
  if (row.lease.workflowId !== workflowId) throw damaged(workflowId, 'its row is that of another');
  return row;
}

/** Whether somebody holds a workflow and is alive. */
export function isHeld({ lease }: WorkflowRow): boolean {
  return lease.expiresAt > systemClock.now() && !isGone(lease.owner);
}

/**
 * What `@libsql/client` runs local databases with, from where that is installed. The client itself prepares each statement
 * anew, which takes as long as half of a durable write.
 */
function loadEngine(): ConnectionOptions['Engine'] {
  const hint = 'npm install @libsql/client';
  let client: string;
  try {
    client = createRequire(import.meta.url).resolve('@libsql/client');
  } catch (cause) {
    throw new CheckpointError('fileCheckpointer() needs the package "@libsql/client"', { hint, cause });
  }
  try {
    return createRequire(client)('libsql') as ConnectionOptions['Engine']; // the part of it that is used
  } catch (cause) {
    throw new CheckpointError('The package "@libsql/client" cannot be loaded', { hint, cause });
  }
}

function pragmasOf(maxBytes: number): readonly string[] {
  const pages = Math.max(1, Math.floor(maxBytes / PAGE_BYTES));
  return [
    `PRAGMA page_size = ${PAGE_BYTES}`,
    'PRAGMA journal_mode = WAL',
    // See WriteAheadLog for both.
    'PRAGMA synchronous = NORMAL',
    'PRAGMA wal_autocheckpoint = 0',
    ...(Number.isFinite(pages) ? [`PRAGMA max_page_count = ${Math.min(pages, 2 ** 32 - 2)}`] : []),
  ];
}

function makeFolder(dir: string): void {
  try {
    makeWithParents(dir);
  } catch (error) {
    throw storeError(dir, error);
  }
}

/** Not with `recursive`: where a folder is there and none can be made in it, as in /proc, Node would try for ever. */
function makeWithParents(dir: string): void {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true) return;
  const parent = dirname(dir);
  if (parent !== dir) makeWithParents(parent);
  try {
    mkdirSync(dir);
  } catch (error) {
    // Another process may have been faster.
    if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** SQLite takes a file without content for a new database, and deletes the log beside it: look before. */
function assertNotEmptied(path: string, marks: ReadonlyMap<number, Watermark>): void {
  if (sizeOf(path) === 0 && (marks.size > 0 || sizeOf(`${path}-wal`) > 0)) throw lostTables(path);
}

/** Looks whether a workflow that is there may not be found, or one that was there is gone. */
function findDamage(
  connection: FileConnection,
  path: string,
  marks: ReadonlyMap<number, Watermark>,
): CheckpointError | undefined {
  const [found] = connection.all(
    `SELECT CAST((SELECT integrity_check FROM pragma_integrity_check('workflows')) AS BLOB) AS result,
      CAST((SELECT group_concat(number || ' ' || generation || ' ' || revision) FROM workflows) AS BLOB) AS rows,
      (SELECT count(*) FROM workflows WHERE (created_at IS NULL) <> (status IS NULL)
        OR status NOT IN (${STATUSES.map((status) => `'${status}'`).join()})) AS unlisted`,
  );
  const result = textOf(found?.['result']);
  if (result !== 'ok') return damagedStore(path, result);
  // What a list does not find: it goes by the status.
  if (Number(found?.['unlisted']) > 0) return lostWorkflows(path);
  return isShort(textOf(found?.['rows']), marks) ? lostWorkflows(path) : undefined;
}

/** Whether workflows, or parts of them, are missing: `rows` has their numbers, generations and revisions. */
function isShort(rows: string, marks: ReadonlyMap<number, Watermark>): boolean {
  const unseen = new Map(marks);
  for (const row of rows.split(',')) {
    const [number = 0, generation = 0, revision = 0] = row.split(' ').map(Number);
    const mark = unseen.get(number);
    unseen.delete(number);
    if (mark !== undefined && isAhead(mark, generation, revision)) return true;
  }
  return unseen.size > 0;
}

/** Whether a workflow had come further than it has; the mark of one that was removed is older than its row. */
function isAhead(mark: Watermark, generation: number, revision: number): boolean {
  return mark.generation === generation
    ? mark.isRemoved || mark.revision > revision
    : mark.generation > generation;
}

function lostWorkflows(path: string): CheckpointError {
  return damagedStore(
    path,
    'workflows, or parts of them, are missing',
    'If that is where it comes from, delete the file "watermarks" beside it, which is newer.',
  );
}

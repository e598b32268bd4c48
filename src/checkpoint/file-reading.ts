import type { Row } from './file-connection.ts';
import { systemClock } from '../clock.ts';
import type { StoredWorkflow, WorkflowPage, WorkflowQuery, WorkflowRecord } from './checkpointer.ts';
import { damagedStore } from './file-errors.ts';
import { tryAgain } from './file-removal.ts';
import {
  bytesOf,
  isPast,
  lengthOf,
  lossOf,
  nameOf,
  OF_WORKFLOW,
  positionsOf,
  recordOf,
  ROW,
  STATUSES,
  textOf,
  tryParse,
  type BegunRow,
  type WorkflowRow,
} from './file-rows.ts';
import { blobSeal, chainAfter, chainStart } from './file-seals.ts';
import { assertWhole, findRow, isHeld, readRow, type FileStore } from './file-store.ts';
import { damaged, pageOf, readQuery } from './reading.ts';

/** Up to so many bytes a log is read as one text, which takes a fifth of the time that its rows would. */
const MOST_AT_ONCE = 2 ** 25;

/** Of a list, where some of them are left out. */
const LEAST_AT_ONCE = 100;

/** What is known of a workflow; undefined for one that has not begun, or whose time is up. */
export function findRecord(store: FileStore, workflowId: string): WorkflowRecord | undefined {
  const row = begunOf(store, findRow(store, workflowId));
  return row === undefined ? undefined : recordOf(row, isHeld(row));
}

/** All of a workflow, as it was at one moment. Throws {@link CheckpointError} when it is not what was written. */
export function readWorkflow(store: FileStore, workflowId: string): StoredWorkflow | undefined {
  const found = tryAgain(store, () => {
    const row = begunOf(store, findRow(store, workflowId));
    return row === undefined ? 'nothing' : readLog(store, workflowId, row);
  });
  return found === 'nothing' ? undefined : found;
}

function begunOf({ settings }: FileStore, row: WorkflowRow | undefined): BegunRow | undefined {
  if (row?.head === undefined || isPast(row, settings.ttlMs, systemClock.now())) return undefined;
  return { ...row, head: row.head };
}

/** Undefined when the workflow was removed, or its log replaced, since its row was read. */
function readLog(
  store: FileStore,
  workflowId: string,
  { number, generation, epoch }: BegunRow,
): StoredWorkflow | undefined {
  const mark = store.marks.read(number);
  const [sizes] = store.connection.all(
    `SELECT coalesce(sum(octet_length(text)), 0) AS bytes FROM entries WHERE ${OF_WORKFLOW}`,
    ...positionsOf(number),
  );
  const isSmall = Number(sizes?.['bytes']) <= MOST_AT_ONCE;
  const snapshot = readSnapshot({ store, workflowId, number, asOne: isSmall });
  const { row } = snapshot;
  if (row?.number !== number || row.generation !== generation || row.epoch !== epoch) return undefined;
  assertWhole(row, workflowId, mark);
  const begun = begunOf(store, row);
  if (begun === undefined) return undefined;
  return {
    record: recordOf(begun, isHeld(begun)),
    entries: entriesFrom(workflowId, begun, snapshot.texts),
    blobs: blobsFrom(workflowId, begun, snapshot.blobs),
  };
}

/** A workflow at one moment. */
interface Snapshot {
  readonly row: WorkflowRow | undefined;
  /** The log, in pieces. */
  readonly texts: readonly unknown[];
  readonly blobs: readonly Row[];
}

interface SnapshotQuery {
  readonly store: FileStore;
  readonly workflowId: string;
  readonly number: number;
  /** Whether the log is read as one text. */
  readonly asOne: boolean;
}

function readSnapshot({ store, workflowId, number, asOne }: SnapshotQuery): Snapshot {
  const { connection } = store;
  const log = `FROM entries WHERE ${OF_WORKFLOW} ORDER BY position`;
  return connection.transaction('DEFERRED', () => {
    const [row] = connection.all(`SELECT ${ROW} FROM workflows WHERE name = ?`, nameOf(workflowId));
    const found = connection.all(
      asOne
        ? `SELECT CAST(group_concat(text, '') AS BLOB) AS text FROM (SELECT text ${log})`
        : `SELECT CAST(text AS BLOB) AS text ${log}`,
      ...positionsOf(number),
    );
    const blobs = connection.all(
      `SELECT CAST(hash AS BLOB) AS hash, CAST(seal AS BLOB) AS seal, CAST(text AS BLOB) AS text
        FROM blobs WHERE number = ? ORDER BY hash`,
      number,
    );
    return {
      row: row === undefined ? undefined : readRow(workflowId, row['row']),
      texts: found.map(({ text }) => text),
      blobs,
    };
  });
}

function entriesFrom(workflowId: string, row: BegunRow, texts: readonly unknown[]): string[] {
  let chain = chainStart(row);
  const pieces = texts.map((text) => {
    const bytes = bytesOf(text);
    chain = chainAfter(chain, bytes);
    return bytes.toString('utf8').split('\n').slice(0, -1); // every entry has an end
  });
  const [whole = []] = pieces;
  const entries = pieces.length > 1 ? pieces.flat() : whole;
  // It holds where each of them was.
  if (entries.length !== lengthOf(row) || chain !== (row.last?.chain ?? row.head.chain))
    throw damaged(workflowId, 'some of its entries are missing, or not what was written');
  return entries;
}

function blobsFrom(workflowId: string, row: BegunRow, found: readonly Row[]): ReadonlyMap<string, string> {
  const blobs = new Map<string, string>();
  for (const { hash, seal, text } of found) {
    const [key, value] = [textOf(hash), textOf(text)];
    if (textOf(seal) !== blobSeal(row, key, value))
      throw damaged(workflowId, 'a large value is not what was written');
    blobs.set(key, value);
  }
  if (blobs.size !== row.head.blobs) throw damaged(workflowId, 'a large value is missing');
  return blobs;
}

/** A page of workflows, as `list` gives them. Throws {@link CheckpointError} when one is damaged, or may be lost. */
export function listWorkflows(store: FileStore, query: WorkflowQuery | undefined): WorkflowPage {
  const { status, limit, after } = readQuery(query);
  if (store.damage !== undefined) throw store.damage;
  const stored = status === 'abandoned' ? 'running' : status;
  const found: WorkflowRecord[] = [];
  const size = Math.max(limit + 1, LEAST_AT_ONCE);
  let place = after;
  while (found.length <= limit) {
    const rows = readPage(store, { status: stored, limit: size, after: place });
    for (const row of rows) {
      const record = recordOf(row, isHeld(row));
      place = record;
      const isKept = !isPast(row, store.settings.ttlMs, systemClock.now());
      if (isKept && (status === undefined || record.status === status)) found.push(record);
    }
    if (rows.length < size) break;
  }
  return pageOf(found.slice(0, limit + 1), limit);
}

function readPage(
  store: FileStore,
  { status, limit, after }: ReturnType<typeof readQuery>,
): readonly BegunRow[] {
  // Those of each status are in order, and are merged.
  const statuses = status === undefined ? STATUSES : [status];
  const place = after === undefined ? [] : [after.createdAt, nameOf(after.workflowId)];
  const ofStatus = `SELECT created_at, name, ${ROW} FROM workflows
    WHERE status = ? ${after === undefined ? '' : 'AND (created_at, name) > (?, ?)'}`;
  const rows = store.connection.all(
    `SELECT row FROM (${statuses.map(() => ofStatus).join(' UNION ALL ')} ORDER BY created_at, name LIMIT ?)`,
    ...statuses.flatMap((each) => [each, ...place]),
    BigInt(limit),
  );
  const found: BegunRow[] = [];
  for (const { row: value } of rows) {
    const row = wholeRow(store, tryParse(value));
    if (row?.head !== undefined) found.push({ ...row, head: row.head });
  }
  return found;
}

/** A row of the list, read once more where it is not as far on as it must be: another process may just have written. */
function wholeRow(store: FileStore, row: WorkflowRow | undefined): WorkflowRow | undefined {
  if (row === undefined) throw damagedStore(store.path, 'the row of a workflow cannot be read');
  const isWhole = lossOf(row, store.marks.read(row.number)) === undefined;
  return isWhole ? row : findRow(store, row.lease.workflowId ?? '');
}

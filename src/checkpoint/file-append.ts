import type { ResultSet } from '@libsql/client';
import { systemClock } from '../clock.ts';
import { CheckpointError } from '../errors.ts';
import type { Blob } from '../log/codec.ts';
import type { CheckpointBatch } from './checkpointer.ts';
import type { FileConnection, Statement } from './file-connection.ts';
import { isConflict } from './file-errors.ts';
import { findLease, givenUpText, leaseOf, renewLease, type HeldLease, type Tail } from './file-leases.ts';
import {
  entriesOf,
  headTextOf,
  lastTextOf,
  leaseTextOf,
  positionOf,
  textOf,
  type HeadFacts,
} from './file-rows.ts';
import { blobSeal, chainAfter, chainStart, type LogPlace } from './file-seals.ts';
import type { FileStore } from './file-store.ts';
import { alreadyRunning, isEnd, notFound } from './reading.ts';

/** A batch on its way into the log of a workflow. */
interface Append {
  readonly store: FileStore;
  readonly held: HeldLease;
  readonly batch: CheckpointBatch;
  /** ms since the epoch. */
  readonly now: number;
}

/**
 * Appends a batch. Rejects with `WorkflowAlreadyRunningError` when the lease is not the newest one, and with
 * {@link CheckpointError} when `first` is not where the log ends; then nothing is written.
 */
export async function appendBatch(store: FileStore, held: HeldLease, batch: CheckpointBatch): Promise<void> {
  const append = { store, held, batch, now: systemClock.now() };
  if (held.tail.length === batch.first && (await write(append))) return;
  // Another checkpointer of this process may have written with the same lease.
  const found = await findLease(store, held);
  if (found === undefined) throw alreadyRunning(held.workflowId);
  held.tail = found.tail;
  if (held.tail.length === batch.first && (await write(append))) return;
  throw new CheckpointError(
    `Workflow "${held.workflowId}" has ${held.tail.length} entries, and not ${batch.first}`,
    { hint: 'Read it again.' },
  );
}

/** Resolves with whether the batch is written; if not, the lease is not the newest one, or the log ends elsewhere. */
async function write(append: Append): Promise<boolean> {
  const { store, held, batch } = append;
  const isWritten = await (isPlain(held.tail, batch) ? writeEntries(append) : writeBatch(append));
  if (!isWritten) return false;
  const { number, generation, tail } = held;
  store.log.add(sizeOf(batch));
  // A power failure may take what is relaxed, and then the mark must not have been ahead.
  if (batch.isRelaxed !== true) store.marks.write(number, { generation, ...tail });
  return true;
}

/** What may be lost in a power failure need not wait for the disk; it survives the end of the process all the same. */
function connectionOf({ store, batch }: Append): FileConnection {
  return batch.isRelaxed === true ? store.quick : store.durable;
}

/** Whether a batch changes nothing but the log, and that only at its end. */
function isPlain(
  { head }: Tail,
  { entries, status, blobs = [], releases, replaces }: CheckpointBatch,
): boolean {
  const isMore = blobs.length > 0 || releases === true || replaces === true;
  return !isMore && entries.length > 0 && status === head?.status && !isEnd(status);
}

/** One statement: a transaction of several costs half as much again. */
async function writeEntries(append: Append): Promise<boolean> {
  const { store, held, now } = append;
  if (now - held.renewedAt > store.settings.leaseMs / 3) await renewLease(store, held);
  const { length, chain, statement } = entriesOfBatch(append, held.tail);
  const isWritten = await isFenced(() => connectionOf(append).execute(statement.sql, statement.args));
  if (isWritten) held.tail = { ...held.tail, length, chain };
  return isWritten;
}

async function writeBatch(append: Append): Promise<boolean> {
  const { store, held, batch, now } = append;
  const { releases = false, replaces = false } = batch;
  const revision = held.tail.revision + 1;
  const place = { ...placeOf(held), revision, epoch: replaces ? revision : held.tail.epoch };
  const start = replaces ? { ...held.tail, epoch: revision, length: 0, chain: chainStart(place) } : held.tail;
  const blobs = await unstoredBlobs(append);
  const { length, chain, statement } = entriesOfBatch(append, start);
  const head = nextHead(append, { epoch: place.epoch, length, chain, blobs: blobs.length });
  const fence = fenceOf(held);
  const lease = releases ? givenUpText(held) : leaseTextOf(held, leaseOf(store, held.workflowId, now));
  const statements = [
    ...(replaces ? deletions(held) : []),
    ...(batch.entries.length > 0 ? [statement] : []),
    ...blobs.map(({ hash, text }) => ({
      sql: `INSERT INTO blobs SELECT ${held.number}, ?, ?, ? FROM workflows WHERE ${fence}`,
      args: [hash, blobSeal(place, hash, text), text],
    })),
    {
      sql: `UPDATE workflows SET token = ${held.token + (releases ? 1 : 0)}, revision = ${revision}, lease = ?,
        created_at = ${head.createdAt}, status = ?, ended_at = ${isEnd(head.status) ? now : 'NULL'}, head = ?
        WHERE ${fence}`,
      args: [lease, head.status, headTextOf(place, head)],
    },
  ];
  const isWritten = await isFenced(async () =>
    (await connectionOf(append).batch(statements, 'write')).at(-1),
  );
  if (isWritten) {
    held.tail = { revision, epoch: place.epoch, head, length, chain };
    held.renewedAt = now;
  }
  return isWritten;
}

/** Numbers stand in the statement itself: each value that is put in for a question mark takes its time. */
function entriesOfBatch({ held, batch, now }: Append, start: Tail): { statement: Statement } & LogEnd {
  const { entries } = batch;
  const text = entries.join('\n');
  const first = start.length;
  const chain = entries.length > 0 ? chainAfter(start.chain, first, text) : start.chain;
  const place = { ...placeOf(held), epoch: start.epoch };
  const seal = lastTextOf(place, { first, count: entries.length, at: now, chain });
  const position = positionOf(held.number, first);
  const sql = `INSERT INTO entries SELECT ${position}, ?, ? FROM workflows WHERE ${fenceOf(held)}`;
  return { statement: { sql, args: [seal, text] }, length: first + entries.length, chain };
}

type LogEnd = Pick<Tail, 'length' | 'chain'>;

function nextHead(
  { held, batch, now }: Append,
  end: Pick<HeadFacts, 'epoch' | 'length' | 'chain' | 'blobs'>,
): HeadFacts {
  const { head: before } = held.tail;
  const given = before ?? batch.head;
  if (given === undefined) throw notFound(held.workflowId);
  const { target, runId, forkedFrom } = given;
  const kept = batch.replaces === true ? 0 : (before?.blobs ?? 0);
  return {
    target,
    runId,
    ...(forkedFrom === undefined ? {} : { forkedFrom }),
    createdAt: before?.createdAt ?? now,
    updatedAt: now,
    status: batch.status,
    ...end,
    blobs: kept + end.blobs,
  };
}

/** That a lease is the newest one, and that nobody has written the head with the same one. */
function fenceOf({ number, token, tail }: HeldLease): string {
  return `number = ${number} AND token = ${token} AND revision = ${tail.revision}`;
}

function deletions(held: HeldLease): Statement[] {
  const isFree = `EXISTS (SELECT 1 FROM workflows WHERE ${fenceOf(held)})`;
  return [
    { sql: `DELETE FROM entries WHERE ${entriesOf(held.number)} AND ${isFree}` },
    { sql: `DELETE FROM blobs WHERE number = ${held.number} AND ${isFree}` },
  ];
}

/** The blobs of a batch that are not stored yet, each once. */
async function unstoredBlobs({ store, held, batch }: Append): Promise<readonly Blob[]> {
  const { blobs = [], replaces } = batch;
  const seen = new Set<string>();
  if (blobs.length > 0 && replaces !== true && (held.tail.head?.blobs ?? 0) > 0) {
    const { rows } = await store.durable.execute(
      `SELECT CAST(hash AS BLOB) AS hash FROM blobs
        WHERE number = ${held.number} AND hash IN (${blobs.map(() => '?').join()})`,
      blobs.map(({ hash }) => hash),
    );
    for (const { hash } of rows) seen.add(textOf(hash));
  }
  return blobs.filter(({ hash }) => {
    const isNew = !seen.has(hash);
    seen.add(hash);
    return isNew;
  });
}

async function isFenced(attempt: () => Promise<ResultSet | undefined>): Promise<boolean> {
  try {
    return (await attempt())?.rowsAffected === 1;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

function sizeOf({ entries, blobs = [] }: CheckpointBatch): number {
  let size = 0;
  for (const entry of entries) size += entry.length;
  for (const { text } of blobs) size += text.length;
  return size;
}

function placeOf({ number, generation }: HeldLease): Pick<LogPlace, 'number' | 'generation'> {
  return { number, generation };
}

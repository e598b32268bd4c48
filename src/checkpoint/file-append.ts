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
  const { length, chain, seal, text } = logEndOf(append, held.tail);
  // Numbers stand in the statement itself: each value that is put in for a question mark takes its time.
  const position = positionOf(held.number, held.tail.length);
  const sql = `INSERT INTO entries SELECT ${position}, ?, ? FROM workflows WHERE ${fenceOf(held)}`;
  const isWritten = await isFenced(
    async () => (await connectionOf(append).execute(sql, [seal, text])).rowsAffected === 1,
  );
  if (isWritten) held.tail = { ...held.tail, length, chain };
  return isWritten;
}

async function writeBatch(append: Append): Promise<boolean> {
  const { store, held, batch, now } = append;
  const { entries, releases = false, replaces = false } = batch;
  const revision = held.tail.revision + 1;
  const place = { ...placeOf(held), revision, epoch: replaces ? revision : held.tail.epoch };
  const start = replaces ? { ...held.tail, epoch: revision, length: 0, chain: chainStart(place) } : held.tail;
  const blobs = await unstoredBlobs(append);
  const { length, chain, seal, text } = logEndOf(append, start);
  const head = nextHead(append, { epoch: place.epoch, length, chain, blobs: blobs.length });
  const lease = releases ? givenUpText(held) : leaseTextOf(held, leaseOf(store, held.workflowId, now));
  const { number, token } = held;
  const sealOrNull = entries.length > 0 ? seal : null;
  const statement = {
    sql: `INSERT INTO batches VALUES (${number}, NULL, NULL, ${token}, ${revision}, ?, ${head.createdAt}, ?,
      ${isEnd(head.status) ? now : 'NULL'}, ?, ${token + (releases ? 1 : 0)}, ${positionOf(number, start.length)}, ?, ?)`,
    args: [lease, head.status, headTextOf(place, head), sealOrNull, text],
  };
  const others = [...(replaces ? deletions(held) : []), ...blobs.map((blob) => insertion(place, blob))];
  const connection = connectionOf(append);
  // What it is not given to write, it takes back with all that was done before.
  const isWritten = await isFenced(() =>
    others.length === 0
      ? connection.execute(statement.sql, statement.args)
      : connection.batch([...others, statement], 'write'),
  );
  if (isWritten) {
    held.tail = { revision, epoch: place.epoch, head, length, chain };
    held.renewedAt = now;
  }
  return isWritten;
}

interface LogEnd extends Pick<Tail, 'length' | 'chain'> {
  readonly seal: string;
  readonly text: string;
}

/** How a log ends with the entries of a batch. */
function logEndOf({ held, batch: { entries }, now }: Append, start: Tail): LogEnd {
  const text = entries.join('\n');
  const first = start.length;
  const chain = entries.length > 0 ? chainAfter(start.chain, first, text) : start.chain;
  const place = { ...placeOf(held), epoch: start.epoch };
  const seal = lastTextOf(place, { first, count: entries.length, at: now, chain });
  return { length: first + entries.length, chain, seal, text };
}

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

function deletions({ number }: HeldLease): Statement[] {
  return [
    { sql: `DELETE FROM entries WHERE ${entriesOf(number)}` },
    { sql: `DELETE FROM blobs WHERE number = ${number}` },
  ];
}

function insertion(place: LogPlace, { hash, text }: Blob): Statement {
  return {
    sql: `INSERT INTO blobs VALUES (${place.number}, ?, ?, ?)`,
    args: [hash, blobSeal(place, hash, text), text],
  };
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

/** Resolves with false for what was refused, or wrote nothing. */
async function isFenced(attempt: () => Promise<unknown>): Promise<boolean> {
  try {
    return (await attempt()) !== false;
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

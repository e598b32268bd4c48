import { systemClock } from '../clock.ts';
import { CheckpointError } from '../errors.ts';
import type { Blob } from '../log/codec.ts';
import type { CheckpointBatch } from './checkpointer.ts';
import type { FileConnection } from './file-connection.ts';
import { isConflict } from './file-errors.ts';
import { findLease, givenUpText, leaseOf, renewLease, type HeldLease, type Tail } from './file-leases.ts';
import {
  headTextOf,
  lastTextOf,
  leaseTextOf,
  OF_WORKFLOW,
  positionOf,
  positionsOf,
  type HeadFacts,
} from './file-rows.ts';
import { blobSeal, chainAfter, chainStart, type LogPlace } from './file-seals.ts';
import type { FileStore } from './file-store.ts';
import { alreadyRunning, isEnd, notFound } from './reading.ts';

const IS_STORED = 'SELECT 1 FROM blobs WHERE number = ? AND hash = ?';

/** A batch on its way into the log of a workflow. */
interface Append {
  readonly store: FileStore;
  readonly held: HeldLease;
  readonly batch: CheckpointBatch;
  /** ms since the epoch. */
  readonly now: number;
}

/**
 * Appends a batch. Throws `WorkflowAlreadyRunningError` when the lease is not the newest one, and with
 * {@link CheckpointError} when `first` is not where the log ends; then nothing is written.
 */
export function appendBatch(store: FileStore, held: HeldLease, batch: CheckpointBatch): void {
  const append = { store, held, batch, now: systemClock.now() };
  if (held.tail.length === batch.first && write(append)) return;
  // Another checkpointer of this process may have written with the same lease.
  const found = findLease(store, held);
  if (found === undefined) throw alreadyRunning(held.workflowId);
  held.tail = found.tail;
  if (held.tail.length === batch.first && write(append)) return;
  throw new CheckpointError(
    `Workflow "${held.workflowId}" has ${held.tail.length} entries, and not ${batch.first}`,
    { hint: 'Read it again.' },
  );
}

/** Whether the batch is written; if not, the lease is not the newest one, or the log ends elsewhere. */
function write(append: Append): boolean {
  const { store, held, batch } = append;
  store.log.assertSound();
  const isMore = !isPlain(held.tail, batch);
  const isWritten = isMore ? writeBatch(append) : writeEntries(append);
  if (!isWritten) return false;
  store.log.add(isMore ? 5 : 2, sizeOf(batch));
  const { number, generation, tail } = held;
  // What is relaxed survives the end of the process, but not of the system: its mark must not be ahead of it.
  if (batch.isRelaxed === true) {
    store.log.flushSoon();
    return true;
  }
  store.log.flush();
  store.marks.write(number, generation, tail);
  return true;
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
function writeEntries(append: Append): boolean {
  const { store, held, now } = append;
  if (now - held.renewedAt > store.settings.leaseMs / 3) renewLease(store, held);
  const { length, chain, seal, text } = logEndOf(append, held.tail);
  const { number, token, tail } = held;
  const isWritten = isFenced(
    () =>
      store.connection.run(
        'INSERT INTO entries SELECT ?, ?, ? FROM workflows WHERE number = ? AND token = ? AND revision = ?',
        positionOf(number, tail.length),
        seal,
        text,
        number,
        token,
        tail.revision,
      ) === 1,
  );
  if (isWritten) held.tail = { ...tail, length, chain };
  return isWritten;
}

function writeBatch(append: Append): boolean {
  const { store, held, batch, now } = append;
  const { entries, releases = false, replaces = false } = batch;
  const revision = held.tail.revision + 1;
  const { number, generation, token } = held;
  const place = { number, generation, revision, epoch: replaces ? revision : held.tail.epoch };
  const start = replaces ? { ...held.tail, epoch: revision, length: 0, chain: chainStart(place) } : held.tail;
  const blobs = unstoredBlobs(append);
  const { length, chain, seal, text } = logEndOf(append, start);
  const head = nextHead(append, { epoch: place.epoch, length, chain, blobs: blobs.length });
  const lease = releases ? givenUpText(held) : leaseTextOf(held, leaseOf(store, held.workflowId, now));
  const { connection } = store;
  const putBatch = (): unknown =>
    connection.run(
      'INSERT INTO batches VALUES (?, NULL, NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      number,
      token,
      revision,
      lease,
      head.createdAt,
      head.status,
      isEnd(head.status) ? now : null,
      headTextOf(place, head),
      token + (releases ? 1 : 0),
      positionOf(number, start.length),
      entries.length > 0 ? seal : null,
      text,
    );
  const isAlone = !replaces && blobs.length === 0;
  const isWritten = isFenced(() =>
    isAlone
      ? putBatch()
      : connection.transaction('IMMEDIATE', () => {
          if (replaces) deleteLog(connection, held);
          for (const blob of blobs) insertBlob(connection, place, blob);
          putBatch();
        }),
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
  const text = entries.length > 0 ? `${entries.join('\n')}\n` : '';
  const first = start.length;
  const chain = chainAfter(start.chain, text);
  const { number, generation } = held;
  const place = { number, generation, epoch: start.epoch };
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

function deleteLog(connection: FileConnection, { number }: HeldLease): void {
  connection.run(`DELETE FROM entries WHERE ${OF_WORKFLOW}`, ...positionsOf(number));
  connection.run('DELETE FROM blobs WHERE number = ?', number);
}

function insertBlob(connection: FileConnection, place: LogPlace, { hash, text }: Blob): void {
  const seal = blobSeal(place, hash, text);
  connection.run('INSERT INTO blobs VALUES (?, ?, ?, ?)', place.number, hash, seal, text);
}

/** The blobs of a batch that are not stored yet, each once. */
function unstoredBlobs({ store, held, batch }: Append): readonly Blob[] {
  const { blobs = [], replaces } = batch;
  const mayBeStored = replaces !== true && (held.tail.head?.blobs ?? 0) > 0;
  const seen = new Set<string>();
  return blobs.filter(({ hash }) => {
    if (seen.has(hash)) return false;
    seen.add(hash);
    return !mayBeStored || store.connection.all(IS_STORED, held.number, hash).length === 0;
  });
}

/** Whether something was written; false for what was refused. */
function isFenced(attempt: () => unknown): boolean {
  try {
    return attempt() !== false;
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

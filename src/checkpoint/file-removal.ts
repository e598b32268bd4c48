import { systemClock } from '../clock.ts';
import type { CheckpointError } from '../errors.ts';
import { damagedStore } from './file-errors.ts';
import {
  isPast,
  leaseTextOf,
  OF_WORKFLOW,
  positionsOf,
  ROW,
  tryParse,
  type WorkflowRow,
} from './file-rows.ts';
import { findRow, isHeld, type FileStore } from './file-store.ts';
import { isGone } from './owner.ts';
import { alreadyRunning, notFound } from './reading.ts';

/** A workflow whose row changes each time that it is looked at does so for somebody who gets on; hardly so many times. */
const MOST_TRIES = 1_000;

/** No process is stopped for longer than this and goes on where it was. */
const LONGEST_PAUSE_MS = 3_600_000;

/** Does something until it succeeds; `undefined` from it says that somebody else was faster. */
export function tryAgain<Result>(store: FileStore, attempt: () => Result | undefined): Result {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const result = attempt();
    if (result !== undefined) return result;
  }
  throw unfindable(store);
}

/** Of a row that is there and is not found. */
function unfindable({ path }: FileStore): CheckpointError {
  return damagedStore(path, 'the row of a workflow is there and is not found');
}

/** Removes a workflow. Throws `WorkflowNotFoundError` or `WorkflowAlreadyRunningError`. */
export function deleteWorkflow(store: FileStore, workflowId: string): void {
  tryAgain(store, () => {
    const row = findRow(store, workflowId);
    if (row?.head === undefined || isPast(row, store.settings.ttlMs, systemClock.now()))
      throw notFound(workflowId);
    if (isHeld(row)) throw alreadyRunning(workflowId);
    return removeRow(store, row) || undefined;
  });
}

/** Removes all workflows whose time is up, and what is left of those that never began. */
export function removePast(store: FileStore): void {
  // Where workflows cannot be read, none of them can be told from another.
  if (store.damage !== undefined) return;
  const now = systemClock.now();
  const { ttlMs } = store.settings;
  const rows = store.connection.all(
    `SELECT ${ROW} FROM workflows WHERE ended_at < ? OR (created_at IS NULL AND name IS NOT NULL)`,
    Number.isFinite(ttlMs) ? now - ttlMs : null,
  );
  for (const { row: value } of rows) {
    const row = tryParse(value);
    if (row === undefined || isHeld(row)) continue;
    if (row.head === undefined ? isLeftBehind(row, now) : isPast(row, ttlMs, now)) removeRow(store, row);
  }
}

/** Whether nobody will begin a workflow with a lease any more; one whose time is up may, while its process is alive. */
function isLeftBehind({ lease }: WorkflowRow, now: number): boolean {
  return lease.expiresAt < now - LONGEST_PAUSE_MS || isGone(lease.owner);
}

/** Removes a workflow, unless somebody has taken it since its row was read; returns whether it is removed. */
export function removeRow(store: FileStore, row: WorkflowRow): boolean {
  const { number, generation, token, leaseText } = row;
  const vacant = { number, generation: generation + 1, token: token + 1 };
  const lease = leaseTextOf(vacant, { workflowId: null, expiresAt: 0 });
  const isSame = 'EXISTS (SELECT 1 FROM workflows WHERE number = ? AND lease = ?)';
  const same = [number, leaseText] as const;
  const { connection, log, marks } = store;
  log.assertSound();
  const isRemoved = connection.transaction('IMMEDIATE', () => {
    connection.run(`DELETE FROM entries WHERE ${OF_WORKFLOW} AND ${isSame}`, ...positionsOf(number), ...same);
    connection.run(`DELETE FROM blobs WHERE number = ? AND ${isSame}`, number, ...same);
    connection.run(`UPDATE tokens SET floor = max(floor, ?) WHERE ${isSame}`, token, ...same);
    const changes = connection.run(
      `UPDATE workflows SET name = NULL, generation = ?, token = ?, revision = 0,
        lease = ?, created_at = NULL, status = NULL, ended_at = NULL, head = NULL
        WHERE number = ? AND lease = ?`,
      vacant.generation,
      vacant.token,
      lease,
      ...same,
    );
    return changes === 1;
  });
  log.add(6);
  log.flush();
  store.nextNumber = undefined; // there is a row to use again
  if (isRemoved && row.head !== undefined) marks.remove(number, generation);
  return isRemoved;
}

import { systemClock } from '../clock.ts';
import type { CheckpointError } from '../errors.ts';
import { damagedStore } from './file-errors.ts';
import { entriesOf, isPast, leaseTextOf, ROW, tryParse, type WorkflowRow } from './file-rows.ts';
import { findRow, isHeld, type FileStore } from './file-store.ts';
import { currentOwner, isGone } from './owner.ts';
import { alreadyRunning, notFound } from './reading.ts';

/** A workflow whose row changes each time that it is looked at does so for somebody who gets on; hardly so many times. */
const MOST_TRIES = 1_000;

/** No process is stopped for longer than this and goes on where it was. */
const LONGEST_PAUSE_MS = 3_600_000;

/** Does something until it succeeds; `undefined` from it says that somebody else was faster. */
export async function tryAgain<Result>(
  store: FileStore,
  attempt: () => Promise<Result | undefined>,
): Promise<Result> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const result = await attempt();
    if (result !== undefined) return result;
  }
  throw unfindable(store);
}

/** Of a row that is there and is not found. */
function unfindable({ path }: FileStore): CheckpointError {
  return damagedStore(path, 'the row of a workflow is there and is not found');
}

/** Removes a workflow. Rejects with `WorkflowNotFoundError` or `WorkflowAlreadyRunningError`. */
export async function deleteWorkflow(store: FileStore, workflowId: string): Promise<void> {
  await tryAgain(store, async () => {
    const row = await findRow(store, workflowId);
    if (row?.head === undefined || isPast(row, store.settings.ttlMs, systemClock.now()))
      throw notFound(workflowId);
    if (isHeld(row)) throw alreadyRunning(workflowId);
    return (await removeRow(store, row)) || undefined;
  });
}

/** Removes all workflows whose time is up, and what is left of those that never began. */
export async function removePast(store: FileStore): Promise<void> {
  // Where workflows cannot be read, none of them can be told from another.
  if (store.damage !== undefined) return;
  const now = systemClock.now();
  const { ttlMs } = store.settings;
  const isOver = Number.isFinite(ttlMs) ? `ended_at < ${Math.floor(now - ttlMs)} OR ` : '';
  const { rows } = await store.quick.execute(
    `SELECT ${ROW} FROM workflows WHERE ${isOver}(created_at IS NULL AND name IS NOT NULL)`,
  );
  for (const { row: value } of rows) {
    const row = tryParse(value);
    if (row === undefined || isHeld(row)) continue;
    if (row.head === undefined ? isLeftBehind(row, now) : isPast(row, ttlMs, now))
      await removeRow(store, row);
  }
}

/** Whether nobody will begin a workflow with a lease any more; one whose time is up may, while its process is alive. */
function isLeftBehind({ lease }: WorkflowRow, now: number): boolean {
  return lease.expiresAt < now - LONGEST_PAUSE_MS || isGone(lease.owner);
}

/** Removes a workflow, unless somebody has taken it since its row was read; resolves with whether it is removed. */
export async function removeRow(store: FileStore, row: WorkflowRow): Promise<boolean> {
  const { number, generation, token, leaseText } = row;
  const vacant = { number, generation: generation + 1, token: token + 1 };
  const lease = leaseTextOf(vacant, { workflowId: null, owner: currentOwner(), expiresAt: 0 });
  const isSame = `EXISTS (SELECT 1 FROM workflows WHERE number = ${number} AND lease = ?)`;
  const results = await store.durable.batch(
    [
      { sql: `DELETE FROM entries WHERE ${entriesOf(number)} AND ${isSame}`, args: [leaseText] },
      { sql: `DELETE FROM blobs WHERE number = ${number} AND ${isSame}`, args: [leaseText] },
      { sql: `UPDATE tokens SET floor = max(floor, ${token}) WHERE ${isSame}`, args: [leaseText] },
      {
        sql: `UPDATE workflows SET name = NULL, generation = ${vacant.generation}, token = ${vacant.token}, revision = 0,
          lease = ?, created_at = NULL, status = NULL, ended_at = NULL, head = NULL
          WHERE number = ${number} AND lease = ?`,
        args: [lease, leaseText],
      },
    ],
    'write',
  );
  store.nextNumber = undefined; // there is a row to use again
  const isRemoved = results.at(-1)?.rowsAffected === 1;
  if (isRemoved && row.head !== undefined) store.marks.remove(number, generation);
  return isRemoved;
}

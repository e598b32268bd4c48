import { systemClock } from '../clock.ts';
import type { Lease } from './checkpointer.ts';
import type { Value } from './file-connection.ts';
import { damagedStore } from './file-errors.ts';
import { removeRow, tryAgain } from './file-removal.ts';
import {
  isPast,
  lengthOf,
  leaseTextOf,
  nameOf,
  textOf,
  type HeadFacts,
  type LeaseFacts,
  type WorkflowRow,
} from './file-rows.ts';
import { chainStart } from './file-seals.ts';
import { findRow, isHeld, type FileStore } from './file-store.ts';
import { alreadyRunning } from './reading.ts';

/** A lease, with what whoever has it need not read again. */
export interface HeldLease extends Lease {
  readonly number: number;
  readonly generation: number;
  /** ms since the epoch. */
  renewedAt: number;
  tail: Tail;
}

/** Where the log of a workflow ends. */
export interface Tail {
  readonly revision: number;
  readonly epoch: number;
  /** Left out for a workflow that has not begun. */
  readonly head: HeadFacts | undefined;
  readonly length: number;
  readonly chain: number;
}

/**
 * Takes a lease, of a new workflow as well. Throws `WorkflowAlreadyRunningError` while another has it and is alive.
 */
export function acquireLease(store: FileStore, workflowId: string): HeldLease {
  return tryAgain(store, () => {
    const claimed = claimNext(store, workflowId);
    if (claimed !== undefined) return claimed;
    const row = findRow(store, workflowId);
    if (row === undefined) return claim(store, workflowId);
    if (isHeld(row)) throw alreadyRunning(workflowId);
    if (!isPast(row, store.settings.ttlMs, systemClock.now())) return take(store, row, workflowId);
    removeRow(store, row);
    return undefined;
  });
}

/** What is known of a lease that was taken elsewhere; undefined when it is not the newest one. */
export function findLease(store: FileStore, lease: Lease): HeldLease | undefined {
  const { workflowId, token } = lease;
  const row = findRow(store, workflowId);
  if (row?.token !== token) return undefined;
  return { ...keyOf(row), workflowId, token, renewedAt: 0, tail: tailOf(row) };
}

/** Makes a lease last as long as a new one. Throws `WorkflowAlreadyRunningError` when another has taken it. */
export function renewLease(store: FileStore, held: HeldLease): void {
  const now = systemClock.now();
  const changes = writeRow(
    store,
    'UPDATE workflows SET lease = ? WHERE number = ? AND token = ?',
    leaseTextOf(held, leaseOf(store, held.workflowId, now)),
    held.number,
    held.token,
  );
  if (changes === 0) throw alreadyRunning(held.workflowId);
  held.renewedAt = now;
}

/** Gives a lease up; nothing happens when another has taken it. */
export function releaseLease(store: FileStore, held: HeldLease): void {
  writeRow(
    store,
    'UPDATE workflows SET token = token + 1, lease = ? WHERE number = ? AND token = ?',
    givenUpText(held),
    held.number,
    held.token,
  );
}

/** A lease that lasts from now. */
export function leaseOf(
  { settings }: FileStore,
  workflowId: string,
  now: number,
): Pick<LeaseFacts, 'workflowId' | 'expiresAt'> {
  const expiresAt = Math.min(Math.ceil(now + settings.leaseMs), Number.MAX_SAFE_INTEGER);
  return { workflowId, expiresAt };
}

/** The text of a lease that was given up. Its token is one more, so that the old one fits nothing any longer. */
export function givenUpText({ workflowId, number, generation, token }: HeldLease): string {
  const row = { number, generation, token: token + 1 };
  return leaseTextOf(row, { workflowId, expiresAt: 0 });
}

/** Where the log of a row ends. */
function tailOf(row: WorkflowRow): Tail {
  const { head, last, revision, epoch } = row;
  if (head === undefined) return { revision, epoch, head, length: 0, chain: chainStart(row) };
  return { revision, epoch, head, length: lengthOf({ ...row, head }), chain: last?.chain ?? head.chain };
}

/** Undefined when another was faster. */
function take(store: FileStore, row: WorkflowRow, workflowId: string): HeldLease | undefined {
  const now = systemClock.now();
  const key = { ...keyOf(row), token: Math.max(row.token + 1, now) };
  const changes = writeRow(
    store,
    'UPDATE workflows SET token = ?, lease = ? WHERE number = ? AND lease = ?',
    key.token,
    leaseTextOf(key, leaseOf(store, workflowId, now)),
    row.number,
    row.leaseText,
  );
  return changes === 0 ? undefined : { ...key, workflowId, renewedAt: now, tail: tailOf(row) };
}

/**
 * Gives a workflow the row after the last one that was given here, which is right for most that are begun: one statement
 * tells that it is new and takes its lease. Undefined where it is not, or where that row is taken.
 */
function claimNext(store: FileStore, workflowId: string): HeldLease | undefined {
  const number = store.nextNumber;
  store.nextNumber = undefined;
  if (number === undefined || store.damage !== undefined) return undefined;
  return claimNew(store, workflowId, { number, token: 0 });
}

/** Gives a new workflow a row; undefined when another was faster. */
function claim(store: FileStore, workflowId: string): HeldLease | undefined {
  const free = findFreeNumber(store);
  return free.isUsed ? claimUsed(store, workflowId, free) : claimNew(store, workflowId, free);
}

/** A row that is new; undefined when it or the name is taken, or when tokens have come further. */
function claimNew(
  store: FileStore,
  workflowId: string,
  { number, token }: Pick<FreeNumber, 'number' | 'token'>,
): HeldLease | undefined {
  const key = { workflowId, number, generation: 1, token: Math.max(token, systemClock.now()) };
  const sql = `INSERT OR IGNORE INTO workflows (number, generation, name, token, revision, lease)
    SELECT ?, 1, ?, ?3, 0, ? FROM tokens WHERE floor < ?3`;
  const held = claimRow(store, key, (lease) =>
    writeRow(store, sql, number, nameOf(workflowId), key.token, lease),
  );
  if (held !== undefined) store.nextNumber = number + 1;
  return held;
}

/** The row of a workflow that was removed. */
function claimUsed(
  store: FileStore,
  workflowId: string,
  { number, generation, token: least }: FreeNumber,
): HeldLease | undefined {
  const key = { workflowId, number, generation, token: Math.max(least, systemClock.now()) };
  const sql = `UPDATE OR IGNORE workflows SET name = ?, token = ?, lease = ?
    WHERE number = ? AND generation = ? AND name IS NULL`;
  return claimRow(store, key, (lease) =>
    writeRow(store, sql, nameOf(workflowId), key.token, lease, number, generation),
  );
}

/** Gives a row a lease; `write` returns how many rows it has changed. */
function claimRow(
  store: FileStore,
  key: Pick<HeldLease, 'workflowId' | 'number' | 'generation' | 'token'>,
  write: (lease: string) => number,
): HeldLease | undefined {
  const { workflowId, number, generation } = key;
  const now = systemClock.now();
  store.marks.reserve(number);
  if (write(leaseTextOf(key, leaseOf(store, workflowId, now))) === 0) return undefined;
  const chain = chainStart({ number, generation, epoch: 0 });
  const tail = { revision: 0, epoch: 0, head: undefined, length: 0, chain };
  return { workflowId, token: key.token, isNew: true, number, generation, renewedAt: now, tail };
}

/** Runs a statement that changes a row of a workflow; returns how many rows it has changed. */
function writeRow({ connection, log }: FileStore, sql: string, ...args: readonly Value[]): number {
  log.add(3);
  return connection.run(sql, ...args);
}

interface FreeNumber {
  readonly number: number;
  readonly generation: number;
  /** The least that a token may be. */
  readonly token: number;
  /** Whether a row of a workflow that was removed is used again. */
  readonly isUsed: boolean;
}

function findFreeNumber(store: FileStore): FreeNumber {
  const [found] = store.connection.all(
    `SELECT CAST((SELECT floor FROM tokens) || ' ' || (SELECT coalesce(max(number), 0) FROM workflows)
      || coalesce((SELECT ' ' || number || ' ' || generation || ' ' || token FROM workflows WHERE name IS NULL LIMIT 1), '')
    AS BLOB) AS free`,
  );
  const free = textOf(found?.['free']);
  if (free === '') throw damagedStore(store.path, 'its tokens are missing');
  const [floor = 0, last = 0, number, generation = 1, token = 0] = free.split(' ').map(Number);
  const least = Math.max(floor, token) + 1;
  return number === undefined
    ? { number: last + 1, generation: 1, token: least, isUsed: false }
    : { number, generation, token: least, isUsed: true };
}

function keyOf({ number, generation }: WorkflowRow): Pick<WorkflowRow, 'number' | 'generation'> {
  return { number, generation };
}

import type { RunStatus } from '../log/messages.ts';
import type { WorkflowHead, WorkflowRecord } from './checkpointer.ts';
import { sealOf, type LogPlace } from './file-seals.ts';
import type { Watermark } from './file-watermarks.ts';
import { currentOwner, type Owner } from './owner.ts';
import { isEnd } from './reading.ts';

/** Who may write to a workflow. */
export interface LeaseFacts {
  /** Null where there is no workflow. */
  readonly workflowId: string | null;
  readonly owner: Owner;
  /** ms since the epoch; 0 when nobody has it. */
  readonly expiresAt: number;
}

/** What is written of a workflow when it begins, when its status changes and when blobs come. */
export interface HeadFacts extends WorkflowHead {
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly status: RunStatus;
  /** See {@link LogPlace}. */
  readonly epoch: number;
  /** How many entries there were at that time, and the chain of them. */
  readonly length: number;
  readonly chain: number;
  /** How many blobs there are. */
  readonly blobs: number;
}

/** The last entries that were written in one piece. */
export interface LastEntries {
  readonly first: number;
  readonly count: number;
  readonly at: number;
  readonly chain: number;
}

/** The row of a workflow, its seals checked. */
export interface WorkflowRow extends LogPlace {
  readonly token: number;
  /** How often the head was written. */
  readonly revision: number;
  readonly lease: LeaseFacts;
  /** As it is stored. */
  readonly leaseText: string;
  /** Left out for one that has not begun. */
  readonly head: HeadFacts | undefined;
  readonly last: LastEntries | undefined;
}

/** The row of a workflow that has begun. */
export type BegunRow = WorkflowRow & { readonly head: HeadFacts };

/** What a workflow that has begun may be. */
export const STATUSES = Object.keys({
  running: true,
  paused: true,
  completed: true,
  failed: true,
  cancelled: true,
  timedOut: true,
} satisfies Record<RunStatus, true>);

/** All of a row of `workflows`, as one blob: each value that comes out of the database costs as much as the statement. */
export const ROW = `CAST(printf('%d %d %d %d %s %s %s
%s
%s
%s', number, generation, revision, token, created_at, status, hex(name), lease, head,
(SELECT seal FROM entries WHERE position BETWEEN number << 32 AND (number << 32) + 4294967295
ORDER BY position DESC LIMIT 1)) AS BLOB) AS row`;

/** A blob that came out of the database; empty for null. */
export function bytesOf(value: unknown): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value);
  return value instanceof ArrayBuffer ? Buffer.from(value) : Buffer.alloc(0);
}

/** The text of a blob that came out of the database; empty for null. */
export function textOf(value: unknown): string {
  return bytesOf(value).toString('utf8');
}

/** The id as it stands in the column `name`. */
export function nameOf(workflowId: string): Buffer {
  return Buffer.from(workflowId, 'utf16le').swap16();
}

/** The position of some entries in the table of all. */
export function positionOf(number: number, first: number): bigint {
  return BigInt(number) * 2n ** 32n + BigInt(first);
}

/** The condition for all entries of a workflow. */
export const OF_WORKFLOW = 'position BETWEEN ? AND ?';

/** What is put into {@link OF_WORKFLOW}. */
export function positionsOf(number: number): readonly [bigint, bigint] {
  return [positionOf(number, 0), positionOf(number, 2 ** 32 - 1)];
}

/** The row of a `ROW`. Throws an `Error` when it is not what was written. */
export function parseRow(value: unknown): WorkflowRow {
  const [columns = '', leaseText = '', headText = '', lastText = ''] = textOf(value).split('\n');
  const [number, generation, revision, token, ...compared] = columns.split(' ');
  const key = { number: Number(number), generation: Number(generation), revision: Number(revision) };
  const lease = unseal<LeaseFacts>(leaseText, leasePlace({ ...key, token: Number(token) }));
  const head = headText === '' ? undefined : unseal<HeadFacts>(headText, headPlace(key));
  const place = { ...key, epoch: head?.epoch ?? 0 };
  const last = lastText === '' ? undefined : parseLast(lastText, place);
  if (compared.join(' ') !== comparedColumns(lease, head))
    throw new Error('Its columns are not those of its row');
  return { ...place, token: Number(token), lease, leaseText, head, last };
}

/** What stands in columns besides, for SQL to compare. */
function comparedColumns({ workflowId }: LeaseFacts, head: HeadFacts | undefined): string {
  const name = workflowId === null ? '' : nameOf(workflowId).toString('hex').toUpperCase();
  return head === undefined ? `  ${name}` : `${head.createdAt} ${head.status} ${name}`;
}

/** As {@link parseRow}; undefined for a row that is not what was written. */
export function tryParse(value: unknown): WorkflowRow | undefined {
  try {
    return parseRow(value);
  } catch {
    return undefined; // what that means is for the caller to say
  }
}

/** The text of a lease of this process in its row. */
export function leaseTextOf(
  row: LeasePlace,
  { workflowId, expiresAt }: Pick<LeaseFacts, 'workflowId' | 'expiresAt'>,
): string {
  ownerText ??= JSON.stringify(currentOwner());
  const json = `{"workflowId":${JSON.stringify(workflowId)},"owner":${ownerText},"expiresAt":${expiresAt}}`;
  return seal(json, leasePlace(row));
}

let ownerText: string | undefined;

/** The text of a head in its row. */
export function headTextOf(row: HeadPlace, head: HeadFacts): string {
  return seal(JSON.stringify(head), headPlace(row));
}

/** The text of what is known of some entries without reading them. */
export function lastTextOf(place: LogPlace, { first, count, at, chain }: LastEntries): string {
  const { number, generation, epoch } = place;
  const facts = `${first} ${chain} ${count} ${at}`;
  return `${facts} ${sealOf(`entries ${number} ${generation} ${epoch} ${facts}`)}`;
}

type LeasePlace = Pick<WorkflowRow, 'number' | 'generation' | 'token'>;
type HeadPlace = Pick<WorkflowRow, 'number' | 'generation' | 'revision'>;

function leasePlace({ number, generation, token }: LeasePlace): string {
  return `lease ${number} ${generation} ${token}`;
}

function headPlace({ number, generation, revision }: HeadPlace): string {
  return `head ${number} ${generation} ${revision}`;
}

function parseLast(text: string, place: LogPlace): LastEntries {
  const [first, chain, count, at] = text.split(' ');
  const last = { first: Number(first), chain: Number(chain), count: Number(count), at: Number(at) };
  if (text !== lastTextOf(place, last)) throw new Error('Its last entries are not what was written');
  return last;
}

function seal(json: string, place: string): string {
  return `${sealOf(`${place} ${json}`)} ${json}`;
}

function unseal<Facts>(text: string, place: string): Facts {
  const start = text.indexOf(' ');
  const json = text.slice(start + 1);
  if (text !== seal(json, place)) throw new Error(`Expected the ${place}`);
  return JSON.parse(json) as Facts; // as it was sealed
}

/** How many entries there are. */
export function lengthOf({ head, last }: BegunRow): number {
  return last === undefined ? head.length : last.first + last.count;
}

/** Whether a workflow has ended, longer ago than it is kept. */
export function isPast({ head }: WorkflowRow, ttlMs: number, now: number): boolean {
  return head !== undefined && isEnd(head.status) && now > head.updatedAt + ttlMs;
}

/** What is known of a workflow. */
export function recordOf({ head, last, lease }: BegunRow, isHeld: boolean): WorkflowRecord {
  const { target, runId, forkedFrom, createdAt, status } = head;
  const isNewer = last !== undefined && last.first + last.count > head.length;
  return {
    workflowId: lease.workflowId ?? '',
    target,
    runId,
    ...(forkedFrom === undefined ? {} : { forkedFrom }),
    status: status === 'running' && !isHeld ? 'abandoned' : status,
    createdAt,
    updatedAt: isNewer ? last.at : head.updatedAt,
  };
}

/**
 * What a row lacks of what it must hold at least; undefined when it has all.
 *
 * @param mark - What the file of watermarks said before the row was read; it may lag behind.
 */
export function lossOf(row: WorkflowRow, mark: Watermark | undefined): string | undefined {
  const isCurrent = mark !== undefined && mark.generation >= row.generation;
  const { head, last } = row;
  if (head === undefined) return isCurrent ? 'its beginning is missing' : undefined;
  const begun = { ...row, head };
  if (last === undefined ? head.length > 0 : lengthOf(begun) < head.length)
    return 'its last entries are missing';
  return isCurrent ? lossSince(mark, begun) : undefined;
}

function lossSince(mark: Watermark, row: BegunRow): string | undefined {
  const { head, last } = row;
  if (mark.generation > row.generation || mark.epoch > row.epoch) return 'it is older than what was written';
  if (mark.isRemoved) return 'it was deleted, and is there again';
  if (mark.revision > row.revision) return 'its last entries are missing';
  if (mark.epoch < row.epoch) return undefined; // of a log that was replaced
  const length = lengthOf(row);
  if (mark.length > length) return 'its last entries are missing';
  if (mark.length === length && (last?.chain ?? head.chain) !== mark.chain)
    return 'its last entries are not those that were written';
  return undefined;
}

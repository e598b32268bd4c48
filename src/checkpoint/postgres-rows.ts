import { createHash } from 'node:crypto';
import type { RunStatus } from '../log/messages.ts';
import type { StoredWorkflow, WorkflowHead, WorkflowRecord } from './checkpointer.ts';
import { isGone, type Owner } from './owner.ts';
import type { Row } from './postgres-connection.ts';
import { damaged } from './reading.ts';

/** The row of a workflow, as `PostgresStatements` asks for it. */
export interface WorkflowRow {
  readonly workflowId: string;
  /** A `WorkflowHead` as JSON. */
  readonly head: string;
  readonly status: RunStatus;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** How many entries there are. */
  readonly length: number;
  /** The checksum of all parts, as hexadecimal digits. */
  readonly chain: string;
  /** The checksum of what is above but for `chain`. */
  readonly checksum: string;
  /** Whether it is gone because its `ttl` is over. */
  readonly isOver: boolean;
  readonly isHeld: boolean;
  readonly owner: Owner;
}

/** The row of a text, which the database has made and thus is JSON of that form. Throws when it is not what was written. */
export function workflowRowOf(text: string): WorkflowRow {
  const row = JSON.parse(text) as WorkflowRow;
  const { status, createdAt, updatedAt, length, head, workflowId } = row;
  const facts = [status, createdAt, updatedAt, length, head, workflowId].join('\n');
  if (sha256(facts).toString('hex') !== row.checksum)
    throw damaged(workflowId, 'its row is not what was written');
  return row;
}

/** What is known of a workflow; `shown` is its status where that was asked for. */
export function recordOf(row: WorkflowRow, shown?: WorkflowRecord['status']): WorkflowRecord {
  const { workflowId, createdAt, updatedAt, status } = row;
  const head = JSON.parse(row.head) as WorkflowHead; // its checksum is right
  const isAbandoned = status === 'running' && (!row.isHeld || isGone(row.owner));
  return { workflowId, ...head, status: shown ?? (isAbandoned ? 'abandoned' : status), createdAt, updatedAt };
}

/** All of a workflow, from the rows of its parts in order. Throws when one is missing or not what was written. */
export function storedWorkflowOf(row: WorkflowRow, parts: readonly Row[]): StoredWorkflow {
  const entries: string[] = [];
  const blobs = new Map<string, string>();
  let position = 0;
  let chain = sha256(row.workflowId);
  for (const [first, size, text, blobText, checksum] of parts.map(readPart)) {
    if (first !== position)
      throw damaged(row.workflowId, `entry ${position} is missing, and ${first} comes next`);
    chain = createHash('sha256')
      .update(chain)
      .update(`${first}:${size}:${text}\0${blobText ?? ''}`)
      .digest();
    if (chain.toString('hex') !== checksum)
      throw damaged(row.workflowId, `what was appended as entry ${first} is not what was written`);
    if (size > 0) for (const entry of text.split('\n')) entries.push(entry);
    if (blobText !== null)
      for (const [hash, blob] of JSON.parse(blobText) as [string, string][]) blobs.set(hash, blob);
    position += size;
  }
  if (position !== row.length)
    throw damaged(row.workflowId, `its last entries are missing: there are ${position} of ${row.length}`);
  if (chain.toString('hex') !== row.chain)
    throw damaged(row.workflowId, 'its last part is missing, or not what was written');
  return { record: recordOf(row), entries, blobs };
}

type Part = readonly [first: number, size: number, text: string, blobs: string | null, chain: string];

function readPart([first, size, text, blobs, chain]: Row): Part {
  return [Number(first), Number(size), text ?? '', blobs ?? null, chain ?? ''];
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

import { createHash } from 'node:crypto';
import type {
  CheckpointBatch,
  Checkpointer,
  CheckpointerOptions,
  Lease,
} from '../checkpoint/checkpointer.ts';

/** Opens one more checkpointer on the store of a case; it is closed when the case is over. */
export type Open = (options?: CheckpointerOptions) => Promise<Checkpointer>;

/** What is tested, by what it promises. */
export type Cases = Readonly<Record<string, (open: Open) => Promise<void>>>;

type RunStatus = CheckpointBatch['status'];
type Blob = NonNullable<CheckpointBatch['blobs']>[number];

/** The workflow of a case that needs only one. */
export const ID = 'workflow';
/** What it begins with. */
export const HEAD = { target: 'report', runId: 'run-1' } as const;

/** An entry as the log of a workflow has it: a line of JSON. */
export function entry(type: string, fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ type, ...fields });
}

/** So many entries, each different. */
export function entries(count: number, name = 'note'): string[] {
  return Array.from({ length: count }, (_, index) =>
    entry('AnswerKept', { key: `${name} ${index}`, value: [index], time: 1 }),
  );
}

/** The line with which a workflow begins; `input` is written as stored values are. */
export function startEntry(input: unknown = [1]): string {
  return entry('RunStart', { runId: HEAD.runId, target: HEAD.target, input, time: 1 });
}

/** A large value, by the hash of its text. */
export function blobOf(text: string): Blob {
  return { hash: createHash('sha256').update(text).digest('hex'), text };
}

/** Writes one workflow, and knows how many entries it has. */
export class Writer {
  readonly lease: Lease;
  readonly #checkpointer: Checkpointer;
  #length: number;

  constructor(checkpointer: Checkpointer, lease: Lease, length = 0) {
    this.#checkpointer = checkpointer;
    this.lease = lease;
    this.#length = length;
  }

  /** How many entries it has appended. */
  get length(): number {
    return this.#length;
  }

  async append(batch: Partial<CheckpointBatch> = {}): Promise<void> {
    const whole = { first: this.#length, entries: [], status: 'running' as const, ...batch };
    await this.#checkpointer.append(this.lease, whole);
    this.#length = whole.first + whole.entries.length;
  }
}

/** A workflow that runs, with its first batch written. */
export async function begin(
  checkpointer: Checkpointer,
  workflowId: string = ID,
  batch: Partial<CheckpointBatch> = {},
): Promise<Writer> {
  const writer = new Writer(checkpointer, await checkpointer.acquire(workflowId));
  await writer.append({ entries: [startEntry()], head: HEAD, ...batch });
  return writer;
}

/** A workflow that nobody holds any more. */
export async function write(
  checkpointer: Checkpointer,
  workflowId: string = ID,
  status: RunStatus = 'completed',
): Promise<Writer> {
  return begin(checkpointer, workflowId, { status, releases: true });
}

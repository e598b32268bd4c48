import { systemClock } from '../clock.ts';
import { CheckpointError } from '../errors.ts';
import type { LogMessage, RunStatus } from '../log/messages.ts';
import type {
  CheckpointBatch,
  Checkpointer,
  CheckpointerOptions,
  CheckpointerSettings,
  Lease,
  StoredWorkflow,
  WorkflowHead,
  WorkflowPage,
  WorkflowQuery,
  WorkflowRecord,
} from './checkpointer.ts';
import {
  alreadyRunning,
  comparePositions,
  historyOf,
  isClosed,
  isEnd,
  notFound,
  pageOf,
  readQuery,
} from './reading.ts';
import { settingsOf } from './settings.ts';

interface Kept {
  readonly head: WorkflowHead;
  readonly createdAt: number;
  updatedAt: number;
  status: RunStatus;
  entries: string[];
  blobs: Map<string, string>;
}

interface Held {
  token: number;
  /** ms since the epoch; 0 when nobody has it. */
  expiresAt: number;
}

/**
 * Keeps workflows in this process: for tests, and for what need not outlive it.
 *
 * @throws {@link CheckpointError} CHECKPOINT when an option is not of the form asked for.
 *
 * @example
 * ```ts
 * import { createRunner, node } from 'troupe';
 * import { memoryCheckpointer } from 'troupe/checkpoint';
 *
 * const checkpointer = memoryCheckpointer();
 * await using runner = createRunner({ checkpointer });
 * const greet = node('greet', async (name: string) => `Hello ${name}`);
 * await runner.run(greet, 'Ada', { workflowId: 'greeting-1' });
 * console.log((await checkpointer.get('greeting-1'))?.status); // completed
 * ```
 */
export function memoryCheckpointer(options: CheckpointerOptions = {}): Checkpointer {
  return new MemoryCheckpointer(settingsOf('memoryCheckpointer', options));
}

class MemoryCheckpointer implements Checkpointer {
  readonly settings: CheckpointerSettings;
  readonly #workflows = new Map<string, Kept>();
  readonly #leases = new Map<string, Held>();
  #isClosed = false;

  constructor(settings: CheckpointerSettings) {
    this.settings = settings;
  }

  async acquire(workflowId: string): Promise<Lease> {
    this.#assertOpen();
    const now = systemClock.now();
    const held = this.#leases.get(workflowId);
    if (held !== undefined && held.expiresAt > now) throw alreadyRunning(workflowId);
    const token = Math.max((held?.token ?? 0) + 1, now);
    this.#leases.set(workflowId, { token, expiresAt: now + this.settings.leaseMs });
    return { workflowId, token, isNew: this.#find(workflowId) === undefined };
  }

  async renew(lease: Lease): Promise<void> {
    this.#assertOpen();
    this.#renew(lease);
  }

  async release({ workflowId, token }: Lease): Promise<void> {
    this.#assertOpen();
    const held = this.#leases.get(workflowId);
    if (held?.token === token) held.expiresAt = 0;
  }

  async append(lease: Lease, batch: CheckpointBatch): Promise<void> {
    this.#assertOpen();
    const held = this.#renew(lease);
    const { first, entries, status, head, blobs = [], releases = false, replaces = false } = batch;
    const now = systemClock.now();
    const kept = this.#find(lease.workflowId) ?? create(head, now, lease.workflowId);
    if (kept.entries.length !== first)
      throw new CheckpointError(
        `Workflow "${lease.workflowId}" has ${kept.entries.length} entries, and not ${first}`,
        { hint: 'Read it again.' },
      );
    if (replaces) {
      kept.entries = [];
      kept.blobs = new Map();
    }
    kept.entries.push(...entries);
    for (const { hash, text } of blobs) kept.blobs.set(hash, text);
    kept.status = status;
    kept.updatedAt = now;
    this.#workflows.set(lease.workflowId, kept);
    if (releases) held.expiresAt = 0;
  }

  async read(workflowId: string): Promise<StoredWorkflow | undefined> {
    this.#assertOpen();
    const kept = this.#find(workflowId);
    if (kept === undefined) return undefined;
    return {
      record: this.#recordOf(workflowId, kept),
      entries: [...kept.entries],
      blobs: new Map(kept.blobs),
    };
  }

  async get(workflowId: string): Promise<WorkflowRecord | undefined> {
    this.#assertOpen();
    const kept = this.#find(workflowId);
    return kept === undefined ? undefined : this.#recordOf(workflowId, kept);
  }

  async list(query?: WorkflowQuery): Promise<WorkflowPage> {
    this.#assertOpen();
    const { status, limit, after } = readQuery(query);
    const found: WorkflowRecord[] = [];
    for (const workflowId of this.#workflows.keys()) {
      const kept = this.#find(workflowId);
      if (kept !== undefined) found.push(this.#recordOf(workflowId, kept));
    }
    const wanted = found
      .toSorted(comparePositions)
      .filter((record) => status === undefined || record.status === status)
      .filter((record) => after === undefined || comparePositions(record, after) > 0);
    return pageOf(wanted.slice(0, limit + 1), limit);
  }

  async history(workflowId: string): Promise<readonly LogMessage[]> {
    const stored = await this.read(workflowId);
    if (stored === undefined) throw notFound(workflowId);
    return historyOf(stored);
  }

  async delete(workflowId: string): Promise<void> {
    this.#assertOpen();
    if (this.#find(workflowId) === undefined) throw notFound(workflowId);
    if (this.#isHeld(workflowId)) throw alreadyRunning(workflowId);
    this.#workflows.delete(workflowId);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw isClosed();
  }

  #isHeld(workflowId: string): boolean {
    return (this.#leases.get(workflowId)?.expiresAt ?? 0) > systemClock.now();
  }

  /** The workflow, unless its time is up. */
  #find(workflowId: string): Kept | undefined {
    const kept = this.#workflows.get(workflowId);
    if (kept === undefined || !isEnd(kept.status)) return kept;
    if (systemClock.now() <= kept.updatedAt + this.settings.ttlMs) return kept;
    this.#workflows.delete(workflowId);
    return undefined;
  }

  #renew({ workflowId, token }: Lease): Held {
    const held = this.#leases.get(workflowId);
    if (held?.token !== token || held.expiresAt === 0) throw alreadyRunning(workflowId);
    held.expiresAt = systemClock.now() + this.settings.leaseMs;
    return held;
  }

  #recordOf(workflowId: string, { head, createdAt, updatedAt, status }: Kept): WorkflowRecord {
    const isAbandoned = status === 'running' && !this.#isHeld(workflowId);
    const shown = isAbandoned ? 'abandoned' : status;
    return { workflowId, ...head, status: shown, createdAt, updatedAt };
  }
}

function create(head: WorkflowHead | undefined, now: number, workflowId: string): Kept {
  if (head === undefined) throw notFound(workflowId);
  return {
    head,
    createdAt: now,
    updatedAt: now,
    status: 'running',
    entries: [],
    blobs: new Map(),
  };
}

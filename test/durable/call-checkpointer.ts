import type { Checkpointer } from 'troupe';
import type {
  CheckpointBatch,
  CheckpointerSettings,
  Lease,
  LogMessage,
  StoredWorkflow,
  WorkflowPage,
  WorkflowQuery,
  WorkflowRecord,
} from 'troupe/checkpoint';
import { labelsOf } from './call-crash.ts';

/** What happens before something is passed on to the store; what it throws is the store's answer. */
export interface Interference {
  readonly acquire?: (workflowId: string) => Promise<void> | void;
  readonly append?: (batch: CheckpointBatch, labels: readonly string[]) => Promise<void> | void;
  readonly renew?: (lease: Lease) => Promise<void> | void;
  readonly release?: (lease: Lease) => Promise<void> | void;
}

/** A store that passes everything on to another, and may be kept from it. */
export class InterferedStore implements Checkpointer {
  readonly batches: CheckpointBatch[] = [];
  readonly #store: Checkpointer;
  readonly #interference: Interference;
  readonly #messages: LogMessage[] = [];

  constructor(store: Checkpointer, interference: Interference = {}) {
    this.#store = store;
    this.#interference = interference;
  }

  get settings(): CheckpointerSettings {
    return this.#store.settings;
  }

  async acquire(workflowId: string): Promise<Lease> {
    await this.#interference.acquire?.(workflowId);
    return this.#store.acquire(workflowId);
  }

  async renew(lease: Lease): Promise<void> {
    await this.#interference.renew?.(lease);
    await this.#store.renew(lease);
  }

  async release(lease: Lease): Promise<void> {
    await this.#interference.release?.(lease);
    await this.#store.release(lease);
  }

  async append(lease: Lease, batch: CheckpointBatch): Promise<void> {
    const before = this.#messages.length;
    // Only types, names and ordinals are read, which stand in the entries as they are.
    this.#messages.push(...batch.entries.map((entry) => JSON.parse(entry) as LogMessage));
    await this.#interference.append?.(batch, labelsOf({ history: this.#messages }).slice(before));
    this.batches.push(batch);
    await this.#store.append(lease, batch);
  }

  read(workflowId: string): Promise<StoredWorkflow | undefined> {
    return this.#store.read(workflowId);
  }

  get(workflowId: string): Promise<WorkflowRecord | undefined> {
    return this.#store.get(workflowId);
  }

  list(query?: WorkflowQuery): Promise<WorkflowPage> {
    return this.#store.list(query);
  }

  history(workflowId: string): Promise<readonly LogMessage[]> {
    return this.#store.history(workflowId);
  }

  delete(workflowId: string): Promise<void> {
    return this.#store.delete(workflowId);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

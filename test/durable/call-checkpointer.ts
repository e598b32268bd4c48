import type { Checkpointer } from 'troupe';
import type { CheckpointBatch, Lease, LogMessage } from 'troupe/checkpoint';
import { labelsOf } from './call-crash.ts';
import { PassingStore } from './passing-store.ts';

/** What happens before something is passed on to the store; what it throws is the store's answer. */
export interface Interference {
  readonly acquire?: (workflowId: string) => Promise<void> | void;
  readonly append?: (batch: CheckpointBatch, labels: readonly string[]) => Promise<void> | void;
  readonly renew?: (lease: Lease) => Promise<void> | void;
  readonly release?: (lease: Lease) => Promise<void> | void;
}

/** A store that may be kept from what it is asked for. */
export class InterferedStore extends PassingStore {
  readonly batches: CheckpointBatch[] = [];
  readonly #interference: Interference;
  readonly #messages: LogMessage[] = [];

  constructor(store: Checkpointer, interference: Interference = {}) {
    super(store);
    this.#interference = interference;
  }

  override async acquire(workflowId: string): Promise<Lease> {
    await this.#interference.acquire?.(workflowId);
    return super.acquire(workflowId);
  }

  override async renew(lease: Lease): Promise<void> {
    await this.#interference.renew?.(lease);
    await super.renew(lease);
  }

  override async release(lease: Lease): Promise<void> {
    await this.#interference.release?.(lease);
    await super.release(lease);
  }

  override async append(lease: Lease, batch: CheckpointBatch): Promise<void> {
    const before = this.#messages.length;
    this.#messages.push(...this.messagesOf(batch));
    await this.#interference.append?.(batch, labelsOf({ history: this.#messages }).slice(before));
    this.batches.push(batch);
    await super.append(lease, batch);
  }
}

import type { Checkpointer } from 'troupe';
import {
  memoryCheckpointer,
  type CheckpointBatch,
  type CheckpointerSettings,
  type Lease,
  type LogMessage,
  type StoredWorkflow,
  type WorkflowPage,
  type WorkflowQuery,
  type WorkflowRecord,
} from 'troupe/checkpoint';

/** A store that keeps what is appended back for as long as a test wants. */
export class HeldCheckpointer implements Checkpointer {
  readonly #store: Checkpointer;
  readonly #held: (() => void)[] = [];
  /** Decides of each batch whether it is held, or for how many turns. */
  #delay: (batch: CheckpointBatch) => 'held' | number;

  constructor(
    delay: (batch: CheckpointBatch) => 'held' | number = () => 0,
    store: Checkpointer = memoryCheckpointer(),
  ) {
    this.#store = store;
    this.#delay = delay;
  }

  get settings(): CheckpointerSettings {
    return this.#store.settings;
  }

  /** From here on each batch that has such an entry, or any where none is named, is held. */
  hold(type?: LogMessage['type'], more = ''): void {
    this.#delay = ({ entries }) =>
      entries.some((entry) => type === undefined || (entry.includes(`"${type}"`) && entry.includes(more)))
        ? 'held'
        : 0;
  }

  /** Writes the batches that were held, and holds none from here on. */
  letGo(): void {
    this.#delay = () => 0;
    for (const write of this.#held.splice(0)) write();
  }

  async append(lease: Lease, batch: CheckpointBatch): Promise<void> {
    const delay = this.#delay(batch);
    if (delay === 'held') await new Promise<void>((resolve) => this.#held.push(resolve));
    else for (let turn = 0; turn < delay; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    await this.#store.append(lease, batch);
  }

  acquire(workflowId: string): Promise<Lease> {
    return this.#store.acquire(workflowId);
  }

  renew(lease: Lease): Promise<void> {
    return this.#store.renew(lease);
  }

  release(lease: Lease): Promise<void> {
    return this.#store.release(lease);
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

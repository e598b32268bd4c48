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
import { decodeMessages } from '../../src/log/codec.ts';

/** A store that passes everything on to another. */
export class PassingStore implements Checkpointer {
  protected readonly store: Checkpointer;
  readonly #blobs = new Map<string, string>();

  constructor(store: Checkpointer) {
    this.store = store;
  }

  get settings(): CheckpointerSettings {
    return this.store.settings;
  }

  /** The entries of a batch, read. */
  protected messagesOf({ entries, blobs = [] }: CheckpointBatch): readonly LogMessage[] {
    for (const { hash, text } of blobs) this.#blobs.set(hash, text);
    return decodeMessages(entries, this.#blobs);
  }

  acquire(workflowId: string): Promise<Lease> {
    return this.store.acquire(workflowId);
  }

  renew(lease: Lease): Promise<void> {
    return this.store.renew(lease);
  }

  release(lease: Lease): Promise<void> {
    return this.store.release(lease);
  }

  append(lease: Lease, batch: CheckpointBatch): Promise<void> {
    return this.store.append(lease, batch);
  }

  read(workflowId: string): Promise<StoredWorkflow | undefined> {
    return this.store.read(workflowId);
  }

  get(workflowId: string): Promise<WorkflowRecord | undefined> {
    return this.store.get(workflowId);
  }

  list(query?: WorkflowQuery): Promise<WorkflowPage> {
    return this.store.list(query);
  }

  history(workflowId: string): Promise<readonly LogMessage[]> {
    return this.store.history(workflowId);
  }

  delete(workflowId: string): Promise<void> {
    return this.store.delete(workflowId);
  }

  close(): Promise<void> {
    return this.store.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

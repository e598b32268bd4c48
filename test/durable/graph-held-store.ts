import type { Checkpointer } from 'troupe';
import { memoryCheckpointer, type CheckpointBatch, type Lease, type LogMessage } from 'troupe/checkpoint';
import { PassingStore } from './passing-store.ts';

/** A store that keeps what is appended back for as long as a test wants. */
export class HeldCheckpointer extends PassingStore {
  readonly #held: (() => void)[] = [];
  /** Decides of each batch whether it is held, or for how many turns. */
  #delay: (batch: CheckpointBatch) => 'held' | number;

  constructor(
    delay: (batch: CheckpointBatch) => 'held' | number = () => 0,
    store: Checkpointer = memoryCheckpointer(),
  ) {
    super(store);
    this.#delay = delay;
  }

  /** From here on each batch that has such an entry, or any where none is named, is held. */
  hold(type?: LogMessage['type'], ordinal?: number): void {
    this.#delay = (batch) => {
      const isMeant = (message: LogMessage): boolean =>
        message.type === type &&
        (ordinal === undefined || ('ordinal' in message && message.ordinal === ordinal));
      return type === undefined || this.messagesOf(batch).some(isMeant) ? 'held' : 0;
    };
  }

  /** Writes the batches that were held, and holds none from here on. */
  letGo(): void {
    this.#delay = () => 0;
    for (const write of this.#held.splice(0)) write();
  }

  override async append(lease: Lease, batch: CheckpointBatch): Promise<void> {
    const delay = this.#delay(batch);
    if (delay === 'held') await new Promise<void>((resolve) => this.#held.push(resolve));
    else for (let turn = 0; turn < delay; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    await super.append(lease, batch);
  }
}

import type { MessageSource } from '../../flow/contract.ts';
import type { PlanSlot } from '../../flow/plan.ts';
import type { SlotView } from '../../flow/policies.ts';
import { Fifo } from '../fifo.ts';
import type { FlowJob } from './flow-job.ts';

/** A message in a slot, parked, or being worked on. */
export interface Mail {
  readonly id: number;
  readonly slot: PlanSlot;
  value: unknown;
  /** The jobs that it belongs to, those that have ended included. */
  readonly jobs: readonly FlowJob[];
  readonly source: MessageSource;
  readonly at: number;
  readonly hops: number;
}

/** The messages that wait in one slot, oldest first. What policies see of it is the mailbox itself. */
export class Mailbox extends Fifo<Mail> implements SlotView {
  readonly slot: PlanSlot;
  readonly capacity: number;

  constructor(slot: PlanSlot) {
    super();
    this.slot = slot;
    this.capacity = slot.slot.capacity;
  }

  get isFull(): boolean {
    return this.size >= this.capacity;
  }

  get messages(): readonly unknown[] {
    return this.all().map(({ value }) => value);
  }

  get oldestAt(): number | undefined {
    return this.first?.at;
  }

  get newestAt(): number | undefined {
    return this.last?.at;
  }

  /** Takes one out, wherever it is; undefined when it is not there. */
  remove(id: number): Mail | undefined {
    if (this.first?.id === id) return this.shift();
    const [mail] = this.retain((each) => each.id !== id);
    return mail;
  }
}

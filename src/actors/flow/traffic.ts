import { SlotFullError } from '../../errors.ts';
import type { PlanSlot } from '../../flow/plan.ts';
import { Fifo } from '../fifo.ts';
import type { Activation } from './activation.ts';
import type { FlowState } from './flow-state.ts';

/** What is to be put into slots, all of it or nothing, as soon as there is room. */
export interface Shipment {
  /** The places of the slots in the flow. */
  readonly slots: readonly number[];
  /** What comes the same way keeps its order. */
  readonly way: string;
  /** What emits it; undefined for a post. */
  readonly activation: Activation | undefined;
  /** Puts it into the slots. */
  send(): void;
  /** It has to wait. */
  hold(): void;
  /** It cannot go. */
  refuse(error: unknown): void;
}

/**
 * Lets messages into slots: at once, or, where a slot that blocks is full, when there is room. What comes the same way
 * never overtakes; ways that compete for the room of a slot take turns.
 */
export class Traffic {
  readonly #state: FlowState;
  readonly #ways = new Map<string, Fifo<Shipment>>();

  constructor(state: FlowState) {
    this.#state = state;
  }

  /** Whether anything waits. */
  get isBusy(): boolean {
    return this.#ways.size > 0;
  }

  /** What bodies have waiting: the oldest of each way. What is behind it waits for it. */
  get heads(): readonly Shipment[] {
    const heads: Shipment[] = [];
    for (const { first } of this.#ways.values()) if (first?.activation !== undefined) heads.push(first);
    return heads;
  }

  /** Sends what can go, refuses what a full slot rejects, and holds the rest. */
  admit(shipment: Shipment): void {
    const queue = this.#ways.get(shipment.way);
    if (queue === undefined && this.#pass(shipment)) return;
    if (queue === undefined) {
      const made = new Fifo<Shipment>();
      made.push(shipment);
      this.#ways.set(shipment.way, made);
    } else queue.push(shipment);
    shipment.hold();
  }

  /** There may be room: sends what now can go. */
  letIn(): void {
    for (let isMoving = this.isBusy; isMoving;) {
      isMoving = false;
      for (const [way, queue] of this.#ways) {
        const { first } = queue;
        if (first === undefined || this.#isBlocked(first)) continue;
        queue.shift();
        if (queue.size === 0) this.#ways.delete(way);
        this.#pass(first);
        isMoving = true;
      }
    }
  }

  /** Takes back what waits and is not wanted any more, and gives it. */
  withdraw(isUnwanted: (shipment: Shipment) => boolean): readonly Shipment[] {
    const gone: Shipment[] = [];
    for (const [way, queue] of this.#ways) {
      gone.push(...queue.retain((shipment) => !isUnwanted(shipment)));
      if (queue.size === 0) this.#ways.delete(way);
    }
    return gone;
  }

  /** What an activation has waiting goes no more. */
  withdrawOf(activation: Pick<Activation, 'emissions'>): void {
    const { emissions } = activation;
    if (emissions === undefined || emissions.waiting === 0) return;
    this.withdraw((shipment) => shipment.activation === activation);
    emissions.withdraw();
  }

  /** The routines whose slots a shipment waits for. */
  awaited(shipment: Shipment): readonly number[] {
    return this.#blocking(shipment).map(({ routine }) => routine);
  }

  /** Sends or refuses it; false where it has to wait. */
  #pass(shipment: Shipment): boolean {
    let isBlocked = false;
    for (const index of shipment.slots) {
      const mailbox = this.#state.mailboxes[index];
      if (mailbox?.isFull !== true) continue;
      const { overflow } = mailbox.slot.slot;
      if (overflow === 'reject') {
        shipment.refuse(this.#fullError(mailbox.slot));
        return true;
      }
      if (overflow === 'block') isBlocked = true;
    }
    if (!isBlocked) shipment.send();
    return !isBlocked;
  }

  #isBlocked({ slots }: Shipment): boolean {
    for (const index of slots) {
      const mailbox = this.#state.mailboxes[index];
      if (mailbox?.isFull === true && mailbox.slot.slot.overflow === 'block') return true;
    }
    return false;
  }

  /** The slots that it waits for. */
  #blocking({ slots }: Shipment): readonly PlanSlot[] {
    const blocking: PlanSlot[] = [];
    for (const index of slots) {
      const mailbox = this.#state.mailboxes[index];
      if (mailbox?.isFull === true && mailbox.slot.slot.overflow === 'block') blocking.push(mailbox.slot);
    }
    return blocking;
  }

  #fullError({ name, routine, slot: { capacity } }: PlanSlot): SlotFullError {
    const owner = this.#state.plan.routines[routine]?.name ?? '';
    return new SlotFullError(`Slot "${owner}.${name}" is full: ${capacity} messages wait in it`, {
      hint: "Send more slowly, raise its `capacity`, or give it another `overflow`: `'block'` waits for room.",
    });
  }
}

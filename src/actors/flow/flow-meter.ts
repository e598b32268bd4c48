import type { FlowPlan } from '../../flow/plan.ts';
import type { FlowMessage } from '../../log/flow-messages.ts';
import type { Activation } from './activation.ts';
import type { FlowState } from './flow-state.ts';

/** What a routine has done. */
export interface RoutineCount {
  activations: number;
  succeeded: number;
  failed: number;
  skipped: number;
  messages: number;
  totalMs: number;
  maxMs: number;
  /** The most messages that ever waited, by the places of its slots. */
  readonly maxDepths: number[];
}

/** Counts what the routines of a flow do: a fold over the messages of its workers. */
export class FlowMeter {
  /** By the places of the routines. */
  readonly routines: readonly RoutineCount[];
  readonly #plan: FlowPlan;

  constructor(plan: FlowPlan) {
    this.#plan = plan;
    this.routines = plan.routines.map(({ slots }) => ({
      activations: 0,
      succeeded: 0,
      failed: 0,
      skipped: 0,
      messages: 0,
      totalMs: 0,
      maxMs: 0,
      maxDepths: slots.map(() => 0),
    }));
  }

  /** Takes a message that is about to happen to a worker. */
  apply(message: FlowMessage, state: FlowState): void {
    switch (message.type) {
      case 'JobPost':
        this.#arrives(message.slot, state);
        break;
      case 'RoutineEmit': {
        const activation = state.activations.get(message.activation);
        for (const { slot } of activation?.routine.events.get(message.event) ?? [])
          this.#arrives(slot.index, state);
        break;
      }
      case 'RoutineActivation': {
        const count = this.routines[message.routine];
        if (count === undefined) return;
        count.activations += 1;
        count.messages += message.take.reduce((sum, taken) => sum + taken, 0);
        break;
      }
      case 'RoutineEnd':
        this.#ends(message, state);
        break;
      default:
    }
  }

  /** An activation that was begun elsewhere is begun again. */
  onRestart({ routine, mails }: Activation): void {
    const count = this.routines[routine.index];
    if (count === undefined) return;
    count.activations += 1;
    count.messages += mails.reduce((sum, { length }) => sum + length, 0);
  }

  #arrives(slot: number, state: FlowState): void {
    const routine = this.#plan.slots[slot]?.routine ?? -1;
    const depths = this.routines[routine]?.maxDepths;
    const place = this.#plan.routines[routine]?.slots.findIndex(({ index }) => index === slot) ?? -1;
    const mailbox = state.mailboxes[slot];
    if (depths === undefined || mailbox === undefined) return;
    depths[place] = Math.max(depths[place] ?? 0, Math.min(mailbox.size + 1, mailbox.capacity));
  }

  #ends({ activation: id, outcome, time }: FlowMessage & { type: 'RoutineEnd' }, state: FlowState): void {
    const activation = state.activations.get(id);
    const count = this.routines[activation?.routine.index ?? -1];
    if (activation === undefined || count === undefined) return;
    if (outcome === 'done') count.succeeded += 1;
    else if (outcome === 'skip') count.skipped += 1;
    else if (outcome !== 'cancelled') count.failed += 1;
    const took = time - activation.startedAt;
    count.totalMs += took;
    count.maxMs = Math.max(count.maxMs, took);
  }
}

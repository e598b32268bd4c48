import type { TraceEntry } from '../../flow/contract.ts';
import type { FlowPlan, PlanRoutine } from '../../flow/plan.ts';
import type {
  JobEndMessage,
  JobMessage,
  JobValueMessage,
  MessageEditMessage,
  RoutineActivationMessage,
  RoutineEmitMessage,
  RoutineEndMessage,
} from '../../log/flow-messages.ts';

/** What has happened to a job, from the messages about it. */
export function traceOf(
  plan: Pick<FlowPlan, 'routines' | 'slots'>,
  messages: readonly JobMessage[],
): readonly TraceEntry[] {
  const fold = new TraceFold(plan);
  return messages.map((message) => fold.entryOf(message));
}

const END_TYPES = {
  done: 'finished',
  cancelled: 'finished',
  stop: 'failed',
  continue: 'failed',
  skip: 'skipped',
} as const;

class TraceFold {
  readonly #plan: Pick<FlowPlan, 'routines' | 'slots'>;
  /** By the number of the activation. */
  readonly #routines = new Map<number, PlanRoutine>();

  constructor(plan: Pick<FlowPlan, 'routines' | 'slots'>) {
    this.#plan = plan;
  }

  entryOf(message: JobMessage): TraceEntry {
    switch (message.type) {
      case 'JobPost':
        return { type: 'posted', at: message.time, ...this.#place(message.slot), messages: [message.mail] };
      case 'RoutineActivation':
        return this.#activated(message);
      case 'RoutineEmit':
        return this.#emitted(message);
      case 'RoutineEnd':
        return this.#ended(message);
      case 'RoutineRetry': {
        const { time: at, attempt, activation } = message;
        return {
          type: 'retried',
          at,
          ...nameOf(this.#routines.get(activation)),
          reason: `attempt ${attempt}`,
        };
      }
      case 'MessageDrop': {
        const { time: at, slot, mail, reason } = message;
        return { type: 'dropped', at, ...this.#place(slot), messages: [mail], reason };
      }
      case 'MessagePark':
      case 'MessageRelease': {
        const type = message.type === 'MessagePark' ? 'parked' : 'released';
        return { type, at: message.time, ...this.#place(message.slot), messages: [message.mail] };
      }
      default:
        return entryOfOther(message);
    }
  }

  #activated({ activation, routine, reason, requestId, time: at }: RoutineActivationMessage): TraceEntry {
    const planned = this.#plan.routines[routine];
    if (planned !== undefined) this.#routines.set(activation, planned);
    const request = requestId === undefined ? {} : { requestId };
    return { type: 'activated', at, ...nameOf(planned), reason, ...request };
  }

  #emitted({ activation, event, mail, value, time: at }: RoutineEmitMessage): TraceEntry {
    const messages = value.map((_value, index) => mail + index);
    return { type: 'emitted', at, ...nameOf(this.#routines.get(activation)), event, messages };
  }

  #ended({ activation, outcome, error, time: at }: RoutineEndMessage): TraceEntry {
    const failure = error === undefined ? {} : { error };
    const reason = outcome === 'done' ? {} : { reason: outcome };
    return { type: END_TYPES[outcome], at, ...nameOf(this.#routines.get(activation)), ...reason, ...failure };
  }

  #place(slot: number): { readonly routine?: string; readonly slot?: string } {
    const found = this.#plan.slots[slot];
    if (found === undefined) return {};
    return { ...nameOf(this.#plan.routines[found.routine]), slot: found.name };
  }
}

function nameOf(routine: PlanRoutine | undefined): { readonly routine?: string } {
  return routine === undefined ? {} : { routine: routine.name };
}

function entryOfOther(message: JobEndMessage | JobValueMessage | MessageEditMessage): TraceEntry {
  const { type, time: at } = message;
  if (type === 'JobEnd') return jobEnded(message);
  return type === 'JobValue'
    ? { type: 'set', at, reason: message.key }
    : { type: 'edited', at, messages: [message.mail] };
}

function jobEnded({ time: at, status, error }: JobEndMessage): TraceEntry {
  return error === undefined
    ? { type: 'ended', at, reason: status }
    : { type: 'ended', at, reason: status, error };
}

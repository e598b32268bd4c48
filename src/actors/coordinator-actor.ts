import { createActor, type Actor, type ActorLogic, type AnyActorRef, type NonReducibleUnknown } from 'xstate';
import type { AnySystem } from './chart-logic.ts';

/** The actor that stands above the invocations of a run, or of several runs. */
export class CoordinatorActor implements CoordinatorSeat {
  readonly #isShown: boolean;
  readonly #actor: Actor<ActorLogic<CoordinatorSnapshot, CoordinatorEvent, NonReducibleUnknown, AnySystem>>;

  /** `isShown`: somebody may see it count; `onDefect` hears of an actor that broke in a way that no chart knows. */
  constructor(parent: AnyActorRef, isShown: boolean, onDefect: DefectHandler) {
    this.#isShown = isShown;
    this.#actor = createActor(coordinatorLogic(onDefect), { parent, id: 'coordinator' });
    this.#actor.start();
  }

  get isNamed(): boolean {
    return true;
  }

  get ref(): AnyActorRef {
    return this.#actor;
  }

  /** There is a new invocation. */
  onCall(requestId: string, nodeName: string): void {
    if (this.#isShown) this.#actor.send({ type: 'call', requestId, nodeName });
  }
}

/** The actor that invocations are children of. */
export interface CoordinatorSeat {
  readonly ref: AnyActorRef;
  /** Whether its children are known by their requests: to whoever inspects, and where one of them breaks. */
  readonly isNamed: boolean;
  /** There is a new invocation. */
  onCall(requestId: string, nodeName: string): void;
}

interface CoordinatorSnapshot {
  readonly status: 'active';
  readonly output: undefined;
  readonly error: undefined;
  readonly context: { readonly live: number; readonly ended: number };
}

const ERROR = 'xstate.error.actor.';

/** Hears of an invocation's actor, by its request, that broke. */
type DefectHandler = (requestId: string, error: unknown) => void;

type CoordinatorEvent = { readonly type: string; readonly [key: string]: unknown };

function counting(live: number, ended: number): CoordinatorSnapshot {
  return { status: 'active', output: undefined, error: undefined, context: { live, ended } };
}

const IDLE = counting(0, 0);

/** What inspectors see of a coordinator: how many jobs are live and have ended. */
function coordinatorLogic(
  onDefect: DefectHandler,
): ActorLogic<CoordinatorSnapshot, CoordinatorEvent, NonReducibleUnknown, AnySystem> {
  return {
    getInitialSnapshot: () => IDLE,
    getPersistedSnapshot: (snapshot) => snapshot,
    transition: (snapshot, event) => {
      const { live, ended } = snapshot.context;
      if (event.type === 'call') return counting(live + 1, ended);
      if (event.type.startsWith('xstate.done.actor.')) return counting(live - 1, ended + 1);
      // No invocation's logic ends in an error: its failure is a state. So this is a defect, and must not vanish.
      if (event.type.startsWith(ERROR)) onDefect(event.type.slice(ERROR.length), event['error']);
      return snapshot;
    },
  };
}

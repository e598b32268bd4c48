import type { Actor, ActorLogic, AnyActorRef, NonReducibleUnknown } from 'xstate';
import { createActor } from 'xstate';
import type { MessageLog } from '../log/message-log.ts';
import type { LogMessage } from '../log/messages.ts';
import { redactKeyed, type Redactor } from '../redact.ts';
import type { AnySystem } from './chart-logic.ts';

/** What inspectors see of a keeper. */
export interface KeeperSnapshot {
  readonly status: 'active';
  readonly output: undefined;
  readonly error: undefined;
  readonly context: { readonly messages: number };
}

type KeeperEvent = { readonly type: string };

const EMPTY: KeeperSnapshot = {
  status: 'active',
  output: undefined,
  error: undefined,
  context: { messages: 0 },
};

/** The actor that appends to a run's log; nobody else does. */
export class StateKeeper {
  readonly #actor: Actor<ActorLogic<KeeperSnapshot, KeeperEvent, NonReducibleUnknown, AnySystem>>;
  readonly #redact: Redactor | undefined;
  #incoming: LogMessage | undefined;

  constructor(log: MessageLog, parent: AnyActorRef, redact: Redactor | undefined) {
    this.#redact = redact;
    this.#actor = createActor(this.#logic(log), { parent, id: 'stateKeeper' });
    this.#actor.start();
  }

  get ref(): AnyActorRef {
    return this.#actor;
  }

  /** The message is in the log when this returns. */
  append(message: LogMessage): void {
    // Whoever inspects the system sees the event, so what must not be seen travels beside it.
    this.#incoming = message;
    this.#actor.send(this.#redact === undefined ? message : redactMessage(message, this.#redact));
  }

  #logic(log: MessageLog): ActorLogic<KeeperSnapshot, KeeperEvent, NonReducibleUnknown, AnySystem> {
    return {
      getInitialSnapshot: () => EMPTY,
      getPersistedSnapshot: (snapshot) => snapshot,
      transition: (snapshot) => {
        const message = this.#incoming;
        this.#incoming = undefined;
        if (message === undefined) return snapshot; // XState's own events: there is nothing to append
        log.append(message);
        return { status: 'active', output: undefined, error: undefined, context: { messages: log.length } };
      },
    };
  }
}

function redactMessage(message: LogMessage, redact: Redactor): KeeperEvent {
  const ownKey = 'key' in message ? message.key : undefined;
  const show = (key: string, value: unknown): unknown => {
    if (key === 'type' || key === 'previous') return key === 'type' ? value : undefined;
    return key === 'value' ? redactKeyed(redact, { path: key, key: ownKey }, value) : redact(value, key);
  };
  const entries = Object.entries(message).map(([key, value]) => [key, show(key, value)]);
  return Object.fromEntries(entries) as KeeperEvent; // its type is kept
}

import type { Actor, ActorLogic, AnyActorRef, NonReducibleUnknown } from 'xstate';
import { createActor } from 'xstate';
import type { AnyMessage } from '../log/messages.ts';
import type { Journal, StoredFields } from './journal.ts';
import { redactKeyed, type Redactor } from '../redact.ts';
import type { AnySystem } from './chart-logic.ts';

/** What inspectors see of a keeper. */
export interface KeeperSnapshot {
  readonly status: 'active';
  readonly output: undefined;
  readonly error: undefined;
  readonly context: { readonly messages: number };
}

/** What a keeper appends to: a log. */
export interface MessageSink {
  readonly length: number;
  append(message: AnyMessage): void;
}

type KeeperEvent = { readonly type: string };

const EMPTY: KeeperSnapshot = {
  status: 'active',
  output: undefined,
  error: undefined,
  context: { messages: 0 },
};

/** The actor that appends to the log of a run, or of several runs; nobody else does. */
export class KeeperActor {
  readonly #actor: Actor<ActorLogic<KeeperSnapshot, KeeperEvent, NonReducibleUnknown, AnySystem>>;
  readonly #isShown: boolean;
  #log: MessageSink | undefined;
  #incoming: AnyMessage | undefined;

  /** `isShown`: somebody may see the messages. */
  constructor(parent: AnyActorRef, isShown = true) {
    this.#isShown = isShown;
    this.#actor = createActor(this.#logic(), { parent, id: 'stateKeeper' });
    this.#actor.start();
  }

  get ref(): AnyActorRef {
    return this.#actor;
  }

  /** The message is in the log when this returns; whoever inspects the system sees `shown`. */
  append(log: MessageSink, message: AnyMessage, shown: KeeperEvent): void {
    if (!this.#isShown) {
      log.append(message);
      return;
    }
    this.#log = log;
    this.#incoming = message;
    this.#actor.send(shown);
  }

  #logic(): ActorLogic<KeeperSnapshot, KeeperEvent, NonReducibleUnknown, AnySystem> {
    return {
      getInitialSnapshot: () => EMPTY,
      getPersistedSnapshot: (snapshot) => snapshot,
      transition: (snapshot) => {
        const [log, message] = [this.#log, this.#incoming];
        this.#incoming = undefined;
        // XState's own events bring no message: there is nothing to append.
        if (log === undefined || message === undefined) return snapshot;
        log.append(message);
        return { status: 'active', output: undefined, error: undefined, context: { messages: log.length } };
      },
    };
  }
}

/** Keeps the log of one run. */
export class StateKeeper {
  readonly #actor: KeeperActor;
  readonly #log: MessageSink;
  readonly #redact: Redactor | undefined;
  /** Of a durable workflow. */
  readonly journal: Journal | undefined;

  constructor(options: {
    readonly actor: KeeperActor;
    readonly log: MessageSink;
    readonly redact: Redactor | undefined;
    readonly journal: Journal | undefined;
  }) {
    this.#actor = options.actor;
    this.#log = options.log;
    this.#redact = options.redact;
    this.journal = options.journal;
  }

  /** The message is in the log when this returns; `fields` are those that were made ready to be stored. */
  append(message: AnyMessage, fields?: StoredFields): void {
    this.journal?.append(message, fields);
    // Whoever inspects the system sees the event, so what must not be seen travels beside it.
    const shown = this.#redact === undefined ? message : redactMessage(message, this.#redact);
    this.#actor.append(this.#log, message, shown);
  }
}

function redactMessage(message: AnyMessage, redact: Redactor): KeeperEvent {
  const ownKey = 'key' in message ? message.key : undefined;
  const show = (key: string, value: unknown): unknown => {
    if (key === 'type' || key === 'previous') return key === 'type' ? value : undefined;
    return key === 'value' ? redactKeyed(redact, { path: key, key: ownKey }, value) : redact(value, key);
  };
  const entries = Object.entries(message).map(([key, value]) => [key, show(key, value)]);
  return Object.fromEntries(entries) as KeeperEvent; // its type is kept
}

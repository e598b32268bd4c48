import type { EventBase, EventBody, TroupeEvent } from '../events/events.ts';
import type { RunId } from '../ids.ts';
import { redactKeyed, type Redactor } from '../redact.ts';
import type { Journal } from './journal.ts';
import type { EventSink } from './observer.ts';

/** What every event of one run says alike. */
export interface EventStamp {
  readonly runId: RunId;
  readonly workflowId?: string;
  readonly sessionId?: string;
}

/** An event before it is numbered. */
export type Unnumbered = EventBody & {
  runId?: EventBase['runId'] | undefined;
  seq?: number;
  timestamp?: number;
  workflowId?: string;
  sessionId?: string;
};

/** Numbers a run's events and hands each to every observer's own queue. */
export class Publisher {
  readonly #stamp: EventStamp;
  readonly #observers: readonly EventSink[];
  readonly #redact: Redactor | undefined;
  /** Gets every event at once, in the middle of the run; for actors that emit them. */
  readonly #emit: ((event: TroupeEvent) => void) | undefined;
  /** Of a durable workflow: nothing shows before it is written. */
  readonly #journal: Journal | undefined;
  #seq = 0;

  constructor(options: {
    stamp: EventStamp;
    observers: readonly EventSink[];
    redact: Redactor | undefined;
    emit: ((event: TroupeEvent) => void) | undefined;
    journal?: Journal | undefined;
  }) {
    this.#journal = options.journal;
    this.#stamp = options.stamp;
    this.#observers = options.observers;
    this.#redact = options.redact;
    this.#emit = options.emit;
  }

  /** Whether anybody watches; where nobody does, no event need be made. */
  get isObserved(): boolean {
    return this.#observers.length > 0 || this.#emit !== undefined;
  }

  /**
   * Hands an event on. It is the publisher's own from here: the run's ids and its number are written into it. (Frequent
   * events are made with places for them, which is faster than adding them.)
   */
  publish(event: Unnumbered, timestamp: number): void {
    if (this.#journal === undefined) this.#publish(event, timestamp);
    else this.#journal.after(() => this.#publish(event, timestamp));
  }

  #publish(event: Unnumbered, timestamp: number): void {
    const { runId, workflowId, sessionId } = this.#stamp;
    event.runId = runId;
    event.timestamp = timestamp;
    event.seq = this.#seq;
    if (workflowId !== undefined) event.workflowId = workflowId;
    if (sessionId !== undefined) event.sessionId = sessionId;
    this.#seq += 1;
    const numbered = event as TroupeEvent; // now it has everything
    // Frozen, as every observer gets the same object.
    const shown = Object.freeze(this.#redact === undefined ? numbered : redactEvent(numbered, this.#redact));
    for (const observer of this.#observers) observer.push(shown);
    this.#emit?.(shown);
  }

  /** Resolves when every observer has handled every event so far. */
  async drained(): Promise<void> {
    await Promise.all(this.#observers.map((observer) => observer.drained()));
  }
}

/** What of an event says who and when, and is never redacted. */
const IDENTITY = new Set([
  'type',
  'runId',
  'workflowId',
  'sessionId',
  'timestamp',
  'seq',
  'spanId',
  'parentSpanId',
  'requestId',
  'nodeId',
  'nodeName',
  'sourceNodeId',
  'status',
]);

function redactEvent(event: TroupeEvent, redact: Redactor): TroupeEvent {
  const ownKey = 'key' in event ? event.key : undefined;
  const show = (key: string, value: unknown): unknown => {
    if (IDENTITY.has(key)) return value;
    return key === 'value' ? redactKeyed(redact, { path: key, key: ownKey }, value) : redact(value, key);
  };
  const entries = Object.entries(event).map(([key, value]) => [key, show(key, value)]);
  return Object.fromEntries(entries) as TroupeEvent; // the same keys
}

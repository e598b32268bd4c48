import { InvocationIds, type RunId } from '../ids.ts';
import {
  isEndMessage,
  isInvocationMessage,
  type InvocationMessage,
  type LogMessage,
  type RequestCreationMessage,
} from './messages.ts';
import { Lineage } from './lineage.ts';

/** The moment a request was created or ended: `step` counts both without a gap, from 0 to 2N-1 for N ended requests. */
export interface Stamp {
  readonly step: number;
  /** ms since the epoch. */
  readonly time: number;
  /** `"START CREATED a"`, `"a CREATED b"`, `"Finished executing b"`. */
  readonly identifier: string;
}

/**
 * The append-only log of one run: the only place where what happened is stored. Everything else that can be asked about
 * a run is a fold over it, or over a prefix of it.
 */
export class MessageLog {
  readonly runId: RunId;
  readonly ids: InvocationIds;
  readonly #messages: LogMessage[] = [];
  readonly #latest: InvocationMessage[] = [];
  #steps = 0;
  #size = 0;
  // Made when somebody first looks: of most runs nobody does.
  #lookup: LogLookup | undefined;

  constructor(runId: RunId) {
    this.runId = runId;
    this.ids = new InvocationIds(runId);
  }

  /** How many messages there are. */
  get length(): number {
    return this.#messages.length;
  }

  /** How many invocations there are. */
  get size(): number {
    return this.#size;
  }

  /** How many stamps there are. */
  get steps(): number {
    return this.#steps;
  }

  /** Who called whom. */
  get lineage(): Lineage {
    return this.#looked.lineage;
  }

  /** Takes a message, in O(1). Creations must come in the order of their ordinals. */
  append(message: LogMessage): void {
    this.#messages.push(message);
    if (!isInvocationMessage(message)) return;
    const { ordinal } = message;
    message.previous = this.#latest[ordinal];
    this.#latest[ordinal] = message;
    if (message.type === 'RequestCreation') this.#size += 1;
    else if (!isEndMessage(message)) return;
    message.step = this.#steps;
    this.#steps += 1;
  }

  message(index: number): LogMessage {
    return at(this.#messages, index);
  }

  /** All of it, oldest first. */
  messages(): Iterable<LogMessage> {
    return this.#messages;
  }

  creation(ordinal: number): RequestCreationMessage {
    return this.#looked.creation(ordinal);
  }

  /** The place in the log of the first message after a step's own, that has a stamp too; the log's length for the last step. */
  endOfStep(step: number): number {
    const next = this.#looked.stampedOrNone(step + 1);
    if (next === undefined) return this.#messages.length;
    return this.#messages.indexOf(next);
  }

  /** The ordinal of the invocation that a step is about. */
  ordinalOfStep(step: number): number {
    return this.#looked.stamped(step).ordinal;
  }

  /** The stamp of a step; made when it is first asked for, and the same object ever after. */
  stamp(step: number): Stamp {
    return this.#looked.stamp(step);
  }

  /** The first `count` stamps. */
  stamps(count: number): readonly Stamp[] {
    return this.#looked.stamps(count);
  }

  get #looked(): LogLookup {
    this.#lookup ??= new LogLookup();
    this.#lookup.readTo(this.#messages);
    return this.#lookup;
  }
}

/** What is found in a log by ordinal and by step; read on from where it stopped the last time. */
class LogLookup {
  readonly lineage = new Lineage();
  #position = 0;
  readonly #creations: RequestCreationMessage[] = [];
  readonly #stamped: InvocationMessage[] = [];
  readonly #stamps: Stamp[] = [];
  // Below this step every stamp has been made.
  #filled = 0;
  readonly #identifiers = new Map<string, string>();

  readTo(messages: readonly LogMessage[]): void {
    for (; this.#position < messages.length; this.#position += 1) {
      const message = at(messages, this.#position);
      if (!isInvocationMessage(message) || message.step === undefined) continue;
      this.#stamped.push(message);
      if (message.type !== 'RequestCreation') continue;
      this.#creations.push(message);
      this.lineage.add(message.ordinal, message.source);
    }
  }

  creation(ordinal: number): RequestCreationMessage {
    return at(this.#creations, ordinal);
  }

  stamped(step: number): InvocationMessage {
    return at(this.#stamped, step);
  }

  stampedOrNone(step: number): InvocationMessage | undefined {
    return this.#stamped[step];
  }

  stamp(step: number): Stamp {
    return (this.#stamps[step] ??= this.#makeStamp(step));
  }

  stamps(count: number): readonly Stamp[] {
    for (; this.#filled < count; this.#filled += 1) this.stamp(this.#filled);
    return Object.freeze(this.#stamps.slice(0, count));
  }

  #makeStamp(step: number): Stamp {
    const message = this.stamped(step);
    const { name, source } = this.creation(message.ordinal);
    const isCreation = message.type === 'RequestCreation';
    const caller = source === -1 ? 'START' : this.creation(source).name;
    const text = isCreation ? `${caller} CREATED ${name}` : `Finished executing ${name}`;
    // Most stamps of a run say one of a few things; one text serves them all.
    let identifier = this.#identifiers.get(text);
    if (identifier === undefined) this.#identifiers.set(text, (identifier = text));
    return Object.freeze({ step, time: message.time, identifier });
  }
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new RangeError(`The log has no entry ${index}`);
  return item;
}

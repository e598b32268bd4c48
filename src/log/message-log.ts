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
  readonly lineage = new Lineage();
  readonly #messages: LogMessage[] = [];
  readonly #creations: RequestCreationMessage[] = [];
  readonly #latest: InvocationMessage[] = [];
  readonly #stamped: InvocationMessage[] = [];
  readonly #stamps: Stamp[] = [];
  // Below this step every stamp has been made.
  #filled = 0;
  readonly #identifiers = new Map<string, string>();

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
    return this.#creations.length;
  }

  /** How many stamps there are. */
  get steps(): number {
    return this.#stamped.length;
  }

  /** Takes a message, in O(1). Creations must come in the order of their ordinals. */
  append(message: LogMessage): void {
    this.#messages.push(message);
    if (!isInvocationMessage(message)) return;
    const { ordinal } = message;
    message.previous = this.#latest[ordinal];
    this.#latest[ordinal] = message;
    if (message.type === 'RequestCreation') {
      this.#creations.push(message);
      this.lineage.add(ordinal, message.source);
    } else if (!isEndMessage(message)) return;
    message.step = this.#stamped.push(message) - 1;
  }

  message(index: number): LogMessage {
    return at(this.#messages, index);
  }

  creation(ordinal: number): RequestCreationMessage {
    return at(this.#creations, ordinal);
  }

  /** The place in the log of the first message after a step's own, that has a stamp too; the log's length for the last step. */
  endOfStep(step: number): number {
    const next = this.#stamped[step + 1];
    if (next === undefined) return this.#messages.length;
    return this.#messages.indexOf(next);
  }

  /** The ordinal of the invocation that a step is about. */
  ordinalOfStep(step: number): number {
    return at(this.#stamped, step).ordinal;
  }

  /** The stamp of a step; made when it is first asked for, and the same object ever after. */
  stamp(step: number): Stamp {
    return (this.#stamps[step] ??= this.#makeStamp(step));
  }

  /** The first `count` stamps. */
  stamps(count: number): readonly Stamp[] {
    for (; this.#filled < count; this.#filled += 1) this.stamp(this.#filled);
    return Object.freeze(this.#stamps.slice(0, count));
  }

  #makeStamp(step: number): Stamp {
    const message = at(this.#stamped, step);
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

import type { NodeId, RequestId } from '../ids.ts';
import type { MessageLog, Stamp } from './message-log.ts';
import { isEndMessage, type EndMessage, type InvocationMessage, type RequestStatus } from './messages.ts';

/** One request as it was at one moment; immutable. */
export class RequestRecord {
  readonly id: RequestId;
  readonly nodeId: NodeId;
  /** The caller's node, null for the root. */
  readonly sourceNodeId: NodeId | null;
  readonly nodeName: string;
  readonly status: RequestStatus;
  /** A copy of the input as it was when the request was created, defaults filled in. */
  readonly input: unknown;
  /** A copy of what the node returned, once it succeeded. */
  readonly output: unknown;
  /** The very object that was thrown, or the typed error of the stop. */
  readonly error: unknown;
  /** That of the creation, or of the end once it has ended. */
  readonly stamp: Stamp;
  /** How many attempts were begun. */
  readonly attempts: number;
  /** ms since the epoch, as are the next two. */
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly #log: MessageLog;
  readonly #message: InvocationMessage;

  /** @internal The version that a message made. */
  constructor(log: MessageLog, message: InvocationMessage) {
    const creation = log.creation(message.ordinal);
    const facts = factsOf(message);
    this.id = log.ids.requestId(message.ordinal);
    this.nodeId = log.ids.nodeId(message.ordinal);
    this.sourceNodeId = creation.source === -1 ? null : log.ids.nodeId(creation.source);
    this.nodeName = creation.name;
    this.status = facts.status;
    this.input = creation.input;
    this.output = facts.end?.type === 'RequestSuccess' ? facts.end.output : undefined;
    this.error = facts.end === undefined || facts.end.type === 'RequestSuccess' ? undefined : facts.end.error;
    this.stamp = log.stamp((facts.end ?? creation).step ?? 0);
    this.attempts = facts.attempts;
    this.createdAt = creation.time;
    this.startedAt = facts.startedAt;
    this.endedAt = facts.end?.time;
    this.#log = log;
    this.#message = message;
    Object.freeze(this);
  }

  /** Every version up to this one, oldest first, this one last. Read from the log each time, as most are never asked. */
  get history(): readonly RequestRecord[] {
    return Object.freeze(
      versionsUpTo(this.#message).map((message) =>
        message === this.#message ? this : new RequestRecord(this.#log, message),
      ),
    );
  }

  /** The record's own properties and its history as plain data, without repeating histories within it. */
  toJSON(): { [key: string]: unknown } {
    return { ...(this as object), history: this.history.map((version) => ({ ...version })) };
  }
}

/** One node invocation as it was at one moment; immutable. */
export class NodeRecord {
  readonly id: NodeId;
  readonly name: string;
  readonly kind: string;
  /** That of the creation, or of the end once it has ended. */
  readonly stamp: Stamp;
  /** From its creation to its end, in ms. */
  readonly latencyMs: number | undefined;
  readonly #log: MessageLog;
  readonly #message: InvocationMessage;

  /** @internal The version that a message made. */
  constructor(log: MessageLog, message: InvocationMessage) {
    const creation = log.creation(message.ordinal);
    const { end } = factsOf(message);
    this.id = log.ids.nodeId(message.ordinal);
    this.name = creation.name;
    this.kind = creation.kind;
    this.stamp = log.stamp((end ?? creation).step ?? 0);
    this.latencyMs = end === undefined ? undefined : end.time - creation.time;
    this.#log = log;
    this.#message = message;
    Object.freeze(this);
  }

  /** Every version up to this one, oldest first, this one last: as it was created, and as it ended. */
  get history(): readonly NodeRecord[] {
    return Object.freeze(this.#versions());
  }

  /** The record's own properties and its history as plain data. */
  toJSON(): { [key: string]: unknown } {
    return { ...(this as object), history: this.history.map((version) => ({ ...version })) };
  }

  #versions(): NodeRecord[] {
    const { end } = factsOf(this.#message);
    if (end === undefined) return [this];
    return [new NodeRecord(this.#log, this.#log.creation(this.#message.ordinal)), this];
  }
}

interface Facts {
  readonly status: RequestStatus;
  readonly attempts: number;
  readonly startedAt: number | undefined;
  readonly end: EndMessage | undefined;
}

/** What the messages about one invocation say, up to the given one. */
function factsOf(message: InvocationMessage): Facts {
  let status: RequestStatus | undefined;
  let attempts = 0;
  let startedAt: number | undefined;
  let end: EndMessage | undefined;
  for (let each: InvocationMessage | undefined = message; each !== undefined; each = each.previous) {
    status ??= statusAfter(each);
    if (each.type === 'NodeStart') {
      attempts = Math.max(attempts, each.attempt);
      startedAt = each.time;
    } else if (isEndMessage(each)) end = each;
  }
  return { status: status ?? 'pending', attempts, startedAt, end };
}

const STATUS_AFTER: { readonly [Type in InvocationMessage['type']]?: RequestStatus } = {
  RequestCreation: 'pending',
  NodeStart: 'running',
  NodeRetry: 'running',
  Interrupt: 'interrupted',
  RequestSuccess: 'succeeded',
  RequestFailure: 'failed',
  RequestCreationFailure: 'failed',
  RequestTimedOut: 'timedOut',
  RequestCancelled: 'cancelled',
};

/** The status that a message puts its request in, undefined where it leaves it as it was. */
function statusAfter(message: InvocationMessage): RequestStatus | undefined {
  if ('open' in message) return message.open > 0 ? 'interrupted' : 'running';
  return STATUS_AFTER[message.type];
}

/** Whether a message made a new version of its request. */
export function makesVersion(message: InvocationMessage): boolean {
  return statusAfter(message) !== undefined;
}

function versionsUpTo(message: InvocationMessage): InvocationMessage[] {
  const versions: InvocationMessage[] = [];
  for (let each: InvocationMessage | undefined = message; each !== undefined; each = each.previous) {
    if (makesVersion(each)) versions.push(each);
  }
  return versions.toReversed();
}

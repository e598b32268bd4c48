import type { NodeId, RequestId, RunId } from '../ids.ts';
import type { RequestStatus, RunStatus } from '../log/messages.ts';

/** What every event carries. */
export interface EventBase {
  readonly runId: RunId;
  /** The invocation's span; of `RunStart` and `RunEnd` that of the root invocation. */
  readonly spanId: string;
  /** The caller's span; null for the root invocation and the run itself. */
  readonly parentSpanId: string | null;
  readonly requestId?: RequestId;
  readonly workflowId?: string;
  readonly sessionId?: string;
  /** ms since the epoch. */
  readonly timestamp: number;
  /** Counts a run's events from 0, without a gap. */
  readonly seq: number;
}

/** What the events about one node invocation carry besides. */
export interface NodeEventBase extends EventBase {
  readonly requestId: RequestId;
  readonly nodeId: NodeId;
  readonly nodeName: string;
}

/** A run has begun. */
export interface RunStartEvent extends EventBase {
  readonly type: 'RunStart';
  /** The name of what is run. */
  readonly target: string;
  readonly inputs: unknown;
}

/** A run has ended; the last event of a run. */
export interface RunEndEvent extends EventBase {
  readonly type: 'RunEnd';
  readonly status: Exclude<RunStatus, 'running' | 'paused'>;
  readonly outputs: unknown;
  readonly durationMs: number;
  readonly error?: unknown;
}

/** An attempt of a node's body begins. */
export interface NodeStartEvent extends NodeEventBase {
  readonly type: 'NodeStart';
  readonly inputs: unknown;
  readonly attempt: number;
}

/** A node's body has delivered. */
export interface NodeEndEvent extends NodeEventBase {
  readonly type: 'NodeEnd';
  readonly output: unknown;
  /** By the names that the node declares. */
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly durationMs: number;
  readonly cached: boolean;
}

/** A node has failed for good. */
export interface NodeErrorEvent extends NodeEventBase {
  readonly type: 'NodeError';
  readonly error: unknown;
  readonly attempt: number;
}

/** An attempt has failed and another will be made. */
export interface NodeRetryEvent extends NodeEventBase {
  readonly type: 'NodeRetry';
  readonly error: unknown;
  /** The attempt that failed. */
  readonly attempt: number;
  /** Until the next one. */
  readonly delayMs: number;
}

/** A node of a graph will not run; the span is the graph's. */
export interface NodeSkippedEvent extends EventBase {
  readonly type: 'NodeSkipped';
  readonly nodeName: string;
  readonly reason: string;
}

/** A generator yielded, or a body called `emitChunk`. */
export interface StreamingChunkEvent extends NodeEventBase {
  readonly type: 'StreamingChunk';
  readonly chunk: unknown;
  /** Counts the chunks of one attempt from 0. */
  readonly index: number;
}

/** A result came from the cache. */
export interface CacheHitEvent extends NodeEventBase {
  readonly type: 'CacheHit';
  readonly key: string;
}

/** A result was not in the cache. */
export interface CacheMissEvent extends NodeEventBase {
  readonly type: 'CacheMiss';
  readonly key?: string;
  readonly reason: string;
}

/** A gate has decided. */
export interface RouteDecisionEvent extends EventBase {
  readonly type: 'RouteDecision';
  readonly gate: string;
  readonly decision: string | null | readonly string[];
}

/** A question is open. */
export interface InterruptEvent extends EventBase {
  readonly type: 'Interrupt';
  readonly requestId: RequestId;
  readonly key: string;
  readonly node: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

/** A question was answered. */
export interface InterruptResolvedEvent extends EventBase {
  readonly type: 'InterruptResolved';
  readonly requestId: RequestId;
  readonly key: string;
  readonly value: unknown;
}

/** A body called `broadcast`. */
export interface BroadcastEvent extends NodeEventBase {
  readonly type: 'Broadcast';
  readonly item: unknown;
}

/** What the messages about a request show of it. */
export interface RequestEventBase extends NodeEventBase {
  readonly sourceNodeId: NodeId | null;
  readonly status: RequestStatus;
  readonly attempts: number;
}

/** A request was made. */
export interface RequestCreationEvent extends RequestEventBase {
  readonly type: 'RequestCreation';
  readonly input: unknown;
}

/** A request has succeeded. */
export interface RequestSuccessEvent extends RequestEventBase {
  readonly type: 'RequestSuccess';
  readonly output: unknown;
}

/** A request's body has failed for good. */
export interface RequestFailureEvent extends RequestEventBase {
  readonly type: 'RequestFailure';
  readonly error: unknown;
}

/** A request failed before its body ran. */
export interface RequestCreationFailureEvent extends RequestEventBase {
  readonly type: 'RequestCreationFailure';
  readonly error: unknown;
}

/** A request took longer than its own `timeout`, on its last attempt. */
export interface RequestTimedOutEvent extends RequestEventBase {
  readonly type: 'RequestTimedOut';
  readonly error: unknown;
}

/** A request was stopped. */
export interface RequestCancelledEvent extends RequestEventBase {
  readonly type: 'RequestCancelled';
  readonly error: unknown;
}

/** A failure that stops the whole run. */
export interface FatalFailureEvent extends RequestEventBase {
  readonly type: 'FatalFailure';
  readonly error: unknown;
}

/** Everything that observers get. */
export type TroupeEvent =
  | RunStartEvent
  | RunEndEvent
  | NodeStartEvent
  | NodeEndEvent
  | NodeErrorEvent
  | NodeRetryEvent
  | NodeSkippedEvent
  | StreamingChunkEvent
  | CacheHitEvent
  | CacheMissEvent
  | RouteDecisionEvent
  | InterruptEvent
  | InterruptResolvedEvent
  | BroadcastEvent
  | RequestCreationEvent
  | RequestSuccessEvent
  | RequestFailureEvent
  | RequestCreationFailureEvent
  | RequestTimedOutEvent
  | RequestCancelledEvent
  | FatalFailureEvent;

/** An event before the run has numbered it. */
export type EventBody = TroupeEvent extends infer Event
  ? Event extends TroupeEvent
    ? Omit<Event, 'runId' | 'workflowId' | 'sessionId' | 'timestamp' | 'seq'>
    : never
  : never;

/** Gets every event of a run. A promise that it returns is awaited before the next event, and holds up nobody else. */
export type Subscriber = (event: TroupeEvent) => void | Promise<void>;

/** A subscriber that may have something to close when its runner closes, or when its run ends if it was given to one run. */
export interface EventProcessor {
  onEvent(event: TroupeEvent): void | Promise<void>;
  close?(): void | Promise<void>;
}

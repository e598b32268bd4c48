/** Every stable error code of Troupe: the class name in SCREAMING_SNAKE without "Error". */
export type ErrorCode =
  | 'GRAPH_CONFIG'
  | 'FLOW_CONFIG'
  | 'MISSING_INPUT'
  | 'UNKNOWN_INPUT'
  | 'INVALID_INPUT'
  | 'RUNNER_CLOSED'
  | 'CONFLICT'
  | 'INFINITE_LOOP'
  | 'INCOMPATIBLE_RUNNER'
  | 'NODE_TIMEOUT'
  | 'RUN_TIMEOUT'
  | 'CANCELLED'
  | 'FATAL'
  | 'CACHE'
  | 'CHECKPOINT'
  | 'WORKFLOW_NOT_FOUND'
  | 'WORKFLOW_ALREADY_RUNNING'
  | 'WORKFLOW_ALREADY_COMPLETED'
  | 'GRAPH_CHANGED'
  | 'INPUT_OVERRIDE_REQUIRES_FORK'
  | 'UNKNOWN_RESPONSE'
  | 'INTERRUPT_ALREADY_RESOLVED'
  | 'NO_RUN'
  | 'UNKNOWN_ID'
  | 'RUNTIME_CLOSED'
  | 'UNKNOWN_FLOW'
  | 'UNKNOWN_ROUTINE'
  | 'UNKNOWN_SLOT'
  | 'UNKNOWN_WORKER'
  | 'DUPLICATE_ID'
  | 'WORKER_STOPPED'
  | 'NOT_STARTED'
  | 'SLOT_FULL'
  | 'QUEUE_FULL'
  | 'HOP_LIMIT'
  | 'CONTEXT_KEY';

/** What an error's constructor takes besides the message. */
export interface ErrorDetails {
  /** What to do next, one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

const BRAND = Symbol.for('troupe.error');

/**
 * The base of every error that Troupe itself raises. An error thrown by a node's body is never wrapped in one.
 *
 * @example
 * ```ts
 * import { isTroupeError } from 'troupe';
 *
 * const advice = (error: unknown) => (isTroupeError(error) ? `${error.code}: ${error.hint}` : 'not one of ours');
 * console.log(advice(new Error('mine')));
 * ```
 */
export abstract class TroupeError extends Error {
  /** Stable across versions; test this, not the message. */
  abstract readonly code: ErrorCode;
  /** What to do next. */
  readonly hint: string;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.hint = details.hint ?? '';
    // The name is a property of the class, not of the instance, so that a bundler's renaming cannot change it.
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** A plain form for logs and stores; the cause is left out when it is no error. */
  toJSON(): { name: string; code: ErrorCode; message: string; hint: string } {
    return { name: this.name, code: this.code, message: this.message, hint: this.hint };
  }
}

/**
 * Whether a caught value is an error of Troupe, also of another copy of the package; with a `code`, only of that code.
 *
 * @example
 * ```ts
 * import { CancelledError, isTroupeError } from 'troupe';
 *
 * console.log(isTroupeError(new CancelledError('enough'), 'CANCELLED'));
 * ```
 */
export function isTroupeError(value: unknown, code?: ErrorCode): value is TroupeError {
  if (typeof value !== 'object' || value === null || !(BRAND in value)) return false;
  return code === undefined || ('code' in value && value.code === code);
}

/** An `Error` for a thrown value of any kind: errors as they are, anything else wrapped, with the value as its cause. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new Error(typeof thrown === 'string' ? thrown : `A ${typeof thrown} was thrown`, { cause: thrown });
}

/** A graph's definition is wrong. */
export class GraphConfigError extends TroupeError {
  override readonly name = 'GraphConfigError';
  readonly code = 'GRAPH_CONFIG';
}

/** A flow's definition is wrong. */
export class FlowConfigError extends TroupeError {
  override readonly name = 'FlowConfigError';
  readonly code = 'FLOW_CONFIG';
}

/** A required input was not given. */
export class MissingInputError extends TroupeError {
  override readonly name = 'MissingInputError';
  readonly code = 'MISSING_INPUT';
}

/** An input was given that nothing takes. */
export class UnknownInputError extends TroupeError {
  override readonly name = 'UnknownInputError';
  readonly code = 'UNKNOWN_INPUT';
}

/** A value, an option or an argument is not of the form that is asked for. */
export class InvalidInputError extends TroupeError {
  override readonly name = 'InvalidInputError';
  readonly code = 'INVALID_INPUT';
  /** What a schema found, empty where no schema was asked. */
  readonly issues: readonly { readonly message: string; readonly path?: readonly PropertyKey[] }[];

  constructor(message: string, details: ErrorDetails & { issues?: InvalidInputError['issues'] } = {}) {
    super(message, details);
    this.issues = details.issues ?? [];
  }
}

/** The runner was closed, or is closing. */
export class RunnerClosedError extends TroupeError {
  override readonly name = 'RunnerClosedError';
  readonly code = 'RUNNER_CLOSED';
}

/** A value was given for a name that a node in scope produces. */
export class ConflictError extends TroupeError {
  override readonly name = 'ConflictError';
  readonly code = 'CONFLICT';
}

/** What an endless loop is told by. */
export interface InfiniteLoopDetails {
  /** The node that would have run once too often. */
  readonly node: string;
  readonly graph: string;
  /** The names of the loop's nodes. */
  readonly loop: readonly string[];
  readonly maxIterations: number;
  /** What the loop's names held last. */
  readonly lastValues: Readonly<Record<string, unknown>>;
}

/** A loop went past `maxIterations`. */
export class InfiniteLoopError extends TroupeError {
  override readonly name = 'InfiniteLoopError';
  readonly code = 'INFINITE_LOOP';
  /** The node that would have run once too often, and its graph. */
  readonly node: string;
  readonly graph: string;
  /** The names of the loop's nodes. */
  readonly loop: readonly string[];
  /** The most runs of one node. */
  readonly maxIterations: number;
  /** What the loop's names held last. */
  readonly lastValues: Readonly<Record<string, unknown>>;

  constructor({ node, graph, loop, maxIterations, lastValues }: InfiniteLoopDetails) {
    const names = loop.map((name) => `"${name}"`).join(', ');
    super(
      `The loop of ${names} in graph "${graph}" did not end: node "${node}" ran ${maxIterations} times; last values: ${showValues(lastValues)}`,
      {
        hint: 'Let a gate of the loop choose END in time, or raise `maxIterations` of the graph, the run or the runner.',
      },
    );
    this.node = node;
    this.graph = graph;
    this.loop = loop;
    this.maxIterations = maxIterations;
    this.lastValues = lastValues;
  }
}

function showValues(values: Readonly<Record<string, unknown>>): string {
  let text: string;
  try {
    text = JSON.stringify(values);
  } catch {
    text = Object.keys(values).join(', '); // what cannot be written as JSON is named at least
  }
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** What was asked needs a capability that this runner, strategy or way of running lacks. */
export class IncompatibleRunnerError extends TroupeError {
  override readonly name = 'IncompatibleRunnerError';
  readonly code = 'INCOMPATIBLE_RUNNER';
}

/** An attempt of a node took longer than its `timeout`. */
export class NodeTimeoutError extends TroupeError {
  override readonly name = 'NodeTimeoutError';
  readonly code = 'NODE_TIMEOUT';
  readonly nodeName: string;
  /** The limit of one attempt, in ms. */
  readonly timeoutMs: number;

  constructor(nodeName: string, timeoutMs: number) {
    super(`Node "${nodeName}" did not finish within ${timeoutMs} ms`, {
      hint: `Raise the node's \`timeout\`, give it a \`retry\` or a \`fallback\`, or let its body heed \`ctx.signal\`.`,
    });
    this.nodeName = nodeName;
    this.timeoutMs = timeoutMs;
  }
}

/** The whole run, or the whole job of a flow, took longer than it may. */
export class RunTimeoutError extends TroupeError {
  override readonly name = 'RunTimeoutError';
  readonly code = 'RUN_TIMEOUT';
  /** The limit, in ms. */
  readonly timeoutMs: number;

  /** `what`: the kind of work whose time was up. */
  constructor(timeoutMs: number, what: 'run' | 'job' = 'run') {
    super(`The ${what} did not finish within ${timeoutMs} ms`, {
      hint:
        what === 'run'
          ? 'Raise the `timeout` of the run or of the runner, or set it to null.'
          : 'Raise the `jobTimeout` of the runtime, or set it to null.',
    });
    this.timeoutMs = timeoutMs;
  }
}

/** A run or a request was cancelled. */
export class CancelledError extends TroupeError {
  override readonly name = 'CancelledError';
  readonly code = 'CANCELLED';
  /** The reason exactly as it was given. */
  readonly reason: unknown;

  constructor(reason?: unknown) {
    super(`Cancelled${describeReason(reason)}`, {
      hint: 'Catch it where work may be cancelled; `reason` holds what was given.',
      ...(reason instanceof Error ? { cause: reason } : {}),
    });
    this.reason = reason;
  }
}

function describeReason(reason: unknown): string {
  if (typeof reason === 'string') return `: ${reason}`;
  return reason instanceof Error ? `: ${reason.message}` : '';
}

/**
 * Thrown by a node's body to stop the whole run at once, whatever the policies: no retry, no fallback, no catching parent.
 *
 * @example
 * ```ts
 * import { FatalError, createRunner, node } from 'troupe';
 *
 * const check = node('check', () => {
 *   throw new FatalError('The licence has expired');
 * });
 * await using runner = createRunner();
 * const result = await runner.run(check, undefined, { onFailure: 'return' });
 * console.log(result.status); // failed
 * ```
 */
export class FatalError extends TroupeError {
  override readonly name = 'FatalError';
  readonly code = 'FATAL';

  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, { hint: 'The run was stopped on purpose by a node; see the message.', ...options });
  }
}

/** A cache backend failed or was set up wrongly. */
export class CacheError extends TroupeError {
  override readonly name = 'CacheError';
  readonly code = 'CACHE';
}

/** A checkpointer failed, is missing, or cannot store a value. */
export class CheckpointError extends TroupeError {
  override readonly name = 'CheckpointError';
  readonly code = 'CHECKPOINT';
}

/** There is no workflow of that id. */
export class WorkflowNotFoundError extends TroupeError {
  override readonly name = 'WorkflowNotFoundError';
  readonly code = 'WORKFLOW_NOT_FOUND';
}

/** Another execution holds the workflow. */
export class WorkflowAlreadyRunningError extends TroupeError {
  override readonly name = 'WorkflowAlreadyRunningError';
  readonly code = 'WORKFLOW_ALREADY_RUNNING';
}

/** The workflow has ended for good. */
export class WorkflowAlreadyCompletedError extends TroupeError {
  override readonly name = 'WorkflowAlreadyCompletedError';
  readonly code = 'WORKFLOW_ALREADY_COMPLETED';
}

/** The definition does not fit what was recorded. */
export class GraphChangedError extends TroupeError {
  override readonly name = 'GraphChangedError';
  readonly code = 'GRAPH_CHANGED';
}

/** Other inputs were given for a workflow that has begun. */
export class InputOverrideRequiresForkError extends TroupeError {
  override readonly name = 'InputOverrideRequiresForkError';
  readonly code = 'INPUT_OVERRIDE_REQUIRES_FORK';
}

/** An answer was given for a question that is not open. */
export class UnknownResponseError extends TroupeError {
  override readonly name = 'UnknownResponseError';
  readonly code = 'UNKNOWN_RESPONSE';
}

/** The question was answered before. */
export class InterruptAlreadyResolvedError extends TroupeError {
  override readonly name = 'InterruptAlreadyResolvedError';
  readonly code = 'INTERRUPT_ALREADY_RESOLVED';
}

/** An ambient function was used outside a node's body. */
export class NoRunError extends TroupeError {
  override readonly name = 'NoRunError';
  readonly code = 'NO_RUN';
}

/** No run, request or node has that id. */
export class UnknownIdError extends TroupeError {
  override readonly name = 'UnknownIdError';
  readonly code = 'UNKNOWN_ID';
}

/** The flow runtime was closed. */
export class RuntimeClosedError extends TroupeError {
  override readonly name = 'RuntimeClosedError';
  readonly code = 'RUNTIME_CLOSED';
}

/** The runtime has no flow of that name. */
export class UnknownFlowError extends TroupeError {
  override readonly name = 'UnknownFlowError';
  readonly code = 'UNKNOWN_FLOW';
}

/** The flow has no routine of that name. */
export class UnknownRoutineError extends TroupeError {
  override readonly name = 'UnknownRoutineError';
  readonly code = 'UNKNOWN_ROUTINE';
}

/** The routine has no slot of that name. */
export class UnknownSlotError extends TroupeError {
  override readonly name = 'UnknownSlotError';
  readonly code = 'UNKNOWN_SLOT';
}

/** The runtime, or the flow, has no worker of that id. */
export class UnknownWorkerError extends TroupeError {
  override readonly name = 'UnknownWorkerError';
  readonly code = 'UNKNOWN_WORKER';
}

/** A worker or a job of that id is there already. */
export class DuplicateIdError extends TroupeError {
  override readonly name = 'DuplicateIdError';
  readonly code = 'DUPLICATE_ID';
}

/** The worker takes no more posts: it drains, or has ended. */
export class WorkerStoppedError extends TroupeError {
  override readonly name = 'WorkerStoppedError';
  readonly code = 'WORKER_STOPPED';
}

/** The flow has no worker yet. */
export class NotStartedError extends TroupeError {
  override readonly name = 'NotStartedError';
  readonly code = 'NOT_STARTED';
}

/** A slot is full and rejects. */
export class SlotFullError extends TroupeError {
  override readonly name = 'SlotFullError';
  readonly code = 'SLOT_FULL';
}

/** A bounded queue is full. */
export class QueueFullError extends TroupeError {
  override readonly name = 'QueueFullError';
  readonly code = 'QUEUE_FULL';
}

/** A job made more hops than it may. */
export class HopLimitError extends TroupeError {
  override readonly name = 'HopLimitError';
  readonly code = 'HOP_LIMIT';
}

/** The context has no such key. */
export class ContextKeyError extends TroupeError {
  override readonly name = 'ContextKeyError';
  readonly code = 'CONTEXT_KEY';
}

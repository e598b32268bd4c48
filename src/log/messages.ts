import type { RunId } from '../ids.ts';
import type { FlowMessage } from './flow-messages.ts';

/** The statuses of a request; the last four are terminal. */
export type RequestStatus =
  | 'pending'
  | 'running'
  | 'interrupted'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'timedOut';

/** The statuses of a run; the last four are terminal. */
export type RunStatus = 'running' | 'paused' | 'completed' | 'failed' | 'cancelled' | 'timedOut';

/** What each message about one invocation carries. `ordinal` counts the run's invocations from 0. */
interface AboutInvocation {
  readonly ordinal: number;
  /** ms since the epoch. */
  readonly time: number;
  /** The message before this one about the same invocation; set when the log takes the message. */
  previous: InvocationMessage | undefined;
  /** The stamp's number, for the first and the last message of an invocation; set when the log takes the message. */
  step: number | undefined;
}

export interface RequestCreationMessage extends AboutInvocation {
  readonly type: 'RequestCreation';
  /** The caller's ordinal, -1 for the root. */
  readonly source: number;
  readonly name: string;
  readonly kind: string;
  readonly input: unknown;
  /** The key that the call was given, by which it is found again. */
  readonly key?: string;
  /** Whether what it writes into the context stays below it. */
  readonly hasScope?: boolean;
}

export interface NodeStartMessage extends AboutInvocation {
  readonly type: 'NodeStart';
  readonly attempt: number;
}

export interface NodeRetryMessage extends AboutInvocation {
  readonly type: 'NodeRetry';
  /** The attempt that failed. */
  readonly attempt: number;
  readonly error: unknown;
  readonly delayMs: number;
}

export interface InterruptMessage extends AboutInvocation {
  readonly type: 'Interrupt';
  readonly key: string;
  readonly value: unknown;
}

export interface InterruptResolvedMessage extends AboutInvocation {
  readonly type: 'InterruptResolved';
  readonly key: string;
  readonly value: unknown;
  /** How many questions of the invocation are still open. */
  readonly open: number;
}

export interface InterruptWithdrawnMessage extends AboutInvocation {
  readonly type: 'InterruptWithdrawn';
  readonly key: string;
  /** Why there will be no answer. */
  readonly error: unknown;
  /** How many questions of the invocation are still open. */
  readonly open: number;
}

export interface ContextWriteMessage extends AboutInvocation {
  readonly type: 'ContextWrite';
  readonly key: string;
  readonly isDelete: boolean;
  readonly value: unknown;
}

/** A node of a graph will not run, or not once more; the invocation is the graph's. */
export interface NodeLeftOutMessage extends AboutInvocation {
  readonly type: 'NodeLeftOut';
  readonly name: string;
  /** `blocked`: something that it needs has failed; `failed`: it ran as often as it may. */
  readonly status: 'skipped' | 'blocked' | 'failed';
  readonly reason: string;
}

export interface RequestSuccessMessage extends AboutInvocation {
  readonly type: 'RequestSuccess';
  readonly output: unknown;
}

export interface RequestEndedBadlyMessage extends AboutInvocation {
  readonly type: 'RequestFailure' | 'RequestCreationFailure' | 'RequestTimedOut' | 'RequestCancelled';
  /** The very object that was thrown, or the typed error of the stop. */
  readonly error: unknown;
}

export interface FatalFailureMessage extends AboutInvocation {
  readonly type: 'FatalFailure';
  readonly error: unknown;
}

/** The messages that end an invocation. */
export type EndMessage = RequestSuccessMessage | RequestEndedBadlyMessage;

/** The messages about one invocation. */
export type InvocationMessage =
  | RequestCreationMessage
  | NodeStartMessage
  | NodeRetryMessage
  | InterruptMessage
  | InterruptResolvedMessage
  | InterruptWithdrawnMessage
  | ContextWriteMessage
  | NodeLeftOutMessage
  | EndMessage
  | FatalFailureMessage;

export interface RunStartMessage {
  readonly type: 'RunStart';
  readonly runId: RunId;
  readonly target: string;
  readonly input: unknown;
  readonly time: number;
  /** Of a durable workflow. */
  readonly durable?: DurableFacts;
}

/** What is kept of a durable workflow besides, so that it is known again. */
export interface DurableFacts {
  /** What was given as input, before defaults. */
  readonly given: unknown;
  /** The hash of the target's structure, and the structure itself as JSON, to tell what has changed. */
  readonly structure: string;
  readonly shape: string;
  /** The hash of the structure and the bodies. */
  readonly definition: string;
  readonly forkedFrom?: ForkOrigin;
  /** The outputs that were asked for. */
  readonly select?: readonly string[];
  /** Whether steps of the log were removed at its end. */
  readonly isShortened?: boolean;
}

/** Where a fork began. */
export interface ForkOrigin {
  readonly workflowId: string;
  readonly step: number;
}

export interface RunStatusMessage {
  readonly type: 'RunPause' | 'RunResume';
  readonly time: number;
}

/** A workflow goes on in another execution. */
export interface RunContinueMessage {
  readonly type: 'RunContinue';
  readonly reason: 'resume' | 'retry' | 'fork';
  /** The invocations that had ended and run again, because they led to the end of the run. */
  readonly reopened: readonly number[];
  /** The hash of the target's bodies, as they are now. */
  readonly definition: string;
  readonly time: number;
}

/** An answer for a question that has not been asked yet. */
export interface AnswerKeptMessage {
  readonly type: 'AnswerKept';
  readonly key: string;
  readonly value: unknown;
  readonly time: number;
}

export interface RunEndMessage {
  readonly type: 'RunEnd';
  readonly status: Exclude<RunStatus, 'running' | 'paused'>;
  readonly answer: unknown;
  readonly error?: unknown;
  readonly time: number;
}

/** The messages about the run as a whole. */
export type RunMessage =
  | RunStartMessage
  | RunStatusMessage
  | RunContinueMessage
  | AnswerKeptMessage
  | RunEndMessage;

/** Everything that a run's log holds, in the order in which it happened. */
export type LogMessage = InvocationMessage | RunMessage;

/** What a log may hold: of a run, or of a worker of a flow. */
export type AnyMessage = LogMessage | FlowMessage;

/** Whether a message is about one invocation, not about the run. */
export function isInvocationMessage(message: LogMessage): message is InvocationMessage {
  return 'ordinal' in message;
}

/** Whether a message ends its invocation. */
export function isEndMessage(message: LogMessage): message is EndMessage {
  switch (message.type) {
    case 'RequestSuccess':
    case 'RequestFailure':
    case 'RequestCreationFailure':
    case 'RequestTimedOut':
    case 'RequestCancelled':
      return true;
    default:
      return false;
  }
}

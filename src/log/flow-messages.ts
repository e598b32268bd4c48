import type { JobEndStatus, WorkerJSON } from './worker-json.ts';

/** A worker begins, or its log does anew. */
export interface WorkerStartMessage {
  readonly type: 'WorkerStart';
  readonly flow: string;
  /** By which the flow is known again. */
  readonly structure: string;
  /** What it held then, as JSON; nothing when left out. */
  readonly snapshot?: WorkerJSON;
  readonly time: number;
}

/** A job begins: a message for a slot, by the place of the slot in the flow. */
export interface JobPostMessage {
  readonly type: 'JobPost';
  readonly job: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The id of the message. */
  readonly mail: number;
  readonly slot: number;
  readonly value: unknown;
  readonly time: number;
}

/** A routine, by its place in the flow, takes messages and begins to work. */
export interface RoutineActivationMessage {
  readonly type: 'RoutineActivation';
  readonly activation: number;
  readonly routine: number;
  /** How many messages are taken from each of its slots, in their order. */
  readonly take: readonly number[];
  readonly reason: string;
  readonly time: number;
  /** The request that it is in this execution; set when it is known. */
  requestId: string | undefined;
}

/** A routine emits: one value for each slot that is connected to the event, in the order of the connections. */
export interface RoutineEmitMessage {
  readonly type: 'RoutineEmit';
  readonly activation: number;
  readonly event: string;
  /** The id of the first message; those of the others follow. */
  readonly mail: number;
  readonly value: readonly unknown[];
  readonly time: number;
}

/** An attempt of a routine has failed, and another one will come. */
export interface RoutineRetryMessage {
  readonly type: 'RoutineRetry';
  readonly activation: number;
  /** The number of the next attempt. */
  readonly attempt: number;
  /** When it is due, in ms since the epoch. */
  readonly at: number;
  readonly time: number;
}

/** A routine has ended its work. */
export interface RoutineEndMessage {
  readonly type: 'RoutineEnd';
  readonly activation: number;
  /** `'cancelled'`: nobody needs it any more; the others are what became of a failure. */
  readonly outcome: 'done' | 'stop' | 'continue' | 'skip' | 'cancelled';
  readonly error?: unknown;
  /** What it has written into the state of the routine. */
  readonly value: Readonly<Record<string, unknown>> | undefined;
  readonly time: number;
}

/** A message leaves its slot without being worked on. */
export interface MessageDropMessage {
  readonly type: 'MessageDrop';
  readonly mail: number;
  readonly slot: number;
  readonly reason: string;
  readonly time: number;
}

/** A message is taken out of its slot by a breakpoint, or put back. */
export interface MessageParkMessage {
  readonly type: 'MessagePark' | 'MessageRelease';
  readonly mail: number;
  readonly slot: number;
  readonly time: number;
}

/** A parked message gets another value. */
export interface MessageEditMessage {
  readonly type: 'MessageEdit';
  readonly mail: number;
  readonly value: unknown;
  readonly time: number;
}

/** A value is kept with a job. */
export interface JobValueMessage {
  readonly type: 'JobValue';
  readonly job: string;
  readonly key: string;
  readonly value: unknown;
  readonly time: number;
}

/** A job ends; what is left of its messages is dropped. */
export interface JobEndMessage {
  readonly type: 'JobEnd';
  readonly job: string;
  readonly status: JobEndStatus;
  readonly error?: unknown;
  readonly time: number;
}

/** Everything that happens to the messages and the jobs of a worker. */
export type FlowMessage =
  | WorkerStartMessage
  | RoutineRetryMessage
  | JobPostMessage
  | RoutineActivationMessage
  | RoutineEmitMessage
  | RoutineEndMessage
  | MessageDropMessage
  | MessageParkMessage
  | MessageEditMessage
  | JobValueMessage
  | JobEndMessage;

/** What is about jobs. */
export type JobMessage = Exclude<FlowMessage, WorkerStartMessage>;

const TYPES: ReadonlySet<string> = new Set<FlowMessage['type']>([
  'WorkerStart',
  'RoutineRetry',
  'JobPost',
  'RoutineActivation',
  'RoutineEmit',
  'RoutineEnd',
  'MessageDrop',
  'MessagePark',
  'MessageRelease',
  'MessageEdit',
  'JobValue',
  'JobEnd',
]);

/** Whether a message is about what a worker of a flow holds. */
export function isFlowMessage(message: { readonly type: string }): message is FlowMessage {
  return TYPES.has(message.type);
}

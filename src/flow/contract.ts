import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { LogLevel } from '../logger.ts';
import type { NodeContext, RetryPolicy } from '../nodes/contract.ts';
import type { Policy } from './policies.ts';

/** What happens when a message comes to a slot that is full. */
export type Overflow =
  /** A post rejects with `SlotFullError`; an emit rejects with it, and fails its job unless its routine catches it. */
  | 'reject'
  /** Whoever posts or emits waits until there is room. */
  | 'block'
  /** The oldest message in the slot makes room. */
  | 'dropOldest'
  /** The new message is dropped. */
  | 'dropNewest';

/** Where messages of one kind come in. Made by `slot`. */
export interface Slot<Value = unknown> {
  readonly kind: 'slot';
  /** The most messages that may wait in it. */
  readonly capacity: number;
  readonly overflow: Overflow;
  /** Checks what is posted; what it parses to is what enters. */
  readonly schema: StandardSchemaV1<unknown, Value> | undefined;
  /** Types only; nothing is there at run time. */
  readonly '~value'?: Value;
}

/** What a routine may emit. Made by `event`. */
export interface FlowEvent<Value = unknown> {
  readonly kind: 'event';
  /** Types only; nothing is there at run time. */
  readonly '~value'?: Value;
}

/** The slots of a routine by name. */
export type Slots = Readonly<Record<string, Slot>>;

/** The events of a routine by name. */
export type FlowEvents = Readonly<Record<string, FlowEvent>>;

/** The value that a slot or an event stands for. */
export type ValueOf<Declaration> =
  Declaration extends Slot<infer Value> ? Value : Declaration extends FlowEvent<infer Value> ? Value : never;

/** What a routine's body gets: the messages of each slot, in the order in which they came. */
export type RoutineInput<InSlots extends Slots> = {
  readonly [Name in keyof InSlots]: readonly ValueOf<InSlots[Name]>[];
};

/** What becomes of a job when a routine fails on one of its messages, after the routine's retries. */
export type FailurePolicy =
  /** The job fails; the worker lives on. */
  | 'stop'
  /** The failure is recorded, and the job goes on without the message. */
  | 'continue'
  /** The routine counts as skipped for the message, and the job goes on. */
  | 'skip';

/** A {@link FailurePolicy}, or retries and one after them. */
export type RoutineErrorPolicy =
  | FailurePolicy
  | { readonly retry: RetryPolicy; readonly then?: FailurePolicy };

/** Where a message came from: a routine's event, or `'post'`. */
export type MessageSource = 'post' | { readonly routine: string; readonly event: string };

/** What is known of a message besides its value. */
export interface MessageInfo {
  /** Unique in its worker; later messages have higher ones. */
  readonly id: number;
  readonly source: MessageSource;
  /** When it came into its slot, in ms since the epoch. */
  readonly at: number;
  /** How many events lead to it; 0 for what was posted. */
  readonly hops: number;
}

/** The state of one routine in one worker. */
export interface RoutineState {
  /** The value of a key, or the fallback, or `undefined`. */
  get<Value = unknown>(this: void, key: string): Value | undefined;
  get<Value>(this: void, key: string, fallback: Value): Value;
  set(this: void, key: string, value: unknown): void;
  /** Sets several keys. */
  update(this: void, values: Readonly<Record<string, unknown>>): void;
}

/** What a routine's body gets as its second argument: all of a node's context, and what flows add. */
export interface RoutineContext<
  InSlots extends Slots = Slots,
  OutEvents extends FlowEvents = FlowEvents,
> extends NodeContext {
  /**
   * Sends a value to every slot that is connected to the event; each gets its own clone. Resolves when all of them have
   * taken it, which is at once unless one blocks. Of several receivers of which one refuses, none gets it. What an attempt
   * has sent before it fails has gone: another attempt sends it again.
   *
   * @throws {@link SlotFullError} SLOT_FULL when a slot refuses it; {@link FlowConfigError} FLOW_CONFIG for an event that
   * the routine does not declare, and when routines wait for room in each other's slots.
   */
  emit<Name extends keyof OutEvents & string>(
    this: void,
    event: Name,
    value: ValueOf<OutEvents[Name]>,
  ): Promise<void>;
  /** The jobs that the messages of this activation belong to. */
  readonly jobs: readonly Job[];
  /** The first of them. */
  readonly job: Job;
  /** The state of this routine in this worker. */
  readonly state: RoutineState;
  /** Beside the values, what is known of their messages. */
  readonly messages: { readonly [Name in keyof InSlots]: readonly MessageInfo[] };
  /** Why the policy activated the routine. */
  readonly reason: string;
  readonly worker: Worker;
}

/** A unit of long-lived work: an immutable value, made by `routine`, to be added to any flow under any name. */
export interface Routine<
  Name extends string = string,
  InSlots extends Slots = Slots,
  OutEvents extends FlowEvents = FlowEvents,
> {
  readonly kind: 'routine';
  readonly name: Name;
  readonly slots: InSlots;
  readonly events: OutEvents;
  readonly policy: Policy;
  /** How many activations may run at once. */
  readonly concurrency: number;
  readonly onError: RoutineErrorPolicy | undefined;
  readonly retry: RetryPolicy | undefined;
  /** The longest that one attempt may take, in ms. */
  readonly timeout: number | null | undefined;
  /** Whether a failure fails the whole worker. */
  readonly critical: boolean;
  readonly run: (data: never, ctx: never) => unknown;
}

/** Any routine. */
export type AnyRoutine = Routine;

/** The statuses of a job; the last four are final. */
export type JobStatus = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled' | 'timedOut';

/** The statuses of a worker; the last two are final. */
export type WorkerStatus = 'starting' | 'running' | 'paused' | 'draining' | 'stopped' | 'failed';

/** A message on which a routine failed. */
export interface DeadLetter {
  readonly routine: string;
  readonly slot: string;
  /** As it was when it came. */
  readonly value: unknown;
  readonly error: unknown;
  /** What the routine's policy made of it. */
  readonly policy: FailurePolicy;
  /** ms since the epoch. */
  readonly at: number;
}

/** A line that a body wrote with `ctx.log`. */
export interface JobLogLine {
  readonly level: Exclude<LogLevel, 'silent'>;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** The routine whose activation wrote it. */
  readonly routine: string;
  /** ms since the epoch. */
  readonly at: number;
}

/** One thing that happened to a job. */
export interface TraceEntry {
  readonly type:
    | 'posted'
    | 'emitted'
    | 'activated'
    | 'finished'
    | 'failed'
    | 'retried'
    | 'skipped'
    | 'dropped'
    | 'parked'
    | 'released'
    | 'edited'
    | 'set'
    | 'ended';
  /** ms since the epoch. */
  readonly at: number;
  readonly routine?: string;
  readonly slot?: string;
  readonly event?: string;
  /** The ids of the messages that it is about. */
  readonly messages?: readonly number[];
  /** The request of an activation, as in events. */
  readonly requestId?: string;
  /** Why it happened. */
  readonly reason?: string;
  readonly error?: unknown;
}

/** Everything that one post has set off. */
export interface Job {
  readonly id: string;
  /** The name of its flow. */
  readonly flow: string;
  readonly workerId: string;
  readonly status: JobStatus;
  /** Why it failed, was cancelled or timed out: the very object that was thrown, or the typed error of the stop. */
  readonly error?: unknown;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** ms since the epoch. */
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly completedAt?: number;
  /** What has happened to it, oldest first. */
  readonly trace: readonly TraceEntry[];
  /** The messages on which a routine failed. */
  readonly deadLetters: readonly DeadLetter[];
  /** What bodies wrote with `ctx.log` while they worked for it; the last 1,000 lines. */
  readonly log: readonly JobLogLine[];
  /** A value that a body has set for this job. */
  get<Value = unknown>(key: string): Value | undefined;
  get<Value>(key: string, fallback: Value): Value;
  set(key: string, value: unknown): void;
  /** Stops what is left of it; false when it had ended. */
  cancel(reason?: unknown): boolean;
  /**
   * Resolves to the job when it has ended, however; also when its durable worker is left for others to go on with, in whatever
   * status it is then.
   */
  readonly done: Promise<Job>;
}

/** A running instance of a flow: it owns its messages and the states of its routines. */
export interface Worker {
  readonly id: string;
  /** The name of its flow. */
  readonly flow: string;
  readonly status: WorkerStatus;
  /** Why it failed. */
  readonly error?: unknown;
  /** Why it is paused: what `pause` was given. */
  readonly pauseReason?: unknown;
  /**
   * A copy of the state of a routine.
   *
   * @throws {@link UnknownRoutineError} UNKNOWN_ROUTINE
   */
  state(routine: string): Readonly<Record<string, unknown>>;
  /**
   * Starts nothing more, and resolves when no body works; what waits is kept. A body that awaits this, or `stop`, of its own
   * worker waits for itself.
   */
  pause(reason?: unknown): Promise<void>;
  /** Goes on after a pause. */
  resume(): void;
  /**
   * Ends it, and resolves when nothing of it runs. What is left of its jobs is cancelled; with `drain` it is done first.
   */
  stop(options?: StopOptions): Promise<void>;
}

/** Options of {@link Worker.stop}. */
export interface StopOptions {
  /** Default: false. */
  readonly drain?: boolean;
  /** The reason that jobs are cancelled with. Default: `'stopped'`. */
  readonly reason?: unknown;
}

/** A message that a breakpoint holds. */
export interface ParkedMessage {
  readonly id: number;
  readonly value: unknown;
  /** The ids of the jobs that it belongs to. */
  readonly jobs: readonly string[];
  readonly source: MessageSource;
  /** When it came, in ms since the epoch. */
  readonly at: number;
  readonly workerId: string;
}

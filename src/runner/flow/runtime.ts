import type { PauseInfo } from '../../actors/settings.ts';
import type { Job, JobStatus, ParkedMessage, ValueOf, Worker } from '../../flow/contract.ts';
import type { AnyFlow, RoutinesOf } from '../../flow/flow-types.ts';
import type { RuntimeMetrics } from './metrics.ts';
import type { RuntimeSnapshot } from './snapshots.ts';

/** Options of `exec`. */
export interface ExecOptions {
  /** Default: a new one. With a checkpointer a worker goes on where the worker of that id was left. */
  readonly workerId?: string | undefined;
}

/** Options of `post`. */
export interface PostOptions {
  /** Default: the flow's workers in turn. */
  readonly workerId?: string | undefined;
  /** Default: a new one. */
  readonly jobId?: string | undefined;
  /** Kept with the job. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** Which jobs to list. */
export interface JobQuery {
  readonly status?: JobStatus | undefined;
}

/** Where to park messages. */
export interface BreakpointOptions {
  /** By value, or by its name. */
  readonly flow: AnyFlow | string;
  readonly routine: string;
  readonly slot: string;
  /** Which messages; default: all. */
  readonly when?: ((value: unknown) => boolean) | undefined;
}

/** Parks the messages that come into a slot, in all workers of a flow. None is lost. */
export interface Breakpoint {
  /** What it holds, oldest first. */
  readonly parked: readonly ParkedMessage[];
  /** Lets the oldest go on into its slot; false when there is none. */
  step(): boolean;
  /** Lets all go on that are parked now. Gives how many. */
  resume(): number;
  /**
   * Gives a parked message another value.
   *
   * @throws {@link UnknownIdError} UNKNOWN_ID when no message of that id is parked.
   */
  edit(id: number, value: unknown, workerId?: string): void;
  /**
   * Drops a parked message.
   *
   * @throws {@link UnknownIdError} UNKNOWN_ID when no message of that id is parked.
   */
  drop(id: number, workerId?: string): void;
  /** Lets all go on, and parks nothing more. */
  remove(): void;
}

/** Options of `shutdown`. */
export interface ShutdownOptions {
  /** Whether what is there is done first. Otherwise it is cancelled. Default: true. */
  readonly wait?: boolean | undefined;
  /** After so many ms what is left is cancelled. Default: no limit. */
  readonly timeout?: number | undefined;
}

/** Options of `snapshot`. */
export interface SnapshotOptions {
  /** After so many ms what still works is taken as not begun: it runs again where the snapshot goes on. Default: no limit. */
  readonly timeout?: number | undefined;
}

/** Runs flows: workers that live until they are stopped, and the jobs that are posted to them. */
export interface Runtime extends AsyncDisposable {
  /**
   * Starts a worker of a flow.
   *
   * @throws {@link RuntimeClosedError} RUNTIME_CLOSED, {@link UnknownFlowError} UNKNOWN_FLOW for an unknown name,
   * {@link DuplicateIdError} DUPLICATE_ID, {@link FlowConfigError} FLOW_CONFIG for a flow that cannot run, or another one
   * under a known name.
   */
  exec(flow: AnyFlow | string, options?: ExecOptions): Worker;
  /**
   * Posts a message to a slot: the job that it sets off, as soon as the slot has taken it. A failed post leaves nothing
   * behind.
   *
   * @throws {@link RuntimeClosedError} RUNTIME_CLOSED, {@link NotStartedError} NOT_STARTED, {@link UnknownFlowError},
   * {@link UnknownRoutineError}, {@link UnknownSlotError}, {@link UnknownWorkerError}, {@link DuplicateIdError},
   * {@link WorkerStoppedError} WORKER_STOPPED, {@link QueueFullError} QUEUE_FULL, {@link SlotFullError} SLOT_FULL,
   * {@link InvalidInputError} INVALID_INPUT when the slot's schema refuses the value.
   */
  post<
    Given extends AnyFlow,
    Name extends keyof RoutinesOf<Given> & string,
    Port extends keyof RoutinesOf<Given>[Name]['slots'] & string,
  >(
    flow: Given,
    routine: Name,
    slot: Port,
    value: ValueOf<RoutinesOf<Given>[Name]['slots'][Port]>,
    options?: PostOptions,
  ): Promise<Job>;
  post(flow: string, routine: string, slot: string, value: unknown, options?: PostOptions): Promise<Job>;
  /** A job that has not ended, or one of the last that have. */
  getJob(id: string): Job | undefined;
  /** The jobs that are kept, in the order in which they came. */
  listJobs(query?: JobQuery): readonly Job[];
  /** True when all jobs have ended, false at the timeout (ms). */
  waitUntilAllJobsFinished(options?: { readonly timeout?: number | null | undefined }): Promise<boolean>;
  /** A worker by its id. */
  worker(id: string): Worker | undefined;
  /** All workers that have not ended. */
  readonly workers: readonly Worker[];
  /** The questions of routines that wait for a person. */
  readonly pauses: readonly (PauseInfo & { readonly workerId: string; readonly jobs: readonly string[] })[];
  /**
   * Answers a question of a routine, by the id of its job or of its worker.
   *
   * @throws {@link UnknownIdError} UNKNOWN_ID, {@link UnknownResponseError}, {@link InterruptAlreadyResolvedError},
   * {@link InvalidInputError} INVALID_INPUT when the question's schema refuses the answer.
   */
  respond(id: string, key: string, value: unknown): Promise<void>;
  /** Parks messages before a routine gets them. */
  breakpoint(options: BreakpointOptions): Breakpoint;
  /** What has become of jobs and messages; with `monitoring`, of each routine as well. */
  metrics(): RuntimeMetrics;
  /**
   * Everything that is needed to go on elsewhere, as plain JSON: queues, jobs, timers, and what routines keep. Waits for
   * what works just now; then all go on.
   *
   * @throws {@link CheckpointError} CHECKPOINT when a value cannot be stored.
   */
  snapshot(options?: SnapshotOptions): Promise<RuntimeSnapshot>;
  /** Takes nothing more, does or cancels what is left, and resolves when nothing runs. May be called again. */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

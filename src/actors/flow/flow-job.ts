import { toError } from '../../errors.ts';
import type { DeadLetter, Job, JobLogLine, JobStatus, TraceEntry } from '../../flow/contract.ts';
import type { FlowPlan } from '../../flow/plan.ts';
import type { JobEndMessage, JobMessage } from '../../log/flow-messages.ts';
import type { Invocation } from '../invocation.ts';
import type { Emissions } from './emission.ts';
import { jobTable } from '../../machines/job.ts';
import { traceOf } from './trace.ts';

/** What a job leaves to its worker. */
export interface JobHost {
  readonly plan: Pick<FlowPlan, 'name' | 'routines' | 'slots'>;
  readonly id: string;
  cancelJob(job: FlowJob, reason: unknown): boolean;
  setJobValue(job: FlowJob, key: string, value: unknown): void;
  /** A routine works for a job for the first time. */
  onJobStarted(job: FlowJob): void;
}

/** A routine at work for a job. */
export interface JobActivation {
  readonly invocation: Invocation | undefined;
  /** The emits of its latest attempt. */
  readonly emissions: Emissions | undefined;
  /** Those of its jobs that have not ended. */
  readonly openJobs: readonly FlowJob[];
  /** Whether nobody needs it any more. */
  isCancelled: boolean;
}

/** What makes a job. */
export interface JobFacts {
  readonly id: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly createdAt: number;
}

/** What else is known of a job that is read back. */
export interface JobPast {
  readonly status: JobStatus;
  readonly startedAt?: number | undefined;
  readonly completedAt?: number | undefined;
  readonly error?: unknown;
  readonly values: readonly (readonly [string, unknown])[];
  readonly deadLetters: readonly DeadLetter[];
}

// Of what happened to a job, and of what was written for it, so many entries are kept.
const KEPT_ENTRIES = 1_000;

const END_EVENTS = {
  completed: 'COMPLETE',
  failed: 'FAIL',
  cancelled: 'CANCEL',
  timedOut: 'TIME_OUT',
} as const;

/** A job: what of it is still there is counted, and what has happened to it is kept. */
export class FlowJob implements Job {
  readonly id: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly createdAt: number;
  startedAt?: number;
  completedAt?: number;
  error?: unknown;
  /** How many of its messages wait in slots, or are parked. */
  queued = 0;
  /** How many of its messages are worked on. */
  working = 0;
  /** Its place among the jobs of its runtime. */
  place = 0;
  /** What it is to fail with: a routine has, and the job's own end is on its way. */
  failure: { readonly error?: unknown } | undefined;
  /** A list of itself: what belongs to it alone shares it. */
  readonly alone: readonly FlowJob[] = [this];
  /** What was set with it. */
  values: Map<string, unknown> | undefined;
  /** Those that work for it. */
  readonly activations: JobActivation[] = [];
  #status: JobStatus = jobTable.initial.value;
  #messages: JobMessage[] = [];
  #deadLetters: readonly DeadLetter[] = [];
  #lines: JobLogLine[] = [];
  readonly #host: JobHost;
  #isDone = false;
  #done: Promise<Job> | undefined;
  #resolve: ((job: Job) => void) | undefined;

  constructor({ id, metadata, createdAt }: JobFacts, host: JobHost) {
    this.id = id;
    this.metadata = metadata;
    this.createdAt = createdAt;
    this.#host = host;
  }

  get flow(): string {
    return this.#host.plan.name;
  }

  get workerId(): string {
    return this.#host.id;
  }

  get status(): JobStatus {
    return this.#status;
  }

  /** Whether it is in a final status. */
  get hasEnded(): boolean {
    return jobTable.isFinal(this.#status);
  }

  get trace(): readonly TraceEntry[] {
    return traceOf(this.#host.plan, this.#messages);
  }

  get deadLetters(): readonly DeadLetter[] {
    return this.#deadLetters;
  }

  get log(): readonly JobLogLine[] {
    return this.#lines.slice(-KEPT_ENTRIES);
  }

  get done(): Promise<Job> {
    this.#done ??= this.#isDone
      ? Promise.resolve(this)
      : new Promise((resolve) => {
          this.#resolve = resolve;
        });
    return this.#done;
  }

  get<Value>(key: string, fallback?: Value): Value | undefined {
    return this.values?.has(key) === true ? (this.values.get(key) as Value) : fallback;
  }

  set(key: string, value: unknown): void {
    this.#host.setJobValue(this, key, value);
  }

  cancel(reason?: unknown): boolean {
    return this.#host.cancelJob(this, reason);
  }

  removeActivation(activation: JobActivation): void {
    const place = this.activations.indexOf(activation);
    if (place !== -1) this.activations.splice(place, 1);
  }

  /** It is as it was. */
  restore({ status, startedAt, completedAt, error, values, deadLetters }: JobPast): void {
    this.#status = status;
    if (startedAt !== undefined) this.startedAt = startedAt;
    if (completedAt !== undefined) this.completedAt = completedAt;
    if (error !== undefined) this.error = error;
    if (values.length > 0) this.values = new Map(values);
    this.#deadLetters = deadLetters;
    this.#isDone = this.hasEnded;
  }

  /** Something has happened to it. */
  note(message: JobMessage): void {
    this.#messages.push(message);
    if (this.#messages.length >= 2 * KEPT_ENTRIES) this.#messages = this.#messages.slice(-KEPT_ENTRIES);
  }

  noteLine(line: JobLogLine): void {
    this.#lines.push(line);
    if (this.#lines.length >= 2 * KEPT_ENTRIES) this.#lines = this.#lines.slice(-KEPT_ENTRIES);
  }

  addDeadLetters(letters: readonly DeadLetter[]): void {
    this.#deadLetters = [...this.#deadLetters, ...letters];
  }

  /** A routine works for it. */
  activate(time: number): void {
    if (this.#status !== 'pending') return;
    this.startedAt = time;
    this.#move('ACTIVATE');
    this.#host.onJobStarted(this);
  }

  end({ status, error, time }: JobEndMessage): void {
    this.#move(END_EVENTS[status]);
    this.completedAt = time;
    if (status !== 'completed') this.error = error;
  }

  /** Tells whoever waits for its end. */
  settle(): void {
    this.#isDone = true;
    this.#resolve?.(this);
    this.#resolve = undefined;
  }

  /** A plain form. */
  toJSON(): object {
    const { id, flow, workerId, status, metadata, createdAt, startedAt, completedAt } = this;
    const error = this.error === undefined ? undefined : toError(this.error);
    const about = { id, flow, workerId, status, metadata, createdAt, startedAt, completedAt };
    return error === undefined ? about : { ...about, error: { name: error.name, message: error.message } };
  }

  #move(event: 'ACTIVATE' | (typeof END_EVENTS)[keyof typeof END_EVENTS]): void {
    this.#status = jobTable.next({ value: this.#status, context: {} }, event).value;
  }
}

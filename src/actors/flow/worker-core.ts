import type { Worker } from '../../flow/contract.ts';
import type { FlowPlan } from '../../flow/plan.ts';
import type { FlowMessage } from '../../log/flow-messages.ts';
import type { Engine } from '../engine.ts';
import type { Journal, StoredFields } from '../journal.ts';
import type { RunSettings } from '../settings.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { FlowJob } from './flow-job.ts';
import type { FlowMeter } from './flow-meter.ts';
import type { FlowState } from './flow-state.ts';
import type { Traffic } from './traffic.ts';

/** What bounds the jobs of a worker. */
export interface FlowLimits {
  /** How many events may lead to a message. */
  readonly maxHops: number;
  /** The longest that a job may take, in ms. */
  readonly jobTimeoutMs: number | null;
}

/** Where a runtime keeps its jobs. */
export interface JobBook {
  /** A job has begun. */
  onAccepted(job: FlowJob): void;
  /** A routine works for it for the first time. */
  onStarted(job: FlowJob): void;
  /** It has ended, and whoever waits for it may know. */
  onEnded(job: FlowJob): void;
  /** It has not ended, and others will go on with it. */
  onLeft(job: FlowJob): void;
  /** It had ended before. */
  restore(job: FlowJob): void;
  /** The jobs of a worker that have ended and are kept. */
  endedOf(workerId: string): readonly FlowJob[];
}

/** What the parts of a worker share. */
export interface WorkerCore {
  readonly id: string;
  readonly plan: FlowPlan;
  readonly handle: Worker;
  readonly settings: RunSettings;
  readonly limits: FlowLimits;
  readonly book: JobBook;
  readonly state: FlowState;
  readonly engine: Engine;
  readonly traffic: Traffic;
  readonly dispatcher: Dispatcher;
  readonly breakpoints: {
    /** Parks a message that has just come into its slot, where a breakpoint says so. */
    park(mail: number, slot: number, value: unknown): void;
  };
  /** Counts what its routines do, where that is asked for. */
  readonly meter: FlowMeter | undefined;
  /** Of a durable worker. */
  readonly journal: Journal | undefined;
  /** Writes down what happens; it has happened when this returns. */
  append(message: FlowMessage, fields?: StoredFields): void;
  now(): number;
  /** Ends the worker, and all of its jobs, because of an error. */
  fail(error: unknown): void;
  /** Something has come to rest. */
  onSettled(): void;
}

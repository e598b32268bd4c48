import { CancelledError, RunTimeoutError } from '../../errors.ts';
import type { JobEndStatus } from '../../log/worker-json.ts';
import { Deadline } from '../deadline.ts';
import type { FlowJob } from './flow-job.ts';
import { waitsForPerson } from './stillness.ts';
import type { WorkerCore } from './worker-core.ts';

/** Begins and ends the jobs of a worker. */
export class JobDesk {
  readonly #core: WorkerCore;
  /** They stand still while the worker is paused. */
  readonly #deadlines = new Set<Deadline>();
  readonly #deadlineOf = new WeakMap<FlowJob, Deadline>();
  #isHeld = false;
  readonly #waiting = new Set<FlowJob>();

  constructor(core: WorkerCore) {
    this.#core = core;
  }

  /** A job is there; of one that goes on so much of its time is left, in ms. */
  open(job: FlowJob, timeLeftMs?: number): void {
    const { book, limits, settings } = this.#core;
    book.onAccepted(job);
    const { jobTimeoutMs } = limits;
    if (jobTimeoutMs === null) return;
    const deadline = new Deadline({
      clock: settings.clock,
      limitMs: timeLeftMs ?? jobTimeoutMs,
      group: this.#deadlines,
      onExpire: () => {
        this.end(job, 'timedOut', new RunTimeoutError(jobTimeoutMs, 'job'));
        this.#core.dispatcher.run();
      },
    });
    if (this.#isHeld) deadline.hold();
    this.#deadlineOf.set(job, deadline);
  }

  /** What is left of the time of a job, in ms. */
  timeLeftOf(job: FlowJob): number | undefined {
    return this.#deadlineOf.get(job)?.leftMs;
  }

  /** Stops the time of all jobs, or lets it go on. */
  holdDeadlines(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return;
    this.#isHeld = isHeld;
    for (const deadline of this.#deadlines) {
      if (isHeld) deadline.hold();
      else deadline.release();
    }
  }

  /** The time of a job stands still while all that is left of it waits for a person. */
  watchWaiting(jobs: readonly FlowJob[]): void {
    for (const job of jobs) {
      const deadline = this.#deadlineOf.get(job);
      if (deadline === undefined) continue;
      const isWaiting =
        job.queued === 0 && job.activations.length > 0 && job.activations.every(waitsForPerson);
      if (isWaiting === this.#waiting.has(job)) continue;
      if (isWaiting) {
        this.#waiting.add(job);
        deadline.hold();
      } else {
        this.#waiting.delete(job);
        deadline.release();
      }
    }
  }

  /** Something may go on again. */
  rewatch(): void {
    if (this.#waiting.size > 0) this.watchWaiting(Array.from(this.#waiting));
  }

  /** Ends a job of which nothing is left. */
  completeIfDone(job: FlowJob): void {
    if (!job.hasEnded && job.queued === 0 && job.working === 0) this.end(job, 'completed', undefined);
  }

  /** Ends those whose ends were on their way when their worker was left. */
  endDone(): void {
    for (const job of this.#core.state.jobs.values()) {
      if (job.failure !== undefined) this.end(job, 'failed', job.failure.error);
      else this.completeIfDone(job);
    }
  }

  /** Ends a job: drops what is left of its messages, and stops what works for it alone. */
  end(job: FlowJob, status: JobEndStatus, error: unknown): void {
    if (job.hasEnded) return;
    const core = this.#core;
    core.append({ type: 'JobEnd', job: job.id, status, error, time: core.now() });
    this.#deadlineOf.get(job)?.clear();
    this.#waiting.delete(job);
    const unneeded = job.activations.filter(
      ({ openJobs, isCancelled }) => openJobs.length === 0 && !isCancelled,
    );
    // First nothing of them may go any more, then each is stopped.
    for (const activation of unneeded) {
      activation.isCancelled = true;
      core.traffic.withdrawOf(activation);
    }
    for (const activation of unneeded) {
      const cancelled = error instanceof CancelledError ? error : new CancelledError(error);
      const { invocation } = activation;
      if (invocation !== undefined)
        core.engine.coordinator.stop(invocation, {
          error: cancelled,
          signalReason: status === 'timedOut' ? error : cancelled,
        });
    }
    const tell = (): void => {
      job.settle();
      core.book.onEnded(job);
    };
    if (core.journal === undefined) tell();
    else core.journal.afterWritten(tell);
    core.traffic.letIn();
    core.onSettled();
  }

  /** Stops what works for the jobs that others will go on with: here they stay as they are. */
  leaveAll(reason: unknown): void {
    const { state, traffic, engine, book } = this.#core;
    const error = new CancelledError(reason);
    const activations = state.activations.values();
    for (const activation of activations) {
      activation.isCancelled = true;
      traffic.withdrawOf(activation);
    }
    for (const { invocation } of activations)
      if (invocation !== undefined) engine.coordinator.stop(invocation, { error, signalReason: error });
    for (const job of state.jobs.values()) {
      this.#deadlineOf.get(job)?.clear();
      job.settle();
      book.onLeft(job);
    }
  }

  /** Cancels a job; false when it had ended. */
  cancel(job: FlowJob, reason: unknown): boolean {
    if (job.hasEnded) return false;
    this.end(job, 'cancelled', new CancelledError(reason));
    this.#core.dispatcher.run();
    return true;
  }

  /** Ends all that have not ended. */
  endAll(status: JobEndStatus, error: unknown): void {
    for (const job of this.#core.state.jobs.values()) this.end(job, status, error);
  }
}

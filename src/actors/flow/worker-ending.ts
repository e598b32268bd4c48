import { CancelledError } from '../../errors.ts';
import type { StopOptions, WorkerStatus } from '../../flow/contract.ts';
import type { Invocation } from '../invocation.ts';
import type { WorkerDurability } from './durable-worker.ts';
import type { JobDesk } from './job-desk.ts';
import type { PostOffice } from './post-office.ts';
import { isPutOff } from './stillness.ts';
import type { WorkerCore } from './worker-core.ts';

/** How a worker is to end. */
export interface StopOrder extends StopOptions {
  /** What is left of a durable worker stays, for others to go on with. */
  readonly keeps?: boolean;
  /** That it was cancelled is its actor's error. */
  readonly isCancel?: boolean;
}

/** What ending leaves to the worker. */
export interface EndingHost {
  /** Undefined for one that did not begin. */
  readonly root: Invocation | undefined;
  readonly status: WorkerStatus;
  /** Whether it has ended. */
  readonly isOver: boolean;
  /** Whether no body works. */
  readonly isQuiet: boolean;
  /** When it began; undefined for one that did not. */
  readonly startedAt: number | undefined;
  /** Begins nothing more. */
  hold(): void;
  /** Does what was put off, and asks all routines. */
  goOn(): void;
  /** Does what was put off. */
  releasePutOff(): void;
  /** Tells its actor. */
  move(type: 'DRAIN' | 'STOP' | 'FAIL', error?: unknown): void;
  /** It has ended. */
  retire(): void;
}

/** What ends a worker. */
export interface EndingParts {
  readonly desk: JobDesk;
  readonly office: PostOffice;
  readonly durability: WorkerDurability | undefined;
}

/** Ends a worker: at once, because of an error, or when what is left has been done. */
export class WorkerEnding {
  /** Whether it is ending, other than by draining. */
  hasBegun = false;
  /** Why the worker failed. */
  error: unknown;
  readonly #core: WorkerCore;
  readonly #host: EndingHost;
  readonly #parts: EndingParts;
  #reason: unknown;
  #keeps = false;
  #isDone = false;
  #isDrained = false;
  #cancel: CancelledError | undefined;
  #waiters: (() => void)[] = [];

  constructor(core: WorkerCore, host: EndingHost, parts: EndingParts) {
    this.#core = core;
    this.#host = host;
    this.#parts = parts;
  }

  stop({ drain = false, reason = 'stopped', keeps = false, isCancel = false }: StopOrder): void {
    if (isCancel) this.#cancel = new CancelledError(reason);
    if (keeps) this.#keeps = true;
    if (drain) this.#drain(reason);
    else this.#stopNow(reason);
  }

  fail(error: unknown): void {
    if (this.#host.isOver || this.hasBegun) return;
    this.hasBegun = true;
    this.error = error;
    this.#host.hold();
    const { id, settings } = this.#core;
    settings.logger.error({ err: error, workerId: id }, 'A worker has failed');
    this.#parts.office.refusePosts();
    this.#parts.desk.endAll('failed', error);
    this.#close('FAIL', error);
  }

  /** Resolves when it has ended, and nothing is left to be written. */
  ended(): Promise<void> {
    if (this.#isDone) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** What is left when nothing goes on by itself: flushes one routine after the other, senders first, and then ends. */
  advance(): void {
    const { status, isOver, isQuiet } = this.#host;
    if (status !== 'draining' || isOver || this.hasBegun || !isQuiet) return;
    const { dispatcher, state } = this.#core;
    if (dispatcher.isBusy) return;
    // Another attempt will come by itself.
    for (const activation of state.activations.values()) if (isPutOff(activation)) return;
    const [next] = state.routines
      .filter(({ plan, mailboxes }) => plan.policy.flush && mailboxes.some(({ size }) => size > 0))
      .filter(({ plan, running }) => running < plan.concurrency)
      .toSorted((a, b) => a.plan.rank - b.plan.rank);
    if (next !== undefined) dispatcher.flush(next.plan.index);
    else {
      this.#isDrained = true;
      this.#stopNow(this.#reason);
    }
  }

  #drain(reason: unknown): void {
    this.#reason = reason;
    if (this.#host.status === 'draining' || this.hasBegun) return;
    this.#host.move('DRAIN');
    this.#parts.office.refusePosts();
    this.#host.goOn();
  }

  #stopNow(reason: unknown): void {
    if (this.hasBegun) return;
    this.hasBegun = true;
    this.#host.hold();
    const { office, durability } = this.#parts;
    office.refusePosts();
    if (durability === undefined || !this.#keeps) this.#cancelAll(reason);
    else void durability.release().then(() => this.#leaveAll(reason));
  }

  /** What others go on with is neither cancelled there nor here. */
  #leaveAll(reason: unknown): void {
    if (this.#host.isOver) return;
    this.#parts.desk.leaveAll(reason);
    this.#close('STOP', this.#cancel);
  }

  #cancelAll(reason: unknown): void {
    if (this.#host.isOver) return;
    this.#parts.desk.endAll('cancelled', new CancelledError(reason));
    this.#close('STOP', this.#cancel);
  }

  #close(type: 'STOP' | 'FAIL', error: unknown): void {
    const { engine, dispatcher } = this.#core;
    const { root } = this.#host;
    dispatcher.clear();
    const cancelled = new CancelledError(error ?? 'The worker was stopped');
    if (root !== undefined) engine.coordinator.stop(root, { error: cancelled, signalReason: cancelled });
    this.#host.releasePutOff();
    this.#publish(type === 'FAIL' ? 'failed' : this.#isDrained ? 'completed' : 'cancelled', error);
    this.#host.move(type, error);
    this.#host.retire();
    const released = this.#parts.durability?.release() ?? Promise.resolve();
    void released.then(() => {
      this.#isDone = true;
      const waiters = this.#waiters;
      this.#waiters = [];
      for (const goOn of waiters) goOn();
    });
  }

  #publish(status: 'failed' | 'completed' | 'cancelled', error: unknown): void {
    const { publisher } = this.#core.engine;
    const { root, startedAt } = this.#host;
    if (!publisher.isObserved || startedAt === undefined || root === undefined) return;
    const time = this.#core.now();
    const span = { spanId: root.nodeId, parentSpanId: null };
    const failure = error === undefined ? {} : { error };
    const durationMs = time - startedAt;
    publisher.publish({ type: 'RunEnd', ...span, status, outputs: {}, durationMs, ...failure }, time);
  }
}

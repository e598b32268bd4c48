import type { AnyActorRef } from 'xstate';
import { afterThisTurn } from '../../clock.ts';
import { recordOf } from '../../clone.ts';
import { CancelledError, UnknownRoutineError, WorkerStoppedError } from '../../errors.ts';
import type { StopOptions, Worker, WorkerStatus } from '../../flow/contract.ts';
import type { FlowPlan } from '../../flow/plan.ts';
import { InvocationIds } from '../../ids.ts';
import type { FlowMessage } from '../../log/flow-messages.ts';
import { didYouMean } from '../../suggest.ts';
import { ContextScope } from '../context-store.ts';
import type { Deadline } from '../deadline.ts';
import { Engine, type EngineHost } from '../engine.ts';
import type { EndEvent, Invocation, Outcome } from '../invocation.ts';
import type { Journal, StoredFields } from '../journal.ts';
import { RunActors, type DefectListener } from '../run-actors.ts';
import type { PauseInfo, RunSettings } from '../settings.ts';
import { Breakpoints, type BreakpointRule } from './breakpoints.ts';
import { Dispatcher } from './dispatcher.ts';
import type { FlowJob, JobHost } from './flow-job.ts';
import { FlowState } from './flow-state.ts';
import { JobDesk } from './job-desk.ts';
import { PostOffice, type PostRequest } from './post-office.ts';
import { isStill } from './stillness.ts';
import { loadSnapshot, snapshotOf, type WorkerJSON } from './snapshot.ts';
import { Traffic } from './traffic.ts';
import { Workbench, type WorkbenchHost } from './workbench.ts';
import type { FlowLimits, JobBook, WorkerCore } from './worker-core.ts';
import { createWorkerNode } from './routine-node.ts';
import { WorkerHandle } from './worker-handle.ts';
import { WorkerLog } from './worker-log.ts';

/** What makes a worker. */
export interface FlowWorkerOptions {
  readonly id: string;
  readonly plan: FlowPlan;
  readonly settings: RunSettings;
  /** The worker's own actor. */
  readonly self: AnyActorRef;
  readonly limits: FlowLimits;
  readonly book: JobBook;
  /** It has ended, and nothing of it runs. */
  readonly onEnded: () => void;
  /** What it goes on from. */
  readonly past?: WorkerJSON | undefined;
}

/** A running flow: its state, its actors, and its status. */
export class FlowWorker implements WorkerCore, EngineHost, JobHost, WorkbenchHost {
  readonly id: string;
  readonly plan: FlowPlan;
  readonly settings: RunSettings;
  readonly limits: FlowLimits;
  readonly book: JobBook;
  readonly state: FlowState;
  readonly engine: Engine;
  readonly traffic: Traffic;
  readonly dispatcher: Dispatcher;
  readonly breakpoints: Breakpoints;
  readonly handle: Worker;
  readonly root: Invocation;
  readonly journal: Journal | undefined = undefined;
  /** Why it failed. */
  error: unknown;
  readonly #options: FlowWorkerOptions;
  readonly #actors: RunActors;
  readonly #defects: DefectListener;
  readonly #desk: JobDesk;
  readonly #office: PostOffice;
  readonly #bench: Workbench;
  /** Until all that is at work has come to rest. */
  #quietWaiters: (() => void)[] = [];
  #endWaiters: (() => void)[] = [];
  #onResume: (() => void)[] = [];
  #holds = 0;
  #startedAt = 0;
  #drainReason: unknown;
  #isEnding = false;

  constructor(options: FlowWorkerOptions) {
    const { id, plan, settings, self, limits, book } = options;
    this.#options = options;
    this.id = id;
    this.plan = plan;
    this.settings = settings;
    this.limits = limits;
    this.book = book;
    this.state = new FlowState(plan, this);
    this.traffic = new Traffic(this.state);
    this.breakpoints = new Breakpoints(this);
    this.handle = new WorkerHandle(this);
    this.#actors = new RunActors(self, false);
    const ids = new InvocationIds(settings.runId);
    this.#defects = {
      ownsRequest: (requestId) => ids.ordinalOfRequest(requestId) !== -1,
      onDefect: (error) => this.fail(error),
    };
    this.#actors.add(this.#defects);
    this.engine = new Engine({
      settings,
      actors: this.#actors,
      host: this,
      log: new WorkerLog(this.state),
      ids,
      deadlines: new Set<Deadline>(),
    });
    if (options.past !== undefined) loadSnapshot(this.state, options.past, this);
    this.#desk = new JobDesk(this);
    this.#office = new PostOffice(this, this.#desk);
    this.#bench = new Workbench(this, { desk: this.#desk, office: this.#office, host: this });
    const { clock, slots } = settings;
    const { routines: records } = this.state;
    this.dispatcher = new Dispatcher({ records, clock, slots, host: this.#bench });
    this.root = this.engine.coordinator.openRoot({
      node: createWorkerNode(plan.name),
      input: undefined,
      parent: undefined,
      scope: new ContextScope(settings.context),
      isSync: false,
    });
  }

  get status(): WorkerStatus {
    const { value }: { value: WorkerStatus } = this.#options.self.getSnapshot();
    return value;
  }

  /** Whether it has ended, or is ending. */
  get isOver(): boolean {
    const { status } = this;
    return status === 'stopped' || status === 'failed' || this.root.hasEnded;
  }

  /** Whether routines may be activated. */
  get isOpen(): boolean {
    const { status } = this;
    return this.#holds === 0 && (status === 'running' || status === 'draining');
  }

  /** Whether it takes posts. */
  get takesPosts(): boolean {
    const { status } = this;
    return status !== 'draining' && !this.isOver;
  }

  /** The questions of its routines that wait for a person. */
  get pauses(): readonly PauseInfo[] {
    return this.engine.questions.pauses;
  }

  begin(): void {
    const { publisher, coordinator } = this.engine;
    this.#startedAt = this.now();
    if (publisher.isObserved) {
      const span = { spanId: this.root.nodeId, parentSpanId: null };
      publisher.publish(
        { type: 'RunStart', ...span, target: this.plan.name, inputs: undefined },
        this.#startedAt,
      );
    }
    coordinator.start(this.root);
    for (const { id, timeLeftMs } of this.#options.past?.jobs ?? []) {
      const job = this.state.jobs.get(id);
      if (job !== undefined) this.#desk.open(job, timeLeftMs);
    }
    this.#options.self.send({ type: 'OPEN' });
    // Whoever has started it looks first.
    if (this.#options.past !== undefined) afterThisTurn(() => this.#goOnFromPast());
  }

  /** What it holds just now, as JSON. */
  snapshot(): WorkerJSON {
    return snapshotOf(this.id, this.state, (job) => this.#desk.timeLeftOf(job));
  }

  /** What was begun elsewhere is begun again. */
  #goOnFromPast(): void {
    if (this.isOver) return;
    for (const activation of this.state.activations.values())
      if (activation.host === undefined) this.#bench.restart(activation);
    for (const job of Array.from(this.state.jobs.values())) this.#desk.completeIfDone(job);
    this.dispatcher.wakeAll();
    this.dispatcher.run();
  }

  /** Posts a message; see {@link PostOffice.post}. */
  post(request: PostRequest): FlowJob | Promise<FlowJob> {
    if (!this.takesPosts) throw stopped(this.id);
    const posted = this.#office.post(request);
    this.dispatcher.run();
    return posted;
  }

  /** Answers a question of a routine, of one job where one is given. */
  async respond(key: string, value: unknown, job?: FlowJob): Promise<void> {
    const within =
      job === undefined
        ? undefined
        : (invocation: Invocation) =>
            isWithin(
              invocation,
              job.activations.map((each) => each.invocation),
            );
    await this.engine.questions.respond(key, value, within);
  }

  pause(_reason?: unknown): Promise<void> {
    if (this.status === 'running') {
      this.#options.self.send({ type: 'PAUSE' });
      this.#desk.holdDeadlines(true);
    }
    return this.quiet();
  }

  resume(): void {
    if (this.status !== 'paused') return;
    this.#options.self.send({ type: 'RESUME' });
    this.#goOn();
  }

  /** Resolves when no body works: none runs, or all wait for a person, for room, or for their next attempt. */
  quiet(): Promise<void> {
    if (this.#isQuiet) return Promise.resolve();
    return new Promise((resolve) => this.#quietWaiters.push(resolve));
  }

  /** Starts nothing more until the function that is returned is called. */
  hold(): () => void {
    this.#holds += 1;
    return () => {
      this.#holds -= 1;
      if (this.#holds === 0 && this.isOpen) this.#goOn();
    };
  }

  /** `isHard`: without what is left to be drained. */
  stop({
    drain = false,
    reason = 'stopped',
    isHard = false,
  }: StopOptions & { isHard?: boolean } = {}): Promise<void> {
    if (this.isOver) return this.ended();
    if (drain) this.#drain(reason);
    else if (isHard || this.status !== 'draining') this.#stopNow(reason);
    return this.ended();
  }

  /** The jobs that a request works for. */
  jobsOf(requestId: string): readonly FlowJob[] {
    const asking = this.engine.coordinator.find(requestId);
    if (asking === undefined) return [];
    for (const { invocation, jobs } of this.state.activations.values())
      if (isWithin(asking, [invocation])) return jobs;
    return [];
  }

  /** Drops a message that a breakpoint holds. */
  dropParked(rule: BreakpointRule, id: number): void {
    const mail = this.breakpoints.drop(rule, id);
    for (const job of mail?.jobs ?? []) this.#desk.completeIfDone(job);
    this.onSettled();
    this.#advanceDrain();
  }

  fail(error: unknown): void {
    if (this.isOver || this.#isEnding) return;
    this.#isEnding = true;
    this.error = error;
    this.#office.refusePosts();
    this.#desk.endAll('failed', error);
    this.#close('FAIL', error);
  }

  /** Resolves when it has ended. */
  ended(): Promise<void> {
    const { status } = this;
    if (status === 'stopped' || status === 'failed') return Promise.resolve();
    return new Promise((resolve) => this.#endWaiters.push(resolve));
  }

  /** The state of a routine, as it is now. */
  stateOf(name: string): Readonly<Record<string, unknown>> {
    const planned = this.plan.find(name);
    if (planned === undefined)
      throw new UnknownRoutineError(`Flow "${this.plan.name}" has no routine "${name}"`, {
        hint: didYouMean(
          name,
          this.plan.routines.map((each) => each.name),
        ),
      });
    const state = this.state.routines[planned.index]?.state ?? new Map<string, unknown>();
    return recordOf(Object.fromEntries(state)) as Readonly<Record<string, unknown>>; // a record stays one
  }

  /** The states of all routines, by name. */
  allStates(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
    return Object.fromEntries(this.plan.routines.map(({ name }) => [name, this.stateOf(name)]));
  }

  now(): number {
    return this.settings.clock.now();
  }

  append(message: FlowMessage, fields?: StoredFields): void {
    this.journal?.append(message, fields);
    this.engine.keeper.append(message);
  }

  cancelJob(job: FlowJob, reason: unknown): boolean {
    return this.#desk.cancel(job, reason);
  }

  setJobValue(job: FlowJob, key: string, value: unknown): void {
    if (job.hasEnded) throw new CancelledError('The job has ended');
    const stored = this.journal?.prepare(value, this.plan.name);
    this.append(
      { type: 'JobValue', job: job.id, key, value, time: this.now() },
      stored === undefined ? undefined : { value: stored },
    );
  }

  onJobStarted(job: FlowJob): void {
    this.book.onStarted(job);
  }

  onDispatched(): void {
    if (this.traffic.isBusy) this.#office.breakRing();
    this.#advanceDrain();
  }

  onSettled(): void {
    if (this.#quietWaiters.length > 0 && this.#isQuiet) {
      const waiters = this.#quietWaiters;
      this.#quietWaiters = [];
      for (const goOn of waiters) goOn();
    }
    this.#advanceDrain();
  }

  // ---- What the engine says.

  onStarted(invocation: Invocation): void {
    if (invocation !== this.root) this.engine.run(invocation);
  }

  onEnded(invocation: Invocation): void {
    this.engine.release(invocation);
  }

  onBodyFailed(invocation: Invocation, error: unknown): void {
    this.engine.performer.onFailure(invocation, error);
  }

  withdrawQuestions(invocation: Invocation): void {
    this.engine.withdrawQuestions(invocation);
  }

  onFailed(): void {
    // What a failure leads to is said by the routine's policy.
  }

  onRootEnded(_event: EndEvent, _outcome: Outcome): void {
    // It is ended by the worker itself.
  }

  onIdle(): void {
    // A worker is never done by itself.
  }

  onBusy(): void {
    // See `onIdle`.
  }

  onDelayed(): void {
    this.onSettled();
  }

  /** What was put off while it is paused goes on when it is resumed. */
  whenOpen(goOn: () => void): void {
    if (this.isOpen || this.isOver) goOn();
    else this.#onResume.push(goOn);
  }

  onWaitingChanged(invocation: Invocation): void {
    invocation.attempt?.holdDeadline(invocation.openQuestions > 0);
    this.engine.coordinator.recount(invocation);
    this.onSettled();
    this.#options.self.send({ type: 'UPDATE' });
  }

  stopIfLate(): boolean {
    return false;
  }

  get #isQuiet(): boolean {
    for (const activation of this.state.activations.values()) if (!isStill(activation)) return false;
    return true;
  }

  #goOn(): void {
    this.#desk.holdDeadlines(false);
    const putOff = this.#onResume;
    this.#onResume = [];
    for (const goOn of putOff) goOn();
    this.dispatcher.wakeAll();
    this.dispatcher.run();
  }

  #drain(reason: unknown): void {
    this.#drainReason = reason;
    if (this.status === 'draining') return;
    this.#options.self.send({ type: 'DRAIN' });
    this.#office.refusePosts();
    this.#goOn();
  }

  /** What is left when nothing goes on by itself: flushes one routine after the other, senders first, and then ends. */
  #advanceDrain(): void {
    if (
      this.status !== 'draining' ||
      this.isOver ||
      this.#isEnding ||
      !this.#isQuiet ||
      this.dispatcher.isBusy
    )
      return;
    const activations = [...this.state.activations.values()];
    // Another attempt will come by itself.
    if (activations.some(({ invocation }) => invocation?.backoff !== undefined)) return;
    const next = this.state.routines
      .filter(({ plan, mailboxes }) => plan.policy.flush && mailboxes.some(({ size }) => size > 0))
      .filter(({ plan, running }) => running < plan.concurrency)
      .toSorted((a, b) => a.plan.rank - b.plan.rank)[0];
    if (next === undefined) this.#stopNow(this.#drainReason);
    else this.dispatcher.flush(next.plan.index);
  }

  #stopNow(reason: unknown): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#office.refusePosts();
    this.#desk.endAll('cancelled', new CancelledError(reason));
    this.#close('STOP', undefined);
  }

  #close(type: 'STOP' | 'FAIL', error: unknown): void {
    const { coordinator, publisher } = this.engine;
    const wasDraining = this.status === 'draining';
    this.dispatcher.clear();
    const cancelled = new CancelledError(error ?? 'The worker was stopped');
    const putOff = this.#onResume;
    this.#onResume = [];
    coordinator.stop(this.root, { error: cancelled, signalReason: cancelled });
    for (const goOn of putOff) goOn();
    const status = type === 'FAIL' ? 'failed' : wasDraining ? 'completed' : 'cancelled';
    const time = this.now();
    if (publisher.isObserved) {
      const span = { spanId: this.root.nodeId, parentSpanId: null };
      const failure = error === undefined ? {} : { error };
      const durationMs = time - this.#startedAt;
      publisher.publish({ type: 'RunEnd', ...span, status, outputs: {}, durationMs, ...failure }, time);
    }
    this.#actors.remove(this.#defects);
    this.#options.self.send({ type, error });
    this.onSettled();
    this.#options.onEnded();
    const waiters = this.#endWaiters;
    this.#endWaiters = [];
    for (const goOn of waiters) goOn();
  }
}

function stopped(id: string): WorkerStoppedError {
  return new WorkerStoppedError(`Worker "${id}" takes no more posts`, {
    hint: 'Post to another worker of the flow, or start one with `exec`.',
  });
}

/** Whether an invocation is one of these, or below one. */
function isWithin(invocation: Invocation, tops: readonly (Invocation | undefined)[]): boolean {
  for (let each: Invocation | undefined = invocation; each !== undefined; each = each.parent)
    if (tops.includes(each)) return true;
  return false;
}

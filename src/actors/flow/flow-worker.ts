import type { AnyActorRef } from 'xstate';
import { afterThisTurn } from '../../clock.ts';
import { isTroupeError } from '../../errors.ts';
import type { Worker, WorkerStatus } from '../../flow/contract.ts';
import type { FlowPlan } from '../../flow/plan.ts';
import { InvocationIds } from '../../ids.ts';
import type { FlowMessage } from '../../log/flow-messages.ts';
import type { JobJSON, WorkerJSON } from '../../log/worker-json.ts';
import { ContextScope } from '../context-store.ts';
import type { Deadline } from '../deadline.ts';
import { Engine, type EngineHost } from '../engine.ts';
import type { Invocation } from '../invocation.ts';
import type { Journal, StoredFields } from '../journal.ts';
import { WorkerActors } from '../run-actors.ts';
import type { PauseInfo, RunSettings } from '../settings.ts';
import { Breakpoints, type BreakpointRule } from './breakpoints.ts';
import { Dispatcher } from './dispatcher.ts';
import { WorkerDurability, type OpenedWorker } from './durable-worker.ts';
import type { FlowJob, JobHost } from './flow-job.ts';
import type { FlowMeter } from './flow-meter.ts';
import { FlowState } from './flow-state.ts';
import { JobDesk } from './job-desk.ts';
import { PostOffice, workerStopped, type PostRequest } from './post-office.ts';
import { isStill, isWithin } from './stillness.ts';
import { readBack } from './read-back.ts';
import { snapshotOf } from './snapshot.ts';
import { Traffic } from './traffic.ts';
import { Workbench, type WorkbenchHost } from './workbench.ts';
import type { FlowLimits, JobBook, WorkerCore } from './worker-core.ts';
import { Rest } from './rest.ts';
import { createWorkerNode } from './routine-node.ts';
import { WorkerEnding, type EndingHost, type StopOrder } from './worker-ending.ts';
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
  /** Whether somebody may watch its actors. */
  readonly isInspected?: boolean;
  /** Counts what its routines do. */
  readonly meter?: FlowMeter | undefined;
  /** What it goes on from. */
  readonly past?: WorkerJSON | undefined;
  /** Reads what is stored of a durable worker. */
  readonly open?: (() => Promise<OpenedWorker>) | undefined;
}

/** A running flow: its state, its actors, and its status. */
export class FlowWorker implements WorkerCore, EngineHost, JobHost, WorkbenchHost, EndingHost {
  readonly id: string;
  readonly plan: FlowPlan;
  readonly settings: RunSettings;
  readonly limits: FlowLimits;
  readonly book: JobBook;
  readonly meter: FlowMeter | undefined;
  readonly state: FlowState;
  readonly engine: Engine;
  readonly traffic: Traffic;
  readonly dispatcher: Dispatcher;
  readonly breakpoints: Breakpoints;
  readonly handle: Worker;
  /** What all activations are calls of; undefined before it has begun. */
  root: Invocation | undefined;
  /** Why it is paused. */
  pauseReason: unknown;
  /** When it began. */
  startedAt: number | undefined;
  readonly #options: FlowWorkerOptions;
  readonly #actors: WorkerActors;
  readonly #ids: InvocationIds;
  readonly #desk: JobDesk;
  readonly #office: PostOffice;
  readonly #bench: Workbench;
  readonly #ending: WorkerEnding;
  readonly #rest = new Rest(
    () => this.isQuiet,
    () => this.#ending.advance(),
  );
  #onResume: (() => void)[] = [];
  #isUpdateDue = false;
  #holds = 0;
  readonly #durability: WorkerDurability | undefined;
  #opening: Promise<void> | undefined;

  constructor(options: FlowWorkerOptions) {
    const { id, plan, settings, self, limits, book } = options;
    this.#options = options;
    this.id = id;
    this.plan = plan;
    this.settings = settings;
    this.limits = limits;
    this.book = book;
    this.meter = options.meter;
    this.state = new FlowState(plan, this);
    this.traffic = new Traffic(this.state);
    this.breakpoints = new Breakpoints(this);
    this.handle = new WorkerHandle(this);
    this.#actors = new WorkerActors({
      parent: self,
      isShown: options.isInspected === true,
      onDefect: (_requestId, error) => this.fail(error),
    });
    const ids = new InvocationIds(settings.runId);
    this.#ids = ids;
    this.engine = new Engine({
      settings,
      actors: this.#actors,
      host: this,
      log: new WorkerLog(this.state, options.meter),
      ids,
      deadlines: new Set<Deadline>(),
    });
    this.#durability = options.open === undefined ? undefined : new WorkerDurability(this);
    this.state.keepsSent = this.isDurable;
    this.#desk = new JobDesk(this);
    this.#office = new PostOffice(this, this.#desk);
    this.#bench = new Workbench(this, { desk: this.#desk, office: this.#office, host: this });
    const parts = { desk: this.#desk, office: this.#office, durability: this.#durability };
    this.#ending = new WorkerEnding(this, this, parts);
    const { clock, slots } = settings;
    const { routines: records } = this.state;
    this.dispatcher = new Dispatcher({ records, clock, slots, host: this.#bench });
  }

  get journal(): Journal | undefined {
    return this.#durability?.journal;
  }

  get isDurable(): boolean {
    return this.#durability !== undefined;
  }

  /** Why it failed. */
  get error(): unknown {
    return this.#ending.error;
  }

  get status(): WorkerStatus {
    const { value }: { value: WorkerStatus } = this.#options.self.getSnapshot();
    return value;
  }

  /** Whether it has ended, or is ending. */
  get isOver(): boolean {
    const { status } = this;
    return status === 'stopped' || status === 'failed' || this.root?.hasEnded === true;
  }

  /** Whether routines may be activated. */
  get isOpen(): boolean {
    const { status } = this;
    return this.#holds === 0 && (status === 'running' || status === 'draining');
  }

  /** Whether it takes posts. */
  get takesPosts(): boolean {
    const { status } = this;
    return status !== 'draining' && !this.isOver && !this.#ending.hasBegun;
  }

  /** The questions of its routines that wait for a person. */
  get pauses(): readonly PauseInfo[] {
    return this.engine.questions.pauses;
  }

  begin(): void {
    const { open, past } = this.#options;
    if (past !== undefined) readBack({ past, messages: [] }, this.#readable);
    if (open === undefined) this.#begin(past?.jobs);
    else this.#opening = this.#open(open);
  }

  async #open(read: () => Promise<OpenedWorker>): Promise<void> {
    try {
      const opened = await read();
      if (this.isOver) {
        await opened.journal.detach();
        return;
      }
      readBack(opened, this.#readable);
      this.#durability?.begin(opened);
      this.#begin(this.state.jobs.values().map(({ id }) => ({ id })));
    } catch (error) {
      this.fail(error);
    }
    this.#opening = undefined;
  }

  get #readable() {
    return { state: this.state, book: this.book, host: this };
  }

  /** `jobs`: those that go on. */
  #begin(jobs: readonly Pick<JobJSON, 'id' | 'timeLeftMs'>[] | undefined): void {
    const { publisher, coordinator } = this.engine;
    this.startedAt = this.now();
    if (publisher.isObserved) {
      const span = { spanId: this.#ids.nodeId(0), parentSpanId: null };
      publisher.publish(
        { type: 'RunStart', ...span, target: this.plan.name, inputs: undefined },
        this.startedAt,
      );
    }
    this.root = coordinator.openRoot({
      node: createWorkerNode(this.plan.name),
      input: undefined,
      parent: undefined,
      scope: new ContextScope(this.settings.context),
      isSync: false,
    });
    coordinator.start(this.root);
    for (const { id, timeLeftMs } of jobs ?? []) {
      const job = this.state.jobs.get(id);
      if (job !== undefined) this.#desk.open(job, timeLeftMs);
    }
    this.#options.self.send({ type: 'OPEN' });
    // Whoever has started it looks first.
    if (jobs !== undefined) afterThisTurn(() => this.#goOnFromPast());
    else if (this.state.queued > 0) this.goOn();
  }

  /** What it holds just now, as JSON. */
  snapshot(): WorkerJSON {
    return snapshotOf(this, (job) => this.#desk.timeLeftOf(job));
  }

  /** What was begun elsewhere is begun again. */
  #goOnFromPast(): void {
    if (this.isOver) return;
    this.breakpoints.releaseForgotten();
    for (const activation of this.state.activations.values())
      if (activation.host === undefined) this.#bench.restart(activation);
    this.#desk.endDone();
    this.dispatcher.wakeAll();
    this.dispatcher.run();
  }

  /** Posts a message; see {@link PostOffice.post}. */
  post(request: PostRequest): FlowJob | Promise<FlowJob> {
    if (!this.takesPosts)
      throw this.startedAt === undefined && this.error !== undefined ? this.error : workerStopped(this.id);
    if (this.#opening !== undefined)
      return this.#opening.then(() => {
        request.assertNew();
        return this.post(request);
      });
    const posted = this.#office.post(request);
    this.dispatcher.run();
    return this.journal === undefined ? posted : this.#written(posted);
  }

  /** A post is accepted when it is written. */
  async #written(posted: FlowJob | Promise<FlowJob>): Promise<FlowJob> {
    const job = await posted;
    await this.#durability?.written();
    return job;
  }

  /** Answers a question of a routine, of one job where one is given. */
  async respond(key: string, value: unknown, job?: FlowJob): Promise<void> {
    const asks = (asker: Invocation): boolean =>
      job === undefined || job.activations.some(({ invocation }) => isWithin(asker, invocation));
    await this.engine.questions.respond(key, value, asks);
  }

  pause(reason?: unknown): Promise<void> {
    if (this.#opening !== undefined) return this.#opening.then(() => this.pause(reason));
    if (this.status === 'running') {
      this.pauseReason = reason;
      this.#options.self.send({ type: 'PAUSE' });
      this.#desk.holdDeadlines(true);
    }
    return this.quiet();
  }

  resume(): void {
    if (this.status !== 'paused') return;
    this.pauseReason = undefined;
    this.#options.self.send({ type: 'RESUME' });
    this.goOn();
  }

  /** Resolves when no body works: none runs, or all wait for a person, for room, or for their next attempt. */
  quiet(): Promise<void> {
    return this.#rest.quiet();
  }

  /** Starts nothing more until the function that is returned is called. */
  hold(): () => void {
    this.#holds += 1;
    return () => {
      this.#holds -= 1;
      if (this.#holds === 0 && this.isOpen) this.goOn();
    };
  }

  stop(order: StopOrder = {}): Promise<void> {
    if (this.#opening !== undefined) return this.#opening.then(() => this.stop(order));
    if (!this.isOver) this.#ending.stop(order);
    return this.#ending.ended();
  }

  /** Jobs have come, or have ended. */
  onJobsChanged(): void {
    if (!this.#isUpdateDue) {
      this.#isUpdateDue = true;
      queueMicrotask(() => {
        this.#isUpdateDue = false;
        if (!this.isOver) this.#options.self.send({ type: 'UPDATE' });
      });
    }
  }

  /** The jobs that a request works for. */
  jobsOf(requestId: string): readonly FlowJob[] {
    const asking = this.engine.coordinator.find(requestId);
    if (asking === undefined) return [];
    for (const { invocation, jobs } of this.state.activations.values())
      if (isWithin(asking, invocation)) return jobs;
    return [];
  }

  /** Drops a message that a breakpoint holds. */
  dropParked(rule: BreakpointRule, id: number): void {
    const mail = this.breakpoints.drop(rule, id);
    for (const job of mail?.jobs ?? []) this.#desk.completeIfDone(job);
    this.onSettled();
  }

  fail(error: unknown): void {
    this.#ending.fail(error);
  }

  /** Resolves when it has been read what is stored of it. */
  async opened(): Promise<void> {
    await this.#opening;
  }

  now(): number {
    return this.settings.clock.now();
  }

  append(message: FlowMessage, fields?: StoredFields): void {
    this.#durability?.append(message, fields);
    this.engine.keeper.append(message);
    this.#durability?.onAppended();
  }

  cancelJob(job: FlowJob, reason: unknown): boolean {
    return this.#desk.cancel(job, reason);
  }

  setJobValue(job: FlowJob, key: string, value: unknown): void {
    if (job.hasEnded) {
      (job.values ??= new Map()).set(key, value);
      return;
    }
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
    this.onSettled();
  }

  onSettled(): void {
    if (this.#rest.isAwaited || this.status === 'draining') this.#rest.check();
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

  /** What a failure leads to is said by the routine's policy, unless it is fatal. */
  onFailed(invocation: Invocation, error: unknown): void {
    if (invocation.activation === undefined && isTroupeError(error, 'FATAL'))
      this.#bench.failAround(invocation, error);
  }

  onRootEnded(): void {
    // It is ended by the worker itself.
  }

  onIdle(): void {
    // A worker is never done by itself.
  }

  onBusy(): void {
    // See `onIdle`.
  }

  /** It may still wait for another of its emits: then its place is needed to make room. */
  onResumed({ activation }: Invocation): void {
    const resumed = activation === undefined ? undefined : this.state.activations.get(activation.id);
    if (resumed !== undefined && (resumed.emissions?.waiting ?? 0) > 0)
      afterThisTurn(() => this.#bench.giveWay(resumed));
  }

  onDelayed({ activation, attempt, backoffUntil }: Invocation): void {
    // One that goes on where it was put off has said so.
    if (activation !== undefined && attempt !== undefined) {
      const next = { attempt: attempt.number + 1, at: backoffUntil };
      this.append({ type: 'RoutineRetry', activation: activation.id, ...next, time: this.now() });
    }
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
    this.#desk.watchWaiting(this.jobsOf(invocation.requestId));
    this.onSettled();
    this.#options.self.send({ type: 'UPDATE' });
  }

  stopIfLate(): boolean {
    return false;
  }

  get isQuiet(): boolean {
    for (const activation of this.state.activations.values()) if (!isStill(activation)) return false;
    return true;
  }

  goOn(): void {
    this.#desk.holdDeadlines(false);
    this.releasePutOff();
    this.dispatcher.wakeAll();
    this.dispatcher.run();
  }

  releasePutOff(): void {
    const putOff = this.#onResume;
    this.#onResume = [];
    for (const goOn of putOff) goOn();
  }

  move(type: 'DRAIN' | 'STOP' | 'FAIL', error?: unknown): void {
    const { status }: { status: string } = this.#options.self.getSnapshot();
    if (status === 'active') this.#options.self.send({ type, error });
  }

  retire(): void {
    this.#actors.close();
    this.onSettled();
    this.#options.onEnded();
  }
}

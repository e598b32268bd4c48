import type { AnyActorRef } from 'xstate';
import { afterThisTurn } from '../clock.ts';
import { CancelledError, isTroupeError, RunTimeoutError } from '../errors.ts';
import { recordOf } from '../clone.ts';
import { RunHistory } from '../log/run-history.ts';
import type { RunEndMessage, RunStatus } from '../log/messages.ts';
import type { AnyNode } from '../nodes/contract.ts';
import { ContextScope } from './context-store.ts';
import type { Coordinator } from './coordinator.ts';
import { Deadline } from './deadline.ts';
import { RunDurability, type DurableRun } from './durable-run.ts';
import type { EndEvent, Invocation, Outcome } from './invocation.ts';
import type { Publisher } from './publisher.ts';
import { RunActors } from './run-actors.ts';
import type { Questions } from './questions.ts';
import { namedOutputs } from './reporter.ts';
import { Engine, type EngineHost } from './engine.ts';
import { endOf, type EndStatus, type RunEnd, type RunListener } from './run-end.ts';
import type { PauseInfo, RunSettings } from './settings.ts';
import type { StateKeeper } from './state-keeper.ts';

/** What makes a run. */
export interface RunOptions {
  readonly target: AnyNode;
  /** Checked, with defaults. */
  readonly input: unknown;
  readonly settings: RunSettings;
  /** The run's own actor. */
  readonly self: AnyActorRef;
  readonly listener: RunListener;
  /** The actors that it shares with other runs; without them it has its own. */
  readonly actors?: RunActors | undefined;
  /** What makes it durable. */
  readonly durable?: DurableRun | undefined;
}

/** One run: its log, its actors, and its status. */
export class Run implements EngineHost {
  readonly target: AnyNode;
  readonly settings: RunSettings;
  readonly history: RunHistory;
  /** How it ended, once it has. */
  end: RunEnd | undefined;
  readonly #options: RunOptions;
  readonly #actors: RunActors;
  readonly #engine: Engine;
  readonly #keeper: StateKeeper;
  readonly #publisher: Publisher;
  readonly #coordinator: Coordinator;
  readonly #questions: Questions;
  readonly #deadlines = new Set<Deadline>();
  #deadline: Deadline | undefined;
  #root: Invocation | undefined;
  #stopping: { readonly status: EndStatus; readonly error: unknown } | undefined;
  #isPaused = false;
  #isPauseDue = false;
  #startedAt = 0;
  readonly #durability: RunDurability | undefined;
  /** Until everything recorded has been given out, the run is at work. */
  #endReplay: (() => void) | undefined;

  constructor(options: RunOptions) {
    const { settings, target, self: parent } = options;
    const { runId, redact } = settings;
    this.#options = options;
    this.target = target;
    this.settings = settings;
    this.history = new RunHistory(runId, redact);
    const { log } = this.history;
    this.#durability = this.#durabilityOf(options.durable);
    const { journal, replay } = this.#durability ?? { journal: undefined, replay: undefined };
    this.#actors = options.actors ?? new RunActors(parent, false);
    this.#actors.add(this);
    const engine = new Engine({
      settings,
      actors: this.#actors,
      host: this,
      log,
      ids: log.ids,
      deadlines: this.#deadlines,
      journal,
      replay,
    });
    this.#engine = engine;
    this.#keeper = engine.keeper;
    this.#publisher = engine.publisher;
    this.#coordinator = engine.coordinator;
    this.#questions = engine.questions;
    for (const [key, value] of this.#durability?.keptAnswers ?? []) this.#questions.keep(key, value);
    for (const key of replay?.record.answeredKeys() ?? []) this.#questions.noteAnswered(key);
  }

  get status(): RunStatus {
    if (this.end !== undefined) return this.end.status;
    return this.#isPaused ? 'paused' : 'running';
  }

  /** The questions that wait for a person. */
  get pauses(): readonly PauseInfo[] {
    return this.#questions.pauses;
  }

  /** What the root has produced so far, by name: of a graph that has not completed. */
  get produced(): Readonly<Record<string, unknown>> {
    return this.#root?.graph?.produced ?? {};
  }

  /** Starts the root. */
  begin(): void {
    if (this.#root !== undefined || this.end !== undefined) return;
    const { settings, target } = this;
    const { clock, timeoutMs } = settings;
    const { input } = this.#options;
    this.#startedAt = clock.now();
    const recorded = recordOf(input);
    this.#logStart(recorded);
    if (this.#publisher.isObserved) {
      const span = { spanId: this.history.log.ids.nodeId(0), parentSpanId: null };
      this.#publisher.publish(
        { type: 'RunStart', ...span, target: target.name, inputs: recorded },
        this.#startedAt,
      );
    }
    if (timeoutMs !== null) this.#limit(timeoutMs);
    const ended = this.#durability?.replay?.record.invocations[0]?.end;
    // It had ended, and the run had no time to say so.
    if (ended === undefined) this.#startRoot();
    else this.#conclude(endOf(ended));
  }

  #startRoot(): void {
    const { context, isSync, signal } = this.settings;
    const replay = this.#durability?.replay;
    const scope = new ContextScope(context);
    if (replay !== undefined) this.#endReplay = this.#coordinator.occupy();
    const { target: node } = this;
    const { input } = this.#options;
    this.#root = this.#coordinator.openRoot({ node, input, parent: undefined, scope, isSync });
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    const fatal = replay?.record.fatal;
    if (signal?.aborted === true) this.#onAbort();
    else if (fatal !== undefined) this.#fail(fatal.error);
    else {
      this.#coordinator.start(this.#root);
      replay?.begin();
    }
  }

  /** Answers a question. Rejects with the typed error where the answer is not taken. */
  async respond(key: string, value: unknown): Promise<void> {
    await this.#questions.respond(key, value);
    await this.#keeper.journal?.flush();
  }

  /** Answers a question, or keeps the answer for it until it is asked. */
  async offer(key: string, value: unknown): Promise<void> {
    if (this.#questions.isAsked(key)) {
      await this.respond(key, value);
      return;
    }
    const fields = { value: this.#keeper.journal?.prepare(value, this.target.name) };
    this.#questions.keep(key, value);
    const time = this.settings.clock.now();
    this.#keeper.append(
      { type: 'AnswerKept', key, value: recordOf(value), time },
      fields.value === undefined ? undefined : { value: fields.value },
    );
  }

  /** Whether the workflow is still where this run has left it when it paused; from here nobody else may run it. */
  async retake(): Promise<boolean> {
    return (await this.#keeper.journal?.retake()) ?? true;
  }

  /** Lets others go on with it, where it is still paused. */
  async release(): Promise<void> {
    if (this.#isPaused) await this.#keeper.journal?.flush({ releases: true });
  }

  /** Ends without a trace: the workflow stays as it is, for others to resume. False for a run that is not durable. */
  detach(reason: unknown): boolean {
    if (this.#durability === undefined || this.end !== undefined) return false;
    this.#durability.detach();
    this.cancel(reason);
    return true;
  }

  /** Cancels the run; false when it had ended, or was being stopped. */
  cancel(reason: unknown): boolean {
    const error = new CancelledError(reason);
    return this.#stop('cancelled', error, error);
  }

  /** Cancels one request with everything below it; false when it had ended. */
  cancelRequest(requestId: string, reason: unknown): boolean {
    const invocation = this.#coordinator.find(requestId);
    if (invocation === undefined) return false;
    if (invocation === this.#root) return this.cancel(reason);
    const error = new CancelledError(reason);
    this.#coordinator.stop(invocation, { error, signalReason: error });
    return true;
  }

  /** Resolves when the observers of this run have handled every event so far. */
  drained(): Promise<void> {
    return this.#publisher.drained();
  }

  onStarted(invocation: Invocation): void {
    this.#engine.run(invocation);
  }

  onEnded(invocation: Invocation): void {
    this.#engine.release(invocation);
  }

  onBodyFailed(invocation: Invocation, error: unknown): void {
    this.#engine.performer.onFailure(invocation, error);
  }

  withdrawQuestions(invocation: Invocation): void {
    this.#engine.withdrawQuestions(invocation);
  }

  onFailed(invocation: Invocation, error: unknown): void {
    if (invocation === this.#root) return;
    const stopsAll = this.settings.onError === 'stopAll' || isTroupeError(error, 'FATAL');
    if (stopsAll) this.#stop('failed', error, new CancelledError(error));
  }

  onRootEnded(event: EndEvent, outcome: Outcome): void {
    if (this.#stopping !== undefined) this.#conclude({ ...this.#stopping, answer: undefined });
    else if (outcome.ok) this.#conclude({ status: 'completed', answer: outcome.value, error: undefined });
    else
      this.#conclude({
        status: event === 'CANCEL' ? 'cancelled' : 'failed',
        answer: undefined,
        error: outcome.error,
      });
  }

  onIdle(): void {
    if (this.end !== undefined || this.#isPaused || this.#isPauseDue || !this.#questions.isWaiting) return;
    // A body may be on its way to its next call; what is ready in this turn goes first.
    this.#isPauseDue = true;
    afterThisTurn(() => {
      this.#isPauseDue = false;
      this.#pauseIfIdle();
    });
  }

  onBusy(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    for (const deadline of this.#deadlines) deadline.release();
    this.#keeper.append({ type: 'RunResume', time: this.settings.clock.now() });
    this.#options.self.send({ type: 'RESUME' });
  }

  ownsRequest(requestId: string): boolean {
    return this.history.log.ids.ordinalOfRequest(requestId) !== -1;
  }

  onDefect(error: unknown): void {
    this.#stop('failed', error, new CancelledError(error));
  }

  readonly #onAbort = (): void => void this.cancel(this.settings.signal?.reason);

  #durabilityOf(durable: DurableRun | undefined): RunDurability | undefined {
    if (durable === undefined) return undefined;
    return new RunDurability(durable, {
      log: this.history.log,
      fail: (error) => this.#fail(error),
      onReplayed: () => this.#leaveReplay(),
    });
  }

  #leaveReplay(): void {
    this.#endReplay?.();
    this.#endReplay = undefined;
  }

  /** Ends because it cannot go on, whatever the nodes do. */
  #fail(error: unknown): void {
    this.#stop('failed', error, new CancelledError(error));
  }

  #logStart(input: unknown): void {
    const { runId } = this.settings;
    const beginning = this.#durability?.beginning;
    // That of a workflow that goes on is on record.
    if (this.#durability !== undefined && beginning === undefined) return;
    const about = { target: this.target.name, input, time: this.#startedAt };
    const durable = beginning === undefined ? {} : { durable: beginning.facts };
    const fields = beginning === undefined ? undefined : { given: beginning.given };
    this.#keeper.append({ type: 'RunStart', runId, ...about, ...durable }, fields);
  }

  #limit(timeoutMs: number): void {
    const { clock } = this.settings;
    this.#deadline = new Deadline({
      clock,
      limitMs: timeoutMs,
      group: this.#deadlines,
      onExpire: () => this.#timeOut(timeoutMs),
    });
  }

  #timeOut(timeoutMs: number): void {
    const error = new RunTimeoutError(timeoutMs);
    this.#stop('timedOut', error, new CancelledError(error), error);
  }

  stopIfLate(): boolean {
    const { timeoutMs } = this.settings;
    if (timeoutMs === null || this.#deadline?.isExpired !== true) return false;
    this.#timeOut(timeoutMs);
    return true;
  }

  #stop(
    status: EndStatus,
    error: unknown,
    requestError: CancelledError,
    signalReason: unknown = requestError,
  ): boolean {
    if (this.end !== undefined || this.#stopping !== undefined) return false;
    this.#stopping = { status, error };
    this.#durability?.replay?.stop();
    this.#leaveReplay();
    if (this.#root === undefined) this.#conclude({ status, error, answer: undefined });
    else this.#coordinator.stop(this.#root, { error: requestError, signalReason });
    return true;
  }

  #pauseIfIdle(): void {
    if (this.end !== undefined || this.#isPaused || !this.#coordinator.isIdle || !this.#questions.isWaiting)
      return;
    this.#isPaused = true;
    for (const deadline of this.#deadlines) deadline.hold();
    this.#keeper.append({ type: 'RunPause', time: this.settings.clock.now() });
    const { journal } = this.#keeper;
    if (journal === undefined) this.#showPause();
    else
      journal.flush({ releases: true }).then(
        () => this.#showPause(),
        () => undefined, // the journal has told
      );
  }

  #showPause(): void {
    if (!this.#isPaused || this.end !== undefined) return;
    this.#options.self.send({ type: 'PAUSE' });
    this.#options.listener.onPause();
  }

  onWaitingChanged(invocation: Invocation): void {
    const { attempt } = invocation;
    attempt?.holdDeadline(invocation.openQuestions > 0);
    this.#coordinator.recount(invocation);
    if (this.end === undefined) this.#options.self.send({ type: 'UPDATE' });
  }

  #conclude(end: RunEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    this.#deadline?.clear();
    this.settings.signal?.removeEventListener('abort', this.#onAbort);
    if (this.#durability === undefined) {
      this.#keeper.append(this.#endMessage(end));
      this.#announceEnd(end);
    } else void this.#writeEnd(end, this.#durability);
  }

  /** Nobody is told of the end before it is written; what cannot be written has not happened. */
  async #writeEnd(end: RunEnd, durability: RunDurability): Promise<void> {
    durability.cancelUnclaimed(this.#keeper, this.settings.clock.now());
    const message = this.#endMessage(end);
    let ended = end;
    try {
      await durability.writeEnd(message);
    } catch (error) {
      ended = { status: 'failed', answer: undefined, error };
    }
    this.end = ended;
    this.history.log.append(ended === end ? message : this.#endMessage(ended));
    this.#announceEnd(ended);
  }

  #endMessage({ status, answer, error }: RunEnd): RunEndMessage {
    return { type: 'RunEnd', status, answer: recordOf(answer), error, time: this.settings.clock.now() };
  }

  #announceEnd(end: RunEnd): void {
    const { status, answer, error } = end;
    const time = this.settings.clock.now();
    if (this.#publisher.isObserved) {
      const produced = status === 'completed' ? undefined : recordOf(this.produced);
      const outputs = produced ?? namedOutputs(this.target, recordOf(answer));
      const failure = error === undefined && status === 'completed' ? {} : { error };
      const span = { spanId: this.history.log.ids.nodeId(0), parentSpanId: null };
      this.#publisher.publish(
        { type: 'RunEnd', ...span, status, outputs, durationMs: time - this.#startedAt, ...failure },
        time,
      );
    }
    const waiting = this.#options.listener.beforeEnd();
    if (waiting === undefined) this.#finish(end);
    else void waiting.finally(() => this.#finish(end));
  }

  #finish(end: RunEnd): void {
    const { self, listener } = this.#options;
    this.#actors.remove(this);
    // The answer is for a parent of this actor; whoever inspects a runner sees what may be seen.
    const { emit, redact } = this.settings;
    const show = (value: unknown, path: string): unknown =>
      emit === undefined && redact !== undefined ? redact(value, path) : value;
    const type = END_EVENTS[end.status];
    self.send({ type, output: show(end.answer, 'output'), error: show(end.error, 'error') });
    listener.onEnd(end);
  }
}

const END_EVENTS = {
  completed: 'COMPLETE',
  failed: 'FAIL',
  cancelled: 'CANCEL',
  timedOut: 'TIME_OUT',
} as const;

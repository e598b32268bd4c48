import type { InvocationIds } from '../ids.ts';
import type { BodyHost } from './body-context.ts';
import { CacheDesk } from './cache-desk.ts';
import { Calls } from './calls.ts';
import type { CoordinatorSeat } from './coordinator-actor.ts';
import { Coordinator, type CoordinatorHost } from './coordinator.ts';
import type { Deadline } from './deadline.ts';
import type { Invocation } from './invocation.ts';
import type { Journal } from './journal.ts';
import { Performer } from './performer.ts';
import { Publisher } from './publisher.ts';
import { Questions } from './questions.ts';
import type { Replay } from './replay.ts';
import { Reporter } from './reporter.ts';
import type { RunSettings } from './settings.ts';
import { StateKeeper, type KeeperActor, type MessageSink } from './state-keeper.ts';

/** Whoever the invocations of an engine are run for. */
export interface EngineHost extends CoordinatorHost {
  /** An invocation waits for a person, or no longer does. */
  onWaitingChanged(invocation: Invocation): void;
  /** The next attempt of an invocation is put off. */
  onDelayed?(invocation: Invocation): void;
  /** Calls `goOn` when work that was put off may go on. */
  whenOpen?(goOn: () => void): void;
  /** Stops what is over time although the busy thread let no timer fire; whether it did. */
  stopIfLate(): boolean;
}

/** The actors that an engine works with. */
export interface EngineActors {
  readonly keeper: KeeperActor;
  readonly coordinator: CoordinatorSeat;
}

/** What an engine needs. */
export interface EngineOptions {
  readonly settings: RunSettings;
  readonly actors: EngineActors;
  readonly host: EngineHost;
  /** Where its messages go. */
  readonly log: MessageSink;
  readonly ids: InvocationIds;
  /** The time limits that stand still while nothing can go on. */
  readonly deadlines: Set<Deadline>;
  /** Of a durable workflow. */
  readonly journal?: Journal | undefined;
  /** Of one that goes on. */
  readonly replay?: Replay | undefined;
}

/** What runs invocations, put together: a coordinator, a state keeper, a publisher, and those who run bodies for them. */
export class Engine {
  readonly keeper: StateKeeper;
  readonly publisher: Publisher;
  readonly reporter: Reporter;
  readonly coordinator: Coordinator;
  readonly questions: Questions;
  readonly performer: Performer;
  /** Does what bodies ask for. */
  readonly bodyHost: BodyHost;
  readonly #desk: CacheDesk | undefined;

  constructor(options: EngineOptions) {
    const { settings, actors, host, log, ids, journal, replay } = options;
    const { runId, redact, clock, observers, emit, workflowId, sessionId } = settings;
    this.keeper = new StateKeeper({ actor: actors.keeper, log, redact, journal });
    const stamp = {
      runId,
      ...(workflowId === undefined ? {} : { workflowId }),
      ...(sessionId === undefined ? {} : { sessionId }),
    };
    this.publisher = new Publisher({ stamp, observers, redact, emit, journal });
    const reporter = new Reporter(this.keeper, this.publisher, () => clock.now(), replay);
    this.reporter = reporter;
    const { slots } = settings;
    const actor = actors.coordinator;
    const coordinator = new Coordinator({
      ids,
      reporter,
      clock,
      slots,
      redact,
      actor,
      host,
      journal,
      isKeyed: workflowId !== undefined || settings.keyBase !== undefined,
      replay,
    });
    this.coordinator = coordinator;
    const questions = new Questions(reporter, settings.interruptHandlers, {
      journal,
      replay,
      onTrouble: (err, key) => settings.logger.warn({ err, key }, 'An answer was not taken'),
      onWaitingChanged: (invocation) => host.onWaitingChanged(invocation),
      resume: (invocation, goOn) => coordinator.resume(invocation, goOn),
    });
    this.questions = questions;
    this.bodyHost = new Calls({ settings, coordinator, questions, reporter });
    const { cache } = settings;
    const desk = cache === undefined ? undefined : new CacheDesk({ settings, cache, reporter, coordinator });
    this.#desk = desk;
    this.performer = new Performer({
      settings,
      desk,
      reporter,
      coordinator,
      bodyHost: this.bodyHost,
      journal,
      replay,
      withdrawQuestions: (invocation) => this.withdrawQuestions(invocation),
      stopIfLate: () => host.stopIfLate(),
      host,
      deadlines: options.deadlines,
    });
  }

  /** Runs an invocation that has its place, or gives its result from the cache. */
  run(invocation: Invocation): void {
    if (this.#desk === undefined) this.performer.perform(invocation);
    else this.#desk.serve(invocation, () => this.performer.perform(invocation));
  }

  /** An invocation has ended. */
  release(invocation: Invocation): void {
    this.#desk?.release(invocation);
  }

  /** The invocation's open questions are void. */
  withdrawQuestions({ attempt }: Invocation): void {
    if (attempt !== undefined) this.questions.withdraw(attempt);
  }
}

import { createActor, type ActorLogic, type AnyActorRef, type NonReducibleUnknown } from 'xstate';
import type { AnySystem } from './chart-logic.ts';
import { CoordinatorActor, type CoordinatorSeat } from './coordinator-actor.ts';
import { KeeperActor } from './state-keeper.ts';
import { stopActor } from './stop-actor.ts';

/** Hears of an actor of its own that broke in a way that no chart knows. */
export interface DefectListener {
  ownsRequest(requestId: string): boolean;
  onDefect(error: unknown): void;
}

/** The coordinator's and the state keeper's actors, of one run, or of several that nobody inspects. */
export class RunActors {
  readonly keeper: KeeperActor;
  readonly coordinator: CoordinatorActor;
  readonly #runs = new Set<DefectListener>();
  #isOpen: boolean;

  /** `isOpen`: more runs may be added. */
  constructor(parent: AnyActorRef, isOpen: boolean) {
    this.#isOpen = isOpen;
    this.keeper = new KeeperActor(parent);
    const isShown = !isOpen;
    this.coordinator = new CoordinatorActor(parent, isShown, (requestId, error) => {
      for (const run of this.#runs) if (run.ownsRequest(requestId)) run.onDefect(error);
    });
  }

  add(run: DefectListener): void {
    this.#runs.add(run);
  }

  /** A run has ended; with the last one its actors end. */
  remove(run: DefectListener): void {
    this.#runs.delete(run);
    this.#stopIfUnused();
  }

  /** No more runs will be added. */
  close(): void {
    this.#isOpen = false;
    this.#stopIfUnused();
  }

  #stopIfUnused(): void {
    if (this.#isOpen || this.#runs.size > 0) return;
    stopActor(this.coordinator.ref);
    stopActor(this.keeper.ref);
  }
}

// XState registers every actor of a system in one map, and the old tables of a map that lives long keep its actors from
// being collected early. So a system holds this many runs, and the next ones get a new one.
const RUNS_PER_SYSTEM = 16;

/**
 * The actors that runs share where nobody inspects: some of them are children of one root, in one system, under one
 * coordinator's and one keeper's actor. A system and these actors cost as much as a whole short run.
 */
export class SharedActors {
  #root: RunRoot | undefined;
  #count = 0;

  /** The root for the next run. */
  next(): RunRoot {
    if (this.#root === undefined || this.#count === RUNS_PER_SYSTEM) {
      this.#root?.actors.close();
      this.#root = createRunRoot();
      this.#count = 0;
    }
    this.#count += 1;
    return this.#root;
  }

  /** No more runs will be started. */
  close(): void {
    this.#root?.actors.close();
    this.#root = undefined;
  }
}

// As many invocations of a worker that nobody inspects have a system together.
const CALLS_PER_SYSTEM = 32;

/** What the actors of a worker need. */
export interface WorkerActorsOptions {
  /** The worker's own actor. */
  readonly parent: AnyActorRef;
  /** Whether somebody may watch: then all are in the system of the worker. */
  readonly isShown: boolean;
  /** Hears of an invocation's actor, by its request, that broke. */
  readonly onDefect: (requestId: string, error: unknown) => void;
}

/**
 * The actors of a worker of a flow, which lives long: where nobody inspects, its invocations are children of one system
 * after the other.
 */
export class WorkerActors implements CoordinatorSeat {
  readonly keeper: KeeperActor;
  readonly #options: WorkerActorsOptions;
  #current: CoordinatorActor;
  #left = CALLS_PER_SYSTEM;

  constructor(options: WorkerActorsOptions) {
    const { parent, isShown, onDefect } = options;
    this.#options = options;
    this.keeper = new KeeperActor(parent, isShown);
    this.#current = isShown ? new CoordinatorActor(parent, true, onDefect) : this.#next();
  }

  get coordinator(): CoordinatorSeat {
    return this;
  }

  /** A name costs a tenth of an actor. */
  get isNamed(): boolean {
    return this.#options.isShown;
  }

  get ref(): AnyActorRef {
    return this.#current.ref;
  }

  onCall(requestId: string, nodeName: string): void {
    this.#current.onCall(requestId, nodeName);
    if (this.#options.isShown) return;
    this.#left -= 1;
    if (this.#left > 0) return;
    // What is left of the old one goes with the last of its invocations.
    this.#left = CALLS_PER_SYSTEM;
    this.#current = this.#next();
  }

  close(): void {
    stopActor(this.#current.ref);
    stopActor(this.keeper.ref);
  }

  #next(): CoordinatorActor {
    const root = createActor(rootLogic);
    root.start();
    return new CoordinatorActor(root, false, this.#options.onDefect);
  }
}

/** The root actor of some runs, and the actors that they share. */
export interface RunRoot {
  readonly ref: AnyActorRef;
  readonly actors: RunActors;
}

function createRunRoot(): RunRoot {
  const ref = createActor(rootLogic);
  ref.start();
  return { ref, actors: new RunActors(ref, true) };
}

interface RootSnapshot {
  readonly status: 'active';
  readonly output: undefined;
  readonly error: undefined;
  readonly context: undefined;
}

const IDLE: RootSnapshot = { status: 'active', output: undefined, error: undefined, context: undefined };

/** It only holds the runs together: what becomes of them is told by their runs. */
const rootLogic: ActorLogic<RootSnapshot, { readonly type: string }, NonReducibleUnknown, AnySystem> = {
  getInitialSnapshot: () => IDLE,
  getPersistedSnapshot: (snapshot) => snapshot,
  transition: (snapshot) => snapshot,
};

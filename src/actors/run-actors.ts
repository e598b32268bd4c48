import { createActor, type ActorLogic, type AnyActorRef, type NonReducibleUnknown } from 'xstate';
import type { AnySystem } from './chart-logic.ts';
import { CoordinatorActor } from './coordinator-actor.ts';
import { KeeperActor } from './state-keeper.ts';
import { stopActor } from './stop-actor.ts';

/** Hears of an actor that broke in a way that no chart knows. */
export interface DefectListener {
  onDefect(error: unknown): void;
}

/** The coordinator's and the state keeper's actors, of one run, or of some items of a map. */
export class RunActors {
  readonly keeper: KeeperActor;
  readonly coordinator: CoordinatorActor;
  readonly #runs = new Set<DefectListener>();
  #isOpen: boolean;

  /** `isOpen`: more runs may be added. */
  constructor(parent: AnyActorRef, isOpen: boolean) {
    this.#isOpen = isOpen;
    this.keeper = new KeeperActor(parent);
    this.coordinator = new CoordinatorActor(parent, (error) => {
      for (const run of this.#runs) run.onDefect(error);
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
// being collected early. So a system holds this many items, and the next ones get a new one.
const ITEMS_PER_SYSTEM = 64;

/** The actors that items of one map share: some of them are children of one root, in one system. */
export class MapActors {
  #root: ItemRoot | undefined;
  #count = 0;

  /** The root for the next item. */
  next(): ItemRoot {
    if (this.#root === undefined || this.#count === ITEMS_PER_SYSTEM) {
      this.#root?.actors.close();
      this.#root = createItemRoot();
      this.#count = 0;
    }
    this.#count += 1;
    return this.#root;
  }

  /** No more items will be started. */
  close(): void {
    this.#root?.actors.close();
    this.#root = undefined;
  }
}

/** The root actor of some items of a map, and the actors that they share. */
export interface ItemRoot {
  readonly ref: AnyActorRef;
  readonly actors: RunActors;
}

function createItemRoot(): ItemRoot {
  const ref = createActor(itemsLogic);
  ref.start();
  return { ref, actors: new RunActors(ref, true) };
}

interface ItemsSnapshot {
  readonly status: 'active';
  readonly output: undefined;
  readonly error: undefined;
  readonly context: undefined;
}

const IDLE: ItemsSnapshot = { status: 'active', output: undefined, error: undefined, context: undefined };

/** It only holds the items together: what becomes of them is told by their runs. */
const itemsLogic: ActorLogic<ItemsSnapshot, { readonly type: string }, NonReducibleUnknown, AnySystem> = {
  getInitialSnapshot: () => IDLE,
  getPersistedSnapshot: (snapshot) => snapshot,
  transition: (snapshot) => snapshot,
};

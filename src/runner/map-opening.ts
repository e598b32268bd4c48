import type { RunSettings } from '../actors/settings.ts';
import { createRunId, type RunId } from '../ids.ts';
import type { AnyNode } from '../nodes/contract.ts';
import { mapInputs, readMapOptions } from './map-options.ts';
import { MapRun, type MapHost } from './map-run.ts';
import type { RunOptions } from './options.ts';
import type { RunRegistry } from './run-registry.ts';
import { settingsOf } from './settings-of.ts';
import { closeProcessors, type TicketOptions } from './ticket.ts';
import { itemWorkflows } from './workflow-items.ts';

/** What a map's options are checked by. */
export type CheckTarget = (target: unknown, options: RunOptions) => AnyNode;

/** The maps of one runner. */
export class MapOpening {
  readonly #registry: RunRegistry;
  readonly #check: CheckTarget;
  /** Nothing of a map is left. */
  readonly #onReleased: () => void;
  readonly #maps = new Set<MapRun>();

  constructor(registry: RunRegistry, check: CheckTarget, onReleased: () => void) {
    this.#registry = registry;
    this.#check = check;
    this.#onReleased = onReleased;
  }

  /** Whether no map is open. */
  get isIdle(): boolean {
    return this.#maps.size === 0;
  }

  close(isDrained: boolean): void {
    for (const map of this.#maps) map.close(isDrained);
  }

  open(owner: 'map' | 'mapIter', target: unknown, given: { input: unknown; options: unknown }): MapRun {
    const { parts } = this.#registry;
    const { names, mode, onError, ofRuns } = readMapOptions(owner, given.options);
    const node = this.#check(target, ofRuns);
    const items = mapInputs(node, given.input, { names, mode });
    const settings = settingsOf(parts, { runId: createRunId(), options: ofRuns, isSync: false });
    const map = new MapRun(
      {
        target: node,
        items,
        settings,
        stopsOnFailure: onError === 'stop',
        throwsOnFailure: ofRuns.onFailure !== 'return',
        maxConcurrency: limitOfMap(ofRuns.maxConcurrency, parts.options.maxConcurrency),
      },
      this.#hostOf(node, ofRuns, settings),
    );
    this.#maps.add(map);
    return map;
  }

  /** What the items of a map share is opened and closed once: they are runs of their own in everything else. */
  #hostOf(target: AnyNode, options: RunOptions, settings: RunSettings): MapHost {
    const registry = this.#registry;
    const { processors } = options;
    const hasOwnObservers = registry.hasOwnObservers(settings);
    const ticketOptions = (runId: RunId): TicketOptions => ({
      runId,
      throwsOnFailure: options.onFailure !== 'return',
      isSync: false,
      save: registry.placeFor(runId, target, options),
      logger: registry.logger,
      processors: [],
      onPaused: registry.cancelIfClosing,
      onEnded: registry.archive,
    });
    const closeObservers = async (): Promise<void> => {
      await Promise.all(settings.observers.map((observer) => observer.drained()));
      await closeProcessors(processors ?? [], registry.logger);
    };
    return {
      ticketOptions,
      workflows: itemWorkflows(registry, target, options),
      launch: (ticket, input, ofItem) => registry.start(ticket, { target, input, settings: ofItem }),
      track: (work) => registry.track(work),
      onReleased: (map) => {
        this.#maps.delete(map);
        this.#onReleased();
        if (hasOwnObservers) registry.track(closeObservers());
      },
    };
  }
}

/** What was given for a map, else for its runner; null means no limit, as at other options. */
function limitOfMap(own: number | null | undefined, shared: number | null | undefined): number | undefined {
  const given = own === undefined ? shared : own;
  return given === null ? Number.POSITIVE_INFINITY : given;
}

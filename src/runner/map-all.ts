import { CancelledError } from '../errors.ts';
import { createMapResult, type MapResult } from './map-result.ts';
import type { MapReceiver, MapRun } from './map-run.ts';
import type { RunResult } from './result.ts';

/** Runs all items of a map. */
export function mapAll(open: () => MapRun): Promise<MapResult> {
  return new Promise((resolve, reject) => {
    const map = open();
    const collector = new Collector(map, resolve, reject);
    map.open(collector);
    collector.onChange();
  });
}

/** Starts a map's items, as many at once as may be in flight, and keeps their results. */
class Collector implements MapReceiver {
  readonly #map: MapRun;
  readonly #resolve: (result: MapResult) => void;
  readonly #reject: (error: unknown) => void;
  readonly #results: RunResult[] = [];
  #isStarting = false;
  #isDone = false;

  constructor(map: MapRun, resolve: (result: MapResult) => void, reject: (error: unknown) => void) {
    this.#map = map;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#results.length = map.length;
  }

  onResult(index: number, result: RunResult): void {
    this.#results[index] = result;
  }

  onChange(): void {
    // An item that ends as it is started is followed by the next one in the loop that started it.
    if (this.#isStarting) return;
    const map = this.#map;
    const limit = map.maxConcurrency ?? Number.POSITIVE_INFINITY;
    this.#isStarting = true;
    while (map.hasNext && map.inFlight < limit) map.startNext();
    this.#isStarting = false;
    if (map.isSettled && !this.#isDone) this.#settle();
  }

  #settle(): void {
    const { fault, target, throwsOnFailure } = this.#map;
    this.#isDone = true;
    this.#map.finish();
    if (fault !== undefined && (throwsOnFailure || fault.kind === 'refused')) this.#reject(fault.error);
    else this.#resolve(createMapResult(this.#allResults(), target, fault?.kind === 'cancelled'));
  }

  /** The results, with one for each item that was never started. */
  #allResults(): readonly RunResult[] {
    const map = this.#map;
    const error = new CancelledError(map.fault?.reason);
    for (let index = 0; index < map.length; index += 1)
      this.#results[index] ??= map.unrunResult('cancelled', error);
    return this.#results;
  }
}

import { afterThisTurn } from '../clock.ts';
import { CancelledError } from '../errors.ts';
import { createMapResult, type MapResult } from './map-result.ts';
import type { MapReceiver, MapRun } from './map-run.ts';
import type { RunResult } from './result.ts';

// So many items are started in one turn. A turn lets those that are quick end before more are there, and lets timers and
// other work of the process in between; what is alive at once is what the garbage collector has to copy.
const STARTED_PER_TURN = 16;

/** Runs all items of a map. */
export function mapAll(open: () => MapRun): Promise<MapResult> {
  return new Promise((resolve, reject) => {
    const map = open();
    const collector = new Collector(map, resolve, reject);
    map.open(collector);
    collector.begin();
  });
}

/** Starts a map's items, some in each turn, or as there are places for their work, and keeps their results. */
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
    // What ends as it is started is looked at when the last one has been started.
    if (!this.#isStarting && !this.#isDone && this.#map.isSettled) this.#settle();
  }

  begin(): void {
    const { slots } = this.#map;
    if (slots === undefined) this.#startSome();
    else {
      this.#isStarting = true;
      slots.feed(() => this.#startNext());
      this.#isStarting = false;
      this.onChange();
    }
  }

  #startSome(): void {
    this.#isStarting = true;
    let started = 0;
    while (started < STARTED_PER_TURN && this.#startNext()) started += 1;
    this.#isStarting = false;
    if (this.#map.hasNext) afterThisTurn(() => this.#startSome());
    else this.onChange();
  }

  #startNext(): boolean {
    const map = this.#map;
    if (!map.hasNext) return false;
    map.startNext();
    return true;
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

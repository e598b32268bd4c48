import { RunnerClosedError } from '../errors.ts';
import type { MapReceiver, MapRun } from './map-run.ts';
import type { RunResult } from './result.ts';

/** One item of a map that has ended or paused. */
export interface MapItemResult<Answer = unknown, Outputs = Readonly<Record<string, unknown>>> {
  /** Its place among the items. */
  readonly index: number;
  readonly result: RunResult<Answer, Outputs>;
}

/** The items of a map as they end or pause. Leaving the loop cancels what was not yielded, and starts nothing more. */
export interface MapItems<Answer = unknown, Outputs = Readonly<Record<string, unknown>>>
  extends AsyncIterableIterator<MapItemResult<Answer, Outputs>, undefined>, AsyncDisposable {
  return(): Promise<IteratorResult<MapItemResult<Answer, Outputs>, undefined>>;
  [Symbol.asyncIterator](): MapItems<Answer, Outputs>;
}

/** The most items in flight where nobody says how many. */
const DEFAULT_WINDOW = 64;

type Step = IteratorResult<MapItemResult, undefined>;

interface Pull {
  readonly resolve: (step: Step) => void;
  readonly reject: (error: unknown) => void;
}

/** How an iteration ends: `fault` is thrown, once. */
interface Ending {
  fault?: { readonly error: unknown };
}

const DONE: Step = Object.freeze({ done: true, value: undefined });

/** Runs a map's items as its results are asked for. Nothing is opened before the first is. */
export class MapIterator implements MapItems, MapReceiver {
  readonly #open: () => MapRun;
  readonly #pulls: Pull[] = [];
  /** What has not been taken yet, by index, in the order in which it ended. */
  readonly #ready = new Map<number, RunResult>();
  #map: MapRun | undefined;
  #window = DEFAULT_WINDOW;
  #ending: Ending | undefined;
  #isAdvancing = false;
  #onIdle: (() => void)[] = [];

  constructor(open: () => MapRun) {
    this.#open = open;
  }

  next(): Promise<Step> {
    return new Promise((resolve, reject) => {
      this.#pulls.push({ resolve, reject });
      this.#begin();
      this.#advance(true);
    });
  }

  async return(): Promise<Step> {
    const map = this.#map;
    this.#ending = {};
    this.#ready.clear();
    this.#deliver();
    map?.stop('The loop over the items was left', (item) => !item.isTold);
    if (map !== undefined && map.inFlight > 0)
      await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    map?.finish();
    return DONE;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  onResult(index: number, result: RunResult, isFirst: boolean): void {
    const { fault, throwsOnFailure } = this.#map ?? {};
    const isBad = result.status !== 'completed' && result.status !== 'paused';
    // What is thrown is not yielded as well, and neither is what it stopped.
    if (this.#ending !== undefined || (isBad && fault !== undefined && throwsOnFailure === true)) return;
    // One that has paused, and ends before it was taken, is taken as it is then.
    if (isFirst || this.#ready.has(index)) this.#ready.set(index, result);
  }

  onChange(): void {
    this.#advance(false);
  }

  #begin(): void {
    if (this.#map !== undefined || this.#ending !== undefined) return;
    try {
      const map = this.#open();
      this.#map = map;
      this.#window = map.maxConcurrency ?? DEFAULT_WINDOW;
      map.open(this);
    } catch (error) {
      this.#ending = { fault: { error } };
    }
  }

  /** Gives out what is ready, and starts more where more is asked for: by a new pull, or by one that still waits. */
  #advance(isAsked: boolean): void {
    // What ends as it is started is dealt with by the loop that started it.
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    this.#deliver();
    if (isAsked || this.#pulls.length > 0) this.#fill();
    while (this.#pulls.length > 0 && this.#ready.size > 0) {
      this.#deliver();
      if (this.#pulls.length > 0) this.#fill();
    }
    this.#isAdvancing = false;
    this.#endIfIdle();
  }

  /** Starts items as long as fewer than may be are running or not taken yet. */
  #fill(): void {
    const map = this.#map;
    if (map === undefined || this.#ending !== undefined) return;
    while (map.hasNext && !map.isClosing && map.inFlight + this.#ready.size < this.#window) map.startNext();
  }

  #deliver(): void {
    for (const [index, result] of this.#ready) {
      const pull = this.#pulls.shift();
      if (pull === undefined) return;
      this.#ready.delete(index);
      pull.resolve({ done: false, value: { index, result } });
    }
    const ending = this.#ending;
    if (ending === undefined) return;
    for (const pull of this.#pulls.splice(0)) {
      if (ending.fault === undefined) pull.resolve(DONE);
      else pull.reject(ending.fault.error);
      delete ending.fault;
    }
  }

  #endIfIdle(): void {
    const map = this.#map;
    if (map === undefined || map.inFlight > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
    if (this.#ending !== undefined || (map.hasNext && !map.isClosing)) return;
    const { fault } = map;
    if (fault !== undefined && (map.throwsOnFailure || fault.kind === 'refused'))
      this.#ending = { fault: { error: fault.error } };
    else if (map.hasNext) this.#ending = { fault: { error: closedMeanwhile() } };
    else this.#ending = {};
    map.finish();
    this.#deliver();
  }
}

function closedMeanwhile(): RunnerClosedError {
  return new RunnerClosedError('The runner was closed before all items were started', {
    hint: 'Take all items before the runner is closed.',
  });
}

import type { Coordinator } from './coordinator.ts';
import type { Invocation } from './invocation.ts';
import type { Reporter } from './reporter.ts';
import { isCached, type CacheAnswer, type CacheFlight, type CacheTrouble } from './result-cache.ts';
import type { RunSettings } from './settings.ts';

/** What the desk needs of its run. */
export interface CacheDeskOptions {
  readonly settings: RunSettings;
  readonly reporter: Reporter;
  readonly coordinator: Coordinator;
}

/** Stands before the bodies of nodes that are cached: gives out what is there, and takes in what they make. */
export class CacheDesk {
  readonly #options: CacheDeskOptions;
  readonly #flights = new Map<Invocation, CacheFlight>();
  /** Who waits for which computation. */
  readonly #following = new Map<Invocation, CacheFlight>();
  readonly #onTrouble: CacheTrouble;

  constructor(options: CacheDeskOptions) {
    this.#options = options;
    this.#onTrouble = (error, what) => options.settings.logger.warn({ err: error }, what);
  }

  /** Ends an invocation with its cached result, else calls `compute`. */
  serve(invocation: Invocation, compute: () => void): void {
    const { cache } = this.#options.settings;
    if (cache === undefined || !isCached(invocation.node)) {
      compute();
      return;
    }
    const found = cache.keyOf(invocation.node, invocation.input);
    if ('key' in found) this.#look(invocation, found.key, compute);
    else {
      this.#options.reporter.missed(invocation, undefined, found.reason);
      compute();
    }
  }

  /** A body has delivered: its result is kept. */
  keep(invocation: Invocation, value: unknown): void {
    if (this.#flights.size === 0) return;
    const { cache } = this.#options.settings;
    const flight = this.#flights.get(invocation);
    if (flight === undefined || cache === undefined) return;
    this.#flights.delete(invocation);
    const stored = cache.store(flight.key, invocation.node, value, this.#onTrouble);
    if (stored instanceof Promise) void stored.then(() => cache.finish(flight));
    else cache.finish(flight);
  }

  /** An invocation has ended; whoever waits for a result of it that is not there looks for itself. */
  release(invocation: Invocation): void {
    this.#following.delete(invocation);
    if (this.#flights.size === 0) return;
    const flight = this.#flights.get(invocation);
    if (flight === undefined) return;
    this.#flights.delete(invocation);
    this.#options.settings.cache?.finish(flight);
  }

  #look(invocation: Invocation, key: string, compute: () => void): void {
    const { cache } = this.#options.settings;
    if (cache === undefined) return;
    const answer = cache.lookUp(key, this.#onTrouble);
    if (!(answer instanceof Promise)) {
      this.#onAnswer(invocation, answer, compute);
      return;
    }
    if (invocation.isSync) {
      this.#options.reporter.missed(
        invocation,
        key,
        'the cache answers asynchronously, and the run is synchronous',
      );
      compute();
      return;
    }
    this.#wait(invocation, answer, (found) => this.#onAnswer(invocation, found, compute));
  }

  #onAnswer(invocation: Invocation, answer: CacheAnswer, compute: () => void): void {
    const { reporter, coordinator, settings } = this.#options;
    if (answer.type === 'hit') {
      reporter.hit(invocation, answer.key);
      coordinator.end({ invocation, event: 'SUCCEED', value: answer.value });
      return;
    }
    const { key, reason } = answer;
    const underWay = key === undefined ? undefined : settings.cache?.flightOf(key);
    if (key !== undefined && underWay !== undefined && this.#mayFollow(invocation, underWay)) {
      this.#following.set(invocation, underWay);
      this.#wait(invocation, underWay.landed, () => {
        this.#following.delete(invocation);
        this.#look(invocation, key, compute);
      });
      return;
    }
    reporter.missed(invocation, key, reason);
    // Who cannot wait for a computation that is under way computes for itself, and leaves that one its followers.
    const flight =
      key === undefined || underWay !== undefined ? undefined : settings.cache?.begin(key, invocation);
    if (flight !== undefined) this.#flights.set(invocation, flight);
    compute();
  }

  /** Whether an invocation may wait for a computation: not on the stack, and not where that waits for the invocation itself. */
  #mayFollow(invocation: Invocation, flight: CacheFlight): boolean {
    if (invocation.isSync) return false;
    if (!ancestorsOf(invocation).some((each) => this.#flights.has(each))) return true;
    const awaited = new Set<object>([flight.leader]);
    // The set grows while it is walked: what stands below somebody who is waited for may wait for others.
    for (const leader of awaited) {
      if (isWithin(invocation, leader)) return false;
      for (const [follower, other] of this.#following)
        if (isWithin(follower, leader)) awaited.add(other.leader);
    }
    return true;
  }

  /** Who waits for the cache, or for somebody else's computation, does no work and takes no place. */
  #wait<Value>(invocation: Invocation, promise: Promise<Value>, goOn: (value: Value) => void): void {
    const { coordinator } = this.#options;
    invocation.callsInCheck += 1;
    coordinator.recount(invocation);
    void promise.then((value) => {
      invocation.callsInCheck -= 1;
      coordinator.recount(invocation);
      if (invocation.hasEnded) return;
      coordinator.resume(invocation, () => {
        if (!invocation.hasEnded && !invocation.isStopping) goOn(value);
      });
    });
  }
}

function ancestorsOf(invocation: Invocation): Invocation[] {
  const found: Invocation[] = [];
  for (let each = invocation.parent; each !== undefined; each = each.parent) found.push(each);
  return found;
}

function isWithin(invocation: Invocation, top: object): boolean {
  return invocation === top || ancestorsOf(invocation).some((each) => each === top);
}

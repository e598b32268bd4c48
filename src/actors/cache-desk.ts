import type { Coordinator } from './coordinator.ts';
import type { Invocation } from './invocation.ts';
import type { Reporter } from './reporter.ts';
import {
  isCached,
  type CacheAnswer,
  type CacheFlight,
  type CacheTrouble,
  type ResultCache,
  type Turn,
} from './result-cache.ts';
import type { RunSettings } from './settings.ts';

/** What the desk needs of its run. */
export interface CacheDeskOptions {
  readonly settings: RunSettings;
  readonly cache: ResultCache;
  readonly reporter: Reporter;
  readonly coordinator: Coordinator;
}

/** A call that may be answered from the cache. */
interface Order {
  readonly invocation: Invocation;
  readonly key: string;
  /** Runs the body. */
  readonly compute: () => void;
}

/** Stands before the bodies of nodes that are cached: gives out what is there, and takes in what they make. */
export class CacheDesk {
  readonly #options: CacheDeskOptions;
  /** What the invocations of this run are looking up or computing, for themselves and others. */
  readonly #leading = new Map<Invocation, CacheFlight>();
  /** Who waits for which of them. */
  readonly #following = new Map<Invocation, CacheFlight>();
  readonly #onTrouble: CacheTrouble = (error, what) =>
    this.#options.settings.logger.warn({ err: error }, what);

  constructor(options: CacheDeskOptions) {
    this.#options = options;
  }

  /** Ends an invocation with its cached result, else calls `compute`. */
  serve(invocation: Invocation, compute: () => void): void {
    const { cache } = this.#options;
    if (!isCached(invocation.node)) {
      compute();
      return;
    }
    const found = cache.keyOf(invocation.node, invocation.input);
    if ('key' in found) {
      this.#look({ invocation, key: found.key, compute });
      return;
    }
    this.#options.reporter.missed(invocation, undefined, found.reason);
    compute();
  }

  /** A body has delivered: its result is kept. */
  keep(invocation: Invocation, value: unknown): void {
    if (this.#leading.size === 0) return;
    const flight = this.#leading.get(invocation);
    if (flight === undefined) return;
    this.#leading.delete(invocation);
    const { cache, settings } = this.#options;
    // What a person answered is asked again the next time.
    if (invocation.hasAsked) cache.share(flight, invocation.node, value, this.#onTrouble);
    else cache.store(flight, invocation.node, { value, now: settings.clock.now() }, this.#onTrouble);
  }

  /** An invocation has ended; whoever waits for a result of it that is not there looks for itself. */
  release(invocation: Invocation): void {
    this.#following.delete(invocation);
    if (this.#leading.size === 0) return;
    const flight = this.#leading.get(invocation);
    if (flight === undefined) return;
    this.#leading.delete(invocation);
    this.#options.cache.giveUp(flight);
  }

  #look(order: Order): void {
    const { invocation, key } = order;
    const { cache, settings } = this.#options;
    const underWay = cache.flightOf(key);
    if (underWay?.answer !== undefined) {
      this.#onAnswer(order, underWay.answer());
      return;
    }
    if (underWay !== undefined && this.#mayFollow(invocation, underWay)) {
      this.#follow(order, underWay);
      return;
    }
    // Who cannot wait for a computation that is under way computes for itself, and leaves that one its followers.
    if (underWay === undefined) this.#leading.set(invocation, cache.begin(key, invocation, settings.runId));
    const answer = cache.lookUp(key, settings.clock.now(), this.#onTrouble);
    if (!(answer instanceof Promise)) this.#onAnswer(order, answer);
    else if (invocation.isSync) {
      const reason = 'the cache answers by a promise, and the run is synchronous';
      this.#onAnswer(order, { type: 'miss', key, reason });
    } else this.#wait(invocation, answer, (found) => this.#onAnswer(order, found));
  }

  #onAnswer({ invocation, compute }: Order, answer: CacheAnswer): void {
    const { reporter, coordinator, cache } = this.#options;
    if (answer.type === 'miss') {
      reporter.missed(invocation, answer.key, answer.reason);
      compute();
      return;
    }
    const flight = this.#leading.get(invocation);
    this.#leading.delete(invocation);
    if (flight !== undefined) cache.found(flight, answer);
    reporter.hit(invocation, answer.key);
    coordinator.end({ invocation, event: 'SUCCEED', value: answer.value() });
  }

  /** Waits for somebody else's search. */
  #follow(order: Order, flight: CacheFlight): void {
    const { invocation } = order;
    const { coordinator, settings } = this.#options;
    this.#following.set(invocation, flight);
    // Within one run it is like a call: when all that is left waits for a person, so does this.
    const isCall = flight.runId === settings.runId;
    if (isCall) invocation.callsInCheck += 1;
    coordinator.recount(invocation);
    if (!isCall) coordinator.yieldSlot(invocation);
    flight.wait((turn) => {
      this.#following.delete(invocation);
      if (isCall) invocation.callsInCheck -= 1;
      coordinator.recount(invocation);
      if (isOver(invocation)) return false;
      if (turn === 'lead') {
        flight.leader = invocation;
        flight.runId = settings.runId;
        this.#leading.set(invocation, flight);
      }
      coordinator.resume(invocation, () => this.#onTurn(order, flight, turn));
      return true;
    });
  }

  #onTurn(order: Order, flight: CacheFlight, turn: Turn): void {
    const { invocation, key } = order;
    if (isOver(invocation)) return;
    if (turn === 'answer' && flight.answer !== undefined) this.#onAnswer(order, flight.answer());
    else if (turn === 'lead')
      this.#onAnswer(order, { type: 'miss', key, reason: 'who computed it did not deliver' });
    else this.#onAnswer(order, { type: 'miss', key, reason: 'what others compute cannot be stored' });
  }

  /** Who waits for the cache takes no place, but is at work: the run does not pause meanwhile. */
  #wait<Value>(invocation: Invocation, promise: Promise<Value>, goOn: (value: Value) => void): void {
    const { coordinator } = this.#options;
    coordinator.yieldSlot(invocation);
    void promise.then((value) => coordinator.resume(invocation, () => isOver(invocation) || goOn(value)));
  }

  /** Whether an invocation may wait for a computation: not on the stack, and not where that waits for the invocation itself. */
  #mayFollow(invocation: Invocation, flight: CacheFlight): boolean {
    if (invocation.isSync) return false;
    if (!ancestorsOf(invocation).some((each) => this.#leading.has(each))) return true;
    const awaited = new Set<object>([flight.leader]);
    // The set grows while it is walked: what stands below somebody who is waited for may wait for others.
    for (const leader of awaited) {
      if (isWithin(invocation, leader)) return false;
      for (const [follower, other] of this.#following)
        if (isWithin(follower, leader)) awaited.add(other.leader);
    }
    return true;
  }
}

/** Whether an invocation was stopped while it waited. */
function isOver(invocation: Invocation): boolean {
  return invocation.hasEnded || invocation.isStopping;
}

function ancestorsOf(invocation: Invocation): Invocation[] {
  const found: Invocation[] = [];
  for (let each = invocation.parent; each !== undefined; each = each.parent) found.push(each);
  return found;
}

function isWithin(invocation: Invocation, top: object): boolean {
  return invocation === top || ancestorsOf(invocation).some((each) => each === top);
}

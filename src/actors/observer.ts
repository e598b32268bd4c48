import type { TroupeEvent } from '../events/events.ts';
import { runOutside } from '../nodes/ambient.ts';

/** Where a run's events go; none of it reaches back into the run. */
export interface EventSink {
  push(event: TroupeEvent): void;
  /** Resolves when every event so far has been handled. */
  drained(): Promise<void>;
}

/** How an observer's troubles are told. */
export interface ObserverReport {
  failed(error: unknown): void;
  droppedChunks(count: number): void;
  detached(): void;
}

/** The most events that wait for one observer. */
export const MAX_QUEUED_EVENTS = 100_000;

/**
 * One watcher with a queue of its own: it gets one event at a time, a promise it returns is awaited, and nothing it does
 * reaches the run or another watcher. Past `limit` queued events chunks are dropped oldest first; when none is left to
 * drop the observer is detached.
 */
export class Observer implements EventSink {
  readonly #handle: (event: TroupeEvent) => unknown;
  readonly #report: ObserverReport;
  readonly #limit: number;
  readonly #queue = new EventQueue();
  /** `due`: it will get its turn; `busy`: it is handling events. */
  #state: 'idle' | 'due' | 'busy' = 'idle';
  #isDetached = false;
  #dropped = 0;
  #idle: (() => void)[] = [];

  constructor(handle: (event: TroupeEvent) => unknown, report: ObserverReport, limit = MAX_QUEUED_EVENTS) {
    this.#handle = handle;
    this.#report = report;
    this.#limit = limit;
  }

  push(event: TroupeEvent): void {
    if (this.#isDetached) return;
    // A burst that gave it no turn yet is no slowness: it gets its events now.
    if (this.#queue.size >= this.#limit && this.#state === 'due') this.#drainNow();
    if (this.#queue.size >= this.#limit) {
      if (!this.#queue.dropOldestChunk()) {
        this.#isDetached = true;
        this.#report.detached();
        return;
      }
      this.#dropped += 1;
    }
    this.#queue.push(event);
    if (this.#state !== 'idle') return;
    this.#state = 'due';
    queueMicrotask(() => {
      if (this.#state === 'due') this.#drainNow();
    });
  }

  /** Resolves when every event so far has been handled. */
  drained(): Promise<void> {
    if (this.#state === 'idle') return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #drainNow(): void {
    this.#state = 'busy';
    runOutside(() => this.#drain());
  }

  #drain(): void {
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      const pending = this.#handleOne(event);
      if (pending === undefined) continue;
      void pending.then(() => this.#drain());
      return;
    }
    this.#state = 'idle';
    if (this.#dropped > 0) this.#report.droppedChunks(this.#dropped);
    this.#dropped = 0;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  #handleOne(event: TroupeEvent): Promise<void> | undefined {
    try {
      const result = this.#handle(event);
      if (!isThenable(result)) return undefined;
      return Promise.resolve(result).then(
        () => undefined,
        (error: unknown) => this.#report.failed(error),
      );
    } catch (error) {
      this.#report.failed(error);
      return undefined;
    }
  }
}

/** A queue that gives up its oldest chunk when asked; every operation is O(1), amortised. */
export class EventQueue {
  #items: (TroupeEvent | undefined)[] = [];
  #head = 0;
  // No chunk that is still queued stands before this place.
  #chunkSearch = 0;
  size = 0;

  push(event: TroupeEvent): void {
    this.#items.push(event);
    this.size += 1;
  }

  shift(): TroupeEvent | undefined {
    while (this.#head < this.#items.length) {
      const event = this.#items[this.#head];
      this.#items[this.#head] = undefined;
      this.#head += 1;
      if (event === undefined) continue; // a dropped chunk stood here
      this.size -= 1;
      if (this.#head > 1_024 && this.#head * 2 > this.#items.length) this.#compact();
      return event;
    }
    this.#compact();
    return undefined;
  }

  dropOldestChunk(): boolean {
    for (let place = Math.max(this.#chunkSearch, this.#head); place < this.#items.length; place += 1) {
      if (this.#items[place]?.type !== 'StreamingChunk') continue;
      this.#items[place] = undefined;
      this.#chunkSearch = place + 1;
      this.size -= 1;
      return true;
    }
    this.#chunkSearch = this.#items.length;
    return false;
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head);
    this.#chunkSearch = Math.max(0, this.#chunkSearch - this.#head);
    this.#head = 0;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

import { EventQueue, MAX_QUEUED_EVENTS, type EventSink } from '../actors/observer.ts';
import type { TroupeEvent } from '../events/events.ts';

/** The events of one run, kept until they are read (of very many chunks the newest); ends after `RunEnd`. */
export class EventStream implements EventSink, AsyncIterator<TroupeEvent, undefined> {
  readonly #queue = new EventQueue();
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  push(event: TroupeEvent): void {
    if (this.#hasEnded) return;
    // Chunks are the only events that the log does not keep as well.
    if (this.#queue.size >= MAX_QUEUED_EVENTS) this.#queue.dropOldestChunk();
    this.#queue.push(event);
    if (event.type === 'RunEnd') this.#hasEnded = true;
    this.#wake?.();
  }

  /** Whoever reads gets what is there, and then the error. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.#hasEnded = true;
    this.#wake?.();
  }

  drained(): Promise<void> {
    return Promise.resolve(); // reading is up to the person, and holds up nothing
  }

  async next(): Promise<IteratorResult<TroupeEvent, undefined>> {
    for (;;) {
      const event = this.#queue.shift();
      if (event !== undefined) return { done: false, value: event };
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#hasEnded) return { done: true, value: undefined };
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

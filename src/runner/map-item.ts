import type { RunEnd } from '../actors/run-end.ts';
import { Ticket, type TicketOptions } from './ticket.ts';

/** Who is told what becomes of an item. */
export interface MapItemListener {
  onItemPaused(item: MapItem): void;
  onItemEnded(item: MapItem, end: RunEnd): void;
}

/** The runner's side of one item of a map: a run like any other, that tells its map as well. */
export class MapItem extends Ticket {
  readonly index: number;
  /** Whether the map's taker has had a result of it. */
  isTold = false;
  readonly #listener: MapItemListener;

  constructor(index: number, options: TicketOptions, listener: MapItemListener) {
    super(options);
    this.index = index;
    this.#listener = listener;
  }

  override onPause(): void {
    super.onPause();
    // A runner that is being closed has cancelled it by now.
    if (this.run?.status === 'paused') this.#listener.onItemPaused(this);
  }

  override onEnd(end: RunEnd): void {
    super.onEnd(end);
    this.#listener.onItemEnded(this, end);
  }
}

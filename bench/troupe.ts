import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

import type * as Troupe from '../src/index.ts';
import { noopOfNumber } from './floor.ts';

const chosen = process.env['TROUPE_BENCH_ENTRY'];

/**
 * The build under test: this repository's `dist`, or the entry file `TROUPE_BENCH_ENTRY` names, to compare two
 * builds. The compiled build, as users run it: a loader that transforms TypeScript adds a cost to every closure.
 */
const entry =
  chosen === undefined ? new URL('../dist/index.js', import.meta.url).href : pathToFileURL(chosen).href;

assertOneXState();

export const { createRunner, END, graph, input, node, route } = (await import(entry)) as typeof Troupe;

/** The node that every measure runs. */
export const leaf = node('leaf', noopOfNumber);

/** The floor is only a floor for the copy of xstate that troupe itself runs on. */
function assertOneXState(): void {
  const floor = createRequire(import.meta.url).resolve('xstate');
  const ours = createRequire(entry).resolve('xstate');
  if (chosen === undefined && floor !== ours) {
    throw new Error(
      `Expected one copy of xstate, got ${floor} and ${ours}; remove xstate from bench/package.json`,
    );
  }
}

const MAX_DELIVERY_MS = 5_000;

export interface Watcher {
  readonly subscriber: (event: Troupe.TroupeEvent) => void;
  /** Every event seen so far. */
  readonly count: () => number;
  /** Resolves once `runs` runs, counted from the start, have delivered their RunEnd; rejects if it never comes. */
  readonly ended: (runs: number) => Promise<void>;
}

/** The one subscriber of "everything on". A timed piece of work waits for it, so that delivery is part of the cost. */
export function createWatcher(): Watcher {
  let events = 0;
  let runsEnded = 0;
  return {
    subscriber: (event) => {
      events++;
      if (event.type === 'RunEnd') runsEnded++;
    },
    count: () => events,
    ended: async (runs) => {
      const deadline = performance.now() + MAX_DELIVERY_MS;
      const isDelivered = () => runsEnded >= runs;
      while (!isDelivered()) {
        if (performance.now() > deadline) throw new Error(`The subscriber lost events: ${events} came`);
        await setImmediate();
      }
    },
  };
}

import type { Clock } from '../clock.ts';

/** Options of {@link fakeClock}. */
export interface FakeClockOptions {
  /** Where it starts, in ms since the epoch. Default: 0. */
  readonly now?: number;
  /** What `random` gives. Default: always 0.5. */
  readonly random?: () => number;
}

/** A clock that stands still until it is told to go on. */
export interface FakeClock extends Clock {
  /** How many timers wait. */
  readonly pending: number;
  /**
   * Lets `ms` pass: fires what is due in the order of its time, and lets everything that follows from one timer happen
   * before the next. Resolves when all is done, so await it.
   */
  advance(ms: number): Promise<void>;
  /** Lets time pass up to the last timer, and those that come of it. Resolves when no timer waits. */
  runAll(): Promise<void>;
}

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * A clock for tests: `createRunner({ clock: fakeClock() })`.
 *
 * @example
 * ```ts
 * import { createRunner, node } from 'troupe';
 * import { fakeClock } from 'troupe/testing';
 *
 * const clock = fakeClock();
 * await using runner = createRunner({ clock });
 * const never = node('never', () => new Promise<void>(() => {}), { timeout: 60_000 });
 * const run = runner.run(never, undefined, { onFailure: 'return' });
 * await clock.advance(60_000);
 * console.log((await run).status); // failed
 * ```
 */
export function fakeClock(options: FakeClockOptions = {}): FakeClock {
  const { random = () => 0.5 } = options;
  const timers = new Set<Timer>();
  let now = options.now ?? 0;
  let created = 0;
  const nextTimer = (until: number): Timer | undefined => {
    let next: Timer | undefined;
    for (const timer of timers) {
      if (timer.due > until) continue;
      if (next === undefined || timer.due < next.due || (timer.due === next.due && timer.order < next.order))
        next = timer;
    }
    return next;
  };
  const fire = (timer: Timer): void => {
    timers.delete(timer);
    now = Math.max(now, timer.due);
    timer.callback();
  };
  const fireUntil = async (until: number): Promise<void> => {
    // What is ready comes first: it may itself set timers that are due in this time.
    await settled();
    for (let timer = nextTimer(until); timer !== undefined; timer = nextTimer(until)) {
      fire(timer);
      await settled();
    }
  };
  return {
    get pending() {
      return timers.size;
    },
    now: () => now,
    random,
    setTimeout: (callback, delayMs) => {
      const timer: Timer = { due: now + Math.max(0, delayMs), order: created, callback };
      created += 1;
      timers.add(timer);
      return timer;
    },
    clearTimeout: (handle) => {
      timers.delete(handle as Timer); // only this clock's timers come back to it
    },
    advance: async (ms) => {
      const until = now + ms;
      await fireUntil(until);
      now = Math.max(now, until);
    },
    runAll: async () => {
      await fireUntil(Number.POSITIVE_INFINITY);
    },
  };
}

/** Lets everything that is ready happen: promises, and two turns of the event loop. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

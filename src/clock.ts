/** A timer as its clock made it; only the same clock can clear it. */
export type TimerHandle = unknown;

/**
 * The one source of time and chance for a runner. Give your own to `createRunner({ clock })`, or `fakeClock()` of
 * `troupe/testing` in a test.
 */
export interface Clock {
  /** The time in ms since the epoch. */
  now(): number;
  /** Calls `callback` once, after `delayMs`. */
  setTimeout(callback: () => void, delayMs: number): TimerHandle;
  clearTimeout(handle: TimerHandle): void;
  /** A number in [0, 1), for jitter. Default: `Math.random`. */
  random?(): number;
}

/** The longest delay that Node's timers keep; a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

interface LongTimer {
  timer: NodeJS.Timeout;
}

function arm(callback: () => void, delayMs: number, handle: LongTimer): void {
  const step = Math.min(delayMs, MAX_DELAY_MS);
  handle.timer = setTimeout(() => {
    if (delayMs > step) arm(callback, delayMs - step, handle);
    else callback();
  }, step);
}

/** The clock of the machine. Delays beyond 24.8 days, where Node's own timers overflow, are kept. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (callback, delayMs) => {
    if (delayMs <= MAX_DELAY_MS) return setTimeout(callback, delayMs);
    const handle = {} as LongTimer; // filled by `arm` before it is handed out
    arm(callback, delayMs, handle);
    return handle;
  },
  clearTimeout: (handle) => {
    // Only handles of this clock come back to it.
    const timer = handle as NodeJS.Timeout | LongTimer;
    clearTimeout('timer' in timer ? timer.timer : timer);
  },
  random: () => Math.random(),
};

/** A number in [0, 1) of a clock that may have no `random` of its own. */
export function randomOf(clock: Clock): number {
  return clock.random === undefined ? Math.random() : clock.random();
}

/** Calls back in a later turn of the event loop, after everything that is ready now. Not a delay: no clock is asked. */
export function afterThisTurn(callback: () => void): void {
  setImmediate(callback);
}

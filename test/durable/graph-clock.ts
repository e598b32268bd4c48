import { fakeClock, type FakeClock } from 'troupe/testing';

/** A fake clock that goes on only when nothing else can: what is ready always comes before the next timer. */
export interface SteppedClock extends FakeClock {
  /** Lets everything happen that needs no time. */
  settle(): Promise<void>;
  /** Lets everything happen, and as much time pass as that takes. */
  exhaust(): Promise<void>;
  /** Resolves with a promise, letting as much time pass as that takes. Throws when nothing is left that could settle it. */
  drive<Value>(running: Promise<Value>): Promise<Value>;
}

// What is written shows some turns later, and a recorded step is given out a turn after the one before.
const QUIET_TURNS = 40;
const MOST_QUIET_SPELLS = 50;
const IDLE_SPELLS = 4;

export function steppedClock(now = 0): SteppedClock {
  const clock = fakeClock({ now });
  const dues = new Map<unknown, number>();
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < QUIET_TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  /** Lets time pass up to the next timer; false when there is none. */
  const step = async (): Promise<boolean> => {
    if (dues.size === 0) return false;
    await clock.advance(Math.max(0, Math.min(...dues.values()) - clock.now()));
    return true;
  };
  /** Goes on until that is over, or until for so many spells nothing had to wait for time. */
  const goOn = async (isOver: () => boolean, mostSpells: number): Promise<void> => {
    for (let spells = 0; spells < mostSpells && !isOver(); spells += 1) {
      await settle();
      if (!isOver() && (await step())) spells = 0;
    }
  };
  return {
    get pending() {
      return clock.pending;
    },
    now: () => clock.now(),
    random: () => 0.5,
    setTimeout: (callback, delayMs) => {
      const handle = clock.setTimeout(() => {
        dues.delete(handle);
        callback();
      }, delayMs);
      dues.set(handle, clock.now() + Math.max(0, delayMs));
      return handle;
    },
    clearTimeout: (handle) => {
      dues.delete(handle);
      clock.clearTimeout(handle);
    },
    advance: (ms) => clock.advance(ms),
    runAll: () => clock.runAll(),
    settle,
    exhaust: () => goOn(() => false, IDLE_SPELLS),
    drive: async (running) => {
      let isOver = false;
      const over = (): void => void (isOver = true);
      running.then(over, over);
      await goOn(() => isOver, MOST_QUIET_SPELLS);
      if (!isOver) throw new Error('Nothing is left that could settle the promise');
      return running;
    },
  };
}

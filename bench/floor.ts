import { createActor, fromPromise, toPromise } from 'xstate';

import { perItem } from './harness.ts';

/** The body every measure runs: an async function that does nothing. */
export const noop = async (): Promise<undefined> => undefined;

/** The same function, typed as the body of a node that takes a number. */
export const noopOfNumber: (item: number) => Promise<undefined> = noop;

const logic = fromPromise<undefined, number>(noop);

/** Microseconds per root `fromPromise` actor, one after the other. */
export function measureFloor(actors: number): Promise<number> {
  return perItem(actors, async () => {
    for (let i = 0; i < actors; i++) {
      const actor = createActor(logic, { input: i });
      const done = toPromise(actor);
      actor.start();
      await done;
    }
  });
}

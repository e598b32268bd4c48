import { createActor, fromPromise, toPromise } from 'xstate';

import { perItem } from './harness.ts';

/** The body every measure runs: an async function that does nothing. */
export const noop = async (): Promise<undefined> => undefined;

/** The same function, typed as the body of a node that takes a number. */
export const noopOfNumber: (item: number) => Promise<undefined> = noop;

const logic = fromPromise<undefined, number>(noop);

function runActor(input: number): Promise<undefined> {
  const actor = createActor(logic, { input });
  const done = toPromise(actor);
  actor.start();
  return done;
}

/** Microseconds per root `fromPromise` actor, one after the other. */
export function measureFloor(actors: number): Promise<number> {
  return perItem(actors, async () => {
    for (let i = 0; i < actors; i++) await runActor(i);
  });
}

/** Microseconds per root `fromPromise` actor, `width` at once until there were as many as `actors`. */
export function measureFloorAtOnce(actors: number, width: number): Promise<number> {
  const items = Array.from({ length: width }, (_, i) => i);
  return perItem(actors, async () => {
    for (let started = 0; started < actors; started += width) await Promise.all(items.map(runActor));
  });
}

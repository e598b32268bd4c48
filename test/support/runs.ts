import { createRunner, FatalError, node, type Runner, type RunnerOptions, type TroupeEvent } from 'troupe';
import { fakeClock, type FakeClock } from 'troupe/testing';
import { never } from './deferred.ts';

/** Which run of a runner a test looks at. */
export const EACH_RUN = ['first', 'later'] as const;
export type Turn = (typeof EACH_RUN)[number];

export interface Stage {
  readonly runner: Runner;
  readonly clock: FakeClock;
}

/** A runner on a fake clock, whose next run is its first, or comes after runs that ended in every way. */
export async function stageFor(turn: Turn, options: RunnerOptions = {}): Promise<Stage> {
  const clock = fakeClock();
  const runner = createRunner({ ...options, clock });
  if (turn === 'later') await useUp(runner, clock);
  return { runner, clock };
}

async function useUp(runner: Runner, clock: FakeClock): Promise<void> {
  const completes = node('earlierCompletes', () => 1);
  const fails = node('earlierFails', () => {
    throw new Error('earlier');
  });
  const stops = node('earlierStops', () => {
    throw new FatalError('earlier');
  });
  const hangs = node('earlierHangs', () => never());
  await runner.run(completes);
  await runner.run(fails, undefined, { onFailure: 'return' });
  await runner.run(stops, undefined, { onFailure: 'return' });
  const cancelled = runner.iter(hangs, undefined, { onFailure: 'return' });
  cancelled.cancel('earlier');
  await cancelled.result;
  const late = runner.run(hangs, undefined, { timeout: 5, onFailure: 'return' });
  await clock.advance(5);
  await late;
}

/** Collects the events of a run that is given its `subscriber`. */
export function eventLog(): {
  readonly events: TroupeEvent[];
  readonly subscriber: (event: TroupeEvent) => void;
} {
  const events: TroupeEvent[] = [];
  return { events, subscriber: (event) => void events.push(event) };
}

// Some events share a shape under several types, which `Extract` would not find.
type EventOf<Type, Event = TroupeEvent> = Event extends { readonly type: unknown }
  ? Type extends Event['type']
    ? Event
    : never
  : never;

/** The events of one type. */
export function ofType<Type extends TroupeEvent['type']>(
  events: readonly TroupeEvent[],
  type: Type,
): EventOf<Type>[] {
  return events.filter((event) => event.type === type) as EventOf<Type>[]; // as was just checked
}

import { createRunner, type AnyNode, type RunnerOptions, type TroupeEvent } from 'troupe';
import { fakeClock, type FakeClock } from 'troupe/testing';

type EventOf<Type extends TroupeEvent['type']> = Extract<TroupeEvent, { type: Type }>;

/** What came of a run that was watched. */
export interface Watched {
  readonly events: readonly TroupeEvent[];
  readonly of: <Type extends TroupeEvent['type']>(type: Type) => EventOf<Type>[];
}

/** Runs a node to its end, whatever that is, on a clock that starts at 1,000. */
export async function watch(
  target: AnyNode | ((clock: FakeClock) => AnyNode),
  given?: unknown,
  options: RunnerOptions = {},
): Promise<Watched> {
  const clock = fakeClock({ now: 1_000 });
  const events: TroupeEvent[] = [];
  await using runner = createRunner({ ...options, clock, subscriber: (event) => void events.push(event) });
  const handle = runner.iter(typeof target === 'function' ? target(clock) : target, given, {
    onFailure: 'return',
  });
  await clock.runAll();
  for (const { key } of handle.pauses) void handle.respond(key, 'answer');
  await clock.runAll();
  await handle.result;
  const of = <Type extends TroupeEvent['type']>(type: Type): EventOf<Type>[] =>
    events.filter((event): event is EventOf<Type> => event.type === type);
  return { events, of };
}

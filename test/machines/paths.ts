import type { AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate';
import { getSimplePaths } from 'xstate/graph';

/** One way through a chart: each event, and where it leads. */
export interface Path {
  readonly name: string;
  readonly steps: readonly { readonly event: EventObject; readonly state: AnyMachineSnapshot }[];
}

/** Every simple path of a machine, among the states whose counts are within a bound. */
export function simplePaths(
  machine: AnyStateMachine,
  names: readonly string[],
  bound: number,
): readonly Path[] {
  const events = names.map((type) => ({ type }));
  const isWithin = ({ context }: AnyMachineSnapshot): boolean =>
    Object.values<unknown>(context).every((count) => Number(count) >= 0 && Number(count) <= bound);
  const paths = getSimplePaths(machine, {
    events,
    stopWhen: (state) => !isWithin(state),
    serializeState: ({ value, context }) => JSON.stringify([value, context]) as never, // the brand is the graph's own
  });
  return paths.map(({ steps }) => ({
    name: steps.map(({ event }) => event.type).join(' '),
    steps: steps.map(({ event, state }) => ({ event, state })),
  }));
}

/** Every event that some state of a chart has a way for. */
export function eventsOf(states: Readonly<Record<string, { readonly on?: object }>>): readonly string[] {
  return [...new Set(Object.values(states).flatMap(({ on = {} }) => Object.keys(on)))];
}

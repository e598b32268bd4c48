import type { ActorLogic, ActorSystem, ActorSystemInfo } from 'xstate';
import { toMachine, toTable, type Chart } from '../machines/chart.ts';

/** Any system; the actors of a run care about none in particular. */
export type AnySystem = ActorSystem<ActorSystemInfo>;

/** Where the chart of an actor is, and what every snapshot of XState has. */
interface SnapshotBase<State extends string, Context> {
  readonly value: State;
  readonly context: Context;
  readonly error: undefined;
}

/** The snapshot of an actor that a chart drives. */
export type ChartSnapshot<State extends string, Context> =
  | (SnapshotBase<State, Context> & { readonly status: 'active'; readonly output: undefined })
  | (SnapshotBase<State, Context> & { readonly status: 'done'; readonly output: unknown });

/** An event of a chart; `output` becomes the actor's when the event leads to a final state. */
export interface ChartEvent<Event extends string> {
  readonly type: Event;
  readonly output?: unknown;
}

/** Actor logic that a chart drives, with the chart's config for inspectors. */
export interface ChartLogic<State extends string, Event extends string, Context> extends ActorLogic<
  ChartSnapshot<State, Context>,
  ChartEvent<Event>,
  undefined,
  AnySystem
> {
  /** Inspectors draw an actor's chart from here. */
  readonly config: unknown;
}

/** Runs a chart as actor logic, from its table. */
export function fromChart<
  State extends string,
  Event extends string,
  Context extends object,
  Guard extends string,
  Update extends string,
>(chart: Chart<State, Event, Context, Guard, Update>): ChartLogic<State, Event, Context> {
  const table = toTable(chart);
  const initial: ChartSnapshot<State, Context> = {
    status: 'active',
    ...table.initial,
    output: undefined,
    error: undefined,
  };
  const firstSteps = new Map<Event, ChartSnapshot<State, Context>>();
  return {
    config: toMachine(chart).config,
    getInitialSnapshot: () => initial,
    getPersistedSnapshot: (snapshot) => snapshot,
    transition: (snapshot, event) => {
      // Nearly every actor takes the same first step; they share its snapshot.
      const known = snapshot === initial ? firstSteps.get(event.type) : undefined;
      if (known !== undefined) return known;
      const next = table.next(snapshot, event.type);
      if (next === snapshot) return snapshot;
      const { value, context } = next;
      if (table.isFinal(value))
        return { status: 'done', value, context, output: event.output, error: undefined };
      const active: ChartSnapshot<State, Context> = {
        status: 'active',
        value,
        context,
        output: undefined,
        error: undefined,
      };
      if (snapshot === initial) firstSteps.set(event.type, active);
      return active;
    },
  };
}

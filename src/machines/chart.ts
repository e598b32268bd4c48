import { assign, createMachine, type AnyStateMachine } from 'xstate';

/** One way out of a state on an event. Without a `target` the state stays. */
export interface Transition<State extends string, Guard extends string, Update extends string> {
  readonly target?: State;
  /** Taken only when this holds of the context. */
  readonly guard?: Guard;
  /** How the context changes. */
  readonly update?: Update;
}

/** One state of a chart. */
export interface ChartState<
  State extends string,
  Event extends string,
  Guard extends string,
  Update extends string,
> {
  readonly final?: true;
  readonly on?: {
    readonly [Name in Event]?: Transition<State, Guard, Update> | readonly Transition<State, Guard, Update>[];
  };
}

/**
 * A statechart as data: the one description of a lifecycle. It is drawn, walked by tests and shown by inspectors as an
 * XState machine (`toMachine`), and run as a table (`toTable`), which is several times faster.
 */
export interface Chart<
  State extends string = string,
  Event extends string = string,
  Context extends object = object,
  Guard extends string = string,
  Update extends string = string,
> {
  readonly id: string;
  readonly initial: State;
  readonly context: Context;
  readonly states: { readonly [Name in State]: ChartState<State, Event, Guard, Update> };
  readonly guards: { readonly [Name in Guard]: (context: Context) => boolean };
  readonly updates: { readonly [Name in Update]: (context: Context) => Context };
}

/** Checks a chart's names as it is written: an unknown target, guard or update does not compile. */
export function defineChart<
  const State extends string,
  const Event extends string,
  Context extends object,
  const Guard extends string,
  const Update extends string,
>(chart: Chart<State, Event, Context, Guard, Update>): Chart<State, Event, Context, Guard, Update> {
  return Object.freeze(chart);
}

/** Where a chart is. */
export interface Position<State extends string, Context> {
  readonly value: State;
  readonly context: Context;
}

/** A chart made ready to run. */
export interface ChartTable<State extends string, Event extends string, Context> {
  readonly initial: Position<State, Context>;
  /** The position after an event; the same object when the chart has no transition for it. */
  next(position: Position<State, Context>, event: Event): Position<State, Context>;
  isFinal(state: State): boolean;
}

/** The chart as a table of transitions. */
export function toTable<
  State extends string,
  Event extends string,
  Context extends object,
  Guard extends string,
  Update extends string,
>(chart: Chart<State, Event, Context, Guard, Update>): ChartTable<State, Event, Context> {
  const table = new Map<State, Map<string, readonly Transition<State, Guard, Update>[]>>();
  for (const name of statesOf(chart)) {
    const transitions = Object.entries<
      Transition<State, Guard, Update> | readonly Transition<State, Guard, Update>[] | undefined
    >(chart.states[name].on ?? {});
    table.set(name, new Map(transitions.map(([event, listed]) => [event, listOf(listed)])));
  }
  return {
    initial: { value: chart.initial, context: chart.context },
    isFinal: (state) => chart.states[state].final === true,
    next: (position, event) => {
      const candidates = table.get(position.value)?.get(event);
      if (candidates === undefined) return position;
      for (const { target, guard, update } of candidates) {
        if (guard !== undefined && !chart.guards[guard](position.context)) continue;
        const context = update === undefined ? position.context : chart.updates[update](position.context);
        return { value: target ?? position.value, context };
      }
      return position;
    },
  };
}

/** The chart as an XState machine: for inspectors, for XState's graph utilities, and for its visual tools. */
export function toMachine<
  State extends string,
  Event extends string,
  Context extends object,
  Guard extends string,
  Update extends string,
>(chart: Chart<State, Event, Context, Guard, Update>): AnyStateMachine {
  const states = statesOf(chart).map((name) => {
    const { final, on = {} } = chart.states[name];
    const transitions = Object.entries<
      Transition<State, Guard, Update> | readonly Transition<State, Guard, Update>[] | undefined
    >(on);
    const toXState = ({ target, guard, update }: Transition<State, Guard, Update>): object => ({
      ...(target === undefined ? {} : { target }),
      ...(guard === undefined ? {} : { guard }),
      ...(update === undefined ? {} : { actions: update }),
    });
    const listed = transitions.map(([event, given]) => [event, listOf(given).map(toXState)]);
    return [name, final === true ? { type: 'final' } : { on: Object.fromEntries(listed) }];
  });
  const config = {
    id: chart.id,
    initial: chart.initial,
    context: chart.context,
    states: Object.fromEntries(states),
  };
  const guards = Object.entries<(context: Context) => boolean>(chart.guards).map(([name, holds]) => [
    name,
    ({ context }: { context: Context }) => holds(context),
  ]);
  const actions = Object.entries<(context: Context) => Context>(chart.updates).map(([name, change]) => [
    name,
    assign(({ context }) => change(context as Context)), // the machine's context is the chart's
  ]);
  return createMachine(config).provide({
    guards: Object.fromEntries(guards),
    actions: Object.fromEntries(actions),
  });
}

function statesOf<State extends string>(chart: {
  readonly states: { readonly [Name in State]: unknown };
}): State[] {
  return Object.keys(chart.states) as State[]; // its keys are the states
}

function listOf<Item>(given: Item | readonly Item[] | undefined): readonly Item[] {
  if (given === undefined) return [];
  return Array.isArray(given) ? (given as readonly Item[]) : [given as Item];
}

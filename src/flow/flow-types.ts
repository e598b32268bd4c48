import type { AnyRoutine, Routine, RoutineErrorPolicy, ValueOf } from './contract.ts';
import type { FlowPlan } from './plan.ts';

/** The routines of a flow by the names that they have in it. */
export type Routines = Readonly<Record<string, AnyRoutine>>;

/** `routine.event` for every event of a flow. */
export type EventPath<Members extends Routines> = PathOf<Members, 'events'>;

/** `routine.slot` for every slot of a flow. */
export type SlotPath<Members extends Routines> = PathOf<Members, 'slots'>;

type PathOf<Members extends Routines, Part extends 'events' | 'slots'> = {
  [Name in keyof Members & string]: `${Name}.${keyof Members[Name][Part] & string}`;
}[keyof Members & string];

/** The value of an event, by its path. */
export type EventValue<Members extends Routines, Path> = ValueAt<Members, Path, 'events'>;

/** The value of a slot, by its path. */
export type SlotValue<Members extends Routines, Path> = ValueAt<Members, Path, 'slots'>;

type ValueAt<
  Members extends Routines,
  Path,
  Part extends 'events' | 'slots',
> = Path extends `${infer Name}.${infer Port}`
  ? Name extends keyof Members
    ? Port extends keyof Members[Name][Part]
      ? ValueOf<Members[Name][Part][Port]>
      : never
    : never
  : never;

/** What stands in the place of an argument that does not fit. */
export interface Misfit<Problem extends string> {
  readonly '~problem': Problem;
}

/** An argument as it is when its event fits the slot. */
type Fitting<Members extends Routines, From, To> = [EventValue<Members, From>] extends [
  SlotValue<Members, To>,
]
  ? To
  : Misfit<'The values of the event do not fit the slot: give `{ map }`'>;

type Free<Members extends Routines, Name> = string extends keyof Members
  ? unknown
  : Name extends keyof Members
    ? Misfit<'The flow has a routine of that name already: give another as the second argument'>
    : unknown;

/** The routines of a flow with another; where its name is any text, so are those of the flow from then on. */
export type Adding<
  Members extends Routines,
  Name extends string,
  Added extends AnyRoutine,
> = string extends keyof Members
  ? Members
  : string extends Name
    ? Members & Routines
    : Members & Record<Name, Added>;

/** Options of a connection that changes what it carries. */
export interface ConnectOptions<From, To> {
  /** Makes the slot's value of the event's. It must be pure, and not asynchronous. */
  readonly map?: ((value: From) => To) | undefined;
}

/** Options of a connection whose values would not fit without. */
export interface MapOptions<From, To> extends ConnectOptions<From, To> {
  readonly map: (value: From) => To;
}

/** What there is to say of a flow. */
export type FlowProblemCode =
  /** An error: nothing could ever run. */
  | 'NO_ROUTINES'
  /** A routine can never run. */
  | 'NO_SLOTS'
  /** A routine of several has no connections, or no routine outside of a cycle leads to it. */
  | 'UNREACHED'
  /** Of a routine with a slot that is fed, another that no connection feeds. */
  | 'NO_FEEDER'
  /** Messages may go round, which is fine if they end some time. */
  | 'CYCLE';

/** What is wrong with a flow, or worth a look. */
export interface FlowProblem {
  /** Errors keep a flow from running; warnings do not. */
  readonly level: 'error' | 'warning';
  readonly code: FlowProblemCode;
  readonly message: string;
  /** The names of the routines that it is about, of a cycle in the order in which it goes round; or `routine.slot`. */
  readonly where: readonly string[];
}

/** A connection of a flow as JSON. */
export interface FlowConnectionJSON {
  /** `routine.event` */
  readonly from: string;
  /** `routine.slot` */
  readonly to: string;
  /**
   * The name of the function that maps, which JSON cannot hold: `flowFromJSON` is given it again. A function that is
   * written in place is called `map`; the second one of a name has a number, as in `map2`.
   */
  readonly map?: string;
}

/** A flow as JSON: its structure, with its routines by name. */
export interface FlowJSON {
  readonly version: 1;
  readonly name: string;
  /** The name of each routine in the flow, and that of the routine itself, by which `flowFromJSON` looks it up. */
  readonly routines: readonly { readonly name: string; readonly routine: string }[];
  readonly connections: readonly FlowConnectionJSON[];
  /** Left out where there is none, and where it holds a function (`on` of its retries), which is then lost. */
  readonly onError?: RoutineErrorPolicy;
}

/** Any flow. */
export interface AnyFlow {
  readonly kind: 'flow';
  readonly name: string;
  /** By the names that they have in the flow. */
  readonly routines: Routines;
  /** What it compiles to. */
  readonly plan: FlowPlan;
  /** What is wrong with it, and what is worth a look; empty for a good flow. Nothing is thrown. */
  validate(): readonly FlowProblem[];
  /** As a Mermaid flowchart: a box for each routine, with its policy, and an arrow for each connection. */
  toMermaid(): string;
  /** Its structure; `flowFromJSON` reads it back, given its routines and functions. */
  toJSON(): FlowJSON;
  /** The same as YAML. */
  toYAML(): string;
}

/**
 * A flow: routines and the connections between them. An immutable value; each method returns another flow.
 */
export interface Flow<Name extends string = string, Members extends Routines = Routines> extends AnyFlow {
  readonly name: Name;
  readonly routines: Members;
  /**
   * Adds a routine, under its own name or another.
   *
   * @throws {@link FlowConfigError} FLOW_CONFIG when the name is taken.
   */
  add<Added extends AnyRoutine>(
    routine: Added & Free<Members, Added['name']>,
  ): Flow<Name, Adding<Members, Added['name'], Added>>;
  add<Added extends AnyRoutine, const As extends string>(
    routine: Added,
    as: As & Free<Members, As>,
  ): Flow<Name, Adding<Members, As, Added>>;
  /**
   * Sends what a routine emits to a slot, as it is or mapped. An event may go to several slots, and a slot may be fed by
   * several events.
   *
   * @throws {@link FlowConfigError} FLOW_CONFIG when there is no such event or slot, or they are connected already.
   */
  connect<const From extends EventPath<Members>, const To extends SlotPath<Members>>(
    from: From,
    to: To & Fitting<Members, From, To>,
    options?: ConnectOptions<EventValue<Members, From>, SlotValue<Members, To>>,
  ): Flow<Name, Members>;
  connect<const From extends EventPath<Members>, const To extends SlotPath<Members>>(
    from: From,
    to: To,
    options: MapOptions<EventValue<Members, From>, SlotValue<Members, To>>,
  ): Flow<Name, Members>;
  /** What becomes of a job when a routine without an `onError` of its own fails. Default: `'stop'`. */
  onError(policy: RoutineErrorPolicy): Flow<Name, Members>;
}

/** The routines of a flow, by its type. */
export type RoutinesOf<Given> = Given extends { readonly routines: infer Members extends Routines }
  ? Members
  : never;

/** The value that is posted to a slot of a routine. */
export type PostValue<Members extends Routines, Name extends keyof Members, Port> =
  Members[Name] extends Routine<string, infer InSlots>
    ? Port extends keyof InSlots
      ? ValueOf<InSlots[Port]>
      : never
    : never;

import type { RetryPolicy } from '../nodes/contract.ts';
import type { AnyRoutine, FailurePolicy, Slot } from './contract.ts';
import type { Policy } from './policies.ts';
import { leavesFirst } from './cycles.ts';
import type { FlowParts } from './parts.ts';
import { errorPolicyOf } from './routine.ts';

/** A slot of a flow, with its place in the list of all of them. */
export interface PlanSlot {
  readonly index: number;
  readonly name: string;
  /** The place of its routine. */
  readonly routine: number;
  readonly slot: Slot;
}

/** Where an event goes. */
export interface PlanReceiver {
  readonly slot: PlanSlot;
  readonly map: ((value: never) => unknown) | undefined;
}

/** A routine of a flow, with its place in the list of all of them. */
export interface PlanRoutine {
  readonly index: number;
  /** Its name in the flow. */
  readonly name: string;
  readonly routine: AnyRoutine;
  readonly policy: Policy;
  readonly concurrency: number;
  readonly critical: boolean;
  /** What follows a failure, after the retries. */
  readonly onFailure: FailurePolicy;
  readonly slots: readonly PlanSlot[];
  readonly events: ReadonlyMap<string, readonly PlanReceiver[]>;
  /** How it tries again. */
  readonly retry: RetryPolicy | undefined;
  /** Its place in an order in which senders come before receivers, as far as there is one. */
  readonly rank: number;
}

/** A flow made ready to run. */
export interface FlowPlan {
  readonly name: string;
  readonly routines: readonly PlanRoutine[];
  readonly slots: readonly PlanSlot[];
  readonly parts: FlowParts;
  /** The routine of a name in the flow. */
  readonly find: (name: string) => PlanRoutine | undefined;
}

/** Makes a flow ready to run. */
export function compile(parts: FlowParts): FlowPlan {
  const { name: flowName, connections, onError } = parts;
  const members = [...parts.routines];
  const slots: PlanSlot[] = [];
  const slotsOf = members.map(([, { slots: own }], routine) =>
    Object.entries(own).map(([name, slot]) => {
      const planned: PlanSlot = { index: slots.length, name, routine, slot };
      slots.push(planned);
      return planned;
    }),
  );
  const places = new Map(members.map(([name], place) => [name, place]));
  const events = members.map(
    ([, { events: own }]) => new Map<string, PlanReceiver[]>(Object.keys(own).map((event) => [event, []])),
  );
  for (const { from, to, map } of connections) {
    const slot = slotsOf[places.get(to.routine) ?? -1]?.find(({ name }) => name === to.slot);
    if (slot !== undefined) events[places.get(from.routine) ?? -1]?.get(from.event)?.push({ slot, map });
  }
  const ranks = ranksOf(parts);
  const routines = members.map(([name, routine], index): PlanRoutine => {
    const { retry, then } = errorPolicyOf(routine, onError);
    const { policy, concurrency, critical } = routine;
    return {
      index,
      name,
      routine,
      policy,
      concurrency,
      critical,
      onFailure: then,
      slots: slotsOf[index] ?? [],
      events: events[index] ?? new Map(),
      retry,
      rank: ranks.get(name) ?? 0,
    };
  });
  const byName = new Map(routines.map((planned) => [planned.name, planned]));
  return { name: flowName, routines, slots, parts, find: (name) => byName.get(name) };
}

/** The place of each routine in an order in which senders come before receivers; in a cycle, who is named first. */
function ranksOf({ routines, connections }: FlowParts): ReadonlyMap<string, number> {
  // Who is named first comes last here, and so first when the order is turned round.
  const receivers = new Map<string, string[]>([...routines.keys()].toReversed().map((name) => [name, []]));
  for (const { from, to } of connections) receivers.get(from.routine)?.push(to.routine);
  return new Map(
    leavesFirst(receivers)
      .toReversed()
      .map((name, place) => [name, place]),
  );
}

import type { RetryPolicy } from '../nodes/contract.ts';
import type { AnyRoutine, FailurePolicy, RoutineErrorPolicy, Slot } from './contract.ts';
import type { Policy } from './policies.ts';
import { errorPolicyOf } from './routine.ts';

/** A connection as it was made. */
export interface Connection {
  readonly from: { readonly routine: string; readonly event: string };
  readonly to: { readonly routine: string; readonly slot: string };
  readonly map: ((value: never) => unknown) | undefined;
}

/** What a flow is made of. */
export interface FlowParts {
  readonly name: string;
  readonly routines: ReadonlyMap<string, AnyRoutine>;
  readonly connections: readonly Connection[];
  readonly onError: RoutineErrorPolicy | undefined;
}

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
  const slots: PlanSlot[] = [];
  const bySlot = new Map<string, PlanSlot>();
  const names = [...parts.routines.keys()];
  for (const [index, [name, { slots: own }]] of [...parts.routines].entries()) {
    for (const [slotName, slot] of Object.entries(own)) {
      const planned: PlanSlot = { index: slots.length, name: slotName, routine: index, slot };
      slots.push(planned);
      bySlot.set(`${name}.${slotName}`, planned);
    }
  }
  const ranks = rank(names, parts.connections);
  const routines = [...parts.routines].map(([name, routine], index): PlanRoutine => {
    const events = new Map<string, PlanReceiver[]>(Object.keys(routine.events).map((event) => [event, []]));
    for (const { from, to, map } of parts.connections) {
      const target = bySlot.get(`${to.routine}.${to.slot}`);
      if (from.routine === name && target !== undefined) events.get(from.event)?.push({ slot: target, map });
    }
    const { retry, then } = errorPolicyOf(routine, parts.onError);
    const { policy, concurrency, critical } = routine;
    return {
      index,
      name,
      routine,
      policy,
      concurrency,
      critical,
      onFailure: then,
      slots: slots.filter((slot) => slot.routine === index),
      events,
      retry,
      rank: ranks[index] ?? 0,
    };
  });
  const byName = new Map(routines.map((planned) => [planned.name, planned]));
  return { name: parts.name, routines, slots, parts, find: (name) => byName.get(name) };
}

/** For each name its place in an order in which senders come before receivers; in a cycle, who is named first. */
function rank(names: readonly string[], connections: readonly Connection[]): readonly number[] {
  const receivers = new Map<string, string[]>(names.map((name) => [name, []]));
  for (const { from, to } of connections) receivers.get(from.routine)?.push(to.routine);
  const seen = new Set<string>();
  const reversed: string[] = [];
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const next of receivers.get(name) ?? []) visit(next);
    reversed.push(name);
  };
  for (const name of names.toReversed()) visit(name);
  const order = new Map(reversed.toReversed().map((name, place) => [name, place]));
  return names.map((name) => order.get(name) ?? 0);
}

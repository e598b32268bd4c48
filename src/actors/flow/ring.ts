import type { FlowState } from './flow-state.ts';
import type { Shipment, Traffic } from './traffic.ts';

/** Routines that wait for each other. */
export interface Ring {
  /** Their names, each before the one that it waits for; the first comes again at the end. */
  readonly names: readonly string[];
  /** What the first of them waits with. */
  readonly shipment: Shipment;
}

/**
 * Routines that wait for room in each other's slots, so that none of them can ever go on; undefined when there are none. A
 * routine is stuck when all that it may do at once waits; what waits for a stuck routine is stuck for good.
 */
export function findRing(state: FlowState, traffic: Traffic): Ring | undefined {
  const heads = headsByRoutine(traffic);
  const stuck = new Set<number>();
  for (const routine of heads.keys()) if (isBlocked(state, routine)) stuck.add(routine);
  for (let isShrinking = stuck.size > 0; isShrinking;) {
    isShrinking = false;
    for (const routine of stuck) {
      const goesOn = (heads.get(routine) ?? []).some(({ awaited }) =>
        awaited.every((other) => !stuck.has(other)),
      );
      if (goesOn) isShrinking = stuck.delete(routine);
    }
  }
  return ringOf(state, stuck, heads);
}

interface Head {
  readonly shipment: Shipment;
  /** The routines whose slots it waits for. */
  readonly awaited: readonly number[];
}

function headsByRoutine(traffic: Traffic): ReadonlyMap<number, readonly Head[]> {
  const found = new Map<number, Head[]>();
  for (const shipment of traffic.heads) {
    const routine = shipment.activation?.routine.index ?? -1;
    const head = { shipment, awaited: traffic.awaited(shipment) };
    const others = found.get(routine);
    if (others === undefined) found.set(routine, [head]);
    else others.push(head);
  }
  return found;
}

/** Whether all that a routine may do at once waits for room. */
function isBlocked(state: FlowState, routine: number): boolean {
  const record = state.routines[routine];
  if (record === undefined || record.running < record.plan.concurrency) return false;
  for (const { routine: own, emissions } of state.activations.values())
    if (own.index === routine && (emissions?.blocked ?? 0) === 0) return false;
  return true;
}

function ringOf(
  state: FlowState,
  stuck: ReadonlySet<number>,
  heads: ReadonlyMap<number, readonly Head[]>,
): Ring | undefined {
  const way: number[] = [];
  let [at] = stuck;
  while (at !== undefined && !way.includes(at)) {
    way.push(at);
    at = (heads.get(at) ?? []).flatMap(({ awaited }) => awaited).find((other) => stuck.has(other));
  }
  const ring = at === undefined ? way : way.slice(way.indexOf(at));
  const head = heads.get(ring[0] ?? -1)?.find(({ awaited }) => awaited.some((other) => stuck.has(other)));
  if (head === undefined) return undefined;
  const names = [...ring, ...ring.slice(0, 1)].map((routine) => state.routines[routine]?.plan.name ?? '');
  return { names, shipment: head.shipment };
}

import type { WiredMember, Wiring } from './wiring.ts';

/** A decision that must have been made for a node to run, and what must have been decided besides. Shared by all below it. */
export interface Condition {
  readonly gate: number;
  readonly target: number;
  readonly rest: Condition | undefined;
  /** How many there are. */
  readonly length: number;
}

/** What must have been decided for each node to run, in an order in which what a node depends on comes first. */
export function conditionsOf({ members, components }: Wiring): (Condition | undefined)[] {
  const found: (Condition | undefined)[] = [];
  for (const component of components.members) {
    for (const index of component) {
      const member = members[index];
      if (member === undefined) continue;
      const isOutside = (other: number): boolean => components.of[other] !== components.of[index];
      found[index] = conditionOf(member, members, { of: (other) => found[other], isOutside });
    }
  }
  return found;
}

interface Known {
  readonly of: (index: number) => Condition | undefined;
  readonly isOutside: (index: number) => boolean;
}

function conditionOf(
  { index, ports, gates }: WiredMember,
  members: readonly WiredMember[],
  { of, isOutside }: Known,
): Condition | undefined {
  let needed: Condition | undefined;
  for (const port of ports) {
    if (port.hasDefault || port.isOptional || port.producers.length === 0) continue;
    if (port.producers.every(isOutside)) needed = both(needed, inAll(port.producers.map(of)));
  }
  if (gates.length === 0) return needed;
  const chosen = gates.map((gate) => {
    const before = isOutside(gate) ? of(gate) : undefined;
    if (members[gate]?.node.gate?.isMulti === true) return before;
    return { gate, target: index, rest: before, length: (before?.length ?? 0) + 1 };
  });
  return both(inAll(chosen), needed);
}

/** What holds when both hold. */
function both(first: Condition | undefined, second: Condition | undefined): Condition | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  const common = commonOf(first, second);
  if (common === second) return first;
  if (common === first) return second;
  let joined = first;
  for (let each: Condition | undefined = second; each !== common && each !== undefined; each = each.rest)
    joined = { gate: each.gate, target: each.target, rest: joined, length: joined.length + 1 };
  return joined;
}

/** What holds in each of several cases: what they share. */
function inAll([first, ...others]: readonly (Condition | undefined)[]): Condition | undefined {
  let common = first;
  for (const other of others) common = commonOf(common, other);
  return common;
}

function commonOf(first: Condition | undefined, second: Condition | undefined): Condition | undefined {
  let [a, b] = [first, second];
  while (a !== b) {
    if (a === undefined || b === undefined) return undefined;
    if (a.length >= b.length) a = a.rest;
    else b = b.rest;
  }
  return a;
}

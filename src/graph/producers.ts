import { reach } from './components.ts';
import { problem } from './problem.ts';
import type { GraphState } from './state.ts';
import type { Wiring, WiredMember } from './wiring.ts';

/** The decisions that must have been made for a node to run: the target by its gate. */
type Conditions = ReadonlyMap<number, number>;

const ALWAYS: Conditions = new Map();

/**
 * Throws where two nodes output one name and nothing says which of them counts: at most one of them can run, as a gate
 * chooses between them, or one comes after the other.
 */
export function assertProducersAgree(state: GraphState, wiring: Wiring): void {
  const contested = [...wiring.producers].filter(([name, all]) => all.length > 1 && !state.shared.has(name));
  if (contested.length === 0) return;
  const conditions = conditionsOf(wiring);
  const reached = new Map<number, ReadonlySet<number>>();
  const follows = (from: number, to: number): boolean => {
    const known = reached.get(from) ?? reach(wiring.successors, from);
    reached.set(from, known);
    return known.has(to);
  };
  for (const [name, all] of contested) {
    for (const [first, second] of pairsOf(all)) {
      if (areExclusive(conditions[first], conditions[second])) continue;
      if (follows(first, second) || follows(second, first)) continue;
      const [a, b] = [wiring.members[first]?.name ?? '', wiring.members[second]?.name ?? ''];
      throw problem(
        state,
        `nodes "${a}" and "${b}" both output "${name}", and both may run in any order`,
        `Rename one output, order them (\`emits\` and \`waitFor\`, or \`edges\`), let one gate choose between them, or declare \`shared: ['${name}']\`.`,
      );
    }
  }
}

function* pairsOf(all: readonly number[]): Generator<readonly [number, number]> {
  for (const [at, first] of all.entries()) for (const second of all.slice(at + 1)) yield [first, second];
}

function areExclusive(first: Conditions = ALWAYS, second: Conditions = ALWAYS): boolean {
  for (const [gate, target] of first) {
    const other = second.get(gate);
    if (other !== undefined && other !== target) return true;
  }
  return false;
}

/** What must have been decided for each node to run, in an order in which what a node depends on comes first. */
function conditionsOf({ members, components }: Wiring): Conditions[] {
  const found: Conditions[] = [];
  const of = (index: number): Conditions => found[index] ?? ALWAYS;
  for (const component of components.members) {
    for (const index of component) {
      const member = members[index];
      if (member === undefined) continue;
      const outside = (other: number): boolean => components.of[other] !== components.of[index];
      found[index] = conditionsOfMember(member, members, { of, outside });
    }
  }
  return found;
}

function conditionsOfMember(
  { index, ports, gates }: WiredMember,
  members: readonly WiredMember[],
  { of, outside }: { of: (index: number) => Conditions; outside: (index: number) => boolean },
): Conditions {
  let conditions = ALWAYS;
  for (const port of ports) {
    if (port.hasDefault || port.isOptional || port.producers.length === 0) continue;
    if (port.producers.every(outside)) conditions = both(conditions, inAll(port.producers.map(of)));
  }
  if (gates.length === 0) return conditions;
  const chosen = gates.map((gate) => {
    const decides = members[gate]?.node.gate?.isMulti === true ? ALWAYS : new Map([[gate, index]]);
    return both(outside(gate) ? of(gate) : ALWAYS, decides);
  });
  return both(conditions, inAll(chosen));
}

/** What holds when both hold. The same object where nothing is added, so that long chains cost nothing. */
function both(first: Conditions, second: Conditions): Conditions {
  if (second.size === 0 || first === second) return first;
  if (first.size === 0) return second;
  return new Map([...first, ...second]);
}

/** What holds in each of several cases. */
function inAll([first = ALWAYS, ...others]: readonly Conditions[]): Conditions {
  if (others.length === 0) return first;
  return new Map([...first].filter(([gate, target]) => others.every((other) => other.get(gate) === target)));
}

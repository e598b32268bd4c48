import { reach } from './components.ts';
import type { WiredMember, Wiring } from './wiring.ts';

// Beyond so many combinations of decisions, two nodes are taken to be able to run together.
const MAX_COMBINATIONS = 4_096;

/**
 * Whether two nodes never run in the same run, whatever the gates before them decide: every combination of their decisions
 * is tried. Only asked on the way to a refusal.
 */
export function neverRunTogether(
  [first, second]: readonly [number, number],
  wiring: Wiring,
  shared: ReadonlySet<string>,
): boolean {
  const { members, successors } = wiring;
  const predecessors = members.map((): number[] => []);
  for (const [from, targets] of successors.entries()) for (const to of targets) predecessors[to]?.push(from);
  const involved = reach(predecessors, first, second);
  const gates = members.filter(
    ({ index, node }) => involved.has(index) && node.gate !== undefined && !node.gate.isMulti,
  );
  const choices = gates.map(({ targets }) => [...targets.values(), -1]);
  const combinations = choices.reduce((product, each) => product * each.length, 1);
  if (combinations > MAX_COMBINATIONS) return false;
  for (let combination = 0; combination < combinations; combination += 1) {
    const decisions = decisionsOf(combination, gates, choices);
    const running = runningWith({ decisions, involved, shared }, wiring);
    if (running.has(first) && running.has(second)) return false;
  }
  return true;
}

/** The target of each gate in one of all combinations, -1 for none; combinations are counted like numbers. */
function decisionsOf(
  combination: number,
  gates: readonly WiredMember[],
  choices: readonly (readonly number[])[],
): ReadonlyMap<number, number> {
  const decisions = new Map<number, number>();
  let rest = combination;
  for (const [at, { index }] of gates.entries()) {
    const targets = choices[at] ?? [];
    decisions.set(index, targets[rest % targets.length] ?? -1);
    rest = Math.floor(rest / targets.length);
  }
  return decisions;
}

/** One combination of decisions, and the nodes that it is about. */
interface Case {
  readonly decisions: ReadonlyMap<number, number>;
  readonly involved: ReadonlySet<number>;
  readonly shared: ReadonlySet<string>;
}

/** The nodes that run with these decisions: those that are chosen, where they are gated, and get what they need. */
function runningWith(
  { decisions, involved, shared }: Case,
  { members, components }: Wiring,
): ReadonlySet<number> {
  const running = new Set<number>();
  // Inside a loop everything may have run before; what comes first in the order of components is decided first.
  const runs = (index: number, of: number): boolean =>
    running.has(index) || components.of[index] === components.of[of];
  const isChosen = ({ index, gates }: WiredMember): boolean =>
    gates.length === 0 || gates.some((gate) => runs(gate, index) && (decisions.get(gate) ?? index) === index);
  const getsAll = ({ index, ports }: WiredMember): boolean =>
    ports.every(
      ({ name, hasDefault, isOptional, producers }) =>
        // A shared name has a value from the start.
        [hasDefault, isOptional, producers.length === 0, shared.has(name)].includes(true) ||
        producers.some((each) => runs(each, index)),
    );
  for (const component of components.members) {
    for (const index of component) {
      const member = members[index];
      if (member === undefined || !involved.has(index)) continue;
      if (isChosen(member) && getsAll(member)) running.add(index);
    }
  }
  return running;
}

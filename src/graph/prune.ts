import { didYouMean } from '../suggest.ts';
import { reach } from './components.ts';
import { problem } from './problem.ts';
import type { GraphState } from './state.ts';
import type { Wiring } from './wiring.ts';

/** The nodes that do not take part, by name with the reason: what lies before the entries, and what nothing selected needs. */
export function prune(state: GraphState, wiring: Wiring): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  const { members } = wiring;
  const predecessors = members.map((): number[] => []);
  for (const [from, targets] of wiring.successors.entries())
    for (const to of targets) predecessors[to]?.push(from);
  if (state.entries.length > 0) cutBefore(state, wiring, predecessors, reasons);
  if (state.selected !== undefined) cutUnselected(state, wiring, predecessors, reasons);
  return reasons;
}

function cutBefore(
  state: GraphState,
  { members, byName, components }: Wiring,
  predecessors: readonly (readonly number[])[],
  reasons: Map<string, string>,
): void {
  const entries = state.entries.map((name) => {
    const entry = byName.get(name);
    if (entry === undefined) {
      throw problem(state, `there is no node "${name}" to start at`, didYouMean(name, [...byName.keys()]));
    }
    if (members[entry]?.node.gate !== undefined) {
      throw problem(state, `gate "${name}" cannot be started at`, 'Start at one of its targets.');
    }
    return entry;
  });
  const kept = new Set(entries.map((entry) => components.of[entry]));
  const isCut = new Set<number>();
  const cut = (index: number, reason: string): void => {
    isCut.add(index);
    reasons.set(members[index]?.name ?? '', reason);
  };
  const started = state.entries.map((name) => `"${name}"`).join(', ');
  for (const before of reach(predecessors, ...entries)) {
    if (!kept.has(components.of[before])) cut(before, `the run starts at ${started}, after it`);
  }
  // A branch whose gates are all cut away was not chosen: the run starts in another one.
  for (const { index, gates } of members) {
    if (gates.length === 0 || entries.includes(index) || isCut.has(index)) continue;
    if (gates.every((gate) => isCut.has(gate)))
      cut(index, `the run starts at ${started}, past the gate that chooses it`);
  }
}

function cutUnselected(
  state: GraphState,
  { members, producers }: Wiring,
  predecessors: readonly (readonly number[])[],
  reasons: Map<string, string>,
): void {
  const makers = (state.selected ?? []).flatMap((name) => {
    const found = producers.get(name);
    if (found !== undefined) return found;
    throw problem(
      state,
      `no node outputs "${name}", which is selected`,
      didYouMean(
        name,
        [...producers.keys()].map((each) => state.outputNames.get(each) ?? each),
      ),
    );
  });
  const needed = reach(predecessors, ...makers);
  for (const { index, name } of members) {
    if (!needed.has(index) && !reasons.has(name)) reasons.set(name, 'no selected output needs it');
  }
}

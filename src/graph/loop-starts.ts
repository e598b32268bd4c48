import type { PlanStart } from './plan.ts';
import type { GraphState } from './state.ts';
import { isGraphNode } from './plan.ts';
import type { WiredMember, Wiring } from './wiring.ts';

/**
 * With which members a loop could start, and which seeds each of them needs: its ungated members and those that a gate
 * outside may choose, and the targets of its own gates that are open by default; where no target is open, also its gates.
 */
export function loopStarts(
  indices: readonly number[],
  wiring: Wiring,
  state: GraphState,
): readonly PlanStart[] {
  const loop = new Set(indices);
  const members = indices.map((index) => wiring.members[index]).filter((member) => member !== undefined);
  const entries = members.filter(({ name }) => state.entries.includes(name));
  const working = members.filter(
    (member) => member.node.gate === undefined && mayStart(member, loop, wiring),
  );
  const gates = members.filter(
    ({ node, gates: deciders }) => node.gate !== undefined && deciders.length === 0,
  );
  const isOpen = working.some((member) => member.gates.length > 0);
  const starters = entries.length > 0 ? entries : isOpen ? working : [...working, ...gates];
  return starters
    .filter(
      (member) => !member.ports.some((port) => needsSeed(port, loop, state) && isAnswered(port, wiring)),
    )
    .map((member) => ({
      member: member.index,
      seeds: member.ports.filter((port) => needsSeed(port, loop, state)).map((port) => port.name),
    }));
}

/** The seeds without which no member could start. */
export function requiredSeeds(starts: readonly PlanStart[]): readonly string[] {
  const [first, ...others] = starts;
  return (first?.seeds ?? []).filter((seed) => others.every(({ seeds }) => seeds.includes(seed)));
}

function mayStart({ gates }: WiredMember, loop: ReadonlySet<number>, { members }: Wiring): boolean {
  if (gates.length === 0 || gates.some((gate) => !loop.has(gate))) return true;
  return gates.some((gate) => members[gate]?.node.gate?.isDefaultOpen === true);
}

function needsSeed(
  port: WiredMember['ports'][number],
  loop: ReadonlySet<number>,
  { shared }: GraphState,
): boolean {
  const { producers, name, hasDefault, isOptional } = port;
  if (producers.length === 0 || shared.has(name) || hasDefault || isOptional) return false;
  return producers.every((producer) => loop.has(producer));
}

/** Whether a question makes the value, so that what is given under its name is an answer and no seed. */
function isAnswered({ producers, name }: WiredMember['ports'][number], { members }: Wiring): boolean {
  return producers.some((producer) => {
    const node = members[producer]?.node;
    if (node?.question?.response === name) return true;
    return node !== undefined && isGraphNode(node) && node.answers.has(name);
  });
}

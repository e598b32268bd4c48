import { END } from '../nodes/gates.ts';
import type { GraphPlan, PlanMember, PlanPort } from './plan.ts';

/** What goes from one node of a graph to another. Nodes are known by their place in the list. */
export interface PlanEdge {
  readonly from: number;
  readonly to: number | typeof END;
  /** `shared`: the latest value of a shared name is read, which is no wire. */
  readonly kind: 'data' | 'shared' | 'gate' | 'order';
  /** The name of the data, or the announcement that is waited for. */
  readonly name?: string;
}

/** Everything that goes from node to node in a graph, by the node that it goes to, but for gates. */
export function edgesOf(plan: GraphPlan): readonly PlanEdge[] {
  return plan.members.flatMap((member) => [
    ...member.ports.flatMap((port) => dataEdges(plan, member, port)),
    ...(member.node.gate?.targets ?? []).flatMap((target) => gateEdge(member, target)),
    ...member.waits.flatMap(({ name, emitters }) =>
      emitters.map((from): PlanEdge => ({ from, to: member.index, kind: 'order', name })),
    ),
    ...member.after.map((from): PlanEdge => ({ from, to: member.index, kind: 'order' })),
  ]);
}

/** Whether a run's input may give a port its value: as a first one, where a loop makes more of them. */
export function isFedByInput(
  { inputs, variables, members }: GraphPlan,
  member: number,
  port: PlanPort,
): boolean {
  const variable = variables[port.variable];
  if (variable === undefined || inputs.get(port.name)?.variables.includes(port.variable) !== true)
    return false;
  const component = members[member]?.component;
  return (
    variable.isShared || variable.producers.every((producer) => members[producer]?.component === component)
  );
}

function dataEdges(
  { variables }: GraphPlan,
  { index }: PlanMember,
  { name, variable }: PlanPort,
): PlanEdge[] {
  const { producers = [], isShared = false } = variables[variable] ?? {};
  const kind = isShared ? 'shared' : 'data';
  return producers.map((from) => ({ from, to: index, kind, name }));
}

/** None to what was cut away. */
function gateEdge({ index, targets }: PlanMember, target: string): PlanEdge[] {
  const to = target === END ? END : targets.get(target);
  return to === undefined ? [] : [{ from: index, to, kind: 'gate' }];
}

/** The names that are state: many may write them, and reading them is no wire. */
export function sharedNames({ variables }: GraphPlan): readonly string[] {
  return [...new Set(variables.filter(({ isShared }) => isShared).map(({ name }) => name))];
}

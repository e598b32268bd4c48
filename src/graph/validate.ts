import { isDeepStrictEqual } from 'node:util';
import type { AnyNode } from '../nodes/contract.ts';
import { END } from '../nodes/gates.ts';
import { isNode } from '../nodes/node.ts';
import { didYouMean } from '../suggest.ts';
import { componentsOf, reach } from './components.ts';
import { list, problem } from './problem.ts';
import { assertProducersAgree } from './producers.ts';
import { isGraphNode } from './plan.ts';
import type { Edge, GraphState } from './state.ts';
import { namesOfEdge, type WiredMember, type WiredPort, type Wiring } from './wiring.ts';

/** Throws where the nodes themselves do not go together, before they are wired. */
export function assertNodes(state: GraphState): void {
  const { name: graph, nodes } = state;
  const seen = new Set<string>();
  for (const node of nodes) {
    assertIsNode(graph, node);
    if (node.name === END)
      throw problem(
        state,
        `a node is called "${END}"`,
        `"${END}" ends a branch; give the node another name.`,
      );
    if (seen.has(node.name)) {
      throw problem(
        state,
        `two nodes are called "${node.name}"`,
        'Give each node a name of its own; of a graph used twice with `asNode({ name })`.',
      );
    }
    seen.add(node.name);
  }
  for (const node of nodes) assertTargets(state, node, seen);
  assertEdges(state);
}

/** Throws where the graph as it is wired cannot run. */
export function assertWiring(state: GraphState, wiring: Wiring): void {
  assertWaits(state, wiring);
  assertShared(state, wiring);
  assertProducersAgree(state, wiring);
  assertDefaults(state, wiring);
  assertLeavable(state, wiring);
}

function assertIsNode(graph: string, node: unknown): void {
  if (isNode(node)) return;
  const isGraph = typeof node === 'object' && node !== null && 'asNode' in node;
  throw problem(
    { name: graph },
    isGraph ? 'one of `nodes` is a graph' : 'one of `nodes` is not a node',
    isGraph ? 'Nest a graph with `asNode()`.' : 'Define it with `node(…)`, `route(…)`, `interrupt(…)` ….',
  );
}

function assertTargets(state: GraphState, { name, gate }: AnyNode, names: ReadonlySet<string>): void {
  for (const target of gate?.targets ?? []) {
    if (target === name)
      throw problem(
        state,
        `gate "${name}" targets itself`,
        'Let it choose the node that comes next, or END.',
      );
    if (target === END || names.has(target)) continue;
    throw problem(
      state,
      `gate "${name}" targets "${target}", but there is no such node`,
      didYouMean(
        target,
        [...names].filter((each) => each !== name),
      ),
    );
  }
}

function assertEdges(state: GraphState): void {
  const byName = new Map(state.nodes.map((node) => [node.name, node]));
  for (const edge of state.edges ?? []) {
    const [from, to] = edge;
    const [source, reader] = [byName.get(from), byName.get(to)];
    if (source !== undefined && reader !== undefined) {
      assertCarried(state, edge, source, reader);
      continue;
    }
    const unknown = source === undefined ? from : to;
    throw problem(
      state,
      `the edge from "${from}" to "${to}" names "${unknown}", but there is no such node`,
      didYouMean(unknown, [...byName.keys()]),
    );
  }
}

function assertCarried(state: GraphState, [from, to, name]: Edge, source: AnyNode, reader: AnyNode): void {
  const inputs = Object.keys(reader.inputs ?? {});
  if (name === undefined || (source.outputs.includes(name) && inputs.includes(name))) return;
  const shared = namesOfEdge([from, to], source, reader);
  throw problem(
    state,
    `the edge from "${from}" to "${to}" carries "${name}", which is not both an output of "${from}" and an input of "${to}"`,
    shared.length === 0
      ? `They share no name: "${from}" outputs ${list(source.outputs)}, "${to}" takes ${list(inputs)}.`
      : didYouMean(name, shared),
  );
}

function assertWaits(state: GraphState, { members }: Wiring): void {
  const known = (): string[] => [
    ...new Set(members.flatMap(({ node }) => [...(node.policies.emits ?? []), ...node.outputs])),
  ];
  for (const { name, waits } of members) {
    for (const wait of waits) {
      if (wait.emitters.length > 0) continue;
      throw problem(
        state,
        `node "${name}" waits for "${wait.name}", which no other node announces`,
        `${didYouMean(wait.name, known())} Or announce it: \`emits: ['${wait.name}']\` of the node that it comes after.`,
      );
    }
  }
}

function assertShared(state: GraphState, wiring: Wiring): void {
  const { members, successors } = wiring;
  const names = new Set(
    members.flatMap(({ node, ports }) => [...node.outputs, ...ports.map((port) => port.name)]),
  );
  for (const name of state.shared) {
    if (names.has(name)) continue;
    throw problem(state, `no node reads or writes the shared name "${name}"`, didYouMean(name, [...names]));
  }
  if (state.shared.size === 0 || members.length === 0) return;
  const neighbours = members.map((): number[] => []);
  for (const [from, targets] of successors.entries()) {
    for (const to of targets) {
      neighbours[from]?.push(to);
      neighbours[to]?.push(from);
    }
  }
  const reached = reach(neighbours, 0);
  const apart = members.find(({ index }) => !reached.has(index));
  if (apart === undefined) return;
  throw problem(
    state,
    `nothing but shared names connects "${apart.name}" to "${members[0]?.name ?? ''}", so their order is open`,
    "Order them: wire a value, use `emits` and `waitFor`, or explicit `edges: [['first', 'second']]`.",
  );
}

/** Every reader of a graph's input must agree on what stands for it when it is not given. */
function assertDefaults(state: GraphState, { members }: Wiring): void {
  const first = new Map<string, { readonly name: string; readonly port: WiredPort }>();
  for (const { name, ports } of members) {
    for (const port of ports) {
      if (port.producers.length > 0 || state.bound.has(port.name)) continue;
      const known = first.get(port.name);
      if (known === undefined) first.set(port.name, { name, port });
      else if (!agree(known.port, port)) {
        throw problem(
          state,
          `input "${port.name}" has ${describeDefault(known.port)} in "${known.name}" but ${describeDefault(port)} in "${name}"`,
          'Declare the same in both.',
        );
      }
    }
  }
}

function agree(one: WiredPort, other: WiredPort): boolean {
  if (one.hasDefault && other.hasDefault) return isDeepStrictEqual(one.default, other.default);
  // What is bound inside a graph is a default there; who has none asks the caller for the value, who then gives it to both.
  return one.hasDefault === other.hasDefault || one.isBound || other.isBound;
}

function describeDefault({ hasDefault, isBound, default: value }: WiredPort): string {
  return hasDefault ? `${isBound ? 'the bound value' : 'default'} ${show(value)}` : 'no default';
}

/** Every loop needs a way out: a gate that can choose one, a question, or a test for convergence. */
function assertLeavable(state: GraphState, wiring: Wiring): void {
  if (state.isFixpoint) return;
  const { components, members, isCyclic } = wiring;
  for (const [component, indices] of components.members.entries()) {
    if (!isCyclic(component)) continue;
    const loop = indices.map((index) => members[index]).filter((member) => member !== undefined);
    const stuck = cycleWithoutGate(loop, wiring);
    if (stuck !== undefined) {
      throw problem(
        state,
        `nodes ${list(stuck.map(({ name }) => name))} form a cycle that no gate, interrupt or convergence test can leave`,
        "Let a gate choose whether it goes on (`route({ targets: ['…', END] })`), or set `convergence: 'fixpoint'`.",
      );
    }
    const inside = new Set(indices);
    if (loop.some(asks) || loop.some((member) => canLeave(member, inside))) continue;
    throw problem(
      state,
      `no gate of the loop of ${list(loop.map(({ name }) => name))} can ever leave it`,
      'Give a gate a target outside the loop, or END.',
    );
  }
}

/** A cycle in which nothing is asked and nothing is chosen. */
function cycleWithoutGate(
  loop: readonly WiredMember[],
  { successors, members }: Wiring,
): WiredMember[] | undefined {
  const free = loop.filter(
    (member) => member.node.gate === undefined && !asks(member) && member.gates.length === 0,
  );
  const place = new Map(free.map(({ index }, at) => [index, at]));
  const inner = free.map(({ index }) =>
    (successors[index] ?? []).map((next) => place.get(next)).filter((at) => at !== undefined),
  );
  const cycle = componentsOf(inner).members.find((found) => found.length > 1);
  return cycle?.map((at) => free[at]).filter((member) => member !== undefined && members.includes(member)) as
    | WiredMember[]
    | undefined;
}

function asks({ node }: WiredMember): boolean {
  return node.question !== undefined || (isGraphNode(node) && node.plan.answers.size > 0);
}

function canLeave({ node, targets }: WiredMember, loop: ReadonlySet<number>): boolean {
  const { gate } = node;
  if (gate === undefined) return false;
  return gate.canChooseNone || gate.targets.some((target) => !loop.has(targets.get(target) ?? -1));
}

function show(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return 'a value';
  }
}

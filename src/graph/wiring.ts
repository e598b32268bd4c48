import type { StandardSchemaV1 } from '@standard-schema/spec';
import { END } from '../nodes/gates.ts';
import type { AnyNode, InputDeclaration } from '../nodes/contract.ts';
import { isInputDeclaration } from '../nodes/input.ts';
import { componentsOf, type Components } from './components.ts';
import { isGraphNode } from './plan.ts';
import type { Edge, GraphState } from './state.ts';

/** One input of a node, and who writes it. */
export interface WiredPort {
  readonly name: string;
  readonly hasDefault: boolean;
  readonly default: unknown;
  readonly isOptional: boolean;
  /** Whether the default is a bind of a graph inside. */
  readonly isBound: boolean;
  readonly schema: StandardSchemaV1 | undefined;
  readonly producers: readonly number[];
}

/** A node and what it hangs on. */
export interface WiredMember {
  readonly index: number;
  readonly name: string;
  readonly node: AnyNode;
  readonly ports: readonly WiredPort[];
  /** The gates that choose it. */
  readonly gates: readonly number[];
  readonly targets: ReadonlyMap<string, number>;
  readonly waits: readonly { readonly name: string; readonly emitters: readonly number[] }[];
  readonly after: readonly number[];
  /** Whether it reads what it writes itself. */
  readonly readsItself: boolean;
}

/** The nodes of a graph with everything between them. */
export interface Wiring {
  readonly members: readonly WiredMember[];
  readonly byName: ReadonlyMap<string, number>;
  readonly producers: ReadonlyMap<string, readonly number[]>;
  /** Over data, ordering and gate edges; without edges of a node to itself. */
  readonly successors: readonly (readonly number[])[];
  readonly components: Components;
  readonly isCyclic: (component: number) => boolean;
}

const NOBODY: readonly number[] = Object.freeze([]);
const NO_TARGETS: ReadonlyMap<string, number> = new Map();

/** Wires nodes by the names of their inputs and outputs, or by explicit edges. */
export function wire(nodes: readonly AnyNode[], state: GraphState): Wiring {
  const byName = new Map(nodes.map((node, index) => [node.name, index]));
  const producers = indexNames(nodes, (node) => node.outputs);
  const emitters = indexNames(nodes, (node) => [...(node.policies.emits ?? []), ...node.outputs]);
  const edges = state.edges === undefined ? undefined : sortEdges(state, nodes, byName);
  const gatesOf = gatesByTarget(nodes, byName);
  const members = nodes.map((node, index): WiredMember => {
    const carried = edges?.carried.get(index);
    const producersOf = (name: string): readonly number[] =>
      edges === undefined || state.shared.has(name)
        ? (producers.get(name) ?? NOBODY)
        : (carried?.get(name) ?? NOBODY);
    const ports = portsOf(node, producersOf);
    const waits = (node.policies.waitFor ?? []).map((name) => ({
      name,
      emitters: (emitters.get(name) ?? NOBODY).filter((emitter) => emitter !== index),
    }));
    return {
      index,
      name: node.name,
      node,
      ports,
      gates: gatesOf[index] ?? NOBODY,
      targets: node.gate === undefined ? NO_TARGETS : targetsOf(node.gate.targets, byName),
      waits,
      after: edges?.ordered.get(index) ?? NOBODY,
      readsItself: ports.some((port) => !state.shared.has(port.name) && port.producers.includes(index)),
    };
  });
  const successors = successorsOf(members, state.shared);
  const components = componentsOf(successors);
  const isCyclic = (component: number): boolean => {
    const [first, second] = components.members[component] ?? [];
    if (second !== undefined) return true;
    return state.isFixpoint && first !== undefined && members[first]?.readsItself === true;
  };
  return { members, byName, producers, successors, components, isCyclic };
}

function indexNames(
  nodes: readonly AnyNode[],
  namesOf: (node: AnyNode) => readonly string[],
): Map<string, number[]> {
  const index = new Map<string, number[]>();
  for (const [at, node] of nodes.entries()) {
    for (const name of new Set(namesOf(node))) {
      const known = index.get(name);
      if (known === undefined) index.set(name, [at]);
      else known.push(at);
    }
  }
  return index;
}

function gatesByTarget(
  nodes: readonly AnyNode[],
  byName: ReadonlyMap<string, number>,
): readonly (readonly number[] | undefined)[] {
  const gatesOf: (number[] | undefined)[] = [];
  for (const [gate, { gate: settings }] of nodes.entries()) {
    for (const target of targetsOf(settings?.targets ?? [], byName).values())
      (gatesOf[target] ??= []).push(gate);
  }
  return gatesOf;
}

function targetsOf(names: readonly string[], byName: ReadonlyMap<string, number>): Map<string, number> {
  const targets = new Map<string, number>();
  for (const name of names) {
    const target = name === END ? undefined : byName.get(name);
    if (target !== undefined) targets.set(name, target);
  }
  return targets;
}

function portsOf(node: AnyNode, producersOf: (name: string) => readonly number[]): WiredPort[] {
  return Object.entries(node.inputs ?? {})
    .filter(([name]) => !isAnswer(node, name))
    .map(([name, declaration]) => {
      const isDeclared = isInputDeclaration(declaration);
      const schema = isDeclared ? declaration.schema : declaration;
      const fallback = defaultOf(declaration, schema);
      return {
        name,
        hasDefault: fallback !== undefined,
        default: fallback?.value,
        isOptional: isDeclared && declaration['~input'].optional,
        isBound: isBoundPort(node, name),
        schema,
        producers: producersOf(name),
      };
    });
}

/** The default of an input: declared, or what its schema makes of nothing. */
function defaultOf(
  declaration: InputDeclaration | StandardSchemaV1,
  schema: StandardSchemaV1 | undefined,
): { readonly value: unknown } | undefined {
  if (isInputDeclaration(declaration) && 'default' in declaration) return { value: declaration.default };
  const result = schema?.['~standard'].validate(undefined);
  if (result instanceof Promise) {
    result.catch(() => undefined); // an asynchronous schema says nothing when a graph is built
    return undefined;
  }
  return result === undefined || result.issues !== undefined ? undefined : { value: result.value };
}

function isAnswer(node: AnyNode, port: string): boolean {
  return isGraphNode(node) && node.answers.has(port);
}

function isBoundPort(node: AnyNode, port: string): boolean {
  if (!isGraphNode(node) || node.mapping?.names.includes(port) === true) return false;
  return node.plan.inputs.get(node.inputNames.get(port) ?? '')?.isBound === true;
}

/** What explicit edges carry to each node by name, and which nodes they only order. */
function sortEdges(
  { edges = [], shared }: GraphState,
  nodes: readonly AnyNode[],
  byName: ReadonlyMap<string, number>,
): {
  readonly carried: ReadonlyMap<number, ReadonlyMap<string, readonly number[]>>;
  readonly ordered: ReadonlyMap<number, readonly number[]>;
} {
  const carried = new Map<number, Map<string, number[]>>();
  const ordered = new Map<number, number[]>();
  for (const edge of edges) {
    const [from, to] = [byName.get(edge[0]), byName.get(edge[1])];
    if (from === undefined || to === undefined) continue; // an end that was cut away
    // A shared name is read without a wire, so that an edge of it can only order.
    const names = namesOfEdge(edge, nodes[from], nodes[to]).filter((name) => !shared.has(name));
    if (names.length === 0) append(ordered, to, from);
    const ports = carried.get(to) ?? new Map<string, number[]>();
    carried.set(to, ports);
    for (const name of names) if (ports.get(name)?.includes(from) !== true) append(ports, name, from);
  }
  return { carried, ordered };
}

/** The names that an explicit edge carries; none when it only orders. */
export function namesOfEdge(
  [, , name]: Edge,
  from: AnyNode | undefined,
  to: AnyNode | undefined,
): readonly string[] {
  if (name !== undefined) return [name];
  const inputs: Readonly<Record<string, unknown>> = to?.inputs ?? {};
  return (from?.outputs ?? []).filter((output) => Object.hasOwn(inputs, output));
}

function append<Key>(lists: Map<Key, number[]>, key: Key, value: number): void {
  const known = lists.get(key);
  if (known === undefined) lists.set(key, [value]);
  else known.push(value);
}

function successorsOf(members: readonly WiredMember[], shared: ReadonlySet<string>): number[][] {
  const found = members.map(() => new Set<number>());
  const add = (from: number, to: number): void => {
    if (from !== to) found[from]?.add(to);
  };
  for (const { index, ports, gates, waits, after } of members) {
    const wired = ports.filter(({ name }) => !shared.has(name));
    const before = [
      ...wired.map(({ producers }) => producers),
      gates,
      ...waits.map(({ emitters }) => emitters),
      after,
    ];
    for (const group of before) for (const each of group) add(each, index);
  }
  return found.map((each) => [...each]);
}

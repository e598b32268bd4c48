import { recordOf } from '../clone.ts';
import { toJsonValue } from '../json-value.ts';
import type { AnyNode, NodeKind } from '../nodes/contract.ts';
import { END } from '../nodes/gates.ts';
import { edgesOf, isFedByInput, sharedNames, type PlanEdge } from './plan-edges.ts';
import { isGraphNode, type GraphNode, type GraphPlan, type PlanMember, type PlanPort } from './plan.ts';

/** A graph as JSON. Values that JSON cannot say (functions, instances of classes …) are texts such as `[Function: key]`. */
export interface GraphJSON {
  readonly version: 1;
  readonly name: string;
  /** In the order of the list; without those that `select` or `startAt` left out. */
  readonly nodes: readonly GraphNodeJSON[];
  readonly edges: readonly GraphEdgeJSON[];
  /** What a run is given, and what is bound already. */
  readonly inputs: {
    readonly required: readonly string[];
    readonly optional: readonly string[];
    readonly bound: Readonly<Record<string, unknown>>;
  };
  /** What a run gives. */
  readonly outputs: readonly string[];
  /** The names under which questions inside are answered, at any depth. */
  readonly questions: readonly string[];
  /** The names that are shared state. */
  readonly shared: readonly string[];
  /** The nodes of each loop. */
  readonly loops: readonly (readonly string[])[];
  /** The nodes that `startAt` named. */
  readonly entries: readonly string[];
  /** Why nodes were left out, by name. */
  readonly leftOut: Readonly<Record<string, string>>;
  /** Names that nodes use, by those that the graph shows instead. */
  readonly renamed: {
    readonly inputs: Readonly<Record<string, string>>;
    readonly outputs: Readonly<Record<string, string>>;
  };
  readonly convergence?: 'fixpoint';
  readonly maxIterations?: number;
}

/** A node of a graph as JSON. */
export interface GraphNodeJSON {
  readonly name: string;
  readonly kind: NodeKind;
  readonly inputs: readonly GraphPortJSON[];
  readonly outputs: readonly string[];
  readonly policies: Readonly<Record<string, unknown>>;
  /** Of a gate: the names it may choose, and perhaps `END`. */
  readonly targets?: readonly string[];
  /** Of a gate: whether it chooses several at once. */
  readonly multi?: boolean;
  /** Of a gate: what stands for no choice. */
  readonly fallback?: string;
  /** Of a gate: whether its targets in a loop may start before it has decided. */
  readonly defaultOpen?: boolean;
  /** Of an interrupt: the name of the answer. */
  readonly response?: string;
  /** Of a nested graph: the graph, under the names by which the node shows it. */
  readonly graph?: GraphJSON;
  /** Of a nested graph: the inputs that take lists, and how they are combined. */
  readonly map?: {
    readonly over: readonly string[];
    readonly mode: 'zip' | 'product';
    readonly onError: 'stop' | 'continue';
  };
  /** Of a nested graph: how often one node of it may run within one entry of a loop. */
  readonly maxIterations?: number;
  /** Of a nested graph: whether a runner of its own runs it. */
  readonly ownRunner?: true;
}

/** An input of a node as JSON. */
export interface GraphPortJSON {
  readonly name: string;
  /** Whether the node cannot start without it. */
  readonly required: boolean;
  readonly default?: unknown;
  /** The nodes that make it. */
  readonly from: readonly string[];
  /** The graph's input that gives it a value, or a first one. */
  readonly input?: string;
}

/** What goes from one node to another, as JSON. */
export interface GraphEdgeJSON {
  readonly from: string;
  /** A node, or of a gate perhaps `END`. */
  readonly to: string;
  /** `data`: a value; `shared`: a shared name that one writes and the other reads; `gate`: a choice; `order`: no value. */
  readonly kind: 'data' | 'shared' | 'gate' | 'order';
  /** The name of the value, or the announcement that is waited for. */
  readonly name?: string;
}

/** A graph as JSON, under the names that its node shows. */
export function graphToJSON(node: GraphNode): GraphJSON {
  const { plan } = node;
  const nameOf = (index: number): string => plan.members[index]?.name ?? '';
  const outerNames = new Map(Array.from(node.inputNames, ([outer, inner]) => [inner, outer]));
  return {
    version: 1,
    name: plan.name,
    nodes: plan.members.map((member) => memberToJSON(member, { plan, outerNames })),
    edges: edgesOf(plan).map((edge) => edgeToJSON(edge, nameOf)),
    inputs: inputsToJSON(node),
    outputs: [...node.outputs],
    questions: [...node.answers],
    shared: [...sharedNames(plan)],
    loops: plan.components.filter(({ isCyclic }) => isCyclic).map(({ members }) => members.map(nameOf)),
    entries: plan.members.filter(({ isEntry }) => isEntry).map(({ name }) => name),
    leftOut: Object.fromEntries(plan.pruned),
    renamed: {
      inputs: Object.fromEntries([...node.inputNames].filter(([outer, inner]) => outer !== inner)),
      outputs: Object.fromEntries(
        Array.from(node.outputNames, ([inner, outer]) => [outer, inner]).filter(
          ([outer, inner]) => outer !== inner && isShown(node, outer),
        ),
      ),
    },
    ...(plan.isFixpoint ? { convergence: 'fixpoint' } : {}),
    ...limitToJSON(plan),
  };
}

function inputsToJSON({ plan, inputNames }: GraphNode): GraphJSON['inputs'] {
  const inputs = Array.from(inputNames, ([name, inner]) => ({ name, input: plan.inputs.get(inner) }));
  const open = inputs.filter(({ input }) => input?.isBound !== true);
  return {
    required: open.filter(({ input }) => input?.isRequired === true).map(({ name }) => name),
    optional: open.filter(({ input }) => input?.isRequired !== true).map(({ name }) => name),
    bound: Object.fromEntries(
      inputs
        .filter(({ input }) => input?.isBound === true)
        .map(({ name, input }) => [name, asData(input?.default)]),
    ),
  };
}

/** Where a node stands: its graph, and the names that the graph's inputs show outside. */
interface Surroundings {
  readonly plan: GraphPlan;
  readonly outerNames: ReadonlyMap<string, string>;
}

function memberToJSON(member: PlanMember, around: Surroundings): GraphNodeJSON {
  const { name, node, ports } = member;
  return {
    name,
    kind: node.kind,
    inputs: ports.map((port) => portToJSON(port, member.index, around)),
    outputs: [...node.outputs],
    policies: Object.fromEntries(
      Object.entries(node.policies).map(([policy, value]) => [policy, asData(value)]),
    ),
    ...gateToJSON(node),
    ...(node.question === undefined ? {} : { response: node.question.response }),
    ...(isGraphNode(node) ? nestedToJSON(node) : {}),
  };
}

function portToJSON(port: PlanPort, member: number, { plan, outerNames }: Surroundings): GraphPortJSON {
  const { name, hasDefault, isOptional, variable } = port;
  const input = isFedByInput(plan, member, port) ? outerNames.get(name) : undefined;
  return {
    name,
    required: !hasDefault && !isOptional,
    ...(hasDefault ? { default: asData(port.default) } : {}),
    from: (plan.variables[variable]?.producers ?? []).map((index) => plan.members[index]?.name ?? ''),
    ...(input === undefined ? {} : { input }),
  };
}

function gateToJSON({ gate }: AnyNode): Partial<GraphNodeJSON> {
  if (gate === undefined) return {};
  const { targets, isMulti, fallback, isDefaultOpen } = gate;
  return {
    targets: [...targets],
    multi: isMulti,
    ...(fallback === undefined ? {} : { fallback }),
    defaultOpen: isDefaultOpen,
  };
}

function nestedToJSON(node: GraphNode): Partial<GraphNodeJSON> {
  const { mapping, isForeign } = node;
  return {
    ...(mapping === undefined
      ? {}
      : { map: { over: [...mapping.names], mode: mapping.mode, onError: mapping.onError } }),
    ...limitToJSON(node),
    ...(isForeign ? { ownRunner: true } : {}),
    graph: graphToJSON(node),
  };
}

function edgeToJSON({ from, to, kind, name }: PlanEdge, nameOf: (index: number) => string): GraphEdgeJSON {
  return {
    from: nameOf(from),
    to: to === END ? END : nameOf(to),
    kind,
    ...(name === undefined ? {} : { name }),
  };
}

/** `Infinity` is no number of JSON. */
function limitToJSON({ maxIterations }: Pick<GraphPlan, 'maxIterations'>): { maxIterations?: number } {
  return maxIterations === undefined || maxIterations === Number.POSITIVE_INFINITY ? {} : { maxIterations };
}

/** What is left of a value when it was JSON. */
function asData(value: unknown): unknown {
  const text = JSON.stringify(toJsonValue(recordOf(value), ''));
  return text === undefined ? '[undefined]' : JSON.parse(text);
}

/** Whether a name is one that is seen outside: an output, or the key of a question. */
function isShown(node: GraphNode, outer: string | undefined): boolean {
  return outer !== undefined && (node.outputs.includes(outer) || node.answers.has(outer));
}

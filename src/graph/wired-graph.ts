import { GraphConfigError } from '../errors.ts';
import type { AnyNode } from '../nodes/contract.ts';
import {
  assertInteger,
  assertKnownOptions,
  assertOneOf,
  assertPortName,
  expected,
} from '../nodes/validate.ts';
import { didYouMean } from '../suggest.ts';
import { asNode } from './as-node.ts';
import { compile } from './compile.ts';
import { describeGraph } from './describe.ts';
import { drawGraph } from './draw.ts';
import { createGraphNode } from './graph-node.ts';
import { hashOf, type GraphHash } from './hash.ts';
import type { GraphNode, GraphPlan } from './plan.ts';
import { list, problem } from './problem.ts';
import type { Edge, GraphState } from './state.ts';
import { graphToJSON, type GraphJSON } from './to-json.ts';

/** The inputs of a graph, as they are now. */
export interface GraphInputs {
  readonly required: readonly string[];
  readonly optional: readonly string[];
  readonly bound: Readonly<Record<string, unknown>>;
}

const GRAPH = Symbol.for('troupe.graph');
const NO_NAMES: ReadonlyMap<string, string> = new Map();
const DEFINITION_NAMES = ['name', 'nodes', 'edges', 'shared', 'convergence', 'maxIterations'] as const;

/** A graph as it is at run time: what it was told, checked and wired. Each modifier makes another. */
export class WiredGraph {
  readonly [GRAPH] = true;
  readonly kind = 'graph';
  readonly name: string;
  readonly nodes: readonly AnyNode[];
  readonly outputs: readonly string[];
  readonly inputs: GraphInputs;
  readonly #state: GraphState;
  readonly #plan: GraphPlan;
  readonly #root: GraphNode;

  constructor(state: GraphState) {
    this.#state = state;
    this.#plan = compile(state);
    this.name = state.name;
    this.nodes = state.nodes;
    this.outputs = Object.freeze(this.#plan.outputs.map(({ name }) => this.#outerOutput(name)));
    this.inputs = this.#describeInputs();
    this.#root = createGraphNode({
      name: state.name,
      plan: this.#plan,
      inputNames: state.inputNames,
      outputNames: state.outputNames,
      prefix: '',
      maxIterations: undefined,
      mapping: undefined,
      foreign: undefined,
    });
    Object.freeze(this);
  }

  bind(values: unknown): WiredGraph {
    assertKeys(this.name, 'bind', values);
    const bound = new Map(this.#state.bound);
    for (const [name, value] of Object.entries(values)) bound.set(this.#innerInput(name), value);
    return this.#with({ bound });
  }

  unbind(...names: readonly string[]): WiredGraph {
    const bound = new Map(this.#state.bound);
    for (const name of names) {
      if (bound.delete(this.#innerInput(name))) continue;
      throw problem(
        this,
        `"${name}" is not bound, so it cannot be unbound`,
        didYouMean(name, Object.keys(this.inputs.bound)),
      );
    }
    return this.#with({ bound });
  }

  select(...names: readonly string[]): WiredGraph {
    if (names.length === 0)
      throw problem(
        this,
        'nothing is selected',
        `Name outputs: ${list([...this.#plan.produced.keys()].map((name) => this.#outerOutput(name)))}.`,
      );
    return this.#with({ selected: [...new Set(names.map((name) => this.#innerOutput(name)))] });
  }

  startAt(...names: readonly string[]): WiredGraph {
    if (names.length === 0) throw problem(this, 'there is no node to start at', 'Name at least one node.');
    return this.#with({ entries: [...new Set(names)] });
  }

  add(...nodes: readonly AnyNode[]): WiredGraph {
    return this.#with({ nodes: Object.freeze([...this.nodes, ...nodes]) });
  }

  rename(names: unknown): WiredGraph {
    assertKnownOptions('rename', names, ['inputs', 'outputs']);
    const { inputs = {}, outputs = {} }: { inputs?: unknown; outputs?: unknown } = names;
    assertKeys(this.name, 'rename', inputs);
    assertKeys(this.name, 'rename', outputs);
    return this.#with({
      inputNames: this.#renamed(
        this.#state.inputNames,
        inputs,
        (name) => this.#innerInput(name),
        this.#inputNames(),
      ),
      outputNames: this.#renamed(this.#state.outputNames, outputs, (name) => this.#innerOutput(name), [
        ...this.#plan.produced.keys(),
      ]),
    });
  }

  asNode(options: unknown = {}): AnyNode {
    return asNode(this.#plan, this.#state, options);
  }

  get hash(): GraphHash {
    return hashOf(this.#root);
  }

  describe(): string {
    return describeGraph(this.toJSON());
  }

  toMermaid(result?: unknown): string {
    return drawGraph(this.#root, result);
  }

  toJSON(): GraphJSON {
    return graphToJSON(this.#root);
  }

  /** The graph as the root of a run. */
  get root(): GraphNode {
    return this.#root;
  }

  #with(change: Partial<GraphState>): WiredGraph {
    return new WiredGraph({ ...this.#state, ...change });
  }

  #inputNames(): string[] {
    return [...this.#plan.inputs.keys()];
  }

  #outerOutput(inner: string): string {
    return this.#state.outputNames.get(inner) ?? inner;
  }

  #innerInput(outer: string): string {
    return this.#inner(this.#state.inputNames, outer, this.#inputNames());
  }

  #innerOutput(outer: string): string {
    return this.#inner(this.#state.outputNames, outer, [...this.#plan.produced.keys()]);
  }

  /** The name inside by the name outside; one that nobody knows is left to be refused where it is used. */
  #inner(names: ReadonlyMap<string, string>, outer: string, known: readonly string[]): string {
    for (const [inner, now] of names) if (now === outer) return inner;
    if (!names.has(outer)) return outer;
    const shown = known.map((name) => names.get(name) ?? name);
    throw problem(this, `"${outer}" is called "${names.get(outer) ?? ''}" now`, didYouMean(outer, shown));
  }

  #renamed(
    names: ReadonlyMap<string, string>,
    change: Readonly<Record<string, unknown>>,
    innerName: (outer: string) => string,
    known: readonly string[],
  ): ReadonlyMap<string, string> {
    const renamed = new Map(names);
    for (const [old, now] of Object.entries(change)) {
      const inner = innerName(old);
      if (!known.includes(inner))
        throw problem(
          this,
          `there is no "${old}" to rename`,
          didYouMean(
            old,
            known.map((name) => names.get(name) ?? name),
          ),
        );
      if (typeof now !== 'string' || now === '')
        throw expected(`the new name of "${old}"`, 'a text that is not empty', now);
      assertPortName(`the new name of "${old}"`, now);
      renamed.set(inner, now);
    }
    const seen = new Set<string>();
    for (const inner of known) {
      const outer = renamed.get(inner) ?? inner;
      if (seen.has(outer))
        throw problem(this, `two names would be called "${outer}"`, 'Choose another new name.');
      seen.add(outer);
    }
    return renamed;
  }

  #describeInputs(): GraphInputs {
    const required: string[] = [];
    const optional: string[] = [];
    const bound: Record<string, unknown> = {};
    for (const input of this.#plan.inputs.values()) {
      const name = this.#state.inputNames.get(input.name) ?? input.name;
      if (input.isBound) bound[name] = input.default;
      else (input.isRequired ? required : optional).push(name);
    }
    return Object.freeze({
      required: Object.freeze(required),
      optional: Object.freeze(optional),
      bound: Object.freeze(bound),
    });
  }
}

/** Whether a value is a graph. */
export function isGraph(value: unknown): value is WiredGraph {
  return typeof value === 'object' && value !== null && GRAPH in value;
}

/** Builds a graph from its definition. */
export function defineGraph(given: unknown): WiredGraph {
  assertKnownOptions('a graph', given, DEFINITION_NAMES);
  const definition: { readonly [Key in (typeof DEFINITION_NAMES)[number]]?: unknown } = given;
  const { name, nodes, edges, shared, convergence, maxIterations } = definition;
  if (typeof name !== 'string' || name === '')
    throw expected('the name of a graph', 'a text that is not empty', name);
  if (!Array.isArray(nodes)) throw expected(`\`nodes\` of graph "${name}"`, 'an array of nodes', nodes);
  if (nodes.length === 0)
    throw new GraphConfigError(`Graph "${name}" has no nodes`, {
      hint: 'Give it at least one: `nodes: [first]`.',
    });
  assertOneOf(`\`convergence\` of graph "${name}"`, convergence, ['fixpoint']);
  assertInteger(`\`maxIterations\` of graph "${name}"`, maxIterations, 1, true);
  return new WiredGraph({
    name,
    nodes: Object.freeze([...(nodes as AnyNode[])]), // each is checked when they are wired
    edges: checkEdges(name, edges),
    shared: new Set(checkNames(`\`shared\` of graph "${name}"`, shared)),
    isFixpoint: convergence === 'fixpoint',
    maxIterations: maxIterations as number | undefined, // checked above
    bound: new Map(),
    selected: undefined,
    entries: [],
    inputNames: NO_NAMES,
    outputNames: NO_NAMES,
  });
}

function checkEdges(graph: string, edges: unknown): readonly Edge[] | undefined {
  if (edges === undefined) return undefined;
  if (Array.isArray(edges) && edges.every(isEdge)) return edges;
  throw expected(
    `\`edges\` of graph "${graph}"`,
    "an array of ['from', 'to'] or ['from', 'to', 'name']",
    edges,
  );
}

function isEdge(edge: unknown): edge is Edge {
  return (
    Array.isArray(edge) &&
    (edge.length === 2 || edge.length === 3) &&
    edge.every((each) => typeof each === 'string')
  );
}

function checkNames(what: string, names: unknown): readonly string[] {
  if (names === undefined) return [];
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names;
  throw expected(what, 'an array of names', names);
}

function assertKeys(
  graph: string,
  what: string,
  values: unknown,
): asserts values is Readonly<Record<string, unknown>> {
  if (typeof values === 'object' && values !== null && !Array.isArray(values)) return;
  throw expected(`what graph "${graph}" is to ${what}`, 'an object by name', values);
}

import type { AnyNode, Node, NodeContext, NodeSpec } from '../nodes/contract.ts';
import type { GraphHash } from './hash.ts';
import type { GraphJSON } from './to-json.ts';
import type { CheckedEdges, CheckedNodes, CheckedShared, GraphError } from './type-check.ts';
import type { IsNever, NameOf, OutputNameOf } from './type-member.ts';
import type {
  Changed,
  Entry,
  GraphAnswer,
  GraphAnswers,
  GraphInput,
  GraphKey,
  GraphOutputs,
  GraphShape,
  GraphTaken,
  OwnInputs,
  OwnName,
  OwnOutputs,
  Renames,
  Selectable,
  ShapeOf,
} from './type-shape.ts';
import type { GraphEdge } from './type-wiring.ts';

// What a declaration file that is made of a graph, or of a node, has to be able to name.
export type { BareSpecOf } from '../nodes/node.ts';
export type { Changed, GraphShape, ShapeOf } from './type-shape.ts';
export type { GraphEdge } from './type-wiring.ts';
export type { GraphError } from './type-check.ts';
export type { GraphHash } from './hash.ts';
export type { GraphEdgeJSON, GraphJSON, GraphNodeJSON, GraphPortJSON } from './to-json.ts';

/** What is common to all graphs: the type of a parameter that takes any graph, or any with these inputs and outputs. */
export interface AnyGraph<Input = unknown, Outputs = unknown> {
  readonly kind: 'graph';
  readonly name: string;
  readonly nodes: readonly AnyNode[];
  /** The names of what a run is given, and what is bound already. */
  readonly inputs: GraphInputs;
  /** The names of what a run gives: the leaf outputs, or the selected ones. */
  readonly outputs: readonly string[];
  /** Stable under the order of the nodes and under `bind`. */
  readonly hash: GraphHash;
  /** The graph as text, values of defaults and binds included. */
  describe(): string;
  /** The graph as a Mermaid flowchart; with a result, coloured by what became of each node. */
  toMermaid(result?: { readonly nodes: Readonly<Record<string, string>> }): string;
  /** The graph as JSON, with a version; values of defaults and binds included, as texts where they are no JSON. */
  toJSON(): GraphJSON;
  /** Types only; nothing is there at run time. */
  readonly '~types'?: {
    readonly input: Input;
    readonly output: Outputs;
    readonly outputs: Outputs;
  };
}

/** The names of a graph's inputs. */
export interface GraphInputs {
  readonly required: readonly string[];
  readonly optional: readonly string[];
  readonly bound: Readonly<Record<string, unknown>>;
}

/** The graph of a shape. The condition holds always: its result is shown as what it is, where an alias would be shown. */
export type GraphOf<Shape> = Shape extends GraphShape
  ? Graph<GraphInput<Shape>, GraphOutputs<Shape>, Shape>
  : never;

/** New names by old ones. */
export interface GraphRenames {
  readonly inputs?: Readonly<Record<string, string>>;
  readonly outputs?: Readonly<Record<string, string>>;
}

/** How a graph becomes one node of another. */
export interface AsNodeOptions {
  /** Default: the graph's. */
  readonly name?: string;
  /** Whether ports become `name.port`. Default: they join the names of the other graph. */
  readonly namespace?: boolean;
  /** New names of single ports, which no namespace changes. */
  readonly expose?: Readonly<Record<string, string>>;
  /** How often one node may run within one entry of a loop. */
  readonly maxIterations?: number;
  /** The inputs that take lists; every output is then a list. */
  readonly mapOver?: string | readonly string[];
  /** `'zip'` (default) takes lists of one length; `'product'` runs each with each, the first outermost. */
  readonly mapMode?: 'zip' | 'product';
  /** `'stop'` (default): the first failure is the node's; `'continue'`: what failed is undefined. */
  readonly onError?: 'stop' | 'continue';
  readonly strategy?: 'inline';
  /** Runs it in place of the run that it is part of. */
  readonly runner?: object;
}

/**
 * Nodes wired by the names of what they take and make: a frozen value, reusable in any runner. `Input` is what a run is
 * given, `Outputs` what it gives, by name.
 */
export interface Graph<in out Input, in out Outputs, in out Shape extends GraphShape> extends AnyGraph<
  Input,
  Outputs
> {
  readonly name: Shape['name'];
  /** The same graph with values for some inputs, which may then be left out. */
  bind<Values extends Partial<Input>>(
    values: Values & OnlyKnown<Values, keyof AskedInput<Input, Shape>, 'input'>,
  ): GraphOf<Changed<Shape, { bound: Shape['bound'] | OwnInput<Shape, keyof Values> }>>;
  /** The same graph without the values that were bound to these inputs. */
  unbind<Name extends BoundName<Shape>>(
    ...names: readonly Name[]
  ): GraphOf<Changed<Shape, { bound: Exclude<Shape['bound'], OwnInput<Shape, Name>> }>>;
  /** The same graph giving exactly these outputs, and running only what they need. */
  select<Name extends Selectable<Shape>>(
    ...names: readonly Name[]
  ): GraphOf<Changed<Shape, { selected: OwnName<Name, Shape['outputNames'], OutputNameOf<Shape['nodes']>> }>>;
  /** The same graph without what comes before these nodes; what they need from there becomes inputs. */
  startAt<Name extends Entry<Shape>>(...names: readonly Name[]): GraphOf<Changed<Shape, { start: Name }>>;
  /** The same graph with more nodes. */
  add<const Nodes extends readonly AnyNode[]>(
    ...nodes: CheckedNodes<
      Nodes,
      Changed<Shape, { nodes: Shape['nodes'] | Nodes[number] }>,
      NameOf<Shape['nodes']>
    >
  ): GraphOf<Changed<Shape, { nodes: Shape['nodes'] | Nodes[number] }>>;
  /** The same graph with other names for its inputs and outputs. */
  rename<const Names extends GraphRenames>(
    names: Names & CheckedRenames<Names, keyof Input, keyof Outputs>,
  ): GraphOf<
    Changed<
      Shape,
      {
        inputNames: Renames<Shape['inputNames'], keyof OwnInputs<Shape>, Names['inputs']>;
        outputNames: Renames<Shape['outputNames'], keyof OwnOutputs<Shape>, Names['outputs']>;
      }
    >
  >;
  /** The graph as one node of another. */
  asNode<const Options extends AsNodeOptions = Record<never, never>>(
    options?: Options &
      CheckedAsNode<Options, Shape, keyof AskedInput<Input, Shape>, keyof Outputs | GraphKey<Shape>>,
  ): NodeOfGraph<AskedInput<Input, Shape>, Outputs, Shape, Options>;
}

type OwnInput<Shape extends GraphShape, Name> = OwnName<Name, Shape['inputNames'], keyof OwnInputs<Shape>>;

type BoundName<Shape extends GraphShape> =
  string extends NameOf<Shape['nodes']>
    ? string
    : Shape['bound'] extends infer Name
      ? Name extends keyof Shape['inputNames']
        ? Shape['inputNames'][Name] & string
        : Name & string
      : never;

type OnlyKnown<Values, Known, What extends string> = [Exclude<keyof Values, Known>] extends [never]
  ? unknown
  : {
      readonly [
        Name in Exclude<keyof Values, Known> & string
      ]: GraphError<`The graph has no ${What} "${Name}"`>;
    };

type CheckedRenames<Names, Inputs, Outputs> = (Names extends { readonly inputs: infer Given }
  ? { readonly inputs?: OnlyKnown<Given, Inputs, 'input'> }
  : unknown) &
  (Names extends { readonly outputs: infer Given }
    ? { readonly outputs?: OnlyKnown<Given, Outputs, 'output'> }
    : unknown);

// ---- A graph as a node.

/** The inputs of a graph, without those that only answer a question. */
export type AskedInput<Input, Shape extends GraphShape> = Omit<Input, GraphAnswer<Shape> & string>;

type CheckedAsNode<Options, Shape extends GraphShape, Inputs, Outputs> = (Options extends {
  readonly expose: infer Names;
}
  ? { readonly expose?: OnlyKnown<Names, Inputs | Outputs, 'port'> }
  : unknown) &
  (Options extends { readonly mapOver: infer Names }
    ? Exclude<
        MapName<Names>,
        Inputs | PortName<Inputs, Options, NodeName<Options, Shape>>
      > extends infer Unknown
      ? [Unknown] extends [never]
        ? unknown
        : { readonly mapOver?: GraphError<`The graph has no input "${Unknown & string}"`> }
      : never
    : unknown);

type MapName<Names> = Names extends readonly (infer Name)[] ? Name : Names;

/** Whether lists are given for an input; it may be named as it is inside, or outside. */
type IsMapped<Name, Options, Prefix extends string> = Options extends {
  readonly mapOver: infer Names;
}
  ? IsNever<Extract<Name | PortName<Name, Options, Prefix>, MapName<Names>>> extends true
    ? false
    : true
  : false;

type NodeName<Options, Shape extends GraphShape> = Options extends {
  readonly name: infer Name extends string;
}
  ? Name
  : Shape['name'];

type PortName<Name, Options, Prefix extends string> = Name extends string
  ? Options extends { readonly expose: { readonly [Key in Name]: infer Outer extends string } }
    ? Outer
    : Options extends { readonly namespace: true }
      ? `${Prefix}.${Name}`
      : Name
  : never;

type NodeInputs<Inputs, Options, Prefix extends string> = {
  [Name in keyof Inputs as PortName<Name, Options, Prefix>]: IsMapped<Name, Options, Prefix> extends true
    ? readonly Inputs[Name][]
    : Inputs[Name];
} & {};

type NodeOutputs<Outputs, Options, Prefix extends string> = {
  [Name in keyof Outputs as PortName<Name, Options, Prefix>]: Options extends {
    readonly mapOver: unknown;
  }
    ? Options extends { readonly onError: 'continue' }
      ? (Outputs[Name] | undefined)[]
      : Outputs[Name][]
    : Outputs[Name];
} & {};

/** What the type of a graph's node knows beyond its input. */
export interface GraphNodeSpec<Name extends string, Taken, Outputs> extends NodeSpec {
  readonly name: Name;
  readonly outputs: Outputs extends Readonly<Record<string, unknown>> ? Outputs : never;
  readonly run: (input: Taken, ctx: NodeContext) => Promise<Outputs>;
}

/** A graph as one node of another; the condition holds always, as that of `GraphOf`. */
export type NodeOfGraph<Inputs, Outputs, Shape, Options> = Shape extends GraphShape
  ? Node<
      NodeInputs<Inputs, Options, NodeName<Options, Shape>>,
      NodeOutputs<Outputs, Options, NodeName<Options, Shape>>,
      GraphNodeSpec<
        NodeName<Options, Shape>,
        NodeInputs<
          Pick<GraphTaken<Shape>, keyof Inputs & keyof GraphTaken<Shape>>,
          Options,
          NodeName<Options, Shape>
        >,
        NodeOutputs<Outputs, Options, NodeName<Options, Shape>>
      > &
        Asking<
          PortName<GraphKey<Shape>, Options, NodeName<Options, Shape>>,
          {
            [
              Key in keyof GraphAnswers<Shape> as PortName<Key, Options, NodeName<Options, Shape>>
            ]: GraphAnswers<Shape>[Key];
          }
        >
    >
  : never;

/** What the type of a graph's node knows of the questions inside. */
export interface Asking<Key extends string, Answers> {
  /** The keys under which they may be answered up front. */
  readonly response: Key;
  /** What whoever answers them gives. */
  readonly answers: Answers;
}

// ---- graph()

/** A graph: what it is called, and its nodes. */
export interface GraphDefinition {
  readonly name: string;
  readonly nodes: readonly AnyNode[];
  /** Wires in place of those by name: a pair wires every name that the two share, or only orders them; a triple wires one. */
  readonly edges?: readonly GraphEdge[];
  /** Names that are state: many nodes may write them, reading the latest value is no wiring. */
  readonly shared?: readonly string[];
  /** `'fixpoint'`: a loop without a gate ends when its values no longer change. */
  readonly convergence?: 'fixpoint';
  /** How often one node may run within one entry of a loop. */
  readonly maxIterations?: number;
}

type EdgeOf<Edges> = Edges extends readonly (infer Edge extends GraphEdge)[] ? Edge : undefined;

/** `graph`, as its type is inferred. */
export type GraphFunction = <
  const Name extends string,
  const Nodes extends readonly AnyNode[],
  const Shared extends string = never,
  const Edges extends readonly GraphEdge[] | undefined = undefined,
  const Convergence extends 'fixpoint' | undefined = undefined,
>(definition: {
  readonly name: Name;
  readonly nodes: CheckedNodes<Nodes, ShapeOf<Name, Nodes[number], Shared, EdgeOf<Edges>, Convergence>>;
  readonly edges?: Edges &
    CheckedEdges<Edges, ShapeOf<Name, Nodes[number], Shared, EdgeOf<Edges>, Convergence>>;
  readonly shared?: readonly Shared[] &
    CheckedShared<Shared, ShapeOf<Name, Nodes[number], Shared, EdgeOf<Edges>, Convergence>>;
  readonly convergence?: Convergence;
  readonly maxIterations?: number;
}) => GraphOf<ShapeOf<Name, Nodes[number], Shared, EdgeOf<Edges>, Convergence>>;

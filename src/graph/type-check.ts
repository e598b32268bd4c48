import type { AnyNode } from '../nodes/contract.ts';
import type { OutputNameOf, PortOf, TakenOf, TargetOf, ValueOf } from './type-member.ts';
import type { GraphEdge, Links, Makers, Net, Pluck } from './type-wiring.ts';

/** What the compiler shows for a graph that cannot work: the message names the nodes and the port. */
export interface GraphError<Message extends string, Given = never, Wanted = never> {
  readonly '~problem': Message;
  readonly '~given': Given;
  readonly '~wanted': Wanted;
}

/** The list of nodes itself where they fit together, else the list with an error in place of each node that does not. */
export type CheckedNodes<Nodes extends readonly AnyNode[], N extends Net> = [
  NodeProblem<N, N['nodes']> | DuplicateProblem<Nodes>,
] extends [never]
  ? Nodes
  : {
      [Index in keyof Nodes]: Nodes[Index] extends AnyNode
        ? OrElse<NodeProblem<N, Nodes[Index]> | DuplicateAt<Nodes, Index>, Nodes[Index]>
        : Nodes[Index];
    };

type OrElse<Problem, Fine> = [Problem] extends [never] ? Fine : Problem;

type NodeProblem<N extends Net, Member extends AnyNode> = string extends N['nodes']['name']
  ? never
  : Member extends AnyNode
    ? TargetProblem<N, Member> | PortProblem<N, Member>
    : never;

// ---- Two nodes with one name.

type IndexOf<Nodes extends readonly unknown[]> = Exclude<keyof Nodes, keyof (readonly unknown[])>;

type IndexByName<Nodes extends readonly AnyNode[]> = {
  [Index in IndexOf<Nodes> as Nodes[Index] extends AnyNode ? Nodes[Index]['name'] : never]: Index;
};

type DuplicateAt<Nodes extends readonly AnyNode[], Index> =
  Index extends IndexOf<Nodes>
    ? Nodes[Index] extends AnyNode
      ? [Pluck<IndexByName<Nodes>, Nodes[Index]['name']>] extends [Index]
        ? never
        : GraphError<`Two nodes have the name "${Nodes[Index]['name']}"`>
      : never
    : never;

type DuplicateProblem<Nodes extends readonly AnyNode[]> = {
  [Index in IndexOf<Nodes>]: DuplicateAt<Nodes, Index>;
}[IndexOf<Nodes>];

// ---- Gates.

type TargetProblem<N extends Net, Member extends AnyNode> = Member extends { readonly kind: 'gate' }
  ? UnknownTarget<
      Member['name'],
      Exclude<TargetOf<Member>, Exclude<N['nodes']['name'], Member['name']> | 'END'>
    >
  : never;

type UnknownTarget<Gate extends string, Target> = Target extends string
  ? Target extends Gate
    ? GraphError<`Gate "${Gate}" targets itself`>
    : GraphError<`Gate "${Gate}" targets "${Target}", which is no node of the graph`>
  : never;

// ---- Ports.

type PortProblem<N extends Net, Member extends AnyNode> = N['edges'] extends GraphEdge
  ? never
  : Made<N> extends Wanted<N, Member>
    ? never
    : Misfit<N, Member, Extract<PortOf<Member>, keyof Makers<N['nodes']>>>;

type Made<N extends Net> = {
  [Name in keyof Makers<N['nodes']>]: ValueOf<Makers<N['nodes']>[Name], Name>;
};

type Wanted<N extends Net, Member extends AnyNode> = Pick<
  TakenOf<Member>,
  Extract<Extract<keyof TakenOf<Member>, PortOf<Member>>, keyof Makers<N['nodes']>>
>;

type Misfit<N extends Net, Member extends AnyNode, Port> = Port extends keyof TakenOf<Member> & string
  ? MisfitOf<Pluck<Makers<N['nodes']>, Port>, Member, Port>
  : never;

type MisfitOf<
  Maker,
  Member extends AnyNode,
  Port extends keyof TakenOf<Member> & string,
> = Maker extends AnyNode
  ? [ValueOf<Maker, Port>] extends [TakenOf<Member>[Port]]
    ? never
    : GraphError<
        `Input "${Port}" of node "${Member['name']}" does not take what node "${Maker['name']}" outputs`,
        ValueOf<Maker, Port>,
        TakenOf<Member>[Port]
      >
  : never;

// ---- Explicit edges and shared names.

/** `unknown` for edges that fit, else the list with an error in place of each edge that does not. */
export type CheckedEdges<Edges, N extends Net> = Edges extends readonly unknown[]
  ? [EdgeProblem<Edges[number], N>] extends [never]
    ? unknown
    : { [Index in keyof Edges]: OrElse<EdgeProblem<Edges[Index], N>, unknown> }
  : unknown;

type EdgeProblem<Edge, N extends Net> = Edge extends readonly [
  infer From extends string,
  infer To extends string,
  ...infer Rest,
]
  ? [Exclude<From | To, N['nodes']['name']>] extends [never]
    ? Rest extends readonly [infer Name extends string]
      ? NameProblem<From, To, Name, N>
      : EdgeMisfit<Links<N['nodes'], Edge>, N>
    : UnknownEnd<Exclude<From | To, N['nodes']['name']>>
  : never;

type UnknownEnd<Name> = Name extends string
  ? GraphError<`An edge names "${Name}", which is no node of the graph`>
  : never;

type NodeNamed<N extends Net, Name> = Extract<N['nodes'], { readonly name: Name }>;

type NameProblem<From extends string, To extends string, Name extends string, N extends Net> =
  Name extends OutputNameOf<NodeNamed<N, From>>
    ? Name extends PortOf<NodeNamed<N, To>>
      ? EdgeMisfit<readonly [From, To, Name], N>
      : GraphError<`Node "${To}" has no input "${Name}", which an edge from node "${From}" names`>
    : GraphError<`Node "${From}" has no output "${Name}", which an edge to node "${To}" names`>;

type EdgeMisfit<Each, N extends Net> = Each extends readonly [
  infer From extends string,
  infer To extends string,
  infer Name extends string,
]
  ? NodeNamed<N, To> extends infer Reader extends AnyNode
    ? Name extends keyof TakenOf<Reader> & string
      ? MisfitOf<NodeNamed<N, From>, Reader, Name>
      : never
    : never
  : never;

/** `unknown` for shared names that some node has, else the list with an error in place of each that none has. */
export type CheckedShared<Shared extends string, N extends Net> = [SharedProblem<Shared, N>] extends [never]
  ? unknown
  : readonly (SharedProblem<Shared, N> | KnownShared<Shared, N>)[];

type KnownShared<Shared, N extends Net> = Extract<Shared, keyof Makers<N['nodes']> | PortOf<N['nodes']>>;

type SharedProblem<Shared, N extends Net> =
  Exclude<Shared, OutputNameOf<N['nodes']> | PortOf<N['nodes']>> extends infer Unknown
    ? Unknown extends string
      ? GraphError<`\`shared\` names "${Unknown}", which no node of the graph reads or makes`>
      : never
    : never;

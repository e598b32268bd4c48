import type { AnyNode } from '../nodes/contract.ts';
import type {
  Fits,
  GateIn,
  IsNever,
  MadeOf,
  NameOf,
  OutputNameOf,
  PortOf,
  TakenOf,
  TargetOf,
  ValueOf,
} from './type-member.ts';
import type { GraphEdge, Links, Makers, Named, Net } from './type-wiring.ts';

/** What the compiler shows for a graph that cannot work: the message names the nodes and the port. */
export interface GraphError<Message extends string, Given = never, Wanted = never> {
  readonly '~problem': Message;
  readonly '~given': Given;
  readonly '~wanted': Wanted;
}

/**
 * The list of nodes itself where they fit together, else the list with an error in place of each node that does not.
 * `Old` are the names of nodes that were there before.
 */
export type CheckedNodes<Nodes extends readonly AnyNode[], N extends Net, Old extends string = never> =
  IsNever<NodeProblem<N, N['nodes']> | Twice<Nodes> | Again<NameOf<Nodes[number]>, Old>> extends true
    ? Nodes
    : NoInfer<{
        [Index in keyof Nodes]: Nodes[Index] extends AnyNode
          ? OrElse<
              | NodeProblem<N, Nodes[Index]>
              | OldProblem<N, Nodes[Index], Old>
              | NameProblem<Nodes, NameOf<Nodes[Index]>, Old>,
              Nodes[Index]
            >
          : Nodes[Index];
      }>;

type OrElse<Problem, Fine> = [Problem] extends [never] ? Fine : Problem;

type NodeProblem<N extends Net, Member> =
  string extends NameOf<N['nodes']>
    ? never
    :
        | TargetProblem<GateIn<Member>, NameOf<N['nodes']>>
        | (N['edges'] extends GraphEdge ? never : PortProblem<Makers<N['nodes']>, Member>);

/** Where a new node makes what an old one does not take, the new one is to blame. */
type OldProblem<N extends Net, Member extends AnyNode, Old extends string> = [Old] extends [never]
  ? never
  : NodeProblem<N, Named<N['nodes'], Old>> extends infer Problem
    ? Problem extends GraphError<`${string} what node "${Member['name']}" outputs`, unknown, unknown>
      ? Problem
      : never
    : never;

// ---- Two nodes with one name.

type NameProblem<Nodes extends readonly AnyNode[], Name extends string, Old> = Name extends
  | Again<Name, Old>
  | Twice<Nodes>
  ? GraphError<`Two nodes have the name "${Name}"`>
  : never;

/** The names that nodes had before; of names that are not known there are none. */
type Again<Name extends string, Old> = string extends Name | Old ? never : Extract<Name, Old>;

/** The names that several places of the list have. A list of names costs little where one of nodes costs much. */
type Twice<Nodes extends readonly AnyNode[]> = TwiceIn<
  Places<{ [Index in keyof Nodes]: NameOf<Nodes[Index]> }>,
  NameOf<Nodes[number]>
>;

type TwiceIn<Map, Name> = Name extends string
  ? string extends Name
    ? never
    : Map extends { readonly [Key in Name]: infer Place }
      ? true extends HasTwo<Exclude<Place, number>>
        ? Name
        : never
      : never
  : never;

/** The places in a list of names, by name; each name also has `number`. */
type Places<Names extends readonly unknown[]> = {
  [Index in keyof Names as Extract<Names[Index], string>]: Index;
};

type HasTwo<Place, All = Place> = Place extends unknown ? ([All] extends [Place] ? never : true) : never;

// ---- Gates.

type TargetProblem<Gate, Known extends string> = Gate extends AnyNode
  ? UnknownTarget<Gate['name'], Exclude<TargetOf<Gate>, Exclude<Known, Gate['name']> | 'END'>>
  : never;

type UnknownTarget<Gate extends string, Target> = Target extends string
  ? Target extends Gate
    ? GraphError<`Gate "${Gate}" targets itself`>
    : GraphError<`Gate "${Gate}" targets "${Target}", which is no node of the graph`>
  : never;

// ---- Ports.

type PortProblem<Map extends Record<string, unknown>, Member> = Member extends AnyNode
  ? MakerProblem<Map[PortOf<Member>], Member>
  : never;

/** All ports that one node feeds are compared at once; which of them does not fit is only asked when one does not. */
type MakerProblem<Maker, Member extends AnyNode> = Maker extends AnyNode
  ? MadeOf<Maker> extends Pick<TakenOf<Member>, PortOf<Member> & OutputNameOf<Maker> & keyof TakenOf<Member>>
    ? never
    : Misfit<Maker, Member, Extract<PortOf<Member>, OutputNameOf<Maker>>>
  : never;

type Misfit<Maker, Member extends AnyNode, Port> = Port extends keyof TakenOf<Member> & string
  ? MisfitOf<Maker, Member, Port>
  : never;

type MisfitOf<
  Maker,
  Member extends AnyNode,
  Port extends keyof TakenOf<Member> & string,
> = Maker extends AnyNode
  ? Fits<ValueOf<Maker, Port>, TakenOf<Member>[Port]> extends true
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
  ? IsNever<EdgeProblem<Edges[number], N>> extends true
    ? unknown
    : { [Index in keyof Edges]: OrElse<EdgeProblem<Edges[Index], N>, unknown> }
  : unknown;

type EdgeProblem<Edge, N extends Net> = Edge extends readonly [
  infer From extends string,
  infer To extends string,
  ...infer Rest,
]
  ? IsNever<Exclude<From | To, NameOf<N['nodes']>>> extends true
    ? Rest extends readonly [infer Name extends string]
      ? CarriedProblem<From, To, Name, N>
      : EdgeMisfit<Links<N['nodes'], Edge>, N>
    : UnknownEnd<Exclude<From | To, NameOf<N['nodes']>>>
  : never;

type UnknownEnd<Name> = Name extends string
  ? GraphError<`An edge names "${Name}", which is no node of the graph`>
  : never;

type CarriedProblem<From extends string, To extends string, Name extends string, N extends Net> =
  Name extends OutputNameOf<Named<N['nodes'], From>>
    ? Name extends PortOf<Named<N['nodes'], To>>
      ? EdgeMisfit<readonly [From, To, Name], N>
      : GraphError<`Node "${To}" has no input "${Name}", which an edge from node "${From}" names`>
    : GraphError<`Node "${From}" has no output "${Name}", which an edge to node "${To}" names`>;

type EdgeMisfit<Each, N extends Net> = Each extends readonly [
  infer From extends string,
  infer To extends string,
  infer Name extends string,
]
  ? Named<N['nodes'], To> extends infer Reader extends AnyNode
    ? Name extends keyof TakenOf<Reader> & string
      ? MisfitOf<Named<N['nodes'], From>, Reader, Name>
      : never
    : never
  : never;

/** `unknown` for shared names that some node has, else the list with an error in place of each that none has. */
export type CheckedShared<Shared extends string, N extends Net> =
  IsNever<SharedProblem<Shared, N>> extends true
    ? unknown
    : readonly (SharedProblem<Shared, N> | KnownShared<Shared, N>)[];

type KnownShared<Shared, N extends Net> = Extract<Shared, OutputNameOf<N['nodes']> | PortOf<N['nodes']>>;

type SharedProblem<Shared, N extends Net> =
  Exclude<Shared, OutputNameOf<N['nodes']> | PortOf<N['nodes']>> extends infer Unknown
    ? Unknown extends string
      ? GraphError<`\`shared\` names "${Unknown}", which no node of the graph reads or makes`>
      : never
    : never;

import type { AnyNode } from '../nodes/contract.ts';
import type { GateIn, InterruptIn, IsNever, NameOf, OutputNameOf, PortOf, TargetOf } from './type-member.ts';

// Cost decides how this is written: a graph of 200 nodes with 30 ports each must check fast. A union is walked once
// where a tuple is walked again and again. A map is one mapped type over a union, and is only looked into; `keyof` of it
// would walk the union at every use, so that names come from unions, which the compiler keeps.

/** An explicit edge: two nodes, and perhaps the one name that it wires. */
export type GraphEdge = readonly [from: string, to: string, name?: string];

/** What wires a graph; `nodes` and `edges` are unions. */
export interface Net {
  readonly nodes: AnyNode;
  readonly shared: string;
  /** Absent (`undefined`) where wires are inferred. */
  readonly edges: GraphEdge | undefined;
  readonly convergence: 'fixpoint' | undefined;
}

/** Stands for every name that a map does not have, so that it can be looked into without asking for its keys. */
interface Nobody {
  readonly '~nobody': true;
}
type Known<Entry> = Entry extends Nobody ? never : Entry;

/** The nodes that make a name, by that name. */
export type Makers<Members extends AnyNode> = {
  [Member in Members | Nobody as Member extends AnyNode ? OutputNameOf<Member> : string]: Known<Member>;
};

/** The nodes with a port of a name, by that name. */
export type Readers<Members extends AnyNode> = {
  [Member in Members | Nobody as Member extends AnyNode ? PortOf<Member> : string]: Known<Member>;
};

/** The nodes by name. */
export type ByName<Members extends AnyNode> = {
  [Member in Members | Nobody as Member extends AnyNode ? Member['name'] : string]: Known<Member>;
};

/** The nodes of a union that have a name of another. */
export type Named<Members extends AnyNode, Name extends string> = ByName<Members>[Name];

// ---- Explicit edges: each is expanded into one link per name, with null where it only orders.

/** One link: from, to, and what it carries. */
export type Link = readonly [from: string, to: string, name: string | null];

/** The links that the explicit edges make. */
export type Links<Members extends AnyNode, Edges> = Edges extends readonly [
  infer From extends string,
  infer To extends string,
  ...infer Rest,
]
  ? Rest extends readonly [infer Name extends string]
    ? readonly [From, To, Name]
    : readonly [From, To, OrNull<Carried<Named<Members, From>, Named<Members, To>>>]
  : never;

type Carried<From, To> = Extract<OutputNameOf<From>, PortOf<To>>;

type OrNull<Name> = [Name] extends [never] ? null : Name;

type LinksTo<Members extends AnyNode, Edges> = {
  [Each in Links<Members, Edges> | Nobody as Each extends Link ? Each[1] : string]: Known<Each>;
};

type LinksFrom<Members extends AnyNode, Edges> = {
  [Each in Links<Members, Edges> | Nobody as Each extends Link ? Each[0] : string]: Known<Each>;
};

/** The first names of links that carry a name. */
type Sources<Each, Name> = Each extends readonly [infer From, string, infer Wire]
  ? Name extends Wire
    ? From
    : never
  : never;

type Sinks<Each, Name> = Each extends readonly [string, infer To, infer Wire]
  ? Name extends Wire
    ? To
    : never
  : never;

type End<Each, Place extends 0 | 1 | 2> = Each extends Link ? Each[Place] : never;

// ---- What feeds a port, and who reads an output.

/** The names of the nodes that feed a port of a node. */
export type Feeders<N extends Net, Member extends AnyNode, Port extends string> = Port extends N['shared']
  ? never
  : N['edges'] extends GraphEdge
    ? Sources<LinksTo<N['nodes'], N['edges']>[Member['name']], Port>
    : NameOf<Makers<N['nodes']>[Port]>;

/** The names of the nodes that read an output of a node. */
export type ReadersOf<
  N extends Net,
  Member extends AnyNode,
  Output extends string,
> = Output extends N['shared']
  ? never
  : N['edges'] extends GraphEdge
    ? Sinks<LinksFrom<N['nodes'], N['edges']>[Member['name']], Output>
    : NameOf<Readers<N['nodes']>[Output]>;

/** The names of ports that nothing feeds. */
export type OpenName<N extends Net> = N['edges'] extends GraphEdge
  ? OpenPort<N, N['nodes']>
  : IsNever<N['shared']> extends true
    ? Exclude<PortOf<N['nodes']>, OutputNameOf<N['nodes']>>
    : Exclude<PortOf<N['nodes']>, Exclude<OutputNameOf<N['nodes']>, N['shared']>>;

type OpenPort<N extends Net, Member extends AnyNode> = Member extends AnyNode
  ? Exclude<PortOf<Member>, Exclude<End<LinksTo<N['nodes'], N['edges']>[Member['name']], 2>, N['shared']>>
  : never;

/** The nodes that read an open name where nothing feeds them. */
export type OpenReaders<N extends Net, Name extends string> = N['edges'] extends GraphEdge
  ? WithOpen<N, Readers<N['nodes']>[Name], Name>
  : Readers<N['nodes']>[Name];

type WithOpen<N extends Net, Member, Name> = Member extends AnyNode
  ? Name extends OpenPort<N, Member>
    ? Member
    : never
  : never;

// ---- Reach.

type Next<N extends Net, Member extends AnyNode> = N['edges'] extends GraphEdge
  ? End<LinksFrom<N['nodes'], N['edges']>[Member['name']], 1>
  : NameOf<Readers<N['nodes']>[Exclude<OutputNameOf<Member>, N['shared']>]>;

type Previous<N extends Net, Member extends AnyNode> = N['edges'] extends GraphEdge
  ? End<LinksTo<N['nodes'], N['edges']>[Member['name']], 0>
  : NameOf<Makers<N['nodes']>[Exclude<PortOf<Member>, N['shared']>]>;

type Successors<N extends Net> = {
  [Member in N['nodes'] | Nobody as Member extends AnyNode ? Member['name'] : string]: Member extends AnyNode
    ? Exclude<Next<N, Member>, Member['name']> | TargetOf<GateIn<Member>>
    : never;
};

type Predecessors<N extends Net> = {
  [Member in N['nodes'] | Nobody as Member extends AnyNode ? Member['name'] : string]: Member extends AnyNode
    ? Exclude<Previous<N, Member>, Member['name']> | GatesOf<N['nodes']>[Member['name']]
    : never;
};

/** The names of the gates that lead to a node, by its name. */
type GatesOf<Members extends AnyNode> = {
  [Gate in GateIn<Members> | Nobody as Gate extends AnyNode ? TargetOf<Gate> : string]: NameOf<Gate>;
};

type Walk<Map extends Record<string, unknown>, Front, Seen = never> = [Front] extends [never]
  ? Seen
  : Walk<Map, Exclude<Map[Front & string], Seen | Front>, Seen | Front>;

/** The names of the nodes that can be reached from some nodes, by name; one of these itself only where it is in a cycle. */
export type After<N extends Net, Name extends string> =
  Walk<Successors<N>, Successors<N>[Name]> extends infer Found extends string ? Found : never;

/** The names of the nodes from which some nodes can be reached. */
export type Before<N extends Net, Name extends string> =
  Walk<Predecessors<N>, Predecessors<N>[Name]> extends infer Found extends string ? Found : never;

// ---- Loops. Only a gate, an interrupt or a convergence test can leave a cycle, so that each has one of these in it; a
// graph without them costs nothing here.

/** The names of the nodes that can leave a loop. */
export type Exits<N extends Net> = N['convergence'] extends 'fixpoint'
  ? NameOf<N['nodes']>
  : NameOf<GateIn<N['nodes']> | InterruptIn<N['nodes']>>;

type Loop<N extends Net, Name extends string> =
  Extract<After<N, Name>, Before<N, Name>> extends infer Found extends string ? Found : never;

/** The names of the nodes in any loop. */
export type LoopName<N extends Net, Exit extends string = Exits<N>> = Exit extends string
  ? Loop<N, Exit>
  : never;

/** The names of the nodes in the loop of a node, by its name. */
type Loops<N extends Net> = {
  [Exit in Exits<N> | Nobody as Exit extends string ? Loop<N, Exit> : string]: Exit extends string
    ? Loop<N, Exit>
    : never;
};

/** The names of a node's strongly connected component, itself included. `Exit` is `Exits<N>`, for it not to be asked each time. */
export type ComponentOf<N extends Net, Name extends string, Exit> = [Exit] extends [never]
  ? Name
  : Name | Loops<N>[Name];

import type { AnyNode } from '../nodes/contract.ts';
import type { GateIn, InterruptIn, OutputNameOf, PortOf, TargetOf } from './type-member.ts';

/** An explicit edge: two nodes, and perhaps the one name that it wires. */
export type GraphEdge = readonly [from: string, to: string, name?: string];

/** What wires a graph. `nodes` and `edges` are unions, as a union is walked once where a tuple is walked again and again. */
export interface Net {
  readonly nodes: AnyNode;
  readonly shared: string;
  /** Absent (`undefined`) where wires are inferred. */
  readonly edges: GraphEdge | undefined;
  readonly convergence: 'fixpoint' | undefined;
}

/** The nodes that make a name, by that name. */
export type Makers<Members extends AnyNode> = { [Member in Members as OutputNameOf<Member>]: Member };

/** The nodes with a port of a name, by that name. */
export type Readers<Members extends AnyNode> = { [Member in Members as PortOf<Member>]: Member };

/** The nodes by name. */
export type ByName<Members extends AnyNode> = { [Member in Members as Member['name']]: Member };

/** A property of a map, for each key of a union; keys that it does not have give nothing. */
export type Pluck<Map, Key> = Key extends keyof Map ? Map[Key] : never;

/** The name of each node in a union. */
export type NameIn<Members> = Members extends { readonly name: infer Name extends string } ? Name : never;

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
    : Carried<Pluck<ByName<Members>, From>, Pluck<ByName<Members>, To>> extends infer Name
      ? [Name] extends [never]
        ? readonly [From, To, null]
        : Name extends string
          ? readonly [From, To, Name]
          : never
      : never
  : never;

type Carried<From, To> = From extends AnyNode
  ? To extends AnyNode
    ? Extract<OutputNameOf<From>, PortOf<To>>
    : never
  : never;

type LinksTo<Members extends AnyNode, Edges> = {
  [Each in Links<Members, Edges> as Each[1]]: Each;
};

type LinksFrom<Members extends AnyNode, Edges> = {
  [Each in Links<Members, Edges> as Each[0]]: Each;
};

type Carrying<Each, Name> = Each extends readonly [string, string, Name] ? Each : never;

// ---- What feeds a port, and who reads an output.

/** The names of the nodes that feed a port of a node. */
export type Feeders<N extends Net, Member extends AnyNode, Port extends string> = Port extends N['shared']
  ? never
  : N['edges'] extends GraphEdge
    ? Carrying<Pluck<LinksTo<N['nodes'], N['edges']>, Member['name']>, Port>[0]
    : NameIn<Pluck<Makers<N['nodes']>, Port>>;

/** The names of the nodes that read an output of a node. */
export type ReadersOf<
  N extends Net,
  Member extends AnyNode,
  Output extends string,
> = Output extends N['shared']
  ? never
  : N['edges'] extends GraphEdge
    ? Carrying<Pluck<LinksFrom<N['nodes'], N['edges']>, Member['name']>, Output>[1]
    : NameIn<Pluck<Readers<N['nodes']>, Output>>;

/** The ports of a node that nothing feeds. */
export type OpenPort<N extends Net, Member extends AnyNode> = N['edges'] extends GraphEdge
  ? Exclude<PortOf<Member>, Exclude<Pluck<LinksTo<N['nodes'], N['edges']>, Member['name']>[2], N['shared']>>
  : Exclude<PortOf<Member>, Exclude<keyof Makers<N['nodes']>, N['shared']>>;

// ---- Reach.

type Successors<N extends Net> = N['edges'] extends GraphEdge
  ? {
      [Member in N['nodes'] as Member['name']]:
        | Exclude<Pluck<LinksFrom<N['nodes'], N['edges']>, Member['name']>[1], Member['name']>
        | GateTarget<Member>;
    }
  : {
      [Member in N['nodes'] as Member['name']]:
        | Exclude<
            NameIn<Pluck<Readers<N['nodes']>, Exclude<OutputNameOf<Member>, N['shared']>>>,
            Member['name']
          >
        | GateTarget<Member>;
    };

type Predecessors<N extends Net> = N['edges'] extends GraphEdge
  ? {
      [Member in N['nodes'] as Member['name']]:
        | Exclude<Pluck<LinksTo<N['nodes'], N['edges']>, Member['name']>[0], Member['name']>
        | Pluck<GatesOf<N['nodes']>, Member['name']>;
    }
  : {
      [Member in N['nodes'] as Member['name']]:
        | Exclude<NameIn<Pluck<Makers<N['nodes']>, Exclude<PortOf<Member>, N['shared']>>>, Member['name']>
        | Pluck<GatesOf<N['nodes']>, Member['name']>;
    };

type GateTarget<Member extends AnyNode> = Member extends { readonly kind: 'gate' } ? TargetOf<Member> : never;

/** The names of the gates that lead to a node, by its name. */
type GatesOf<Members extends AnyNode> = { [Gate in GateIn<Members> as TargetOf<Gate>]: Gate['name'] };

type Walk<Map, Front, Seen = never> = [Front] extends [never]
  ? Seen
  : Walk<Map, Exclude<Pluck<Map, Front>, Seen | Front>, Seen | Front>;

/** The names of the nodes that can be reached from some nodes, by name; one of these itself only where it is in a cycle. */
export type After<N extends Net, Name> =
  Walk<Successors<N>, Pluck<Successors<N>, Name>> extends infer Found extends string ? Found : never;

/** The names of the nodes from which some nodes can be reached. */
export type Before<N extends Net, Name> =
  Walk<Predecessors<N>, Pluck<Predecessors<N>, Name>> extends infer Found extends string ? Found : never;

// ---- Loops. Only a gate, an interrupt or a convergence test can leave a cycle, so that each has one of these in it; a
// graph without them costs nothing here.

type Exits<N extends Net> = N['convergence'] extends 'fixpoint'
  ? N['nodes']['name']
  : NameIn<GateIn<N['nodes']> | InterruptIn<N['nodes']>>;

type Loop<N extends Net, Name> =
  Extract<After<N, Name>, Before<N, Name>> extends infer Found extends string ? Found : never;

/** The names of the nodes in the loop of a node, by its name; nodes in no loop are not in here. */
export type Loops<N extends Net> = {
  [Name in Exits<N> as Loop<N, Name>]: Loop<N, Name>;
};

/** The names of a node's strongly connected component, itself included. */
export type ComponentOf<N extends Net, Name> = Name | Pluck<Loops<N>, Name>;

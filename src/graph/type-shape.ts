import type { AnyNode } from '../nodes/contract.ts';
import type { AnswerGiven, AnswerOf, Flatten, IsNever, NameOf, OutputNameOf } from './type-member.ts';
import type { InputsOf, LeafOutputs, SelectedOutputs, TakenInputs } from './type-ports.ts';
import type { After, Before, GraphEdge, Makers, Net } from './type-wiring.ts';

/** What the inputs and outputs of a graph are computed from. Names in it are the nodes' own, as they were before `rename`. */
export interface GraphShape extends Net {
  readonly name: string;
  readonly bound: string;
  /** `never` where nothing was selected. */
  readonly selected: string;
  /** `never` where nothing was cut away. */
  readonly start: string;
  readonly inputNames: object;
  readonly outputNames: object;
}

/** The shape of a graph as `graph` infers it. */
export interface ShapeOf<
  Name extends string,
  Members extends AnyNode,
  Shared extends string,
  Edges extends GraphEdge | undefined,
  Convergence extends 'fixpoint' | undefined,
> extends GraphShape {
  readonly name: Name;
  readonly nodes: Members;
  readonly shared: Shared;
  readonly edges: Edges;
  readonly convergence: Convergence;
  readonly bound: never;
  readonly selected: never;
  readonly start: never;
  readonly inputNames: Record<never, never>;
  readonly outputNames: Record<never, never>;
}

/** A shape with some of its parts replaced. */
export type Changed<Shape extends GraphShape, Change> = {
  readonly [Part in keyof GraphShape]: Part extends keyof Change ? Change[Part] : Shape[Part];
};

// ---- What is left of the nodes after `startAt` and `select`.

interface NetWith<N extends Net, Members extends AnyNode> extends Net {
  readonly nodes: Members;
  readonly shared: N['shared'];
  readonly edges: EdgeWithin<N['edges'], NameOf<Members>>;
  readonly convergence: N['convergence'];
}

type EdgeWithin<Edge, Name> = Edge extends readonly [infer From, infer To, ...unknown[]]
  ? [From | To] extends [Name]
    ? Edge
    : never
  : Edge;

type Only<Members extends AnyNode, Name> = Members extends { readonly name: Name } ? Members : never;
type Except<Members extends AnyNode, Name> = Members extends { readonly name: Name } ? never : Members;

type Started<Shape extends GraphShape> =
  IsNever<Shape['start']> extends true
    ? Shape
    : NetWith<
        Shape,
        Except<
          Shape['nodes'],
          Exclude<Before<Shape, Shape['start']>, Shape['start'] | After<Shape, Shape['start']>>
        >
      >;

type Selected<N extends Net, Name extends string> = [Name] extends [never]
  ? N
  : NetWith<N, Only<N['nodes'], MakerName<N, Name> | Before<N, MakerName<N, Name>>>>;

type MakerName<N extends Net, Name extends string> = NameOf<Makers<N['nodes']>[Name]>;

/** What runs. */
export type ActiveNet<Shape extends GraphShape> = Selected<Started<Shape>, Shape['selected']>;

// ---- Names as they are seen from outside.

/** The name that `rename` gave to one. */
export type Renamed<Name, Names> = Name extends keyof Names ? Names[Name] & string : Name;

/** The nodes' own name for one seen from outside. */
export type OwnName<Name, Names, Known> = Known extends string
  ? Renamed<Known, Names> extends Name
    ? Known
    : never
  : never;

/** The names after a further `rename`. */
export type Renames<Names, Known, Change> = {
  [
    Name in Known & string as Renamed<Name, Names> extends keyof Change
      ? Name
      : Name extends keyof Names
        ? Name
        : never
  ]: Renamed<Renamed<Name, Names>, Change>;
};

type Optional<Inputs, Bound> = [Bound] extends [never]
  ? Inputs
  : { [Name in keyof Inputs as Exclude<Name, Bound>]: Inputs[Name] } & {
      [Name in keyof Inputs as Extract<Name, Bound>]?: Inputs[Name] | undefined;
    };

/** The inputs of a graph under the nodes' own names. */
export type OwnInputs<Shape extends GraphShape> =
  ActiveNet<Shape> extends infer N extends Net ? InputsOf<N> : never;

/** The outputs of a graph under the nodes' own names. */
export type OwnOutputs<Shape extends GraphShape> =
  ActiveNet<Shape> extends infer N extends Net
    ? IsNever<Shape['selected']> extends true
      ? LeafOutputs<N>
      : SelectedOutputs<N, Shape['selected']>
    : never;

/** What a run of a graph is given. */
export type GraphInput<Shape extends GraphShape> =
  string extends NameOf<Shape['nodes']>
    ? Readonly<Record<string, unknown>>
    : Optional<OwnInputs<Shape>, Shape['bound']> extends infer Inputs
      ? Flatten<{ [Name in keyof Inputs as Renamed<Name, Shape['inputNames']>]: Inputs[Name] }>
      : never;

/** What a run of a graph gives. */
export type GraphOutputs<Shape extends GraphShape> =
  string extends NameOf<Shape['nodes']>
    ? Readonly<Record<string, unknown>>
    : OwnOutputs<Shape> extends infer Outputs
      ? Flatten<{ [Name in keyof Outputs as Renamed<Name, Shape['outputNames']>]: Outputs[Name] }>
      : never;

/** What the bodies inside a graph take for its inputs. */
export type GraphTaken<Shape extends GraphShape> =
  ActiveNet<Shape> extends infer N extends Net
    ? { [Name in keyof TakenInputs<N> as Renamed<Name, Shape['inputNames']>]: TakenInputs<N>[Name] }
    : never;

/** The inputs of a graph that only answer a question. */
export type GraphAnswer<Shape extends GraphShape> =
  ActiveNet<Shape> extends infer N extends Net ? Renamed<AnswerOf<N['nodes']>, Shape['inputNames']> : never;

/** The keys of the questions in a graph, as they are seen from outside. */
export type GraphKey<Shape extends GraphShape> =
  ActiveNet<Shape> extends infer N extends Net ? Renamed<AnswerOf<N['nodes']>, Shape['outputNames']> : never;

/** What whoever answers the questions in a graph gives, by their keys as they are seen from outside. */
export type GraphAnswers<Shape extends GraphShape> =
  ActiveNet<Shape> extends infer N extends Net
    ? {
        [Key in AnswerOf<N['nodes']> as Renamed<Key, Shape['outputNames']> & string]: AnswerGiven<
          N['nodes'],
          Key
        >;
      }
    : never;

/** Every name that a node of a graph makes, as it is seen from outside. */
export type Selectable<Shape extends GraphShape> =
  string extends NameOf<Shape['nodes']>
    ? string
    : Renamed<OutputNameOf<Shape['nodes']>, Shape['outputNames']> & string;

/** The nodes with which a graph can start. */
export type Entry<Shape extends GraphShape> = NameOf<Exclude<Shape['nodes'], { readonly kind: 'gate' }>>;

import type { AnyNode } from '../nodes/contract.ts';
import type { Flatten, GivenOf, InterruptIn, OutputNameOf, PortOf, TakenOf, ValueOf } from './type-member.ts';
import type {
  ComponentOf,
  Feeders,
  Loops,
  Makers,
  NameIn,
  Net,
  OpenPort,
  Pluck,
  ReadersOf,
} from './type-wiring.ts';

/** Whether a caller must give a port of one of these nodes. */
type IsRequired<Member, Port> = Member extends AnyNode
  ? Port extends PortOf<Member>
    ? Record<never, never> extends Pick<GivenOf<Member>, Port>
      ? never
      : true
    : never
  : never;

/** What all of these nodes take under a name: as parameters of functions, the types are intersected. */
type GivenToAll<Member, Port> = [ReaderOfGiven<Member, Port>] extends [(given: infer Given) => void]
  ? Given
  : never;
type ReaderOfGiven<Member, Port> = Member extends AnyNode
  ? Port extends keyof GivenOf<Member>
    ? (given: GivenOf<Member>[Port]) => void
    : never
  : never;

type TakenByAll<Member, Port> = [ReaderOfTaken<Member, Port>] extends [(taken: infer Taken) => void]
  ? Taken
  : never;
type ReaderOfTaken<Member, Port> = Member extends AnyNode
  ? Port extends keyof TakenOf<Member>
    ? (taken: TakenOf<Member>[Port]) => void
    : never
  : never;

// ---- Which names are inputs.

type Open<N extends Net> = { [Member in N['nodes'] as OpenPort<N, Member>]: Member };

type RequiredOpen<N extends Net> = keyof {
  [Name in keyof Open<N> as true extends IsRequired<Pluck<Open<N>, Name>, Name> ? Name : never]: 0;
};

/** The ports of a node that it feeds itself. */
type OwnPort<N extends Net, Member extends AnyNode> = OutputNameOf<Member> & PortOf<Member> extends infer Name
  ? Name extends string
    ? Member['name'] extends Feeders<N, Member, Name>
      ? Name
      : never
    : never
  : never;

type Selfish<N extends Net> = { [Member in N['nodes'] as OwnPort<N, Member>]: Member };

/** Names that only nodes make which read them too: with no default, nothing could start without a seed. */
type OwnSeeds<N extends Net> = {
  [
    Name in keyof Selfish<N> as IsOwn<N, Selfish<N>[Name], Name> extends true ? Name : never
  ]: Selfish<N>[Name];
};

type IsOwn<N extends Net, Member, Name> = [FeedersOfAll<N, Member, Name>] extends [NameIn<Member>]
  ? true
  : false;

type FeedersOfAll<N extends Net, Member, Name> = Member extends AnyNode
  ? Name extends string
    ? Feeders<N, Member, Name>
    : never
  : never;

type RequiredSeed<N extends Net> = keyof {
  [Name in keyof OwnSeeds<N> as EachRequires<OwnSeeds<N>[Name], Name> extends true ? Name : never]: 0;
};

type EachRequires<Member, Name> = [
  Member extends AnyNode ? ([IsRequired<Member, Name>] extends [never] ? Member : never) : never,
] extends [never]
  ? true
  : false;

/** Names read in a loop that only nodes of this loop make. */
type LoopSeeds<N extends Net> = {
  [
    Member in Extract<N['nodes'], { readonly name: keyof Loops<N> }> as LoopPort<N, Member, PortOf<Member>>
  ]: Member;
};

type LoopPort<N extends Net, Member extends AnyNode, Port extends string> = Port extends string
  ? [Feeders<N, Member, Port>] extends [never]
    ? never
    : [Feeders<N, Member, Port>] extends [ComponentOf<N, Member['name']>]
      ? Port
      : never
  : never;

type Response<N extends Net> = OutputNameOf<InterruptIn<N['nodes']>>;

/** Shared names that are only written. */
type WriteOnly<N extends Net> = Exclude<N['shared'] & keyof Makers<N['nodes']>, keyof Open<N>>;

type RequiredName<N extends Net> = RequiredOpen<N> | RequiredSeed<N>;

type OptionalName<N extends Net> = Exclude<
  keyof Open<N> | keyof OwnSeeds<N> | keyof LoopSeeds<N> | Response<N> | WriteOnly<N>,
  RequiredName<N>
>;

type ReadersOfInput<N extends Net, Name> =
  | Pluck<Open<N>, Name>
  | Pluck<OwnSeeds<N>, Name>
  | Pluck<LoopSeeds<N>, Name>;

type GivenFor<N extends Net, Name> = [ReadersOfInput<N, Name>] extends [never]
  ? ValueOf<Pluck<Makers<N['nodes']>, Name>, Name>
  : GivenToAll<ReadersOfInput<N, Name>, Name>;

type TakenFor<N extends Net, Name> = [ReadersOfInput<N, Name>] extends [never]
  ? ValueOf<Pluck<Makers<N['nodes']>, Name>, Name>
  : TakenByAll<ReadersOfInput<N, Name>, Name>;

/** What a run of these nodes is given. */
export type InputsOf<N extends Net> = [RequiredName<N>, OptionalName<N>] extends [
  infer Required extends string,
  infer Optional extends string,
]
  ? Flatten<
      { [Name in Required]: GivenFor<N, Name> } & { [Name in Optional]?: GivenFor<N, Name> | undefined }
    >
  : never;

/** What the bodies of these nodes take for the inputs. */
export type TakenInputs<N extends Net> = {
  [Name in RequiredName<N> | OptionalName<N>]: TakenFor<N, Name>;
};

/** The names of the inputs that only answer a question. */
export type AnswerName<N extends Net> = Response<N>;

// ---- What comes out.

/** The outputs of a node that something outside its component reads. */
type InnerOutput<N extends Net, Member extends AnyNode, Output extends string> = Output extends string
  ? [Exclude<ReadersOf<N, Member, Output>, ComponentOf<N, Member['name']>>] extends [never]
    ? never
    : Output
  : never;

type Inner<N extends Net> = keyof {
  [Member in N['nodes'] as InnerOutput<N, Member, OutputNameOf<Member>>]: 0;
};

/** The outputs of these names. */
export type SelectedOutputs<N extends Net, Selected> = {
  [Name in Extract<keyof Makers<N['nodes']>, Selected>]: ValueOf<Pluck<Makers<N['nodes']>, Name>, Name>;
};

/** What a run of these nodes gives: what nothing outside its maker's component reads. */
export type LeafOutputs<N extends Net> = {
  [Name in Exclude<keyof Makers<N['nodes']>, Inner<N>>]: ValueOf<Makers<N['nodes']>[Name], Name>;
};

import type { AnyNode } from '../nodes/contract.ts';
import type {
  AnswerGiven,
  AnswerOf,
  Fits,
  Flatten,
  GivenOf,
  IsNever,
  NameOf,
  OutputNameOf,
  PortOf,
  TakenOf,
  ValueOf,
} from './type-member.ts';
import type {
  ByName,
  ComponentOf,
  Exits,
  Feeders,
  GraphEdge,
  LoopName,
  Makers,
  Net,
  OpenName,
  OpenReaders,
  Readers,
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

type RequiredOpen<N extends Net, Name extends string> = Name extends string
  ? true extends IsRequired<OpenReaders<N, Name>, Name>
    ? Name
    : never
  : never;

/** The names that a node makes and reads itself. */
type OwnPort<N extends Net, Member extends AnyNode> = Member extends AnyNode
  ? FedByItself<N, Member, Extract<OutputNameOf<Member>, PortOf<Member>>>
  : never;

type FedByItself<N extends Net, Member extends AnyNode, Name extends string> = Name extends string
  ? Member['name'] extends Feeders<N, Member, Name>
    ? Name
    : never
  : never;

/** Names that only nodes make which read them too: with no default, nothing could start without a seed. */
type OwnSeed<N extends Net, Name extends string = OwnPort<N, N['nodes']>> = Name extends string
  ? IsNever<Foreign<N, Makers<N['nodes']>[Name], Name>> extends true
    ? Name
    : never
  : never;

/** The nodes that make a name without reading what they make. */
type Foreign<N extends Net, Member, Name> = Member extends AnyNode
  ? Name extends OwnPort<N, Member>
    ? never
    : Member
  : never;

type RequiredSeed<N extends Net, Name extends string = OwnSeed<N>> = Name extends string
  ? IsNever<WithDefault<Makers<N['nodes']>[Name], Name>> extends true
    ? Name
    : never
  : never;

type WithDefault<Member, Name> = Member extends AnyNode
  ? IsNever<IsRequired<Member, Name>> extends true
    ? Member
    : never
  : never;

/** Names read in a loop that only nodes of this loop make. */
type LoopSeed<N extends Net, Exit extends string = Exits<N>> = [Exit] extends [never]
  ? never
  : LoopPort<N, ByName<N['nodes']>[LoopName<N, Exit>], Exit>;

type LoopPort<N extends Net, Member, Exit> = Member extends AnyNode
  ? FedInLoop<N, Member, PortOf<Member>, Exit>
  : never;

type FedInLoop<N extends Net, Member extends AnyNode, Port extends string, Exit> = Port extends string
  ? IsNever<Feeders<N, Member, Port>> extends true
    ? never
    : Fits<Feeders<N, Member, Port>, ComponentOf<N, Member['name'], Exit>> extends true
      ? Port
      : never
  : never;

type RequiredName<N extends Net> = RequiredOpen<N, OpenName<N>> | RequiredSeed<N>;

/** Shared names that are only written may be given too. */
type OptionalName<N extends Net, Required> = Exclude<
  OpenName<N> | OwnSeed<N> | LoopSeed<N> | Extract<N['shared'], OutputNameOf<N['nodes']>>,
  Required
>;

/** Those that read a name as an input: of an open one only those that nothing feeds. */
type InputReaders<N extends Net, Name extends string> =
  Name extends OpenName<N> ? OpenReaders<N, Name> : Readers<N['nodes']>[Name];

type GivenFor<N extends Net, Name extends string> =
  IsNever<InputReaders<N, Name>> extends true
    ? ValueOf<Makers<N['nodes']>[Name], Name>
    : GivenToAll<InputReaders<N, Name>, Name>;

type TakenFor<N extends Net, Name extends string> =
  IsNever<InputReaders<N, Name>> extends true
    ? ValueOf<Makers<N['nodes']>[Name], Name>
    : TakenByAll<InputReaders<N, Name>, Name>;

/** What a run of these nodes is given. */
export type InputsOf<N extends Net> =
  RequiredName<N> extends infer Required extends string
    ? OptionalName<N, Required> extends infer Optional extends string
      ? Flatten<
          { [Name in Required]: GivenFor<N, Name> } & {
            [Name in Exclude<Optional, AnswerOf<N['nodes']>>]?: GivenFor<N, Name> | undefined;
          } & {
            [Name in Exclude<AnswerOf<N['nodes']>, Required>]?: AnswerGiven<N['nodes'], Name> | undefined;
          }
        >
      : never
    : never;

/** What the bodies of these nodes take for the inputs. */
export type TakenInputs<N extends Net> = {
  [Name in RequiredName<N> | OptionalName<N, never>]: TakenFor<N, Name>;
};

// ---- What comes out.

/** The names that something outside their maker's component reads. `LoopedName` are the names of the nodes in loops. */
type Inner<N extends Net, Member, ReadName, LoopedName> = Member extends AnyNode
  ? Member['name'] extends LoopedName
    ? ReadOutside<N, Member, OutputNameOf<Member>>
    : ReadOutside<N, Member, Extract<OutputNameOf<Member>, PortOf<Member>>> | ReadAtAll<Member, ReadName>
  : never;

type ReadOutside<N extends Net, Member extends AnyNode, Output extends string> = Output extends string
  ? IsNever<Exclude<ReadersOf<N, Member, Output>, ComponentOf<N, Member['name'], Exits<N>>>> extends true
    ? never
    : Output
  : never;

/** Of a node in no loop, the names that it does not read itself, and something does. */
type ReadAtAll<Member, Names> = Exclude<Extract<OutputNameOf<Member>, Names>, PortOf<Member>>;

/** The nodes whose outputs need a look at each reader: those in a loop, and with explicit edges all. */
type Looped<N extends Net> = N['edges'] extends GraphEdge ? NameOf<N['nodes']> : LoopName<N>;

type Read<N extends Net> =
  IsNever<N['shared']> extends true ? PortOf<N['nodes']> : Exclude<PortOf<N['nodes']>, N['shared']>;

/** What a run of these nodes gives: what nothing outside its maker's component reads. */
export type LeafOutputs<N extends Net> = {
  [Name in Exclude<OutputNameOf<N['nodes']>, Inner<N, N['nodes'], Read<N>, Looped<N>>>]: ValueOf<
    Makers<N['nodes']>[Name],
    Name
  >;
};

/** The outputs of these names. */
export type SelectedOutputs<N extends Net, Selected> = {
  [Name in Extract<OutputNameOf<N['nodes']>, Selected>]: ValueOf<Makers<N['nodes']>[Name], Name>;
};

import type { AnyNode } from '../nodes/contract.ts';

/** Shows a computed object type as one literal. */
export type Flatten<Shape> = { [Key in keyof Shape]: Shape[Key] } & {};

// A tuple in a condition is instantiated again with all that it refers to: `[Of<Net>] extends [never]` would walk the
// whole net each time, and these do not.

/** Whether nothing is of this type. */
export type IsNever<Type> = [Type] extends [never] ? true : false;

/** Whether a type fits as a whole, also where it is a union. */
export type Fits<Given, Wanted> = [Given] extends [Wanted] ? true : false;

/** The name of each node in a union. */
export type NameOf<Member> = Member extends AnyNode ? Member['name'] : never;

/** What a graph's types know of one node. */
type FactsOf<Member extends AnyNode> = NonNullable<Member['~types']>;

/** What a caller gives for the ports of a node; a node that takes any one argument has no ports. */
export type GivenOf<Member extends AnyNode> = FactsOf<Member>['spec'] extends {
  readonly isBare: true;
}
  ? Record<never, never>
  : FactsOf<Member>['input'];

/** What the body of a node takes for its ports. */
export type TakenOf<Member extends AnyNode> = Member['run'] extends (
  input: infer Input,
  ctx: never,
) => unknown
  ? Input
  : never;

/** What a node makes, by name. */
export type MadeOf<Member extends AnyNode> = FactsOf<Member>['outputs'];

/** The names of a node's ports. */
export type PortOf<Member> = Member extends AnyNode ? keyof GivenOf<Member> & string : never;

/** The names of what a node makes. */
export type OutputNameOf<Member> = Member extends AnyNode ? keyof MadeOf<Member> & string : never;

/** The nodes, of a union, that are gates. */
export type GateIn<Members> = Extract<Members, { readonly kind: 'gate' }>;

/** The nodes, of a union, that ask. */
export type InterruptIn<Members extends AnyNode> = Extract<Members, { readonly kind: 'interrupt' }>;

/** The keys under which the questions of a node may be answered up front. */
export type AnswerOf<Member> = Member extends AnyNode
  ? FactsOf<Member>['spec'] extends { readonly response: infer Key extends string }
    ? Key
    : never
  : never;

/** What whoever answers a question of these nodes gives, by its key. */
export type AnswerGiven<Member, Key extends string> = Member extends AnyNode
  ? FactsOf<Member>['spec'] extends { readonly answers: infer Answers }
    ? Answers[Key & keyof Answers]
    : never
  : never;

/** Where a gate may lead. A gate's output is its decision, so that its targets can be read off there. */
export type TargetOf<Gate extends AnyNode> = Gate extends AnyNode
  ? Extract<Decided<FactsOf<Gate>['output']>, string>
  : never;

type Decided<Output> = Output extends readonly unknown[] ? Output[number] : Output;

/** The type of one output of a union of nodes. */
export type ValueOf<Member, Name> = Member extends AnyNode
  ? Name extends keyof MadeOf<Member>
    ? MadeOf<Member>[Name]
    : never
  : never;

import type {
  AnyNode,
  BodyInput,
  CallInput,
  InputDeclarations,
  Node,
  NodeContext,
  NodePolicies,
  NodeSpec,
  OutputOf,
} from './contract.ts';
import { isInputDeclaration, isStandardSchema } from './input.ts';
import {
  assertFunction,
  assertInteger,
  assertKnownOptions,
  assertNumber,
  assertOneOf,
  assertPortName,
  assertTimeout,
  expected,
} from './validate.ts';

type OutputNames = string | readonly string[];

/** A node's outputs by name: of one name the whole output, of several the properties of the output. */
export type NamedOutputs<Names extends OutputNames, Output> = [Names] extends [string]
  ? string extends Names
    ? Record<never, never>
    : { [Name in Names]: Output }
  : [Names] extends [readonly string[]]
    ? { [Name in Names[number]]: Name extends keyof Output ? Output[Name] : never }
    : never;

/** The specification of a node as `node` infers it. */
export interface SpecOf<Name extends string, Names extends OutputNames, Input, Result> extends NodeSpec {
  readonly name: Name;
  readonly outputs: NamedOutputs<Names, OutputOf<Result>>;
  readonly run: (input: Input, ctx: NodeContext) => Result;
}

/** The specification of a node that declares no inputs: it takes any one argument, and a graph has nothing to wire to it. */
export interface BareSpecOf<Name extends string, Names extends OutputNames, Input, Result> extends SpecOf<
  Name,
  Names,
  Input,
  Result
> {
  readonly isBare: true;
}

/** The long form of a node: an object that names everything. */
export interface NodeDefinition<
  Name extends string,
  Names extends OutputNames,
  Input,
  Result,
> extends NodePolicies<Input, NoInfer<OutputOf<Result>>> {
  readonly name: Name;
  /** The one output's name. */
  readonly output?: Names & string;
  /** The names of several outputs; the body then returns an object that has them all. */
  readonly outputs?: Names & readonly string[];
  readonly run: (input: Input, ctx: NodeContext) => Result;
}

/**
 * Defines a node. The body may be sync, async, a generator or an async generator; each value that a generator yields is
 * a `StreamingChunk` event.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when a part of the definition is missing, unknown or of the wrong form.
 *
 * @example
 * ```ts
 * import { createRunner, input, node } from 'troupe';
 *
 * const add = node({
 *   name: 'add',
 *   inputs: { a: input<number>(), b: input(1) },
 *   output: 'sum',
 *   run: ({ a, b }) => a + b,
 * });
 * const twice = node('twice', async (n: number, ctx) => (await ctx.call(add, { a: n })) + (await ctx.call(add, { a: n })));
 *
 * await using runner = createRunner();
 * const { answer } = await runner.run(twice, 20);
 * console.log(answer); // 42
 * ```
 */
export function node<
  const Name extends string,
  Inputs extends InputDeclarations,
  Result,
  const Names extends OutputNames = string,
>(
  definition: NodeDefinition<Name, Names, BodyInput<Inputs>, Result> & { readonly inputs: Inputs },
): Node<CallInput<Inputs>, OutputOf<Result>, SpecOf<Name, Names, BodyInput<Inputs>, Result>>;
export function node<const Name extends string, Input, Result, const Names extends OutputNames = string>(
  definition: NodeDefinition<Name, Names, Input, Result> & { readonly inputs?: undefined },
): Node<Input, OutputOf<Result>, BareSpecOf<Name, Names, Input, Result>>;
export function node<const Name extends string, Input, Result>(
  name: Name,
  run: (input: Input, ctx: NodeContext) => Result,
  policies?: NodePolicies<Input, NoInfer<OutputOf<Result>>>,
): Node<Input, OutputOf<Result>, BareSpecOf<Name, string, Input, Result>>;
export function node(first: unknown, run?: unknown, policies?: unknown): AnyNode {
  if (typeof first !== 'string') return fromDefinition(first);
  if (policies !== undefined) assertKnownOptions(`node "${first}"`, policies, POLICY_NAMES);
  return fromDefinition({ ...policies, name: first, run });
}

/** The names of the policies that every kind of node takes. */
export const POLICY_NAMES = [
  'retry',
  'timeout',
  'fallback',
  'cache',
  'emits',
  'waitFor',
  'strategy',
] as const;
const DEFINITION_NAMES = ['name', 'inputs', 'output', 'outputs', 'run', ...POLICY_NAMES] as const;
const RETRY_NAMES = ['maxAttempts', 'on', 'delay', 'backoff', 'maxDelay', 'jitter'] as const;

/** A definition whose parts have not been checked yet. */
type Unchecked = { readonly [Key in (typeof DEFINITION_NAMES)[number]]?: unknown };

function fromDefinition(given: unknown): AnyNode {
  assertKnownOptions('a node', given, DEFINITION_NAMES);
  const definition: Unchecked = given;
  const name = checkName(definition.name);
  if (typeof definition.run !== 'function') {
    throw expected(
      `\`run\` of node "${name}"`,
      'a function',
      definition.run,
      'Give the node a body: `run: (input, ctx) => …`.',
    );
  }
  const made: AnyNode = {
    kind: 'node',
    name,
    inputs: checkInputs(name, definition.inputs),
    outputs: checkOutputs(name, definition),
    returnsRecord: definition.outputs !== undefined,
    policies: checkPolicies(name, definition),
    run: definition.run as AnyNode['run'], // checked above to be a function
  };
  return freezeNode(made);
}

/** Freezes a node and marks it as made here, so that `isNode` knows it. */
export function freezeNode<Made extends AnyNode>(made: Made): Made {
  Object.defineProperty(made, NODE, { value: true });
  return Object.freeze(made);
}

const NODE = Symbol.for('troupe.node');

/** Whether a value is a node. */
export function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && NODE in value;
}

/** The name of a node, checked. */
export function checkName(name: unknown): string {
  if (typeof name === 'string' && name.length > 0) return name;
  throw expected('the name of a node', 'a text that is not empty', name);
}

/** The declared inputs of a node, checked and frozen. */
export function checkInputs(name: string, inputs: unknown): InputDeclarations | undefined {
  if (inputs === undefined) return undefined;
  if (typeof inputs !== 'object' || inputs === null || Array.isArray(inputs)) {
    throw expected(`\`inputs\` of node "${name}"`, 'an object of declarations by name', inputs);
  }
  for (const [key, declaration] of Object.entries(inputs)) {
    assertPortName(`the name of an input of node "${name}"`, key);
    if (isInputDeclaration(declaration) || isStandardSchema(declaration)) continue;
    throw expected(
      `input "${key}" of node "${name}"`,
      'declared by `input()` or a Standard Schema',
      declaration,
      `Write \`${key}: input<Type>()\` for a required input, or \`${key}: input(value)\` for one with a default.`,
    );
  }
  return Object.freeze({ ...inputs });
}

/** The names of the declared outputs, checked and frozen. */
export function checkOutputs(
  name: string,
  { output, outputs }: { output?: unknown; outputs?: unknown },
): readonly string[] {
  if (output !== undefined && outputs !== undefined) {
    throw expected(
      `node "${name}"`,
      'given either `output` or `outputs`',
      { output, outputs },
      'Keep `output` for one value, or `outputs` for several, and leave the other out.',
    );
  }
  const names: unknown = outputs ?? (output === undefined ? [] : [output]);
  if (!Array.isArray(names) || names.some((each) => typeof each !== 'string' || each.length === 0)) {
    throw expected(`the outputs of node "${name}"`, 'texts that are not empty', outputs ?? output);
  }
  for (const each of names) assertPortName(`the name of an output of node "${name}"`, each);
  if (new Set(names).size !== names.length)
    throw expected(`\`outputs\` of node "${name}"`, 'different names', outputs);
  return Object.freeze([...(names as string[])]); // checked above
}

/** Whether what a node returns holds its outputs by name. */
export function returnsRecord({ kind, returnsRecord: isRecord }: AnyNode): boolean {
  return kind === 'graph' || isRecord === true;
}

/** The policies among a definition's parts, checked and frozen. */
export function checkPolicies(name: string, definition: Unchecked): NodePolicies<never, unknown> {
  const { retry, timeout, fallback, cache, emits, waitFor, strategy } = definition;
  if (retry !== undefined) checkRetry(name, retry);
  assertTimeout(`\`timeout\` of node "${name}"`, timeout);
  assertFunction(`\`fallback\` of node "${name}"`, fallback);
  if (typeof cache === 'object') checkCache(name, cache);
  else assertOneOf(`\`cache\` of node "${name}"`, cache, [true, false]);
  assertOneOf(`\`strategy\` of node "${name}"`, strategy, ['inline']);
  for (const [option, names] of Object.entries({ emits, waitFor })) {
    const isFit =
      names === undefined || (Array.isArray(names) && names.every((each) => typeof each === 'string'));
    if (!isFit) throw expected(`\`${option}\` of node "${name}"`, 'an array of names', names);
  }
  const given = Object.entries({ retry, timeout, fallback, cache, emits, waitFor, strategy });
  return Object.freeze(Object.fromEntries(given.filter(([, value]) => value !== undefined)));
}

function checkCache(name: string, cache: unknown): void {
  const what = `\`cache\` of node "${name}"`;
  assertKnownOptions(what, cache, ['key', 'version', 'ttl']);
  const policy: { readonly [Key in 'key' | 'version' | 'ttl']?: unknown } = cache;
  assertFunction(`\`key\` of ${what}`, policy.key);
  if (policy.version !== undefined && typeof policy.version !== 'string')
    throw expected(`\`version\` of ${what}`, 'a text', policy.version);
  assertTimeout(`\`ttl\` of ${what}`, policy.ttl);
}

function checkRetry(name: string, retry: unknown): void {
  const what = `\`retry\` of node "${name}"`;
  assertKnownOptions(what, retry, RETRY_NAMES);
  const policy: { readonly [Key in (typeof RETRY_NAMES)[number]]?: unknown } = retry;
  assertInteger(`\`maxAttempts\` of ${what}`, policy.maxAttempts, 1);
  assertFunction(`\`on\` of ${what}`, policy.on);
  assertNumber(`\`delay\` of ${what}`, policy.delay, 0);
  assertNumber(`\`backoff\` of ${what}`, policy.backoff, 1);
  assertNumber(`\`maxDelay\` of ${what}`, policy.maxDelay, 0);
  assertOneOf(`\`jitter\` of ${what}`, policy.jitter, ['full', 'none']);
}

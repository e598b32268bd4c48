import type { StandardSchemaV1 } from '@standard-schema/spec';
import type {
  BodyInput,
  CallInput,
  InputDeclarations,
  Node,
  NodeContext,
  NodePolicies,
  NodeSpec,
  QuestionSettings,
} from './contract.ts';
import { isStandardSchema } from './input.ts';
import { checkInputs, checkName, checkPolicies, freezeNode } from './node.ts';
import { assertKnownOptions, assertPortName, expected } from './validate.ts';

/** What an interrupt's type knows beyond its input and its answer. */
export interface InterruptSpec<
  Name extends string,
  Response extends string,
  Input,
  Answer,
  Given = unknown,
> extends NodeSpec {
  readonly name: Name;
  readonly outputs: { readonly [Key in Response]: Answer };
  readonly run: (input: Input, ctx: NodeContext) => Promise<Answer>;
  /** The name of the answer. */
  readonly response: Response;
  /** What whoever answers gives. */
  readonly answers: { readonly [Key in Response]: Given };
}

/** A node that asks a question, and whose output is the answer. */
export interface InterruptNode<
  Input,
  Answer,
  Spec extends InterruptSpec<string, string, never, unknown>,
> extends Node<Input, Answer, Spec> {
  readonly kind: 'interrupt';
  readonly question: QuestionSettings;
}

/** An interrupt: what it needs to ask, and what the answer is called. */
export interface InterruptDefinition<
  Name extends string,
  Response extends string,
  Inputs extends InputDeclarations,
  Answer,
  Given = Answer,
> extends Pick<
  NodePolicies<BodyInput<Inputs>, Answer>,
  'retry' | 'timeout' | 'fallback' | 'emits' | 'waitFor'
> {
  readonly name: Name;
  readonly inputs?: Inputs;
  /** The answer's name: the output of the node, and the key under which it is answered. */
  readonly response: Response;
  /** Checks the answer; what it parses to is the output. */
  readonly schema?: StandardSchemaV1<Given, Answer>;
  /** Makes the question. */
  readonly run: (input: BodyInput<Inputs>, ctx: NodeContext) => unknown;
}

/**
 * Defines a node that asks a question and waits for the answer, which becomes the value of `response`. Answered by
 * `runner.respond`, by an `interruptHandlers` entry, or up front in the run's input under the name of the response.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when a part of the definition is missing, unknown or of the wrong form.
 *
 * @example
 * ```ts
 * import { createRunner, graph, input, interrupt, node } from 'troupe';
 *
 * const approve = interrupt({
 *   name: 'approve',
 *   inputs: { draft: input<string>() },
 *   response: 'decision',
 *   run: ({ draft }) => ({ prompt: 'Publish?', draft }),
 * });
 * const publish = node({
 *   name: 'publish',
 *   inputs: { draft: input<string>(), decision: input<unknown>() },
 *   output: 'published',
 *   run: ({ draft, decision }) => (decision === 'yes' ? draft : 'kept'),
 * });
 * await using runner = createRunner();
 * const paused = await runner.run(graph({ name: 'publishing', nodes: [approve, publish] }), { draft: 'Hello' });
 * console.log(paused.status, paused.pauses[0]?.key); // paused decision
 * const { outputs } = await runner.respond(paused.runId, 'decision', 'yes');
 * console.log(outputs); // { published: 'Hello' }
 * ```
 */
export function interrupt<
  const Name extends string,
  const Response extends string,
  Inputs extends InputDeclarations = Record<never, never>,
  Answer = unknown,
  Given = Answer,
>(
  definition: InterruptDefinition<Name, Response, Inputs, Answer, Given>,
): InterruptNode<CallInput<Inputs>, Answer, InterruptSpec<Name, Response, BodyInput<Inputs>, Answer, Given>>;
export function interrupt(given: object): Node {
  assertKnownOptions('an interrupt', given, DEFINITION_NAMES);
  const definition: { readonly [Key in (typeof DEFINITION_NAMES)[number]]?: unknown } = given;
  const name = checkName(definition.name);
  const { response, schema, run } = definition;
  if (typeof response !== 'string' || response === '') {
    throw expected(`\`response\` of interrupt "${name}"`, 'the name of the answer', response);
  }
  assertPortName(`\`response\` of interrupt "${name}"`, response);
  if (schema !== undefined && !isStandardSchema(schema))
    throw expected(`\`schema\` of interrupt "${name}"`, 'a Standard Schema', schema);
  if (typeof run !== 'function')
    throw expected(
      `\`run\` of interrupt "${name}"`,
      'a function',
      run,
      'Give a function that returns what to ask, such as `run: ({ draft }) => ({ prompt: "Publish?", draft })`.',
    );
  const ask = run as (input: unknown, ctx: NodeContext) => unknown; // checked to be a function
  const options = { key: response, ...(schema === undefined ? {} : { schema }) };
  return freezeNode<Node>({
    kind: 'interrupt',
    name,
    inputs: checkInputs(name, definition.inputs),
    outputs: Object.freeze([response]),
    policies: checkPolicies(name, definition),
    question: Object.freeze({ response, schema }),
    body: ask,
    run: async (input: never, ctx: NodeContext) => ctx.interrupt(await ask(input, ctx), options),
  });
}

const DEFINITION_NAMES = [
  'name',
  'inputs',
  'response',
  'schema',
  'run',
  'retry',
  'timeout',
  'fallback',
  'emits',
  'waitFor',
] as const;

import type { StandardSchemaV1 } from '@standard-schema/spec';
import { ConflictError, IncompatibleRunnerError, MissingInputError } from '../errors.ts';
import type { AnyNode, InputDeclaration, NodeContext, NodePolicies } from '../nodes/contract.ts';
import { freezeNode } from '../nodes/node.ts';
import { checkOnly } from './foreign-runner.ts';
import { isGraphNode, type GraphNode, type GraphPlan, type Mapping, type PlanInput } from './plan.ts';
import { list } from './problem.ts';

/** What makes a node of a graph. */
export interface GraphNodeOptions {
  readonly name: string;
  readonly plan: GraphPlan;
  /** The names outside by the names inside; what is not among them has the prefix. */
  readonly inputNames: ReadonlyMap<string, string>;
  readonly outputNames: ReadonlyMap<string, string>;
  readonly prefix: string;
  readonly maxIterations: number | undefined;
  readonly mapping: Mapping | undefined;
  /** Runs it in place of the run that it is part of. */
  readonly foreign: ((node: GraphNode, input: unknown, ctx: NodeContext) => unknown) | undefined;
}

const NO_POLICIES: NodePolicies<never, unknown> = Object.freeze({});

/** A graph as one node, to be run or to be wired into another graph. */
export function createGraphNode(options: GraphNodeOptions): GraphNode {
  const { name, plan, prefix, maxIterations, mapping, foreign } = options;
  const inputNames = new Map(
    [...plan.inputs.keys()].map((inner) => [outside(options.inputNames, inner, prefix), inner]),
  );
  const made = new Set([...plan.produced.keys(), ...plan.answers.keys()]);
  const outputNames = new Map([...made].map((inner) => [inner, outside(options.outputNames, inner, prefix)]));
  const answers = new Map(
    [...plan.answers].map(([key, schema]) => [
      outputNames.get(key) ?? key,
      // A run of its own parses the answers of its questions itself.
      schema === undefined || foreign === undefined ? schema : checkOnly(schema),
    ]),
  );
  const node: GraphNode = {
    kind: 'graph',
    name,
    inputs: declarations(plan, { inputNames, answers, mapped: new Set(mapping?.names) }),
    outputs: Object.freeze(plan.outputs.map((output) => outputNames.get(output.name) ?? output.name)),
    policies: NO_POLICIES,
    run: (input: never, ctx: NodeContext): unknown => {
      if (foreign !== undefined)
        return foreign(createGraphNode({ ...options, foreign: undefined }), input, ctx);
      throw new IncompatibleRunnerError(`Graph "${name}" needs a runner, but its body was called directly`, {
        hint: 'Use `runner.run(graph, input)`, or `ctx.call` inside a node of a run; in a test say what it gives: `testContext({ calls: { NAME: … } })`.',
      });
    },
    assertGiven: (given) => assertGiven(node, given),
    plan,
    inputNames,
    outputNames,
    answers: new Set(answers.keys()),
    prefix,
    maxIterations,
    mapping,
    item:
      mapping === undefined
        ? undefined
        : createGraphNode({ ...options, mapping: undefined, name: plan.name }),
    isForeign: foreign !== undefined,
  };
  return freezeNode(node);
}

function outside(names: ReadonlyMap<string, string>, inner: string, prefix: string): string {
  return names.get(inner) ?? `${prefix}${inner}`;
}

function declarations(
  plan: GraphPlan,
  names: {
    readonly inputNames: ReadonlyMap<string, string>;
    readonly answers: ReadonlyMap<string, StandardSchemaV1 | undefined>;
    readonly mapped: ReadonlySet<string>;
  },
): Readonly<Record<string, InputDeclaration>> {
  const { inputNames, answers, mapped } = names;
  const found: Record<string, InputDeclaration> = {};
  for (const [name, inner] of inputNames) {
    const input = plan.inputs.get(inner);
    if (input !== undefined) found[name] = mapped.has(name) ? listDeclarationOf(input) : declarationOf(input);
  }
  for (const [name, schema] of answers)
    found[name] = { '~input': { optional: true }, ...(schema === undefined ? {} : { schema }) };
  return Object.freeze(found);
}

function declarationOf(input: PlanInput): InputDeclaration {
  const schema = allOf(input.schemas);
  return Object.freeze({
    '~input': { optional: !input.isRequired, isGiven: input.isBound },
    ...(input.hasDefault ? { default: input.default } : {}),
    ...(schema === undefined ? {} : { schema }),
  });
}

/** What is mapped over is a required list, each item of which is checked. */
function listDeclarationOf({ schemas }: PlanInput): InputDeclaration {
  const schema = allOf(schemas);
  return Object.freeze({
    '~input': { optional: false },
    ...(schema === undefined ? {} : { schema: eachOf(schema) }),
  });
}

/** A schema of lists: each item by the schema of one. */
function eachOf(schema: StandardSchemaV1): StandardSchemaV1 {
  return schemaOf((value) => {
    if (!Array.isArray(value)) return { issues: [{ message: 'expected a list, as it is mapped over' }] };
    return settle(
      value.map((item: unknown) => schema['~standard'].validate(item)),
      joinItems,
    );
  });
}

function joinItems(results: readonly Checked[]): Checked {
  const issues = results.flatMap((result, at) =>
    (result.issues ?? []).map((issue) => ({ ...issue, path: [at, ...(issue.path ?? [])] })),
  );
  if (issues.length > 0) return { issues };
  return { value: results.map((result) => ('value' in result ? result.value : undefined)) };
}

/** A schema that several readers of one input ask for: all must accept it; what the first parses it to is what enters. */
function allOf([first, ...others]: readonly StandardSchemaV1[]): StandardSchemaV1 | undefined {
  if (first === undefined || others.length === 0) return first;
  const schemas = [first, ...others];
  return schemaOf((value) =>
    settle(
      schemas.map((schema) => schema['~standard'].validate(value)),
      (results) => results.find(({ issues }) => issues !== undefined) ?? results[0] ?? { value },
    ),
  );
}

function schemaOf(validate: (value: unknown) => Checked | Promise<Checked>): StandardSchemaV1 {
  return { '~standard': { version: 1, vendor: 'troupe', validate } };
}

/** Joins results; a promise only where one of them is. */
function settle(
  results: readonly (Checked | Promise<Checked>)[],
  join: (results: readonly Checked[]) => Checked,
): Checked | Promise<Checked> {
  const ready = results.filter(isReady);
  return ready.length === results.length
    ? join(ready)
    : Promise.all(results.map(async (result) => result)).then(join);
}

type Checked = StandardSchemaV1.Result<unknown>;

function isReady(result: Checked | Promise<Checked>): result is Checked {
  return !(result instanceof Promise);
}

/** Throws for a value that a node inside makes itself, and for a loop that was not given enough to start. */
function assertGiven(node: GraphNode, given: Readonly<Record<string, unknown>>): void {
  const { plan, inputs = {} } = node;
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(inputs, name)) continue;
    const inner = innerOutput(node, name);
    const producer = plan.members[plan.produced.get(inner)?.[0] ?? -1];
    if (producer === undefined) continue;
    throw new ConflictError(
      `"${name}" was given to graph "${node.name}", but its node "${producer.name}" makes it`,
      {
        hint: `Leave it out, or start after that node with \`startAt('…')\`.`,
      },
    );
  }
  if (node.mapping === undefined) assertLoopsCanStart(node, given);
}

function innerOutput({ outputNames, prefix }: GraphNode, name: string): string {
  for (const [inner, outer] of outputNames) if (outer === name) return inner;
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

function assertLoopsCanStart(node: GraphNode, given: Readonly<Record<string, unknown>>): void {
  const { plan } = node;
  const outer = (inner: string): string =>
    [...node.inputNames].find(([, known]) => known === inner)?.[0] ?? inner;
  const isThere = (seed: string): boolean =>
    plan.inputs.get(seed)?.hasDefault === true ||
    (Object.hasOwn(given, outer(seed)) && given[outer(seed)] !== undefined);
  for (const { starts, members } of plan.components) {
    const alternatives = starts.map(({ seeds }) => seeds);
    if (alternatives.length === 0 || alternatives.some((seeds) => seeds.every(isThere))) continue;
    // What every start needs is an input like any other, and found missing as one.
    if (
      alternatives[0]?.some(
        (seed) => !isThere(seed) && alternatives.every((seeds) => seeds.includes(seed)),
      ) === true
    )
      continue;
    const loop = members.map((member) => plan.members[member]?.name ?? '');
    throw new MissingInputError(
      `The loop of ${list(loop)} in graph "${node.name}" has nothing to start with`,
      {
        hint: `Give ${alternatives.map((seeds) => list(seeds.map(outer))).join(', or ')}.`,
      },
    );
  }
}

/** Whether a node of the graph, at any depth, fulfils a test; the first that does, by its path. */
export function findNode(
  node: GraphNode,
  test: (member: AnyNode) => boolean,
  path: readonly string[] = [node.name],
): { readonly node: AnyNode; readonly path: readonly string[] } | undefined {
  for (const member of node.plan.members) {
    const inner = [...path, member.name];
    if (test(member.node)) return { node: member.node, path: inner };
    // What has a runner of its own was held against that one.
    if (!isGraphNode(member.node) || member.node.isForeign) continue;
    const found = findNode(member.node, test, inner);
    if (found !== undefined) return found;
  }
  return undefined;
}

import { IncompatibleRunnerError } from '../errors.ts';
import type { AnyNode, NodeContext } from '../nodes/contract.ts';
import {
  assertInteger,
  assertKnownOptions,
  assertOneOf,
  assertPortName,
  expected,
} from '../nodes/validate.ts';
import { didYouMean } from '../suggest.ts';
import { createGraphNode, findNode } from './graph-node.ts';
import { isGraphNode, type GraphNode, type GraphPlan, type Mapping } from './plan.ts';
import { problem } from './problem.ts';
import { isForeignRunner, runForeign, type ForeignRunner } from './foreign-runner.ts';
import type { GraphState } from './state.ts';

const OPTION_NAMES = [
  'name',
  'namespace',
  'expose',
  'maxIterations',
  'mapOver',
  'mapMode',
  'onError',
  'strategy',
  'runner',
] as const;

type Options = { readonly [Key in (typeof OPTION_NAMES)[number]]?: unknown };

/** A graph as a node of another graph. */
export function asNode(plan: GraphPlan, state: GraphState, given: unknown): AnyNode {
  assertKnownOptions('asNode', given, OPTION_NAMES);
  const options: Options = given;
  const name = options.name ?? state.name;
  if (typeof name !== 'string' || name === '')
    throw expected('`name` of asNode', 'a text that is not empty', name);
  const what = (option: string): string => `\`${option}\` of node "${name}"`;
  assertOneOf(what('namespace'), options.namespace, [true, false]);
  assertInteger(what('maxIterations'), options.maxIterations, 1, true);
  assertOneOf(what('strategy'), options.strategy, ['inline']);
  const prefix = options.namespace === true ? `${name}.` : '';
  const names = exposed(plan, state, { expose: options.expose, prefix });
  const runner = foreignRunner(options.runner, name);
  const base = {
    name,
    plan,
    ...names,
    prefix,
    maxIterations: options.maxIterations as number | undefined, // checked above
    foreign: runner === undefined ? undefined : foreignBody(runner),
  };
  const mapping = mappingOf({ plan, state, names: names.inputNames, prefix }, options);
  const node = createGraphNode({ ...base, mapping });
  if (runner !== undefined) assertRunnerFits(node, runner);
  assertPorts(node, state);
  return node;
}

/** The names outside by the names inside: exposed as said, else those of `rename` with the prefix. */
function exposed(
  plan: GraphPlan,
  state: GraphState,
  { expose = {}, prefix }: { readonly expose: unknown; readonly prefix: string },
): { inputNames: ReadonlyMap<string, string>; outputNames: ReadonlyMap<string, string> } {
  if (typeof expose !== 'object' || expose === null || Array.isArray(expose))
    throw expected('`expose` of asNode', 'an object of new names by name', expose);
  const given = new Map<string, unknown>(Object.entries(expose));
  for (const [inner, outer] of given) {
    if (typeof outer !== 'string' || outer === '')
      throw expected(`the name that "${inner}" is exposed as`, 'a text that is not empty', outer);
    assertPortName(`the name that "${inner}" is exposed as`, outer);
  }
  const used = new Set<string>();
  const nameAll = (names: Iterable<string>, renamed: ReadonlyMap<string, string>): Map<string, string> =>
    new Map(
      [...names].map((inner) => {
        const name = renamed.get(inner) ?? inner;
        used.add(name);
        return [inner, given.has(name) ? String(given.get(name)) : `${prefix}${name}`];
      }),
    );
  const inputNames = nameAll(plan.inputs.keys(), state.inputNames);
  const outputs = new Set([...plan.outputs.map((output) => output.name), ...plan.answers.keys()]);
  const outputNames = nameAll(outputs, state.outputNames);
  const unknown = [...given.keys()].find((name) => !used.has(name));
  if (unknown !== undefined)
    throw problem(state, `there is no "${unknown}" to expose`, didYouMean(unknown, [...used]));
  return { inputNames, outputNames };
}

function mappingOf(
  graph: {
    readonly plan: GraphPlan;
    readonly state: GraphState;
    readonly names: ReadonlyMap<string, string>;
    readonly prefix: string;
  },
  { mapOver, mapMode, onError }: Options,
): Mapping | undefined {
  const { plan, state, names, prefix } = graph;
  assertOneOf('`mapMode` of asNode', mapMode, ['zip', 'product']);
  assertOneOf('`onError` of asNode', onError, ['stop', 'continue']);
  if (mapOver === undefined) {
    if (mapMode !== undefined || onError !== undefined)
      throw expected(
        '`mapMode` and `onError` of asNode',
        'given with `mapOver`',
        { mapMode, onError },
        "Add `mapOver: 'name'`, or leave them out.",
      );
    return undefined;
  }
  const listed: unknown[] = Array.isArray(mapOver) ? mapOver : [mapOver];
  const outer = (inner: string): string => names.get(inner) ?? `${prefix}${inner}`;
  const shown = (inner: string): string => state.inputNames.get(inner) ?? inner;
  const inputs = [...plan.inputs.keys()];
  const ports = listed.map((given) => {
    if (typeof given !== 'string')
      throw expected('`mapOver` of asNode', 'the name of an input, or several', mapOver);
    const inner = inputs.find((each) => [outer(each), shown(each)].includes(given));
    if (inner !== undefined) return outer(inner);
    throw problem(state, `there is no input "${given}" to map over`, didYouMean(given, inputs.map(shown)));
  });
  assertNoQuestions(plan, state);
  return Object.freeze({
    names: Object.freeze(ports),
    mode: mapMode === 'product' ? 'product' : 'zip',
    onError: onError === 'continue' ? 'continue' : 'stop',
  });
}

function assertNoQuestions(plan: GraphPlan, state: GraphState): void {
  const [key] = plan.answers.keys();
  if (key === undefined) return;
  throw problem(
    state,
    `a question is asked ("${key}"), so it cannot be mapped over inside another graph`,
    'Use `runner.map`, whose items pause each for itself, or ask before or after the mapped graph.',
  );
}

/** A name may not be an input twice, nor an output twice. */
function assertPorts(node: GraphNode, state: GraphState): void {
  if (new Set(node.outputs).size === node.outputs.length && node.inputNames.size === node.plan.inputs.size)
    return;
  throw problem(
    state,
    `two ports of node "${node.name}" have the same name`,
    'Expose them under different names.',
  );
}

function foreignRunner(runner: unknown, name: string): ForeignRunner | undefined {
  if (runner === undefined) return undefined;
  if (isForeignRunner(runner)) return runner;
  throw expected(`\`runner\` of node "${name}"`, 'a runner', runner, 'Make one with `createRunner()`.');
}

function foreignBody(runner: ForeignRunner) {
  return (node: GraphNode, input: unknown, ctx: NodeContext): unknown => runForeign(runner, node, input, ctx);
}

/** Throws where a graph needs what a runner cannot do. */
function assertRunnerFits(node: GraphNode, runner: ForeignRunner): void {
  const { supportsCycles, supportsGates, supportsInterrupts } = runner.capabilities;
  const refuse = (what: string, capability: string): never => {
    throw new IncompatibleRunnerError(
      `The runner of node "${node.name}" cannot run it: ${what} (${capability})`,
      {
        hint: 'Leave `runner` out, so that the runner of the outer graph runs it, or name one that can.',
      },
    );
  };
  const gate = supportsGates ? undefined : findNode(node, (member) => member.gate !== undefined);
  if (gate !== undefined) refuse(`node "${gate.path.join('.')}" is a gate`, 'supportsGates');
  const question = supportsInterrupts ? undefined : findNode(node, (member) => member.question !== undefined);
  if (question !== undefined)
    refuse(`node "${question.path.join('.')}" asks a question`, 'supportsInterrupts');
  if (!supportsCycles && hasLoop(node)) refuse('it has a loop', 'supportsCycles');
}

function hasLoop({ plan }: GraphNode): boolean {
  return (
    plan.components.some((component) => component.isCyclic) ||
    plan.members.some(({ node }) => isGraphNode(node) && !node.isForeign && hasLoop(node))
  );
}

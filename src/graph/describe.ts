import type { GraphEdgeJSON, GraphJSON, GraphNodeJSON, GraphPortJSON } from './to-json.ts';

/** No value is shown longer than this. */
const MAX_VALUE_LENGTH = 60;

/** A graph as text that people read: one fact a line, what belongs to it below it and indented. */
export function describeGraph(graph: GraphJSON): string {
  return linesOf(graph).join('\n');
}

function linesOf(graph: GraphJSON): string[] {
  const { convergence, maxIterations } = graph;
  const settings = [
    ...(convergence === undefined ? [] : [`convergence ${convergence}`]),
    ...(maxIterations === undefined ? [] : [`at most ${maxIterations} runs of a node in a loop`]),
  ];
  const orders = graph.edges.filter(({ kind }) => kind === 'order');
  return [
    [`graph ${shown(graph.name)}`, ...settings].join(', '),
    ...section('inputs', inputLines(graph)),
    ...section('shared', graph.shared.map(shown)),
    ...section(
      'nodes',
      graph.nodes.flatMap((node) => nodeLines(node, graph.shared, orders)),
    ),
    ...section('loops', graph.loops.map(listed)),
    ...section('starts at', graph.entries.map(shown)),
    ...section(
      'left out',
      Object.entries(graph.leftOut).map(
        ([name, reason]) => `${shown(name)}: ${reason.replaceAll(/\s+/g, ' ')}`,
      ),
    ),
    ...section(
      'outputs',
      graph.outputs.map((name) => outputLine(name, graph)),
    ),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : indented([title, ...indented(lines)]);
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function inputLines({ inputs, renamed, questions }: GraphJSON): string[] {
  const line = (name: string, what: string): string => {
    const inner = own(renamed.inputs, name);
    return `${shown(name)} (${what})${inner === undefined ? '' : `, ${shown(inner)} inside`}`;
  };
  return [
    ...inputs.required.map((name) => line(name, 'required')),
    ...inputs.optional.map((name) => line(name, 'optional')),
    ...Object.entries(inputs.bound).map(([name, value]) => line(name, `bound to ${valueText(value)}`)),
    ...questions.map((name) => `${shown(name)} (answer)`),
  ];
}

function nodeLines(
  node: GraphNodeJSON,
  shared: readonly string[],
  orders: readonly GraphEdgeJSON[],
): string[] {
  const { name, kind, inputs, outputs, graph: nested } = node;
  const before = orders.filter(({ to }) => to === name);
  return [
    `${shown(name)} (${kind})`,
    ...indented([
      ...inputs.map((port) => portLine(port, shared)),
      ...before.map(({ from, name: word }) =>
        word === undefined ? `after ${shown(from)}` : `after ${shown(word)} of ${shown(from)}`,
      ),
      ...(outputs.length === 0 ? [] : [`-> ${listed(outputs)}${kind === 'interrupt' ? ' (answer)' : ''}`]),
      ...choiceLines(node),
      ...policyLines(node),
      ...nestingLines(node),
      ...(nested === undefined ? [] : linesOf(nested)),
    ]),
  ];
}

function portLine({ name, from, input, ...port }: GraphPortJSON, shared: readonly string[]): string {
  const outer = input === name ? 'graph input' : `graph input ${shown(input ?? '')}`;
  const sources = [
    ...(shared.includes(name) ? ['shared state'] : from.map(shown)),
    ...(input === undefined ? [] : [outer]),
  ];
  const alone = port.required ? '' : ' (optional)';
  const note = 'default' in port ? ` (default ${valueText(port.default)})` : alone;
  return `${shown(name)} <- ${sources.length === 0 ? 'nothing' : sources.join(', ')}${note}`;
}

function choiceLines({ targets, multi, fallback, defaultOpen }: GraphNodeJSON): string[] {
  if (targets === undefined) return [];
  return [
    `chooses ${multi === true ? 'any' : 'one'} of ${listed(targets)}`,
    ...(fallback === undefined ? [] : [`chooses ${shown(fallback)} for null`]),
    ...(defaultOpen === false ? ['its targets wait for its first decision'] : []),
  ];
}

function policyLines({ policies }: GraphNodeJSON): string[] {
  const { waitFor: _, ...others } = policies; // shown as what it comes after
  return Object.entries(others).map(([name, value]) => {
    const isList = Array.isArray(value);
    return `${name} ${isList ? listed(value.map(String)) : valueText(value)}`;
  });
}

function nestingLines({ map, maxIterations, ownRunner }: GraphNodeJSON): string[] {
  return [
    ...(map === undefined
      ? []
      : [
          `maps over ${listed(map.over)} (${map.mode})${map.onError === 'continue' ? ', goes on after failures' : ''}`,
        ]),
    ...(maxIterations === undefined ? [] : [`at most ${maxIterations} runs of a node in a loop`]),
    ...(ownRunner === true ? ['in a runner of its own'] : []),
  ];
}

function outputLine(name: string, { nodes, renamed }: GraphJSON): string {
  const inner = own(renamed.outputs, name) ?? name;
  const makers = nodes.filter(({ outputs }) => outputs.includes(inner)).map((node) => node.name);
  return `${shown(name)} <- ${listed(makers)}${inner === name ? '' : ` (${shown(inner)} inside)`}`;
}

function own(names: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(names, name) ? names[name] : undefined;
}

/** Bare where it is a word, else quoted, so that no name looks like anything else. */
function shown(name: string): string {
  return /^[\p{L}\p{M}\p{N}_$.-]+$/u.test(name) ? name : JSON.stringify(name);
}

function listed(names: readonly string[]): string {
  return names.map(shown).join(', ');
}

function valueText(value: unknown): string {
  const characters = Array.from(JSON.stringify(value));
  return characters.length <= MAX_VALUE_LENGTH
    ? characters.join('')
    : `${characters.slice(0, MAX_VALUE_LENGTH).join('')}…`;
}

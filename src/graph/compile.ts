import type { StandardSchemaV1 } from '@standard-schema/spec';
import { didYouMean } from '../suggest.ts';
import { checkOnly } from './foreign-runner.ts';
import { loopStarts, requiredSeeds } from './loop-starts.ts';
import {
  isGraphNode,
  keyOutside,
  type GraphPlan,
  type PlanComponent,
  type PlanInput,
  type PlanMember,
  type PlanOutput,
  type PlanVariable,
} from './plan.ts';
import { list, problem } from './problem.ts';
import { prune } from './prune.ts';
import type { GraphState } from './state.ts';
import { assertNodes, assertWiring } from './validate.ts';
import { wire, type WiredMember, type WiredPort, type Wiring } from './wiring.ts';

/**
 * Checks a graph and makes it ready to run.
 *
 * @throws {@link GraphConfigError} GRAPH_CONFIG when it is not well formed.
 */
export function compile(state: GraphState): GraphPlan {
  assertNodes(state);
  const whole = wire(state.nodes, state);
  assertWiring(state, whole);
  const pruned = prune(state, whole);
  const wiring =
    pruned.size === 0
      ? whole
      : wire(
          state.nodes.filter((node) => !pruned.has(node.name)),
          state,
        );
  const variables = new Variables(wiring, state);
  const members = wiring.members.map((member) => planMember(member, { wiring, variables, state }));
  const components = planComponents(wiring, state);
  const outputs = outputsOf(state, wiring);
  const inputs = inputsOf({ state, wiring, variables, components });
  assertBound(state, inputs, whole);
  return Object.freeze({
    name: state.name,
    members,
    variables: variables.all,
    components,
    first: components
      .filter(({ predecessors }) => predecessors === 0)
      .toSorted((a, b) => (a.members[0] ?? 0) - (b.members[0] ?? 0))
      .map(({ index }) => index),
    inputs,
    outputs,
    isSelected: state.selected !== undefined,
    produced: wiring.producers,
    answers: answersOf(wiring),
    pruned,
    isFixpoint: state.isFixpoint,
    maxIterations: state.maxIterations,
  });
}

/** The variables of a graph: one for each name, or, where edges wire, for each set of producers of a name. */
class Variables {
  readonly all: PlanVariable[] = [];
  readonly #wiring: Wiring;
  readonly #shared: ReadonlySet<string>;
  readonly #known = new Map<string, Map<string | readonly number[], number>>();
  readonly #readers: number[][] = [];
  readonly #written: number[][][];

  constructor(wiring: Wiring, state: GraphState) {
    this.#wiring = wiring;
    this.#shared = state.shared;
    this.#written = wiring.members.map(() => []);
    for (const member of wiring.members) for (const port of member.ports) this.#read(member.index, port);
    // What nobody reads is a variable all the same where it is shared: its first value is an input.
    for (const name of state.shared)
      if (!this.#known.has(name)) this.#variable(name, wiring.producers.get(name) ?? []);
  }

  /** The variable that a port reads. */
  of({ name, producers }: Pick<WiredPort, 'name' | 'producers'>): number {
    return this.#variable(name, producers);
  }

  /** The variables of a name that a producer writes. */
  writtenBy(producer: number, name: string): readonly number[] {
    return (this.#written[producer] ?? [])
      .filter(([, variable = -1]) => this.all[variable]?.name === name)
      .map(([, variable = -1]) => variable);
  }

  #read(reader: number, port: WiredPort): void {
    const variable = this.#variable(port.name, port.producers);
    if (!this.#shared.has(port.name)) this.#readers[variable]?.push(reader);
  }

  #variable(name: string, producers: readonly number[]): number {
    // Without edges all readers of a name share one list of producers, which is its own key.
    const key = this.#wiring.producers.get(name) === producers ? producers : producers.join();
    const byKey = this.#known.get(name) ?? new Map<string | readonly number[], number>();
    this.#known.set(name, byKey);
    const known = byKey.get(key);
    if (known !== undefined) return known;
    const variable = this.all.length;
    const readers: number[] = [];
    this.#readers.push(readers);
    this.all.push({ name, producers, readers, isShared: this.#shared.has(name) });
    byKey.set(key, variable);
    for (const producer of producers) this.#written[producer]?.push([producer, variable]);
    return variable;
  }
}

interface Assembly {
  readonly wiring: Wiring;
  readonly variables: Variables;
  readonly state: GraphState;
}

function planMember(member: WiredMember, { wiring, variables, state }: Assembly): PlanMember {
  const { index, name, node, gates, targets, waits, after } = member;
  return Object.freeze({
    index,
    name,
    node,
    component: wiring.components.of[index] ?? 0,
    ports: member.ports.map((port) => ({
      name: port.name,
      variable: variables.of(port),
      hasDefault: port.hasDefault,
      default: port.default,
      isOptional: port.isOptional,
      schema: port.schema,
    })),
    writes: node.outputs.map((output) => ({ name: output, variables: variables.writtenBy(index, output) })),
    gates,
    targets,
    // What was announced by nodes that were cut away is not waited for.
    waits: waits.filter(({ emitters }) => emitters.length > 0),
    after,
    isEntry: state.entries.includes(name),
  });
}

function planComponents(wiring: Wiring, state: GraphState): PlanComponent[] {
  const { components, successors, isCyclic } = wiring;
  const after = components.members.map((members, component) => {
    const found = new Set<number>();
    for (const member of members) {
      for (const next of successors[member] ?? []) found.add(components.of[next] ?? component);
    }
    found.delete(component);
    return found;
  });
  const inListOrder = (a: number, b: number): number =>
    (components.members[a]?.[0] ?? 0) - (components.members[b]?.[0] ?? 0);
  const waiting = components.members.map(() => 0);
  for (const found of after) for (const next of found) waiting[next] = (waiting[next] ?? 0) + 1;
  return components.members.map((members, index) =>
    Object.freeze({
      index,
      members,
      isCyclic: isCyclic(index),
      predecessors: waiting[index] ?? 0,
      successors: [...(after[index] ?? [])].toSorted(inListOrder),
      starts: isCyclic(index) ? loopStarts(members, wiring, state) : selfStart(members, wiring, state),
    }),
  );
}

/** A node that reads its own output needs a first value of it. */
function selfStart(
  [only = -1]: readonly number[],
  { members }: Wiring,
  { shared }: GraphState,
): PlanComponent['starts'] {
  const member = members[only];
  if (member?.readsItself !== true) return [];
  const seeds = member.ports.filter(
    (port) => isOwn(port, only) && !shared.has(port.name) && !port.hasDefault && !port.isOptional,
  );
  return [{ member: only, seeds: seeds.map((port) => port.name) }];
}

function isOwn({ producers }: WiredPort, member: number): boolean {
  return producers.length > 0 && producers.every((producer) => producer === member);
}

function inputsOf(
  assembly: Assembly & { readonly components: readonly PlanComponent[] },
): ReadonlyMap<string, PlanInput> {
  const { wiring, variables, state, components } = assembly;
  const readers = new Map<string, { port: WiredPort; component: number }[]>();
  for (const { index, ports } of wiring.members) {
    for (const port of ports) {
      const entry = { port, component: wiring.components.of[index] ?? 0 };
      const known = readers.get(port.name);
      if (known === undefined) readers.set(port.name, [entry]);
      else known.push(entry);
    }
  }
  // One that is only written has a first value all the same.
  for (const name of state.shared)
    if (!readers.has(name) && wiring.producers.has(name)) readers.set(name, []);
  const answers = responsesOf(wiring);
  const seeds = new Set(components.flatMap(({ starts }) => requiredSeeds(starts)));
  const inputs = new Map<string, PlanInput>();
  for (const [name, all] of readers) {
    const isShared = state.shared.has(name);
    const open = isShared
      ? all
      : all.filter(({ port, component }) => isInputOf(port, component, wiring) && !answers.has(name));
    if (open.length === 0 && !isShared) continue;
    const input = { name, isShared, isSeed: seeds.has(name), ports: open.map(({ port }) => port) };
    inputs.set(name, planInput(input, variables, state));
  }
  return inputs;
}

/** Whether a run may give a port its value: nobody makes it, or only the loop that reads it. */
function isInputOf({ producers }: WiredPort, component: number, { components }: Wiring): boolean {
  return producers.every((producer) => components.of[producer] === component);
}

function planInput(
  input: { name: string; isShared: boolean; isSeed: boolean; ports: readonly WiredPort[] },
  variables: Variables,
  state: GraphState,
): PlanInput {
  const { name, ports, isShared, isSeed } = input;
  const isPlain = isShared || ports.every((port) => port.producers.length === 0);
  const isNeeded = ports.some((port) => !port.hasDefault && !port.isOptional);
  const value = valueWithout(input, state, isPlain && !isNeeded);
  const read = isShared
    ? variables.all.flatMap((variable, at) => (variable.name === name ? [at] : []))
    : ports.map((port) => variables.of(port));
  return Object.freeze({
    name,
    variables: [...new Set(read)],
    isRequired: value === undefined && (isPlain ? isNeeded : isSeed),
    hasDefault: value !== undefined,
    default: value?.default,
    isBound: value?.isBound === true,
    schemas: [...new Set(ports.map((port) => port.schema).filter((schema) => schema !== undefined))],
  });
}

/** What stands for an input that is not given: what is bound, here or in every graph inside that reads it, else the default. */
function valueWithout(
  { name, ports }: { readonly name: string; readonly ports: readonly WiredPort[] },
  { bound }: GraphState,
  mayDefault: boolean,
): { readonly default: unknown; readonly isBound: boolean } | undefined {
  if (bound.has(name)) return { default: bound.get(name), isBound: true };
  const [first] = ports;
  if (first !== undefined && ports.every((port) => port.isBound))
    return { default: first.default, isBound: true };
  const port = mayDefault ? ports.find((each) => each.hasDefault) : undefined;
  return port === undefined ? undefined : { default: port.default, isBound: false };
}

function responsesOf({ members }: Wiring): Set<string> {
  return new Set(answersOf({ members }).keys());
}

/** Every question inside by its key: an interrupt's response, and those of graphs inside under their names here. */
function answersOf({ members }: Pick<Wiring, 'members'>): Map<string, StandardSchemaV1 | undefined> {
  const answers = new Map<string, StandardSchemaV1 | undefined>();
  for (const { node } of members) {
    if (node.question !== undefined) answers.set(node.question.response, node.question.schema);
    if (!isGraphNode(node)) continue;
    for (const [key, schema] of node.plan.answers) {
      const isParsedInside = node.isForeign && schema !== undefined;
      answers.set(keyOutside(node, key), isParsedInside ? checkOnly(schema) : schema);
    }
  }
  return answers;
}

/** What a run returns: what was selected, else what nothing outside its producer's component reads. */
function outputsOf(
  { selected, shared }: GraphState,
  { producers, members, components }: Wiring,
): PlanOutput[] {
  if (selected !== undefined) return selected.map((name) => ({ name, producers: producers.get(name) ?? [] }));
  const read = members.map(() => new Set<string>());
  for (const { index, ports } of members) {
    for (const { name, producers: makers } of ports) {
      const outside = makers.filter((maker) => components.of[maker] !== components.of[index]);
      for (const maker of outside) read[maker]?.add(name);
    }
  }
  return [...producers]
    .filter(([name, makers]) => shared.has(name) || makers.some((maker) => read[maker]?.has(name) === false))
    .map(([name, makers]) => ({ name, producers: makers }));
}

/** A bind must be of something that a run could give. */
function assertBound(state: GraphState, inputs: ReadonlyMap<string, PlanInput>, whole: Wiring): void {
  const names = [...inputs.keys()].map((name) => state.inputNames.get(name) ?? name);
  for (const name of state.bound.keys()) {
    if (inputs.has(name)) continue;
    const isRead = whole.members.some(({ ports }) => ports.some((port) => port.name === name));
    if (whole.producers.has(name)) {
      throw problem(
        state,
        `"${name}" cannot be bound, as node "${whole.members[whole.producers.get(name)?.[0] ?? -1]?.name ?? ''}" outputs it`,
        `Bind an input: ${list(names)}.`,
      );
    }
    // It was an input before `startAt` or `select` cut its readers away.
    if (!isRead) throw problem(state, `there is no input "${name}" to bind`, didYouMean(name, names));
  }
}

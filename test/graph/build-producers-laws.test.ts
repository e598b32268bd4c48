import fc from 'fast-check';
import {
  createRunner,
  END,
  GraphConfigError,
  input,
  node,
  route,
  type AnyNode,
  type InputDeclarations,
} from 'troupe';
import { expect, test } from 'vitest';
import { build, step } from './build-parts.ts';

interface Place {
  /** Which earlier nodes it reads the outputs of, counted back from it. */
  readonly back: readonly number[];
  /** Which later nodes it chooses among, counted on from it; none where it is no gate. */
  readonly on: readonly number[];
  readonly isMulti: boolean;
  /** Whether its inputs have a default. */
  readonly isLenient: boolean;
  /** The name that it outputs besides its own. */
  readonly output: 'x' | 'y' | undefined;
}

const offsets = fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 });
const plans: fc.Arbitrary<Place[]> = fc.array(
  fc.record({
    back: fc.oneof(fc.constant([]), offsets),
    on: fc.oneof(fc.constant([]), fc.constant([]), offsets),
    isMulti: fc.integer({ max: 4, min: 0 }).map((dice) => dice === 0),
    isLenient: fc.integer({ max: 4, min: 0 }).map((dice) => dice === 0),
    output: fc.constantFrom('x', 'y', undefined),
  }),
  { minLength: 3, maxLength: 8 },
);

interface Sketch {
  readonly nodes: readonly AnyNode[];
  /** All that each gate may decide. */
  readonly gates: ReadonlyMap<string, readonly (readonly string[])[]>;
  /** What the gates are to decide. */
  readonly decisions: Map<string, readonly string[]>;
}

/** Nodes `n0`, `n1`, … that each output a name of their own, perhaps one that others output as well; some are gates. */
function sketch(plan: readonly Place[]): Sketch {
  const gates = new Map<string, readonly (readonly string[])[]>();
  const decisions = new Map<string, readonly string[]>();
  const isGate = (index: number): boolean =>
    plan[index]?.on.some((offset) => index + offset < plan.length) === true;
  const nodes = plan.map((place, index): AnyNode => {
    const name = `n${index}`;
    const earlier = place.back.map((offset) => index - offset).filter((at) => at >= 0 && !isGate(at));
    const reads = earlier.map((at) => `v${at}`);
    if (!isGate(index)) return worker(name, reads, place);
    const later = place.on.map((offset) => index + offset).filter((at) => at < plan.length);
    const targets = later.map((at) => `n${at}`);
    gates.set(name, place.isMulti ? subsetsOf(targets) : [...targets, END].map((target) => [target]));
    const decided = (): readonly string[] => decisions.get(name) ?? [];
    return place.isMulti
      ? route({ name, targets, multi: true, run: decided })
      : route({ name, targets: [...targets, END], run: () => decided()[0] ?? END });
  });
  return { nodes, gates, decisions };
}

function worker(name: string, reads: readonly string[], { output, isLenient }: Place): AnyNode {
  const outputs = [name.replace('n', 'v'), ...(output === undefined ? [] : [output])];
  if (!isLenient) return step(name, reads, outputs);
  return node<string, InputDeclarations, unknown, readonly string[]>({
    name,
    inputs: Object.fromEntries(reads.map((read) => [read, input<unknown>('default')])),
    outputs,
    run: () => Object.fromEntries(outputs.map((each) => [each, name])),
  });
}

function subsetsOf(names: readonly string[]): string[][] {
  let all: string[][] = [[]];
  for (const name of names) all = all.flatMap((subset) => [subset, [...subset, name]]);
  return all;
}

/** Every way in which the gates may decide. */
function choices({ gates }: Sketch): Map<string, readonly string[]>[] {
  let all = [new Map<string, readonly string[]>()];
  for (const [gate, decisions] of gates)
    all = all.flatMap((chosen) => decisions.map((decision) => new Map([...chosen, [gate, decision]])));
  return all;
}

/** The nodes before each node, by data and by gates. */
function ancestors(nodes: readonly AnyNode[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { name: reader, inputs = {} } of nodes) {
    const direct = nodes.filter(
      ({ gate, outputs }) =>
        gate?.targets.includes(reader) === true || outputs.some((output) => Object.hasOwn(inputs, output)),
    );
    found.set(reader, new Set(direct.flatMap(({ name }) => [name, ...(found.get(name) ?? [])])));
  }
  return found;
}

/** The pairs of nodes that make one name. */
function rivals(nodes: readonly AnyNode[]): [string, string][] {
  return nodes.flatMap((first, index) =>
    nodes
      .slice(index + 1)
      .filter((second) => second.outputs.some((name) => first.outputs.includes(name)))
      .map((second): [string, string] => [first.name, second.name]),
  );
}

function isAccepted(nodes: readonly AnyNode[]): boolean {
  try {
    return build(nodes).kind === 'graph';
  } catch (error) {
    if (error instanceof GraphConfigError) return false;
    throw error;
  }
}

/** The producers of one name of which neither comes after the other. */
function unorderedRivals(nodes: readonly AnyNode[]): [string, string][] {
  const before = ancestors(nodes);
  return rivals(nodes).filter(([first, second]) => before.get(second)?.has(first) !== true);
}

/** The pairs of which both nodes run, in each way in which the gates may decide. */
async function clashes(drawn: Sketch, pairs: readonly [string, string][]): Promise<unknown[]> {
  const runner = createRunner({ retain: 0 });
  const g = build(drawn.nodes);
  const found: unknown[] = [];
  for (const chosen of choices(drawn)) {
    for (const [gate, decision] of chosen) drawn.decisions.set(gate, decision);
    const { nodes } = await runner.run(g, {});
    const clashing = pairs.filter((pair) => pair.every((name) => nodes[name] === 'completed'));
    found.push(...clashing.map((pair) => ({ pair, chosen })));
  }
  return found;
}

const LAW = { timeout: 60_000 };

test('of an accepted graph, no two producers of one name ever run in no order', LAW, async () => {
  const law = async (plan: readonly Place[]): Promise<void> => {
    const drawn = sketch(plan);
    const pairs = unorderedRivals(drawn.nodes);
    fc.pre(pairs.length > 0 && isAccepted(drawn.nodes));

    const found = await clashes(drawn, pairs);

    expect(found).toEqual([]);
  };

  await fc.assert(fc.asyncProperty(plans, law), { numRuns: 60 });
});

test('of a refused graph, two producers of one name can run in no order', LAW, async () => {
  const law = async (plan: readonly Place[]): Promise<void> => {
    const drawn = sketch(plan);
    fc.pre(!isAccepted(drawn.nodes));
    const withoutRivals = sketch(plan.map((place) => ({ ...place, output: undefined })));

    const found = await clashes(withoutRivals, unorderedRivals(drawn.nodes));

    expect(found).not.toEqual([]);
  };

  await fc.assert(fc.asyncProperty(plans, law), { numRuns: 60 });
});

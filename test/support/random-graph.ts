import fc from 'fast-check';
import { END, graph, GraphConfigError, input, node, route, type AnyNode, type Clock } from 'troupe';
import { fakeClock } from 'troupe/testing';

/** How a random body takes its time: not at all, some promises long, or some milliseconds. */
export type Pace = 'sync' | 'promise' | number;

/** A random node, or gate. */
export interface Part {
  readonly name: string;
  readonly reads: readonly string[];
  /** Those of the reads that have a default. */
  readonly defaulted: readonly string[];
  /** Undefined for a gate. */
  readonly writes: string | undefined;
  /** Of a gate: whom it may choose. */
  readonly targets: readonly string[];
  readonly isMulti: boolean;
  readonly isDefaultOpen: boolean;
  /** Makes two random graphs of one form decide differently. */
  readonly salt: number;
}

/** A random graph. */
export interface Plan {
  readonly parts: readonly Part[];
  /** From which value on the gates of a loop choose END. */
  readonly limit: number;
}

/** What came to a body, in the order of its runs. */
export type Trace = Map<string, Readonly<Record<string, number>>[]>;

/** How the nodes of a random graph behave in one run. */
export interface Behaviour {
  readonly clock: Clock;
  readonly paces: readonly Pace[];
  /** The nodes that throw. */
  readonly failing?: ReadonlySet<string>;
  readonly trace?: Trace;
}

const DEFAULT = 7;

/** What a node makes of what it gets: more than any of it, so that loops make progress. */
export function valueOf({ salt }: Part, given: Readonly<Record<string, number>>): number {
  return Math.max(0, ...Object.values(given)) + 1 + (salt % 3);
}

/** Whom a gate chooses. */
function choiceOf(
  { targets, isMulti, salt }: Part,
  given: Readonly<Record<string, number>>,
  limit: number,
): string[] {
  const sum = Object.values(given).reduce((total, each) => total + each, salt);
  if (Math.max(0, ...Object.values(given)) >= limit) return [END];
  if (isMulti) return targets.filter((_, index) => (sum + index) % 3 !== 0);
  const target = targets[sum % targets.length];
  return target === undefined ? [END] : [target];
}

type Given = Readonly<Record<string, number>>;

function nodeOf(part: Part, limit: number, pace: Pace, behaviour: Behaviour): AnyNode {
  const { name, reads, defaulted, writes, targets, isMulti, isDefaultOpen } = part;
  const inputs = Object.fromEntries(
    reads.map((read) => [read, defaulted.includes(read) ? input(DEFAULT) : input<number>()]),
  );
  const body = <Result>(act: (given: Given) => Result) =>
    paced((given: Given) => act(noted(part, given, behaviour)), pace, behaviour.clock);
  if (writes !== undefined)
    return node({ name, inputs, output: writes, run: body((given): unknown => valueOf(part, given)) });
  const gate = { name, inputs, targets: [...targets, END], defaultOpen: isDefaultOpen };
  const choose = (given: Given): readonly string[] => choiceOf(part, given, limit);
  return isMulti
    ? route({ ...gate, multi: true, run: body(choose) })
    : route({ ...gate, run: body((given) => choose(given)[0] ?? END) });
}

/** Writes down what came to a body; throws if it is to fail. */
function noted({ name }: Part, given: Given, { trace, failing }: Behaviour): Given {
  trace?.set(name, [...(trace.get(name) ?? []), { ...given }]);
  if (failing?.has(name) === true) throw new Error(`${name} failed`);
  return given;
}

function paced<Result>(
  act: (given: Given) => Result,
  pace: Pace,
  clock: Clock,
): (given: Given) => Result | Promise<Result> {
  if (pace === 'sync') return act;
  return async (given) => {
    if (pace !== 'promise') await new Promise<void>((resolve) => void clock.setTimeout(resolve, pace));
    return act(given);
  };
}

/** The graph of a plan, with its nodes in some order. */
export function buildGraph({ parts, limit }: Plan, behaviour: Behaviour, order: readonly number[] = []) {
  const nodes = parts.map((part, index) =>
    nodeOf(part, limit, behaviour.paces[index % behaviour.paces.length] ?? 'sync', behaviour),
  );
  const rank = (index: number): number => order[index] ?? 0;
  const sorted = [...nodes.keys()].toSorted((a, b) => rank(a) - rank(b) || a - b);
  return graph({
    name: 'random',
    nodes: sorted.map((index) => nodes[index]).filter((each) => each !== undefined),
  });
}

/** A value for each input of a graph that may be given. */
export function inputsFor({
  inputs,
}: {
  readonly inputs: { readonly required: readonly string[]; readonly optional: readonly string[] };
}) {
  return Object.fromEntries(
    [...inputs.required, ...inputs.optional].map((name) => [name, Number(name.replace(/\D/g, '')) % 4]),
  );
}

/** Paces of the nodes of a random graph. */
export const paces: fc.Arbitrary<readonly Pace[]> = fc.array(
  fc.oneof(fc.constant('sync' as const), fc.constant('promise' as const), fc.integer({ min: 0, max: 20 })),
  { minLength: 1, maxLength: 8 },
);

/** An order of the nodes of a random graph. */
export const order: fc.Arbitrary<readonly number[]> = fc.array(fc.nat(100), { minLength: 14, maxLength: 14 });

interface Seed {
  readonly isGate: boolean;
  readonly isMulti: boolean;
  readonly isDefaultOpen: boolean;
  readonly salt: number;
  readonly reads: readonly number[];
  readonly defaults: readonly boolean[];
  readonly targets: readonly number[];
  readonly twin: boolean;
}

const seed: fc.Arbitrary<Seed> = fc.record({
  isGate: fc.integer({ min: 0, max: 3 }).map((each) => each === 0),
  isMulti: fc.boolean(),
  isDefaultOpen: fc.boolean(),
  salt: fc.nat(20),
  reads: fc.array(fc.nat(100), { minLength: 1, maxLength: 3 }),
  defaults: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
  targets: fc.array(fc.nat(100), { minLength: 1, maxLength: 3 }),
  twin: fc.boolean(),
});

function partOf(
  { isGate, isMulti, isDefaultOpen, salt, defaults }: Seed,
  name: string,
  reads: readonly string[],
): Part {
  return {
    name,
    reads: [...new Set(reads)],
    defaulted: [...new Set(reads)].filter((_, index) => defaults[index] === true),
    writes: isGate ? undefined : `v${name}`,
    targets: [],
    isMulti,
    isDefaultOpen,
    salt,
  };
}

/**
 * A random acyclic graph: nodes read what earlier ones make, gates choose among later ones, and the two targets of one
 * gate may make the same name.
 */
export const acyclicPlan: fc.Arbitrary<Plan> = fc
  .tuple(fc.array(seed, { minLength: 1, maxLength: 14 }), fc.integer({ min: 3, max: 30 }))
  .map(([seeds, limit]) => {
    const parts: Part[] = [];
    for (const [index, each] of seeds.entries()) {
      // Only what has no default may be an input of the graph, as all its readers have to agree on one.
      const names = ['in0', 'in1', ...new Set(parts.flatMap(({ writes }) => writes ?? []))];
      const reads = each.reads.map((read) => names[read % names.length] ?? 'in0');
      const isLast = index >= seeds.length - 1;
      const part = partOf({ ...each, isGate: each.isGate && !isLast }, `n${index}`, reads);
      parts.push({ ...part, defaulted: part.defaulted.filter((read) => !read.startsWith('in')) });
    }
    for (const [index, part] of parts.entries()) {
      if (part.writes !== undefined) continue;
      const later = parts.slice(index + 1).map(({ name }) => name);
      const targets = (seeds[index]?.targets ?? []).map((target) => later[target % later.length] ?? '');
      parts[index] = { ...part, targets: [...new Set(targets)].filter((target) => target !== '') };
    }
    return {
      parts: seeds.some(({ twin }) => twin) ? withTwins(parts) : parts,
      limit,
    };
  });

/** Lets the first two targets of a single-target gate make one name, where nobody else chooses or reads them. */
function withTwins(parts: readonly Part[]): Part[] {
  const isChosenOnce = (name: string): boolean =>
    parts.filter(({ targets }) => targets.includes(name)).length === 1;
  const gate = parts.find(({ isMulti, targets }) => {
    const [first, second] = targets.map((target) => parts.find(({ name }) => name === target));
    return !isMulti && [first, second].every((each) => each?.writes !== undefined && isChosenOnce(each.name));
  });
  const [first, second] = gate?.targets ?? [];
  const written = parts.find(({ name }) => name === first)?.writes;
  const replaced = parts.find(({ name }) => name === second)?.writes;
  if (written === undefined || replaced === undefined) return [...parts];
  const at = Math.max(
    parts.findIndex(({ name }) => name === first),
    parts.findIndex(({ name }) => name === second),
  );
  const rename = (name: string): string => (name === replaced ? written : name);
  return parts.map((part, index) => {
    // Whoever reads one of them comes after both.
    const reads = [...new Set(part.reads.map(rename))].filter((read) => index > at || read !== written);
    const writes = part.name === second ? written : part.writes;
    return {
      ...part,
      reads,
      writes,
      defaulted: part.defaulted.map(rename).filter((read) => reads.includes(read)),
    };
  });
}

/**
 * A random graph with loops: every cycle goes through a target of a gate, and every gate may choose END. Ungated nodes
 * read what earlier ungated nodes and targets make, targets and gates read anything. What no gate of its own can leave
 * is left out.
 */
export const cyclicPlan: fc.Arbitrary<Plan> = fc
  .record({
    seeds: fc.array(seed, { minLength: 2, maxLength: 7 }),
    gates: fc.array(seed, { minLength: 1, maxLength: 3 }),
    limit: fc.integer({ min: 3, max: 12 }),
  })
  .map(({ seeds, gates, limit }) => {
    const names = seeds.map((_, index) => `n${index}`);
    const chosen = gates.map(({ targets }, index) => {
      const others = gates.flatMap((_, at) => (at === index ? [] : [`g${at}`]));
      const candidates = [...names, ...names, ...others];
      return [...new Set(targets.map((target) => candidates[target % candidates.length] ?? 'n0'))];
    });
    const isTarget = new Set(chosen.flat());
    const work = seeds.map((each, index) => {
      const name = `n${index}`;
      const readable = isTarget.has(name)
        ? names
        : names.filter((other, at) => isTarget.has(other) || at < index);
      const reads = each.reads.map((read) => `v${readable[read % readable.length] ?? 'n0'}`);
      return { ...partOf({ ...each, isGate: false }, name, reads), defaulted: [] };
    });
    const deciding = gates.map((each, index) => {
      const reads = each.reads.map((read) => `v${names[read % names.length] ?? 'n0'}`);
      return {
        ...partOf({ ...each, isGate: true }, `g${index}`, reads),
        defaulted: [],
        targets: chosen[index] ?? [],
      };
    });
    return { parts: [...work, ...deciding], limit };
  })
  .filter(isBuildable);

function isBuildable(plan: Plan): boolean {
  try {
    return buildGraph(plan, { clock: fakeClock(), paces: ['sync'] }).nodes.length > 0;
  } catch (error) {
    if (error instanceof GraphConfigError) return false;
    throw error;
  }
}

/** What became of an acyclic graph, as it is when its nodes are looked at one after the other. */
export interface Expected {
  readonly completed: readonly string[];
  readonly skipped: readonly string[];
  readonly outputs: Readonly<Record<string, number>>;
}

/** Evaluates an acyclic plan in the order of its parts, which is one in which all come after what they depend on. */
export function evaluate({ parts, limit }: Plan, given: Readonly<Record<string, number>>): Expected {
  const values = new Map(Object.entries(given));
  const chosen = new Set<string>();
  const completed: string[] = [];
  const skipped: string[] = [];
  const made = new Map<string, number>();
  for (const part of parts) {
    const isGated = parts.some(({ targets }) => targets.includes(part.name));
    const hasInputs = part.reads.every((read) => values.has(read) || part.defaulted.includes(read));
    if ((isGated && !chosen.has(part.name)) || !hasInputs) {
      skipped.push(part.name);
      continue;
    }
    completed.push(part.name);
    const taken = Object.fromEntries(part.reads.map((read) => [read, values.get(read) ?? DEFAULT]));
    if (part.writes === undefined) for (const target of choiceOf(part, taken, limit)) chosen.add(target);
    else {
      values.set(part.writes, valueOf(part, taken));
      made.set(part.writes, valueOf(part, taken));
    }
  }
  const read = new Set(parts.flatMap(({ reads }) => reads));
  return { completed, skipped, outputs: Object.fromEntries([...made].filter(([name]) => !read.has(name))) };
}

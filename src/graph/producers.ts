import { conditionsOf, type Condition } from './conditions.ts';
import { reach } from './components.ts';
import { neverRunTogether } from './exclusive.ts';
import { problem } from './problem.ts';
import type { GraphState } from './state.ts';
import type { Wiring } from './wiring.ts';

/**
 * Throws where two nodes output one name and nothing says which of them counts: at most one of them can run, as a gate
 * chooses between them, or one comes after the other.
 */
export function assertProducersAgree(state: GraphState, wiring: Wiring): void {
  const contested = [...wiring.producers].filter(([name, all]) => all.length > 1 && !state.shared.has(name));
  if (contested.length === 0) return;
  const conditions = conditionsOf(wiring);
  const order = new Order(wiring, state.shared);
  for (const [name, all] of contested) {
    for (const sides of runningTogether(all, conditions)) {
      const [first, second] = order.unorderedPair(sides) ?? [];
      if (first === undefined || second === undefined) continue;
      const [a, b] = [wiring.members[first]?.name ?? '', wiring.members[second]?.name ?? ''];
      throw problem(
        state,
        `nodes "${a}" and "${b}" both output "${name}", and both may run in any order`,
        `Rename one output, order them (\`emits\` and \`waitFor\`, or \`edges\`), let one gate choose between them, or declare \`shared: ['${name}']\`.`,
      );
    }
  }
}

/** What hangs below one condition: the producers that need nothing more, and the conditions that add to it. */
interface Branch {
  readonly producers: number[];
  readonly children: Condition[];
}

/** Two sets of producers: one of each may run in the same run. */
type Sides = readonly [readonly number[], readonly number[]];

/**
 * The producers that may run together: conditions form a tree, as they share what they have in common, and producers
 * below different targets of one gate exclude each other. Linear in the size of that tree where all of them do.
 */
function* runningTogether(
  all: readonly number[],
  conditions: readonly (Condition | undefined)[],
): Generator<Sides> {
  const branches = new Map<Condition | undefined, Branch>();
  const branchOf = (condition: Condition | undefined): Branch => {
    const known = branches.get(condition);
    if (known !== undefined) return known;
    const made: Branch = { producers: [], children: [] };
    branches.set(condition, made);
    return made;
  };
  for (const producer of all) {
    let at = conditions[producer];
    const isKnown = branches.has(at);
    branchOf(at).producers.push(producer);
    // What is known has been hung up, with everything above it.
    let isNew = !isKnown;
    while (at !== undefined && isNew) {
      isNew = !branches.has(at.rest);
      branchOf(at.rest).children.push(at);
      at = at.rest;
    }
  }
  for (const { producers, children } of branches.values()) {
    const gates = groupByGate(children);
    if (producers.length + gates.size < 2) continue;
    const groups = [...gates.values()].map((group) => group.flatMap((child) => below(child, branches)));
    yield* sidesOf([...producers.map((producer) => [producer]), ...groups]);
  }
}

function* sidesOf(groups: readonly (readonly number[])[]): Generator<Sides> {
  for (const [at, first] of groups.entries())
    for (const second of groups.slice(at + 1)) yield [first, second];
}

function groupByGate(conditions: readonly Condition[]): Map<number, Condition[]> {
  const groups = new Map<number, Condition[]>();
  for (const condition of conditions) {
    const known = groups.get(condition.gate);
    if (known === undefined) groups.set(condition.gate, [condition]);
    else known.push(condition);
  }
  return groups;
}

function below(top: Condition, branches: ReadonlyMap<Condition | undefined, Branch>): number[] {
  const found: number[] = [];
  const open = [top];
  // The list grows while it is walked.
  for (const condition of open) {
    const branch = branches.get(condition);
    found.push(...(branch?.producers ?? []));
    open.push(...(branch?.children ?? []));
  }
  return found;
}

/** Which nodes come after which. */
class Order {
  readonly #wiring: Wiring;
  readonly #shared: ReadonlySet<string>;
  readonly #reached = new Map<number, ReadonlySet<number>>();

  constructor(wiring: Wiring, shared: ReadonlySet<string>) {
    this.#wiring = wiring;
    this.#shared = shared;
  }

  /** Two nodes of which neither comes after the other, if there are any. */
  unorderedPair([firsts, seconds]: Sides): readonly [number, number] | undefined {
    for (const first of firsts) {
      const second = seconds.find(
        (each) =>
          !this.#follows(first, each) &&
          !this.#follows(each, first) &&
          !neverRunTogether([first, each], this.#wiring, this.#shared),
      );
      if (second !== undefined) return [first, second];
    }
    return undefined;
  }

  #follows(from: number, to: number): boolean {
    const { components, successors } = this.#wiring;
    // Components are numbered in an order in which what comes later has the higher number.
    if ((components.of[from] ?? 0) > (components.of[to] ?? 0)) return false;
    const known = this.#reached.get(from) ?? reach(successors, from);
    this.#reached.set(from, known);
    return known.has(to);
  }
}

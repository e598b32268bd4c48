/** Which node belongs to which component; components are numbered so that each comes after those it depends on. */
export interface Components {
  readonly of: readonly number[];
  /** The members of each, in ascending order. */
  readonly members: readonly (readonly number[])[];
}

/**
 * The strongly connected components of a directed graph, by Tarjan's algorithm (SIAM Journal on Computing 1(2), 1972),
 * without recursion, in time linear in nodes and edges.
 */
export function componentsOf(successors: readonly (readonly number[])[]): Components {
  const size = successors.length;
  const order = new Int32Array(size).fill(-1);
  const low = new Int32Array(size);
  const of = new Int32Array(size).fill(-1);
  const next = new Int32Array(size);
  const found: number[][] = [];
  const open: number[] = [];
  let count = 0;
  const visit = (root: number): void => {
    const path = [root];
    for (;;) {
      const at = path.at(-1);
      if (at === undefined) return;
      if (order[at] === -1) {
        order[at] = count;
        low[at] = count;
        count += 1;
        open.push(at);
      }
      const child = nextUnvisited(at, { successors, next, order, of, low });
      if (child !== undefined) {
        path.push(child);
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (parent !== undefined) low[parent] = Math.min(low[parent] ?? 0, low[at] ?? 0);
      if (low[at] === order[at]) found.push(close(at, open, of, found.length));
    }
  };
  for (let node = 0; node < size; node += 1) if (order[node] === -1) visit(node);
  // Tarjan's order is against the arrows.
  const last = found.length - 1;
  return {
    of: Array.from(of, (component) => last - component),
    members: found.toReversed().map((members) => members.toSorted((a, b) => a - b)),
  };
}

/** The nodes that can be reached from one, itself included. */
export function reach(successors: readonly (readonly number[])[], ...from: readonly number[]): Set<number> {
  const reached = new Set(from);
  // The set grows while it is walked.
  for (const at of reached) for (const next of successors[at] ?? []) reached.add(next);
  return reached;
}

interface Visit {
  readonly successors: readonly (readonly number[])[];
  readonly next: Int32Array;
  readonly order: Int32Array;
  readonly of: Int32Array;
  readonly low: Int32Array;
}

function nextUnvisited(at: number, { successors, next, order, of, low }: Visit): number | undefined {
  const children = successors[at] ?? [];
  for (;;) {
    const child = children[next[at] ?? 0];
    if (child === undefined) return undefined;
    if (order[child] === -1) return child;
    next[at] = (next[at] ?? 0) + 1;
    // Those in a closed component are no way back.
    if (of[child] === -1) low[at] = Math.min(low[at] ?? 0, low[child] ?? 0);
  }
}

function close(root: number, open: number[], of: Int32Array, component: number): number[] {
  const members: number[] = [];
  for (;;) {
    const member = open.pop();
    if (member === undefined) return members;
    of[member] = component;
    members.push(member);
    if (member === root) return members;
  }
}

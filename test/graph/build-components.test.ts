import fc from 'fast-check';
import { expect, test } from 'vitest';
import { componentsOf, reach } from '../../src/graph/components.ts';

type Successors = readonly (readonly number[])[];

/** Directed graphs with edges of a node to itself, with doubled edges, and with nodes on their own. */
const graphs: fc.Arbitrary<number[][]> = fc.integer({ min: 0, max: 12 }).chain((size) => {
  const node = fc.nat({ max: Math.max(0, size - 1) });
  const edges = size === 0 ? fc.constant([]) : fc.array(fc.tuple(node, node), { maxLength: 3 * size });
  return edges.map((all) =>
    Array.from({ length: size }, (_, from) => all.filter(([start]) => start === from).map(([, to]) => to)),
  );
});

/** Which node can be reached from which, each from itself: by taking one more step until nothing is added. */
function reachability(successors: Successors): boolean[][] {
  const nodes = [...successors.keys()];
  let reached = nodes.map((from) => nodes.map((to) => from === to));
  for (const _ of nodes) {
    reached = reached.map((row) =>
      nodes.map(
        (to) =>
          row[to] === true || nodes.some((at) => row[at] === true && successors[at]?.includes(to) === true),
      ),
    );
  }
  return reached;
}

const check = (law: (successors: number[][]) => void): void =>
  fc.assert(fc.property(graphs, law), { numRuns: 1_000 });

test('two nodes are in one component exactly if each can be reached from the other', () => {
  check((successors) => {
    const { of } = componentsOf(successors);
    const reached = reachability(successors);

    for (const [a] of successors.entries()) {
      for (const [b] of successors.entries()) {
        expect(of[a] === of[b]).toBe(reached[a]?.[b] === true && reached[b]?.[a] === true);
      }
    }
  });
});

test('a component comes after those that lead to it', () => {
  check((successors) => {
    const { of } = componentsOf(successors);

    for (const [from, targets] of successors.entries()) {
      for (const to of targets) expect(of[from]).toBeLessThanOrEqual(of[to] ?? -1);
    }
  });
});

test('each node is in the one component that it is said to be in, in ascending order', () => {
  check((successors) => {
    const { of, members } = componentsOf(successors);

    const listed = members.flatMap((nodes, component) => nodes.map((node) => [node, component]));

    expect(listed.toSorted(([a = 0], [b = 0]) => a - b)).toEqual(
      of.map((component, node) => [node, component]),
    );
    for (const nodes of members) expect(nodes).toEqual(nodes.toSorted((a, b) => a - b));
    expect(members.every((nodes) => nodes.length > 0)).toBe(true);
  });
});

test('the same graph gives the same components whatever the order of its edges', () => {
  check((successors) => {
    const { of, members } = componentsOf(successors);

    const reversed = componentsOf(successors.map((targets) => targets.toReversed()));

    const sorted = (all: readonly (readonly number[])[]): string[] =>
      all.map((nodes) => nodes.join()).toSorted();
    expect(sorted(reversed.members)).toEqual(sorted(members));
    expect(new Set(of).size).toBe(members.length);
  });
});

test('the nodes that can be reached from some are those of the naive definition', () => {
  check((successors) => {
    const reached = reachability(successors);
    const from = successors.flatMap((_, node) => (node % 3 === 0 ? [node] : []));

    const found = reach(successors, ...from);

    const expected = successors.flatMap((_, to) => (from.some((start) => reached[start]?.[to]) ? [to] : []));
    expect([...found].toSorted((a, b) => a - b)).toEqual(expected);
  });
});

test('a chain of 100,000 nodes overflows no stack', () => {
  const size = 100_000;
  const ring = Array.from({ length: size }, (_, node) => [(node + 1) % size]);

  const { members } = componentsOf(ring);

  expect(members).toHaveLength(1);
  expect(members[0]).toHaveLength(size);
});

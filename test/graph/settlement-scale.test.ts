import { createRunner, END, graph, ifElse, input, node, route, type AnyNode } from 'troupe';
import { describe, expect, test, vi } from 'vitest';

// Thousands of nodes, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 60_000 });

const SIZE = 5_000;

/** `x0 -> x1 -> …`, each one more than the one before; listed backwards, which is the worst order. */
function chain(
  size: number,
  makeBody: (name: string) => (given: Readonly<Record<string, number>>) => number | Promise<number>,
): AnyNode[] {
  return Array.from({ length: size }, (_, index) =>
    node({
      name: `n${index}`,
      inputs: { [`x${index}`]: input<number>() },
      output: `x${index + 1}`,
      run: makeBody(`x${index}`),
    }),
  ).toReversed();
}

const syncBody = (name: string) => (given: Readonly<Record<string, number>>) =>
  (given[name] ?? Number.NaN) + 1;
const asyncBody = (name: string) => async (given: Readonly<Record<string, number>>) =>
  (given[name] ?? Number.NaN) + 1;

describe(`a chain of ${SIZE} nodes`, () => {
  test('of sync nodes runs without using up the stack', async () => {
    const g = graph({ name: 'deep', nodes: chain(SIZE, syncBody) });

    const { outputs } = await createRunner().run(g, { x0: 0 });

    expect(outputs).toEqual({ [`x${SIZE}`]: SIZE });
  });

  test('of sync nodes runs under runSync', () => {
    const g = graph({ name: 'deep', nodes: chain(SIZE, syncBody) });

    const { outputs } = createRunner().runSync(g, { x0: 0 });

    expect(outputs).toEqual({ [`x${SIZE}`]: SIZE });
  });

  test('of async nodes runs', async () => {
    const g = graph({ name: 'deep', nodes: chain(SIZE, asyncBody) });

    const { outputs } = await createRunner().run(g, { x0: 0 });

    expect(outputs).toEqual({ [`x${SIZE}`]: SIZE });
  });

  test('of which the first is skipped is skipped whole', async () => {
    const gate = ifElse({ name: 'gate', then: 'n0', else: END, run: () => false });
    const g = graph({ name: 'deep', nodes: [...chain(SIZE, syncBody), gate] });

    const { status, nodes } = await createRunner().run(g, { x0: 0 });

    expect(status).toBe('completed');
    expect(Object.values(nodes).filter((each) => each === 'skipped')).toHaveLength(SIZE);
  });
});

describe(`a graph that is ${SIZE} wide`, () => {
  const wide = Array.from({ length: SIZE }, (_, index) =>
    node({
      name: `n${index}`,
      inputs: { n: input<number>() },
      output: `x${index}`,
      run: async ({ n }) => n + index,
    }),
  );

  test('runs them all, and their join once', async () => {
    const join: AnyNode = node({
      name: 'join',
      inputs: Object.fromEntries(wide.map((_, index) => [`x${index}`, input<number>()])),
      output: 'sum',
      run: (given: Readonly<Record<string, number>>) =>
        Object.values(given).reduce((sum, each) => sum + each, 0),
    });

    const { outputs, info } = await createRunner().run(
      graph({ name: 'wide', nodes: [join, ...wide] as AnyNode[] }),
      { n: 1 },
    );

    expect(outputs).toEqual({ sum: (SIZE * (SIZE + 1)) / 2 });
    expect(info.requests.size).toBe(SIZE + 2);
  });

  test('runs under a small budget', async () => {
    const { status, outputs } = await createRunner({ maxConcurrency: 4 }).run(
      graph({ name: 'wide', nodes: wide }),
      { n: 1 },
    );

    expect(status).toBe('completed');
    expect(Object.keys(outputs)).toHaveLength(SIZE);
  });
});

describe('a long loop', () => {
  const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
  const again = route({
    name: 'again',
    inputs: { n: input<number>() },
    targets: ['inc', END],
    run: ({ n }) => (n < SIZE ? 'inc' : END),
  });
  const g = graph({ name: 'long', nodes: [inc, again], maxIterations: SIZE });

  test('of sync nodes runs without using up the stack', async () => {
    const { outputs } = await createRunner().run(g, { n: 0 });

    expect(outputs).toEqual({ n: SIZE });
  });

  test('of sync nodes runs under runSync', () => {
    const { outputs } = createRunner().runSync(g, { n: 0 });

    expect(outputs).toEqual({ n: SIZE });
  });
});

test('graphs may be nested a hundred deep', async () => {
  const leaf = node({ name: 'leaf', inputs: { n: input<number>() }, output: 'x', run: ({ n }) => n + 1 });
  const wrap = (inner: AnyNode, level: number): AnyNode =>
    level === 0 ? inner : wrap(graph({ name: `level${level}`, nodes: [inner] }).asNode(), level - 1);

  const { outputs } = await createRunner().run(graph({ name: 'top', nodes: [wrap(leaf, 100)] }), { n: 1 });

  expect(outputs).toEqual({ x: 2 });
});

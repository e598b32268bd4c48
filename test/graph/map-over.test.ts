import { createRunner, END, graph, ifElse, input, node } from 'troupe';
import { describe, expect, test } from 'vitest';

const add = node({
  name: 'add',
  inputs: { x: input<number>(), y: input(100) },
  output: 'sum',
  run: async ({ x, y }) => x + y,
});
const adding = graph({ name: 'adding', nodes: [add] });

const pair = node({
  name: 'pair',
  inputs: { x: input<string>(), y: input<string>(), z: input('') },
  output: 'both',
  run: ({ x, y, z }) => `${x}${y}${z}`,
});
const pairing = graph({ name: 'pairing', nodes: [pair] });

describe('a graph that is mapped over a list', () => {
  test('runs once for each item, and gives a list of what each gave, in their order', async () => {
    const outer = graph({ name: 'outer', nodes: [adding.asNode({ mapOver: 'x' })] });

    const { outputs } = await createRunner().run(outer, { x: [3, 1, 2], y: 10 });

    expect(outputs).toEqual({ sum: [13, 11, 12] });
  });

  test('keeps the order of the items where a later one is done first', async () => {
    const slow = node({
      name: 'slow',
      inputs: { turns: input<number>() },
      output: 'waited',
      run: async ({ turns }) => {
        for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
        return turns;
      },
    });
    const outer = graph({
      name: 'outer',
      nodes: [graph({ name: 'g', nodes: [slow] }).asNode({ mapOver: 'turns' })],
    });

    const { outputs } = await createRunner().run(outer, { turns: [50, 1, 20] });

    expect(outputs).toEqual({ waited: [50, 1, 20] });
  });

  test('gives each item what is not mapped over as it is', async () => {
    const shared = { id: 1 };
    const keep = node({
      name: 'keep',
      inputs: { x: input<number>(), thing: input<object>() },
      output: 'kept',
      run: ({ thing }) => thing,
    });
    const keeping = graph({ name: 'keeping', nodes: [keep] });
    const outer = graph({ name: 'outer', nodes: [keeping.asNode({ mapOver: 'x' })] });

    const { outputs } = await createRunner().run(outer, { x: [1, 2], thing: shared });

    expect(outputs.kept).toHaveLength(2);
    expect(outputs.kept.every((thing) => thing === shared)).toBe(true);
  });

  test('broadcasts a list that is not mapped over as one value', async () => {
    const join = node({
      name: 'join',
      inputs: { x: input<string>(), words: input<string[]>() },
      output: 'text',
      run: ({ x, words }) => words.join(x),
    });
    const joining = graph({ name: 'joining', nodes: [join] });
    const outer = graph({ name: 'outer', nodes: [joining.asNode({ mapOver: 'x' })] });

    const { outputs } = await createRunner().run(outer, { x: ['-', '+'], words: ['a', 'b'] });

    expect(outputs).toEqual({ text: ['a-b', 'a+b'] });
  });

  test('gives each item the defaults and binds of its graph', async () => {
    const outer = graph({
      name: 'outer',
      nodes: [
        adding.asNode({ name: 'plain', namespace: true, mapOver: 'x' }),
        adding.bind({ y: 5 }).asNode({ name: 'bound', namespace: true, mapOver: 'x' }),
      ],
    });

    const { outputs } = await createRunner().run(outer, { 'plain.x': [1, 2], 'bound.x': [1, 2] });

    expect(outputs).toEqual({ 'plain.sum': [101, 102], 'bound.sum': [6, 7] });
  });

  test('takes its list from a node, and gives its lists to nodes', async () => {
    const split = node({
      name: 'split',
      inputs: { text: input<string>() },
      output: 'x',
      run: ({ text }) => text.split(',').map(Number),
    });
    const total = node({
      name: 'total',
      inputs: { sum: input<number[]>() },
      output: 'total',
      run: ({ sum }) => sum.reduce((a, b) => a + b, 0),
    });
    const outer = graph({ name: 'outer', nodes: [total, adding.asNode({ mapOver: 'x' }), split] });

    const { outputs } = await createRunner().run(outer, { text: '1,2,3', y: 0 });

    expect(outputs).toEqual({ total: 6 });
  });

  test('gives a list for each of its outputs', async () => {
    const divide = node({
      name: 'divide',
      inputs: { x: input<number>() },
      outputs: ['quotient', 'rest'],
      run: ({ x }) => ({ quotient: Math.floor(x / 3), rest: x % 3 }),
    });
    const dividing = graph({ name: 'dividing', nodes: [divide, add] });
    const outer = graph({ name: 'outer', nodes: [dividing.asNode({ mapOver: 'x' })] });

    const { outputs } = await createRunner().run(outer, { x: [7, 9], y: 0 });

    expect(outputs).toEqual({ quotient: [2, 3], rest: [1, 0], sum: [7, 9] });
  });

  test('has its ports under a namespace', async () => {
    const outer = graph({ name: 'outer', nodes: [adding.asNode({ namespace: true, mapOver: 'x' })] });

    const { outputs } = await createRunner().run(outer, { 'adding.x': [1, 2] });

    expect(outputs).toEqual({ 'adding.sum': [101, 102] });
  });

  test('has its ports under exposed names', async () => {
    const outer = graph({
      name: 'outer',
      nodes: [adding.asNode({ expose: { x: 'n', sum: 'm' }, mapOver: 'x' })],
    });

    const { outputs } = await createRunner().run(outer, { n: [1, 2] });

    expect(outputs).toEqual({ m: [101, 102] });
  });

  test('gives empty lists for an empty list', async () => {
    const outer = graph({ name: 'outer', nodes: [adding.asNode({ mapOver: 'x' })] });

    const { status, outputs, nodes } = await createRunner().run(outer, { x: [] });

    expect(status).toBe('completed');
    expect(outputs).toEqual({ sum: [] });
    expect(nodes).toEqual({ adding: 'completed' });
  });

  test('requires its list', () => {
    const nested = graph({ name: 'g', nodes: [pair] }).asNode({ mapOver: 'z' });

    expect(graph({ name: 'outer', nodes: [nested] }).inputs.required.toSorted()).toEqual(['x', 'y', 'z']);
  });

  test('leaves the place of what an item skipped undefined', async () => {
    const isEven = ifElse({
      name: 'isEven',
      inputs: { x: input<number>() },
      then: 'add',
      else: END,
      run: ({ x }) => x % 2 === 0,
    });
    const gated = graph({ name: 'gated', nodes: [isEven, add] });

    const { outputs } = await createRunner().run(
      graph({ name: 'outer', nodes: [gated.asNode({ mapOver: 'x' })] }),
      { x: [1, 2, 3, 4] },
    );

    expect(outputs).toEqual({ sum: [undefined, 102, undefined, 104] });
  });

  test('shares the context of the run among its items', async () => {
    const count = node({
      name: 'count',
      inputs: { x: input<number>() },
      output: 'seen',
      run: ({ x }, ctx) => {
        ctx.context.put('sum', ctx.context.get<number>('sum', 0) + x);
        return x;
      },
    });
    const counting = graph({ name: 'counting', nodes: [count] });
    const read = node({
      name: 'read',
      inputs: { seen: input<number[]>() },
      output: 'sum',
      run: (_, ctx) => ctx.context.get<number>('sum'),
    });

    const { outputs } = await createRunner().run(
      graph({ name: 'outer', nodes: [counting.asNode({ mapOver: 'x' }), read] }),
      { x: [1, 2, 3] },
    );

    expect(outputs).toEqual({ sum: 6 });
  });

  test('runs on the stack under runSync where all of it is synchronous', () => {
    const outer = graph({ name: 'outer', nodes: [pairing.asNode({ mapOver: 'x' })] });

    const { outputs } = createRunner().runSync(outer, { x: ['a', 'b'], y: '!' });

    expect(outputs).toEqual({ both: ['a!', 'b!'] });
  });
});

describe('a graph that is mapped over several lists', () => {
  test('zips them by default', async () => {
    const outer = graph({ name: 'outer', nodes: [pairing.asNode({ mapOver: ['x', 'y'] })] });

    const { outputs } = await createRunner().run(outer, { x: ['a', 'b'], y: ['1', '2'], z: '!' });

    expect(outputs).toEqual({ both: ['a1!', 'b2!'] });
  });

  test('runs each with each under product, the first name outermost', async () => {
    const outer = graph({
      name: 'outer',
      nodes: [pairing.asNode({ mapOver: ['x', 'y'], mapMode: 'product' })],
    });

    const { outputs } = await createRunner().run(outer, { x: ['a', 'b'], y: ['1', '2', '3'] });

    expect(outputs).toEqual({ both: ['a1', 'a2', 'a3', 'b1', 'b2', 'b3'] });
  });

  test('takes the first name of `mapOver` for the outermost, not that of the graph', async () => {
    const outer = graph({
      name: 'outer',
      nodes: [pairing.asNode({ mapOver: ['y', 'x'], mapMode: 'product' })],
    });

    const { outputs } = await createRunner().run(outer, { x: ['a', 'b'], y: ['1', '2'] });

    expect(outputs).toEqual({ both: ['a1', 'b1', 'a2', 'b2'] });
  });

  test('multiplies three lists', async () => {
    const outer = graph({
      name: 'outer',
      nodes: [pairing.asNode({ mapOver: ['x', 'y', 'z'], mapMode: 'product' })],
    });

    const { outputs } = await createRunner().run(outer, { x: ['a', 'b'], y: ['1', '2'], z: ['-', '+'] });

    expect(outputs).toEqual({ both: ['a1-', 'a1+', 'a2-', 'a2+', 'b1-', 'b1+', 'b2-', 'b2+'] });
  });

  test.each(['zip', 'product'] as const)(
    'gives empty lists under %s where all are empty',
    async (mapMode) => {
      const outer = graph({ name: 'outer', nodes: [pairing.asNode({ mapOver: ['x', 'y'], mapMode })] });

      const { outputs } = await createRunner().run(outer, { x: [], y: [] });

      expect(outputs).toEqual({ both: [] });
    },
  );

  test('gives empty lists under product where one is empty', async () => {
    const outer = graph({
      name: 'outer',
      nodes: [pairing.asNode({ mapOver: ['x', 'y'], mapMode: 'product' })],
    });

    const { outputs } = await createRunner().run(outer, { x: ['a', 'b'], y: [] });

    expect(outputs).toEqual({ both: [] });
  });
});

describe('maps in maps', () => {
  test('give lists of lists', async () => {
    const each = graph({ name: 'each', nodes: [adding.asNode({ mapOver: 'x' })] });
    const outer = graph({ name: 'outer', nodes: [each.asNode({ mapOver: 'x' })] });

    const { outputs } = await createRunner().run(outer, { x: [[1, 2], [], [3]], y: 0 });

    expect(outputs).toEqual({ sum: [[1, 2], [], [3]] });
  });

  test('may map over one list outside and another inside', async () => {
    const inside = graph({ name: 'inside', nodes: [pairing.asNode({ mapOver: 'x' })] });
    const outer = graph({ name: 'outer', nodes: [inside.asNode({ mapOver: 'y' })] });

    const { outputs } = await createRunner().run(outer, { x: ['a', 'b'], y: ['1', '2'] });

    expect(outputs).toEqual({
      both: [
        ['a1', 'b1'],
        ['a2', 'b2'],
      ],
    });
  });
});

describe('a loop in each item', () => {
  const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
  const more = ifElse({
    name: 'more',
    inputs: { n: input<number>(), limit: input<number>() },
    then: 'inc',
    else: END,
    run: ({ n, limit }) => n < limit,
  });
  const counting = graph({ name: 'counting', nodes: [inc, more] });

  test('goes its own number of rounds', async () => {
    const outer = graph({ name: 'outer', nodes: [counting.asNode({ mapOver: ['n', 'limit'] })] });

    const { outputs } = await createRunner().run(outer, { n: [0, 5, 2], limit: [3, 1, 2] });

    expect(outputs).toEqual({ n: [3, 6, 3] });
  });

  test('has the limit of iterations to itself', async () => {
    const outer = graph({ name: 'outer', nodes: [counting.asNode({ mapOver: 'n', maxIterations: 3 })] });

    const { outputs } = await createRunner().run(outer, { n: [0, 0, 0], limit: 3 });

    expect(outputs).toEqual({ n: [3, 3, 3] });
  });

  test('fails the map past the limit', async () => {
    const outer = graph({ name: 'outer', nodes: [counting.asNode({ mapOver: 'n', maxIterations: 3 })] });

    const result = await createRunner().run(outer, { n: [2, 0], limit: 4 }, { onFailure: 'return' });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'INFINITE_LOOP' } });
  });
});

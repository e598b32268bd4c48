import { createRunner, END, graph, ifElse, input, node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { rejectionOf, thrownBy } from '../support/deferred.ts';

const add = node({
  name: 'add',
  inputs: { a: input<number>(), b: input(1) },
  output: 'sum',
  run: ({ a, b }) => a + b,
});
const square = node({
  name: 'square',
  inputs: { sum: input<number>() },
  output: 'squared',
  run: async ({ sum }) => sum * sum,
});
/** (a + b)², with 1 for b by default. */
const inner = graph({ name: 'inner', nodes: [add, square] });
const show = node({
  name: 'show',
  inputs: { squared: input<number>() },
  output: 'shown',
  run: ({ squared }) => `= ${squared}`,
});

describe('a graph as a node of another', () => {
  test('runs as one node, whose ports join the names of the other graph', async () => {
    const outer = graph({ name: 'outer', nodes: [inner.asNode(), show] });

    const { outputs, nodes } = await createRunner().run(outer, { a: 2 });

    expect(outputs).toEqual({ shown: '= 9' });
    expect(nodes).toEqual({ inner: 'completed', show: 'completed' });
  });

  test('has the inputs and outputs of its graph', () => {
    const outer = graph({ name: 'outer', nodes: [inner.asNode()] });

    expect(outer.inputs).toMatchObject({ required: ['a'], optional: ['b'] });
    expect(outer.outputs).toEqual(['squared']);
  });

  test('is wired to what makes its inputs outside', async () => {
    const make = node({
      name: 'make',
      inputs: { text: input<string>() },
      output: 'a',
      run: ({ text }) => text.length,
    });
    const outer = graph({ name: 'outer', nodes: [show, inner.asNode(), make] });

    const { outputs } = await createRunner().run(outer, { text: 'four' });

    expect(outer.inputs.required).toEqual(['text']);
    expect(outputs).toEqual({ shown: '= 25' });
  });

  test('shows none of what is made and read inside', async () => {
    const readsSum = node({
      name: 'readsSum',
      inputs: { sum: input<number>() },
      output: 'half',
      run: ({ sum }) => sum / 2,
    });
    const outer = graph({ name: 'outer', nodes: [inner.asNode(), readsSum] });

    const { outputs } = await createRunner().run(outer, { a: 2, sum: 10 });

    expect(outer.inputs.required.toSorted()).toEqual(['a', 'sum']);
    expect(outputs).toEqual({ squared: 9, half: 5 });
  });

  test('hands on the very objects', async () => {
    const given = { list: [1] };
    const pass = node({
      name: 'pass',
      inputs: { thing: input<object>() },
      output: 'passed',
      run: ({ thing }) => thing,
    });
    const outer = graph({ name: 'outer', nodes: [graph({ name: 'inner', nodes: [pass] }).asNode()] });

    const { outputs } = await createRunner().run(outer, { thing: given });

    expect(outputs.passed).toBe(given);
  });

  test('may lie three deep', async () => {
    const middle = graph({ name: 'middle', nodes: [inner.asNode()] });
    const outer = graph({ name: 'outer', nodes: [middle.asNode(), show] });

    const { outputs } = await createRunner().run(outer, { a: 1, b: 2 });

    expect(outputs).toEqual({ shown: '= 9' });
  });

  test('runs on the stack under runSync where all of it is synchronous', () => {
    const sync = graph({ name: 'sync', nodes: [add] });
    const outer = graph({ name: 'outer', nodes: [sync.asNode()] });

    const { outputs } = createRunner().runSync(outer, { a: 1 });

    expect(outputs).toEqual({ sum: 2 });
  });

  test('shares the context of the run', async () => {
    const put = node({
      name: 'put',
      inputs: { a: input<number>() },
      output: 'b',
      run: ({ a }, ctx) => {
        ctx.context.put('seen', a);
        return a;
      },
    });
    const get = node({
      name: 'get',
      inputs: { b: input<number>() },
      output: 'found',
      run: (_, ctx) => ctx.context.get<number>('seen'),
    });
    const outer = graph({ name: 'outer', nodes: [graph({ name: 'putting', nodes: [put] }).asNode(), get] });

    const { outputs } = await createRunner().run(outer, { a: 5 });

    expect(outputs).toEqual({ found: 5 });
  });

  test('is chosen by a gate by the name that it has as a node', async () => {
    const isBig = ifElse({
      name: 'isBig',
      inputs: { a: input<number>() },
      then: 'computing',
      else: END,
      run: ({ a }) => a > 1,
    });
    const outer = graph({ name: 'outer', nodes: [isBig, inner.asNode({ name: 'computing' })] });

    const results = [await createRunner().run(outer, { a: 1 }), await createRunner().run(outer, { a: 2 })];

    expect(results.map(({ outputs }) => outputs)).toEqual([{}, { squared: 9 }]);
    expect(results.map(({ nodes }) => nodes['computing'])).toEqual(['skipped', 'completed']);
  });

  test('refuses a value for what it makes: that is a ConflictError, and nothing runs', async () => {
    const runner = createRunner();
    const given: object = { a: 1, squared: 4 };

    const error = await rejectionOf(
      runner.run(graph({ name: 'outer', nodes: [inner.asNode()] }), given as { a: number }),
    );

    expect(error).toMatchObject({ code: 'CONFLICT' });
    expect(runner.info.runs).toEqual([]);
  });

  test('leaves the graph as it was, which may run by itself and in many graphs', async () => {
    const nested = inner.asNode();
    const runner = createRunner();

    const results = [
      await runner.run(graph({ name: 'one', nodes: [nested] }), { a: 1 }),
      await runner.run(graph({ name: 'two', nodes: [nested, show] }), { a: 2 }),
      await runner.run(inner, { a: 3 }),
    ];

    expect(results.map(({ outputs }) => outputs)).toEqual([
      { squared: 4 },
      { shown: '= 9' },
      { squared: 16 },
    ]);
  });

  test('is a frozen value', () => {
    expect(Object.isFrozen(inner.asNode({ namespace: true }))).toBe(true);
  });
});

describe('the name of a nested graph', () => {
  test('is that of its graph', () => {
    expect(inner.asNode().name).toBe('inner');
  });

  test('is the one that is given', async () => {
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ name: 'computing' })] });

    const { nodes } = await createRunner().run(outer, { a: 1 });

    expect(nodes).toEqual({ computing: 'completed' });
  });

  test('may not be that of another node', () => {
    const error = thrownBy(() =>
      graph({ name: 'outer', nodes: [inner.asNode({ name: 'show' }), show] as never }),
    );

    expect(error).toMatchObject({ code: 'GRAPH_CONFIG' });
  });

  test.each(['', 5])('is not %j', (name) => {
    expect(thrownBy(() => inner.asNode({ name: name as string }))).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('a bind of a nested graph', () => {
  const bound = inner.bind({ b: 10 });

  test('shows through', async () => {
    const outer = graph({ name: 'outer', nodes: [bound.asNode()] });

    const { outputs } = await createRunner().run(outer, { a: 0 });

    expect(outer.inputs.required).toEqual(['a']);
    expect(outputs).toEqual({ squared: 100 });
  });

  test('gives way to a bind outside', async () => {
    const outer = graph({ name: 'outer', nodes: [bound.asNode()] }).bind({ b: 2 });

    const { outputs } = await createRunner().run(outer, { a: 0 });

    expect(outputs).toEqual({ squared: 4 });
  });

  test('gives way to what a run is given', async () => {
    const outer = graph({ name: 'outer', nodes: [bound.asNode()] }).bind({ b: 2 });

    const { outputs } = await createRunner().run(outer, { a: 0, b: 3 });

    expect(outputs).toEqual({ squared: 9 });
  });

  test('gives way to a node outside that makes the name', async () => {
    const make = node({ name: 'make', inputs: {}, output: 'b', run: () => 5 });
    const outer = graph({ name: 'outer', nodes: [bound.asNode(), make] });

    const { outputs } = await createRunner().run(outer, { a: 0 });

    expect(outputs).toEqual({ squared: 25 });
  });

  test('shows through two graphs and a namespace', async () => {
    const middle = graph({ name: 'middle', nodes: [bound.asNode({ namespace: true })] });
    const outer = graph({ name: 'outer', nodes: [middle.asNode()] });

    const results = [
      await createRunner().run(outer, { 'inner.a': 0 }),
      await createRunner().run(outer.bind({ 'inner.b': 2 }), { 'inner.a': 0 }),
    ];

    expect(results.map(({ outputs }) => outputs)).toEqual([{ 'inner.squared': 100 }, { 'inner.squared': 4 }]);
  });

  test('of a required input makes it optional', () => {
    const outer = graph({ name: 'outer', nodes: [inner.bind({ a: 1 }).asNode()] });

    expect(outer.inputs.required).toEqual([]);
  });

  test('that two nested graphs do not share keeps each its own', async () => {
    const left = inner.bind({ b: 1 }).asNode({ name: 'left', namespace: true });
    const right = inner.bind({ b: 2 }).asNode({ name: 'right', namespace: true });

    const { outputs } = await createRunner().run(graph({ name: 'outer', nodes: [left, right] }), {
      'left.a': 0,
      'right.a': 0,
    });

    expect(outputs).toEqual({ 'left.squared': 1, 'right.squared': 4 });
  });
});

describe('what a graph was made into before it is nested', () => {
  test('its selection says what its outputs are', async () => {
    const outer = graph({ name: 'outer', nodes: [inner.select('sum').asNode()] });

    const { outputs } = await createRunner().run(outer, { a: 1 });

    expect(outer.outputs).toEqual(['sum']);
    expect(outputs).toEqual({ sum: 2 });
  });

  test('its start says what its inputs are', async () => {
    const outer = graph({ name: 'outer', nodes: [inner.startAt('square').asNode()] });

    const { outputs } = await createRunner().run(outer, { sum: 3 });

    expect(outer.inputs.required).toEqual(['sum']);
    expect(outputs).toEqual({ squared: 9 });
  });

  test('its new names are those of its ports', async () => {
    const renamed = inner.rename({ inputs: { a: 'x' }, outputs: { squared: 'y' } });

    const { outputs } = await createRunner().run(graph({ name: 'outer', nodes: [renamed.asNode()] }), {
      x: 1,
    });

    expect(outputs).toEqual({ y: 4 });
  });
});

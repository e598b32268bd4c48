import { createRunner, graph, input, node, type TroupeError } from 'troupe';
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

describe('a namespace', () => {
  const namespaced = inner.asNode({ namespace: true });

  test('stands before every port', async () => {
    const outer = graph({ name: 'outer', nodes: [namespaced] });

    const { outputs } = await createRunner().run(outer, { 'inner.a': 1, 'inner.b': 2 });

    expect(outer.inputs).toMatchObject({ required: ['inner.a'], optional: ['inner.b'] });
    expect(outer.outputs).toEqual(['inner.squared']);
    expect(outputs).toEqual({ 'inner.squared': 9 });
  });

  test('is the name that the node is given', () => {
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ name: 'left', namespace: true })] });

    expect(outer.inputs.required).toEqual(['left.a']);
    expect(outer.outputs).toEqual(['left.squared']);
  });

  test('keeps equal names of other nodes apart', async () => {
    const outer = graph({ name: 'outer', nodes: [namespaced, add, square] });

    const { outputs } = await createRunner().run(outer, { a: 4, 'inner.a': 1 });

    expect(outputs).toEqual({ squared: 25, 'inner.squared': 4 });
  });

  test('is read by who names the port in full', async () => {
    const reader = node({
      name: 'reader',
      inputs: { 'inner.squared': input<number>() },
      output: 'negative',
      run: ({ 'inner.squared': value }) => -value,
    });

    const { outputs } = await createRunner().run(graph({ name: 'outer', nodes: [namespaced, reader] }), {
      'inner.a': 1,
    });

    expect(outputs).toEqual({ negative: -4 });
  });

  test('lets one graph be nested twice', async () => {
    const outer = graph({
      name: 'outer',
      nodes: [
        inner.asNode({ name: 'left', namespace: true }),
        inner.asNode({ name: 'right', namespace: true }),
      ],
    });

    const { outputs } = await createRunner().run(outer, { 'left.a': 1, 'right.a': 2, 'right.b': 2 });

    expect(outputs).toEqual({ 'left.squared': 4, 'right.squared': 16 });
  });

  test('without one, one graph cannot be nested twice, as both make the same names', () => {
    const left = inner.asNode({ name: 'left' });
    const right = inner.asNode({ name: 'right' });

    const error = thrownBy(() => graph({ name: 'outer', nodes: [left, right] as never }));

    expect(error).toMatchObject({ code: 'GRAPH_CONFIG' });
    expect(String(error)).toMatch(/left.*right/s);
  });

  test('in a namespace stands behind it', async () => {
    const middle = graph({ name: 'middle', nodes: [namespaced] });
    const outer = graph({ name: 'outer', nodes: [middle.asNode({ namespace: true })] });

    const { outputs } = await createRunner().run(outer, { 'middle.inner.a': 1 });

    expect(outputs).toEqual({ 'middle.inner.squared': 4 });
  });

  test('stands before renamed ports, too', async () => {
    const renamed = inner.rename({ inputs: { a: 'x' }, outputs: { squared: 'y' } });
    const outer = graph({ name: 'outer', nodes: [renamed.asNode({ namespace: true })] });

    const { outputs } = await createRunner().run(outer, { 'inner.x': 1 });

    expect(outputs).toEqual({ 'inner.y': 4 });
  });

  test('is missed by a bare name: an UnknownInputError that says which was meant', async () => {
    const runner = createRunner();
    const outer = graph({ name: 'outer', nodes: [namespaced] });
    const given: object = { 'inner.a': 1, 'iner.b': 2 };

    const error = await rejectionOf(runner.run(outer, given as { 'inner.a': number }));

    expect(error).toMatchObject({ code: 'UNKNOWN_INPUT' });
    expect((error as TroupeError).hint).toContain('inner.b');
  });
});

describe('an exposed port', () => {
  test('has the new name, for an input and for an output', async () => {
    const exposed = inner.asNode({ expose: { a: 'left', squared: 'result' } });
    const outer = graph({ name: 'outer', nodes: [exposed] });

    const { outputs } = await createRunner().run(outer, { left: 2, b: 1 });

    expect(outer.inputs).toMatchObject({ required: ['left'], optional: ['b'] });
    expect(outputs).toEqual({ result: 9 });
  });

  test('stands outside the namespace of the others', async () => {
    const exposed = inner.asNode({ namespace: true, expose: { squared: 'squared', a: 'x' } });
    const outer = graph({ name: 'outer', nodes: [exposed, show] });

    const { outputs } = await createRunner().run(outer, { x: 2, 'inner.b': 0 });

    expect(outer.inputs).toMatchObject({ required: ['x'], optional: ['inner.b'] });
    expect(outputs).toEqual({ shown: '= 4' });
  });

  test('joins two nested graphs', async () => {
    const first = inner.asNode({ name: 'first', namespace: true, expose: { squared: 'between' } });
    const second = inner.asNode({ name: 'second', namespace: true, expose: { a: 'between' } });

    const { outputs } = await createRunner().run(graph({ name: 'outer', nodes: [second, first] }), {
      'first.a': 1,
    });

    expect(outputs).toEqual({ 'second.squared': 25 });
  });

  test('that the graph does not have is a GraphConfigError that names those it has', () => {
    const error = thrownBy(() => inner.asNode({ expose: { squarred: 'x' } as never }));

    expect(error).toMatchObject({ code: 'GRAPH_CONFIG' });
    expect((error as TroupeError).hint).toContain('squared');
  });

  test('may not have the name of another port', () => {
    const error = thrownBy(() => inner.asNode({ expose: { a: 'b' } }));

    expect(error).toMatchObject({ code: 'GRAPH_CONFIG' });
  });
});

import { createRunner, END, graph, input, interrupt, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { build, gate, refusalOf, step } from './build-parts.ts';

const search = node({
  name: 'search',
  inputs: { query: input<string>(), k: input(5) },
  output: 'hits',
  run: ({ query, k }) => `${k} of ${query}`,
});
const inner = graph({ name: 'inner', nodes: [search] });

describe('a nested graph', () => {
  test('joins the names of the outer one', async () => {
    const outer = build([step('ask', [], ['query']), inner.asNode(), step('show', ['hits'], ['page'])]);

    const { outputs } = await createRunner().run(outer, {});

    expect(outer.inputs).toEqual({ required: [], optional: ['k'], bound: {} });
    expect(outputs).toEqual({ page: 'show(5 of ask())' });
  });

  test('has the name of its graph, or the one that it is given', async () => {
    const outer = build([inner.asNode(), inner.asNode({ name: 'second', expose: { hits: 'more' } })]);

    const { nodes } = await createRunner().run(outer, { query: 'q' });

    expect(nodes).toEqual({ inner: 'completed', second: 'completed' });
  });

  test('shares one input with the other nodes that read the name', async () => {
    const outer = build([inner.asNode(), step('log', ['query'], ['line'])]);

    const { outputs } = await createRunner().run(outer, { query: 'q' });

    expect(outer.inputs.required).toEqual(['query']);
    expect(outputs).toEqual({ hits: '5 of q', line: 'log(q)' });
  });

  test('shows only its own outputs, not what it makes on the way', () => {
    const two = build([step('a', ['p'], ['x']), step('b', ['x'], ['y'])]);

    const outer = graph({ name: 'outer', nodes: [two.asNode()] });

    expect(outer.outputs).toEqual(['y']);
  });

  test('shows what was selected', async () => {
    const two = build([step('a', ['p'], ['x']), step('b', ['x'], ['y'])]).select('x');
    const outer = graph({ name: 'outer', nodes: [two.asNode()] });

    const { outputs } = await createRunner().run(outer, { p: 1 });

    expect(outputs).toEqual({ x: 'a(1)' });
  });

  test('brings the required seeds of its loops', async () => {
    const inc = node({
      name: 'inc',
      inputs: { count: input<number>() },
      output: 'count',
      run: ({ count }) => count + 1,
    });
    const again = route({
      name: 'again',
      inputs: { count: input<number>() },
      targets: ['inc', END],
      run: ({ count }) => (count < 3 ? 'inc' : END),
    });
    const counter = graph({ name: 'counter', nodes: [inc, again] });
    const outer = graph({ name: 'outer', nodes: [counter.asNode()] });

    const { outputs } = await createRunner().run(outer, { count: 0 });

    expect(outer.inputs.required).toEqual(['count']);
    expect(outer.outputs).toEqual(['count']);
    expect(outputs).toEqual({ count: 3 });
  });

  test('may be gated, and one of two exclusive producers', async () => {
    const outer = build([gate('pick', ['inner', 'other']), inner.asNode(), step('other', [], ['hits'])]);

    const { outputs } = await createRunner().run(outer, { query: 'q' });

    expect(outputs).toEqual({ hits: '5 of q' });
  });

  test('does not hide an illegal pair of producers', () => {
    const error = refusalOf(() => build([inner.asNode(), step('other', [], ['hits'])]));

    for (const name of ['inner', 'other', 'hits']) expect(error.message).toContain(`"${name}"`);
  });

  test('has its schemas checked where the values come in', async () => {
    const strict = node({ name: 'strict', inputs: { n: z.number() }, output: 'm', run: ({ n }) => n });
    const outer = build([build([strict]).asNode({ name: 'inner' })]);
    const runner = createRunner();

    const error = await runner.run(outer, { n: 'text' }).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(runner.info.runs).toEqual([]);
  });
});

describe('a bind inside', () => {
  test('shows through, and the value arrives', async () => {
    const outer = graph({ name: 'outer', nodes: [inner.bind({ k: 9 }).asNode()] });

    const { outputs } = await createRunner().run(outer, { query: 'q' });

    expect(outer.inputs).toEqual({ required: ['query'], optional: [], bound: { k: 9 } });
    expect(outputs).toEqual({ hits: '9 of q' });
  });

  test('of a required input shows through', async () => {
    const outer = graph({ name: 'outer', nodes: [inner.bind({ query: 'bound' }).asNode()] });

    const { outputs } = await createRunner().run(outer, {});

    expect(outer.inputs).toEqual({ required: [], optional: ['k'], bound: { query: 'bound' } });
    expect(outputs).toEqual({ hits: '5 of bound' });
  });

  test('shows through two graphs', async () => {
    const middle = graph({ name: 'middle', nodes: [inner.bind({ k: 9 }).asNode()] });
    const outer = graph({ name: 'outer', nodes: [middle.asNode()] });

    const { outputs } = await createRunner().run(outer, { query: 'q' });

    expect(outer.inputs.bound).toEqual({ k: 9 });
    expect(outputs).toEqual({ hits: '9 of q' });
  });

  test('loses against a bind outside', async () => {
    const outer = graph({ name: 'outer', nodes: [inner.bind({ k: 9 }).asNode()] }).bind({ k: 2 });

    const { outputs } = await createRunner().run(outer, { query: 'q' });

    expect(outer.inputs.bound).toEqual({ k: 2 });
    expect(outputs).toEqual({ hits: '2 of q' });
  });

  test('loses against a run input', async () => {
    const outer = graph({ name: 'outer', nodes: [inner.bind({ k: 9 }).asNode()] }).bind({ k: 2 });

    const { outputs } = await createRunner().run(outer, { query: 'q', k: 1 });

    expect(outputs).toEqual({ hits: '1 of q' });
  });

  test('loses against a node outside that makes the name', async () => {
    const make = node({ name: 'make', output: 'k', run: () => 3 });
    const outer = graph({ name: 'outer', nodes: [make, inner.bind({ k: 9 }).asNode()] });

    const { outputs } = await createRunner().run(outer, { query: 'q' });

    expect(outer.inputs.bound).toEqual({});
    expect(outputs).toEqual({ hits: '3 of q' });
  });

  test('stays where the node outside that makes the name is skipped', async () => {
    const never = route({ name: 'never', targets: ['make', END], run: () => END });
    const make = node({ name: 'make', output: 'k', run: () => 3 });
    const outer = build([never, make, inner.bind({ k: 9 }).asNode()]);

    const { outputs } = await createRunner().run(outer, { query: 'q' });

    expect(outputs).toEqual({ hits: '9 of q' });
  });

  test('comes back when the bind outside is taken off', () => {
    const outer = graph({ name: 'outer', nodes: [inner.bind({ k: 9 }).asNode()] });

    const again = outer.bind({ k: 2 }).unbind('k');

    expect(again.inputs.bound).toEqual({ k: 9 });
  });

  test('has its namespace', async () => {
    const outer = graph({ name: 'outer', nodes: [inner.bind({ k: 9 }).asNode({ namespace: true })] });

    const { outputs } = await createRunner().run(outer, { 'inner.query': 'q' });

    expect(outer.inputs).toEqual({ required: ['inner.query'], optional: [], bound: { 'inner.k': 9 } });
    expect(outputs).toEqual({ 'inner.hits': '9 of q' });
  });

  test('reaches no other node that reads the name', async () => {
    const other = node({ name: 'other', inputs: { k: input<number>() }, output: 'seen', run: ({ k }) => k });
    const outer = graph({ name: 'outer', nodes: [inner.bind({ k: 9 }).asNode(), other] });

    const { outputs } = await createRunner().run(outer, { query: 'q', k: 1 });

    expect(outer.inputs.required.toSorted()).toEqual(['k', 'query']);
    expect(outputs).toEqual({ hits: '1 of q', seen: 1 });
  });

  test('to another value than that of another graph is refused, as only one can show through', () => {
    const one = inner.bind({ k: 1 }).asNode({ name: 'one', expose: { hits: 'ones' } });
    const two = inner.bind({ k: 2 }).asNode({ name: 'two', expose: { hits: 'twos' } });

    const error = refusalOf(() => build([one, two]));

    for (const name of ['k', 'one', 'two']) expect(error.message).toContain(`"${name}"`);
  });

  test('to another value than the default of a node beside it is refused', () => {
    const other = node({ name: 'other', inputs: { k: input(7) }, output: 'seen', run: ({ k }) => k });

    const error = refusalOf(() => build([inner.bind({ k: 9 }).asNode(), other]));

    for (const name of ['k', 'inner', 'other']) expect(error.message).toContain(`"${name}"`);
  });

  test('to the value that another graph bound shows once', async () => {
    const one = inner.bind({ k: 2 }).asNode({ name: 'one', expose: { hits: 'ones' } });
    const two = inner.bind({ k: 2 }).asNode({ name: 'two', expose: { hits: 'twos' } });
    const outer = graph({ name: 'outer', nodes: [one, two] });

    const { outputs } = await createRunner().run(outer, { query: 'q' });

    expect(outer.inputs.bound).toEqual({ k: 2 });
    expect(outputs).toEqual({ ones: '2 of q', twos: '2 of q' });
  });
});

describe('a namespace', () => {
  test('stands before every input and output', async () => {
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ namespace: true })] });

    const { outputs } = await createRunner().run(outer, { 'inner.query': 'q', 'inner.k': 1 });

    expect(outer.inputs).toEqual({ required: ['inner.query'], optional: ['inner.k'], bound: {} });
    expect(outer.outputs).toEqual(['inner.hits']);
    expect(outputs).toEqual({ 'inner.hits': '1 of q' });
  });

  test('is the name that the node is given', () => {
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ name: 'web', namespace: true })] });

    expect(outer.inputs.required).toEqual(['web.query']);
  });

  test('lets one graph be used twice', async () => {
    const nodes = [
      inner.asNode({ name: 'web', namespace: true }),
      inner.asNode({ name: 'local', namespace: true }),
    ] as const;

    const { outputs } = await createRunner().run(graph({ name: 'outer', nodes }), {
      'web.query': 'a',
      'local.query': 'b',
    });

    expect(outputs).toEqual({ 'web.hits': '5 of a', 'local.hits': '5 of b' });
  });

  test('grows with each graph around it', () => {
    const middle = graph({ name: 'middle', nodes: [inner.asNode({ namespace: true })] });
    const outer = graph({ name: 'outer', nodes: [middle.asNode({ namespace: true })] });

    expect(outer.inputs.required).toEqual(['middle.inner.query']);
    expect(outer.outputs).toEqual(['middle.inner.hits']);
  });

  test('may be bound under its full names', async () => {
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ namespace: true })] }).bind({ 'inner.k': 4 });

    const { outputs } = await createRunner().run(outer, { 'inner.query': 'q' });

    expect(outputs).toEqual({ 'inner.hits': '4 of q' });
  });

  test('is not before a name that is exposed', async () => {
    const exposed = inner.asNode({ namespace: true, expose: { query: 'question', hits: 'found' } });
    const outer = graph({ name: 'outer', nodes: [exposed] });

    const { outputs } = await createRunner().run(outer, { question: 'q' });

    expect(outer.inputs).toEqual({ required: ['question'], optional: ['inner.k'], bound: {} });
    expect(outputs).toEqual({ found: '5 of q' });
  });
});

describe('an exposed name', () => {
  test('joins the names outside', async () => {
    const nodes = [
      step('ask', [], ['question']),
      inner.asNode({ expose: { query: 'question', hits: 'found' } }),
      step('show', ['found'], ['page']),
    ];

    const { outputs } = await createRunner().run(build(nodes), {});

    expect(outputs).toEqual({ page: 'show(5 of ask())' });
  });

  test('of an input and an output alike is that of both', () => {
    const loop = build([step('inc', ['n'], ['n']), gate('again', ['inc', END], ['n'])]);

    const outer = build([loop.asNode({ name: 'loop', expose: { n: 'count' } })]);

    expect(outer.inputs.required).toEqual(['count']);
    expect(outer.outputs).toEqual(['count']);
  });

  test('may be the renamed one', async () => {
    const renamed = inner.rename({ inputs: { query: 'question' } });

    const { outputs } = await createRunner().run(build([renamed.asNode({ expose: { question: 'q' } })]), {
      q: 'text',
    });

    expect(outputs).toEqual({ hits: '5 of text' });
  });

  test('may be that of an answer', () => {
    const ask = interrupt({ name: 'ask', response: 'decision', run: () => '?' });
    const outer = build([build([ask]).asNode({ name: 'inner', expose: { decision: 'verdict' } })]);

    expect(outer.outputs).toEqual(['verdict']);
  });
});

describe('a mapped graph', () => {
  test('takes lists under the same names, and its outputs are lists', async () => {
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ mapOver: 'query' })] });

    const { outputs } = await createRunner().run(outer, { query: ['a', 'b'] });

    expect(outer.inputs).toEqual({ required: ['query'], optional: ['k'], bound: {} });
    expect(outputs).toEqual({ hits: ['5 of a', '5 of b'] });
  });

  test('takes a required list for an input that has a default', () => {
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ mapOver: 'k' })] });

    expect(outer.inputs).toEqual({ required: ['query', 'k'], optional: [], bound: {} });
  });

  test('takes a required list for an input that is bound inside', async () => {
    const outer = graph({ name: 'outer', nodes: [inner.bind({ k: 9 }).asNode({ mapOver: 'k' })] });

    const { outputs } = await createRunner().run(outer, { query: 'q', k: [1, 2] });

    expect(outer.inputs).toEqual({ required: ['query', 'k'], optional: [], bound: {} });
    expect(outputs).toEqual({ hits: ['1 of q', '2 of q'] });
  });

  test('has each item checked by the schema where the list comes in', async () => {
    const strict = node({ name: 'strict', inputs: { n: z.number() }, output: 'm', run: ({ n }) => n });
    const outer = build([build([strict]).asNode({ name: 'inner', mapOver: 'n' })]);
    const runner = createRunner();

    const error = await runner.run(outer, { n: [1, 'text'] }).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(runner.info.runs).toEqual([]);
  });

  test('has every other input that is bound inside bound', async () => {
    const outer = graph({ name: 'outer', nodes: [inner.bind({ k: 9 }).asNode({ mapOver: 'query' })] });

    const { outputs } = await createRunner().run(outer, { query: ['a', 'b'] });

    expect(outer.inputs).toEqual({ required: ['query'], optional: [], bound: { k: 9 } });
    expect(outputs).toEqual({ hits: ['9 of a', '9 of b'] });
  });

  test('may not ask a question, unless that is cut away', () => {
    const ask = interrupt({ name: 'ask', response: 'decision', run: () => '?' });
    const g = build([step('a', ['p'], ['x']), ask]);

    const mapped = g.select('x').asNode({ mapOver: 'p' });

    expect(refusalOf(() => g.asNode({ mapOver: 'p' })).hint).toContain('runner.map');
    expect(mapped.outputs).toEqual(['x']);
  });
});

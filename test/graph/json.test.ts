import { createRunner, END, graph, input, interrupt, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { build, gate, step } from './build-parts.ts';

const embed = node({
  name: 'embed',
  inputs: { text: input<string>(), size: input(5) },
  output: 'embedding',
  run: ({ text }) => [text.length],
});
const search = node({
  name: 'search',
  inputs: { embedding: input<number[]>() },
  outputs: ['hits', 'cost'],
  run: () => ({ hits: ['a'], cost: 1 }),
});
const rag = graph({ name: 'rag', nodes: [embed, search] });

/** The description as it arrives elsewhere. */
function sent<Described>(described: { toJSON(): Described }): Described {
  return JSON.parse(JSON.stringify(described)) as Described;
}

class Client {
  readonly send = (): string => 'sent';
}

describe('a graph as JSON', () => {
  test('has a version, its name, nodes, edges, inputs and outputs', () => {
    expect(rag.toJSON()).toEqual({
      version: 1,
      name: 'rag',
      nodes: [
        {
          name: 'embed',
          kind: 'node',
          inputs: [
            { name: 'text', required: true, from: [], input: 'text' },
            { name: 'size', required: false, default: 5, from: [], input: 'size' },
          ],
          outputs: ['embedding'],
          policies: {},
        },
        {
          name: 'search',
          kind: 'node',
          inputs: [{ name: 'embedding', required: true, from: ['embed'] }],
          outputs: ['hits', 'cost'],
          policies: {},
        },
      ],
      edges: [{ from: 'embed', to: 'search', kind: 'data', name: 'embedding' }],
      inputs: { required: ['text'], optional: ['size'], bound: {} },
      outputs: ['hits', 'cost'],
      questions: [],
      shared: [],
      loops: [],
      entries: [],
      leftOut: {},
      renamed: { inputs: {}, outputs: {} },
    });
  });

  test('has the inputs and outputs of the graph', () => {
    const bound = rag.bind({ size: 7 });

    const { inputs, outputs } = bound.toJSON();

    expect(inputs).toEqual(bound.inputs);
    expect(outputs).toEqual(bound.outputs);
  });

  test('is what `JSON.stringify` makes of the graph', () => {
    expect(sent(rag)).toEqual(rag.toJSON());
  });

  test('has the targets of a gate, and an edge for each, END included', () => {
    const pick = route({
      name: 'pick',
      targets: ['a', 'b', END],
      multi: true,
      fallback: 'a',
      defaultOpen: false,
      run: () => null,
    });

    const { nodes, edges } = build([pick, step('a'), step('b')]).toJSON();

    expect(nodes[0]).toEqual({
      name: 'pick',
      kind: 'gate',
      inputs: [],
      outputs: [],
      policies: {},
      targets: ['a', 'b', 'END'],
      multi: true,
      fallback: 'a',
      defaultOpen: false,
    });
    expect(edges).toEqual([
      { from: 'pick', to: 'a', kind: 'gate' },
      { from: 'pick', to: 'b', kind: 'gate' },
      { from: 'pick', to: 'END', kind: 'gate' },
    ]);
  });

  test('has the response of an interrupt, and the question', () => {
    const ask = interrupt({ name: 'ask', response: 'decision', run: () => 'Well?' });

    const { nodes, questions } = build([ask]).toJSON();

    expect(nodes[0]).toMatchObject({ kind: 'interrupt', outputs: ['decision'], response: 'decision' });
    expect(questions).toEqual(['decision']);
  });

  test('has the edges that only order, with the announcement where there is one', () => {
    const nodes = [
      step('load', [], [], { emits: ['loaded'] }),
      step('use', [], [], { waitFor: ['loaded'] }),
      step('last'),
    ];

    const { edges } = build(nodes, { edges: [['use', 'last']] }).toJSON();

    expect(edges).toEqual([
      { from: 'load', to: 'use', kind: 'order', name: 'loaded' },
      { from: 'use', to: 'last', kind: 'order' },
    ]);
  });

  test('has the loops, and which input seeds them', () => {
    const inc = step('inc', ['count'], ['count']);

    const { loops, nodes, edges } = build([inc, gate('again', ['inc', END], ['count'])]).toJSON();

    expect(loops).toEqual([['inc', 'again']]);
    expect(nodes[0]?.inputs).toEqual([{ name: 'count', required: true, from: ['inc'], input: 'count' }]);
    expect(edges).toContainEqual({ from: 'inc', to: 'inc', kind: 'data', name: 'count' });
  });

  test('has the shared names, which are no data edges', () => {
    const nodes = [step('a', [], ['x', 'log']), step('b', ['x', 'log'])];

    const { shared, edges } = build(nodes, { shared: ['log'] }).toJSON();

    expect(shared).toEqual(['log']);
    expect(edges).toEqual([
      { from: 'a', to: 'b', kind: 'data', name: 'x' },
      { from: 'a', to: 'b', kind: 'shared', name: 'log' },
    ]);
  });

  test('has the settings of the graph', () => {
    const nodes = [step('a', ['x'], ['x'])];

    const json = build(nodes, { convergence: 'fixpoint', maxIterations: 4 }).toJSON();

    expect(json).toMatchObject({ convergence: 'fixpoint', maxIterations: 4 });
  });

  test('has the new names of inputs and outputs', () => {
    const renamed = rag.rename({ inputs: { text: 'question' }, outputs: { hits: 'found' } });

    const { inputs, outputs, renamed: names, nodes } = renamed.toJSON();

    expect(inputs.required).toEqual(['question']);
    expect(outputs).toEqual(['found', 'cost']);
    expect(names).toEqual({ inputs: { question: 'text' }, outputs: { found: 'hits' } });
    expect(nodes[0]?.inputs[0]).toEqual({ name: 'text', required: true, from: [], input: 'question' });
  });

  test('says where the graph starts, and what is left out and why', () => {
    const started = build([step('a', [], ['x']), step('b', ['x'], ['y']), step('c', ['y'])]).startAt('b');

    const { nodes, entries, leftOut, inputs } = started.toJSON();

    expect(nodes.map(({ name }) => name)).toEqual(['b', 'c']);
    expect(entries).toEqual(['b']);
    expect(Object.keys(leftOut)).toEqual(['a']);
    expect(leftOut['a']).toContain('"b"');
    expect(inputs.required).toEqual(['x']);
  });
});

describe('a nested graph as JSON', () => {
  const inner = graph({ name: 'inner', nodes: [rag.asNode()] });

  test('is in the node, at any depth', () => {
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ name: 'node' })] });

    const [nested] = outer.toJSON().nodes;

    expect(nested).toMatchObject({ name: 'node', kind: 'graph', outputs: ['hits', 'cost'] });
    expect(nested?.graph).toEqual(inner.toJSON());
    expect(nested?.graph?.nodes[0]?.graph).toEqual(rag.toJSON());
  });

  test('has the names that its node shows', () => {
    const exposed = rag.asNode({ namespace: true, expose: { text: 'question' } });

    const [nested] = build([exposed]).toJSON().nodes;

    expect(nested?.inputs.map(({ name }) => name)).toEqual(['question', 'rag.size']);
    expect(nested?.graph?.inputs).toEqual({ required: ['question'], optional: ['rag.size'], bound: {} });
    expect(nested?.graph?.renamed).toEqual({
      inputs: { question: 'text', 'rag.size': 'size' },
      outputs: { 'rag.hits': 'hits', 'rag.cost': 'cost' },
    });
  });

  test('has what it maps over, and its limit', () => {
    const mapped = rag.asNode({
      mapOver: ['text', 'size'],
      mapMode: 'product',
      onError: 'continue',
      maxIterations: 9,
    });

    const [nested] = build([mapped]).toJSON().nodes;

    expect(nested).toMatchObject({
      map: { over: ['text', 'size'], mode: 'product', onError: 'continue' },
      maxIterations: 9,
    });
  });

  test('says that a runner of its own runs it', async () => {
    await using runner = createRunner();

    const [nested] = build([rag.asNode({ runner })]).toJSON().nodes;

    expect(nested?.ownRunner).toBe(true);
  });

  test('has no question among its inputs', () => {
    const asking = build([interrupt({ name: 'ask', response: 'decision', run: () => '?' })]);

    const { nodes, questions } = graph({
      name: 'outer',
      nodes: [asking.asNode({ name: 'inner', namespace: true })],
    }).toJSON();

    expect(nodes[0]?.inputs).toEqual([]);
    expect(nodes[0]?.graph?.questions).toEqual(['inner.decision']);
    expect(questions).toEqual(['inner.decision']);
  });
});

describe('what is no JSON', () => {
  test('is a text, of a policy', () => {
    const fetchPage = node({
      name: 'fetchPage',
      output: 'page',
      retry: { maxAttempts: 2, on: (error) => error instanceof TypeError },
      timeout: null,
      cache: { version: '1', key: () => 'k' },
      fallback: () => '',
      run: () => 'page',
    });

    const [{ policies } = { policies: {} }] = build([fetchPage]).toJSON().nodes;

    expect(policies).toEqual({
      retry: { maxAttempts: 2, on: '[Function: on]' },
      timeout: null,
      cache: { version: '1', key: '[Function: key]' },
      fallback: '[Function: fallback]',
    });
  });

  test.each([
    ['a function', () => 1, '[Function: anonymous]'],
    ['a symbol', Symbol('s'), '[Symbol: s]'],
    ['an object with a function', { send: Math.max }, { send: '[Function: max]' }],
    ['undefined', undefined, '[undefined]'],
    ['a part that is undefined', { a: undefined, b: 1 }, { b: 1 }],
    ['not a number', Number.NaN, '[NaN]'],
    ['a big integer', 10n, '[BigInt: 10]'],
    ['minus zero', -0, 0],
    ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['an unpaired surrogate', '\uD800', '\uD800'],
  ])('is a text, or what JSON makes of it, of a default that is %s', (_, value, expected) => {
    const use = node({ name: 'use', inputs: { x: input({ default: value as unknown }) }, run: () => 1 });

    const described = build([use]);

    expect(described.toJSON().nodes[0]?.inputs[0]?.default).toEqual(expected);
    expect(sent(described)).toEqual(described.toJSON());
  });

  test('is a text where it is bound', () => {
    const use = node({ name: 'use', inputs: { client: input<Client | object>() }, run: () => 1 });
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;

    const bound = [new Client(), cyclic].map((client) => graph({ name: 'g', nodes: [use] }).bind({ client }));

    expect(bound.map(sent).map(({ inputs }) => inputs.bound['client'])).toEqual([
      '[Client]',
      { self: '[Circular]' },
    ]);
  });

  test('is a text where it cannot be read', () => {
    const broken = {
      get value(): number {
        throw new Error('not now');
      },
    };
    const use = node({ name: 'use', inputs: { x: input({ default: broken }) }, run: () => 1 });

    expect(build([use]).toJSON().nodes[0]?.inputs[0]?.default).toContain('not now');
  });
});

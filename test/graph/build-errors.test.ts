import { END, graph, ifElse, interrupt, route, type AnyNode } from 'troupe';
import { describe, expect, test } from 'vitest';
import { thrownBy } from '../support/deferred.ts';
import { build, gate, refusalOf, step } from './build-parts.ts';

const a = step('a', ['p'], ['x']);
const b = step('b', ['x'], ['y']);
const chain = build([a, b]);
const asks = build([
  step('a', ['p'], ['x']),
  interrupt({ name: 'ask', response: 'decision', run: () => '?' }),
]);

interface Mistake {
  readonly what: string;
  readonly act: () => unknown;
  /** What the message names besides the graph. */
  readonly names: readonly string[];
}

// Each has a name that is close to a known one, which the hint is to name.
const MISSPELT: readonly (Mistake & { readonly meant: string })[] = [
  {
    what: 'a target of a route',
    act: () => build([gate('pick', ['retreive', END]), step('retrieve')]),
    names: ['pick', 'retreive'],
    meant: 'retrieve',
  },
  {
    what: 'a target of an ifElse',
    act: () =>
      build([
        ifElse({ name: 'check', then: 'fast', else: 'sloww', run: () => true }),
        step('fast'),
        step('slow'),
      ]),
    names: ['check', 'sloww'],
    meant: 'slow',
  },
  {
    what: 'a target in another case',
    act: () => build([gate('pick', ['Retrieve', END]), step('retrieve')]),
    names: ['pick', 'Retrieve'],
    meant: 'retrieve',
  },
  {
    what: 'a target of a multi gate',
    act: () =>
      build([
        route({ name: 'many', targets: ['one', 'twoo'], multi: true, run: () => ['one'] }),
        step('one'),
        step('two'),
      ]),
    names: ['many', 'twoo'],
    meant: 'two',
  },
  {
    what: 'what a node waits for',
    act: () =>
      build([step('first', [], [], { emits: ['loaded'] }), step('second', [], [], { waitFor: ['laoded'] })]),
    names: ['second', 'laoded'],
    meant: 'loaded',
  },
  {
    what: 'what a gate waits for',
    act: () =>
      build([
        step('first', [], [], { emits: ['loaded'] }),
        route({ name: 'pick', targets: ['first', END], waitFor: ['laoded'], run: () => 'first' }),
      ]),
    names: ['pick', 'laoded'],
    meant: 'loaded',
  },
  {
    what: 'the start of an edge',
    act: () => build([step('first'), step('second')], { edges: [['frist', 'second']] }),
    names: ['frist', 'second'],
    meant: 'first',
  },
  {
    what: 'the end of an edge',
    act: () => build([step('first'), step('second')], { edges: [['first', 'secnod']] }),
    names: ['first', 'secnod'],
    meant: 'second',
  },
  {
    what: 'the name that an edge carries',
    act: () =>
      build([step('first', [], ['value']), step('second', ['value'])], {
        edges: [['first', 'second', 'valeu']],
      }),
    names: ['first', 'second', 'valeu'],
    meant: 'value',
  },
  {
    what: 'a shared name',
    act: () => build([step('first', ['state'], ['state'])], { shared: ['stat'] }),
    names: ['stat'],
    meant: 'state',
  },
  {
    what: 'a selected output',
    act: () => build([step('first', [], ['answer'])]).select('anwser'),
    names: ['anwser'],
    meant: 'answer',
  },
  {
    what: 'the node to start at',
    act: () => build([step('first', [], ['answer']), step('second', ['answer'])]).startAt('secodn'),
    names: ['secodn'],
    meant: 'second',
  },
  {
    what: 'an input to bind',
    act: () => build([step('first', ['query'], ['answer'])]).bind({ qurey: 1 }),
    names: ['qurey'],
    meant: 'query',
  },
  {
    what: 'an input to unbind',
    act: () =>
      build([step('first', ['query'])])
        .bind({ query: 1 })
        .unbind('qurey'),
    names: ['qurey'],
    meant: 'query',
  },
  {
    what: 'an input to rename',
    act: () => build([step('first', ['query'])]).rename({ inputs: { qurey: 'question' } }),
    names: ['qurey'],
    meant: 'query',
  },
  {
    what: 'an output to rename',
    act: () => build([step('first', [], ['answer'])]).rename({ outputs: { anwser: 'reply' } }),
    names: ['anwser'],
    meant: 'answer',
  },
  {
    what: 'an input to expose',
    act: () => build([step('first', ['query'])]).asNode({ expose: { qurey: 'question' } }),
    names: ['qurey'],
    meant: 'query',
  },
  {
    what: 'an output to expose',
    act: () => build([step('first', [], ['answer'])]).asNode({ expose: { anwser: 'reply' } }),
    names: ['anwser'],
    meant: 'answer',
  },
  {
    what: 'an input to map over',
    act: () => build([step('first', ['query'])]).asNode({ mapOver: 'qurey' }),
    names: ['qurey'],
    meant: 'query',
  },
  {
    what: 'one of several inputs to map over',
    act: () => build([step('first', ['query', 'limit'])]).asNode({ mapOver: ['query', 'limt'] }),
    names: ['limt'],
    meant: 'limit',
  },
];

const OTHERS: readonly Mistake[] = [
  { what: 'no nodes', act: () => build([]), names: [] },
  { what: 'two nodes of one name', act: () => build([a, step('a', [], ['z'])]), names: ['a'] },
  { what: 'the same node twice', act: () => build([a, a]), names: ['a'] },
  {
    what: 'a gate and a node of one name',
    act: () => build([gate('a', ['b', END]), b, step('a')]),
    names: ['a'],
  },
  {
    what: 'a graph under the name of a node',
    act: () => build([a, build([step('inner', [], ['z'])]).asNode({ name: 'a' })]),
    names: ['a'],
  },
  { what: 'a node that is called END', act: () => build([step(END)]), names: [END] },
  {
    what: 'a gate that targets itself',
    act: () => build([gate('pick', ['pick', END])]),
    names: ['pick'],
  },
  {
    what: 'an ifElse that targets itself',
    act: () => build([ifElse({ name: 'check', then: 'a', else: 'check', run: () => true }), a]),
    names: ['check'],
  },
  {
    what: 'a node that waits for what it announces itself',
    act: () => build([step('only', [], [], { emits: ['done'], waitFor: ['done'] })]),
    names: ['only', 'done'],
  },
  {
    what: 'an edge that carries what its start does not output',
    act: () => build([a, b, step('c', [], ['z'])], { edges: [['c', 'b', 'x']] }),
    names: ['c', 'b', 'x'],
  },
  {
    what: 'an edge that carries what its end does not take',
    act: () => build([a, step('c', ['y'])], { edges: [['a', 'c', 'x']] }),
    names: ['a', 'c', 'x'],
  },
  {
    what: 'a start at a gate',
    act: () => build([gate('pick', ['b', END], ['x']), b]).startAt('pick'),
    names: ['pick'],
  },
  {
    what: 'nodes that only a shared name connects',
    act: () => build([step('w', [], ['s']), step('r', ['s'], ['z'])], { shared: ['s'] }),
    names: ['w', 'r'],
  },
  { what: 'a bind of an output', act: () => chain.bind({ y: 1 }), names: ['y', 'b'] },
  { what: 'a bind of a wired name', act: () => chain.bind({ x: 1 }), names: ['x', 'a'] },
  { what: 'a bind of an answer', act: () => asks.bind({ decision: 'yes' }), names: ['decision', 'ask'] },
  { what: 'an unbind of what is not bound', act: () => chain.unbind('p'), names: ['p'] },
  { what: 'a bind of something far from any name', act: () => chain.bind({ qqqqqq: 1 }), names: ['qqqqqq'] },
  { what: 'a selected input', act: () => chain.select('p'), names: ['p'] },
  {
    what: 'two inputs renamed to one',
    act: () => build([step('c', ['p', 'q'])]).rename({ inputs: { p: 'q' } }),
    names: ['q'],
  },
  {
    what: 'two outputs renamed to one',
    act: () => build([step('c', [], ['p', 'q'])]).rename({ outputs: { p: 'z', q: 'z' } }),
    names: ['z'],
  },
  {
    what: 'two inputs exposed as one',
    act: () => build([step('c', ['p', 'q'])]).asNode({ name: 'inner', expose: { p: 'q' } }),
    names: ['inner'],
  },
  {
    what: 'two outputs exposed as one',
    act: () => build([step('c', [], ['p', 'q'])]).asNode({ name: 'inner', expose: { p: 'q' } }),
    names: ['inner'],
  },
  {
    what: 'an interrupt that is mapped over',
    act: () => asks.asNode({ mapOver: 'p' }),
    names: ['decision'],
  },
  {
    what: 'an interrupt two graphs deep that is mapped over',
    act: () =>
      build([build([asks.asNode({ name: 'middle' })]).asNode({ name: 'outer' })]).asNode({ mapOver: 'p' }),
    names: ['decision'],
  },
  {
    what: 'an added node of a name that is taken',
    act: () => chain.add(step('b', [], ['z'])),
    names: ['b'],
  },
  {
    what: 'an added node that outputs what another one outputs',
    act: () => build([step('c', [], ['z'])]).add(step('d', [], ['z'])),
    names: ['c', 'd', 'z'],
  },
  {
    what: 'an added node that outputs what is bound',
    act: () =>
      build([a])
        .bind({ p: 1 })
        .add(step('c', [], ['p'])),
    names: ['p', 'c'],
  },
];

describe.each(MISSPELT)('$what that is misspelt', ({ act, names, meant }) => {
  test('is refused, naming the graph and what is wrong', () => {
    const { message } = refusalOf(act);

    for (const name of ['g', ...names]) expect(message).toContain(`"${name}"`);
  });

  test('brings a hint with what was meant', () => {
    const { hint } = refusalOf(act);

    expect(hint).toContain(`"${meant}"`);
    expect(hint).toContain('Did you mean');
  });
});

describe.each(OTHERS)('$what', ({ act, names }) => {
  test('is refused, naming the graph and what is wrong', () => {
    const { message } = refusalOf(act);

    for (const name of ['g', ...names]) expect(message).toContain(`"${name}"`);
  });

  test('brings a hint', () => {
    const { hint } = refusalOf(act);

    expect(hint).toMatch(/^\S.*\.$/);
  });
});

test('a hint for a name that resembles none lists what there is', () => {
  const { hint } = refusalOf(() => chain.bind({ qqqqqq: 1 }));

  expect(hint).toContain('"p"');
});

describe('a refusal', () => {
  test('comes from graph() itself, before any run', () => {
    const error = refusalOf(() => graph({ name: 'early', nodes: [gate('pick', ['nowhere', END])] }));

    expect(error.code).toBe('GRAPH_CONFIG');
    expect(error.message).toContain('"early"');
  });

  test('for a graph in place of a node says how to nest it', () => {
    const nodes: unknown[] = [a, chain];

    const error = refusalOf(() => build(nodes as AnyNode[]));

    expect(error.hint).toContain('asNode');
  });

  test('for something else in place of a node says how to define one', () => {
    const nodes: unknown[] = [a, { name: 'fake', run: () => 1 }];

    const error = refusalOf(() => build(nodes as AnyNode[]));

    expect(error.hint).toContain('node(');
  });

  test.each(['frist', 'x'])('of one modifier leaves the graph as it was (%s)', (name) => {
    const before = structuredClone({ inputs: chain.inputs, outputs: chain.outputs });

    const error = thrownBy(() => chain.bind({ [name]: 1 }));

    expect(error).toMatchObject({ code: 'GRAPH_CONFIG' });
    expect({ inputs: chain.inputs, outputs: chain.outputs }).toEqual(before);
  });

  test.each([
    { what: 'no name', given: { nodes: [a] } },
    { what: 'an empty name', given: { name: '', nodes: [a] } },
    { what: 'no nodes', given: { name: 'g' } },
    { what: 'an unknown option', given: { name: 'g', nodes: [a], node: [a] } },
    { what: 'an unknown convergence', given: { name: 'g', nodes: [a], convergence: 'fixpont' } },
    { what: 'edges of another form', given: { name: 'g', nodes: [a], edges: ['a'] } },
    { what: 'a limit below one', given: { name: 'g', nodes: [a], maxIterations: 0 } },
    { what: 'a text as shared', given: { name: 'g', nodes: [a], shared: 'x' } },
  ])('of a definition with $what is an InvalidInputError with a hint', ({ given }) => {
    const definition: object = given;

    const error = thrownBy(() =>
      graph(definition as Parameters<typeof build>[1] & { name: string; nodes: AnyNode[] }),
    );

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(error).toHaveProperty('hint', expect.stringMatching(/\S/));
  });
});

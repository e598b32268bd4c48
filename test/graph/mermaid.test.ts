import { createRunner, END, graph, ifElse, input, interrupt, InvalidInputError, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { thrownBy } from '../support/deferred.ts';
import { build, gate, step } from './build-parts.ts';
import { readFlowchart, waysOf, type Flowchart } from './mermaid-lines.ts';

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

function draw(drawn: { toMermaid(): string }): Flowchart {
  return readFlowchart(drawn.toMermaid());
}

function shapeOf(chart: Flowchart, label: string): string | undefined {
  return chart.shapes.find((shape) => shape.label === label)?.open;
}

/** The classes by the labels of what has them. */
function classesOf(text: string): (readonly [string | undefined, string])[] {
  const { shapes, classes } = readFlowchart(text);
  return Array.from(classes, ([id, name]) => [shapes.find((shape) => shape.id === id)?.label, name]);
}

describe('a graph as a Mermaid flowchart', () => {
  test('shows inputs, nodes, data by its name and outputs', () => {
    const embed = node({
      name: 'embed',
      inputs: { text: input<string>() },
      output: 'embedding',
      run: ({ text }) => [text.length],
    });
    const search = node({
      name: 'search',
      inputs: { embedding: input<number[]>(), limit: input(3) },
      output: 'hits',
      run: ({ embedding, limit }) => embedding.slice(0, limit),
    });

    const text = graph({ name: 'rag', nodes: [embed, search] }).toMermaid();

    expect(text).toMatchInlineSnapshot(`
      "flowchart TD
        n0[/"text"/]
        n1[/"limit"/]
        style n1 stroke-dasharray:4
        n2["embed"]
        n3["search"]
        n4[/"hits"/]
        n0 --> n2
        n1 --> n3
        n2 -->|"embedding"| n3
        n3 --> n4"
    `);
  });

  test('shows a gate as a diamond, with a dotted arrow for each target', () => {
    const chart = draw(counter);

    expect(shapeOf(chart, 'again')).toBe('{');
    expect(waysOf(chart)).toContain('again -.->|inc| inc');
  });

  test('shows END as a terminal of its own', () => {
    const chart = draw(counter);

    expect(shapeOf(chart, 'END')).toBe('(((');
    expect(waysOf(chart)).toContain('again -.->|END| END');
  });

  test('shows no END where no gate chooses it', () => {
    const check = ifElse({ name: 'check', then: 'a', else: 'b', run: () => true });

    const chart = draw(build([check, step('a'), step('b')]));

    expect(shapeOf(chart, 'END')).toBeUndefined();
    expect(waysOf(chart)).toEqual(['check -.->|a| a', 'check -.->|b| b']);
  });

  test('shows an interrupt as a hexagon', () => {
    const ask = interrupt({ name: 'ask', response: 'decision', run: () => 'Well?' });

    const chart = draw(build([ask, step('act', ['decision'])]));

    expect(shapeOf(chart, 'ask')).toBe('{{');
    expect(waysOf(chart)).toContain('ask -->|decision| act');
  });

  test('shows a node that reads what it writes', () => {
    const chart = draw(counter);

    expect(waysOf(chart)).toContain('inc -->|count| inc');
  });

  test('shows a seed going into the loop, not to who reads the result', () => {
    const chart = draw(build([inc, again, step('show', ['count'])]));

    expect(waysOf(chart).filter((way) => way.includes(' --> '))).toEqual([
      'count --> inc',
      'count --> again',
    ]);
  });

  test('shows an announcement as a thick arrow with its name', () => {
    const nodes = [step('load', [], [], { emits: ['loaded'] }), step('use', [], [], { waitFor: ['loaded'] })];

    const chart = draw(build(nodes));

    expect(waysOf(chart)).toEqual(['load ==>|loaded| use']);
  });

  test('shows an edge that only orders as a thick arrow', () => {
    const chart = draw(build([step('first'), step('second')], { edges: [['first', 'second']] }));

    expect(waysOf(chart)).toEqual(['first ==> second']);
  });

  test('shows only the wires that explicit edges make', () => {
    const nodes = [step('a', [], ['x']), step('b', ['x']), step('c', ['x'])];

    const chart = draw(build(nodes, { edges: [['a', 'b']] }));

    expect(waysOf(chart)).toEqual(['x --> c', 'a -->|x| b']);
  });

  test('shows a shared name as a store that nodes write and read', () => {
    const nodes = [step('a', [], ['x', 'log']), step('b', ['x', 'log'], ['log'])];

    const chart = draw(build(nodes, { shared: ['log'] }));

    expect(chart.shapes.filter(({ label }) => label === 'log').map(({ open }) => open)).toEqual([
      '[/',
      '[(',
      '[/',
    ]);
    expect(waysOf(chart)).toEqual([
      'log --> log',
      'a -->|x| b',
      'a --> log',
      'b --> log',
      'log --> b',
      'log --> log',
    ]);
  });

  test('shows what a run may leave out with a dashed line', () => {
    const use = node({
      name: 'use',
      inputs: { needed: input<number>(), optional: input(1), bound: input<number>() },
      run: () => 1,
    });

    const { shapes, dashed } = draw(graph({ name: 'g', nodes: [use] }).bind({ bound: 2 }));

    expect(shapes.filter(({ id }) => dashed.includes(id)).map(({ label }) => label)).toEqual([
      'optional',
      'bound',
    ]);
  });

  test('shows inputs and outputs under their new names', () => {
    const renamed = graph({ name: 'g', nodes: [inc] }).rename({
      inputs: { count: 'from' },
      outputs: { count: 'to' },
    });

    const ways = waysOf(draw(renamed));

    expect(ways).toEqual(['from --> inc', 'inc -->|count| inc', 'inc --> to']);
  });

  test('leaves out what is not part of the graph any more', () => {
    const whole = build([step('a', [], ['x']), step('b', ['x'], ['y']), step('c', ['y'])]);

    const chart = draw(whole.startAt('b').select('y'));

    expect(waysOf(chart)).toEqual(['x --> b', 'b --> y']);
  });

  test('is the same each time', () => {
    expect(counter.toMermaid()).toBe(counter.toMermaid());
  });
});

describe('a nested graph in a flowchart', () => {
  const square = node({
    name: 'square',
    inputs: { x: input<number>() },
    output: 'y',
    run: ({ x }) => x * x,
  });
  const make = node({ name: 'make', output: 'x', run: () => 2 });
  const show = node({ name: 'show', inputs: { y: input<number>() }, run: ({ y }) => y });
  const deepest = graph({ name: 'deepest', nodes: [square] });
  const deep = graph({ name: 'deep', nodes: [deepest.asNode()] });
  const outer = graph({ name: 'outer', nodes: [make, deep.asNode({ name: 'inner' }), show] });

  test('is a subgraph, at any depth', () => {
    const { shapes } = draw(outer);

    expect(shapes.map(({ label, open, within }) => [...within, `${open} ${label}`].join(' / '))).toEqual([
      '[ make',
      'subgraph inner',
      'inner / subgraph deepest',
      'inner / deepest / [ square',
      '[ show',
    ]);
  });

  test('has its data drawn from and to the nodes inside', () => {
    expect(waysOf(draw(outer))).toEqual(['make -->|x| square', 'square -->|y| show']);
  });

  test('has its data labelled by the names outside', () => {
    const exposed = deepest.asNode({ name: 'inner', expose: { x: 'side', y: 'area' } });
    const nodes = [step('make', [], ['side']), exposed, step('show', ['area'])];

    expect(waysOf(draw(build(nodes)))).toEqual(['make -->|side| square', 'square -->|area| show']);
  });

  test('gets the inputs of the outer graph inside', () => {
    const nodes = [deep.asNode({ namespace: true }), deepest.asNode({ name: 'other' })];

    expect(waysOf(draw(build(nodes)))).toEqual([
      'deep.x --> square',
      'x --> square',
      'square --> deep.y',
      'square --> y',
    ]);
  });

  test('is a target as a whole', () => {
    const pick = gate('pick', ['inner', END]);
    const { shapes, edges } = draw(build([pick, deep.asNode({ name: 'inner' })]));

    const inner = shapes.find(({ open }) => open === 'subgraph');

    expect(edges.filter(({ arrow }) => arrow === '-.->').map(({ to }) => to)).toContain(inner?.id);
  });

  test('has its own END inside', () => {
    const { shapes } = draw(build([counter.asNode(), gate('stop', ['counter', END])]));

    expect(shapes.filter(({ label }) => label === END).map(({ within }) => within)).toEqual([
      ['counter'],
      [],
    ]);
  });

  test('is ordered as a whole', () => {
    const nodes = [step('first'), deepest.asNode()];

    expect(waysOf(draw(build(nodes, { edges: [['first', 'deepest']] })))).toContain('first ==> deepest');
  });

  test('has a store of its own for what is shared inside', () => {
    const inner = build([step('a', ['log'], ['log'])], { shared: ['log'] });

    const chart = draw(graph({ name: 'outer', nodes: [inner.asNode(), step('read', ['log'])] }));

    expect(chart.shapes.find(({ open }) => open === '[(')?.within).toEqual(['g']);
    expect(waysOf(chart)).toContain('log -->|log| read');
  });

  test('says what it maps over', () => {
    const mapped = deepest.asNode({ name: 'squares', mapOver: 'x' });

    const { shapes } = draw(build([mapped]));

    expect(shapes.find(({ open }) => open === 'subgraph')?.label).toBe('squares, for each x');
  });
});

describe('a flowchart of a result', () => {
  const STATUSES = [
    'completed',
    'skipped',
    'blocked',
    'failed',
    'cancelled',
    'paused',
    'running',
    'pending',
  ] as const;

  test('has a class for each status', () => {
    const { definitions } = readFlowchart(counter.toMermaid({ nodes: {} }));

    expect(definitions).toEqual(STATUSES);
  });

  test.each(STATUSES)('colours what is %s', (status) => {
    expect(classesOf(counter.toMermaid({ nodes: { inc: status } }))).toEqual([['inc', status]]);
  });

  test('colours what a run made of each node', async () => {
    const pick = ifElse({ name: 'pick', then: 'left', else: 'right', run: () => true });
    const left = node({ name: 'left', output: 'l', run: () => 1 });
    const right = node({ name: 'right', output: 'r', run: () => 1 });
    const choice = graph({ name: 'choice', nodes: [pick, left, right] });
    await using runner = createRunner();

    const result = await runner.run(choice, {});

    expect(classesOf(choice.toMermaid(result))).toEqual([
      ['pick', 'completed'],
      ['left', 'completed'],
      ['right', 'skipped'],
    ]);
  });

  test('colours a nested graph as a whole', () => {
    const outer = graph({ name: 'outer', nodes: [counter.asNode()] });

    expect(classesOf(outer.toMermaid({ nodes: { counter: 'failed', inc: 'failed' } }))).toEqual([
      ['counter', 'failed'],
    ]);
  });

  test('leaves what has no known status as it is', () => {
    const odd = build([step('constructor'), step('toString'), step('plain')]);

    expect(classesOf(odd.toMermaid({ nodes: { plain: 'done' } }))).toEqual([]);
  });

  test('has the lines of the graph alone before the colours', () => {
    const text = counter.toMermaid({ nodes: { inc: 'failed' } });

    expect(text.startsWith(`${counter.toMermaid()}\n  classDef`)).toBe(true);
  });

  test('without a result has no classes', () => {
    expect(readFlowchart(counter.toMermaid()).definitions).toEqual([]);
  });

  test.each([null, 1, {}, { nodes: 'inc' }])('refuses %j in place of a result', (wrong) => {
    const error = thrownBy(() => counter.toMermaid(wrong as never));

    expect(error).toBeInstanceOf(InvalidInputError);
  });
});

import { createRunner, END, graph, ifElse, input, node, type TroupeEvent } from 'troupe';
import { describe, expect, test } from 'vitest';
import { requestOf, statusesOf, stepsOf } from '../support/forest.ts';
import { eventLog, ofType, stageFor } from '../support/runs.ts';

const add = node({
  name: 'add',
  inputs: { a: input<number>() },
  output: 'sum',
  run: ({ a }) => a + 1,
});
const isBig = ifElse({
  name: 'isBig',
  inputs: { sum: input<number>() },
  then: 'halve',
  else: END,
  run: ({ sum }) => sum > 10,
});
const halve = node({
  name: 'halve',
  inputs: { sum: input<number>() },
  output: 'half',
  run: async ({ sum }, ctx) => ctx.call(divide, { n: sum, by: 2 }),
});
const divide = node({
  name: 'divide',
  inputs: { n: input<number>(), by: input<number>() },
  run: ({ n, by }) => n / by,
});
const inner = graph({ name: 'inner', nodes: [add, isBig, halve] });
const middle = graph({ name: 'middle', nodes: [inner.asNode()] });
const outer = graph({ name: 'outer', nodes: [middle.asNode({ namespace: true })] });

async function watched(a: number): Promise<TroupeEvent[]> {
  const { runner, clock } = await stageFor('first');
  const { events, subscriber } = eventLog();
  await runner.run(outer, { 'middle.a': a }, { subscriber });
  await clock.advance(0);
  return events;
}

describe('the record of nested graphs', () => {
  test('has a graph for a root, its nodes for children, and nested graphs with children of their own', async () => {
    const { info } = await createRunner().run(outer, { 'middle.a': 19 });

    const tree = Array.from(info.nodes, ({ id, name, kind }) => {
      const { sourceNodeId } = requestOf(info, name);
      const children = info.nodes.children(id).map((child) => child.name);
      return [name, kind, sourceNodeId === null ? null : info.nodes.get(sourceNodeId)?.name, children];
    });
    expect(tree).toEqual([
      ['outer', 'graph', null, ['middle']],
      ['middle', 'graph', 'outer', ['inner']],
      ['inner', 'graph', 'middle', ['add', 'isBig', 'halve']],
      ['add', 'node', 'inner', []],
      ['isBig', 'gate', 'inner', []],
      ['halve', 'node', 'inner', ['divide']],
      ['divide', 'node', 'halve', []],
    ]);
    expect(info.nodes.roots.map(({ name }) => name)).toEqual(['outer']);
  });

  test('keeps the law of 2N stamps', async () => {
    const { info } = await createRunner().run(outer, { 'middle.a': 19 });

    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
    expect(info.requests.size).toBe(7);
  });

  test('has what each graph was given and has given, by its own names there', async () => {
    const { info } = await createRunner().run(outer, { 'middle.a': 19 });

    expect(requestOf(info, 'outer')).toMatchObject({
      input: { 'middle.a': 19 },
      output: { 'middle.half': 10 },
    });
    expect(requestOf(info, 'inner')).toMatchObject({ input: { a: 19 }, output: { half: 10 } });
  });

  test('names each graph by the name that it has as a node', async () => {
    const twice = graph({
      name: 'twice',
      nodes: [
        inner.asNode({ name: 'left', namespace: true }),
        inner.asNode({ name: 'right', namespace: true }),
      ],
    });

    const { info, nodes } = await createRunner().run(twice, { 'left.a': 1, 'right.a': 19 });

    const childrenOf = (name: string): string[] =>
      info.nodes.children(requestOf(info, name).nodeId).map((child) => child.name);
    expect(nodes).toEqual({ left: 'completed', right: 'completed' });
    expect(childrenOf('left')).toEqual(['add', 'isBig']);
    expect(childrenOf('right')).toEqual(['add', 'isBig', 'halve']);
  });

  test('has in `nodes` the nodes of the graph that was run, and no others', async () => {
    const { nodes, reasons } = await createRunner().run(outer, { 'middle.a': 1 });

    expect(nodes).toEqual({ middle: 'completed' });
    expect(reasons).toEqual({});
  });

  test('is drawn with every graph as a vertex', async () => {
    const { info } = await createRunner().run(outer, { 'middle.a': 19 });

    const { vertices, edges } = info.toGraph();

    expect(vertices).toHaveLength(7);
    expect(edges).toHaveLength(7);
  });

  test('has all of them succeeded at the end', async () => {
    const { info } = await createRunner().run(outer, { 'middle.a': 1 });

    expect(statusesOf(info)).toEqual([
      'outer succeeded',
      'middle succeeded',
      'inner succeeded',
      'add succeeded',
      'isBig succeeded',
    ]);
  });
});

describe('the events of nested graphs', () => {
  test('have the span of the graph for the parent of those of its nodes', async () => {
    const events = await watched(19);

    const created = ofType(events, 'RequestCreation');
    const nameOf = new Map(created.map(({ spanId, nodeName }) => [spanId, nodeName]));
    const parents = created.map(({ nodeName, parentSpanId }) => [nodeName, nameOf.get(parentSpanId ?? '')]);
    expect(parents).toEqual([
      ['outer', undefined],
      ['middle', 'outer'],
      ['inner', 'middle'],
      ['add', 'inner'],
      ['isBig', 'inner'],
      ['halve', 'inner'],
      ['divide', 'halve'],
    ]);
    expect(created[0]?.parentSpanId).toBeNull();
  });

  test('are one series of the whole run, without a gap', async () => {
    const events = await watched(19);

    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index));
    expect(new Set(events.map(({ runId }) => runId)).size).toBe(1);
    expect(ofType(events, 'RunStart')).toHaveLength(1);
    expect(ofType(events, 'RunEnd')).toHaveLength(1);
  });

  test('start each graph before its nodes and end it after them', async () => {
    const events = await watched(1);

    const log = events.flatMap((event) =>
      event.type === 'NodeStart' || event.type === 'NodeEnd' ? [`${event.type} ${event.nodeName}`] : [],
    );
    expect(log).toEqual([
      'NodeStart outer',
      'NodeStart middle',
      'NodeStart inner',
      'NodeStart add',
      'NodeEnd add',
      'NodeStart isBig',
      'NodeEnd isBig',
      'NodeEnd inner',
      'NodeEnd middle',
      'NodeEnd outer',
    ]);
  });

  test('have the outputs of a nested graph by the names of its ports', async () => {
    const events = await watched(19);

    const end = ofType(events, 'NodeEnd').find(({ nodeName }) => nodeName === 'middle');
    expect(end).toMatchObject({ outputs: { 'middle.half': 10 } });
  });

  test('tell what was skipped inside, with the span of the graph', async () => {
    const events = await watched(1);

    const span = ofType(events, 'RequestCreation').find(({ nodeName }) => nodeName === 'inner')?.spanId;
    expect(ofType(events, 'NodeSkipped')).toMatchObject([{ nodeName: 'halve', spanId: span }]);
    expect(ofType(events, 'RouteDecision')).toMatchObject([{ gate: 'isBig', decision: 'END' }]);
  });
});

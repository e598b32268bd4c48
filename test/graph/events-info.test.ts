import { createRunner, END, graph, ifElse, input, node, route, type ExecutionInfo } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf } from '../support/forest.ts';

const a = node({ name: 'a', inputs: { n: input<number>() }, output: 'x', run: ({ n }) => n + 1 });
const b = node({ name: 'b', inputs: { x: input<number>() }, output: 'y', run: ({ x }) => x * 2 });
const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
const again = route({
  name: 'again',
  inputs: { n: input<number>() },
  targets: ['inc', END],
  run: ({ n }) => (n < 2 ? 'inc' : END),
});

/** The names of what a request's node called, in order. */
function childrenOf(info: ExecutionInfo, nodeName: string): string[] {
  return Array.from(info.requests.children(requestOf(info, nodeName).nodeId), (child) => child.nodeName);
}

function kindOf(info: ExecutionInfo, nodeName: string): string | undefined {
  return [...info.nodes].find(({ name }) => name === nodeName)?.kind;
}

describe('the record of a graph run', () => {
  test('has the graph as its only root, and its nodes as children of it', async () => {
    const { info } = await createRunner().run(graph({ name: 'g', nodes: [a, b] }), { n: 1 });

    expect(Array.from(info.requests.roots, ({ nodeName }) => nodeName)).toEqual(['g']);
    expect(requestOf(info, 'g').sourceNodeId).toBeNull();
    expect(childrenOf(info, 'g')).toEqual(['a', 'b']);
  });

  test('has the kinds of what ran', async () => {
    const inner = graph({ name: 'inner', nodes: [a] });

    const { info } = await createRunner().run(graph({ name: 'g', nodes: [inner.asNode(), inc, again] }), {
      n: 1,
    });

    expect(['g', 'inner', 'a', 'again'].map((name) => kindOf(info, name))).toEqual([
      'graph',
      'graph',
      'node',
      'gate',
    ]);
  });

  test('has a nested graph as a child with children', async () => {
    const inner = graph({ name: 'inner', nodes: [a] });

    const { info } = await createRunner().run(graph({ name: 'outer', nodes: [inner.asNode(), b] }), { n: 1 });

    expect(childrenOf(info, 'outer')).toEqual(['inner', 'b']);
    expect(childrenOf(info, 'inner')).toEqual(['a']);
  });

  test('has the inputs and outputs of each node, and of the graph', async () => {
    const { info, outputs } = await createRunner().run(graph({ name: 'g', nodes: [a, b] }), { n: 1 });

    expect(requestOf(info, 'b')).toMatchObject({ input: { x: 2 }, output: 4, status: 'succeeded' });
    expect(requestOf(info, 'g')).toMatchObject({ input: { n: 1 }, output: outputs });
    expect(info.answer).toEqual(outputs);
  });

  test('has the input of the graph after defaults and binds', async () => {
    const scale = node({
      name: 'scale',
      inputs: { n: input<number>(), by: input(3), plus: input(0) },
      output: 'x',
      run: ({ n, by, plus }) => n * by + plus,
    });

    const { info } = await createRunner().run(graph({ name: 'g', nodes: [scale] }).bind({ plus: 1 }), {
      n: 2,
    });

    expect(requestOf(info, 'scale').input).toEqual({ n: 2, by: 3, plus: 1 });
  });

  test('has one request for each run of a node in a loop', async () => {
    const { info } = await createRunner().run(graph({ name: 'g', nodes: [inc, again] }), { n: 0 });

    expect(childrenOf(info, 'g')).toEqual(['inc', 'again', 'inc', 'again']);
  });

  test('keeps what a node got and gave as it was then, although the object changes', async () => {
    const list: number[] = [];
    const grow = node({
      name: 'grow',
      inputs: { list: input<number[]>() },
      output: 'list',
      run: (given) => {
        given.list.push(given.list.length);
        return given.list;
      },
    });
    const more = route({
      name: 'more',
      inputs: { list: input<number[]>() },
      targets: ['grow', END],
      run: (given) => (given.list.length < 3 ? 'grow' : END),
    });

    const { info } = await createRunner().run(graph({ name: 'g', nodes: [grow, more] }), { list });
    const grown = [...info.requests].filter(({ nodeName }) => nodeName === 'grow');

    expect(grown.map((request) => request.input)).toEqual([{ list: [] }, { list: [0] }, { list: [0, 1] }]);
    expect(grown.map((request) => request.output)).toEqual([[0], [0, 1], [0, 1, 2]]);
  });

  test('has what a node calls below it', async () => {
    const leaf = node('leaf', () => 1);
    const caller = node({ name: 'caller', output: 'x', run: (_, ctx) => ctx.call(leaf) });

    const { info } = await createRunner().run(graph({ name: 'g', nodes: [caller] }));

    expect(childrenOf(info, 'caller')).toEqual(['leaf']);
  });

  test('has a graph that a body calls below that body', async () => {
    const root = node('root', (_: unknown, ctx) =>
      ctx.call(graph({ name: 'called', nodes: [a, b] }), { n: 1 }),
    );

    const { info, answer } = await createRunner().run(root);

    expect(answer).toEqual({ y: 4 });
    expect(childrenOf(info, 'root')).toEqual(['called']);
    expect(childrenOf(info, 'called')).toEqual(['a', 'b']);
    expect(kindOf(info, 'called')).toBe('graph');
  });

  test('draws the graph as the source of its nodes', async () => {
    const { info } = await createRunner().run(graph({ name: 'g', nodes: [a, b] }), { n: 1 });

    const { vertices, edges } = info.toGraph();

    expect(vertices).toHaveLength(3);
    expect(edges).toHaveLength(3);
  });
});

describe('the stamps of a graph run', () => {
  test('are 2N for N invocations, the graph and its gates included', async () => {
    const { info } = await createRunner().run(graph({ name: 'g', nodes: [inc, again] }), { n: 0 });

    expect(info.requests.size).toBe(5);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
    expect(info.steps).toBe(10);
  });

  test('say who created whom, and who ended', async () => {
    const { info } = await createRunner().run(graph({ name: 'g', nodes: [a, b] }), { n: 1 });

    expect(info.stamps.map(({ identifier }) => identifier)).toEqual([
      'START CREATED g',
      'g CREATED a',
      'Finished executing a',
      'g CREATED b',
      'Finished executing b',
      'Finished executing g',
    ]);
  });

  test('are none of a node that was skipped', async () => {
    const gate = ifElse({ name: 'gate', then: 'c', else: END, run: () => false });
    const c = node({ name: 'c', output: 'z', run: () => 1 });

    const { info } = await createRunner().run(graph({ name: 'g', nodes: [gate, c] }));

    expect(statusesOf(info)).toEqual(['g succeeded', 'gate succeeded']);
    expect(info.steps).toBe(4);
  });

  test('keep the law with nested graphs, maps and calls', async () => {
    const inner = graph({ name: 'inner', nodes: [a, b] });
    const caller = node({
      name: 'caller',
      inputs: { y: input<number[]>() },
      output: 'z',
      run: (_, ctx) => ctx.call(inner, { n: 1 }),
    });

    const { info } = await createRunner().run(
      graph({ name: 'outer', nodes: [inner.asNode({ mapOver: 'n' }), caller] }),
      { n: [1, 2, 3] },
    );

    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('lead back to the run as it was at any step', async () => {
    const { info } = await createRunner().run(graph({ name: 'g', nodes: [a, b] }), { n: 1 });

    expect(statusesOf(info.at(2))).toEqual(['g running', 'a succeeded']);
  });
});

describe('the info of a graph that still runs', () => {
  test('shows what has ended and what runs', async () => {
    const clock = fakeClock();
    const release = deferred<number>();
    const slow = node({
      name: 'slow',
      inputs: { x: input<number>() },
      output: 'z',
      run: () => release.promise,
    });
    const handle = createRunner({ clock }).iter(graph({ name: 'g', nodes: [a, slow] }), { n: 1 });
    await clock.advance(0);

    const { info } = handle;
    release.resolve(1);
    await handle.result;

    expect(info.status).toBe('running');
    expect(statusesOf(info)).toEqual(['g running', 'a succeeded', 'slow running']);
  });
});

describe('of a run of a node that is no graph', () => {
  test('nodes and reasons are empty', async () => {
    const { nodes, reasons } = await createRunner().run(node('plain', () => 1));

    expect(nodes).toEqual({});
    expect(reasons).toEqual({});
  });
});

import { createRunner, END, graph, input, node, route } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred } from '../support/deferred.ts';

describe('emits and waitFor', () => {
  test('order two nodes that share no data', async () => {
    const clock = fakeClock();
    const trace: string[] = [];
    const release = deferred();
    const load = node({
      name: 'load',
      emits: ['loaded'],
      run: async () => {
        await release.promise;
        trace.push('load');
      },
    });
    const ask = node({ name: 'ask', waitFor: ['loaded'], output: 'answer', run: () => trace.push('ask') });
    const running = createRunner({ clock }).run(graph({ name: 'g', nodes: [ask, load] }));

    await clock.advance(0);
    const whileLoading = [...trace];
    release.resolve();
    await running;

    expect(whileLoading).toEqual([]);
    expect(trace).toEqual(['load', 'ask']);
  });

  test('let a node wait for several announcements', async () => {
    const trace: string[] = [];
    const left = node({ name: 'left', emits: ['leftDone'], run: async () => trace.push('left') });
    const right = node({ name: 'right', emits: ['rightDone'], run: () => trace.push('right') });
    const last = node({ name: 'last', waitFor: ['leftDone', 'rightDone'], run: () => trace.push('last') });

    await createRunner().run(graph({ name: 'g', nodes: [last, left, right] }));

    expect(trace.at(-1)).toBe('last');
    expect(trace).toHaveLength(3);
  });

  test('make an announcement no output and no input', async () => {
    const load = node({ name: 'load', emits: ['loaded'], output: 'size', run: () => 1 });
    const ask = node({ name: 'ask', waitFor: ['loaded'], output: 'answer', run: () => 2 });
    const g = graph({ name: 'g', nodes: [ask, load] });

    const { outputs } = await createRunner().run(g);

    expect(g.inputs.required).toEqual([]);
    expect(outputs).toEqual({ size: 1, answer: 2 });
  });

  test('order two producers of one name: their reader runs once, with what came last', async () => {
    const seen: number[] = [];
    const draft = node({ name: 'draft', output: 'text', emits: ['drafted'], run: async () => 1 });
    const polish = node({ name: 'polish', output: 'text', waitFor: ['drafted'], run: async () => 2 });
    const read = node({
      name: 'read',
      inputs: { text: input<number>() },
      output: 'length',
      run: ({ text }) => seen.push(text),
    });

    await createRunner().run(graph({ name: 'g', nodes: [read, polish, draft] }));

    expect(seen).toEqual([2]);
  });

  test('let a node that waits for what was never announced be skipped, with the reason', async () => {
    const gate = route({ name: 'gate', targets: ['load', END], run: () => END });
    const load = node({ name: 'load', emits: ['loaded'], output: 'size', run: () => 1 });
    const ask = node({ name: 'ask', waitFor: ['loaded'], output: 'answer', run: () => 2 });

    const { status, nodes, reasons } = await createRunner().run(
      graph({ name: 'g', nodes: [gate, load, ask] }),
    );

    expect(status).toBe('completed');
    expect(nodes).toEqual({ gate: 'completed', load: 'skipped', ask: 'skipped' });
    expect(reasons['ask']).toContain('loaded');
  });
});

describe('two producers of one name', () => {
  test('that a data path orders: the reader runs once, with what came last', async () => {
    const seen: number[] = [];
    const make = node({ name: 'make', output: 'x', run: () => 1 });
    const refine = node({
      name: 'refine',
      inputs: { x: input<number>() },
      output: 'x',
      run: ({ x }) => x + 1,
    });
    const read = node({
      name: 'read',
      inputs: { x: input<number>() },
      output: 'y',
      run: ({ x }) => seen.push(x),
    });

    const { nodes } = await createRunner().run(graph({ name: 'g', nodes: [read, refine, make] }));

    expect(nodes).toEqual({ read: 'completed', refine: 'completed', make: 'completed' });
    expect(seen).toEqual([2]);
  });
});

describe('explicit edges', () => {
  test('wire only what they name', async () => {
    const a = node({ name: 'a', output: 'x', run: () => 1 });
    const b = node({ name: 'b', inputs: { x: input<number>() }, output: 'y', run: ({ x }) => x + 1 });
    const c = node({ name: 'c', inputs: { x: input<number>() }, output: 'z', run: ({ x }) => x + 100 });
    const g = graph({ name: 'g', nodes: [a, b, c], edges: [['a', 'b']] });

    const { outputs } = await createRunner().run(g, { x: 5 });

    expect(outputs).toMatchObject({ y: 2, z: 105 });
  });

  test('let stages pass on one name in turn', async () => {
    const double = node({
      name: 'double',
      inputs: { x: input<number>() },
      output: 'x',
      run: ({ x }) => x * 2,
    });
    const addOne = node({
      name: 'addOne',
      inputs: { x: input<number>() },
      output: 'x',
      run: ({ x }) => x + 1,
    });
    const square = node({
      name: 'square',
      inputs: { x: input<number>() },
      output: 'x',
      run: ({ x }) => x ** 2,
    });
    const g = graph({
      name: 'g',
      nodes: [square, addOne, double],
      edges: [
        ['double', 'addOne'],
        ['addOne', 'square'],
      ],
    });

    const { outputs } = await createRunner().run(g, { x: 3 });

    expect(outputs).toEqual({ x: 49 });
  });

  test('with a name wire that name alone', async () => {
    const a = node({ name: 'a', outputs: ['x', 'y'], run: () => ({ x: 1, y: 2 }) });
    const b = node({
      name: 'b',
      inputs: { x: input<number>(), y: input<number>() },
      output: 'z',
      run: ({ x, y }) => [x, y],
    });
    const g = graph({ name: 'g', nodes: [a, b], edges: [['a', 'b', 'x']] });

    const { outputs } = await createRunner().run(g, { y: 20 });

    expect(outputs).toMatchObject({ z: [1, 20] });
  });

  test('between nodes that share no name order them', async () => {
    const clock = fakeClock();
    const trace: string[] = [];
    const release = deferred();
    const a = node({
      name: 'a',
      output: 'x',
      run: async () => {
        await release.promise;
        trace.push('a');
      },
    });
    const b = node({ name: 'b', output: 'y', run: () => trace.push('b') });
    const g = graph({ name: 'g', nodes: [b, a], edges: [['a', 'b']] });
    const running = createRunner({ clock }).run(g);

    await clock.advance(0);
    release.resolve();
    await running;

    expect(trace).toEqual(['a', 'b']);
  });

  test('can make a loop, which starts with its ungated member', async () => {
    const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
    const pass = node({ name: 'pass', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n * 10 });
    const again = route({
      name: 'again',
      inputs: { n: input<number>() },
      targets: ['inc', END],
      run: ({ n }) => (n < 100 ? 'inc' : END),
    });
    const g = graph({
      name: 'g',
      nodes: [inc, pass, again],
      edges: [
        ['inc', 'pass'],
        ['pass', 'inc'],
        ['pass', 'again'],
      ],
    });

    const { outputs } = await createRunner().run(g, { n: 1 });

    expect(outputs).toEqual({ n: 110 });
  });

  test('that only order let a node run after one that was skipped', async () => {
    const gate = route({ name: 'gate', targets: ['first', END], run: () => END });
    const first = node({ name: 'first', output: 'x', run: () => 1 });
    const second = node({ name: 'second', output: 'y', run: () => 2 });
    const g = graph({ name: 'g', nodes: [gate, first, second], edges: [['first', 'second']] });

    const { nodes } = await createRunner().run(g);

    expect(nodes).toEqual({ gate: 'completed', first: 'skipped', second: 'completed' });
  });
});

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
});

describe('shared names', () => {
  test('start with an input, have many producers, and are read as they are then', async () => {
    const first = node({
      name: 'first',
      inputs: { log: input<string[]>() },
      outputs: ['log', 'a'],
      run: ({ log }) => ({ log: [...log, 'first'], a: 1 }),
    });
    const second = node({
      name: 'second',
      inputs: { log: input<string[]>(), a: input<number>() },
      outputs: ['log', 'b'],
      run: ({ log, a }) => ({ log: [...log, 'second'], b: a + 1 }),
    });
    const third = node({
      name: 'third',
      inputs: { log: input<string[]>(), b: input<number>() },
      output: 'report',
      run: ({ log, b }) => `${log.join()} ${b}`,
    });
    const g = graph({ name: 'g', nodes: [third, second, first], shared: ['log'] });

    const { outputs } = await createRunner().run(g, { log: ['start'] });

    expect(outputs).toMatchObject({ report: 'start,first,second 2' });
  });

  test('are no wiring: a node that reads one does not wait for who writes it', async () => {
    const clock = fakeClock();
    const seen: number[] = [];
    const release = deferred();
    const start = node({ name: 'start', output: 'go', run: () => true });
    const slow = node({
      name: 'slow',
      inputs: { go: input<boolean>() },
      output: 'state',
      run: async () => {
        await release.promise;
        return 2;
      },
    });
    const reads = node({
      name: 'reads',
      inputs: { go: input<boolean>(), state: input<number>() },
      output: 'seen',
      run: ({ state }) => seen.push(state),
    });
    const g = graph({ name: 'g', nodes: [start, slow, reads], shared: ['state'] });
    const running = createRunner({ clock }).run(g, { state: 1 });

    await clock.advance(0);
    const whileSlow = [...seen];
    release.resolve();
    const { nodes } = await running;

    expect(whileSlow).toEqual([1]);
    expect(seen).toEqual([1]);
    expect(nodes).toEqual({ start: 'completed', slow: 'completed', reads: 'completed' });
  });

  test('make no cycle of two nodes that read and write them', async () => {
    const a = node({
      name: 'a',
      inputs: { state: input<number>() },
      outputs: ['state', 'x'],
      run: ({ state }) => ({ state: state + 1, x: state }),
    });
    const b = node({
      name: 'b',
      inputs: { state: input<number>(), x: input<number>() },
      outputs: ['state', 'y'],
      run: ({ state }) => ({ state: state + 1, y: state }),
    });
    const g = graph({ name: 'g', nodes: [b, a], shared: ['state'] });

    const { outputs, info } = await createRunner().run(g, { state: 0 });

    expect(outputs).toMatchObject({ y: 1 });
    expect(info.requests.size).toBe(3);
  });

  test('of which a member of a loop writes one do not run its reader again', async () => {
    const trace: string[] = [];
    const inc = node({
      name: 'inc',
      inputs: { count: input<number>() },
      outputs: ['count', 'state'],
      run: ({ count }) => ({ count: count + 1, state: count + 1 }),
    });
    const again = route({
      name: 'again',
      inputs: { count: input<number>(), state: input<number>() },
      targets: ['inc', 'note', END],
      run: ({ count, state }) => {
        trace.push(`again ${count} ${state}`);
        return count < 3 ? 'inc' : END;
      },
    });
    const note = node({
      name: 'note',
      inputs: { state: input<number>() },
      output: 'noted',
      run: ({ state }) => state,
    });
    const g = graph({ name: 'g', nodes: [inc, again, note], shared: ['state'] });

    const { nodes } = await createRunner().run(g, { count: 0, state: 0 });

    expect(trace).toEqual(['again 1 1', 'again 2 2', 'again 3 3']);
    expect(nodes).toEqual({ inc: 'completed', again: 'completed', note: 'skipped' });
  });
});

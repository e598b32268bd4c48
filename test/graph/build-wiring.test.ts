import { createRunner, END, graph, input, interrupt, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { build, gate, step } from './build-parts.ts';

describe('an input', () => {
  test('gets the value of the node that outputs its name', async () => {
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
      run: async ({ embedding, limit }) => embedding.slice(0, limit),
    });

    const { outputs } = await createRunner().run(graph({ name: 'rag', nodes: [embed, search] }), {
      text: 'hello',
    });

    expect(outputs).toEqual({ hits: [5] });
  });

  test('is wired whatever the order of the nodes', async () => {
    const nodes = [step('c', ['y'], ['z']), step('b', ['x'], ['y']), step('a', [], ['x'])];

    const { outputs } = await createRunner().run(build(nodes), {});

    expect(outputs).toEqual({ z: 'c(b(a()))' });
  });

  test('that no node outputs is an input of the graph', async () => {
    const g = build([step('a', ['x'], ['y'])]);

    const { outputs } = await createRunner().run(g, { x: 'given' });

    expect(g.inputs).toEqual({ required: ['x'], optional: [], bound: {} });
    expect(outputs).toEqual({ y: 'a(given)' });
  });

  test('of several nodes under one name is one input of the graph', async () => {
    const g = build([step('a', ['x'], ['y']), step('b', ['x'], ['z'])]);

    const { outputs } = await createRunner().run(g, { x: 'given' });

    expect(g.inputs.required).toEqual(['x']);
    expect(outputs).toEqual({ y: 'a(given)', z: 'b(given)' });
  });

  test('of several nodes gets the value of one node in each', async () => {
    const nodes = [step('a', [], ['x']), step('b', ['x'], ['y']), step('c', ['x'], ['z'])];

    const { outputs } = await createRunner().run(build(nodes), {});

    expect(outputs).toEqual({ y: 'b(a())', z: 'c(a())' });
  });

  test('of a gate is wired like any other', async () => {
    const nodes = [step('a', [], ['x']), gate('pick', ['b', END], ['x']), step('b', ['x'], ['y'])];

    const { outputs } = await createRunner().run(build(nodes), {});

    expect(outputs).toEqual({ y: 'b(a())' });
  });

  test('gets the answer of the interrupt whose response has its name', async () => {
    const ask = interrupt({ name: 'ask', response: 'decision', run: () => 'Publish?' });
    const runner = createRunner();

    const paused = await runner.run(build([ask, step('act', ['decision'], ['done'])]), {});
    const { outputs } = await runner.respond(paused.runId, 'decision', 'yes');

    expect(outputs).toEqual({ done: 'act(yes)' });
  });

  test('keeps its default where the only producer is skipped', async () => {
    const never = route({ name: 'never', targets: ['a', END], run: () => END });
    const read = node({ name: 'read', inputs: { x: input('default') }, output: 'y', run: ({ x }) => x });

    const { outputs } = await createRunner().run(build([never, step('a', [], ['x']), read]), {});

    expect(outputs).toEqual({ y: 'default' });
  });
});

describe('an output', () => {
  test('of a node with several is wired by each of its names', async () => {
    const split = node({ name: 'split', outputs: ['low', 'high'], run: () => ({ low: 1, high: 9 }) });
    const nodes = [split, step('a', ['high'], ['x']), step('b', ['low'], ['y'])];

    const { outputs } = await createRunner().run(build(nodes), {});

    expect(outputs).toEqual({ x: 'a(9)', y: 'b(1)' });
  });

  test('that is declared as a list of one is the property of that name', async () => {
    const only = node({ name: 'only', outputs: ['low'], run: () => ({ low: 1 }) });

    const { outputs } = await createRunner().run(build([only, step('a', ['low'], ['x'])]), {});

    expect(outputs).toEqual({ x: 'a(1)' });
  });

  test('of a gate is none: its decision is wired to nobody', () => {
    const g = build([gate('pick', ['a', END]), step('a', ['pick'], ['x'])]);

    expect(g.inputs.required).toEqual(['pick']);
    expect(g.outputs).toEqual(['x']);
  });
});

describe('explicit edges', () => {
  const pair = [step('a', ['p'], ['x', 'y']), step('b', ['x', 'y', 'z'], ['out'])];

  test('of two names wire every name that the two nodes share', async () => {
    const g = build(pair, { edges: [['a', 'b']] });

    const { outputs } = await createRunner().run(g, { p: 1, z: 3 });

    expect(g.inputs.required.toSorted()).toEqual(['p', 'z']);
    expect(outputs).toEqual({ out: 'b(a(1), a(1), 3)' });
  });

  test('of three names wire that one name', async () => {
    const g = build(pair, { edges: [['a', 'b', 'y']] });

    const { outputs } = await createRunner().run(g, { p: 1, x: 2, z: 3 });

    expect(g.inputs.required.toSorted()).toEqual(['p', 'x', 'z']);
    expect(outputs).toMatchObject({ out: 'b(2, a(1), 3)' });
  });

  test('order two nodes that share no name', async () => {
    const trace: string[] = [];
    const one = node({ name: 'one', output: 'p', run: () => trace.push('one') });
    const two = node({
      name: 'two',
      output: 'q',
      run: async () => {
        await Promise.resolve();
        return trace.push('two');
      },
    });

    await createRunner().run(graph({ name: 'ordered', nodes: [one, two], edges: [['two', 'one']] }), {});

    expect(trace).toEqual(['two', 'one']);
  });

  test('replace all wiring by name', () => {
    const g = build([step('a', [], ['x']), step('b', ['x'], ['y'])], { edges: [] });

    expect(g.inputs.required).toEqual(['x']);
    expect(g.outputs.toSorted()).toEqual(['x', 'y']);
  });

  test('give each reader the value of the producer that its edge names', async () => {
    const nodes = [
      step('first', [], ['x']),
      step('second', [], ['x']),
      step('readFirst', ['x'], ['p']),
      step('readSecond', ['x'], ['q']),
    ];
    const edges = [
      ['first', 'second'],
      ['first', 'readFirst', 'x'],
      ['second', 'readSecond', 'x'],
    ] as const;

    const { outputs } = await createRunner().run(build(nodes, { edges }), {});

    expect(outputs).toEqual({ p: 'readFirst(first())', q: 'readSecond(second())' });
  });

  test('leave gates as they are', async () => {
    const nodes = [gate('pick', ['a', 'b']), step('a', [], ['x']), step('b', [], ['y'])];

    const { outputs, nodes: statuses } = await createRunner().run(build(nodes, { edges: [] }), {});

    expect(outputs).toEqual({ x: 'a()' });
    expect(statuses).toMatchObject({ b: 'skipped' });
  });
});

describe('a shared name', () => {
  const nodes = [
    step('first', ['state'], ['state', 'p']),
    step('second', ['p', 'state'], ['state', 'q']),
    step('third', ['q', 'state'], ['end']),
  ];

  test('may have many producers, and each reader gets the latest value', async () => {
    const g = build(nodes, { shared: ['state'] });

    const { outputs } = await createRunner().run(g, { state: 's' });

    expect(outputs).toMatchObject({ end: 'third(second(first(s), first(s)), second(first(s), first(s)))' });
  });

  test('is an input of the graph for its first value', () => {
    const g = build(nodes, { shared: ['state'] });

    expect(g.inputs.required).toEqual(['state']);
  });

  test('of which every reader has a default is an optional input', async () => {
    const read = node({
      name: 'read',
      inputs: { state: input('none') },
      output: 'x',
      run: ({ state }) => state,
    });
    const g = build([read, step('write', ['x'], ['state'])], { shared: ['state'] });

    const { outputs } = await createRunner().run(g, {});

    expect(g.inputs).toMatchObject({ required: [], optional: ['state'] });
    expect(outputs).toMatchObject({ state: 'write(none)' });
  });

  test('makes no cycle by being read and written', async () => {
    const pingPong = [step('ping', ['state'], ['p']), step('pong', ['p'], ['state'])];
    const g = build(pingPong, { shared: ['state'] });

    const { outputs, info } = await createRunner().run(g, { state: 's' });

    expect(outputs).toMatchObject({ state: 'pong(ping(s))' });
    expect(info.requests.size).toBe(3);
  });

  test('may be bound', async () => {
    const g = build(nodes, { shared: ['state'] }).bind({ state: 'b' });

    const { outputs } = await createRunner().run(g, {});

    expect(g.inputs).toEqual({ required: [], optional: [], bound: { state: 'b' } });
    expect(outputs).toMatchObject({ state: 'second(first(b), first(b))' });
  });

  test('does not order its reader after its writer', async () => {
    const order: string[] = [];
    const read = node({
      name: 'read',
      inputs: { state: input('first') },
      output: 'x',
      run: ({ state }) => order.push(state),
    });
    const write = node({
      name: 'write',
      inputs: { x: input<number>() },
      output: 'state',
      run: () => 'written',
    });
    const g = graph({ name: 'later', nodes: [write, read], shared: ['state'] });

    await createRunner().run(g, {});

    expect(order).toEqual(['first']);
  });

  test('connects nodes that explicit edges order', async () => {
    const apart = [step('late', ['state'], ['end']), step('early', [], ['state'])];
    const g = build(apart, { shared: ['state'], edges: [['early', 'late']] });

    const { outputs } = await createRunner().run(g, { state: 'old' });

    expect(outputs).toMatchObject({ end: 'late(early())' });
  });

  test('connects nodes that emits and waitFor order', async () => {
    const apart = [
      step('late', ['state'], ['end'], { waitFor: ['written'] }),
      step('early', [], ['state'], { emits: ['written'] }),
    ];

    const { outputs } = await createRunner().run(build(apart, { shared: ['state'] }), { state: 'old' });

    expect(outputs).toMatchObject({ end: 'late(early())' });
  });
});

describe('a node', () => {
  test('that declares no inputs runs with nothing', async () => {
    const bare = node({ name: 'bare', output: 'seen', run: (given: unknown) => [given] });
    const g = graph({ name: 'baring', nodes: [bare] });

    const { outputs } = await createRunner().run(g, {});

    expect(g.inputs.required).toEqual([]);
    expect(outputs).toEqual({ seen: [undefined] });
  });

  const counted = node({
    name: 'counted',
    inputs: { text: z.string(), times: input(2) },
    output: 'repeated',
    run: ({ text, times }) => text.repeat(times),
  });

  test('may be part of several graphs at a time', async () => {
    const length = node({
      name: 'length',
      inputs: { repeated: input<string>() },
      output: 'size',
      run: ({ repeated }) => repeated.length,
    });
    const alone = graph({ name: 'alone', nodes: [counted] });
    const inPair = graph({ name: 'inPair', nodes: [counted, length] });
    const runner = createRunner();

    const results = await Promise.all([
      runner.run(alone, { text: 'ab' }),
      runner.run(inPair, { text: 'abc', times: 3 }),
    ]);

    expect(results.map(({ outputs }) => outputs)).toEqual([{ repeated: 'abab' }, { size: 9 }]);
  });

  test('is the same value after it was part of a graph', async () => {
    const before = { ...counted };

    await createRunner().run(graph({ name: 'alone', nodes: [counted] }).bind({ times: 1 }), { text: 'a' });

    expect({ ...counted }).toEqual(before);
    expect(Object.isFrozen(counted)).toBe(true);
  });

  test('may run in a graph and be called by one of its nodes', async () => {
    const caller = node({
      name: 'caller',
      inputs: { repeated: input<string>() },
      output: 'more',
      run: ({ repeated }, ctx) => ctx.call(counted, { text: repeated }),
    });

    const { outputs } = await createRunner().run(graph({ name: 'both', nodes: [counted, caller] }), {
      text: 'a',
    });

    expect(outputs).toEqual({ more: 'aaaa' });
  });
});

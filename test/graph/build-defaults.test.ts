import { createRunner, END, graph, input, node, route, type AnyNode } from 'troupe';
import { describe, expect, test } from 'vitest';
import { build, refusalOf, step } from './build-parts.ts';

/** Appends to the list that it gets, which nobody should do. */
const append = node({
  name: 'append',
  inputs: { list: input<string[]>(['first']) },
  output: 'appended',
  run: ({ list }) => {
    list.push('more');
    return [...list];
  },
});
const appending = graph({ name: 'appending', nodes: [append] });

describe('a default that a node changes', () => {
  test('is as declared in the next run', async () => {
    const runner = createRunner();

    await runner.run(appending, {});
    const { outputs } = await runner.run(appending, {});

    expect(outputs).toEqual({ appended: ['first', 'more'] });
  });

  test('is as declared in a run at the same time', async () => {
    const runner = createRunner();

    const results = await Promise.all([runner.run(appending, {}), runner.run(appending, {})]);

    expect(results.map(({ outputs }) => outputs.appended)).toEqual([
      ['first', 'more'],
      ['first', 'more'],
    ]);
  });

  test('is as declared for another node that has an equal default', async () => {
    const count = node({
      name: 'count',
      inputs: { list: input<string[]>(['first']), appended: input<string[]>() },
      output: 'size',
      run: ({ list }) => list.length,
    });

    const { outputs } = await createRunner().run(graph({ name: 'two', nodes: [append, count] }), {});

    expect(outputs).toEqual({ size: 1 });
  });

  test('is as declared in each turn of a loop', async () => {
    const sizes: number[] = [];
    const turnOver = node({
      name: 'step',
      inputs: { turn: input<number>(), scratch: input<number[]>([]) },
      output: 'turn',
      run: ({ turn, scratch }) => {
        scratch.push(turn);
        sizes.push(scratch.length);
        return turn + 1;
      },
    });
    const again = route({
      name: 'again',
      inputs: { turn: input<number>() },
      targets: ['step', END],
      run: ({ turn }) => (turn < 3 ? 'step' : END),
    });

    await createRunner().run(graph({ name: 'turns', nodes: [turnOver, again] }), { turn: 0 });

    expect(sizes).toEqual([1, 1, 1]);
  });

  test('is as declared in a graph inside', async () => {
    const runner = createRunner();
    const outer = graph({ name: 'outer', nodes: [appending.asNode()] });

    await runner.run(outer, {});
    const { outputs } = await runner.run(outer, {});

    expect(outputs).toEqual({ appended: ['first', 'more'] });
  });

  test('is as declared for each item of a mapped graph', async () => {
    const label = node({
      name: 'label',
      inputs: { item: input<string>(), seen: input<string[]>([]) },
      output: 'labels',
      run: ({ item, seen }) => {
        seen.push(item);
        return seen.join('+');
      },
    });
    const items = graph({ name: 'items', nodes: [label] });
    const outer = graph({ name: 'outer', nodes: [items.asNode({ mapOver: 'item' })] });

    const { outputs } = await createRunner().run(outer, { item: ['a', 'b'] });

    expect(outputs).toEqual({ labels: ['a', 'b'] });
  });

  test('is as declared where its producer was skipped', async () => {
    const never = route({ name: 'never', targets: ['make', END], run: () => END });
    const make = node({ name: 'make', output: 'list', run: (): string[] => [] });
    const runner = createRunner();
    const skipping = graph({ name: 'skipping', nodes: [never, make, append] });

    await runner.run(skipping);
    const { outputs } = await runner.run(skipping);

    expect(outputs).toEqual({ appended: ['first', 'more'] });
  });
});

describe('a bound value that a node changes', () => {
  const bound = appending.bind({ list: ['bound'] });

  test('is as bound in the next run', async () => {
    const runner = createRunner();

    await runner.run(bound, {});
    const { outputs } = await runner.run(bound, {});

    expect(outputs).toEqual({ appended: ['bound', 'more'] });
  });

  test('is as bound in `inputs.bound`', async () => {
    await createRunner().run(bound, {});

    expect(bound.inputs.bound).toEqual({ list: ['bound'] });
  });

  test('is as bound in a graph inside', async () => {
    const runner = createRunner();
    const outer = graph({ name: 'outer', nodes: [bound.asNode()] });

    await runner.run(outer, {});
    const { outputs } = await runner.run(outer, {});

    expect(outputs).toEqual({ appended: ['bound', 'more'] });
    expect(outer.inputs.bound).toEqual({ list: ['bound'] });
  });
});

describe('a client', () => {
  class Client {
    calls = 0;
    ask(): number {
      this.calls += 1;
      return this.calls;
    }
  }
  const asks = node({
    name: 'asks',
    inputs: { client: input<Client>() },
    output: 'answer',
    run: ({ client }) => client.ask(),
  });

  test('that is bound is the very object in each run', async () => {
    const client = new Client();
    const runner = createRunner();
    const bound = graph({ name: 'asking', nodes: [asks] }).bind({ client });

    await runner.run(bound, {});
    const { outputs } = await runner.run(bound, {});

    expect(outputs).toEqual({ answer: 2 });
    expect(client.calls).toBe(2);
  });

  test('that is a default is the very object in each run', async () => {
    const client = new Client();
    const usual = node({
      name: 'usual',
      inputs: { client: input(client) },
      output: 'answer',
      run: ({ client: own }) => own.ask(),
    });

    await createRunner().run(graph({ name: 'asking', nodes: [usual] }), {});

    expect(client.calls).toBe(1);
  });

  test('that is given is the very object', async () => {
    const client = new Client();

    await createRunner().run(graph({ name: 'asking', nodes: [asks] }), { client });

    expect(client.calls).toBe(1);
  });
});

describe('inputs that disagree about a default', () => {
  const withDefault = (name: string, value: unknown): AnyNode =>
    node({ name, inputs: { k: input(value) }, run: () => 1 });

  test.each([
    { what: 'other numbers', first: withDefault('one', 1), second: withDefault('two', 2) },
    { what: 'a default and none', first: withDefault('one', 1), second: step('two', ['k']) },
    { what: 'none and a default', first: step('one', ['k']), second: withDefault('two', 1) },
    { what: 'other objects', first: withDefault('one', { a: [1] }), second: withDefault('two', { a: [2] }) },
    { what: 'undefined and none', first: withDefault('one', undefined), second: step('two', ['k']) },
    { what: 'zero and false', first: withDefault('one', 0), second: withDefault('two', false) },
    {
      what: 'a default, and that of a nested graph',
      first: build([withDefault('inside', 1)]).asNode({ name: 'one' }),
      second: withDefault('two', 2),
    },
  ])('($what) are refused, naming both nodes and the input', ({ first, second }) => {
    const error = refusalOf(() => build([first, second]));

    for (const name of ['g', 'k', 'one', 'two']) expect(error.message).toContain(`"${name}"`);
    expect(error.hint).not.toBe('');
  });

  test.each([
    { what: 'the same number', first: 1, second: 1 },
    { what: 'equal objects', first: { a: [1, new Date(5)] }, second: { a: [1, new Date(5)] } },
    { what: 'NaN', first: Number.NaN, second: Number.NaN },
  ])('are legal where both have $what', ({ first, second }) => {
    const g = build([withDefault('one', first), withDefault('two', second)]);

    expect(g.inputs.optional).toEqual(['k']);
  });

  test('are legal where a node makes the value', () => {
    const g = build([step('make', [], ['k']), withDefault('one', 1), withDefault('two', 2)]);

    expect(g.inputs.optional).toEqual([]);
  });

  test('are legal where a graph inside has bound its own', () => {
    const inner = build([withDefault('inside', 1)]).bind({ k: 2 });

    const g = build([inner.asNode({ name: 'inner' }), withDefault('two', 2)]);

    expect(g.inputs.required).toEqual([]);
  });

  test('are refused in a loop as well, where only the graph can give the value', () => {
    const inc = node({
      name: 'inc',
      inputs: { n: input<number>(), by: input(1) },
      output: 'n',
      run: () => 1,
    });
    const again = route({
      name: 'again',
      inputs: { n: input<number>(), by: input(2) },
      targets: ['inc', END],
      run: () => 'inc',
    });

    const error = refusalOf(() => build([inc, again]));

    for (const name of ['by', 'inc', 'again']) expect(error.message).toContain(`"${name}"`);
  });
});

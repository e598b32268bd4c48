import { createRunner, graph, input, node, type AnyGraph, type GraphInputs } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { build, refusalOf, step } from './build-parts.ts';

const load = node({
  name: 'load',
  inputs: { query: input<string>(), k: input(5) },
  output: 'docs',
  run: ({ query, k }) => `${k} of ${query}`,
});
const answer = node({
  name: 'answer',
  inputs: { docs: input<string>() },
  output: 'reply',
  run: ({ docs }) => `reply to ${docs}`,
});
const rag = graph({ name: 'rag', nodes: [load, answer] });

/** What a graph says of itself. */
function portrait({ name, inputs, outputs, nodes }: AnyGraph): {
  inputs: GraphInputs;
  outputs: readonly string[];
  nodes: string[];
  name: string;
} {
  return { name, inputs, outputs, nodes: nodes.map((each) => each.name) };
}

describe('a modifier returns a new graph and leaves the old one as it was', () => {
  const bound = rag.bind({ k: 1 });

  test.each([
    { what: 'bind', from: rag, change: () => rag.bind({ k: 7 }) },
    { what: 'unbind', from: bound, change: () => bound.unbind('k') },
    { what: 'select', from: rag, change: () => rag.select('docs') },
    { what: 'startAt', from: rag, change: () => rag.startAt('answer') },
    { what: 'add', from: rag, change: () => rag.add(node({ name: 'more', output: 'extra', run: () => 1 })) },
    { what: 'rename of an input', from: rag, change: () => rag.rename({ inputs: { query: 'question' } }) },
    { what: 'rename of an output', from: rag, change: () => rag.rename({ outputs: { reply: 'text' } }) },
  ])('$what', ({ from, change }) => {
    const before = structuredClone(portrait(from));

    const changed: AnyGraph = change();

    expect(portrait(from)).toEqual(before);
    expect(portrait(changed)).not.toEqual(before);
    expect(Object.isFrozen(changed)).toBe(true);
  });

  test('which runs as before', async () => {
    const runner = createRunner();
    rag
      .bind({ query: 'bound', k: 1 })
      .select('docs')
      .rename({ outputs: { docs: 'found' } });

    const { outputs } = await runner.run(rag, { query: 'q' });

    expect(outputs).toEqual({ reply: 'reply to 5 of q' });
  });

  test('so that two graphs of one do not meet', async () => {
    const runner = createRunner();
    const [few, many] = [rag.bind({ k: 1 }), rag.bind({ k: 100 })];

    const results = await Promise.all([runner.run(few, { query: 'q' }), runner.run(many, { query: 'q' })]);

    expect(results.map(({ outputs }) => outputs.reply)).toEqual(['reply to 1 of q', 'reply to 100 of q']);
  });

  test('of the same name', () => {
    expect(rag.bind({ k: 1 }).select('docs').name).toBe('rag');
  });
});

describe('bind', () => {
  test('adds to what is bound, and the last value wins', () => {
    const g = rag.bind({ k: 1 }).bind({ query: 'q' }).bind({ k: 2 });

    expect(g.inputs).toEqual({ required: [], optional: [], bound: { k: 2, query: 'q' } });
  });

  test('of nothing changes nothing', () => {
    expect(rag.bind({}).inputs).toEqual(rag.inputs);
  });

  test('does not follow the object that it was given', () => {
    const values = { k: 1 };
    const g = rag.bind(values);

    values.k = 2;

    expect(g.inputs.bound).toEqual({ k: 1 });
  });

  test.each([null, undefined, false, 0])('takes %j as a value', async (value) => {
    const read = node({ name: 'read', inputs: { x: input<unknown>() }, output: 'seen', run: ({ x }) => [x] });
    const g = graph({ name: 'reading', nodes: [read] }).bind({ x: value });

    const { outputs } = await createRunner().run(g, {});

    expect(outputs).toEqual({ seen: [value] });
  });

  test('may come before the node that reads it is cut away', () => {
    const g = rag.bind({ k: 1 }).startAt('answer');

    expect(g.inputs).toEqual({ required: ['docs'], optional: [], bound: {} });
  });

  test('of an output is legal once that is an input', async () => {
    const g = rag.startAt('answer').bind({ docs: 'mine' });

    const { outputs } = await createRunner().run(g, {});

    expect(outputs).toEqual({ reply: 'reply to mine' });
  });

  test('of an input is refused for the node that would make it', () => {
    const error = refusalOf(() => build([step('a', ['p'], ['x'])]).bind({ x: 1 }));

    expect(error.hint).toContain('"p"');
  });

  test('has its value parsed by the schema, as a given one is', async () => {
    const read = node({
      name: 'read',
      inputs: { n: z.string().transform(Number) },
      output: 'next',
      run: ({ n }) => n + 1,
    });
    const g = graph({ name: 'parsing', nodes: [read] }).bind({ n: '41' });

    const { outputs } = await createRunner().run(g, {});

    expect(outputs).toEqual({ next: 42 });
  });

  test('takes the name that rename gave', async () => {
    const g = rag.rename({ inputs: { query: 'question' } }).bind({ question: 'q' });

    const { outputs } = await createRunner().run(g, {});

    expect(g.inputs.bound).toEqual({ question: 'q' });
    expect(outputs).toEqual({ reply: 'reply to 5 of q' });
  });

  test('knows an old name no more', () => {
    const g = build([load, answer]).rename({ inputs: { query: 'question' } });

    const error = refusalOf(() => g.bind({ query: 'q' }));

    expect(error.message).toContain('"query"');
  });

  test('suggests the name that rename gave', () => {
    const g = build([load, answer]).rename({ inputs: { query: 'question' } });

    const error = refusalOf(() => g.bind({ questoin: 'q' }));

    expect(error.hint).toBe('Did you mean "question"?');
  });
});

describe('unbind', () => {
  test('makes the input what it was', () => {
    const g = rag.bind({ query: 'q', k: 1 });

    expect(g.unbind('k').inputs).toEqual({ required: [], optional: ['k'], bound: { query: 'q' } });
    expect(g.unbind('query', 'k').inputs).toEqual(rag.inputs);
  });

  test('gives the default back to the run', async () => {
    const { outputs } = await createRunner().run(rag.bind({ k: 1 }).unbind('k'), { query: 'q' });

    expect(outputs).toEqual({ reply: 'reply to 5 of q' });
  });

  test('takes the name that rename gave', () => {
    const g = rag.bind({ k: 1 }).rename({ inputs: { k: 'limit' } });

    expect(g.inputs.bound).toEqual({ limit: 1 });
    expect(g.unbind('limit').inputs.optional).toEqual(['limit']);
  });

  test('knows an old name no more', () => {
    const g = build([load, answer])
      .bind({ k: 1 })
      .rename({ inputs: { k: 'limit' } });

    expect(refusalOf(() => g.unbind('k')).message).toContain('"k"');
  });

  test('suggests the name that rename gave', () => {
    const g = build([load, answer])
      .bind({ k: 1 })
      .rename({ inputs: { k: 'limit' } });

    expect(refusalOf(() => g.unbind('limt')).hint).toBe('Did you mean "limit"?');
  });
});

describe('add', () => {
  test('wires the new node to those that are there', async () => {
    const show = node({
      name: 'show',
      inputs: { reply: input<string>() },
      output: 'page',
      run: ({ reply }) => `<p>${reply}</p>`,
    });
    const g = rag.add(show);

    const { outputs } = await createRunner().run(g, { query: 'q' });

    expect(g.nodes.map(({ name }) => name)).toEqual(['load', 'answer', 'show']);
    expect(outputs).toEqual({ page: '<p>reply to 5 of q</p>' });
  });

  test('makes of an input what a new node makes', () => {
    const ask = node({
      name: 'ask',
      inputs: { user: input<string>() },
      output: 'query',
      run: ({ user }) => user,
    });

    const g = rag.add(ask);

    expect(g.inputs).toEqual({ required: ['user'], optional: ['k'], bound: {} });
  });

  test('takes several nodes that hang on each other', () => {
    const g = build([step('a', [], ['x'])]).add(step('c', ['y'], ['z']), step('b', ['x'], ['y']));

    expect(g.outputs).toEqual(['z']);
  });

  test('keeps binds, and the names that rename gave', () => {
    const g = rag.bind({ k: 1 }).rename({ inputs: { query: 'question' }, outputs: { reply: 'text' } });

    const more = g.add(node({ name: 'more', output: 'extra', run: () => 1 }));

    expect(more.inputs).toEqual({ required: ['question'], optional: [], bound: { k: 1 } });
    expect(more.outputs).toEqual(['text', 'extra']);
  });

  test('keeps the selection', () => {
    const g = rag.select('docs').add(node({ name: 'more', output: 'extra', run: () => 1 }));

    expect(g.outputs).toEqual(['docs']);
  });

  test('keeps what the graph was told of shared names', () => {
    const g = build([step('a', ['s'], ['s', 'p'])], { shared: ['s'] }).add(step('b', ['p', 's'], ['s', 'q']));

    expect(g.inputs.required).toEqual(['s']);
  });
});

describe('rename', () => {
  test('changes the name of an input for the run', async () => {
    const g = rag.rename({ inputs: { query: 'question', k: 'limit' } });

    const { outputs } = await createRunner().run(g, { question: 'q', limit: 2 });

    expect(g.inputs).toEqual({ required: ['question'], optional: ['limit'], bound: {} });
    expect(outputs).toEqual({ reply: 'reply to 2 of q' });
  });

  test('changes the name of an output in the result', async () => {
    const g = rag.rename({ outputs: { reply: 'text' } });

    const { outputs, answer: whole } = await createRunner().run(g, { query: 'q' });

    expect(g.outputs).toEqual(['text']);
    expect(outputs).toEqual({ text: 'reply to 5 of q' });
    expect(whole).toBe(outputs);
  });

  test('may rename what it has renamed', () => {
    const g = rag.rename({ inputs: { query: 'question' } }).rename({ inputs: { question: 'text' } });

    expect(g.inputs.required).toEqual(['text']);
  });

  test('may swap two names', async () => {
    const pair = node({
      name: 'pair',
      inputs: { a: input<string>(), b: input<string>() },
      output: 'seen',
      run: ({ a, b }) => a + b,
    });
    const g = graph({ name: 'swapping', nodes: [pair] }).rename({ inputs: { a: 'b', b: 'a' } });

    const { outputs } = await createRunner().run(g, { a: 'x', b: 'y' });

    expect(outputs).toEqual({ seen: 'yx' });
  });

  test('may give the old name back', () => {
    const g = rag.rename({ inputs: { query: 'question' } }).rename({ inputs: { question: 'query' } });

    expect(g.inputs).toEqual(rag.inputs);
  });

  test('knows an old name no more', () => {
    const g = build([load, answer]).rename({ inputs: { query: 'question' }, outputs: { reply: 'text' } });

    expect(refusalOf(() => g.rename({ inputs: { query: 'q' } })).message).toContain('"query"');
    expect(refusalOf(() => g.rename({ outputs: { reply: 'r' } })).message).toContain('"reply"');
    expect(refusalOf(() => g.select('reply')).message).toContain('"reply"');
  });

  test('lets another name take the old one', async () => {
    const g = build([step('a', ['p', 'q'], ['x'])])
      .rename({ inputs: { p: 'first' } })
      .rename({ inputs: { q: 'p' } });

    const { outputs } = await createRunner().run(g, { first: 1, p: 2 });

    expect(outputs).toEqual({ x: 'a(1, 2)' });
  });

  test('of a seed leaves the output that has its name', async () => {
    const inc = node({
      name: 'inc',
      inputs: { count: input<number>() },
      output: 'count',
      run: ({ count }) => count + 1,
    });
    const g = graph({ name: 'once', nodes: [inc] }).rename({ inputs: { count: 'start' } });

    const { outputs } = await createRunner().run(g, { start: 1 });

    expect(outputs).toEqual({ count: 2 });
  });

  test('of an output that was selected keeps the selection', async () => {
    const g = rag.select('docs').rename({ outputs: { docs: 'found' } });

    const { outputs } = await createRunner().run(g, { query: 'q' });

    expect(g.outputs).toEqual(['found']);
    expect(outputs).toEqual({ found: '5 of q' });
  });

  test('goes with the graph into another one', async () => {
    const g = rag.rename({ inputs: { query: 'question' }, outputs: { reply: 'text' } });
    const outer = graph({ name: 'outer', nodes: [g.asNode({ namespace: true })] });

    const names = [...outer.inputs.required, ...outer.inputs.optional, ...outer.outputs];

    expect(names).toContain('rag.k');
    expect(names.filter((name) => /question|text/.test(name))).toHaveLength(2);
  });

  test('suggests the names as they are now', () => {
    const g = build([load, answer]).rename({ inputs: { query: 'question' }, outputs: { reply: 'text' } });

    expect(refusalOf(() => g.rename({ inputs: { questoin: 'q' } })).hint).toContain('"question"');
    expect(refusalOf(() => g.rename({ outputs: { txet: 'q' } })).hint).toContain('"text"');
    expect(refusalOf(() => g.select('txet')).hint).toContain('"text"');
    expect(refusalOf(() => g.asNode({ expose: { questoin: 'q' } })).hint).toContain('"question"');
    expect(refusalOf(() => g.asNode({ mapOver: 'questoin' })).hint).toContain('"question"');
  });

  test.each([
    { what: 'an empty name', names: { inputs: { query: '' } } },
    { what: 'no text', names: { outputs: { reply: 5 } } },
    { what: 'an unknown part', names: { input: { query: 'q' } } },
  ])('to $what is an InvalidInputError', ({ names }) => {
    const given: object = names;

    expect(() => build([load, answer]).rename(given)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    );
  });
});

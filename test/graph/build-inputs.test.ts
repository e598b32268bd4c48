import { createRunner, END, graph, input, interrupt, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { build, gate, step } from './build-parts.ts';

const inc = node({
  name: 'inc',
  inputs: { count: input<number>() },
  output: 'count',
  run: ({ count }) => count + 1,
});
const again = route({
  name: 'again',
  inputs: { count: input<number>(), limit: input(3) },
  targets: ['inc', END],
  run: ({ count, limit }) => (count < limit ? 'inc' : END),
});

describe('the inputs of a graph', () => {
  test('are required where a node declares no default', () => {
    const g = build([step('a', ['x', 'y'], ['z'])]);

    expect(g.inputs).toEqual({ required: ['x', 'y'], optional: [], bound: {} });
  });

  test('are optional where a node declares a default', () => {
    const search = node({ name: 'search', inputs: { query: input<string>(), k: input(5) }, run: () => 1 });

    expect(graph({ name: 'g', nodes: [search] }).inputs).toEqual({
      required: ['query'],
      optional: ['k'],
      bound: {},
    });
  });

  test.each([
    { what: 'undefined', declaration: input<number | undefined>({ default: undefined }) },
    { what: 'null', declaration: input<number | null>(null) },
    { what: 'zero', declaration: input(0) },
    { what: 'an empty text', declaration: input('') },
    { what: 'one beside a schema', declaration: input({ default: 1, schema: z.number() }) },
  ])('are optional where the default is $what', async ({ declaration }) => {
    const read = node({ name: 'read', inputs: { k: declaration }, output: 'seen', run: ({ k }) => [k] });
    const g = build([read]);

    const { outputs } = await createRunner().run(g, {});

    expect(g.inputs).toEqual({ required: [], optional: ['k'], bound: {} });
    expect(outputs).toEqual({ seen: ['default' in declaration ? declaration.default : 'none'] });
  });

  test('are required where a schema takes nothing for it', () => {
    const read = node({ name: 'read', inputs: { k: z.number() }, run: ({ k }) => k });

    expect(build([read]).inputs).toMatchObject({ required: ['k'], optional: [] });
  });

  test('are optional where a schema has a default of its own', async () => {
    const read = node({ name: 'read', inputs: { k: z.number().default(7) }, output: 'y', run: ({ k }) => k });
    const g = build([read]);

    const { outputs } = await createRunner().run(g, {});

    expect(g.inputs).toMatchObject({ required: [], optional: ['k'] });
    expect(outputs).toEqual({ y: 7 });
  });

  test('are bound where they were bound, with the value', () => {
    const g = build([step('a', ['x', 'y'], ['z'])]).bind({ x: 1 });

    expect(g.inputs).toEqual({ required: ['y'], optional: [], bound: { x: 1 } });
  });

  test('are bound where a default was bound over', () => {
    const search = node({ name: 'search', inputs: { k: input(5) }, run: () => 1 });

    expect(graph({ name: 'g', nodes: [search] }).bind({ k: 7 }).inputs).toEqual({
      required: [],
      optional: [],
      bound: { k: 7 },
    });
  });

  test('are none where every name is made', () => {
    const g = build([step('a', [], ['x']), step('b', ['x'], ['y'])]);

    expect(g.inputs).toEqual({ required: [], optional: [], bound: {} });
  });

  test('have no defaults of names that are made', () => {
    const read = node({ name: 'read', inputs: { x: input(1) }, run: ({ x }) => x });

    const g = build([step('a', [], ['x']), read]);

    expect(g.inputs).toEqual({ required: [], optional: [], bound: {} });
  });

  test('have those of a gate', () => {
    const g = build([gate('pick', ['a', END], ['score']), step('a', [], ['x'])]);

    expect(g.inputs.required).toEqual(['score']);
  });

  test('have those of an interrupt, and not its response', () => {
    const ask = interrupt({
      name: 'ask',
      inputs: { draft: input<string>() },
      response: 'decision',
      run: ({ draft }) => draft,
    });

    const g = build([ask, step('act', ['decision'], ['x'])]);

    expect(g.inputs.required).toEqual(['draft']);
  });

  test('have no announcements', () => {
    const g = build([step('a', [], [], { emits: ['done'] }), step('b', [], ['x'], { waitFor: ['done'] })]);

    expect(g.inputs).toEqual({ required: [], optional: [], bound: {} });
  });
});

describe('a seed', () => {
  test('that no start of its loop can do without is required', () => {
    const g = graph({ name: 'counter', nodes: [inc, again] });

    expect(g.inputs).toEqual({ required: ['count'], optional: ['limit'], bound: {} });
  });

  test('of which the starting node has a default is optional', async () => {
    const fromZero = node({
      name: 'inc',
      inputs: { count: input(0) },
      output: 'count',
      run: ({ count }) => count + 1,
    });
    const g = graph({ name: 'counter', nodes: [fromZero, again] });

    const { outputs } = await createRunner().run(g, {});

    expect(g.inputs.required).toEqual([]);
    expect(g.inputs.optional.toSorted()).toEqual(['count', 'limit']);
    expect(outputs).toEqual({ count: 3 });
  });

  test('of a node that reads what it makes is required', () => {
    expect(graph({ name: 'once', nodes: [inc] }).inputs.required).toEqual(['count']);
  });

  test('of a node that reads what it makes is optional where it has a default', async () => {
    const append = node({
      name: 'append',
      inputs: { list: input<string[]>([]), item: input<string>() },
      output: 'list',
      run: ({ list, item }) => [...list, item],
    });
    const g = graph({ name: 'once', nodes: [append] });

    const { outputs } = await createRunner().run(g, { item: 'a' });

    expect(g.inputs).toEqual({ required: ['item'], optional: ['list'], bound: {} });
    expect(outputs).toEqual({ list: ['a'] });
  });

  test('may be bound', async () => {
    const g = graph({ name: 'counter', nodes: [inc, again] }).bind({ count: 1 });

    const { outputs } = await createRunner().run(g, {});

    expect(g.inputs).toEqual({ required: [], optional: ['limit'], bound: { count: 1 } });
    expect(outputs).toEqual({ count: 3 });
  });

  test('that is given as undefined is given, as any other input is', async () => {
    const counts: unknown[] = [];
    const count = node({
      name: 'count',
      inputs: { last: input<number | undefined>() },
      output: 'last',
      run: ({ last }) => counts.push(last),
    });
    const more = route({
      name: 'more',
      inputs: { last: input<number | undefined>() },
      targets: ['count', END],
      run: ({ last }) => (last === undefined || last < 2 ? 'count' : END),
    });
    const g = graph({ name: 'counting', nodes: [count, more] });

    await createRunner().run(g, { last: undefined });

    expect(counts).toEqual([undefined, 1]);
  });

  test('that a node before the loop makes is no input', () => {
    const g = build([step('start', [], ['count']), inc, again]);

    expect(g.inputs).toMatchObject({ required: [], optional: ['limit'] });
  });

  const either = [
    step('fromP', ['p'], ['q']),
    gate('again', ['fromQ', END], ['q']),
    step('fromQ', ['q'], ['p']),
  ];

  test('without which another node can start is optional', () => {
    expect(build(either).inputs).toMatchObject({ required: [], optional: ['p', 'q'] });
  });

  test.each([
    { given: { p: 'seed' }, ran: ['fromP', 'again'] },
    { given: { q: 'seed' }, ran: ['fromQ', 'fromP', 'again'] },
  ])('starts the node that takes it ($given)', async ({ given, ran }) => {
    const once = route({
      name: 'again',
      inputs: { q: input<string>() },
      targets: ['fromQ', END],
      run: () => END,
    });
    const nodes = [step('fromP', ['p'], ['q']), once, step('fromQ', ['q'], ['p'])];

    const { info } = await createRunner().run(build(nodes), given);

    expect([...info.requests].slice(1).map((request) => request.nodeName)).toEqual(ran);
  });

  test('of which none is given is missing, and the error tells all of them', async () => {
    const runner = createRunner();

    const error = await runner.run(build(either), {}).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: 'MISSING_INPUT' });
    expect(error).toHaveProperty('hint', expect.stringMatching(/"p".*"q"/));
    expect(runner.info.runs).toEqual([]);
  });

  test('that only a gate needs is optional beside one that a node needs', async () => {
    const closed = route({
      name: 'judge',
      inputs: { draft: input<string>() },
      targets: ['improve', END],
      defaultOpen: false,
      run: ({ draft }) => (draft.length < 10 ? 'improve' : END),
    });
    const write = node({
      name: 'write',
      inputs: { note: input<string>() },
      output: 'draft',
      run: ({ note }) => `draft of ${note}`,
    });
    const improve = node({
      name: 'improve',
      inputs: { draft: input<string>() },
      output: 'note',
      run: ({ draft }) => `${draft}!`,
    });
    const g = graph({ name: 'drafts', nodes: [write, closed, improve] });

    const { outputs } = await createRunner().run(g, { draft: 'mine' });

    expect(g.inputs.required).toEqual([]);
    expect(outputs).toMatchObject({ draft: 'draft of mine!' });
  });
});

describe('the outputs of a graph', () => {
  test('are the names that no node reads', () => {
    const g = build([step('a', [], ['x', 'y']), step('b', ['x'], ['z'])]);

    expect(g.outputs.toSorted()).toEqual(['y', 'z']);
  });

  test('have no name that only a gate reads', () => {
    const g = build([step('a', [], ['x']), gate('pick', ['b', END], ['x']), step('b', [], ['y'])]);

    expect(g.outputs).toEqual(['y']);
  });

  test('have what a loop made that only the loop reads', () => {
    expect(graph({ name: 'counter', nodes: [inc, again] }).outputs).toEqual(['count']);
  });

  test('have no result of a loop that a node after it reads', () => {
    const g = build([inc, again, step('after', ['count'], ['z'])]);

    expect(g.outputs).toEqual(['z']);
  });

  test('have what a node makes and reads itself', () => {
    expect(graph({ name: 'once', nodes: [inc] }).outputs).toEqual(['count']);
  });

  test('have the one name of exclusive branches once', () => {
    const g = build([gate('pick', ['a', 'b']), step('a', [], ['x']), step('b', [], ['x'])]);

    expect(g.outputs).toEqual(['x']);
  });

  test('have the answer that no node reads', () => {
    const ask = interrupt({ name: 'ask', response: 'decision', run: () => '?' });

    expect(graph({ name: 'g', nodes: [ask] }).outputs).toEqual(['decision']);
  });

  test('have no inputs and no decisions', async () => {
    const g = build([gate('pick', ['a', END], ['score']), step('a', ['p'], ['x'])]);

    const { outputs } = await createRunner().run(g, { score: 1, p: 2 });

    expect(g.outputs).toEqual(['x']);
    expect(outputs).toEqual({ x: 'a(2)' });
  });

  test('are none of nodes without outputs', async () => {
    const { outputs } = await createRunner().run(build([step('a', ['p'])]), { p: 1 });

    expect(outputs).toEqual({});
  });

  test('are the selected ones, in the order of the selection', () => {
    const g = build([step('a', [], ['x']), step('b', ['x'], ['y'])]).select('y', 'x');

    expect(g.outputs).toEqual(['y', 'x']);
  });
});

describe('a graph', () => {
  const g = build([step('a', ['x'], ['y'])]).bind({ x: 1 });

  test.each([
    { what: 'itself', part: () => g },
    { what: 'its inputs', part: () => g.inputs },
    { what: 'its required inputs', part: () => g.inputs.required },
    { what: 'its bound inputs', part: () => g.inputs.bound },
    { what: 'its outputs', part: () => g.outputs },
    { what: 'its nodes', part: () => g.nodes },
  ])('is frozen: $what', ({ part }) => {
    expect(Object.isFrozen(part())).toBe(true);
  });

  test('does not change with the list of nodes that it was given', () => {
    const nodes = [step('a', ['x'], ['y'])];
    const built = build(nodes);

    nodes.push(step('b', ['y'], ['z']));

    expect(built.nodes.map(({ name }) => name)).toEqual(['a']);
    expect(built.outputs).toEqual(['y']);
  });

  test('knows its name and kind', () => {
    expect(g).toMatchObject({ name: 'g', kind: 'graph' });
  });
});

import { createRunner, END, graph, input, interrupt, node, route, type RunResult } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { rejectionOf } from '../support/deferred.ts';

const keysOf = (result: RunResult): string[] => result.pauses.map((pause) => pause.key);

const greet = node({
  name: 'greet',
  inputs: { greeting: input<string>() },
  output: 'text',
  run: async ({ greeting }, ctx) =>
    `${greeting} ${await ctx.interrupt<string>('Whose name?', { key: 'name', schema: z.string() })}`,
});
const greeting = graph({ name: 'inner', nodes: [greet] });

describe('a question that a plain node asks', () => {
  test('in a graph pauses the run under its own key, with the node on its path', async () => {
    const runner = createRunner();
    const paused = await runner.run(greeting, { greeting: 'Hello' });

    const { outputs } = await runner.respond(paused.runId, 'name', 'Ada');

    expect(paused).toMatchObject({ status: 'paused', nodes: { greet: 'paused' } });
    expect(paused.pauses).toMatchObject([{ key: 'name', node: 'greet', path: ['inner', 'greet'] }]);
    expect(outputs).toEqual({ text: 'Hello Ada' });
  });

  test('in a namespaced place has the path for its key', async () => {
    const runner = createRunner();
    const outer = graph({ name: 'outer', nodes: [greeting.asNode({ namespace: true })] });
    const paused = await runner.run(outer, { 'inner.greeting': 'Hello' });

    const { outputs } = await runner.respond(paused.runId, 'inner.name', 'Ada');

    expect(paused.pauses).toMatchObject([{ key: 'inner.name', path: ['outer', 'inner', 'greet'] }]);
    expect(outputs).toEqual({ 'inner.text': 'Hello Ada' });
  });

  test('in two namespaces has both in its key', async () => {
    const runner = createRunner();
    const middle = graph({ name: 'middle', nodes: [greeting.asNode({ namespace: true })] });
    const outer = graph({ name: 'outer', nodes: [middle.asNode({ namespace: true })] });

    const paused = await runner.run(outer, { 'middle.inner.greeting': 'Hello' });

    expect(keysOf(paused)).toEqual(['middle.inner.name']);
  });

  test('in a place without a namespace keeps its key', async () => {
    const runner = createRunner();

    const paused = await runner.run(graph({ name: 'outer', nodes: [greeting.asNode()] }), {
      greeting: 'Hello',
    });

    expect(paused.pauses).toMatchObject([{ key: 'name', path: ['outer', 'inner', 'greet'] }]);
  });

  test('is answered by a handler under its namespaced key', async () => {
    const outer = graph({ name: 'outer', nodes: [greeting.asNode({ namespace: true })] });
    const runner = createRunner({ interruptHandlers: { 'inner.name': () => 'Ada' } });

    const { outputs } = await runner.run(outer, { 'inner.greeting': 'Hello' });

    expect(outputs).toEqual({ 'inner.text': 'Hello Ada' });
  });

  test('stays open when an answer does not fit its schema', async () => {
    const runner = createRunner();
    const outer = graph({ name: 'outer', nodes: [greeting.asNode({ namespace: true })] });
    const { runId } = await runner.run(outer, { 'inner.greeting': 'Hello' });

    const error = await rejectionOf(runner.respond(runId, 'inner.name', 5));
    const { outputs } = await runner.respond(runId, 'inner.name', 'Ada');

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(outputs).toEqual({ 'inner.text': 'Hello Ada' });
  });

  test('below a call in a namespaced place has the path of the graph for its key', async () => {
    const runner = createRunner();
    const asks = node('asks', (_: unknown, ctx) => ctx.interrupt<string>('Who?', { key: 'who' }));
    const calls = node({
      name: 'calls',
      inputs: { greeting: input<string>() },
      output: 'text',
      run: async ({ greeting: word }, ctx) => `${word} ${await ctx.call(asks)}`,
    });
    const inner = graph({ name: 'inner', nodes: [calls] });
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ namespace: true })] });
    const paused = await runner.run(outer, { 'inner.greeting': 'Hello' });

    const { outputs } = await runner.respond(paused.runId, 'inner.who', 'Ada');

    expect(paused.pauses).toMatchObject([
      { key: 'inner.who', node: 'asks', path: ['outer', 'inner', 'calls', 'asks'] },
    ]);
    expect(outputs).toEqual({ 'inner.text': 'Hello Ada' });
  });

  test('is open beside an interrupt of the same graph', async () => {
    const runner = createRunner();
    const askTone = interrupt({ name: 'askTone', response: 'tone', run: () => 'Which tone?' });
    const inner = graph({ name: 'inner', nodes: [greet, askTone] });
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ namespace: true })] });
    const paused = await runner.run(outer, { 'inner.greeting': 'Hello' });

    await runner.respond(paused.runId, 'inner.tone', 'dry');
    const { outputs } = await runner.respond(paused.runId, 'inner.name', 'Ada');

    expect(keysOf(paused).toSorted()).toEqual(['inner.name', 'inner.tone']);
    expect(outputs).toEqual({ 'inner.text': 'Hello Ada', 'inner.tone': 'dry' });
  });
});

describe('an answer up front to a nested question', () => {
  const length = z.string().transform((text) => text.length);
  const ask = interrupt({ name: 'ask', response: 'size', schema: length, run: () => 'Text?' });
  const inner = graph({ name: 'inner', nodes: [ask] });

  test.each([
    ['under its response name', inner.asNode(), { size: 'four' }, { size: 4 }],
    [
      'under its namespaced name',
      inner.asNode({ namespace: true }),
      { 'inner.size': 'four' },
      { 'inner.size': 4 },
    ],
    [
      'under its exposed name',
      inner.asNode({ expose: { size: 'length' } }),
      { length: 'four' },
      { length: 4 },
    ],
    [
      'under its renamed name',
      inner.rename({ outputs: { size: 'count' } }).asNode(),
      { count: 'four' },
      { count: 4 },
    ],
  ])('%s answers it, parsed by the schema once', async (_, nested, given, expected) => {
    const runner = createRunner();
    const middle = graph({ name: 'middle', nodes: [nested] });
    const outer = graph({ name: 'outer', nodes: [middle.asNode()] });

    const { status, outputs } = await runner.run(outer, given);

    expect(status).toBe('completed');
    expect(outputs).toEqual(expected);
  });

  test('that does not fit the schema is an InvalidInputError, and nothing runs', async () => {
    const runner = createRunner();
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ namespace: true })] });
    const wrong: object = { 'inner.size': 4 };

    const error = await rejectionOf(runner.run(outer, wrong));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(runner.info.runs).toEqual([]);
  });

  test('is no required input of the outer graph', () => {
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ namespace: true })] });

    expect(outer.inputs.required).toEqual([]);
  });

  test('is no wire: a node that makes the name outside is none of its business', async () => {
    const runner = createRunner();
    const reader = node({
      name: 'reader',
      inputs: { size: input<number>() },
      output: 'doubled',
      run: ({ size }) => size * 2,
    });
    const reading = graph({ name: 'inner', nodes: [ask, reader] });
    const make = node({ name: 'make', inputs: {}, output: 'size', run: () => 'from outside' });
    const outer = graph({ name: 'outer', nodes: [make, reading.asNode({ namespace: true })] });

    const paused = await runner.run(outer);

    expect(keysOf(paused)).toEqual(['inner.size']);
  });
});

describe('a question in a nested loop', () => {
  const ask = interrupt({
    name: 'ask',
    inputs: { draft: input<string>() },
    response: 'verdict',
    schema: z.string(),
    run: ({ draft }) => draft,
  });
  const again = route({
    name: 'again',
    inputs: { verdict: input<string>() },
    targets: ['revise', END],
    run: ({ verdict }) => (verdict === 'ok' ? END : 'revise'),
  });
  const revise = node({
    name: 'revise',
    inputs: { draft: input<string>(), verdict: input<string>() },
    output: 'draft',
    run: ({ draft, verdict }) => `${draft}+${verdict}`,
  });
  const review = graph({ name: 'review', nodes: [ask, again, revise] });
  const outer = graph({ name: 'outer', nodes: [review.asNode({ namespace: true })] });

  test('opens again under its namespaced key', async () => {
    const runner = createRunner();
    const first = await runner.run(outer, { 'review.draft': 'v' });

    const second = await runner.respond(first.runId, 'review.verdict', 'a');
    const last = await runner.respond(first.runId, 'review.verdict', 'ok');

    expect([first, second].map(({ pauses }) => pauses.map(({ key, value }) => [key, value]))).toEqual([
      [['review.verdict', 'v']],
      [['review.verdict', 'v+a']],
    ]);
    expect(last.outputs).toEqual({ 'review.draft': 'v+a', 'review.verdict': 'ok' });
  });

  test('is answered up front once', async () => {
    const runner = createRunner();

    const { pauses } = await runner.run(outer, { 'review.draft': 'v', 'review.verdict': 'a' });

    expect(pauses).toMatchObject([{ key: 'review.verdict', value: 'v+a' }]);
  });

  test('is answered up front once also where the loop is around the nested graph', async () => {
    const runner = createRunner();
    const asking = graph({ name: 'asking', nodes: [ask] });
    const looping = graph({ name: 'looping', nodes: [asking.asNode(), again, revise] });

    const paused = await runner.run(looping, { draft: 'v', verdict: 'a' });
    const { outputs } = await runner.respond(paused.runId, 'verdict', 'ok');

    expect(paused.pauses).toMatchObject([
      { key: 'verdict', value: 'v+a', path: ['looping', 'asking', 'ask'] },
    ]);
    expect(outputs).toEqual({ draft: 'v+a', verdict: 'ok' });
  });

  test('is answered by a handler once a turn', async () => {
    const asked: unknown[] = [];
    const runner = createRunner({
      interruptHandlers: { 'review.verdict': (question) => (asked.push(question) < 3 ? 'a' : 'ok') },
    });

    const { outputs } = await runner.run(outer, { 'review.draft': 'v' });

    expect(asked).toEqual(['v', 'v+a', 'v+a+a']);
    expect(outputs).toEqual({ 'review.draft': 'v+a+a', 'review.verdict': 'ok' });
  });
});

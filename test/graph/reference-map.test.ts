import { createRunner, graph, input, interrupt, node } from 'troupe';
import { memoryCache } from 'troupe/cache';
import { describe, expect, test } from 'vitest';
import { rejectionOf, thrownBy } from '../support/deferred.ts';
import { eventLog, ofType } from '../support/runs.ts';

// What the references promise of `map`: a graph once for each item, by zip or by product.

const answer = node({
  name: 'answer',
  inputs: { query: input<string>(), tone: input('plain') },
  output: 'answer',
  run: async ({ query, tone }) => `${tone} ${query}`,
});
const asking = graph({ name: 'asking', nodes: [answer] });

const pair = node({
  name: 'pair',
  inputs: { a: input<number>(), b: input<string>() },
  output: 'pair',
  run: ({ a, b }) => `${a}${b}`,
});
const pairing = graph({ name: 'pairing', nodes: [pair] });

describe('runner.map', () => {
  test('runs a graph for each item and gives the results in order', async () => {
    await using runner = createRunner();

    const batch = await runner.map(asking, { query: ['Q1', 'Q2', 'Q3'] }, { over: 'query' });

    expect(batch.status).toBe('completed');
    expect(batch.column('answer')).toEqual(['plain Q1', 'plain Q2', 'plain Q3']);
  });

  test('gives each item what is not mapped over', async () => {
    await using runner = createRunner();

    const batch = await runner.map(asking, { query: ['Q1', 'Q2'], tone: 'kind' }, { over: 'query' });

    expect(batch.column('answer')).toEqual(['kind Q1', 'kind Q2']);
  });

  test('takes lists pairwise by zip, which is the default', async () => {
    await using runner = createRunner();

    const batch = await runner.map(pairing, { a: [1, 2], b: ['x', 'y'] }, { over: ['a', 'b'] });

    expect(batch.column('pair')).toEqual(['1x', '2y']);
  });

  test('takes each with each by product, the first name outermost', async () => {
    await using runner = createRunner();

    const batch = await runner.map(
      pairing,
      { a: [1, 2], b: ['x', 'y', 'z'] },
      { over: ['a', 'b'], mode: 'product' },
    );

    expect(batch.column('pair')).toEqual(['1x', '1y', '1z', '2x', '2y', '2z']);
  });

  test('refuses lists of different lengths under zip', async () => {
    await using runner = createRunner();

    const error = await rejectionOf(runner.map(pairing, { a: [1, 2], b: ['x'] }, { over: ['a', 'b'] }));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('gives an empty batch for an empty list', async () => {
    await using runner = createRunner();

    const batch = await runner.map(asking, { query: [] }, { over: 'query' });

    expect([batch.status, batch.length]).toEqual(['completed', 0]);
  });

  test('runs equal items once where their node is cached', async () => {
    const calls: string[] = [];
    const slow = node({
      name: 'slow',
      inputs: { query: input<string>() },
      output: 'answer',
      cache: { version: '1' },
      run: ({ query }) => {
        calls.push(query);
        return query.length;
      },
    });
    await using runner = createRunner({ cache: memoryCache() });

    const batch = await runner.map(
      graph({ name: 'g', nodes: [slow] }),
      { query: ['a', 'a', 'b'] },
      { over: 'query' },
    );

    expect(batch.column('answer')).toEqual([1, 1, 1]);
    expect(calls.toSorted()).toEqual(['a', 'b']);
  });

  test('puts all items under the session that it is given', async () => {
    const { events, subscriber } = eventLog();
    await using runner = createRunner({ subscriber });

    await runner.map(asking, { query: ['Q1', 'Q2'] }, { over: 'query', sessionId: 'evaluation' });

    expect(ofType(events, 'RunStart').map((event) => event.sessionId)).toEqual(['evaluation', 'evaluation']);
  });
});

describe('questions and maps', () => {
  const ask = interrupt({
    name: 'ask',
    inputs: { text: input<string>() },
    response: 'decision',
    run: ({ text }) => text,
  });
  const asked = graph({ name: 'asked', nodes: [ask] });

  test('each item of runner.map pauses for itself and is answered by its own run', async () => {
    await using runner = createRunner();

    const batch = await runner.map(asked, { text: ['a', 'b'] }, { over: 'text' });
    const [first, second] = batch;
    const answered = await runner.respond(second?.runId ?? '', 'decision', 'yes');

    expect(batch.status).toBe('paused');
    expect([first?.pauses[0]?.value, second?.pauses[0]?.value]).toEqual(['a', 'b']);
    expect(answered.outputs).toEqual({ decision: 'yes' });
  });

  test('a graph that asks cannot be mapped over inside another', () => {
    const error = thrownBy(() => asked.asNode({ mapOver: 'text' }));

    expect(error).toMatchObject({ code: 'GRAPH_CONFIG' });
  });
});

describe('mapOver', () => {
  test('maps a nested graph over a list, and the others are broadcast', async () => {
    const collect = node({
      name: 'collect',
      inputs: { answer: input<readonly string[]>() },
      output: 'all',
      run: ({ answer: each }) => each.join(', '),
    });
    const outer = graph({ name: 'outer', nodes: [asking.asNode({ mapOver: 'query' }), collect] });
    await using runner = createRunner();

    const { outputs } = await runner.run(outer, { query: ['Q1', 'Q2'], tone: 'kind' });

    expect(outputs).toEqual({ all: 'kind Q1, kind Q2' });
  });

  test('combines lists by product, the first name outermost', async () => {
    const outer = graph({
      name: 'outer',
      nodes: [pairing.asNode({ mapOver: ['b', 'a'], mapMode: 'product' })],
    });
    await using runner = createRunner();

    const { outputs } = await runner.run(outer, { a: [1, 2], b: ['x', 'y'] });

    expect(outputs).toEqual({ pair: ['1x', '2x', '1y', '2y'] });
  });

  test('fails under zip for lists of different lengths', async () => {
    const outer = graph({ name: 'outer', nodes: [pairing.asNode({ mapOver: ['a', 'b'] })] });
    await using runner = createRunner();

    const error = await rejectionOf(runner.run(outer, { a: [1, 2], b: ['x'] }));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

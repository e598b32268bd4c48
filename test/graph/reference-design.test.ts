import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRunner, END, graph, ifElse, input, interrupt, node, progress } from 'troupe';
import { diskCache, memoryCache } from 'troupe/cache';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deferred, thrownBy } from '../support/deferred.ts';
import { eventLog, ofType } from '../support/runs.ts';

// What the design of HyperNodes' runners promises: graphs define, runners execute.

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-reference-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const double = node({
  name: 'double',
  inputs: { x: input<number>() },
  output: 'doubled',
  run: ({ x }) => x * 2,
});
const doubling = graph({ name: 'doubling', nodes: [double] });

/** A graph of one cached node, and how often its body ran. */
function countedGraph() {
  const calls: string[] = [];
  const generate = node({
    name: 'generate',
    inputs: { query: input<string>() },
    output: 'answer',
    cache: { version: '1' },
    run: ({ query }) => {
      calls.push(query);
      return `answer to ${query}`;
    },
  });
  return { calls, asking: graph({ name: 'asking', nodes: [generate] }) };
}

describe('a graph is a definition, and a runner runs it', () => {
  test('a runner gives the outputs of a graph by name', async () => {
    await using runner = createRunner();

    const { outputs } = await runner.run(doubling, { x: 5 });

    expect(outputs).toEqual({ doubled: 10 });
  });

  test('one graph runs synchronously and asynchronously', async () => {
    await using runner = createRunner();

    const onTheStack = runner.runSync(doubling, { x: 5 });
    const later = await runner.run(doubling, { x: 5 });

    expect(onTheStack.outputs).toEqual(later.outputs);
  });

  test('a graph cannot run itself', () => {
    expect('run' in doubling).toBe(false);
  });

  test('a graph takes no cache', () => {
    const error = thrownBy(() =>
      // @ts-expect-error a cache belongs to the runner
      graph({ name: 'asking', nodes: [double], cache: memoryCache() }),
    );

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('one runner serves several graphs, whose results go from one to the next', async () => {
    const answer = node({
      name: 'answer',
      inputs: { query: input<string>() },
      output: 'answer',
      run: ({ query }) => `${query}!`,
    });
    const sum = node({
      name: 'sum',
      inputs: { text: input<string>() },
      output: 'summary',
      run: ({ text }) => text.slice(0, 3),
    });
    const judge = node({
      name: 'judge',
      inputs: { prediction: input<string>() },
      output: 'score',
      run: ({ prediction }) => prediction.length,
    });
    const { events, subscriber } = eventLog();
    await using runner = createRunner({ cache: memoryCache(), subscriber });

    const first = await runner.run(graph({ name: 'rag', nodes: [answer] }), { query: 'what' });
    const second = await runner.run(graph({ name: 'summing', nodes: [sum] }), { text: 'a long text' });
    const third = await runner.run(graph({ name: 'judging', nodes: [judge] }), {
      prediction: first.outputs.answer,
    });

    expect([first.outputs, second.outputs, third.outputs]).toEqual([
      { answer: 'what!' },
      { summary: 'a l' },
      { score: 5 },
    ]);
    expect(ofType(events, 'RunStart').map((event) => event.target)).toEqual(['rag', 'summing', 'judging']);
  });
});

describe('the cache belongs to the runner', () => {
  test('the second of two runs is served from disk', async () => {
    const { asking, calls } = countedGraph();
    await using cache = diskCache({ dir: join(folder, 'twice') });
    await using runner = createRunner({ cache });

    const first = await runner.run(asking, { query: 'hello' });
    const second = await runner.run(asking, { query: 'hello' });

    expect(calls).toEqual(['hello']);
    expect(second.outputs).toEqual(first.outputs);
  });

  test('a synchronous and an asynchronous run share it', async () => {
    const { asking, calls } = countedGraph();
    await using runner = createRunner({ cache: memoryCache() });

    runner.runSync(asking, { query: 'hello' });
    await runner.run(asking, { query: 'hello' });

    expect(calls).toEqual(['hello']);
  });

  test('one graph may have one cache in one runner and another in the next', async () => {
    const { asking, calls } = countedGraph();
    await using staging = createRunner({ cache: memoryCache() });
    await using production = createRunner({ cache: memoryCache() });

    await staging.run(asking, { query: 'hello' });
    await production.run(asking, { query: 'hello' });

    expect(calls).toEqual(['hello', 'hello']);
  });
});

describe('a runner tells what happens', () => {
  test('a progress processor shows the nodes of a graph', async () => {
    const written: string[] = [];
    await using runner = createRunner({
      processors: [progress({ stream: { write: (text) => written.push(text) } })],
    });

    await runner.run(doubling, { x: 5 });
    await runner.close();

    expect(written.join('')).toContain('double');
  });

  test('a run that is iterated gives chunks and questions, takes answers, and has a result', async () => {
    const generate = node({
      name: 'generate',
      inputs: { query: input<string>() },
      output: 'text',
      *run({ query }) {
        for (const word of query.split(' ')) yield word.toUpperCase();
      },
    });
    const review = interrupt({
      name: 'review',
      inputs: { text: input<readonly string[]>() },
      response: 'choice',
      run: ({ text }) => text.join(' '),
    });
    const isApproved = ifElse({
      name: 'isApproved',
      inputs: { choice: input<unknown>() },
      then: 'publish',
      else: END,
      run: ({ choice }) => choice === 'approve',
    });
    const publish = node({
      name: 'publish',
      inputs: { text: input<readonly string[]>() },
      output: 'answer',
      run: ({ text }) => `published: ${text.join(' ')}`,
    });
    const chunks: unknown[] = [];
    await using runner = createRunner();

    const run = runner.iter(graph({ name: 'g', nodes: [generate, review, isApproved, publish] }), {
      query: 'hello you',
    });
    for await (const event of run) {
      if (event.type === 'StreamingChunk') chunks.push(event.chunk);
      if (event.type === 'Interrupt') await run.respond(event.key, 'approve');
    }
    const { outputs } = await run.result;

    expect(chunks).toEqual(['HELLO', 'YOU']);
    expect(outputs.answer).toBe('published: HELLO YOU');
  });

  test('asynchronous nodes that do not depend on each other run concurrently', async () => {
    const [one, two] = [deferred<number>(), deferred<number>()];
    const left = node({
      name: 'left',
      output: 'a',
      run: () => {
        one.resolve(1);
        return two.promise;
      },
    });
    const right = node({
      name: 'right',
      output: 'b',
      run: () => {
        two.resolve(2);
        return one.promise;
      },
    });
    await using runner = createRunner();

    const { outputs } = await runner.run(graph({ name: 'g', nodes: [left, right] }));

    expect(outputs).toEqual({ a: 2, b: 1 });
  });
});

import { createRunner, END, graph, ifElse, input, interrupt, node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { never, rejectionOf } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf, unendedOf } from '../support/forest.ts';
import { stageFor } from '../support/runs.ts';

const add = node({
  name: 'add',
  inputs: { a: input<number>(), b: input(1) },
  output: 'sum',
  run: ({ a, b }) => a + b,
});
const square = node({
  name: 'square',
  inputs: { sum: input<number>() },
  output: 'squared',
  run: ({ sum }) => sum * sum,
});
const computing = graph({ name: 'computing', nodes: [add, square] });
const boom = new Error('boom');

describe('a graph that a node calls', () => {
  test('answers with its outputs by name', async () => {
    const caller = node('caller', async (a: number, ctx) => {
      const { squared } = await ctx.call(computing.asNode(), { a });
      return squared + 1;
    });

    const { answer } = await createRunner().run(caller, 2);

    expect(answer).toBe(10);
  });

  test('is a request of kind graph below its caller, with its nodes below it', async () => {
    const caller = node('caller', (a: number, ctx) => ctx.call(computing.asNode({ name: 'part' }), { a }));

    const { info } = await createRunner().run(caller, 2);

    expect(Array.from(info.nodes, ({ name, kind }) => `${name} ${kind}`)).toEqual([
      'caller node',
      'part graph',
      'add node',
      'square node',
    ]);
    expect(info.nodes.children(requestOf(info, 'part').nodeId).map(({ name }) => name)).toEqual([
      'add',
      'square',
    ]);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('has its ports by the names that the node has', async () => {
    const part = computing.asNode({ namespace: true, expose: { a: 'x' } });
    const caller = node('caller', (x: number, ctx) => ctx.call(part, { x, 'computing.b': 0 }));

    const { answer } = await createRunner().run(caller, 3);

    expect(answer).toEqual({ 'computing.squared': 9 });
  });

  test('takes its binds and defaults where the call says nothing', async () => {
    const bound = computing.bind({ b: 10 }).asNode();
    const caller = node('caller', (_: void, ctx) =>
      Promise.all([ctx.call(bound, { a: 0 }), ctx.call(bound, { a: 0, b: 2 })]),
    );

    const { answer } = await createRunner().run(caller);

    expect(answer).toEqual([{ squared: 100 }, { squared: 4 }]);
  });

  test('may be called inside a node of another graph', async () => {
    const calls = node({
      name: 'calls',
      inputs: { n: input<number>() },
      output: 'result',
      run: async ({ n }, ctx) => (await ctx.call(computing.asNode(), { a: n })).squared,
    });

    const { outputs } = await createRunner().run(graph({ name: 'outer', nodes: [calls] }), { n: 1 });

    expect(outputs).toEqual({ result: 4 });
  });

  test('may be called many times at once', async () => {
    const part = computing.asNode();
    const caller = node('caller', async (_: void, ctx) => {
      const results = await ctx.callBatch(part, [1, 2, 3], [0, 0, 1]);
      return results.map(({ squared }) => squared);
    });

    const { answer } = await createRunner().run(caller);

    expect(answer).toEqual([1, 4, 16]);
  });

  test('is called synchronously by callSync where all of it is synchronous', () => {
    const caller = node('caller', (a: number, ctx) => ctx.callSync(computing.asNode(), { a }).squared);

    const { answer } = createRunner().runSync(caller, 2);

    expect(answer).toBe(9);
  });

  test('maps over lists that the call gives', async () => {
    const each = computing.asNode({ mapOver: 'a' });
    const caller = node('caller', (a: number[], ctx) => ctx.call(each, { a, b: 0 }));

    const { answer } = await createRunner().run(caller, [1, 2, 3]);

    expect(answer).toEqual({ squared: [1, 4, 9] });
  });

  test('leaves out what it skipped', async () => {
    const closed = ifElse({ name: 'closed', then: 'add', else: END, run: () => false });
    const nothing = graph({ name: 'nothing', nodes: [closed, add] }).asNode();
    const caller = node('caller', (a: number, ctx) => ctx.call(nothing, { a }));

    const { answer } = await createRunner().run(caller, 1);

    expect(answer).toEqual({});
  });

  test('rejects the call with the very error of its node, which the caller may catch', async () => {
    const fails = node({ name: 'fails', inputs: {}, output: 'nothing', run: () => Promise.reject(boom) });
    const failing = graph({ name: 'failing', nodes: [fails] }).asNode();
    const caught: unknown[] = [];
    const caller = node('caller', (_: void, ctx) =>
      ctx.call(failing).catch((error: unknown) => {
        caught.push(error);
        return 'caught';
      }),
    );

    const { status, answer, info } = await createRunner().run(caller);

    expect(status).toBe('completed');
    expect(answer).toBe('caught');
    expect(caught).toEqual([boom]);
    expect(caught[0]).toBe(boom);
    expect(statusesOf(info)).toEqual(['caller succeeded', 'failing failed', 'fails failed']);
  });

  test.each([
    ['is missing', {}, 'MISSING_INPUT'],
    ['is unknown', { a: 1, c: 2 }, 'UNKNOWN_INPUT'],
    ['is made inside', { a: 1, squared: 2 }, 'CONFLICT'],
  ])('is a creation failure where an input %s', async (_what, given, code) => {
    const errors: unknown[] = [];
    const caller = node('caller', async (_: void, ctx) => {
      errors.push(await rejectionOf(ctx.call(computing.asNode(), given as { a: number })));
    });

    const { info } = await createRunner().run(caller);

    expect(errors).toMatchObject([{ code }]);
    expect(statusesOf(info)).toEqual(['caller succeeded', 'computing failed']);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('is stopped with everything in it when its run is cancelled', async () => {
    const { runner, clock } = await stageFor('first');
    const hangs = node({ name: 'hangs', inputs: {}, output: 'found', run: (): Promise<number> => never() });
    const hanging = graph({ name: 'hanging', nodes: [hangs] }).asNode();
    const handle = runner.iter(
      node('caller', (_: void, ctx) => ctx.call(hanging)),
      undefined,
      { onFailure: 'return' },
    );
    await clock.advance(0);

    handle.cancel('enough');
    const { info } = await handle.result;

    expect(statusesOf(info)).toEqual(['caller cancelled', 'hanging cancelled', 'hangs cancelled']);
  });

  test('may be cancelled alone, and its caller goes on', async () => {
    const { runner, clock } = await stageFor('first');
    const hangs = node({ name: 'hangs', inputs: {}, output: 'found', run: (): Promise<number> => never() });
    const hanging = graph({ name: 'hanging', nodes: [hangs] }).asNode();
    const handle = runner.iter(node('caller', (_: void, ctx) => ctx.call(hanging).catch(() => 'went on')));
    await clock.advance(0);

    runner.cancel(requestOf(handle.info, 'hanging').id, 'enough');
    const { answer, info } = await handle.result;

    expect(answer).toBe('went on');
    expect(unendedOf(info)).toEqual([]);
  });
});

describe('a question in a graph that a node calls', () => {
  const ask = interrupt({ name: 'ask', response: 'decision', schema: z.string(), run: () => 'Go?' });
  const asking = graph({ name: 'asking', nodes: [ask] });
  test('pauses the run, under its response name, with the caller on its path', async () => {
    const runner = createRunner();
    const caller = node('caller', async (_: void, ctx) => (await ctx.call(asking.asNode())).decision);
    const paused = await runner.run(caller);

    const { answer } = await runner.respond(paused.runId, 'decision', 'yes');

    expect(paused.pauses).toMatchObject([{ key: 'decision', path: ['caller', 'asking', 'ask'] }]);
    expect(answer).toBe('yes');
  });

  test('in a namespaced place has the path for its key', async () => {
    const runner = createRunner();
    const part = asking.asNode({ namespace: true });
    const caller = node('caller', (_: void, ctx) => ctx.call(part));
    const paused = await runner.run(caller);

    const { answer } = await runner.respond(paused.runId, 'asking.decision', 'yes');

    expect(paused.pauses).toMatchObject([{ key: 'asking.decision' }]);
    expect(answer).toEqual({ 'asking.decision': 'yes' });
  });

  test('is answered by what the call says up front', async () => {
    const caller = node('caller', (_: void, ctx) => ctx.call(asking.asNode(), { decision: 'yes' }));

    const { status, answer } = await createRunner().run(caller);

    expect(status).toBe('completed');
    expect(answer).toEqual({ decision: 'yes' });
  });

  test('is one of two where the graph is called twice: the older is answered first', async () => {
    const runner = createRunner();
    const part = asking.asNode();
    const caller = node('caller', async (_: void, ctx) => {
      const both = await Promise.all([ctx.call(part), ctx.call(part)]);
      return both.map(({ decision }) => decision);
    });
    const paused = await runner.run(caller);

    await runner.respond(paused.runId, 'decision', 'one');
    const { answer } = await runner.respond(paused.runId, 'decision', 'two');

    expect(paused.pauses.map(({ key }) => key)).toEqual(['decision', 'decision']);
    expect(answer).toEqual(['one', 'two']);
  });
});

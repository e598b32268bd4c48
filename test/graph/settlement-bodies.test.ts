import { call, context, createRunner, currentRun, END, graph, input, machineNode, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { fromPromise, setup } from 'xstate';
import { z } from 'zod';
import { rejectionOf } from '../support/deferred.ts';
import { statusesOf } from '../support/forest.ts';
import { eventLog, ofType } from '../support/runs.ts';

const add = node({
  name: 'add',
  inputs: { a: input<number>(), b: input(1) },
  output: 'sum',
  run: ({ a, b }) => a + b,
});
const double = node({
  name: 'double',
  inputs: { sum: input<number>() },
  output: 'twice',
  run: ({ sum }) => sum * 2,
});
const sums = graph({ name: 'sums', nodes: [add, double] });

describe('a body in a graph', () => {
  test('calls nodes and graphs', async () => {
    const caller = node({
      name: 'caller',
      inputs: { n: input<number>() },
      output: 'all',
      run: async ({ n }, ctx) => [await ctx.call(add, { a: n }), (await ctx.call(sums, { a: n })).twice],
    });
    const after = node({
      name: 'after',
      inputs: { all: input<number[]>() },
      output: 'text',
      run: ({ all }) => all.join(),
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [caller, after] }), { n: 4 });

    expect(outputs).toEqual({ text: '5,10' });
  });

  test('calls a graph in a batch', async () => {
    const caller = node({
      name: 'caller',
      output: 'all',
      run: async (_, ctx) => (await ctx.callBatch(sums, [1, 2], [10, 20])).map(({ twice }) => twice),
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [caller] }));

    expect(outputs).toEqual({ all: [22, 44] });
  });

  test('that leaves a call running is waited for, and what depends on it too', async () => {
    const trace: string[] = [];
    const slow = node('slow', async () => {
      await Promise.resolve();
      await Promise.resolve();
      trace.push('slow');
    });
    const caller = node({
      name: 'caller',
      output: 'x',
      run: (_, ctx) => {
        void ctx.call(slow);
        return 1;
      },
    });
    const after = node({
      name: 'after',
      inputs: { x: input<number>() },
      output: 'y',
      run: () => trace.push('after'),
    });

    const { status } = await createRunner().run(graph({ name: 'g', nodes: [after, caller] }));

    expect(status).toBe('completed');
    expect(trace).toContain('slow');
  });

  test('has the ambient functions', async () => {
    const caller = node({
      name: 'caller',
      output: 'x',
      run: async () => {
        context().put('seen', currentRun().runId);
        return call(add, { a: 1 });
      },
    });
    const reads = node({
      name: 'reads',
      inputs: { x: input<number>() },
      output: 'id',
      run: () => context().get<string>('seen'),
    });

    const { outputs, runId } = await createRunner().run(graph({ name: 'g', nodes: [caller, reads] }));

    expect(outputs).toEqual({ id: runId });
  });
});

describe('the context of a run', () => {
  test('is shared by all nodes of a graph, nested graphs included', async () => {
    const writes = node({
      name: 'writes',
      output: 'done',
      run: (_, ctx) => {
        ctx.context.put('user', `${ctx.context.get<string>('user')}!`);
        return true;
      },
    });
    const reads = node({
      name: 'reads',
      inputs: { done: input<boolean>() },
      output: 'who',
      run: (_, ctx) => ctx.context.get<string>('user'),
    });
    const g = graph({ name: 'outer', nodes: [reads, graph({ name: 'inner', nodes: [writes] }).asNode()] });

    const { outputs } = await createRunner({ context: { user: 'Ada' } }).run(g);

    expect(outputs).toEqual({ who: 'Ada!' });
  });

  test('is read by gates', async () => {
    const gate = route({
      name: 'gate',
      targets: ['yes', END],
      run: (_, ctx) => (ctx.context.get('go', false) ? 'yes' : END),
    });
    const yes = node({ name: 'yes', output: 'x', run: () => 1 });
    const g = graph({ name: 'g', nodes: [gate, yes] });

    const results = [await createRunner().run(g, {}, { context: { go: true } }), await createRunner().run(g)];

    expect(results.map(({ outputs }) => outputs)).toEqual([{ x: 1 }, {}]);
  });

  test('of a graph that is called with one of its own stays inside', async () => {
    const writes = node({
      name: 'writes',
      output: 'seen',
      run: (_, ctx) => {
        const seen = ctx.context.get<string>('user');
        ctx.context.put('user', 'changed');
        return seen;
      },
    });
    const scoped = graph({ name: 'scoped', nodes: [writes] });
    const caller = node({
      name: 'caller',
      output: 'both',
      run: async (_, ctx) => {
        const { seen } = await ctx.call(scoped, {}, { context: { user: 'Grace' } });
        return [seen, ctx.context.get<string>('user')];
      },
    });

    const { outputs } = await createRunner({ context: { user: 'Ada' } }).run(
      graph({ name: 'g', nodes: [caller] }),
    );

    expect(outputs).toEqual({ both: ['Grace', 'Ada'] });
  });

  test('is not that of another run', async () => {
    const bump = node({
      name: 'bump',
      output: 'n',
      run: (_, ctx) => {
        const n = ctx.context.get('n', 0) + 1;
        ctx.context.put('n', n);
        return n;
      },
    });
    const runner = createRunner();
    const g = graph({ name: 'g', nodes: [bump] });

    const results = [await runner.run(g), await runner.run(g)];

    expect(results.map(({ outputs }) => outputs.n)).toEqual([1, 1]);
  });
});

describe('a machine in a graph', () => {
  const tripling = setup({
    types: { input: {} as { n: number }, context: {} as { result: number }, output: {} as number },
  }).createMachine({
    context: ({ input: { n } }) => ({ result: n * 3 }),
    initial: 'done',
    states: { done: { type: 'final' } },
    output: ({ context: { result } }) => result,
  });

  test('is wired as any node', async () => {
    const triple = machineNode({
      name: 'triple',
      machine: tripling,
      inputs: { n: input<number>() },
      output: 'a',
    });

    const { outputs, nodes } = await createRunner().run(graph({ name: 'g', nodes: [add, triple] }), { n: 5 });

    expect(outputs).toEqual({ sum: 16 });
    expect(nodes).toEqual({ add: 'completed', triple: 'completed' });
  });

  test('runs anew in each round of a loop', async () => {
    const step = machineNode({
      name: 'step',
      machine: tripling,
      inputs: { n: input<number>() },
      output: 'n',
    });
    const more = route({
      name: 'more',
      inputs: { n: input<number>() },
      targets: ['step', END],
      run: ({ n }) => (n < 20 ? 'step' : END),
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [step, more] }), { n: 1 });

    expect(outputs).toEqual({ n: 27 });
  });

  test('that fails fails the run with its error', async () => {
    const boom = new Error('boom');
    const broken = machineNode({
      name: 'broken',
      machine: fromPromise(async () => {
        throw boom;
      }),
      output: 'a',
    });

    const error = await rejectionOf(createRunner().run(graph({ name: 'g', nodes: [broken] })));

    expect(error).toBe(boom);
  });
});

describe('broadcasts and logs of a node in a graph', () => {
  test('carry its name', async () => {
    const { events, subscriber } = eventLog();
    const speaks = node({ name: 'speaks', output: 'x', run: (_, ctx) => ctx.broadcast('hello') });

    await createRunner({ subscriber }).run(graph({ name: 'g', nodes: [speaks] }));

    expect(ofType(events, 'Broadcast')).toMatchObject([{ nodeName: 'speaks', item: 'hello' }]);
  });
});

describe('schemas of a graph', () => {
  const measure = node({
    name: 'measure',
    inputs: { text: z.string().min(3) },
    output: 'size',
    run: ({ text }) => text.length,
  });
  const makeText = (made: unknown) => node({ name: 'makeText', output: 'text', run: () => made as string });

  test('check what a run is given: a bad input is a rejection, and there is no run', async () => {
    const runner = createRunner();

    const error = await rejectionOf(runner.run(graph({ name: 'g', nodes: [measure] }), { text: 'ab' }));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(runner.info.runs).toEqual([]);
  });

  test('trust what nodes hand to each other', async () => {
    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [makeText('ab'), measure] }));

    expect(outputs).toEqual({ size: 2 });
  });

  test("check that too with validate 'all': the reader fails before its body runs", async () => {
    const { error, nodes, info } = await createRunner({ validate: 'all' }).run(
      graph({ name: 'g', nodes: [makeText('ab'), measure] }),
      {},
      { onFailure: 'return' },
    );

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(nodes).toEqual({ makeText: 'completed', measure: 'failed' });
    expect(statusesOf(info)).toEqual(['g failed', 'makeText succeeded', 'measure failed']);
  });

  test("of a run win: validate 'all' of one run", async () => {
    const g = graph({ name: 'g', nodes: [makeText('ab'), measure] });

    const error = await rejectionOf(createRunner().run(g, {}, { validate: 'all' }));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
  });

  test("let through what fits with validate 'all', also asynchronously", async () => {
    const checked = node({
      name: 'checked',
      inputs: { text: z.string().refine(async (text) => text.length > 3) },
      output: 'size',
      run: ({ text }) => text.length,
    });

    const { outputs } = await createRunner({ validate: 'all' }).run(
      graph({ name: 'g', nodes: [makeText('abcd'), checked] }),
    );

    expect(outputs).toEqual({ size: 4 });
  });

  test("that change what they check change an input of the run once, also with validate 'all'", async () => {
    const half = node({
      name: 'half',
      inputs: { text: z.string().transform((text) => text.length) },
      output: 'size',
      run: ({ text }) => text / 2,
    });

    const { outputs } = await createRunner({ validate: 'all' }).run(graph({ name: 'g', nodes: [half] }), {
      text: 'abcd',
    });

    expect(outputs).toEqual({ size: 2 });
  });

  test('check what a body calls a graph with: a bad input is a creation failure', async () => {
    const { events, subscriber } = eventLog();
    const g = graph({ name: 'g', nodes: [measure] });
    const root = node('root', (_: unknown, ctx) =>
      ctx.call(g, { text: 'ab' }).then(
        () => 'fine',
        (error: { code: string }) => error.code,
      ),
    );

    const { answer } = await createRunner({ subscriber }).run(root);

    expect(answer).toBe('INVALID_INPUT');
    expect(ofType(events, 'RequestCreationFailure')).toMatchObject([{ nodeName: 'g' }]);
  });
});

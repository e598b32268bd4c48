import { createRunner, END, graph, ifElse, input, interrupt, node, route, type AnyNode } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { thrownBy } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf, unendedOf } from '../support/forest.ts';

const a = node({ name: 'a', inputs: { n: input<number>() }, output: 'x', run: ({ n }) => n + 1 });
const b = node({ name: 'b', inputs: { x: input<number>() }, output: 'y', run: ({ x }) => x * 2 });
const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
const again = route({
  name: 'again',
  inputs: { n: input<number>() },
  targets: ['inc', END],
  run: ({ n }) => (n < 5 ? 'inc' : END),
});
const later = node({ name: 'later', output: 'z', run: async () => 1 });

/** A graph, nested three times. */
const nested = (inner: AnyNode) =>
  graph({
    name: 'top',
    nodes: [graph({ name: 'middle', nodes: [graph({ name: 'bottom', nodes: [inner] }).asNode()] }).asNode()],
  });

describe('runSync', () => {
  test('runs a graph of sync nodes at once', () => {
    const { status, outputs, answer } = createRunner().runSync(graph({ name: 'g', nodes: [b, a] }), { n: 1 });

    expect(status).toBe('completed');
    expect(outputs).toEqual({ y: 4 });
    expect(answer).toBe(outputs);
  });

  test('runs loops', () => {
    const report = node({
      name: 'report',
      inputs: { n: input<number>() },
      output: 'text',
      run: ({ n }) => `${n}`,
    });

    const { outputs } = createRunner().runSync(graph({ name: 'g', nodes: [report, inc, again] }), { n: 0 });

    expect(outputs).toEqual({ text: '5' });
  });

  test('runs gates, and tells who was skipped', () => {
    const gate = ifElse({
      name: 'gate',
      inputs: { n: input<number>() },
      then: 'a',
      else: END,
      run: ({ n }) => n > 0,
    });

    const { outputs, nodes, reasons } = createRunner().runSync(graph({ name: 'g', nodes: [gate, a, b] }), {
      n: 0,
    });

    expect(outputs).toEqual({});
    expect(nodes).toEqual({ gate: 'completed', a: 'skipped', b: 'skipped' });
    expect(Object.keys(reasons)).toEqual(['a', 'b']);
  });

  test('runs nested graphs and mapped ones', () => {
    const each = graph({ name: 'each', nodes: [a] });
    const total = node({
      name: 'total',
      inputs: { x: input<number[]>() },
      output: 'sum',
      run: ({ x }) => x.reduce((sum, one) => sum + one, 0),
    });
    const g = graph({ name: 'g', nodes: [each.asNode({ mapOver: 'n' }), total] });

    const { outputs } = createRunner().runSync(g, { n: [1, 2, 3] });

    expect(outputs).toEqual({ sum: 9 });
  });

  test('keeps the law of stamps', () => {
    const { info } = createRunner().runSync(graph({ name: 'g', nodes: [inc, again] }), { n: 0 });

    expect(info.requests.size).toBe(11);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('throws the very error of a node that fails', () => {
    const boom = new Error('boom');
    const fails = node({
      name: 'fails',
      output: 'x',
      run: (): number => {
        throw boom;
      },
    });

    expect(thrownBy(() => createRunner().runSync(graph({ name: 'g', nodes: [fails, b] })))).toBe(boom);
  });

  test('with onFailure return gives a failed result, in which each node has a final status', () => {
    const fails = node({
      name: 'fails',
      output: 'x',
      run: (): number => {
        throw new Error('boom');
      },
    });

    const { status, nodes, info } = createRunner().runSync(
      graph({ name: 'g', nodes: [fails, b] }),
      {},
      { onFailure: 'return' },
    );

    expect(status).toBe('failed');
    expect(nodes['fails']).toBe('failed');
    expect(nodes['b']).toMatch(/^(cancelled|blocked|skipped)$/);
    expect(unendedOf(info)).toEqual([]);
  });

  test('calls a graph from a sync body', () => {
    const caller = node({
      name: 'caller',
      output: 'z',
      run: (_, ctx) => ctx.callSync(graph({ name: 'g', nodes: [a, b] }), { n: 1 }).y,
    });

    const { outputs, info } = createRunner().runSync(graph({ name: 'outer', nodes: [caller] }));

    expect(outputs).toEqual({ z: 4 });
    expect(statusesOf(info)).toEqual([
      'outer succeeded',
      'caller succeeded',
      'g succeeded',
      'a succeeded',
      'b succeeded',
    ]);
  });

  test('gives what run gives', async () => {
    const g = graph({ name: 'g', nodes: [inc, again] });
    const runner = createRunner();

    const sync = runner.runSync(g, { n: 2 });
    const async = await runner.run(g, { n: 2 });

    expect(sync.outputs).toEqual(async.outputs);
    expect(sync.nodes).toEqual(async.nodes);
    expect(statusesOf(sync.info)).toEqual(statusesOf(async.info));
    expect(sync.info.stamps.map(({ identifier }) => identifier)).toEqual(
      async.info.stamps.map(({ identifier }) => identifier),
    );
  });
});

describe('callSync of a graph', () => {
  test('works under run as well', async () => {
    const caller = node({
      name: 'caller',
      output: 'total',
      run: (_, ctx) => ctx.callSync(graph({ name: 'g', nodes: [inc, again] }), { n: 1 }).n,
    });

    const { outputs } = await createRunner().run(graph({ name: 'outer', nodes: [caller, later] }));

    expect(outputs).toEqual({ total: 5, z: 1 });
  });

  test('of a graph with an asynchronous node is an IncompatibleRunnerError that names it', async () => {
    const caller = node({
      name: 'caller',
      output: 'code',
      run: (_, ctx) => {
        try {
          return ctx.callSync(graph({ name: 'g', nodes: [later] })).z;
        } catch (error) {
          return error;
        }
      },
    });

    const { outputs } = await createRunner().run(graph({ name: 'outer', nodes: [caller] }));

    expect(outputs.code).toMatchObject({
      code: 'INCOMPATIBLE_RUNNER',
      message: expect.stringContaining('later') as string,
    });
  });
});

describe('what is asynchronous under runSync is an IncompatibleRunnerError that names the node', () => {
  const ask = interrupt({ name: 'ask', response: 'answer', run: () => 'Go?' });
  const decide = route({ name: 'decide', targets: ['a', END], run: async () => END });

  test.each([
    ['an async body', graph({ name: 'g', nodes: [later] }), 'later'],
    ['an interrupt', graph({ name: 'g', nodes: [ask] }), 'ask'],
    ['an async body deep inside', nested(later), 'later'],
    ['an interrupt deep inside', nested(ask), 'ask'],
  ])('%s', (_, g, name) => {
    const error = thrownBy(() => createRunner().runSync(g));

    expect(error).toMatchObject({
      code: 'INCOMPATIBLE_RUNNER',
      message: expect.stringContaining(name) as string,
    });
  });

  test('an async gate', () => {
    const error = thrownBy(() => createRunner().runSync(graph({ name: 'g', nodes: [a, decide] }), { n: 1 }));

    expect(error).toMatchObject({
      code: 'INCOMPATIBLE_RUNNER',
      message: expect.stringContaining('decide') as string,
    });
  });

  test('an async body in a later round of a loop', () => {
    const turns = node({
      name: 'turns',
      inputs: { n: input<number>() },
      output: 'n',
      run: ({ n }): number | Promise<number> => (n < 2 ? n + 1 : Promise.resolve(n + 1)),
    });
    const more = route({
      name: 'more',
      inputs: { n: input<number>() },
      targets: ['turns', END],
      run: ({ n }) => (n < 5 ? 'turns' : END),
    });

    const error = thrownBy(() =>
      createRunner().runSync(graph({ name: 'g', nodes: [turns, more] }), { n: 0 }),
    );

    expect(error).toMatchObject({
      code: 'INCOMPATIBLE_RUNNER',
      message: expect.stringContaining('turns') as string,
    });
  });

  test("an async schema of a node under validate 'all'", () => {
    const makes = node({ name: 'makes', output: 'text', run: () => 'abcd' });
    const checked = node({
      name: 'checked',
      inputs: { text: z.string().refine(async (text) => text.length > 3) },
      output: 'size',
      run: ({ text }) => text.length,
    });

    const error = thrownBy(() =>
      createRunner().runSync(graph({ name: 'g', nodes: [makes, checked] }), {}, { validate: 'all' }),
    );

    expect(error).toMatchObject({
      code: 'INCOMPATIBLE_RUNNER',
      message: expect.stringContaining('checked') as string,
    });
  });

  test('an interrupt, before anything runs', () => {
    const trace: string[] = [];
    const first = node({ name: 'first', output: 'x', run: () => trace.push('first') });

    const error = thrownBy(() => createRunner().runSync(graph({ name: 'g', nodes: [first, ask] })));

    expect(error).toMatchObject({ code: 'INCOMPATIBLE_RUNNER' });
    expect(trace).toEqual([]);
  });

  test('an async body, before anything runs', () => {
    const trace: string[] = [];
    const first = node({ name: 'first', output: 'x', run: () => trace.push('first') });

    const error = thrownBy(() => createRunner().runSync(graph({ name: 'g', nodes: [first, later] })));

    expect(error).toMatchObject({ code: 'INCOMPATIBLE_RUNNER' });
    expect(trace).toEqual([]);
  });

  test('a promise that a body turns out to return: the run ends failed, whole', () => {
    const promises = node({
      name: 'promises',
      inputs: { x: input<number>() },
      output: 'z',
      run: () => Promise.resolve(1),
    });

    const { status, error, nodes, info } = createRunner().runSync(
      graph({ name: 'g', nodes: [a, promises] }),
      { n: 1 },
      { onFailure: 'return' },
    );

    expect(status).toBe('failed');
    expect(error).toMatchObject({
      code: 'INCOMPATIBLE_RUNNER',
      message: expect.stringContaining('promises') as string,
    });
    expect(nodes).toEqual({ a: 'completed', promises: 'failed' });
    expect(unendedOf(info)).toEqual([]);
    expect(requestOf(info, 'g').status).toBe('failed');
  });
});

import { createRunner, END, FatalError, graph, ifElse, input, interrupt, node } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { never, rejectionOf, thrownBy } from '../support/deferred.ts';
import { requestOf, unendedOf } from '../support/forest.ts';
import { eventLog, ofType } from '../support/runs.ts';

const add = node({
  name: 'add',
  inputs: { a: input<number>(), b: input(1) },
  output: 'sum',
  run: async ({ a, b }) => a + b,
});
const adding = graph({ name: 'inner', nodes: [add] });
const ask = interrupt({
  name: 'ask',
  inputs: { draft: input<string>() },
  response: 'decision',
  schema: z.string(),
  run: ({ draft }) => `Publish ${draft}?`,
});
const asking = graph({ name: 'inner', nodes: [ask] });
const boom = new Error('boom');

describe('a nested graph with a runner of its own', () => {
  test('runs there, and its outputs are those of the node', async () => {
    const inside = eventLog();
    const own = createRunner({ subscriber: inside.subscriber });
    const show = node({
      name: 'show',
      inputs: { sum: input<number>() },
      output: 'shown',
      run: ({ sum }) => `= ${sum}`,
    });
    const outer = graph({ name: 'outer', nodes: [adding.asNode({ runner: own }), show] });

    const { outputs, nodes } = await createRunner().run(outer, { a: 1 });
    await own.close();

    expect(outputs).toEqual({ shown: '= 2' });
    expect(nodes).toEqual({ inner: 'completed', show: 'completed' });
    expect(ofType(inside.events, 'NodeEnd').map(({ nodeName }) => nodeName)).toContain('add');
  });

  test('has its ports by namespace, exposed names and binds like any other', async () => {
    const nested = adding.bind({ b: 5 }).asNode({
      runner: createRunner(),
      namespace: true,
      expose: { sum: 'total' },
    });

    const { outputs } = await createRunner().run(graph({ name: 'outer', nodes: [nested] }), { 'inner.a': 1 });

    expect(outputs).toEqual({ total: 6 });
  });

  test('is mapped over there, too', async () => {
    const nested = adding.asNode({ runner: createRunner(), mapOver: 'a' });

    const { outputs } = await createRunner().run(graph({ name: 'outer', nodes: [nested] }), { a: [1, 2, 3] });

    expect(outputs).toEqual({ sum: [2, 3, 4] });
  });

  test('has the options of its runner', async () => {
    const own = createRunner({ context: { who: 'own' } });
    const who = node({
      name: 'who',
      inputs: {},
      output: 'found',
      run: (_, ctx) => ctx.context.get<string>('who'),
    });
    const nested = graph({ name: 'inner', nodes: [who] }).asNode({ runner: own });

    const { outputs } = await createRunner().run(graph({ name: 'outer', nodes: [nested] }));

    expect(outputs).toEqual({ found: 'own' });
  });

  test('fails with the very error of its node', async () => {
    const fails = node({ name: 'fails', inputs: {}, output: 'nothing', run: () => Promise.reject(boom) });
    const nested = graph({ name: 'inner', nodes: [fails] }).asNode({ runner: createRunner() });

    const result = await createRunner().run(
      graph({ name: 'outer', nodes: [nested] }),
      {},
      { onFailure: 'return' },
    );

    expect(result.error).toBe(boom);
    expect(result).toMatchObject({ status: 'failed', nodes: { inner: 'failed' } });
  });

  test('stops the outer run, too, with a FatalError', async () => {
    const fatal = new FatalError('stop it all');
    const fails = node({ name: 'fails', inputs: {}, output: 'nothing', run: () => Promise.reject(fatal) });
    const nested = graph({ name: 'inner', nodes: [fails] }).asNode({ runner: createRunner() });
    const other = node({ name: 'other', inputs: {}, output: 'apart', run: (): Promise<number> => never() });

    const error = await rejectionOf(
      createRunner({ onError: 'continue' }).run(graph({ name: 'outer', nodes: [nested, other] })),
    );

    expect(error).toBe(fatal);
  });

  test('hands its chunks on to the outer run', async () => {
    const { events, subscriber } = eventLog();
    const streams = node({
      name: 'streams',
      inputs: {},
      output: 'all',
      run: async function* () {
        yield 'a';
        yield 'b';
      },
    });
    const nested = graph({ name: 'inner', nodes: [streams] }).asNode({ runner: createRunner() });
    const runner = createRunner({ subscriber });

    const { outputs } = await runner.run(graph({ name: 'outer', nodes: [nested] }));
    await runner.close();

    expect(outputs).toEqual({ all: ['a', 'b'] });
    expect(ofType(events, 'StreamingChunk').map(({ chunk }) => chunk)).toEqual(['a', 'b']);
  });

  test('is closed with its own runner, and no longer runs', async () => {
    const own = createRunner();
    const outer = graph({ name: 'outer', nodes: [adding.asNode({ runner: own })] });
    await own.close();

    const error = await rejectionOf(createRunner().run(outer, { a: 1 }));

    expect(error).toMatchObject({ code: 'RUNNER_CLOSED' });
  });
});

function hanging() {
  const reasons: unknown[] = [];
  const hangs = node({
    name: 'hangs',
    inputs: {},
    output: 'found',
    run: (_, ctx): Promise<number> => {
      ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason));
      return never();
    },
  });
  const own = createRunner();
  const nested = graph({ name: 'inner', nodes: [hangs] }).asNode({ runner: own });
  return { reasons, own, outer: graph({ name: 'outer', nodes: [nested] }) };
}

describe('stopping reaches a nested graph with a runner of its own', () => {
  test('by a cancel', async () => {
    const { reasons, own, outer } = hanging();
    const clock = fakeClock();
    const handle = createRunner({ clock }).iter(outer, {}, { onFailure: 'return' });
    await clock.advance(0);

    handle.cancel('enough');
    const { status, info } = await handle.result;
    await own.close();

    expect(status).toBe('cancelled');
    expect(reasons).toMatchObject([{ code: 'CANCELLED' }]);
    expect(unendedOf(info)).toEqual([]);
    expect(own.info.runs.map((run) => run.status)).toEqual(['cancelled']);
  });

  test('by the timeout of the run', async () => {
    const { reasons, own, outer } = hanging();
    const clock = fakeClock();
    const handle = createRunner({ clock }).iter(outer, {}, { timeout: 50, onFailure: 'return' });

    await clock.advance(50);
    const { status } = await handle.result;
    await own.close();

    expect(status).toBe('timedOut');
    expect(reasons).toHaveLength(1);
    expect(own.info.runs.flatMap((run) => unendedOf(run))).toEqual([]);
  });

  test('by a failure beside it', async () => {
    const { reasons, own, outer } = hanging();
    const fails = node({ name: 'fails', inputs: {}, output: 'nothing', run: () => Promise.reject(boom) });
    const both = graph({ name: 'both', nodes: [outer.asNode(), fails] });

    const error = await rejectionOf(createRunner().run(both));
    await own.close();

    expect(error).toBe(boom);
    expect(reasons).toHaveLength(1);
  });
});

/** A runner of somebody else that can do all but one thing. */
function lacking(capability: string): object {
  const runner = createRunner();
  return {
    capabilities: { ...runner.capabilities, [capability]: false },
    run: runner.run.bind(runner),
    respond: runner.respond.bind(runner),
  };
}

describe('a runner that cannot run what is nested', () => {
  const isPositive = ifElse({
    name: 'isPositive',
    inputs: { a: input<number>() },
    then: 'add',
    else: END,
    run: ({ a }) => a > 0,
  });
  const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
  const more = ifElse({
    name: 'more',
    inputs: { n: input<number>() },
    then: 'inc',
    else: END,
    run: ({ n }) => n < 3,
  });
  const gated = graph({ name: 'gated', nodes: [isPositive, add] });
  const looping = graph({ name: 'looping', nodes: [inc, more] });

  test.each([
    ['supportsGates', gated, 'isPositive'],
    ['supportsCycles', looping, 'looping'],
    ['supportsInterrupts', asking, 'ask'],
  ])('is an IncompatibleRunnerError before anything runs: without %s', (capability, target, name) => {
    const error = thrownBy(() => target.asNode({ runner: lacking(capability) }));

    expect(error).toMatchObject({ code: 'INCOMPATIBLE_RUNNER' });
    expect(String(error)).toContain(name);
    expect(String(error)).toContain(capability);
    expect((error as Error & { hint: string }).hint).not.toBe('');
  });

  test.each([
    ['supportsGates', gated],
    ['supportsCycles', looping],
    ['supportsInterrupts', asking],
  ])('is found out in graphs inside of it, too: without %s', (capability, target) => {
    const middle = graph({ name: 'middle', nodes: [target.asNode()] });

    const error = thrownBy(() => middle.asNode({ runner: lacking(capability) }));

    expect(error).toMatchObject({ code: 'INCOMPATIBLE_RUNNER' });
  });

  test.each(['supportsGates', 'supportsCycles', 'supportsInterrupts', 'supportsDistributed'])(
    'is taken for a graph that does not need %s',
    async (capability) => {
      const nested = adding.asNode({ runner: lacking(capability) });

      const { outputs } = await createRunner().run(graph({ name: 'outer', nodes: [nested] }), { a: 1 });

      expect(outputs).toEqual({ sum: 2 });
    },
  );

  test('is none for a graph whose part has a runner of its own that can', () => {
    const middle = graph({ name: 'middle', nodes: [gated.asNode({ runner: createRunner() })] });

    expect(() => middle.asNode({ runner: lacking('supportsGates') })).not.toThrow();
  });

  test('is an InvalidInputError where it is no runner at all', () => {
    expect(thrownBy(() => adding.asNode({ runner: {} }))).toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('under runSync is an IncompatibleRunnerError where the nested graph has a runner of its own', () => {
    const outer = graph({ name: 'outer', nodes: [adding.asNode({ runner: createRunner() })] });

    const error = thrownBy(() => createRunner().runSync(outer, { a: 1 }));

    expect(error).toMatchObject({ code: 'INCOMPATIBLE_RUNNER' });
  });
});

describe('the record of a nested graph with a runner of its own', () => {
  test('is a request of the outer run like any node', async () => {
    const outer = graph({ name: 'outer', nodes: [adding.asNode({ runner: createRunner() })] });

    const { info } = await createRunner().run(outer, { a: 1 });

    expect(requestOf(info, 'inner')).toMatchObject({ status: 'succeeded', output: { sum: 2 } });
    expect(info.nodes.get(requestOf(info, 'inner').nodeId)).toMatchObject({ kind: 'graph' });
  });
});

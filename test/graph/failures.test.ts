import { END, FatalError, graph, input, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { deferred, never, rejectionOf } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf, unendedOf } from '../support/forest.ts';
import { EACH_RUN, eventLog, ofType, stageFor } from '../support/runs.ts';

const boom = new Error('boom');
const fails = node({
  name: 'fails',
  output: 'broken',
  run: async (): Promise<number> => {
    throw boom;
  },
});
const hangs = node({ name: 'hangs', output: 'late', run: (): Promise<number> => never() });
const reads = node({
  name: 'reads',
  inputs: { broken: input<number>() },
  output: 'result',
  run: ({ broken }) => broken,
});

describe.each(EACH_RUN)("onError 'stop' in the %s run of a runner", (turn) => {
  test('a failed node rejects the run with the very error', async () => {
    const { runner } = await stageFor(turn);

    const error = await rejectionOf(runner.run(graph({ name: 'g', nodes: [fails, reads] })));

    expect(error).toBe(boom);
  });

  test('a failed node cancels the nodes that run beside it', async () => {
    const { runner } = await stageFor(turn);

    const { status, error, nodes, info } = await runner.run(
      graph({ name: 'g', nodes: [hangs, fails] }),
      {},
      { onFailure: 'return' },
    );

    expect(status).toBe('failed');
    expect(error).toBe(boom);
    expect(nodes).toEqual({ hangs: 'cancelled', fails: 'failed' });
    expect(requestOf(info, 'hangs').status).toBe('cancelled');
    expect(requestOf(info, 'g').status).toBe('failed');
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('every node has a final status, and those that did not complete a reason', async () => {
    const { runner } = await stageFor(turn);
    const done = node({ name: 'done', output: 'first', run: () => 1 });

    const { nodes, reasons } = await runner.run(
      graph({ name: 'g', nodes: [reads, done, hangs, fails] }),
      {},
      { onFailure: 'return' },
    );

    expect(nodes['fails']).toBe('failed');
    expect(nodes['hangs']).toBe('cancelled');
    expect(['cancelled', 'blocked', 'skipped']).toContain(nodes['reads']);
    for (const name of ['fails', 'hangs', 'reads']) expect(reasons[name]).toMatch(/./);
  });

  test('the signal of a node that is cancelled fires with a CancelledError', async () => {
    const { runner } = await stageFor(turn);
    const begun = deferred<AbortSignal>();
    const listens = node({
      name: 'listens',
      output: 'heard',
      run: (_, ctx): Promise<number> => {
        begun.resolve(ctx.signal);
        return never();
      },
    });
    const failsLater = node({
      name: 'failsLater',
      output: 'broken',
      run: async (): Promise<number> => {
        await begun.promise;
        throw boom;
      },
    });

    await runner.run(graph({ name: 'g', nodes: [listens, failsLater] }), {}, { onFailure: 'return' });
    const signal = await begun.promise;

    expect(signal.reason).toMatchObject({ code: 'CANCELLED' });
  });

  test('nothing starts after a failure', async () => {
    const { runner, clock } = await stageFor(turn);
    const trace: string[] = [];
    const release = deferred<number>();
    const slow = node({ name: 'slow', output: 'x', run: () => release.promise });
    const after = node({
      name: 'after',
      inputs: { x: input<number>() },
      output: 'y',
      run: () => trace.push('after'),
    });

    await runner.run(graph({ name: 'g', nodes: [slow, after, fails] }), {}, { onFailure: 'return' });
    release.resolve(1);
    await clock.advance(0);

    expect(trace).toEqual([]);
  });

  test('a failure in a nested graph fails the graph nodes around it, and the run with the very error', async () => {
    const { runner } = await stageFor(turn);
    const inner = graph({ name: 'inner', nodes: [fails] });
    const middle = graph({ name: 'middle', nodes: [inner.asNode()] });

    const { error, nodes, info } = await runner.run(
      graph({ name: 'outer', nodes: [middle.asNode(), hangs] }),
      {},
      { onFailure: 'return' },
    );

    expect(error).toBe(boom);
    expect(nodes).toEqual({ middle: 'failed', hangs: 'cancelled' });
    expect(statusesOf(info).toSorted()).toEqual([
      'fails failed',
      'hangs cancelled',
      'inner failed',
      'middle failed',
      'outer failed',
    ]);
  });

  test('a failed gate fails the run', async () => {
    const { runner } = await stageFor(turn);
    const gate = route({
      name: 'gate',
      targets: ['hangs', END],
      run: (): 'hangs' => {
        throw boom;
      },
    });

    const { error, nodes } = await runner.run(
      graph({ name: 'g', nodes: [gate, hangs] }),
      {},
      { onFailure: 'return' },
    );

    expect(error).toBe(boom);
    expect(nodes['gate']).toBe('failed');
    expect(nodes['hangs']).not.toBe('completed');
  });

  test('a failure in a loop stops the rest of the round at once', async () => {
    const { runner } = await stageFor(turn);
    const left = node({
      name: 'left',
      inputs: { n: input<number>() },
      output: 'a',
      run: (): Promise<number> => never(),
    });
    const right = node({
      name: 'right',
      inputs: { n: input<number>() },
      output: 'b',
      run: async (): Promise<number> => {
        throw boom;
      },
    });
    const next = node({
      name: 'next',
      inputs: { a: input<number>(), b: input<number>() },
      output: 'n',
      run: ({ a, b }) => a + b,
    });
    const more = route({
      name: 'more',
      inputs: { a: input<number>(), b: input<number>() },
      targets: ['next', END],
      run: () => END,
    });

    const { error, nodes, info } = await runner.run(
      graph({ name: 'g', nodes: [left, right, next, more] }),
      { n: 1 },
      { onFailure: 'return' },
    );

    expect(error).toBe(boom);
    expect(nodes).toMatchObject({ left: 'cancelled', right: 'failed' });
    expect(unendedOf(info)).toEqual([]);
  });

  test.each([undefined, null, 'text', 0, new DOMException('gone', 'AbortError')])(
    'whatever is thrown, as %s, fails the node',
    async (thrown) => {
      const { runner } = await stageFor(turn);
      const throws = node({
        name: 'throws',
        output: 'x',
        run: (): number => {
          // oxlint-disable-next-line typescript/only-throw-error -- users do
          throw thrown;
        },
      });

      const { status, error, nodes, reasons } = await runner.run(
        graph({ name: 'g', nodes: [throws] }),
        {},
        { onFailure: 'return' },
      );

      expect(status).toBe('failed');
      expect(error).toBe(thrown);
      expect(nodes).toEqual({ throws: 'failed' });
      expect(reasons).toHaveProperty('throws');
    },
  );
});

describe('a caller of a graph that catches its failure', () => {
  test('has handled it', async () => {
    const { runner } = await stageFor('first');
    const broken = graph({ name: 'broken', nodes: [fails, hangs] });
    const root = node('root', (_: unknown, ctx) =>
      ctx.call(broken).then(
        () => 'fine',
        (error: unknown) => error,
      ),
    );

    const { status, answer, info } = await runner.run(root);

    expect(status).toBe('completed');
    expect(answer).toBe(boom);
    expect(unendedOf(info)).toEqual([]);
    expect(requestOf(info, 'hangs').status).toBe('cancelled');
  });

  test('inside a node of a graph lets the rest go on', async () => {
    const { runner } = await stageFor('first');
    const careful = node({
      name: 'careful',
      output: 'x',
      run: async (_, ctx) =>
        ctx.call(graph({ name: 'broken', nodes: [fails] })).then(
          () => 1,
          () => 2,
        ),
    });
    const after = node({
      name: 'after',
      inputs: { x: input<number>() },
      output: 'y',
      run: ({ x }) => x * 10,
    });

    const { outputs } = await runner.run(graph({ name: 'g', nodes: [careful, after] }));

    expect(outputs).toEqual({ y: 20 });
  });
});

describe.each(EACH_RUN)("onError 'stopAll' in the %s run of a runner", (turn) => {
  test('stops the run at a failure that a body would have caught', async () => {
    const { runner } = await stageFor(turn);
    const careful = node({
      name: 'careful',
      output: 'x',
      run: async (_, ctx) => ctx.call(fails).catch(() => 2),
    });

    const { status, error, nodes, info } = await runner.run(
      graph({ name: 'g', nodes: [careful, hangs] }),
      {},
      { onError: 'stopAll', onFailure: 'return' },
    );

    expect(status).toBe('failed');
    expect(error).toBe(boom);
    expect(nodes).toEqual({ careful: 'cancelled', hangs: 'cancelled' });
    expect(unendedOf(info)).toEqual([]);
  });

  test('acts after retries and fallback', async () => {
    const { runner, clock } = await stageFor(turn);
    const saved = node({
      name: 'saved',
      output: 'x',
      retry: { maxAttempts: 2, delay: 10, jitter: 'none' },
      fallback: () => 7,
      run: (): number => {
        throw boom;
      },
    });
    const running = runner.run(graph({ name: 'g', nodes: [saved] }), {}, { onError: 'stopAll' });

    await clock.advance(10);
    const { outputs } = await running;

    expect(outputs).toEqual({ x: 7 });
  });
});

describe.each(['stop', 'continue', 'stopAll'] as const)("a FatalError under onError '%s'", (onError) => {
  const fatal = new FatalError('enough');
  const stops = node({
    name: 'stops',
    output: 'x',
    retry: { maxAttempts: 3 },
    fallback: () => 1,
    run: (): number => {
      throw fatal;
    },
  });

  test('stops the whole run, without retry and without fallback', async () => {
    const { runner } = await stageFor('first');

    const { status, error, nodes, info } = await runner.run(
      graph({ name: 'g', nodes: [hangs, stops] }),
      {},
      { onError, onFailure: 'return' },
    );

    expect(status).toBe('failed');
    expect(error).toBe(fatal);
    expect(nodes).toEqual({ hangs: 'cancelled', stops: 'failed' });
    expect(requestOf(info, 'stops').attempts).toBe(1);
    expect(unendedOf(info)).toEqual([]);
  });

  test('deep inside nested graphs stops the whole run', async () => {
    const { runner } = await stageFor('first');
    const inner = graph({ name: 'inner', nodes: [stops] });
    const middle = graph({ name: 'middle', nodes: [inner.asNode()] });

    const { error, nodes, info } = await runner.run(
      graph({ name: 'outer', nodes: [hangs, middle.asNode()] }),
      {},
      { onError, onFailure: 'return' },
    );

    expect(error).toBe(fatal);
    expect(nodes['hangs']).toBe('cancelled');
    expect(unendedOf(info)).toEqual([]);
  });

  test('is published as FatalFailure with the request that it came from', async () => {
    const { runner } = await stageFor('first');
    const { events, subscriber } = eventLog();

    const { info } = await runner.run(
      graph({ name: 'g', nodes: [stops] }),
      {},
      { onError, onFailure: 'return', subscriber },
    );

    expect(ofType(events, 'FatalFailure')).toMatchObject([
      { nodeName: 'stops', requestId: requestOf(info, 'stops').id, error: { code: 'FATAL' } },
    ]);
  });

  test('stops a run whose body would have caught it', async () => {
    const { runner } = await stageFor('first');
    const careful = node({
      name: 'careful',
      output: 'y',
      run: async (_, ctx) => ctx.call(graph({ name: 'g', nodes: [stops] })).catch(() => 2),
    });

    const { status, error } = await runner.run(
      graph({ name: 'outer', nodes: [careful] }),
      {},
      { onError, onFailure: 'return' },
    );

    expect(status).toBe('failed');
    expect(error).toBe(fatal);
  });
});

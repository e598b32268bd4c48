import { createRunner, END, graph, InfiniteLoopError, input, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { rejectionOf, thrownBy } from '../support/deferred.ts';
import { stepsOf, unendedOf } from '../support/forest.ts';

const inc = node({
  name: 'inc',
  inputs: { count: input<number>() },
  output: 'count',
  run: ({ count }) => count + 1,
});
const upTo = (limit: number) =>
  route({
    name: 'again',
    inputs: { count: input<number>() },
    targets: ['inc', END],
    run: ({ count }) => (count < limit ? 'inc' : END),
  });
const forever = upTo(Number.POSITIVE_INFINITY);
const endless = graph({ name: 'endless', nodes: [inc, forever] });

describe('maxIterations', () => {
  test('lets each node of a loop run that often', async () => {
    const g = graph({ name: 'g', nodes: [inc, upTo(5)], maxIterations: 5 });

    const { outputs } = await createRunner().run(g, { count: 0 });

    expect(outputs).toEqual({ count: 5 });
  });

  test('fails the run when a node would run once more', async () => {
    const g = graph({ name: 'g', nodes: [inc, upTo(6)], maxIterations: 5 });

    const error = await rejectionOf(createRunner().run(g, { count: 0 }));

    expect(error).toMatchObject({ code: 'INFINITE_LOOP' });
  });

  test('is 1,000 where nobody says anything', async () => {
    const error = await rejectionOf(createRunner().run(endless, { count: 0 }));

    expect(error).toMatchObject({
      code: 'INFINITE_LOOP',
      maxIterations: 1_000,
      lastValues: { count: 1_000 },
    });
  });

  test('of the runner holds', async () => {
    const error = await rejectionOf(createRunner({ maxIterations: 7 }).run(endless, { count: 0 }));

    expect(error).toMatchObject({ maxIterations: 7, lastValues: { count: 7 } });
  });

  test('of the run wins over that of the runner', async () => {
    const runner = createRunner({ maxIterations: 7 });

    const error = await rejectionOf(runner.run(endless, { count: 0 }, { maxIterations: 3 }));

    expect(error).toMatchObject({ maxIterations: 3, lastValues: { count: 3 } });
  });

  test('of the runner may be more than the usual', async () => {
    const g = graph({ name: 'g', nodes: [inc, upTo(1_500)] });

    const { outputs } = await createRunner({ maxIterations: 2_000 }).run(g, { count: 0 });

    expect(outputs).toEqual({ count: 1_500 });
  });

  test('holds for each entry of a nested loop, not for all of them together', async () => {
    const line = graph({
      name: 'line',
      nodes: [
        node({
          name: 'inc',
          inputs: { count: input(0), row: input<number>() },
          output: 'count',
          run: ({ count }) => count + 1,
        }),
        upToOpen(3),
      ],
    });
    const nextRow = node({
      name: 'nextRow',
      inputs: { row: input<number>(), width: input<number>() },
      output: 'row',
      run: ({ row }) => row + 1,
    });
    const moreRows = route({
      name: 'moreRows',
      inputs: { row: input<number>(), width: input<number>() },
      targets: ['nextRow', END],
      run: ({ row }) => (row < 2 ? 'nextRow' : END),
    });
    const page = graph({
      name: 'page',
      nodes: [
        line.rename({ inputs: { count: 'from' }, outputs: { count: 'width' } }).asNode(),
        nextRow,
        moreRows,
      ],
    });

    const { outputs } = await createRunner({ maxIterations: 3 }).run(page, { row: 0 });

    expect(outputs).toMatchObject({ row: 2 });
  });

  test('of the run reaches into nested graphs', async () => {
    const outer = graph({ name: 'outer', nodes: [endless.asNode()] });

    const error = await rejectionOf(createRunner().run(outer, { count: 0 }, { maxIterations: 4 }));

    expect(error).toMatchObject({ code: 'INFINITE_LOOP', maxIterations: 4 });
  });

  test('reaches into graphs that are nested several times', async () => {
    const middle = graph({ name: 'middle', nodes: [endless.asNode()] });
    const outer = graph({ name: 'outer', nodes: [middle.asNode()] });

    const error = await rejectionOf(createRunner().run(outer, { count: 0 }, { maxIterations: 4 }));

    expect(error).toMatchObject({ code: 'INFINITE_LOOP', maxIterations: 4 });
  });

  test('reaches into a graph that a body calls', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.call(endless, { count: 0 }));

    const error = await rejectionOf(createRunner().run(root, undefined, { maxIterations: 4 }));

    expect(error).toMatchObject({ code: 'INFINITE_LOOP', maxIterations: 4 });
  });

  test('of one graph node holds for that one', async () => {
    const quick = graph({ name: 'quick', nodes: [inc, upTo(10)] });
    const outer = graph({
      name: 'outer',
      nodes: [
        quick.asNode({ name: 'first', namespace: true, maxIterations: 10 }),
        quick.asNode({ name: 'second', namespace: true, maxIterations: 9 }),
      ],
    });

    const { status, error, nodes } = await createRunner().run(
      outer,
      { 'first.count': 0, 'second.count': 0 },
      { onFailure: 'return' },
    );

    expect(status).toBe('failed');
    expect(error).toMatchObject({ code: 'INFINITE_LOOP', maxIterations: 9 });
    expect(nodes['second']).toBe('failed');
  });

  test('of a graph node wins over that of its graph', async () => {
    const limited = graph({ name: 'limited', nodes: [inc, upTo(10)], maxIterations: 2 });
    const outer = graph({ name: 'outer', nodes: [limited.asNode({ maxIterations: 10 })] });

    const { outputs } = await createRunner().run(outer, { count: 0 });

    expect(outputs).toEqual({ count: 10 });
  });

  test('bounds a loop of which no round writes anything new', async () => {
    const poll = node({ name: 'poll', output: 'status', run: () => 'wait' });
    const isReady = route({
      name: 'isReady',
      inputs: { status: input<string>() },
      targets: ['poll', END],
      run: ({ status }) => (status === 'ready' ? END : 'poll'),
    });

    const error = await rejectionOf(
      createRunner({ maxIterations: 20 }).run(graph({ name: 'g', nodes: [poll, isReady] })),
    );

    expect(error).toMatchObject({ code: 'INFINITE_LOOP', lastValues: { status: 'wait' } });
  });

  test('bounds nothing outside of loops', async () => {
    const many = Array.from({ length: 5 }, (_, index) =>
      node({ name: `n${index}`, output: `x${index}`, run: () => index }),
    );

    const { status, outputs } = await createRunner({ maxIterations: 1 }).run(
      graph({ name: 'g', nodes: many }),
    );

    expect(status).toBe('completed');
    expect(Object.keys(outputs)).toHaveLength(5);
  });

  test('does not count retries', async () => {
    let attempts = 0;
    const flaky = node({
      name: 'inc',
      inputs: { count: input<number>() },
      output: 'count',
      retry: { maxAttempts: 5, delay: 0 },
      run: ({ count }) => {
        attempts += 1;
        if (attempts % 3 !== 0) throw new Error('again');
        return count + 1;
      },
    });

    const { outputs } = await createRunner({ maxIterations: 3 }).run(
      graph({ name: 'g', nodes: [flaky, upTo(3)] }),
      { count: 0 },
    );

    expect(outputs).toEqual({ count: 3 });
    expect(attempts).toBe(9);
  });
});

/** As `upTo`, where the count has a default. */
function upToOpen(limit: number) {
  return route({
    name: 'again',
    inputs: { count: input(0) },
    targets: ['inc', END],
    run: ({ count }) => (count < limit ? 'inc' : END),
  });
}

describe('an InfiniteLoopError', () => {
  test("has the names of the loop's nodes, and the last values of its names", async () => {
    const double = node({
      name: 'double',
      inputs: { count: input<number>() },
      output: 'twice',
      run: ({ count }) => count * 2,
    });
    const gate = route({
      name: 'gate',
      inputs: { twice: input<number>() },
      targets: ['inc', END],
      run: () => 'inc',
    });
    const outside = node({ name: 'outside', output: 'other', run: () => 1 });
    const g = graph({ name: 'g', nodes: [outside, inc, double, gate] });

    const error = await rejectionOf(createRunner({ maxIterations: 3 }).run(g, { count: 0 }));

    expect(error).toBeInstanceOf(InfiniteLoopError);
    expect(error).toMatchObject({ loop: ['inc', 'double', 'gate'], lastValues: { count: 3, twice: 4 } });
    expect(error).toHaveProperty('message', expect.stringContaining('inc'));
    expect(error).toHaveProperty('message', expect.stringContaining('gate'));
  });

  test('is thrown by runSync too', () => {
    const error = thrownBy(() => createRunner().runSync(endless, { count: 0 }, { maxIterations: 3 }));

    expect(error).toMatchObject({ code: 'INFINITE_LOOP', lastValues: { count: 3 } });
  });

  test('fails the node that would have run once too often, and the run ends whole', async () => {
    const { status, nodes, outputs, info } = await createRunner().run(
      endless,
      { count: 0 },
      { maxIterations: 3, onFailure: 'return' },
    );

    expect(status).toBe('failed');
    expect(Object.values(nodes)).toContain('failed');
    expect(outputs).toEqual({ count: 3 });
    expect(unendedOf(info)).toEqual([]);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('may be caught by a body that called the graph', async () => {
    const root = node('root', (_: unknown, ctx) =>
      ctx.call(endless, { count: 0 }).then(
        () => 'ended',
        (error: InfiniteLoopError) => error.code,
      ),
    );

    const { answer } = await createRunner({ maxIterations: 3 }).run(root);

    expect(answer).toBe('INFINITE_LOOP');
  });

  test("under 'continue' lets independent work end first, and blocks what comes after the loop", async () => {
    const report = node({
      name: 'report',
      inputs: { count: input<number>() },
      output: 'text',
      run: ({ count }) => `${count}`,
    });
    const beside = node({ name: 'beside', output: 'other', run: async () => 1 });

    const { status, nodes, outputs } = await createRunner({ maxIterations: 3, onError: 'continue' }).run(
      graph({ name: 'g', nodes: [inc, forever, report, beside] }),
      { count: 0 },
      { onFailure: 'return' },
    );

    expect(status).toBe('failed');
    expect(nodes).toMatchObject({ report: 'blocked', beside: 'completed' });
    expect(outputs).toMatchObject({ other: 1 });
  });
});

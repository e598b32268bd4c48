import { createRunner, END, graph, input, node, route } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred, rejectionOf } from '../support/deferred.ts';
import { requestOf, stepsOf } from '../support/forest.ts';
import { eventLog, ofType } from '../support/runs.ts';

/** How many bodies work at once. */
function meter() {
  const counts = { active: 0, peak: 0 };
  const release = deferred();
  const work = async (): Promise<number> => {
    counts.active += 1;
    counts.peak = Math.max(counts.peak, counts.active);
    await release.promise;
    counts.active -= 1;
    return 1;
  };
  return { counts, release, work };
}

function wide(width: number, work: () => Promise<number>) {
  return Array.from({ length: width }, (_, index) =>
    node({ name: `n${index}`, output: `x${index}`, run: work }),
  );
}

describe('retry of a node in a graph', () => {
  const boom = new Error('boom');

  test('is made before anything that depends on it starts', async () => {
    const clock = fakeClock();
    const trace: string[] = [];
    const flaky = node({
      name: 'flaky',
      output: 'x',
      retry: { maxAttempts: 3, delay: 100, backoff: 2, jitter: 'none' },
      run: (_, ctx) => {
        trace.push(`attempt ${ctx.attempt} at ${clock.now()}`);
        if (ctx.attempt < 3) throw boom;
        return 1;
      },
    });
    const after = node({
      name: 'after',
      inputs: { x: input<number>() },
      output: 'y',
      run: () => trace.push('after'),
    });
    const running = createRunner({ clock }).run(graph({ name: 'g', nodes: [after, flaky] }));

    await clock.advance(300);
    const { info } = await running;

    expect(trace).toEqual(['attempt 1 at 0', 'attempt 2 at 100', 'attempt 3 at 300', 'after']);
    expect(requestOf(info, 'flaky').attempts).toBe(3);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('holds up nothing beside it', async () => {
    const clock = fakeClock();
    const trace: string[] = [];
    const flaky = node({
      name: 'flaky',
      output: 'x',
      retry: { delay: 100, jitter: 'none' },
      run: (_, ctx) => {
        if (ctx.attempt === 1) throw boom;
        return trace.push('flaky');
      },
    });
    const one = node({ name: 'one', output: 'a', run: async () => trace.push('one') });
    const two = node({
      name: 'two',
      inputs: { a: input<number>() },
      output: 'b',
      run: () => trace.push('two'),
    });
    const running = createRunner({ clock, maxConcurrency: 1 }).run(
      graph({ name: 'g', nodes: [flaky, one, two] }),
    );

    await clock.advance(100);
    await running;

    expect(trace).toEqual(['one', 'two', 'flaky']);
  });

  test('that is used up fails the run with the last error, and tells of each attempt', async () => {
    const clock = fakeClock();
    const { events, subscriber } = eventLog();
    const errors = [new Error('first'), new Error('second')];
    const flaky = node({
      name: 'flaky',
      output: 'x',
      retry: { maxAttempts: 2, delay: 10, jitter: 'none' },
      run: (_, ctx): number => {
        throw errors[ctx.attempt - 1] ?? boom;
      },
    });
    const rejected = rejectionOf(
      createRunner({ clock, subscriber }).run(graph({ name: 'g', nodes: [flaky] })),
    );

    await clock.advance(10);
    const error = await rejected;

    expect(error).toBe(errors[1]);
    expect(ofType(events, 'NodeRetry')).toMatchObject([{ nodeName: 'flaky', attempt: 1, delayMs: 10 }]);
    expect(ofType(events, 'NodeError').filter(({ nodeName }) => nodeName === 'flaky')).toHaveLength(1);
  });

  test('is anew for each round of a loop', async () => {
    const clock = fakeClock();
    const attempts: string[] = [];
    const flaky = node({
      name: 'flaky',
      inputs: { n: input<number>() },
      output: 'n',
      retry: { maxAttempts: 2, delay: 1, jitter: 'none' },
      run: ({ n }, ctx) => {
        attempts.push(`${n}.${ctx.attempt}`);
        if (ctx.attempt === 1) throw boom;
        return n + 1;
      },
    });
    const again = route({
      name: 'again',
      inputs: { n: input<number>() },
      targets: ['flaky', END],
      run: ({ n }) => (n < 2 ? 'flaky' : END),
    });
    const running = createRunner({ clock }).run(graph({ name: 'g', nodes: [flaky, again] }), { n: 0 });

    await clock.runAll();
    await running;

    expect(attempts).toEqual(['0.1', '0.2', '1.1', '1.2']);
  });

  test('of a gate asks it again', async () => {
    const clock = fakeClock();
    const gate = route({
      name: 'gate',
      targets: ['work', END],
      retry: { delay: 5, jitter: 'none' },
      run: (_, ctx) => {
        if (ctx.attempt === 1) throw boom;
        return 'work';
      },
    });
    const work = node({ name: 'work', output: 'x', run: () => 1 });
    const running = createRunner({ clock }).run(graph({ name: 'g', nodes: [gate, work] }));

    await clock.advance(5);

    expect((await running).outputs).toEqual({ x: 1 });
  });
});

describe('fallback of a node in a graph', () => {
  test('is what its dependents get, and the node completed', async () => {
    const boom = new Error('boom');
    const saved = node({
      name: 'saved',
      inputs: { n: input<number>() },
      output: 'x',
      fallback: ({ error, input: given }) => (error === boom ? given.n * 2 : 0),
      run: (): number => {
        throw boom;
      },
    });
    const after = node({ name: 'after', inputs: { x: input<number>() }, output: 'y', run: ({ x }) => x + 1 });

    const { status, outputs, nodes, reasons } = await createRunner().run(
      graph({ name: 'g', nodes: [saved, after] }),
      { n: 5 },
    );

    expect(status).toBe('completed');
    expect(outputs).toEqual({ y: 11 });
    expect(nodes).toEqual({ saved: 'completed', after: 'completed' });
    expect(reasons).toEqual({});
  });
});

describe('maxConcurrency over a graph', () => {
  test.each([1, 3])('lets %i nodes work at once', async (maxConcurrency) => {
    const clock = fakeClock();
    const { counts, release, work } = meter();
    const running = createRunner({ clock, maxConcurrency }).run(graph({ name: 'g', nodes: wide(10, work) }));

    await clock.advance(0);
    const { active } = counts;
    release.resolve();
    const { status } = await running;

    expect(active).toBe(maxConcurrency);
    expect(status).toBe('completed');
    expect(counts.peak).toBe(maxConcurrency);
  });

  test('is one budget with nested graphs and mapped ones', async () => {
    const clock = fakeClock();
    const { counts, release, work } = meter();
    const inner = graph({ name: 'inner', nodes: wide(4, work) });
    const each = graph({
      name: 'each',
      nodes: [node({ name: 'item', inputs: { value: input<number>() }, output: 'done', run: work })],
    });
    const beside = node({ name: 'beside', output: 'b', run: work });
    const g = graph({ name: 'outer', nodes: [inner.asNode(), each.asNode({ mapOver: 'value' }), beside] });
    const running = createRunner({ clock, maxConcurrency: 2 }).run(g, { value: [1, 2, 3, 4] });

    await clock.advance(0);
    const { active } = counts;
    release.resolve();
    const { outputs } = await running;

    expect(active).toBe(2);
    expect(counts.peak).toBe(2);
    expect(outputs).toMatchObject({ done: [1, 1, 1, 1], b: 1, x3: 1 });
  });

  test('of 1 does not deadlock on graphs in graphs in bodies', async () => {
    const leaf = node({ name: 'leaf', output: 'x', run: async () => 1 });
    const inner = graph({ name: 'inner', nodes: [leaf] });
    const caller = node({
      name: 'caller',
      output: 'y',
      run: async (_, ctx) => (await ctx.call(inner)).x + 1,
    });
    const middle = graph({ name: 'middle', nodes: [caller] });
    const root = node('root', async (_: unknown, ctx) => (await ctx.call(middle)).y + 1);

    const { answer } = await createRunner({ maxConcurrency: 1 }).run(root);

    expect(answer).toBe(3);
  });

  test('of 1 still runs a loop to its end', async () => {
    const inc = node({
      name: 'inc',
      inputs: { n: input<number>() },
      output: 'n',
      run: async ({ n }) => n + 1,
    });
    const again = route({
      name: 'again',
      inputs: { n: input<number>() },
      targets: ['inc', END],
      run: async ({ n }) => (n < 50 ? 'inc' : END),
    });

    const { outputs } = await createRunner({ maxConcurrency: 1 }).run(
      graph({ name: 'g', nodes: [inc, again] }),
      { n: 0 },
    );

    expect(outputs).toEqual({ n: 50 });
  });

  test('changes no output', async () => {
    const a = node({ name: 'a', output: 'x', run: async () => 1 });
    const b = node({ name: 'b', inputs: { x: input<number>() }, output: 'y', run: async ({ x }) => x + 1 });
    const c = node({ name: 'c', inputs: { x: input<number>() }, output: 'z', run: async ({ x }) => x + 2 });
    const d = node({
      name: 'd',
      inputs: { y: input<number>(), z: input<number>() },
      output: 'sum',
      run: ({ y, z }) => y + z,
    });
    const g = graph({ name: 'g', nodes: [d, c, b, a] });

    const results = await Promise.all(
      [1, 2, Infinity].map((maxConcurrency) => createRunner({ maxConcurrency }).run(g)),
    );

    expect(results.map(({ outputs }) => outputs)).toEqual([{ sum: 5 }, { sum: 5 }, { sum: 5 }]);
  });

  test('counts a node that was cancelled while it waited for its place as cancelled', async () => {
    const clock = fakeClock();
    const { release, work } = meter();
    const handle = createRunner({ clock, maxConcurrency: 1 }).iter(
      graph({ name: 'g', nodes: wide(3, work) }),
      {},
      { onFailure: 'return' },
    );
    await clock.advance(0);

    handle.cancel('enough');
    release.resolve();
    const { nodes, info } = await handle.result;

    expect(nodes).toEqual({ n0: 'cancelled', n1: 'cancelled', n2: 'cancelled' });
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });
});

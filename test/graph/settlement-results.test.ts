import { createRunner, END, FatalError, graph, input, interrupt, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';

const embed = node({
  name: 'embed',
  inputs: { text: input<string>() },
  output: 'vector',
  run: ({ text }) => [text.length],
});
const search = node({
  name: 'search',
  inputs: { vector: input<number[]>(), limit: input(3) },
  output: 'hits',
  run: ({ vector, limit }) => vector.map((each) => each * limit),
});
const inc = node({
  name: 'inc',
  inputs: { count: input<number>() },
  output: 'count',
  run: ({ count }) => count + 1,
});
const again = route({
  name: 'again',
  inputs: { count: input<number>() },
  targets: ['inc', END],
  run: ({ count }) => (count < 3 ? 'inc' : END),
});

describe('the outputs of a run', () => {
  test('are the leaf outputs, and the answer is the same object', async () => {
    const { answer, outputs } = await createRunner().run(graph({ name: 'g', nodes: [embed, search] }), {
      text: 'hello',
    });

    expect(outputs).toEqual({ hits: [15] });
    expect(answer).toBe(outputs);
  });

  test('hold no input and no decision of a gate', async () => {
    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [inc, again] }), { count: 0 });

    expect(outputs).toEqual({ count: 3 });
  });

  test("hold a loop's own result where nothing outside of the loop reads it", async () => {
    const double = node({
      name: 'double',
      inputs: { count: input<number>() },
      output: 'twice',
      run: ({ count }) => count * 2,
    });
    const inLoop = route({
      name: 'again',
      inputs: { twice: input<number>() },
      targets: ['inc', END],
      run: ({ twice }) => (twice < 6 ? 'inc' : END),
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [inc, double, inLoop] }), {
      count: 0,
    });

    expect(outputs).toEqual({ count: 3, twice: 6 });
  });

  test("do not hold a loop's name that something outside of the loop reads", async () => {
    const show = node({
      name: 'show',
      inputs: { count: input<number>() },
      output: 'shown',
      run: ({ count }) => `${count}`,
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [inc, again, show] }), {
      count: 0,
    });

    expect(outputs).toEqual({ shown: '3' });
  });

  test('do not hold a name that only a gate outside of its component reads', async () => {
    const gate = route({
      name: 'gate',
      inputs: { vector: input<number[]>() },
      targets: ['end', END],
      run: () => 'end',
    });
    const end = node({ name: 'end', output: 'ended', run: () => true });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [embed, gate, end] }), {
      text: 'hello',
    });

    expect(outputs).toEqual({ ended: true });
  });

  test('leave out what a node that was skipped would have made', async () => {
    const pick = route({ name: 'pick', targets: ['left', 'right'], run: () => 'left' });
    const left = node({ name: 'left', output: 'a', run: () => 1 });
    const right = node({ name: 'right', output: 'b', run: () => 2 });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [pick, left, right] }));

    expect(outputs).toEqual({ a: 1 });
    expect(Object.hasOwn(outputs, 'b')).toBe(false);
  });

  test('are the very objects that the nodes returned', async () => {
    const made = { deep: [1] };
    const make = node({ name: 'make', output: 'made', run: () => made });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [make] }));

    expect(outputs.made).toBe(made);
  });

  test('hold all names of a node with several outputs', async () => {
    const split = node({
      name: 'split',
      inputs: { list: input<number[]>() },
      outputs: ['low', 'high'],
      run: ({ list }) => ({ low: Math.min(...list), high: Math.max(...list), other: true }),
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [split] }), { list: [2, 1, 3] });

    expect(outputs).toEqual({ low: 1, high: 3 });
  });
});

describe('select', () => {
  const count = (trace: string[]) => ({
    first: node({ name: 'first', output: 'a', run: () => trace.push('first') }),
    second: node({
      name: 'second',
      inputs: { a: input<number>() },
      output: 'b',
      run: () => trace.push('second'),
    }),
    other: node({ name: 'other', output: 'c', run: () => trace.push('other') }),
  });

  test('of one run gives exactly these outputs, also of a name that is no leaf', async () => {
    const trace: string[] = [];
    const { first, second, other } = count(trace);

    const { outputs } = await createRunner().run(
      graph({ name: 'g', nodes: [first, second, other] }),
      {},
      { select: ['a'] },
    );

    expect(outputs).toEqual({ a: 1 });
  });

  test('of one run prunes what no selected output needs', async () => {
    const trace: string[] = [];
    const { first, second, other } = count(trace);

    const { nodes, reasons } = await createRunner().run(
      graph({ name: 'g', nodes: [first, second, other] }),
      {},
      { select: ['b'] },
    );

    expect(trace).toEqual(['first', 'second']);
    expect(nodes).toEqual({ first: 'completed', second: 'completed', other: 'skipped' });
    expect(Object.keys(reasons)).toEqual(['other']);
  });

  test('of one run wins over that of the graph', async () => {
    const trace: string[] = [];
    const { first, second, other } = count(trace);
    const g = graph({ name: 'g', nodes: [first, second, other] }).select('b');

    const { outputs } = await createRunner().run(g, {}, { select: ['c'] });

    expect(outputs).toEqual({ c: 1 });
  });

  test('of one run changes no later run', async () => {
    const trace: string[] = [];
    const { first, second, other } = count(trace);
    const g = graph({ name: 'g', nodes: [first, second, other] });
    const runner = createRunner();
    await runner.run(g, {}, { select: ['a'] });

    const { outputs } = await runner.run(g);

    expect(Object.keys(outputs).toSorted()).toEqual(['b', 'c']);
  });

  test('of one run holds for runSync', () => {
    const trace: string[] = [];
    const { first, second, other } = count(trace);

    const { outputs } = createRunner().runSync(
      graph({ name: 'g', nodes: [first, second, other] }),
      {},
      { select: ['c'] },
    );

    expect(outputs).toEqual({ c: 1 });
    expect(trace).toEqual(['other']);
  });

  test('of one run of an unknown name rejects, and nothing runs', async () => {
    const trace: string[] = [];
    const { first, second, other } = count(trace);
    const runner = createRunner();

    const running = runner.run(graph({ name: 'g', nodes: [first, second, other] }), {}, { select: ['aa'] });

    await expect(running).rejects.toMatchObject({ code: 'GRAPH_CONFIG' });
    expect(trace).toEqual([]);
    expect(runner.info.runs).toEqual([]);
  });

  test('of the result of a loop runs the whole loop', async () => {
    const beside = node({
      name: 'beside',
      inputs: { count: input<number>() },
      output: 'after',
      run: ({ count: n }) => n,
    });

    const { outputs, nodes } = await createRunner().run(
      graph({ name: 'g', nodes: [inc, again, beside] }),
      { count: 0 },
      { select: ['count'] },
    );

    expect(outputs).toEqual({ count: 3 });
    expect(nodes).toEqual({ inc: 'completed', again: 'completed', beside: 'skipped' });
  });
});

describe('of a run that did not complete', () => {
  const boom = new Error('boom');
  const fails = node({
    name: 'fails',
    inputs: { hits: input<number[]>() },
    output: 'answer',
    run: (): string => {
      throw boom;
    },
  });

  test('a failed one gives what was produced so far', async () => {
    const beside = node({
      name: 'beside',
      inputs: { vector: input<number[]>() },
      output: 'size',
      run: ({ vector }) => vector.length,
    });
    const { status, outputs, answer } = await createRunner().run(
      graph({ name: 'g', nodes: [embed, beside, search, fails] }),
      { text: 'hello' },
      { onFailure: 'return' },
    );

    expect(status).toBe('failed');
    expect(answer).toBeUndefined();
    expect(outputs).toMatchObject({ size: 1 });
    expect(outputs).not.toHaveProperty('text');
    expect(outputs).not.toHaveProperty('answer');
  });

  test('a failed one gives no decision of a gate and no input', async () => {
    const stops = node({
      name: 'stops',
      inputs: { count: input<number>() },
      output: 'never',
      run: (): number => {
        throw new FatalError('enough');
      },
    });
    const { outputs } = await createRunner().run(
      graph({ name: 'g', nodes: [inc, again, stops, search] }),
      { count: 0, vector: [1] },
      { onFailure: 'return' },
    );

    expect(Object.keys(outputs)).not.toContain('again');
    expect(Object.keys(outputs)).not.toContain('vector');
    expect(Object.keys(outputs)).not.toContain('never');
  });

  test('a paused one gives what was produced so far', async () => {
    const ask = interrupt({
      name: 'ask',
      inputs: { hits: input<number[]>() },
      response: 'verdict',
      run: ({ hits }) => hits,
    });
    const beside = node({
      name: 'beside',
      inputs: { vector: input<number[]>() },
      output: 'size',
      run: ({ vector }) => vector.length,
    });

    const { status, outputs } = await createRunner().run(
      graph({ name: 'g', nodes: [embed, search, beside, ask] }),
      {
        text: 'hello',
      },
    );

    expect(status).toBe('paused');
    expect(outputs).toMatchObject({ size: 1 });
    expect(outputs).not.toHaveProperty('verdict');
  });
});

describe('binds', () => {
  test('are taken where the run gives nothing', async () => {
    const { outputs } = await createRunner().run(
      graph({ name: 'g', nodes: [embed, search] }).bind({ limit: 10 }),
      { text: 'abc' },
    );

    expect(outputs).toEqual({ hits: [30] });
  });

  test('give way to an input of the run', async () => {
    const { outputs } = await createRunner().run(
      graph({ name: 'g', nodes: [embed, search] }).bind({ limit: 10 }),
      {
        text: 'abc',
        limit: 2,
      },
    );

    expect(outputs).toEqual({ hits: [6] });
  });

  test('of a seed let a loop start by itself', async () => {
    const { outputs } = await createRunner().run(
      graph({ name: 'g', nodes: [inc, again] }).bind({ count: 1 }),
    );

    expect(outputs).toEqual({ count: 3 });
  });
});

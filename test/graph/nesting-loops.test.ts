import { createRunner, END, graph, ifElse, InfiniteLoopError, input, node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { statusesOf } from '../support/forest.ts';
import { eventLog, ofType, stageFor } from '../support/runs.ts';

const inc = node({
  name: 'inc',
  inputs: { count: input<number>() },
  output: 'count',
  run: ({ count }) => count + 1,
});
const again = ifElse({
  name: 'again',
  inputs: { count: input<number>(), limit: input(3) },
  then: 'inc',
  else: END,
  run: ({ count, limit }) => count < limit,
});
/** Counts up to the limit, as do-while does. */
const counting = graph({ name: 'counting', nodes: [inc, again] });

const runsOf = (statuses: readonly string[], name: string): number =>
  statuses.filter((status) => status.startsWith(`${name} `)).length;

describe('a loop in a nested graph', () => {
  test.each([
    [0, 3],
    [10, 11],
  ])('is one node of the outer graph: from %i it gives %i', async (count, end) => {
    const after = node({
      name: 'after',
      inputs: { count: input<number>() },
      output: 'final',
      run: ({ count: last }) => `${last}!`,
    });
    const outer = graph({ name: 'outer', nodes: [after, counting.asNode()] });

    const { outputs, nodes } = await createRunner().run(outer, { count });

    expect(nodes).toEqual({ after: 'completed', counting: 'completed' });
    expect(outputs).toEqual({ final: `${end}!` });
  });

  test('under a namespace has its seed and its result there', async () => {
    const outer = graph({ name: 'outer', nodes: [counting.asNode({ namespace: true })] });

    const { outputs } = await createRunner().run(outer, { 'counting.count': 1, 'counting.limit': 5 });

    expect(outputs).toEqual({ 'counting.count': 5 });
  });

  test('takes its seed from a node outside under another name', async () => {
    const make = node({ name: 'make', inputs: {}, output: 'start', run: () => 1 });
    const nested = counting.rename({ inputs: { count: 'start' } }).asNode();

    const { outputs } = await createRunner().run(graph({ name: 'outer', nodes: [make, nested] }));

    expect(outputs).toEqual({ count: 3 });
  });

  test('that is given no seed is a MissingInputError that names it as it is called outside', async () => {
    const runner = createRunner();
    const outer = graph({ name: 'outer', nodes: [counting.asNode({ namespace: true })] });

    const error = await rejectionOf(runner.run(outer, {} as { 'counting.count': number }));

    expect(error).toMatchObject({ code: 'MISSING_INPUT' });
    expect(String(error)).toContain('counting.count');
    expect(runner.info.runs).toEqual([]);
  });

  test('is entered anew in every round of a loop outside', async () => {
    const nested = counting
      .rename({ inputs: { count: 'from' }, outputs: { count: 'reached' } })
      .asNode({ name: 'inside' });
    const next = node({
      name: 'next',
      inputs: { reached: input<number>() },
      output: 'limit',
      run: ({ reached }) => reached + 2,
    });
    const more = ifElse({
      name: 'more',
      inputs: { reached: input<number>() },
      then: 'next',
      else: END,
      run: ({ reached }) => reached < 7,
    });
    const outer = graph({ name: 'outer', nodes: [nested, more, next] });

    const { outputs, info } = await createRunner({ maxIterations: 7 }).run(outer, { from: 0, limit: 3 });

    const statuses = statusesOf(info);
    expect(outputs).toMatchObject({ reached: 7 });
    // From 0 up to 3, to 5 and to 7: more than the limit in all, and not in any one entry.
    expect(runsOf(statuses, 'inc')).toBe(3 + 5 + 7);
    expect(runsOf(statuses, 'inside')).toBe(3);
  });
});

describe('the limit of iterations', () => {
  const outer = graph({ name: 'outer', nodes: [counting.asNode()] });
  const given = { count: 0, limit: 5 };

  test('of a runner reaches into nested graphs', async () => {
    const error = await rejectionOf(createRunner({ maxIterations: 4 }).run(outer, given));

    expect(error).toBeInstanceOf(InfiniteLoopError);
    expect(String(error)).toContain('inc');
  });

  test('of a run reaches into nested graphs two deep', async () => {
    const deep = graph({ name: 'deep', nodes: [outer.asNode()] });

    const error = await rejectionOf(createRunner().run(deep, given, { maxIterations: 4 }));

    expect(error).toMatchObject({ code: 'INFINITE_LOOP' });
  });

  test('is not reached by as many rounds as it says', async () => {
    const { outputs } = await createRunner({ maxIterations: 5 }).run(outer, given);

    expect(outputs).toEqual({ count: 5 });
  });

  test('of a node holds in place of that of the run', async () => {
    const strict = graph({ name: 'outer', nodes: [counting.asNode({ maxIterations: 2 })] });
    const generous = graph({ name: 'outer', nodes: [counting.asNode({ maxIterations: 10 })] });

    const error = await rejectionOf(createRunner().run(strict, given));
    const { outputs } = await createRunner({ maxIterations: 2 }).run(generous, given);

    expect(error).toMatchObject({ code: 'INFINITE_LOOP' });
    expect(outputs).toEqual({ count: 5 });
  });

  test('of a node holds in place of that of its graph', async () => {
    const limited = graph({ name: 'counting', nodes: [inc, again], maxIterations: 2 });

    const error = await rejectionOf(
      createRunner().run(graph({ name: 'outer', nodes: [limited.asNode()] }), given),
    );
    const { outputs } = await createRunner().run(
      graph({ name: 'outer', nodes: [limited.asNode({ maxIterations: 10 })] }),
      given,
    );

    expect(error).toMatchObject({ code: 'INFINITE_LOOP' });
    expect(outputs).toEqual({ count: 5 });
  });

  test('of a node reaches into the graphs inside of it', async () => {
    const strict = graph({ name: 'deep', nodes: [outer.asNode({ maxIterations: 2 })] });

    const error = await rejectionOf(createRunner().run(strict, given));

    expect(error).toMatchObject({ code: 'INFINITE_LOOP' });
  });

  test('of a graph reaches into the graphs inside of it', async () => {
    const strict = graph({ name: 'outer', nodes: [counting.asNode()], maxIterations: 2 });

    const error = await rejectionOf(createRunner().run(strict, given));

    expect(error).toMatchObject({ code: 'INFINITE_LOOP' });
  });

  test('holds for a nested graph that a loop outside runs too often', async () => {
    const step = graph({ name: 'step', nodes: [inc] });
    const goOn = ifElse({
      name: 'goOn',
      inputs: { count: input<number>() },
      then: 'step',
      else: END,
      run: () => true,
    });

    const error = await rejectionOf(
      createRunner({ maxIterations: 3 }).run(graph({ name: 'outer', nodes: [step.asNode(), goOn] }), {
        count: 0,
      }),
    );

    expect(error).toMatchObject({ code: 'INFINITE_LOOP' });
    expect(String(error)).toContain('step');
  });
});

const make = (text: string) =>
  graph({
    name: text,
    nodes: [node({ name: `make ${text}`, inputs: { n: input<number>() }, output: 'text', run: () => text })],
  }).asNode();

describe('an output that a nested graph skipped', () => {
  const isPositive = ifElse({
    name: 'isPositive',
    inputs: { n: input<number>() },
    then: 'half',
    else: END,
    run: ({ n }) => n > 0,
  });
  const half = node({
    name: 'half',
    inputs: { n: input<number>() },
    output: 'halved',
    run: ({ n }) => n / 2,
  });
  const negate = node({
    name: 'negate',
    inputs: { n: input<number>() },
    output: 'negated',
    run: ({ n }) => -n,
  });
  const inner = graph({ name: 'inner', nodes: [isPositive, half, negate] });
  const strict = node({
    name: 'strict',
    inputs: { halved: input<number>() },
    output: 'fromStrict',
    run: ({ halved }) => halved,
  });
  const lenient = node({
    name: 'lenient',
    inputs: { halved: input(-1) },
    output: 'fromLenient',
    run: ({ halved }) => halved,
  });
  const other = node({
    name: 'other',
    inputs: { negated: input<number>() },
    output: 'fromOther',
    run: ({ negated }) => negated,
  });
  const outer = graph({ name: 'outer', nodes: [inner.asNode(), strict, lenient, other] });

  test('skips who needs it, gives who has a default that, and leaves the others their values', async () => {
    const { status, outputs, nodes } = await createRunner().run(outer, { n: -4 });

    expect(status).toBe('completed');
    expect(nodes).toEqual({
      inner: 'completed',
      strict: 'skipped',
      lenient: 'completed',
      other: 'completed',
    });
    expect(outputs).toEqual({ fromLenient: -1, fromOther: 4 });
  });

  test('gives the reason why its reader was skipped', async () => {
    const { reasons } = await createRunner().run(outer, { n: -4 });

    expect(Object.keys(reasons)).toEqual(['strict']);
    expect(reasons['strict']).toContain('halved');
  });

  test('is there for all of them where it was made', async () => {
    const { outputs } = await createRunner().run(outer, { n: 4 });

    expect(outputs).toEqual({ fromStrict: 2, fromLenient: 2, fromOther: -4 });
  });

  test('is no key of the outputs of the outer graph', async () => {
    const alone = graph({ name: 'alone', nodes: [inner.asNode()] });

    const { outputs } = await createRunner().run(alone, { n: -4 });

    expect(outputs).toEqual({ negated: 4 });
    expect(Object.keys(outputs)).toEqual(['negated']);
  });

  test('of two alternatives leaves a join that of the other one', async () => {
    const choose = ifElse({
      name: 'choose',
      inputs: { n: input<number>() },
      then: 'low',
      else: 'high',
      run: ({ n }) => n < 5,
    });
    const join = node({
      name: 'join',
      inputs: { text: input<string>() },
      output: 'joined',
      run: ({ text }) => `it is ${text}`,
    });
    const branching = graph({ name: 'branching', nodes: [choose, make('low'), make('high'), join] });

    const results = [
      await createRunner().run(branching, { n: 1 }),
      await createRunner().run(branching, { n: 9 }),
    ];

    expect(results.map(({ outputs }) => outputs)).toEqual([
      { joined: 'it is low' },
      { joined: 'it is high' },
    ]);
  });
});

describe('a nested graph that is skipped', () => {
  const closed = ifElse({ name: 'closed', then: 'counting', else: END, run: () => false });
  const outer = graph({ name: 'outer', nodes: [closed, counting.asNode()] });

  test('runs nothing inside', async () => {
    const { info, outputs } = await createRunner().run(outer, { count: 0 });

    expect(statusesOf(info)).toEqual(['outer succeeded', 'closed succeeded']);
    expect(outputs).toEqual({});
  });

  test('is published once, as one node', async () => {
    const { runner, clock } = await stageFor('first');
    const { events, subscriber } = eventLog();

    await runner.run(outer, { count: 0 }, { subscriber });
    await clock.advance(0);

    expect(ofType(events, 'NodeSkipped').map(({ nodeName }) => nodeName)).toEqual(['counting']);
  });
});

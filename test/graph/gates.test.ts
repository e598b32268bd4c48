import { createRunner, END, graph, ifElse, input, node, route, type RouteDecisionEvent } from 'troupe';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { requestOf } from '../support/forest.ts';
import { eventLog, ofType } from '../support/runs.ts';

const a = node({ name: 'a', output: 'x', run: () => 'a' });
const b = node({ name: 'b', output: 'y', run: () => 'b' });
const c = node({ name: 'c', output: 'z', run: () => 'c' });

describe('route', () => {
  test('runs the target that it chose, and no other', async () => {
    const pick = route({
      name: 'pick',
      inputs: { way: input<'a' | 'b'>() },
      targets: ['a', 'b'],
      run: ({ way }) => way,
    });
    const runner = createRunner();
    const g = graph({ name: 'g', nodes: [a, b, pick] });

    const results = [await runner.run(g, { way: 'a' }), await runner.run(g, { way: 'b' })];

    expect(results.map(({ outputs }) => outputs)).toEqual([{ x: 'a' }, { y: 'b' }]);
    expect(results.map(({ nodes }) => nodes)).toEqual([
      { a: 'completed', b: 'skipped', pick: 'completed' },
      { a: 'skipped', b: 'completed', pick: 'completed' },
    ]);
  });

  test('may be asynchronous', async () => {
    const pick = route({ name: 'pick', targets: ['a', 'b'], run: async () => 'b' as const });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [a, b, pick] }));

    expect(outputs).toEqual({ y: 'b' });
  });

  test('that chooses END runs no target, and everything beside it', async () => {
    const pick = route({ name: 'pick', targets: ['a', 'b', END], run: () => END });

    const { status, outputs, nodes } = await createRunner().run(graph({ name: 'g', nodes: [a, b, c, pick] }));

    expect(status).toBe('completed');
    expect(outputs).toEqual({ z: 'c' });
    expect(nodes).toEqual({ a: 'skipped', b: 'skipped', c: 'completed', pick: 'completed' });
  });

  test('with END ends its own branch only, not that of another gate', async () => {
    const stops = route({ name: 'stops', targets: ['a', END], run: () => END });
    const goes = route({ name: 'goes', targets: ['b', END], run: () => 'b' });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [a, b, stops, goes] }));

    expect(outputs).toEqual({ y: 'b' });
  });

  test('with null takes its fallback', async () => {
    const pick = route({ name: 'pick', targets: ['a', 'b'], fallback: 'b', run: () => null });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [a, b, pick] }));

    expect(outputs).toEqual({ y: 'b' });
  });

  test('with null and no fallback chooses no target', async () => {
    const pick = route({ name: 'pick', targets: ['a', 'b'], run: () => null });

    const { status, outputs, nodes } = await createRunner().run(graph({ name: 'g', nodes: [a, b, pick] }));

    expect(status).toBe('completed');
    expect(outputs).toEqual({});
    expect(nodes).toEqual({ a: 'skipped', b: 'skipped', pick: 'completed' });
  });

  test('takes its decision over its fallback', async () => {
    const pick = route({ name: 'pick', targets: ['a', 'b'], fallback: 'b', run: () => 'a' });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [a, b, pick] }));

    expect(outputs).toEqual({ x: 'a' });
  });
});

describe('a multi gate', () => {
  const pickMany = (chosen: readonly ('a' | 'b' | 'c')[] | null) =>
    route({ name: 'pick', targets: ['a', 'b', 'c'], multi: true, run: () => chosen });

  test.each([
    [['a', 'c'] as const, { x: 'a', z: 'c' }],
    [['b'] as const, { y: 'b' }],
    [['a', 'b', 'c'] as const, { x: 'a', y: 'b', z: 'c' }],
    [[], {}],
    [null, {}],
  ])('that chooses %j runs these', async (chosen, outputs) => {
    const result = await createRunner().run(graph({ name: 'g', nodes: [a, b, c, pickMany(chosen)] }));

    expect(result.status).toBe('completed');
    expect(result.outputs).toEqual(outputs);
  });

  test('that names a target twice runs it once', async () => {
    const { outputs, info } = await createRunner().run(
      graph({ name: 'g', nodes: [a, b, c, pickMany(['a', 'a'])] }),
    );

    expect(outputs).toEqual({ x: 'a' });
    expect(info.requests.size).toBe(3);
  });

  test('with null takes its fallback', async () => {
    const pick = route({
      name: 'pick',
      targets: ['a', 'b', 'c'],
      multi: true,
      fallback: 'c',
      run: () => null,
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [a, b, c, pick] }));

    expect(outputs).toEqual({ z: 'c' });
  });

  test('may choose END beside a target', async () => {
    const pick = route({ name: 'pick', targets: ['a', 'b', END], multi: true, run: () => ['a', END] });

    const { status, outputs } = await createRunner().run(graph({ name: 'g', nodes: [a, b, pick] }));

    expect(status).toBe('completed');
    expect(outputs).toEqual({ x: 'a' });
  });

  test('runs what it chose concurrently, and their join once', async () => {
    const seen: unknown[] = [];
    const join = node({
      name: 'join',
      inputs: { x: input('no a'), y: input('no b'), z: input('no c') },
      output: 'all',
      run: (given) => {
        seen.push(given);
        return Object.values(given).join();
      },
    });

    const { outputs } = await createRunner().run(
      graph({ name: 'g', nodes: [join, a, b, c, pickMany(['a', 'c'])] }),
    );

    expect(outputs).toEqual({ all: 'a,no b,c' });
    expect(seen).toHaveLength(1);
  });
});

describe('ifElse', () => {
  test.each([
    [true, { x: 'a' }],
    [false, { y: 'b' }],
  ])('with %s runs its branch', async (verdict, expected) => {
    const gate = ifElse({
      name: 'gate',
      inputs: { verdict: input<boolean>() },
      then: 'a',
      else: 'b',
      run: (given) => given.verdict,
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [a, b, gate] }), { verdict });

    expect(outputs).toEqual(expected);
  });

  test('may end either branch', async () => {
    const gate = ifElse({
      name: 'gate',
      inputs: { verdict: input<boolean>() },
      then: END,
      else: 'b',
      run: (given) => given.verdict,
    });
    const runner = createRunner();
    const g = graph({ name: 'g', nodes: [b, gate] });

    const results = [await runner.run(g, { verdict: true }), await runner.run(g, { verdict: false })];

    expect(results.map(({ outputs }) => outputs)).toEqual([{}, { y: 'b' }]);
  });

  test.each([1, 'yes', null, undefined, {}])(
    'that returns %j is an error that names the gate',
    async (verdict) => {
      const body: () => unknown = () => verdict;
      const gate = ifElse({ name: 'myGate', then: 'a', else: 'b', run: body as () => boolean });

      const error = await rejectionOf(createRunner().run(graph({ name: 'g', nodes: [a, b, gate] })));

      expect(error).toMatchObject({
        code: 'GRAPH_CONFIG',
        message: expect.stringContaining('myGate') as string,
      });
    },
  );
});

describe('a decision that is none', () => {
  test.each(['d', '', 1, undefined, true, ['a'], {}])(
    '%j of a route is an error that names the gate',
    async (decision) => {
      const body: () => unknown = () => decision;
      const gate = route({ name: 'myGate', targets: ['a', 'b'], run: body as () => 'a' });

      const error = await rejectionOf(createRunner().run(graph({ name: 'g', nodes: [a, b, gate] })));

      expect(error).toMatchObject({
        code: 'GRAPH_CONFIG',
        message: expect.stringContaining('myGate') as string,
      });
    },
  );

  test('END of a route that does not list it is an error that names the gate', async () => {
    const body: () => string = () => END;
    const gate = route({ name: 'myGate', targets: ['a', 'b'], run: body as () => 'a' });

    const error = await rejectionOf(createRunner().run(graph({ name: 'g', nodes: [a, b, gate] })));

    expect(error).toMatchObject({
      code: 'GRAPH_CONFIG',
      message: expect.stringContaining('myGate') as string,
    });
  });

  test('an unknown target names what was probably meant', async () => {
    const retrieve = node({ name: 'retrieve', output: 'x', run: () => 1 });
    const body: () => string = () => 'retreive';
    const gate = route({ name: 'myGate', targets: ['retrieve'], run: body as () => 'retrieve' });

    const error = await rejectionOf(createRunner().run(graph({ name: 'g', nodes: [retrieve, gate] })));

    expect(error).toMatchObject({ hint: expect.stringContaining('retrieve') as string });
  });

  test.each(['a', 1, undefined, ['d'], ['a', 'd']])(
    '%j of a multi gate is an error that names the gate',
    async (decision) => {
      const body: () => unknown = () => decision;
      const gate = route({ name: 'myGate', targets: ['a', 'b'], multi: true, run: body as () => ['a'] });

      const error = await rejectionOf(createRunner().run(graph({ name: 'g', nodes: [a, b, gate] })));

      expect(error).toMatchObject({
        code: 'GRAPH_CONFIG',
        message: expect.stringContaining('myGate') as string,
      });
    },
  );
});

describe('a decision', () => {
  const decisions = (events: readonly RouteDecisionEvent[]): unknown[] =>
    events
      .map(({ gate, decision }) => [gate, decision] as const)
      .toSorted(([one], [other]) => one.localeCompare(other));

  test('is no output, but part of the record of its node', async () => {
    const pick = route({ name: 'pick', targets: ['a', 'b'], run: () => 'b' });

    const { outputs, info } = await createRunner().run(graph({ name: 'g', nodes: [a, b, pick] }));

    expect(outputs).toEqual({ y: 'b' });
    expect(requestOf(info, 'pick').output).toBe('b');
    expect([...info.nodes].find(({ name }) => name === 'pick')?.kind).toBe('gate');
  });

  test('is an event: a name, END, null or an array', async () => {
    const { events, subscriber } = eventLog();
    const named = route({ name: 'named', targets: ['a', END], run: () => 'a' });
    const ends = route({ name: 'ends', targets: ['b', END], run: () => END });
    const none = route({ name: 'none', targets: ['c', END], run: () => null });
    const many = route({ name: 'many', targets: ['a', 'b', 'c'], multi: true, run: () => ['a', 'b'] });

    await createRunner().run(
      graph({ name: 'g', nodes: [a, b, c, named, ends, none, many] }),
      {},
      { subscriber },
    );

    expect(decisions(ofType(events, 'RouteDecision'))).toEqual([
      ['ends', 'END'],
      ['many', ['a', 'b']],
      ['named', 'a'],
      ['none', null],
    ]);
  });

  test('of an ifElse is the name of the target', async () => {
    const { events, subscriber } = eventLog();
    const gate = ifElse({ name: 'gate', then: 'a', else: END, run: () => true });
    const other = ifElse({ name: 'other', then: 'b', else: END, run: () => false });

    await createRunner().run(graph({ name: 'g', nodes: [a, b, gate, other] }), {}, { subscriber });

    expect(decisions(ofType(events, 'RouteDecision'))).toEqual([
      ['gate', 'a'],
      ['other', 'END'],
    ]);
  });

  test('for which the fallback stands is that of the fallback', async () => {
    const { events, subscriber } = eventLog();
    const pick = route({ name: 'pick', targets: ['a', 'b'], fallback: 'b', run: () => null });

    await createRunner().run(graph({ name: 'g', nodes: [a, b, pick] }), {}, { subscriber });

    expect(decisions(ofType(events, 'RouteDecision'))).toEqual([['pick', 'b']]);
  });
});

describe('several gates on one target', () => {
  const gates = (first: boolean, second: boolean) =>
    [
      ifElse({ name: 'first', then: 'a', else: END, run: () => first }),
      ifElse({ name: 'second', then: 'a', else: END, run: async () => second }),
    ] as const;

  test.each([
    [true, true, 'completed'],
    [true, false, 'completed'],
    [false, true, 'completed'],
    [false, false, 'skipped'],
  ])('mean "or": %s and %s', async (first, second, status) => {
    const { nodes, info } = await createRunner().run(
      graph({ name: 'g', nodes: [a, ...gates(first, second)] }),
    );

    expect(nodes['a']).toBe(status);
    expect([...info.requests].filter(({ nodeName }) => nodeName === 'a')).toHaveLength(
      status === 'completed' ? 1 : 0,
    );
  });

  test('that all refused it are all named in the reason', async () => {
    const { reasons } = await createRunner().run(graph({ name: 'g', nodes: [a, ...gates(false, false)] }));

    expect(reasons['a']).toContain('first');
    expect(reasons['a']).toContain('second');
  });
});

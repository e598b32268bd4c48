import { createRunner, END, graph, ifElse, input, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { statusesOf } from '../support/forest.ts';

const isLong = ifElse({
  name: 'isLong',
  inputs: { text: input<string>() },
  then: 'cut',
  else: 'keep',
  run: ({ text }) => text.length > 5,
});
const cut = node({
  name: 'cut',
  inputs: { text: input<string>() },
  output: 'short',
  run: ({ text }) => text.slice(0, 5),
});
const keep = node({
  name: 'keep',
  inputs: { text: input<string>() },
  output: 'whole',
  run: ({ text }) => text,
});

describe('a node whose required input can no longer arrive', () => {
  test('is skipped when no gate chose it, with the reason', async () => {
    const { status, nodes, reasons, outputs } = await createRunner().run(
      graph({ name: 'g', nodes: [isLong, cut, keep] }),
      { text: 'wonderful' },
    );

    expect(status).toBe('completed');
    expect(nodes).toEqual({ isLong: 'completed', cut: 'completed', keep: 'skipped' });
    expect(Object.keys(reasons)).toEqual(['keep']);
    expect(reasons['keep']).toContain('isLong');
    expect(outputs).toEqual({ short: 'wonde' });
  });

  test('is skipped when its producer was, with a reason that names the input', async () => {
    const frame = node({
      name: 'frame',
      inputs: { whole: input<string>() },
      output: 'framed',
      run: ({ whole }) => `[${whole}]`,
    });

    const { nodes, reasons } = await createRunner().run(
      graph({ name: 'g', nodes: [isLong, cut, keep, frame] }),
      {
        text: 'wonderful',
      },
    );

    expect(nodes['frame']).toBe('skipped');
    expect(reasons['frame']).toContain('whole');
  });

  test('is skipped also when its other inputs are there', async () => {
    const join = node({
      name: 'join',
      inputs: { whole: input<string>(), short: input<string>() },
      output: 'both',
      run: ({ whole, short }) => whole + short,
    });

    const { nodes, outputs } = await createRunner().run(
      graph({ name: 'g', nodes: [isLong, cut, keep, join] }),
      {
        text: 'wonderful',
      },
    );

    expect(nodes['join']).toBe('skipped');
    expect(outputs).toEqual({});
  });

  test('makes no request', async () => {
    const { info } = await createRunner().run(graph({ name: 'g', nodes: [isLong, cut, keep] }), {
      text: 'wonderful',
    });

    expect(statusesOf(info)).toEqual(['g succeeded', 'isLong succeeded', 'cut succeeded']);
  });

  test('is skipped at the end of a chain of any length, each with a reason', async () => {
    const b = node({ name: 'b', inputs: { whole: input<string>() }, output: 'x', run: ({ whole }) => whole });
    const c = node({ name: 'c', inputs: { x: input<string>() }, output: 'y', run: ({ x }) => x });
    const d = node({ name: 'd', inputs: { y: input<string>() }, output: 'z', run: ({ y }) => y });

    const { status, nodes, reasons } = await createRunner().run(
      graph({ name: 'g', nodes: [d, c, b, keep, cut, isLong] }),
      { text: 'wonderful' },
    );

    expect(status).toBe('completed');
    expect(nodes).toEqual({
      d: 'skipped',
      c: 'skipped',
      b: 'skipped',
      keep: 'skipped',
      cut: 'completed',
      isLong: 'completed',
    });
    expect(Object.keys(reasons).toSorted()).toEqual(['b', 'c', 'd', 'keep']);
    expect(Object.values(reasons)).not.toContain('');
  });

  test('takes its default when its producer was skipped', async () => {
    const frame = node({
      name: 'frame',
      inputs: { whole: input('nothing') },
      output: 'framed',
      run: ({ whole }) => `[${whole}]`,
    });

    const { nodes, outputs } = await createRunner().run(
      graph({ name: 'g', nodes: [frame, isLong, cut, keep] }),
      {
        text: 'wonderful',
      },
    );

    expect(nodes['frame']).toBe('completed');
    expect(outputs).toEqual({ short: 'wonde', framed: '[nothing]' });
  });

  test('takes what was made in place of its default when its producer ran', async () => {
    const frame = node({
      name: 'frame',
      inputs: { whole: input('nothing') },
      output: 'framed',
      run: ({ whole }) => `[${whole}]`,
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [frame, isLong, cut, keep] }), {
      text: 'short',
    });

    expect(outputs).toEqual({ framed: '[short]' });
  });
});

describe('a value that is undefined, null, false or 0', () => {
  test.each([undefined, null, false, 0, ''])('%j is a value, and skips nobody', async (value) => {
    const make = node({ name: 'make', output: 'made', run: (): unknown => value });
    const show = node({
      name: 'show',
      inputs: { made: input<unknown>() },
      output: 'shown',
      run: ({ made }) => [made],
    });

    const { nodes, outputs } = await createRunner().run(graph({ name: 'g', nodes: [make, show] }));

    expect(nodes).toEqual({ make: 'completed', show: 'completed' });
    expect(outputs).toEqual({ shown: [value] });
  });

  test('undefined that was made is no reason to take the default', async () => {
    const make = node({ name: 'make', output: 'made', run: (): number | undefined => undefined });
    const show = node({
      name: 'show',
      inputs: { made: input<number | undefined>({ default: 5 }) },
      output: 'shown',
      run: ({ made }) => [made],
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [make, show] }));

    expect(outputs).toEqual({ shown: [undefined] });
  });
});

describe('a join after branches', () => {
  const pick = route({
    name: 'pick',
    inputs: { way: input<string>() },
    targets: ['direct', 'first'],
    run: ({ way }) => (way === 'direct' ? 'direct' : 'first'),
  });
  const direct = node({ name: 'direct', inputs: { n: input<number>() }, output: 'value', run: ({ n }) => n });
  const first = node({ name: 'first', inputs: { n: input<number>() }, output: 'one', run: ({ n }) => n + 1 });
  const second = node({
    name: 'second',
    inputs: { one: input<number>() },
    output: 'two',
    run: ({ one }) => one + 1,
  });
  const third = node({
    name: 'third',
    inputs: { two: input<number>() },
    output: 'value',
    run: ({ two }) => two + 1,
  });

  test.each([
    ['direct', 0, ['first', 'second', 'third']],
    ['long', 3, ['direct']],
  ])('of different depth runs once when the %s one delivered', async (way, expected, skipped) => {
    const seen: number[] = [];
    const join = node({
      name: 'join',
      inputs: { value: input<number>() },
      output: 'joined',
      run: ({ value }) => {
        seen.push(value);
        return value;
      },
    });
    const g = graph({ name: 'g', nodes: [join, third, second, first, direct, pick] });

    const { nodes, outputs } = await createRunner().run(g, { way, n: 0 });

    expect(seen).toEqual([expected]);
    expect(outputs).toEqual({ joined: expected });
    expect(
      Object.keys(nodes)
        .filter((name) => nodes[name] === 'skipped')
        .toSorted(),
    ).toEqual(skipped);
  });

  test('is skipped when no branch delivered', async () => {
    const none = route({
      name: 'pick',
      inputs: { way: input<string>() },
      targets: ['direct', 'first', END],
      run: () => END,
    });
    const join = node({
      name: 'join',
      inputs: { value: input<number>() },
      output: 'joined',
      run: ({ value }) => value,
    });
    const g = graph({ name: 'g', nodes: [join, third, second, first, direct, none] });

    const { status, nodes, outputs } = await createRunner().run(g, { way: 'any', n: 0 });

    expect(status).toBe('completed');
    expect(outputs).toEqual({});
    expect(nodes).toEqual({
      join: 'skipped',
      third: 'skipped',
      second: 'skipped',
      first: 'skipped',
      direct: 'skipped',
      pick: 'completed',
    });
  });

  test('behind gates behind gates runs when any of the inner branches delivered', async () => {
    const outer = ifElse({
      name: 'outer',
      inputs: { n: input<number>() },
      then: 'inner',
      else: 'zero',
      run: ({ n }) => n !== 0,
    });
    const inner = ifElse({
      name: 'inner',
      inputs: { n: input<number>() },
      then: 'plus',
      else: 'minus',
      run: ({ n }) => n > 0,
    });
    const zero = node({ name: 'zero', output: 'sign', run: () => 'zero' });
    const plus = node({ name: 'plus', output: 'sign', run: () => 'plus' });
    const minus = node({ name: 'minus', output: 'sign', run: () => 'minus' });
    const say = node({
      name: 'say',
      inputs: { sign: input<string>() },
      output: 'said',
      run: ({ sign }) => `It is ${sign}`,
    });
    const g = graph({ name: 'g', nodes: [outer, inner, zero, plus, minus, say] });
    const runner = createRunner();

    const results = [
      await runner.run(g, { n: 0 }),
      await runner.run(g, { n: 2 }),
      await runner.run(g, { n: -2 }),
    ];

    expect(results.map(({ outputs }) => outputs)).toEqual([
      { said: 'It is zero' },
      { said: 'It is plus' },
      { said: 'It is minus' },
    ]);
    expect(results[0]?.nodes).toEqual({
      outer: 'completed',
      inner: 'skipped',
      zero: 'completed',
      plus: 'skipped',
      minus: 'skipped',
      say: 'completed',
    });
  });
});

import { createRunner, END, graph, ifElse, input, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';

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

describe('a loop', () => {
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

  test('that needs what was skipped is skipped whole, with what comes after it, each with a reason', async () => {
    const needsMore = node({
      name: 'inc',
      inputs: { count: input<number>(), whole: input<string>() },
      output: 'count',
      run: ({ count, whole }) => count + whole.length,
    });
    const after = node({
      name: 'after',
      inputs: { count: input<number>() },
      output: 'end',
      run: ({ count }) => count,
    });
    const limited = route({
      name: 'again',
      inputs: { count: input<number>(), whole: input<string>() },
      targets: ['inc', END],
      run: ({ count }) => (count < 3 ? 'inc' : END),
    });
    const g = graph({ name: 'g', nodes: [isLong, cut, keep, needsMore, limited, after] });

    const { status, outputs, nodes, reasons } = await createRunner().run(g, { text: 'wonderful', count: 0 });

    expect(status).toBe('completed');
    expect(outputs).toEqual({ short: 'wonde' });
    expect(nodes).toEqual({
      isLong: 'completed',
      cut: 'completed',
      keep: 'skipped',
      inc: 'skipped',
      again: 'skipped',
      after: 'skipped',
    });
    expect(Object.keys(reasons)).toEqual(expect.arrayContaining(['keep', 'inc', 'again', 'after']));
  });

  test('has a member that its gate never chose: that one is skipped', async () => {
    const other = node({
      name: 'other',
      inputs: { count: input<number>() },
      output: 'unused',
      run: ({ count }) => count,
    });
    const pick = route({
      name: 'again',
      inputs: { count: input<number>() },
      targets: ['inc', 'other', END],
      run: ({ count }) => (count < 3 ? 'inc' : END),
    });

    const { nodes, reasons } = await createRunner().run(graph({ name: 'g', nodes: [inc, pick, other] }), {
      count: 0,
    });

    expect(nodes).toEqual({ inc: 'completed', again: 'completed', other: 'skipped' });
    expect(reasons['other']).toContain('again');
  });

  test('gives no reason for what completed', async () => {
    const { reasons } = await createRunner().run(graph({ name: 'g', nodes: [inc, again] }), { count: 0 });

    expect(reasons).toEqual({});
  });
});

describe('a nested graph of which an inner node was skipped', () => {
  const inner = graph({ name: 'inner', nodes: [isLong, cut, keep] });

  test('completes, and makes the names of the nodes that ran', async () => {
    const { nodes, outputs } = await createRunner().run(graph({ name: 'outer', nodes: [inner.asNode()] }), {
      text: 'wonderful',
    });

    expect(nodes).toEqual({ inner: 'completed' });
    expect(outputs).toEqual({ short: 'wonde' });
    expect(Object.hasOwn(outputs, 'whole')).toBe(false);
  });

  test('lets a reader of what was not made be skipped, with a reason that names it', async () => {
    const frame = node({
      name: 'frame',
      inputs: { whole: input<string>() },
      output: 'framed',
      run: ({ whole }) => `[${whole}]`,
    });

    const { nodes, reasons } = await createRunner().run(
      graph({ name: 'outer', nodes: [frame, inner.asNode()] }),
      { text: 'wonderful' },
    );

    expect(nodes).toEqual({ frame: 'skipped', inner: 'completed' });
    expect(reasons['frame']).toContain('whole');
  });

  test('leaves a reader its default', async () => {
    const frame = node({
      name: 'frame',
      inputs: { whole: input('nothing') },
      output: 'framed',
      run: ({ whole }) => `[${whole}]`,
    });

    const { outputs } = await createRunner().run(graph({ name: 'outer', nodes: [frame, inner.asNode()] }), {
      text: 'wonderful',
    });

    expect(outputs).toEqual({ short: 'wonde', framed: '[nothing]' });
  });

  test('in a loop leaves what an earlier round made', async () => {
    const isOdd = ifElse({
      name: 'isOdd',
      inputs: { n: input<number>() },
      then: 'odd',
      else: 'even',
      run: ({ n }) => n % 2 === 1,
    });
    const odd = node({ name: 'odd', inputs: { n: input<number>() }, output: 'lastOdd', run: ({ n }) => n });
    const even = node({
      name: 'even',
      inputs: { n: input<number>() },
      output: 'lastEven',
      run: ({ n }) => n,
    });
    const sort = graph({ name: 'sort', nodes: [isOdd, odd, even] });
    const next = node({ name: 'next', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
    const more = route({
      name: 'more',
      inputs: { n: input<number>(), lastOdd: input(0), lastEven: input(0) },
      targets: ['next', END],
      run: ({ n }) => (n < 4 ? 'next' : END),
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [sort.asNode(), next, more] }), {
      n: 1,
    });

    expect(outputs).toEqual({ n: 4, lastOdd: 3, lastEven: 4 });
  });
});

import { createRunner, END, graph, ifElse, input, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';

/**
 * A loop in which a decision can be overtaken. In the first round `begin` writes `x`; `last` makes `done`, without which
 * `target` cannot run, some rounds later, and `rewrite` has written `x` anew before that.
 */
function race(trace: string[]) {
  const log = <Value>(entry: string, value: Value): Value => {
    trace.push(entry);
    return value;
  };
  const begin = node({
    name: 'begin',
    inputs: { n: input<number>() },
    outputs: ['x', 'one'],
    run: ({ n }) => log('begin', { x: n, one: n }),
  });
  const middle = node({
    name: 'middle',
    inputs: { one: input<number>() },
    output: 'two',
    run: ({ one }) => log('middle', one),
  });
  const rewrite = node({
    name: 'rewrite',
    inputs: { two: input<number>() },
    outputs: ['x', 'three'],
    run: ({ two }) => log('rewrite', { x: two + 1, three: two }),
  });
  const last = node({
    name: 'last',
    inputs: { three: input<number>() },
    output: 'done',
    run: ({ three }) => log('last', three),
  });
  const target = node({
    name: 'target',
    inputs: { done: input<number>() },
    output: 'n',
    run: ({ done }) => log('target', done + 1),
  });
  return { begin, middle, rewrite, last, target };
}

describe('a decision of a gate in a loop', () => {
  test('is used up when its target runs', async () => {
    const seen: number[] = [];
    const permit = ifElse({
      name: 'permit',
      inputs: { flag: input<boolean>() },
      then: 'note',
      else: END,
      run: ({ flag }) => flag,
    });
    const note = node({
      name: 'note',
      inputs: { n: input<number>() },
      output: 'noted',
      run: ({ n }) => seen.push(n),
    });
    const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
    const again = route({
      name: 'again',
      inputs: { n: input<number>(), noted: input(0) },
      targets: ['inc', END],
      run: ({ n }) => (n < 3 ? 'inc' : END),
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [permit, note, inc, again] }), {
      flag: true,
      n: 0,
    });

    expect(outputs.n).toBe(3);
    expect(seen).toHaveLength(1);
  });

  test('that refuses one member of a loop keeps out only that one', async () => {
    const permit = ifElse({
      name: 'permit',
      inputs: { flag: input<boolean>() },
      then: 'note',
      else: END,
      run: ({ flag }) => flag,
    });
    const note = node({ name: 'note', inputs: { n: input<number>() }, output: 'noted', run: ({ n }) => n });
    const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
    const again = route({
      name: 'again',
      inputs: { n: input<number>(), noted: input(0) },
      targets: ['inc', END],
      run: ({ n }) => (n < 3 ? 'inc' : END),
    });

    const { outputs, nodes } = await createRunner().run(
      graph({ name: 'g', nodes: [permit, note, inc, again] }),
      {
        flag: false,
        n: 0,
      },
    );

    expect(nodes).toEqual({ permit: 'completed', note: 'skipped', inc: 'completed', again: 'completed' });
    expect(outputs.n).toBe(3);
  });

  test('that was not used is void when the gate decides again', async () => {
    const trace: string[] = [];
    const { begin, middle, rewrite, last, target } = race(trace);
    const gate = route({
      name: 'gate',
      inputs: { x: input<number>() },
      targets: ['target', END],
      defaultOpen: false,
      run: ({ x }) => {
        trace.push(`gate ${x}`);
        return x === 0 ? 'target' : END;
      },
    });

    const { nodes } = await createRunner().run(
      graph({ name: 'g', nodes: [begin, middle, rewrite, last, target, gate] }),
      { n: 0 },
    );

    expect(trace.filter((each) => each.startsWith('gate'))).toEqual(['gate 0', 'gate 1']);
    expect(trace).not.toContain('target');
    expect(nodes['target']).toBe('skipped');
  });

  test('holds until its target can run', async () => {
    const trace: string[] = [];
    const { begin, middle, rewrite, last, target } = race(trace);
    const gate = route({
      name: 'gate',
      inputs: { one: input<number>() },
      targets: ['target', END],
      defaultOpen: false,
      run: ({ one }) => {
        trace.push(`gate ${one}`);
        return one === 0 ? 'target' : END;
      },
    });

    await createRunner().run(graph({ name: 'g', nodes: [begin, middle, rewrite, last, target, gate] }), {
      n: 0,
    });

    expect(trace.filter((each) => /^(gate|target)/.test(each))).toEqual(['gate 0', 'target', 'gate 1']);
  });

  test('is lost when the gate that made it is itself no longer chosen', async () => {
    const trace: string[] = [];
    const { begin, middle, rewrite, last, target } = race(trace);
    const outer = route({
      name: 'outer',
      inputs: { x: input<number>() },
      targets: ['inner', END],
      defaultOpen: false,
      run: ({ x }) => {
        trace.push(`outer ${x}`);
        return x === 0 ? 'inner' : END;
      },
    });
    const inner = route({
      name: 'inner',
      inputs: { one: input<number>() },
      targets: ['target', END],
      defaultOpen: false,
      run: () => {
        trace.push('inner');
        return 'target';
      },
    });

    const { nodes } = await createRunner().run(
      graph({ name: 'g', nodes: [begin, middle, rewrite, last, target, outer, inner] }),
      { n: 0 },
    );

    expect(trace.filter((each) => /^(outer|inner|target)/.test(each))).toEqual([
      'outer 0',
      'inner',
      'outer 1',
    ]);
    expect(nodes['target']).toBe('skipped');
  });
});

describe('a gate that a gate chooses', () => {
  test('decides only when it is chosen', async () => {
    const trace: string[] = [];
    const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
    const outer = route({
      name: 'outer',
      inputs: { n: input<number>() },
      targets: ['inc', 'inner'],
      run: ({ n }) => (n % 2 === 1 ? 'inc' : 'inner'),
    });
    const inner = route({
      name: 'inner',
      inputs: { n: input<number>() },
      targets: ['inc', END],
      run: ({ n }) => {
        trace.push(`inner ${n}`);
        return n < 4 ? 'inc' : END;
      },
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [inc, outer, inner] }), { n: 0 });

    expect(trace).toEqual(['inner 2', 'inner 4']);
    expect(outputs).toEqual({ n: 4 });
  });

  test('and that was not, is skipped, and what only it may choose too', async () => {
    const outer = ifElse({
      name: 'outer',
      inputs: { deep: input<boolean>() },
      then: 'inner',
      else: 'flat',
      run: ({ deep }) => deep,
    });
    const inner = ifElse({ name: 'inner', then: 'left', else: 'right', run: () => true });
    const left = node({ name: 'left', output: 'a', run: () => 1 });
    const right = node({ name: 'right', output: 'b', run: () => 2 });
    const flat = node({ name: 'flat', output: 'c', run: () => 3 });
    const g = graph({ name: 'g', nodes: [outer, inner, left, right, flat] });
    const runner = createRunner();

    const [deep, shallow] = [await runner.run(g, { deep: true }), await runner.run(g, { deep: false })];

    expect(deep.outputs).toEqual({ a: 1 });
    expect(shallow.outputs).toEqual({ c: 3 });
    expect(shallow.nodes).toEqual({
      outer: 'completed',
      inner: 'skipped',
      left: 'skipped',
      right: 'skipped',
      flat: 'completed',
    });
  });
});

import { createRunner, END, graph, input, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';

describe('emits and waitFor of a loop', () => {
  test('let a node after the loop run once, when the loop has ended', async () => {
    const trace: string[] = [];
    const inc = node({
      name: 'inc',
      inputs: { count: input<number>() },
      output: 'count',
      emits: ['counted'],
      run: ({ count }) => {
        trace.push('inc');
        return count + 1;
      },
    });
    const again = route({
      name: 'again',
      inputs: { count: input<number>() },
      targets: ['inc', END],
      run: ({ count }) => (count < 3 ? 'inc' : END),
    });
    const notify = node({ name: 'notify', waitFor: ['counted'], run: () => trace.push('notify') });

    await createRunner().run(graph({ name: 'g', nodes: [notify, inc, again] }), { count: 0 });

    expect(trace).toEqual(['inc', 'inc', 'inc', 'notify']);
  });

  test('order the nodes of one round', async () => {
    const trace: string[] = [];
    const write = node({
      name: 'write',
      inputs: { n: input<number>() },
      output: 'page',
      waitFor: ['checked'],
      run: ({ n }) => {
        trace.push(`write ${n}`);
        return n;
      },
    });
    const check = node({
      name: 'check',
      inputs: { n: input<number>() },
      emits: ['checked'],
      run: ({ n }) => void trace.push(`check ${n}`),
    });
    const next = node({
      name: 'next',
      inputs: { page: input<number>() },
      output: 'n',
      run: ({ page }) => page + 1,
    });
    const more = route({
      name: 'more',
      inputs: { page: input<number>() },
      targets: ['next', END],
      run: ({ page }) => (page < 3 ? 'next' : END),
    });

    await createRunner().run(graph({ name: 'g', nodes: [write, check, next, more] }), { n: 1 });

    expect(trace).toEqual(['check 1', 'write 1', 'check 2', 'write 2', 'check 3', 'write 3']);
  });

  test('of which the announcement comes rounds later run the waiter then', async () => {
    const trace: string[] = [];
    const log = <Value>(name: string, value: Value): Value => {
      trace.push(name);
      return value;
    };
    const first = node({
      name: 'first',
      inputs: { n: input<number>() },
      output: 'x',
      run: ({ n }) => log('first', n),
    });
    const second = node({
      name: 'second',
      inputs: { x: input<number>() },
      output: 'y',
      run: ({ x }) => log('second', x),
    });
    const third = node({
      name: 'third',
      inputs: { y: input<number>() },
      output: 'z',
      emits: ['late'],
      run: ({ y }) => log('third', y),
    });
    const waits = node({
      name: 'waits',
      inputs: { n: input<number>() },
      output: 'waited',
      waitFor: ['late'],
      run: ({ n }) => log('waits', n),
    });
    const next = node({
      name: 'next',
      inputs: { z: input<number>(), waited: input<number>() },
      output: 'n',
      run: ({ z }) => z + 1,
    });
    const more = route({
      name: 'more',
      inputs: { z: input<number>(), waited: input<number>() },
      targets: ['next', END],
      run: () => log('more', END),
    });

    const { nodes } = await createRunner().run(
      graph({ name: 'g', nodes: [first, second, third, waits, next, more] }),
      { n: 0 },
    );

    expect(trace).toEqual(['first', 'second', 'third', 'waits', 'more']);
    expect(nodes).toMatchObject({ waits: 'completed', more: 'completed', next: 'skipped' });
  });

  test('let a target that was chosen wait too', async () => {
    const trace: string[] = [];
    const log = <Value>(name: string, value: Value): Value => {
      trace.push(name);
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
    const last = node({
      name: 'last',
      inputs: { two: input<number>() },
      output: 'three',
      emits: ['ready'],
      run: ({ two }) => log('last', two),
    });
    const target = node({
      name: 'target',
      inputs: { x: input<number>() },
      output: 'n',
      waitFor: ['ready'],
      run: ({ x }) => log('target', x + 1),
    });
    const gate = route({
      name: 'gate',
      inputs: { x: input<number>() },
      targets: ['target', END],
      defaultOpen: false,
      run: ({ x }) => log(`gate ${x}`, x === 0 ? 'target' : END),
    });

    await createRunner().run(graph({ name: 'g', nodes: [begin, middle, last, target, gate] }), { n: 0 });

    expect(trace.filter((each) => /^(gate|last|target)/.test(each)).slice(0, 3)).toEqual([
      'gate 0',
      'last',
      'target',
    ]);
  });
});

describe('explicit edges of a loop', () => {
  test('that only order two of its nodes order them in each round', async () => {
    const trace: string[] = [];
    const log = <Value>(entry: string, value: Value): Value => {
      trace.push(entry);
      return value;
    };
    const write = node({
      name: 'write',
      inputs: { n: input<number>() },
      output: 'page',
      run: ({ n }) => log(`write ${n}`, n),
    });
    const check = node({
      name: 'check',
      inputs: { n: input<number>() },
      run: ({ n }) => log(`check ${n}`, undefined),
    });
    const next = node({
      name: 'next',
      inputs: { page: input<number>() },
      output: 'n',
      run: ({ page }) => page + 1,
    });
    const more = route({
      name: 'more',
      inputs: { page: input<number>() },
      targets: ['next', END],
      run: ({ page }) => (page < 3 ? 'next' : END),
    });
    const g = graph({
      name: 'g',
      nodes: [write, check, next, more],
      edges: [
        ['next', 'write'],
        ['next', 'check'],
        ['check', 'write'],
        ['write', 'next'],
        ['write', 'more'],
      ],
    });

    await createRunner().run(g, { n: 1 });

    expect(trace).toEqual(['check 1', 'write 1', 'check 2', 'write 2', 'check 3', 'write 3']);
  });
});

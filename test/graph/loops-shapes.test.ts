import { createRunner, END, graph, input, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';

describe('a node that reads what it makes itself', () => {
  test('is no loop: it runs once, from a seed', async () => {
    const add = node({
      name: 'add',
      inputs: { total: input<number>(), n: input<number>() },
      output: 'total',
      run: ({ total, n }) => total + n,
    });
    const g = graph({ name: 'g', nodes: [add] });

    const { outputs, info } = await createRunner().run(g, { total: 1, n: 2 });

    expect(g.inputs.required.toSorted()).toEqual(['n', 'total']);
    expect(outputs).toEqual({ total: 3 });
    expect(info.requests.size).toBe(2);
  });
});

describe('a loop of several nodes', () => {
  test('runs them in the order of their data', async () => {
    const trace: string[] = [];
    const draft = node({
      name: 'draft',
      inputs: { feedback: input('') },
      output: 'text',
      run: ({ feedback }) => {
        trace.push('draft');
        return `${feedback}!`;
      },
    });
    const review = node({
      name: 'review',
      inputs: { text: input<string>() },
      output: 'feedback',
      run: ({ text }) => {
        trace.push('review');
        return text;
      },
    });
    const isGood = route({
      name: 'isGood',
      inputs: { feedback: input('') },
      targets: ['draft', END],
      run: ({ feedback }) => {
        trace.push('isGood');
        return feedback.length < 2 ? 'draft' : END;
      },
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [isGood, review, draft] }));

    expect(trace).toEqual(['draft', 'review', 'isGood', 'draft', 'review', 'isGood']);
    expect(outputs).toEqual({ text: '!!', feedback: '!!' });
  });

  test('lets an ungated member run again in each round in which its input is written', async () => {
    const log: string[] = [];
    const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
    const watch = node({
      name: 'watch',
      inputs: { n: input<number>() },
      output: 'seen',
      run: ({ n }) => log.push(`saw ${n}`),
    });
    const again = route({
      name: 'again',
      inputs: { n: input<number>(), seen: input<number>() },
      targets: ['inc', END],
      run: ({ n }) => (n < 3 ? 'inc' : END),
    });

    await createRunner().run(graph({ name: 'g', nodes: [inc, watch, again] }), { n: 0 });

    expect(log).toEqual(['saw 0', 'saw 1', 'saw 2', 'saw 3']);
  });
});

describe('a while loop with an ungated member', () => {
  test('that has nothing to start with yet starts with its gate', async () => {
    const trace: string[] = [];
    const work = node({
      name: 'work',
      inputs: { count: input<number>() },
      output: 'raw',
      run: ({ count }) => {
        trace.push('work');
        return count + 1;
      },
    });
    const format = node({
      name: 'format',
      inputs: { raw: input<number>() },
      output: 'count',
      run: ({ raw }) => {
        trace.push('format');
        return raw;
      },
    });
    const more = route({
      name: 'more',
      inputs: { count: input<number>() },
      targets: ['work', END],
      defaultOpen: false,
      run: ({ count }) => {
        trace.push(`more ${count}`);
        return count < 2 ? 'work' : END;
      },
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [work, format, more] }), {
      count: 0,
    });

    expect(trace).toEqual(['more 0', 'work', 'format', 'more 1', 'work', 'format', 'more 2']);
    expect(outputs).toEqual({ raw: 2, count: 2 });
  });

  test('passes its seed on when the gate never chose it', async () => {
    const work = node({
      name: 'work',
      inputs: { count: input<number>() },
      output: 'raw',
      run: ({ count }) => count + 1,
    });
    const format = node({
      name: 'format',
      inputs: { raw: input<number>() },
      output: 'count',
      run: ({ raw }) => raw,
    });
    const more = route({
      name: 'more',
      inputs: { count: input<number>() },
      targets: ['work', END],
      defaultOpen: false,
      run: ({ count }) => (count < 2 ? 'work' : END),
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [work, format, more] }), {
      count: 7,
    });

    expect(outputs).toEqual({ count: 7 });
  });
});

describe('a loop inside a loop', () => {
  test('within one graph, with one gate: the inner one starts anew each time', async () => {
    const trace: string[] = [];
    const cell = node({
      name: 'cell',
      inputs: { row: input<number>(), column: input<number>() },
      output: 'column',
      run: ({ row, column }) => {
        trace.push(`${row}${column}`);
        return column + 1;
      },
    });
    const nextRow = node({
      name: 'nextRow',
      inputs: { row: input<number>() },
      outputs: ['row', 'column'],
      run: ({ row }) => ({ row: row + 1, column: 0 }),
    });
    const where = route({
      name: 'where',
      inputs: { row: input<number>(), column: input<number>() },
      targets: ['cell', 'nextRow', END],
      defaultOpen: false,
      run: ({ row, column }) => {
        if (column < 3) return 'cell';
        return row < 1 ? 'nextRow' : END;
      },
    });

    await createRunner().run(graph({ name: 'g', nodes: [cell, nextRow, where] }), { row: 0, column: 0 });

    expect(trace).toEqual(['00', '01', '02', '10', '11', '12']);
  });

  test('within one graph, with a gate that chooses a gate', async () => {
    const trace: string[] = [];
    const cell = node({
      name: 'cell',
      inputs: { row: input<number>(), column: input<number>() },
      output: 'column',
      run: ({ row, column }) => {
        trace.push(`${row}${column}`);
        return column + 1;
      },
    });
    const moreColumns = route({
      name: 'moreColumns',
      inputs: { column: input<number>() },
      targets: ['cell', 'moreRows'],
      run: ({ column }) => (column < 2 ? 'cell' : 'moreRows'),
    });
    const moreRows = route({
      name: 'moreRows',
      inputs: { row: input<number>() },
      targets: ['nextRow', END],
      defaultOpen: false,
      run: ({ row }) => {
        trace.push(`row ${row} done`);
        return row < 1 ? 'nextRow' : END;
      },
    });
    const nextRow = node({
      name: 'nextRow',
      inputs: { row: input<number>() },
      outputs: ['row', 'column'],
      run: ({ row }) => ({ row: row + 1, column: 0 }),
    });

    await createRunner().run(graph({ name: 'g', nodes: [cell, moreColumns, moreRows, nextRow] }), {
      row: 0,
      column: 0,
    });

    expect(trace).toEqual(['00', '01', 'row 0 done', '10', '11', 'row 1 done']);
  });

  test('in a nested graph runs whole in each round of the outer one', async () => {
    const trace: string[] = [];
    const inc = node({
      name: 'inc',
      inputs: { row: input<number>(), column: input(0) },
      output: 'column',
      run: ({ row, column }) => {
        trace.push(`${row}${column}`);
        return column + 1;
      },
    });
    const again = route({
      name: 'again',
      inputs: { column: input(0) },
      targets: ['inc', END],
      run: ({ column }) => (column < 3 ? 'inc' : END),
    });
    const line = graph({ name: 'line', nodes: [inc, again] });
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
      run: ({ row }) => (row < 1 ? 'nextRow' : END),
    });
    const page = graph({
      name: 'page',
      nodes: [
        line.rename({ inputs: { column: 'from' }, outputs: { column: 'width' } }).asNode(),
        nextRow,
        moreRows,
      ],
    });

    const { outputs } = await createRunner().run(page, { row: 0 });

    expect(trace).toEqual(['00', '01', '02', '10', '11', '12']);
    expect(outputs).toMatchObject({ row: 1, width: 3 });
  });

  test('of nested graphs may be three deep', async () => {
    const seen: number[] = [];
    const work = node({
      name: 'work',
      inputs: { n: input<number>() },
      output: 'n',
      run: ({ n }) => {
        seen.push(n);
        return n + 1;
      },
    });
    const unlessEven = route({
      name: 'unlessEven',
      inputs: { n: input<number>() },
      targets: ['work', END],
      run: ({ n }) => (n % 2 === 0 ? END : 'work'),
    });
    const unlessFour = route({
      name: 'unlessFour',
      inputs: { n: input<number>() },
      targets: ['inner', END],
      run: ({ n }) => (n % 4 === 0 ? END : 'inner'),
    });
    const unlessEight = route({
      name: 'unlessEight',
      inputs: { n: input<number>() },
      targets: ['middle', END],
      run: ({ n }) => (n % 8 === 0 ? END : 'middle'),
    });
    const inner = graph({ name: 'inner', nodes: [work, unlessEven] });
    const middle = graph({ name: 'middle', nodes: [inner.asNode(), unlessFour] });
    const outer = graph({ name: 'outer', nodes: [middle.asNode(), unlessEight] });

    const { outputs, info } = await createRunner().run(outer, { n: 0 });

    expect(outputs).toEqual({ n: 8 });
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect([...info.requests].filter(({ nodeName }) => nodeName === 'inner')).toHaveLength(4);
  });
});

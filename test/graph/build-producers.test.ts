import { createRunner, END, ifElse, input, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { build, gate, refusalOf, step } from './build-parts.ts';

const many = (targets: readonly ['left', ...string[]]) =>
  route({ name: 'many', targets, multi: true, run: () => ['left'] });

describe('two producers of one name are legal', () => {
  test('when they are different targets of one gate', async () => {
    const join = step('join', ['x'], ['y']);

    const g = build([
      gate('pick', ['left', 'right']),
      step('left', [], ['x']),
      step('right', [], ['x']),
      join,
    ]);
    const { outputs } = await createRunner().run(g, {});

    expect(outputs).toEqual({ y: 'join(left())' });
  });

  test('when they are the two targets of an ifElse', async () => {
    const check = ifElse({ name: 'check', then: 'left', else: 'right', run: () => false });

    const g = build([check, step('left', [], ['x']), step('right', [], ['x']), step('join', ['x'], ['y'])]);
    const { outputs } = await createRunner().run(g, {});

    expect(outputs).toEqual({ y: 'join(right())' });
  });

  test('when they lie behind different targets of one gate, by data', async () => {
    const nodes = [
      gate('pick', ['left', 'right']),
      step('left', [], ['p']),
      step('right', [], ['q']),
      step('afterLeft', ['p'], ['x']),
      step('afterRight', ['q'], ['r']),
      step('farRight', ['r'], ['x']),
      step('join', ['x'], ['y']),
    ];

    const { outputs, nodes: statuses } = await createRunner().run(build(nodes), {});

    expect(outputs).toEqual({ y: 'join(afterLeft(left()))' });
    expect(statuses).toMatchObject({ afterRight: 'skipped', farRight: 'skipped' });
  });

  test('when a gate behind one target chooses among further ones', async () => {
    const nodes = [
      gate('outer', ['inner', 'third']),
      gate('inner', ['second', 'first']),
      step('first', [], ['x']),
      step('second', [], ['x']),
      step('third', [], ['x']),
    ];

    const { outputs } = await createRunner().run(build(nodes), {});

    expect(outputs).toEqual({ x: 'second()' });
  });

  test('when one of them has a gate of its own behind its branch', async () => {
    const nodes = [
      gate('pick', ['left', 'other']),
      step('left', [], ['x']),
      step('other', [], ['p']),
      gate('own', ['right', END]),
      step('right', ['p'], ['x']),
    ];

    const { outputs, nodes: statuses } = await createRunner().run(build(nodes), {});

    expect(outputs).toEqual({ x: 'left()' });
    expect(statuses).toMatchObject({ own: 'completed', right: 'skipped' });
  });

  test('when two of three branches have one end', async () => {
    const nodes = [
      gate('pick', ['refund', 'look', 'search']),
      step('refund', [], ['reply']),
      step('look', [], ['docs']),
      step('search', [], ['docs']),
      step('answer', ['docs'], ['reply']),
    ];

    const { outputs } = await createRunner().run(build(nodes), {});

    expect(outputs).toEqual({ reply: 'refund()' });
  });

  test('when a gate behind one target may choose the other target as well', async () => {
    const nodes = [
      gate('pick', ['grade', 'answer']),
      gate('grade', ['apologise', 'answer']),
      step('answer', [], ['reply']),
      step('apologise', [], ['reply']),
    ];

    const { outputs } = await createRunner().run(build(nodes), {});

    expect(outputs).toEqual({ reply: 'apologise()' });
  });

  test('when both of two joins in a row are of exclusive branches', async () => {
    const nodes = [
      gate('pick', ['left', 'right']),
      step('left', [], ['x']),
      step('right', [], ['x']),
      step('middle', ['x'], ['m']),
      gate('again', ['up', 'down'], ['m']),
      step('up', ['m'], ['z']),
      step('down', ['m'], ['z']),
    ];

    const { outputs } = await createRunner().run(build(nodes), {});

    expect(outputs).toEqual({ z: 'up(middle(left()))' });
  });

  test('when they are ordered by emits and waitFor: the later one counts', async () => {
    const late = step('late', [], ['x'], { waitFor: ['firstDone'] });
    const early = step('early', [], ['x'], { emits: ['firstDone'] });

    const { outputs } = await createRunner().run(build([late, early, step('read', ['x'], ['y'])]), {});

    expect(outputs).toEqual({ y: 'read(late())' });
  });

  test('when an explicit edge orders them', async () => {
    const nodes = [step('late', [], ['x']), step('early', [], ['x']), step('read', ['x'], ['y'])];
    const edges = [
      ['early', 'late'],
      ['early', 'read'],
      ['late', 'read'],
    ] as const;

    const { outputs } = await createRunner().run(build(nodes, { edges }), {});

    expect(outputs).toEqual({ y: 'read(late())' });
  });

  test('when a data path leads from one to the other', async () => {
    const nodes = [
      step('late', ['m'], ['x']),
      step('middle', ['p'], ['m']),
      step('early', [], ['x', 'p']),
      step('read', ['x'], ['y']),
    ];

    const { outputs } = await createRunner().run(build(nodes), {});

    expect(outputs).toEqual({ y: 'read(late(middle(early())))' });
  });

  test('when the later one takes the value of the earlier one', async () => {
    const nodes = [step('draft', [], ['text']), step('polish', ['text'], ['text'])];

    const { outputs } = await createRunner().run(build(nodes), {});

    expect(outputs).toEqual({ text: 'polish(draft())' });
  });

  test('when one of them is a gated node of the loop that the other one starts', async () => {
    const start = node({ name: 'start', output: 'count', run: () => 0 });
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

    const { outputs } = await createRunner().run(build([start, inc, again]), {});

    expect(outputs).toEqual({ count: 3 });
  });

  test('when the name is shared', () => {
    const nodes = [step('one', [], ['x', 'p']), step('two', ['p'], ['x'])];

    const g = build(nodes, { shared: ['x'] });

    expect(g.outputs).toContain('x');
  });
});

describe('two producers of one name are refused, both by name', () => {
  test.each([
    {
      what: 'that nothing orders',
      nodes: [step('left', [], ['x']), step('right', [], ['x'])],
    },
    {
      what: 'that have one node before them',
      nodes: [step('before', [], ['p']), step('left', ['p'], ['x']), step('right', ['p'], ['x'])],
    },
    {
      what: 'that one node comes after',
      nodes: [step('left', [], ['x', 'p']), step('right', [], ['x', 'q']), step('after', ['p', 'q'], ['r'])],
    },
    {
      what: 'of which only one is a target of a gate',
      nodes: [gate('pick', ['left', END]), step('left', [], ['x']), step('right', [], ['x'])],
    },
    {
      what: 'that are targets of one multi gate',
      nodes: [many(['left', 'right']), step('left', [], ['x']), step('right', [], ['x'])],
    },
    {
      what: 'that lie behind different targets of one multi gate',
      nodes: [
        many(['left', 'other']),
        step('left', [], ['x']),
        step('other', [], ['p']),
        step('right', ['p'], ['x']),
      ],
    },
    {
      what: 'that are targets of two gates',
      nodes: [
        gate('first', ['left', END]),
        gate('second', ['right', END]),
        step('left', [], ['x']),
        step('right', [], ['x']),
      ],
    },
    {
      what: 'of which one is a target of a second gate as well',
      nodes: [
        gate('first', ['left', 'right']),
        gate('second', ['right', END]),
        step('left', [], ['x']),
        step('right', [], ['x']),
      ],
    },
    {
      what: 'that lie behind the same target of a gate',
      nodes: [
        gate('pick', ['both', END]),
        step('both', [], ['p']),
        step('left', ['p'], ['x']),
        step('right', ['p'], ['x']),
      ],
    },
    {
      what: 'of which one can run without the target before it, by its default',
      nodes: [
        gate('pick', ['left', 'other']),
        step('left', [], ['x']),
        step('other', [], ['p']),
        node({ name: 'right', inputs: { p: input('none') }, output: 'x', run: ({ p }) => p }),
      ],
    },
    {
      what: 'of which one lies behind a join of both branches',
      nodes: [
        gate('pick', ['left', 'other']),
        step('left', [], ['x', 'p']),
        step('other', [], ['p']),
        step('join', ['p'], ['q']),
        gate('second', ['right', END], ['q']),
        step('right', [], ['x']),
        step('twin', [], ['x']),
      ],
      pair: ['left', 'twin'],
    },
    {
      what: 'where they are two runs of one graph',
      nodes: [
        build([step('make', [], ['x'])]).asNode({ name: 'left' }),
        build([step('make', [], ['x'])]).asNode({ name: 'right' }),
      ],
    },
    {
      what: 'where a third one is ordered with each of them',
      nodes: [step('first', [], ['x', 'p']), step('left', ['p'], ['x']), step('right', ['p'], ['x'])],
    },
  ])('$what', ({ nodes, pair = ['left', 'right'] }) => {
    const error = refusalOf(() => build(nodes));

    expect(error.message).toContain('"x"');
    for (const name of ['g', ...pair]) expect(error.message).toContain(`"${name}"`);
    expect(error.hint).not.toBe('');
  });

  test('whichever comes first in the list of nodes', () => {
    const nodes = [step('right', [], ['x']), step('left', [], ['x'])];

    const error = refusalOf(() => build(nodes));

    for (const name of ['left', 'right']) expect(error.message).toContain(`"${name}"`);
  });

  test('where explicit edges order each of them with others only', () => {
    const nodes = [step('left', [], ['x']), step('right', [], ['x']), step('end', ['x'], ['y'])];
    const edges = [
      ['left', 'end'],
      ['right', 'end'],
    ] as const;

    const error = refusalOf(() => build(nodes, { edges }));

    for (const name of ['left', 'right']) expect(error.message).toContain(`"${name}"`);
  });

  test('where only a shared name leads from one to the other', () => {
    const nodes = [
      step('root', [], ['r']),
      step('left', ['r'], ['x', 'state']),
      step('right', ['r', 'state'], ['x']),
    ];

    const error = refusalOf(() => build(nodes, { shared: ['state'] }));

    for (const name of ['left', 'right']) expect(error.message).toContain(`"${name}"`);
  });
});

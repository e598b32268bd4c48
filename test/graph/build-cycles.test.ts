import { createRunner, END, graph, ifElse, input, interrupt, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { build, gate, refusalOf, step } from './build-parts.ts';

const ping = step('ping', ['p'], ['q']);
const pong = step('pong', ['q'], ['p']);

describe('a cycle is refused, naming its nodes', () => {
  test.each([
    { what: 'of two nodes', nodes: [ping, pong], names: ['ping', 'pong'] },
    {
      what: 'of three nodes',
      nodes: [step('one', ['x'], ['y']), step('two', ['y'], ['z']), step('three', ['z'], ['x'])],
      names: ['one', 'two', 'three'],
    },
    {
      what: 'of two nodes with a default for its seed',
      nodes: [node({ name: 'ping', inputs: { p: input(1) }, output: 'q', run: ({ p }) => p }), pong],
      names: ['ping', 'pong'],
    },
    {
      what: 'of nodes that wait for each other',
      nodes: [
        step('first', [], [], { emits: ['one'], waitFor: ['two'] }),
        step('second', [], [], { emits: ['two'], waitFor: ['one'] }),
      ],
      names: ['first', 'second'],
    },
    {
      what: 'of data one way and order the other way',
      nodes: [
        step('first', [], ['x'], { waitFor: ['done'] }),
        step('second', ['x'], [], { emits: ['done'] }),
      ],
      names: ['first', 'second'],
    },
    {
      what: 'that a gate only looks at',
      nodes: [ping, pong, gate('pick', ['end', END], ['p']), step('end', ['p'], ['out'])],
      names: ['ping', 'pong'],
    },
    {
      what: 'inside a larger loop that has a gate',
      nodes: [
        ping,
        pong,
        gate('again', ['back', END], ['p']),
        step('back', ['q'], ['r']),
        step('into', ['r'], ['q']),
      ],
      names: ['ping', 'pong'],
    },
    {
      what: 'through a nested graph',
      nodes: [build([ping]).asNode({ name: 'inner' }), pong],
      names: ['inner', 'pong'],
    },
    {
      what: 'of which the only gate can choose nothing outside it',
      nodes: [
        ifElse({ name: 'check', inputs: { n: input<number>() }, then: 'up', else: 'down', run: () => true }),
        step('up', ['n'], ['n']),
        step('down', ['n'], ['n']),
      ],
      names: ['check', 'up', 'down'],
    },
    {
      what: 'of which the only gate falls back on a node in it',
      nodes: [
        route({
          name: 'again',
          inputs: { n: input<number>() },
          targets: ['up'],
          fallback: 'up',
          run: () => null,
        }),
        step('up', ['n'], ['n']),
      ],
      names: ['again', 'up'],
    },
  ])('$what', ({ nodes, names }) => {
    const error = refusalOf(() => build(nodes));

    for (const name of ['g', ...names]) expect(error.message).toContain(`"${name}"`);
    expect(error.hint).not.toBe('');
  });

  test('that explicit edges make', () => {
    const edges = [
      ['one', 'two'],
      ['two', 'one'],
    ] as const;

    const error = refusalOf(() => build([step('one'), step('two')], { edges }));

    for (const name of ['g', 'one', 'two']) expect(error.message).toContain(`"${name}"`);
  });

  test('that an added node closes', () => {
    const error = refusalOf(() => build([ping]).add(pong));

    for (const name of ['g', 'ping', 'pong']) expect(error.message).toContain(`"${name}"`);
  });

  test('naming only the nodes of the cycle', () => {
    const nodes = [
      step('before', [], ['s']),
      step('ping', ['p', 's'], ['q']),
      pong,
      step('after', ['p'], ['z']),
    ];

    const { message } = refusalOf(() => build(nodes));

    for (const name of ['before', 'after']) expect(message).not.toContain(`"${name}"`);
  });
});

describe('a cycle is legal', () => {
  test('where a gate in it may choose END', () => {
    const g = build([step('inc', ['n'], ['n']), gate('again', ['inc', END], ['n'])]);

    expect(g.outputs).toEqual(['n']);
  });

  test('where a gate in it may choose a node outside', () => {
    const nodes = [
      step('inc', ['n'], ['n']),
      gate('again', ['inc', 'end'], ['n']),
      step('end', ['n'], ['out']),
    ];

    const g = build(nodes);

    expect(g.outputs).toEqual(['out']);
  });

  test('where a gate in it may choose no target', () => {
    const again = route({
      name: 'again',
      inputs: { n: input<number>() },
      targets: ['inc'],
      run: () => null,
    });

    const g = build([step('inc', ['n'], ['n']), again]);

    expect(g.outputs).toEqual(['n']);
  });

  test('where a multi gate in it may choose an empty list', () => {
    const again = route({
      name: 'again',
      inputs: { n: input<number>() },
      targets: ['inc'],
      multi: true,
      run: () => [],
    });

    const g = build([step('inc', ['n'], ['n']), again]);

    expect(g.outputs).toEqual(['n']);
  });

  test('where it passes through a question', async () => {
    const ask = interrupt({
      name: 'ask',
      inputs: { draft: input<string>() },
      response: 'critique',
      schema: z.string(),
      run: ({ draft }) => draft,
    });
    const write = node({
      name: 'write',
      inputs: { critique: input('none') },
      output: 'draft',
      run: ({ critique }) => `draft after ${critique}`,
    });
    const runner = createRunner();

    const { pauses, runId } = await runner.run(graph({ name: 'review', nodes: [write, ask] }), {});
    const again = await runner.respond(runId, 'critique', 'longer');

    expect(pauses.map(({ value }) => value)).toEqual(['draft after none']);
    expect(again.pauses.map(({ value }) => value)).toEqual(['draft after longer']);
    runner.cancel(runId, 'enough');
  });

  test('where it passes through a question that a nested graph asks', () => {
    const ask = interrupt({
      name: 'ask',
      inputs: { draft: input<string>() },
      response: 'critique',
      run: () => '?',
    });

    const g = build([build([ask]).asNode({ name: 'inner' }), step('write', ['critique'], ['draft'])]);

    expect(g.outputs.toSorted()).toEqual(['critique', 'draft']);
  });

  test('where the graph tests for convergence', async () => {
    const halve = node({ name: 'halve', inputs: { p: input<number>() }, output: 'q', run: ({ p }) => p / 2 });
    const floor = node({
      name: 'floor',
      inputs: { q: input<number>() },
      output: 'p',
      run: ({ q }) => Math.floor(q),
    });
    const g = graph({ name: 'fixed', nodes: [halve, floor], convergence: 'fixpoint' });

    const { outputs } = await createRunner().run(g, { p: 100 });

    expect(outputs).toEqual({ p: 0, q: 0 });
  });

  test('of a node that only reads what it makes itself, which then runs once', async () => {
    const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });

    const { outputs } = await createRunner().run(graph({ name: 'once', nodes: [inc] }), { n: 1 });

    expect(outputs).toEqual({ n: 2 });
  });

  test('where its names are shared', () => {
    const g = build([ping, pong], { shared: ['p'] });

    expect(g.inputs.required).toEqual(['p']);
  });

  test('once startAt has been told where to enter it', async () => {
    const nodes = [
      step('write', ['note'], ['draft']),
      route({ name: 'judge', inputs: { draft: input<string>() }, targets: ['improve', END], run: () => END }),
      step('improve', ['draft'], ['note']),
    ];
    const g = build(nodes).startAt('improve');

    const { outputs } = await createRunner().run(g, { draft: 'mine' });

    expect(outputs).toMatchObject({ draft: 'write(improve(mine))' });
  });
});

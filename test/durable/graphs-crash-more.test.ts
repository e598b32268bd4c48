import { createRunner, END, graph, input, machineNode, node, route, type AnyNode } from 'troupe';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { describe, expect, test } from 'vitest';
import { createMachine } from 'xstate';
import { z } from 'zod';
import { survivesEveryCrash } from './graph-convergence.ts';
import { execute, processOn, storeAfter, WORKFLOW, type Conduct, type World } from './graph-crash.ts';
import { graphOf, step } from './graph-parts.ts';

/** A node that writes into the context of the run, and gives what it finds there. */
function writing({ clock, bodies }: World, name: string, reads: readonly string[], takes = 0): AnyNode {
  return bodies.watch(
    node({
      name,
      inputs: Object.fromEntries(reads.map((read) => [read, input<unknown>()])),
      output: name.toUpperCase(),
      run: async (_given, { context }) => {
        context.put('count', context.get('count', 0) + 1);
        if (takes > 0) await new Promise<void>((resolve) => void clock.setTimeout(resolve, takes));
        context.put(name, 'was here');
        return context.get('count');
      },
    }),
  );
}

describe('after a crash at any point', () => {
  test('the context has what was written', async () => {
    const target = graphOf('writing', (world) => [
      writing(world, 'a', ['in']),
      writing(world, 'b', ['A'], 10),
      writing(world, 'c', ['B']),
      world.bodies.watch(
        node({
          name: 'last',
          inputs: { C: input<unknown>() },
          output: 'keys',
          run: (_given, { context }) => context.keys().toSorted(),
        }),
      ),
    ]);

    const { result } = await survivesEveryCrash({ target, input: { in: 1 } });

    expect(result.outputs).toEqual({ keys: ['a', 'b', 'c', 'count'] });
  });

  test('the context has what nodes wrote that ran at once, in graphs and in items of maps', async () => {
    const noting = ({ clock, bodies }: World, name: string, takes: number): AnyNode =>
      bodies.watch(
        node({
          name,
          inputs: { x: input<number>() },
          output: name.toUpperCase(),
          run: async ({ x }, { context }) => {
            context.put(`${name}${x}`, x);
            await new Promise<void>((resolve) => void clock.setTimeout(resolve, takes + x));
            context.delete(`${name}${x}`);
            context.put(`${name}${x} ended`, x);
            return x;
          },
        }),
      );
    const target = (world: World) => {
      const item = graph({
        name: 'item',
        nodes: [noting(world, 'a', 5), noting(world, 'b', 3)] as readonly AnyNode[],
      });
      const last = world.bodies.watch(
        node({
          name: 'last',
          inputs: { A: input<number[]>(), B: input<number[]>() },
          output: 'keys',
          run: (_given, { context }) => context.keys().toSorted(),
        }),
      );
      return graph({ name: 'outer', nodes: [item.asNode({ mapOver: 'x' }), last] as readonly AnyNode[] });
    };

    const { result } = await survivesEveryCrash({ target, input: { x: [1, 2] } });

    expect(result.outputs).toEqual({ keys: ['a1 ended', 'a2 ended', 'b1 ended', 'b2 ended'] });
  });

  test.each([0, 1, 3, 10])('schemas that take %i turns check what nodes give each other', async (turns) => {
    const slow = z.string().refine(async () => {
      for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      return true;
    });
    const target = graphOf('checked', (world) => [
      step(world, { name: 'a', reads: ['in'] }),
      step(world, { name: 'b', reads: ['in'] }),
      world.bodies.watch(
        node({ name: 'c', inputs: { A: slow }, output: 'C', run: async ({ A }) => `c(${A})` }),
      ),
      world.bodies.watch(
        node({ name: 'd', inputs: { B: slow }, output: 'D', run: async ({ B }) => `d(${B})` }),
      ),
      step(world, { name: 'z', reads: ['C', 'D'] }),
    ]);

    const { result } = await survivesEveryCrash({ target, input: { in: 1 }, options: { validate: 'all' } });

    expect(result.outputs).toEqual({ Z: 'z(c(a(1)),d(b(1)))' });
  });

  test('values that are stored once are there each time', async () => {
    const large = 'large '.repeat(100);
    const target = graphOf('large', (world) => [
      step(world, { name: 'a', reads: ['in'], make: ({ in: text }) => ({ text, again: text }) }),
      step(world, { name: 'b', reads: ['A'], make: ({ A }) => A }),
      step(world, { name: 'c', reads: ['A', 'B'], make: ({ A, B }) => [A, B] }),
    ]);

    const { result } = await survivesEveryCrash({
      target,
      input: { in: large },
      storeOptions: { blobBytes: 16 },
    });

    expect(result.outputs).toEqual({
      C: [
        { text: large, again: large },
        { text: large, again: large },
      ],
    });
  });

  test('values of all kinds are what they were', async () => {
    const given = {
      at: new Date(5),
      map: new Map([[{ key: 1 }, new Set([1n, undefined, NaN, -0])]]),
      error: new RangeError('kept'),
      bytes: new Uint8Array([1, 2]),
    };
    const target = graphOf('kinds', (world) => [
      step(world, { name: 'a', reads: ['in'], make: ({ in: value }) => value }),
      step(world, { name: 'b', reads: ['A'], make: ({ A }) => [A, A] }),
    ]);

    const { result } = await survivesEveryCrash({ target, input: { in: given } });

    expect(result.outputs).toEqual({ B: [given, given] });
  });

  test('a machine in flight runs again', async () => {
    const machine = createMachine({
      types: {} as { output: number },
      initial: 'going',
      states: { going: { always: 'gone' }, gone: { type: 'final' } },
      output: () => 7,
    });
    const target = graphOf('with a machine', (world) => [
      step(world, { name: 'a', reads: ['in'] }),
      machineNode({ name: 'machine', machine, inputs: { A: input<unknown>() }, output: 'M' }),
      step(world, { name: 'z', reads: ['M'] }),
    ]);

    const { result } = await survivesEveryCrash({ target, input: { in: 1 } });

    expect(result.outputs).toEqual({ Z: 'z(7)' });
  });

  test('a graph in flight that has a runner of its own runs again', async () => {
    const own = createRunner();
    const target = (world: World) => {
      const add = node({
        name: 'add',
        inputs: { A: input<string>() },
        output: 'B',
        run: async ({ A }) => `${A}+`,
      });
      const inner = graph({ name: 'inner', nodes: [add] });
      return graph({
        name: 'outer',
        nodes: [
          step(world, { name: 'a', reads: ['in'] }),
          inner.asNode({ runner: own }),
          step(world, { name: 'z', reads: ['B'] }),
        ] as readonly AnyNode[],
      });
    };

    const { result } = await survivesEveryCrash({ target, input: { in: 1 } });

    expect(result.outputs).toEqual({ Z: 'z(a(1)+)' });
  });
});

describe('a workflow that goes on', () => {
  /** Counts up to five. */
  const counting: Conduct = {
    input: { count: 0 },
    target: graphOf('loop', ({ bodies }) => [
      bodies.watch(
        node({
          name: 'inc',
          inputs: { count: input<number>() },
          output: 'count',
          run: async ({ count }) => count + 1,
        }),
      ),
      route({
        name: 'again',
        inputs: { count: input<number>() },
        targets: ['inc', END],
        run: ({ count }) => (count < 5 ? 'inc' : END),
      }),
    ]),
  };

  test('with more turns goes on with the loop that had too few', async () => {
    const store = memoryCheckpointer();
    const first = await execute({ ...counting, options: { maxIterations: 3 } }, store);

    const { result, bodies } = await execute({ ...counting, options: { maxIterations: 10 } }, store);

    expect(first.result).toMatchObject({ status: 'failed', error: { code: 'INFINITE_LOOP' } });
    expect(bodies.map((each) => each.input)).toEqual([{ count: 3 }, { count: 4 }]);
    expect(result).toMatchObject({ status: 'completed', outputs: { count: 5 } });
  });

  test('with no more turns has too few again', async () => {
    const store = memoryCheckpointer();
    await execute({ ...counting, options: { maxIterations: 3 } }, store);

    const { result, bodies } = await execute({ ...counting, options: { maxIterations: 3 } }, store);

    expect(bodies).toEqual([]);
    expect(result).toMatchObject({ status: 'failed', error: { code: 'INFINITE_LOOP' } });
  });

  test('runs just the items of a map that failed or were stopped', async () => {
    const mapping = (isFixed: boolean): Conduct => ({
      input: { x: [1, 2, 3] },
      target: (world) => {
        const item = graph({
          name: 'item',
          nodes: [
            step(world, { name: 'a', reads: ['x'], make: ({ x }) => x }),
            step(world, {
              name: 'b',
              reads: ['A'],
              takes: 10,
              make: ({ A }) => {
                if (A === 2 && !isFixed) throw new Error('not two');
                return A;
              },
            }),
          ],
        });
        return graph({ name: 'outer', nodes: [item.asNode({ mapOver: 'x' })] });
      },
    });
    const store = memoryCheckpointer();
    await execute(mapping(false), store);

    const { result, bodies } = await execute(mapping(true), store);

    expect(bodies.map(({ name, input: given }) => [name, given])).toEqual([
      ['b', { A: 2 }],
      ['b', { A: 3 }],
    ]);
    expect(result.outputs).toEqual({ B: [1, 2, 3] });
  });

  test('has the value that was bound when it began', async () => {
    const bound = (by: string): Conduct => ({
      input: { in: 1 },
      target: (world) =>
        graphOf('bound', (each) => [
          step(each, { name: 'a', reads: ['in'] }),
          step(each, { name: 'b', reads: ['A', 'by'] }),
        ])(world).bind({ by }),
    });
    const store = await storeAfter(
      bound('old'),
      ({ type }, name) => type === 'RequestSuccess' && name === 'a',
    );

    const { result } = await execute(bound('new'), store, 'resume');

    expect(result.outputs).toEqual({ B: 'b(a(1),old)' });
  });

  test('gives the outputs that were asked for when it began', async () => {
    const target = graphOf('selected', (world) => [
      step(world, { name: 'a', reads: ['in'] }),
      step(world, { name: 'b', reads: ['A'] }),
      step(world, { name: 'c', reads: ['A'] }),
    ]);
    const conduct: Conduct = { target, input: { in: 1 }, select: ['A', 'B'] };
    const store = await storeAfter(conduct, ({ type }, name) => type === 'RequestSuccess' && name === 'a');

    const { result } = await execute({ target, input: { in: 1 } }, store, 'resume');

    expect(result.outputs).toEqual({ A: 'a(1)', B: 'b(a(1))' });
  });

  test('that is asked for other outputs than it began with is told so', async () => {
    const target = graphOf('selected', (world) => [
      step(world, { name: 'a', reads: ['in'] }),
      step(world, { name: 'b', reads: ['A'] }),
      step(world, { name: 'c', reads: ['A'] }),
    ]);
    const conduct: Conduct = { target, input: { in: 1 }, select: ['B'] };
    const store = await storeAfter(conduct, ({ type }, name) => type === 'RequestSuccess' && name === 'a');
    await using later = await processOn(store);

    const resumed = later.runner.resume(target(later), WORKFLOW, { select: ['C'] });

    await expect(resumed).rejects.toMatchObject({ code: 'GRAPH_CHANGED' });
  });

  test('in an order of nodes that has changed is the same workflow', async () => {
    const nodes = (world: World): AnyNode[] => [
      step(world, { name: 'a', reads: ['in'] }),
      step(world, { name: 'b', reads: ['A'], takes: 5 }),
      step(world, { name: 'c', reads: ['A'], takes: 3 }),
      step(world, { name: 'z', reads: ['B', 'C'] }),
    ];
    const conduct: Conduct = { target: graphOf('g', nodes), input: { in: 1 } };
    const store = await storeAfter(conduct, ({ type }, name) => type === 'RequestSuccess' && name === 'c');

    const { result, bodies } = await execute(
      { target: graphOf('g', (world) => nodes(world).toReversed()), input: { in: 1 } },
      store,
    );

    expect(bodies.map(({ name }) => name)).toEqual(['b', 'z']);
    expect(result.outputs).toEqual({ Z: 'z(b(a(1)),c(a(1)))' });
  });
});

import { END, graph, ifElse, input, node, route, type AnyNode } from 'troupe';
import { describe, expect, test } from 'vitest';
import { survivesEveryCrash } from './graph-convergence.ts';
import type { World } from './graph-crash.ts';
import { graphOf, step } from './graph-parts.ts';

/** Counts up to three; `isOpen` says whether it counts before it is first asked. */
function counting({ bodies }: World, isOpen: boolean): readonly AnyNode[] {
  return [
    bodies.watch(
      node({
        name: 'inc',
        inputs: { count: input<number>() },
        output: 'count',
        run: async ({ count }) => count + 1,
      }),
    ),
    bodies.watch(
      route({
        name: 'again',
        inputs: { count: input<number>() },
        targets: ['inc', END],
        defaultOpen: isOpen,
        run: ({ count }) => (count < 3 ? 'inc' : END),
      }),
    ),
  ];
}

describe('after a crash at any point', () => {
  test.each([
    { isOpen: true, from: 0, to: 3, runs: 3 },
    { isOpen: true, from: 10, to: 11, runs: 1 },
    { isOpen: false, from: 0, to: 3, runs: 3 },
    { isOpen: false, from: 10, to: 10, runs: 0 },
  ])('a gated loop goes on in the middle: %o', async ({ isOpen, from, to, runs }) => {
    const target = graphOf('loop', (world) => [
      ...counting(world, isOpen),
      step(world, { name: 'last', reads: ['count'] }),
    ]);

    const { result, bodies } = await survivesEveryCrash({ target, input: { count: from } });

    expect(result.outputs).toMatchObject({ LAST: `last(${to})` });
    expect(bodies.filter(({ name }) => name === 'inc')).toHaveLength(runs);
  });

  test('a loop of rounds goes on in the middle of a round', async () => {
    const target = graphOf('rounds', (world) => [
      ...['left', 'right'].map((name, index) =>
        world.bodies.watch(
          node({
            name,
            inputs: { state: input<number>() },
            output: `${name}Half`,
            run: async ({ state }) => {
              await new Promise<void>((resolve) => void world.clock.setTimeout(resolve, 7 - 3 * index));
              return state + index;
            },
          }),
        ),
      ),
      world.bodies.watch(
        node({
          name: 'merge',
          inputs: { leftHalf: input<number>(), rightHalf: input<number>() },
          output: 'state',
          run: ({ leftHalf, rightHalf }) => leftHalf + rightHalf,
        }),
      ),
      world.bodies.watch(
        route({
          name: 'enough',
          inputs: { state: input<number>() },
          targets: ['left', 'right', END],
          multi: true,
          run: ({ state }) => (state > 12 ? [END] : (['left', 'right'] as const)),
        }),
      ),
    ]);

    const { result } = await survivesEveryCrash({ target, input: { state: 1 } });

    expect(result.outputs).toMatchObject({ state: 15 });
  });

  test('a loop without a gate still ends where nothing changes any more', async () => {
    const target = ({ bodies }: World) =>
      graph({
        name: 'halving',
        convergence: 'fixpoint',
        nodes: [
          bodies.watch(
            node({
              name: 'halve',
              inputs: { state: input<{ value: number }>() },
              output: 'half',
              run: async ({ state }) => ({ value: Math.floor(state.value / 2) }),
            }),
          ),
          bodies.watch(
            node({
              name: 'pass',
              inputs: { half: input<{ value: number }>() },
              output: 'state',
              run: ({ half }) => ({ value: half.value }),
            }),
          ),
        ],
      });

    const { result } = await survivesEveryCrash({ target, input: { state: { value: 9 } } });

    expect(result.outputs).toMatchObject({ state: { value: 0 } });
  });

  test('a loop inside a loop goes on in both', async () => {
    const target = (world: World) =>
      graphOf('outer', (each) => [
        graphOf('inner', (inside) => counting(inside, true))(each).asNode(),
        each.bodies.watch(
          node({
            name: 'reset',
            inputs: { count: input<number>(), round: input<number>() },
            outputs: ['count', 'round'],
            waitFor: [],
            run: ({ round }) => ({ count: 0, round: round + 1 }),
          }),
        ),
        each.bodies.watch(
          route({
            name: 'repeat',
            inputs: { round: input<number>(), count: input<number>() },
            targets: ['reset', END],
            defaultOpen: false,
            run: ({ round }) => (round < 2 ? 'reset' : END),
          }),
        ),
      ])(world);

    const { result, bodies } = await survivesEveryCrash({ target, input: { count: 0, round: 0 } });

    expect(result.status).toBe('completed');
    expect(bodies.filter(({ name }) => name === 'inc')).toHaveLength(9);
  });

  test('a loop that may not go on is found again at the same turn', async () => {
    const target = graphOf('endless', ({ bodies }) => [
      bodies.watch(
        node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: async ({ n }) => n + 1 }),
      ),
      bodies.watch(
        route({ name: 'on', inputs: { n: input<number>() }, targets: ['inc', END], run: () => 'inc' }),
      ),
    ]);

    const { result } = await survivesEveryCrash({ target, input: { n: 0 }, options: { maxIterations: 3 } });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'INFINITE_LOOP' } });
  });

  test('a graph in a graph in a graph goes on inside', async () => {
    const target = (world: World) => {
      const innermost = graph({
        name: 'innermost',
        nodes: [step(world, { name: 'a', reads: ['in'] }), step(world, { name: 'b', reads: ['A'] })],
      });
      const inner = graph({
        name: 'inner',
        nodes: [innermost.asNode(), step(world, { name: 'c', reads: ['B'] })] as readonly AnyNode[],
      });
      return graph({
        name: 'outer',
        nodes: [
          inner.asNode({ namespace: true }),
          inner.asNode({ name: 'twin', namespace: true }),
          step(world, { name: 'z', reads: ['inner.C', 'twin.C'] }),
        ] as readonly AnyNode[],
      });
    };

    const { result } = await survivesEveryCrash({ target, input: { 'inner.in': 1, 'twin.in': 2 } });

    expect(result.outputs).toEqual({ Z: 'z(c(b(a(1))),c(b(a(2))))' });
  });

  test('skips inside a graph that runs several times are each told once', async () => {
    const target = (world: World) => {
      const inner = graph({
        name: 'inner',
        nodes: [
          world.bodies.watch(
            ifElse({
              name: 'isEven',
              inputs: { x: input<number>() },
              then: 'half',
              else: END,
              run: ({ x }) => x % 2 === 0,
            }),
          ),
          step(world, { name: 'half', reads: ['x'] }),
          step(world, { name: 'next', reads: ['HALF'] }),
        ] as readonly AnyNode[],
      });
      return graph({ name: 'outer', nodes: [inner.asNode({ mapOver: 'x' })] });
    };

    const { result } = await survivesEveryCrash({ target, input: { x: [1, 2, 3, 4] } });

    expect(result.outputs).toEqual({ NEXT: [undefined, 'next(half(2))', undefined, 'next(half(4))'] });
  });

  test.each([
    { mapMode: 'zip', given: { x: [1, 2, 3], y: [4, 5, 6] }, count: 3 },
    { mapMode: 'product', given: { x: [1, 2], y: [3, 4] }, count: 4 },
  ] as const)(
    'a map that is part-done goes on with the other items: %o',
    async ({ mapMode, given, count }) => {
      const target = (world: World) => {
        const inner = graph({
          name: 'inner',
          nodes: [
            step(world, { name: 'a', reads: ['x'], takes: 5 }),
            step(world, { name: 'b', reads: ['A', 'y'], takes: 5 }),
          ],
        });
        return graph({ name: 'outer', nodes: [inner.asNode({ mapOver: ['x', 'y'], mapMode })] });
      };

      const { result, bodies } = await survivesEveryCrash({
        target,
        input: given,
        options: { maxConcurrency: 2 },
      });

      expect(result.outputs['B']).toHaveLength(count);
      expect(bodies.filter(({ name }) => name === 'b')).toHaveLength(count);
    },
  );

  test('items of a map that failed have failed', async () => {
    const target = (world: World) => {
      const inner = graph({
        name: 'inner',
        nodes: [
          step(world, {
            name: 'a',
            reads: ['x'],
            make: ({ x }) => {
              if (x === 2) throw new Error('not two');
              return x;
            },
          }),
          step(world, { name: 'b', reads: ['A'] }),
        ],
      });
      return graph({ name: 'outer', nodes: [inner.asNode({ mapOver: 'x', onError: 'continue' })] });
    };

    const { result } = await survivesEveryCrash({ target, input: { x: [1, 2, 3] } });

    expect(result.outputs).toEqual({ B: ['b(1)', undefined, 'b(3)'] });
  });

  test('a map over nothing gives empty lists', async () => {
    const target = (world: World) => {
      const inner = graph({ name: 'inner', nodes: [step(world, { name: 'a', reads: ['x'] })] });
      return graph({
        name: 'outer',
        nodes: [
          inner.asNode({ mapOver: 'x' }),
          step(world, { name: 'z', reads: ['A'] }),
        ] as readonly AnyNode[],
      });
    };

    const { result } = await survivesEveryCrash({ target, input: { x: [] } });

    expect(result.outputs).toEqual({ Z: 'z()' });
  });

  test('everything together ends as it does without', async () => {
    const target = (world: World) => {
      const item = graph({
        name: 'item',
        nodes: [
          step(world, {
            name: 'square',
            reads: ['x'],
            takes: 3,
            make: ({ x }) => Number(x) ** 2,
            policies: { retry: { maxAttempts: 2, delay: 5, jitter: 'none' } },
          }),
        ],
      });
      const total = world.bodies.watch(
        node({
          name: 'total',
          inputs: { SQUARE: input<number[]>() },
          output: 'sum',
          emits: ['summed'],
          run: async ({ SQUARE: squares }) => squares.reduce((sum, each) => sum + each, 0),
        }),
      );
      return graph({
        name: 'together',
        nodes: [
          item.asNode({ mapOver: 'x' }),
          total,
          graphOf('loop', (each) => counting(each, true))(world).asNode({ namespace: true }),
          world.bodies.watch(
            ifElse({
              name: 'isLarge',
              inputs: { sum: input<number>() },
              then: 'large',
              else: 'small',
              run: ({ sum }) => sum > 100,
            }),
          ),
          step(world, { name: 'large', reads: ['sum'] }),
          step(world, { name: 'small', reads: ['sum', 'loop.count'], policies: { waitFor: ['summed'] } }),
        ] as readonly AnyNode[],
      });
    };

    const { result } = await survivesEveryCrash({ target, input: { x: [1, 2, 3], 'loop.count': 0 } });

    expect(result.outputs).toMatchObject({ SMALL: 'small(14,3)' });
  });
});

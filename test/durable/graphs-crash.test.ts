import { END, graph, ifElse, input, node, route, type AnyNode } from 'troupe';
import { describe, expect, test } from 'vitest';
import { survivesEveryCrash } from './graph-convergence.ts';
import type { World } from './graph-crash.ts';
import { graphOf, step } from './graph-parts.ts';

describe('after a crash at any point', () => {
  test('a chain goes on where it was', async () => {
    const target = graphOf('chain', (world) => [
      step(world, { name: 'a', reads: ['in'] }),
      step(world, { name: 'b', reads: ['A'] }),
      step(world, { name: 'c', reads: ['B'] }),
      step(world, { name: 'd', reads: ['C'] }),
    ]);

    const { result } = await survivesEveryCrash({ target, input: { in: 1 } });

    expect(result.outputs).toEqual({ D: 'd(c(b(a(1))))' });
  });

  test('branches that run at once go on, each where it was', async () => {
    const target = graphOf('fan', (world) => [
      step(world, { name: 'a', reads: ['in'] }),
      ...['b', 'c', 'd'].map((name, index) => step(world, { name, reads: ['A'], takes: 10 * index })),
      step(world, { name: 'e', reads: ['B'], takes: 25 }),
      step(world, { name: 'z', reads: ['B', 'C', 'D', 'E'] }),
    ]);

    const { result } = await survivesEveryCrash({ target, input: { in: 1 } });

    expect(result.outputs).toEqual({ Z: 'z(b(a(1)),c(a(1)),d(a(1)),e(b(a(1))))' });
  });

  test('the decisions of gates stand', async () => {
    const target = graphOf('gated', (world) => [
      step(world, { name: 'a', reads: ['in'] }),
      world.bodies.watch(
        ifElse({
          name: 'isShort',
          inputs: { A: input<string>() },
          then: 'b',
          else: 'c',
          run: ({ A }) => A.length < 3,
        }),
      ),
      step(world, { name: 'b', reads: ['A'] }),
      step(world, { name: 'c', reads: ['A'] }),
      world.bodies.watch(
        route({
          name: 'several',
          inputs: { C: input<string>() },
          targets: ['d', 'e', 'f'],
          multi: true,
          run: () => ['d', 'f'] as const,
        }),
      ),
      ...['d', 'e', 'f'].map((name) => step(world, { name, reads: ['C'], takes: 5 })),
    ]);

    const { result } = await survivesEveryCrash({ target, input: { in: 1 } });

    expect(result.nodes).toMatchObject({ b: 'skipped', c: 'completed', e: 'skipped', f: 'completed' });
  });

  test('what was skipped stays skipped, and is told once', async () => {
    const target = graphOf('skipping', (world) => [
      world.bodies.watch(
        route({ name: 'no', inputs: { in: input<unknown>() }, targets: ['a', END], run: () => END }),
      ),
      step(world, { name: 'a', reads: ['in'] }),
      step(world, { name: 'b', reads: ['A'] }),
      step(world, { name: 'c', reads: ['B', 'in'] }),
      step(world, { name: 'd', reads: ['in'], takes: 10 }),
    ]);

    const { result } = await survivesEveryCrash({ target, input: { in: 1 } });

    expect(result.nodes).toEqual({
      no: 'completed',
      a: 'skipped',
      b: 'skipped',
      c: 'skipped',
      d: 'completed',
    });
  });

  test("a failure blocks what it blocked, and the rest goes on, under onError 'continue'", async () => {
    const target = graphOf('failing', (world) => [
      step(world, {
        name: 'a',
        reads: ['in'],
        make: () => {
          throw new RangeError('a is out of range');
        },
      }),
      step(world, { name: 'b', reads: ['A'] }),
      step(world, { name: 'c', reads: ['B'] }),
      step(world, { name: 'd', reads: ['in'], takes: 10 }),
      step(world, { name: 'e', reads: ['D'], takes: 10 }),
    ]);

    const { result } = await survivesEveryCrash({
      target,
      input: { in: 1 },
      options: { onError: 'continue' },
    });

    expect(result).toMatchObject({ status: 'failed', outputs: { E: 'e(d(1))' } });
    expect(result.nodes).toMatchObject({ a: 'failed', b: 'blocked', c: 'blocked', e: 'completed' });
  });

  test('shared state is what it was', async () => {
    const log = (world: World, name: string, reads: readonly string[]): AnyNode =>
      world.bodies.watch(
        node({
          name,
          inputs: {
            log: input<string[]>(),
            ...Object.fromEntries(reads.map((read) => [read, input<unknown>()])),
          },
          outputs: ['log', name.toUpperCase()],
          run: async ({ log: lines }) => ({ log: [...lines, name], [name.toUpperCase()]: lines.length }),
        }),
      );
    const target = (world: World) =>
      graph({
        name: 'sharing',
        shared: ['log'],
        nodes: [log(world, 'a', []), log(world, 'b', ['A']), log(world, 'c', ['B'])] as readonly AnyNode[],
      });

    const { result } = await survivesEveryCrash({ target, input: { log: ['start'] } });

    expect(result.outputs).toMatchObject({ log: ['start', 'a', 'b', 'c'], C: 3 });
  });

  test('nodes still wait for what others announce', async () => {
    const target = graphOf('announcing', (world) => [
      step(world, { name: 'load', reads: ['in'], takes: 20, policies: { emits: ['loaded'] } }),
      step(world, { name: 'warm', reads: ['in'], takes: 5, policies: { emits: ['warmed'] } }),
      step(world, { name: 'ask', reads: ['in'], policies: { waitFor: ['loaded', 'warmed'] } }),
      step(world, { name: 'last', reads: ['ASK'], policies: { waitFor: ['loaded'] } }),
    ]);

    const { result, bodies } = await survivesEveryCrash({ target, input: { in: 1 } });

    expect(result.status).toBe('completed');
    expect(bodies.map(({ name }) => name)).toEqual(['load', 'warm', 'ask', 'last']);
  });

  test('attempts are counted on, and a fallback answers after the last', async () => {
    const failing = (): never => {
      throw new Error('not yet');
    };
    const target = graphOf('retrying', (world) => [
      step(world, {
        name: 'a',
        reads: ['in'],
        make: failing,
        policies: { retry: { maxAttempts: 3, delay: 10, jitter: 'none' }, fallback: () => 'instead' },
      }),
      step(world, {
        name: 'b',
        reads: ['in'],
        make: failing,
        policies: { fallback: async () => Promise.resolve('later') },
      }),
      step(world, { name: 'z', reads: ['A', 'B'] }),
    ]);

    const { result } = await survivesEveryCrash({ target, input: { in: 1 } });

    expect(result.outputs).toEqual({ Z: 'z(instead,later)' });
  });

  test('what timed out has timed out', async () => {
    const target = graphOf('late', (world) => [
      step(world, {
        name: 'a',
        reads: ['in'],
        takes: 1_000,
        policies: { timeout: 50, retry: { maxAttempts: 2, delay: 0 }, fallback: () => 'in time' },
      }),
      step(world, { name: 'b', reads: ['in'], takes: 1_000, policies: { timeout: 50 } }),
      step(world, { name: 'c', reads: ['A'] }),
      step(world, { name: 'd', reads: ['B'] }),
    ]);

    const { result } = await survivesEveryCrash({
      target,
      input: { in: 1 },
      options: { onError: 'continue' },
    });

    expect(result.outputs).toEqual({ A: 'in time', C: 'c(in time)' });
    expect(result.nodes).toMatchObject({ a: 'completed', b: 'failed', d: 'blocked' });
  });

  test.each([1, 2, 3])('no more than %i nodes work at once', async (maxConcurrency) => {
    let most = 0;
    const target = (world: World) => {
      let working = 0;
      const busy = (name: string): AnyNode =>
        world.bodies.watch(
          node({
            name,
            inputs: { in: input<unknown>() },
            output: name.toUpperCase(),
            run: async () => {
              working += 1;
              most = Math.max(most, working);
              await new Promise<void>((resolve) => void world.clock.setTimeout(resolve, 10));
              working -= 1;
              return name;
            },
          }),
        );
      const nodes = ['a', 'b', 'c', 'd', 'e'].map(busy);
      const join = step(world, { name: 'z', reads: ['A', 'B', 'C', 'D', 'E'] });
      return graph({ name: 'busy', nodes: [...nodes, join] as readonly AnyNode[] });
    };

    await survivesEveryCrash({ target, input: { in: 1 }, options: { maxConcurrency } });

    expect(most).toBe(maxConcurrency);
  });

  test('what was not selected, and what lies before the start, stays left out', async () => {
    const target = (world: World) =>
      graphOf('pruned', (each) => [
        step(each, { name: 'a', reads: ['in'] }),
        step(each, { name: 'b', reads: ['A', 'by'] }),
        step(each, { name: 'c', reads: ['B'] }),
        step(each, { name: 'd', reads: ['B'] }),
      ])(world)
        .bind({ by: 'bound' })
        .startAt('b')
        .select('C');

    const { result } = await survivesEveryCrash({ target, input: { A: 'given' } });

    expect(result.outputs).toEqual({ C: 'c(b(given,bound))' });
    expect(result.nodes).toMatchObject({ a: 'skipped', d: 'skipped' });
  });

  test('the outputs that were asked for are those that are given', async () => {
    const target = graphOf('selected', (world) => [
      step(world, { name: 'a', reads: ['in'] }),
      step(world, { name: 'b', reads: ['A'] }),
      step(world, { name: 'c', reads: ['A'] }),
    ]);

    const { result } = await survivesEveryCrash({ target, input: { in: 1 }, select: ['A', 'B'] });

    expect(result.outputs).toEqual({ A: 'a(1)', B: 'b(a(1))' });
  });
});

import { END, graph, input, interrupt, node, route, type AnyNode, type PauseInfo } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { survivesEveryCrash } from './graph-convergence.ts';
import type { World } from './graph-crash.ts';
import { graphOf, step } from './graph-parts.ts';

/** Asks what to do with a draft until it is good. */
function reviewing({ bodies }: World): readonly AnyNode[] {
  return [
    bodies.watch(
      interrupt({
        name: 'ask',
        inputs: { draft: input<string>() },
        response: 'verdict',
        schema: z.string().transform((text) => text.trim()),
        run: ({ draft }) => draft,
      }),
    ),
    bodies.watch(
      route({
        name: 'again',
        inputs: { verdict: input<string>() },
        targets: ['revise', END],
        run: ({ verdict }) => (verdict === 'ok' ? END : 'revise'),
      }),
    ),
    bodies.watch(
      node({
        name: 'revise',
        inputs: { draft: input<string>(), verdict: input<string>() },
        output: 'draft',
        run: async ({ draft, verdict }) => `${draft}+${verdict}`,
      }),
    ),
  ];
}

/** Wants two changes to a draft. */
const review = ({ value }: PauseInfo): string =>
  ` ${['a', 'b'][String(value).split('+').length - 1] ?? 'ok'} `;

function asking({ bodies }: World, name: string, reads: readonly string[] = []): AnyNode {
  return bodies.watch(
    interrupt({
      name: `ask${name}`,
      inputs: Object.fromEntries(reads.map((read) => [read, input<unknown>()])),
      response: name,
      run: (given) => ({ about: name, given }),
    }),
  );
}

describe('after a crash at any point', () => {
  test('all questions that were open are open, and those that were answered are not', async () => {
    const target = graphOf('asking', (world) => [
      asking(world, 'one'),
      asking(world, 'two'),
      step(world, { name: 'a', takes: 10 }),
      asking(world, 'three', ['A', 'one']),
      step(world, { name: 'z', reads: ['one', 'two', 'three'] }),
    ]);

    const { result } = await survivesEveryCrash({ target, answer: ({ key }) => `${key}!` });

    expect(result.outputs).toEqual({ Z: 'z(one!,two!,three!)' });
  });

  test('a question in a loop is asked as often as without', async () => {
    const { result } = await survivesEveryCrash({
      target: graphOf('review', reviewing),
      input: { draft: 'v' },
      answer: review,
    });

    expect(result.outputs).toMatchObject({ draft: 'v+a+b' });
  });

  test('questions of nested graphs keep their keys', async () => {
    const target = (world: World) => {
      const inner = graph({
        name: 'inner',
        nodes: [asking(world, 'decision', ['in'])] as readonly AnyNode[],
      });
      const middle = graph({ name: 'middle', nodes: [inner.asNode({ namespace: true })] });
      return graph({
        name: 'outer',
        nodes: [
          middle.asNode({ namespace: true }),
          inner.asNode({ name: 'other', namespace: true }),
          step(world, { name: 'z', reads: ['middle.inner.decision', 'other.decision'] }),
        ] as readonly AnyNode[],
      });
    };

    const { result } = await survivesEveryCrash({
      target,
      input: { 'middle.inner.in': 1, 'other.in': 2 },
      answer: ({ key }) => key,
    });

    expect(result.outputs).toEqual({ Z: 'z(middle.inner.decision,other.decision)' });
  });

  test('questions in a loop of a nested graph go on where they were', async () => {
    const target = (world: World) =>
      graphOf('outer', (each) => [
        graphOf('review', reviewing)(each).asNode({ namespace: true }),
        step(each, { name: 'z', reads: ['review.draft'] }),
      ])(world);

    const { result } = await survivesEveryCrash({
      target,
      input: { 'review.draft': 'v' },
      answer: review,
    });

    expect(result.outputs).toMatchObject({ Z: 'z(v+a+b)' });
  });

  test('handlers answer what is not answered yet', async () => {
    const { result } = await survivesEveryCrash({
      target: graphOf('review', reviewing),
      input: { draft: 'v' },
      options: {
        interruptHandlers: {
          verdict: async (draft) => Promise.resolve(String(draft).length > 3 ? 'ok' : 'x'),
        },
      },
    });

    expect(result.outputs).toMatchObject({ draft: 'v+x+x' });
  });

  test('an answer that was given up front answers its question', async () => {
    const target = graphOf('asking', (world) => [
      step(world, { name: 'a', takes: 10 }),
      asking(world, 'one', ['A']),
      asking(world, 'two', ['one']),
      step(world, { name: 'z', reads: ['one', 'two'] }),
    ]);

    const { result } = await survivesEveryCrash({
      target,
      input: { one: 'given', two: 'given too' },
      answer: () => 'asked for',
    });

    expect(result.outputs).toEqual({ Z: 'z(given,given too)' });
  });

  test('an answer that was given up front answers the first question of a loop, and no other', async () => {
    const { result } = await survivesEveryCrash({
      target: graphOf('review', reviewing),
      input: { draft: 'v', verdict: 'first' },
      answer: review,
    });

    expect(result.outputs).toMatchObject({ draft: 'v+first+b' });
  });

  test('an answer that was given up front for a nested loop answers its first question, and no other', async () => {
    const { result } = await survivesEveryCrash({
      target: graphOf('outer', (world) => [graphOf('review', reviewing)(world).asNode({ namespace: true })]),
      input: { 'review.draft': 'v', 'review.verdict': 'first' },
      answer: review,
    });

    expect(result.outputs).toMatchObject({ 'review.draft': 'v+first+b' });
  });

  test('a question that depends on a mapped graph is asked once all items are done', async () => {
    const target = (world: World) => {
      const item = graph({ name: 'item', nodes: [step(world, { name: 'a', reads: ['x'] })] });
      return graph({
        name: 'outer',
        nodes: [
          item.asNode({ mapOver: 'x' }),
          asking(world, 'decision', ['A']),
          step(world, { name: 'z', reads: ['A', 'decision'] }),
        ] as readonly AnyNode[],
      });
    };

    const { result } = await survivesEveryCrash({ target, input: { x: [1, 2] }, answer: () => 'yes' });

    expect(result.outputs).toEqual({ Z: 'z(a(1),a(2),yes)' });
  });

  test.each([1, 2])('questions hold no place where %i may work at once', async (maxConcurrency) => {
    const target = graphOf('asking', (world) => [
      ...['one', 'two', 'three'].map((name) => asking(world, name)),
      ...['one', 'two', 'three'].map((name) => step(world, { name: `use${name}`, reads: [name], takes: 5 })),
    ]);

    const { result } = await survivesEveryCrash({
      target,
      options: { maxConcurrency },
      answer: ({ key }) => key,
    });

    expect(result.outputs).toMatchObject({ USEONE: 'useone(one)', USETHREE: 'usethree(three)' });
  });
});

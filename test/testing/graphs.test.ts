import { createRunner, graph, input, node } from 'troupe';
import { mockNode, testContext } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';

const double = node({
  name: 'double',
  inputs: { x: input<number>(), k: input(2) },
  output: 'y',
  run: ({ x, k }) => x * k,
});
const doubling = graph({ name: 'doubling', nodes: [double] });

describe('a mock of a graph’s node', () => {
  test('runs in its place, and remembers what it was given', async () => {
    const mocked = mockNode(doubling.asNode(), () => ({ y: 5 }));

    const { outputs } = await createRunner().run(graph({ name: 'outer', nodes: [mocked] }), { x: 1 });

    expect(outputs).toEqual({ y: 5 });
    expect(mocked.calls).toEqual([{ x: 1, k: 2 }]);
  });
});

describe('the context of a test', () => {
  const host = node('host', async (x: number, ctx) => (await ctx.call(doubling, { x })).y);

  test('answers the call of a graph with what stands for it', async () => {
    const answer = await host.run(1, testContext({ calls: { doubling: { y: 9 } } }));

    expect(answer).toBe(9);
  });

  test('says that a graph needs a runner, or something that stands for it', async () => {
    const error = await rejectionOf(Promise.resolve(host.run(1, testContext())));

    expect(error).toMatchObject({ code: 'INCOMPATIBLE_RUNNER' });
    expect(String((error as { hint?: unknown }).hint)).toContain('testContext');
  });
});

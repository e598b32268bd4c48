import { createRunner, graph, input, node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { requestOf, statusesOf, stepsOf } from '../support/forest.ts';

const add = node({
  name: 'add',
  inputs: { x: input<number>(), y: input(100) },
  output: 'sum',
  run: async ({ x, y }) => x + y,
});
const adding = graph({ name: 'adding', nodes: [add] });

describe('a map of 1,000 items', () => {
  const items = Array.from({ length: 1_000 }, (_, index) => index);
  const outer = graph({ name: 'outer', nodes: [adding.asNode({ mapOver: 'x' })] });

  test('gives 1,000 results, in order', async () => {
    const { outputs } = await createRunner().run(outer, { x: items, y: 1 });

    expect(outputs.sum).toEqual(items.map((item) => item + 1));
  });

  test('records every item, by the law of 2N stamps', async () => {
    const { info } = await createRunner().run(outer, { x: items });

    expect(statusesOf(info).filter((status) => status === 'add succeeded')).toHaveLength(1_000);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test.each([1, 7])(
    'has at most %i of them at work at once where that is the budget',
    async (maxConcurrency) => {
      let working = 0;
      let most = 0;
      const work = node({
        name: 'work',
        inputs: { x: input<number>() },
        output: 'worked',
        run: async ({ x }) => {
          working += 1;
          most = Math.max(most, working);
          await Promise.resolve();
          working -= 1;
          return x;
        },
      });
      const mapped = graph({ name: 'working', nodes: [work] }).asNode({ mapOver: 'x' });

      const { outputs } = await createRunner({ maxConcurrency }).run(
        graph({ name: 'outer', nodes: [mapped] }),
        { x: items },
      );

      expect(outputs.worked).toEqual(items);
      expect(most).toBe(maxConcurrency);
    },
  );
});

describe('the record of a map', () => {
  test('has the map as one node of the outer graph, and each item below it', async () => {
    const outer = graph({ name: 'outer', nodes: [adding.asNode({ name: 'each', mapOver: 'x' })] });

    const { info, nodes } = await createRunner().run(outer, { x: [1, 2, 3] });

    const each = requestOf(info, 'each');
    expect(nodes).toEqual({ each: 'completed' });
    expect(each).toMatchObject({ status: 'succeeded', output: { sum: [101, 102, 103] } });
    expect(info.nodes.get(each.nodeId)?.kind).toBe('graph');
    expect(info.nodes.children(each.nodeId).map(({ kind }) => kind)).toEqual(['graph', 'graph', 'graph']);
  });
});

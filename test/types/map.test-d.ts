import {
  createRunner,
  graph,
  input,
  node,
  type ArrowTable,
  type MapItemResult,
  type MapItems,
  type MapResult,
  type RunResult,
} from 'troupe';
import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';

const runner = createRunner();
const embed = node({
  name: 'embed',
  inputs: { text: input<string>(), k: input(5) },
  output: 'embedding',
  run: async ({ text, k }) => [text.length * k],
});
const split = node({
  name: 'split',
  inputs: { n: z.number() },
  outputs: ['lo', 'hi'],
  run: ({ n }) => ({ lo: n, hi: String(n) }),
});
const bare = node('bare', (text: string) => text.length);
const size = node({
  name: 'size',
  inputs: { embedding: input<number[]>() },
  output: 'size',
  run: ({ embedding }) => embedding.length,
});
const measuring = graph({ name: 'measuring', nodes: [embed, size] });

describe('runner.map', () => {
  test('gives results of the target’s types', async () => {
    const results = await runner.map(embed, { text: ['a', 'b'], k: 1 }, { over: 'text' });

    expectTypeOf(results).toEqualTypeOf<MapResult<number[], { embedding: number[] }>>();
    expectTypeOf(results[0]).toEqualTypeOf<RunResult<number[], { embedding: number[] }> | undefined>();
    expectTypeOf([...results]).toEqualTypeOf<RunResult<number[], { embedding: number[] }>[]>();
    expectTypeOf(results.length).toEqualTypeOf<number>();
    expectTypeOf(results.status).toEqualTypeOf<'completed' | 'partial' | 'failed' | 'paused' | 'cancelled'>();
    expectTypeOf(results.failures[0]?.error).toEqualTypeOf<unknown>();
  });

  test('gives the columns of the outputs', async () => {
    const results = await runner.map(split, { n: [1, 2] }, { over: 'n' });

    expectTypeOf(results.column('lo')).toEqualTypeOf<(number | undefined)[]>();
    expectTypeOf(results.column('hi')).toEqualTypeOf<(string | undefined)[]>();
    // @ts-expect-error there is no such output
    results.column('middle');
  });

  test('gives a table, of the type that is asked for', async () => {
    const results = await runner.map(split, { n: [1, 2] }, { over: 'n' });

    expectTypeOf(results.toTable()).toEqualTypeOf<ArrowTable>();
    expectTypeOf(results.toTable<{ numRows: number }>()).toEqualTypeOf<{ numRows: number }>();
  });

  test('takes lists for what is mapped over, and single values for the rest', () => {
    void runner.map(embed, { text: ['a'], k: 1 }, { over: 'text' });
    void runner.map(embed, { text: ['a'] }, { over: 'text' });
    void runner.map(embed, { text: ['a'], k: [1] }, { over: ['text', 'k'] });
    void runner.map(embed, { text: ['a'], k: [1, 2] }, { over: ['text', 'k'], mode: 'product' });
    void runner.map(embed, { text: 'a', k: [1, 2] } as const, { over: 'k' });
    // @ts-expect-error a list is asked for
    void runner.map(embed, { text: 'a' }, { over: 'text' });
    // @ts-expect-error a list of texts is asked for
    void runner.map(embed, { text: [1] }, { over: 'text' });
    // @ts-expect-error `k` is not mapped over
    void runner.map(embed, { text: ['a'], k: [1] }, { over: 'text' });
    // @ts-expect-error what is mapped over must be given, even where it has a default
    void runner.map(embed, { text: 'a' }, { over: 'k' });
    // @ts-expect-error `text` is required
    void runner.map(embed, { k: [1] }, { over: 'k' });
    // @ts-expect-error there is no `dimensions`
    void runner.map(embed, { text: ['a'], dimensions: 5 }, { over: 'text' });
  });

  test('refuses names that are no inputs', () => {
    // @ts-expect-error there is no `txt`
    void runner.map(embed, { text: ['a'] }, { over: 'txt' });
    // @ts-expect-error there is no `txt`
    void runner.map(embed, { text: ['a'] }, { over: ['text', 'txt'] });
    // @ts-expect-error a text has no inputs
    void runner.map(bare, 'text', { over: 'length' });
  });

  test('needs its options, and refuses those that there are not', () => {
    // @ts-expect-error `over` is required
    void runner.map(embed, { text: ['a'] });
    // @ts-expect-error `over` is required
    void runner.map(embed, { text: ['a'] }, { mode: 'zip' });
    // @ts-expect-error there is no such mode
    void runner.map(embed, { text: ['a'] }, { over: 'text', mode: 'both' });
    // @ts-expect-error that policy is for single runs
    void runner.map(embed, { text: ['a'] }, { over: 'text', onError: 'stopAll' });
    // @ts-expect-error there is no such option
    void runner.map(embed, { text: ['a'] }, { over: 'text', concurrency: 5 });
    void runner.map(embed, { text: ['a'] }, { over: 'text', onError: 'continue', timeout: null });
  });

  test('takes a graph, with its inputs and outputs', async () => {
    const results = await runner.map(measuring, { text: ['a', 'b'], k: 2 }, { over: 'text' });

    expectTypeOf(results.column('size')).toEqualTypeOf<(number | undefined)[]>();
    // @ts-expect-error a graph makes its leaf outputs only
    results.column('embedding');
    // @ts-expect-error the graph makes it itself
    void runner.map(measuring, { embedding: [[1]] }, { over: 'embedding' });
  });
});

describe('runner.mapIter', () => {
  test('gives items with the types of the target', async () => {
    const items = runner.mapIter(embed, { text: ['a'] }, { over: 'text' });

    expectTypeOf(items).toEqualTypeOf<MapItems<number[], { embedding: number[] }>>();
    for await (const item of items) {
      expectTypeOf(item).toEqualTypeOf<MapItemResult<number[], { embedding: number[] }>>();
      expectTypeOf(item.index).toEqualTypeOf<number>();
      expectTypeOf(item.result.answer).toEqualTypeOf<number[]>();
    }
  });

  test('refuses what map refuses', () => {
    // @ts-expect-error there is no `txt`
    runner.mapIter(embed, { text: ['a'] }, { over: 'txt' });
    // @ts-expect-error a list is asked for
    runner.mapIter(embed, { text: 'a' }, { over: 'text' });
  });
});

import { createRunner, node, type Node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { stepsOf, unendedOf } from '../support/forest.ts';

const LONG = { timeout: 60_000 };

describe('a large run', () => {
  test('5,000 calls nested in each other end', LONG, async () => {
    const nest: Node<number, number> = node('nest', async (depth: number, ctx): Promise<number> =>
      depth === 0 ? 0 : 1 + (await ctx.call(nest, depth - 1)),
    );

    const { answer, info } = await createRunner().run(nest, 5_000);

    expect(answer).toBe(5_000);
    expect(info.requests.size).toBe(5_001);
    expect(unendedOf(info)).toEqual([]);
  });

  test('5,000 calls nested in each other end with maxConcurrency 1', LONG, async () => {
    const nest: Node<number, number> = node('nest', async (depth: number, ctx): Promise<number> =>
      depth === 0 ? 0 : 1 + (await ctx.call(nest, depth - 1)),
    );

    const { answer } = await createRunner({ maxConcurrency: 1 }).run(nest, 5_000);

    expect(answer).toBe(5_000);
  });

  test('5,000 calls nested in each other are cancelled in one go', LONG, async () => {
    const runner = createRunner();
    const nest: Node<number> = node('nest', async (depth: number, ctx): Promise<unknown> => {
      if (depth > 0) return ctx.call(nest, depth - 1);
      runner.cancel(ctx.runId, 'deep enough');
      return new Promise(() => undefined);
    });

    const { status, info } = await runner.run(nest, 5_000, { onFailure: 'return' });

    expect(status).toBe('cancelled');
    expect(unendedOf(info)).toEqual([]);
  });

  test('a failure passes through 5,000 callers', LONG, async () => {
    const boom = new Error('boom');
    const nest: Node<number, number> = node('nest', async (depth: number, ctx): Promise<number> => {
      if (depth === 0) throw boom;
      return ctx.call(nest, depth - 1);
    });

    const { status, error } = await createRunner().run(nest, 5_000, { onFailure: 'return' });

    expect(status).toBe('failed');
    expect(error).toBe(boom);
  });

  test('a fan-out of 20,000 calls ends', LONG, async () => {
    const double = node('double', async (n: number) => Promise.resolve(n * 2));
    const count = 20_000;
    const root = node('root', async (_: unknown, ctx) => {
      const results = await ctx.callBatch(
        double,
        Array.from({ length: count }, (_unused, index) => index),
      );
      return results.reduce((sum, each) => sum + each, 0);
    });

    const { answer, info } = await createRunner().run(root);

    expect(answer).toBe(count * (count - 1));
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('a fan-out of 20,000 calls ends with maxConcurrency 10', LONG, async () => {
    const one = node('one', async (_given: number) => Promise.resolve(1));
    const root = node('root', async (_: unknown, ctx) => {
      const results = await ctx.callBatch(
        one,
        Array.from({ length: 20_000 }, () => 0),
      );
      return results.length;
    });

    const { answer } = await createRunner({ maxConcurrency: 10 }).run(root);

    expect(answer).toBe(20_000);
  });
});

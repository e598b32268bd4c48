import { broadcast, call, context, currentRun, input, node } from 'troupe';
import { testContext } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { rejectionOf, thrownBy } from '../support/deferred.ts';

const add = node({ name: 'add', inputs: { a: input<number>(), b: input(1) }, run: ({ a, b }) => a + b });
const twice = node('twice', async (n: number, ctx) => 2 * (await ctx.call(add, { a: n, b: 0 })));

describe('a test context', () => {
  test('lets a body run without a runner', async () => {
    const ctx = testContext();

    expect(add.run({ a: 1, b: 2 }, ctx)).toBe(3);
    expect(await twice.run(4, ctx)).toBe(8);
  });

  test('runs what a body calls, with defaults', async () => {
    const ctx = testContext();

    expect(await ctx.call(add, { a: 1 })).toBe(2);
    expect(ctx.callSync(add, { a: 1 })).toBe(2);
  });

  test('refuses what a call would refuse', async () => {
    const ctx = testContext();

    expect(await rejectionOf(ctx.call(add, {} as { a: number }))).toMatchObject({ code: 'MISSING_INPUT' });
    expect(thrownBy(() => ctx.callSync(add, { a: 1, c: 1 } as { a: number }))).toMatchObject({
      code: 'UNKNOWN_INPUT',
    });
  });

  test('checks inputs by their schemas', async () => {
    const strict = node({ name: 'strict', inputs: { n: z.coerce.number() }, run: ({ n }) => n });

    expect(await testContext().call(strict, { n: '5' })).toBe(5);
    expect(await rejectionOf(testContext().call(strict, { n: 'five' }))).toMatchObject({
      code: 'INVALID_INPUT',
    });
  });

  test('remembers what was called', async () => {
    const ctx = testContext();

    await twice.run(4, ctx);

    expect(ctx.callsMade).toEqual([{ node: 'add', input: { a: 4, b: 0 } }]);
  });

  test('gives what stands for a node’s result, a value or a function of the input', async () => {
    expect(await twice.run(4, testContext({ calls: { add: 10 } }))).toBe(20);
    expect(await twice.run(4, testContext({ calls: { add: ({ a }: { a: number }) => a * 100 } }))).toBe(800);
  });

  test('rejects where what stands for a node throws', async () => {
    const boom = new Error('boom');
    const ctx = testContext({
      calls: {
        add: () => {
          throw boom;
        },
      },
    });

    expect(await rejectionOf(twice.run(4, ctx))).toBe(boom);
  });

  test('runs batches, with errors in place where that is asked for', async () => {
    const ctx = testContext();
    const odd = node('odd', (n: number) => {
      if (n % 2 === 0) throw new Error('even');
      return n;
    });

    expect(await ctx.callBatch(add, [1, 2], [3, 4])).toEqual([4, 6]);
    const [one, two] = await ctx.callBatch(odd, [1, 2], { onError: 'return' });
    expect(one).toBe(1);
    expect(two).toBeInstanceOf(Error);
    expect(await rejectionOf(ctx.callBatch(add, [1], [2, 3]))).toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('answers questions by their keys, and remembers them', async () => {
    const ask = node('ask', async (_: void, ctx) => [
      await ctx.interrupt('Whose name?', { key: 'name' }),
      await ctx.interrupt('How old?', { key: 'age' }),
    ]);
    const ctx = testContext({ answers: { age: 36, name: 'Ada' } });

    expect(await ask.run(undefined, ctx)).toEqual(['Ada', 36]);
    expect(ctx.questions).toEqual(['Whose name?', 'How old?']);
  });

  test('rejects a question that it has no answer for', async () => {
    await expect(testContext().interrupt('Whose name?', { key: 'name' })).rejects.toThrow('name');
  });

  test('remembers chunks and broadcasts, in order', () => {
    const ctx = testContext();

    ctx.emitChunk(1);
    ctx.broadcast('news');
    ctx.emitChunk(2);

    expect([ctx.chunks, ctx.broadcasts]).toEqual([[1, 2], ['news']]);
  });

  test('has a store of its own, seeded', () => {
    const seed = { user: 'Ada' };
    const ctx = testContext({ context: seed });

    ctx.context.put('k', undefined);
    ctx.context.update({ n: 0 });

    expect(ctx.context.get('user')).toBe('Ada');
    expect(ctx.context.get('k', 'fallback')).toBeUndefined();
    expect(ctx.context.keys()).toEqual(['user', 'k', 'n']);
    expect(thrownBy(() => ctx.context.get('none'))).toMatchObject({ code: 'CONTEXT_KEY' });
    expect(thrownBy(() => ctx.context.delete('none'))).toMatchObject({ code: 'CONTEXT_KEY' });
    expect(ctx.context.get('none', undefined)).toBeUndefined();
    expect(seed).toEqual({ user: 'Ada' });
  });

  test('has ids, an attempt, a signal and a silent log', () => {
    const controller = new AbortController();
    const ctx = testContext({ attempt: 3, signal: controller.signal });

    ctx.log.info({ n: 1 }, 'nothing');

    expect(ctx).toMatchObject({
      attempt: 3,
      workflowId: undefined,
      idempotencyKey: expect.any(String) as string,
    });
    expect(ctx.signal).toBe(controller.signal);
    expect(testContext().signal.aborted).toBe(false);
    expect(new Set([testContext().runId, testContext().runId]).size).toBe(2);
  });

  test('is what the ambient functions mean in bodies that it calls', async () => {
    const ambient = node('ambient', async () => {
      broadcast('news');
      context().put('k', currentRun().attempt);
      return call(add, { a: 1 });
    });
    const ctx = testContext();

    expect(await ctx.call(ambient)).toBe(2);
    expect([ctx.broadcasts, ctx.context.get('k')]).toEqual([['news'], 1]);
  });
});

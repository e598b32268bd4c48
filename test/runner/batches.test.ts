import { createRunner, input, InvalidInputError, node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { deferred, never, rejectionOf } from '../support/deferred.ts';
import { statusesOf } from '../support/forest.ts';

const mul = node({
  name: 'mul',
  inputs: { a: input<number>(), b: input(10) },
  run: ({ a, b }) => a * b,
});
const echo = node('echo', (given: unknown) => given);
const boom = new Error('boom');
const failsOnTwo = node('failsOnTwo', (n: number) => {
  if (n === 2) throw boom;
  return n;
});

describe('callBatch', () => {
  test('zips its lists onto the declared inputs in their order', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(mul, [1, 2, 3], [4, 5, 6]));

    expect((await createRunner().run(root)).answer).toEqual([4, 10, 18]);
  });

  test('leaves the inputs without a list to their defaults', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(mul, [1, 2, 3]));

    expect((await createRunner().run(root)).answer).toEqual([10, 20, 30]);
  });

  test('gives a node of one argument the items of one list', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(echo, ['a', 'b']));

    expect((await createRunner().run(root)).answer).toEqual(['a', 'b']);
  });

  test('gives a node of one argument tuples of several lists', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(echo, ['a', 'b'], [1, 2]));

    expect((await createRunner().run(root)).answer).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });

  test('gives results in the order of the lists, whatever ends first', async () => {
    const gates = [deferred<string>(), deferred<string>()];
    const waits = node('waits', (index: number) => gates[index]?.promise);
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(waits, [0, 1]));
    const running = createRunner().run(root);

    gates[1]?.resolve('second');
    gates[0]?.resolve('first');

    expect((await running).answer).toEqual(['first', 'second']);
  });

  test('of empty lists is an empty list', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(mul, [], []));

    const { answer, info } = await createRunner().run(root);

    expect(answer).toEqual([]);
    expect(info.requests.size).toBe(1);
  });

  test('refuses lists of unequal length and calls nothing', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(mul, [1, 2], [3]));

    const { error, info } = await createRunner().run(root, undefined, { onFailure: 'return' });

    expect(error).toBeInstanceOf(InvalidInputError);
    expect(statusesOf(info)).toEqual(['root failed']);
  });

  test('refuses more lists than there are inputs', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(mul, [1], [2], [3]));

    expect(await rejectionOf(createRunner().run(root))).toBeInstanceOf(InvalidInputError);
  });

  test('refuses a list that is none', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(mul, 'abc' as unknown as number[], [1]));

    expect(await rejectionOf(createRunner().run(root))).toBeInstanceOf(InvalidInputError);
  });

  test('refuses to do without a list', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(mul));

    expect(await rejectionOf(createRunner().run(root))).toBeInstanceOf(InvalidInputError);
  });

  test('rejects with the very error of the first failure', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(failsOnTwo, [1, 2, 3]));

    expect(await rejectionOf(createRunner().run(root))).toBe(boom);
  });

  test('rejects at the first failure without waiting for the rest', async () => {
    const mixed = node('mixed', (n: number): Promise<number> => (n === 1 ? Promise.reject(boom) : never()));
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(mixed, [0, 1]));

    const { error, info } = await createRunner().run(root, undefined, { onFailure: 'return' });

    expect(error).toBe(boom);
    expect(statusesOf(info)).toEqual(['root failed', 'mixed cancelled', 'mixed failed']);
  });

  test('puts errors in place with onError return', async () => {
    const root = node('root', (_: unknown, ctx) =>
      ctx.callBatch(failsOnTwo, [1, 2, 3], { onError: 'return' }),
    );

    const { answer } = await createRunner().run(root);

    expect(answer).toEqual([1, boom, 3]);
    expect(answer[1]).toBe(boom);
  });

  test('puts the error of a refused input in place with onError return', async () => {
    const picky = node({
      name: 'picky',
      inputs: { n: z.number() },
      run: ({ n }) => n,
    });
    const root = node('root', (_: unknown, ctx) =>
      ctx.callBatch(picky, [1, 'two' as unknown as number], { onError: 'return' }),
    );

    const { answer } = await createRunner().run(root);

    expect(answer[0]).toBe(1);
    expect(answer[1]).toBeInstanceOf(InvalidInputError);
  });

  test('gives every call the context of its options', async () => {
    const reads = node('reads', (n: number, ctx) => `${ctx.context.get<string>('user')}${n}`);
    const root = node('root', (_: unknown, ctx) =>
      ctx.callBatch(reads, [1, 2], { context: { user: 'Ada' } }),
    );

    expect((await createRunner().run(root)).answer).toEqual(['Ada1', 'Ada2']);
  });

  test('refuses an unknown option', async () => {
    const root = node('root', (_: unknown, ctx) =>
      ctx.callBatch(echo, [1], { onErorr: 'return' } as unknown as { onError: 'return' }),
    );

    expect(await rejectionOf(createRunner().run(root))).toBeInstanceOf(InvalidInputError);
  });
});

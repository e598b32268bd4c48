import { createRunner, node, type NodeContext } from 'troupe';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { describe, expect, test } from 'vitest';
import { execute, ID, storeAfter } from './call-crash.ts';

/** A body that makes two calls, which of them first is another in each process, and their keys. */
function raceOf() {
  const keys = new Map<string, string[]>();
  const note = (name: string, { idempotencyKey }: NodeContext): void => {
    keys.set(name, [...(keys.get(name) ?? []), idempotencyKey]);
  };
  const left = node('left', async (_: number, ctx) => note('left', ctx));
  const right = node('right', async (_: number, ctx) => note('right', ctx));
  let order = [left, right];
  const race = node('race', async (_: number, ctx) => {
    await Promise.all(order.map((each) => ctx.call(each, 1)));
  });
  const turn = (): void => {
    order = order.toReversed();
  };
  return { race, keys, turn };
}

describe('the idempotency key of a body that began before it was written', () => {
  test('is the same in a process where it comes in another order', async () => {
    const { race, keys, turn } = raceOf();
    const { log } = await execute(race, { input: 1, durability: 'async' });
    turn();

    await execute(race, { store: await storeAfter(log, 'RunStart') });

    const [left, right] = [keys.get('left') ?? [], keys.get('right') ?? []];
    expect([left.length, new Set(left).size]).toEqual([2, 1]);
    expect([right.length, new Set(right).size]).toEqual([2, 1]);
    expect(left[0]).not.toBe(right[0]);
  });
});

describe('the idempotency key of a body', () => {
  test('is another one in a workflow that has the id of one that was deleted', async () => {
    const keys: string[] = [];
    const keyed = node('keyed', async (_: number, { idempotencyKey }) => void keys.push(idempotencyKey));
    const checkpointer = memoryCheckpointer();
    await using runner = createRunner({ checkpointer });

    await runner.run(keyed, 1, { workflowId: ID });
    await checkpointer.delete(ID);
    await runner.run(keyed, 1, { workflowId: ID });

    expect(new Set(keys).size).toBe(2);
  });

  test('is another one for each call of one node, in each attempt of their caller', async () => {
    const keys: string[] = [];
    const keyed = node('keyed', async (_: number, { idempotencyKey }) => void keys.push(idempotencyKey));
    const caller = node(
      'caller',
      async (n: number, ctx) => {
        await ctx.call(keyed, n);
        await ctx.call(keyed, n);
        if (ctx.attempt === 1) throw new Error('again');
      },
      { retry: { maxAttempts: 2, delay: 0 } },
    );

    await execute(caller, { input: 1 });

    expect([keys.length, new Set(keys).size]).toEqual([4, 4]);
  });
});

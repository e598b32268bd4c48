import { node, type NodeContext } from 'troupe';
import { describe, expect, test } from 'vitest';
import { statusesOf } from '../support/forest.ts';
import { execute, Notes, storeAfter } from './call-crash.ts';

const notes = new Notes();
const add = node('add', async (n: number) => {
  notes.add(`add ${n}`);
  return n + 1;
});
const again = { retry: { maxAttempts: 3, delay: 0 } };
/** Calls twice in each attempt, and fails in those before the last. */
const stubborn = node(
  'stubborn',
  async (_: unknown, ctx: NodeContext) => {
    notes.add(`stubborn ${ctx.attempt}`);
    const first = await ctx.call(add, ctx.attempt * 10);
    const second = await ctx.call(add, first);
    if (ctx.attempt < 3) throw new Error(`attempt ${ctx.attempt}`);
    return second;
  },
  again,
);

describe('a caller that is tried again', () => {
  test('goes on in the attempt in which it was', async () => {
    const whole = await execute(stubborn);
    notes.take();

    const { result } = await execute(stubborn, {
      store: await storeAfter(whole.log, 'RequestSuccess add', 3),
    });

    expect(result.answer).toBe(32);
    expect(notes.take()).toEqual(['stubborn 2', 'add 21', 'stubborn 3', 'add 30', 'add 31']);
  });

  test('is not given the calls of an earlier attempt', async () => {
    const whole = await execute(stubborn);
    notes.take();

    const { result } = await execute(stubborn, {
      store: await storeAfter(whole.log, 'NodeRetry stubborn', 2),
    });

    expect(result.answer).toBe(32);
    expect(notes.take()).toEqual(['stubborn 3', 'add 30', 'add 31']);
  });

  test('has as many attempts as without a crash', async () => {
    const whole = await execute(stubborn);

    const { result } = await execute(stubborn, {
      store: await storeAfter(whole.log, 'RequestSuccess add', 5),
    });

    const [root] = result.info.requests;
    expect(root).toMatchObject({ attempts: 3, status: 'succeeded' });
    expect(statusesOf(result.info)).toEqual(statusesOf(whole.result.info));
  });

  test('fails for good after the attempts that were left', async () => {
    const fails = node(
      'fails',
      async (_: unknown, { attempt }: NodeContext) => {
        notes.add(`fails ${attempt}`);
        throw new Error(`attempt ${attempt}`);
      },
      again,
    );
    const whole = await execute(fails);
    notes.take();

    const { result } = await execute(fails, { store: await storeAfter(whole.log, 'NodeStart fails', 2) });

    expect(result.error).toMatchObject({ message: 'attempt 3' });
    expect(notes.take()).toEqual(['fails 2', 'fails 3']);
  });

  test('of the same key in every attempt has that one key after the crash too', async () => {
    const keys: string[] = [];
    const keyed = node(
      'keyed',
      async (_: unknown, { attempt, idempotencyKey }: NodeContext) => {
        keys.push(idempotencyKey);
        if (attempt < 3) throw new Error('again');
      },
      again,
    );
    const whole = await execute(keyed);

    await execute(keyed, { store: await storeAfter(whole.log, 'NodeRetry keyed') });

    expect(new Set(keys).size).toBe(1);
    expect(keys).toHaveLength(5);
  });

  test('may call another thing in each attempt', async () => {
    const double = node('double', async (n: number) => {
      notes.add(`double ${n}`);
      return n * 2;
    });
    const varies = node(
      'varies',
      async (_: unknown, ctx: NodeContext) => {
        if (ctx.attempt > 1) return [await ctx.call(double, 2), await ctx.call(add, 2)];
        await ctx.call(add, 1);
        throw new Error('again');
      },
      again,
    );
    const whole = await execute(varies);
    notes.take();

    const { result } = await execute(varies, { store: await storeAfter(whole.log, 'RequestSuccess double') });

    expect(result.answer).toEqual([4, 3]);
    expect(notes.take()).toEqual(['add 2']);
  });

  test('may ask again in each attempt', async () => {
    const asks = node(
      'asks',
      async (_: unknown, ctx: NodeContext) => {
        const said = await ctx.interrupt<string>(`attempt ${ctx.attempt}?`, { key: 'go' });
        if (ctx.attempt === 1) throw new Error('again');
        return `${said} ${await ctx.call(add, 1)}`;
      },
      again,
    );
    const whole = await execute(asks, { responses: { go: 'no' } });

    const { result } = await execute(asks, {
      store: await storeAfter(whole.log, 'NodeRetry asks'),
      responses: { go: 'yes' },
    });

    expect(whole.result.pauses).toMatchObject([{ value: 'attempt 2?' }]);
    expect(result.answer).toBe('yes 2');
  });

  test('in a nested call goes on in the attempt in which it was, and its caller with it', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      notes.add('root');
      return [await ctx.call(stubborn), await ctx.call(add, 100)];
    });
    const whole = await execute(root);
    notes.take();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'NodeStart add', 4) });

    expect(result.answer).toEqual([32, 101]);
    expect(notes.take()).toEqual([
      'root',
      'stubborn 2',
      'add 21',
      'stubborn 3',
      'add 30',
      'add 31',
      'add 100',
    ]);
  });
});

test('an attempt that was waited for when the process died is made', async () => {
  const waits = node(
    'waits',
    async (_: unknown, { attempt }: NodeContext) => {
      notes.add(`waits ${attempt}`);
      if (attempt === 1) throw new Error('again');
      return attempt;
    },
    { retry: { maxAttempts: 2, delay: 1 } },
  );
  const whole = await execute(waits);
  notes.take();

  const { result } = await execute(waits, { store: await storeAfter(whole.log, 'NodeRetry waits') });

  expect(result.answer).toBe(2);
  expect(notes.take()).toEqual(['waits 2']);
});

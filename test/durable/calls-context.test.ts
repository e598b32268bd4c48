import { node, type NodeContext } from 'troupe';
import { describe, expect, test } from 'vitest';
import { execute, labelsOf, Notes, storeAfter, turns } from './call-crash.ts';

const notes = new Notes();
const writes = node('writes', async ([key, value]: [string, unknown], { context }) => {
  notes.add(`writes ${key}`);
  context.put(key, value);
});
const deletes = node('deletes', async (key: string, { context }) => context.delete(key));
const reads = node('reads', async (key: string, { context }) => {
  notes.add(`reads ${key}`);
  return context.get(key, 'nothing');
});

describe('the context, when a workflow goes on', () => {
  test('holds what a call wrote before the crash', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      await ctx.call(writes, ['user', 'Ada']);
      return ctx.call(reads, 'user');
    });
    const whole = await execute(root);
    notes.take();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess writes') });

    expect(result.answer).toBe('Ada');
    expect(notes.take()).toEqual(['reads user']);
  });

  test('holds what the body that goes on wrote itself, and the log holds that once', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      ctx.context.put('count', (ctx.context.get('count', 0) as number) + 1);
      return ctx.call(reads, 'count');
    });
    const whole = await execute(root);

    const { result, log } = await execute(root, { store: await storeAfter(whole.log, 'NodeStart reads') });

    expect(result.answer).toBe(1);
    expect(labelsOf(log).filter((label) => label === 'ContextWrite root')).toHaveLength(1);
  });

  test('shows a body what there was when it began, and not what was written later', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      const before = ctx.context.get('user', 'nobody');
      await ctx.call(writes, ['user', 'Ada']);
      const after = ctx.context.get('user', 'nobody');
      await ctx.call(reads, 'user');
      return [before, after];
    });
    const whole = await execute(root);

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'NodeStart reads') });

    expect(result.answer).toEqual(['nobody', 'Ada']);
  });

  test('lacks what was deleted', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      await ctx.call(writes, ['user', 'Ada']);
      await ctx.call(deletes, 'user');
      return [await ctx.call(reads, 'user'), ctx.context.keys()];
    });
    const whole = await execute(root);

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess deletes') });

    expect(result.answer).toEqual(['nothing', []]);
  });

  test('has the last of several writes', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      await ctx.call(writes, ['user', 'Ada']);
      ctx.context.put('user', 'Bob');
      await ctx.call(writes, ['other', 1]);
      ctx.context.put('user', 'Cleo');
      await ctx.call(writes, ['user', 'Dan']);
      return ctx.call(reads, 'user');
    });
    const whole = await execute(root);

    for (const label of ['RequestSuccess writes', 'NodeStart reads'])
      expect(await execute(root, { store: await storeAfter(whole.log, label) })).toMatchObject({
        result: { answer: 'Dan' },
      });
  });

  test.each([undefined, 0, null, new Date(5), new Map([[1, new Set(['x'])]]), 10n])(
    'holds %o as it was',
    async (value) => {
      const root = node('root', async (_: unknown, ctx) => {
        await ctx.call(writes, ['value', value]);
        return ctx.call(reads, 'value');
      });
      const whole = await execute(root);

      const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess writes') });

      expect(result.answer).toEqual(value);
    },
  );

  test('has the seeds of the runner again, under what was written', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      await ctx.call(writes, ['user', 'Ada']);
      return [await ctx.call(reads, 'user'), await ctx.call(reads, 'region')];
    });
    const context = { user: 'seed', region: 'north' };
    const whole = await execute(root, { context });

    const store = await storeAfter(whole.log, 'RequestSuccess writes');
    const { result } = await execute(root, { store, context });

    expect(result.answer).toEqual(['Ada', 'north']);
  });

  test('has in an attempt what an earlier attempt wrote', async () => {
    const root = node(
      'root',
      async (_: unknown, ctx: NodeContext) => {
        const before = ctx.context.get('attempts', 0) as number;
        ctx.context.put('attempts', before + 1);
        if (ctx.attempt < 3) throw new Error('again');
        return [before, await ctx.call(reads, 'attempts')];
      },
      { retry: { delay: 0 } },
    );
    const whole = await execute(root);

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'NodeRetry root', 2) });

    expect(whole.result.answer).toEqual([2, 3]);
    expect(result.answer).toEqual([2, 3]);
  });

  test('has what was written below a body that comes late to its calls', async () => {
    const middle = node('middle', async (n: number, ctx) => {
      await ctx.call(writes, ['user', `Ada ${n}`]);
      return ctx.call(reads, 'user');
    });
    const root = node('root', async (_: unknown, ctx) => {
      await turns(5);
      return ctx.call(middle, 1);
    });
    const whole = await execute(root);

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess writes') });

    expect(result.answer).toBe('Ada 1');
  });
});

describe('a scope of its own, when a workflow goes on', () => {
  const middle = node('middle', async (_: unknown, ctx) => {
    await ctx.call(writes, ['user', 'Ada']);
    return ctx.call(reads, 'user');
  });
  const root = node('root', async (_: unknown, ctx) => {
    const inside = await ctx.call(middle, undefined, { context: { user: 'seed', city: 'Paris' } });
    return [inside, await ctx.call(reads, 'user'), await ctx.call(reads, 'city')];
  });

  test('holds what was written in it', async () => {
    const whole = await execute(root);

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess writes') });

    expect(result.answer).toEqual(['Ada', 'nothing', 'nothing']);
  });

  test('lets nothing out once it has ended', async () => {
    const whole = await execute(root);

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess middle') });

    expect(result.answer).toEqual(['Ada', 'nothing', 'nothing']);
  });

  test('that only a call has lets nothing out', async () => {
    const only = node('only', async (_: unknown, ctx) => {
      await ctx.call(writes, ['user', 'Ada'], { context: { user: 'seed' } });
      return ctx.call(reads, 'user');
    });
    const whole = await execute(only);

    const { result } = await execute(only, { store: await storeAfter(whole.log, 'RequestSuccess writes') });

    expect(result.answer).toBe('nothing');
  });
});

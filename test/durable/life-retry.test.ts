import { createRunner, graph, input, node, type NodeContext, type RunResult } from 'troupe';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { describe, expect, test } from 'vitest';
import { never, rejectionOf } from '../support/deferred.ts';
import { statusesOf, stepsOf, unendedOf } from '../support/forest.ts';
import { execute, ID, Notes, storeAfter, storeWith, type StoredLog, turns } from './call-crash.ts';

const notes = new Notes();
let isBroken = true;
const works = node('works', async (n: number) => {
  notes.add(`works ${n}`);
  return n;
});
const breaks = node('breaks', async (n: number) => {
  notes.add(`breaks ${n}`);
  if (isBroken) throw new RangeError(`broken ${n}`);
  return n;
});

const whole = (log: StoredLog) => storeWith(log, log.entries.length);

/** A workflow that fails, and what becomes of it when it is tried again, and nothing is broken any more. */
async function retried(target: Parameters<typeof execute>[0], given?: unknown) {
  isBroken = true;
  const failed = await execute(target, { input: given });
  const before = notes.take();
  isBroken = false;
  const again = await execute(target, { way: 'retry', store: await whole(failed.log) });
  return { failed: failed.result, before, result: again.result, ran: notes.take(), log: again.log };
}

function expectLawful({ info }: RunResult): void {
  expect(unendedOf(info)).toEqual([]);
  expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
}

describe('a retry runs again', () => {
  test('what failed, and nothing else', async () => {
    const root = node('root', async (_: unknown, ctx) => [
      await ctx.call(works, 1),
      await ctx.call(breaks, 2),
      await ctx.call(works, 3),
    ]);

    const { failed, result, ran } = await retried(root);

    expect(failed.status).toBe('failed');
    expect(result).toMatchObject({ status: 'completed', answer: [1, 2, 3] });
    expect(ran).toEqual(['breaks 2', 'works 3']);
    expectLawful(result);
  });

  test('what failed far down, and its callers with it', async () => {
    const middle = node('middle', async (n: number, ctx) => {
      notes.add('middle');
      return [await ctx.call(works, n), await ctx.call(breaks, n)];
    });
    const root = node('root', async (_: unknown, ctx) => [
      await ctx.call(works, 0),
      await ctx.call(middle, 1),
    ]);

    const { result, ran } = await retried(root);

    expect(result.answer).toEqual([0, [1, 1]]);
    expect(ran).toEqual(['middle', 'breaks 1']);
    expectLawful(result);
  });

  test('no failure that a body had handled', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      const handled = await ctx.call(breaks, 1).catch((error: Error) => error.message);
      return [handled, await ctx.call(breaks, 2)];
    });

    const { result, ran } = await retried(root);

    expect(result.answer).toEqual(['broken 1', 2]);
    expect(ran).toEqual(['breaks 2']);
    expectLawful(result);
  });

  test('no failure that a body below had handled', async () => {
    const handles = node('handles', (n: number, ctx) => ctx.call(breaks, n).catch(() => 'handled'));
    const root = node('root', async (_: unknown, ctx) => [
      await ctx.call(handles, 1),
      await ctx.call(breaks, 2),
    ]);

    const { result, ran } = await retried(root);

    expect(result.answer).toEqual(['handled', 2]);
    expect(ran).toEqual(['breaks 2']);
  });

  test('of equal failures only the one that nobody handled', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      await ctx.call(breaks, 1).catch(() => undefined);
      await ctx.call(breaks, 1).catch(() => undefined);
      return ctx.call(breaks, 1);
    });

    const { before, result, ran } = await retried(root);

    expect(before).toEqual(['breaks 1', 'breaks 1', 'breaks 1']);
    expect(result.answer).toBe(1);
    expect(ran).toEqual(['breaks 1']);
  });

  test('a failure that was caught and thrown on', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      try {
        return await ctx.call(breaks, 1);
      } catch (error) {
        await ctx.call(works, 9);
        throw error;
      }
    });

    const { result, ran } = await retried(root);

    expect(result).toMatchObject({ status: 'completed', answer: 1 });
    expect(ran).toContain('breaks 1');
  });

  test('a failure that was the cause of the error that was thrown', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      try {
        return await ctx.call(breaks, 1);
      } catch (cause) {
        throw new Error('root failed', { cause });
      }
    });

    const { failed, result, ran } = await retried(root);

    expect(failed.error).toMatchObject({ message: 'root failed' });
    expect(result.answer).toBe(1);
    expect(ran).toEqual(['breaks 1']);
  });

  test('a failure that its body turned into another error', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      try {
        return await ctx.call(breaks, 1);
      } catch {
        throw new Error('root failed');
      }
    });

    const { failed, result, ran } = await retried(root);

    expect(failed.error).toMatchObject({ message: 'root failed' });
    expect(result.answer).toBe(1);
    expect(ran).toEqual(['breaks 1']);
  });

  test('a failure that was one of the errors of an AggregateError', async () => {
    const root = node('root', (_: unknown, ctx) => Promise.any([ctx.call(breaks, 1), ctx.call(breaks, 2)]));

    const { result, ran } = await retried(root);

    expect(result.status).toBe('completed');
    expect(ran.toSorted()).toEqual(['breaks 1', 'breaks 2']);
  });

  test('what was cancelled along with the failure', async () => {
    const slow = node('slow', async (n: number) => {
      notes.add(`slow ${n}`);
      if (isBroken) await never();
      return n;
    });
    const root = node('root', (_: unknown, ctx) =>
      Promise.all([ctx.call(works, 1), ctx.call(slow, 2), ctx.call(breaks, 3)]),
    );

    const { failed, result, ran } = await retried(root);

    expect(statusesOf(failed.info)).toContain('slow cancelled');
    expect(result.answer).toEqual([1, 2, 3]);
    expect(ran.toSorted()).toEqual(['breaks 3', 'slow 2']);
    expectLawful(result);
  });

  test('what was cancelled along, with all that was below it, but for what had ended', async () => {
    const slow = node('slow', async (_: unknown, ctx) => {
      notes.add('slow');
      const first = await ctx.call(works, 5);
      if (isBroken) await never();
      return [first, await ctx.call(works, 6)];
    });
    const late = node('late', async (n: number, ctx: NodeContext) => {
      await turns(10);
      return ctx.call(breaks, n);
    });
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(slow), ctx.call(late, 3)]));

    const { before, result, ran } = await retried(root);

    expect(before).toContain('works 5');
    expect(result.answer).toEqual([[5, 6], 3]);
    expect(ran.toSorted()).toEqual(['breaks 3', 'slow', 'works 6']);
    expectLawful(result);
  });

  test('no call that a body had cancelled itself', async () => {
    const hangs = node('hangs', async () => {
      notes.add('hangs');
      return isBroken ? never() : 'worked';
    });
    const root = node('root', async (_: unknown, ctx) => {
      const stop = new AbortController();
      const called = ctx.call(hangs, undefined, { signal: stop.signal }).catch(() => 'cancelled');
      await ctx.call(works, 1);
      stop.abort('enough');
      return [await called, await ctx.call(breaks, 2)];
    });

    const { result, ran } = await retried(root);

    expect(result.answer).toEqual(['cancelled', 2]);
    expect(ran).toEqual(['breaks 2']);
  });

  test('all attempts of what failed', async () => {
    const stubborn = node(
      'stubborn',
      async (_: unknown, { attempt }: NodeContext) => {
        notes.add(`attempt ${attempt}`);
        if (isBroken || attempt < 2) throw new Error(`attempt ${attempt}`);
        return attempt;
      },
      { retry: { maxAttempts: 2, delay: 0 } },
    );

    const { before, result, ran } = await retried(stubborn);

    expect(before).toEqual(['attempt 1', 'attempt 2']);
    expect(result.answer).toBe(2);
    expect(ran).toEqual(['attempt 1', 'attempt 2']);
  });

  test('what failed under the key that it had', async () => {
    const keys: string[] = [];
    const keyed = node('keyed', async (_: unknown, { idempotencyKey }) => {
      keys.push(idempotencyKey);
      if (isBroken) throw new Error('broken');
    });
    const root = node('root', (_: unknown, ctx) => ctx.call(keyed));

    await retried(root);

    expect(keys).toHaveLength(2);
    expect(keys[1]).toBe(keys[0]);
  });
});

describe('a retry of a graph', () => {
  const start = node({
    name: 'start',
    inputs: { n: input<number>() },
    output: 'a',
    run: ({ n }) => {
      notes.add('start');
      return n;
    },
  });
  const left = node({
    name: 'left',
    inputs: { a: input<number>() },
    output: 'l',
    run: ({ a }) => {
      notes.add('left');
      if (isBroken) throw new RangeError('left');
      return a + 1;
    },
  });
  const right = node({
    name: 'right',
    inputs: { a: input<number>() },
    output: 'r',
    run: ({ a }) => {
      notes.add('right');
      return a + 2;
    },
  });
  const join = node({
    name: 'join',
    inputs: { l: input<number>(), r: input<number>() },
    output: 'sum',
    run: ({ l, r }) => {
      notes.add('join');
      return l + r;
    },
  });
  const diamond = graph({ name: 'diamond', nodes: [start, left, right, join] });

  test('runs what failed, and what came behind it', async () => {
    const { result, ran } = await retried(diamond, { n: 1 });

    expect(result.outputs).toEqual({ sum: 5 });
    expect(ran).not.toContain('start');
    expect(ran).toContain('left');
    expect(ran).toContain('join');
    expectLawful(result);
  });

  test("under 'continue' runs only what failed and what that had blocked", async () => {
    isBroken = true;
    const failed = await execute(diamond, { input: { n: 1 }, onError: 'continue' });
    notes.take();
    isBroken = false;

    const again = await execute(diamond, {
      way: 'retry',
      onError: 'continue',
      store: await whole(failed.log),
    });

    expect(failed.result.nodes).toMatchObject({ left: 'failed', right: 'completed', join: 'blocked' });
    expect(again.result).toMatchObject({ status: 'completed', outputs: { sum: 5 } });
    expect(again.result.nodes).toEqual({
      start: 'completed',
      left: 'completed',
      right: 'completed',
      join: 'completed',
    });
    expect(notes.take()).toEqual(['left', 'join']);
  });

  test('in another graph runs what failed inside', async () => {
    const outer = graph({ name: 'outer', nodes: [diamond.asNode({ namespace: true })] });

    const { result, ran } = await retried(outer, { 'diamond.n': 1 });

    expect(result.outputs).toEqual({ 'diamond.sum': 5 });
    expect(ran).not.toContain('start');
    expect(ran).toContain('left');
  });
});

describe('a retry', () => {
  test('fails again as long as it is broken', async () => {
    isBroken = true;
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    await rejectionOf(runner.run(breaks, 1, { workflowId: ID }));

    const errors = [await rejectionOf(runner.retry(breaks, ID)), await rejectionOf(runner.retry(breaks, ID))];
    isBroken = false;
    const { answer, info } = await runner.retry(breaks, ID);

    expect(errors).toMatchObject([{ message: 'broken 1' }, { message: 'broken 1' }]);
    expect(answer).toBe(1);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('of a failure that was recorded before the run could say so keeps it', async () => {
    isBroken = true;
    const root = node('root', async (_: unknown, ctx) => [
      await ctx.call(breaks, 1).catch(() => 'handled'),
      await ctx.call(works, 2),
    ]);
    const { log } = await execute(root);
    isBroken = false;
    notes.take();

    const { result } = await execute(root, { way: 'retry', store: await storeAfter(log, 'NodeStart works') });

    expect(result.answer).toEqual(['handled', 2]);
    expect(notes.take()).toEqual(['works 2']);
  });

  test('is on record with its reason', async () => {
    const { log } = await retried(breaks, 1);

    expect(log.history.filter(({ type }) => type === 'RunContinue')).toMatchObject([{ reason: 'retry' }]);
  });

  test('survives a crash at every point of it', async () => {
    const root = node('root', async (_: unknown, ctx) => [
      await ctx.call(works, 1),
      await ctx.call(breaks, 2).catch((error: Error) => error.message),
      await ctx.call(breaks, 3),
      await ctx.call(works, 4),
    ]);
    const { result, log } = await retried(root);
    const from = log.history.findIndex(({ type }) => type === 'RunContinue');

    for (let at = from; at < log.entries.length - 1; at += 1) {
      const again = await execute(root, { way: 'retry', store: await storeWith(log, at) });
      expect([at, again.result.answer]).toEqual([at, result.answer]);
      expectLawful(again.result);
    }
  });
});

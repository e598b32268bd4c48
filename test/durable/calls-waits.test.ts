import { node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { deferred } from '../support/deferred.ts';
import { execute, labelsOf, Notes, storeAfter, turns } from './call-crash.ts';

const notes = new Notes();
const add = node('add', async (n: number) => {
  notes.add(`add ${n}`);
  return n + 1;
});
const double = node('double', async (n: number) => {
  notes.add(`double ${n}`);
  return n * 2;
});

describe('a body that awaits other things than its calls', () => {
  test('before its first call gets what is on record of it', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      await turns(5);
      return ctx.call(double, await ctx.call(add, 1));
    });
    const whole = await execute(root);
    notes.take();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'NodeStart double') });

    expect(result.answer).toBe(4);
    expect(notes.take()).toEqual(['double 2']);
  });

  test('between its calls gets what is on record of them', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      const first = await ctx.call(add, 1);
      await turns(5);
      const second = await ctx.call(add, first);
      await turns(5);
      return ctx.call(double, second);
    });
    const whole = await execute(root);
    notes.take();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'NodeStart double') });

    expect(result.answer).toBe(6);
    expect(notes.take()).toEqual(['double 3']);
  });

  test('that comes much later than all else that goes on is waited for', async () => {
    let gate = deferred<string>();
    const waits = node('waits', async (_: unknown, ctx) => {
      const said = await gate.promise;
      return [said, await ctx.call(add, 1)];
    });
    const root = node('root', async (_: unknown, ctx) => {
      const waiting = ctx.call(waits);
      await ctx.call(double, 5);
      gate.resolve('now');
      return waiting;
    });
    const whole = await execute(root);
    notes.take();
    gate = deferred();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'NodeStart add') });

    expect(result.answer).toEqual(['now', 2]);
    expect(notes.take()).toEqual(['add 1']);
  });

  test('gets the same winner of a race, however late it comes', async () => {
    const loser = node('loser', async () => turns(8));
    const winner = node('winner', async () => 'winner');
    const root = node('root', async (_: unknown, ctx) => {
      await turns(5);
      const calls = [ctx.call(loser), ctx.call(winner)] as const;
      const first = await Promise.race(calls);
      await Promise.all(calls);
      return ctx.call(add, 1).then(() => first);
    });
    const whole = await execute(root);

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'NodeStart add') });

    expect(whole.result.answer).toBe('winner');
    expect(result.answer).toBe('winner');
  });

  test('of its own making, as a promise of several strands, goes on in each of them', async () => {
    const root = node('root', (_: unknown, ctx) =>
      Promise.all(
        [1, 4, 2].map(async (n) => {
          await turns(n);
          const more = await ctx.call(add, n, { key: `add ${n}` });
          await turns(n);
          return ctx.call(double, more, { key: `double ${n}` });
        }),
      ),
    );
    const whole = await execute(root);
    const { length } = labelsOf(whole.log).filter((label) => label === 'RequestSuccess double');

    for (let done = 1; done <= length; done += 1) {
      const store = await storeAfter(whole.log, 'RequestSuccess double', done);
      expect((await execute(root, { store })).result.answer).toEqual([4, 10, 6]);
    }
  });
});

describe('calls whose order is not always the same', () => {
  /** Calls in the order of `paces`, each by what it is for. */
  const strands = (paces: readonly number[], withKeys: boolean) =>
    node('root', async (_: unknown, ctx) => {
      const called = await Promise.all(
        paces.map(async (pace, strand) => {
          await turns(pace);
          return ctx.call(add, strand, withKeys ? { key: `strand ${strand}` } : {});
        }),
      );
      return [called, await ctx.call(double, 50)];
    });

  test('are found again by their keys', async () => {
    const whole = await execute(strands([0, 6, 12], true));
    notes.take();

    const { result } = await execute(strands([12, 6, 0], true), {
      store: await storeAfter(whole.log, 'NodeStart double'),
    });

    expect(result.answer).toEqual([[1, 2, 3], 100]);
    expect(notes.take()).toEqual(['double 50']);
  });

  test('are found again by their keys where only some had been made', async () => {
    const whole = await execute(strands([0, 6, 12], true));
    notes.take();

    const { result } = await execute(strands([12, 6, 0], true), {
      store: await storeAfter(whole.log, 'RequestSuccess add'),
    });

    expect(result.answer).toEqual([[1, 2, 3], 100]);
    expect(notes.take().toSorted()).toEqual(['add 1', 'add 2', 'double 50']);
  });

  test('may have the same key more than once, by turns', async () => {
    const root = node('root', async (_: unknown, ctx) => [
      await ctx.call(add, 1, { key: 'same' }),
      await ctx.call(add, 2, { key: 'same' }),
      await ctx.call(double, 3),
    ]);
    const whole = await execute(root);
    notes.take();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess add') });

    expect(result.answer).toEqual([2, 3, 6]);
    expect(notes.take()).toEqual(['add 2', 'double 3']);
  });

  test('without keys are refused when they get the place of another', async () => {
    const whole = await execute(strands([0, 6, 12], false));
    notes.take();

    const { result, log } = await execute(strands([12, 6, 0], false), {
      store: await storeAfter(whole.log, 'NodeStart double'),
    });

    expect(result.error).toMatchObject({
      code: 'GRAPH_CHANGED',
      hint: expect.stringContaining('key') as string,
    });
    expect(notes.take()).toEqual([]);
    expect(log.entries).toEqual(whole.log.entries.slice(0, log.entries.length));
  });

  test('a key does not count among the calls without one', async () => {
    const root = node('root', async (_: unknown, ctx) => [
      await ctx.call(add, 1, { key: 'first' }),
      await ctx.call(add, 2),
      await ctx.call(add, 3, { key: 'other' }),
      await ctx.call(add, 4),
    ]);
    const whole = await execute(root);
    notes.take();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess add', 3) });

    expect(result.answer).toEqual([2, 3, 4, 5]);
    expect(notes.take()).toEqual(['add 4']);
  });

  test('a batch shares its key among its calls, in their order', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      const list = await ctx.callBatch(add, [1, 2, 3], { key: 'batch' });
      return [...list, await ctx.call(double, 3)];
    });
    const whole = await execute(root);
    notes.take();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess add', 2) });

    expect(result.answer).toEqual([2, 3, 4, 6]);
    expect(notes.take()).toEqual(['add 3', 'double 3']);
  });
});

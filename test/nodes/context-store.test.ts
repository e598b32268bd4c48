import { ContextKeyError, createRunner, node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { deferred, rejectionOf } from '../support/deferred.ts';

const now = (): number => 5;

describe('ctx.context', () => {
  test('get of a missing key is a ContextKeyError', async () => {
    const reads = node('reads', (_: unknown, ctx) => ctx.context.get('nothing'));

    const error = await rejectionOf(createRunner().run(reads));

    expect(error).toBeInstanceOf(ContextKeyError);
    expect(error).toMatchObject({ code: 'CONTEXT_KEY', hint: expect.stringMatching(/./) as string });
  });

  test.each([undefined, null, 0, '', 'other'])(
    'get of a missing key gives the fallback %j',
    async (fallback) => {
      const reads = node('reads', (_: unknown, ctx) => ({
        got: ctx.context.get<unknown>('nothing', fallback),
      }));

      expect((await createRunner().run(reads)).answer).toEqual({ got: fallback });
    },
  );

  test.each([undefined, null, 0, '', false])('get gives a stored %j, not the fallback', async (stored) => {
    const reads = node('reads', (_: unknown, ctx) => {
      ctx.context.put('key', stored);
      return [ctx.context.get('key'), ctx.context.get<unknown>('key', 'fallback')];
    });

    expect((await createRunner().run(reads)).answer).toEqual([stored, stored]);
  });

  test.each([undefined, null, 0])('a seeded %j is there', async (seeded) => {
    const reads = node('reads', (_: unknown, ctx) => [ctx.context.has('key'), ctx.context.get('key')]);

    expect((await createRunner({ context: { key: seeded } }).run(reads)).answer).toEqual([true, seeded]);
  });

  test.each(['toString', '__proto__', 'constructor'])('get of "%s" finds nothing inherited', async (key) => {
    const reads = node('reads', (_: unknown, ctx) => ctx.context.get<unknown>(key, 'fallback'));

    expect((await createRunner().run(reads)).answer).toBe('fallback');
  });

  test('the last write wins', async () => {
    const writes = node('writes', (_: unknown, ctx) => {
      ctx.context.put('key', 1);
      ctx.context.put('key', 2);
      return ctx.context.get('key');
    });

    expect((await createRunner().run(writes)).answer).toBe(2);
  });

  test('update writes several keys and leaves the others', async () => {
    const writes = node('writes', (_: unknown, ctx) => {
      ctx.context.update({ a: 2, b: 2 });
      return ['a', 'b', 'c'].map((key) => ctx.context.get(key));
    });

    expect((await createRunner({ context: { a: 1, c: 1 } }).run(writes)).answer).toEqual([2, 2, 1]);
  });

  test('delete takes a key away', async () => {
    const deletes = node('deletes', (_: unknown, ctx) => {
      ctx.context.delete('key');
      return [ctx.context.has('key'), ctx.context.keys()];
    });

    expect((await createRunner({ context: { key: 1 } }).run(deletes)).answer).toEqual([false, []]);
  });

  test('delete of a missing key is a ContextKeyError', async () => {
    const deletes = node('deletes', (_: unknown, ctx) => ctx.context.delete('nothing'));

    expect(await rejectionOf(createRunner().run(deletes))).toBeInstanceOf(ContextKeyError);
  });

  test('a key that was deleted can be put again', async () => {
    const deletes = node('deletes', (_: unknown, ctx) => {
      ctx.context.delete('key');
      ctx.context.put('key', 2);
      return ctx.context.get('key');
    });

    expect((await createRunner({ context: { key: 1 } }).run(deletes)).answer).toBe(2);
  });

  test('keys lists what is there', async () => {
    const lists = node('lists', (_: unknown, ctx) => {
      ctx.context.put('c', 3);
      ctx.context.delete('a');
      return ctx.context.keys();
    });

    const { answer } = await createRunner({ context: { a: 1, b: 2 } }).run(lists);

    expect(answer.toSorted()).toEqual(['b', 'c']);
  });

  test('is shared by all nodes of a run', async () => {
    const writes = node('writes', (_: unknown, ctx) => ctx.context.put('key', 'written'));
    const reads = node('reads', (_: unknown, ctx) => ctx.context.get('key'));
    const root = node('root', async (_: unknown, ctx) => {
      await ctx.call(writes);
      return ctx.call(reads);
    });

    expect((await createRunner().run(root)).answer).toBe('written');
  });

  test('is never shared by two runs, one after the other', async () => {
    const counts = node('counts', (_: unknown, ctx) => {
      ctx.context.put('count', ctx.context.get('count', 0) + 1);
      return ctx.context.get('count');
    });
    const runner = createRunner({ context: { count: 0 } });
    await runner.run(counts);

    expect((await runner.run(counts)).answer).toBe(1);
  });

  test('is never shared by two runs at the same time', async () => {
    const gate = deferred();
    const writes = node('writes', async (value: string, ctx) => {
      ctx.context.put('value', value);
      await gate.promise;
      return ctx.context.get('value');
    });
    const runner = createRunner();
    const running = [runner.run(writes, 'one'), runner.run(writes, 'two')];

    gate.resolve();

    expect((await Promise.all(running)).map((result) => result.answer)).toEqual(['one', 'two']);
  });

  test('a seed that is plain data is cloned', async () => {
    const seed = { list: [1], map: new Map([['a', [1]]]) };
    const mutates = node('mutates', (_: unknown, ctx) => {
      ctx.context.get<number[]>('list').push(2);
      ctx.context.get<Map<string, number[]>>('map').get('a')?.push(2);
    });

    await createRunner({ context: seed }).run(mutates, undefined, { context: { more: 1 } });

    expect(seed).toEqual({ list: [1], map: new Map([['a', [1]]]) });
  });

  test('a seed of the run is cloned as well', async () => {
    const seed = { list: [1] };
    const mutates = node('mutates', (_: unknown, ctx) => ctx.context.get<number[]>('list').push(2));

    await createRunner().run(mutates, undefined, { context: seed });

    expect(seed).toEqual({ list: [1] });
  });

  test('a class instance and a function go by reference, also inside plain data', async () => {
    class Client {
      calls = 0;
    }
    const client = new Client();
    const uses = node('uses', (_: unknown, ctx) => {
      const { api } = ctx.context.get<{ api: Client }>('services');
      api.calls += 1;
      return [ctx.context.get('client') === client, api === client, ctx.context.get('now') === now];
    });

    const { answer } = await createRunner({ context: { client, now, services: { api: client } } }).run(uses);

    expect(answer).toEqual([true, true, true]);
    expect(client.calls).toBe(1);
  });

  test('a value that was put comes back as the same object', async () => {
    const made = { deep: [1] };
    const writes = node('writes', (_: unknown, ctx) => {
      ctx.context.put('made', made);
      return ctx.context.get('made') === made;
    });

    expect((await createRunner().run(writes)).answer).toBe(true);
  });

  test('its functions may be taken out of it', async () => {
    const writes = node('writes', (_: unknown, { context: { put, get, keys, has, update } }) => {
      put('a', 1);
      update({ b: 2 });
      return [get('a'), keys(), has('b')];
    });

    expect((await createRunner().run(writes)).answer).toEqual([1, ['a', 'b'], true]);
  });

  test('outlives an interrupt', async () => {
    const asks = node('asks', async (_: unknown, ctx) => {
      ctx.context.put('before', 1);
      await ctx.interrupt('Go?', { key: 'go' });
      return ctx.context.get('before');
    });
    const runner = createRunner();
    const { runId } = await runner.run(asks);

    expect((await runner.respond(runId, 'go', true)).answer).toBe(1);
  });
});

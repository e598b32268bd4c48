import { createRunner, graph, input, node, type Node, type Target } from 'troupe';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { execute, ID, labelsOf, logIn, Notes, storeAfter } from './call-crash.ts';

const notes = new Notes();
const add = node('add', async (n: number) => {
  notes.add(`add ${n}`);
  return n + 1;
});
const double = node('double', async (n: number) => {
  notes.add(`double ${n}`);
  return n * 2;
});
const end = node('end', async () => notes.add('end'));

const CHANGED = { code: 'GRAPH_CHANGED', hint: expect.stringMatching(/./) as string };

/** The code that a workflow began with: add, then double; and end. */
const old = node('root', async (n: number, ctx) => {
  const first = await ctx.call(add, n);
  const second = await ctx.call(double, first);
  await ctx.call(end);
  return second;
});

/** The store of a workflow that crashed after an entry, and what it holds. */
async function crashedAfter(label: string, target: Target = old) {
  const whole = await execute(target, { input: 1 });
  notes.take();
  const store = await storeAfter(whole.log, label);
  return { store, before: await logIn(store) };
}

/** What new code gives for a workflow that crashed when `double` had ended. */
async function goOnWith(changed: Target) {
  const { store, before } = await crashedAfter('RequestSuccess double');
  const { result, log } = await execute(changed, { store });
  return { result, log, before, store, ran: notes.take() };
}

describe('code that calls another node at the place', () => {
  const changed = node('root', async (n: number, ctx) => {
    const first = await ctx.call(double, n);
    return ctx.call(add, first);
  });

  test('is refused with an error that names both and what called them', async () => {
    const { store } = await crashedAfter('RequestSuccess add');

    const { result } = await execute(changed, { store });

    expect(result.error).toMatchObject(CHANGED);
    expect((result.error as Error).message).toMatch(/"root".*"add".*"double"/su);
  });

  test('writes nothing, and runs nothing of what it would call', async () => {
    const { log, before, ran } = await goOnWith(changed);

    expect(log.entries).toEqual(before.entries);
    expect(ran).toEqual([]);
  });

  test('leaves the workflow to the code that it began with', async () => {
    const { store } = await goOnWith(changed);

    const { result } = await execute(old, { store });

    expect(result).toMatchObject({ status: 'completed', answer: 4 });
    expect(notes.take()).toEqual(['end']);
  });

  test('leaves the workflow free, in the same runner too', async () => {
    const { store } = await crashedAfter('RequestSuccess double');
    await using runner = createRunner({ checkpointer: store });
    await rejectionOf(runner.resume(changed, ID));

    const status = (await store.get(ID))?.status;
    const { answer } = await runner.resume(old, ID);

    expect(status).toBe('abandoned');
    expect(answer).toBe(4);
  });

  test('publishes a RunEnd that says failed', async () => {
    const { store } = await crashedAfter('RequestSuccess double');

    const { events } = await execute(changed, { store });

    expect(events.at(-1)).toMatchObject({ type: 'RunEnd', status: 'failed', error: CHANGED });
  });

  test('is refused although it would catch that', async () => {
    const { result, log, before } = await goOnWith(
      node('root', async (n: number, ctx) => {
        try {
          return await ctx.call(double, n);
        } catch {
          return 'handled';
        }
      }),
    );

    expect(result).toMatchObject({ status: 'failed', error: CHANGED });
    expect(log.entries).toEqual(before.entries);
  });
});

describe('code that calls the same node with another input', () => {
  const changed = node('root', async (n: number, ctx) => {
    await ctx.call(add, n + 1);
    return ctx.call(double, 1);
  });

  test('is refused with an error that names it', async () => {
    const { result } = await goOnWith(changed);

    expect(result.error).toMatchObject(CHANGED);
    expect((result.error as Error).message).toContain('"add"');
  });

  test('writes nothing, so that the old code can go on', async () => {
    const { log, before, store, ran } = await goOnWith(changed);

    const { result } = await execute(old, { store });

    expect(log.entries).toEqual(before.entries);
    expect(ran).toEqual([]);
    expect(result.answer).toBe(4);
  });

  test('is refused where the call was in flight as well', async () => {
    const { store, before } = await crashedAfter('NodeStart add');

    const { result, log } = await execute(changed, { store });

    expect(result.error).toMatchObject(CHANGED);
    expect(log.entries).toEqual(before.entries);
    expect(notes.take()).toEqual([]);
  });
});

describe('code that calls more', () => {
  test('before what was recorded is refused', async () => {
    const { result, log, before, ran } = await goOnWith(
      node('root', async (n: number, ctx) => {
        await ctx.call(end);
        return ctx.call(double, await ctx.call(add, n));
      }),
    );

    expect(result.error).toMatchObject(CHANGED);
    expect(log.entries).toEqual(before.entries);
    expect(ran).toEqual([]);
  });

  test('between what was recorded is refused', async () => {
    const { result, log, before, ran } = await goOnWith(
      node('root', async (n: number, ctx) => {
        const first = await ctx.call(add, n);
        await ctx.call(end);
        return ctx.call(double, first);
      }),
    );

    expect(result.error).toMatchObject(CHANGED);
    expect(log.entries).toEqual(before.entries);
    expect(ran).toEqual([]);
  });

  test('behind what was recorded goes on', async () => {
    const { result, ran } = await goOnWith(
      node('root', async (n: number, ctx) => {
        const second = await ctx.call(double, await ctx.call(add, n));
        await ctx.call(end);
        return ctx.call(add, second);
      }),
    );

    expect(result).toMatchObject({ status: 'completed', answer: 5 });
    expect(ran).toEqual(['end', 'add 4']);
  });
});

describe('code that calls less', () => {
  test('behind what was recorded goes on', async () => {
    const { result, ran } = await goOnWith(
      node('root', async (n: number, ctx) => ctx.call(double, await ctx.call(add, n))),
    );

    expect(result).toMatchObject({ status: 'completed', answer: 4 });
    expect(ran).toEqual([]);
  });

  test('and leaves out what was recorded is refused where it goes on to another call', async () => {
    const { result, log, before, ran } = await goOnWith(
      node('root', async (n: number, ctx) => {
        const first = await ctx.call(add, n);
        await ctx.call(end);
        return first;
      }),
    );

    expect(result.error).toMatchObject(CHANGED);
    expect(log.entries).toEqual(before.entries);
    expect(ran).toEqual([]);
  });

  test('ends what it left in flight with the run', async () => {
    const { store } = await crashedAfter('NodeStart double');

    const { result } = await execute(
      node('root', (n: number, ctx) => ctx.call(add, n)),
      { store },
    );

    expect(result).toMatchObject({ status: 'completed', answer: 2 });
    expect(Array.from(result.info.requests, ({ nodeName, status }) => `${nodeName} ${status}`)).toEqual([
      'root succeeded',
      'add succeeded',
      'double cancelled',
    ]);
  });
});

describe('code that is changed in other ways', () => {
  test('another kind of node of the same name is refused', async () => {
    const inner = node({ name: 'half', inputs: { n: input<number>() }, output: 'h', run: ({ n }) => n / 2 });
    const asGraph = graph({ name: 'add', nodes: [inner] });
    const { result } = await goOnWith(
      node('root', async (n: number, ctx) => (await ctx.call(asGraph, { n })).h),
    );

    expect(result.error).toMatchObject(CHANGED);
  });

  test('another key is another call, which is made as any new one', async () => {
    const keyed = (key: string) =>
      node('root', async (n: number, ctx) => {
        const first = await ctx.call(add, n, { key });
        await ctx.call(end);
        return first;
      });
    const { store } = await crashedAfter('RequestSuccess add', keyed('one'));

    const { result } = await execute(keyed('other'), { store });

    expect(result).toMatchObject({ status: 'completed', answer: 2 });
    expect(notes.take()).toEqual(['add 1', 'end']);
  });

  test('another node under the same key is refused', async () => {
    const keyed = (callee: Node<number, number>) =>
      node('root', async (n: number, ctx) => {
        const first = await ctx.call(callee, n, { key: 'one' });
        await ctx.call(end);
        return first;
      });
    const { store } = await crashedAfter('RequestSuccess add', keyed(add));

    const { result } = await execute(keyed(double), { store });

    expect(result.error).toMatchObject(CHANGED);
    expect((result.error as Error).message).toMatch(/"add".*"double"/su);
  });

  test('a body that does not call but computes may be changed', async () => {
    const { store } = await crashedAfter('RequestSuccess add');
    const tenfold = node('double', async (n: number) => n * 10);

    const { result } = await execute(
      node('root', async (n: number, ctx) => ctx.call(tenfold, await ctx.call(add, n))),
      { store },
    );

    expect(result.answer).toBe(20);
  });

  test('that it was changed is on record', async () => {
    const { store } = await crashedAfter('RequestSuccess add');
    const same = await execute(old, { store: await storeAfter(await logIn(store), 'RequestSuccess add') });

    const other = await execute(
      node('root', async (n: number, ctx) => ctx.call(double, await ctx.call(add, n))),
      { store },
    );

    const definitionIn = ({ log }: typeof same): unknown[] =>
      log.history.flatMap((message) =>
        message.type === 'RunStart'
          ? message.durable?.definition
          : message.type === 'RunContinue'
            ? message.definition
            : [],
      );
    const [[began, unchanged], [beganToo, changed]] = [definitionIn(same), definitionIn(other)];
    expect(unchanged).toBe(began);
    expect(beganToo).toBe(began);
    expect(changed).not.toBe(began);
    expect(labelsOf(other.log)).toContain('RunContinue');
  });

  test('a nested body that calls another node is refused, naming that body', async () => {
    const nested = (callee: Node<number, number>) =>
      node('middle', async (n: number, ctx) => {
        const first = await ctx.call(callee, n);
        await ctx.call(end);
        return first;
      });
    const outer = (callee: Node<number, number>) =>
      node('root', (n: number, ctx) => ctx.call(nested(callee), n));
    const { store, before } = await crashedAfter('RequestSuccess add', outer(add));

    const { result, log } = await execute(outer(double), { store });

    expect(result.error).toMatchObject(CHANGED);
    expect((result.error as Error).message).toMatch(/"middle".*"add".*"double"/su);
    expect(log.entries).toEqual(before.entries);
  });

  test('another target is refused, naming both', async () => {
    const { store, before } = await crashedAfter('RequestSuccess add');

    const error = await rejectionOf(
      execute(
        node('other', (n: number, ctx) => ctx.call(add, n)),
        { store },
      ),
    );

    expect(error).toMatchObject(CHANGED);
    expect((error as Error).message).toMatch(/"root".*"other"/su);
    expect((await logIn(store)).entries).toEqual(before.entries);
    expect((await store.get(ID))?.status).toBe('abandoned');
  });
});

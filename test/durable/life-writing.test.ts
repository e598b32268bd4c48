import { createRunner, graph, input, node, type Runner, type TroupeEvent } from 'troupe';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { describe, expect, test } from 'vitest';
import { deferred, never, rejectionOf, thrownBy } from '../support/deferred.ts';
import { InterferedStore } from './call-checkpointer.ts';
import { ID, labelsOf, logIn, Notes, settled, turns } from './call-crash.ts';

const notes = new Notes();
const add = node({
  name: 'add',
  inputs: { n: input<number>() },
  output: 'more',
  run: ({ n }) => {
    notes.add('add');
    return n + 1;
  },
});
const double = node({
  name: 'double',
  inputs: { more: input<number>() },
  output: 'twice',
  run: ({ more }) => {
    notes.add('double');
    return more * 2;
  },
});
const sums = graph({ name: 'sums', nodes: [add, double] });
const chain = node('chain', async (n: number, ctx) => {
  notes.add('chain');
  const { more, twice } = { more: 0, ...(await ctx.call(sums, { n })) };
  return more + twice;
});

describe("what is written under 'sync'", () => {
  test('is on record before the body runs that it is about', async () => {
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    const seen: string[][] = [];
    const looks = node('looks', async () => seen.push(labelsOf(await logIn(store))));

    await runner.run(looks, undefined, { workflowId: ID });

    expect(seen).toEqual([['RunStart', 'RequestCreation looks', 'NodeStart looks']]);
  });

  test('is on record before its caller sees a result', async () => {
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    const seen: string[][] = [];
    const root = node('root', async (_: unknown, ctx) => {
      await ctx.call(add, { n: 1 });
      seen.push(labelsOf(await logIn(store)));
    });

    await runner.run(root, undefined, { workflowId: ID });

    expect(seen[0]).toContain('RequestSuccess add');
  });

  test('is on record before its events are published', async () => {
    const store = memoryCheckpointer();
    const early: string[] = [];
    const subscriber = async (event: TroupeEvent): Promise<void> => {
      const type = event.type === 'NodeEnd' ? 'RequestSuccess' : event.type;
      const { history } = await logIn(store);
      if (!history.some((message) => message.type === type)) early.push(type);
    };
    await using runner = createRunner({ checkpointer: store, subscriber });

    await runner.run(chain, 1, { workflowId: ID });
    await runner.close();

    expect(early).toEqual([]);
  });

  test('is on record before the run resolves', async () => {
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });

    await runner.run(chain, 1, { workflowId: ID });

    expect(labelsOf(await logIn(store)).at(-1)).toBe('RunEnd');
    expect((await store.get(ID))?.status).toBe('completed');
  });

  test('waits for a store that takes long, however long', async () => {
    const slow = new InterferedStore(memoryCheckpointer(), { append: () => turns(20) });
    await using runner = createRunner({ checkpointer: slow });

    const { answer } = await settled(runner.run(chain, 1, { workflowId: ID }));

    expect(answer).toBe(4);
  });

  test('goes on with an answer, however many microtasks later its body goes on', async () => {
    for (let hops = 0; hops < 20; hops += 1) {
      const asks = node('asks', async (_: unknown, ctx) => {
        await ctx.interrupt('Go?', { key: 'go' });
        for (let hop = 0; hop < hops; hop += 1) await Promise.resolve();
        return ctx.callSync(add, { n: hops });
      });
      const root = node('root', (_: unknown, ctx) => ctx.call(asks));
      const runner = createRunner({ checkpointer: memoryCheckpointer() });
      await runner.run(root, undefined, { workflowId: ID });

      const answered = runner.respond(ID, 'go', true).then(({ answer }) => answer);

      await expect(settled(answered)).resolves.toBe(hops + 1);
      await runner.close();
    }
  });

  test('is written in few pieces: what happens in one turn goes in one', async () => {
    const store = new InterferedStore(memoryCheckpointer());
    await using runner = createRunner({ checkpointer: store });
    const all = node('all', (_: unknown, ctx) =>
      ctx.callBatch(
        add,
        Array.from({ length: 50 }, (_each, n) => n),
      ),
    );

    await runner.run(all, undefined, { workflowId: ID });

    expect(store.batches.length).toBeLessThan(10);
    // What is called and begins at once has one entry.
    expect(store.batches.flatMap(({ entries }) => entries)).toHaveLength(2 + 2 + 50 * 2);
  });
});

describe("what is written under 'async'", () => {
  test('is written in order, and whole', async () => {
    const store = new InterferedStore(memoryCheckpointer());
    const plain = new InterferedStore(memoryCheckpointer());
    await using runner = createRunner({ checkpointer: store, durability: 'async' });
    await using other = createRunner({ checkpointer: plain });

    await runner.run(chain, 1, { workflowId: ID });
    await other.run(chain, 1, { workflowId: ID });

    expect(labelsOf(await logIn(store))).toEqual(labelsOf(await logIn(plain)));
    expect(store.batches.map(({ first }) => first)).toEqual(
      store.batches.map((_, index) =>
        store.batches.slice(0, index).reduce((sum, { entries }) => sum + entries.length, 0),
      ),
    );
    expect(store.batches.length).toBeLessThan(plain.batches.length);
  });

  test('holds no body up', async () => {
    const gate = deferred();
    const store = new InterferedStore(memoryCheckpointer(), { append: () => gate.promise });
    await using runner = createRunner({ checkpointer: store, durability: 'async' });
    notes.take();

    const running = runner.run(chain, 1, { workflowId: ID });
    await turns(50);
    const ran = notes.take();
    gate.resolve();

    expect(ran).toEqual(['chain', 'add', 'double']);
    expect((await running).answer).toBe(4);
  });

  test('is written while bodies go on that leave no turn to anything else', async () => {
    const store = new InterferedStore(memoryCheckpointer());
    await using runner = createRunner({ checkpointer: store, durability: 'async' });
    const written: number[] = [];
    const calls = node('calls', async (count: number, ctx) => {
      for (let n = 0; n < count; n += 1) await ctx.call(add, { n });
      written.push(store.batches.reduce((sum, { entries }) => sum + entries.length, 0));
    });

    await runner.run(calls, 2_000, { workflowId: ID });

    // Two for each call, of which the last ones may still wait.
    expect(written[0]).toBeGreaterThan(1_900);
    expect(store.batches.flatMap(({ entries }) => entries)).toHaveLength(4 + 2 * 2_000);
  });

  test('is waited for at the end', async () => {
    const gate = deferred();
    const store = new InterferedStore(memoryCheckpointer(), { append: () => gate.promise });
    await using runner = createRunner({ checkpointer: store, durability: 'async' });
    const seen: string[] = [];

    const running = runner.run(chain, 1, { workflowId: ID }).then(() => seen.push('resolved'));
    await turns(50);
    seen.push('opened');
    gate.resolve();
    await running;

    expect(seen).toEqual(['opened', 'resolved']);
    expect((await store.get(ID))?.status).toBe('completed');
  });

  test('is waited for at a pause', async () => {
    const gate = deferred();
    const store = new InterferedStore(memoryCheckpointer(), { append: () => gate.promise });
    await using runner = createRunner({ checkpointer: store, durability: 'async' });
    const asks = node('asks', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
    const seen: string[] = [];

    const running = runner.run(asks, undefined, { workflowId: ID }).then(({ status }) => seen.push(status));
    await turns(50);
    seen.push('opened');
    gate.resolve();
    await running;

    expect(seen).toEqual(['opened', 'paused']);
    expect((await store.get(ID))?.status).toBe('paused');
  });

  test('publishes events without waiting, in their order', async () => {
    const events: TroupeEvent[] = [];
    const store = memoryCheckpointer();
    await using runner = createRunner({
      checkpointer: store,
      durability: 'async',
      subscriber: (event) => void events.push(event),
    });

    await runner.run(chain, 1, { workflowId: ID });
    await runner.close();

    expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
  });
});

describe('a store that fails', () => {
  const broken = new Error('the disk is gone');

  /** A runner whose store fails when it is to take an entry. */
  function failingAt(label: string, durability: 'sync' | 'async' = 'sync') {
    const store = memoryCheckpointer();
    const state = { isBroken: true };
    const events: TroupeEvent[] = [];
    const runner: Runner = createRunner({
      checkpointer: new InterferedStore(store, {
        append: (_batch, labels) => {
          if (state.isBroken && labels.includes(label)) throw broken;
        },
      }),
      durability,
      subscriber: (event) => void events.push(event),
    });
    return { store, runner, events, mend: () => (state.isBroken = false) };
  }

  test.each(['RunStart', 'RequestCreation sums', 'RequestSuccess add', 'RequestSuccess chain', 'RunEnd'])(
    'fails the run at %s with a CheckpointError that holds why',
    async (label) => {
      const { runner, store, mend } = failingAt(label);

      const error = await rejectionOf(settled(runner.run(chain, 1, { workflowId: ID })));
      mend();
      const { answer } = await (label === 'RunStart'
        ? runner.run(chain, 1, { workflowId: ID })
        : runner.resume(chain, ID));
      await runner.close();

      expect(error).toMatchObject({
        code: 'CHECKPOINT',
        cause: broken,
        hint: expect.stringMatching(/./) as string,
      });
      expect((error as Error).message).toContain(ID);
      expect(answer).toBe(4);
      expect((await store.get(ID))?.status).toBe('completed');
    },
  );

  test.each(['RequestSuccess add', 'RunEnd'])("fails the run at %s under 'async' too", async (label) => {
    const { runner, mend } = failingAt(label, 'async');

    const error = await rejectionOf(settled(runner.run(chain, 1, { workflowId: ID })));
    mend();
    const { answer } = await runner.run(chain, 1, { workflowId: ID });
    await runner.close();

    expect(error).toMatchObject({ code: 'CHECKPOINT', cause: broken });
    expect(answer).toBe(4);
  });

  test('is told to observers as the failure of the run', async () => {
    const { runner, events } = failingAt('RequestSuccess add');

    await rejectionOf(runner.run(chain, 1, { workflowId: ID }));
    await runner.close();

    expect(events.at(-1)).toMatchObject({ type: 'RunEnd', status: 'failed', error: { code: 'CHECKPOINT' } });
    expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
  });

  test('shows no result that was not written', async () => {
    const { runner, events } = failingAt('RequestSuccess add');
    notes.take();

    await rejectionOf(runner.run(chain, 1, { workflowId: ID }));
    await runner.close();

    expect(notes.take()).toEqual(['chain', 'add']);
    expect(events.filter(({ type }) => type === 'NodeEnd' || type === 'RequestSuccess')).toEqual([]);
  });

  test('stops what runs, with the signal of each body', async () => {
    const reasons: unknown[] = [];
    const hangs = node('hangs', (_: unknown, { signal }) => {
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      return never();
    });
    const both = node('both', (_: unknown, ctx) => Promise.all([ctx.call(hangs), ctx.call(add, { n: 1 })]));
    const { runner } = failingAt('RequestSuccess add');

    await rejectionOf(runner.run(both, undefined, { workflowId: ID }));
    await runner.close();

    expect(reasons).toMatchObject([{ code: 'CANCELLED' }]);
  });

  test('leaves the workflow as far as it was written, and free', async () => {
    const { runner, store } = failingAt('RequestSuccess add');
    await rejectionOf(runner.run(chain, 1, { workflowId: ID }));
    await runner.close();
    notes.take();
    await using other = createRunner({ checkpointer: store });

    const record = await store.get(ID);
    const { answer } = await other.resume(chain, ID);

    expect(record?.status).toBe('abandoned');
    expect(answer).toBe(4);
    expect(notes.take()).toEqual(['chain', 'add', 'double']);
  });

  test('with an error of Troupe fails the run with that very error', async () => {
    const own = failingAt('none');
    const refused = await rejectionOf(own.store.history('nothing'));
    await own.runner.close();
    const store = new InterferedStore(memoryCheckpointer(), { append: () => Promise.reject(refused) });
    await using runner = createRunner({ checkpointer: store });

    expect(await rejectionOf(runner.run(chain, 1, { workflowId: ID }))).toBe(refused);
  });

  test('to take an answer rejects that answer', async () => {
    const { runner, store, mend } = failingAt('InterruptResolved asks');
    const asks = node('asks', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
    await runner.run(asks, undefined, { workflowId: ID });

    const error = await rejectionOf(settled(runner.respond(ID, 'go', 'lost')));
    mend();
    const { answer } = await runner.resume(asks, ID, { responses: { go: 'kept' } });
    await runner.close();

    expect(error).toMatchObject({ code: 'CHECKPOINT' });
    expect(answer).toBe('kept');
    expect((await store.get(ID))?.status).toBe('completed');
  });

  test('to give a lease begins nothing', async () => {
    const store = new InterferedStore(memoryCheckpointer(), { acquire: () => Promise.reject(broken) });
    await using runner = createRunner({ checkpointer: store });
    notes.take();

    await rejectionOf(runner.run(chain, 1, { workflowId: ID }));

    expect(notes.take()).toEqual([]);
  });

  test('to take a lease back does not fail the run', async () => {
    const store = new InterferedStore(memoryCheckpointer(), { release: () => Promise.reject(broken) });
    await using runner = createRunner({ checkpointer: store });

    expect((await runner.run(chain, 1, { workflowId: ID })).answer).toBe(4);
  });
});

describe('a workflow id', () => {
  test('without a checkpointer is refused with a CheckpointError, before anything runs', async () => {
    await using runner = createRunner();
    notes.take();

    for (const way of [
      () => runner.run(chain, 1, { workflowId: ID }),
      () => runner.iter(chain, 1, { workflowId: ID }).result,
      () => runner.resume(chain, ID),
      () => runner.retry(chain, ID),
      () => runner.fork(chain, ID),
      () => runner.map(add, { n: [1] }, { over: 'n', workflowId: ID }),
      () => runner.run(chain, 1, { workflowId: ID, checkpointer: null }),
    ])
      expect(await rejectionOf(way())).toMatchObject({
        code: 'CHECKPOINT',
        hint: expect.stringContaining('checkpointer') as string,
      });
    expect(notes.take()).toEqual([]);
  });

  test('under runSync is refused, with a checkpointer and without', async () => {
    await using durable = createRunner({ checkpointer: memoryCheckpointer() });
    await using plain = createRunner();

    expect(thrownBy(() => durable.runSync(add, { n: 1 }, { workflowId: ID }))).toMatchObject({
      code: 'INCOMPATIBLE_RUNNER',
    });
    expect(thrownBy(() => plain.runSync(add, { n: 1 }, { workflowId: ID }))).toMatchObject({
      code: 'CHECKPOINT',
    });
    expect(durable.runSync(add, { n: 1 }).answer).toBe(2);
  });
});

describe('a checkpointer', () => {
  test('that is given for one run wins', async () => {
    const [shared, own] = [memoryCheckpointer(), memoryCheckpointer()];
    await using runner = createRunner({ checkpointer: shared });

    await runner.run(chain, 1, { workflowId: ID, checkpointer: own });

    expect(await shared.get(ID)).toBeUndefined();
    expect((await own.get(ID))?.status).toBe('completed');
    expect((await runner.fork(chain, ID, { checkpointer: own, workflowId: 'fork' })).answer).toBe(4);
  });

  test('of a runner keeps nothing of runs without an id', async () => {
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });

    const { workflowId } = await runner.run(chain, 1);

    expect(workflowId).toBeUndefined();
    expect(await store.list()).toEqual([]);
  });

  test.each([5, 'memory', {}, { append: () => undefined }])('is refused when it is %o', (checkpointer) => {
    expect(thrownBy(() => createRunner({ checkpointer: checkpointer as never }))).toMatchObject({
      code: 'INVALID_INPUT',
    });
  });

  test.each(['never', 5, null])('is refused a durability of %o', (durability) => {
    expect(thrownBy(() => createRunner({ durability: durability as never }))).toMatchObject({
      code: 'INVALID_INPUT',
    });
  });

  test('that is closed fails what is run in it', async () => {
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    await store.close();

    expect(await rejectionOf(runner.run(chain, 1, { workflowId: ID }))).toMatchObject({ code: 'CHECKPOINT' });
  });
});

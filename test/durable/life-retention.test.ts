import { createRunner, graph, input, node, type RunResult } from 'troupe';
import { memoryCheckpointer, type CheckpointerOptions } from 'troupe/checkpoint';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { ID, labelsOf, logIn, Notes } from './call-crash.ts';

/** Lets the machine's clock go on, which the store reads. */
function passTime(ms: number): void {
  vi.setSystemTime(systemClockNow() + ms);
}

function systemClockNow(): number {
  return new Date().getTime();
}

const notes = new Notes();
const large = 'x'.repeat(1_000);
const inc = node('inc', async (n: number) => {
  notes.add(`inc ${n}`);
  return { n: n + 1, large };
});
let isBroken = false;
const chain = node('chain', async (_: unknown, ctx) => {
  let n = 0;
  for (let turn = 0; turn < 5; turn += 1) ({ n } = await ctx.call(inc, n));
  if (isBroken) throw new Error('broken');
  return n;
});

/** A workflow that has completed in a store with these options. */
async function done(options: CheckpointerOptions) {
  isBroken = false;
  const store = memoryCheckpointer(options);
  await using runner = createRunner({ checkpointer: store });
  const result = (await runner.run(chain, undefined, { workflowId: ID })) as RunResult;
  notes.take();
  return { store, result, labels: labelsOf(await logIn(store)) };
}

describe('the log of a workflow that has completed', () => {
  test("is kept whole under 'full', which is the default", async () => {
    const { labels } = await done({});

    expect(labels.filter((label) => label === 'RequestSuccess inc')).toHaveLength(5);
    expect(labels).toEqual((await done({ retention: 'full' })).labels);
  });

  test("is its beginning and its result under 'latest'", async () => {
    const { labels, store } = await done({ retention: 'latest' });

    expect(labels.filter((label) => label.endsWith(' inc'))).toEqual([]);
    expect([labels[0], labels.at(-1)]).toEqual(['RunStart', 'RunEnd']);
    expect((await store.history(ID)).at(-1)).toMatchObject({
      type: 'RunEnd',
      status: 'completed',
      answer: 5,
    });
  });

  test('is its last steps besides under { steps }', async () => {
    const { labels } = await done({ retention: { steps: 3 } });

    expect(labels).toEqual([
      'RunStart',
      'RequestCreation chain',
      'RequestCreation inc',
      'NodeStart inc',
      'RequestSuccess inc',
      'RequestSuccess chain',
      'RunEnd',
    ]);
  });

  test('is whole under { steps } where it has no more steps than that', async () => {
    const { labels } = await done({ retention: { steps: 1_000 } });

    expect(labels.filter((label) => label === 'RequestSuccess inc')).toHaveLength(5);
  });

  test.each(['latest', { steps: 2 }, { steps: 0 }] as const)(
    'is still finished under %o',
    async (retention) => {
      const { store } = await done({ retention });
      await using runner = createRunner({ checkpointer: store });

      expect((await store.get(ID))?.status).toBe('completed');
      for (const way of ['resume', 'retry'] as const)
        expect(await rejectionOf(runner[way](chain, ID))).toMatchObject({
          code: 'WORKFLOW_ALREADY_COMPLETED',
        });
      expect(notes.take()).toEqual([]);
    },
  );

  test.each(['latest', { steps: 2 }] as const)(
    'has no steps to be forked from under %o, which is said',
    async (retention) => {
      const { store } = await done({ retention });
      await using runner = createRunner({ checkpointer: store });

      const error = await rejectionOf(runner.fork(chain, ID, { at: 2 }));

      expect(error).toMatchObject({ code: 'CHECKPOINT', hint: expect.stringContaining('full') as string });
      expect(notes.take()).toEqual([]);
    },
  );

  test('can be forked from its start, with an input, whatever is kept', async () => {
    const echo = node('echo', async (value: unknown) => value);
    const store = memoryCheckpointer({ retention: 'latest' });
    await using runner = createRunner({ checkpointer: store });
    await runner.run(echo, 1, { workflowId: ID });

    expect((await runner.fork(echo, ID, { input: 2 })).answer).toBe(2);
  });

  test('leaves the result that the run gives as it is', async () => {
    const [latest, full] = [await done({ retention: 'latest' }), await done({})];

    expect(latest.result.info.requests.size).toBe(6);
    expect(latest.result.info.stamps).toHaveLength(full.result.info.stamps.length);
  });

  test('keeps no large values of what is gone', async () => {
    const { store } = await done({ retention: 'latest', blobBytes: 100 });

    expect((await logIn(store)).blobs).toEqual([]);
  });

  test('keeps a large result', async () => {
    const makes = node('makes', async () => large);
    const store = memoryCheckpointer({ retention: 'latest', blobBytes: 100 });
    await using runner = createRunner({ checkpointer: store });

    await runner.run(makes, undefined, { workflowId: ID });

    expect((await store.history(ID)).at(-1)).toMatchObject({ answer: large });
  });

  test.each(['latest', { steps: 1 }] as const)(
    '%j keeps large values that were written before the end',
    async (retention) => {
      const makes = node('makes', async () => large);
      const passes = node('passes', async (_: string, ctx) => ctx.call(makes));
      const store = memoryCheckpointer({ retention, blobBytes: 100 });
      await using runner = createRunner({ checkpointer: store });
      const given = 'g'.repeat(500);

      await runner.run(passes, given, { workflowId: ID });

      const history = await store.history(ID);
      expect(history[0]).toMatchObject({ type: 'RunStart', input: given });
      expect(history.at(-1)).toMatchObject({ answer: large });
    },
  );

  test('of a graph gives the items of a map their results', async () => {
    const square = node({
      name: 'square',
      inputs: { n: input<number>() },
      output: 'sq',
      run: ({ n }) => {
        notes.add('square');
        return n * n;
      },
    });
    const squares = graph({ name: 'squares', nodes: [square] });
    const store = memoryCheckpointer({ retention: 'latest' });
    await using runner = createRunner({ checkpointer: store });
    await runner.map(squares, { n: [1, 2] }, { over: 'n', workflowId: ID });
    notes.take();

    const again = await runner.map(squares, { n: [1, 2] }, { over: 'n', workflowId: ID });

    expect(again.column('sq')).toEqual([1, 4]);
    expect(notes.take()).toEqual([]);
  });
});

describe('the log of a workflow that has not ended for good', () => {
  test('is kept whole, whatever the retention, so that it can be retried', async () => {
    const store = memoryCheckpointer({ retention: 'latest' });
    await using runner = createRunner({ checkpointer: store });
    isBroken = true;
    await rejectionOf(runner.run(chain, undefined, { workflowId: ID }));
    isBroken = false;
    const labels = labelsOf(await logIn(store));
    notes.take();

    const { answer } = await runner.retry(chain, ID);

    expect(labels.filter((label) => label === 'RequestSuccess inc')).toHaveLength(5);
    expect(answer).toBe(5);
    expect(notes.take()).toEqual([]);
    expect(labelsOf(await logIn(store)).filter((label) => label.endsWith(' inc'))).toEqual([]);
  });

  test('is kept whole while it is paused', async () => {
    const asks = node('asks', async (_: unknown, ctx) => [
      await ctx.call(inc, 1),
      await ctx.interrupt('Go?', { key: 'go' }),
    ]);
    const store = memoryCheckpointer({ retention: 'latest' });
    await using runner = createRunner({ checkpointer: store });
    await runner.run(asks, undefined, { workflowId: ID });
    const labels = labelsOf(await logIn(store));

    const { answer } = await runner.respond(ID, 'go', 'yes');

    expect(labels).toContain('RequestSuccess inc');
    expect(answer).toEqual([{ n: 2, large }, 'yes']);
    expect(labelsOf(await logIn(store))).not.toContain('RequestSuccess inc');
  });

  test('is shortened when it is cancelled', async () => {
    const store = memoryCheckpointer({ retention: 'latest' });
    await using runner = createRunner({ checkpointer: store });
    const hangs = node('hangs', async (_: unknown, ctx) => {
      await ctx.call(inc, 1);
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
    });
    const handle = runner.iter(hangs, undefined, { workflowId: ID, onFailure: 'return' });
    for await (const event of handle)
      if (event.type === 'RequestSuccess' && event.nodeName === 'inc') handle.cancel('enough');
    await handle.result;

    const { history } = await logIn(store);

    expect(history.at(-1)).toMatchObject({ type: 'RunEnd', status: 'cancelled' });
    expect(labelsOf({ history })).not.toContain('RequestSuccess inc');
  });
});

describe('a ttl', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('removes a workflow so long after its end, and its id is new again', async () => {
    const { store } = await done({ ttl: 1_000 });
    passTime(1_001);
    await using runner = createRunner({ checkpointer: store });

    const record = await store.get(ID);
    const { answer } = await runner.run(chain, undefined, { workflowId: ID });

    expect(record).toBeUndefined();
    expect(answer).toBe(5);
    expect(notes.take()).toHaveLength(5);
  });

  test('does not remove it before', async () => {
    const { store } = await done({ ttl: 1_000 });
    passTime(999);

    expect((await store.get(ID))?.status).toBe('completed');
  });

  test('removes nothing that waits for an answer', async () => {
    const store = memoryCheckpointer({ ttl: 1_000 });
    await using runner = createRunner({ checkpointer: store });
    const asks = node('asks', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
    await runner.run(asks, undefined, { workflowId: ID });
    passTime(1_000_000);

    const { answer } = await runner.respond(ID, 'go', 'yes');

    expect(answer).toBe('yes');
  });

  test('counts from the last end of one that was retried', async () => {
    const store = memoryCheckpointer({ ttl: 1_000 });
    await using runner = createRunner({ checkpointer: store });
    isBroken = true;
    await rejectionOf(runner.run(chain, undefined, { workflowId: ID }));
    isBroken = false;
    passTime(900);
    await runner.retry(chain, ID);
    passTime(900);

    expect((await store.get(ID))?.status).toBe('completed');
  });
});

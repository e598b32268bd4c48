import { describe, expect, test, vi } from 'vitest';
import type { Checkpointer } from 'troupe/checkpoint';
import { findPostgres } from './postgres-desk.ts';
import { Proxy } from './postgres-proxy.ts';
import { acquireSoon, batchOf, begin, entriesOf, entry, TestStore } from './postgres-store.ts';

vi.setConfig({ testTimeout: 60_000 }); // of many connections, on a busy machine

const connectionString = (await findPostgres()) ?? '';
const APPEND = 'checkpoint_append';

/** A checkpointer whose connections lead through a proxy. */
async function openFaulty(
  options: { readonly lease?: number; readonly retryFor?: number } = {},
): Promise<
  AsyncDisposable & { readonly store: TestStore; readonly proxy: Proxy; readonly checkpointer: Checkpointer }
> {
  const store = new TestStore(connectionString);
  const { proxy, through } = await Proxy.to(connectionString);
  return {
    store,
    proxy,
    checkpointer: store.open({ ...options, connectionString: through }),
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** `count` names as {@link batchOf} gives them. */
function names(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `entry ${index}`);
}

describe.skipIf(connectionString === '')('a connection that is cut off in an append', () => {
  test('wherever in the request it was, lets the append happen once', async () => {
    await using faulty = await openFaulty();
    const { proxy, checkpointer } = faulty;
    const lease = await begin(checkpointer, 'cut', 1);
    const places = Array.from({ length: 40 }, (_place, index) => index * 15);

    for (const [index, requestBytes] of places.entries()) {
      proxy.expect({ text: APPEND, requestBytes });
      await checkpointer.append(lease, batchOf(index + 1));
    }

    expect(proxy.count).toBe(40);
    expect(await entriesOf(checkpointer, 'cut')).toEqual(names(41));
  });

  test('wherever in the answer it was, lets the append happen once', async () => {
    await using faulty = await openFaulty();
    const { proxy, checkpointer } = faulty;
    const lease = await begin(checkpointer, 'cut', 1);
    const places = Array.from({ length: 20 }, (_place, index) => index * 4);

    for (const [index, answerBytes] of places.entries()) {
      proxy.expect({ text: APPEND, answerBytes });
      await checkpointer.append(lease, batchOf(index + 1));
    }

    expect(proxy.count).toBe(20);
    expect(await entriesOf(checkpointer, 'cut')).toEqual(names(21));
  });

  test('in the middle of a large one, lets it happen once', async () => {
    await using faulty = await openFaulty();
    const { proxy, checkpointer } = faulty;
    const lease = await begin(checkpointer, 'large', 1);
    const large = entry('x'.repeat(3_000_000));
    proxy.expect({ text: APPEND, requestBytes: 1_500_000 }, { text: APPEND });

    await checkpointer.append(lease, batchOf(1, { entries: [large] }));

    expect(proxy.count).toBe(2);
    expect((await checkpointer.read('large'))?.entries).toEqual([entry('entry 0'), large]);
  });

  test('again and again, lets it happen once', async () => {
    await using faulty = await openFaulty();
    const { proxy, checkpointer } = faulty;
    const lease = await begin(checkpointer, 'cut', 1);
    proxy.expect({ text: APPEND }, { text: APPEND, requestBytes: 9 }, { text: APPEND }, { text: APPEND });

    await checkpointer.append(lease, batchOf(1));

    expect(proxy.count).toBe(4);
    expect(await entriesOf(checkpointer, 'cut')).toEqual(names(2));
  });

  test('that begins a workflow, lets it begin once', async () => {
    await using faulty = await openFaulty();
    const { proxy, checkpointer } = faulty;
    const lease = await checkpointer.acquire('new');
    proxy.expect({ text: APPEND });

    await checkpointer.append(lease, batchOf(0));
    await checkpointer.append(lease, batchOf(1));

    expect(await entriesOf(checkpointer, 'new')).toEqual(names(2));
  });

  test('that gives the lease up, counts as done although the lease is gone', async () => {
    await using faulty = await openFaulty();
    const { proxy, checkpointer } = faulty;
    const lease = await begin(checkpointer, 'ends', 1);
    proxy.expect({ text: APPEND });

    await checkpointer.append(lease, batchOf(1, { status: 'completed', releases: true }));

    expect(await entriesOf(checkpointer, 'ends')).toEqual(names(2));
    await expect(checkpointer.append(lease, batchOf(2))).rejects.toMatchObject({
      code: 'WORKFLOW_ALREADY_RUNNING',
    });
  });

  test('that replaces the log, lets it be replaced once', async () => {
    await using faulty = await openFaulty();
    const { proxy, checkpointer } = faulty;
    const lease = await begin(checkpointer, 'shorter', 3);
    proxy.expect({ text: APPEND });

    await checkpointer.append(lease, batchOf(3, { replaces: true }));
    await checkpointer.append(lease, batchOf(1));

    expect(await entriesOf(checkpointer, 'shorter')).toEqual(['entry 3', 'entry 1']);
  });

  test('leaves the order of appends that were not waited for as it was', async () => {
    await using faulty = await openFaulty();
    const { proxy, checkpointer } = faulty;
    const lease = await begin(checkpointer, 'fast', 1);
    proxy.expect({ text: APPEND, requestBytes: 20 }, { text: APPEND }, { text: APPEND, requestBytes: 0 });

    await Promise.all([1, 2, 3, 4, 5].map((first) => checkpointer.append(lease, batchOf(first))));

    expect(await entriesOf(checkpointer, 'fast')).toEqual(names(6));
  });
});

describe.skipIf(connectionString === '')('a connection that is cut off', () => {
  test('while a lease is taken, gives the lease that was taken', async () => {
    await using faulty = await openFaulty();
    const { store, proxy, checkpointer } = faulty;
    await checkpointer.list();
    proxy.expect({ text: 'checkpoint_acquire' });

    const lease = await checkpointer.acquire('taken');
    await checkpointer.append(lease, batchOf(0));

    expect(proxy.count).toBe(1);
    await expect(store.open().acquire('taken')).rejects.toMatchObject({ code: 'WORKFLOW_ALREADY_RUNNING' });
  });

  test('while a workflow is deleted, counts as done when it is gone', async () => {
    await using faulty = await openFaulty();
    const { proxy, checkpointer } = faulty;
    await checkpointer.release(await begin(checkpointer, 'old', 1));
    proxy.expect({ text: 'checkpoint_delete' });

    await checkpointer.delete('old');

    expect(proxy.count).toBe(1);
    expect(await checkpointer.get('old')).toBeUndefined();
  });

  test('in the middle of a long log, gives the whole log', async () => {
    await using faulty = await openFaulty();
    const { proxy, checkpointer } = faulty;
    const lease = await checkpointer.acquire('long');
    const entries = Array.from({ length: 5_000 }, (_entry, index) => entry(`${index} ${'x'.repeat(100)}`));
    await checkpointer.append(lease, batchOf(0, { entries }));
    proxy.expect({ text: 'UNION ALL', answerBytes: 300_000 });

    const stored = await checkpointer.read('long');

    expect(proxy.count).toBe(1);
    expect(stored?.entries).toEqual(entries);
  });

  test('while nothing is under way, is not noticed', async () => {
    await using store = new TestStore(connectionString);
    const checkpointer = store.open({
      connectionString: `${connectionString}?application_name=${store.schema}`,
    });
    const lease = await begin(checkpointer, 'idle', 1);

    const ended = await store.sql(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = '$schema'",
    );
    await checkpointer.append(lease, batchOf(1));

    expect(ended.length).toBeGreaterThan(0);
    expect(await entriesOf(checkpointer, 'idle')).toEqual(names(2));
  });
});

describe.skipIf(connectionString === '')('a server that is away', () => {
  test('for a few connections, is waited for', async () => {
    await using faulty = await openFaulty();
    const { proxy, checkpointer } = faulty;
    const lease = await begin(checkpointer, 'patient', 1);
    proxy.expect({ text: APPEND, requestBytes: 100, onCut: () => proxy.refuse(3) });

    await checkpointer.append(lease, batchOf(1));

    expect(await entriesOf(checkpointer, 'patient')).toEqual(names(2));
  });

  test('for longer than `retryFor`, is an error, and can be used when it is back', async () => {
    await using faulty = await openFaulty({ retryFor: 100 });
    const { proxy, checkpointer } = faulty;
    const lease = await begin(checkpointer, 'away', 1);
    proxy.goDown();

    await expect(checkpointer.append(lease, batchOf(1))).rejects.toMatchObject({
      code: 'CHECKPOINT',
      hint: expect.stringContaining('server runs') as string,
    });
    await proxy.comeBack();
    await checkpointer.append(lease, batchOf(1));

    expect(await entriesOf(checkpointer, 'away')).toEqual(names(2));
  });

  test('is not waited for by a checkpointer that closes', async () => {
    await using faulty = await openFaulty({ retryFor: 600_000 });
    const { proxy, checkpointer } = faulty;
    const lease = await begin(checkpointer, 'closes', 1);
    proxy.goDown();

    const append = checkpointer.append(lease, batchOf(1));
    const outcome = append.catch((error: unknown) => error);
    await checkpointer.close();

    expect(await outcome).toMatchObject({ code: 'CHECKPOINT' });
  });

  test('because it says nothing any more, is given up for another connection', async () => {
    await using faulty = await openFaulty({ retryFor: 3_000 });
    const { proxy, checkpointer } = faulty;
    const lease = await begin(checkpointer, 'silent', 1);
    proxy.expect({ text: APPEND, hangs: true });

    await checkpointer.append(lease, batchOf(1));

    expect(proxy.count).toBe(1);
    expect(await entriesOf(checkpointer, 'silent')).toEqual(names(2));
  });

  test('because it says nothing any more, is an error in the end', async () => {
    await using faulty = await openFaulty({ retryFor: 0 });
    const { proxy, checkpointer } = faulty;
    const lease = await begin(checkpointer, 'silent', 1);
    proxy.expect({ text: APPEND, requestBytes: 10, hangs: true });

    await expect(checkpointer.append(lease, batchOf(1))).rejects.toMatchObject({ code: 'CHECKPOINT' });

    expect(await entriesOf(checkpointer, 'silent')).toEqual(names(1));
  });
});

describe.skipIf(connectionString === '')('who comes back after another has taken over', () => {
  test('writes nothing that was not written before', async () => {
    await using faulty = await openFaulty({ lease: 1, retryFor: 60_000 });
    const { store, proxy, checkpointer: zombie } = faulty;
    const other = store.open();
    const old = await begin(zombie, 'mine', 1);
    const isDown = proxy.goDownAt({ text: APPEND, requestBytes: 50 });

    const append = zombie.append(old, batchOf(1, { entries: [entry('of the zombie')] }));
    const outcome = append.catch((error: unknown) => error);
    await isDown;
    await other.append(await acquireSoon(other, 'mine'), batchOf(1));
    await proxy.comeBack();

    expect(await outcome).toMatchObject({ code: 'WORKFLOW_ALREADY_RUNNING' });
    expect(await entriesOf(other, 'mine')).toEqual(names(2));
  });

  test('is told that it was done when it was, and is refused from then on', async () => {
    await using faulty = await openFaulty({ lease: 1, retryFor: 60_000 });
    const { store, proxy, checkpointer: zombie } = faulty;
    const other = store.open();
    const old = await begin(zombie, 'mine', 1);
    const isDown = proxy.goDownAt({ text: APPEND });

    const append = zombie.append(old, batchOf(1));
    await isDown;
    await other.append(await acquireSoon(other, 'mine'), batchOf(2));
    await proxy.comeBack();
    await append;

    await expect(zombie.append(old, batchOf(3))).rejects.toMatchObject({ code: 'WORKFLOW_ALREADY_RUNNING' });
    expect(await entriesOf(other, 'mine')).toEqual(names(3));
  });
});

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { findPostgres } from './postgres-desk.ts';
import { batchOf, begin, entriesOf, TestStore } from './postgres-store.ts';

const connectionString = (await findPostgres()) ?? '';

interface Holder extends AsyncDisposable {
  readonly child: ChildProcess;
  /** How many entries it knows to be stored. */
  readonly acknowledged: () => number;
  /** Resolves when there are so many. */
  readonly has: (count: number) => Promise<void>;
}

/** A process that has taken a workflow and appends to it. */
function startHolder(schema: string, workflowId: string): Holder {
  const script = fileURLToPath(new URL('postgres-holder.ts', import.meta.url));
  const flags = ['--conditions=@troupe/source', '--import', 'tsx', script];
  const child = spawn(process.execPath, [...flags, connectionString, schema, workflowId], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let count = 0;
  const acknowledged = (): number => count;
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => {
    count = Number(line);
  });
  return {
    child,
    acknowledged,
    has: async (wanted) => {
      while (acknowledged() < wanted) await once(lines, 'line');
    },
    [Symbol.asyncDispose]: () => kill(child),
  };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

describe.skipIf(connectionString === '')('a process that holds a workflow in Postgres', () => {
  test('loses nothing that was acknowledged when it is killed, and is taken over at once', async () => {
    await using store = new TestStore(connectionString);
    const checkpointer = store.open();

    for (const round of [1, 2, 3]) {
      const workflowId = `killed ${round}`;
      await using holder = startHolder(store.schema, workflowId);
      const { child, has, acknowledged } = holder;
      await has(round * 5);
      await kill(child);
      const lease = await checkpointer.acquire(workflowId);
      const entries = await entriesOf(checkpointer, workflowId);
      await checkpointer.append(lease, batchOf(entries.length));

      expect(entries.length).toBeGreaterThanOrEqual(acknowledged());
      expect(entries).toEqual(entries.map((_, index) => `entry ${index}`));
    }
  }, 60_000);

  test('is not taken over while it is only stopped', async () => {
    await using store = new TestStore(connectionString);
    const checkpointer = store.open();
    await using holder = startHolder(store.schema, 'stopped');
    const { child, has } = holder;
    await has(1);

    child.kill('SIGSTOP');

    await expect(checkpointer.acquire('stopped')).rejects.toMatchObject({ code: 'WORKFLOW_ALREADY_RUNNING' });
    await expect(checkpointer.delete('stopped')).rejects.toMatchObject({ code: 'WORKFLOW_ALREADY_RUNNING' });
    expect(await checkpointer.get('stopped')).toMatchObject({ status: 'running' });
  }, 60_000);

  test('leaves its workflows abandoned when it is killed', async () => {
    await using store = new TestStore(connectionString);
    const checkpointer = store.open();
    const lease = await begin(checkpointer, 'alive', 1);
    await using holder = startHolder(store.schema, 'killed');
    const { child, has } = holder;
    await has(1);
    const idsOf = async (status: 'running' | 'abandoned'): Promise<readonly string[]> =>
      (await checkpointer.list({ status })).map(({ workflowId }) => workflowId);

    const before = [await idsOf('running'), await idsOf('abandoned')];
    await kill(child);
    const after = [await idsOf('running'), await idsOf('abandoned')];

    expect(before).toEqual([['alive', 'killed'], []]);
    expect(after).toEqual([['alive'], ['killed']]);
    expect(await checkpointer.get('killed')).toMatchObject({ status: 'abandoned' });
    expect((await checkpointer.list()).map(({ status }) => status)).toEqual(['running', 'abandoned']);
    await checkpointer.release(lease);
  }, 60_000);

  test('does not keep its workflows from being deleted when it is killed', async () => {
    await using store = new TestStore(connectionString);
    const checkpointer = store.open();
    await using holder = startHolder(store.schema, 'killed');
    const { child, has } = holder;
    await has(1);
    await kill(child);

    await checkpointer.delete('killed');

    expect(await checkpointer.get('killed')).toBeUndefined();
  }, 60_000);

  test('is one of several that may make the tables at the same moment', async () => {
    await using store = new TestStore(connectionString);
    const checkpointers = Array.from({ length: 10 }, () => store.open());

    await using one = startHolder(store.schema, 'one');
    await using two = startHolder(store.schema, 'two');
    const leases = await Promise.all([
      one.has(1),
      two.has(1),
      ...checkpointers.map((checkpointer, index) => checkpointer.acquire(`other ${index}`)),
    ]);

    expect(leases).toHaveLength(12);
    expect((await store.open().list()).map(({ workflowId }) => workflowId).toSorted()).toEqual([
      'one',
      'two',
    ]);
  }, 60_000);
});

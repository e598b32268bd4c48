import { randomInt } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { fileCheckpointer } from 'troupe/checkpoint';
import { begin, Child, Folders, line, lines } from './file-parts.ts';

const folders = new Folders();
afterAll(() => folders.remove());

/** Acquires as soon as it can be, and says how often it could not. */
async function insist(dir: string, lease: number): Promise<number> {
  await using checkpointer = fileCheckpointer({ dir, lease });
  for (let refusals = 0; ; refusals += 1) {
    const taken = await checkpointer.acquire('workflow').catch(() => undefined);
    if (taken === undefined) continue;
    await checkpointer.append(taken, { first: 1, entries: [line(1)], status: 'paused' });
    return refusals;
  }
}

describe('a process that is killed while it writes', { timeout: 120_000 }, () => {
  test('has lost nothing that was safe, and left nothing half-written', async () => {
    const dir = folders.next();
    for (let round = 0; round < 10; round += 1) {
      const id = `workflow ${round}`;
      const child = new Child('appendForEver', dir, { id });
      for (let count = randomInt(1, 60); count > 0; count -= 1) await child.next();
      const said = await child.kill();

      await using checkpointer = fileCheckpointer({ dir });
      const { entries = [], record } = (await checkpointer.read(id)) ?? {};

      expect(entries).toEqual(lines(0, entries.length));
      expect(entries.length % 2).toBe(1);
      expect(entries.length).toBeGreaterThanOrEqual(Number(said.at(-1) ?? 1));
      expect(['abandoned', 'paused']).toContain(record?.status);
    }
  });

  test('leaves a workflow that another goes on with at once', async () => {
    const dir = folders.next();
    const child = new Child('appendForEver', dir, { lease: 3_600_000 });
    await child.next();
    await child.kill();

    await using checkpointer = fileCheckpointer({ dir });
    const lease = await checkpointer.acquire('workflow');
    const { entries = [] } = (await checkpointer.read('workflow')) ?? {};
    await checkpointer.append(lease, { first: entries.length, entries: [line(0)], status: 'running' });

    expect((await checkpointer.get('workflow'))?.status).toBe('running');
  });
});

describe('a process that is stopped', { timeout: 120_000 }, () => {
  test('keeps its workflow until its lease is up', async () => {
    const dir = folders.next();
    const child = new Child('holdAndWrite', dir, { lease: 1_500 });
    await child.next();
    child.signal('SIGSTOP');

    const refusals = await insist(dir, 1_500);

    await child.kill();
    expect(refusals).toBeGreaterThan(0);
  });

  test('writes nothing when it goes on after another has taken over', async () => {
    const dir = folders.next();
    const child = new Child('holdAndWrite', dir, { lease: 300 });
    await child.next();
    child.signal('SIGSTOP');
    await insist(dir, 60_000);

    child.go();
    child.signal('SIGCONT');
    const said = [await child.next(), await child.next(), await child.next()];

    await child.kill();
    expect(said).toEqual([
      'append WORKFLOW_ALREADY_RUNNING',
      'renew WORKFLOW_ALREADY_RUNNING',
      'release done',
    ]);
    await using checkpointer = fileCheckpointer({ dir });
    const { entries, record } = (await checkpointer.read('workflow')) ?? {};
    expect(entries).toEqual(lines(0, 2));
    expect(record?.status).toBe('paused');
    await expect(checkpointer.acquire('workflow')).rejects.toMatchObject({
      code: 'WORKFLOW_ALREADY_RUNNING',
    });
  });
});

describe('several processes in one folder', { timeout: 120_000 }, () => {
  test('that open it at the same moment lose nothing of each other, and only one has what all want', async () => {
    const dir = folders.next();
    await using checkpointer = fileCheckpointer({ dir });
    const names = ['ann', 'bob', 'cid', 'dan'];
    const children = names.map((id) => new Child('writeBesides', dir, { id }));
    await begin(checkpointer, 'of the parent', { status: 'paused' });

    const outcomes = await Promise.all(children.map((child) => child.next()));

    await Promise.all(children.map((child) => child.kill()));
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'WORKFLOW_ALREADY_RUNNING')).toHaveLength(3);
    for (const name of names) expect((await checkpointer.read(name))?.entries).toEqual(lines(0, 100));
    expect((await checkpointer.list()).map(({ status }) => status).toSorted()).toEqual([
      'abandoned',
      'completed',
      'completed',
      'completed',
      'completed',
      'paused',
    ]);
  });
});

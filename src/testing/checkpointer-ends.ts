import assert from 'node:assert/strict';
import type { Checkpointer } from '../checkpoint/checkpointer.ts';
import { assertRefused, assertUnchanged, idsOf } from './checkpointer-asserts.ts';
import { eventually, pass } from './checkpointer-waiting.ts';
import { begin, blobOf, entries, HEAD, ID, write, type Open, type Cases } from './checkpointer-writer.ts';

const TTL_MS = 5;

async function assertGone(checkpointer: Checkpointer): Promise<void> {
  assert.equal(await checkpointer.get(ID), undefined);
  assert.equal(await checkpointer.read(ID), undefined);
  assert.ok(!idsOf(await checkpointer.list()).includes(ID), `Expected "${ID}" not to be listed`);
  await assertRefused(checkpointer.history(ID), 'WORKFLOW_NOT_FOUND');
  await assertRefused(checkpointer.delete(ID), 'WORKFLOW_NOT_FOUND');
}

async function expired(checkpointer: Checkpointer): Promise<void> {
  await eventually('the workflow is removed', async () =>
    (await checkpointer.get(ID)) === undefined ? true : undefined,
  );
}

/** How a workflow goes, and a checkpointer. */
export const endCases: Cases = {
  'a workflow that was deleted is gone': async (open: Open) => {
    const checkpointer = await open();
    await write(checkpointer);

    await checkpointer.delete(ID);

    await assertGone(checkpointer);
  },

  'deleting one workflow leaves the others as they are': async (open) => {
    const checkpointer = await open();
    await write(checkpointer);
    await write(checkpointer, 'another', 'paused');

    await assertUnchanged(checkpointer, 'another', () => checkpointer.delete(ID));

    assert.deepEqual(idsOf(await checkpointer.list()), ['another']);
  },

  'a workflow that somebody holds is not deleted': async (open) => {
    const checkpointer = await open();
    await begin(checkpointer);

    await assertUnchanged(checkpointer, ID, () =>
      assertRefused(checkpointer.delete(ID), 'WORKFLOW_ALREADY_RUNNING'),
    );
  },

  'an abandoned workflow can be deleted': async (open) => {
    const checkpointer = await open();
    await write(checkpointer, ID, 'running');

    await checkpointer.delete(ID);

    await assertGone(checkpointer);
  },

  'a workflow that does not exist is not deleted': async (open) => {
    const checkpointer = await open();
    await write(checkpointer, 'another');

    await assertRefused(checkpointer.delete(ID), 'WORKFLOW_NOT_FOUND');
  },

  'the id of a deleted workflow can be used for another one': async (open) => {
    const checkpointer = await open();
    await begin(checkpointer, ID, {
      entries: entries(5, 'old'),
      blobs: [blobOf('[1]')],
      head: { ...HEAD, forkedFrom: { workflowId: 'origin', step: 1 } },
      status: 'completed',
      releases: true,
    });
    await checkpointer.delete(ID);

    await begin(checkpointer, ID, { entries: entries(2), head: { target: 'other', runId: 'run-2' } });

    const { record, entries: lines, blobs } = (await checkpointer.read(ID)) ?? {};
    assert.deepEqual(
      [record?.target, record?.runId, record?.forkedFrom, record?.status, lines, blobs],
      ['other', 'run-2', undefined, 'running', entries(2), new Map()],
    );
  },

  'a workflow that has ended is gone when its time is up': async (open) => {
    const checkpointer = await open({ ttl: TTL_MS });
    await write(checkpointer);

    await expired(checkpointer);

    await assertGone(checkpointer);
  },

  'a workflow is gone when its time is up, however it has ended': async (open) => {
    const checkpointer = await open({ ttl: TTL_MS });
    for (const status of ['completed', 'failed', 'cancelled', 'timedOut'] as const)
      await write(checkpointer, status, status);

    await eventually('all workflows are removed', async () =>
      (await checkpointer.list()).length === 0 ? true : undefined,
    );
  },

  'a workflow that has not ended is kept, however old it is': async (open) => {
    const checkpointer = await open({ ttl: TTL_MS });
    await write(checkpointer, 'paused', 'paused');
    await write(checkpointer, 'abandoned', 'running');
    await begin(checkpointer, 'running');
    await write(checkpointer);

    await expired(checkpointer);

    assert.deepEqual(idsOf(await checkpointer.list()).toSorted(), ['abandoned', 'paused', 'running']);
    assert.equal((await checkpointer.read('paused'))?.entries.length, 1);
  },

  'the id of a workflow whose time was up can be used for another one': async (open) => {
    const checkpointer = await open({ ttl: TTL_MS });
    await begin(checkpointer, ID, { entries: entries(5, 'old'), status: 'failed', releases: true });
    await pass(2 * TTL_MS);

    await begin(checkpointer, ID, { entries: entries(2), status: 'paused' });

    assert.deepEqual((await checkpointer.read(ID))?.entries, entries(2));
  },

  'a checkpointer has the settings that were given': async (open) => {
    const checkpointer = await open({
      retention: { steps: 3 },
      ttl: 60_000,
      lease: 20_000,
      maxValueBytes: 2_000,
      blobBytes: 1_000,
    });

    assert.deepEqual(checkpointer.settings, {
      retention: { steps: 3 },
      ttlMs: 60_000,
      leaseMs: 20_000,
      maxValueBytes: 2_000,
      blobBytes: 1_000,
    });
  },

  'settings that were not given have their defaults': async (open) => {
    const checkpointer = await open();

    assert.deepEqual(checkpointer.settings, {
      retention: 'full',
      ttlMs: Number.POSITIVE_INFINITY,
      leaseMs: 30_000,
      maxValueBytes: 2 ** 26,
      blobBytes: 2 ** 16,
    });
  },

  'a closed checkpointer does nothing more': async (open) => {
    const checkpointer = await open();
    const { lease } = await write(checkpointer);
    const held = await begin(checkpointer, 'held');

    await checkpointer.close();

    await assertRefused(checkpointer.acquire(ID), 'CHECKPOINT');
    await assertRefused(checkpointer.renew(held.lease), 'CHECKPOINT');
    await assertRefused(held.append({ entries: entries(1) }), 'CHECKPOINT');
    await assertRefused(checkpointer.release(lease), 'CHECKPOINT');
    await assertRefused(checkpointer.read(ID), 'CHECKPOINT');
    await assertRefused(checkpointer.get(ID), 'CHECKPOINT');
    await assertRefused(checkpointer.list(), 'CHECKPOINT');
    await assertRefused(checkpointer.history(ID), 'CHECKPOINT');
    await assertRefused(checkpointer.delete(ID), 'CHECKPOINT');
  },

  'a checkpointer may be closed again, and at once': async (open) => {
    const checkpointer = await open();
    await write(checkpointer);

    await Promise.all([checkpointer.close(), checkpointer.close()]);
    await checkpointer.close();

    await assertRefused(checkpointer.get(ID), 'CHECKPOINT');
  },

  'a checkpointer that was never used can be closed': async (open) => {
    const checkpointer = await open();

    await checkpointer.close();

    await assertRefused(checkpointer.list(), 'CHECKPOINT');
  },

  'a checkpointer is closed at the end of its block': async (open) => {
    const checkpointer = await open();
    {
      await using used = checkpointer;
      await write(used);
    }

    await assertRefused(checkpointer.get(ID), 'CHECKPOINT');
  },
};

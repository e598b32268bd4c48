import assert from 'node:assert/strict';
import type { Checkpointer, Lease } from '../checkpoint/checkpointer.ts';
import { assertRefused, assertUnchanged } from './checkpointer-asserts.ts';
import { takeOver, tryAcquire } from './checkpointer-waiting.ts';
import {
  begin,
  blobOf,
  entries,
  HEAD,
  ID,
  write,
  Writer,
  type Open,
  type Cases,
} from './checkpointer-writer.ts';

/** A workflow that one has begun, and another has taken over when the lease of the first one ran out. */
async function takenOver(open: Open): Promise<{
  readonly checkpointer: Checkpointer;
  readonly old: Writer;
  readonly lease: Lease;
}> {
  const checkpointer = await open({ lease: 5 });
  const old = await begin(checkpointer, ID, { status: 'paused' });
  return { checkpointer, old, lease: await takeOver(checkpointer) };
}

/** Who has lost a workflow does nothing to it any more, however late he notices. */
export const fencingCases: Cases = {
  'after a takeover the old lease appends nothing': async (open) => {
    const { checkpointer, old } = await takenOver(open);

    await assertUnchanged(checkpointer, ID, () =>
      assertRefused(
        old.append({ entries: entries(3), status: 'completed', blobs: [blobOf('[1]')], head: HEAD }),
        'WORKFLOW_ALREADY_RUNNING',
      ),
    );
  },

  'after a takeover the old lease replaces nothing': async (open) => {
    const { checkpointer, old } = await takenOver(open);

    await assertUnchanged(checkpointer, ID, () =>
      assertRefused(old.append({ replaces: true, status: 'completed' }), 'WORKFLOW_ALREADY_RUNNING'),
    );
  },

  'after a takeover the old lease cannot be renewed': async (open) => {
    const { checkpointer, old } = await takenOver(open);

    await assertRefused(checkpointer.renew(old.lease), 'WORKFLOW_ALREADY_RUNNING');
  },

  'after a takeover the new lease appends': async (open) => {
    const { checkpointer, old, lease } = await takenOver(open);

    await new Writer(checkpointer, lease, old.length).append({ entries: entries(2) });

    assert.deepEqual((await checkpointer.read(ID))?.entries.slice(1), entries(2));
  },

  'giving up a lease that was taken over leaves the new one as it is': async (open) => {
    const checkpointer = await open();
    const { lease } = await write(checkpointer);
    await checkpointer.acquire(ID);

    await checkpointer.release(lease);

    assert.equal(await tryAcquire(checkpointer), undefined);
  },

  'a batch of a lease that was taken over does not give up the new one': async (open) => {
    const checkpointer = await open();
    const old = await write(checkpointer);
    await checkpointer.acquire(ID);

    await assertRefused(old.append({ releases: true }), 'WORKFLOW_ALREADY_RUNNING');

    assert.equal(await tryAcquire(checkpointer), undefined);
  },

  'a lease that was given up appends nothing': async (open) => {
    const checkpointer = await open();
    const writer = await begin(checkpointer, ID, { status: 'paused' });
    await checkpointer.release(writer.lease);

    await assertUnchanged(checkpointer, ID, () =>
      assertRefused(writer.append({ entries: entries(1) }), 'WORKFLOW_ALREADY_RUNNING'),
    );
  },

  'a lease that was given up cannot be renewed': async (open) => {
    const checkpointer = await open();
    const { lease } = await begin(checkpointer);
    await checkpointer.release(lease);

    await assertRefused(checkpointer.renew(lease), 'WORKFLOW_ALREADY_RUNNING');
  },

  'a lease that was given up before the first batch begins no workflow': async (open) => {
    const checkpointer = await open();
    const writer = new Writer(checkpointer, await checkpointer.acquire(ID));
    await checkpointer.release(writer.lease);

    await assertRefused(writer.append({ entries: entries(1), head: HEAD }), 'WORKFLOW_ALREADY_RUNNING');

    assert.equal(await checkpointer.read(ID), undefined);
  },

  'a batch gives its lease up where it says so': async (open) => {
    const checkpointer = await open();
    const writer = await begin(checkpointer);

    await writer.append({ status: 'paused', releases: true });

    assert.notEqual(await tryAcquire(checkpointer), undefined);
  },

  'a lease that was given up by a batch appends nothing more': async (open) => {
    const checkpointer = await open();
    const writer = await write(checkpointer, ID, 'paused');

    await assertUnchanged(checkpointer, ID, () =>
      assertRefused(writer.append({ entries: entries(1) }), 'WORKFLOW_ALREADY_RUNNING'),
    );
  },

  'a lease of before a deletion writes nothing': async (open) => {
    const checkpointer = await open({ lease: 5 });
    const old = await begin(checkpointer);
    const lease = await takeOver(checkpointer);
    await checkpointer.release(lease);
    await checkpointer.delete(ID);

    await assertRefused(old.append({ entries: entries(1) }), 'WORKFLOW_ALREADY_RUNNING');

    assert.equal(await checkpointer.read(ID), undefined);
  },

  'a lease of before a deletion does not write to the workflow that has the id now': async (open) => {
    const checkpointer = await open();
    const old = await write(checkpointer);
    await checkpointer.delete(ID);
    await begin(checkpointer);

    await assertUnchanged(checkpointer, ID, () =>
      assertRefused(old.append({ entries: entries(1), status: 'failed' }), 'WORKFLOW_ALREADY_RUNNING'),
    );
  },
};

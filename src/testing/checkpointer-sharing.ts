import assert from 'node:assert/strict';
import type { Checkpointer, CheckpointerOptions } from '../checkpoint/checkpointer.ts';
import { assertRefused, assertUnchanged, idsOf } from './checkpointer-asserts.ts';
import { takeOver, tryAcquire } from './checkpointer-waiting.ts';
import {
  begin,
  blobOf,
  entries,
  ID,
  startEntry,
  write,
  Writer,
  type Open,
  type Cases,
} from './checkpointer-writer.ts';

async function openTwo(
  open: Open,
  options?: CheckpointerOptions,
): Promise<readonly [Checkpointer, Checkpointer]> {
  return [await open(options), await open(options)];
}

/** What holds of several checkpointers on one store, as those of several processes are. */
export const sharingCases: Cases = {
  'what one checkpointer has appended, another one reads at once': async (open) => {
    const [one, other] = await openTwo(open);
    const blob = blobOf('["large"]');
    const writer = await begin(one);
    for (let round = 1; round <= 10; round += 1) {
      await writer.append({ entries: entries(1), blobs: round === 1 ? [blob] : [] });

      const stored = await other.read(ID);

      assert.equal(stored?.entries.length, 1 + round);
      assert.deepEqual([...stored.blobs], [[blob.hash, blob.text]]);
    }
  },

  'every change of a status is seen by the others at once': async (open) => {
    const [one, other] = await openTwo(open);
    const writer = await begin(one);
    for (const status of ['running', 'paused', 'running', 'completed'] as const) {
      await writer.append({ status });

      assert.equal((await other.get(ID))?.status, status);
      assert.equal((await other.list({ status })).length, 1);
    }
  },

  'a workflow that one holds is running for the others': async (open) => {
    const [one, other] = await openTwo(open);
    const { lease } = await begin(one);

    const held = (await other.get(ID))?.status;
    await one.release(lease);

    assert.deepEqual([held, (await other.get(ID))?.status], ['running', 'abandoned']);
  },

  'a workflow that one holds is acquired by no other': async (open) => {
    const [one, other] = await openTwo(open);
    await begin(one);

    await assertRefused(other.acquire(ID), 'WORKFLOW_ALREADY_RUNNING');
  },

  'a workflow that one holds is deleted by no other': async (open) => {
    const [one, other] = await openTwo(open);
    await begin(one);

    await assertRefused(other.delete(ID), 'WORKFLOW_ALREADY_RUNNING');
  },

  'of two that acquire a workflow at once, one has it': async (open) => {
    const both = await openTwo(open);
    for (let round = 0; round < 20; round += 1) {
      const leases = await Promise.all(both.map((each) => tryAcquire(each, `race ${round}`)));

      assert.equal(leases.filter((lease) => lease !== undefined).length, 1);
    }
  },

  'a workflow that one has given up, another one continues': async (open) => {
    const [one, other] = await openTwo(open);
    await write(one, ID, 'paused');

    await new Writer(other, await other.acquire(ID), 1).append({ entries: entries(2), status: 'completed' });

    assert.deepEqual((await one.read(ID))?.entries, [startEntry(), ...entries(2)]);
  },

  'who wakes up after another has taken over appends nothing': async (open) => {
    const [one, other] = await openTwo(open, { lease: 5 });
    const asleep = await begin(one, ID, { status: 'paused' });
    const lease = await takeOver(other);
    await new Writer(other, lease, asleep.length).append({ status: 'paused' });

    await assertUnchanged(other, ID, async () => {
      await assertRefused(asleep.append({ entries: entries(1) }), 'WORKFLOW_ALREADY_RUNNING');
      await assertRefused(one.renew(asleep.lease), 'WORKFLOW_ALREADY_RUNNING');
      await one.release(asleep.lease);
    });

    await other.renew(lease);
  },

  'tokens rise from one checkpointer to the next': async (open) => {
    const [one, other] = await openTwo(open);
    const tokens: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      for (const each of [one, other]) {
        const lease = await each.acquire(ID);
        tokens.push(lease.token);
        await each.release(lease);
      }
    }

    assert.deepEqual(
      tokens,
      [...new Set(tokens)].toSorted((a, b) => a - b),
    );
  },

  'a workflow that one has deleted is gone for all': async (open) => {
    const [one, other] = await openTwo(open);
    await write(one);
    await other.read(ID);

    await one.delete(ID);

    assert.deepEqual(
      [await other.get(ID), await other.read(ID), idsOf(await other.list())],
      [undefined, undefined, []],
    );
    await assertRefused(other.history(ID), 'WORKFLOW_NOT_FOUND');
  },

  'many write many workflows at once': async (open) => {
    const both = await openTwo(open);
    const ids = Array.from({ length: 10 }, (_, index) => `at once ${index}`);
    await Promise.all(
      ids.map(async (id, index) => {
        const writer = await begin(both[index % 2] ?? both[0], id);
        for (let round = 0; round < 10; round += 1)
          await writer.append({ entries: entries(2, `${id} ${round}`) });
      }),
    );

    const stored = await Promise.all(ids.map((id) => both[0].read(id)));

    assert.deepEqual(
      stored.map((each) => each?.entries),
      ids.map((id) => [
        startEntry(),
        ...Array.from({ length: 10 }, (_, round) => entries(2, `${id} ${round}`)).flat(),
      ]),
    );
  },

  'what was stored is there when the store is opened again': async (open) => {
    const first = await open();
    await begin(first, ID, { entries: entries(3), status: 'paused', blobs: [blobOf('[1]')], releases: true });
    const before = await first.read(ID);
    await first.close();

    const second = await open();

    assert.notEqual(before, undefined);
    assert.deepEqual(await second.read(ID), before);
  },

  'closing one checkpointer leaves the others open': async (open) => {
    const [one, other] = await openTwo(open);
    const writer = await begin(other);
    await write(one, 'another');

    await one.close();

    await writer.append({ entries: entries(1) });
    assert.equal((await other.read(ID))?.entries.length, 2);
  },

  'an append that is under way when its checkpointer is closed is stored whole, or refused': async (open) => {
    const [first, second] = await openTwo(open);
    const writer = await begin(first);

    const [appended] = await Promise.allSettled([writer.append({ entries: entries(50) }), first.close()]);

    const stored = (await second.read(ID))?.entries.length;
    assert.equal(stored, appended.status === 'fulfilled' ? 51 : 1);
  },
};

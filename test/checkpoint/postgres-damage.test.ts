import { describe, expect, test, vi } from 'vitest';
import type { Checkpointer } from 'troupe/checkpoint';
import { findPostgres } from './postgres-desk.ts';
import { batchOf, begin, TestStore } from './postgres-store.ts';

vi.setConfig({ testTimeout: 60_000 }); // of many connections, on a busy machine

const connectionString = (await findPostgres()) ?? '';
const BLOB = { hash: 'f00d', text: '[["large"]]' };

/** A store with the workflow "whole", and the workflow "hurt" of four parts, one of them with a blob. */
async function fill(store: TestStore): Promise<Checkpointer> {
  const checkpointer = store.open();
  await checkpointer.release(await begin(checkpointer, 'whole', 4));
  const lease = await begin(checkpointer, 'hurt', 3);
  await checkpointer.append(lease, batchOf(3, { blobs: [BLOB], status: 'paused', releases: true }));
  return checkpointer;
}

const named = { code: 'CHECKPOINT', message: expect.stringMatching(/"hurt" is damaged/u) as string };

const SET = 'UPDATE $entries e SET ';
const COPY = 'UPDATE $entries e SET text = w.text, chain = w.chain, blobs = NULL FROM $entries w';
const SAME_PLACE = "w.workflow_id = 'whole' AND w.part = e.part";

describe.skipIf(connectionString === '')('a log in Postgres', () => {
  const damages: readonly [name: string, what: string, change: string, parts: string][] = [
    ['whose last part is missing', 'there are 3 of 4', 'DELETE FROM $entries e', 'part = 3'],
    ['whose first part is missing', 'entry 0 is missing', 'DELETE FROM $entries e', 'part = 0'],
    ['of which a part is missing', 'entry 1 is missing', 'DELETE FROM $entries e', 'part = 1'],
    ['of which nothing is left', 'there are 0 of 4', 'DELETE FROM $entries e', 'true'],
    ['of which a text was changed', 'entry 2 is not', SET + "text = replace(text, 'y 2', 'y 7')", 'part = 2'],
    ['of which a text is empty', 'entry 3 is not', SET + "text = ''", 'part = 3'],
    ['with an entry more', 'entry 3 is not', SET + "text = text || chr(10) || '{}'", 'part = 3'],
    ['with a part of another size', 'entry 3 is not', SET + 'size = 2', 'part = 3'],
    ['whose parts have other places', 'entry 2 is missing', SET + 'first = first + 1', 'part > 1'],
    ['whose parts are in another order', 'entry 1 is missing', SET + 'part = part + 9', 'part = 1'],
    ['of which a large value was changed', 'entry 3 is not', SET + 'blobs = upper(blobs)', 'part = 3'],
    ['of which a large value is missing', 'entry 3 is not', SET + 'blobs = NULL', 'part = 3'],
    ['of which a checksum was changed', 'entry 2 is not', SET + "chain = sha256('other')", 'part = 2'],
    ['with a part of another workflow', 'entry 3 is not', COPY, `${SAME_PLACE} AND e.part = 3`],
    ['that is the log of another workflow', 'entry 0 is not', COPY, SAME_PLACE],
  ];

  test.each(damages)('%s is damaged, and nothing else', async (_, what, change, parts) => {
    await using store = new TestStore(connectionString);
    const checkpointer = await fill(store);
    const statement = change.replaceAll('$entries', '$schema.checkpoint_entries');
    await store.sql(`${statement} WHERE ${parts} AND e.workflow_id = 'hurt'`);

    await expect(checkpointer.read('hurt')).rejects.toThrow(what);
    await expect(checkpointer.read('hurt')).rejects.toMatchObject(named);
    await expect(checkpointer.history('hurt')).rejects.toMatchObject(named);
    expect((await checkpointer.read('whole'))?.entries).toHaveLength(4);
  });
});

describe.skipIf(connectionString === '')('the row of a workflow in Postgres', () => {
  const damages: readonly [name: string, change: string][] = [
    ['with another length', 'length = 3'],
    ['with another status', "status = 'completed'"],
    ['without a status', 'status = NULL'],
    ['with another beginning', 'created_at = created_at - 1'],
    ['with another time of its last change', 'updated_at = updated_at + 1'],
    ['with another target', "head = replace(head, 'target', 'tarqet')"],
    ['with another run', `head = replace(head, '"run"', '"ran"')`],
    ['without a checksum', 'checksum = NULL'],
  ];

  test.each(damages)('%s is damaged for all that ask for it', async (_, change) => {
    await using store = new TestStore(connectionString);
    const checkpointer = await fill(store);
    await store.sql(`UPDATE $schema.checkpoint_workflows SET ${change} WHERE workflow_id = 'hurt'`);

    await expect(checkpointer.read('hurt')).rejects.toMatchObject(named);
    await expect(checkpointer.get('hurt')).rejects.toMatchObject(named);
    await expect(checkpointer.list()).rejects.toMatchObject(named);
    expect(await checkpointer.get('whole')).toMatchObject({ status: 'abandoned' });
  });

  test('that was changed cannot be written to', async () => {
    await using store = new TestStore(connectionString);
    const checkpointer = await fill(store);
    await store.sql(`UPDATE $schema.checkpoint_workflows SET status = 'failed' WHERE workflow_id = 'hurt'`);
    const lease = await checkpointer.acquire('hurt');

    await expect(checkpointer.append(lease, batchOf(4))).rejects.toMatchObject(named);

    await expect(checkpointer.read('hurt')).rejects.toMatchObject(named);
  });

  test('with another checksum of its log is damaged for those who read it', async () => {
    await using store = new TestStore(connectionString);
    const checkpointer = await fill(store);
    await store.sql(`UPDATE $schema.checkpoint_workflows SET chain = sha256('') WHERE workflow_id = 'hurt'`);

    await expect(checkpointer.read('hurt')).rejects.toMatchObject(named);
  });

  test('that is missing does not make a new workflow of one that was there', async () => {
    await using store = new TestStore(connectionString);
    const checkpointer = await fill(store);
    await store.sql(`DELETE FROM $schema.checkpoint_workflows WHERE workflow_id = 'hurt'`);

    await expect(checkpointer.get('hurt')).rejects.toMatchObject(named);
    await expect(checkpointer.read('hurt')).rejects.toMatchObject(named);
    await expect(checkpointer.acquire('hurt')).rejects.toMatchObject(named);
  });
});

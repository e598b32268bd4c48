import assert from 'node:assert/strict';
import type { Checkpointer, WorkflowQuery } from '../checkpoint/checkpointer.ts';
import { assertRefused, idsOf, listAll } from './checkpointer-asserts.ts';
import { pass } from './checkpointer-waiting.ts';
import { begin, write, type Open, type Cases } from './checkpointer-writer.ts';

/** Begun at once, so that several have the same time. */
async function writeMany(checkpointer: Checkpointer, count: number, prefix = 'many'): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `${prefix} ${(index * 7) % count}`);
  await Promise.all(ids.map((id) => write(checkpointer, id)));
  return ids.toSorted();
}

/** Which workflows there are. */
export const listCases: Cases = {
  'an empty store lists nothing, on one page': async (open: Open) => {
    const checkpointer = await open();

    const page = await checkpointer.list();

    assert.deepEqual([[...page], 'cursor' in page], [[], false]);
  },

  'workflows are listed in the order in which they were created': async (open) => {
    const checkpointer = await open();
    const ids = ['d', 'b', 'e', 'a', 'c'];
    for (const id of ids) {
      await write(checkpointer, id);
      await pass(3);
    }

    const listed = await checkpointer.list();

    assert.deepEqual(idsOf(listed), ids);
  },

  'a workflow keeps its place when it changes': async (open) => {
    const checkpointer = await open();
    const first = await begin(checkpointer, 'z first');
    await pass(3);
    await write(checkpointer, 'a second');

    await first.append({ status: 'completed' });

    assert.deepEqual(idsOf(await checkpointer.list()), ['z first', 'a second']);
  },

  'a list holds those of the status that is asked for': async (open) => {
    const checkpointer = await open();
    const statuses = ['paused', 'completed', 'failed', 'cancelled', 'timedOut'] as const;
    for (const status of statuses) await write(checkpointer, status, status);
    await begin(checkpointer, 'running');

    for (const status of [...statuses, 'running'] as const) {
      const listed = await checkpointer.list({ status });
      assert.deepEqual(
        listed.map((record) => [record.workflowId, record.status]),
        [[status, status]],
      );
    }
  },

  'a list tells abandoned workflows from running ones': async (open) => {
    const checkpointer = await open();
    await begin(checkpointer, 'held');
    await write(checkpointer, 'left', 'running');
    await write(checkpointer, 'done');

    const listed = [
      idsOf(await checkpointer.list({ status: 'running' })),
      idsOf(await checkpointer.list({ status: 'abandoned' })),
    ];

    assert.deepEqual(listed, [['held'], ['left']]);
  },

  'a page holds as many as may be, and leads to the next one': async (open) => {
    const checkpointer = await open();
    await writeMany(checkpointer, 3);

    const page = await checkpointer.list({ limit: 2 });

    assert.deepEqual([page.length, typeof page.cursor], [2, 'string']);
  },

  'the last page leads nowhere, also when it is full': async (open) => {
    const checkpointer = await open();
    await writeMany(checkpointer, 4);

    const [whole, half] = [await checkpointer.list({ limit: 4 }), await checkpointer.list({ limit: 2 })];
    const rest = await checkpointer.list({ limit: 2, cursor: half.cursor });

    assert.deepEqual([whole.length, 'cursor' in whole], [4, false]);
    assert.deepEqual([rest.length, 'cursor' in rest], [2, false]);
  },

  'a page holds 100 unless told otherwise': async (open) => {
    const checkpointer = await open();
    await writeMany(checkpointer, 101);

    const page = await checkpointer.list();
    const rest = await checkpointer.list({ cursor: page.cursor });

    assert.deepEqual([page.length, rest.length], [100, 1]);
  },

  'pages hold every workflow once, in the order of the whole list': async (open) => {
    const checkpointer = await open();
    const ids = await writeMany(checkpointer, 30);
    const whole = idsOf(await checkpointer.list());

    const paged = idsOf(await listAll(checkpointer, { limit: 4 }));

    assert.deepEqual(paged, whole);
    assert.deepEqual(paged.toSorted(), ids);
  },

  'pages of one status hold each of them once': async (open) => {
    const checkpointer = await open();
    for (let index = 0; index < 12; index += 1)
      await write(checkpointer, `each ${index}`, index % 3 === 0 ? 'paused' : 'completed');
    const query: WorkflowQuery = { status: 'paused', limit: 2 };

    const [first, all] = [await checkpointer.list(query), await listAll(checkpointer, query)];

    assert.equal(first.length, 2);
    assert.deepEqual(idsOf(all).toSorted(), ['each 0', 'each 3', 'each 6', 'each 9']);
  },

  'workflows that are added between two pages neither hide nor repeat others': async (open) => {
    const checkpointer = await open();
    const ids = await writeMany(checkpointer, 9);
    const seen: string[] = [];

    for (let cursor: string | undefined, round = 0; round < 3; round += 1) {
      const page = await checkpointer.list({ limit: 3, cursor });
      seen.push(...idsOf(page));
      cursor = page.cursor;
      await pass(3); // one of the same ms may belong on a page that has been read
      await writeMany(checkpointer, 2, `added ${round}`);
    }

    assert.deepEqual(seen.toSorted(), ids);
  },

  'workflows that are deleted between two pages hide no others': async (open) => {
    const checkpointer = await open();
    const ids = await writeMany(checkpointer, 6);
    const first = await checkpointer.list({ limit: 3 });
    for (const id of idsOf(first)) await checkpointer.delete(id);

    const rest = await checkpointer.list({ limit: 3, cursor: first.cursor });

    assert.deepEqual([...idsOf(first), ...idsOf(rest)].toSorted(), ids);
  },

  'a limit that is no number of workflows is refused': async (open) => {
    const checkpointer = await open();

    for (const limit of [0, -1, 1.5, Number.NaN])
      await assertRefused(checkpointer.list({ limit }), 'CHECKPOINT');
  },

  'a cursor that came from nowhere is refused': async (open) => {
    const checkpointer = await open();

    for (const cursor of ['', 'from nowhere'])
      await assertRefused(checkpointer.list({ cursor }), 'CHECKPOINT');
  },
};

import assert from 'node:assert/strict';
import type { Checkpointer } from '../checkpoint/checkpointer.ts';
import { assertRefused, idsOf, listAll } from './checkpointer-asserts.ts';
import { eventually, pass } from './checkpointer-waiting.ts';
import {
  begin,
  blobOf,
  entry,
  HEAD,
  ID,
  startEntry,
  write,
  Writer,
  type Open,
  type Cases,
} from './checkpointer-writer.ts';

/** Ids that are easily taken for each other, or for something else than a name. */
const ODD_IDS = [
  'order',
  'Order',
  'order ',
  ' order',
  'orde',
  'order/1',
  'order%',
  'ord_r',
  'order*',
  'order.',
  '..',
  '.',
  '../order',
  '/order',
  'order\\1',
  'C:\\order',
  'order?x=1&y#z',
  "o'rder",
  'o"rder',
  'o`rder',
  '$1',
  '%00',
  'é',
  'e\u0301',
  '漢字',
  '😀',
  '\ufeff',
  '\u202e',
  ' ',
  '\n',
  '\t',
  '0',
  '1',
  '1.0',
  '-1',
  'null',
  'true',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  'con',
  'NaN',
  "'; DROP TABLE workflows; --",
  'x'.repeat(500),
  `${'x'.repeat(499)}y`,
  '漢'.repeat(500),
];

const FORK = { workflowId: 'the "first" é', step: 3 } as const;

async function statusOf(checkpointer: Checkpointer): Promise<string | undefined> {
  return (await checkpointer.get(ID))?.status;
}

/** What is known of a workflow, and its log as messages. */
export const recordCases: Cases = {
  'a record tells what the workflow began with': async (open: Open) => {
    const checkpointer = await open();
    const head = { target: 'report "é" 😀', runId: 'run \\ 1', forkedFrom: FORK };

    await begin(checkpointer, ID, { status: 'paused', head });

    const record = await checkpointer.get(ID);
    const { createdAt, updatedAt } = record ?? {};
    assert.deepEqual(record, { workflowId: ID, ...head, status: 'paused', createdAt, updatedAt });
  },

  'the record of a workflow that is no fork has no origin': async (open) => {
    const checkpointer = await open();

    await begin(checkpointer);

    const record = await checkpointer.get(ID);
    assert.deepEqual(Object.keys(record ?? {}).toSorted(), [
      'createdAt',
      'runId',
      'status',
      'target',
      'updatedAt',
      'workflowId',
    ]);
  },

  'get, read and list tell the same of a workflow': async (open) => {
    const checkpointer = await open();
    await begin(checkpointer, ID, { head: { ...HEAD, forkedFrom: FORK } });

    const record = await checkpointer.get(ID);

    assert.notEqual(record, undefined);
    assert.deepEqual((await checkpointer.read(ID))?.record, record);
    assert.deepEqual([...(await checkpointer.list())], [record]);
  },

  'times are whole ms since the epoch': async (open) => {
    const checkpointer = await open();
    const begun = Date.UTC(2020, 0);

    await begin(checkpointer);

    const { createdAt, updatedAt } = (await checkpointer.get(ID)) ?? {};
    assert.ok(Number.isSafeInteger(createdAt) && Number(createdAt) > begun, `Got ${createdAt}`);
    assert.ok(Number.isSafeInteger(updatedAt) && Number(updatedAt) >= Number(createdAt), `Got ${updatedAt}`);
  },

  'a batch moves the time of the last change, and not that of the beginning': async (open) => {
    const checkpointer = await open();
    const writer = await begin(checkpointer);
    const before = await checkpointer.get(ID);
    await pass(3);

    await writer.append();

    const after = await checkpointer.get(ID);
    assert.equal(after?.createdAt, before?.createdAt);
    assert.ok(Number(after?.updatedAt) > Number(before?.updatedAt), 'Expected `updatedAt` to be later');
  },

  'a workflow has the status of its last batch': async (open) => {
    const checkpointer = await open();
    const writer = await begin(checkpointer);
    const statuses = [
      'paused',
      'running',
      'failed',
      'running',
      'timedOut',
      'cancelled',
      'completed',
    ] as const;
    const seen: unknown[] = [];

    for (const status of statuses) {
      await writer.append({ status });
      seen.push(await statusOf(checkpointer));
    }

    assert.deepEqual(seen, statuses);
  },

  'a workflow that is neither running nor held keeps its status': async (open) => {
    const checkpointer = await open();
    const statuses = ['paused', 'failed', 'timedOut', 'cancelled', 'completed'] as const;
    for (const status of statuses) await write(checkpointer, status, status);

    const seen = await Promise.all(statuses.map(async (id) => (await checkpointer.get(id))?.status));

    assert.deepEqual(seen, statuses);
  },

  'a paused workflow whose lease has run out is still paused': async (open) => {
    const checkpointer = await open({ lease: 5 });
    await begin(checkpointer, ID, { status: 'paused' });

    await pass(10);

    assert.equal(await statusOf(checkpointer), 'paused');
  },

  'a running workflow whose lease was given up is abandoned': async (open) => {
    const checkpointer = await open();
    const { lease } = await begin(checkpointer);

    await checkpointer.release(lease);

    assert.equal(await statusOf(checkpointer), 'abandoned');
  },

  'a running workflow whose lease has run out is abandoned': async (open) => {
    const checkpointer = await open({ lease: 5 });
    await begin(checkpointer);

    await eventually('the workflow is abandoned', async () =>
      (await statusOf(checkpointer)) === 'abandoned' ? true : undefined,
    );

    assert.equal((await checkpointer.read(ID))?.record.status, 'abandoned');
  },

  'an abandoned workflow that somebody acquires is running': async (open) => {
    const checkpointer = await open();
    await write(checkpointer, ID, 'running');

    await checkpointer.acquire(ID);

    assert.equal(await statusOf(checkpointer), 'running');
  },

  'a workflow that was acquired, and has no batch yet, is unknown': async (open) => {
    const checkpointer = await open();

    await checkpointer.acquire(ID);

    assert.deepEqual(
      [await checkpointer.get(ID), await checkpointer.read(ID), (await checkpointer.list()).length],
      [undefined, undefined, 0],
    );
  },

  'a workflow that is unknown has no record': async (open) => {
    const checkpointer = await open();
    await write(checkpointer, 'another');

    assert.equal(await checkpointer.get(ID), undefined);
  },

  'any text can be an id, and no two are taken for each other': async (open) => {
    const checkpointer = await open();
    for (const [index, id] of ODD_IDS.entries())
      await begin(checkpointer, id, { entries: [entry('odd', { index })], head: { ...HEAD, runId: id } });

    const stored = await Promise.all(ODD_IDS.map((id) => checkpointer.read(id)));

    assert.deepEqual(
      stored.map((each) => [each?.record.workflowId, each?.record.runId, each?.entries]),
      ODD_IDS.map((id, index) => [id, id, [entry('odd', { index })]]),
    );
    assert.deepEqual(idsOf(await listAll(checkpointer, { limit: 7 })).toSorted(), ODD_IDS.toSorted());
  },

  'the history is the log as messages, oldest first': async (open) => {
    const checkpointer = await open();
    const writer = await begin(checkpointer, ID, { entries: [startEntry([[0], ['date', 5]])] });
    await writer.append({
      entries: [
        entry('RequestCreation', {
          ordinal: 0,
          source: -1,
          name: 'report',
          kind: 'node',
          input: [1],
          time: 2,
        }),
        entry('RequestSuccess', { ordinal: 0, output: [['bigint', '7']], time: 3 }),
      ],
    });
    await writer.append({ entries: [entry('RunEnd', { status: 'completed', answer: [true], time: 4 })] });

    const history = await checkpointer.history(ID);

    assert.deepEqual(
      history.map((message) => [message.type, message.time]),
      [
        ['RunStart', undefined],
        ['RequestCreation', 2],
        ['RequestSuccess', 3],
        ['RunEnd', 4],
      ].map(([type, time]) => [type, time ?? 1]),
    );
    assert.deepEqual(Reflect.get(history[0] ?? {}, 'input'), new Date(5));
    assert.deepEqual(Reflect.get(history[2] ?? {}, 'output'), 7n);
  },

  'the history holds large values in their places': async (open) => {
    const checkpointer = await open();
    const blob = blobOf('["large"]');
    const parts = [
      ['page', [1]],
      ['text', { blob: blob.hash }],
    ];

    await begin(checkpointer, ID, {
      entries: [startEntry({ blob: blob.hash }), startEntry({ parts })],
      blobs: [blob],
    });

    const history = await checkpointer.history(ID);
    assert.deepEqual(
      history.map((message) => Reflect.get(message, 'input') as unknown),
      ['large', { page: 1, text: 'large' }],
    );
  },

  'the history of a workflow that is unknown is an error': async (open) => {
    const checkpointer = await open();

    await checkpointer.acquire(ID);

    await assertRefused(checkpointer.history(ID), 'WORKFLOW_NOT_FOUND');
  },

  'a log with a line that is no entry is an error, and no shorter history': async (open) => {
    const checkpointer = await open();
    const writer = new Writer(checkpointer, await checkpointer.acquire(ID));

    await writer.append({ entries: [startEntry(), '{"time":1}', startEntry()], head: HEAD });

    await assertRefused(checkpointer.history(ID), 'CHECKPOINT');
  },

  'a log that lacks a large value is an error': async (open) => {
    const checkpointer = await open();

    await begin(checkpointer, ID, { entries: [startEntry({ blob: blobOf('["large"]').hash })] });

    await assertRefused(checkpointer.history(ID), 'CHECKPOINT');
  },
};

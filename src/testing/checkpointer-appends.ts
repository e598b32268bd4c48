import assert from 'node:assert/strict';
import { assertRefused, assertUnchanged } from './checkpointer-asserts.ts';
import { tryAcquire } from './checkpointer-waiting.ts';
import {
  begin,
  blobOf,
  entries,
  entry,
  HEAD,
  ID,
  startEntry,
  write,
  type Open,
  type Cases,
} from './checkpointer-writer.ts';

const MEGABYTE = 2 ** 20;

/** Lines that something which reads and writes JSON, or knows fewer characters, would change. */
const ODD_LINES = [
  ' { "z" : 1.0,  "a":[ 1e2, -0, 12345678901234567890 ],"a":null } ',
  '{"escaped":"\\u0000 \\n \\r \\u2028 \\/ \\ud800 \\"","tab":"\\t"}',
  '{"plain":"\u2028 \u2029 \u0085 \u007f é e\u0301 漢字 😀 🏴\u200d☠️ \u202e \ufeff"}',
  String.raw`{"quotes":"' '' \" ; -- $1 ? %s \\"}`,
  '{"__proto__":{"polluted":true}}',
];

/** What is appended is there, exactly as it was given, all of it or nothing. */
export const appendCases: Cases = {
  'entries come back in the order in which they were appended': async (open: Open) => {
    const checkpointer = await open();
    const writer = await begin(checkpointer);

    for (const name of ['first', 'second', 'third']) await writer.append({ entries: entries(4, name) });

    assert.deepEqual((await checkpointer.read(ID))?.entries, [
      startEntry(),
      ...entries(4, 'first'),
      ...entries(4, 'second'),
      ...entries(4, 'third'),
    ]);
  },

  'entries come back character by character': async (open) => {
    const checkpointer = await open();
    const writer = await begin(checkpointer, ID, { entries: ODD_LINES });

    await writer.append({ entries: ODD_LINES.toReversed() });

    assert.deepEqual((await checkpointer.read(ID))?.entries, [...ODD_LINES, ...ODD_LINES.toReversed()]);
  },

  'an entry of 1 MB comes back': async (open) => {
    const checkpointer = await open();
    const large = entry('AnswerKept', { key: 'large', value: ['é'.repeat(MEGABYTE / 2)], time: 1 });

    await begin(checkpointer, ID, { entries: [large] });

    assert.ok(
      (await checkpointer.read(ID))?.entries[0] === large,
      'Expected the entry of 1 MB as it was appended',
    );
  },

  '1,000 batches come back': async (open) => {
    const checkpointer = await open();
    const all = entries(1_000);
    const writer = await begin(checkpointer, ID, { entries: all.slice(0, 1) });

    for (const line of all.slice(1)) await writer.append({ entries: [line] });

    assert.deepEqual((await checkpointer.read(ID))?.entries, all);
  },

  '10,000 entries of one batch come back': async (open) => {
    const checkpointer = await open();
    const all = entries(10_000);

    await begin(checkpointer, ID, { entries: all });

    assert.deepEqual((await checkpointer.read(ID))?.entries, all);
  },

  'a batch without entries adds none': async (open) => {
    const checkpointer = await open();
    const writer = await begin(checkpointer);

    await writer.append({ status: 'paused' });
    await writer.append({ entries: entries(1) });

    assert.deepEqual((await checkpointer.read(ID))?.entries, [startEntry(), ...entries(1)]);
  },

  'a batch that begins before the end of the log is refused whole': async (open) => {
    const checkpointer = await open();
    const writer = await begin(checkpointer, ID, { entries: entries(3) });

    await assertUnchanged(checkpointer, ID, async () => {
      const batch = { entries: entries(2, 'other'), status: 'failed', blobs: [blobOf('[1]')] } as const;
      await assertRefused(writer.append({ ...batch, first: 2 }), 'CHECKPOINT');
      await assertRefused(writer.append({ ...batch, first: 0, head: HEAD }), 'CHECKPOINT');
    });
  },

  'a batch that begins past the end of the log is refused whole': async (open) => {
    const checkpointer = await open();
    const writer = await begin(checkpointer, ID, { entries: entries(3) });

    await assertUnchanged(checkpointer, ID, () =>
      assertRefused(
        writer.append({ first: 4, entries: entries(2, 'other'), status: 'failed', blobs: [blobOf('[1]')] }),
        'CHECKPOINT',
      ),
    );
  },

  'a batch that is refused does not give up its lease': async (open) => {
    const checkpointer = await open();
    const writer = await begin(checkpointer);

    await assertRefused(writer.append({ first: 7, releases: true }), 'CHECKPOINT');

    assert.equal(await tryAcquire(checkpointer), undefined);
    await writer.append({ entries: entries(1) });
  },

  'of two batches that are appended at one place at once, one is stored': async (open) => {
    const checkpointer = await open();
    const writer = await begin(checkpointer, ID, { entries: [] });
    const batches = [entries(2, 'one'), entries(2, 'two')];

    const outcomes = await Promise.allSettled(
      batches.map((lines) => writer.append({ first: 0, entries: lines })),
    );

    const stored = batches.filter((_, index) => outcomes[index]?.status === 'fulfilled');
    assert.equal(stored.length, 1);
    assert.deepEqual((await checkpointer.read(ID))?.entries, stored[0]);
  },

  'what was read does not change with what is appended later': async (open) => {
    const checkpointer = await open();
    const writer = await begin(checkpointer);
    const before = await checkpointer.read(ID);
    const copy = structuredClone(before);

    await writer.append({ entries: entries(2), status: 'paused', blobs: [blobOf('[1]')] });

    assert.deepEqual(before, copy);
  },

  'what was appended does not change with the arrays that it came in': async (open) => {
    const checkpointer = await open();
    const lines = entries(2);
    const blobs = [blobOf('[1]')];
    await begin(checkpointer, ID, { entries: lines, blobs });

    lines.length = 0;
    blobs.length = 0;

    const stored = await checkpointer.read(ID);
    assert.deepEqual([stored?.entries, stored?.blobs.size], [entries(2), 1]);
  },

  'large values come back by their hashes': async (open) => {
    const checkpointer = await open();
    const blobs = [blobOf(JSON.stringify(['é😀\u2028'.repeat(2 ** 17)])), blobOf('[2]'), blobOf('[3]')];
    const writer = await begin(checkpointer, ID, { blobs: blobs.slice(0, 1) });

    await writer.append({ blobs: blobs.slice(1, 2) });
    await writer.append({ entries: entries(1), status: 'paused', blobs: blobs.slice(2) });

    assert.deepEqual(
      (await checkpointer.read(ID))?.blobs,
      new Map(blobs.map(({ hash, text }) => [hash, text])),
    );
  },

  'a large value is of the workflow that it was appended to, and of no other': async (open) => {
    const checkpointer = await open();
    const [shared, own] = [blobOf('["shared"]'), blobOf('["own"]')];
    await begin(checkpointer, 'one', { status: 'paused', releases: true, blobs: [shared, own] });
    await begin(checkpointer, 'two', { blobs: [shared] });

    await checkpointer.delete('one');

    assert.deepEqual((await checkpointer.read('two'))?.blobs, new Map([[shared.hash, shared.text]]));
  },

  'a batch that replaces takes the place of all entries and large values before it': async (open) => {
    const checkpointer = await open();
    const [old, kept] = [blobOf('["old"]'), blobOf('["kept"]')];
    const writer = await begin(checkpointer, ID, { entries: entries(5), blobs: [old, kept] });

    await writer.append({ entries: entries(2, 'left'), replaces: true, status: 'completed', blobs: [kept] });

    const stored = await checkpointer.read(ID);
    assert.deepEqual(stored?.entries, entries(2, 'left'));
    assert.deepEqual(stored.blobs, new Map([[kept.hash, kept.text]]));
  },

  'a workflow whose entries were replaced is the same workflow': async (open) => {
    const checkpointer = await open();
    const writer = await begin(checkpointer);
    const before = await checkpointer.get(ID);

    await writer.append({ entries: entries(1), replaces: true, status: 'cancelled', releases: true });

    const after = await checkpointer.get(ID);
    assert.deepEqual(after, { ...before, status: 'cancelled', updatedAt: after?.updatedAt });
  },

  'after a batch that replaces, the log goes on behind its entries': async (open) => {
    const checkpointer = await open();
    const writer = await begin(checkpointer, ID, { entries: entries(5) });
    await writer.append({ entries: entries(2, 'left'), replaces: true });

    await writer.append({ first: 2, entries: entries(1, 'next') });

    assert.deepEqual((await checkpointer.read(ID))?.entries, [...entries(2, 'left'), ...entries(1, 'next')]);
  },

  'a batch that replaces is refused when it does not know how many entries there were': async (open) => {
    const checkpointer = await open();
    const writer = await begin(checkpointer, ID, { entries: entries(3), blobs: [blobOf('[1]')] });

    await assertUnchanged(checkpointer, ID, async () => {
      for (const first of [0, 2, 4])
        await assertRefused(
          writer.append({ first, entries: entries(1, 'left'), replaces: true, status: 'completed' }),
          'CHECKPOINT',
        );
    });
  },

  'a workflow that is unknown reads as undefined': async (open) => {
    const checkpointer = await open();
    await write(checkpointer, 'another');

    assert.equal(await checkpointer.read(ID), undefined);
  },
};

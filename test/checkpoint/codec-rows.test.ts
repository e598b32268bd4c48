import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeMessages, MessageEncoder } from '../../src/log/codec.ts';
import type { NodeStartMessage, RequestCreationMessage } from '../../src/log/messages.ts';

const UNSET = { previous: undefined, step: undefined } as const;
const FIRST = { type: 'NodeStart', attempt: 1, ...UNSET } as const;

const calls = fc.record({
  type: fc.constant('RequestCreation' as const),
  ordinal: fc.nat(),
  source: fc.integer({ min: -1 }),
  time: fc.integer({ min: 0, max: 8.64e15 }),
  name: fc.string({ unit: 'binary' }),
  kind: fc.constantFrom('node' as const, 'graph' as const, 'gate' as const),
  input: fc.jsonValue(),
});

/** The line of a call and of what begins with it, and the large values in it; undefined where it is none. */
function lineOf(call: RequestCreationMessage, start: NodeStartMessage, blobBytes: number) {
  const encoder = new MessageEncoder({ blobBytes, maxValueBytes: 2 ** 26 });
  const { text, blobs } = encoder.message(call, { input: encoder.value(call.input) });
  const line = encoder.begun(text, call, start);
  return { line, blobs: new Map(blobs.map((blob) => [blob.hash, blob.text])) };
}

describe('a call that begins at once', () => {
  test('comes back as its two messages from one line', () => {
    fc.assert(
      fc.property(calls, fc.nat(), fc.constantFrom(1, 60, 2 ** 16), (call, delay, blobBytes) => {
        const creation = { ...call, ...UNSET };
        const start = { ...FIRST, ordinal: call.ordinal, time: call.time + delay };

        const { line = '', blobs } = lineOf(creation, start, blobBytes);

        expect(decodeMessages([line], blobs)).toEqual([creation, start]);
      }),
    );
  });

  test.each([
    ['it is another that begins', {}, { ordinal: 2 }],
    ['it is tried again', {}, { attempt: 2 }],
    ['it has a key', { key: 'a' }, {}],
    ['it has a scope of its own', { hasScope: true as const }, {}],
  ])('has two lines where %s', (_, ofCall, ofStart) => {
    const call = { type: 'RequestCreation' as const, ordinal: 1, time: 5, source: 0, name: 'a', input: 1 };
    const start = { ...FIRST, ordinal: 1, time: 5, ...ofStart };

    expect(lineOf({ ...call, kind: 'node', ...UNSET, ...ofCall }, start, 100).line).toBeUndefined();
  });
});

test.each([
  { plain: 1 },
  { plain: {} },
  { blob: 'abc' },
  { parts: 1 },
  { parts: [] },
  { parts: 'a', plain: null },
  {},
])('a value that looks like what stands for others comes back as it was: %j', (value) => {
  const encoder = new MessageEncoder({ blobBytes: 2 ** 16, maxValueBytes: 2 ** 26 });
  const success = { type: 'RequestSuccess' as const, ordinal: 1, time: 5, output: value, ...UNSET };

  const { text } = encoder.message(success, { output: encoder.value(value) });

  expect(decodeMessages([text], new Map())).toEqual([success]);
});

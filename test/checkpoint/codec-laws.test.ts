import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeMessages, MessageEncoder, type StoredValue } from '../../src/log/codec.ts';
import type { LogMessage } from '../../src/log/messages.ts';
import { encodeValue } from '../../src/stored-value.ts';

const VALUE_FIELDS = ['input', 'output', 'error', 'value', 'answer'] as const;

/** Values of every kind that can be stored; errors with causes and fields among them. */
const { value: anyValue } = fc.letrec<{ value: unknown; error: Error }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.anything({
      maxDepth: 2,
      maxKeys: 3,
      values: [
        fc.constantFrom(null, undefined, true, false, Number.NaN, -0, Infinity, -Infinity),
        fc.double(),
        fc.bigInt(),
        fc.string({ unit: 'binary' }),
        fc.date({ noInvalidDate: false }),
        fc.webUrl().map((url) => new URL(url)),
        fc.constantFrom(/a"\/b/giu, /^$/u, /[\]]/y),
        fc.string({ minLength: 40, maxLength: 200 }),
      ],
      withBigInt: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withNullPrototype: true,
      key: fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'blob', 'parts', '0')),
    }),
    fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), tie('value'), { maxKeys: 4 }),
    tie('error'),
  ),
  error: fc
    .record({
      constructor: fc.constantFrom(Error, TypeError, RangeError),
      message: fc.string(),
      cause: tie('value'),
      fields: fc.dictionary(fc.constantFrom('code', 'details', 'retryAfterMs'), tie('value')),
    })
    .map(({ constructor: Class, message, cause, fields }) =>
      Object.assign(new Class(message, { cause }), fields),
    ),
}));

/** Records in which one object is met more than once, and some that hold themselves. */
const knotted = fc
  .record({ shared: anyValue, text: fc.string({ maxLength: 60 }), isCycle: fc.boolean() })
  .map(({ shared, text, isCycle }) => {
    const record: Record<string, unknown> = {
      text,
      one: { shared },
      two: [shared],
      map: new Map([[1, shared]]),
    };
    if (isCycle) record['self'] = { back: record };
    return record;
  });

const value = fc.oneof({ weight: 4, arbitrary: anyValue }, { weight: 1, arbitrary: knotted });

const text = fc.string({ unit: 'binary' });
const count = fc.nat();
const time = fc.integer({ min: 0, max: 8.64e15 });
const about = {
  ordinal: count,
  time,
  previous: fc.constant(undefined),
  step: fc.option(count, { nil: undefined }),
};
const forkedFrom = fc.record({ workflowId: text, step: count }, { noNullPrototype: true });
const status = fc.constantFrom('completed', 'failed', 'cancelled', 'timedOut');
const is = <Type extends string>(...types: Type[]) => fc.constantFrom(...types);

const kinds: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  RequestCreation: fc.record(
    {
      ...about,
      type: is('RequestCreation'),
      source: fc.integer({ min: -1 }),
      name: text,
      kind: is('node', 'graph', 'gate', 'interrupt'),
      input: value,
      key: text,
      hasScope: fc.constant(true),
    },
    { requiredKeys: ['type', 'ordinal', 'time', 'previous', 'step', 'source', 'name', 'kind', 'input'] },
  ),
  NodeStart: fc.record({ ...about, type: is('NodeStart'), attempt: count }),
  NodeRetry: fc.record({ ...about, type: is('NodeRetry'), attempt: count, error: value, delayMs: count }),
  Interrupt: fc.record({ ...about, type: is('Interrupt'), key: text, value }),
  InterruptResolved: fc.record({ ...about, type: is('InterruptResolved'), key: text, value, open: count }),
  InterruptWithdrawn: fc.record({
    ...about,
    type: is('InterruptWithdrawn'),
    key: text,
    error: value,
    open: count,
  }),
  ContextWrite: fc.record({ ...about, type: is('ContextWrite'), key: text, isDelete: fc.boolean(), value }),
  NodeLeftOut: fc.record({
    ...about,
    type: is('NodeLeftOut'),
    name: text,
    status: is('skipped', 'blocked', 'failed'),
    reason: text,
  }),
  RequestSuccess: fc.record({ ...about, type: is('RequestSuccess'), output: value }),
  'a bad end': fc.record({
    ...about,
    type: is(
      'RequestFailure',
      'RequestCreationFailure',
      'RequestTimedOut',
      'RequestCancelled',
      'FatalFailure',
    ),
    error: value,
  }),
  RunStart: fc.record(
    {
      type: is('RunStart'),
      runId: text,
      target: text,
      input: value,
      time,
      durable: fc.record(
        {
          given: value,
          structure: text,
          shape: fc
            .jsonValue()
            .map((shape) => JSON.stringify(shape))
            .map((shape) => JSON.stringify(JSON.parse(shape))),
          definition: text,
          forkedFrom,
          select: fc.array(text, { maxLength: 3 }),
          isShortened: fc.boolean(),
        },
        { requiredKeys: ['given', 'structure', 'shape', 'definition'], noNullPrototype: true },
      ),
    },
    { requiredKeys: ['type', 'runId', 'target', 'input', 'time'] },
  ),
  'a pause': fc.record({ type: is('RunPause', 'RunResume'), time }),
  RunContinue: fc.record({
    type: is('RunContinue'),
    reason: is('resume', 'retry', 'fork'),
    reopened: fc.array(count),
    definition: text,
    time,
  }),
  AnswerKept: fc.record({ type: is('AnswerKept'), key: text, value, time }),
  RunEnd: fc.record({
    type: is('RunEnd'),
    status,
    answer: value,
    error: fc.option(value, { nil: undefined }),
    time,
  }),
};

const messages = Object.fromEntries(
  Object.entries(kinds).map(([name, arbitrary]) => [name, arbitrary as fc.Arbitrary<LogMessage>]), // as their fields say
);
const anyMessage = fc.oneof(...Object.values(messages));
/** From "everything is large" to "nothing is". */
const blobBytes = fc.constantFrom(1, 20, 60, 200, 2 ** 16);

interface Encoded {
  readonly entries: readonly string[];
  readonly blobs: ReadonlyMap<string, string>;
}

/** As a journal encodes: values are made ready first, and refused there if they cannot be stored. */
function encode(log: readonly LogMessage[], limit: number): Encoded {
  const encoder = new MessageEncoder({ blobBytes: limit, maxValueBytes: 2 ** 26 });
  const stored = log.map((message) => encoder.message(message, readyOf(message, encoder)));
  return {
    entries: stored.map((each) => each.text),
    blobs: new Map(stored.flatMap((each) => each.blobs.map((blob) => [blob.hash, blob.text]))),
  };
}

function readyOf(message: LogMessage, encoder: MessageEncoder): Record<string, StoredValue> {
  const ready: Record<string, StoredValue> = {};
  for (const field of VALUE_FIELDS)
    if (field in message) ready[field] = encoder.value(Reflect.get(message, field));
  if (message.type === 'RunStart' && message.durable !== undefined)
    ready['given'] = encoder.value(message.durable.given);
  return ready;
}

/** A message as a text that tells also which objects are one and the same; the log sets `previous` and `step` anew. */
function shown(message: LogMessage): string {
  const {
    previous: _previous,
    step: _step,
    durable,
    ...fields
  } = message as LogMessage & Record<string, unknown>;
  const all = { ...fields, ...(durable === undefined ? {} : { durable: true, ...durable }) };
  return Object.keys(all)
    .toSorted((one, other) => (one < other ? -1 : 1))
    .map((key) => `${key}: ${encodeValue(Reflect.get(all, key))}`)
    .join('\n');
}

function decodedOrError({ entries, blobs }: Encoded): readonly LogMessage[] | Error {
  try {
    return decodeMessages(entries, blobs);
  } catch (error) {
    return error as Error; // asserted by those who ask
  }
}

describe('a message that was encoded and decoded', () => {
  test.each(Object.entries(messages))('equals the message: %s', (_, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, blobBytes, (message, limit) => {
        const { entries, blobs } = encode([message], limit);

        const [decoded] = decodeMessages(entries, blobs);

        expect(decoded === undefined ? undefined : shown(decoded)).toBe(shown(message));
      }),
      { numRuns: 70 },
    );
  });

  test('equals the message also when its values were not made ready', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const encoder = new MessageEncoder({ blobBytes: 2 ** 16, maxValueBytes: 2 ** 26 });
        const isStart = message.type === 'RunStart';
        const values = isStart ? readyOf(message, encoder) : {};

        const [decoded] = decodeMessages([encoder.message(message, values).text], new Map());

        expect(decoded === undefined ? undefined : shown(decoded)).toBe(shown(message));
      }),
      { numRuns: 150 },
    );
  });
});

describe('a log', () => {
  test('comes back message by message, in one line each', () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 8 }), blobBytes, (log, limit) => {
        const { entries, blobs } = encode(log, limit);

        expect(entries.join('')).not.toMatch(/[\n\r]/u);
        expect(decodeMessages(entries, blobs).map(shown)).toEqual(log.map(shown));
      }),
      { numRuns: 60 },
    );
  });

  test('with another number of messages than it has lines is an error', () => {
    const lines = [[''], ['{"type":"a"},{"type":"b"}'], ['{"type":"a"', '"time":1}'], ['{"type":"a"}', ' ']];

    for (const entries of lines) expect(() => decodeMessages(entries, new Map())).toThrow(Error);
  });

  test.each([
    'null',
    '5',
    '"RunPause"',
    '[]',
    '{}',
    '{"type":5}',
    '{"time":1}',
    '["start"',
    '["began",1,1,1]',
    '["return",1,1]',
    '["start",1,1]',
    '["start",1,1,"1"]',
    '["start",1,1,1,1]',
    '["call",1,0,1,"a",null,1]',
    '["call",1,0,1,"a","node",1,0]',
    '["run",1,0,1,"a","node",1]',
    '["end","completed",1]',
    '["end",1,1,1]',
    '["run",1,0,1,"a","node",1,"0"]',
    '["toString",1]',
    '[]',
    '5',
    'null',
    '{"type":"RunEnd","answer":{"parts":1}}',
    '{"type":"RunEnd","answer":[]x}',
    '{"type":"RunStart","durable":{}}',
    '{"type":"RunEnd","answer":{"parts":[["key"]]}}',
  ])('with a line that is no entry is an error: %s', (line) => {
    expect(() => decodeMessages([line], new Map())).toThrow(Error);
  });

  test('that lacks a large value is an error', () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { minLength: 1, maxLength: 4 }), fc.nat(), (log, at) => {
        const { entries, blobs } = encode(log, 1);
        fc.pre(blobs.size > 0);
        const without = new Map(blobs);
        without.delete([...blobs.keys()][at % blobs.size] ?? '');

        expect(() => decodeMessages(entries, without)).toThrow(Error);
      }),
    );
  });

  test('is never read with a large value that was changed', () => {
    fc.assert(
      fc.property(
        fc.array(anyMessage, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.nat(),
        (log, at, place) => {
          const { entries, blobs } = encode(log, 1);
          fc.pre(blobs.size > 0);
          const [hash, large] = [...blobs][at % blobs.size] ?? ['', ''];
          const damaged = new Map(blobs).set(hash, flipped(large, place, 1));

          expect(() => decodeMessages(entries, damaged)).toThrow(Error);
        },
      ),
    );
  });

  test('that was damaged is an error, or as many other messages, and changes no prototype', () => {
    fc.assert(
      fc.property(
        fc.array(anyMessage, { minLength: 1, maxLength: 3 }),
        blobBytes,
        fc.nat(),
        fc.integer({ min: 1, max: 127 }),
        (log, limit, place, mask) => {
          const { entries, blobs } = encode(log, limit);
          const at = place % entries.length;
          const damaged = entries.map((line, index) => (index === at ? flipped(line, place, mask) : line));

          const outcome = decodedOrError({ entries: damaged, blobs });

          expect(outcome instanceof Error || outcome.length === log.length).toBe(true);
          expect(Object.keys(Object.prototype)).toEqual([]);
          expect('polluted' in {}).toBe(false);
        },
      ),
      { numRuns: 400 },
    );
  });

  test('that was cut off is an error', () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { minLength: 1, maxLength: 3 }), fc.nat(), (log, place) => {
        const { entries, blobs } = encode(log, 2 ** 16);
        const last = entries.at(-1) ?? '';
        const cut = last.slice(0, place % last.length);

        expect(() => decodeMessages([...entries.slice(0, -1), cut], blobs)).toThrow(Error);
      }),
      { numRuns: 150 },
    );
  });
});

/** The text with some bits of one character changed. */
function flipped(line: string, place: number, mask: number): string {
  const at = place % line.length;
  const code = line.charCodeAt(at) ^ mask;
  return `${line.slice(0, at)}${String.fromCodePoint(code)}${line.slice(at + 1)}`;
}

describe('a large value', () => {
  test('is written once, however many messages hold it', () => {
    const large = { text: 'x'.repeat(200) };
    const log: LogMessage[] = [0, 1, 2].map((ordinal) => ({
      type: 'RequestSuccess',
      ordinal,
      output: large,
      time: 1,
      previous: undefined,
      step: undefined,
    }));

    const { entries, blobs } = encode(log, 100);

    expect(blobs.size).toBe(1);
    expect(entries.join('').length).toBeLessThan(600);
  });

  test('is written once where it is one property of what the next one gets', () => {
    const large = { text: 'x'.repeat(200) };
    const encoder = new MessageEncoder({ blobBytes: 100, maxValueBytes: 2 ** 26 });

    const [alone, among] = [encoder.value(large.text), encoder.value({ page: large.text, size: 3 })];

    expect(among.blobs).toEqual(alone.blobs);
    expect(among.text).toContain('["size",3]');
  });

  test('whose properties refer to each other is not written out once for each of them', () => {
    const root: Record<string, unknown> = {};
    for (let index = 0; index < 200; index += 1) root[`at ${index}`] = { root, text: 'x'.repeat(50) };
    const encoder = new MessageEncoder({ blobBytes: 1_000, maxValueBytes: 2 ** 26 });

    const { text: line, blobs } = encoder.value(root);

    const written = blobs.reduce((sum, blob) => sum + blob.text.length, line.length);
    expect(written).toBeLessThan(3 * encodeValue(root).length);
  });

  test.each([
    ['in ASCII', 'x'.repeat(99)],
    ['of two bytes a character', 'é'.repeat(50)],
    ['of three bytes a character', '漢'.repeat(33)],
    ['of four bytes a character', '😀'.repeat(25)],
  ])('past the limit in bytes is refused: %s', (_, large) => {
    const encoder = new MessageEncoder({ blobBytes: 2 ** 16, maxValueBytes: 100 });

    expect(() => encoder.value(large)).toThrow(expect.objectContaining({ name: 'ValueTooLargeError' }));
    expect(() => encoder.value(large.slice(2))).not.toThrow();
  });

  test('of as many bytes as may be is stored', () => {
    const encoder = new MessageEncoder({ blobBytes: 100, maxValueBytes: 100 });

    expect(encoder.value('x'.repeat(98)).blobs).toHaveLength(1); // with quotes
    expect(encoder.value('x'.repeat(97)).blobs).toHaveLength(0);
  });
});

import fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { CancelledError, FatalError, NodeTimeoutError, isTroupeError } from 'troupe';
import { decodeValue, encodeValue, UnstorableValueError } from '../../src/stored-value.ts';

function roundTrip<Value>(value: Value): Value {
  return decodeValue(encodeValue(value)) as Value;
}

function thrownBy(act: () => unknown): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Any value that can be stored, trees of them included. */
const anyValue = fc.anything({
  values: [
    fc.constantFrom(null, undefined, true, false, Number.NaN, -0),
    fc.integer(),
    fc.double(),
    fc.string(),
    fc.date({ noInvalidDate: true }),
  ],
  withBigInt: true,
  withMap: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  withNullPrototype: true,
  key: fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', '0')),
});

describe('a stored value', () => {
  test('equals the value, whatever it is', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(isDeepStrictEqual(roundTrip(value), value)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test('is JSON', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(() => JSON.parse(encodeValue(value)) as unknown).not.toThrow();
      }),
    );
  });

  test.each([undefined, null, NaN, Infinity, -Infinity, -0, 0, 1n, -(2n ** 70n), '', '\uD800', true])(
    'keeps %o',
    (value) => {
      expect(roundTrip(value)).toBe(value);
      expect(roundTrip({ value })).toStrictEqual({ value });
    },
  );

  test('keeps dates, regular expressions and URLs', () => {
    const value = [new Date(5), new Date(Number.NaN), /a"\/b/giu, new URL('https://example.org/?a=1#b')];

    expect(roundTrip(value)).toStrictEqual(value);
    expect(String(roundTrip(value)[3])).toBe('https://example.org/?a=1#b');
  });

  test('keeps every kind of bytes', () => {
    const { buffer } = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const value = [
      buffer,
      Buffer.from('hé'),
      new DataView(buffer, 2, 3),
      new BigUint64Array(buffer),
      new Float32Array(),
    ];

    const result = roundTrip(value);

    expect(result).toStrictEqual(value);
    expect(Buffer.isBuffer(result[1])).toBe(true);
  });

  test('holds the bytes of a view and none of the memory around them', () => {
    const around = Buffer.from('a secret and public');

    const text = encodeValue(new Uint8Array(around.buffer, around.byteOffset + 13, 6));

    expect(text).toContain(Buffer.from('public').toString('base64'));
    expect(text.length).toBeLessThan(60);
  });

  test('tells holes from undefined', () => {
    const sparse: unknown[] = [];
    sparse[1] = undefined;
    sparse[2] = 3;

    expect(Object.keys(roundTrip(sparse))).toEqual(['1', '2']);
  });

  test('keeps cycles and shared references', () => {
    const shared = { at: 1 };
    const value: Record<string, unknown> = { left: shared, right: shared, map: new Map(), set: new Set() };
    value['self'] = value;
    (value['map'] as Map<unknown, unknown>).set(value, [value]);
    (value['set'] as Set<unknown>).add(value);

    const result = roundTrip(value);

    expect(result['self']).toBe(result);
    expect(result['left']).toBe(result['right']);
    expect((result['map'] as Map<unknown, unknown>).get(result)).toEqual([result]);
    expect((result['set'] as Set<unknown>).has(result)).toBe(true);
  });

  test('may be nested deeper than the stack', () => {
    let value: unknown = 'core';
    for (let depth = 0; depth < 100_000; depth += 1) value = [value];

    let result = roundTrip(value);
    while (Array.isArray(result)) [result] = result as readonly unknown[];

    expect(result).toBe('core');
  });
});

describe('a stored error', () => {
  test('keeps class, name, message, stack, cause, code and own fields', () => {
    const cause = Object.assign(new RangeError('deep'), { code: 'E_DEEP' });
    const error = Object.assign(new TypeError('wrong', { cause }), {
      code: 'E_WRONG',
      details: { at: new Date(3) },
    });

    const result = roundTrip(error);

    expect(result).toBeInstanceOf(TypeError);
    expect(result).toMatchObject({
      name: 'TypeError',
      message: 'wrong',
      stack: error.stack,
      code: 'E_WRONG',
    });
    expect(result.details.at).toEqual(new Date(3));
    expect(result.cause).toBeInstanceOf(RangeError);
    expect(result.cause).toMatchObject({ message: 'deep', code: 'E_DEEP', stack: cause.stack });
    expect(Object.keys(result)).toEqual(['code', 'details']);
  });

  test('of an unknown class keeps its name and is an error', () => {
    class RateLimited extends Error {
      override readonly name = 'RateLimited';
      readonly retryAfterMs = 5;
    }

    const result = roundTrip(new RateLimited('later'));

    expect(result).toBeInstanceOf(Error);
    expect(result).toMatchObject({ name: 'RateLimited', message: 'later', retryAfterMs: 5 });
  });

  test('of Troupe is one of its class again', () => {
    const [timedOut, cancelled, fatal] = roundTrip([
      new NodeTimeoutError('slow', 5),
      new CancelledError({ why: 'enough' }),
      new FatalError('stop', { cause: 1 }),
    ]);

    expect(timedOut).toBeInstanceOf(NodeTimeoutError);
    expect(timedOut).toMatchObject({ code: 'NODE_TIMEOUT', nodeName: 'slow', timeoutMs: 5 });
    expect(isTroupeError(cancelled, 'CANCELLED')).toBe(true);
    expect(cancelled).toMatchObject({ reason: { why: 'enough' } });
    expect(fatal).toMatchObject({ name: 'FatalError', cause: 1 });
  });

  test('of the platform keeps what its class would give it', () => {
    const result = roundTrip(new DOMException('Given up', 'AbortError'));

    expect(result).toMatchObject({ name: 'AbortError', message: 'Given up', code: 20 });
  });

  test('keeps all the errors of an aggregate', () => {
    const result = roundTrip(new AggregateError([new Error('one'), new TypeError('two')], 'both'));

    expect(result.errors.map(String)).toEqual(['Error: one', 'TypeError: two']);
  });

  test('may be its own cause', () => {
    const error: Error = new Error('round');
    error.cause = { from: error };

    const result = roundTrip(error);

    expect(result.cause).toEqual({ from: result });
  });

  test('has a text for a field that cannot be stored', () => {
    const socket = Promise.resolve();
    const error = Object.assign(new Error('lost'), { retry: () => 1, config: { url: '/a', socket }, socket });

    const result = roundTrip(error);

    expect(result).toMatchObject({
      message: 'lost',
      retry: '[Function: retry]',
      config: { url: '/a', socket: '[Promise]' },
      socket: '[Promise]',
    });
  });
});

describe('what cannot be stored', () => {
  class Account {
    readonly id = 1;
  }
  class Ledger extends Map {}
  const failing = {
    get broken(): never {
      throw new Error('not now');
    },
  };
  const cases: readonly [what: string, value: unknown, path: string][] = [
    ['a function', () => 1, '(root)'],
    ['a symbol', Symbol('s'), '(root)'],
    ['a function in a list', { items: [{ send: () => 1 }] }, 'items[0].send'],
    ['an instance of a class', { 'two words': new Account() }, '["two words"]'],
    ['an instance of a subclass', [new Ledger()], '[0]'],
    ['a promise', { later: Promise.resolve() }, 'later'],
    ['a weak map', [new WeakMap()], '[0]'],
    ['shared memory', { a: new Uint8Array(new SharedArrayBuffer(1)) }, 'a'],
    ['a function in a map', { map: new Map([['key', () => 1]]) }, 'map<"key">'],
    ['a function as a key', new Map([[() => 1, 1]]), '<key 0>'],
    ['a function in a set', { set: new Set([1, () => 1]) }, 'set<1>'],
    ['a property named by a symbol', { a: { [Symbol('s')]: 1 } }, 'a[Symbol(s)]'],
    ['a getter that throws', { a: failing }, 'a'],
  ];

  test.each(cases)('is refused with its path: %s', (_, value, path) => {
    expect(() => encodeValue(value)).toThrow(expect.objectContaining({ name: 'UnstorableValueError', path }));
    expect(() => encodeValue(value)).toThrow(UnstorableValueError);
  });
});

describe('a text that is no stored value', () => {
  test('is refused, whatever it is', () => {
    const texts = [
      '',
      'x',
      '5',
      '{}',
      '[]x',
      '[[1],["object"]]',
      '[[0],["class"]]',
      '[[0],["bytes","Function","YQ=="]]',
    ];

    for (const text of texts) expect(() => decodeValue(text)).toThrow(Error);
    expect(() => decodeValue('[[0],["error","constructor",false]]')).toThrow(Error);
  });

  test('never changes a prototype', () => {
    const text =
      '[[0],["object","__proto__",[1],"constructor",[2]],["object","polluted",1],["object","prototype",[1]]]';

    const result = decodeValue(text) as object;

    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(Object.keys(result)).toEqual(['__proto__', 'constructor']);
    expect('polluted' in {}).toBe(false);
  });

  test('never brings more than an error when it is damaged', () => {
    fc.assert(
      fc.property(anyValue, fc.nat(), fc.string({ minLength: 1, maxLength: 2 }), (value, at, patch) => {
        const text = encodeValue(value);
        const cut = at % text.length;
        const damaged = text.slice(0, cut) + patch + text.slice(cut + patch.length);
        expect(thrownBy(() => decodeValue(damaged)) ?? new Error('none')).toBeInstanceOf(Error);
        expect('polluted' in {}).toBe(false);
      }),
    );
  });
});

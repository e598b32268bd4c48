import { describe, expect, test } from 'vitest';
import { cloneData, recordOf } from '../../src/clone.ts';

function send(): void {}

class Point {
  readonly x: number;
  constructor(x: number) {
    this.x = x;
  }
  double(): number {
    return this.x * 2;
  }
}

const POLLUTED = '{"__proto__":{"polluted":true},"constructor":1,"prototype":2}';

function cyclic(): { list: unknown[]; map: Map<unknown, unknown>; set: Set<unknown> } {
  const value = { list: [] as unknown[], map: new Map<unknown, unknown>(), set: new Set<unknown>() };
  value.list.push(value);
  value.map.set(value, value.list);
  value.set.add(value.map);
  return value;
}

describe.each([
  ['recordOf', recordOf],
  ['cloneData', (value: unknown) => cloneData(value)],
])('%s', (_, copy) => {
  test.each([[0], [-0], [Number.NaN], [1n], [''], [true], [null], [undefined]])(
    'gives the scalar %s as it is',
    (value) => {
      expect(copy(value)).toBe(value);
    },
  );

  test('copies plain data deeply', () => {
    const value = { a: [{ b: 1 }], c: null };

    const result = copy(value) as typeof value;

    expect(result).toEqual(value);
    expect(result.a).not.toBe(value.a);
    expect(result.a[0]).not.toBe(value.a[0]);
  });

  test('copies objects without a prototype', () => {
    const value: unknown = Object.assign(Object.create(null), { a: 1 });

    expect(copy(value)).toEqual({ a: 1 });
  });

  test('keeps cycles through objects, arrays, maps and sets', () => {
    const result = copy(cyclic()) as ReturnType<typeof cyclic>;

    expect(result.list[0]).toBe(result);
    expect(result.map.get(result)).toBe(result.list);
    expect(result.set.has(result.map)).toBe(true);
  });

  test('keeps what is one object one object', () => {
    const shared = { n: 1 };

    const result = copy({ a: shared, b: shared }) as { a: unknown; b: unknown };

    expect(result.a).toBe(result.b);
    expect(result.a).not.toBe(shared);
  });

  test.each([
    ['a date', new Date(5)],
    ['a map', new Map([[{ k: 1 }, { v: 1 }]])],
    ['a set', new Set([{ n: 1 }])],
    ['a URL', new URL('https://example.org/a?b=c')],
    ['a regular expression', /a+/gi],
    ['bytes', new Uint8Array([1, 2, 3])],
    ['a buffer', new Uint8Array([1, 2, 3]).buffer],
  ])('copies %s', (__, value) => {
    const result = copy(value);

    expect(result).toEqual(value);
    expect(result).not.toBe(value);
    expect(Object.getPrototypeOf(result)).toBe(Object.getPrototypeOf(value));
  });

  test('copies a URL with all that it says', () => {
    expect(String(copy(new URL('https://example.org/a?b=c#d')))).toBe('https://example.org/a?b=c#d');
  });

  test('keeps keys such as __proto__ without touching a prototype', () => {
    const result = copy(JSON.parse(POLLUTED)) as object;

    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(Object.keys(result)).toEqual(['__proto__', 'constructor', 'prototype']);
    expect('polluted' in {}).toBe(false);
  });

  test('leaves the value itself as it was', () => {
    const value = { a: [1], map: new Map([['k', { n: 1 }]]) };

    copy(value);

    expect(Object.isFrozen(value)).toBe(false);
    expect(value).toEqual({ a: [1], map: new Map([['k', { n: 1 }]]) });
  });
});

describe('recordOf', () => {
  test('freezes arrays and plain objects', () => {
    const result = recordOf({ a: [{ b: 1 }] }) as { a: object[] };

    expect([result, result.a, result.a[0]].every((each) => Object.isFrozen(each))).toBe(true);
  });

  test('copies what an instance of a class holds', () => {
    expect(recordOf({ point: new Point(1) })).toEqual({ point: { x: 1 } });
  });

  test.each([
    ['a function', send],
    ['an arrow function', () => 0],
    ['a class', Point],
    ['a symbol', Symbol('mine')],
    ['a promise', Promise.resolve()],
    ['a weak reference', new WeakRef({})],
    ['an instance that holds a function', Object.assign(new Point(1), { send: () => 0 })],
  ])('puts a text in place of %s', (_, value) => {
    expect(recordOf({ value })).toEqual({ value: expect.any(String) });
  });

  test('names the function in its text', () => {
    expect(recordOf(send)).toContain('send');
  });

  test('keeps an error with its message', () => {
    const result = recordOf({ error: new TypeError('mine') }) as { error: Error };

    expect(result.error).toBeInstanceOf(Error);
    expect(result.error.message).toBe('mine');
  });

  test.each([
    [
      'a getter that throws',
      Object.defineProperty({}, 'bad', {
        enumerable: true,
        get: () => {
          throw new Error('no');
        },
      }),
    ],
    [
      'a proxy that throws',
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('no');
          },
        },
      ),
    ],
    ['data nested deeper than the stack', nested(200_000)],
  ])('never throws, not for %s', (_, value) => {
    expect(recordOf(value)).toEqual(expect.any(String));
  });

  test('is not changed by what becomes of a typed array', () => {
    const bytes = new Uint8Array([1, 2, 3]);

    const result = recordOf({ bytes });
    bytes[0] = 9;

    expect(result).toEqual({ bytes: new Uint8Array([1, 2, 3]) });
  });
});

describe('cloneData', () => {
  test.each([
    ['functions', () => 0],
    ['instances of classes', new Point(1)],
    ['promises', Promise.resolve()],
    ['symbols', Symbol('mine')],
  ])('gives %s by reference', (_, value) => {
    expect(cloneData({ value }).value).toBe(value);
  });

  test('freezes nothing', () => {
    const result = cloneData({ a: [1] });

    expect([Object.isFrozen(result), Object.isFrozen(result.a)]).toEqual([false, false]);
  });
});

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = { value };
  return value;
}

import fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { cacheKey, type CacheKeyParts } from '../../src/cache/key.ts';

const PARTS: Omit<CacheKeyParts, 'input'> = {
  nodeName: 'embed',
  ports: { inputs: ['text', 'k'], outputs: ['embedding'] },
  source: '({ text }) => text',
};

function keyOf(input: unknown, parts: Partial<CacheKeyParts> = {}): string {
  const result = cacheKey({ ...PARTS, ...parts, input });
  return 'key' in result ? result.key : `no key: ${result.reason}`;
}

const anyInput = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: true,
});

/** An equal value in which every order that means nothing is turned round and no object is the same. */
function turnRound(value: unknown): unknown {
  if (Array.isArray(value)) {
    const result: unknown[] = [];
    result.length = value.length;
    for (const key of Object.keys(value)) result[Number(key)] = turnRound(value[Number(key)]);
    return result;
  }
  if (value instanceof Map)
    return new Map([...value].toReversed().map(([key, item]) => [turnRound(key), turnRound(item)]));
  if (value instanceof Set) return new Set([...value].toReversed().map(turnRound));
  if (typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value)) {
    return structuredClone(value);
  }
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, item]) => [key, turnRound(item)]),
  );
}

/** A parent and two children that know it. */
function family(): { children: Set<unknown> } {
  const parent = { name: 'parent', children: new Set<unknown>() };
  parent.children.add({ parent, name: 'a' }).add({ name: 'b', parent });
  return parent;
}

describe('the key of equal calls', () => {
  test('is the same whatever the order of properties, sets and maps', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        expect(keyOf(turnRound(input))).toBe(keyOf(input));
      }),
      { numRuns: 1_000 },
    );
  });

  test('is the same in another order of the ports', () => {
    const ports = { inputs: ['k', 'text'], outputs: ['embedding'] };

    expect(keyOf(1, { ports })).toBe(keyOf(1));
  });

  test('is the same for a shared part as for equal parts', () => {
    const part = { a: ['long enough to be hashed on its own, and then a little more than that'] };

    expect(keyOf([part, part])).toBe(keyOf([part, structuredClone(part)]));
  });

  test('is the same for equal cycles', () => {
    const turned = family();
    turned.children = new Set([...turned.children].toReversed());

    expect(keyOf(turned)).toBe(keyOf(family()));
  });

  test('is the same for NaN and NaN', () => {
    expect(keyOf([Number.NaN])).toBe(keyOf([Number('x')]));
  });

  test('does not depend on the body where a version stands for it', () => {
    expect(keyOf(1, { version: '2', source: 'a' })).toBe(keyOf(1, { version: '2', source: 'b' }));
  });
});

describe('the key of different calls', () => {
  test('differs', () => {
    fc.assert(
      fc.property(anyInput, anyInput, (left, right) => {
        fc.pre(!isDeepStrictEqual(left, right) && !isDeepStrictEqual(turnRound(left), turnRound(right)));
        expect(keyOf(left)).not.toBe(keyOf(right));
      }),
      { numRuns: 1_000 },
    );
  });

  test('differs for every two of values that are easily confused', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const scalars = [
      1,
      '1',
      1n,
      true,
      'true',
      null,
      'null',
      undefined,
      'undefined',
      0,
      -0,
      Number.NaN,
      Infinity,
    ];
    const texts = [
      '',
      'a,1',
      '{}',
      '[]',
      '^1',
      '#',
      'Date(0)',
      '/a/',
      'https://a.b/',
      new Date(0).toISOString(),
    ];
    const lists = [
      [],
      [[]],
      [undefined],
      [null],
      ['a', 1],
      [['a', 1]],
      ['a', 'b'],
      ['a,b'],
      ['b', 'a'],
      ['b'],
    ];
    const objects = [{}, { a: undefined }, { a: 1 }, { a: '1' }, { '': 1 }, JSON.parse('{"__proto__":1}')];
    const maps = [new Map(), new Map<unknown, unknown>([['a', 1]]), new Map([[1, 'a']])];
    const sets = [new Set(), new Set(['a']), new Set(['a', 1])];
    const others = [new Date(0), new Date(1), new Date(Number.NaN), /a/, /a/g, new URL('https://a.b/')];
    const arrays = [Uint8Array.of(1), Int8Array.of(1), Uint8Array.of(1, 0), Uint16Array.of(1), Buffer.of(1)];
    const errors = [new Error('a'), new TypeError('a'), new Error('b')];
    const cycles = [cycle, [cycle, 1], 'abc'.match(/b/), Uint8Array.of(1).buffer];
    const inputs: unknown[] = [
      scalars,
      texts,
      lists,
      objects,
      maps,
      sets,
      others,
      arrays,
      errors,
      cycles,
    ].flat();
    const sparse: unknown[] = [];
    sparse.length = 1;
    inputs.push(sparse);

    const keys = inputs.map((input) => keyOf(input));

    expect(keys.filter((key) => key.startsWith('no key'))).toEqual([]);
    expect(new Set(keys).size).toBe(inputs.length);
  });

  test.each<[what: string, parts: Partial<CacheKeyParts>]>([
    ['name', { nodeName: 'other' }],
    ['input ports', { ports: { inputs: ['text'], outputs: ['embedding'] } }],
    ['output ports', { ports: { inputs: ['text', 'k'], outputs: ['vector'] } }],
    ['body', { source: '({ text }) => text + 1' }],
    ['version', { version: '1' }],
  ])('differs with the %s of the node', (_, parts) => {
    expect(keyOf(1, parts)).not.toBe(keyOf(1));
  });

  test('differs between a version and a body of the same text', () => {
    expect(keyOf(1, { version: PARTS.source })).not.toBe(keyOf(1));
  });
});

describe('a key', () => {
  test('can be read: the name of the node, then a hash', () => {
    expect(keyOf({ text: 'hello' })).toMatch(/^embed:[\w-]{43}$/);
  });

  test('is the same in every process and version', () => {
    expect(keyOf({ text: 'hello', list: [1, new Set([2])] })).toMatchInlineSnapshot(
      `"embed:ZwSp72aerRhWXIiXoqGYHRcubmDbN8Svz9cKTQ7P6DM"`,
    );
  });

  test('of many objects that share parts takes no time', () => {
    let input: unknown = ['a part that is long enough to be hashed on its own: sixty characters'];
    for (let depth = 0; depth < 200; depth += 1) input = [input, input];

    expect(keyOf(input)).toMatch(/^embed:/);
  });
});

describe('an input without a key', () => {
  class Client {
    readonly url = '/';
  }
  const densely: Record<string, unknown>[] = Array.from({ length: 12 }, () => ({}));
  for (const one of densely) densely.forEach((other, index) => Object.assign(one, { [`to${index}`]: other }));
  let deep: unknown = 1;
  for (let depth = 0; depth < 100_000; depth += 1) deep = [deep];

  test.each<[what: string, input: unknown, path: string]>([
    ['a function', { hooks: [() => 1] }, 'hooks[0]'],
    ['a symbol', Symbol('s'), '(root)'],
    ['a promise', { later: Promise.resolve() }, 'later'],
    ['an instance of Client', { a: { 'the client': new Client() } }, 'a["the client"]'],
    ['a property named by a symbol', [{ [Symbol('s')]: 1 }], '[0]'],
    ['a function', new Map([['key', () => 1]]), '<0>'],
    ['a function', new Set([() => 1]), '<0>'],
    ['too many cycles', densely, ''],
    ['nested too deeply', deep, ''],
  ])('has a reason: %s', (what, input, path) => {
    const result = cacheKey({ ...PARTS, input });

    expect(result).toEqual({ reason: expect.stringContaining(what) });
    expect(result).toEqual({ reason: expect.stringContaining(path) });
  });

  test('has one also when a getter throws', () => {
    const input = {
      get broken(): never {
        throw new Error('not now');
      },
    };

    expect(cacheKey({ ...PARTS, input })).toEqual({ reason: expect.stringContaining('at broken') });
  });
});

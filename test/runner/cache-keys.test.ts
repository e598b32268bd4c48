import { createRunner, input, node, type AnyNode, type Runner } from 'troupe';
import { memoryCache } from 'troupe/cache';
import { mockNode } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { eventLog, ofType } from '../support/runs.ts';

/** A runner with a cache of its own, and what it found there: `hit` and `miss`, in order. */
function cachingRunner() {
  const { events, subscriber } = eventLog();
  const runner = createRunner({ cache: memoryCache(), subscriber });
  const found = (): string[] =>
    events.flatMap(({ type }) => (type === 'CacheHit' ? ['hit'] : type === 'CacheMiss' ? ['miss'] : []));
  return { runner, events, found };
}

async function runEach(runner: Runner, target: AnyNode, inputs: readonly unknown[]): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (const each of inputs) answers.push((await runner.run(target, each)).answer);
  return answers;
}

describe('the key of a result', () => {
  test('is the same for equal inputs: the body runs once', async () => {
    const { runner, found } = cachingRunner();
    let runs = 0;
    const double = node('double', (n: number) => ((runs += 1), n * 2), { cache: true });

    const answers = await runEach(runner, double, [4, 4, 4]);

    expect([answers, runs, found()]).toEqual([[8, 8, 8], 1, ['miss', 'hit', 'hit']]);
  });

  test('is another for other inputs', async () => {
    const { runner, found } = cachingRunner();
    const double = node('double', (n: number) => n * 2, { cache: true });

    const answers = await runEach(runner, double, [4, 5]);

    expect([answers, found()]).toEqual([
      [8, 10],
      ['miss', 'miss'],
    ]);
  });

  test('is shown by the miss and by the hit', async () => {
    const { runner, events } = cachingRunner();
    const double = node('double', (n: number) => n * 2, { cache: true });

    await runEach(runner, double, [4, 4]);

    const [miss] = ofType(events, 'CacheMiss');
    const [hit] = ofType(events, 'CacheHit');
    expect(miss).toMatchObject({ nodeName: 'double', key: expect.any(String), reason: expect.any(String) });
    expect(hit).toMatchObject({ nodeName: 'double', key: miss?.key });
  });

  test('is independent of the order of properties, at every depth', async () => {
    const { runner, found } = cachingRunner();
    const keys = node('keys', (given: object) => Object.keys(given).length, { cache: true });

    await runEach(runner, keys, [
      { a: 1, b: { c: [2], d: 3 } },
      { b: { d: 3, c: [2] }, a: 1 },
    ]);

    expect(found()).toEqual(['miss', 'hit']);
  });

  test('has the default in it: leaving an input out is giving its default', async () => {
    const { runner, found } = cachingRunner();
    const scale = node({
      name: 'scale',
      inputs: { n: input<number>(), by: input(3) },
      output: 'scaled',
      cache: true,
      run: ({ n, by }) => n * by,
    });

    await runEach(runner, scale, [{ n: 2 }, { by: 3, n: 2 }, { n: 2, by: 4 }]);

    expect(found()).toEqual(['miss', 'hit', 'miss']);
  });

  test.each([
    ['a number and its text', 1, '1'],
    ['null and undefined', null, undefined],
    ['0 and -0', 0, -0],
    ['an empty list and an empty object', [], {}],
    ['a date and its time', new Date(5), 5],
    ['a map and a list of its entries', new Map([['a', 1]]), [['a', 1]]],
    ['a missing property and one that is undefined', {}, { a: undefined }],
  ])('tells %s apart', async (_, one, other) => {
    const { runner, found } = cachingRunner();
    const kind = node('kind', (given: unknown) => typeof given, { cache: true });

    await runEach(runner, kind, [one, other]);

    expect(found()).toEqual(['miss', 'miss']);
  });

  test('has the name of the node in it', async () => {
    const { runner, found } = cachingRunner();

    await runner.run(
      node('one', (n: number) => n, { cache: true }),
      1,
    );
    await runner.run(
      node('other', (n: number) => n, { cache: true }),
      1,
    );

    expect(found()).toEqual(['miss', 'miss']);
  });

  test('has the names of the outputs in it', async () => {
    const { runner, found } = cachingRunner();

    await runner.run(node({ name: 'made', output: 'one', cache: true, run: () => 1 }));
    await runner.run(node({ name: 'made', output: 'other', cache: true, run: () => 1 }));

    expect(found()).toEqual(['miss', 'miss']);
  });

  test('is taken before the body runs, which may change its input', async () => {
    const { runner, found } = cachingRunner();
    const drain = node('drain', (items: number[]) => items.splice(0).length, { cache: true });

    const answers = await runEach(runner, drain, [[1, 2], [1, 2], []]);

    expect([answers, found()]).toEqual([
      [2, 2, 0],
      ['miss', 'hit', 'miss'],
    ]);
  });
});

/** Its body reads a variable outside of its input. */
function priceAt(rate: number, cache: boolean | { version: string }) {
  return node('price', (n: number) => n * rate, { cache });
}

describe('the body in the key', () => {
  test('another source makes a miss', async () => {
    const { runner, found } = cachingRunner();

    const before = await runner.run(
      node('price', (n: number) => n * 2, { cache: true }),
      4,
    );
    const after = await runner.run(
      node('price', (n: number) => n * 3, { cache: true }),
      4,
    );

    expect([before.answer, after.answer, found()]).toEqual([8, 12, ['miss', 'miss']]);
  });

  test('the same source in another function is a hit', async () => {
    const { runner, found } = cachingRunner();

    await runner.run(priceAt(2, true), 4);
    await runner.run(priceAt(2, true), 4);

    expect(found()).toEqual(['miss', 'hit']);
  });

  test('a version stands for the source', async () => {
    const { runner, found } = cachingRunner();

    await runner.run(
      node('price', (n: number) => n * 2, { cache: { version: '1' } }),
      4,
    );
    const { answer } = await runner.run(
      node('price', (n: number) => n * 3, { cache: { version: '1' } }),
      4,
    );

    expect([answer, found()]).toEqual([8, ['miss', 'hit']]);
  });

  test('another version makes a miss', async () => {
    const { runner, found } = cachingRunner();

    const before = await runner.run(priceAt(2, { version: 'rate 2' }), 4);
    const after = await runner.run(priceAt(3, { version: 'rate 3' }), 4);

    expect([before.answer, after.answer, found()]).toEqual([8, 12, ['miss', 'miss']]);
  });

  test('a body without a source text needs a version, and says so', async () => {
    const { runner, events } = cachingRunner();
    let runs = 0;
    const body = function (this: number, n: number): number {
      runs += 1;
      return this * n;
    };
    const bound = (by: number) => node('bound', body.bind(by), { cache: true });

    const answers = [(await runner.run(bound(2), 4)).answer, (await runner.run(bound(3), 4)).answer];

    expect([answers, runs]).toEqual([[8, 12], 2]);
    const [miss] = ofType(events, 'CacheMiss');
    expect(miss?.key).toBeUndefined();
    expect(miss?.reason).toContain('version');
  });

  test('two mocks of one node with different bodies share nothing', async () => {
    const { runner } = cachingRunner();
    const price = node('price', (n: number) => n, { cache: true });

    const first = await runner.run(
      mockNode(price, () => 1),
      4,
    );
    const second = await runner.run(
      mockNode(price, () => 2),
      4,
    );

    expect([first.answer, second.answer]).toEqual([1, 2]);
  });
});

describe('a key of one’s own', () => {
  test('replaces the inputs', async () => {
    const { runner, events, found } = cachingRunner();
    const lower = node('lower', (text: string) => text.toLowerCase(), {
      cache: { key: (text) => text.toLowerCase() },
    });

    const answers = await runEach(runner, lower, ['Ada', 'ADA', 'Bob']);

    expect([answers, found()]).toEqual([
      ['ada', 'ada', 'bob'],
      ['miss', 'hit', 'miss'],
    ]);
    expect(ofType(events, 'CacheHit').map(({ key }) => key)).toEqual(['ada']);
  });

  test('replaces name, body and version as well', async () => {
    const { runner, found } = cachingRunner();

    await runner.run(node('one', () => 1, { cache: { key: () => 'same', version: '1' } }));
    const { answer } = await runner.run(
      node('other', () => 2, { cache: { key: () => 'same', version: '2' } }),
    );

    expect([answer, found()]).toEqual([1, ['miss', 'hit']]);
  });

  test('gets the input with the defaults filled in', async () => {
    const { runner, events } = cachingRunner();
    const scale = node({
      name: 'scale',
      inputs: { n: input<number>(), by: input(3) },
      output: 'scaled',
      cache: { key: ({ n, by }) => `${n} by ${by}` },
      run: ({ n, by }) => n * by,
    });

    await runner.run(scale, { n: 2 });

    expect(ofType(events, 'CacheMiss').map(({ key }) => key)).toEqual(['2 by 3']);
  });

  test('makes an input hashable that is not', async () => {
    const { runner, found } = cachingRunner();
    const callIt = node('callIt', (given: { id: string; get: () => number }) => given.get(), {
      cache: { key: ({ id }) => id },
    });

    const answers = await runEach(runner, callIt, [
      { id: 'a', get: () => 1 },
      { id: 'a', get: () => 2 },
    ]);

    expect([answers, found()]).toEqual([
      [1, 1],
      ['miss', 'hit'],
    ]);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('no key today');
      },
      'no key today',
    ],
    ['gives no text', () => JSON.parse('5') as string, 'key'],
  ])('that %s is a miss with the reason, and the node runs', async (_, key, reason) => {
    const { runner, events } = cachingRunner();
    let runs = 0;
    const counted = node('counted', () => (runs += 1), { cache: { key } });

    const answers = await runEach(runner, counted, [undefined, undefined]);

    expect([answers, runs]).toEqual([[1, 2], 2]);
    const misses = ofType(events, 'CacheMiss');
    expect(misses.map((miss) => miss.key)).toEqual([undefined, undefined]);
    expect(misses[0]?.reason).toContain(reason);
  });
});

describe('an input that cannot be hashed', () => {
  class Client {
    readonly id = 1;
  }

  test.each([
    ['a function', { deep: [() => 1] }, 'deep[0]'],
    ['an instance of a class', { client: new Client() }, 'client'],
    ['a promise', { late: Promise.resolve(1) }, 'late'],
    ['a symbol', { tag: Symbol('x') }, 'tag'],
  ])('because of %s is a miss with the reason, and the node runs', async (_, given, path) => {
    const { runner, events } = cachingRunner();
    let runs = 0;
    const counted = node('counted', (_given: unknown) => (runs += 1), { cache: true });

    const answers = await runEach(runner, counted, [given, given]);

    expect(answers).toEqual([1, 2]);
    const misses = ofType(events, 'CacheMiss');
    expect(misses.map((miss) => miss.key)).toEqual([undefined, undefined]);
    expect(misses[0]?.reason).toContain(path);
  });

  test('holds up no other call of the node', async () => {
    const { runner } = cachingRunner();
    const pick = node('pick', (given: { n: number; f?: () => void }) => given.n, { cache: true });
    const root = node('root', (_: unknown, ctx) =>
      ctx.callBatch(pick, [{ n: 1, f: () => undefined }, { n: 1 }, { n: 1 }]),
    );

    expect((await runner.run(root)).answer).toEqual([1, 1, 1]);
  });
});

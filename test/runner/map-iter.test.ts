import { createRunner, graph, input, node, type MapItemResult } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred, never, rejectionOf, type Deferred } from '../support/deferred.ts';

const boom = new Error('boom');
const square = node({ name: 'square', inputs: { n: input<number>() }, output: 'sq', run: ({ n }) => n * n });
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** A node that works until the gate of its item is open, and tells which have started and which were stopped. */
function gatedNode() {
  const gates = new Map<number, Deferred<number>>();
  const started: number[] = [];
  const stopped: number[] = [];
  const gated = node({
    name: 'gated',
    inputs: { n: input<number>() },
    output: 'out',
    run: ({ n }, ctx) => {
      const gate = deferred<number>();
      gates.set(n, gate);
      started.push(n);
      ctx.signal.addEventListener('abort', () => {
        if (!isOpen.has(n)) stopped.push(n);
      });
      return gate.promise;
    },
  });
  const isOpen = new Set<number>();
  const open = (n: number): void => {
    isOpen.add(n);
    gates.get(n)?.resolve(n);
  };
  return { gated, started, stopped, open, gates };
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('mapIter', () => {
  test('yields every item with its index', async () => {
    const items = await collect(createRunner().mapIter(square, { n: [1, 2, 3] }, { over: 'n' }));

    expect(items.map(({ index, result }) => [index, result.answer])).toEqual([
      [0, 1],
      [1, 4],
      [2, 9],
    ]);
  });

  test('yields items of a graph', async () => {
    const squaring = graph({ name: 'squaring', nodes: [square] });

    const items = await collect(createRunner().mapIter(squaring, { n: [3] }, { over: 'n' }));

    expect(items.map(({ result }) => result.outputs)).toEqual([{ sq: 9 }]);
  });

  test('yields nothing of an empty list', async () => {
    expect(await collect(createRunner().mapIter(square, { n: [] }, { over: 'n' }))).toEqual([]);
  });

  test('yields items as they finish', async () => {
    const { gated, open } = gatedNode();
    const items = createRunner().mapIter(gated, { n: [0, 1, 2] }, { over: 'n' });
    const order: number[] = [];
    const pull = async (): Promise<void> => {
      const { value } = await items.next();
      order.push(value?.index ?? -1);
    };

    const first = pull();
    open(2);
    await first;
    const second = pull();
    open(0);
    await second;
    const third = pull();
    open(1);
    await third;

    expect(order).toEqual([2, 0, 1]);
  });

  test('starts nothing before the first pull', () => {
    const runner = createRunner();

    runner.mapIter(square, { n: [1] }, { over: 'n' });

    expect(runner.info.runs).toHaveLength(0);
  });

  test('has at most maxConcurrency items in flight', async () => {
    const { gated, started, open } = gatedNode();
    const items = createRunner().mapIter(gated, { n: numbers(10) }, { over: 'n', maxConcurrency: 3 });

    const first = items.next();
    const early = [...started];
    open(0);
    await first;

    expect(early).toEqual([0, 1, 2]);
  });

  test('has 64 items in flight where nobody says how many', async () => {
    const { gated, started } = gatedNode();
    const items = createRunner().mapIter(gated, { n: numbers(100) }, { over: 'n' });

    void items.next();

    expect(started).toHaveLength(64);
    await items.return();
  });

  test('takes the number from the runner', async () => {
    const { gated, started } = gatedNode();
    const items = createRunner({ maxConcurrency: 5 }).mapIter(gated, { n: numbers(100) }, { over: 'n' });

    void items.next();

    expect(started).toHaveLength(5);
    await items.return();
  });

  test('starts new items only when it is asked for more', async () => {
    const clock = fakeClock();
    const { gated, started, open } = gatedNode();
    const runner = createRunner({ clock });
    const items = runner.mapIter(gated, { n: numbers(10) }, { over: 'n', maxConcurrency: 2 });

    const first = items.next();
    open(0);
    await first;
    open(1);
    await clock.advance(0);
    const unasked = [...started];
    await items.next();

    expect(unasked).toEqual([0, 1]);
    expect(started).toEqual([0, 1, 2, 3]);
    await items.return();
  });

  test('serves several pulls at once', async () => {
    const items = createRunner().mapIter(square, { n: [1, 2, 3] }, { over: 'n', maxConcurrency: 1 });

    const steps = await Promise.all([items.next(), items.next(), items.next(), items.next()]);

    expect(steps.map(({ done, value }) => (done === true ? 'done' : value?.result.answer))).toEqual([
      1,
      4,
      9,
      'done',
    ]);
  });

  test('takes a large product without making it', async () => {
    const pair = node({
      name: 'pair',
      inputs: { x: input<number>(), y: input<number>() },
      run: ({ x, y }) => [x, y],
    });
    const items = createRunner().mapIter(
      pair,
      { x: numbers(100_000), y: numbers(100_000) },
      { over: ['x', 'y'], mode: 'product', maxConcurrency: 1 },
    );

    const { value } = await items.next();
    await items.return();

    expect(value?.result.answer).toEqual([0, 0]);
  });
});

describe('leaving the loop of mapIter', () => {
  test('cancels what runs and starts nothing more', async () => {
    const started: number[] = [];
    const stopped: number[] = [];
    const onlyOne = node({
      name: 'onlyOne',
      inputs: { n: input<number>() },
      run: ({ n }, ctx) => {
        started.push(n);
        if (n === 1) return 1;
        ctx.signal.addEventListener('abort', () => stopped.push(n));
        return never();
      },
    });
    const seen: number[] = [];

    for await (const { index } of createRunner().mapIter(
      onlyOne,
      { n: numbers(10) },
      { over: 'n', maxConcurrency: 3 },
    )) {
      seen.push(index);
      break;
    }

    expect(seen).toEqual([1]);
    expect(started).toEqual([0, 1, 2]);
    expect(stopped).toEqual([0, 2]);
  });

  test('by break leaves no run behind', async () => {
    const runner = createRunner();

    for await (const { index } of runner.mapIter(
      square,
      { n: numbers(100) },
      { over: 'n', maxConcurrency: 4 },
    )) {
      if (index === 3) break;
    }

    expect(runner.info.runs.every(({ status }) => status === 'completed' || status === 'cancelled')).toBe(
      true,
    );
  });

  test('while a pull waits ends it', async () => {
    const { gated, stopped } = gatedNode();
    const items = createRunner().mapIter(gated, { n: [0, 1] }, { over: 'n' });
    const pending = items.next();

    await items.return();

    expect(await pending).toEqual({ done: true, value: undefined });
    expect(stopped).toEqual([0, 1]);
    expect(await items.next()).toEqual({ done: true, value: undefined });
  });

  test('before the first pull runs nothing', async () => {
    const { gated, started } = gatedNode();
    const items = createRunner().mapIter(gated, { n: [0, 1] }, { over: 'n' });

    await items.return();

    expect(await items.next()).toEqual({ done: true, value: undefined });
    expect(started).toEqual([]);
  });

  test('leaves a paused item that was yielded to be answered', async () => {
    const ask = node({
      name: 'ask',
      inputs: { n: input<number>() },
      run: (_, ctx) => ctx.interrupt<string>('?', { key: 'decision' }),
    });
    const runner = createRunner();
    let runId = '';

    for await (const { result } of runner.mapIter(ask, { n: [1, 2] }, { over: 'n', maxConcurrency: 1 })) {
      runId = result.runId;
      break;
    }

    expect((await runner.respond(runId, 'decision', 'yes')).answer).toBe('yes');
  });

  test('closes a processor of its own', async () => {
    const trace: string[] = [];
    const processor = { onEvent: () => undefined, close: () => void trace.push('closed') };
    const runner = createRunner();

    for await (const { index } of runner.mapIter(
      square,
      { n: [1, 2] },
      { over: 'n', processors: [processor] },
    )) {
      if (index === 0) break;
    }
    await runner.close();

    expect(trace).toEqual(['closed']);
  });
});

describe('a failing item of mapIter', () => {
  const failsOnTwo = node({
    name: 'failsOnTwo',
    inputs: { n: input<number>() },
    run: async ({ n }): Promise<number> => {
      await Promise.resolve();
      if (n === 2) throw boom;
      return n > 2 ? never() : n;
    },
  });

  test('is thrown with onError stop, after which nothing runs', async () => {
    const runner = createRunner();
    const items = runner.mapIter(failsOnTwo, { n: numbers(10) }, { over: 'n', maxConcurrency: 5 });
    const seen: number[] = [];

    const error = await rejectionOf(
      (async () => {
        for await (const { index } of items) seen.push(index);
      })(),
    );

    expect(error).toBe(boom);
    expect(seen).toEqual([0, 1]);
    expect(runner.info.runs.filter(({ status }) => status === 'running')).toEqual([]);
    expect(await items.next()).toEqual({ done: true, value: undefined });
  });

  test('is yielded with onError continue, and the others run on', async () => {
    const items = createRunner().mapIter(failsOnTwo, { n: [0, 2, 1] }, { over: 'n', onError: 'continue' });

    const all = await collect(items);

    const byIndex = all.toSorted((one, other) => one.index - other.index);
    expect(byIndex.map(({ result }) => result.status)).toEqual(['completed', 'failed', 'completed']);
    expect(byIndex[1]?.result.error).toBe(boom);
  });

  test('is yielded with onFailure return, with those that it stopped, and is the end', async () => {
    const items = createRunner().mapIter(
      failsOnTwo,
      { n: [3, 2, 1, 1] },
      { over: 'n', maxConcurrency: 2, onFailure: 'return' },
    );

    const all = await collect(items);

    expect(all.map(({ index, result }) => [index, result.status])).toEqual([
      [1, 'failed'],
      [0, 'cancelled'],
    ]);
  });

  test.each([
    [{ n: 1 }, { over: 'n' }, 'INVALID_INPUT'],
    [{ n: [1] }, { over: 'm' }, 'UNKNOWN_INPUT'],
    [{ n: [1], x: 1 }, { over: 'n' }, 'UNKNOWN_INPUT'],
  ])('is not there when %o with %o is refused: that is thrown once', async (given, options, code) => {
    const runner = createRunner();
    const items = runner.mapIter(failsOnTwo, given as never, options as never);

    expect(await rejectionOf(items.next())).toMatchObject({ code });
    expect(await items.next()).toEqual({ done: true, value: undefined });
    expect(runner.info.runs).toHaveLength(0);
  });
});

describe('stopping mapIter from outside', () => {
  test('the signal cancels what runs and is thrown', async () => {
    const { gated, stopped } = gatedNode();
    const aborter = new AbortController();
    const items = createRunner().mapIter(gated, { n: [0, 1] }, { over: 'n', signal: aborter.signal });
    const failure = rejectionOf(items.next());

    aborter.abort('enough');

    expect(await failure).toMatchObject({ code: 'CANCELLED', reason: 'enough' });
    expect(stopped).toEqual([0, 1]);
  });

  test('closing the runner drains what runs, and the next pull for more is refused', async () => {
    const { gated, open } = gatedNode();
    const runner = createRunner();
    const items = runner.mapIter(gated, { n: numbers(5) }, { over: 'n', maxConcurrency: 2 });
    const seen: (MapItemResult | undefined)[] = [];
    const first = items.next();
    open(0);
    seen.push((await first).value);

    const closing = runner.close();
    open(1);
    await closing;
    seen.push((await items.next()).value);

    expect(seen.map((item) => item?.index)).toEqual([0, 1]);
    expect(await rejectionOf(items.next())).toMatchObject({ code: 'RUNNER_CLOSED' });
  });

  test('paused items are yielded and are not in flight', async () => {
    const ask = node({
      name: 'ask',
      inputs: { n: input<number>() },
      run: (_, ctx) => ctx.interrupt('?', { key: 'decision' }),
    });
    const runner = createRunner();

    const all = await collect(runner.mapIter(ask, { n: [1, 2, 3] }, { over: 'n', maxConcurrency: 1 }));

    expect(all.map(({ index, result }) => [index, result.status])).toEqual([
      [0, 'paused'],
      [1, 'paused'],
      [2, 'paused'],
    ]);
    expect(runner.info.runs.map(({ status }) => status)).toEqual(['paused', 'paused', 'paused']);
  });
});

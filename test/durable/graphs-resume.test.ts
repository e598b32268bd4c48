import { END, graph, input, node, route, type AnyNode } from 'troupe';
import { memoryCache } from 'troupe/cache';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { requestOf, stepsOf } from '../support/forest.ts';
import { ofType } from '../support/runs.ts';
import {
  execute,
  processOn,
  storeAfter,
  storedIn,
  WORKFLOW,
  type Conduct,
  type World,
} from './graph-crash.ts';
import { graphOf, step } from './graph-parts.ts';

const chain: Conduct = {
  target: graphOf('chain', (world) => [
    step(world, { name: 'a', reads: ['in'] }),
    step(world, { name: 'b', reads: ['A'] }),
    step(world, { name: 'c', reads: ['B'] }),
  ]),
  input: { in: 1 },
};

/** A node that fails until its third attempt. */
const stubborn: Conduct = {
  target: ({ clock, bodies }) =>
    bodies.watch(
      node(
        'stubborn',
        async (_given: unknown, { attempt }) => {
          if (attempt < 3) throw new Error(`attempt ${attempt} failed`);
          return `attempt ${attempt} at ${clock.now()}`;
        },
        { retry: { maxAttempts: 3, delay: 1_000, backoff: 2, jitter: 'none' } },
      ),
    ),
};

describe('attempts of a workflow that goes on', () => {
  test('the attempt that was in flight is made again under its number', async () => {
    const store = await storeAfter(
      stubborn,
      (message) => message.type === 'NodeStart' && message.attempt === 2,
    );

    const { bodies, events, result } = await execute(stubborn, store, 'resume');

    expect(bodies.map(({ attempt }) => attempt)).toEqual([2, 3]);
    expect(ofType(events, 'NodeStart').map(({ attempt }) => attempt)).toEqual([2, 3]);
    expect([...result.info.requests].map(({ attempts }) => attempts)).toEqual([3]);
  });

  test('an attempt that waits for its delay waits for what is left of it', async () => {
    const store = await storeAfter(stubborn, ({ type }) => type === 'NodeRetry');
    await using later = await processOn(store);
    await later.clock.advance(400);

    const resumed = later.runner.resume(stubborn.target(later), WORKFLOW);
    await later.clock.settle();
    await later.clock.advance(599);
    await later.clock.settle();
    const early = later.bodies.runs.length;
    await later.clock.advance(1);
    await later.clock.settle();

    expect([early, later.bodies.runs.length]).toEqual([0, 1]);
    expect((await later.clock.drive(resumed)).answer).toBe('attempt 3 at 3000');
  });

  test('an attempt whose delay has passed meanwhile is made at once', async () => {
    const store = await storeAfter(stubborn, ({ type }) => type === 'NodeRetry');
    await using later = await processOn(store);
    await later.clock.advance(5_000);

    const resumed = later.runner.resume(stubborn.target(later), WORKFLOW);
    await later.clock.settle();

    expect(later.bodies.runs).toMatchObject([{ attempt: 2 }]);
    expect((await later.clock.drive(resumed)).answer).toBe('attempt 3 at 7000');
  });

  test('there are no more attempts than without the crash', async () => {
    const failing: Conduct = {
      target: ({ bodies }) =>
        bodies.watch(
          node(
            'failing',
            async () => {
              throw new RangeError('never');
            },
            { retry: { maxAttempts: 2, delay: 10 } },
          ),
        ),
    };
    const store = await storeAfter(
      failing,
      (message) => message.type === 'NodeStart' && message.attempt === 2,
    );

    const { bodies, result } = await execute(failing, store);

    expect(bodies.map(({ attempt }) => attempt)).toEqual([2]);
    expect(result).toMatchObject({ status: 'failed', error: { message: 'never' } });
    expect(result.error).toBeInstanceOf(RangeError);
  });

  test('an attempt that is made again has all of its time again', async () => {
    const slow: Conduct = {
      target: ({ clock, bodies }) =>
        bodies.watch(
          node(
            'slow',
            () => new Promise<string>((resolve) => void clock.setTimeout(() => resolve('done'), 90)),
            {
              timeout: 100,
            },
          ),
        ),
    };
    const store = await storeAfter(slow, ({ type }) => type === 'NodeStart');
    await using later = await processOn(store);
    await later.clock.advance(5_000);

    const { answer } = await later.clock.drive(later.runner.resume(slow.target(later), WORKFLOW));

    expect(answer).toBe('done');
  });
});

describe('nodes of a graph that goes on', () => {
  test('what had completed is given as it was, also where the body has changed', async () => {
    const store = await storeAfter(chain, ({ type }, name) => type === 'RequestSuccess' && name === 'b');
    await using later = await processOn(store);
    const changed = graphOf('chain', (world) => [
      step(world, { name: 'a', reads: ['in'], make: () => 'other' }),
      step(world, { name: 'b', reads: ['A'], make: () => 'other' }),
      step(world, { name: 'c', reads: ['B'] }),
    ]);

    const { outputs } = await later.clock.drive(later.runner.resume(changed(later), WORKFLOW));

    expect(outputs).toEqual({ C: 'c(b(a(1)))' });
  });

  test('what a body changes in its input changes no recorded output', async () => {
    const pushing: Conduct = {
      target: graphOf('pushing', (world) => [
        step(world, { name: 'list', make: () => [1] }),
        ...['left', 'right'].map((name) =>
          step(world, {
            name,
            reads: ['LIST'],
            make: ({ LIST }) => (LIST as number[]).push(2),
          }),
        ),
      ]),
    };
    const store = await storeAfter(pushing, ({ type }, name) => type === 'RequestSuccess' && name === 'list');

    const { result } = await execute(pushing, store);

    expect(requestOf(result.info, 'list').output).toEqual([1]);
  });

  test('a cached result that was not recorded yet is taken from the cache', async () => {
    const cache = memoryCache();
    let runs = 0;
    const cached: Conduct = {
      options: { cache },
      target: () => {
        const twice = node({
          name: 'twice',
          inputs: { n: input<number>() },
          output: 'double',
          cache: { version: '1' },
          run: ({ n }) => {
            runs += 1;
            return n * 2;
          },
        });
        return graph({ name: 'g', nodes: [twice] });
      },
      input: { n: 4 },
    };
    const store = await storeAfter(cached, ({ type }, name) => type === 'NodeStart' && name === 'twice');

    const { result, events } = await execute(cached, store);

    expect([result.outputs, runs]).toEqual([{ double: 8 }, 1]);
    expect(ofType(events, 'CacheHit')).toHaveLength(1);
  });

  test('a recorded result is taken from the log, not from the cache', async () => {
    const cached: Conduct = {
      options: { cache: memoryCache() },
      target: (world) => {
        const first = node({
          name: 'first',
          inputs: { n: input<number>() },
          output: 'one',
          cache: { version: '1' },
          run: ({ n }) => n + 1,
        });
        return graph({
          name: 'g',
          nodes: [first, step(world, { name: 'second', reads: ['one'] })] as readonly AnyNode[],
        });
      },
      input: { n: 4 },
    };
    const store = await storeAfter(cached, ({ type }, name) => type === 'RequestSuccess' && name === 'first');

    const { events } = await execute(cached, store);

    expect(events.filter(({ type }) => type === 'CacheHit' || type === 'CacheMiss')).toEqual([]);
  });

  test.each([1, 2])('no more than %i of those that were in flight run at once', async (maxConcurrency) => {
    const names = ['a', 'b', 'c', 'd'];
    let [working, most] = [0, 0];
    const busy: Conduct = {
      input: { in: 1 },
      target: graphOf('busy', (world) =>
        names.map((name) =>
          step(world, {
            name,
            reads: ['in'],
            make: async () => {
              working += 1;
              most = Math.max(most, working);
              await new Promise<void>((resolve) => void world.clock.setTimeout(resolve, 10));
              working -= 1;
            },
          }),
        ),
      ),
    };
    const store = await storeAfter(busy, ({ type }, name) => type === 'NodeStart' && name === 'd');
    [working, most] = [0, 0];

    const { bodies } = await execute({ ...busy, options: { maxConcurrency } }, store);

    expect(bodies.map(({ name }) => name).toSorted()).toEqual(names);
    expect(most).toBe(maxConcurrency);
  });

  test('items of a map that were done do not run again', async () => {
    const mapped: Conduct = {
      input: { x: [1, 2, 3] },
      target: (world) => {
        const item = graph({
          name: 'item',
          nodes: [step(world, { name: 'a', reads: ['x'], make: ({ x }) => Number(x) * 10 })],
        });
        return graph({ name: 'outer', nodes: [item.asNode({ mapOver: 'x' })] });
      },
      options: { maxConcurrency: 1 },
    };
    let done = 0;
    const store = await storeAfter(mapped, ({ type }, name) => {
      if (type === 'RequestSuccess' && name === 'a') done += 1;
      return done === 2;
    });

    const { result, bodies } = await execute(mapped, store);

    expect(bodies.map((each) => each.input)).toEqual([{ x: 3 }]);
    expect(result.outputs).toEqual({ A: [10, 20, 30] });
  });

  test('earlier turns of a loop do not run again', async () => {
    const looping: Conduct = {
      input: { count: 0 },
      target: graphOf('loop', ({ bodies }: World) => [
        bodies.watch(
          node({
            name: 'inc',
            inputs: { count: input<number>() },
            output: 'count',
            run: async ({ count }) => count + 1,
          }),
        ),
        route({
          name: 'again',
          inputs: { count: input<number>() },
          targets: ['inc', END],
          run: ({ count }) => (count < 5 ? 'inc' : END),
        }),
      ]),
    };
    const store = await storeAfter(
      looping,
      (message, name) => message.type === 'RequestSuccess' && name === 'inc' && message.output === 3,
    );

    const { bodies } = await execute(looping, store);

    expect(bodies.map((each) => each.input)).toEqual([{ count: 3 }, { count: 4 }]);
  });
});

describe('a graph that failed and goes on', () => {
  /** Fails at `b` in the first process. */
  const failing = (isFixed: boolean, onError: 'stop' | 'continue'): Conduct => ({
    input: { in: 1 },
    options: { onError },
    target: graphOf('failing', (world) => [
      step(world, { name: 'a', reads: ['in'] }),
      step(world, {
        name: 'b',
        reads: ['A'],
        takes: 10,
        make: () => {
          if (!isFixed) throw new Error('b failed');
          return 'b';
        },
      }),
      step(world, { name: 'c', reads: ['B'] }),
      step(world, { name: 'd', reads: ['A'], takes: 50 }),
    ]),
  });

  test.each([
    { onError: 'continue', again: ['b', 'c'] },
    { onError: 'stop', again: ['b', 'd', 'c'] },
  ] as const)('runs just what had failed, was blocked or was stopped: %o', async ({ onError, again }) => {
    const store = memoryCheckpointer();
    await execute(failing(false, onError), store);

    const { result, bodies } = await execute(failing(true, onError), store, 'resume');

    expect(bodies.map(({ name }) => name)).toEqual(again);
    expect(result).toMatchObject({ status: 'completed', outputs: { C: 'c(b)', D: 'd(a(1))' } });
    expect(result.nodes).toEqual({ a: 'completed', b: 'completed', c: 'completed', d: 'completed' });
  });

  test.each(['continue', 'stop'] as const)(
    'keeps the law of stamps over all of its log: %s',
    async (onError) => {
      const store = memoryCheckpointer();
      await execute(failing(false, onError), store);

      const { result } = await execute(failing(true, onError), store);

      expect(stepsOf(result.info).steps).toEqual(stepsOf(result.info).lawful);
    },
  );

  test('that fails again has failed again, and may go on again', async () => {
    const store = memoryCheckpointer();
    await execute(failing(false, 'continue'), store);
    const second = await execute(failing(false, 'continue'), store);

    const third = await execute(failing(true, 'continue'), store);

    expect(second.result).toMatchObject({
      status: 'failed',
      nodes: { a: 'completed', b: 'failed', c: 'blocked' },
    });
    expect(second.bodies.map(({ name }) => name)).toEqual(['b']);
    expect(third.result.status).toBe('completed');
  });

  test('runs what failed under the idempotency key that it had', async () => {
    const store = memoryCheckpointer();
    const first = await execute(failing(false, 'continue'), store);

    const second = await execute(failing(true, 'continue'), store);

    const keyOfB = ({ bodies }: typeof first): unknown =>
      bodies.find(({ name }) => name === 'b')?.idempotencyKey;
    expect(keyOfB(second)).toBe(keyOfB(first));
  });

  test('a graph that completed is finished', async () => {
    const store = memoryCheckpointer();
    await execute(chain, store);
    await using later = await processOn(store);
    const before = await storedIn(store);

    const error = await rejectionOf(
      later.runner.run(chain.target(later), chain.input, { workflowId: WORKFLOW }),
    );

    expect(error).toMatchObject({ code: 'WORKFLOW_ALREADY_COMPLETED' });
    expect((await storedIn(store)).entries).toEqual(before.entries);
  });
});

import * as fc from 'fast-check';
import { createRunner, fromNode, node, type RunnerOptions } from 'troupe';
import { memoryCache } from 'troupe/cache';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { createActor, toPromise } from 'xstate';
import { findText } from '../support/find-text.ts';
import { statusesOf, stepsOf } from '../support/forest.ts';
import { memoryLogger } from '../support/memory-logger.ts';
import { eventLog, ofType } from '../support/runs.ts';

/** A runner on a fake clock with a cache of its own, its events and its log. */
function stage(options: RunnerOptions = {}) {
  const clock = fakeClock({ now: 1_000 });
  const { events, subscriber } = eventLog();
  const { logger, lines } = memoryLogger();
  const runner = createRunner({ cache: memoryCache({ clock }), clock, subscriber, logger, ...options });
  return { runner, clock, events, lines };
}

/** How often a cached body ran, after so many runs with one input. */
function counting(value: () => unknown) {
  const meter = { runs: 0 };
  const made = node(
    'made',
    (_given: unknown) => {
      meter.runs += 1;
      return value();
    },
    { cache: true },
  );
  return { made, meter };
}

describe('a hit', () => {
  test.each([
    ['a text', 'x'],
    ['undefined', undefined],
    ['null', null],
    ['0', 0],
    ['-0', -0],
    ['NaN', Number.NaN],
    ['a bigint', 12n],
    ['a date', new Date(5)],
    ['maps and sets', new Map<string, unknown>([['a', new Set([1, { b: 2 }])]])],
    ['bytes', new Uint8Array([1, 2, 3])],
    ['an error', new RangeError('too far')],
    ['a list with holes in an object', { list: [1, undefined, null] }],
  ])('gives %s as it was', async (_, value) => {
    const { runner } = stage();
    const { made, meter } = counting(() => value);
    await runner.run(made);

    const { answer } = await runner.run(made);

    expect(answer).toStrictEqual(value);
    expect(meter.runs).toBe(1);
  });

  test('shares no object with the first result, which may be changed', async () => {
    const { runner } = stage();
    const { made } = counting(() => ({ list: [1], deep: { at: new Date(5) } }));
    const first = (await runner.run(made)).answer as { list: number[]; deep: { at: Date } };

    first.list.push(2);
    first.deep.at.setTime(0);
    const { answer } = await runner.run(made);

    expect(answer).toEqual({ list: [1], deep: { at: new Date(5) } });
  });

  test('shares no object with another hit, which may be changed', async () => {
    const { runner } = stage();
    const { made } = counting(() => ({ list: [1] }));
    await runner.run(made);
    const hit = (await runner.run(made)).answer as { list: number[] };

    hit.list.push(2);
    const { answer } = await runner.run(made);

    expect(answer).toEqual({ list: [1] });
    expect(answer).not.toBe(hit);
  });

  test('shares no object with what the body kept', async () => {
    const { runner } = stage();
    const kept = { list: [1] };
    const { made } = counting(() => kept);
    await runner.run(made);

    kept.list.push(2);

    expect((await runner.run(made)).answer).toEqual({ list: [1] });
  });

  test('of a generator gives its output', async () => {
    const { runner } = stage();
    let runs = 0;
    const chunks = node(
      'chunks',
      async function* () {
        runs += 1;
        yield 1;
        yield 2;
      },
      { cache: true },
    );
    await runner.run(chunks);

    const { answer } = await runner.run(chunks);

    expect([answer, runs]).toEqual([[1, 2], 1]);
  });

  test('gives the named outputs', async () => {
    const { runner } = stage();
    const range = node({
      name: 'range',
      outputs: ['lo', 'hi'],
      cache: true,
      run: () => ({ lo: 1, hi: 9 }),
    });
    await runner.run(range);

    expect((await runner.run(range)).outputs).toEqual({ lo: 1, hi: 9 });
  });

  test('is told by NodeEnd, with the output', async () => {
    const { runner, events } = stage();
    const made = node({ name: 'made', output: 'value', cache: true, run: () => 7 });

    await runner.run(made);
    await runner.run(made);

    expect(ofType(events, 'NodeEnd')).toMatchObject([
      { nodeName: 'made', output: 7, outputs: { value: 7 }, cached: false },
      { nodeName: 'made', output: 7, outputs: { value: 7 }, cached: true },
    ]);
  });

  test('comes before the end of its request, in a sequence without a gap', async () => {
    const { runner, events } = stage();
    const { made } = counting(() => 7);
    await runner.run(made);

    const { runId } = await runner.run(made);

    const own = events.filter((event) => event.runId === runId);
    const types = own.map(({ type }) => type);
    expect(own.map(({ seq }) => seq)).toEqual(own.map((_, index) => index));
    expect(
      types.filter((type) => ['CacheHit', 'NodeEnd', 'RequestSuccess', 'RunEnd'].includes(type)),
    ).toEqual(expect.arrayContaining(['CacheHit', 'NodeEnd', 'RequestSuccess', 'RunEnd']));
    expect(types.indexOf('CacheHit')).toBeLessThan(types.indexOf('NodeEnd'));
  });

  test('of a caller calls nothing', async () => {
    const { runner } = stage();
    const child = node('child', () => 1);
    const caller = node('caller', async (_: unknown, ctx) => (await ctx.call(child)) + 1, { cache: true });
    await runner.run(caller);

    const { answer, info } = await runner.run(caller);

    expect([answer, statusesOf(info)]).toEqual([2, ['caller succeeded']]);
  });

  test('gives what was redacted in the records as it is', async () => {
    const { runner, events } = stage({ redact: ['secret'] });
    const { made } = counting(() => ({ secret: 'hush' }));
    await runner.run(made);

    const { answer } = await runner.run(made);

    expect(answer).toEqual({ secret: 'hush' });
    expect(findText(events, 'hush')).toBeUndefined();
  });

  test('is what computing again would give, for any data', async () => {
    const data = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withNullPrototype: true,
    });
    const echo = node('echo', (given: unknown) => ({ given }), { cache: true });

    await fc.assert(
      fc.asyncProperty(data, async (given) => {
        const { runner, events } = stage();
        await runner.run(echo, given);

        const hit = await runner.run(echo, given);

        const computed = await runner.run(echo, given, { cache: null });
        expect(hit.answer).toStrictEqual(computed.answer);
        expect(ofType(events, 'CacheHit')).toHaveLength(1);
      }),
    );
  });

  test('has the span of its request in its event', async () => {
    const { runner, events } = stage();
    const { made } = counting(() => 7);
    const root = node('root', async (_: unknown, ctx) => [await ctx.call(made), await ctx.call(made)]);

    const { runId, info } = await runner.run(root);

    const [rootNode, , second] = info.nodes;
    expect(ofType(events, 'CacheHit')).toMatchObject([
      { runId, spanId: second?.id, parentSpanId: rootNode?.id, requestId: [...info.requests][2]?.id },
    ]);
  });

  test('serves a node that is embedded in another system as well', async () => {
    const cache = memoryCache();
    const { made, meter } = counting(() => 7);
    const logic = fromNode(made, { cache });

    const answers = [
      await toPromise(createActor(logic).start()),
      await toPromise(createActor(logic).start()),
    ];

    expect([answers, meter.runs]).toEqual([[7, 7], 1]);
  });

  test('counts in the stamps like any other request', async () => {
    const { runner } = stage();
    const { made } = counting(() => 7);
    const root = node('root', async (_: unknown, ctx) => [await ctx.call(made), await ctx.call(made)]);

    const { info } = await runner.run(root);

    expect(info.requests.size).toBe(3);
    expect(stepsOf(info).steps).toEqual([0, 1, 2, 3, 4, 5]);
    expect(info.stamps.map(({ identifier }) => identifier)).toEqual([
      'START CREATED root',
      'root CREATED made',
      'Finished executing made',
      'root CREATED made',
      'Finished executing made',
      'Finished executing root',
    ]);
  });

  test('has a request that succeeded without an attempt', async () => {
    const { runner } = stage();
    const { made } = counting(() => [7]);
    await runner.run(made, 'a');

    const { info, status } = await runner.run(made, 'a');

    expect(status).toBe('completed');
    expect(info.requests.roots).toMatchObject([
      { nodeName: 'made', status: 'succeeded', input: 'a', output: [7], attempts: 0, endedAt: 1_000 },
    ]);
  });
});

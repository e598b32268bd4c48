import fc from 'fast-check';
import { createRunner, graph, input, InvalidInputError, machineNode, node, UnknownInputError } from 'troupe';
import { describe, expect, test } from 'vitest';
import { setup } from 'xstate';
import { z } from 'zod';
import { deferred, rejectionOf } from '../support/deferred.ts';
import { eventLog, ofType } from '../support/runs.ts';

const add = node({
  name: 'add',
  inputs: { a: input<number>(), b: input(10) },
  output: 'sum',
  run: ({ a, b }) => a + b,
});
const double = node({
  name: 'double',
  inputs: { sum: input<number>() },
  output: 'doubled',
  run: ({ sum }) => sum * 2,
});
const adding = graph({ name: 'adding', nodes: [add, double] });

describe('map', () => {
  test('runs a node once for each item of a list', async () => {
    const results = await createRunner().map(add, { a: [1, 2, 3], b: 1 }, { over: 'a' });

    expect(results.map(({ answer }) => answer)).toEqual([2, 3, 4]);
  });

  test('runs a graph once for each item of a list', async () => {
    const results = await createRunner().map(adding, { a: [1, 2], b: 1 }, { over: 'a' });

    expect(results.map(({ outputs }) => outputs)).toEqual([{ doubled: 4 }, { doubled: 6 }]);
  });

  test('runs a machineNode once for each item of a list', async () => {
    const machine = setup({
      types: { input: {} as { n: number }, context: {} as { n: number }, output: {} as number },
    }).createMachine({
      context: ({ input: given }) => ({ n: given.n }),
      initial: 'done',
      states: { done: { type: 'final' } },
      output: ({ context }) => context.n * 2,
    });
    const doubling = machineNode({
      name: 'doubling',
      machine,
      inputs: { n: input<number>() },
      output: 'out',
    });

    const results = await createRunner().map(doubling, { n: [1, 2] }, { over: 'n' });

    expect(results.column('out')).toEqual([2, 4]);
  });

  test('takes lists of one length together', async () => {
    const results = await createRunner().map(add, { a: [1, 2], b: [10, 20] }, { over: ['a', 'b'] });

    expect(results.column('sum')).toEqual([11, 22]);
  });

  test('combines each with each in mode product, the first name outermost', async () => {
    const pair = node({
      name: 'pair',
      inputs: { x: input<string>(), y: input<number>() },
      output: 'pair',
      run: ({ x, y }) => `${x}${y}`,
    });

    const results = await createRunner().map(
      pair,
      { y: [1, 2, 3], x: ['a', 'b'] },
      { over: ['x', 'y'], mode: 'product' },
    );

    expect(results.column('pair')).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'b3']);
  });

  test('of a product gives what nested loops give', async () => {
    const list = fc.array(fc.integer(), { maxLength: 4 });
    const triple = node({
      name: 'triple',
      inputs: { x: input<number>(), y: input<number>(), z: input<number>() },
      output: 'triple',
      run: ({ x, y, z: last }) => [x, y, last],
    });

    await fc.assert(
      fc.asyncProperty(list, list, list, async (x, y, last) => {
        const results = await createRunner().map(
          triple,
          { x, y, z: last },
          { over: ['x', 'y', 'z'], mode: 'product' },
        );

        const nested = x.flatMap((one) => y.flatMap((two) => last.map((three) => [one, two, three])));
        expect(results.column('triple')).toEqual(nested);
      }),
      { numRuns: 20 },
    );
  });

  test('leaves what is not given to the defaults, a copy for each item', async () => {
    const seen: object[] = [];
    const keep = node({
      name: 'keep',
      inputs: { n: input<number>(), into: input<object>({}) },
      run: ({ into }) => void seen.push(into),
    });

    await createRunner().map(keep, { n: [1, 2] }, { over: 'n' });

    expect(seen).toEqual([{}, {}]);
    expect(seen[0]).not.toBe(seen[1]);
  });

  test('takes the values that are bound to a graph', async () => {
    const results = await createRunner().map(adding.bind({ b: 100 }), { a: [1, 2] }, { over: 'a' });

    expect(results.column('doubled')).toEqual([202, 204]);
  });

  test('gives results in the order of the input, whatever ends first', async () => {
    const gates = [deferred<string>(), deferred<string>()];
    const waits = node({
      name: 'waits',
      inputs: { at: input<number>() },
      output: 'got',
      run: ({ at }) => gates[at]?.promise,
    });
    const mapping = createRunner().map(waits, { at: [0, 1] }, { over: 'at' });

    gates[1]?.resolve('second');
    gates[0]?.resolve('first');

    expect((await mapping).column('got')).toEqual(['first', 'second']);
  });

  test('makes a run of each item, with an id of its own', async () => {
    const runner = createRunner();

    const results = await runner.map(adding, { a: [1, 2], b: 1 }, { over: 'a' });

    expect(new Set(results.map(({ runId }) => runId)).size).toBe(2);
    for (const { runId, status } of results) expect(runner.info.run(runId).status).toBe(status);
  });

  test('publishes the events of each run, numbered for itself', async () => {
    const { events, subscriber } = eventLog();

    const results = await createRunner().map(add, { a: [1, 2] }, { over: 'a', subscriber });

    expect(ofType(events, 'RunStart').map(({ runId }) => runId)).toEqual(results.map(({ runId }) => runId));
    expect(events.filter(({ seq }) => seq === 0)).toHaveLength(2);
  });

  test('closes a processor of its own once, after the last event of the last item', async () => {
    const trace: string[] = [];
    const processor = {
      onEvent: ({ type }: { type: string }) => void trace.push(type),
      close: () => void trace.push('closed'),
    };
    await using runner = createRunner();

    await runner.map(add, { a: [1, 2, 3] }, { over: 'a', processors: [processor] });
    await runner.close();

    expect(trace.filter((each) => each === 'closed')).toHaveLength(1);
    expect(trace.slice(-2)).toEqual(['RunEnd', 'closed']);
  });

  test('gives each item a context of its own', async () => {
    const count = node({
      name: 'count',
      inputs: { n: input<number>() },
      run: ({ n }, ctx) => {
        const list = ctx.context.get<number[]>('list');
        list.push(n);
        return list;
      },
    });

    const results = await createRunner().map(count, { n: [1, 2] }, { over: 'n', context: { list: [] } });

    expect(results.map(({ answer }) => answer)).toEqual([[1], [2]]);
  });

  test('takes only the selected outputs of a graph', async () => {
    const results = await createRunner().map(adding, { a: [1] }, { over: 'a', select: ['sum'] });

    expect(results.map(({ outputs }) => outputs)).toEqual([{ sum: 11 }]);
    expect(results.map(({ nodes }) => nodes)).toEqual([{ add: 'completed', double: 'skipped' }]);
  });

  test('keeps to the list as it was when it began', async () => {
    const a = [1, 2];
    const gate = deferred();
    const slow = node({
      name: 'slow',
      inputs: { a: input<number>() },
      output: 'a',
      run: async ({ a: value }) => {
        await gate.promise;
        return value;
      },
    });
    const mapping = createRunner().map(slow, { a }, { over: 'a', maxConcurrency: 1 });

    a.splice(0, 2, 7, 8, 9);
    gate.resolve();

    expect((await mapping).column('a')).toEqual([1, 2]);
  });

  test('of an empty list is an empty result that has completed', async () => {
    const runner = createRunner();

    const results = await runner.map(adding, { a: [], b: 1 }, { over: 'a' });

    expect(results).toHaveLength(0);
    expect(results.status).toBe('completed');
    expect(runner.info.runs).toHaveLength(0);
  });

  test('of a product with an empty list is an empty result', async () => {
    const results = await createRunner().map(
      add,
      { a: [1, 2], b: [] },
      { over: ['a', 'b'], mode: 'product' },
    );

    expect(results).toHaveLength(0);
  });

  test('waits for schemas that check asynchronously', async () => {
    const picky = node({
      name: 'picky',
      inputs: { n: z.number().refine(async (n) => Promise.resolve(n > 0)) },
      output: 'n',
      run: ({ n }) => n,
    });

    const results = await createRunner().map(picky, { n: [1, -1] }, { over: 'n', onError: 'continue' });

    expect(results.map(({ status }) => status)).toEqual(['completed', 'failed']);
    expect(results[1]?.error).toBeInstanceOf(InvalidInputError);
  });
});

describe('map refuses, and runs nothing, when', () => {
  const bare = node('bare', (n: number) => n);
  const cases: [string, unknown, unknown, unknown, string][] = [
    ['what it maps over is no array', add, { a: 1 }, { over: 'a' }, 'INVALID_INPUT'],
    ['the list is not there', add, { b: 1 }, { over: 'a' }, 'INVALID_INPUT'],
    ['lists differ in length', add, { a: [1, 2], b: [1] }, { over: ['a', 'b'] }, 'INVALID_INPUT'],
    ['the input is no object', add, [1], { over: 'a' }, 'INVALID_INPUT'],
    ['the target declares no inputs', bare, [1, 2], { over: 'n' }, 'INVALID_INPUT'],
    ['the target is none', {}, { a: [1] }, { over: 'a' }, 'INVALID_INPUT'],
    ['`over` is missing', add, { a: [1] }, {}, 'INVALID_INPUT'],
    ['there are no options', add, { a: [1] }, undefined, 'INVALID_INPUT'],
    ['`over` is an empty list', add, { a: [1] }, { over: [] }, 'INVALID_INPUT'],
    ['`over` names an input twice', add, { a: [1] }, { over: ['a', 'a'] }, 'INVALID_INPUT'],
    ['the mode is unknown', add, { a: [1] }, { over: 'a', mode: 'both' }, 'INVALID_INPUT'],
    ['the policy is that of a run', add, { a: [1] }, { over: 'a', onError: 'stopAll' }, 'INVALID_INPUT'],
    ['an option is unknown', add, { a: [1] }, { over: 'a', mod: 'zip' }, 'INVALID_INPUT'],
    ['`over` names no input', add, { a: [1] }, { over: 'aa' }, 'UNKNOWN_INPUT'],
    ['a value is for no input', add, { a: [1], c: 2 }, { over: 'a' }, 'UNKNOWN_INPUT'],
    ['a required value is missing', double, {}, { over: 'sum' }, 'INVALID_INPUT'],
    [
      'another required value is missing',
      graph({
        name: 'g',
        nodes: [
          node({
            name: 'two',
            inputs: { x: input<number>(), y: input<number>() },
            output: 'o',
            run: ({ x }) => x,
          }),
        ],
      }),
      { x: [1, 2] },
      { over: 'x', onError: 'continue' },
      'MISSING_INPUT',
    ],
    ['a value is one that a node makes', adding, { a: [1], sum: 2 }, { over: 'a' }, 'CONFLICT'],
    [
      'a workflowId is given without a checkpointer',
      add,
      { a: [1] },
      { over: 'a', workflowId: 'w' },
      'CHECKPOINT',
    ],
  ];

  test.each(cases)('%s', async (_, ...[target, given, options, code]) => {
    const { events, subscriber } = eventLog();
    const runner = createRunner({ subscriber });

    const error = await rejectionOf(runner.map(target as never, given as never, options as never));

    expect(error).toMatchObject({ code, hint: expect.stringMatching(/./) as string });
    expect(runner.info.runs).toHaveLength(0);
    expect(events).toEqual([]);
  });

  test('an unknown name is close to a known one, which it suggests', async () => {
    const near = node({ name: 'near', inputs: { document: input<string>() }, run: () => 1 });

    const error = await rejectionOf(
      createRunner().map(near, { document: ['a'] }, { over: 'documnt' as 'document' }),
    );

    expect(error).toBeInstanceOf(UnknownInputError);
    expect(error).toMatchObject({ hint: 'Did you mean "document"?' });
  });

  test('the runner is closed', async () => {
    const runner = createRunner();
    await runner.close();

    expect(await rejectionOf(runner.map(add, { a: [1] }, { over: 'a' }))).toMatchObject({
      code: 'RUNNER_CLOSED',
    });
  });
});

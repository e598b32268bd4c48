import { createRunner, FatalError, graph, input, interrupt, node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { deferred, never, rejectionOf, thrownBy } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf, unendedOf } from '../support/forest.ts';
import { stageFor } from '../support/runs.ts';

const boom = new Error('boom');
const pair = node({
  name: 'pair',
  inputs: { x: input<string>(), y: input<string>() },
  output: 'both',
  run: ({ x, y }) => `${x}${y}`,
});
const pairing = graph({ name: 'pairing', nodes: [pair] });

/** Fails for negative numbers. */
const root = node({
  name: 'root',
  inputs: { x: input<number>() },
  output: 'rooted',
  run: async ({ x }) => {
    if (x < 0) throw boom;
    return Math.sqrt(x);
  },
});
const rooting = graph({ name: 'rooting', nodes: [root] });

describe('lists that cannot be mapped over', () => {
  test('are an InvalidInputError where they differ in length under zip', async () => {
    const outer = graph({ name: 'outer', nodes: [pairing.asNode({ mapOver: ['x', 'y'] })] });

    const error = await rejectionOf(createRunner().run(outer, { x: ['a', 'b'], y: ['1'] }));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(String(error)).toMatch(/x.*2.*y.*1/s);
  });

  test('are an InvalidInputError where only one is empty under zip', async () => {
    const outer = graph({ name: 'outer', nodes: [pairing.asNode({ mapOver: ['x', 'y'] })] });

    const error = await rejectionOf(createRunner().run(outer, { x: [], y: ['1'] }));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('run no item', async () => {
    const outer = graph({ name: 'outer', nodes: [pairing.asNode({ mapOver: ['x', 'y'] })] });

    const result = await createRunner()
      .run(outer, { x: ['a', 'b'], y: ['1'] }, { onFailure: 'return' })
      .catch(() => undefined);

    expect(
      result === undefined ? [] : statusesOf(result.info).filter((status) => status.startsWith('pair ')),
    ).toEqual([]);
  });

  test('are the failure of the map where nodes made them', async () => {
    const makeX = node({ name: 'makeX', inputs: {}, output: 'x', run: () => ['a', 'b'] });
    const makeY = node({ name: 'makeY', inputs: {}, output: 'y', run: () => ['1'] });
    const outer = graph({ name: 'outer', nodes: [makeX, makeY, pairing.asNode({ mapOver: ['x', 'y'] })] });

    const result = await createRunner().run(outer, {}, { onFailure: 'return' });

    expect(result).toMatchObject({
      status: 'failed',
      error: { code: 'INVALID_INPUT' },
      nodes: { pairing: 'failed', makeX: 'completed', makeY: 'completed' },
    });
    expect(unendedOf(result.info)).toEqual([]);
    expect(stepsOf(result.info).steps).toEqual(stepsOf(result.info).lawful);
  });

  test('are an InvalidInputError where one is no list', async () => {
    const parse = node({
      name: 'parse',
      inputs: { text: input<string>() },
      output: 'x',
      run: ({ text }): number[] => JSON.parse(text),
    });
    const outer = graph({ name: 'outer', nodes: [parse, rooting.asNode({ mapOver: 'x' })] });

    const error = await rejectionOf(createRunner().run(outer, { text: '"no list"' }));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(String(error)).toContain('"x"');
  });
});

describe('a map that cannot be', () => {
  test('is a GraphConfigError where a question is asked inside', () => {
    const ask = interrupt({
      name: 'ask',
      inputs: { x: input<string>() },
      response: 'decision',
      run: ({ x }) => x,
    });
    const asking = graph({ name: 'asking', nodes: [ask] });

    const error = thrownBy(() => graph({ name: 'outer', nodes: [asking.asNode({ mapOver: 'x' })] }));

    expect(error).toMatchObject({ code: 'GRAPH_CONFIG' });
    expect(String(error)).toContain('decision');
  });

  test('is a GraphConfigError where a question is asked deep inside', () => {
    const ask = interrupt({
      name: 'ask',
      inputs: { x: input<string>() },
      response: 'decision',
      run: ({ x }) => x,
    });
    const asking = graph({ name: 'asking', nodes: [ask] });
    const middle = graph({ name: 'middle', nodes: [asking.asNode()] });

    const error = thrownBy(() => graph({ name: 'outer', nodes: [middle.asNode({ mapOver: 'x' })] }));

    expect(error).toMatchObject({ code: 'GRAPH_CONFIG' });
  });

  test('is a GraphConfigError that says which was meant where there is no such input', () => {
    const error = thrownBy(() => rooting.asNode({ mapOver: 'xx' as 'x' }));

    expect(error).toMatchObject({ code: 'GRAPH_CONFIG' });
    expect((error as Error & { hint: string }).hint).toContain('"x"');
  });

  test('is an InvalidInputError where its mode is none', () => {
    const error = thrownBy(() => rooting.asNode({ mapOver: 'x', mapMode: 'each' as 'zip' }));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

const outer = (onError?: 'stop' | 'continue') =>
  graph({
    name: 'outer',
    nodes: [rooting.asNode({ mapOver: 'x', ...(onError === undefined ? {} : { onError }) })],
  });

describe('an item that fails', () => {
  test.each([undefined, 'stop'] as const)(
    'fails the map with its very error under onError %s',
    async (onError) => {
      const result = await createRunner().run(outer(onError), { x: [4, -1, 9] }, { onFailure: 'return' });

      expect(result.error).toBe(boom);
      expect(result).toMatchObject({ status: 'failed', nodes: { rooting: 'failed' } });
      expect(unendedOf(result.info)).toEqual([]);
    },
  );

  test('cancels the others under onError stop', async () => {
    const { runner, clock } = await stageFor('first');
    const gate = deferred();
    const work = node({
      name: 'work',
      inputs: { x: input<number>() },
      output: 'worked',
      run: async ({ x }): Promise<number> => {
        if (x >= 0) return never();
        await gate.promise;
        throw boom;
      },
    });
    const mapped = graph({ name: 'working', nodes: [work] }).asNode({ mapOver: 'x', onError: 'stop' });
    const handle = runner.iter(
      graph({ name: 'outer', nodes: [mapped] }),
      { x: [1, -1, 2] },
      { onFailure: 'return' },
    );
    await clock.advance(0);

    gate.resolve();
    const { info } = await handle.result;

    expect(statusesOf(info).filter((status) => status.startsWith('work '))).toEqual([
      'work cancelled',
      'work failed',
      'work cancelled',
    ]);
  });

  test('is undefined in the lists under onError continue, and the map completes', async () => {
    const { status, outputs, nodes } = await createRunner().run(outer('continue'), { x: [4, -1, 9] });

    expect(status).toBe('completed');
    expect(nodes).toEqual({ rooting: 'completed' });
    expect(outputs).toEqual({ rooted: [2, undefined, 3] });
  });

  test('is on record as failed under onError continue', async () => {
    const { info } = await createRunner().run(outer('continue'), { x: [4, -1, 9] });

    expect(statusesOf(info).filter((status) => status.startsWith('root '))).toEqual([
      'root succeeded',
      'root failed',
      'root succeeded',
    ]);
    expect(requestOf(info, 'outer').status).toBe('succeeded');
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('gives lists of the same length under onError continue where all fail', async () => {
    const { outputs } = await createRunner().run(outer('continue'), { x: [-1, -2] });

    expect(outputs).toEqual({ rooted: [undefined, undefined] });
  });

  test('that is fatal stops the run under onError continue', async () => {
    const fatal = new FatalError('stop it all');
    const work = node({
      name: 'work',
      inputs: { x: input<number>() },
      output: 'worked',
      run: (): Promise<number> => Promise.reject(fatal),
    });
    const mapped = graph({ name: 'working', nodes: [work] }).asNode({ mapOver: 'x', onError: 'continue' });

    const error = await rejectionOf(
      createRunner().run(graph({ name: 'outer', nodes: [mapped] }), { x: [1, 2] }),
    );

    expect(error).toBe(fatal);
  });

  test('stops the run under stopAll, whatever the map says', async () => {
    const error = await rejectionOf(
      createRunner({ onError: 'stopAll' }).run(outer('continue'), { x: [4, -1] }),
    );

    expect(error).toBe(boom);
  });

  test('blocks what reads the map where the run goes on after errors', async () => {
    const count = node({
      name: 'count',
      inputs: { rooted: input<number[]>() },
      output: 'size',
      run: ({ rooted }) => rooted.length,
    });
    const reading = graph({ name: 'reading', nodes: [rooting.asNode({ mapOver: 'x' }), count] });

    const { status, nodes } = await createRunner().run(
      reading,
      { x: [1, -1] },
      { onError: 'continue', onFailure: 'return' },
    );

    expect(status).toBe('failed');
    expect(nodes).toEqual({ rooting: 'failed', count: 'blocked' });
  });

  test('inside a map in a map is undefined in its own list only', async () => {
    const each = graph({ name: 'each', nodes: [rooting.asNode({ mapOver: 'x', onError: 'continue' })] });
    const twice = graph({ name: 'twice', nodes: [each.asNode({ mapOver: 'x' })] });

    const { outputs } = await createRunner().run(twice, { x: [[4, -1], [9]] });

    expect(outputs).toEqual({ rooted: [[2, undefined], [3]] });
  });
});

describe('stopping a map', () => {
  test('by a cancel stops every item', async () => {
    const { runner, clock } = await stageFor('first');
    const reasons: unknown[] = [];
    const hangs = node({
      name: 'hangs',
      inputs: { x: input<number>() },
      output: 'found',
      run: (_, ctx): Promise<number> => {
        ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason));
        return never();
      },
    });
    const mapped = graph({ name: 'hanging', nodes: [hangs] }).asNode({ mapOver: 'x' });
    const handle = runner.iter(
      graph({ name: 'outer', nodes: [mapped] }),
      { x: [1, 2, 3] },
      { onFailure: 'return' },
    );
    await clock.advance(0);

    handle.cancel('enough');
    const { status, info } = await handle.result;

    expect(status).toBe('cancelled');
    expect(reasons).toMatchObject([{ reason: 'enough' }, { reason: 'enough' }, { reason: 'enough' }]);
    expect(unendedOf(info)).toEqual([]);
  });

  test('by the timeout of the run stops every item', async () => {
    const { runner, clock } = await stageFor('first');
    const hangs = node({
      name: 'hangs',
      inputs: { x: input<number>() },
      output: 'found',
      run: (): Promise<number> => never(),
    });
    const mapped = graph({ name: 'hanging', nodes: [hangs] }).asNode({ mapOver: 'x' });
    const handle = runner.iter(
      graph({ name: 'outer', nodes: [mapped] }),
      { x: [1, 2] },
      { timeout: 50, onFailure: 'return' },
    );

    await clock.advance(50);
    const { status, info } = await handle.result;

    expect(status).toBe('timedOut');
    expect(statusesOf(info).filter((each) => each.startsWith('hangs '))).toEqual([
      'hangs cancelled',
      'hangs cancelled',
    ]);
  });
});

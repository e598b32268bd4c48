import { CancelledError, createRunner, FatalError, graph, input, node, RunTimeoutError } from 'troupe';
import { describe, expect, test } from 'vitest';
import { deferred, never, rejectionOf } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf, unendedOf } from '../support/forest.ts';
import { EACH_RUN, eventLog, ofType, stageFor } from '../support/runs.ts';

const boom = new Error('boom');

/** A graph two deep around one node: outer > middle > inner > hangs. */
function around(reasons: unknown[] = []) {
  const hangs = node({
    name: 'hangs',
    inputs: {},
    output: 'found',
    run: (_, ctx): Promise<number> => {
      ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason));
      return never();
    },
  });
  const inner = graph({ name: 'inner', nodes: [hangs] });
  const middle = graph({ name: 'middle', nodes: [inner.asNode()] });
  return graph({ name: 'outer', nodes: [middle.asNode()] });
}

/** A graph of independent nodes, one of which fails: good, fails -> needs, and beside them `other` outside. */
function failing() {
  const good = node({ name: 'good', inputs: {}, output: 'well', run: async () => 1 });
  const fails = node({
    name: 'fails',
    inputs: {},
    output: 'badly',
    run: (): Promise<number> => Promise.reject(boom),
  });
  const needs = node({
    name: 'needs',
    inputs: { badly: input<number>() },
    output: 'needed',
    run: ({ badly }) => badly,
  });
  const inner = graph({ name: 'inner', nodes: [good, fails, needs] });
  const reader = node({
    name: 'reader',
    inputs: { well: input<number>() },
    output: 'read',
    run: ({ well }) => well,
  });
  const other = node({ name: 'other', inputs: {}, output: 'apart', run: async () => 2 });
  const after = node({
    name: 'after',
    inputs: { apart: input<number>() },
    output: 'later',
    run: ({ apart }) => apart,
  });
  return graph({ name: 'outer', nodes: [inner.asNode(), reader, other, after] });
}

describe.each(EACH_RUN)('stopping reaches into nested graphs in the %s run of a runner', (turn) => {
  test('by the timeout of the run', async () => {
    const { runner, clock } = await stageFor(turn);
    const reasons: unknown[] = [];
    const handle = runner.iter(around(reasons), {}, { timeout: 50, onFailure: 'return' });

    await clock.advance(50);
    const { status, error, info } = await handle.result;

    expect(status).toBe('timedOut');
    expect(error).toBeInstanceOf(RunTimeoutError);
    expect(reasons).toEqual([error]);
    expect(unendedOf(info)).toEqual([]);
  });

  test('by a cancel of the run', async () => {
    const { runner, clock } = await stageFor(turn);
    const reasons: unknown[] = [];
    const handle = runner.iter(around(reasons), {}, { onFailure: 'return' });
    await clock.advance(0);

    handle.cancel('enough');
    const { status, error, info } = await handle.result;

    expect(status).toBe('cancelled');
    expect(error).toMatchObject({ code: 'CANCELLED', reason: 'enough' });
    expect(reasons).toMatchObject([{ code: 'CANCELLED', reason: 'enough' }]);
    expect(statusesOf(info)).toEqual([
      'outer cancelled',
      'middle cancelled',
      'inner cancelled',
      'hangs cancelled',
    ]);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('by a cancel of the request of a nested graph, whose outer graph fails with it', async () => {
    const { runner, clock } = await stageFor(turn);
    const reasons: unknown[] = [];
    const handle = runner.iter(around(reasons), {}, { onFailure: 'return' });
    await clock.advance(0);

    const stopped = runner.cancel(requestOf(handle.info, 'middle').id, 'not this');
    const { error, info } = await handle.result;

    expect(stopped).toBe(true);
    expect(error).toBeInstanceOf(CancelledError);
    expect(error).toMatchObject({ reason: 'not this' });
    expect(reasons).toHaveLength(1);
    expect(requestOf(info, 'inner').status).toBe('cancelled');
    expect(unendedOf(info)).toEqual([]);
  });

  test('by a failure outside', async () => {
    const { runner } = await stageFor(turn);
    const reasons: unknown[] = [];
    const fails = node({ name: 'fails', inputs: {}, output: 'nothing', run: () => Promise.reject(boom) });
    const both = graph({ name: 'both', nodes: [around(reasons).asNode(), fails] });

    const { error, info } = await runner.run(both, {}, { onFailure: 'return' });

    expect(error).toBe(boom);
    expect(reasons).toMatchObject([{ code: 'CANCELLED' }]);
    expect(requestOf(info, 'hangs').status).toBe('cancelled');
    expect(unendedOf(info)).toEqual([]);
  });

  test('by closing the runner without a drain', async () => {
    const { runner, clock } = await stageFor(turn);
    const reasons: unknown[] = [];
    const handle = runner.iter(around(reasons), {}, { onFailure: 'return' });
    await clock.advance(0);

    await runner.close({ drain: false });

    expect((await handle.result).status).toBe('cancelled');
    expect(reasons).toHaveLength(1);
  });
});

/** Nodes that count how many of them work at once. */
function gauge() {
  let working = 0;
  let most = 0;
  const worker = (name: string) =>
    node({
      name,
      inputs: {},
      output: `${name}Done`,
      run: async () => {
        working += 1;
        most = Math.max(most, working);
        await new Promise((resolve) => setImmediate(resolve));
        working -= 1;
        return 1;
      },
    });
  return { worker, most: () => most };
}

describe('maxConcurrency', () => {
  test.each([1, 2, 3])('%i is one budget for all nested graphs', async (maxConcurrency) => {
    const { worker, most } = gauge();
    const left = graph({ name: 'left', nodes: [worker('a'), worker('b'), worker('c')] });
    const right = graph({ name: 'right', nodes: [worker('d'), worker('e'), left.asNode()] });
    const outer = graph({ name: 'outer', nodes: [right.asNode(), worker('f'), worker('g')] });

    const { status } = await createRunner({ maxConcurrency }).run(outer);

    expect(status).toBe('completed');
    expect(most()).toBe(maxConcurrency);
  });

  test('1 lets graphs nested ten deep through, as graphs take no place', async () => {
    let nested = graph({
      name: 'g0',
      nodes: [node({ name: 'leaf', inputs: {}, output: 'out', run: async () => 1 })],
    }).asNode();
    for (let level = 1; level < 10; level += 1)
      nested = graph({ name: `g${level}`, nodes: [nested] }).asNode() as typeof nested;

    const { outputs } = await createRunner({ maxConcurrency: 1 }).run(
      graph({ name: 'outer', nodes: [nested] }),
    );

    expect(outputs).toEqual({ out: 1 });
  });
});

describe('a failure in a nested graph', () => {
  test('fails the run with the very error', async () => {
    const result = await createRunner().run(failing(), {}, { onFailure: 'return' });

    expect(result.error).toBe(boom);
    expect(result).toMatchObject({ status: 'failed', nodes: { inner: 'failed' } });
    expect(unendedOf(result.info)).toEqual([]);
  });

  test('rejects with the very error', async () => {
    expect(await rejectionOf(createRunner().run(failing()))).toBe(boom);
  });

  test('cancels what still runs, inside and outside', async () => {
    const { runner, clock } = await stageFor('first');
    const gate = deferred();
    const reasons: string[] = [];
    const hangs = (name: string) =>
      node({
        name,
        inputs: {},
        output: `${name}Out`,
        run: (_, ctx): Promise<number> => {
          ctx.signal.addEventListener('abort', () => reasons.push(name));
          return never();
        },
      });
    const fails = node({
      name: 'fails',
      inputs: {},
      output: 'nothing',
      run: async (): Promise<number> => {
        await gate.promise;
        throw boom;
      },
    });
    const inner = graph({ name: 'inner', nodes: [hangs('inside'), fails] });
    const handle = runner.iter(
      graph({ name: 'outer', nodes: [inner.asNode(), hangs('outside')] }),
      {},
      { onFailure: 'return' },
    );
    await clock.advance(0);

    gate.resolve();
    const { info } = await handle.result;

    expect(reasons.toSorted()).toEqual(['inside', 'outside']);
    expect(statusesOf(info).toSorted()).toEqual([
      'fails failed',
      'inner failed',
      'inside cancelled',
      'outer failed',
      'outside cancelled',
    ]);
  });

  test('under onError continue blocks what depends on the nested graph, and leaves the rest its end', async () => {
    const result = await createRunner().run(failing(), {}, { onError: 'continue', onFailure: 'return' });

    expect(result.status).toBe('failed');
    expect(result.error).toBe(boom);
    expect(result.nodes).toEqual({
      inner: 'failed',
      reader: 'blocked',
      other: 'completed',
      after: 'completed',
    });
    expect(result.outputs).toMatchObject({ later: 2 });
    expect(result.reasons['reader']).toContain('inner');
  });

  test('under onError continue leaves independent work inside its end, too', async () => {
    const { info } = await createRunner().run(failing(), {}, { onError: 'continue', onFailure: 'return' });

    expect(requestOf(info, 'good').status).toBe('succeeded');
    expect(requestOf(info, 'fails').status).toBe('failed');
    expect(requestOf(info, 'inner').status).toBe('failed');
  });

  test('under onError continue waits for slow work inside before it fails', async () => {
    const { runner, clock } = await stageFor('first');
    const gate = deferred();
    const slow = node({
      name: 'slow',
      inputs: {},
      output: 'late',
      run: () => gate.promise,
    });
    const fails = node({
      name: 'fails',
      inputs: {},
      output: 'nothing',
      run: (): Promise<number> => Promise.reject(boom),
    });
    const inner = graph({ name: 'inner', nodes: [fails, slow] });
    const handle = runner.iter(
      graph({ name: 'outer', nodes: [inner.asNode()] }),
      {},
      { onError: 'continue', onFailure: 'return' },
    );

    await clock.advance(0);
    const before = handle.info.status;
    gate.resolve();
    const { info } = await handle.result;

    expect(before).toBe('running');
    expect(requestOf(info, 'slow').status).toBe('succeeded');
  });

  test('that is fatal stops the whole run under onError continue', async () => {
    const fatal = new FatalError('stop it all');
    const fails = node({
      name: 'fails',
      inputs: {},
      output: 'nothing',
      run: (): Promise<number> => Promise.reject(fatal),
    });
    const inner = graph({ name: 'inner', nodes: [fails] });
    const outer = graph({ name: 'outer', nodes: [inner.asNode(), around().asNode({ name: 'hanging' })] });

    const { error, info } = await createRunner().run(outer, {}, { onError: 'continue', onFailure: 'return' });

    expect(error).toBe(fatal);
    expect(requestOf(info, 'hangs').status).toBe('cancelled');
    expect(unendedOf(info)).toEqual([]);
  });

  test('that the retry of its node heals is none', async () => {
    const { runner, clock } = await stageFor('first');
    let attempts = 0;
    const flaky = node({
      name: 'flaky',
      inputs: {},
      output: 'found',
      retry: { maxAttempts: 2, delay: 10 },
      run: async () => {
        attempts += 1;
        if (attempts === 1) throw boom;
        return attempts;
      },
    });
    const running = runner.run(
      graph({ name: 'outer', nodes: [graph({ name: 'inner', nodes: [flaky] }).asNode()] }),
    );

    await clock.runAll();

    expect((await running).outputs).toEqual({ found: 2 });
  });

  test('that is the timeout of its node is a NodeTimeoutError, and the run failed', async () => {
    const { runner, clock } = await stageFor('first');
    const slow = node({
      name: 'slow',
      inputs: {},
      output: 'found',
      timeout: 50,
      run: (): Promise<number> => never(),
    });
    const handle = runner.iter(
      graph({ name: 'outer', nodes: [graph({ name: 'inner', nodes: [slow] }).asNode()] }),
      {},
      { onFailure: 'return' },
    );

    await clock.advance(50);
    const { status, error, info } = await handle.result;

    expect(status).toBe('failed');
    expect(error).toMatchObject({ code: 'NODE_TIMEOUT' });
    expect(statusesOf(info)).toEqual(['outer failed', 'inner failed', 'slow timedOut']);
  });
});

describe('chunks of a nested node', () => {
  test('are events of the whole run, as they come', async () => {
    const { runner, clock } = await stageFor('first');
    const { events, subscriber } = eventLog();
    const streams = node({
      name: 'streams',
      inputs: {},
      output: 'all',
      run: async function* () {
        yield 'a';
        yield 'b';
      },
    });
    const inner = graph({ name: 'inner', nodes: [streams] });

    await runner.run(graph({ name: 'outer', nodes: [inner.asNode()] }), {}, { subscriber });
    await clock.advance(0);

    expect(ofType(events, 'StreamingChunk').map(({ nodeName, chunk }) => [nodeName, chunk])).toEqual([
      ['streams', 'a'],
      ['streams', 'b'],
    ]);
  });
});

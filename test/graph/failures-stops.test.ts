import { createRunner, END, graph, input, node, route, type RunHandle } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred, never, rejectionOf } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf, unendedOf } from '../support/forest.ts';
import { EACH_RUN, stageFor } from '../support/runs.ts';

const hangs = node({ name: 'hangs', output: 'late', run: (): Promise<number> => never() });
const after = node({
  name: 'after',
  inputs: { late: input<number>() },
  output: 'end',
  run: ({ late }) => late,
});
const quick = node({ name: 'quick', output: 'soon', run: () => 1 });
const nested = graph({ name: 'inner', nodes: [hangs] }).asNode();

function idOf(handle: RunHandle, nodeName: string): string {
  return requestOf(handle.info, nodeName).id;
}

describe.each(EACH_RUN)('cancelling the %s run of a runner', (turn) => {
  test('stops its whole tree, and each node has a final status', async () => {
    const { runner, clock } = await stageFor(turn);
    const handle = runner.iter(
      graph({ name: 'outer', nodes: [nested, after, quick] }),
      {},
      { onFailure: 'return' },
    );
    await clock.advance(0);

    handle.cancel('enough');
    const { status, error, nodes, reasons, outputs, info } = await handle.result;

    expect(status).toBe('cancelled');
    expect(error).toMatchObject({ code: 'CANCELLED', reason: 'enough' });
    expect(nodes['quick']).toBe('completed');
    expect(nodes['inner']).toBe('cancelled');
    expect(nodes['after']).not.toMatch(/completed|pending|running/);
    expect(Object.keys(reasons).toSorted()).toEqual(['after', 'inner']);
    expect(outputs).toMatchObject({ soon: 1 });
    expect(statusesOf(info).toSorted()).toEqual([
      'hangs cancelled',
      'inner cancelled',
      'outer cancelled',
      'quick succeeded',
    ]);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('by a signal does the same', async () => {
    const { runner, clock } = await stageFor(turn);
    const controller = new AbortController();
    const running = runner.run(
      graph({ name: 'g', nodes: [hangs, after] }),
      {},
      { signal: controller.signal },
    );
    const rejected = rejectionOf(running);
    await clock.advance(0);

    controller.abort('left');

    expect(await rejected).toMatchObject({ code: 'CANCELLED', reason: 'left' });
  });

  test('between two rounds of a loop ends the loop', async () => {
    const { runner, clock } = await stageFor(turn);
    const counts: number[] = [];
    const inc = node({
      name: 'inc',
      inputs: { n: input<number>() },
      output: 'n',
      run: async ({ n }) => {
        counts.push(n);
        if (n === 2) handle.cancel('enough');
        await Promise.resolve();
        return n + 1;
      },
    });
    const again = route({
      name: 'again',
      inputs: { n: input<number>() },
      targets: ['inc', END],
      run: () => 'inc',
    });
    const handle = runner.iter(graph({ name: 'g', nodes: [inc, again] }), { n: 0 }, { onFailure: 'return' });

    const { status, info } = await handle.result;
    await clock.advance(0);

    expect(status).toBe('cancelled');
    expect(counts).toEqual([0, 1, 2]);
    expect(unendedOf(info)).toEqual([]);
  });

  test('closes the generator of a node', async () => {
    const { runner, clock } = await stageFor(turn);
    const closed = deferred<string>();
    const streams = node({
      name: 'streams',
      output: 'chunks',
      run: async function* () {
        try {
          for (let n = 0; ; n += 1) {
            yield n;
            if (n === 3) handle.cancel('enough');
          }
        } finally {
          closed.resolve('closed');
        }
      },
    });
    const handle = runner.iter(graph({ name: 'g', nodes: [streams] }), {}, { onFailure: 'return' });
    await clock.advance(0);

    const { status } = await handle.result;

    expect(status).toBe('cancelled');
    expect(await closed.promise).toBe('closed');
  });
});

describe("cancelling a node's request", () => {
  test('that nobody catches fails the run with its CancelledError', async () => {
    const { runner, clock } = await stageFor('first');
    const handle = runner.iter(
      graph({ name: 'g', nodes: [hangs, after, quick] }),
      {},
      { onFailure: 'return' },
    );
    await clock.advance(0);

    const stopped = runner.cancel(idOf(handle, 'hangs'), 'that one');
    const { status, error, nodes, info } = await handle.result;

    expect(stopped).toBe(true);
    expect(status).toBe('failed');
    expect(error).toMatchObject({ code: 'CANCELLED', reason: 'that one' });
    expect(nodes['hangs']).toBe('cancelled');
    expect(requestOf(info, 'hangs').status).toBe('cancelled');
    expect(requestOf(info, 'g').status).toBe('failed');
  });

  test("under 'continue' blocks what depends on it, and the rest goes on", async () => {
    const { runner, clock } = await stageFor('first', { onError: 'continue' });
    const release = deferred<number>();
    const slow = node({ name: 'slow', output: 'x', run: () => release.promise });
    const handle = runner.iter(
      graph({ name: 'g', nodes: [hangs, after, slow] }),
      {},
      { onFailure: 'return' },
    );
    await clock.advance(0);

    runner.cancel(idOf(handle, 'hangs'), 'that one');
    await clock.advance(0);
    release.resolve(1);
    const { status, nodes, outputs } = await handle.result;

    expect(status).toBe('failed');
    expect(nodes).toEqual({ hangs: 'cancelled', after: 'blocked', slow: 'completed' });
    expect(outputs).toMatchObject({ x: 1 });
  });

  test('of a nested graph stops all of it', async () => {
    const { runner, clock } = await stageFor('first', { onError: 'continue' });
    const handle = runner.iter(graph({ name: 'outer', nodes: [nested, quick] }), {}, { onFailure: 'return' });
    await clock.advance(0);

    runner.cancel(idOf(handle, 'inner'), 'that graph');
    const { nodes, info } = await handle.result;

    expect(nodes).toEqual({ inner: 'cancelled', quick: 'completed' });
    expect(requestOf(info, 'hangs').status).toBe('cancelled');
    expect(unendedOf(info)).toEqual([]);
  });

  test('of a graph that a body called gives the body a CancelledError, and it may go on', async () => {
    const { runner, clock } = await stageFor('first');
    const root = node('root', (_: unknown, ctx) =>
      ctx.call(graph({ name: 'called', nodes: [hangs] })).then(
        () => 'done',
        (error: unknown) => error,
      ),
    );
    const handle = runner.iter(root);
    await clock.advance(0);

    runner.cancel(idOf(handle, 'called'), 'that graph');
    const { status, answer } = await handle.result;

    expect(status).toBe('completed');
    expect(answer).toMatchObject({ code: 'CANCELLED', reason: 'that graph' });
  });

  test('of the graph itself means the run', async () => {
    const { runner, clock } = await stageFor('first');
    const handle = runner.iter(graph({ name: 'g', nodes: [hangs] }), {}, { onFailure: 'return' });
    await clock.advance(0);

    runner.cancel(idOf(handle, 'g'), 'all');

    expect((await handle.result).status).toBe('cancelled');
  });
});

describe.each(EACH_RUN)('the timeout of a node in the %s run of a runner', (turn) => {
  const slow = node({ name: 'slow', output: 'late', timeout: 100, run: (): Promise<number> => never() });

  test('fails the run with a NodeTimeoutError', async () => {
    const { runner, clock } = await stageFor(turn);
    const running = runner.run(graph({ name: 'g', nodes: [slow, after] }), {}, { onFailure: 'return' });

    await clock.advance(100);
    const { status, error, nodes, reasons, info } = await running;

    expect(status).toBe('failed');
    expect(error).toMatchObject({ code: 'NODE_TIMEOUT', nodeName: 'slow', timeoutMs: 100 });
    expect(nodes['slow']).toBe('failed');
    expect(reasons['slow']).toMatch(/./);
    expect(requestOf(info, 'slow').status).toBe('timedOut');
    expect(requestOf(info, 'g').status).toBe('failed');
  });

  test('is that of one attempt: retry decides what follows', async () => {
    const { runner, clock } = await stageFor(turn);
    const attempts: number[] = [];
    const slowFirst = node({
      name: 'slowFirst',
      output: 'late',
      timeout: 100,
      retry: { maxAttempts: 2, delay: 50, jitter: 'none' },
      run: (_, ctx): Promise<number> => {
        attempts.push(clock.now());
        return ctx.attempt === 1 ? never() : Promise.resolve(7);
      },
    });
    const start = clock.now();
    const running = runner.run(graph({ name: 'g', nodes: [slowFirst, after] }));

    await clock.advance(150);
    const { outputs } = await running;

    expect(outputs).toEqual({ end: 7 });
    expect(attempts.map((at) => at - start)).toEqual([0, 150]);
  });

  test('may be answered by a fallback', async () => {
    const { runner, clock } = await stageFor(turn);
    const saved = node({
      name: 'saved',
      output: 'late',
      timeout: 100,
      fallback: () => 3,
      run: (): Promise<number> => never(),
    });
    const running = runner.run(graph({ name: 'g', nodes: [saved, after] }));

    await clock.advance(100);

    expect((await running).outputs).toEqual({ end: 3 });
  });

  test('deep in nested graphs fails the graphs around it', async () => {
    const { runner, clock } = await stageFor(turn);
    const inner = graph({ name: 'inner', nodes: [slow] });
    const running = runner.run(
      graph({ name: 'outer', nodes: [inner.asNode(), after] }),
      {},
      { onFailure: 'return' },
    );

    await clock.advance(100);
    const { error, info } = await running;

    expect(error).toMatchObject({ code: 'NODE_TIMEOUT' });
    expect(statusesOf(info)).toEqual(['outer failed', 'inner failed', 'slow timedOut']);
  });
});

describe.each(EACH_RUN)('the timeout of the %s run of a runner', (turn) => {
  test('stops the whole tree, nested graphs included', async () => {
    const { runner, clock } = await stageFor(turn);
    const running = runner.run(
      graph({ name: 'outer', nodes: [nested, after, quick] }),
      {},
      { timeout: 100, onFailure: 'return' },
    );

    await clock.advance(100);
    const { status, error, nodes, outputs, info } = await running;

    expect(status).toBe('timedOut');
    expect(error).toMatchObject({ code: 'RUN_TIMEOUT', timeoutMs: 100 });
    expect(nodes).toMatchObject({ inner: 'cancelled', quick: 'completed' });
    expect(nodes['after']).not.toMatch(/completed|pending|running/);
    expect(outputs).toMatchObject({ soon: 1 });
    expect(unendedOf(info)).toEqual([]);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test("is not put off by 'continue'", async () => {
    const { runner, clock } = await stageFor(turn, { onError: 'continue' });
    const running = runner.run(
      graph({ name: 'g', nodes: [hangs] }),
      {},
      { timeout: 100, onFailure: 'return' },
    );

    await clock.advance(100);

    expect((await running).status).toBe('timedOut');
  });

  test('ends a loop that would go on for ever', async () => {
    const { runner, clock } = await stageFor(turn);
    const tick = node({
      name: 'tick',
      inputs: { n: input<number>() },
      output: 'n',
      run: async ({ n }) => {
        await new Promise<void>((resolve) => void clock.setTimeout(() => resolve(), 10));
        return n + 1;
      },
    });
    const again = route({
      name: 'again',
      inputs: { n: input<number>() },
      targets: ['tick', END],
      run: () => 'tick',
    });
    const running = runner.run(
      graph({ name: 'g', nodes: [tick, again] }),
      { n: 0 },
      { timeout: 35, onFailure: 'return' },
    );

    await clock.advance(35);
    const { status, outputs } = await running;

    expect(status).toBe('timedOut');
    expect(outputs).toEqual({ n: 3 });
  });
});

test('closing a runner lets a graph that runs end', async () => {
  const clock = fakeClock();
  const release = deferred<number>();
  const slow = node({ name: 'slow', output: 'late', run: () => release.promise });
  const runner = createRunner({ clock });
  const running = runner.run(graph({ name: 'g', nodes: [slow, after] }));
  await clock.advance(0);

  const closing = runner.close();
  release.resolve(1);
  await closing;

  expect((await running).outputs).toEqual({ end: 1 });
});

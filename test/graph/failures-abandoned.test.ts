import {
  call,
  CancelledError,
  createRunner,
  END,
  FatalError,
  graph,
  input,
  node,
  route,
  type Runner,
} from 'troupe';
import { fakeClock } from 'troupe/testing';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { deferred, never, rejectionOf } from '../support/deferred.ts';
import { requestOf, statusesOf, unendedOf } from '../support/forest.ts';
import { EACH_RUN, eventLog, stageFor } from '../support/runs.ts';

/** Collects unhandled rejections until the test has finished. */
function unhandledRejections(): unknown[] {
  const found: unknown[] = [];
  const note = (error: unknown): void => void found.push(error);
  process.on('unhandledRejection', note);
  onTestFinished(() => void process.off('unhandledRejection', note));
  return found;
}

describe.each(EACH_RUN)('a node that ignores its signal, in the %s run of a runner', (turn) => {
  test('is abandoned: its late result starts nothing and changes nothing', async () => {
    const { runner, clock } = await stageFor(turn);
    const trace: string[] = [];
    const late = deferred<number>();
    const deaf = node({ name: 'deaf', output: 'x', run: () => late.promise });
    const after = node({
      name: 'after',
      inputs: { x: input<number>() },
      output: 'y',
      run: () => trace.push('after'),
    });
    const handle = runner.iter(graph({ name: 'g', nodes: [deaf, after] }), {}, { onFailure: 'return' });
    await clock.advance(0);
    handle.cancel('enough');
    const result = await handle.result;
    const before = statusesOf(result.info);

    late.resolve(1);
    await clock.advance(0);

    expect(trace).toEqual([]);
    expect(statusesOf(runner.info.run(result.runId))).toEqual(before);
    expect(unendedOf(result.info)).toEqual([]);
  });

  test('may fail late: that is no unhandled rejection', async () => {
    const unhandled = unhandledRejections();
    const { runner, clock } = await stageFor(turn);
    const late = deferred<number>();
    const deaf = node({ name: 'deaf', output: 'x', run: () => late.promise });
    const fails = node({
      name: 'fails',
      output: 'y',
      run: async (): Promise<number> => {
        throw new Error('boom');
      },
    });
    await runner.run(graph({ name: 'g', nodes: [deaf, fails] }), {}, { onFailure: 'return' });

    late.reject(new Error('late'));
    await clock.advance(0);

    expect(unhandled).toEqual([]);
  });

  test('gets a CancelledError from a call that it makes then', async () => {
    const { runner, clock } = await stageFor(turn);
    const late = deferred();
    const tried = deferred<unknown>();
    const leaf = node('leaf', () => 1);
    const deaf = node({
      name: 'deaf',
      output: 'x',
      run: async () => {
        await late.promise;
        tried.resolve(await rejectionOf(call(leaf)));
      },
    });
    const handle = runner.iter(graph({ name: 'g', nodes: [deaf] }), {}, { onFailure: 'return' });
    await clock.advance(0);
    handle.cancel('enough');
    const { info } = await handle.result;

    late.resolve();

    expect(await tried.promise).toBeInstanceOf(CancelledError);
    expect(statusesOf(info)).toEqual(['g cancelled', 'deaf cancelled']);
  });

  test('holds up no event: RunEnd is the last one', async () => {
    const { runner, clock } = await stageFor(turn);
    const { events, subscriber } = eventLog();
    const late = deferred<number>();
    const deaf = node({
      name: 'deaf',
      output: 'x',
      run: async (_, ctx) => {
        await late.promise;
        ctx.emitChunk('late');
        return 1;
      },
    });
    const handle = runner.iter(graph({ name: 'g', nodes: [deaf] }), {}, { onFailure: 'return', subscriber });
    await clock.advance(0);
    handle.cancel('enough');
    await handle.result;

    late.resolve(1);
    await clock.advance(0);

    expect(events.at(-1)).toMatchObject({ type: 'RunEnd', status: 'cancelled' });
  });
});

describe('calls that outlive a node of a graph', () => {
  const leave = (release: Promise<void>, trace: string[]) => {
    const slow = node('slow', async () => {
      await release;
      trace.push('slow');
    });
    return node({
      name: 'leaves',
      output: 'x',
      run: (_, ctx) => {
        void ctx.call(slow);
        return 1;
      },
    });
  };

  test('are waited for by default', async () => {
    const { runner, clock } = await stageFor('first');
    const trace: string[] = [];
    const release = deferred();
    const running = runner.run(graph({ name: 'g', nodes: [leave(release.promise, trace)] }));

    await clock.advance(0);
    release.resolve();
    const { outputs, info } = await running;

    expect(trace).toEqual(['slow']);
    expect(outputs).toEqual({ x: 1 });
    expect(unendedOf(info)).toEqual([]);
  });

  test("are cancelled under orphans 'cancel'", async () => {
    const { runner } = await stageFor('first');
    const trace: string[] = [];

    const { outputs, info } = await runner.run(
      graph({ name: 'g', nodes: [leave(never(), trace)] }),
      {},
      { orphans: 'cancel' },
    );

    expect(outputs).toEqual({ x: 1 });
    expect(requestOf(info, 'slow').status).toBe('cancelled');
  });
});

describe('nothing is printed by', () => {
  const METHODS = ['log', 'info', 'warn', 'error', 'debug'] as const;
  const clock = fakeClock();
  const hangs = node({ name: 'hangs', output: 'late', run: (): Promise<number> => never() });
  const fails = node({
    name: 'fails',
    output: 'broken',
    run: async (): Promise<number> => {
      throw new Error('boom');
    },
  });
  const dooms = node({
    name: 'dooms',
    output: 'lost',
    run: (): number => {
      throw new FatalError('lost');
    },
  });
  const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
  const again = route({
    name: 'again',
    inputs: { n: input<number>() },
    targets: ['inc', END],
    run: () => 'inc',
  });

  const SCENES: Record<string, (runner: Runner) => Promise<unknown>> = {
    'a graph of which a node fails': (runner) =>
      rejectionOf(runner.run(graph({ name: 'g', nodes: [hangs, fails] }))),
    "a graph of which a node fails under 'continue'": (runner) =>
      rejectionOf(runner.run(graph({ name: 'g', nodes: [inc, fails] }), { n: 1 }, { onError: 'continue' })),
    "a graph of which a node fails under 'stopAll'": (runner) =>
      rejectionOf(
        runner.run(
          graph({ name: 'o', nodes: [graph({ name: 'g', nodes: [hangs, fails] }).asNode()] }),
          {},
          { onError: 'stopAll' },
        ),
      ),
    'a nested graph that a FatalError stops': (runner) =>
      rejectionOf(
        runner.run(graph({ name: 'o', nodes: [graph({ name: 'g', nodes: [hangs, dooms] }).asNode()] })),
      ),
    'an endless loop': (runner) =>
      rejectionOf(runner.run(graph({ name: 'g', nodes: [inc, again] }), { n: 0 }, { maxIterations: 3 })),
    'a graph that is cancelled while its nodes wait for their places': async (runner) => {
      const handle = runner.iter(
        graph({
          name: 'g',
          nodes: [hangs, graph({ name: 'i', nodes: [hangs] }).asNode({ namespace: true })],
        }),
        {},
        { maxConcurrency: 1 },
      );
      await clock.advance(0);
      handle.cancel();
      await rejectionOf(handle.result);
      await clock.advance(0);
    },
    'a graph that times out': async (runner) => {
      const failure = rejectionOf(runner.run(graph({ name: 'g', nodes: [hangs] }), {}, { timeout: 10 }));
      await clock.advance(10);
      await failure;
    },
  };

  beforeEach(() => {
    for (const method of METHODS) vi.spyOn(console, method).mockImplementation(() => undefined);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test.each(Object.keys(SCENES))('%s', async (name) => {
    const runner = createRunner({ clock });

    await SCENES[name]?.(runner);
    await runner.close({ drain: false });
    await clock.advance(0);

    for (const method of METHODS) expect(console[method]).not.toHaveBeenCalled();
  });
});

import {
  callSync,
  CancelledError,
  createRunner,
  IncompatibleRunnerError,
  input,
  node,
  type Node,
} from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { rejectionOf, thrownBy } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf } from '../support/forest.ts';

const add = node({
  name: 'add',
  inputs: { a: input<number>(), b: input(1) },
  output: 'sum',
  run: ({ a, b }) => a + b,
});
const boom = new Error('boom');
const fails = node('fails', (): number => {
  throw boom;
});

describe('runSync', () => {
  test('returns the result at once', () => {
    const { status, answer, outputs } = createRunner().runSync(add, { a: 1, b: 2 });

    expect(status).toBe('completed');
    expect(answer).toBe(3);
    expect(outputs).toEqual({ sum: 3 });
  });

  test('throws the very error of a run that fails', () => {
    expect(thrownBy(() => createRunner().runSync(fails))).toBe(boom);
  });

  test('returns a failed result with onFailure return', () => {
    const { status, error } = createRunner().runSync(fails, undefined, { onFailure: 'return' });

    expect(status).toBe('failed');
    expect(error).toBe(boom);
  });

  test('throws what is wrong with the input, and records no run', () => {
    const runner = createRunner();

    const error = thrownBy(() => runner.runSync(add, {} as { a: number }));

    expect(error).toMatchObject({ code: 'MISSING_INPUT' });
    expect(runner.info.runs).toHaveLength(0);
  });

  test('keeps the law of stamps', () => {
    const root = node('root', (_: unknown, ctx) => ctx.callSync(add, { a: ctx.callSync(add, { a: 1 }) }));

    const { info } = createRunner().runSync(root);

    expect(statusesOf(info)).toEqual(['root succeeded', 'add succeeded', 'add succeeded']);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('runs a sync generator', () => {
    const counts = node('counts', function* () {
      yield 1;
      yield 2;
    });

    expect(createRunner().runSync(counts).answer).toEqual([1, 2]);
  });

  test('retries without a delay', () => {
    const flaky = node(
      'flaky',
      (_: unknown, ctx) => {
        if (ctx.attempt < 3) throw boom;
        return ctx.attempt;
      },
      { retry: { delay: 0 } },
    );

    expect(createRunner().runSync(flaky).answer).toBe(3);
  });

  test('falls back', () => {
    const safe = node(
      'safe',
      (): string => {
        throw boom;
      },
      { fallback: () => 'instead' },
    );

    expect(createRunner().runSync(safe).answer).toBe('instead');
  });

  test('refuses an async body before it runs', () => {
    let hasRun = false;
    const slow = node('slow', async () => {
      hasRun = true;
      await Promise.resolve();
    });

    const error = thrownBy(() => createRunner().runSync(slow));

    expect(error).toBeInstanceOf(IncompatibleRunnerError);
    expect(hasRun).toBe(false);
  });

  test('refuses an async generator before it runs', () => {
    const streams = node('streams', async function* () {
      yield await Promise.resolve(1);
    });

    expect(thrownBy(() => createRunner().runSync(streams))).toBeInstanceOf(IncompatibleRunnerError);
  });

  test('refuses a body that turns out to return a promise', () => {
    const sly = node('sly', () => Promise.resolve(1));

    expect(thrownBy(() => createRunner().runSync(sly))).toBeInstanceOf(IncompatibleRunnerError);
  });

  test('refuses ctx.call', () => {
    const root = node('root', (_: unknown, ctx) => void ctx.call(add, { a: 1 }));

    expect(thrownBy(() => createRunner().runSync(root))).toBeInstanceOf(IncompatibleRunnerError);
  });

  test('refuses a question', () => {
    const root = node('root', (_: unknown, ctx) => void ctx.interrupt('Go?', { key: 'go' }));

    expect(thrownBy(() => createRunner().runSync(root))).toBeInstanceOf(IncompatibleRunnerError);
  });

  test('refuses an input whose schema is asynchronous', () => {
    const picky = node({
      name: 'picky',
      inputs: { word: z.string().refine(async () => Promise.resolve(true)) },
      run: ({ word }) => word,
    });

    const error = thrownBy(() => createRunner().runSync(picky, { word: 'a' }));

    expect(error).toBeInstanceOf(IncompatibleRunnerError);
  });

  test('runs nothing under a signal that was aborted before', () => {
    const error = thrownBy(() =>
      createRunner().runSync(add, { a: 1 }, { signal: AbortSignal.abort('late') }),
    );

    expect(error).toBeInstanceOf(CancelledError);
  });

  test('every refusal says what to do instead', () => {
    const slow = node('slow', async () => Promise.resolve());

    const error = thrownBy(() => createRunner().runSync(slow));

    expect(error).toMatchObject({
      code: 'INCOMPATIBLE_RUNNER',
      hint: expect.stringMatching(/./) as string,
    });
  });

  test('leaves no timer behind', () => {
    const clock = fakeClock();

    createRunner({ clock, timeout: 1_000 }).runSync(add, { a: 1 });

    expect(clock.pending).toBe(0);
  });
});

/** What became of a target that runs one way or the other, in one place. */
async function play(target: Node, way: 'run' | 'runSync') {
  const runner = createRunner({ maxConcurrency: 1 });
  const options = { onFailure: 'return' } as const;
  const { answer, error, info } =
    way === 'run' ? await runner.run(target, undefined, options) : runner.runSync(target, undefined, options);
  return { answer, error, statuses: statusesOf(info) };
}

describe.each(['run', 'runSync'] as const)('callSync under %s', (way) => {
  test('returns the very object that the callee returned', async () => {
    const made = { deep: [1] };
    const makes = node('makes', () => made);
    const root = node('root', (_: unknown, ctx) => ctx.callSync(makes) === made);

    expect((await play(root, way)).answer).toBe(true);
  });

  test('throws the very error of the callee', async () => {
    const root = node('root', (_: unknown, ctx) => {
      try {
        return ctx.callSync(fails);
      } catch (error) {
        return error === boom;
      }
    });

    const { answer, statuses } = await play(root, way);

    expect(answer).toBe(true);
    expect(statuses).toEqual(['root succeeded', 'fails failed']);
  });

  test('fails its caller with an error that nobody catches', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.callSync(fails));

    const { error, statuses } = await play(root, way);

    expect(error).toBe(boom);
    expect(statuses).toEqual(['root failed', 'fails failed']);
  });

  test('works by the ambient function', async () => {
    const root = node('root', () => callSync(add, { a: 41 }));

    expect((await play(root, way)).answer).toBe(42);
  });

  test('calls on at depth', async () => {
    const leaf = node('leaf', (n: number) => n + 1);
    const mid = node('mid', (n: number, ctx) => ctx.callSync(leaf, n) + ctx.callSync(leaf, n));
    const root = node('root', (_: unknown, ctx) => ctx.callSync(mid, 1));

    const { answer, statuses } = await play(root, way);

    expect(answer).toBe(4);
    expect(statuses).toEqual(['root succeeded', 'mid succeeded', 'leaf succeeded', 'leaf succeeded']);
  });

  test('an async node is an IncompatibleRunnerError, and its body does not run', async () => {
    let hasRun = false;
    const slow = node('slow', async () => {
      hasRun = true;
      await Promise.resolve();
    });
    const root = node('root', (_: unknown, ctx) => ctx.callSync(slow));

    const { error } = await play(root, way);

    expect(error).toBeInstanceOf(IncompatibleRunnerError);
    expect(hasRun).toBe(false);
  });

  test('a node that returns a promise is an IncompatibleRunnerError', async () => {
    const sly = node('sly', () => Promise.resolve(1));
    const root = node('root', (_: unknown, ctx) => ctx.callSync(sly));

    expect((await play(root, way)).error).toBeInstanceOf(IncompatibleRunnerError);
  });

  test('a refused input is on record as a failed request', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.callSync(add, {} as { a: number }));

    const { error, statuses } = await play(root, way);

    expect(error).toMatchObject({ code: 'MISSING_INPUT' });
    expect(statuses).toEqual(['root failed', 'add failed']);
  });

  test('shares the context of the run', async () => {
    const writes = node('writes', (_: unknown, ctx) => ctx.context.put('user', 'Ada'));
    const root = node('root', (_: unknown, ctx) => {
      ctx.callSync(writes);
      return ctx.context.get('user');
    });

    expect((await play(root, way)).answer).toBe('Ada');
  });
});

describe('callSync', () => {
  test('from a body that was stopped throws a CancelledError', async () => {
    const runner = createRunner();
    const caught: unknown[] = [];
    const root = node('root', (_: unknown, ctx) => {
      runner.cancel(ctx.runId);
      try {
        return ctx.callSync(add, { a: 1 });
      } catch (error) {
        caught.push(error);
        throw error;
      }
    });

    await rejectionOf(runner.run(root));

    expect(caught[0]).toBeInstanceOf(CancelledError);
  });

  test('gives its callee the context of its options', async () => {
    const reads = node('reads', (_: unknown, ctx) => ctx.context.get('user'));
    const root = node('root', (_: unknown, ctx) =>
      ctx.callSync(reads, undefined, { context: { user: 'Bob' } }),
    );

    const { answer, info } = await createRunner().run(root);

    expect(answer).toBe('Bob');
    expect(requestOf(info, 'reads').sourceNodeId).toBe(requestOf(info, 'root').nodeId);
  });
});

import { call, CancelledError, node } from 'troupe';
import { describe, expect, onTestFinished, test } from 'vitest';
import { deferred, never } from '../support/deferred.ts';
import { requestOf, statusesOf, unendedOf } from '../support/forest.ts';
import { EACH_RUN, eventLog, stageFor } from '../support/runs.ts';

const quick = node('quick', () => 1);

/** Collects unhandled rejections until the test has finished. */
function unhandledRejections(): unknown[] {
  const found: unknown[] = [];
  const note = (error: unknown): void => void found.push(error);
  process.on('unhandledRejection', note);
  onTestFinished(() => void process.off('unhandledRejection', note));
  return found;
}

describe.each(EACH_RUN)('a body that ignores its signal, in the %s run of a runner', (turn) => {
  test('its request is terminal at once', async () => {
    const { runner } = await stageFor(turn);
    const deaf = node('deaf', () => never());
    const handle = runner.iter(
      node('root', (_: unknown, ctx) => ctx.call(deaf)),
      undefined,
      {
        onFailure: 'return',
      },
    );
    await Promise.resolve();

    handle.cancel('enough');
    const left = unendedOf(handle.info);
    const { status } = await handle.result;

    expect(left).toEqual([]);
    expect(status).toBe('cancelled');
  });

  test('its late result is dropped', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred<string>();
    const handle = runner.iter(
      node('deaf', () => gate.promise),
      undefined,
      { onFailure: 'return' },
    );
    await clock.advance(0);
    handle.cancel('enough');
    const result = await handle.result;

    gate.resolve('late');
    await clock.advance(0);

    expect(result.answer).toBeUndefined();
    expect(statusesOf(runner.info.run(result.runId))).toEqual(['deaf cancelled']);
    expect(requestOf(runner.info.run(result.runId), 'deaf').output).toBeUndefined();
  });

  test('its late failure is dropped without an unhandled rejection', async () => {
    const { runner, clock } = await stageFor(turn);
    const unhandled = unhandledRejections();
    const gate = deferred();
    const handle = runner.iter(
      node('deaf', () => gate.promise),
      undefined,
      { onFailure: 'return' },
    );
    await clock.advance(0);
    handle.cancel('enough');
    const { runId } = await handle.result;

    gate.reject(new Error('late'));
    await clock.advance(0);

    expect(unhandled).toEqual([]);
    expect(statusesOf(runner.info.run(runId))).toEqual(['deaf cancelled']);
  });

  test('ctx.call from it rejects with a CancelledError and creates nothing', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred();
    const late = deferred<unknown>();
    const deaf = node('deaf', async (_: unknown, ctx) => {
      await gate.promise;
      await ctx.call(quick).then(late.resolve, late.resolve);
    });
    const handle = runner.iter(deaf, undefined, { onFailure: 'return' });
    await clock.advance(0);
    handle.cancel('enough');
    const { runId } = await handle.result;

    gate.resolve();
    const error = await late.promise;

    expect(error).toBeInstanceOf(CancelledError);
    expect(statusesOf(runner.info.run(runId))).toEqual(['deaf cancelled']);
  });

  test('the ambient call from it rejects with a CancelledError', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred();
    const late = deferred<unknown>();
    const deaf = node('deaf', async () => {
      await gate.promise;
      await call(quick).then(late.resolve, late.resolve);
    });
    const handle = runner.iter(deaf, undefined, { onFailure: 'return' });
    await clock.advance(0);
    handle.cancel('enough');

    gate.resolve();

    expect(await late.promise).toBeInstanceOf(CancelledError);
  });

  test('ctx.interrupt from it rejects with a CancelledError and opens no question', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred();
    const late = deferred<unknown>();
    const deaf = node('deaf', async (_: unknown, ctx) => {
      await gate.promise;
      await ctx.interrupt('Go?', { key: 'go' }).then(late.resolve, late.resolve);
    });
    const handle = runner.iter(deaf, undefined, { onFailure: 'return' });
    await clock.advance(0);
    handle.cancel('enough');

    gate.resolve();

    expect(await late.promise).toBeInstanceOf(CancelledError);
    expect(handle.pauses).toEqual([]);
  });

  test('nothing that it does is published behind RunEnd', async () => {
    const { runner, clock } = await stageFor(turn);
    const { events, subscriber } = eventLog();
    const gate = deferred();
    const deaf = node('deaf', async (_: unknown, ctx) => {
      await gate.promise;
      ctx.emitChunk('late');
      ctx.broadcast('late');
    });
    const handle = runner.iter(deaf, undefined, { subscriber, onFailure: 'return' });
    await clock.advance(0);
    handle.cancel('enough');
    await handle.result;

    gate.resolve();
    await clock.advance(0);

    expect(events.at(-1)?.type).toBe('RunEnd');
  });

  test('a body that was abandoned by its own timeout cannot end the next attempt', async () => {
    const { runner, clock } = await stageFor(turn);
    const first = deferred<string>();
    const second = deferred<string>();
    const slow = node('slow', (_: unknown, ctx) => (ctx.attempt === 1 ? first.promise : second.promise), {
      timeout: 100,
      retry: { delay: 0 },
    });
    const running = runner.run(slow);
    await clock.advance(100);

    first.resolve('from the first');
    await clock.advance(0);
    second.resolve('from the second');

    expect((await running).answer).toBe('from the second');
  });

  test('a call from an attempt that timed out rejects with a CancelledError', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred();
    const late = deferred<unknown>();
    const slow = node(
      'slow',
      async (_: unknown, ctx) => {
        if (ctx.attempt === 2) return 'second';
        await gate.promise;
        return ctx.call(quick).then(late.resolve, late.resolve);
      },
      { timeout: 100, retry: { delay: 0 } },
    );
    const running = runner.run(slow);
    await clock.advance(100);

    gate.resolve();

    expect(await late.promise).toBeInstanceOf(CancelledError);
    expect((await running).answer).toBe('second');
  });

  test('a body that catches its CancelledError and returns is cancelled all the same', async () => {
    const { runner } = await stageFor(turn);
    const begun = deferred();
    const leaf = node('leaf', (): Promise<string> => {
      begun.resolve();
      return never();
    });
    const root = node('root', (_: unknown, ctx) => ctx.call(leaf).catch(() => 'saved'));
    const handle = runner.iter(root, undefined, { onFailure: 'return' });
    await begun.promise;

    handle.cancel('enough');
    const { status, answer, info } = await handle.result;

    expect(status).toBe('cancelled');
    expect(answer).toBeUndefined();
    expect(statusesOf(info)).toEqual(['root cancelled', 'leaf cancelled']);
  });

  test('an abort listener that calls another node starts nothing', async () => {
    const { runner } = await stageFor(turn);
    const begun = deferred();
    const root = node('root', (_: unknown, ctx) => {
      ctx.signal.addEventListener('abort', () => void ctx.call(quick).catch(() => undefined));
      begun.resolve();
      return never();
    });
    const handle = runner.iter(root, undefined, { onFailure: 'return' });
    await begun.promise;

    handle.cancel('enough');
    const { info } = await handle.result;

    expect(statusesOf(info)).toEqual(['root cancelled']);
  });
});

describe.each(EACH_RUN)('a generator that is stopped, in the %s run of a runner', (turn) => {
  test('an async generator is closed with return() where it waits', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred();
    const trace: string[] = [];
    const streams = node('streams', async function* () {
      try {
        yield 'one';
        await gate.promise;
        yield 'two';
        trace.push('went on');
      } finally {
        trace.push('closed');
      }
    });
    const handle = runner.iter(streams, undefined, { onFailure: 'return' });
    await clock.advance(0);
    handle.cancel('enough');
    await handle.result;

    gate.resolve();
    await clock.advance(0);

    expect(trace).toEqual(['closed']);
  });

  test('a sync generator is closed with return() at its next yield', async () => {
    const { runner, clock } = await stageFor(turn);
    const trace: string[] = [];
    const streams = node('streams', function* (_: unknown, ctx) {
      try {
        runner.cancel(ctx.runId, 'enough');
        yield 'one';
        trace.push('went on');
      } finally {
        trace.push('closed');
      }
    });

    const { status } = await runner.run(streams, undefined, { onFailure: 'return' });
    await clock.advance(0);

    expect(status).toBe('cancelled');
    expect(trace).toEqual(['closed']);
  });

  test('a generator that takes too long is closed with return()', async () => {
    const { runner, clock } = await stageFor(turn);
    const trace: string[] = [];
    const streams = node(
      'streams',
      async function* (_: unknown, ctx) {
        try {
          yield 'one';
          await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
          yield 'two';
          trace.push('went on');
        } finally {
          trace.push('closed');
        }
      },
      { timeout: 100 },
    );
    const running = runner.run(streams, undefined, { onFailure: 'return' });

    await clock.advance(100);
    const { error } = await running;

    expect(error).toMatchObject({ code: 'NODE_TIMEOUT' });
    expect(trace).toEqual(['closed']);
  });

  test('what a stopped generator yields late is no chunk any more', async () => {
    const { runner, clock } = await stageFor(turn);
    const { events, subscriber } = eventLog();
    const gate = deferred();
    const streams = node('streams', async function* () {
      yield 'one';
      await gate.promise;
      yield 'two';
    });
    const handle = runner.iter(streams, undefined, { subscriber, onFailure: 'return' });
    await clock.advance(0);
    handle.cancel('enough');
    await handle.result;

    gate.resolve();
    await clock.advance(0);

    const chunks = events.flatMap((event) => (event.type === 'StreamingChunk' ? [event.chunk] : []));
    expect(chunks).toEqual(['one']);
  });

  test('a generator that throws while it is closed causes no unhandled rejection', async () => {
    const { runner, clock } = await stageFor(turn);
    const unhandled = unhandledRejections();
    const gate = deferred();
    const streams = node('streams', async function* () {
      try {
        yield 'one';
        await gate.promise;
        yield 'two';
      } finally {
        await Promise.reject(new Error('while closing'));
      }
    });
    const handle = runner.iter(streams, undefined, { onFailure: 'return' });
    await clock.advance(0);
    handle.cancel('enough');
    await handle.result;

    gate.resolve();
    await clock.advance(0);

    expect(unhandled).toEqual([]);
  });
});

import { CancelledError, createRunner, node, RunnerClosedError } from 'troupe';
import { describe, expect, test } from 'vitest';
import { deferred, never, rejectionOf, thrownBy } from '../support/deferred.ts';
import { statusesOf } from '../support/forest.ts';
import { EACH_RUN, stageFor } from '../support/runs.ts';

const one = node('one', () => 1);

describe.each(EACH_RUN)('closing a runner during its %s run', (turn) => {
  test('a running run is drained', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred<string>();
    const running = runner.run(node('slow', () => gate.promise));
    let isClosed = false;

    const closing = runner.close().then(() => (isClosed = true));
    await clock.advance(0);
    const wasClosed = isClosed;
    gate.resolve('drained');
    await closing;

    expect(wasClosed).toBe(false);
    expect((await running).answer).toBe('drained');
  });

  test('a draining run may still make calls', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred();
    const slow = node('slow', async (_: unknown, ctx) => {
      await gate.promise;
      return ctx.call(one);
    });
    const running = runner.run(slow);

    const closing = runner.close();
    await clock.advance(0);
    gate.resolve();
    await closing;

    expect((await running).answer).toBe(1);
  });

  test('no new run is taken while it drains', async () => {
    const { runner } = await stageFor(turn);
    const gate = deferred();
    const running = runner.run(node('slow', () => gate.promise));

    const closing = runner.close();
    const error = await rejectionOf(runner.run(one));
    gate.resolve();
    await Promise.all([closing, running]);

    expect(error).toBeInstanceOf(RunnerClosedError);
    expect(error).toMatchObject({ code: 'RUNNER_CLOSED' });
  });

  test('without drain the running runs are cancelled', async () => {
    const { runner } = await stageFor(turn);
    const handle = runner.iter(
      node('slow', () => never()),
      undefined,
      { onFailure: 'return' },
    );

    await runner.close({ drain: false });
    const { status, error, info } = await handle.result;

    expect(status).toBe('cancelled');
    expect(error).toBeInstanceOf(CancelledError);
    expect(statusesOf(info)).toEqual(['slow cancelled']);
  });

  test('a later close without drain cancels what an earlier one drains', async () => {
    const { runner } = await stageFor(turn);
    const failure = rejectionOf(runner.run(node('slow', () => never())));

    const closing = runner.close();
    await runner.close({ drain: false });
    await closing;

    expect(await failure).toBeInstanceOf(CancelledError);
  });

  test('a paused run is cancelled with the reason "closed"', async () => {
    const { runner } = await stageFor(turn);
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
    const handle = runner.iter(ask, undefined, { onFailure: 'return' });
    await runner.run(ask);

    await runner.close();
    const { status, error } = await handle.result;

    expect(status).toBe('cancelled');
    expect(error).toMatchObject({ code: 'CANCELLED', reason: 'closed' });
  });

  test('a run that pauses while the runner drains is cancelled with the reason "closed"', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred();
    const ask = node('ask', async (_: unknown, ctx) => {
      await gate.promise;
      return ctx.interrupt('Go?', { key: 'go' });
    });
    const handle = runner.iter(ask, undefined, { onFailure: 'return' });

    const closing = runner.close();
    await clock.advance(0);
    gate.resolve();
    await closing;

    expect((await handle.result).error).toMatchObject({ code: 'CANCELLED', reason: 'closed' });
  });

  test('it resolves only when the observers have had every event', async () => {
    const { runner } = await stageFor(turn);
    const gate = deferred();
    const seen: string[] = [];
    await runner.run(one, undefined, {
      subscriber: async (event) => {
        await gate.promise;
        seen.push(event.type);
      },
    });

    const closing = runner.close();
    gate.resolve();
    await closing;

    expect(seen.at(-1)).toBe('RunEnd');
  });

  test('it closes the processors of the runner after their last event', async () => {
    const trace: string[] = [];
    const { runner } = await stageFor(turn, {
      processors: [
        {
          onEvent: async (event) => {
            await Promise.resolve();
            trace.push(event.type);
          },
          close: () => void trace.push('closed'),
        },
      ],
    });
    await runner.run(one);

    await runner.close();

    expect(trace.slice(-2)).toEqual(['RunEnd', 'closed']);
  });

  test('it waits for an abandoned body no longer than for its run', async () => {
    const { runner } = await stageFor(turn);
    const handle = runner.iter(
      node('deaf', () => never()),
      undefined,
      { onFailure: 'return' },
    );
    handle.cancel('enough');

    await runner.close();

    expect((await handle.result).status).toBe('cancelled');
  });
});

describe('a closed runner', () => {
  test('run rejects with a RunnerClosedError that has a hint', async () => {
    const runner = createRunner();
    await runner.close();

    const error = await rejectionOf(runner.run(one));

    expect(error).toMatchObject({ code: 'RUNNER_CLOSED', hint: expect.stringMatching(/./) as string });
  });

  test('runSync throws a RunnerClosedError', async () => {
    const runner = createRunner();
    await runner.close();

    expect(thrownBy(() => runner.runSync(one))).toBeInstanceOf(RunnerClosedError);
  });

  test('the result of iter rejects with a RunnerClosedError', async () => {
    const runner = createRunner();
    await runner.close();

    expect(await rejectionOf(runner.iter(one).result)).toBeInstanceOf(RunnerClosedError);
  });

  test('a refused run leaves no record', async () => {
    const runner = createRunner();
    await runner.close();

    await rejectionOf(runner.run(one));

    expect(runner.info.runs).toHaveLength(0);
  });

  test('respond rejects with a typed error', async () => {
    const runner = createRunner();
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
    const { runId } = await runner.run(ask);
    await runner.close();

    const error = await rejectionOf(runner.respond(runId, 'go', true));

    expect(error).toMatchObject({
      code: expect.stringMatching(/./) as string,
      hint: expect.stringMatching(/./) as string,
    });
  });

  test('closing again resolves', async () => {
    const runner = createRunner();
    await runner.close();

    await expect(runner.close()).resolves.toBeUndefined();
  });

  test('its ended runs can still be read', async () => {
    const runner = createRunner();
    const { runId } = await runner.run(one);

    await runner.close();

    expect(runner.info.run(runId).status).toBe('completed');
  });

  test('await using closes it at the end of its block', async () => {
    let kept: ReturnType<typeof createRunner> | undefined;
    {
      await using runner = createRunner();
      kept = runner;
    }

    expect(await rejectionOf(kept.run(one))).toBeInstanceOf(RunnerClosedError);
  });

  test('a run whose input is still being checked is refused, not half started', async () => {
    const runner = createRunner();
    const gate = deferred();
    const picky = node({
      name: 'picky',
      inputs: {
        n: {
          '~standard': {
            version: 1 as const,
            vendor: 'test',
            validate: async (value: unknown) => {
              await gate.promise;
              return { value };
            },
          },
        },
      },
      run: ({ n }) => n,
    });
    const failure = rejectionOf(runner.run(picky, { n: 1 }));

    const closing = runner.close();
    gate.resolve();
    await closing;

    expect(await failure).toBeInstanceOf(RunnerClosedError);
  });
});

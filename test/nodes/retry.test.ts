import { createRunner, FatalError, node, NodeTimeoutError, type RetryPolicy, type TroupeEvent } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { never, rejectionOf } from '../support/deferred.ts';
import { requestOf, stepsOf } from '../support/forest.ts';
import { ofType } from '../support/runs.ts';

const boom = new Error('boom');

/** A node that always fails, and remembers when it was tried. */
async function triesOf(retry: RetryPolicy, random?: () => number) {
  const clock = fakeClock(random === undefined ? {} : { random });
  const tries: number[] = [];
  const events: TroupeEvent[] = [];
  const fails = node(
    'fails',
    () => {
      tries.push(clock.now());
      throw boom;
    },
    { retry },
  );
  const running = createRunner({ clock }).run(fails, undefined, {
    onFailure: 'return',
    subscriber: (event) => void events.push(event),
  });
  await clock.runAll();
  return { tries, result: await running, events };
}

describe('retry', () => {
  test('makes 3 attempts after 1,000 and 2,000 ms by default, without jitter', async () => {
    const { tries } = await triesOf({ jitter: 'none' });

    expect(tries).toEqual([0, 1_000, 3_000]);
  });

  test('draws each delay from 0 to its full length by default, with the random of the clock', async () => {
    const { tries } = await triesOf({}, () => 0.25);

    expect(tries).toEqual([0, 250, 750]);
  });

  test('with full jitter and a random of 0 does not wait', async () => {
    const { tries } = await triesOf({ jitter: 'full' }, () => 0);

    expect(tries).toEqual([0, 0, 0]);
  });

  test('multiplies each further delay by the backoff', async () => {
    const { tries } = await triesOf({ maxAttempts: 4, delay: 10, backoff: 3, jitter: 'none' });

    expect(tries).toEqual([0, 10, 40, 130]);
  });

  test('with a backoff of 1 keeps the delay', async () => {
    const { tries } = await triesOf({ maxAttempts: 4, delay: 10, backoff: 1, jitter: 'none' });

    expect(tries).toEqual([0, 10, 20, 30]);
  });

  test('waits no longer than 60 s', async () => {
    const { tries } = await triesOf({ maxAttempts: 9, jitter: 'none' });
    const delays = tries.slice(1).map((time, index) => time - (tries[index] ?? 0));

    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  test('waits no longer than 60 s after very many attempts', async () => {
    const { tries } = await triesOf({ maxAttempts: 1_200, jitter: 'none' });
    const [last = 0, before = 0] = [tries.at(-1), tries.at(-2)];

    expect(last - before).toBe(60_000);
  });

  test('maxAttempts counts the first one', async () => {
    const { tries } = await triesOf({ maxAttempts: 1 });

    expect(tries).toEqual([0]);
  });

  test('fails with the very error of the last attempt', async () => {
    const clock = fakeClock();
    const errors = [new Error('1'), new Error('2')];
    const fails = node(
      'fails',
      (_: unknown, ctx) => {
        throw errors[ctx.attempt - 1];
      },
      { retry: { maxAttempts: 2, delay: 0 } },
    );

    const error = await rejectionOf(createRunner({ clock }).run(fails));

    expect(error).toBe(errors[1]);
  });

  test('counts its attempts from 1 in ctx', async () => {
    const attempts: number[] = [];
    const fails = node(
      'fails',
      (_: unknown, ctx) => {
        attempts.push(ctx.attempt);
        throw boom;
      },
      { retry: { delay: 0 } },
    );

    await rejectionOf(createRunner().run(fails));

    expect(attempts).toEqual([1, 2, 3]);
  });

  test('is one request with its attempts counted and two stamps', async () => {
    const { result } = await triesOf({ delay: 0 });

    expect(requestOf(result.info, 'fails').attempts).toBe(3);
    expect(stepsOf(result.info).steps).toEqual([0, 1]);
  });

  test('gives every attempt the same idempotencyKey and requestId', async () => {
    const seen = new Set<string>();
    const fails = node(
      'fails',
      (_: unknown, ctx) => {
        seen.add(`${ctx.idempotencyKey} ${ctx.requestId}`);
        throw boom;
      },
      { retry: { delay: 0 } },
    );

    await rejectionOf(createRunner().run(fails));

    expect(seen.size).toBe(1);
  });

  test('gives two requests different idempotencyKeys', async () => {
    const keys = node('keys', (_: number, ctx) => ctx.idempotencyKey);
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(keys, [1, 2]));
    const runner = createRunner();

    const [first, second] = await Promise.all([runner.run(root), runner.run(root)]);

    expect(new Set([...first.answer, ...second.answer]).size).toBe(4);
  });

  test('gives each attempt a signal of its own', async () => {
    const aborted: boolean[] = [];
    const fails = node(
      'fails',
      (_: unknown, ctx) => {
        aborted.push(ctx.signal.aborted);
        throw boom;
      },
      { retry: { delay: 0 } },
    );

    await rejectionOf(createRunner().run(fails));

    expect(aborted).toEqual([false, false, false]);
  });

  test('publishes NodeRetry for each attempt that is made again, and NodeError once', async () => {
    const { events } = await triesOf({ jitter: 'none' });

    expect(ofType(events, 'NodeRetry')).toMatchObject([
      { nodeName: 'fails', attempt: 1, delayMs: 1_000, error: boom },
      { nodeName: 'fails', attempt: 2, delayMs: 2_000, error: boom },
    ]);
    expect(ofType(events, 'NodeError')).toMatchObject([{ nodeName: 'fails', attempt: 3, error: boom }]);
    expect(ofType(events, 'NodeStart').map((event) => event.attempt)).toEqual([1, 2, 3]);
  });

  test('asks on which errors it is to try again', async () => {
    const asked: unknown[] = [];

    const { tries } = await triesOf({
      delay: 0,
      on: (error) => {
        asked.push(error);
        return false;
      },
    });

    expect(tries).toHaveLength(1);
    expect(asked).toEqual([boom]);
  });

  test('leaves a FatalError alone', async () => {
    let attempts = 0;
    const dooms = node(
      'dooms',
      () => {
        attempts += 1;
        throw new FatalError('lost');
      },
      { retry: { delay: 0 } },
    );

    await rejectionOf(createRunner().run(dooms));

    expect(attempts).toBe(1);
  });

  test('applies to a thrown undefined', async () => {
    const attempts: number[] = [];
    const fails = node(
      'fails',
      (_: unknown, ctx): Promise<void> => {
        attempts.push(ctx.attempt);
        return Promise.reject(undefined);
      },
      { retry: { delay: 0 } },
    );

    expect(await rejectionOf(createRunner().run(fails))).toBeUndefined();
    expect(attempts).toEqual([1, 2, 3]);
  });

  test('ends at the first success', async () => {
    const flaky = node(
      'flaky',
      (_: unknown, ctx) => {
        if (ctx.attempt < 2) throw boom;
        return ctx.attempt;
      },
      { retry: { delay: 0, maxAttempts: 10 } },
    );

    const { answer, info } = await createRunner().run(flaky);

    expect(answer).toBe(2);
    expect(requestOf(info, 'flaky')).toMatchObject({ status: 'succeeded', attempts: 2 });
  });
});

const slowNode = (retry: RetryPolicy, asked: unknown[] = []) =>
  node('slow', (): Promise<string> => never(), {
    timeout: 100,
    retry: {
      jitter: 'none',
      delay: 10,
      ...retry,
      on: (error) => {
        asked.push(error);
        return retry.on?.(error) ?? true;
      },
    },
  });

describe('timeout with retry', () => {
  test('limits each attempt, not their sum', async () => {
    const clock = fakeClock();
    const running = createRunner({ clock }).run(slowNode({ backoff: 1 }), undefined, { onFailure: 'return' });

    await clock.advance(319);
    const before = clock.pending;
    await clock.advance(1);
    const { error, info } = await running;

    expect(before).toBe(1);
    expect(error).toBeInstanceOf(NodeTimeoutError);
    expect(requestOf(info, 'slow')).toMatchObject({ status: 'timedOut', attempts: 3 });
  });

  test('asks `on` about the NodeTimeoutError', async () => {
    const clock = fakeClock();
    const asked: unknown[] = [];
    const failure = rejectionOf(createRunner({ clock }).run(slowNode({ on: () => false }, asked)));

    await clock.advance(100);
    const error = await failure;

    expect(asked).toHaveLength(1);
    expect(asked[0]).toBe(error);
    expect(error).toBeInstanceOf(NodeTimeoutError);
  });

  test('is a RequestTimedOut event in the end', async () => {
    const clock = fakeClock();
    const events: TroupeEvent[] = [];
    const running = createRunner({ clock }).run(slowNode({ maxAttempts: 1 }), undefined, {
      onFailure: 'return',
      subscriber: (event) => void events.push(event),
    });

    await clock.advance(100);
    await running;
    await clock.advance(0);

    expect(ofType(events, 'RequestTimedOut')).toMatchObject([{ nodeName: 'slow', status: 'timedOut' }]);
  });
});

const failing = (maxAttempts: number, tries: number[] = []) => ({
  run: (_: string, ctx: { attempt: number }): string => {
    tries.push(ctx.attempt);
    throw boom;
  },
  retry: { maxAttempts, delay: 0 },
});

describe('fallback', () => {
  test('answers after the last attempt, and the request has succeeded', async () => {
    const tries: number[] = [];
    const { run, retry } = failing(3, tries);
    const safe = node('safe', run, { retry, fallback: () => 'instead' });

    const { status, answer, info } = await createRunner().run(safe, 'x');

    expect(tries).toEqual([1, 2, 3]);
    expect([status, answer]).toEqual(['completed', 'instead']);
    expect(requestOf(info, 'safe')).toMatchObject({ status: 'succeeded', output: 'instead' });
  });

  test('gets the last error and the input', async () => {
    const asked: unknown[] = [];
    const { run } = failing(1);
    const safe = node('safe', run, {
      fallback: (failure) => {
        asked.push(failure);
        return 'instead';
      },
    });

    await createRunner().run(safe, 'given');

    expect(asked).toEqual([{ error: boom, input: 'given' }]);
  });

  test('may be asynchronous', async () => {
    const { run } = failing(1);
    const safe = node('safe', run, { fallback: async () => Promise.resolve('later') });

    expect((await createRunner().run(safe, 'x')).answer).toBe('later');
  });

  test('answers after a timeout', async () => {
    const clock = fakeClock();
    const slow = node('slow', (): Promise<string> => never(), { timeout: 10, fallback: () => 'instead' });
    const running = createRunner({ clock }).run(slow);

    await clock.advance(10);

    expect((await running).answer).toBe('instead');
  });

  test('is not asked after a success', async () => {
    const safe = node('safe', () => 'own', { fallback: () => 'instead' });

    expect((await createRunner().run(safe)).answer).toBe('own');
  });

  test('that throws fails the request with its own error', async () => {
    const second = new Error('second');
    const { run } = failing(1);
    const unsafe = node('unsafe', run, {
      fallback: () => {
        throw second;
      },
    });

    expect(await rejectionOf(createRunner().run(unsafe, 'x'))).toBe(second);
  });
});

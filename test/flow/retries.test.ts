import { batchSize, flow, routine, slot, type RoutineErrorPolicy } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { flowStage, sink, statusesOf, step, traceOf, type StepOptions } from '../support/flows.ts';

const boom = new Error('boom');
const retry = { maxAttempts: 3, delay: 100, backoff: 2, jitter: 'none' } as const;

/** A routine that fails so many times, and keeps when it was tried. */
function flaky(failures: number, options: StepOptions, ofFlow?: RoutineErrorPolicy) {
  const stage = flowStage();
  const times: number[] = [];
  const attempts: number[] = [];
  const a = step(
    'a',
    (_input, ctx) => {
      times.push(stage.clock.now() - 1_000);
      attempts.push(ctx.attempt);
      if (times.length <= failures) throw boom;
    },
    options,
  );
  const f = ofFlow === undefined ? flow('f').add(a) : flow('f').add(a).onError(ofFlow);
  stage.runtime.exec(f);
  return { ...stage, f, times, attempts };
}

describe('retries of a routine', () => {
  test.each([
    ['as its `retry`', { retry }, undefined],
    ['in its `onError`', { onError: { retry } }, undefined],
    ['in the `onError` of its flow', {}, { retry }],
  ] as const)('come after exactly the delays that are given %s', async (_what, options, ofFlow) => {
    const { runtime, clock, f, times, attempts } = flaky(2, options, ofFlow);

    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.runAll();

    expect(times).toEqual([0, 100, 300]);
    expect(attempts).toEqual([1, 2, 3]);
    expect(job.status).toBe('completed');
    expect(job.deadLetters).toEqual([]);
  });

  test.each([
    ["fail the job with `then: 'stop'`", 'stop', 'failed'],
    ["let the job go on with `then: 'continue'`", 'continue', 'completed'],
    ["let the job go on with `then: 'skip'`", 'skip', 'completed'],
    ['fail the job where nothing is said', undefined, 'failed'],
  ] as const)('that all fail %s', async (_what, after, status) => {
    const onError = after === undefined ? { retry } : { retry, then: after };
    const { runtime, clock, f, times } = flaky(99, { onError });

    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.runAll();

    expect(times).toEqual([0, 100, 300]);
    expect(job.status).toBe(status);
    expect(job.deadLetters).toMatchObject([{ value: 1, policy: after ?? 'stop' }]);
  });

  test('by its `retry` are followed by what its `onError` says', async () => {
    const { runtime, clock, f, times } = flaky(99, { retry, onError: 'continue' });

    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.runAll();

    expect([times.length, job.status]).toEqual([3, 'completed']);
  });

  test('by its `retry` are followed by what its flow says', async () => {
    const { runtime, clock, f, times } = flaky(99, { retry }, 'skip');

    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.runAll();

    expect([times.length, job.status]).toEqual([3, 'completed']);
    expect(traceOf(job)).toContain('skipped a');
  });

  test('are not made where its own `onError` is only a word, whatever its flow says', async () => {
    const { runtime, clock, f, times } = flaky(99, { onError: 'stop' }, { retry });

    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.runAll();

    expect([times.length, job.status]).toEqual([1, 'failed']);
  });

  test('are not made for an error that `on` refuses', async () => {
    const { runtime, clock, f, times } = flaky(99, { retry: { ...retry, on: (error) => error !== boom } });

    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.runAll();

    expect([times.length, job.status]).toEqual([1, 'failed']);
    expect(job.error).toBe(boom);
  });

  test('get the same data, also where the body has changed it', async () => {
    const seen: unknown[] = [];
    const changing = routine({
      name: 'changing',
      slots: { input: slot<{ list: number[] }>() },
      retry,
      run: ({ input }) => {
        seen.push(structuredClone(input));
        for (const item of input as { list: number[] }[]) item.list.push(2);
        (input as unknown[]).pop();
        throw boom;
      },
    });
    const f = flow('f').add(changing);
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    await runtime.post(f, 'changing', 'input', { list: [1] });
    await clock.runAll();

    expect(seen).toEqual([[{ list: [1] }], [{ list: [1] }], [{ list: [1] }]]);
  });

  test('keep the messages that come meanwhile waiting, in order', async () => {
    const seen: (readonly number[])[] = [];
    const f = flow('f').add(
      step(
        'a',
        (input) => {
          seen.push(input);
          if (seen.length === 1) throw boom;
        },
        { retry },
      ),
    );
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    const first = await runtime.post(f, 'a', 'input', 1);
    const second = await runtime.post(f, 'a', 'input', 2);
    await clock.advance(50);
    const meanwhile = statusesOf([first, second]);
    await clock.runAll();

    expect(meanwhile).toEqual(['running', 'pending']);
    expect(seen).toEqual([[1], [1], [2]]);
  });

  test('leave no dead letter and no failure in the metrics where one succeeds', async () => {
    const { runtime, clock, f } = flaky(1, { retry });

    await runtime.post(f, 'a', 'input', 1);
    await clock.runAll();

    expect(runtime.metrics().messages).toMatchObject({ posted: 1, delivered: 1, deadLettered: 0 });
  });

  test('give their place in the `concurrency` of the runtime back while they wait', async () => {
    const stage = flowStage({ concurrency: 1 });
    const end = sink();
    const f = flow('f')
      .add(step('a', () => Promise.reject(boom), { retry }))
      .add(end.routine);
    stage.runtime.exec(f);

    await stage.runtime.post(f, 'a', 'input', 1);
    await stage.clock.advance(50);
    await stage.runtime.post(f, 'sink', 'input', 2);
    await stage.clock.advance(0);

    expect(end.seen).toEqual([2]);
  });

  test('end with their job when that is cancelled', async () => {
    const { runtime, clock, f, times } = flaky(99, { retry });
    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.advance(50);

    job.cancel();
    await clock.runAll();

    expect([times, clock.pending]).toEqual([[0], 0]);
  });

  test('of a batch are made for all its jobs', async () => {
    const { runtime, clock, f, times } = flaky(1, { retry, policy: batchSize(2) });

    const one = await runtime.post(f, 'a', 'input', 1);
    const two = await runtime.post(f, 'a', 'input', 2);
    await clock.runAll();

    expect(times).toEqual([0, 100]);
    expect(statusesOf([one, two])).toEqual(['completed', 'completed']);
  });
});

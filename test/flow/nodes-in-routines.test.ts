import { memoryCache } from 'troupe/cache';
import { input, node } from 'troupe';
import { flow } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { never, rejectionOf } from '../support/deferred.ts';
import { flowStage, sink, statusesOf, step } from '../support/flows.ts';

const add = node({
  name: 'add',
  inputs: { a: input<number>(), b: input(100) },
  run: ({ a, b }) => a + b,
});

describe('a routine that calls nodes', () => {
  test('gets what they return', async () => {
    const end = sink();
    const f = flow('f')
      .add(step('a', async ([value = 0], ctx) => ctx.emit('output', await ctx.call(add, { a: value }))))
      .add(end.routine)
      .connect('a.output', 'sink.input');
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'a', 'input', 1);
    await job.done;

    expect(end.seen).toEqual([101]);
  });

  test('gets the results of a batch in order', async () => {
    const results: unknown[] = [];
    const f = flow('f').add(
      step('a', async (values, ctx) => {
        results.push(...(await ctx.callBatch(add, [...values, 2, 3], [10, 20, 30])));
      }),
    );
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    await (
      await runtime.post(f, 'a', 'input', 1)
    ).done;

    expect(results).toEqual([11, 22, 33]);
  });

  test('fails its job with the very error of a node that it does not catch', async () => {
    const boom = new Error('boom');
    const failing = node('failing', () => Promise.reject(boom));
    const f = flow('f').add(step('a', (_input, ctx) => ctx.call(failing)));
    await using runtime = flowStage().runtime;
    runtime.exec(f);

    const job = await runtime.post(f, 'a', 'input', 1);
    await job.done;

    expect(job.error).toBe(boom);
  });

  test('may catch the error of a node, and other jobs are not harmed', async () => {
    const failing = node('failing', () => Promise.reject(new Error('boom')));
    const hanging = node('hanging', (value: number) => (value === 1 ? never() : undefined));
    const f = flow('f')
      .add(step('a', (_input, ctx) => ctx.call(failing).catch(() => 'went on')))
      .add(step('b', (_input, ctx) => ctx.call(hanging, 1)));
    const { runtime, clock } = flowStage();
    runtime.exec(f);

    const other = await runtime.post(f, 'b', 'input', 1);
    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);

    expect(statusesOf([job, other])).toEqual(['completed', 'running']);
  });

  test('takes the nodes that it has called along when its job is cancelled', async () => {
    const signals: AbortSignal[] = [];
    const hanging = node('hanging', (_value: unknown, ctx) => {
      signals.push(ctx.signal);
      return never();
    });
    const f = flow('f').add(step('a', (_input, ctx) => ctx.call(hanging)));
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);

    job.cancel();

    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  test('uses the cache of the runtime for a node that has one', async () => {
    let runs = 0;
    const slow = node('slow', (value: number) => ((runs += 1), value * 2), { cache: true });
    const seen: number[] = [];
    const f = flow('f').add(
      step('a', async ([value = 0], ctx) => void seen.push(await ctx.call(slow, value))),
    );
    await using runtime = flowStage({ cache: memoryCache() }).runtime;
    runtime.exec(f);

    for (const value of [3, 3, 4]) await (await runtime.post(f, 'a', 'input', value)).done;

    expect([seen, runs]).toEqual([[6, 6, 8], 2]);
  });

  test('shares the context of its worker, which begins with that of the runtime', async () => {
    const seen: unknown[] = [];
    const f = flow('f').add(
      step('a', async ([value], ctx) => {
        seen.push([ctx.context.get('user'), ctx.context.get('last', 'none')]);
        ctx.context.put('last', value);
      }),
    );
    await using runtime = flowStage({ context: { user: 'ada' } }).runtime;
    runtime.exec(f);

    for (const value of [1, 2]) await (await runtime.post(f, 'a', 'input', value)).done;

    expect(seen).toEqual([
      ['ada', 'none'],
      ['ada', 1],
    ]);
  });
});

describe('a routine that asks', () => {
  const asking = (seen: unknown[]) =>
    flow('f').add(
      step(
        'a',
        async ([value], ctx) => {
          const answer = await ctx.interrupt({ sure: value }, { key: 'decision', schema: z.string() });
          seen.push([value, answer]);
        },
        { concurrency: 2 },
      ),
    );

  test('is found in `pauses`, with its worker and its jobs', async () => {
    const f = asking([]);
    const { runtime, clock } = flowStage();
    runtime.exec(f, { workerId: 'one' });

    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);

    expect(runtime.pauses).toMatchObject([
      { key: 'decision', node: 'a', value: { sure: 1 }, workerId: 'one', jobs: [job.id] },
    ]);
    expect(job.status).toBe('running');
  });

  test('goes on with the answer to its worker', async () => {
    const seen: unknown[] = [];
    const f = asking(seen);
    const { runtime, clock } = flowStage();
    runtime.exec(f, { workerId: 'one' });
    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);

    await runtime.respond('one', 'decision', 'yes');
    await job.done;

    expect(seen).toEqual([[1, 'yes']]);
    expect(runtime.pauses).toEqual([]);
  });

  test('goes on with the answer to its job, and not with that to another', async () => {
    const seen: unknown[] = [];
    const f = asking(seen);
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const one = await runtime.post(f, 'a', 'input', 1);
    const two = await runtime.post(f, 'a', 'input', 2);
    await clock.advance(0);

    await runtime.respond(two.id, 'decision', 'second');
    await two.done;
    const meanwhile = statusesOf([one, two]);
    await runtime.respond(one.id, 'decision', 'first');
    await one.done;

    expect(meanwhile).toEqual(['running', 'completed']);
    expect(seen).toEqual([
      [2, 'second'],
      [1, 'first'],
    ]);
  });

  test('is answered by `interruptHandlers` without a person', async () => {
    const seen: unknown[] = [];
    const f = asking(seen);
    await using runtime = flowStage({ interruptHandlers: { decision: async () => 'by itself' } }).runtime;
    runtime.exec(f);

    await (
      await runtime.post(f, 'a', 'input', 1)
    ).done;

    expect(seen).toEqual([[1, 'by itself']]);
  });

  test.each([
    { what: 'an unknown id', id: 'nobody', key: 'decision', answer: 'yes', code: 'UNKNOWN_ID' },
    { what: 'an unknown key', id: 'one', key: 'other', answer: 'yes', code: 'UNKNOWN_RESPONSE' },
    {
      what: 'an answer that the schema refuses',
      id: 'one',
      key: 'decision',
      answer: 5,
      code: 'INVALID_INPUT',
    },
  ])('keeps asking after $what', async ({ id, key, answer, code }) => {
    const f = asking([]);
    const { runtime, clock } = flowStage();
    runtime.exec(f, { workerId: 'one' });
    await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);

    const error = await rejectionOf(runtime.respond(id, key, answer));

    expect(error).toMatchObject({ code });
    expect(runtime.pauses).toHaveLength(1);
  });

  test('takes only the first answer', async () => {
    const f = asking([]);
    const { runtime, clock } = flowStage();
    runtime.exec(f, { workerId: 'one' });
    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);
    await runtime.respond('one', 'decision', 'yes');
    await job.done;

    const error = await rejectionOf(runtime.respond('one', 'decision', 'no'));

    expect(error).toMatchObject({ code: 'INTERRUPT_ALREADY_RESOLVED' });
  });

  test('asks no more once its job is cancelled', async () => {
    const f = asking([]);
    const { runtime, clock } = flowStage();
    runtime.exec(f);
    const job = await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);

    job.cancel();

    expect(runtime.pauses).toEqual([]);
  });

  test('holds no place in the `concurrency` of the runtime', async () => {
    const end = sink();
    const f = asking([]).add(end.routine);
    const { runtime, clock } = flowStage({ concurrency: 1 });
    runtime.exec(f);

    await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);
    await runtime.post(f, 'sink', 'input', 2);
    await clock.advance(0);

    expect(end.seen).toEqual([2]);
  });

  test('lets a pause of its worker resolve', async () => {
    const f = asking([]);
    const { runtime, clock } = flowStage();
    const worker = runtime.exec(f);
    await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);

    await worker.pause();

    expect(worker.status).toBe('paused');
  });
});

import { memoryCheckpointer } from 'troupe/checkpoint';
import { flow } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { crashed, entriesOf, goOn, logOf } from '../support/durable-flows.ts';
import { sink, step } from '../support/flows.ts';

describe('what cannot be stored', () => {
  test('is refused as a post, and leaves nothing behind', async () => {
    const store = memoryCheckpointer();
    const f = flow('f').add(sink().routine);
    const { runtime } = await goOn(f, store);
    const entries = await entriesOf(store);
    const post = (value: unknown, metadata = {}) =>
      runtime.post(f, 'sink', 'input', value as number, { metadata });

    const errors = [await rejectionOf(post(() => 1)), await rejectionOf(post(1, { f: () => 1 }))];

    expect(errors).toMatchObject([{ code: 'CHECKPOINT' }, { code: 'CHECKPOINT' }]);
    expect(runtime.listJobs()).toEqual([]);
    expect(runtime.metrics().messages.posted).toBe(0);
    expect(await entriesOf(store)).toBe(entries);
  });

  test('is refused as an emit, which goes to no receiver', async () => {
    const store = memoryCheckpointer();
    const errors: unknown[] = [];
    const end = sink();
    const f = flow('f')
      .add(
        step('a', async (_, ctx) => {
          errors.push(await rejectionOf(ctx.emit('output', (() => 1) as unknown as number)));
          await ctx.emit('output', 2);
        }),
      )
      .add(end.routine)
      .connect('a.output', 'sink.input');
    const { runtime } = await goOn(f, store);

    const job = await runtime.post(f, 'a', 'input', 1);
    await job.done;

    expect(errors).toMatchObject([{ code: 'CHECKPOINT' }]);
    expect([job.status, end.seen]).toEqual(['completed', [2]]);
  });

  test('is refused by `state.set` and `job.set`, which set nothing', async () => {
    const store = memoryCheckpointer();
    const f = flow('f').add(
      step('a', (input, ctx) => {
        ctx.state.set('good', 1);
        if (input[0] === 1) ctx.state.set('bad', () => 1);
        else ctx.job.set('bad', () => 1);
      }),
    );
    const { runtime, worker } = await goOn(f, store);

    const jobs = [await runtime.post(f, 'a', 'input', 1), await runtime.post(f, 'a', 'input', 2)];
    await runtime.waitUntilAllJobsFinished();

    expect(jobs.map(({ error }) => error)).toMatchObject([{ code: 'CHECKPOINT' }, { code: 'CHECKPOINT' }]);
    expect(worker.state('a')).toEqual({ good: 1 });
    expect(jobs[1]?.get('bad')).toBe(undefined);
  });

  test('fails an activation when it has come into its state after it was set', async () => {
    const store = memoryCheckpointer();
    const f = flow('f').add(
      step('a', (input, ctx) => {
        const kept: Record<string, unknown> = { n: input[0] };
        ctx.state.set('kept', kept);
        if (input[0] === 2) kept['f'] = () => 1;
      }),
    );
    const { runtime, worker } = await goOn(f, store);
    const jobs = [];
    for (const n of [1, 2, 3]) jobs.push(await (await runtime.post(f, 'a', 'input', n)).done);

    expect(jobs.map(({ status }) => status)).toEqual(['completed', 'failed', 'completed']);
    expect(jobs[1]?.error).toMatchObject({ code: 'CHECKPOINT' });
    expect(worker.status).toBe('running');
    expect((await goOn(f, await crashed(store))).worker.state('a')).toEqual({ kept: { n: 3 } });
  });

  test('as the error of a job does not harm the worker', async () => {
    const store = memoryCheckpointer();
    const f = flow('f').add(
      step('a', () => {
        throw Object.assign(new Error('odd'), { client: () => 1 });
      }),
    );
    const { runtime, worker } = await goOn(f, store);
    const job = await runtime.post(f, 'a', 'input', 1, { jobId: 'one' });
    await job.done;

    const next = await goOn(f, await crashed(store));

    expect([worker.status, job.status]).toEqual(['running', 'failed']);
    expect(next.runtime.getJob('one')).toMatchObject({ status: 'failed', error: { message: 'odd' } });
    expect((await logOf(store)).length).toBeGreaterThan(0);
  });
});

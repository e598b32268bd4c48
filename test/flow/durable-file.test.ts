import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileCheckpointer } from 'troupe/checkpoint';
import { batchSize, createRuntime, flow } from 'troupe/flow';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { step, type StepBody } from '../support/flows.ts';

// Thousands of messages, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 60_000 });

const keep: StepBody = (input, ctx) =>
  ctx.state.set('seen', [...ctx.state.get<number[]>('seen', []), ...input]);
const pairs = flow('pairs').add(step('keep', keep, { policy: batchSize(2, { flush: false }) }));

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'troupe-flow-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe.each(['sync', 'async'] as const)("a worker in a folder, under '%s'", (durability) => {
  const workerId = durability;

  test('goes on where it was left, with a store that is opened anew', async () => {
    for (const n of [1, 2, 3]) {
      await using checkpointer = fileCheckpointer({ dir });
      const runtime = createRuntime({ checkpointer, durability });
      runtime.exec(pairs, { workerId });
      await runtime.post(pairs, 'keep', 'input', n, { jobId: `${durability} ${n}` });
      await runtime.shutdown();
    }

    await using checkpointer = fileCheckpointer({ dir });
    const runtime = createRuntime({ checkpointer, durability });
    const worker = runtime.exec(pairs, { workerId });
    await runtime.post(pairs, 'keep', 'input', 4);
    await runtime.shutdown();

    expect(worker.state('keep')).toEqual({ seen: [1, 2, 3, 4] });
    expect(runtime.listJobs().map(({ status }) => status)).toEqual(
      Array.from({ length: 4 }, () => 'completed'),
    );
  });

  test('is had by one runtime at a time', async () => {
    await using one = fileCheckpointer({ dir });
    await using two = fileCheckpointer({ dir });
    const first = createRuntime({ checkpointer: one, durability });
    const second = createRuntime({ checkpointer: two, durability });
    first.exec(pairs, { workerId: `${workerId} alone` });
    await first.post(pairs, 'keep', 'input', 1);

    second.exec(pairs, { workerId: `${workerId} alone` });
    const error = await rejectionOf(second.post(pairs, 'keep', 'input', 1));
    await Promise.all([first.shutdown(), second.shutdown()]);

    expect(error).toMatchObject({ code: 'WORKFLOW_ALREADY_RUNNING' });
  });

  test('is in the list of the store, and can be deleted', async () => {
    await using checkpointer = fileCheckpointer({ dir });
    const id = `${workerId} gone`;
    const runtime = createRuntime({ checkpointer, durability });
    runtime.exec(pairs, { workerId: id });
    await runtime.post(pairs, 'keep', 'input', 1);
    await runtime.shutdown();

    const found = (await checkpointer.list()).find(({ workflowId }) => workflowId === id);
    await checkpointer.delete(id);

    expect(found).toMatchObject({ target: 'pairs', status: 'paused' });
    expect(await checkpointer.get(id)).toBe(undefined);
  });

  test('has its log shortened, and goes on with it', async () => {
    const id = `${workerId} long`;
    const f = flow('f').add(
      step('count', (input, ctx) => ctx.state.set('n', ctx.state.get('n', 0) + input.length), {
        policy: batchSize(1),
      }),
    );
    await using checkpointer = fileCheckpointer({ dir });
    const runtime = createRuntime({ checkpointer, durability, retain: 5 });
    runtime.exec(f, { workerId: id });
    for (let round = 0; round < 4; round += 1) {
      await Promise.all(Array.from({ length: 700 }, (_, n) => runtime.post(f, 'count', 'input', n)));
      await runtime.waitUntilAllJobsFinished();
    }
    await runtime.post(f, 'count', 'input', 0); // what comes before is written
    await runtime.shutdown();
    const entries = (await checkpointer.read(id))?.entries.length ?? 0;

    const next = createRuntime({ checkpointer, durability });
    const worker = next.exec(f, { workerId: id });
    await next.waitUntilAllJobsFinished();
    const state = worker.state('count');
    await next.shutdown();

    expect(state).toEqual({ n: 2_801 });
    expect(entries).toBeLessThan(4_000);
  });
});

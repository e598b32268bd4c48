import { createRunner, graph, input, interrupt, node, type Runner, type RunResult } from 'troupe';
import { memoryCheckpointer, type LogMessage } from 'troupe/checkpoint';
import { describe, expect, test } from 'vitest';
import { never, rejectionOf } from '../support/deferred.ts';
import { stepsOf, unendedOf } from '../support/forest.ts';
import { ID, Notes } from './call-crash.ts';

const notes = new Notes();
const quick = node('quick', async () => {
  notes.add('quick');
  return 'quick';
});
let hangs = true;
const works = node('works', async (_: unknown, { signal }) => {
  notes.add('works');
  if (hangs) {
    signal.addEventListener('abort', () => notes.add(`stopped: ${(signal.reason as Error).name}`));
    await never();
  }
  return 'worked';
});
const root = node('root', async (_: unknown, ctx) => [await ctx.call(quick), await ctx.call(works)]);
const asks = node('asks', async (_: unknown, ctx) => [
  await ctx.call(quick),
  await ctx.interrupt<string>('Go?', { key: 'go' }),
]);

/** Begins a workflow whose body works on and on. */
async function beginWorking(runner: Runner) {
  hangs = true;
  const handle = runner.iter(root, undefined, { workflowId: ID, onFailure: 'return' });
  for await (const event of handle) if (event.type === 'NodeStart' && event.nodeName === 'works') break;
  return handle;
}

const typesOf = (history: readonly LogMessage[]): string[] => history.map(({ type }) => type);

describe('a runner that is closed', () => {
  test('without draining leaves a running workflow as it is', async () => {
    const store = memoryCheckpointer();
    const runner = createRunner({ checkpointer: store });
    await beginWorking(runner);
    const before = await store.history(ID);

    await runner.close({ drain: false });

    expect(typesOf(await store.history(ID))).toEqual(typesOf(before));
    expect((await store.get(ID))?.status).toBe('abandoned');
  });

  test('without draining tells whoever waits that the run was cancelled, and stops the body', async () => {
    const runner = createRunner({ checkpointer: memoryCheckpointer() });
    const handle = await beginWorking(runner);
    notes.take();

    await runner.close({ drain: false });

    const { status, error, info } = (await handle.result) as RunResult;
    expect(status).toBe('cancelled');
    expect(error).toMatchObject({ code: 'CANCELLED', reason: 'closed' });
    expect(unendedOf(info)).toEqual([]);
    expect(notes.take()).toEqual(['stopped: CancelledError']);
  });

  test('without draining lets another runner resume at once', async () => {
    const store = memoryCheckpointer();
    const runner = createRunner({ checkpointer: store });
    await beginWorking(runner);
    notes.take();
    await runner.close({ drain: false });
    hangs = false;
    await using other = createRunner({ checkpointer: store });
    notes.take();

    const { answer, info } = await other.resume(root, ID);

    expect(answer).toEqual(['quick', 'worked']);
    expect(notes.take()).toEqual(['works']);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('drains a running workflow to its end', async () => {
    const store = memoryCheckpointer();
    const runner = createRunner({ checkpointer: store });
    const running = runner.run(quick, undefined, { workflowId: ID });
    while ((await store.get(ID)) === undefined) await new Promise((resolve) => setImmediate(resolve));

    await runner.close();

    expect((await running).answer).toBe('quick');
    expect((await store.get(ID))?.status).toBe('completed');
  });

  test.each([true, false])('leaves a paused workflow paused (drain %s)', async (drain) => {
    const store = memoryCheckpointer();
    const runner = createRunner({ checkpointer: store });
    await runner.run(asks, undefined, { workflowId: ID });
    const before = await store.history(ID);

    await runner.close({ drain });

    expect(typesOf(await store.history(ID))).toEqual(typesOf(before));
    expect((await store.get(ID))?.status).toBe('paused');
  });

  test('leaves a paused workflow to be answered in another', async () => {
    const store = memoryCheckpointer();
    const runner = createRunner({ checkpointer: store });
    await runner.run(asks, undefined, { workflowId: ID });
    await runner.close();
    notes.take();
    await using other = createRunner({ checkpointer: store });

    const { answer } = await other.resume(asks, ID, { responses: { go: 'yes' } });

    expect(answer).toEqual(['quick', 'yes']);
    expect(notes.take()).toEqual([]);
  });

  test('leaves one paused that pauses while it drains', async () => {
    const store = memoryCheckpointer();
    const runner = createRunner({ checkpointer: store });
    const handle = runner.iter(asks, undefined, { workflowId: ID, onFailure: 'return' });
    for await (const { type } of handle) if (type === 'NodeStart') break;

    await runner.close();

    expect((await handle.result).status).toBe('cancelled');
    expect((await store.get(ID))?.status).toBe('paused');
  });

  test('leaves the checkpointer open', async () => {
    const store = memoryCheckpointer();
    const runner = createRunner({ checkpointer: store });
    await runner.close();

    await expect(store.list()).resolves.toEqual([]);
  });

  test('takes no workflow any more', async () => {
    const store = memoryCheckpointer();
    const runner = createRunner({ checkpointer: store });
    await runner.run(asks, undefined, { workflowId: ID });
    await runner.close();

    for (const way of [
      () => runner.run(asks, undefined, { workflowId: 'new' }),
      () => runner.resume(asks, ID),
      () => runner.retry(asks, ID),
      () => runner.fork(asks, ID),
      () => runner.respond(ID, 'go', 'yes'),
    ])
      expect(await rejectionOf(way())).toMatchObject({ code: 'RUNNER_CLOSED' });
    expect(await store.list()).toHaveLength(1);
  });

  test('cancels runs that are no workflows as ever', async () => {
    const runner = createRunner({ checkpointer: memoryCheckpointer() });
    const plain = runner.iter(asks, undefined, { onFailure: 'return' });
    for await (const { type } of plain) if (type === 'Interrupt') break;

    await runner.close();

    expect((await plain.result).status).toBe('cancelled');
  });

  test('cancels a paused workflow for whoever still waits for it here', async () => {
    const runner = createRunner({ checkpointer: memoryCheckpointer() });
    const handle = runner.iter(asks, undefined, { workflowId: ID });
    for await (const { type } of handle) if (type === 'Interrupt') break;

    await runner.close();

    expect(await rejectionOf(handle.result)).toMatchObject({ code: 'CANCELLED', reason: 'closed' });
  });
});

describe('a workflow that is cancelled', () => {
  test('while it runs ends for good', async () => {
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    const handle = await beginWorking(runner);

    expect(handle.cancel('enough')).toBe(true);

    const { status, error, info } = (await handle.result) as RunResult;
    expect(status).toBe('cancelled');
    expect(error).toMatchObject({ code: 'CANCELLED', reason: 'enough' });
    expect((await store.get(ID))?.status).toBe('cancelled');
    expect(unendedOf(info)).toEqual([]);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('while it runs is written as it ended, request by request', async () => {
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    const handle = await beginWorking(runner);

    handle.cancel('enough');
    await handle.result;

    const history = await store.history(ID);
    expect(typesOf(history).slice(-3)).toEqual(['RequestCancelled', 'RequestCancelled', 'RunEnd']);
    expect(history.at(-1)).toMatchObject({ status: 'cancelled', error: { reason: 'enough' } });
  });

  test.each(['its run id', 'its workflow id'])('while it is paused, by %s, ends for good', async (which) => {
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    const { runId } = await runner.run(asks, undefined, { workflowId: ID });

    const wasStopped = runner.cancel(which === 'its run id' ? runId : ID, 'enough');
    while ((await store.get(ID))?.status === 'paused') await new Promise((resolve) => setImmediate(resolve));

    expect(wasStopped).toBe(true);
    expect((await store.get(ID))?.status).toBe('cancelled');
    expect(await rejectionOf(runner.resume(asks, ID))).toMatchObject({ code: 'WORKFLOW_ALREADY_COMPLETED' });
  });

  test('by a signal ends for good', async () => {
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    const stop = new AbortController();
    hangs = true;
    const handle = runner.iter(root, undefined, { workflowId: ID, signal: stop.signal });
    for await (const event of handle) if (event.type === 'NodeStart' && event.nodeName === 'works') break;

    stop.abort('enough');

    expect(await rejectionOf(handle.result)).toMatchObject({ code: 'CANCELLED', reason: 'enough' });
    expect((await store.get(ID))?.status).toBe('cancelled');
  });

  test('while it is opened does not begin', async () => {
    const store = memoryCheckpointer();
    await using runner = createRunner({ checkpointer: store });
    notes.take();
    const handle = runner.iter(quick, undefined, { workflowId: ID });

    expect(handle.cancel('enough')).toBe(true);

    expect(await rejectionOf(handle.result)).toMatchObject({ code: 'CANCELLED' });
    expect(await store.get(ID)).toBeUndefined();
    expect((await runner.run(quick, undefined, { workflowId: ID })).answer).toBe('quick');
    expect(notes.take()).toEqual(['quick']);
  });

  test('while it waits in one runner, and another has gone on with it, is not', async () => {
    const store = memoryCheckpointer();
    await using first = createRunner({ checkpointer: store });
    await using other = createRunner({ checkpointer: store });
    await first.run(asks, undefined, { workflowId: ID });
    await other.resume(asks, ID, { responses: { go: 'yes' } });
    const before = await store.history(ID);

    first.cancel(ID, 'enough');
    await first.close();

    expect((await store.get(ID))?.status).toBe('completed');
    expect(typesOf(await store.history(ID))).toEqual(typesOf(before));
  });
});

test('a workflow whose graph waits at an interrupt is left by a runner that is closed, and ends in the next', async () => {
  const draft = node({
    name: 'draft',
    inputs: { topic: input<string>() },
    output: 'text',
    run: ({ topic }) => {
      notes.add('draft');
      return topic;
    },
  });
  const approve = interrupt({
    name: 'approve',
    inputs: { text: input<string>() },
    response: 'ok',
    run: () => '?',
  });
  const letter = graph({ name: 'letter', nodes: [draft, approve] });
  const store = memoryCheckpointer();
  notes.take();
  {
    await using runner = createRunner({ checkpointer: store });
    await runner.run(letter, { topic: 'tea' }, { workflowId: ID });
  }
  await using runner = createRunner({ checkpointer: store });

  const { status, outputs } = await runner.resume(letter, ID, { responses: { ok: true } });

  expect([status, outputs.ok]).toEqual(['completed', true]);
  expect(notes.take()).toEqual(['draft']);
});

import { createRunner, FatalError, node, type RunResult } from 'troupe';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred, never, rejectionOf } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf, unendedOf } from '../support/forest.ts';
import { execute, ID, logIn, Notes, storeAfter, storeWith, type Execution, turns } from './call-crash.ts';

const notes = new Notes();
const quick = node('quick', async () => {
  notes.add('quick');
  return 'quick';
});
const slow = node('slow', async () => {
  notes.add('slow');
  await turns(8);
  return 'slow';
});

function expectOver({ result }: Pick<Execution, 'result'>): void {
  expect(unendedOf(result.info)).toEqual([]);
  expect(stepsOf(result.info).steps).toEqual(stepsOf(result.info).lawful);
}

describe('a call that nobody waits for', () => {
  const leaves = node('leaves', async (_: unknown, ctx) => {
    void ctx.call(slow);
    return ctx.call(quick);
  });

  test('runs again after the crash, and is waited for at the end', async () => {
    const whole = await execute(leaves);
    notes.take();

    const resumed = await execute(leaves, { store: await storeAfter(whole.log, 'RequestSuccess quick') });

    expect(resumed.result.answer).toBe('quick');
    expect(statusesOf(resumed.result.info)).toEqual([
      'leaves succeeded',
      'slow succeeded',
      'quick succeeded',
    ]);
    expect(notes.take()).toEqual(['slow']);
    expectOver(resumed);
  });

  test('is cancelled at the end after the crash too, where orphans are', async () => {
    const whole = await execute(leaves, { orphans: 'cancel' });
    notes.take();

    const resumed = await execute(leaves, {
      orphans: 'cancel',
      store: await storeAfter(whole.log, 'RequestSuccess quick'),
    });

    expect(resumed.result.answer).toBe('quick');
    expect(statusesOf(resumed.result.info)).toEqual([
      'leaves succeeded',
      'slow cancelled',
      'quick succeeded',
    ]);
    expectOver(resumed);
  });

  test('and that failed fails nothing after the crash either', async () => {
    const fails = node('fails', async () => {
      throw new Error('nobody listens');
    });
    const root = node('root', async (_: unknown, ctx) => {
      void ctx.call(fails);
      await turns(3);
      return ctx.call(quick);
    });
    const whole = await execute(root);

    const resumed = await execute(root, { store: await storeAfter(whole.log, 'NodeStart quick') });

    expect(resumed.result).toMatchObject({ status: 'completed', answer: 'quick' });
    expectOver(resumed);
  });
});

describe('the time limit of a call', () => {
  test('begins again with its attempt after a crash', async () => {
    const clock = fakeClock();
    const hangs = node('hangs', () => never(), { timeout: 1_000 });
    const root = node('root', async (_: unknown, ctx) => ctx.call(hangs).catch((error: Error) => error.name));
    const store = memoryCheckpointer();
    await using first = createRunner({ clock, checkpointer: store });
    const begun = first.iter(root, undefined, { workflowId: ID, onFailure: 'return' });
    await reached(begun, 'hangs');
    await clock.advance(900);
    await first.close({ drain: false });
    await using second = createRunner({ clock, checkpointer: store });

    const again = second.iter(root, undefined, { workflowId: ID });
    await reached(again, 'hangs');
    await clock.advance(900);
    const early = again.info.status;
    await clock.advance(100);

    expect(early).toBe('running');
    expect((await again.result).answer).toBe('NodeTimeoutError');
  });

  test('of a whole run that was used up fails the run, and run or resume goes on with it', async () => {
    const clock = fakeClock();
    let gate = deferred<string>();
    const waits = node('waits', () => gate.promise);
    const root = node('root', async (_: unknown, ctx) => [await ctx.call(quick), await ctx.call(waits)]);
    const store = memoryCheckpointer();
    await using runner = createRunner({ clock, checkpointer: store });
    const late = runner.iter(root, undefined, { workflowId: ID, timeout: 50, onFailure: 'return' });
    await reached(late, 'waits');
    await clock.advance(50);
    const { status } = await late.result;
    const recorded = (await store.get(ID))?.status;
    notes.take();
    gate = deferred();
    gate.resolve('in time');

    const resumed = await runner.resume(root, ID);

    expect([status, recorded]).toEqual(['timedOut', 'timedOut']);
    expect(resumed.answer).toEqual(['quick', 'in time']);
    expect(notes.take()).toEqual([]);
    expectOver({ result: resumed });
  });
});

describe('a request that is cancelled', () => {
  test('stays cancelled after a crash, and its caller gets that again', async () => {
    const store = memoryCheckpointer();
    const hangs = node('hangs', () => never());
    const root = node('root', async (_: unknown, ctx) => {
      const reason = await ctx.call(hangs).catch((error: { reason: unknown }) => error.reason);
      return [reason, await ctx.call(quick)];
    });
    await using runner = createRunner({ checkpointer: store });
    const handle = runner.iter(root, undefined, { workflowId: ID });
    for await (const event of handle)
      if (event.type === 'NodeStart' && event.nodeName === 'hangs') {
        runner.cancel(requestOf(handle.info, 'hangs').id, 'enough');
        break;
      }
    const { answer } = await handle.result;

    const resumed = await execute(root, { store: await storeAfter(await logIn(store), 'NodeStart quick') });

    expect(answer).toEqual(['enough', 'quick']);
    expect(resumed.result.answer).toEqual(['enough', 'quick']);
    expect(statusesOf(resumed.result.info)).toEqual(['root succeeded', 'hangs cancelled', 'quick succeeded']);
  });

  test('after a crash is the one that its id named before', async () => {
    const store = memoryCheckpointer();
    const hangs = node('hangs', () => never());
    const root = node('root', async (_: unknown, ctx) => {
      await ctx.call(quick);
      return ctx.call(hangs).catch(() => 'handled');
    });
    await using first = createRunner({ checkpointer: store });
    const handle = first.iter(root, undefined, { workflowId: ID, onFailure: 'return' });
    await reached(handle, 'hangs');
    const { id } = requestOf(handle.info, 'hangs');
    await first.close({ drain: false });
    await using second = createRunner({ checkpointer: store });
    const again = second.iter(root, undefined, { workflowId: ID });
    await reached(again, 'hangs');

    const wasCancelled = second.cancel(id, 'enough');

    expect(wasCancelled).toBe(true);
    expect((await again.result).answer).toBe('handled');
  });
});

describe('the first failure anywhere', () => {
  const fails = node('fails', async () => {
    notes.add('fails');
    throw new RangeError('no');
  });
  const catches = node('catches', (_: unknown, ctx) =>
    ctx.call(fails).catch(() => ctx.call(quick).then((said) => `handled, ${said}`)),
  );

  test("under 'stopAll' stops the run after a crash too", async () => {
    const whole = await execute(catches, { onError: 'stopAll' });
    notes.take();

    const resumed = await execute(catches, {
      onError: 'stopAll',
      store: await storeAfter(whole.log, 'NodeStart fails'),
    });

    expect(whole.result.status).toBe('failed');
    expect(resumed.result).toMatchObject({ status: 'failed', error: { message: 'no' } });
    expect(notes.take()).toEqual(['fails']);
    expectOver(resumed);
  });

  test("under 'stopAll' runs again when the workflow is resumed after its end", async () => {
    const whole = await execute(catches, { onError: 'stopAll' });
    notes.take();

    const resumed = await execute(catches, {
      way: 'resume',
      store: await storeWith(whole.log, whole.log.entries.length),
    });

    expect(resumed.result.answer).toBe('handled, quick');
    expect(notes.take()).toEqual(['fails', 'quick']);
  });

  test("under 'continue' lets what runs run to its end after a crash too", async () => {
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(fails), ctx.call(slow)]));
    const whole = await execute(root, { onError: 'continue' });
    notes.take();

    const resumed = await execute(root, {
      onError: 'continue',
      store: await storeAfter(whole.log, 'RequestFailure fails'),
    });

    expect(resumed.result).toMatchObject({ status: 'failed', error: { message: 'no' } });
    expect(statusesOf(resumed.result.info)).toEqual(['root failed', 'fails failed', 'slow succeeded']);
    expect(notes.take()).toEqual(['slow']);
    expectOver(resumed);
  });

  test('that is a FatalError runs again when the workflow is resumed after its end', async () => {
    let isFatal = true;
    const fatal = node('fatal', async () => {
      if (isFatal) throw new FatalError('over');
      return 'mended';
    });
    const root = node('root', async (_: unknown, ctx) => [
      await ctx.call(quick),
      await ctx.call(fatal).catch(() => 'handled'),
    ]);
    const whole = await execute(root);
    isFatal = false;
    notes.take();

    const resumed = await execute(root, {
      way: 'resume',
      store: await storeWith(whole.log, whole.log.entries.length),
    });

    expect(whole.result.status).toBe('failed');
    expect(resumed.result.answer).toEqual(['quick', 'mended']);
    expect(notes.take()).toEqual([]);
  });
});

test('a workflow that is cancelled while it goes on is finished', async () => {
  const hangs = node('hangs', () => never());
  const root = node('root', async (_: unknown, ctx) => [await ctx.call(quick), await ctx.call(hangs)]);
  const store = memoryCheckpointer();
  await using first = createRunner({ checkpointer: store });
  const begun = first.iter(root, undefined, { workflowId: ID, onFailure: 'return' });
  await reached(begun, 'hangs');
  await first.close({ drain: false });
  await using second = createRunner({ checkpointer: store });
  const again = second.iter(root, undefined, { workflowId: ID });
  await reached(again, 'hangs');

  again.cancel('enough');

  expect(await rejectionOf(again.result)).toMatchObject({ code: 'CANCELLED', reason: 'enough' });
  expect((await store.get(ID))?.status).toBe('cancelled');
  expect(await rejectionOf(second.resume(root, ID))).toMatchObject({ code: 'WORKFLOW_ALREADY_COMPLETED' });
  expectOver({ result: { info: again.info } as RunResult });
});

/** Resolves when a node has started. */
async function reached(
  events: AsyncIterable<{ readonly type: string; readonly nodeName?: string }>,
  name: string,
): Promise<void> {
  for await (const event of events) if (event.type === 'NodeStart' && event.nodeName === name) return;
}

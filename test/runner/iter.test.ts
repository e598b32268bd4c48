import { createRunner, node, type TroupeEvent } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { deferred, never, rejectionOf } from '../support/deferred.ts';

const one = node('one', () => 1);
const boom = new Error('boom');
const fails = node('fails', () => {
  throw boom;
});
const ask = node('ask', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));

async function collect(events: AsyncIterable<TroupeEvent>): Promise<TroupeEvent[]> {
  const all: TroupeEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe('a run handle', () => {
  test('gives every event from RunStart to RunEnd', async () => {
    const runner = createRunner();

    const events = await collect(runner.iter(one));

    expect(events.at(0)).toMatchObject({ type: 'RunStart', target: 'one' });
    expect(events.at(-1)).toMatchObject({ type: 'RunEnd', status: 'completed' });
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index));
  });

  test('starts at once', async () => {
    const runner = createRunner();
    const begun = deferred();

    const handle = runner.iter(node('begins', () => begun.resolve()));

    await begun.promise;
    expect((await handle.result).status).toBe('completed');
  });

  test('keeps its events until they are read', async () => {
    const runner = createRunner();
    const handle = runner.iter(one);
    await handle.result;

    const events = await collect(handle);

    expect(events.at(0)?.type).toBe('RunStart');
    expect(events.at(-1)?.type).toBe('RunEnd');
  });

  test('gives an event while the run goes on', async () => {
    const runner = createRunner();
    const gate = deferred();
    const streams = node('streams', async function* () {
      yield 'early';
      await gate.promise;
    });
    const handle = runner.iter(streams);
    const chunks: unknown[] = [];

    for await (const event of handle) {
      if (event.type !== 'StreamingChunk') continue;
      chunks.push(event.chunk);
      gate.resolve();
    }

    expect(chunks).toEqual(['early']);
  });

  test('has the runId that all its events carry', async () => {
    const runner = createRunner();
    const handle = runner.iter(one);

    const events = await collect(handle);

    expect(new Set(events.map((event) => event.runId))).toEqual(new Set([handle.runId]));
    expect((await handle.result).runId).toBe(handle.runId);
  });

  test('ends its events with RunEnd where the run fails', async () => {
    const runner = createRunner();

    const events = await collect(runner.iter(fails));

    expect(events.at(-1)).toMatchObject({ type: 'RunEnd', status: 'failed', error: boom });
  });

  test('rejects its result with the very error', async () => {
    const runner = createRunner();

    expect(await rejectionOf(runner.iter(fails).result)).toBe(boom);
  });

  test('a result that nobody awaits is no unhandled rejection', async () => {
    const clock = fakeClock();
    const runner = createRunner({ clock });
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', note);
    onTestFinished(() => void process.off('unhandledRejection', note));

    runner.iter(fails);
    runner.iter(node('hangs', () => never())).cancel();
    await clock.advance(0);

    expect(unhandled).toEqual([]);
  });

  test('a pause is only an event, and does not settle the result', async () => {
    const clock = fakeClock();
    const runner = createRunner({ clock });
    let isSettled = false;
    const handle = runner.iter(ask);
    const ended = handle.result.finally(() => (isSettled = true));

    await clock.advance(0);
    const wasSettled = isSettled;
    await handle.respond('go', 'yes');

    expect(wasSettled).toBe(false);
    expect((await ended).answer).toBe('yes');
  });

  test('shows the open questions as pauses', async () => {
    const clock = fakeClock();
    const runner = createRunner({ clock });
    const handle = runner.iter(ask);
    const before = handle.pauses;

    await clock.advance(0);
    const open = handle.pauses.map((pause) => pause.key);
    await handle.respond('go', true);

    expect(Array.isArray(before)).toBe(true);
    expect(open).toEqual(['go']);
    expect(handle.pauses).toEqual([]);
  });

  test('can be answered on the event of the question', async () => {
    const runner = createRunner();
    const handle = runner.iter(ask);

    for await (const event of handle) {
      if (event.type === 'Interrupt') await handle.respond(event.key, 'from the loop');
    }

    expect((await handle.result).answer).toBe('from the loop');
  });

  test('respond rejects as that of the runner', async () => {
    const clock = fakeClock();
    const runner = createRunner({ clock });
    const handle = runner.iter(ask);
    await clock.advance(0);

    const error = await rejectionOf(handle.respond('other', 1));

    expect(error).toMatchObject({ code: 'UNKNOWN_RESPONSE' });
  });

  test('shows the run as it is now in its info', async () => {
    const clock = fakeClock();
    const runner = createRunner({ clock });
    const handle = runner.iter(ask);
    await clock.advance(0);

    const before = handle.info;
    await handle.respond('go', true);
    const after = handle.info;

    expect([before.status, after.status]).toEqual(['paused', 'completed']);
  });

  test('leaving the loop early cancels nothing', async () => {
    const runner = createRunner();
    const gate = deferred<string>();
    const handle = runner.iter(node('slow', () => gate.promise));

    for await (const event of handle) if (event.type === 'RunStart') break;
    gate.resolve('done');

    expect((await handle.result).answer).toBe('done');
  });

  test('await using cancels a run that still runs', async () => {
    const runner = createRunner();
    let result: Promise<unknown> | undefined;
    let runId = '';
    {
      await using handle = runner.iter(node('hangs', () => never()));
      ({ result, runId } = handle);
    }

    expect(runner.info.run(runId).status).toBe('cancelled');
    expect(await rejectionOf(result)).toMatchObject({ code: 'CANCELLED' });
  });

  test('await using leaves a run that has ended as it is', async () => {
    const runner = createRunner();
    let runId = '';
    {
      await using handle = runner.iter(one);
      ({ runId } = handle);
      await handle.result;
    }

    expect(runner.info.run(runId).status).toBe('completed');
  });

  test('cancel says whether it stopped something', async () => {
    const runner = createRunner();
    const handle = runner.iter(
      node('hangs', () => never()),
      undefined,
      { onFailure: 'return' },
    );

    const first = handle.cancel('enough');
    const second = handle.cancel('again');

    expect([first, second]).toEqual([true, false]);
    expect((await handle.result).error).toMatchObject({ reason: 'enough' });
  });

  test('a refused input is the rejection of its result, and no run', async () => {
    const runner = createRunner();
    const picky = node({ name: 'picky', inputs: {}, run: () => 1 });

    const handle = runner.iter(picky, { unknown: 1 });

    expect(await rejectionOf(handle.result)).toMatchObject({ code: 'UNKNOWN_INPUT' });
    expect(runner.info.runs).toHaveLength(0);
  });

  test('a run whose input is still being checked can be cancelled, and no body runs', async () => {
    const clock = fakeClock();
    const runner = createRunner({ clock });
    const gate = deferred<boolean>();
    let hasRun = false;
    const picky = node({
      name: 'picky',
      inputs: { word: z.string().refine(() => gate.promise) },
      run: () => {
        hasRun = true;
      },
    });
    const handle = runner.iter(picky, { word: 'a' });

    const hasStopped = handle.cancel('enough');
    gate.resolve(true);
    const error = await rejectionOf(handle.result);
    await clock.advance(0);

    expect(hasStopped).toBe(true);
    expect(error).toMatchObject({ code: 'CANCELLED', reason: 'enough' });
    expect(hasRun).toBe(false);
  });

  test('onFailure return gives the result of a failed run', async () => {
    const runner = createRunner();

    const { status, error } = await runner.iter(fails, undefined, { onFailure: 'return' }).result;

    expect(status).toBe('failed');
    expect(error).toBe(boom);
  });
});

import { createRunner, fromNode, node, type RunnerOptions } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createActor } from 'xstate';

const written: string[] = [];

beforeEach(() => {
  written.length = 0;
  const note = (...texts: unknown[]): boolean => {
    written.push(texts.map(String).join(' '));
    return true;
  };
  for (const level of ['debug', 'info', 'log', 'warn', 'error'] as const)
    vi.spyOn(console, level).mockImplementation(note);
  vi.spyOn(process.stdout, 'write').mockImplementation(note);
  vi.spyOn(process.stderr, 'write').mockImplementation(note);
});

afterEach(() => {
  vi.restoreAllMocks();
});

const hang = node('hang', () => new Promise<void>(() => {}));

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** A parent with more children than may run, which is cancelled. */
async function cancelQueued(options: RunnerOptions): Promise<void> {
  await using runner = createRunner({ maxConcurrency: 1, ...options });
  const parent = node('parent', async (_: void, ctx) => {
    await Promise.allSettled([ctx.call(hang), ctx.call(hang), ctx.call(hang)]);
  });
  const handle = runner.iter(parent, undefined, { onFailure: 'return' });
  await settle();
  handle.cancel();
  await handle.result;
}

describe('a runner without a log level prints nothing', () => {
  test('when all goes well', async () => {
    await using runner = createRunner();

    await runner.run(node('fine', (_: void, ctx) => ctx.log.info('fine')));

    expect(written).toEqual([]);
  });

  test('when nodes fail and are tried again', async () => {
    const clock = fakeClock();
    await using runner = createRunner({ clock });
    const broken = node('broken', () => Promise.reject(new Error('broken')), { retry: {} });

    const run = runner.run(broken, undefined, { onFailure: 'return' });
    await clock.runAll();
    await run;

    expect(written).toEqual([]);
  });

  test('when what waited for its place is cancelled', async () => {
    await cancelQueued({});

    expect(written).toEqual([]);
  });

  test('when a body goes on after it was stopped', async () => {
    const clock = fakeClock();
    await using runner = createRunner({ clock });
    const late = node('late', () => new Promise<void>((resolve) => clock.setTimeout(resolve, 10)));
    const handle = runner.iter(late, undefined, { onFailure: 'return' });

    handle.cancel();
    await handle.result;
    await clock.runAll();

    expect(written).toEqual([]);
  });

  test('when a call that nobody awaits fails', async () => {
    await using runner = createRunner();
    const broken = node('broken', () => Promise.reject(new Error('broken')));
    const parent = node('parent', async (_: void, ctx) => void ctx.call(broken));

    await runner.run(parent);

    expect(written).toEqual([]);
  });

  test('when a question is answered, and an answer comes too late', async () => {
    await using runner = createRunner();
    const ask = node('ask', (_: void, ctx) => ctx.interrupt('?'));
    const { runId } = await runner.run(ask);

    await runner.respond(runId, 'ask', 1);
    await runner.respond(runId, 'ask', 2).catch(() => undefined);

    expect(written).toEqual([]);
  });

  test('when an embedded run is stopped with its parent', async () => {
    const actor = createActor(fromNode(hang)).start();
    await settle();

    actor.stop();
    await settle();

    expect(written).toEqual([]);
  });

  test('when it is closed', async () => {
    const runner = createRunner();
    const handle = runner.iter(hang, undefined, { onFailure: 'return' });
    await settle();

    await runner.close({ drain: false });
    await handle.result;

    expect(written).toEqual([]);
  });

  test('when it is closed twice', async () => {
    const runner = createRunner();

    await runner.close();
    await runner.close();

    expect(written).toEqual([]);
  });

  test('when its log level is silent, though it has a failing run', async () => {
    await using runner = createRunner({ logLevel: 'silent' });

    await runner.run(
      node('broken', () => Promise.reject(new Error('broken'))),
      undefined,
      { onFailure: 'return' },
    );

    expect(written).toEqual([]);
  });
});

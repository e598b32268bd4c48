import { createRunner, FatalError, node, type Runner } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { never, rejectionOf } from '../support/deferred.ts';

const METHODS = ['log', 'info', 'warn', 'error', 'debug'] as const;

const clock = fakeClock();
const fails = node('fails', () => {
  throw new Error('boom');
});
const dooms = node('dooms', () => {
  throw new FatalError('lost');
});
const hangs = node('hangs', () => never());
const callsDooms = node('callsDooms', (_: unknown, ctx) => ctx.call(dooms));

const SCENES: Record<string, (runner: Runner) => Promise<unknown>> = {
  'a run that completes': (runner) => runner.run(node('one', () => 1)),
  'a run that fails': (runner) => rejectionOf(runner.run(fails)),
  'a run that is stopped by a FatalError below it': (runner) => rejectionOf(runner.run(callsDooms)),
  'a run that is cancelled': async (runner) => {
    const handle = runner.iter(node('root', (_: unknown, ctx) => ctx.call(hangs)));
    await clock.advance(0);
    handle.cancel();
    await rejectionOf(handle.result);
  },
  'cancelling a request that waits for its place': async (runner) => {
    const leaf = node('leaf', (_number: number) => never());
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(leaf, [1, 2, 3]));
    const handle = runner.iter(root, undefined, { maxConcurrency: 1 });
    await clock.advance(0);
    handle.cancel();
    await rejectionOf(handle.result);
    await clock.advance(0);
  },
  'a run that times out': async (runner) => {
    const failure = rejectionOf(
      runner.run(
        node('slow', () => never()),
        undefined,
        { timeout: 10 },
      ),
    );
    await clock.advance(10);
    await failure;
  },
  'a node that times out and is tried again': async (runner) => {
    const slow = node('slow', () => never(), { timeout: 10, retry: { delay: 1 } });
    const failure = rejectionOf(runner.run(slow));
    await clock.advance(1_000);
    await failure;
  },
  'a question that is answered': async (runner) => {
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
    const { runId } = await runner.run(ask);
    await runner.respond(runId, 'go', true);
  },
  'a paused run at the close of its runner': (runner) =>
    runner.run(node('ask', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }))),
  'a child that nobody awaits and that fails': async (runner) => {
    await runner.run(node('root', (_: unknown, ctx) => void ctx.call(fails)));
  },
  'closing a runner twice': async (runner) => {
    await runner.close();
    await runner.close();
  },
};

describe('a runner prints nothing on the console', () => {
  const printed: string[] = [];
  beforeEach(() => {
    printed.length = 0;
    for (const method of METHODS) {
      vi.spyOn(console, method).mockImplementation(
        (...args: unknown[]) => void printed.push(String(args[0])),
      );
    }
  });
  afterEach(() => void vi.restoreAllMocks());

  test.each(Object.entries(SCENES))('%s', async (_name, play) => {
    const runner = createRunner({ clock });

    await play(runner);
    await runner.close();

    expect(printed).toEqual([]);
  });
});

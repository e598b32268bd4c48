import {
  CancelledError,
  createRunner,
  graph,
  input,
  InvalidInputError,
  node,
  type NodeContext,
} from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { deferred, never, rejectionOf } from '../support/deferred.ts';
import { unendedOf } from '../support/forest.ts';

const boom = new Error('boom');

/** A node that fails for 2, works for ever for 0, and gives what it gets otherwise. */
function mixedNode() {
  const started: number[] = [];
  const signals = new Map<number, AbortSignal>();
  const mixed = node({
    name: 'mixed',
    inputs: { n: input<number>() },
    output: 'out',
    run: async ({ n }, ctx: NodeContext): Promise<number> => {
      started.push(n);
      signals.set(n, ctx.signal);
      await Promise.resolve();
      if (n === 2) throw boom;
      return n === 0 ? never() : n;
    },
  });
  return { mixed, started, signals };
}

describe('map with onError stop', () => {
  test('rejects with the very error of the first item that fails', async () => {
    const { mixed } = mixedNode();

    expect(await rejectionOf(createRunner().map(mixed, { n: [0, 1, 2] }, { over: 'n' }))).toBe(boom);
  });

  test('stops the other items before it rejects', async () => {
    const { mixed, signals } = mixedNode();
    const runner = createRunner();

    await rejectionOf(runner.map(mixed, { n: [0, 2] }, { over: 'n' }));

    expect(signals.get(0)?.aborted).toBe(true);
    expect(runner.info.runs.map(({ status }) => status)).toEqual(['cancelled', 'failed']);
    expect(runner.info.runs.flatMap(unendedOf)).toEqual([]);
  });

  test('starts no item after the failure', async () => {
    const { mixed, started } = mixedNode();

    await rejectionOf(createRunner().map(mixed, { n: [1, 2, 3, 4] }, { over: 'n', maxConcurrency: 1 }));

    expect(started).toEqual([1, 2]);
  });

  test('starts no item after one that fails on the stack', async () => {
    const started: number[] = [];
    const fails = node({
      name: 'fails',
      inputs: { n: input<number>() },
      run: ({ n }) => {
        started.push(n);
        throw boom;
      },
    });

    expect(await rejectionOf(createRunner().map(fails, { n: [1, 2, 3] }, { over: 'n' }))).toBe(boom);
    expect(started).toEqual([1]);
  });

  test('and onFailure return resolves to what became of every item', async () => {
    const { mixed } = mixedNode();

    const results = await createRunner().map(
      mixed,
      { n: [0, 1, 2, 3] },
      { over: 'n', maxConcurrency: 2, onFailure: 'return' },
    );

    expect(results.map(({ status }) => status)).toEqual(['cancelled', 'completed', 'failed', 'cancelled']);
    expect(results.status).toBe('partial');
    expect(results.failures.map(({ index, error }) => [index, error])).toEqual([[2, boom]]);
    expect(results[0]?.error).toMatchObject({ code: 'CANCELLED', reason: boom });
    expect(results[3]?.error).toMatchObject({ code: 'CANCELLED', reason: boom });
    expect(results[3]?.info.requests.size).toBe(0);
  });

  test('is stopped by an item that times out', async () => {
    const clock = fakeClock();
    const { mixed } = mixedNode();
    const mapping = createRunner({ clock }).map(mixed, { n: [0, 0] }, { over: 'n', timeout: 50 });
    const failure = rejectionOf(mapping);

    await clock.advance(50);

    expect(await failure).toMatchObject({ code: 'RUN_TIMEOUT', timeoutMs: 50 });
  });

  test('is stopped by an item whose input a schema refuses', async () => {
    const picky = node({ name: 'picky', inputs: { n: z.number() }, run: ({ n }) => n });

    const error = await rejectionOf(createRunner().map(picky, { n: [1, 'two' as never] }, { over: 'n' }));

    expect(error).toBeInstanceOf(InvalidInputError);
  });

  test('is stopped by an item that is cancelled by its id', async () => {
    const { mixed } = mixedNode();
    const runner = createRunner();
    const mapping = runner.map(mixed, { n: [0, 0] }, { over: 'n' });
    const failure = rejectionOf(mapping);

    runner.cancel(runner.info.runs[0]?.runId ?? '', 'enough');

    expect(await failure).toMatchObject({ code: 'CANCELLED', reason: 'enough' });
    expect(runner.info.runs.map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
  });
});

describe('map with onError continue', () => {
  test('runs every item and does not reject', async () => {
    const { mixed } = mixedNode();

    const results = await createRunner().map(mixed, { n: [1, 2, 3] }, { over: 'n', onError: 'continue' });

    expect(results.map(({ status }) => status)).toEqual(['completed', 'failed', 'completed']);
    expect(results.status).toBe('partial');
    expect(results.column('out')).toEqual([1, undefined, 3]);
  });

  test('fails an item whose input a schema refuses, and no other', async () => {
    const picky = node({ name: 'picky', inputs: { n: z.number() }, run: ({ n }) => n });

    const results = await createRunner().map(
      picky,
      { n: [1, 'two' as never, 3] },
      { over: 'n', onError: 'continue' },
    );

    expect(results.map(({ status }) => status)).toEqual(['completed', 'failed', 'completed']);
    expect(results.failures[0]?.error).toBeInstanceOf(InvalidInputError);
    expect(results.failures[0]?.result.info.status).toBe('failed');
  });

  test('leaves the policy within an item to the runner', async () => {
    const fails = node({
      name: 'fails',
      inputs: { n: input<number>() },
      output: 'bad',
      run: (): number => {
        throw boom;
      },
    });
    const works = node({ name: 'works', inputs: { n: input<number>() }, output: 'good', run: ({ n }) => n });
    const both = graph({ name: 'both', nodes: [fails, works] });

    const results = await createRunner({ onError: 'continue' }).map(
      both,
      { n: [1] },
      { over: 'n', onError: 'continue' },
    );

    expect(results.column('good')).toEqual([1]);
    expect(results.status).toBe('failed');
  });
});

describe('the signal of a map', () => {
  test('cancels all items when it aborts', async () => {
    const { mixed } = mixedNode();
    const runner = createRunner();
    const aborter = new AbortController();
    const mapping = runner.map(mixed, { n: [0, 0, 0] }, { over: 'n', signal: aborter.signal });
    const failure = rejectionOf(mapping);

    aborter.abort('enough');

    expect(await failure).toBeInstanceOf(CancelledError);
    expect(await failure).toMatchObject({ reason: 'enough' });
    expect(runner.info.runs.map(({ status }) => status)).toEqual(['cancelled', 'cancelled', 'cancelled']);
  });

  test('that has aborted before lets nothing run', async () => {
    const { mixed, started } = mixedNode();
    const signal = AbortSignal.abort('too late');

    const failure = rejectionOf(createRunner().map(mixed, { n: [1] }, { over: 'n', signal }));

    expect(await failure).toMatchObject({ code: 'CANCELLED', reason: 'too late' });
    expect(started).toEqual([]);
  });

  test('rejects also with onError continue, and resolves to a cancelled map with onFailure return', async () => {
    const { mixed } = mixedNode();
    const aborter = new AbortController();
    const options = { over: 'n', signal: aborter.signal, onError: 'continue', maxConcurrency: 2 } as const;
    const rejecting = rejectionOf(createRunner().map(mixed, { n: [0, 0, 0] }, options));
    const returning = createRunner().map(mixed, { n: [0, 0, 0] }, { ...options, onFailure: 'return' });

    aborter.abort('enough');

    expect(await rejecting).toMatchObject({ code: 'CANCELLED', reason: 'enough' });
    const results = await returning;
    expect(results.status).toBe('cancelled');
    expect(results.map(({ status }) => status)).toEqual(['cancelled', 'cancelled', 'cancelled']);
  });
});

describe('map over a graph with interrupts', () => {
  const ask = node({
    name: 'ask',
    inputs: { n: input<number>() },
    output: 'told',
    run: async ({ n }, ctx) => `${n}: ${await ctx.interrupt<string>(`Number ${n}?`, { key: 'decision' })}`,
  });
  const asking = graph({ name: 'asking', nodes: [ask] });

  test('gives paused items', async () => {
    const results = await createRunner().map(asking, { n: [1, 2] }, { over: 'n' });

    expect(results.status).toBe('paused');
    expect(results.map(({ pauses }) => pauses[0]?.value)).toEqual(['Number 1?', 'Number 2?']);
    expect(results.failures).toEqual([]);
  });

  test('has each answered by its own run id', async () => {
    const runner = createRunner();
    const results = await runner.map(asking, { n: [1, 2] }, { over: 'n' });

    const second = await runner.respond(results[1]?.runId ?? '', 'decision', 'yes');
    const first = await runner.respond(results[0]?.runId ?? '', 'decision', 'no');

    expect([first.outputs, second.outputs]).toEqual([{ told: '1: no' }, { told: '2: yes' }]);
  });

  test('waits for an item that is answered while others still run', async () => {
    const clock = fakeClock();
    const gate = deferred();
    const runner = createRunner({ clock });
    const either = node({
      name: 'either',
      inputs: { n: input<number>() },
      output: 'told',
      run: async ({ n }, ctx): Promise<unknown> => {
        if (n === 1) return ctx.interrupt('?', { key: 'decision' });
        await gate.promise;
        return n;
      },
    });
    const mapping = runner.map(either, { n: [1, 2] }, { over: 'n' });
    await clock.advance(0);

    await runner.respond(runner.info.runs[0]?.runId ?? '', 'decision', 'yes');
    gate.resolve();

    expect((await mapping).column('told')).toEqual(['yes', 2]);
  });

  test('cancels paused items when its signal aborts, even when it has resolved', async () => {
    const runner = createRunner();
    const aborter = new AbortController();
    const [paused] = await runner.map(asking, { n: [1] }, { over: 'n', signal: aborter.signal });

    aborter.abort('over');

    expect(runner.info.run(paused?.runId ?? '').status).toBe('cancelled');
  });

  test('closes a processor of its own when the last paused item has ended', async () => {
    const trace: string[] = [];
    const processor = { onEvent: () => undefined, close: () => void trace.push('closed') };
    await using runner = createRunner();
    const results = await runner.map(asking, { n: [1, 2] }, { over: 'n', processors: [processor] });
    const early = [...trace];

    for (const { runId } of results) await runner.respond(runId, 'decision', 'yes');
    await runner.close();

    expect([early, trace]).toEqual([[], ['closed']]);
  });
});

describe('closing a runner during a map', () => {
  test('drains it, with the items that were not started yet', async () => {
    const gate = deferred();
    const slow = node({
      name: 'slow',
      inputs: { n: input<number>() },
      output: 'n',
      run: async ({ n }) => {
        await gate.promise;
        return n;
      },
    });
    const runner = createRunner();
    const mapping = runner.map(slow, { n: [1, 2, 3] }, { over: 'n', maxConcurrency: 1 });

    const closing = runner.close();
    gate.resolve();
    await closing;
    const drained = runner.info.runs.map(({ status }) => status);

    expect(drained).toEqual(['completed', 'completed', 'completed']);
    expect((await mapping).column('n')).toEqual([1, 2, 3]);
  });

  test('without drain cancels it', async () => {
    const { mixed, started } = mixedNode();
    const runner = createRunner();
    const failure = rejectionOf(runner.map(mixed, { n: [0, 0, 0] }, { over: 'n', maxConcurrency: 2 }));

    await runner.close({ drain: false });

    expect(await failure).toMatchObject({ code: 'CANCELLED', reason: 'closed' });
    expect(started).toHaveLength(2);
  });

  test('cancels its paused items, and lets the others run to their end', async () => {
    const clock = fakeClock();
    const gate = deferred();
    const runner = createRunner({ clock });
    const either = node({
      name: 'either',
      inputs: { n: input<number>() },
      output: 'told',
      run: async ({ n }, ctx): Promise<unknown> => {
        if (n === 1) return ctx.interrupt('?', { key: 'decision' });
        await gate.promise;
        return n;
      },
    });
    const mapping = runner.map(either, { n: [1, 2] }, { over: 'n', onFailure: 'return' });
    await clock.advance(0);

    const closing = runner.close();
    gate.resolve();
    await closing;

    expect((await mapping).map(({ status }) => status)).toEqual(['cancelled', 'completed']);
    expect((await mapping).status).toBe('partial');
  });
});

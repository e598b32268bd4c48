import {
  createRunner,
  FatalError,
  input,
  node,
  type AnyNode,
  type RunnerOptions,
  type TroupeEvent,
} from 'troupe';
import { fakeClock, type FakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';

type EventOf<Type extends TroupeEvent['type']> = Extract<TroupeEvent, { type: Type }>;

interface Watched {
  readonly events: readonly TroupeEvent[];
  of<Type extends TroupeEvent['type']>(type: Type): EventOf<Type>[];
}

const ID = expect.any(String) as string;

/** Runs a node to its end, whatever that is, on a clock that starts at 1,000. */
async function watch(
  target: AnyNode | ((clock: FakeClock) => AnyNode),
  given?: unknown,
  options: RunnerOptions = {},
): Promise<Watched> {
  const clock = fakeClock({ now: 1_000 });
  const events: TroupeEvent[] = [];
  await using runner = createRunner({ ...options, clock, subscriber: (event) => void events.push(event) });
  const handle = runner.iter(typeof target === 'function' ? target(clock) : target, given, {
    onFailure: 'return',
  });
  await clock.runAll();
  for (const { key } of handle.pauses) void handle.respond(key, 'answer');
  await clock.runAll();
  await handle.result;
  const of = <Type extends TroupeEvent['type']>(type: Type): EventOf<Type>[] =>
    events.filter((event): event is EventOf<Type> => event.type === type);
  return { events, of };
}

const sleep = (clock: FakeClock, ms: number) => new Promise<void>((resolve) => clock.setTimeout(resolve, ms));
const hang = node('hang', () => new Promise<void>(() => {}), { timeout: 30 });
const boom = new Error('boom');
const broken = node('broken', () => Promise.reject(boom));

describe('an event of a run', () => {
  test('that starts names its target and its inputs', async () => {
    const { of } = await watch(
      node({ name: 'add', inputs: { a: input<number>(), b: input(2) }, run: ({ a, b }) => a + b }),
      { a: 1 },
    );

    expect(of('RunStart')).toMatchObject([
      { target: 'add', inputs: { a: 1, b: 2 }, seq: 0, timestamp: 1_000, parentSpanId: null },
    ]);
  });

  test('that has completed has its outputs and its duration, and no error', async () => {
    const { of } = await watch((clock) =>
      node({ name: 'slow', output: 'done', run: () => sleep(clock, 25).then(() => 'yes') }),
    );

    expect(of('RunEnd')).toMatchObject([{ status: 'completed', outputs: { done: 'yes' }, durationMs: 25 }]);
    expect(of('RunEnd')[0]).not.toHaveProperty('error');
  });

  test('that has failed has the very error', async () => {
    const { of } = await watch(broken);

    expect(of('RunEnd')).toMatchObject([{ status: 'failed' }]);
    expect(of('RunEnd')[0]?.error).toBe(boom);
  });

  test('that has timed out has its error', async () => {
    const { of } = await watch(
      node('hang', () => new Promise(() => {})),
      undefined,
      { timeout: 40 },
    );

    expect(of('RunEnd')).toMatchObject([
      { status: 'timedOut', durationMs: 40, error: { code: 'RUN_TIMEOUT' } },
    ]);
  });
});

describe('an event of a node', () => {
  test('that starts has its inputs and the attempt', async () => {
    const { of } = await watch(
      node('echo', (text: string) => text),
      'hi',
    );

    expect(of('NodeStart')).toMatchObject([
      { nodeName: 'echo', inputs: 'hi', attempt: 1, requestId: ID, spanId: ID },
    ]);
  });

  test('that has ended has its output, its outputs by name, its duration, and that it was not cached', async () => {
    const { of } = await watch((clock) =>
      node({
        name: 'split',
        outputs: ['lo', 'hi'],
        run: () => sleep(clock, 5).then(() => ({ lo: 1, hi: 2 })),
      }),
    );

    expect(of('NodeEnd')).toMatchObject([
      {
        nodeName: 'split',
        output: { lo: 1, hi: 2 },
        outputs: { lo: 1, hi: 2 },
        durationMs: 5,
        cached: false,
      },
    ]);
  });

  test('that names one output has the whole output under it', async () => {
    const { of } = await watch(node({ name: 'one', output: 'only', run: () => [1] }));

    expect(of('NodeEnd')).toMatchObject([{ output: [1], outputs: { only: [1] } }]);
  });

  test('that failed has the very error, once, with the last attempt', async () => {
    const { of } = await watch(node('broken', () => Promise.reject(boom), { retry: { maxAttempts: 3 } }));

    expect(of('NodeError')).toMatchObject([{ nodeName: 'broken', attempt: 3 }]);
    expect(of('NodeError')[0]?.error).toBe(boom);
  });

  test('that is tried again has the error, the attempt that failed and the delay', async () => {
    const { of } = await watch(
      node('broken', () => Promise.reject(boom), {
        retry: { maxAttempts: 3, delay: 100, backoff: 2, jitter: 'none' },
      }),
    );

    expect(of('NodeRetry')).toMatchObject([
      { nodeName: 'broken', attempt: 1, delayMs: 100 },
      { nodeName: 'broken', attempt: 2, delayMs: 200 },
    ]);
    expect(of('NodeRetry')[0]?.error).toBe(boom);
    expect(of('NodeStart').map(({ timestamp }) => timestamp)).toEqual([1_000, 1_100, 1_300]);
  });

  test('that was saved by its fallback is no NodeError', async () => {
    const { of } = await watch(
      node('broken', (): Promise<number> => Promise.reject(boom), { fallback: () => 7 }),
    );

    expect(of('NodeError')).toEqual([]);
    expect(of('NodeEnd')).toMatchObject([{ output: 7 }]);
  });

  test('that streams has each chunk and its place', async () => {
    const { of } = await watch(
      node('stream', function* () {
        yield 'a';
        yield 'b';
      }),
    );

    expect(of('StreamingChunk')).toMatchObject([
      { nodeName: 'stream', chunk: 'a', index: 0 },
      { nodeName: 'stream', chunk: 'b', index: 1 },
    ]);
  });

  test('that emits chunks counts them from 0 in each attempt', async () => {
    const { of } = await watch(
      node(
        'stream',
        async (_: unknown, ctx) => {
          ctx.emitChunk(ctx.attempt);
          ctx.emitChunk(ctx.attempt);
          if (ctx.attempt === 1) throw boom;
        },
        { retry: {} },
      ),
    );

    expect(of('StreamingChunk').map(({ chunk, index }) => [chunk, index])).toEqual([
      [1, 0],
      [1, 1],
      [2, 0],
      [2, 1],
    ]);
  });

  test('that broadcasts has the item', async () => {
    const { of } = await watch(node('radio', (_: unknown, ctx) => ctx.broadcast({ news: 1 })));

    expect(of('Broadcast')).toMatchObject([{ nodeName: 'radio', item: { news: 1 } }]);
  });

  test('that timed out is a NodeError with a NodeTimeoutError', async () => {
    const { of } = await watch(hang);

    expect(of('NodeError')).toMatchObject([
      { nodeName: 'hang', error: { code: 'NODE_TIMEOUT' }, attempt: 1 },
    ]);
  });
});

describe('an event of a question', () => {
  test('that is open has its key, its node, the path to it and what was asked', async () => {
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt({ prompt: 'Whose name?' }, { key: 'name' }));

    const { of } = await watch(ask);

    expect(of('Interrupt')).toMatchObject([
      { key: 'name', node: 'ask', value: { prompt: 'Whose name?' }, requestId: ID },
    ]);
    expect(of('Interrupt')[0]?.path.at(-1)).toBe('ask');
  });

  test('that was answered has its key and the answer', async () => {
    const { of } = await watch(node('ask', (_: unknown, ctx) => ctx.interrupt('?')));

    expect(of('InterruptResolved')).toMatchObject([{ key: 'ask', value: 'answer' }]);
  });

  test('has the answer that the schema parsed', async () => {
    const { z } = await import('zod');
    const ask = node('ask', (_: unknown, ctx) =>
      ctx.interrupt('?', { schema: z.string().transform((text) => text.length) }),
    );

    const { of } = await watch(ask);

    expect(of('InterruptResolved')).toMatchObject([{ value: 6 }]);
  });
});

describe('a message of a request', () => {
  const parentOf = (child: AnyNode) =>
    node('parent', (_: unknown, ctx) => (ctx.call(child) as Promise<unknown>).catch(() => 'caught'));

  test('that is created has its input and what the info shows', async () => {
    const { of } = await watch(parentOf(node('child', () => 1)));

    expect(of('RequestCreation')).toMatchObject([
      { nodeName: 'parent', sourceNodeId: null, status: 'pending', attempts: 0, nodeId: ID, requestId: ID },
      { nodeName: 'child', sourceNodeId: of('RequestCreation')[0]?.nodeId, status: 'pending' },
    ]);
  });

  test('that succeeded has the output', async () => {
    const { of } = await watch(
      node('echo', (text: string) => text),
      'hi',
    );

    expect(of('RequestSuccess')).toMatchObject([
      { nodeName: 'echo', output: 'hi', status: 'succeeded', attempts: 1 },
    ]);
  });

  test('that failed has the very error', async () => {
    const { of } = await watch(parentOf(broken));

    expect(of('RequestFailure')).toMatchObject([{ nodeName: 'broken', status: 'failed' }]);
    expect(of('RequestFailure')[0]?.error).toBe(boom);
  });

  test('that was refused its input has the error, and is no RequestFailure', async () => {
    const strict = node({ name: 'strict', inputs: { n: input<number>() }, run: ({ n }) => n });

    const { of } = await watch(parentOf(strict as AnyNode));

    expect(of('RequestCreationFailure')).toMatchObject([
      { nodeName: 'strict', status: 'failed', error: { code: 'MISSING_INPUT' } },
    ]);
    expect(of('RequestFailure')).toEqual([]);
    expect(of('NodeStart').map(({ nodeName }) => nodeName)).toEqual(['parent']);
  });

  test('that timed out has the error', async () => {
    const { of } = await watch(parentOf(hang));

    expect(of('RequestTimedOut')).toMatchObject([
      { nodeName: 'hang', status: 'timedOut', error: { code: 'NODE_TIMEOUT' }, timestamp: 1_030 },
    ]);
  });

  test('that was stopped has a CancelledError', async () => {
    const sibling = node('sibling', () => new Promise(() => {}));
    const both = node('both', (_: unknown, ctx) => Promise.all([ctx.call(sibling), ctx.call(broken)]));

    const { of } = await watch(both);

    expect(of('RequestCancelled')).toMatchObject([
      { nodeName: 'sibling', status: 'cancelled', error: { code: 'CANCELLED' } },
    ]);
  });

  test('that was fatal says so, with the request that it came from', async () => {
    const fatal = new FatalError('enough');
    const child = node('child', () => Promise.reject(fatal));

    const { of } = await watch(parentOf(child));

    const [, created] = of('RequestCreation');
    expect(of('FatalFailure')).toMatchObject([{ nodeName: 'child', requestId: created?.requestId }]);
    expect(of('FatalFailure')[0]?.error).toBe(fatal);
  });
});

describe('the events of a run', () => {
  test('come in the order in which things happened', async () => {
    const child = node('child', () => 1);
    const parent = node('parent', (_: unknown, ctx) => ctx.call(child));

    const { events } = await watch(parent);

    expect(
      events.map((event) => ('nodeName' in event ? `${event.type} ${event.nodeName}` : event.type)),
    ).toEqual([
      'RunStart',
      'RequestCreation parent',
      'NodeStart parent',
      'RequestCreation child',
      'NodeStart child',
      'NodeEnd child',
      'RequestSuccess child',
      'NodeEnd parent',
      'RequestSuccess parent',
      'RunEnd',
    ]);
  });

  test('carry the session where one is named', async () => {
    const events: TroupeEvent[] = [];
    await using runner = createRunner({ subscriber: (event) => void events.push(event) });

    await runner.run(
      node('n', () => 1),
      undefined,
      { sessionId: 'monday' },
    );
    await runner.close();

    expect(new Set(events.map(({ sessionId }) => sessionId))).toEqual(new Set(['monday']));
  });

  test('carry no session and no workflow where none is named', async () => {
    const { events } = await watch(node('n', () => 1));

    expect(events.filter((event) => 'sessionId' in event || 'workflowId' in event)).toEqual([]);
  });

  test('are numbered for each run', async () => {
    const events: TroupeEvent[] = [];
    await using runner = createRunner({ subscriber: (event) => void events.push(event) });
    const n = node('n', () => 1);

    await Promise.all([runner.run(n), runner.run(n)]);
    await runner.close();

    const seqsOf = (id: string): number[] => events.filter(({ runId }) => runId === id).map(({ seq }) => seq);
    const runs = [...new Set(events.map(({ runId }) => runId))];
    expect(runs.map(seqsOf)).toEqual([
      [0, 1, 2, 3, 4, 5],
      [0, 1, 2, 3, 4, 5],
    ]);
  });

  test('of a synchronous run are the same', async () => {
    const events: TroupeEvent[] = [];
    await using runner = createRunner({ subscriber: (event) => void events.push(event) });

    runner.runSync(node('n', () => 1));
    await runner.close();

    expect(events.map(({ type }) => type)).toEqual([
      'RunStart',
      'RequestCreation',
      'NodeStart',
      'NodeEnd',
      'RequestSuccess',
      'RunEnd',
    ]);
  });

  test('keep what was given as it was, whatever becomes of it', async () => {
    const { of } = await watch(
      node('greedy', (list: number[], ctx) => {
        ctx.emitChunk(list);
        list.push(2);
      }),
      [1],
    );

    expect([of('RunStart')[0]?.inputs, of('NodeStart')[0]?.inputs, of('StreamingChunk')[0]?.chunk]).toEqual([
      [1],
      [1],
      [1],
    ]);
  });
});

import { createRunner, input, node, type ExecutionInfo, type RunHandle, type TroupeEvent } from 'troupe';
import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';

const runner = createRunner();
const length = node('length', async (text: string) => text.length);
const embed = node({
  name: 'embed',
  inputs: { text: input<string>(), k: input(5) },
  output: 'embedding',
  run: async ({ text, k }) => [text.length * k],
});
const split = node({
  name: 'split',
  inputs: { n: z.number() },
  outputs: ['lo', 'hi'],
  run: ({ n }) => ({ lo: n, hi: String(n) }),
});
const defaults = node({ name: 'defaults', inputs: { a: input(1) }, run: ({ a }) => a });
const nothing = node('nothing', () => {});

describe('runner.run', () => {
  test('gives the node’s output as its answer', async () => {
    expectTypeOf((await runner.run(length, 'text')).answer).toEqualTypeOf<number>();
    expectTypeOf((await runner.run(embed, { text: 'text' })).answer).toEqualTypeOf<number[]>();
    expectTypeOf((await runner.run(nothing)).answer).toEqualTypeOf<void>();
  });

  test('gives the one output under its name', async () => {
    const { outputs } = await runner.run(embed, { text: 'text' });

    expectTypeOf(outputs).toEqualTypeOf<{ embedding: number[] }>();
  });

  test('gives several outputs under their names', async () => {
    const { outputs } = await runner.run(split, { n: 1 });

    expectTypeOf(outputs.lo).toEqualTypeOf<number>();
    expectTypeOf(outputs.hi).toEqualTypeOf<string>();
    // @ts-expect-error there is no such output
    void outputs.middle;
  });

  test('gives no outputs of a node that names none', async () => {
    const { outputs } = await runner.run(length, 'text');

    expectTypeOf<keyof typeof outputs>().toEqualTypeOf<never>();
  });

  test('needs no input where none is required', () => {
    void runner.run(defaults);
    void runner.run(defaults, {});
    void runner.run(nothing);
    void runner.run(nothing, undefined, { timeout: 5 });
  });

  test('refuses a missing input', () => {
    // @ts-expect-error the text is required
    void runner.run(length);
    // @ts-expect-error `text` is required
    void runner.run(embed, { k: 1 });
    // @ts-expect-error an object is required
    void runner.run(embed);
  });

  test('refuses an input of another type', () => {
    // @ts-expect-error a number is no text
    void runner.run(length, 1);
    // @ts-expect-error a text is no number
    void runner.run(embed, { text: 'text', k: 'five' });
  });

  test('refuses an unknown input', () => {
    // @ts-expect-error there is no `dimensions`
    void runner.run(embed, { text: 'text', dimensions: 5 });
  });

  test('takes the options of a run', () => {
    void runner.run(length, 'text', {
      onFailure: 'return',
      signal: new AbortController().signal,
      timeout: null,
    });
    // @ts-expect-error there is no such option
    void runner.run(length, 'text', { timeOut: 5 });
    // @ts-expect-error there is no such policy
    void runner.run(length, 'text', { onError: 'ignore' });
  });

  test('leaks no any in its result', async () => {
    const result = await runner.run(embed, { text: 'text' });

    expectTypeOf(result).not.toBeAny();
    expectTypeOf(result.status).toEqualTypeOf<'completed' | 'paused' | 'failed' | 'cancelled' | 'timedOut'>();
    expectTypeOf(result.info).toEqualTypeOf<ExecutionInfo>();
    expectTypeOf(result.error).toEqualTypeOf<unknown>();
    expectTypeOf(result.runId).toExtend<string>();
    expectTypeOf(result.pauses[0]?.value).toEqualTypeOf<unknown>();
    expectTypeOf(result.nodes['x']).not.toBeAny();
    expectTypeOf(result.reasons['x']).not.toBeAny();
  });
});

describe('runner.runSync', () => {
  test('gives the result without a promise', () => {
    const result = runner.runSync(split, { n: 1 });

    expectTypeOf(result.answer).toEqualTypeOf<{ lo: number; hi: string }>();
    // @ts-expect-error `n` is required
    runner.runSync(split, {});
  });
});

describe('runner.iter', () => {
  test('gives a handle with the types of the target', async () => {
    const handle = runner.iter(embed, { text: 'text' });

    expectTypeOf(handle).toEqualTypeOf<RunHandle<number[], { embedding: number[] }>>();
    expectTypeOf((await handle.result).answer).toEqualTypeOf<number[]>();
    expectTypeOf((await handle.respond('key', 1)).outputs).toEqualTypeOf<{ embedding: number[] }>();
    expectTypeOf(handle.cancel('enough')).toEqualTypeOf<boolean>();
    expectTypeOf(handle.info).toEqualTypeOf<ExecutionInfo>();
  });

  test('gives events that its types tell apart', async () => {
    for await (const event of runner.iter(length, 'text')) {
      expectTypeOf(event).toEqualTypeOf<TroupeEvent>();
      if (event.type === 'NodeStart') expectTypeOf(event.attempt).toEqualTypeOf<number>();
      if (event.type === 'NodeEnd') expectTypeOf(event.cached).toEqualTypeOf<boolean>();
      if (event.type === 'RunEnd')
        expectTypeOf(event.status).toEqualTypeOf<'completed' | 'failed' | 'cancelled' | 'timedOut'>();
      // @ts-expect-error not every event has a chunk
      void event.chunk;
    }
  });

  test('gives a handle that fits the handle of any run', () => {
    expectTypeOf(runner.iter(embed, { text: 'text' })).toExtend<RunHandle>();
    expectTypeOf(runner.iter(length, 'text')).toExtend<RunHandle>();
  });

  test('refuses a wrong input', () => {
    // @ts-expect-error a number is no text
    runner.iter(length, 1);
  });
});

describe('the events', () => {
  test('are told apart by their types, each by its own', () => {
    type EventOf<Type extends TroupeEvent['type']> = Extract<TroupeEvent, { type: Type }>;

    expectTypeOf<EventOf<'RequestFailure'>['error']>().toEqualTypeOf<unknown>();
    expectTypeOf<EventOf<'RequestTimedOut'>['nodeName']>().toEqualTypeOf<string>();
    expectTypeOf<EventOf<'RequestCancelled'>['nodeName']>().toEqualTypeOf<string>();
    expectTypeOf<EventOf<'RequestCreationFailure'>['nodeName']>().toEqualTypeOf<string>();
    expectTypeOf<EventOf<'FatalFailure'>['error']>().toEqualTypeOf<unknown>();
  });

  test('carry the base fields, none of them any', () => {
    expectTypeOf<TroupeEvent['seq']>().toEqualTypeOf<number>();
    expectTypeOf<TroupeEvent['timestamp']>().toEqualTypeOf<number>();
    expectTypeOf<TroupeEvent['parentSpanId']>().toEqualTypeOf<string | null>();
    expectTypeOf<TroupeEvent['spanId']>().toEqualTypeOf<string>();
    expectTypeOf<TroupeEvent['sessionId']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<TroupeEvent['workflowId']>().toEqualTypeOf<string | undefined>();
  });

  test('are those of the contract', () => {
    expectTypeOf<TroupeEvent['type']>().toEqualTypeOf<
      | 'RunStart'
      | 'NodeStart'
      | 'NodeEnd'
      | 'NodeError'
      | 'NodeRetry'
      | 'NodeSkipped'
      | 'StreamingChunk'
      | 'CacheHit'
      | 'CacheMiss'
      | 'RouteDecision'
      | 'Interrupt'
      | 'InterruptResolved'
      | 'Broadcast'
      | 'RequestCreation'
      | 'RequestSuccess'
      | 'RequestFailure'
      | 'RequestCreationFailure'
      | 'RequestTimedOut'
      | 'FatalFailure'
      | 'RequestCancelled'
      | 'RunEnd'
    >();
  });
});

describe('the info of a run', () => {
  test('leaks no any', () => {
    const info = runner.info.run('id');
    const [request] = info.requests;
    const [record] = info.nodes;

    expectTypeOf(info.answer).toEqualTypeOf<unknown>();
    expectTypeOf(request?.input).toEqualTypeOf<unknown>();
    expectTypeOf(request?.attempts).toEqualTypeOf<number | undefined>();
    expectTypeOf(request?.status).not.toBeAny();
    expectTypeOf(request?.history).not.toBeAny();
    expectTypeOf(record?.latencyMs).toEqualTypeOf<number | undefined>();
    expectTypeOf(info.toGraph().edges[0]?.source).toEqualTypeOf<string | null | undefined>();
    expectTypeOf(info.toJSON().version).toEqualTypeOf<1>();
    expectTypeOf(info.graphSerialization()).toEqualTypeOf<string>();
  });
});

describe('createRunner', () => {
  test('refuses options that there are not, and values of other types', () => {
    // @ts-expect-error there is no such option
    createRunner({ concurrency: 3 });
    // @ts-expect-error a text is no number of ms
    createRunner({ timeout: '5s' });
    // @ts-expect-error there is no such level
    createRunner({ logLevel: 'verbose' });
  });

  test('takes null for none, and undefined for not given', () => {
    createRunner({
      timeout: null,
      subscriber: null,
      processors: null,
      logger: null,
      redact: null,
      inspect: null,
    });
    createRunner({ timeout: undefined, subscriber: undefined, name: undefined, maxConcurrency: undefined });
  });

  test('gives the subscriber its events', () => {
    createRunner({
      subscriber: (event) => {
        expectTypeOf(event).toEqualTypeOf<TroupeEvent>();
      },
    });
  });
});

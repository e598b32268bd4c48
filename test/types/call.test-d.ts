import {
  broadcast,
  call,
  callBatch,
  callSync,
  context,
  currentRun,
  input,
  node,
  type Logger,
  type NodeContext,
  type RunContext,
} from 'troupe';
import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';

const add = node({ name: 'add', inputs: { a: input<number>(), b: input(1) }, run: ({ a, b }) => a + b });
const length = node('length', async (text: string) => text.length);
const now = node('now', () => new Date(0));
const defaults = node({ name: 'defaults', inputs: { a: input(1) }, run: ({ a }) => String(a) });
const mul = node({
  name: 'mul',
  inputs: { a: input<number>(), b: input<number>() },
  run: ({ a, b }) => a * b,
});
declare const ctx: NodeContext;

describe('ctx.call', () => {
  test('gives the output of the node', () => {
    expectTypeOf(ctx.call(add, { a: 1 })).toEqualTypeOf<Promise<number>>();
    expectTypeOf(ctx.call(length, 'text')).toEqualTypeOf<Promise<number>>();
    expectTypeOf(ctx.call(now)).toEqualTypeOf<Promise<Date>>();
  });

  test('needs no input where none is required', () => {
    expectTypeOf(ctx.call(defaults)).toEqualTypeOf<Promise<string>>();
    expectTypeOf(ctx.call(defaults, {})).toEqualTypeOf<Promise<string>>();
    expectTypeOf(ctx.call(defaults, { a: 2 })).toEqualTypeOf<Promise<string>>();
  });

  test('refuses a missing input', () => {
    // @ts-expect-error `a` is required
    void ctx.call(add, { b: 1 });
    // @ts-expect-error the text is required
    void ctx.call(length);
    // @ts-expect-error an object is required
    void ctx.call(add);
  });

  test('refuses an input of another type', () => {
    // @ts-expect-error a text is no number
    void ctx.call(add, { a: 'one' });
    // @ts-expect-error a number is no text
    void ctx.call(length, 1);
  });

  test('refuses an unknown input', () => {
    // @ts-expect-error there is no `c`
    void ctx.call(add, { a: 1, c: 1 });
  });

  test('refuses what is no node', () => {
    // @ts-expect-error a function is no node
    void ctx.call((n: number) => n, 1);
  });

  test('takes options', () => {
    expectTypeOf(ctx.call(add, { a: 1 }, { key: 'k', context: { user: 'Ada' } })).toEqualTypeOf<
      Promise<number>
    >();
    // @ts-expect-error there is no such option
    void ctx.call(add, { a: 1 }, { keys: 'k' });
  });
});

describe('ctx.callSync', () => {
  test('gives the output without a promise', () => {
    expectTypeOf(ctx.callSync(add, { a: 1 })).toEqualTypeOf<number>();
    // @ts-expect-error a text is no number
    ctx.callSync(add, { a: 'one' });
  });
});

describe('ctx.callBatch', () => {
  test('gives the outputs in a list', () => {
    expectTypeOf(ctx.callBatch(mul, [1, 2], [3, 4])).toEqualTypeOf<Promise<number[]>>();
    expectTypeOf(ctx.callBatch(length, ['a', 'b'])).toEqualTypeOf<Promise<number[]>>();
    expectTypeOf(ctx.callBatch(length, ['a'], { onError: 'throw' })).toEqualTypeOf<Promise<number[]>>();
  });

  test('says that there may be errors in place of outputs', async () => {
    const results = await ctx.callBatch(length, ['a'], { onError: 'return' });

    expectTypeOf(results).not.toBeAny();
    expectTypeOf(results).not.toEqualTypeOf<number[]>();
    expectTypeOf<number>().toExtend<(typeof results)[number]>();
  });

  test('takes constant lists', () => {
    expectTypeOf(ctx.callBatch(mul, [1, 2] as const, [3, 4] as const)).toEqualTypeOf<Promise<number[]>>();
  });

  test('refuses a list of another type', () => {
    // @ts-expect-error numbers are no texts
    void ctx.callBatch(length, [1, 2]);
    // @ts-expect-error texts are no numbers
    void ctx.callBatch(mul, ['a'], ['b']);
  });

  test('refuses tuples of another type', () => {
    const pair = node('pair', ([a, b]: [number, string]) => `${a}${b}`);

    expectTypeOf(ctx.callBatch(pair, [[1, 'a']])).toEqualTypeOf<Promise<string[]>>();
    // @ts-expect-error the numbers come first
    void ctx.callBatch(pair, [['a', 1]]);
  });
});

describe('ctx.interrupt', () => {
  test('gives what the schema parses to', () => {
    expectTypeOf(ctx.interrupt('?', { schema: z.string() })).toEqualTypeOf<Promise<string>>();
    expectTypeOf(ctx.interrupt('?', { schema: z.string().transform(Number) })).toEqualTypeOf<
      Promise<number>
    >();
  });

  test('gives something unknown without a schema', () => {
    expectTypeOf(ctx.interrupt('?')).toEqualTypeOf<Promise<unknown>>();
  });

  test('gives the type that is asked for', () => {
    expectTypeOf(ctx.interrupt<boolean>('?', { key: 'sure' })).toEqualTypeOf<Promise<boolean>>();
  });
});

describe('ctx.context', () => {
  test('gives something unknown, the type that is asked for, or that of the fallback', () => {
    expectTypeOf(ctx.context.get('user')).toEqualTypeOf<unknown>();
    expectTypeOf(ctx.context.get<string>('user')).toEqualTypeOf<string>();
    expectTypeOf(ctx.context.get('k', 5)).toEqualTypeOf<number>();
    expectTypeOf(ctx.context.keys()).toEqualTypeOf<string[]>();
  });
});

describe('the ambient functions', () => {
  test('have the types of those of ctx', () => {
    expectTypeOf(call(add, { a: 1 })).toEqualTypeOf<Promise<number>>();
    expectTypeOf(callSync(add, { a: 1 })).toEqualTypeOf<number>();
    expectTypeOf(callBatch(length, ['a'])).toEqualTypeOf<Promise<number[]>>();
    expectTypeOf(context()).toEqualTypeOf<RunContext>();
    expectTypeOf(currentRun()).toEqualTypeOf<NodeContext>();
    expectTypeOf(broadcast).returns.toEqualTypeOf<void>();
  });

  test('refuse what those of ctx refuse', () => {
    // @ts-expect-error `a` is required
    void call(add, {});
    // @ts-expect-error numbers are no texts
    void callBatch(length, [1]);
  });
});

describe('the rest of ctx', () => {
  test('leaks no any', () => {
    expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>();
    expectTypeOf(ctx.log).toEqualTypeOf<Logger>();
    expectTypeOf(ctx.attempt).toEqualTypeOf<number>();
    expectTypeOf(ctx.idempotencyKey).toEqualTypeOf<string>();
    expectTypeOf(ctx.requestId).not.toBeAny();
    expectTypeOf(ctx.nodeId).not.toBeAny();
    expectTypeOf(ctx.runId).not.toBeAny();
    expectTypeOf(ctx.workflowId).toEqualTypeOf<string | undefined>();
  });
});

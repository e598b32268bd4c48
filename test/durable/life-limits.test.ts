import { createRunner, graph, input, node, type AnyNode } from 'troupe';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { execute, ID, logIn, storeAfter } from './call-crash.ts';

const echo = node('echo', async (value: unknown) => value);
const sizeOf = ({ entries }: { readonly entries: readonly string[] }): number =>
  entries.reduce((sum, entry) => sum + entry.length, 0);

describe('maxValueBytes', () => {
  const store = () => memoryCheckpointer({ maxValueBytes: 1_000 });
  const tooLarge = 'x'.repeat(1_001);
  const makes = node('makes', async (bytes: number) => 'x'.repeat(bytes));

  test('fails a node that makes more, naming it and the bytes', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.call(makes, 1_001));

    const { result } = await execute(root, { store: store() });

    expect(result.error).toMatchObject({
      code: 'CHECKPOINT',
      hint: expect.stringContaining('maxValueBytes') as string,
    });
    expect((result.error as Error).message).toMatch(/"workflow".*"makes".*1,?000/su);
  });

  test('lets less pass', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.call(makes, 900));

    expect((await execute(root, { store: store() })).result.status).toBe('completed');
  });

  test('refuses the input of a run, and there is no workflow', async () => {
    const kept = store();
    await using runner = createRunner({ checkpointer: kept });

    const error = await rejectionOf(runner.run(echo, tooLarge, { workflowId: ID }));

    expect(error).toMatchObject({ code: 'CHECKPOINT' });
    expect(await kept.get(ID)).toBeUndefined();
  });

  test('refuses the input of a call, a value of the context, a question and an answer', async () => {
    const codes: unknown[] = [];
    const codeOf = (error: unknown): number => codes.push((error as { code: unknown }).code);
    const root = node('root', async (_: unknown, ctx) => {
      await ctx.call(echo, tooLarge).catch(codeOf);
      try {
        ctx.context.put('large', tooLarge);
      } catch (error) {
        codeOf(error);
      }
      await ctx.interrupt(tooLarge, { key: 'large' }).catch(codeOf);
      return ctx.interrupt('Go?', { key: 'go' });
    });
    await using runner = createRunner({ checkpointer: store() });
    await runner.run(root, undefined, { workflowId: ID });

    codeOf(await rejectionOf(runner.respond(ID, 'go', tooLarge)));

    expect(codes).toEqual(['CHECKPOINT', 'CHECKPOINT', 'CHECKPOINT', 'CHECKPOINT']);
    expect((await runner.respond(ID, 'go', 'fine')).answer).toBe('fine');
  });

  test('counts bytes, not characters', async () => {
    const wide = node('wide', async () => '🎭'.repeat(300));

    const { result } = await execute(wide, { store: store() });

    expect(result.error).toMatchObject({ code: 'CHECKPOINT' });
  });
});

describe('blobBytes', () => {
  const LENGTH = 10;
  const large = 'y'.repeat(20_000);

  test('stores a large value once over a chain of calls that pass it on', async () => {
    const chain = node('chain', async (value: unknown, ctx) => {
      let passed = value;
      for (let n = 0; n < LENGTH; n += 1) passed = await ctx.call(echo, passed);
      return passed;
    });

    const { log, result } = await execute(chain, {
      input: large,
      store: memoryCheckpointer({ blobBytes: 1_000 }),
    });

    expect(result.answer).toBe(large);
    expect(log.blobs).toHaveLength(1);
    expect(sizeOf(log)).toBeLessThan(20_000);
  });

  test('stores a large value once over a chain of nodes of a graph', async () => {
    const nodes: AnyNode[] = Array.from({ length: LENGTH }, (_, n) =>
      node({
        name: `node${n}`,
        inputs: { [`v${n}`]: input<unknown>(), small: input<unknown>() },
        output: `v${n + 1}`,
        run: (given) => (given as Record<string, unknown>)[`v${n}`],
      }),
    );
    const chain = graph({ name: 'chain', nodes });

    const { log, result } = await execute(chain, {
      input: { v0: large, small: 1 },
      store: memoryCheckpointer({ blobBytes: 1_000 }),
    });

    expect(result.outputs).toEqual({ [`v${LENGTH}`]: large });
    expect(log.blobs).toHaveLength(1);
    expect(sizeOf(log)).toBeLessThan(20_000);
  });

  test('gives a large value back after a crash', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      const first = await ctx.call(echo, { large, list: [large, { large }] });
      return ctx.call(echo, first);
    });
    const whole = await execute(root, { store: memoryCheckpointer({ blobBytes: 1_000 }) });

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess echo') });

    expect(result.answer).toEqual({ large, list: [large, { large }] });
  });

  test('does not store again after a crash what is stored', async () => {
    const root = node('root', async (_: unknown, ctx) => ctx.call(echo, await ctx.call(echo, large)));
    const options = { blobBytes: 1_000 };
    const store = memoryCheckpointer(options);
    await using runner = createRunner({ checkpointer: store });
    const handle = runner.iter(root, undefined, { workflowId: ID, onFailure: 'return' });
    for await (const { type } of handle) if (type === 'RequestSuccess') break;
    await runner.close({ drain: false });
    const before = await logIn(store);

    const { result, log } = await execute(root, { store });

    expect(result.answer).toBe(large);
    expect(before.blobs).toHaveLength(1);
    expect(log.blobs).toEqual(before.blobs);
  });

  test('gives a fork the large values of the original', async () => {
    const root = node('root', async (_: unknown, ctx) => ctx.call(echo, await ctx.call(echo, large)));
    const store = memoryCheckpointer({ blobBytes: 1_000 });
    await using runner = createRunner({ checkpointer: store });
    await runner.run(root, undefined, { workflowId: ID });

    const { answer } = await runner.fork(root, ID, { at: 2, workflowId: 'fork' });
    await store.delete(ID);

    expect(answer).toBe(large);
    expect((await store.history('fork')).at(-1)).toMatchObject({ answer: large });
  });

  test('keeps large answers, context values and errors', async () => {
    const seen: unknown[] = [];
    const fails = node('fails', () => Promise.reject(new RangeError(large)));
    const root = node('root', async (_: unknown, ctx) => {
      ctx.context.put('large', large);
      const said = await ctx.interrupt({ large }, { key: 'go' });
      const error = await ctx.call(fails).catch((caught: unknown) => caught);
      await ctx.call(echo, 1);
      seen.push([ctx.context.get('large'), said, (error as Error).message]);
    });
    const whole = await execute(root, {
      store: memoryCheckpointer({ blobBytes: 1_000 }),
      responses: { go: large },
    });

    await execute(root, { store: await storeAfter(whole.log, 'NodeStart echo') });

    expect(seen).toEqual([
      [large, large, large],
      [large, large, large],
    ]);
  });
});

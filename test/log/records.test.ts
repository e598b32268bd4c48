import { createRunner, input, node } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';

function named(name: string, work: () => unknown = () => name) {
  return node(name, async () => work());
}

describe('stamps', () => {
  test('say who was created by whom and what has ended, in order', async () => {
    await using runner = createRunner();
    const c = named('c');
    const b = node('b', (_: void, ctx) => ctx.call(c));
    const a = node('a', async (_: void, ctx) => [await ctx.call(b), await ctx.call(c)]);

    const { info } = await runner.run(a);

    expect(info.stamps.map(({ identifier }) => identifier)).toEqual([
      'START CREATED a',
      'a CREATED b',
      'b CREATED c',
      'Finished executing c',
      'Finished executing b',
      'a CREATED c',
      'Finished executing c',
      'Finished executing a',
    ]);
  });

  test('carry the time of the runner’s clock', async () => {
    const clock = fakeClock({ now: 1_000 });
    await using runner = createRunner({ clock });
    const slow = node('slow', () => new Promise<void>((resolve) => clock.setTimeout(resolve, 250)));

    const run = runner.run(slow);
    await clock.advance(250);

    expect((await run).info.stamps.map(({ time }) => time)).toEqual([1_000, 1_250]);
  });

  test('of a call whose input is refused are two, as of any other', async () => {
    await using runner = createRunner();
    const strict = node({ name: 'strict', inputs: { n: input<number>() }, run: ({ n }) => n });
    const caller = node('caller', (_: void, ctx) =>
      ctx.call(strict, {} as { n: number }).catch(() => 'caught'),
    );

    const { info } = await runner.run(caller);

    expect(info.stamps.map(({ identifier }) => identifier)).toEqual([
      'START CREATED caller',
      'caller CREATED strict',
      'Finished executing strict',
      'Finished executing caller',
    ]);
  });

  test('of a request that is cancelled before it starts are two', async () => {
    await using runner = createRunner({ maxConcurrency: 1 });
    const hang = node('hang', () => new Promise<void>(() => {}));
    const caller = node('caller', async (_: void, ctx) => {
      await Promise.allSettled([ctx.call(hang), ctx.call(hang)]);
    });
    const handle = runner.iter(caller, undefined, { onFailure: 'return' });

    await new Promise((resolve) => setImmediate(resolve));
    handle.cancel();
    const { info } = await handle.result;

    const pending = [...info.requests].filter(({ startedAt }) => startedAt === undefined);
    expect(pending.map(({ status, nodeName }) => [status, nodeName])).toEqual([['cancelled', 'hang']]);
    expect(info.steps).toBe(6);
  });

  test('are added by no retry', async () => {
    const clock = fakeClock();
    await using runner = createRunner({ clock });
    const flaky = node(
      'flaky',
      (_: void, { attempt }) => {
        if (attempt < 3) throw new Error('flaky');
      },
      { retry: {} },
    );

    const run = runner.run(flaky);
    await clock.runAll();

    expect((await run).info.steps).toBe(2);
  });
});

describe('a request', () => {
  test('keeps every version, oldest first, the current one last', async () => {
    await using runner = createRunner();

    const [request] = (await runner.run(named('a'))).info.requests;

    expect(request?.history.map(({ status }) => status)).toEqual(['pending', 'running', 'succeeded']);
    expect(request?.history.at(-1)).toBe(request);
  });

  test('keeps the versions in which it waited for an answer', async () => {
    await using runner = createRunner({ interruptHandlers: { ask: () => 'yes' } });
    const ask = node('ask', (_: void, ctx) => ctx.interrupt('?'));

    const [request] = (await runner.run(ask)).info.requests;

    expect(request?.history.map(({ status }) => status)).toEqual([
      'pending',
      'running',
      'interrupted',
      'running',
      'succeeded',
    ]);
  });

  test('has the creation stamp in its first version and that of its end in its last', async () => {
    await using runner = createRunner();

    const { info } = await runner.run(named('a'));

    const history = info.requests.roots[0]?.history;
    expect(history?.[0]?.stamp).toEqual(info.stamps[0]);
    expect(history?.at(-1)?.stamp).toEqual(info.stamps[1]);
  });

  test('says who called it, and null for the root', async () => {
    await using runner = createRunner();
    const child = named('child');
    const parent = node('parent', (_: void, ctx) => ctx.call(child));

    const { info } = await runner.run(parent);

    const [root, called] = info.requests;
    expect(root?.sourceNodeId).toBeNull();
    expect(called?.sourceNodeId).toBe(root?.nodeId);
    expect(info.requests.roots).toEqual([root]);
    expect(info.requests.children(root?.nodeId ?? '')).toEqual([called]);
  });

  test('counts its attempts', async () => {
    const clock = fakeClock();
    await using runner = createRunner({ clock });
    const broken = node('broken', () => Promise.reject(new Error('broken')), { retry: { maxAttempts: 4 } });

    const run = runner.run(broken, undefined, { onFailure: 'return' });
    await clock.runAll();

    expect((await run).info.requests.roots[0]?.attempts).toBe(4);
  });

  test('says when it was created, started and ended', async () => {
    const clock = fakeClock({ now: 10 });
    await using runner = createRunner({ clock });
    const slow = node('slow', () => new Promise<void>((resolve) => clock.setTimeout(resolve, 5)));

    const run = runner.run(slow);
    await clock.advance(5);

    expect((await run).info.requests.roots[0]).toMatchObject({ createdAt: 10, startedAt: 10, endedAt: 15 });
  });

  test('holds the very error that was thrown', async () => {
    await using runner = createRunner();
    const error = new Error('mine');

    const { info } = await runner.run(
      named('a', () => Promise.reject(error)),
      undefined,
      { onFailure: 'return' },
    );

    expect(info.requests.roots[0]?.error).toBe(error);
  });

  test('that gave undefined has succeeded', async () => {
    await using runner = createRunner();

    const { info } = await runner.run(named('a', () => undefined));

    expect(info.requests.roots[0]).toMatchObject({ status: 'succeeded', output: undefined });
  });

  test('holds the input after defaults', async () => {
    await using runner = createRunner();
    const add = node({ name: 'add', inputs: { a: input<number>(), b: input(5) }, run: ({ a, b }) => a + b });

    const { info } = await runner.run(add, { a: 1 });

    expect(info.requests.roots[0]?.input).toEqual({ a: 1, b: 5 });
  });
});

describe('a node', () => {
  test('has a version when it was created and one when it has ended', async () => {
    await using runner = createRunner();

    const { info } = await runner.run(named('a'));

    const [record] = info.nodes;
    expect(record?.history.map(({ stamp }) => stamp.identifier)).toEqual([
      'START CREATED a',
      'Finished executing a',
    ]);
    expect(record?.history.at(-1)).toBe(record);
  });

  test('says what kind it is', async () => {
    await using runner = createRunner();

    const { info } = await runner.run(named('a'));

    expect(info.nodes.roots[0]).toMatchObject({ name: 'a', kind: 'node' });
  });

  test('says how long it took', async () => {
    const clock = fakeClock();
    await using runner = createRunner({ clock });
    const slow = node('slow', () => new Promise<void>((resolve) => clock.setTimeout(resolve, 250)));

    const handle = runner.iter(slow);
    const during = handle.info;
    await clock.advance(250);

    expect(during.nodes.roots[0]?.latencyMs).toBeUndefined();
    expect((await handle.result).info.nodes.roots[0]?.latencyMs).toBe(250);
  });
});

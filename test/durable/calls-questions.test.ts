import { createRunner, graph, node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { rejectionOf } from '../support/deferred.ts';
import { execute, ID, labelsOf, logIn, Notes, storeAfter, storeWith } from './call-crash.ts';

const notes = new Notes();
const add = node('add', async (n: number) => {
  notes.add(`add ${n}`);
  return n + 1;
});
const asks = node('asks', async (_: unknown, ctx) => {
  notes.add('asks');
  const before = await ctx.call(add, 1);
  const said = await ctx.interrupt<string>({ prompt: 'Go on?', before }, { key: 'go' });
  return [said, await ctx.call(add, before)];
});

describe('a question that a body asked before the crash', () => {
  test('is open again, with all that it had', async () => {
    const whole = await execute(asks);
    notes.take();

    const { result } = await execute(asks, { way: 'resume', store: await storeAfter(whole.log, 'RunPause') });

    const [before] = whole.result.pauses;
    expect(result.status).toBe('paused');
    expect(result.pauses).toEqual([before]);
    expect(notes.take()).toEqual(['asks']);
  });

  test('is on record once, however often it is opened', async () => {
    const whole = await execute(asks);
    const once = await execute(asks, { way: 'resume', store: await storeAfter(whole.log, 'RunPause') });

    const twice = await execute(asks, {
      way: 'resume',
      store: await storeWith(once.log, once.log.entries.length),
    });

    expect(labelsOf(twice.log).filter((label) => label === 'Interrupt asks')).toHaveLength(1);
  });

  test('is published again as open', async () => {
    const whole = await execute(asks);

    const { events } = await execute(asks, { way: 'resume', store: await storeAfter(whole.log, 'RunPause') });

    expect(events.filter(({ type }) => type === 'Interrupt')).toMatchObject([
      { key: 'go', value: { prompt: 'Go on?', before: 2 } },
    ]);
  });

  test('takes the answer that a resume brings', async () => {
    const whole = await execute(asks);
    notes.take();

    const { result } = await execute(asks, {
      way: 'resume',
      store: await storeAfter(whole.log, 'RunPause'),
      responses: { go: 'yes' },
    });

    expect(result).toMatchObject({ status: 'completed', answer: ['yes', 3] });
    expect(notes.take()).toEqual(['asks', 'add 2']);
  });

  test('takes an answer by respond after the resume', async () => {
    const whole = await execute(asks);

    const { result } = await execute(asks, {
      store: await storeAfter(whole.log, 'RunPause'),
      responses: { go: 'yes' },
    });

    expect(result.answer).toEqual(['yes', 3]);
  });

  test('takes an answer where the process died before it could say that it is paused', async () => {
    const whole = await execute(asks);

    const { result } = await execute(asks, {
      way: 'resume',
      store: await storeAfter(whole.log, 'Interrupt asks'),
      responses: { go: 'yes' },
    });

    expect(result.answer).toEqual(['yes', 3]);
  });
});

describe('an answer that was given before the crash', () => {
  test('is kept, and nobody is asked again', async () => {
    const whole = await execute(asks, { responses: { go: 'yes' } });
    notes.take();

    const { result, events } = await execute(asks, {
      store: await storeAfter(whole.log, 'InterruptResolved asks'),
    });

    expect(result.answer).toEqual(['yes', 3]);
    expect(events.map(({ type }) => type)).not.toContain('Interrupt');
    expect(notes.take()).toEqual(['asks', 'add 2']);
  });

  test('cannot be given again', async () => {
    const blocks = node('blocks', async (_: unknown, ctx) => [
      await ctx.interrupt('First?', { key: 'first' }),
      await ctx.interrupt('Second?', { key: 'second' }),
    ]);
    const whole = await execute(blocks, { responses: { first: 1 } });
    await using runner = createRunner({
      checkpointer: await storeWith(whole.log, whole.log.entries.length),
    });
    await runner.resume(blocks, ID);

    const error = await rejectionOf(runner.respond(ID, 'first', 2));
    const { answer } = await runner.respond(ID, 'second', 2);

    expect(error).toMatchObject({ code: 'INTERRUPT_ALREADY_RESOLVED' });
    expect(answer).toEqual([1, 2]);
  });

  test.each([undefined, null, 0, false, new Date(3), new Map([['a', 1n]])])('may be %o', async (said) => {
    const tells = node('tells', async (_: unknown, ctx) => {
      const got = await ctx.interrupt('What?', { key: 'what' });
      await ctx.call(add, 1);
      return { got };
    });
    const whole = await execute(tells, { responses: { what: said } });

    const { result } = await execute(tells, { store: await storeAfter(whole.log, 'NodeStart add') });

    expect(result.answer).toEqual({ got: said });
  });
});

describe('several questions', () => {
  test('of one body, one after the other, each have their own answer', async () => {
    const form = node('form', async (_: unknown, ctx) => {
      const name = await ctx.interrupt<string>('Name?', { key: 'name' });
      const city = await ctx.interrupt<string>(`City of ${name}?`, { key: 'city' });
      return `${name} of ${city}`;
    });
    const whole = await execute(form, { responses: { name: 'Ada' } });

    const { result } = await execute(form, {
      store: await storeWith(whole.log, whole.log.entries.length),
      responses: { city: 'London' },
    });

    expect(whole.result.pauses).toMatchObject([{ key: 'city', value: 'City of Ada?' }]);
    expect(result.answer).toBe('Ada of London');
  });

  test('at once are open at once again, but for those that were answered', async () => {
    const both = node('both', (_: unknown, ctx) =>
      Promise.all(['one', 'two', 'three'].map((key) => ctx.interrupt(`${key}?`, { key }))),
    );
    const whole = await execute(both, { responses: { two: 2 } });

    const { result } = await execute(both, {
      way: 'resume',
      store: await storeWith(whole.log, whole.log.entries.length),
    });

    expect(result.pauses.map(({ key }) => key)).toEqual(['one', 'three']);
  });

  test('at once may be answered all by one resume, in any order', async () => {
    const both = node('both', (_: unknown, ctx) =>
      Promise.all(['one', 'two', 'three'].map((key) => ctx.interrupt(`${key}?`, { key }))),
    );
    const whole = await execute(both);

    const { result } = await execute(both, {
      way: 'resume',
      store: await storeWith(whole.log, whole.log.entries.length),
      responses: { three: 3, one: 1, two: 2 },
    });

    expect(result).toMatchObject({ status: 'completed', answer: [1, 2, 3] });
  });

  test('of the same key, one after the other, have each their own answer', async () => {
    const twice = node('twice', async (_: unknown, ctx) => [
      await ctx.interrupt('First?', { key: 'same' }),
      await ctx.interrupt('Second?', { key: 'same' }),
      await ctx.call(add, 1),
    ]);
    const whole = await execute(twice, { responses: { same: 'a' } });

    const { result } = await execute(twice, {
      store: await storeWith(whole.log, whole.log.entries.length),
      responses: { same: 'b' },
    });

    expect(whole.result.pauses).toMatchObject([{ key: 'same', value: 'Second?' }]);
    expect(result.answer).toEqual(['a', 'b', 2]);
  });

  test('of the same key at once are answered oldest first', async () => {
    const twice = node('twice', (_: unknown, ctx) =>
      Promise.all([1, 2].map((n) => ctx.interrupt(`${n}?`, { key: 'same' }))),
    );
    const whole = await execute(twice, { responses: { same: 'a' } });

    const { result } = await execute(twice, {
      store: await storeWith(whole.log, whole.log.entries.length),
      responses: { same: 'b' },
    });

    expect(result.answer).toEqual(['a', 'b']);
  });

  test('in nested bodies are asked again below them', async () => {
    const middle = node('middle', async (_: unknown, ctx) => [await ctx.call(asks), await ctx.call(add, 5)]);
    const root = node('root', (_: unknown, ctx) => ctx.call(middle));
    const whole = await execute(root);

    const { result } = await execute(root, {
      store: await storeAfter(whole.log, 'RunPause'),
      responses: { go: 'yes' },
    });

    expect(whole.result.pauses).toMatchObject([
      { key: 'go', node: 'asks', path: ['root', 'middle', 'asks'] },
    ]);
    expect(result.answer).toEqual([['yes', 3], 6]);
  });

  test('of a body in a graph have the keys that they had', async () => {
    const inGraph = node({
      name: 'inGraph',
      inputs: {},
      output: 'said',
      run: async (_, ctx) => [await ctx.call(add, 1), await ctx.interrupt('Go?', { key: 'go' })],
    });
    const inner = graph({ name: 'inner', nodes: [inGraph] });
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ namespace: true })] });
    const whole = await execute(outer, { input: {} });

    const { result } = await execute(outer, {
      store: await storeAfter(whole.log, 'RunPause'),
      responses: { 'inner.go': 'yes' },
    });

    expect(whole.result.pauses).toMatchObject([{ key: 'inner.go' }]);
    expect(result.outputs).toEqual({ 'inner.said': [2, 'yes'] });
  });
});

describe('a question with a schema', () => {
  const schema = z.coerce.number().min(10);
  const limited = node('limited', async (_: unknown, ctx) => {
    const amount = await ctx.interrupt('How much?', { key: 'amount', schema });
    return [amount, await ctx.call(add, amount)];
  });

  test('gives the parsed value after the crash too', async () => {
    const whole = await execute(limited, { responses: { amount: '12' } });

    const { result } = await execute(limited, { store: await storeAfter(whole.log, 'NodeStart add') });

    expect(result.answer).toEqual([12, 13]);
  });

  test('refuses the answer of a resume, and stays open', async () => {
    const whole = await execute(limited);
    await using runner = createRunner({ checkpointer: await storeAfter(whole.log, 'RunPause') });

    const error = await rejectionOf(runner.resume(limited, ID, { responses: { amount: 5 } }));
    const { answer } = await runner.resume(limited, ID, { responses: { amount: 15 } });

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(answer).toEqual([15, 16]);
  });

  test('does not check again what was accepted before', async () => {
    const whole = await execute(limited, { responses: { amount: '12' } });
    const stricter = node('limited', async (_: unknown, ctx) => {
      const amount = await ctx.interrupt('How much?', { key: 'amount', schema: z.number().min(100) });
      return [amount, await ctx.call(add, amount)];
    });

    const { result } = await execute(stricter, { store: await storeAfter(whole.log, 'NodeStart add') });

    expect(result.answer).toEqual([12, 13]);
  });
});

describe('an answer for a question that is not asked yet', () => {
  const late = node('late', async (_: unknown, ctx) => {
    const first = await ctx.interrupt('First?', { key: 'first' });
    return [first, await ctx.interrupt('Second?', { key: 'second' })];
  });

  test('is kept for it', async () => {
    const whole = await execute(late);

    const { result } = await execute(late, {
      way: 'resume',
      store: await storeAfter(whole.log, 'RunPause'),
      responses: { first: 1, second: 2 },
    });

    expect(result).toMatchObject({ status: 'completed', answer: [1, 2] });
  });

  test('is kept over a crash', async () => {
    const whole = await execute(late);
    const paused = await execute(late, {
      way: 'resume',
      store: await storeAfter(whole.log, 'RunPause'),
      responses: { second: 2 },
    });

    const { result } = await execute(late, {
      store: await storeWith(paused.log, paused.log.entries.length),
      responses: { first: 1 },
    });

    expect(paused.result.pauses).toMatchObject([{ key: 'first' }]);
    expect(labelsOf(paused.log)).toContain('AnswerKept');
    expect(result.answer).toEqual([1, 2]);
  });

  test('counts for one question only', async () => {
    const whole = await execute(late);
    const done = await execute(late, {
      way: 'resume',
      store: await storeAfter(whole.log, 'RunPause'),
      responses: { second: 2, first: 1 },
    });

    const kept = labelsOf(done.log).filter((label) => label === 'AnswerKept');
    const { result } = await execute(late, { store: await storeAfter(done.log, 'RequestSuccess late') });

    expect(kept).toHaveLength(1);
    expect(result.answer).toEqual([1, 2]);
  });
});

describe('a question that a handler answers', () => {
  test('is not asked of it again once it was answered', async () => {
    const asked: unknown[] = [];
    const handlers = {
      go: async (question: unknown) => {
        asked.push(question);
        return 'handled';
      },
    };
    const whole = await execute(asks, { interruptHandlers: handlers });

    const { result } = await execute(asks, {
      store: await storeAfter(whole.log, 'InterruptResolved asks'),
      interruptHandlers: handlers,
    });

    expect(result.answer).toEqual(['handled', 3]);
    expect(asked).toHaveLength(1);
  });

  test('is asked of it again where its answer was not recorded', async () => {
    const asked: unknown[] = [];
    const handlers = { go: (question: unknown) => Promise.resolve(asked.push(question)) };
    const whole = await execute(asks, { interruptHandlers: handlers });

    const { result } = await execute(asks, {
      store: await storeAfter(whole.log, 'Interrupt asks'),
      interruptHandlers: handlers,
    });

    expect(result.answer).toEqual([2, 3]);
  });

  test('gives the failure of the handler again', async () => {
    const tells = node('tells', async (_: unknown, ctx) => {
      const said = await ctx.interrupt('Go?', { key: 'go' }).catch((error: unknown) => error);
      await ctx.call(add, 1);
      return [said instanceof RangeError, (said as Error).message];
    });
    const whole = await execute(tells, {
      interruptHandlers: { go: () => Promise.reject(new RangeError('asleep')) },
    });

    const { result } = await execute(tells, { store: await storeAfter(whole.log, 'NodeStart add') });

    expect(result.answer).toEqual([true, 'asleep']);
  });
});

test('a question asked while another call runs does not hold that up, before and after a crash', async () => {
  const root = node('root', (_: unknown, ctx) =>
    Promise.all([ctx.interrupt('Go?', { key: 'go' }), ctx.call(add, 1), ctx.call(add, 2)]),
  );
  const whole = await execute(root);
  notes.take();

  const { result } = await execute(root, {
    way: 'resume',
    store: await storeAfter(whole.log, 'RequestSuccess add'),
  });

  expect(result.status).toBe('paused');
  expect(notes.take()).toEqual(['add 2']);
});

test('a code that asks another question at the place goes another way', async () => {
  const asking = (key: string) =>
    node('root', async (_: unknown, ctx) => {
      const said = await ctx.interrupt(`${key}?`, { key });
      return [said, await ctx.call(add, 1)];
    });
  const whole = await execute(asking('old'), { responses: { old: 'yes' } });
  notes.take();
  const store = await storeAfter(whole.log, 'NodeStart add');
  const before = await logIn(store);

  const { result, log } = await execute(asking('new'), { store });

  expect(result.error).toMatchObject({ code: 'GRAPH_CHANGED' });
  expect(log.entries).toEqual(before.entries);
  expect(notes.take()).toEqual([]);
});

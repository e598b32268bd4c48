import { callBatch, call, callSync, createRunner, input, node, type Node, type NodeContext } from 'troupe';
import { describe, expect, test } from 'vitest';
import { stepsOf, unendedOf } from '../support/forest.ts';
import { execute, labelsOf, Notes, storeAfter, storeWith } from './call-crash.ts';

const notes = new Notes();
const keys: string[] = [];
const watch = (name: string, { idempotencyKey }: NodeContext): void => {
  notes.add(name);
  keys.push(`${name} ${idempotencyKey}`);
};
const add = node('add', async (n: number, ctx) => {
  watch(`add ${n}`, ctx);
  return n + 1;
});
const double = node('double', async (n: number, ctx) => {
  watch(`double ${n}`, ctx);
  return n * 2;
});
const plus = node({
  name: 'plus',
  inputs: { a: input<number>(), b: input(10) },
  run: ({ a, b }, ctx) => {
    watch(`plus ${a} ${b}`, ctx);
    return a + b;
  },
});

describe('a body that calls one after the other', () => {
  const chain = node('chain', async (n: number, ctx) => {
    watch('chain', ctx);
    return ctx.call(double, await ctx.call(add, n));
  });

  test('gets what a call returned before the crash, and goes on from there', async () => {
    const whole = await execute(chain, { input: 1 });
    notes.take();

    const { result } = await execute(chain, { store: await storeAfter(whole.log, 'RequestSuccess add') });

    expect(result).toMatchObject({ status: 'completed', answer: 4 });
    expect(notes.take()).toEqual(['chain', 'double 2']);
  });

  test('runs what was in flight again, under the key that it had', async () => {
    keys.length = 0;
    const whole = await execute(chain, { input: 1 });
    const before = keys.splice(0);

    await execute(chain, { store: await storeAfter(whole.log, 'NodeStart double') });

    expect(keys).toEqual(before.filter((key) => !key.startsWith('add')));
  });

  test('calls nothing again when only its own end is missing', async () => {
    const whole = await execute(chain, { input: 1 });
    notes.take();

    const { result } = await execute(chain, { store: await storeAfter(whole.log, 'RequestSuccess double') });

    expect(result.answer).toBe(4);
    expect(notes.take()).toEqual(['chain']);
  });

  test('has all its requests in one history, and the stamps of each', async () => {
    const whole = await execute(chain, { input: 1 });

    const { result } = await execute(chain, { store: await storeAfter(whole.log, 'NodeStart double') });

    expect(Array.from(result.info.requests, ({ nodeName }) => nodeName)).toEqual(['chain', 'add', 'double']);
    expect(unendedOf(result.info)).toEqual([]);
    expect(stepsOf(result.info).steps).toEqual(stepsOf(result.info).lawful);
  });

  test('keeps its run id over a resume', async () => {
    const whole = await execute(chain, { input: 1 });

    const { result } = await execute(chain, { way: 'resume', store: await storeWith(whole.log, 4) });

    expect(result.runId).toBe(whole.result.runId);
    expect(result.workflowId).toBe('workflow');
  });

  test('adds to the log and changes nothing in it', async () => {
    const whole = await execute(chain, { input: 1 });
    const store = await storeAfter(whole.log, 'NodeStart double');
    const before = (await store.read('workflow'))?.entries ?? [];

    const { log } = await execute(chain, { store });

    expect(log.entries.slice(0, before.length)).toEqual(before);
    const added = labelsOf(log).slice(before.length);
    expect(added.filter((label) => !label.startsWith('NodeStart'))).toEqual([
      'RunContinue',
      'RequestSuccess double',
      'RequestSuccess chain',
      'RunEnd',
    ]);
  });

  test('that has begun nothing yet begins with the input that is on record', async () => {
    const whole = await execute(chain, { input: 5 });
    notes.take();

    const { result } = await execute(chain, { way: 'resume', store: await storeWith(whole.log, 1) });

    expect(result.answer).toBe(12);
    expect(notes.take()).toEqual(['chain', 'add 5', 'double 6']);
  });

  test('gets a copy of a result, so that changing it changes no record', async () => {
    const list = node('list', () => [1]);
    const grows = node('grows', async (_: unknown, ctx) => {
      const items = await ctx.call(list);
      items.push(2);
      return ctx.call(add, items.length);
    });
    const whole = await execute(grows);
    const store = await storeAfter(whole.log, 'NodeStart add');

    const { result } = await execute(grows, { store });

    const record = [...result.info.requests].find(({ nodeName }) => nodeName === 'list');
    expect(record?.output).toEqual([1]);
    expect(result.answer).toBe(3);
  });

  test('calls the same node many times, each at its place', async () => {
    const counts = node('counts', async (_: unknown, ctx) => {
      const seen: number[] = [];
      for (let n = 0; n < 5; n += 1) seen.push(await ctx.call(add, n));
      return seen;
    });
    const whole = await execute(counts);
    notes.take();

    const { result } = await execute(counts, { store: await storeAfter(whole.log, 'RequestSuccess add', 3) });

    expect(result.answer).toEqual([1, 2, 3, 4, 5]);
    expect(notes.take()).toEqual(['add 3', 'add 4']);
  });

  test('may use the ambient functions', async () => {
    const ambient = node('ambient', async () => {
      const first = await call(add, 1);
      const second = callSync(plus, { a: first });
      const [third] = await callBatch(double, [second]);
      return [first, second, third];
    });
    const whole = await execute(ambient);
    notes.take();

    const { result } = await execute(ambient, { store: await storeAfter(whole.log, 'RequestSuccess plus') });

    expect(result.answer).toEqual([2, 12, 24]);
    expect(notes.take()).toEqual(['double 12']);
  });
});

describe('a body that calls several at once', () => {
  test('gets from Promise.all what had ended, and what runs now', async () => {
    const both = node('both', (_: unknown, ctx) =>
      Promise.all([ctx.call(add, 1), ctx.call(double, 1), ctx.call(add, 2)]),
    );
    const whole = await execute(both);
    notes.take();

    const { result } = await execute(both, { store: await storeAfter(whole.log, 'RequestSuccess double') });

    expect(result.answer).toEqual([2, 2, 3]);
    expect(notes.take()).toEqual(['add 2']);
  });

  test('gets the same winner of a race that was decided', async () => {
    const winners: string[] = [];
    const named = (name: string, turns: () => number) =>
      node(name, async () => {
        for (let turn = 0; turn < turns(); turn += 1) await new Promise((resolve) => setImmediate(resolve));
        return name;
      });
    let isFirst = true;
    const hare = named('hare', () => (isFirst ? 1 : 30));
    const snail = named('snail', () => (isFirst ? 30 : 1));
    const race = node('race', async (_: unknown, ctx) => {
      const winner = await Promise.race([ctx.call(snail), ctx.call(hare)]);
      winners.push(winner);
      return ctx.call(named('prize', () => 0)).then(() => winner);
    });
    const whole = await execute(race);
    isFirst = false;

    const { result } = await execute(race, { store: await storeAfter(whole.log, 'RequestSuccess hare') });

    expect(winners).toEqual(['hare', 'hare']);
    expect(result.answer).toBe('hare');
  });

  test('gets results in the order in which they came, whatever the order of the calls', async () => {
    const order: number[] = [];
    const late = node('late', async (turns: number) => {
      for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      return turns;
    });
    const lists = node('lists', async (_: unknown, ctx) => {
      const seen: number[] = [];
      await Promise.all([9, 1, 5].map(async (turns) => seen.push(await ctx.call(late, turns))));
      order.push(...seen);
      return ctx.call(add, seen.length);
    });
    const whole = await execute(lists);
    const before = order.splice(0);

    await execute(lists, { store: await storeAfter(whole.log, 'NodeStart add') });

    expect(before).toEqual([1, 5, 9]);
    expect(order).toEqual(before);
  });

  test('gets from callBatch what had ended, and runs the rest', async () => {
    const batch = node('batch', (_: unknown, ctx) => ctx.callBatch(plus, [1, 2, 3], [4, 5, 6]));
    const whole = await execute(batch);
    notes.take();

    const { result } = await execute(batch, { store: await storeAfter(whole.log, 'RequestSuccess plus', 2) });

    expect(result.answer).toEqual([5, 7, 9]);
    expect(notes.take()).toEqual(['plus 3 6']);
  });

  test('puts errors that are on record into their places of a batch', async () => {
    const odd = node('odd', async (n: number, ctx) => {
      watch(`odd ${n}`, ctx);
      if (n % 2 === 0) throw new RangeError(`${n} is even`);
      return n;
    });
    const batch = node('batch', (_: unknown, ctx) => ctx.callBatch(odd, [1, 2, 3], { onError: 'return' }));
    const tells = node('tells', async (_: unknown, ctx) =>
      (await ctx.call(batch)).map((each) => (each instanceof RangeError ? each.message : each)),
    );
    const whole = await execute(tells);
    notes.take();

    const { result } = await execute(tells, { store: await storeAfter(whole.log, 'RequestFailure odd') });

    expect(result.answer).toEqual([1, '2 is even', 3]);
    expect(notes.take()).toEqual(['odd 3']);
  });

  test('gets from callSync what had ended', async () => {
    const sync = node('sync', (_: unknown, ctx) => {
      const first = ctx.callSync(plus, { a: 1 });
      return ctx.callSync(plus, { a: first, b: 1 });
    });
    const asks = node('asks', async (_: unknown, ctx) => ctx.call(add, await ctx.call(sync)));
    const whole = await execute(asks);
    notes.take();

    const { result } = await execute(asks, { store: await storeAfter(whole.log, 'RequestSuccess plus') });

    expect(result.answer).toBe(13);
    expect(notes.take()).toEqual(['plus 11 1', 'add 12']);
  });
});

describe('bodies that call bodies that call', () => {
  const middle = node('middle', async (n: number, ctx) => {
    watch(`middle ${n}`, ctx);
    return ctx.call(double, await ctx.call(add, n));
  });
  const outer = node('outer', async (n: number, ctx) => {
    watch('outer', ctx);
    return (await ctx.call(middle, n)) + (await ctx.call(middle, n + 1));
  });

  test('go on at every level at once', async () => {
    const whole = await execute(outer, { input: 1 });
    notes.take();

    const { result } = await execute(outer, { store: await storeAfter(whole.log, 'RequestSuccess add', 2) });

    expect(result.answer).toBe(10);
    expect(notes.take()).toEqual(['outer', 'middle 2', 'double 3']);
  });

  test('do not enter what had ended', async () => {
    const whole = await execute(outer, { input: 1 });
    notes.take();

    await execute(outer, { store: await storeAfter(whole.log, 'RequestSuccess middle', 2) });

    expect(notes.take()).toEqual(['outer']);
  });

  test('go on from a crash after a crash', async () => {
    const whole = await execute(outer, { input: 1 });
    const once = await execute(outer, { store: await storeAfter(whole.log, 'RequestSuccess middle') });
    notes.take();

    const twice = await execute(outer, { store: await storeAfter(once.log, 'RequestSuccess add', 2) });

    expect(twice.result.answer).toBe(10);
    expect(notes.take()).toEqual(['outer', 'middle 2', 'double 3']);
  });

  test('that call themselves go on where they were', async () => {
    const depth: Node<number, number> = node('depth', async (n: number, ctx) => {
      watch(`depth ${n}`, ctx);
      return n === 0 ? 0 : 1 + (await ctx.call(depth, n - 1));
    });
    const whole = await execute(depth, { input: 40 });
    notes.take();

    const { result } = await execute(depth, {
      store: await storeAfter(whole.log, 'RequestSuccess depth', 20),
    });

    expect(result.answer).toBe(40);
    expect(notes.take()).toHaveLength(21);
  });
});

describe('the events of a workflow that goes on', () => {
  test('are numbered from 0 again, and tell nothing of what had ended', async () => {
    const chain = node('chain', async (n: number, ctx) => ctx.call(double, await ctx.call(add, n)));
    const whole = await execute(chain, { input: 1 });

    const { events } = await execute(chain, { store: await storeAfter(whole.log, 'RequestSuccess add') });

    expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
    expect(events.filter((event) => 'nodeName' in event && event.nodeName === 'add')).toEqual([]);
    expect([events[0]?.type, events.at(-1)?.type]).toEqual(['RunStart', 'RunEnd']);
  });

  test('carry the workflow id and the run id that it began with', async () => {
    const chain = node('chain', (n: number, ctx) => ctx.call(add, n));
    const whole = await execute(chain, { input: 1 });

    const { events } = await execute(chain, { store: await storeAfter(whole.log, 'NodeStart add') });

    for (const { runId, workflowId } of events)
      expect([runId, workflowId]).toEqual([whole.result.runId, 'workflow']);
  });
});

test('a workflow that goes on gives bodies its ids', async () => {
  const seen: unknown[] = [];
  const tells = node('tells', async (_: unknown, { runId, workflowId, requestId, attempt }) => {
    seen.push([runId, workflowId, requestId, attempt]);
  });
  const whole = await execute(tells);

  await execute(tells, { store: await storeAfter(whole.log, 'NodeStart tells') });

  expect(seen[1]).toEqual(seen[0]);
});

test('a runner in which another workflow runs replays all the same', async () => {
  const chain = node('chain', async (n: number, ctx) => ctx.call(double, await ctx.call(add, n)));
  const whole = await execute(chain, { input: 1 });
  const store = await storeAfter(whole.log, 'RequestSuccess add');
  await using runner = createRunner({ checkpointer: store });

  const [other, same] = await Promise.all([
    runner.run(chain, 7, { workflowId: 'other' }),
    runner.resume(chain, 'workflow'),
  ]);

  expect([other.answer, same.answer]).toEqual([16, 4]);
});

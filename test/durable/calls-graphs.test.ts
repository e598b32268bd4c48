import { END, graph, ifElse, input, interrupt, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { stepsOf, unendedOf } from '../support/forest.ts';
import { execute, labelsOf, Notes, storeAfter, storeWith } from './call-crash.ts';

const notes = new Notes();
const noted =
  <Input, Output>(name: string, body: (given: Input) => Output) =>
  (given: Input): Output => {
    notes.add(name);
    return body(given);
  };
const add = node({
  name: 'add',
  inputs: { n: input<number>() },
  output: 'more',
  run: noted('add', ({ n }) => n + 1),
});
const double = node({
  name: 'double',
  inputs: { more: input<number>() },
  output: 'twice',
  run: noted('double', ({ more }) => more * 2),
});
const sums = graph({ name: 'sums', nodes: [add, double] });
const last = node('last', async (value: unknown) => {
  notes.add('last');
  return value;
});

describe('a body that calls a graph', () => {
  const root = node('root', async (n: number, ctx) => {
    notes.add('root');
    const { twice } = await ctx.call(sums, { n });
    return ctx.call(last, twice);
  });

  test('gets its outputs where it had ended', async () => {
    const whole = await execute(root, { input: 1 });
    notes.take();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess sums') });

    expect(result.answer).toBe(4);
    expect(notes.take()).toEqual(['root', 'last']);
  });

  test('goes on inside of it where it had not', async () => {
    const whole = await execute(root, { input: 1 });
    notes.take();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess add') });

    expect(result.answer).toBe(4);
    expect(notes.take()).toEqual(['root', 'double', 'last']);
  });

  test('calls the same graph many times, each at its place', async () => {
    const many = node('many', async (_: unknown, ctx) =>
      Promise.all([1, 2, 3].map(async (n) => (await ctx.call(sums, { n })).twice)),
    );
    const whole = await execute(many);
    notes.take();

    const { result } = await execute(many, { store: await storeAfter(whole.log, 'RequestSuccess add', 2) });

    expect(result.answer).toEqual([4, 6, 8]);
    expect(notes.take().toSorted()).toEqual(['add', 'double', 'double', 'double']);
  });

  test('handles the failure of the graph once more, and nothing of it runs again', async () => {
    const fails = node({
      name: 'fails',
      inputs: { more: input<number>() },
      output: 'none',
      run: noted('fails', (): number => {
        throw new RangeError('no');
      }),
    });
    const failing = graph({ name: 'failing', nodes: [add, fails] });
    const handles = node('handles', async (_: unknown, ctx) => {
      const said = await ctx.call(failing, { n: 1 }).catch((error: unknown) => error);
      return [said instanceof RangeError, await ctx.call(last, 1)];
    });
    const whole = await execute(handles);
    notes.take();

    const { result } = await execute(handles, { store: await storeAfter(whole.log, 'NodeStart last') });

    expect(result.answer).toEqual([true, 1]);
    expect(notes.take()).toEqual(['last']);
  });

  test('goes on in a loop of the graph, in the round in which it was', async () => {
    const inc = node({
      name: 'inc',
      inputs: { count: input<number>() },
      output: 'count',
      run: noted('inc', ({ count }) => count + 1),
    });
    const again = route({
      name: 'again',
      inputs: { count: input<number>() },
      targets: ['inc', END],
      run: ({ count }) => (count < 5 ? 'inc' : END),
    });
    const loop = graph({ name: 'loop', nodes: [inc, again] });
    const looping = node('looping', async (_: unknown, ctx) => (await ctx.call(loop, { count: 0 })).count);
    const whole = await execute(looping);
    notes.take();

    const { result } = await execute(looping, {
      store: await storeAfter(whole.log, 'RequestSuccess inc', 3),
    });

    expect(result.answer).toBe(5);
    expect(notes.take()).toEqual(['inc', 'inc']);
  });

  test('is asked what the graph asks, and goes on with the answer', async () => {
    const ask = interrupt({
      name: 'ask',
      inputs: { more: input<number>() },
      response: 'said',
      run: ({ more }) => `${more}?`,
    });
    const asking = graph({ name: 'asking', nodes: [add, ask] });
    const asks = node('asks', async (_: unknown, ctx) => (await ctx.call(asking, { n: 1 })).said);
    const whole = await execute(asks);
    notes.take();

    const { result } = await execute(asks, {
      store: await storeAfter(whole.log, 'RunPause'),
      responses: { said: 'yes' },
    });

    expect(whole.result.pauses).toMatchObject([{ key: 'said', value: '2?' }]);
    expect(result.answer).toBe('yes');
    expect(notes.take()).toEqual([]);
  });

  test('goes on in the items of a mapped graph that had not ended', async () => {
    const mapped = graph({ name: 'mapped', nodes: [sums.asNode({ name: 'each', mapOver: 'n' })] });
    const maps = node('maps', async (_: unknown, ctx) => (await ctx.call(mapped, { n: [1, 2, 3] })).twice);
    const whole = await execute(maps);
    notes.take();

    const { result } = await execute(maps, {
      store: await storeAfter(whole.log, 'RequestSuccess double', 2),
    });

    expect(result.answer).toEqual([4, 6, 8]);
    expect(notes.take()).not.toContain('add');
  });

  test('may change a body of the graph, and goes on with what is changed', async () => {
    const whole = await execute(root, { input: 1 });
    const tenfold = node({
      name: 'double',
      inputs: { more: input<number>() },
      output: 'twice',
      run: ({ more }) => more * 10,
    });
    const changed = graph({ name: 'sums', nodes: [add, tenfold] });

    const { result } = await execute(
      node('root', async (n: number, ctx) => ctx.call(last, (await ctx.call(changed, { n })).twice)),
      { store: await storeAfter(whole.log, 'RequestSuccess add') },
    );

    expect(result.answer).toBe(20);
  });

  test('is refused when the graph has lost a node that had run', async () => {
    const whole = await execute(root, { input: 1 });
    const store = await storeAfter(whole.log, 'RequestSuccess add');
    const before = await store.read('workflow');
    const other = node({
      name: 'other',
      inputs: { n: input<number>() },
      output: 'twice',
      run: noted('other', ({ n }) => n),
    });
    notes.take();

    const { result, log } = await execute(
      node('root', async (n: number, ctx) =>
        ctx.call(last, (await ctx.call(graph({ name: 'sums', nodes: [other] }), { n })).twice),
      ),
      { store },
    );

    expect(result.error).toMatchObject({ code: 'GRAPH_CHANGED' });
    expect(log.entries).toEqual(before?.entries);
    expect(notes.take()).toEqual([]);
  });
});

describe('a graph whose bodies call', () => {
  const helper = node('helper', async (n: number) => {
    notes.add(`helper ${n}`);
    return n * 10;
  });
  const calls = node({
    name: 'calls',
    inputs: { more: input<number>() },
    output: 'list',
    run: async ({ more }, ctx) => {
      notes.add('calls');
      return [await ctx.call(helper, more), await ctx.call(helper, more + 1)];
    },
  });
  const total = node({
    name: 'total',
    inputs: { list: input<number[]>() },
    output: 'sum',
    run: noted('total', ({ list }) => list.reduce((sum, each) => sum + each, 0)),
  });
  const whole = graph({ name: 'whole', nodes: [add, calls, total] });

  test('goes on in the body that was calling', async () => {
    const before = await execute(whole, { input: { n: 1 } });
    notes.take();

    const { result } = await execute(whole, { store: await storeAfter(before.log, 'RequestSuccess helper') });

    expect(result.outputs).toEqual({ sum: 50 });
    expect(notes.take()).toEqual(['calls', 'helper 3', 'total']);
  });

  test('does not run that body again once it has ended', async () => {
    const before = await execute(whole, { input: { n: 1 } });
    notes.take();

    await execute(whole, { store: await storeAfter(before.log, 'RequestSuccess calls') });

    expect(notes.take()).toEqual(['total']);
  });

  test('goes on in several of them at once', async () => {
    const left = node({
      name: 'left',
      inputs: { n: input<number>() },
      output: 'l',
      run: async ({ n }, ctx) => [await ctx.call(helper, n), await ctx.call(helper, n + 1)],
    });
    const right = node({
      name: 'right',
      inputs: { n: input<number>() },
      output: 'r',
      run: async ({ n }, ctx) => ctx.callBatch(helper, [n + 5, n + 6]),
    });
    const both = graph({ name: 'both', nodes: [left, right] });
    const before = await execute(both, { input: { n: 1 } });
    const labels = labelsOf(before.log);
    const firstOf = labels.indexOf('RequestSuccess helper');

    for (let at = firstOf; at < labels.length - 1; at += 1) {
      const { result } = await execute(both, { store: await storeWith(before.log, at) });
      expect(result.outputs).toEqual({ l: [10, 20], r: [60, 70] });
      expect(unendedOf(result.info)).toEqual([]);
      expect(stepsOf(result.info).steps).toEqual(stepsOf(result.info).lawful);
    }
  });

  test('that a body calls in turn goes on at every level', async () => {
    const outer = node('outer', async (n: number, ctx) => (await ctx.call(whole, { n })).sum);
    const before = await execute(outer, { input: 1 });
    notes.take();

    const { result } = await execute(outer, { store: await storeAfter(before.log, 'RequestSuccess helper') });

    expect(result.answer).toBe(50);
    expect(notes.take()).toEqual(['calls', 'helper 3', 'total']);
  });

  test('takes the same way at a gate', async () => {
    let isOpen = true;
    const choose = ifElse({
      name: 'choose',
      inputs: { more: input<number>() },
      then: 'calls',
      else: 'instead',
      run: () => isOpen,
    });
    const instead = node({
      name: 'instead',
      inputs: { more: input<number>() },
      output: 'list',
      run: noted('instead', (): number[] => [0]),
    });
    const gated = graph({ name: 'gated', nodes: [add, choose, calls, instead, total] });
    const before = await execute(gated, { input: { n: 1 } });
    notes.take();
    isOpen = false;

    const { result } = await execute(gated, { store: await storeAfter(before.log, 'RequestSuccess helper') });

    expect(result.outputs).toEqual({ sum: 50 });
    expect(notes.take()).toEqual(['calls', 'helper 3', 'total']);
  });
});

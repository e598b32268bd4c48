import {
  createRunner,
  END,
  graph,
  ifElse,
  input,
  interrupt,
  node,
  route,
  type AnyNode,
  type Target,
} from 'troupe';
import type { LogMessage } from 'troupe/checkpoint';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { execute, ID, logIn, Notes, storeAfter } from './call-crash.ts';

const notes = new Notes();
const double = node({
  name: 'double',
  inputs: { n: input<number>() },
  output: 'twice',
  run: ({ n }) => {
    notes.add('double');
    return n * 2;
  },
});
const add = node({
  name: 'add',
  inputs: { twice: input<number>() },
  output: 'sum',
  run: ({ twice }) => {
    notes.add('add');
    return twice + 1;
  },
});
const other = node({
  name: 'other',
  inputs: { sum: input<number>() },
  output: 'last',
  run: ({ sum }) => sum,
});
const sums = graph({ name: 'sums', nodes: [double, add] });

/** What a workflow that crashed half-way says to another definition; and that it stays as it was, for the old one. */
async function refusalOf(
  old: Target,
  changed: Target,
  { given = { n: 1 }, after = 'RequestSuccess double' }: { given?: unknown; after?: string } = {},
): Promise<string> {
  const whole = await execute(old, { input: given });
  const store = await storeAfter(whole.log, after);
  const before = await logIn(store);
  notes.take();
  await using runner = createRunner({ checkpointer: store });

  const error = await rejectionOf(runner.resume(changed, ID));

  expect(error).toMatchObject({ code: 'GRAPH_CHANGED', hint: expect.stringMatching(/./) as string });
  expect(notes.take()).toEqual([]);
  expect((await logIn(store)).entries).toEqual(before.entries);
  expect((await runner.resume(old, ID)).status).toBe(whole.result.status);
  return (error as Error).message;
}

describe('a graph that was changed is refused', () => {
  test('with the name of the node that was added', async () => {
    const changed = graph({ name: 'sums', nodes: [double, add, other] });

    expect(await refusalOf(sums, changed)).toMatch(/"other" was added/u);
  });

  test('with the name of the node that was removed', async () => {
    const changed = graph({ name: 'sums', nodes: [double] });

    expect(await refusalOf(sums, changed)).toMatch(/"add" was removed/u);
  });

  test('with both names where a node was renamed', async () => {
    const plus = node({ name: 'plus', inputs: { twice: input<number>() }, output: 'sum', run: () => 1 });

    const message = await refusalOf(sums, graph({ name: 'sums', nodes: [double, plus] }));

    expect(message).toMatch(/"add" was removed/u);
    expect(message).toMatch(/"plus" was added/u);
  });

  test('with the inputs of a node that has others', async () => {
    const wider = node({
      name: 'add',
      inputs: { twice: input<number>(), more: input(1) },
      output: 'sum',
      run: ({ twice, more }) => twice + more,
    });

    expect(await refusalOf(sums, graph({ name: 'sums', nodes: [double, wider] }))).toMatch(/"add".*more/su);
  });

  test('with the outputs of a node that has others', async () => {
    const renamed = node({ name: 'add', inputs: { twice: input<number>() }, output: 'total', run: () => 1 });

    expect(await refusalOf(sums, graph({ name: 'sums', nodes: [double, renamed] }))).toMatch(
      /"add".*sum.*total/su,
    );
  });

  test('with the targets of a gate that has others', async () => {
    const gated = (targets: ['add', 'other'] | ['add', typeof END]): Target => {
      const choose = route({
        name: 'choose',
        inputs: { twice: input<number>() },
        targets: targets as ['add', 'other'],
        run: () => 'add' as const,
      });
      const orElse = node({
        name: 'other',
        inputs: { twice: input<number>() },
        output: 'last',
        run: () => 1,
      });
      return graph({ name: 'gated', nodes: [double, choose, add, orElse] }) as Target;
    };

    expect(await refusalOf(gated(['add', 'other']), gated(['add', END]))).toMatch(/"choose".*other/su);
  });

  test('with the kind of a node that is another', async () => {
    const asks = interrupt({
      name: 'add',
      inputs: { twice: input<number>() },
      response: 'sum',
      run: () => '?',
    });

    expect(await refusalOf(sums, graph({ name: 'sums', nodes: [double, asks] }))).toMatch(
      /"add".*node.*interrupt/su,
    );
  });

  test('with the path of a node inside a nested graph', async () => {
    const nest = (nodes: readonly AnyNode[]): Target => {
      const inner = graph({ name: 'inner', nodes });
      return graph({ name: 'outer', nodes: [inner.asNode()] as readonly AnyNode[] });
    };

    expect(await refusalOf(nest([double, add]), nest([double, add, other]))).toMatch(
      /"inner\.other" was added/u,
    );
  });

  test('with the edge that was added or removed', async () => {
    const a = node({ name: 'a', inputs: { n: input<number>() }, output: 'x', run: ({ n }) => n });
    const b = node({ name: 'b', inputs: { n: input<number>() }, output: 'y', run: ({ n }) => n });
    const before = graph({ name: 'two', nodes: [a, b], edges: [['a', 'b']] });
    const after = graph({ name: 'two', nodes: [a, b], edges: [['b', 'a']] });

    const message = await refusalOf(before, after, { after: 'RequestSuccess a' });

    expect(message).toMatch(/a -> b.*removed/su);
    expect(message).toMatch(/b -> a.*added/su);
  });

  test('under another name', async () => {
    expect(await refusalOf(sums, graph({ name: 'others', nodes: [double, add] }))).toMatch(
      /"sums" is now "others"/u,
    );
  });

  test('when it is no graph any more', async () => {
    expect(
      await refusalOf(
        sums,
        node('sums', async () => 1),
      ),
    ).toMatch(/./u);
  });

  test.each(['run', 'resume', 'retry'] as const)('by %s', async (way) => {
    const whole = await execute(sums, { input: { n: 1 } });
    const store = await storeAfter(whole.log, 'RequestSuccess double');
    const changed = graph({ name: 'sums', nodes: [double] });

    const error = await rejectionOf(execute(changed, { way, store, input: { n: 1 } }));

    expect(error).toMatchObject({ code: 'GRAPH_CHANGED' });
  });
});

describe('a graph that is no other', () => {
  /** The answer of a workflow that crashed half-way and goes on with another definition. */
  async function goOnWith(changed: Target) {
    const whole = await execute(sums, { input: { n: 1 } });
    notes.take();
    return execute(changed, { store: await storeAfter(whole.log, 'RequestSuccess double') });
  }

  test('may have its nodes in another order', async () => {
    const { result } = await goOnWith(graph({ name: 'sums', nodes: [add, double] }));

    expect(result.outputs).toEqual({ sum: 3 });
    expect(notes.take()).toEqual(['add']);
  });

  test('may have other values bound', async () => {
    const whole = await execute(sums.bind({ n: 1 }), { input: {} });
    const store = await storeAfter(whole.log, 'RequestSuccess double');

    const { result } = await execute(sums.bind({ n: 50 }), { store });

    expect(result.outputs).toEqual({ sum: 3 });
  });

  test('may have other bodies, which run from there on', async () => {
    const { result } = await goOnWith(
      graph({
        name: 'sums',
        nodes: [
          double,
          node({
            name: 'add',
            inputs: { twice: input<number>() },
            output: 'sum',
            run: ({ twice }) => twice * 100,
          }),
        ],
      }),
    );

    expect(result.outputs).toEqual({ sum: 200 });
  });

  test('may have other policies', async () => {
    const { result } = await goOnWith(
      graph({
        name: 'sums',
        nodes: [
          double,
          node({
            name: 'add',
            inputs: { twice: input<number>() },
            output: 'sum',
            run: ({ twice }) => twice + 1,
            retry: { maxAttempts: 5, delay: 0 },
            timeout: 60_000,
          }),
        ],
      }),
    );

    expect(result.outputs).toEqual({ sum: 3 });
  });

  test('has on record by which bodies it went on', async () => {
    const changed = graph({
      name: 'sums',
      nodes: [
        double,
        node({ name: 'add', inputs: { twice: input<number>() }, output: 'sum', run: ({ twice }) => twice }),
      ],
    });

    const [same, otherwise] = [await goOnWith(sums), await goOnWith(changed)];

    expect(definitionsIn(same.log.history)).toEqual([sums.hash.definition, sums.hash.definition]);
    expect(definitionsIn(otherwise.log.history)).toEqual([sums.hash.definition, changed.hash.definition]);
    expect(changed.hash.definition).not.toBe(sums.hash.definition);
    expect(changed.hash.structure).toBe(sums.hash.structure);
  });

  test('may have a gate whose body decides otherwise, for what it has not decided', async () => {
    const gate = (isThen: boolean) =>
      ifElse({
        name: 'choose',
        inputs: { twice: input<number>() },
        then: 'add',
        else: 'instead',
        run: () => isThen,
      });
    const instead = node({
      name: 'instead',
      inputs: { twice: input<number>() },
      output: 'sum',
      run: () => {
        notes.add('instead');
        return 0;
      },
    });
    const gated = (isThen: boolean) => graph({ name: 'gated', nodes: [double, gate(isThen), add, instead] });
    const whole = await execute(gated(true), { input: { n: 1 } });
    notes.take();

    const undecided = await execute(gated(false), {
      store: await storeAfter(whole.log, 'RequestSuccess double'),
    });
    const decided = await execute(gated(false), {
      store: await storeAfter(whole.log, 'RequestSuccess choose'),
    });

    expect(undecided.result.outputs).toEqual({ sum: 0 });
    expect(decided.result.outputs).toEqual({ sum: 3 });
    expect(notes.take()).toEqual(['instead', 'add']);
  });
});

/** The bodies by which a workflow began, and went on. */
function definitionsIn(history: readonly LogMessage[]): unknown[] {
  return history.flatMap((message) => {
    if (message.type === 'RunStart') return [message.durable?.definition];
    return message.type === 'RunContinue' ? [message.definition] : [];
  });
}

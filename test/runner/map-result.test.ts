import { Table, tableFromIPC, tableToIPC } from 'apache-arrow';
import { createRunner, graph, input, InvalidInputError, node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { rejectionOf, thrownBy } from '../support/deferred.ts';

const boom = new Error('boom');

/** Does what its item says. */
const act = node({
  name: 'act',
  inputs: { what: input<'complete' | 'fail' | 'ask' | 'cancel'>() },
  output: 'done',
  run: async ({ what }, ctx): Promise<string> => {
    if (what === 'fail') throw boom;
    if (what === 'ask') return ctx.interrupt<string>('?', { key: 'answer' });
    if (what === 'cancel') runner.cancel(ctx.runId, 'enough');
    return Promise.resolve(what);
  },
});
const runner = createRunner();

describe('the status of a map', () => {
  test.each([
    [[], 'completed'],
    [['complete', 'complete'], 'completed'],
    [['complete', 'fail'], 'partial'],
    [['fail', 'fail'], 'failed'],
    [['complete', 'ask'], 'paused'],
    [['ask', 'fail'], 'failed'],
    [['complete', 'ask', 'fail'], 'partial'],
    [['complete', 'cancel'], 'partial'],
    [['cancel', 'cancel'], 'cancelled'],
    [['cancel', 'ask'], 'paused'],
  ] as const)('of items that %j is %s', async (what, status) => {
    const results = await runner.map(act, { what }, { over: 'what', onError: 'continue' });

    expect(results.status).toBe(status);
  });
});

describe('a map’s results', () => {
  const mapping = runner.map(act, { what: ['complete', 'fail'] }, { over: 'what', onError: 'continue' });

  test('are an array', async () => {
    const results = await mapping;
    const [first, second] = results;

    expect(results).toHaveLength(2);
    expect(results.at(-1)).toBe(second);
    expect(results[0]).toBe(first);
    expect(Array.isArray(results)).toBe(true);
  });

  test('have the methods of an array, which make plain ones', async () => {
    const results = await mapping;

    const statuses = results.map(({ status }) => status);

    expect(statuses).toEqual(['completed', 'failed']);
    expect(statuses.constructor).toBe(Array);
    expect(results.filter(({ status }) => status === 'failed')).toHaveLength(1);
  });

  test('cannot be changed', async () => {
    const results = await mapping;

    expect(() => (results as unknown as unknown[]).push(1)).toThrow(TypeError);
    expect(results).toHaveLength(2);
  });

  test('tell the failures by their places', async () => {
    const results = await mapping;

    expect(results.failures).toEqual([{ index: 1, error: boom, result: results[1] }]);
    expect(results.failures[0]?.error).toBe(boom);
  });

  test('give an output as a column, undefined where it was not produced', async () => {
    expect((await mapping).column('done')).toEqual(['complete', undefined]);
  });

  test('refuse a column of no output, and suggest one', async () => {
    const results = await mapping;

    const error = thrownBy(() => results.column('dome' as 'done'));

    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error).toMatchObject({ code: 'INVALID_INPUT', hint: 'Did you mean "done"?' });
  });

  test('of a graph give what a failed item produced', async () => {
    const one = node({ name: 'one', inputs: { n: input<number>() }, output: 'first', run: ({ n }) => n });
    const two = node({
      name: 'two',
      inputs: { n: input<number>() },
      output: 'second',
      run: (): number => {
        throw boom;
      },
    });
    const both = graph({ name: 'both', nodes: [one, two] });

    const results = await createRunner().map(both, { n: [1] }, { over: 'n', onError: 'continue' });

    expect([results.column('first'), results.column('second')]).toEqual([[1], [undefined]]);
  });
});

describe('toTable', () => {
  const give = node({
    name: 'give',
    inputs: { value: input<unknown>() },
    outputs: ['value', 'index'],
    run: ({ value }) => {
      if (value === boom) throw boom;
      return { value, index: 7 };
    },
  });

  const tableOf = async (value: readonly unknown[]): Promise<Table> => {
    const results = await runner.map(give, { value }, { over: 'value', onError: 'continue' });
    return results.toTable<Table>();
  };

  test('has a column for each output and a row for each item', async () => {
    const table = await tableOf([1, 2, 3]);

    expect(table.schema.fields.map(({ name }) => name)).toEqual(['value', 'index']);
    expect(table.numRows).toBe(3);
    expect([...(table.getChild('value') ?? [])]).toEqual([1, 2, 3]);
  });

  test('has null for what was not produced', async () => {
    const table = await tableOf([1, boom, 3]);

    expect([...(table.getChild('value') ?? [])]).toEqual([1, null, 3]);
    expect([...(table.getChild('index') ?? [])]).toEqual([7, null, 7]);
  });

  test.each([
    ['texts', ['a', 'b'], 'Utf8'],
    ['numbers', [1, 2.5], 'Float64'],
    ['booleans', [true, false], 'Bool'],
    ['big integers', [1n, 2n], 'Int64'],
    ['lists of numbers', [[1], [2, 3]], 'List<Float64>'],
    ['objects', [{ a: 1 }, { a: 2 }], 'Struct<{a:Float64}>'],
    ['nothing', [undefined, null], 'Null'],
    ['several types', [1, 'a'], 'Utf8'],
    ['instances', [new Map([['a', 1]])], 'Utf8'],
  ])('has Arrow’s own type for %s', async (_, values, type) => {
    const table = await tableOf(values);

    expect(String(table.schema.fields[0]?.type)).toBe(type);
  });

  test('writes as JSON what Arrow has no type for', async () => {
    const table = await tableOf([1, 'a', { b: [2] }]);

    expect([...(table.getChild('value') ?? [])]).toEqual(['1', 'a', '{"b":[2]}']);
  });

  test('is a table that the functions of the package take', async () => {
    const table = await tableOf([1, 2]);

    const copy = tableFromIPC(tableToIPC(table));

    expect(table).toBeInstanceOf(Table);
    expect([...(copy.getChild('value') ?? [])]).toEqual([1, 2]);
  });

  test('of no items is a table without rows', async () => {
    const table = await tableOf([]);

    expect(table.numRows).toBe(0);
    expect(table.schema.fields).toHaveLength(2);
  });
});

test('a map that rejects gives the very error, not a result', async () => {
  expect(await rejectionOf(runner.map(act, { what: ['fail'] }, { over: 'what' }))).toBe(boom);
});

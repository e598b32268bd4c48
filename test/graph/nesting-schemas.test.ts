import { createRunner, graph, node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { rejectionOf } from '../support/deferred.ts';

/** Parses a text to its length, and would refuse what it has parsed. */
const length = z.string().transform((text) => text.length);
const ran: number[] = [];
const measure = node({
  name: 'measure',
  inputs: { size: length },
  output: 'measured',
  run: ({ size }) => {
    ran.push(size);
    return size * 10;
  },
});
const measuring = graph({ name: 'measuring', nodes: [measure] });

describe('a schema of an input inside a nested graph', () => {
  test('parses what the run is given, once', async () => {
    const { outputs } = await createRunner().run(graph({ name: 'outer', nodes: [measuring.asNode()] }), {
      size: 'four',
    });

    expect(outputs).toEqual({ measured: 40 });
  });

  test('parses it once two deep and in a namespace, too', async () => {
    const middle = graph({ name: 'middle', nodes: [measuring.asNode({ namespace: true })] });

    const { outputs } = await createRunner().run(graph({ name: 'outer', nodes: [middle.asNode()] }), {
      'measuring.size': 'four',
    });

    expect(outputs).toEqual({ 'measuring.measured': 40 });
  });

  test('refuses what does not fit, and nothing runs', async () => {
    const runner = createRunner();
    const wrong: object = { size: 4 };
    const outer = graph({ name: 'outer', nodes: [measuring.asNode()] });

    const error = await rejectionOf(runner.run(outer, wrong as { size: string }));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(runner.info.runs).toEqual([]);
  });

  test('parses the input of a call, once', async () => {
    const caller = node('caller', (size: string, ctx) => ctx.call(measuring.asNode(), { size }));

    const { answer } = await createRunner().run(caller, 'four');

    expect(answer).toEqual({ measured: 40 });
  });

  test('checks what comes over an edge under validate all', async () => {
    const positive = node({
      name: 'positive',
      inputs: { n: z.number().positive() },
      output: 'checked',
      run: ({ n }) => n,
    });
    const make = node({ name: 'make', inputs: {}, output: 'n', run: () => -1 });
    const outer = graph({
      name: 'outer',
      nodes: [make, graph({ name: 'inner', nodes: [positive] }).asNode()],
    });

    const trusting = await createRunner().run(outer);
    const error = await rejectionOf(createRunner({ validate: 'all' }).run(outer));

    expect(trusting.outputs).toEqual({ checked: -1 });
    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('a schema of an input that is mapped over', () => {
  const outer = graph({ name: 'outer', nodes: [measuring.asNode({ mapOver: 'size' })] });

  test('parses every item that the run is given, once', async () => {
    const { outputs } = await createRunner().run(outer, { size: ['a', 'four'] });

    expect(outputs).toEqual({ measured: [10, 40] });
  });

  test('refuses an item that does not fit, and no item runs', async () => {
    ran.length = 0;
    const wrong: object = { size: ['a', 4] };

    const error = await rejectionOf(createRunner().run(outer, wrong as { size: string[] }));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(ran).toEqual([]);
  });
});

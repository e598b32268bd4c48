import { createRunner, END, graph, ifElse, input, node, route } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';

const again = route({
  name: 'again',
  inputs: { n: input<number>() },
  targets: ['step', END],
  run: ({ n }) => (n < 3 ? 'step' : END),
});

describe('a value', () => {
  test('reaches all of its readers as the very object that was returned', async () => {
    const made = { deep: [1] };
    const seen: unknown[] = [];
    const make = node({ name: 'make', output: 'x', run: () => made });
    const one = node({
      name: 'one',
      inputs: { x: input<object>() },
      output: 'a',
      run: ({ x }) => seen.push(x),
    });
    const two = node({
      name: 'two',
      inputs: { x: input<object>() },
      output: 'b',
      run: ({ x }) => seen.push(x),
    });

    await createRunner().run(graph({ name: 'g', nodes: [make, one, two] }));

    expect(seen[0]).toBe(made);
    expect(seen[1]).toBe(made);
  });

  test('may be a function, or an instance of a class', async () => {
    class Client {
      readonly #name = 'client';
      ask(): string {
        return this.#name;
      }
    }
    const connect = node({
      name: 'connect',
      outputs: ['client', 'shout'],
      run: () => ({ client: new Client(), shout: (text: string) => `${text}!` }),
    });
    const use = node({
      name: 'use',
      inputs: { client: input<Client>(), shout: input<(text: string) => string>() },
      output: 'text',
      run: ({ client, shout }) => shout(client.ask()),
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [use, connect] }));

    expect(outputs).toEqual({ text: 'client!' });
  });

  test('that a body makes of a rejected promise is a failure, not a value', async () => {
    const boom = new Error('boom');
    const make = node({ name: 'make', output: 'x', run: () => Promise.reject(boom) });

    const { error, nodes } = await createRunner().run(
      graph({ name: 'g', nodes: [make] }),
      {},
      { onFailure: 'return' },
    );

    expect(error).toBe(boom);
    expect(nodes).toEqual({ make: 'failed' });
  });

  test('that is an Error is a value where it was returned', async () => {
    const made = new Error('a value');
    const make = node({ name: 'make', output: 'x', run: () => made });

    const { status, outputs } = await createRunner().run(graph({ name: 'g', nodes: [make] }));

    expect(status).toBe('completed');
    expect(outputs.x).toBe(made);
  });
});

describe('a default', () => {
  const collect = (name: string, output: string) =>
    node({
      name,
      inputs: { list: input<string[]>({ default: [] }) },
      output,
      run: ({ list }) => {
        list.push(name);
        return list.join();
      },
    });

  test('is fresh for each run', async () => {
    const g = graph({ name: 'g', nodes: [collect('one', 'a')] });
    const runner = createRunner();

    const results = [await runner.run(g), await runner.run(g)];

    expect(results.map(({ outputs }) => outputs)).toEqual([{ a: 'one' }, { a: 'one' }]);
  });

  test('is fresh for each reader', async () => {
    const { outputs } = await createRunner().run(
      graph({ name: 'g', nodes: [collect('one', 'a'), collect('two', 'b')] }),
    );

    expect(outputs).toEqual({ a: 'one', b: 'two' });
  });

  test('is fresh for each round of a loop', async () => {
    const step = node({
      name: 'step',
      inputs: { n: input<number>(), list: input<number[]>({ default: [] }) },
      outputs: ['n', 'size'],
      run: ({ n, list }) => ({ n: n + 1, size: list.push(n) }),
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [step, again] }), { n: 0 });

    expect(outputs).toEqual({ n: 3, size: 1 });
  });
});

describe('a body', () => {
  test('has an idempotency key of its own in each round of a loop, the same on every attempt', async () => {
    const clock = fakeClock();
    const keys: string[] = [];
    const step = node({
      name: 'step',
      inputs: { n: input<number>() },
      output: 'n',
      retry: { maxAttempts: 2, delay: 1, jitter: 'none' },
      run: ({ n }, ctx) => {
        keys.push(ctx.idempotencyKey);
        if (ctx.attempt === 1) throw new Error('again');
        return n + 1;
      },
    });
    const running = createRunner({ clock }).run(graph({ name: 'g', nodes: [step, again] }), { n: 0 });

    await clock.runAll();
    await running;

    expect(keys).toHaveLength(6);
    expect(new Set(keys).size).toBe(3);
    expect(keys[0]).toBe(keys[1]);
  });

  test('has a request of its own in each round, all in the one run', async () => {
    const ids: { readonly request: string; readonly run: string }[] = [];
    const step = node({
      name: 'step',
      inputs: { n: input<number>() },
      output: 'n',
      run: ({ n }, ctx) => {
        ids.push({ request: ctx.requestId, run: ctx.runId });
        return n + 1;
      },
    });

    const { runId } = await createRunner().run(graph({ name: 'g', nodes: [step, again] }), { n: 0 });

    expect(new Set(ids.map(({ request }) => request)).size).toBe(3);
    expect(ids.map(({ run }) => run)).toEqual([runId, runId, runId]);
  });
});

describe('runs of one graph', () => {
  const step = node({
    name: 'step',
    inputs: { n: input<number>() },
    output: 'n',
    run: async ({ n }) => n + 1,
  });

  test('at the same time do not see each other', async () => {
    const g = graph({ name: 'g', nodes: [step, again] });
    const runner = createRunner();

    const results = await Promise.all([0, 1, 2, 3, 4].map((n) => runner.run(g, { n })));

    expect(results.map(({ outputs }) => outputs.n)).toEqual([3, 3, 3, 4, 5]);
  });

  test('in several runners at the same time do not see each other', async () => {
    const g = graph({ name: 'g', nodes: [step, again] });

    const results = await Promise.all([0, 5].map((n) => createRunner().run(g, { n })));

    expect(results.map(({ outputs }) => outputs.n)).toEqual([3, 6]);
  });

  test('one after the other take different branches', async () => {
    const gate = ifElse({
      name: 'gate',
      inputs: { go: input<boolean>() },
      then: 'left',
      else: 'right',
      run: ({ go }) => go,
    });
    const left = node({ name: 'left', output: 'x', run: () => 'left' });
    const right = node({ name: 'right', output: 'x', run: () => 'right' });
    const g = graph({ name: 'g', nodes: [gate, left, right] });
    const runner = createRunner();

    const results = [
      await runner.run(g, { go: true }),
      await runner.run(g, { go: false }),
      await runner.run(g, { go: true }),
    ];

    expect(results.map(({ outputs }) => outputs)).toEqual([{ x: 'left' }, { x: 'right' }, { x: 'left' }]);
  });
});

import { createRunner, END, graph, input, interrupt, node, route, type AnyGraph } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { rejectionOf, thrownBy } from '../support/deferred.ts';
import { eventLog } from '../support/runs.ts';
import { build, gate, step } from './build-parts.ts';

const chain = build([step('load', ['query'], ['docs']), step('answer', ['docs'], ['reply'])]);
const inc = node({
  name: 'inc',
  inputs: { count: input<number>() },
  output: 'count',
  run: ({ count }) => count + 1,
});
const again = route({
  name: 'again',
  inputs: { count: input<number>() },
  targets: ['inc', END],
  run: ({ count }) => (count < 3 ? 'inc' : END),
});
const counter = graph({ name: 'counter', nodes: [inc, again] });
const approve = interrupt({
  name: 'approve',
  inputs: { draft: input<string>() },
  response: 'decision',
  run: () => '?',
});
const review = build([approve, step('act', ['decision'], ['done'])]);

/** What a refused run leaves behind: its error, and whatever was recorded or published. */
async function refusedRun(target: AnyGraph<Record<string, unknown>>, given: Record<string, unknown>) {
  const { events, subscriber } = eventLog();
  const runner = createRunner({ subscriber });
  const error = await rejectionOf(runner.run(target, given));
  return { error, events, runs: runner.info.runs };
}

describe('a run is refused, before anything runs', () => {
  const looseInner = graph({ name: 'inner', nodes: [step('load', ['query'], ['docs'])] });

  test.each([
    {
      what: 'a value for a name that a node makes',
      target: chain,
      given: { query: 1, docs: 2 },
      code: 'CONFLICT',
    },
    { what: 'a value for a leaf output', target: chain, given: { query: 1, reply: 2 }, code: 'CONFLICT' },
    {
      what: 'a value for what a node before a loop makes',
      target: build([step('start', [], ['count']), inc, again]),
      given: { count: 1 },
      code: 'CONFLICT',
    },
    {
      what: 'a value for what a nested graph makes',
      target: build([looseInner.asNode()]),
      given: { query: 1, docs: 2 },
      code: 'CONFLICT',
    },
    {
      what: 'a value for what a nested graph makes, in its namespace',
      target: build([looseInner.asNode({ namespace: true })]),
      given: { 'inner.query': 1, 'inner.docs': 2 },
      code: 'CONFLICT',
    },
    {
      what: 'a value for an output under its new name',
      target: chain.rename({ outputs: { reply: 'text' } }),
      given: { query: 1, text: 2 },
      code: 'CONFLICT',
    },
    {
      what: 'an input that nothing takes',
      target: chain,
      given: { query: 1, extra: 2 },
      code: 'UNKNOWN_INPUT',
    },
    { what: 'an input that is misspelt', target: chain, given: { qurey: 1 }, code: 'UNKNOWN_INPUT' },
    {
      what: 'an input under its old name',
      target: chain.rename({ inputs: { query: 'question' } }),
      given: { query: 1 },
      code: 'UNKNOWN_INPUT',
    },
    {
      what: 'an input without its namespace',
      target: build([looseInner.asNode({ namespace: true })]),
      given: { query: 1 },
      code: 'UNKNOWN_INPUT',
    },
    {
      what: 'an input of a node that was cut away',
      target: chain.startAt('answer'),
      given: { docs: 1, query: 1 },
      code: 'UNKNOWN_INPUT',
    },
    {
      what: 'the name of a gate',
      target: build([gate('pick', ['a', END]), step('a', [], ['x'])]),
      given: { pick: 'a' },
      code: 'UNKNOWN_INPUT',
    },
    {
      what: 'the name of an announcement',
      target: build([step('a', [], ['x'], { emits: ['done'] })]),
      given: { done: true },
      code: 'UNKNOWN_INPUT',
    },
    { what: 'no required input', target: chain, given: {}, code: 'MISSING_INPUT' },
    { what: 'no seed', target: counter, given: {}, code: 'MISSING_INPUT' },
    { what: 'no input of an interrupt', target: review, given: {}, code: 'MISSING_INPUT' },
    {
      what: 'no input of a branch that may not run',
      target: build([gate('pick', ['a', 'b']), step('a', [], ['x']), step('b', ['p'], ['y'])]),
      given: {},
      code: 'MISSING_INPUT',
    },
    {
      what: 'no input of a nested graph',
      target: build([looseInner.asNode()]),
      given: {},
      code: 'MISSING_INPUT',
    },
    {
      what: 'an input that was unbound',
      target: chain.bind({ query: 1 }).unbind('query'),
      given: {},
      code: 'MISSING_INPUT',
    },
    {
      what: 'no value for what lies before the start',
      target: build([step('load', ['query'], ['docs']), step('answer', ['docs'], ['reply'])]).startAt(
        'answer',
      ),
      given: {},
      code: 'MISSING_INPUT',
    },
  ])('for $what', async ({ target, given, code }) => {
    const { error, events, runs } = await refusedRun(target, given);

    expect(error).toMatchObject({ code });
    expect(error).toHaveProperty('hint', expect.stringMatching(/\S/));
    expect(runs).toEqual([]);
    expect(events).toEqual([]);
  });

  test.each([null, 5, 'text', [1]])('for an input that is no object (%j)', async (given) => {
    const runner = createRunner();

    const error = await rejectionOf(runner.run(chain, given as unknown as Record<string, unknown>));

    expect(error).toHaveProperty('code', expect.stringMatching(/INVALID_INPUT|UNKNOWN_INPUT/));
    expect(runner.info.runs).toEqual([]);
  });

  test('without a node having run', async () => {
    const trace: string[] = [];
    const early = node({ name: 'early', output: 'x', run: () => trace.push('early') });
    const late = node({
      name: 'late',
      inputs: { p: input<number>() },
      output: 'y',
      run: () => trace.push('late'),
    });

    await rejectionOf(createRunner().run(build([early, late]), {}));

    expect(trace).toEqual([]);
  });

  test('the same way when it is mapped, called or iterated', async () => {
    const runner = createRunner();
    const caller = node('caller', (_: unknown, ctx) => ctx.call(chain, {}));

    const called = await rejectionOf(runner.run(caller));
    const iterated = await rejectionOf(runner.iter(chain, { docs: 1 }).result);

    expect(called).toMatchObject({ code: 'MISSING_INPUT' });
    expect(iterated).toMatchObject({ code: 'CONFLICT' });
  });

  test('the same way when it is synchronous', () => {
    const runner = createRunner();

    const error = thrownBy(() => runner.runSync(chain, { query: 1, docs: 2 }));

    expect(error).toMatchObject({ code: 'CONFLICT' });
    expect(runner.info.runs).toEqual([]);
  });
});

describe('the error', () => {
  test('for a value that a node makes names the value, the graph and the node', async () => {
    const { error } = await refusedRun(chain, { query: 1, docs: 2 });

    for (const name of ['docs', 'g', 'load']) {
      expect(error).toHaveProperty('message', expect.stringContaining(`"${name}"`));
    }
  });

  test('for a misspelt input asks whether the right one was meant', async () => {
    const { error } = await refusedRun(chain, { qurey: 1 });

    expect(error).toHaveProperty('message', expect.stringContaining('"qurey"'));
    expect(error).toHaveProperty('hint', 'Did you mean "query"?');
  });

  test('for a misspelt input of a namespace asks for its full name', async () => {
    const target = build([chain.asNode({ name: 'rag', namespace: true })]);

    const { error } = await refusedRun(target, { 'rag.qurey': 1 });

    expect(error).toHaveProperty('hint', 'Did you mean "rag.query"?');
  });

  test('for a missing input names it and the graph', async () => {
    const { error } = await refusedRun(chain, {});

    for (const name of ['query', 'g']) {
      expect(error).toHaveProperty('message', expect.stringContaining(`"${name}"`));
    }
  });

  test('for an input that a schema refuses has its findings', async () => {
    const user = node({ name: 'user', inputs: { age: z.object({ years: z.number() }) }, run: () => 1 });

    const { error, events, runs } = await refusedRun(build([user]), { age: { years: 'ten' } });

    expect(error).toMatchObject({ code: 'INVALID_INPUT', issues: [{ path: ['years'] }] });
    expect(error).toHaveProperty('message', expect.stringContaining('"age"'));
    expect([events, runs]).toEqual([[], []]);
  });
});

describe('a schema', () => {
  const isShort = (text: string): Promise<boolean> => Promise.resolve(text.length < 5);
  const checks = [
    { kind: 'synchronous', schema: z.string().max(4) },
    { kind: 'asynchronous', schema: z.string().refine(isShort, 'too long') },
  ];

  test.each(checks)('that is $kind refuses a run, and nothing is recorded', async ({ schema }) => {
    const read = node({ name: 'read', inputs: { text: schema }, output: 'y', run: ({ text }) => text });

    const { error, events, runs } = await refusedRun(build([read]), { text: 'too long a text' });

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect([events, runs]).toEqual([[], []]);
  });

  test.each(checks)('that is $kind lets a good value in', async ({ schema }) => {
    const read = node({ name: 'read', inputs: { text: schema }, output: 'y', run: ({ text }) => text });

    const { outputs } = await createRunner().run(build([read]), { text: 'ok' });

    expect(outputs).toEqual({ y: 'ok' });
  });

  test('gives the value that it parses to, which is recorded', async () => {
    const read = node({
      name: 'read',
      inputs: { n: z.string().transform(Number), k: input({ default: 2, schema: z.number() }) },
      output: 'y',
      run: ({ n, k }) => n * k,
    });

    const { outputs, info } = await createRunner().run(build([read]), { n: '21' });

    expect(outputs).toEqual({ y: 42 });
    expect(info.requests.roots[0]?.input).toEqual({ n: 21, k: 2 });
  });

  test('of one of several readers holds for all of them', async () => {
    const strict = node({ name: 'strict', inputs: { n: z.number().min(1) }, run: () => 1 });

    const { error } = await refusedRun(build([step('loose', ['n']), strict]), { n: 0 });

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
  });

  test.each([
    { n: 0, code: 'INVALID_INPUT' },
    { n: 11, code: 'INVALID_INPUT' },
  ])('of each of several readers holds ($n)', async ({ n, code }) => {
    const above = node({ name: 'above', inputs: { n: z.number().min(1) }, run: () => 1 });
    const below = node({
      name: 'below',
      inputs: { n: z.number().refine((value) => Promise.resolve(value <= 10)) },
      run: () => 1,
    });

    const { error } = await refusedRun(build([above, below]), { n });

    expect(error).toMatchObject({ code });
  });

  test('is not asked for what a node makes', async () => {
    const make = node({ name: 'make', output: 'n', run: () => 'no number' });
    const read = node({ name: 'read', inputs: { n: z.number() }, output: 'y', run: ({ n }) => n });

    const { outputs } = await createRunner().run(build([make, read]), {});

    expect(outputs).toEqual({ y: 'no number' });
  });

  test('is asked for what a node makes under validate: all', async () => {
    const make = node({ name: 'make', output: 'n', run: () => 'no number' });
    const read = node({ name: 'read', inputs: { n: z.number() }, output: 'y', run: ({ n }) => n });

    const error = await rejectionOf(createRunner({ validate: 'all' }).run(build([make, read]), {}));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('a value may be given', () => {
  test('for a loop seed, though a node makes it', async () => {
    const { outputs } = await createRunner().run(counter, { count: 10 });

    expect(outputs).toEqual({ count: 11 });
  });

  test('for the response of an interrupt, as its answer', async () => {
    const { status, outputs } = await createRunner().run(review, { draft: 'd', decision: 'yes' });

    expect(status).toBe('completed');
    expect(outputs).toEqual({ done: 'act(yes)' });
  });

  test('for what was upstream of the start', async () => {
    const { outputs } = await createRunner().run(chain.startAt('answer'), { docs: 'd' });

    expect(outputs).toEqual({ reply: 'answer(d)' });
  });

  test('for a bound input, and wins', async () => {
    const runner = createRunner();
    const bound = chain.bind({ query: 'bound' });

    const results = [await runner.run(bound, { query: 'given' }), await runner.run(bound, {})];

    expect(results.map(({ outputs }) => outputs)).toEqual([
      { reply: 'answer(load(given))' },
      { reply: 'answer(load(bound))' },
    ]);
  });

  test.each([null, false, 0, '', Number.NaN])(
    'that is falsy, and is not replaced by a bind or a default (%j)',
    async (value) => {
      const read = node({
        name: 'read',
        inputs: { a: input<unknown>('default'), b: input<unknown>() },
        output: 'seen',
        run: ({ a, b }) => [a, b],
      });
      const g = graph({ name: 'falsy', nodes: [read] }).bind({ b: 'bound' });

      const { outputs } = await createRunner().run(g, { a: value, b: value });

      expect(outputs).toEqual({ seen: [value, value] });
    },
  );
});

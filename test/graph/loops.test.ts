import { createRunner, END, graph, ifElse, input, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';

interface CounterOptions {
  readonly limit?: number;
  readonly defaultOpen?: boolean;
}

/** Counts up to a limit, and tells in which order its nodes ran. */
function counter({ limit = 3, defaultOpen = true }: CounterOptions = {}) {
  const trace: string[] = [];
  const inc = node({
    name: 'inc',
    inputs: { count: input<number>() },
    output: 'count',
    run: ({ count }) => {
      trace.push(`inc ${count}`);
      return count + 1;
    },
  });
  const again = route({
    name: 'again',
    inputs: { count: input<number>() },
    targets: ['inc', END],
    defaultOpen,
    run: ({ count }) => {
      trace.push(`again ${count}`);
      return count < limit ? 'inc' : END;
    },
  });
  return { inc, again, trace };
}

describe('a loop of a node and its gate', () => {
  test('runs them in turn, the node first', async () => {
    const { inc, again, trace } = counter();

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [inc, again] }), { count: 0 });

    expect(outputs).toEqual({ count: 3 });
    expect(trace).toEqual(['inc 0', 'again 1', 'inc 1', 'again 2', 'inc 2', 'again 3']);
  });

  test('runs the same whatever the order of the list', async () => {
    const { inc, again, trace } = counter();

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [again, inc] }), { count: 0 });

    expect(outputs).toEqual({ count: 3 });
    expect(trace).toEqual(['inc 0', 'again 1', 'inc 1', 'again 2', 'inc 2', 'again 3']);
  });

  test('from beyond its limit runs once: do-while', async () => {
    const { inc, again, trace } = counter();

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [inc, again] }), { count: 10 });

    expect(outputs).toEqual({ count: 11 });
    expect(trace).toEqual(['inc 10', 'again 11']);
  });

  test('that is not open by default asks its gate first: while', async () => {
    const { inc, again, trace } = counter({ defaultOpen: false });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [inc, again] }), { count: 1 });

    expect(outputs).toEqual({ count: 3 });
    expect(trace).toEqual(['again 1', 'inc 1', 'again 2', 'inc 2', 'again 3']);
  });

  test('that is not open by default passes on a seed that it never wrote', async () => {
    const { inc, again, trace } = counter({ defaultOpen: false });

    const { outputs, nodes } = await createRunner().run(graph({ name: 'g', nodes: [inc, again] }), {
      count: 10,
    });

    expect(trace).toEqual(['again 10']);
    expect(outputs).toEqual({ count: 10 });
    expect(nodes).toEqual({ inc: 'skipped', again: 'completed' });
  });

  test('passes on a seed that it never wrote to what comes after it', async () => {
    const { inc, again } = counter({ defaultOpen: false });
    const report = node({
      name: 'report',
      inputs: { count: input<number>() },
      output: 'text',
      run: ({ count }) => `at ${count}`,
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [report, inc, again] }), {
      count: 10,
    });

    expect(outputs).toEqual({ text: 'at 10' });
  });

  test('of an ifElse runs alike', async () => {
    const { inc, trace } = counter();
    const gate = ifElse({
      name: 'gate',
      inputs: { count: input<number>() },
      then: END,
      else: 'inc',
      run: ({ count }) => count >= 2,
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [inc, gate] }), { count: 0 });

    expect(outputs).toEqual({ count: 2 });
    expect(trace).toEqual(['inc 0', 'inc 1']);
  });

  test('runs alike when its nodes are asynchronous', async () => {
    const inc = node({
      name: 'inc',
      inputs: { count: input<number>() },
      output: 'count',
      run: async ({ count }) => count + 1,
    });
    const again = route({
      name: 'again',
      inputs: { count: input<number>() },
      targets: ['inc', END],
      run: async ({ count }) => (count < 3 ? 'inc' : END),
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [inc, again] }), { count: 0 });

    expect(outputs).toEqual({ count: 3 });
  });

  test('starts from the beginning in each run', async () => {
    const { inc, again } = counter();
    const g = graph({ name: 'g', nodes: [inc, again] });
    const runner = createRunner();

    const results = [await runner.run(g, { count: 0 }), await runner.run(g, { count: 0 })];

    expect(results.map(({ outputs }) => outputs.count)).toEqual([3, 3]);
    expect(results.map(({ info }) => info.requests.size)).toEqual([7, 7]);
  });

  test('runs a node without inputs each time that it is chosen', async () => {
    const answers = ['wait', 'wait', 'ready'];
    const poll = node({ name: 'poll', output: 'status', run: () => answers.shift() });
    const isReady = route({
      name: 'isReady',
      inputs: { status: input<string | undefined>() },
      targets: ['poll', END],
      run: ({ status }) => (status === 'ready' ? END : 'poll'),
    });

    const { outputs, info } = await createRunner().run(graph({ name: 'g', nodes: [poll, isReady] }));

    expect(outputs).toEqual({ status: 'ready' });
    expect(info.requests.size).toBe(7);
  });
});

describe('a seed', () => {
  test('is a required input', () => {
    const { inc, again } = counter();

    const { inputs } = graph({ name: 'g', nodes: [inc, again] });

    expect(inputs.required).toEqual(['count']);
  });

  test('that is not given is missing, and nothing runs', async () => {
    const { inc, again, trace } = counter();
    const given: object = {};

    const error = await rejectionOf(
      createRunner().run(graph({ name: 'g', nodes: [inc, again] }), given as { count: number }),
    );

    expect(error).toMatchObject({ code: 'MISSING_INPUT' });
    expect(trace).toEqual([]);
  });

  test('may be a default', async () => {
    const inc = node({
      name: 'inc',
      inputs: { count: input(1) },
      output: 'count',
      run: ({ count }) => count * 2,
    });
    const again = route({
      name: 'again',
      inputs: { count: input<number>() },
      targets: ['inc', END],
      run: ({ count }) => (count < 10 ? 'inc' : END),
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [inc, again] }));

    expect(outputs).toEqual({ count: 16 });
  });

  test('that is given wins over the default', async () => {
    const inc = node({
      name: 'inc',
      inputs: { count: input(1) },
      output: 'count',
      run: ({ count }) => count * 2,
    });
    const again = route({
      name: 'again',
      inputs: { count: input<number>() },
      targets: ['inc', END],
      run: ({ count }) => (count < 10 ? 'inc' : END),
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [inc, again] }), { count: 3 });

    expect(outputs).toEqual({ count: 12 });
  });

  test('may be made by a node before the loop', async () => {
    const { inc, again, trace } = counter();
    const init = node({ name: 'init', output: 'count', run: async () => 1 });
    const g = graph({ name: 'g', nodes: [inc, again, init] });

    const { outputs } = await createRunner().run(g);

    expect(g.inputs.required).toEqual([]);
    expect(outputs).toEqual({ count: 3 });
    expect(trace).toEqual(['inc 1', 'again 2', 'inc 2', 'again 3']);
  });

  test('is not needed for a name that a starter makes first', async () => {
    const think = node({
      name: 'think',
      inputs: { notes: input<string[]>() },
      output: 'plan',
      run: ({ notes }) => notes.length,
    });
    const act = node({
      name: 'act',
      inputs: { plan: input<number>(), notes: input<string[]>() },
      output: 'notes',
      run: ({ plan, notes }) => [...notes, `step ${plan}`],
    });
    const done = route({
      name: 'done',
      inputs: { plan: input<number>() },
      targets: ['act', END],
      run: ({ plan }) => (plan < 2 ? 'act' : END),
    });
    const g = graph({ name: 'g', nodes: [think, act, done] });

    const { outputs } = await createRunner().run(g, { notes: [] });

    expect(g.inputs.required).toEqual(['notes']);
    expect(outputs).toEqual({ plan: 2, notes: ['step 0', 'step 1'] });
  });
});

describe('a loop starts', () => {
  const agent = (trace: string[]) => {
    const think = node({
      name: 'think',
      inputs: { seen: input<number>() },
      output: 'plan',
      run: ({ seen }) => {
        trace.push('think');
        return seen + 1;
      },
    });
    const act = node({
      name: 'act',
      inputs: { plan: input<number>() },
      output: 'seen',
      run: ({ plan }) => {
        trace.push('act');
        return plan + 1;
      },
    });
    const decide = route({
      name: 'decide',
      inputs: { plan: input<number>() },
      targets: ['act', END],
      run: ({ plan }) => {
        trace.push('decide');
        return plan < 4 ? 'act' : END;
      },
    });
    return graph({ name: 'agent', nodes: [decide, act, think] });
  };

  test('with its ungated member whose inputs are there', async () => {
    const trace: string[] = [];

    const { outputs } = await createRunner().run(agent(trace), { seen: 0 });

    expect(trace).toEqual(['think', 'decide', 'act', 'think', 'decide', 'act', 'think', 'decide']);
    expect(outputs).toEqual({ plan: 5, seen: 4 });
  });

  test('with a target that is open by default when no ungated member can start', async () => {
    const trace: string[] = [];

    await createRunner().run(agent(trace), { plan: 3 });

    expect(trace).toEqual(['act', 'think', 'decide']);
  });

  test('with its ungated member when both could start', async () => {
    const trace: string[] = [];

    await createRunner().run(agent(trace), { seen: 3, plan: 3 });

    expect(trace).toEqual(['think', 'decide']);
  });

  test('with nothing when nothing is given: that is a missing input', async () => {
    const trace: string[] = [];

    const error = await rejectionOf(createRunner().run(agent(trace), {}));

    expect(error).toMatchObject({ code: 'MISSING_INPUT' });
    expect(trace).toEqual([]);
  });

  test('with all of its ungated members whose inputs are there', async () => {
    const trace: string[] = [];
    const left = node({
      name: 'left',
      inputs: { n: input<number>() },
      output: 'a',
      run: ({ n }) => void trace.push(`left ${n}`),
    });
    const right = node({
      name: 'right',
      inputs: { n: input<number>() },
      output: 'b',
      run: ({ n }) => void trace.push(`right ${n}`),
    });
    const next = node({
      name: 'next',
      inputs: { n: input<number>(), a: input<unknown>(), b: input<unknown>() },
      output: 'n',
      run: ({ n }) => n + 1,
    });
    const more = route({
      name: 'more',
      inputs: { n: input<number>(), a: input<unknown>(), b: input<unknown>() },
      targets: ['next', END],
      run: ({ n }) => (n < 2 ? 'next' : END),
    });

    await createRunner().run(graph({ name: 'g', nodes: [left, right, next, more] }), { n: 1 });

    expect(trace).toEqual(['left 1', 'right 1', 'left 2', 'right 2']);
  });

  test('when a gate before it chose its member, and stays out when not', async () => {
    const { inc, again, trace } = counter();
    const enter = ifElse({
      name: 'enter',
      inputs: { go: input<boolean>() },
      then: 'first',
      else: 'other',
      run: ({ go }) => go,
    });
    const first = node({ name: 'first', output: 'count', run: () => 0 });
    const other = node({ name: 'other', output: 'aside', run: () => true });
    const g = graph({ name: 'g', nodes: [enter, first, other, inc, again] });
    const runner = createRunner();

    const entered = await runner.run(g, { go: true });
    const leftOut = await runner.run(g, { go: false });

    expect(entered.outputs).toEqual({ count: 3 });
    expect(trace).toHaveLength(6);
    expect(leftOut.outputs).toEqual({ aside: true });
    expect(leftOut.nodes).toEqual({
      enter: 'completed',
      first: 'skipped',
      other: 'completed',
      inc: 'skipped',
      again: 'skipped',
    });
  });
});

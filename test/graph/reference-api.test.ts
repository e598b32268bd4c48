import { createRunner, END, graph, input, interrupt, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { deferred, rejectionOf, thrownBy } from '../support/deferred.ts';
import { eventLog, ofType } from '../support/runs.ts';

// What hypergraph's runner reference promises of `run` and of its options.

const clean = node({
  name: 'clean',
  inputs: { text: input<string>() },
  output: 'cleaned',
  run: ({ text }) => text.trim(),
});
const count = node({
  name: 'count',
  inputs: { cleaned: input<string>() },
  output: 'length',
  run: ({ cleaned }) => cleaned.length,
});
const shout = node({
  name: 'shout',
  inputs: { cleaned: input<string>() },
  output: 'loud',
  run: ({ cleaned }) => cleaned.toUpperCase(),
});
const reading = graph({ name: 'reading', nodes: [clean, count, shout] });

const increment = node({
  name: 'increment',
  inputs: { n: input<number>() },
  output: 'n',
  run: ({ n }) => n + 1,
});
const forever = route({
  name: 'forever',
  inputs: { n: input<number>() },
  targets: ['increment', END],
  run: () => 'increment',
});
const endless = graph({ name: 'endless', nodes: [increment, forever] });

describe('what a run gives', () => {
  test('without a selection: what no other node reads', async () => {
    await using runner = createRunner();

    const { status, outputs, runId } = await runner.run(reading, { text: ' hi ' });

    expect(status).toBe('completed');
    expect(outputs).toEqual({ length: 2, loud: 'HI' });
    expect(runId).toBeTypeOf('string');
  });

  test('with `select`: the outputs that are named, also those in between', async () => {
    await using runner = createRunner();

    const { outputs, nodes } = await runner.run(reading, { text: ' hi ' }, { select: ['cleaned', 'length'] });

    expect(outputs).toEqual({ cleaned: 'hi', length: 2 });
    expect(nodes['shout']).toBe('skipped');
  });

  test('every event of a run has its session', async () => {
    const { events, subscriber } = eventLog();
    await using runner = createRunner({ subscriber });

    await runner.run(reading, { text: ' hi ' }, { sessionId: 'chat-7' });
    await runner.close();

    expect(new Set(events.map((event) => event.sessionId))).toEqual(new Set(['chat-7']));
  });
});

describe('what is refused', () => {
  test('a graph that is not well formed, when it is built', () => {
    const error = thrownBy(() =>
      // @ts-expect-error two nodes have one name
      graph({ name: 'g', nodes: [increment, increment] }),
    );

    expect(error).toMatchObject({ code: 'GRAPH_CONFIG' });
  });

  test('two producers of one name that may run in any order, when it is built', () => {
    const other = node({
      name: 'other',
      inputs: { text: input<string>() },
      output: 'cleaned',
      run: ({ text }) => text,
    });
    const build = () => graph({ name: 'g', nodes: [clean, other, count] });

    expect(thrownBy(build)).toMatchObject({ code: 'GRAPH_CONFIG' });
  });

  test('a value that a node of the graph makes', async () => {
    await using runner = createRunner();
    const given = { text: 'a', cleaned: 'b' };

    expect(await rejectionOf(runner.run(reading, given))).toMatchObject({ code: 'CONFLICT' });
  });

  test('an input that is missing', async () => {
    await using runner = createRunner();

    // @ts-expect-error the input is required
    expect(await rejectionOf(runner.run(reading))).toMatchObject({ code: 'MISSING_INPUT' });
  });

  test('a loop that takes too many turns', async () => {
    await using runner = createRunner();

    const error = await rejectionOf(runner.run(endless, { n: 0 }, { maxIterations: 5 }));

    expect(error).toMatchObject({ code: 'INFINITE_LOOP', lastValues: { n: 5 } });
  });

  test('asynchronous nodes of a synchronous run', () => {
    const late = node({
      name: 'late',
      inputs: { cleaned: input<string>() },
      output: 'x',
      run: async () => 1,
    });
    const runner = createRunner();
    const act = () => runner.runSync(graph({ name: 'g', nodes: [clean, late] }), { text: '' });

    expect(thrownBy(act)).toMatchObject({ code: 'INCOMPATIBLE_RUNNER' });
  });

  test('a question of a synchronous run', () => {
    const ask = interrupt({ name: 'ask', response: 'decision', run: () => 'Yes?' });
    const runner = createRunner();
    const act = () => runner.runSync(graph({ name: 'g', nodes: [ask] }));

    expect(thrownBy(act)).toMatchObject({ code: 'INCOMPATIBLE_RUNNER' });
  });
});

describe('one limit for all work of a run', () => {
  test('holds for nested graphs as well', async () => {
    let busy = 0;
    let most = 0;
    const work = node({
      name: 'work',
      inputs: { item: input<number>() },
      output: 'done',
      run: async ({ item }) => {
        most = Math.max(most, (busy += 1));
        await Promise.resolve();
        busy -= 1;
        return item;
      },
    });
    const inner = graph({ name: 'inner', nodes: [work] });
    const outer = graph({
      name: 'outer',
      nodes: [
        inner.asNode({ name: 'left', namespace: true, mapOver: 'item' }),
        inner.asNode({ name: 'right', namespace: true, mapOver: 'item' }),
      ],
    });
    await using runner = createRunner();

    await runner.run(outer, { 'left.item': [1, 2, 3], 'right.item': [4, 5] }, { maxConcurrency: 2 });

    expect(most).toBe(2);
  });
});

describe('questions', () => {
  const draft = node({
    name: 'draft',
    inputs: { topic: input<string>() },
    output: 'draft',
    run: ({ topic }) => `on ${topic}`,
  });
  const approve = interrupt({
    name: 'approve',
    inputs: { draft: input<string>() },
    response: 'decision',
    run: ({ draft: text }) => text,
  });
  const price = interrupt({ name: 'price', response: 'amount', run: () => 'How much?' });
  const sell = node({
    name: 'sell',
    inputs: { draft: input<string>(), decision: input<unknown>(), amount: input<unknown>() },
    output: 'sold',
    run: ({ draft: text, decision, amount }) => `${text}: ${String(decision)} for ${String(amount)}`,
  });
  const selling = graph({ name: 'selling', nodes: [draft, approve, price, sell] });

  test('pause the run, with the node, the key and the value of each', async () => {
    await using runner = createRunner();

    const { status, pauses } = await runner.run(selling, { topic: 'tides' });

    expect(status).toBe('paused');
    expect(pauses.map(({ node: name, key, value, path }) => ({ name, key, value, path }))).toEqual([
      { name: 'price', key: 'amount', value: 'How much?', path: ['selling', 'price'] },
      { name: 'approve', key: 'decision', value: 'on tides', path: ['selling', 'approve'] },
    ]);
  });

  test('go on where they are answered, and nothing runs twice', async () => {
    await using runner = createRunner();
    const { runId } = await runner.run(selling, { topic: 'tides' });

    await runner.respond(runId, 'decision', 'yes');
    const { outputs, info } = await runner.respond(runId, 'amount', 12);

    expect(outputs).toEqual({ sold: 'on tides: yes for 12' });
    expect([...info.requests].filter(({ nodeName }) => nodeName === 'draft')).toHaveLength(1);
  });

  test('are all answered by handlers, and the run goes through', async () => {
    await using runner = createRunner();

    const { status, outputs } = await runner.run(
      selling,
      { topic: 'tides' },
      { interruptHandlers: { decision: async (question) => `yes to ${String(question)}`, amount: () => 3 } },
    );

    expect([status, outputs]).toEqual(['completed', { sold: 'on tides: yes to on tides for 3' }]);
  });

  test('pause for what has no handler', async () => {
    await using runner = createRunner();

    const { pauses } = await runner.run(
      selling,
      { topic: 'tides' },
      { interruptHandlers: { decision: () => 'yes' } },
    );

    expect(pauses.map(({ key }) => key)).toEqual(['amount']);
  });

  test('are answered up front by the input', async () => {
    await using runner = createRunner();

    const { outputs } = await runner.run(selling, { topic: 'tides', decision: 'yes', amount: 5 });

    expect(outputs).toEqual({ sold: 'on tides: yes for 5' });
  });
});

describe('watching', () => {
  test('processors of a run are added to those of the runner', async () => {
    const seen: string[] = [];
    const watcher = (name: string) => ({
      onEvent: ({ type }: { type: string }) => void seen.push(`${name} ${type}`),
    });
    await using runner = createRunner({ processors: [watcher('runner')] });

    await runner.run(reading, { text: '' }, { processors: [watcher('run')] });
    await runner.close();

    expect(seen.filter((each) => each.endsWith(' RunEnd')).toSorted()).toEqual([
      'run RunEnd',
      'runner RunEnd',
    ]);
  });

  test('a handle answers what it sees asked, and has the result', async () => {
    const ask = interrupt({
      name: 'ask',
      inputs: { cleaned: input<string>() },
      response: 'decision',
      run: ({ cleaned }) => cleaned,
    });
    await using runner = createRunner();

    await using run = runner.iter(graph({ name: 'g', nodes: [clean, ask] }), { text: ' a ' });
    for await (const event of run)
      if (event.type === 'Interrupt') await run.respond(event.key, `${String(event.value)}!`);
    const { status, outputs } = await run.result;

    expect([status, outputs]).toEqual(['completed', { decision: 'a!' }]);
  });

  test('the spans of a nested graph lie within each other', async () => {
    const { events, subscriber } = eventLog();
    const outer = graph({ name: 'outer', nodes: [reading.asNode()] });
    await using runner = createRunner({ subscriber });

    await runner.run(outer, { text: 'a' });
    await runner.close();

    const spanOf = (name: string) => ofType(events, 'NodeStart').find((event) => event.nodeName === name);
    expect(spanOf('outer')?.parentSpanId).toBeNull();
    expect(spanOf('reading')?.parentSpanId).toBe(spanOf('outer')?.spanId);
    expect(spanOf('clean')?.parentSpanId).toBe(spanOf('reading')?.spanId);
  });

  test('a decision, a failure and the end of a run are told', async () => {
    const broken = node({
      name: 'broken',
      inputs: { cleaned: input<string>() },
      output: 'never',
      run: (): number => {
        throw new TypeError('no');
      },
    });
    const choose = route({
      name: 'choose',
      inputs: { cleaned: input<string>() },
      targets: ['broken', END],
      run: () => 'broken',
    });
    const { events, subscriber } = eventLog();
    await using runner = createRunner({ subscriber });

    await runner.run(
      graph({ name: 'g', nodes: [clean, choose, broken] }),
      { text: '' },
      { onFailure: 'return' },
    );
    await runner.close();

    expect(ofType(events, 'RouteDecision')).toMatchObject([{ gate: 'choose', decision: 'broken' }]);
    expect(ofType(events, 'NodeError').find((event) => event.nodeName === 'broken')?.error).toBeInstanceOf(
      TypeError,
    );
    expect(ofType(events, 'RunEnd')).toMatchObject([{ status: 'failed' }]);
  });

  test('the end of a node says how long it took and what it made', async () => {
    const release = deferred();
    const slow = node({ name: 'slow', output: 'value', run: () => release.promise.then(() => 1) });
    const { events, subscriber } = eventLog();
    await using runner = createRunner({ subscriber });

    const running = runner.run(graph({ name: 'g', nodes: [slow] }));
    release.resolve();
    await running;
    await runner.close();

    const end = ofType(events, 'NodeEnd').find((event) => event.nodeName === 'slow');
    expect(end).toMatchObject({ outputs: { value: 1 }, cached: false });
    expect(end?.durationMs).toBeGreaterThanOrEqual(0);
  });
});

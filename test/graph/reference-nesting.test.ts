import { createRunner, END, graph, input, interrupt, node, route, type Runner } from 'troupe';
import { describe, expect, test } from 'vitest';
import { rejectionOf, thrownBy } from '../support/deferred.ts';
import { eventLog, ofType } from '../support/runs.ts';

// What hypergraph's reference promises of graphs in graphs: which runner runs them, and what it must be able to do.

const halve = node({ name: 'halve', inputs: { n: input<number>() }, output: 'n2', run: ({ n }) => n / 2 });
const inner = graph({ name: 'inner', nodes: [halve] });
const add = node({ name: 'add', inputs: { n2: input<number>() }, output: 'sum', run: ({ n2 }) => n2 + 1 });

/** A runner that says it cannot do something. */
function without(runner: Runner, capability: keyof Runner['capabilities']): object {
  return { capabilities: { ...runner.capabilities, [capability]: false }, iter: () => undefined };
}

describe('which runner runs a nested graph', () => {
  test('its parent has it in one run, with all its events', async () => {
    const { events, subscriber } = eventLog();
    await using runner = createRunner({ subscriber });

    const { outputs } = await runner.run(graph({ name: 'outer', nodes: [inner.asNode(), add] }), { n: 4 });
    await runner.close();

    expect(outputs).toEqual({ sum: 3 });
    expect(ofType(events, 'RunStart')).toHaveLength(1);
    expect(ofType(events, 'NodeEnd').map((event) => event.nodeName)).toEqual([
      'halve',
      'inner',
      'add',
      'outer',
    ]);
  });

  test('its own, where it names one', async () => {
    const [ours, theirs] = [eventLog(), eventLog()];
    await using own = createRunner({ subscriber: theirs.subscriber });
    await using runner = createRunner({ subscriber: ours.subscriber });
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ runner: own }), add] });

    const { outputs } = await runner.run(outer, { n: 4 });
    await Promise.all([runner.close(), own.close()]);

    expect(outputs).toEqual({ sum: 3 });
    expect(ofType(theirs.events, 'NodeEnd').map((event) => event.nodeName)).toContain('halve');
    expect(ofType(ours.events, 'NodeEnd').map((event) => event.nodeName)).not.toContain('halve');
  });

  test('a graph within takes that of the graph around it, not that of the root', async () => {
    const theirs = eventLog();
    await using own = createRunner({ subscriber: theirs.subscriber });
    await using runner = createRunner();
    const middle = graph({ name: 'middle', nodes: [inner.asNode()] });
    const outer = graph({ name: 'outer', nodes: [middle.asNode({ runner: own }), add] });

    await runner.run(outer, { n: 4 });
    await own.close();

    expect(ofType(theirs.events, 'NodeEnd').map((event) => event.nodeName)).toContain('halve');
  });

  test('a failure within comes out as the very error', async () => {
    const failure = new Error('no');
    const broken = node({
      name: 'broken',
      inputs: { n: input<number>() },
      output: 'n2',
      run: (): number => {
        throw failure;
      },
    });
    await using own = createRunner();
    await using runner = createRunner();
    const outer = graph({
      name: 'outer',
      nodes: [graph({ name: 'g', nodes: [broken] }).asNode({ runner: own }), add],
    });

    expect(await rejectionOf(runner.run(outer, { n: 1 }))).toBe(failure);
  });

  test('a question within, under a runner of its own, is asked and answered outside', async () => {
    const ask = interrupt({
      name: 'ask',
      inputs: { n: input<number>() },
      response: 'answer',
      run: ({ n }) => `${n}?`,
    });
    await using own = createRunner();
    await using runner = createRunner();
    const outer = graph({
      name: 'outer',
      nodes: [graph({ name: 'asking', nodes: [ask] }).asNode({ runner: own })],
    });

    const paused = await runner.run(outer, { n: 1 });
    const { outputs } = await runner.respond(paused.runId, 'answer', 'yes');

    expect(paused.pauses.map(({ key, value }) => [key, value])).toEqual([['answer', '1?']]);
    expect(outputs).toEqual({ answer: 'yes' });
  });

  test('one run on the stack has nested graphs on the stack', () => {
    const runner = createRunner();

    const { outputs } = runner.runSync(graph({ name: 'outer', nodes: [inner.asNode(), add] }), { n: 4 });

    expect(outputs).toEqual({ sum: 3 });
  });
});

describe('what a runner must be able to do', () => {
  const decide = route({
    name: 'decide',
    inputs: { n2: input<number>() },
    targets: ['add', END],
    run: ({ n2 }) => (n2 > 0 ? 'add' : END),
  });
  const gated = graph({ name: 'gated', nodes: [decide, add] });

  test('the capabilities of a runner can be read', () => {
    const { capabilities } = createRunner();

    expect(capabilities).toMatchObject({
      supportsCycles: true,
      supportsGates: true,
      supportsInterrupts: true,
      supportsAsyncNodes: true,
      supportsStreaming: true,
      returnsPromise: true,
    });
  });

  test('gates are refused by a runner without them, when the graph is nested', () => {
    const runner = createRunner();
    const build = () => gated.asNode({ runner: without(runner, 'supportsGates') });

    expect(thrownBy(build)).toMatchObject({ code: 'INCOMPATIBLE_RUNNER' });
  });

  test('questions are refused at any depth, and the question is named', () => {
    const ask = interrupt({ name: 'ask', response: 'answer', run: () => '?' });
    const asking = graph({ name: 'asking', nodes: [ask] });
    const middle = graph({ name: 'middle', nodes: [asking.asNode()] });
    const build = () => middle.asNode({ runner: without(createRunner(), 'supportsInterrupts') });

    const error = thrownBy(build);

    expect(error).toMatchObject({ code: 'INCOMPATIBLE_RUNNER' });
    expect(String(error)).toContain('ask');
  });

  test('loops are refused by a runner without them', () => {
    const step = node({ name: 'step', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
    const again = route({
      name: 'again',
      inputs: { n: input<number>() },
      targets: ['step', END],
      run: () => END,
    });
    const looping = graph({ name: 'looping', nodes: [step, again] });
    const build = () => looping.asNode({ runner: without(createRunner(), 'supportsCycles') });

    expect(thrownBy(build)).toMatchObject({ code: 'INCOMPATIBLE_RUNNER' });
  });

  test('what is not asked for is not refused', () => {
    const runner = without(createRunner(), 'supportsInterrupts');

    const nested = inner.asNode({ runner });

    expect(nested.outputs).toEqual(['n2']);
  });
});

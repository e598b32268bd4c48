import {
  createRunner,
  END,
  graph,
  ifElse,
  input,
  interrupt,
  node,
  type RunResult,
  type UnknownResponseError,
} from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { deferred, rejectionOf } from '../support/deferred.ts';
import { requestOf } from '../support/forest.ts';
import { eventLog, ofType, stageFor } from '../support/runs.ts';

const ask = interrupt({
  name: 'ask',
  inputs: { draft: input<string>() },
  response: 'decision',
  schema: z.string(),
  run: ({ draft }) => `Publish ${draft}?`,
});
const apply = node({
  name: 'apply',
  inputs: { draft: input<string>(), decision: input<string>() },
  output: 'published',
  run: ({ draft, decision }) => `${draft}: ${decision}`,
});
/** Its answer is an output. */
const asking = graph({ name: 'inner', nodes: [ask] });
/** Its answer is read inside, and no output. */
const using = graph({ name: 'inner', nodes: [ask, apply] });

const keysOf = (result: RunResult): string[] => result.pauses.map((pause) => pause.key);

describe('a question in a nested graph', () => {
  test('has a path that names every graph from the root on', async () => {
    const runner = createRunner();
    const outer = graph({ name: 'outer', nodes: [asking.asNode()] });

    const { pauses } = await runner.run(outer, { draft: 'it' });

    expect(pauses).toMatchObject([{ key: 'decision', node: 'ask', path: ['outer', 'inner', 'ask'] }]);
  });

  test('names the graph by the name that it has as a node', async () => {
    const runner = createRunner();
    const outer = graph({ name: 'outer', nodes: [asking.asNode({ name: 'first' })] });

    const { pauses } = await runner.run(outer, { draft: 'it' });

    expect(pauses).toMatchObject([{ path: ['outer', 'first', 'ask'] }]);
  });

  test('shows value, schema and the request of the interrupt', async () => {
    const runner = createRunner();
    const outer = graph({ name: 'outer', nodes: [asking.asNode({ namespace: true })] });

    const { pauses, info } = await runner.run(outer, { 'inner.draft': 'it' });

    const [pause] = pauses;
    expect(pause).toMatchObject({ value: 'Publish it?', requestId: requestOf(info, 'ask').id });
    expect(pause?.schema).toBeDefined();
  });

  test.each([
    ['an output', asking, { decision: 'yes' }],
    ['read inside', using, { published: 'it: yes' }],
  ])('is answered by its response name, also where that is %s', async (_, inner, outputs) => {
    const runner = createRunner();
    const { runId } = await runner.run(graph({ name: 'outer', nodes: [inner.asNode()] }), { draft: 'it' });

    const result = await runner.respond(runId, 'decision', 'yes');

    expect(result).toMatchObject({ status: 'completed', outputs });
  });

  test.each([
    ['an output', asking, { 'inner.decision': 'yes' }],
    ['read inside', using, { 'inner.published': 'it: yes' }],
  ])('in a namespaced place has the path for its key, also where it is %s', async (_, inner, outputs) => {
    const runner = createRunner();
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ namespace: true })] });
    const paused = await runner.run(outer, { 'inner.draft': 'it' });

    const result = await runner.respond(paused.runId, 'inner.decision', 'yes');

    expect(keysOf(paused)).toEqual(['inner.decision']);
    expect(result).toMatchObject({ status: 'completed', outputs });
  });

  test('in a namespaced place is not answered by its bare response name', async () => {
    const runner = createRunner();
    const outer = graph({ name: 'outer', nodes: [asking.asNode({ namespace: true })] });
    const { runId } = await runner.run(outer, { 'inner.draft': 'it' });

    const error = await rejectionOf(runner.respond(runId, 'decision', 'yes'));

    expect(error).toMatchObject({ code: 'UNKNOWN_RESPONSE' });
    expect((error as UnknownResponseError).hint).toContain('inner.decision');
  });

  test('whose response is exposed has the new name for its key', async () => {
    const runner = createRunner();
    const exposed = asking.asNode({ namespace: true, expose: { decision: 'verdict' } });
    const paused = await runner.run(graph({ name: 'outer', nodes: [exposed] }), { 'inner.draft': 'it' });

    const { outputs } = await runner.respond(paused.runId, 'verdict', 'yes');

    expect(keysOf(paused)).toEqual(['verdict']);
    expect(outputs).toEqual({ verdict: 'yes' });
  });

  test('whose response is exposed and read inside has the new name for its key', async () => {
    const runner = createRunner();
    const exposed = using.asNode({ expose: { decision: 'verdict' } });
    const paused = await runner.run(graph({ name: 'outer', nodes: [exposed] }), { draft: 'it' });

    const { outputs } = await runner.respond(paused.runId, 'verdict', 'yes');

    expect(keysOf(paused)).toEqual(['verdict']);
    expect(outputs).toEqual({ published: 'it: yes' });
  });

  test('whose response is renamed has the new name for its key', async () => {
    const runner = createRunner();
    const renamed = asking.rename({ outputs: { decision: 'verdict' } });
    const paused = await runner.run(graph({ name: 'outer', nodes: [renamed.asNode()] }), { draft: 'it' });

    const { outputs } = await runner.respond(paused.runId, 'verdict', 'yes');

    expect(keysOf(paused)).toEqual(['verdict']);
    expect(outputs).toEqual({ verdict: 'yes' });
  });

  test('whose response is renamed and namespaced has both in its key', async () => {
    const runner = createRunner();
    const renamed = asking.rename({ outputs: { decision: 'verdict' } }).asNode({ namespace: true });
    const paused = await runner.run(graph({ name: 'outer', nodes: [renamed] }), { 'inner.draft': 'it' });

    const { outputs } = await runner.respond(paused.runId, 'inner.verdict', 'yes');

    expect(keysOf(paused)).toEqual(['inner.verdict']);
    expect(outputs).toEqual({ 'inner.verdict': 'yes' });
  });

  test('of a root graph that was renamed has the new name for its key', async () => {
    const runner = createRunner();
    const renamed = asking.rename({ outputs: { decision: 'verdict' } });
    const paused = await runner.run(renamed, { draft: 'it' });

    const { outputs } = await runner.respond(paused.runId, 'verdict', 'yes');

    expect(keysOf(paused)).toEqual(['verdict']);
    expect(outputs).toEqual({ verdict: 'yes' });
  });

  test('holds up what reads the nested graph, and nothing else', async () => {
    const runner = createRunner();
    const shout = node({
      name: 'shout',
      inputs: { published: input<string>() },
      output: 'loud',
      run: ({ published }) => published.toUpperCase(),
    });
    const count = node({
      name: 'count',
      inputs: { draft: input<string>() },
      output: 'size',
      run: ({ draft }) => draft.length,
    });
    const outer = graph({ name: 'outer', nodes: [using.asNode(), shout, count] });
    const paused = await runner.run(outer, { draft: 'it' });

    const { outputs } = await runner.respond(paused.runId, 'decision', 'yes');

    expect(paused).toMatchObject({ outputs: { size: 2 }, nodes: { inner: 'paused', count: 'completed' } });
    expect(outputs).toEqual({ loud: 'IT: YES', size: 2 });
  });

  test('does not hold up what is independent of it inside the nested graph', async () => {
    const { runner, clock } = await stageFor('first');
    const gate = deferred();
    const log: string[] = [];
    const slow = node({
      name: 'slow',
      inputs: { draft: input<string>() },
      output: 'found',
      run: async ({ draft }) => {
        await gate.promise;
        log.push('slow ended');
        return draft;
      },
    });
    const outer = graph({ name: 'outer', nodes: [graph({ name: 'inner', nodes: [ask, slow] }).asNode()] });
    const running = runner.run(outer, { draft: 'it' }).then((result) => {
      log.push(result.status);
      return result;
    });

    await clock.advance(0);
    gate.resolve();
    const { runId } = await running;
    const { outputs } = await runner.respond(runId, 'decision', 'yes');

    expect(log).toEqual(['slow ended', 'paused']);
    expect(outputs).toEqual({ decision: 'yes', found: 'it' });
  });

  test('is published with the key and path that the whole run knows', async () => {
    const { runner, clock } = await stageFor('first');
    const { events, subscriber } = eventLog();
    const outer = graph({ name: 'outer', nodes: [asking.asNode({ namespace: true })] });
    const { runId } = await runner.run(outer, { 'inner.draft': 'it' }, { subscriber });

    await runner.respond(runId, 'inner.decision', 'yes');
    await clock.advance(0);

    expect(ofType(events, 'Interrupt')).toMatchObject([
      { key: 'inner.decision', node: 'ask', path: ['outer', 'inner', 'ask'] },
    ]);
    expect(ofType(events, 'InterruptResolved')).toMatchObject([{ key: 'inner.decision', value: 'yes' }]);
  });

  test('is not asked where a gate outside does not choose the nested graph', async () => {
    const runner = createRunner();
    const isAsked = ifElse({ name: 'isAsked', then: 'inner', else: END, run: () => false });

    const { status, nodes } = await runner.run(graph({ name: 'outer', nodes: [isAsked, asking.asNode()] }), {
      draft: 'it',
    });

    expect(status).toBe('completed');
    expect(nodes).toEqual({ isAsked: 'completed', inner: 'skipped' });
  });
});

describe('questions of one graph that is nested twice', () => {
  const outer = graph({
    name: 'outer',
    nodes: [
      asking.asNode({ name: 'left', namespace: true }),
      asking.asNode({ name: 'right', namespace: true }),
    ],
  });
  const given = { 'left.draft': 'L', 'right.draft': 'R' };

  test('are told apart by their keys', async () => {
    const runner = createRunner();

    const { pauses } = await runner.run(outer, given);

    expect(
      pauses.map(({ key, value, path }) => `${key}: ${String(value)} ${path.join('/')}`).toSorted(),
    ).toEqual(['left.decision: Publish L? outer/left/ask', 'right.decision: Publish R? outer/right/ask']);
  });

  test('are answered each for itself, in any order', async () => {
    const runner = createRunner();
    const { runId } = await runner.run(outer, given);

    const half = await runner.respond(runId, 'right.decision', 'r');
    const whole = await runner.respond(runId, 'left.decision', 'l');

    expect(half).toMatchObject({ outputs: { 'right.decision': 'r' }, nodes: { left: 'paused' } });
    expect(whole.outputs).toEqual({ 'left.decision': 'l', 'right.decision': 'r' });
  });

  test('are answered up front each for itself', async () => {
    const runner = createRunner();

    const paused = await runner.run(outer, { ...given, 'right.decision': 'r' });

    expect(keysOf(paused)).toEqual(['left.decision']);
    expect(paused.outputs).toEqual({ 'right.decision': 'r' });
  });

  test('are answered by handlers each for itself', async () => {
    const runner = createRunner({
      interruptHandlers: { 'left.decision': (question) => question, 'right.decision': () => 'r' },
    });

    const { outputs } = await runner.run(outer, given);

    expect(outputs).toEqual({ 'left.decision': 'Publish L?', 'right.decision': 'r' });
  });
});

describe('a question three graphs deep', () => {
  test('has the whole path, and its response name for a key', async () => {
    const runner = createRunner();
    const middle = graph({ name: 'middle', nodes: [asking.asNode()] });
    const outer = graph({ name: 'outer', nodes: [middle.asNode()] });
    const paused = await runner.run(outer, { draft: 'it' });

    const { outputs } = await runner.respond(paused.runId, 'decision', 'yes');

    expect(paused.pauses).toMatchObject([{ key: 'decision', path: ['outer', 'middle', 'inner', 'ask'] }]);
    expect(outputs).toEqual({ decision: 'yes' });
  });

  test('in two namespaces has both in its key', async () => {
    const runner = createRunner();
    const middle = graph({ name: 'middle', nodes: [using.asNode({ namespace: true })] });
    const outer = graph({ name: 'outer', nodes: [middle.asNode({ namespace: true })] });
    const paused = await runner.run(outer, { 'middle.inner.draft': 'it' });

    const { outputs } = await runner.respond(paused.runId, 'middle.inner.decision', 'yes');

    expect(keysOf(paused)).toEqual(['middle.inner.decision']);
    expect(outputs).toEqual({ 'middle.inner.published': 'it: yes' });
  });

  test('in a namespace outside only has that in its key', async () => {
    const runner = createRunner();
    const middle = graph({ name: 'middle', nodes: [asking.asNode()] });
    const outer = graph({ name: 'outer', nodes: [middle.asNode({ namespace: true })] });
    const paused = await runner.run(outer, { 'middle.draft': 'it' });

    const { outputs } = await runner.respond(paused.runId, 'middle.decision', 'yes');

    expect(keysOf(paused)).toEqual(['middle.decision']);
    expect(outputs).toEqual({ 'middle.decision': 'yes' });
  });

  test('that is exposed on its way out has the last name for its key', async () => {
    const runner = createRunner();
    const middle = graph({ name: 'middle', nodes: [asking.asNode({ namespace: true })] });
    const exposed = middle.asNode({ namespace: true, expose: { 'inner.decision': 'verdict' } });
    const paused = await runner.run(graph({ name: 'outer', nodes: [exposed] }), {
      'middle.inner.draft': 'it',
    });

    const { outputs } = await runner.respond(paused.runId, 'verdict', 'yes');

    expect(keysOf(paused)).toEqual(['verdict']);
    expect(outputs).toEqual({ verdict: 'yes' });
  });

  test('may be answered up front under the key that the whole run knows', async () => {
    const runner = createRunner();
    const middle = graph({ name: 'middle', nodes: [using.asNode({ namespace: true })] });
    const outer = graph({ name: 'outer', nodes: [middle.asNode({ namespace: true })] });

    const { status, outputs } = await runner.run(outer, {
      'middle.inner.draft': 'it',
      'middle.inner.decision': 'yes',
    });

    expect(status).toBe('completed');
    expect(outputs).toEqual({ 'middle.inner.published': 'it: yes' });
  });

  test('is open beside those of the other depths', async () => {
    const runner = createRunner();
    const askRoot = interrupt({ name: 'askRoot', response: 'atRoot', run: () => 0 });
    const askMiddle = interrupt({ name: 'askMiddle', response: 'atMiddle', run: () => 1 });
    const middle = graph({ name: 'middle', nodes: [askMiddle, asking.asNode()] });
    const outer = graph({ name: 'outer', nodes: [askRoot, middle.asNode()] });
    const paused = await runner.run(outer, { draft: 'it' });

    const some = await runner.respond(paused.runId, 'decision', 'deep');
    await runner.respond(paused.runId, 'atRoot', 'root');
    const { outputs } = await runner.respond(paused.runId, 'atMiddle', 'middle');

    expect(keysOf(paused).toSorted()).toEqual(['atMiddle', 'atRoot', 'decision']);
    expect(keysOf(some).toSorted()).toEqual(['atMiddle', 'atRoot']);
    expect(outputs).toEqual({ atRoot: 'root', atMiddle: 'middle', decision: 'deep' });
  });
});

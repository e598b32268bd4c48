import { END, graph, ifElse, input, interrupt, node, route, type RunResult } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { deferred } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf } from '../support/forest.ts';
import { EACH_RUN, eventLog, ofType, stageFor } from '../support/runs.ts';

const schema = z.string();
const approve = interrupt({
  name: 'approve',
  inputs: { draft: input<string>() },
  response: 'decision',
  schema,
  run: ({ draft }) => ({ prompt: 'Publish?', draft }),
});
const publish = node({
  name: 'publish',
  inputs: { draft: input<string>(), decision: input<string>() },
  output: 'published',
  run: ({ draft, decision }) => `${draft}: ${decision}`,
});
const publishing = graph({ name: 'publishing', nodes: [approve, publish] });

const askTone = interrupt({ name: 'askTone', response: 'tone', schema, run: () => 'Which tone?' });
const askLength = interrupt({ name: 'askLength', response: 'length', schema, run: () => 'How long?' });
const write = node({
  name: 'write',
  inputs: { tone: input<string>(), length: input<string>() },
  output: 'text',
  run: ({ tone, length }) => `${tone} and ${length}`,
});
const writing = graph({ name: 'writing', nodes: [askTone, askLength, write] });

const keysOf = (result: RunResult): string[] => result.pauses.map((pause) => pause.key);

describe.each(EACH_RUN)('a question in a graph, in the %s run of a runner', (turn) => {
  test('pauses the run', async () => {
    const { runner } = await stageFor(turn);

    const { status } = await runner.run(publishing, { draft: 'Hello' });

    expect(status).toBe('paused');
  });

  test('shows its key, node, path, value, request and schema', async () => {
    const { runner } = await stageFor(turn);

    const { pauses, info } = await runner.run(publishing, { draft: 'Hello' });

    expect(pauses).toEqual([
      {
        key: 'decision',
        node: 'approve',
        path: ['publishing', 'approve'],
        value: { prompt: 'Publish?', draft: 'Hello' },
        requestId: requestOf(info, 'approve').id,
        schema,
      },
    ]);
  });

  test('is answered by its response name, and the answer is the value of that name', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(publishing, { draft: 'Hello' });

    const result = await runner.respond(runId, 'decision', 'yes');

    expect(result).toMatchObject({ status: 'completed', outputs: { published: 'Hello: yes' }, pauses: [] });
  });

  test('gives its answer as an output of the graph where nothing reads it', async () => {
    const { runner } = await stageFor(turn);
    const asking = graph({ name: 'asking', nodes: [approve] });
    const { runId } = await runner.run(asking, { draft: 'Hello' });

    const { outputs, answer } = await runner.respond(runId, 'decision', 'yes');

    expect(outputs).toEqual({ decision: 'yes' });
    expect(answer).toBe(outputs);
  });

  test('of which the question is made asynchronously shows what the promise gave', async () => {
    const { runner } = await stageFor(turn);
    const later = interrupt({ name: 'later', response: 'answer', run: async () => Promise.resolve('Now?') });

    const { pauses } = await runner.run(graph({ name: 'asking', nodes: [later] }));

    expect(pauses).toMatchObject([{ key: 'answer', value: 'Now?' }]);
  });

  test('is open at once with all others that can be reached', async () => {
    const { runner } = await stageFor(turn);

    const paused = await runner.run(writing);

    expect(keysOf(paused).toSorted()).toEqual(['length', 'tone']);
  });

  test.each([
    ['tone', 'length'],
    ['length', 'tone'],
  ])('may be answered in any order: %s before %s', async (one, other) => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(writing);

    const half = await runner.respond(runId, one, `my ${one}`);
    const whole = await runner.respond(runId, other, `my ${other}`);

    expect(half.status).toBe('paused');
    expect(keysOf(half)).toEqual([other]);
    expect(whole.outputs).toEqual({ text: 'my tone and my length' });
  });

  test('that depends on the answer to another opens after it', async () => {
    const { runner } = await stageFor(turn);
    const confirm = interrupt({
      name: 'confirm',
      inputs: { decision: input<string>() },
      response: 'confirmed',
      schema,
      run: ({ decision }) => `Really ${decision}?`,
    });
    const confirming = graph({ name: 'confirming', nodes: [approve, confirm] });
    const first = await runner.run(confirming, { draft: 'Hello' });

    const second = await runner.respond(first.runId, 'decision', 'no');
    const last = await runner.respond(first.runId, 'confirmed', 'yes');

    expect(keysOf(first)).toEqual(['decision']);
    expect(second.pauses).toMatchObject([{ key: 'confirmed', value: 'Really no?' }]);
    expect(last.outputs).toEqual({ confirmed: 'yes' });
  });

  test('holds up nothing that does not depend on it', async () => {
    const { runner } = await stageFor(turn);
    const count = node({
      name: 'count',
      inputs: { draft: input<string>() },
      output: 'size',
      run: ({ draft }) => draft.length,
    });
    const double = node({
      name: 'double',
      inputs: { size: input<number>() },
      output: 'twice',
      run: async ({ size }) => size * 2,
    });
    const working = graph({ name: 'working', nodes: [approve, publish, count, double] });

    const paused = await runner.run(working, { draft: 'Hello' });

    expect(paused.status).toBe('paused');
    expect(paused.outputs).toEqual({ size: 5, twice: 10 });
  });

  test('does not pause the run while anything else works', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred<number>();
    const slow = node({ name: 'slow', inputs: {}, output: 'found', run: () => gate.promise });
    let isSettled = false;
    const running = runner
      .run(graph({ name: 'searching', nodes: [askTone, slow] }))
      .finally(() => (isSettled = true));

    await clock.advance(0);
    const wasSettled = isSettled;
    gate.resolve(7);
    const { status, outputs } = await running;

    expect(wasSettled).toBe(false);
    expect(status).toBe('paused');
    expect(outputs).toEqual({ found: 7 });
  });

  test('that is answered lets what reads it run beside a question that stays open', async () => {
    const { runner } = await stageFor(turn);
    const shout = node({
      name: 'shout',
      inputs: { tone: input<string>() },
      output: 'loud',
      run: ({ tone }) => tone.toUpperCase(),
    });
    const { runId } = await runner.run(graph({ name: 'shouting', nodes: [askTone, askLength, shout] }));

    const half = await runner.respond(runId, 'tone', 'dry');

    expect(half.status).toBe('paused');
    expect(half.outputs).toEqual({ tone: 'dry', loud: 'DRY' });
    expect(keysOf(half)).toEqual(['length']);
  });

  test('that no gate chooses is not asked', async () => {
    const { runner } = await stageFor(turn);
    const isLong = ifElse({
      name: 'isLong',
      inputs: { draft: input<string>() },
      then: 'approve',
      else: END,
      run: ({ draft }) => draft.length > 3,
    });
    const gated = graph({ name: 'gated', nodes: [isLong, approve, publish] });

    const { status, nodes, outputs } = await runner.run(gated, { draft: 'Hi' });

    expect(status).toBe('completed');
    expect(nodes).toEqual({ isLong: 'completed', approve: 'skipped', publish: 'skipped' });
    expect(outputs).toEqual({});
  });

  test('is asked beside the others that one gate chooses', async () => {
    const { runner } = await stageFor(turn);
    const both = route({
      name: 'both',
      targets: ['askTone', 'askLength'],
      multi: true,
      run: () => ['askTone', 'askLength'] as const,
    });

    const paused = await runner.run(graph({ name: 'gated', nodes: [both, askTone, askLength] }));

    expect(keysOf(paused).toSorted()).toEqual(['length', 'tone']);
  });

  test('repeats no work when it is answered', async () => {
    const { runner } = await stageFor(turn);
    const ran: string[] = [];
    const draw = node({
      name: 'draw',
      inputs: {},
      output: 'draft',
      run: () => {
        ran.push('draw');
        return 'Hello';
      },
    });
    const ask = interrupt({
      name: 'ask',
      inputs: { draft: input<string>() },
      response: 'decision',
      schema,
      run: ({ draft }) => {
        ran.push('ask');
        return draft;
      },
    });
    const { runId } = await runner.run(graph({ name: 'drawing', nodes: [draw, ask, publish] }));

    const { outputs } = await runner.respond(runId, 'decision', 'yes');

    expect(outputs).toEqual({ published: 'Hello: yes' });
    expect(ran).toEqual(['draw', 'ask']);
  });

  test.each([null, 0, false, ''])('takes %j for an answer', async (given) => {
    const { runner } = await stageFor(turn);
    const ask = interrupt({ name: 'ask', response: 'answer', run: () => 'What?' });
    const wrap = node({
      name: 'wrap',
      inputs: { answer: input<unknown>() },
      output: 'wrapped',
      run: ({ answer }) => [answer],
    });
    const { runId } = await runner.run(graph({ name: 'wrapping', nodes: [ask, wrap] }));

    const { outputs } = await runner.respond(runId, 'answer', given);

    expect(outputs).toEqual({ wrapped: [given] });
  });

  test('hands on the very object that answers', async () => {
    const { runner } = await stageFor(turn);
    const ask = interrupt({ name: 'ask', response: 'answer', run: () => 'What?' });
    const { runId } = await runner.run(graph({ name: 'asking', nodes: [ask] }));
    const given = { deep: [1] };

    const { outputs } = await runner.respond(runId, 'answer', given);

    expect(outputs['answer']).toBe(given);
  });

  test('is published with key, node, path and value, and its answer with key and value', async () => {
    const { runner, clock } = await stageFor(turn);
    const { events, subscriber } = eventLog();
    const { runId } = await runner.run(publishing, { draft: 'Hello' }, { subscriber });

    await runner.respond(runId, 'decision', 'yes');
    await clock.advance(0);

    expect(ofType(events, 'Interrupt')).toMatchObject([
      { key: 'decision', node: 'approve', path: ['publishing', 'approve'], value: { draft: 'Hello' } },
    ]);
    expect(ofType(events, 'InterruptResolved')).toMatchObject([{ key: 'decision', value: 'yes' }]);
  });

  test('of one run is not that of another', async () => {
    const { runner } = await stageFor(turn);
    const one = await runner.run(publishing, { draft: 'One' });
    const two = await runner.run(publishing, { draft: 'Two' });

    const second = await runner.respond(two.runId, 'decision', 'no');
    const first = await runner.respond(one.runId, 'decision', 'yes');

    expect([first.outputs, second.outputs]).toEqual([{ published: 'One: yes' }, { published: 'Two: no' }]);
  });
});

describe('the result of a paused graph', () => {
  test('has every name that was produced so far, and no echo of its inputs', async () => {
    const { runner } = await stageFor('first');
    const draw = node({
      name: 'draw',
      inputs: { topic: input<string>() },
      output: 'draft',
      run: ({ topic }) => `On ${topic}`,
    });
    const drawing = graph({ name: 'drawing', nodes: [draw, approve, publish] });
    const paused = await runner.run(drawing, { topic: 'it' });

    const { outputs } = await runner.respond(paused.runId, 'decision', 'yes');

    expect(paused.outputs).toEqual({ draft: 'On it' });
    expect(outputs).toEqual({ published: 'On it: yes' });
  });

  test('says which nodes have completed, were skipped and are paused', async () => {
    const { runner } = await stageFor('first');
    const title = node({
      name: 'title',
      inputs: { draft: input<string>() },
      output: 'heading',
      run: ({ draft }) => draft,
    });
    const never = ifElse({ name: 'never', then: 'extra', else: END, run: () => false });
    const extra = node({ name: 'extra', inputs: {}, output: 'more', run: () => 1 });
    const mixed = graph({ name: 'mixed', nodes: [title, approve, publish, never, extra] });

    const { nodes } = await runner.run(mixed, { draft: 'Hello' });

    expect(nodes).toMatchObject({
      title: 'completed',
      approve: 'paused',
      never: 'completed',
      extra: 'skipped',
    });
    expect(nodes['publish']).not.toBe('completed');
    expect(nodes['publish']).not.toBe('skipped');
  });

  test('is not changed by what happens later', async () => {
    const { runner } = await stageFor('first');
    const paused = await runner.run(publishing, { draft: 'Hello' });

    await runner.respond(paused.runId, 'decision', 'yes');

    expect(paused).toMatchObject({ status: 'paused', outputs: {}, nodes: { approve: 'paused' } });
    expect(keysOf(paused)).toEqual(['decision']);
    expect(statusesOf(paused.info)).toEqual(['publishing running', 'approve interrupted']);
  });

  test('is followed by one in which every node has completed', async () => {
    const { runner } = await stageFor('first');
    const { runId } = await runner.run(publishing, { draft: 'Hello' });

    const { nodes, reasons, info } = await runner.respond(runId, 'decision', 'yes');

    expect(nodes).toEqual({ approve: 'completed', publish: 'completed' });
    expect(reasons).toEqual({});
    expect(statusesOf(info)).toEqual(['publishing succeeded', 'approve succeeded', 'publish succeeded']);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('records the question as a request of kind interrupt, whose output is the answer', async () => {
    const { runner } = await stageFor('first');
    const { runId } = await runner.run(publishing, { draft: 'Hello' });

    const { info } = await runner.respond(runId, 'decision', 'yes');

    const request = requestOf(info, 'approve');
    expect(info.nodes.get(request.nodeId)).toMatchObject({ kind: 'interrupt' });
    expect(request).toMatchObject({ status: 'succeeded', output: 'yes', input: { draft: 'Hello' } });
  });
});

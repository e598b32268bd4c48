import { END, fromGraph, graph, ifElse, input, interrupt, node, type PauseInfo } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { assign, createActor, sendTo, setup, toPromise, waitFor } from 'xstate';
import { z } from 'zod';
import { deferred } from '../support/deferred.ts';

const ask = interrupt({
  name: 'ask',
  inputs: { draft: input<string>() },
  response: 'decision',
  schema: z.string(),
  run: ({ draft }) => `Publish ${draft}?`,
});
const publish = node({
  name: 'publish',
  inputs: { draft: input<string>(), decision: input<string>() },
  output: 'published',
  run: ({ draft, decision }) => `${draft}: ${decision}`,
});
const count = node({
  name: 'count',
  inputs: { draft: input<string>() },
  output: 'size',
  run: ({ draft }) => draft.length,
});
const publishing = graph({ name: 'publishing', nodes: [ask, publish, count] });
const nested = graph({ name: 'outer', nodes: [publishing.asNode({ namespace: true })] });

const keysOf = (pauses: readonly PauseInfo[]): string[] => pauses.map(({ key }) => key);

/** A machine that runs a graph and hands answers and a cancel on to it. */
const desk = setup({
  types: {
    context: {} as { result: unknown },
    events: {} as { type: 'answer'; key: string; value: unknown } | { type: 'giveUp' },
  },
  actors: { publishing: fromGraph(publishing) },
}).createMachine({
  context: { result: undefined },
  initial: 'asking',
  states: {
    asking: {
      invoke: {
        id: 'job',
        systemId: 'workflow',
        src: 'publishing',
        input: { draft: 'it' },
        onDone: { target: 'done', actions: assign({ result: ({ event }) => event.output }) },
        onError: { target: 'failed', actions: assign({ result: ({ event }) => event.error }) },
      },
      on: {
        answer: {
          actions: sendTo('job', ({ event }) => ({ type: 'respond', key: event.key, value: event.value })),
        },
        giveUp: { actions: sendTo('job', { type: 'cancel', reason: 'no time' }) },
      },
    },
    done: { type: 'final' },
    failed: { type: 'final' },
  },
});

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

describe('a graph that waits for an answer in a machine', () => {
  test('goes on when its parent sends the answer to it', async () => {
    const actor = createActor(desk).start();
    await settle();

    actor.send({ type: 'answer', key: 'decision', value: 'yes' });
    await toPromise(actor);

    expect(actor.getSnapshot().context.result).toEqual({ published: 'it: yes', size: 2 });
  });

  test('ends with a CancelledError when its parent cancels it', async () => {
    const actor = createActor(desk).start();
    await settle();

    actor.send({ type: 'giveUp' });
    await toPromise(actor);

    expect(actor.getSnapshot().value).toBe('failed');
    expect(actor.getSnapshot().context.result).toMatchObject({ code: 'CANCELLED', reason: 'no time' });
  });

  test('stays paused when the answer is none to its question, or does not fit', async () => {
    const actor = createActor(desk).start();
    await settle();

    actor.send({ type: 'answer', key: 'other', value: 'yes' });
    actor.send({ type: 'answer', key: 'decision', value: 5 });
    await settle();

    const child = actor.getSnapshot().children['job'];
    expect(child?.getSnapshot()).toMatchObject({ status: 'active', context: { status: 'paused' } });
    actor.send({ type: 'answer', key: 'decision', value: 'yes' });
    await toPromise(actor);
    expect(actor.getSnapshot().context.result).toMatchObject({ published: 'it: yes' });
  });

  test('is found in the system by its id, and answered there', async () => {
    const actor = createActor(desk).start();
    await settle();

    const workflow = actor.system.get('workflow');
    workflow?.send({ type: 'respond', key: 'decision', value: 'from afar' });
    await toPromise(actor);

    expect(actor.getSnapshot().context.result).toMatchObject({ published: 'it: from afar' });
  });

  test('is no longer in the system when its parent has stopped', async () => {
    const actor = createActor(desk).start();
    await settle();

    actor.stop();

    expect(actor.system.get('workflow')).toBeUndefined();
  });
});

describe('the snapshot of a graph', () => {
  test('shows status, questions and outputs while it is paused', async () => {
    const actor = createActor(fromGraph(publishing), { input: { draft: 'it' } }).start();

    await waitFor(actor, ({ context }) => context.status === 'paused');

    const { status, value, context } = actor.getSnapshot();
    expect(status).toBe('active');
    expect(value).toBe('paused');
    expect(context.outputs).toEqual({ size: 2 });
    expect(context.pauses).toMatchObject([
      { key: 'decision', node: 'ask', path: ['publishing', 'ask'], value: 'Publish it?' },
    ]);
  });

  test('shows a question from when it is asked until it is answered, while other nodes work', async () => {
    const gate = deferred<number>();
    const slow = node({ name: 'slow', inputs: {}, output: 'found', run: () => gate.promise });
    const both = graph({ name: 'both', nodes: [ask, slow] });
    const actor = createActor(fromGraph(both), { input: { draft: 'it' } }).start();
    await settle();

    const asked = actor.getSnapshot().context;
    actor.send({ type: 'respond', key: 'decision', value: 'yes' });
    await settle();
    const answered = actor.getSnapshot().context;
    gate.resolve(1);

    expect(asked).toMatchObject({ status: 'running', pauses: [{ key: 'decision' }] });
    expect(answered).toMatchObject({ status: 'running', pauses: [] });
    expect(await toPromise(actor)).toEqual({ decision: 'yes', found: 1 });
  });

  test('shows no question when it has been answered', async () => {
    const actor = createActor(fromGraph(publishing), { input: { draft: 'it' } }).start();
    await waitFor(actor, ({ context }) => context.status === 'paused');

    actor.send({ type: 'respond', key: 'decision', value: 'yes' });
    await toPromise(actor);

    expect(actor.getSnapshot().context).toMatchObject({
      status: 'completed',
      pauses: [],
      outputs: { published: 'it: yes', size: 2 },
    });
  });

  test('shows which questions are left after some were answered', async () => {
    const askTone = interrupt({ name: 'askTone', response: 'tone', run: () => 'Which tone?' });
    const askLength = interrupt({ name: 'askLength', response: 'length', run: () => 'How long?' });
    const both = graph({ name: 'both', nodes: [askTone, askLength] });
    const actor = createActor(fromGraph(both), { input: {} }).start();
    await waitFor(actor, ({ context }) => context.status === 'paused');
    const before = keysOf(actor.getSnapshot().context.pauses).toSorted();

    actor.send({ type: 'respond', key: 'tone', value: 'dry' });
    await settle();

    expect(before).toEqual(['length', 'tone']);
    expect(actor.getSnapshot().context).toMatchObject({
      status: 'paused',
      pauses: [{ key: 'length' }],
      outputs: { tone: 'dry' },
    });
  });

  test('shows the question again that a loop asks again', async () => {
    const again = ifElse({
      name: 'again',
      inputs: { decision: input<string>() },
      then: 'revise',
      else: END,
      run: ({ decision }) => decision !== 'ok',
    });
    const revise = node({
      name: 'revise',
      inputs: { draft: input<string>(), decision: input<string>() },
      output: 'draft',
      run: ({ draft, decision }) => `${draft}+${decision}`,
    });
    const review = graph({ name: 'review', nodes: [ask, again, revise] });
    const actor = createActor(fromGraph(review), { input: { draft: 'v' } }).start();
    await waitFor(actor, ({ context }) => context.status === 'paused');

    actor.send({ type: 'respond', key: 'decision', value: 'a' });
    await settle();
    const second = actor.getSnapshot().context.pauses;
    actor.send({ type: 'respond', key: 'decision', value: 'ok' });

    expect(second).toMatchObject([{ key: 'decision', value: 'Publish v+a?' }]);
    expect(await toPromise(actor)).toMatchObject({ draft: 'v+a' });
  });

  test('shows key and path of a question in a nested graph, which is answered by that key', async () => {
    const actor = createActor(fromGraph(nested), { input: { 'publishing.draft': 'it' } }).start();
    await waitFor(actor, ({ context }) => context.status === 'paused');
    const { pauses } = actor.getSnapshot().context;

    actor.send({ type: 'respond', key: 'publishing.decision', value: 'yes' });

    expect(pauses).toMatchObject([{ key: 'publishing.decision', path: ['outer', 'publishing', 'ask'] }]);
    expect(await toPromise(actor)).toMatchObject({ 'publishing.published': 'it: yes' });
  });

  test('that is persisted while paused runs anew from its input', async () => {
    const first = createActor(fromGraph(publishing), { input: { draft: 'it' } }).start();
    await waitFor(first, ({ context }) => context.status === 'paused');
    const persisted: unknown = JSON.parse(JSON.stringify(first.getPersistedSnapshot()));
    first.stop();

    const second = createActor(fromGraph(publishing), {
      input: { draft: 'other' },
      snapshot: persisted as never,
    }).start();
    await waitFor(second, ({ context }) => context.status === 'paused');
    second.send({ type: 'respond', key: 'decision', value: 'yes' });

    expect(await toPromise(second)).toEqual({ published: 'it: yes', size: 2 });
  });
});

describe('the questions of a graph as an actor', () => {
  test('are answered by handlers', async () => {
    const logic = fromGraph(publishing, { interruptHandlers: { decision: async () => 'handled' } });

    const actor = createActor(logic, { input: { draft: 'it' } }).start();

    expect(await toPromise(actor)).toMatchObject({ published: 'it: handled' });
  });

  test('are answered up front in the input', async () => {
    const actor = createActor(fromGraph(publishing), {
      input: { draft: 'it', decision: 'at once' },
    }).start();

    expect(await toPromise(actor)).toMatchObject({ published: 'it: at once' });
  });

  test('are emitted, and may be answered right there', async () => {
    const actor = createActor(fromGraph(publishing), { input: { draft: 'it' } });
    const seen: unknown[] = [];
    actor.on('Interrupt', ({ key, value }) => {
      seen.push([key, value]);
      actor.send({ type: 'respond', key, value: 'now' });
    });
    actor.on('InterruptResolved', ({ key, value }) => void seen.push([key, value]));

    actor.start();

    expect(await toPromise(actor)).toMatchObject({ published: 'it: now' });
    expect(seen).toEqual([
      ['decision', 'Publish it?'],
      ['decision', 'now'],
    ]);
  });

  test('stop the time of the run', async () => {
    const clock = fakeClock();
    const actor = createActor(fromGraph(publishing, { timeout: 50, clock }), { input: { draft: 'it' } });
    actor.start();

    await clock.advance(1_000);
    actor.send({ type: 'respond', key: 'decision', value: 'late' });

    expect(await toPromise(actor)).toMatchObject({ published: 'it: late' });
  });

  test('are gone when it is stopped', async () => {
    const resolved: string[] = [];
    const actor = createActor(fromGraph(publishing), { input: { draft: 'it' } });
    actor.on('InterruptResolved', ({ key }) => void resolved.push(key));
    actor.start();
    await waitFor(actor, ({ context }) => context.status === 'paused');

    actor.stop();
    await settle();

    expect(actor.getSnapshot().status).toBe('stopped');
    expect(resolved).toEqual([]);
  });
});

import { createRunner, END, graph, ifElse, input, interrupt, node } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { deferred, rejectionOf } from '../support/deferred.ts';
import { unendedOf } from '../support/forest.ts';
import { eventLog, ofType } from '../support/runs.ts';

const ask = interrupt({
  name: 'ask',
  inputs: { draft: input<string>() },
  response: 'decision',
  schema: z.string(),
  run: ({ draft }) => `Publish ${draft}?`,
});
const asking = graph({ name: 'inner', nodes: [ask] });

const nestedIn = (own = createRunner()) =>
  graph({ name: 'outer', nodes: [asking.asNode({ runner: own, namespace: true })] });
const given = { 'inner.draft': 'it' };
const measure = interrupt({
  name: 'measure',
  response: 'size',
  schema: z.string().transform((text) => text.length),
  run: () => 'Text?',
});
const measuring = graph({ name: 'inner', nodes: [measure] });

describe('a question in a nested graph with a runner of its own', () => {
  test('pauses the outer run, with key, node, path and value as if it had none', async () => {
    const { status, pauses } = await createRunner().run(nestedIn(), given);

    expect(status).toBe('paused');
    expect(pauses).toMatchObject([
      { key: 'inner.decision', node: 'ask', path: ['outer', 'inner', 'ask'], value: 'Publish it?' },
    ]);
  });

  test('is answered through the outer run', async () => {
    const runner = createRunner();
    const { runId } = await runner.run(nestedIn(), given);

    const result = await runner.respond(runId, 'inner.decision', 'yes');

    expect(result).toMatchObject({ status: 'completed', outputs: { 'inner.decision': 'yes' } });
    expect(unendedOf(result.info)).toEqual([]);
  });

  test('stays open when an answer does not fit its schema', async () => {
    const runner = createRunner();
    const { runId } = await runner.run(nestedIn(), given);

    const error = await rejectionOf(runner.respond(runId, 'inner.decision', 5));
    const { status, outputs } = await runner.respond(runId, 'inner.decision', 'yes');

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(status).toBe('completed');
    expect(outputs).toEqual({ 'inner.decision': 'yes' });
  });

  test('gets what its schema parses the answer to, once', async () => {
    const runner = createRunner();
    const nested = measuring.asNode({ runner: createRunner() });
    const { runId } = await runner.run(graph({ name: 'outer', nodes: [nested] }));

    const { outputs } = await runner.respond(runId, 'size', 'four');

    expect(outputs).toEqual({ size: 4 });
  });

  test('is answered up front', async () => {
    const { status, outputs } = await createRunner().run(nestedIn(), { ...given, 'inner.decision': 'yes' });

    expect(status).toBe('completed');
    expect(outputs).toEqual({ 'inner.decision': 'yes' });
  });

  test('gets what its schema parses an answer up front to, once', async () => {
    const nested = measuring.asNode({ runner: createRunner() });

    const { status, outputs } = await createRunner().run(graph({ name: 'outer', nodes: [nested] }), {
      size: 'four',
    });

    expect(status).toBe('completed');
    expect(outputs).toEqual({ size: 4 });
  });

  test('is answered by a handler of the outer runner', async () => {
    const runner = createRunner({ interruptHandlers: { 'inner.decision': () => 'handled' } });

    const { outputs } = await runner.run(nestedIn(), given);

    expect(outputs).toEqual({ 'inner.decision': 'handled' });
  });

  test('is answered by a handler of its own runner, and then not asked outside', async () => {
    const { events, subscriber } = eventLog();
    const runner = createRunner({ subscriber });
    const answer = deferred<string>();
    const handlers = { 'inner.decision': () => answer.promise, decision: () => answer.promise };
    const own = createRunner({ interruptHandlers: handlers });
    const running = runner.run(nestedIn(own), given);

    await fakeClock().advance(0);
    answer.resolve('inside');
    const { status, outputs } = await running;
    await runner.close();

    expect(status).toBe('completed');
    expect(outputs).toEqual({ 'inner.decision': 'inside' });
    expect(ofType(events, 'Interrupt')).toEqual([]);
  });

  test('does not pause the outer run while its own run works beside it', async () => {
    const gate = deferred<number>();
    const slow = node({ name: 'slow', inputs: {}, output: 'found', run: () => gate.promise });
    const inner = graph({ name: 'inner', nodes: [ask, slow] });
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ runner: createRunner() })] });
    let isSettled = false;
    const running = createRunner()
      .run(outer, { draft: 'it' })
      .finally(() => (isSettled = true));

    await fakeClock().advance(0);
    const wasSettled = isSettled;
    gate.resolve(1);
    const { status } = await running;

    expect(wasSettled).toBe(false);
    expect(status).toBe('paused');
  });

  test('is open beside another, and they are answered in any order', async () => {
    const runner = createRunner();
    const askOther = interrupt({ name: 'askOther', response: 'other', run: () => 'Other?' });
    const inner = graph({ name: 'inner', nodes: [ask, askOther] });
    const outer = graph({ name: 'outer', nodes: [inner.asNode({ runner: createRunner() })] });
    const paused = await runner.run(outer, { draft: 'it' });

    const half = await runner.respond(paused.runId, 'other', 2);
    const { outputs } = await runner.respond(paused.runId, 'decision', 'yes');

    expect(paused.pauses.map(({ key }) => key).toSorted()).toEqual(['decision', 'other']);
    expect(half.pauses.map(({ key }) => key)).toEqual(['decision']);
    expect(outputs).toEqual({ decision: 'yes', other: 2 });
  });

  test('opens again in a loop', async () => {
    const runner = createRunner();
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
    const outer = graph({ name: 'outer', nodes: [review.asNode({ runner: createRunner() })] });
    const { runId } = await runner.run(outer, { draft: 'v' });

    const second = await runner.respond(runId, 'decision', 'a');
    const { outputs } = await runner.respond(runId, 'decision', 'ok');

    expect(second.pauses).toMatchObject([{ key: 'decision', value: 'Publish v+a?' }]);
    expect(outputs).toMatchObject({ draft: 'v+a' });
  });

  test('is withdrawn when the outer run is cancelled', async () => {
    const own = createRunner();
    const clock = fakeClock();
    const runner = createRunner({ clock });
    const handle = runner.iter(nestedIn(own), given, { onFailure: 'return' });
    await clock.advance(0);

    handle.cancel('enough');
    const { status } = await handle.result;
    await own.close();

    expect(status).toBe('cancelled');
    expect(own.info.runs.map((run) => run.status)).toEqual(['cancelled']);
  });

  test('stops the time of the outer run', async () => {
    const clock = fakeClock();
    const runner = createRunner({ clock });
    const { runId } = await runner.run(nestedIn(), given, { timeout: 50 });

    await clock.advance(1_000);
    const { status } = await runner.respond(runId, 'inner.decision', 'yes');

    expect(status).toBe('completed');
  });

  test('is published in the outer run', async () => {
    const { events, subscriber } = eventLog();
    const runner = createRunner({ subscriber });
    const { runId } = await runner.run(nestedIn(), given);
    await runner.respond(runId, 'inner.decision', 'yes');
    await runner.close();

    const shown = events.filter((event) => event.type === 'Interrupt' || event.type === 'InterruptResolved');
    expect(shown).toMatchObject([
      { type: 'Interrupt', key: 'inner.decision', runId },
      { type: 'InterruptResolved', key: 'inner.decision', value: 'yes', runId },
    ]);
  });
});

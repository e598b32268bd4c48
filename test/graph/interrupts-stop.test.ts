import {
  CancelledError,
  createRunner,
  graph,
  input,
  interrupt,
  node,
  RunTimeoutError,
  type AnyGraph,
} from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { deferred, never, rejectionOf } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf, unendedOf } from '../support/forest.ts';
import { EACH_RUN, eventLog, ofType, stageFor } from '../support/runs.ts';

const ask = interrupt({ name: 'ask', response: 'decision', schema: z.string(), run: () => 'Go?' });
const wait = node({
  name: 'wait',
  inputs: { decision: input<string>() },
  output: 'done',
  run: (): Promise<string> => never(),
});
const asking = graph({ name: 'asking', nodes: [ask] });
const waiting = graph({ name: 'waiting', nodes: [ask, wait] });
const nested = graph({
  name: 'outer',
  nodes: [graph({ name: 'middle', nodes: [waiting.asNode()] }).asNode()],
});

describe.each(EACH_RUN)('a paused graph in the %s run of a runner', (turn) => {
  test.each([1, 3])('is cancelled with everything in it, %i deep', async (depth) => {
    const { runner, clock } = await stageFor(turn);
    const target: AnyGraph = depth === 1 ? asking : nested;
    const handle = runner.iter(target, {}, { onFailure: 'return' });
    await clock.advance(0);

    const stopped = runner.cancel(handle.runId, 'enough');
    const { status, error, pauses, info } = await handle.result;

    expect(stopped).toBe(true);
    expect(status).toBe('cancelled');
    expect(error).toBeInstanceOf(CancelledError);
    expect(error).toMatchObject({ reason: 'enough' });
    expect(pauses).toEqual([]);
    expect(unendedOf(info)).toEqual([]);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('that was cancelled takes no answer', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(nested);
    runner.cancel(runId);

    const error = await rejectionOf(runner.respond(runId, 'decision', 'yes'));

    expect(error).toMatchObject({ code: 'UNKNOWN_RESPONSE' });
    expect(runner.info.run(runId).status).toBe('cancelled');
  });

  test('is cancelled by the abort of its signal', async () => {
    const { runner, clock } = await stageFor(turn);
    const controller = new AbortController();
    const handle = runner.iter(nested, {}, { signal: controller.signal, onFailure: 'return' });
    await clock.advance(0);

    controller.abort('gone');
    const { status, error } = await handle.result;

    expect(status).toBe('cancelled');
    expect(error).toMatchObject({ code: 'CANCELLED', reason: 'gone' });
  });

  test('says in its result which nodes were cancelled', async () => {
    const { runner, clock } = await stageFor(turn);
    const handle = runner.iter(waiting, {}, { onFailure: 'return' });
    await clock.advance(0);

    handle.cancel('enough');
    const { nodes } = await handle.result;

    expect(nodes).toMatchObject({ ask: 'cancelled' });
    expect(nodes['wait']).not.toBe('completed');
  });

  test('never times out', async () => {
    const { runner, clock } = await stageFor(turn);
    const { runId } = await runner.run(nested, {}, { timeout: 50 });

    await clock.advance(1_000_000);

    expect(runner.info.run(runId).status).toBe('paused');
  });

  test('goes on with what was left of its time', async () => {
    const { runner, clock } = await stageFor(turn);
    const slow = node({
      name: 'slow',
      inputs: {},
      output: 'found',
      run: () => new Promise<number>((resolve) => clock.setTimeout(() => resolve(1), 60)),
    });
    const handle = runner.iter(
      graph({ name: 'both', nodes: [ask, wait, slow] }),
      {},
      { timeout: 100, onFailure: 'return' },
    );
    await clock.advance(60);
    await clock.advance(10_000);

    void handle.respond('decision', 'go');
    await clock.advance(39);
    const before = handle.info.status;
    await clock.advance(1);

    expect(before).toBe('running');
    const { status, error, info } = await handle.result;
    expect(status).toBe('timedOut');
    expect(error).toBeInstanceOf(RunTimeoutError);
    expect(error).toMatchObject({ timeoutMs: 100 });
    expect(unendedOf(info)).toEqual([]);
  });

  test('times out while anything works beside the question', async () => {
    const { runner, clock } = await stageFor(turn);
    const works = node({ name: 'works', inputs: {}, output: 'found', run: (): Promise<number> => never() });
    const handle = runner.iter(
      graph({ name: 'both', nodes: [ask, works] }),
      {},
      { timeout: 50, onFailure: 'return' },
    );

    await clock.advance(50);
    const { status, info } = await handle.result;

    expect(status).toBe('timedOut');
    expect(statusesOf(info).toSorted()).toEqual(['ask cancelled', 'both cancelled', 'works cancelled']);
  });

  test('counts time again from the answer on, in every round of questions', async () => {
    const { runner, clock } = await stageFor(turn);
    const work = node({
      name: 'work',
      inputs: { decision: input<string>() },
      output: 'made',
      run: ({ decision }) => new Promise<string>((resolve) => clock.setTimeout(() => resolve(decision), 40)),
    });
    const askAgain = interrupt({
      name: 'askAgain',
      inputs: { made: input<string>() },
      response: 'second',
      schema: z.string(),
      run: ({ made }) => made,
    });
    const finish = node({
      name: 'finish',
      inputs: { second: input<string>() },
      output: 'end',
      run: (): Promise<string> => never(),
    });
    const rounds = graph({ name: 'rounds', nodes: [ask, work, askAgain, finish] });
    const handle = runner.iter(rounds, {}, { timeout: 100, onFailure: 'return' });
    await clock.advance(500);
    void handle.respond('decision', 'go');
    await clock.advance(40);
    await clock.advance(500);

    void handle.respond('second', 'go');
    await clock.advance(59);
    const before = handle.info.status;
    await clock.advance(1);

    expect(before).toBe('running');
    expect((await handle.result).status).toBe('timedOut');
  });

  test('is cancelled when its runner closes, for the reason "closed"', async () => {
    const { runner, clock } = await stageFor(turn);
    const handle = runner.iter(nested, {}, { onFailure: 'return' });
    await clock.advance(0);

    await runner.close();
    const { status, error, info } = await handle.result;

    expect(status).toBe('cancelled');
    expect(error).toMatchObject({ code: 'CANCELLED', reason: 'closed' });
    expect(unendedOf(info)).toEqual([]);
  });

  test('that comes to its pause only while its runner drains is cancelled then', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred<number>();
    const slow = node({ name: 'slow', inputs: {}, output: 'found', run: () => gate.promise });
    const handle = runner.iter(graph({ name: 'both', nodes: [ask, slow] }), {}, { onFailure: 'return' });
    await clock.advance(0);

    const closing = runner.close();
    await clock.advance(0);
    gate.resolve(1);
    await closing;
    const { status, error, outputs } = await handle.result;

    expect(status).toBe('cancelled');
    expect(error).toMatchObject({ reason: 'closed' });
    expect(outputs).toEqual({ found: 1 });
  });

  test('stops its question when a request of that is cancelled, and fails with the reason', async () => {
    const { runner, clock } = await stageFor(turn);
    const handle = runner.iter(nested, {}, { onFailure: 'return' });
    await clock.advance(0);
    const [pause] = handle.pauses;

    const stopped = runner.cancel(pause?.requestId ?? '', 'no more');
    const { error, info } = await handle.result;

    expect(stopped).toBe(true);
    expect(error).toMatchObject({ code: 'CANCELLED', reason: 'no more' });
    expect(requestOf(info, 'ask').status).toBe('cancelled');
    expect(unendedOf(info)).toEqual([]);
  });
});

describe('an open question beside a failure', () => {
  const boom = new Error('boom');
  const failing = (gate: Promise<void>) =>
    node({
      name: 'fails',
      inputs: {},
      output: 'nothing',
      run: async (): Promise<string> => {
        await gate;
        throw boom;
      },
    });

  test('is withdrawn, and the run fails', async () => {
    const { runner, clock } = await stageFor('first');
    const gate = deferred();
    const handle = runner.iter(
      graph({ name: 'both', nodes: [ask, failing(gate.promise)] }),
      {},
      { onFailure: 'return' },
    );
    await clock.advance(0);

    gate.resolve();
    const { status, error, pauses, nodes } = await handle.result;

    expect(status).toBe('failed');
    expect(error).toBe(boom);
    expect(pauses).toEqual([]);
    expect(nodes).toEqual({ ask: 'cancelled', fails: 'failed' });
  });

  test('stays open under onError continue, and its answer is among the outputs of the failed run', async () => {
    const runner = createRunner({ onError: 'continue' });
    const shout = node({
      name: 'shout',
      inputs: { decision: input<string>() },
      output: 'loud',
      run: ({ decision }) => decision.toUpperCase(),
    });
    const both = graph({ name: 'both', nodes: [ask, shout, failing(Promise.resolve())] });
    const paused = await runner.run(both, {}, { onFailure: 'return' });

    const result = await runner.respond(paused.runId, 'decision', 'yes').catch((error: unknown) => error);

    expect(paused).toMatchObject({ status: 'paused', nodes: { ask: 'paused', fails: 'failed' } });
    expect(result).toMatchObject({ status: 'failed', outputs: { loud: 'YES' } });
  });
});

describe('a question', () => {
  test('holds no place: with one place, others work on', async () => {
    const runner = createRunner({ maxConcurrency: 1 });
    const count = node({ name: 'count', inputs: {}, output: 'n', run: async () => 1 });
    const askMore = interrupt({ name: 'askMore', response: 'more', run: () => 'More?' });

    const { pauses, outputs } = await runner.run(graph({ name: 'three', nodes: [ask, askMore, count] }));

    expect(pauses.map(({ key }) => key).toSorted()).toEqual(['decision', 'more']);
    expect(outputs).toEqual({ n: 1 });
  });

  test('with a timeout of its own stays open: that is a limit for making the question', async () => {
    const { runner, clock } = await stageFor('first');
    const patient = interrupt({
      name: 'patient',
      response: 'decision',
      schema: z.string(),
      timeout: 50,
      run: () => 'Well?',
    });
    const { runId } = await runner.run(graph({ name: 'asking', nodes: [patient] }));

    await clock.advance(1_000);
    const { status, outputs } = await runner.respond(runId, 'decision', 'yes');

    expect(status).toBe('completed');
    expect(outputs).toEqual({ decision: 'yes' });
  });

  test('that takes longer to make than its timeout is a NodeTimeoutError', async () => {
    const { runner, clock } = await stageFor('first');
    const slow = interrupt({ name: 'slow', response: 'decision', timeout: 50, run: () => never() });
    const handle = runner.iter(graph({ name: 'asking', nodes: [slow] }), {}, { onFailure: 'return' });

    await clock.advance(50);
    const { error } = await handle.result;

    expect(error).toMatchObject({ code: 'NODE_TIMEOUT' });
  });

  test('whose run throws fails the run with its very error', async () => {
    const boom = new Error('boom');
    const broken = interrupt({
      name: 'broken',
      response: 'decision',
      run: () => {
        throw boom;
      },
    });

    const error = await rejectionOf(createRunner().run(graph({ name: 'asking', nodes: [broken] })));

    expect(error).toBe(boom);
  });

  test('that was answered is resolved in the events before what reads it starts', async () => {
    const { runner, clock } = await stageFor('first');
    const { events, subscriber } = eventLog();
    const { runId } = await runner.run(asking, {}, { subscriber });

    await runner.respond(runId, 'decision', 'yes');
    await clock.advance(0);

    const [resolved] = ofType(events, 'InterruptResolved');
    const end = ofType(events, 'NodeEnd').find(({ nodeName }) => nodeName === 'ask');
    expect(resolved?.seq).toBeLessThan(end?.seq ?? 0);
    expect(ofType(events, 'RunEnd')).toMatchObject([{ status: 'completed', outputs: { decision: 'yes' } }]);
  });
});

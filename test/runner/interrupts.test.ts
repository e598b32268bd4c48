import { node, type RunResult } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { deferred, rejectionOf } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf } from '../support/forest.ts';
import { EACH_RUN, eventLog, ofType, stageFor } from '../support/runs.ts';

const askName = node('askName', async (_: unknown, ctx) => {
  const name = await ctx.interrupt<string>({ prompt: 'Whose name?' }, { key: 'name' });
  return `Hello ${name}`;
});
const askBoth = node('askBoth', (_: unknown, ctx) =>
  Promise.all([
    ctx.interrupt<string>('First?', { key: 'first' }),
    ctx.interrupt<string>('Second?', { key: 'second' }),
  ]),
);

const keysOf = (result: RunResult): string[] => result.pauses.map((pause) => pause.key);

describe.each(EACH_RUN)('a question in the %s run of a runner', (turn) => {
  test('run resolves with status paused when nothing can go on without an answer', async () => {
    const { runner } = await stageFor(turn);

    const { status, answer } = await runner.run(askName);

    expect(status).toBe('paused');
    expect(answer).toBeUndefined();
  });

  test('the pause names key, node, value and request of the question', async () => {
    const { runner } = await stageFor(turn);
    const root = node('root', (_: unknown, ctx) => ctx.call(askName));

    const { pauses, info } = await runner.run(root);

    expect(pauses).toMatchObject([
      {
        key: 'name',
        node: 'askName',
        value: { prompt: 'Whose name?' },
        requestId: requestOf(info, 'askName').id,
      },
    ]);
  });

  test('its request is interrupted while it is open', async () => {
    const { runner } = await stageFor(turn);

    const { info } = await runner.run(askName);

    expect(info.status).toBe('paused');
    expect(statusesOf(info)).toEqual(['askName interrupted']);
  });

  test('respond with its key resolves at the end of the run', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(askName);

    const result = await runner.respond(runId, 'name', 'Ada');

    expect(result).toMatchObject({ status: 'completed', answer: 'Hello Ada', runId });
    expect(statusesOf(result.info)).toEqual(['askName succeeded']);
    expect(stepsOf(result.info).steps).toEqual(stepsOf(result.info).lawful);
  });

  test('respond resolves at the next pause', async () => {
    const { runner } = await stageFor(turn);
    const asksTwice = node('asksTwice', async (_: unknown, ctx) => {
      await ctx.interrupt('First?', { key: 'first' });
      await ctx.interrupt('Second?', { key: 'second' });
    });
    const { runId } = await runner.run(asksTwice);

    const next = await runner.respond(runId, 'first', 1);

    expect(next.status).toBe('paused');
    expect(keysOf(next)).toEqual(['second']);
  });

  test('respond rejects with the very error when the run fails', async () => {
    const { runner } = await stageFor(turn);
    const boom = new Error('boom');
    const fails = node('fails', async (_: unknown, ctx) => {
      await ctx.interrupt('Go?', { key: 'go' });
      throw boom;
    });
    const { runId } = await runner.run(fails);

    const error = await rejectionOf(runner.respond(runId, 'go', true));

    expect(error).toBe(boom);
  });

  test('the body gets the very object that answers', async () => {
    const { runner } = await stageFor(turn);
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt('What?', { key: 'what' }));
    const { runId } = await runner.run(ask);
    const given = { deep: [1] };

    const { answer } = await runner.respond(runId, 'what', given);

    expect(answer).toBe(given);
  });

  test.each([undefined, null, 0, false, ''])('%j is an answer', async (given) => {
    const { runner } = await stageFor(turn);
    const ask = node('ask', async (_: unknown, ctx) => ({
      got: await ctx.interrupt('What?', { key: 'what' }),
    }));
    const { runId } = await runner.run(ask);

    const { answer } = await runner.respond(runId, 'what', given);

    expect(answer).toEqual({ got: given });
  });

  test('two questions of one body are open at once', async () => {
    const { runner } = await stageFor(turn);

    const paused = await runner.run(askBoth);

    expect(keysOf(paused)).toEqual(['first', 'second']);
  });

  test.each([
    ['first', 'second'],
    ['second', 'first'],
  ])('of two open questions %s may be answered before %s', async (one, other) => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(askBoth);

    const half = await runner.respond(runId, one, one);
    const whole = await runner.respond(runId, other, other);

    expect(half.status).toBe('paused');
    expect(keysOf(half)).toEqual([other]);
    expect(whole.answer).toEqual(['first', 'second']);
  });

  test('respond resolves when the body has come to its next question, beside one that stays open', async () => {
    const { runner } = await stageFor(turn);
    const asksOn = node('asksOn', (_: unknown, ctx) =>
      Promise.all([
        ctx.interrupt('First?', { key: 'first' }).then(() => ctx.interrupt('Third?', { key: 'third' })),
        ctx.interrupt('Second?', { key: 'second' }),
      ]),
    );
    const { runId } = await runner.run(asksOn);

    const next = await runner.respond(runId, 'first', 1);

    expect(next.status).toBe('paused');
    expect(keysOf(next).toSorted()).toEqual(['second', 'third']);
  });

  test('respond resolves when what the answer set off has ended, beside a question that stays open', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred<string>();
    const slow = node('slow', () => gate.promise);
    const goesOn = node('goesOn', (_: unknown, ctx) =>
      Promise.all([
        ctx.interrupt('First?', { key: 'first' }).then(() => ctx.call(slow)),
        ctx.interrupt('Second?', { key: 'second' }),
      ]),
    );
    const { runId } = await runner.run(goesOn);
    let isSettled = false;
    const answered = runner.respond(runId, 'first', 1).finally(() => (isSettled = true));

    await clock.advance(0);
    const wasSettled = isSettled;
    gate.resolve('done');
    const next = await answered;

    expect(wasSettled).toBe(false);
    expect(next.status).toBe('paused');
    expect(statusesOf(next.info)).toEqual(['goesOn interrupted', 'slow succeeded']);
  });

  test('a body that needs only one of its two answers ends with the first', async () => {
    const { runner } = await stageFor(turn);
    const races = node('races', (_: unknown, ctx) =>
      Promise.race([ctx.interrupt('First?', { key: 'first' }), ctx.interrupt('Second?', { key: 'second' })]),
    );
    const { runId } = await runner.run(races);

    const result = await runner.respond(runId, 'second', 'won');

    expect(result).toMatchObject({ status: 'completed', answer: 'won', pauses: [] });
    expect(statusesOf(result.info)).toEqual(['races succeeded']);
  });

  test('questions of two children are open at once', async () => {
    const { runner } = await stageFor(turn);
    const other = node('other', (_: unknown, ctx) => ctx.interrupt('Other?', { key: 'other' }));
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(askName), ctx.call(other)]));
    const paused = await runner.run(root);

    await runner.respond(paused.runId, 'other', 2);
    const result = await runner.respond(paused.runId, 'name', 'Ada');

    expect(keysOf(paused)).toEqual(['name', 'other']);
    expect(result.answer).toEqual(['Hello Ada', 2]);
  });

  test('the run is not paused while something else works', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred();
    const working = node('working', () => gate.promise);
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(askName), ctx.call(working)]));
    let isSettled = false;
    const running = runner.run(root).finally(() => (isSettled = true));

    await clock.advance(0);
    const wasSettled = isSettled;
    gate.resolve();
    const { status, info } = await running;

    expect(wasSettled).toBe(false);
    expect(status).toBe('paused');
    expect(requestOf(info, 'working').status).toBe('succeeded');
  });

  test('a question can be answered while something else works', async () => {
    const { runner, clock } = await stageFor(turn);
    const gate = deferred();
    const working = node('working', () => gate.promise);
    const root = node('root', (_: unknown, ctx) => Promise.all([ctx.call(askName), ctx.call(working)]));
    const handle = runner.iter(root);
    await clock.advance(0);

    const answered = handle.respond('name', 'Ada');
    gate.resolve();
    const result = await answered;

    expect(result).toMatchObject({ status: 'completed', answer: ['Hello Ada', undefined] });
  });

  test('a loop that asks again opens a new question under the same key', async () => {
    const { runner } = await stageFor(turn);
    const asksUntil = node('asksUntil', async (_: unknown, ctx) => {
      let rounds = 1;
      while ((await ctx.interrupt('Again?', { key: 'again' })) === true) rounds += 1;
      return rounds;
    });
    const { runId } = await runner.run(asksUntil);

    const second = await runner.respond(runId, 'again', true);
    const result = await runner.respond(runId, 'again', false);

    expect(keysOf(second)).toEqual(['again']);
    expect(result.answer).toBe(2);
  });

  test('answering repeats no work', async () => {
    const { runner } = await stageFor(turn);
    let runs = 0;
    const ask = node('ask', async (_: unknown, ctx) => {
      runs += 1;
      return ctx.interrupt('Go?', { key: 'go' });
    });
    const { runId } = await runner.run(ask);

    await runner.respond(runId, 'go', true);

    expect(runs).toBe(1);
  });

  test('Interrupt and InterruptResolved are published with key and value', async () => {
    const { runner, clock } = await stageFor(turn);
    const { events, subscriber } = eventLog();
    const { runId } = await runner.run(askName, undefined, { subscriber });

    await runner.respond(runId, 'name', 'Ada');
    await clock.advance(0);

    expect(ofType(events, 'Interrupt')).toMatchObject([
      { key: 'name', node: 'askName', value: { prompt: 'Whose name?' } },
    ]);
    expect(ofType(events, 'InterruptResolved')).toMatchObject([{ key: 'name', value: 'Ada' }]);
  });

  test('two paused runs of one runner are answered apart', async () => {
    const { runner } = await stageFor(turn);
    const one = await runner.run(askName);
    const two = await runner.run(askName);

    const second = await runner.respond(two.runId, 'name', 'Bob');
    const first = await runner.respond(one.runId, 'name', 'Ada');

    expect([first.answer, second.answer]).toEqual(['Hello Ada', 'Hello Bob']);
  });

  test('the value that the schema parses is what the body gets', async () => {
    const { runner } = await stageFor(turn);
    const schema = z.string().transform((text) => text.length);
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt('Text?', { key: 'text', schema }));
    const { runId } = await runner.run(ask);

    const { answer } = await runner.respond(runId, 'text', 'four');

    expect(answer).toBe(4);
  });
});

import {
  createRunner,
  InterruptAlreadyResolvedError,
  InvalidInputError,
  node,
  UnknownIdError,
  UnknownResponseError,
} from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { rejectionOf } from '../support/deferred.ts';
import { EACH_RUN, stageFor } from '../support/runs.ts';

const askAge = node('askAge', (_: unknown, ctx) =>
  ctx.interrupt('How old?', { key: 'age', schema: z.number().positive() }),
);
const askBoth = node('askBoth', (_: unknown, ctx) =>
  Promise.all([ctx.interrupt('First?', { key: 'first' }), ctx.interrupt('Second?', { key: 'second' })]),
);

describe.each(EACH_RUN)('an answer that is refused in the %s run of a runner', (turn) => {
  test('one that does not fit the schema is an InvalidInputError with its issues', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(askAge);

    const error = await rejectionOf(runner.respond(runId, 'age', -1));

    expect(error).toBeInstanceOf(InvalidInputError);
    expect((error as InvalidInputError).issues).toHaveLength(1);
  });

  test('one that does not fit the schema leaves the question open', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(askAge);
    await rejectionOf(runner.respond(runId, 'age', -1));

    const status = runner.info.run(runId).status;
    const { answer } = await runner.respond(runId, 'age', 36);

    expect(status).toBe('paused');
    expect(answer).toBe(36);
  });

  test('one that does not fit an asynchronous schema leaves the question open', async () => {
    const { runner } = await stageFor(turn);
    const schema = z.string().refine(async (text) => Promise.resolve(text === 'right'));
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt('Word?', { key: 'word', schema }));
    const { runId } = await runner.run(ask);

    const error = await rejectionOf(runner.respond(runId, 'word', 'wrong'));
    const { answer } = await runner.respond(runId, 'word', 'right');

    expect(error).toBeInstanceOf(InvalidInputError);
    expect(answer).toBe('right');
  });

  test('one with a key that was never asked is an UnknownResponseError that lists the open ones', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(askBoth);

    const error = await rejectionOf(runner.respond(runId, 'third', 1));

    expect(error).toBeInstanceOf(UnknownResponseError);
    const { message, hint } = error as UnknownResponseError;
    expect(`${message} ${hint}`).toMatch(/first.*second/s);
  });

  test('one with an unknown key leaves the run paused', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(askAge);

    await rejectionOf(runner.respond(runId, 'toString', 1));

    expect(runner.info.run(runId).status).toBe('paused');
  });

  test('the second answer to a question is an InterruptAlreadyResolvedError', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(askBoth);
    await runner.respond(runId, 'first', 1);

    const error = await rejectionOf(runner.respond(runId, 'first', 2));
    const { answer } = await runner.respond(runId, 'second', 2);

    expect(error).toBeInstanceOf(InterruptAlreadyResolvedError);
    expect(answer).toEqual([1, 2]);
  });

  test('of two answers given at the same time the first is taken', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(askBoth);

    const [taken, refused] = await Promise.allSettled([
      runner.respond(runId, 'first', 1),
      runner.respond(runId, 'first', 2),
    ]);
    const { answer } = await runner.respond(runId, 'second', 2);

    expect(taken.status).toBe('fulfilled');
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'INTERRUPT_ALREADY_RESOLVED' } });
    expect(answer).toEqual([1, 2]);
  });

  test('a second answer after the run has ended is an InterruptAlreadyResolvedError', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(askAge);
    await runner.respond(runId, 'age', 36);

    const error = await rejectionOf(runner.respond(runId, 'age', 37));

    expect(error).toBeInstanceOf(InterruptAlreadyResolvedError);
  });

  test('an answer to a key that an ended run never asked is an UnknownResponseError', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(node('one', () => 1));

    const error = await rejectionOf(runner.respond(runId, 'age', 36));

    expect(error).toBeInstanceOf(UnknownResponseError);
  });

  test('an answer to a run that was cancelled is an UnknownResponseError', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(askAge);
    runner.cancel(runId);

    const error = await rejectionOf(runner.respond(runId, 'age', 36));

    expect(error).toBeInstanceOf(UnknownResponseError);
  });

  test('an answer to an unknown run is an UnknownIdError', async () => {
    const { runner } = await stageFor(turn);

    const error = await rejectionOf(runner.respond('nobody', 'age', 36));

    expect(error).toBeInstanceOf(UnknownIdError);
  });

  test('every refusal has a code and a hint', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(askAge);

    const errors = await Promise.all(
      [
        runner.respond(runId, 'age', 'old'),
        runner.respond(runId, 'other', 1),
        runner.respond('nobody', 'age', 1),
      ].map(rejectionOf),
    );

    const hints = errors.map((error) => (error as UnknownIdError).hint);
    expect(errors).toMatchObject([
      { code: 'INVALID_INPUT' },
      { code: 'UNKNOWN_RESPONSE' },
      { code: 'UNKNOWN_ID' },
    ]);
    expect(hints.every((hint) => hint.length > 0)).toBe(true);
  });
});

describe('interruptHandlers', () => {
  test('a handler answers a question without a person', async () => {
    const runner = createRunner({ interruptHandlers: { age: async () => Promise.resolve(36) } });

    const { status, answer } = await runner.run(askAge);

    expect(status).toBe('completed');
    expect(answer).toBe(36);
  });

  test('a handler gets the question', async () => {
    const asked: unknown[] = [];
    const runner = createRunner({
      interruptHandlers: {
        age: (question) => {
          asked.push(question);
          return 36;
        },
      },
    });

    await runner.run(askAge);

    expect(asked).toEqual(['How old?']);
  });

  test('a question without a handler waits for a person', async () => {
    const runner = createRunner({ interruptHandlers: { first: () => 1 } });

    const { status, pauses, runId } = await runner.run(askBoth);
    const { answer } = await runner.respond(runId, 'second', 2);

    expect(status).toBe('paused');
    expect(pauses.map((pause) => pause.key)).toEqual(['second']);
    expect(answer).toEqual([1, 2]);
  });

  test('a handler of the run stands in for that of the runner', async () => {
    const runner = createRunner({ interruptHandlers: { age: () => 1 } });

    const { answer } = await runner.run(askAge, undefined, { interruptHandlers: { age: () => 2 } });

    expect(answer).toBe(2);
  });

  test('a handler that throws makes ctx.interrupt reject with its error', async () => {
    const boom = new Error('boom');
    const caught: unknown[] = [];
    const ask = node('ask', (_: unknown, ctx) =>
      ctx.interrupt('Go?', { key: 'go' }).catch((error: unknown) => caught.push(error)),
    );
    const runner = createRunner({
      interruptHandlers: {
        go: () => {
          throw boom;
        },
      },
    });

    const { status } = await runner.run(ask);

    expect(status).toBe('completed');
    expect(caught).toEqual([boom]);
  });

  test('a handler whose answer does not fit the schema makes ctx.interrupt reject with an InvalidInputError', async () => {
    const runner = createRunner({ interruptHandlers: { age: () => 'old' } });

    const error = await rejectionOf(runner.run(askAge));

    expect(error).toBeInstanceOf(InvalidInputError);
  });

  test('the answer of a handler is parsed by the schema', async () => {
    const schema = z.string().transform((text) => text.length);
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt('Text?', { key: 'text', schema }));
    const runner = createRunner({ interruptHandlers: { text: () => 'four' } });

    const { answer } = await runner.run(ask);

    expect(answer).toBe(4);
  });
});

import { createRunner, graph, ifElse, END, input, interrupt, node, UnknownResponseError } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { deferred, rejectionOf } from '../support/deferred.ts';
import { EACH_RUN, stageFor } from '../support/runs.ts';

const askAge = interrupt({
  name: 'askAge',
  inputs: { name: input<string>() },
  response: 'age',
  schema: z.number().positive(),
  run: ({ name }) => `How old is ${name}?`,
});
const askTown = interrupt({ name: 'askTown', response: 'town', schema: z.string(), run: () => 'Where?' });
const describeIt = node({
  name: 'describeIt',
  inputs: { name: input<string>(), age: input<number>(), town: input<string>() },
  output: 'text',
  run: ({ name, age, town }) => `${name}, ${age}, ${town}`,
});
const asking = graph({ name: 'asking', nodes: [askAge, askTown, describeIt] });

/** A schema that parses a text to its length, and would refuse what it has parsed. */
const length = z.string().transform((text) => text.length);
const askText = interrupt({ name: 'askText', response: 'size', schema: length, run: () => 'Text?' });
const measuring = graph({ name: 'measuring', nodes: [askText] });

describe.each(EACH_RUN)('an answer to a question of a graph, in the %s run of a runner', (turn) => {
  test('that does not fit the schema is an InvalidInputError, and the question stays open', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(asking, { name: 'Ada' });

    const error = await rejectionOf(runner.respond(runId, 'age', -1));
    const half = await runner.respond(runId, 'age', 36);

    expect(error).toMatchObject({ code: 'INVALID_INPUT', issues: [{}] });
    expect(half.pauses).toMatchObject([{ key: 'town' }]);
  });

  test('enters as what the schema parses it to', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(measuring);

    const { outputs } = await runner.respond(runId, 'size', 'four');

    expect(outputs).toEqual({ size: 4 });
  });

  test('is checked by an asynchronous schema, too', async () => {
    const { runner } = await stageFor(turn);
    const schema = z.string().refine(async (text) => Promise.resolve(text === 'right'));
    const ask = interrupt({ name: 'ask', response: 'word', schema, run: () => 'Word?' });
    const { runId } = await runner.run(graph({ name: 'guessing', nodes: [ask] }));

    const error = await rejectionOf(runner.respond(runId, 'word', 'wrong'));
    const { outputs } = await runner.respond(runId, 'word', 'right');

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(outputs).toEqual({ word: 'right' });
  });

  test('to no open question is an UnknownResponseError that lists the open keys', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(asking, { name: 'Ada' });

    const error = await rejectionOf(runner.respond(runId, 'ages', 36));

    expect(error).toBeInstanceOf(UnknownResponseError);
    const { message, hint } = error as UnknownResponseError;
    expect(`${message} ${hint}`).toMatch(/age.*town/s);
  });

  test('by the name of the interrupt in place of its response is an UnknownResponseError', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(asking, { name: 'Ada' });

    const error = await rejectionOf(runner.respond(runId, 'askAge', 36));

    expect(error).toMatchObject({ code: 'UNKNOWN_RESPONSE' });
  });

  test('lists only the keys that are still open', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(asking, { name: 'Ada' });
    await runner.respond(runId, 'age', 36);

    const error = await rejectionOf(runner.respond(runId, 'other', 1));

    expect(error).toBeInstanceOf(UnknownResponseError);
    const { message, hint } = error as UnknownResponseError;
    expect(`${message} ${hint}`).toContain('town');
    expect(`${message} ${hint}`).not.toContain('age');
  });

  test('that is the second to a question is an InterruptAlreadyResolvedError, and the first counts', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(asking, { name: 'Ada' });
    await runner.respond(runId, 'age', 36);

    const error = await rejectionOf(runner.respond(runId, 'age', 37));
    const { outputs } = await runner.respond(runId, 'town', 'London');

    expect(error).toMatchObject({ code: 'INTERRUPT_ALREADY_RESOLVED' });
    expect(outputs).toEqual({ text: 'Ada, 36, London' });
  });

  test('that comes after the run has ended is an InterruptAlreadyResolvedError', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(measuring);
    await runner.respond(runId, 'size', 'four');

    const error = await rejectionOf(runner.respond(runId, 'size', 'five'));

    expect(error).toMatchObject({ code: 'INTERRUPT_ALREADY_RESOLVED' });
  });

  test('to both questions may be given at once', async () => {
    const { runner } = await stageFor(turn);
    const { runId } = await runner.run(asking, { name: 'Ada' });

    const results = await Promise.all([
      runner.respond(runId, 'age', 36),
      runner.respond(runId, 'town', 'London'),
    ]);

    expect(results.at(-1)).toMatchObject({ status: 'completed', outputs: { text: 'Ada, 36, London' } });
  });
});

describe('an answer given up front', () => {
  test('under the name of the response answers the question', async () => {
    const runner = createRunner();

    const { status, outputs } = await runner.run(asking, { name: 'Ada', age: 36, town: 'London' });

    expect(status).toBe('completed');
    expect(outputs).toEqual({ text: 'Ada, 36, London' });
  });

  test('leaves the other questions open', async () => {
    const runner = createRunner();

    const { pauses, runId } = await runner.run(asking, { name: 'Ada', town: 'London' });
    const { outputs } = await runner.respond(runId, 'age', 36);

    expect(pauses.map(({ key }) => key)).toEqual(['age']);
    expect(outputs).toEqual({ text: 'Ada, 36, London' });
  });

  test('leaves the question on record', async () => {
    const runner = createRunner();

    const { info, nodes } = await runner.run(measuring, { size: 'four' });

    expect(nodes).toEqual({ askText: 'completed' });
    expect(Array.from(info.nodes, ({ name, kind }) => [name, kind])).toEqual([
      ['measuring', 'graph'],
      ['askText', 'interrupt'],
    ]);
  });

  test('that does not fit the schema is an InvalidInputError, and nothing runs', async () => {
    const runner = createRunner();

    const error = await rejectionOf(runner.run(asking, { name: 'Ada', age: -1 }));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(runner.info.runs).toEqual([]);
  });

  test('enters as what the schema parses it to, once', async () => {
    const runner = createRunner();

    const { outputs } = await runner.run(measuring, { size: 'four' });

    expect(outputs).toEqual({ size: 4 });
  });

  test('to a question that is never asked changes nothing', async () => {
    const runner = createRunner();
    const isAsked = ifElse({ name: 'isAsked', then: 'askText', else: END, run: () => false });

    const { status, outputs } = await runner.run(graph({ name: 'gated', nodes: [isAsked, askText] }), {
      size: 'four',
    });

    expect(status).toBe('completed');
    expect(outputs).toEqual({});
  });

  test('is no required input', () => {
    expect(asking.inputs.required).toEqual(['name']);
  });

  test('under the name of the interrupt is an UnknownInputError', async () => {
    const runner = createRunner();

    // @ts-expect-error The answer goes by the name of the response.
    const error = await rejectionOf(runner.run(asking, { name: 'Ada', askAge: 36 }));

    expect(error).toMatchObject({ code: 'UNKNOWN_INPUT' });
  });

  test('is answered already when somebody answers again', async () => {
    const runner = createRunner();
    const { runId } = await runner.run(asking, { name: 'Ada', age: 36 });

    const error = await rejectionOf(runner.respond(runId, 'age', 37));

    expect(error).toMatchObject({ code: 'INTERRUPT_ALREADY_RESOLVED' });
  });
});

describe('an interrupt handler of a graph', () => {
  test.each([
    ['synchronously', () => 36],
    ['asynchronously', async () => Promise.resolve(36)],
  ])('answers %s under the name of the response', async (_, age) => {
    const runner = createRunner({ interruptHandlers: { age, town: () => 'London' } });

    const { status, outputs } = await runner.run(asking, { name: 'Ada' });

    expect(status).toBe('completed');
    expect(outputs).toEqual({ text: 'Ada, 36, London' });
  });

  test('gets the question', async () => {
    const asked: unknown[] = [];
    const age = (question: unknown): number => asked.push(question);
    const runner = createRunner({ interruptHandlers: { age } });

    await runner.run(asking, { name: 'Ada' });

    expect(asked).toEqual(['How old is Ada?']);
  });

  test('leaves the questions of other keys to people', async () => {
    const runner = createRunner({ interruptHandlers: { age: () => 36 } });

    const { status, pauses } = await runner.run(asking, { name: 'Ada' });

    expect(status).toBe('paused');
    expect(pauses.map(({ key }) => key)).toEqual(['town']);
  });

  test('that is at work keeps the run from being paused', async () => {
    const { runner, clock } = await stageFor('first');
    const answer = deferred<number>();
    let isSettled = false;
    const running = runner
      .run(asking, { name: 'Ada' }, { interruptHandlers: { age: () => answer.promise } })
      .finally(() => (isSettled = true));

    await clock.advance(0);
    const wasSettled = isSettled;
    answer.resolve(36);
    const { status, pauses } = await running;

    expect(wasSettled).toBe(false);
    expect(status).toBe('paused');
    expect(pauses.map(({ key }) => key)).toEqual(['town']);
  });

  test.each([
    [
      'throws',
      (boom: Error): never => {
        throw boom;
      },
    ],
    ['rejects', async (boom: Error): Promise<never> => Promise.reject(boom)],
  ])('that %s fails the run with its very error', async (_, fail) => {
    const boom = new Error('boom');
    const runner = createRunner({ interruptHandlers: { age: () => fail(boom) } });

    const result = await runner.run(asking, { name: 'Ada' }, { onFailure: 'return' });

    expect(result.error).toBe(boom);
    expect(result).toMatchObject({ status: 'failed', nodes: { askAge: 'failed' }, pauses: [] });
  });

  test('that fails leaves independent work its end under onError continue', async () => {
    const runner = createRunner({
      onError: 'continue',
      interruptHandlers: {
        age: () => {
          throw new Error('boom');
        },
        town: () => 'London',
      },
    });

    const result = await runner.run(asking, { name: 'Ada' }, { onFailure: 'return' });

    expect(result.nodes).toEqual({ askAge: 'failed', askTown: 'completed', describeIt: 'blocked' });
  });

  test('whose answer does not fit the schema fails the run with an InvalidInputError', async () => {
    const runner = createRunner({ interruptHandlers: { age: () => 'old' } });

    const error = await rejectionOf(runner.run(asking, { name: 'Ada' }));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('gives what the schema parses its answer to', async () => {
    const runner = createRunner({ interruptHandlers: { size: () => 'four' } });

    const { outputs } = await runner.run(measuring);

    expect(outputs).toEqual({ size: 4 });
  });

  test('of the run stands in for that of the runner', async () => {
    const runner = createRunner({ interruptHandlers: { size: () => 'four' } });

    const { outputs } = await runner.run(measuring, {}, { interruptHandlers: { size: () => 'seven' } });

    expect(outputs).toEqual({ size: 5 });
  });
});

describe('the handle of a run', () => {
  test('answers from the loop over its events', async () => {
    const runner = createRunner();
    const answers: Record<string, unknown> = { age: 36, town: 'London' };
    const handle = runner.iter(asking, { name: 'Ada' });
    const keys: string[] = [];

    for await (const event of handle) {
      if (event.type !== 'Interrupt') continue;
      keys.push(event.key);
      void handle.respond(event.key, answers[event.key]);
    }

    const { status, outputs } = await handle.result;
    expect(keys.toSorted()).toEqual(['age', 'town']);
    expect(status).toBe('completed');
    expect(outputs).toEqual({ text: 'Ada, 36, London' });
  });

  test('shows the open questions', async () => {
    const { runner, clock } = await stageFor('first');
    const handle = runner.iter(asking, { name: 'Ada' });
    await clock.advance(0);

    const before = handle.pauses.map(({ key }) => key).toSorted();
    await handle.respond('age', 36);

    expect(before).toEqual(['age', 'town']);
    expect(handle.pauses).toMatchObject([{ key: 'town', path: ['asking', 'askTown'] }]);
  });

  test('refuses what is no answer, and the run goes on with the right one', async () => {
    const { runner, clock } = await stageFor('first');
    const handle = runner.iter(measuring);
    await clock.advance(0);

    const errors = [
      await rejectionOf(handle.respond('size', 4)),
      await rejectionOf(handle.respond('other', 4)),
    ];
    await handle.respond('size', 'four');

    expect(errors).toMatchObject([{ code: 'INVALID_INPUT' }, { code: 'UNKNOWN_RESPONSE' }]);
    expect((await handle.result).outputs).toEqual({ size: 4 });
  });
});

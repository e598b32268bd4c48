import { createRunner, END, graph, ifElse, input, interrupt, node, route, type RunResult } from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { rejectionOf } from '../support/deferred.ts';
import { statusesOf, stepsOf } from '../support/forest.ts';

const ask = interrupt({
  name: 'ask',
  inputs: { draft: input<string>() },
  response: 'verdict',
  schema: z.string(),
  run: ({ draft }) => draft,
});
const again = route({
  name: 'again',
  inputs: { verdict: input<string>() },
  targets: ['revise', END],
  run: ({ verdict }) => (verdict === 'ok' ? END : 'revise'),
});
const revise = node({
  name: 'revise',
  inputs: { draft: input<string>(), verdict: input<string>() },
  output: 'draft',
  run: ({ draft, verdict }) => `${draft}+${verdict}`,
});
const review = graph({ name: 'review', nodes: [ask, again, revise] });

const questionsOf = (result: RunResult): unknown[] => result.pauses.map(({ key, value }) => [key, value]);

/** A handler that gives these answers in turn, and keeps what it was asked. */
function answering(...answers: string[]) {
  const asked: unknown[] = [];
  const handler = (question: unknown): string => {
    asked.push(question);
    return answers[asked.length - 1] ?? 'ok';
  };
  return { asked, handler };
}

describe('a question in a loop', () => {
  test('is asked again under the same key', async () => {
    const runner = createRunner();
    const first = await runner.run(review, { draft: 'v' });

    const second = await runner.respond(first.runId, 'verdict', 'a');
    const third = await runner.respond(first.runId, 'verdict', 'b');

    expect([first, second, third].map(questionsOf)).toEqual([
      [['verdict', 'v']],
      [['verdict', 'v+a']],
      [['verdict', 'v+a+b']],
    ]);
  });

  test('is a new request each time', async () => {
    const runner = createRunner();
    const first = await runner.run(review, { draft: 'v' });

    const second = await runner.respond(first.runId, 'verdict', 'a');

    expect(second.pauses[0]?.requestId).not.toBe(first.pauses[0]?.requestId);
    expect(statusesOf(second.info).filter((status) => status.startsWith('ask '))).toEqual([
      'ask succeeded',
      'ask interrupted',
    ]);
  });

  test('ends with the loop, whose last values are the outputs', async () => {
    const runner = createRunner();
    const { runId } = await runner.run(review, { draft: 'v' });
    await runner.respond(runId, 'verdict', 'a');

    const result = await runner.respond(runId, 'verdict', 'ok');

    expect(result).toMatchObject({ status: 'completed', outputs: { draft: 'v+a', verdict: 'ok' } });
    expect(result.nodes).toEqual({ ask: 'completed', again: 'completed', revise: 'completed' });
    expect(stepsOf(result.info).steps).toEqual(stepsOf(result.info).lawful);
  });

  test('shows in a paused run which nodes of the loop have completed', async () => {
    const runner = createRunner();
    const { runId } = await runner.run(review, { draft: 'v' });

    const { nodes, outputs } = await runner.respond(runId, 'verdict', 'a');

    expect(nodes).toMatchObject({ ask: 'paused', again: 'completed', revise: 'completed' });
    expect(outputs).toEqual({ draft: 'v+a', verdict: 'a' });
  });

  test('that was answered is no longer open, and the next one is', async () => {
    const runner = createRunner();
    const confirm = interrupt({ name: 'confirm', response: 'confirmed', run: () => 'Sure?' });
    const both = graph({ name: 'both', nodes: [...review.nodes, confirm] });
    const { runId } = await runner.run(both, { draft: 'v' });
    await runner.respond(runId, 'verdict', 'ok');

    const error = await rejectionOf(runner.respond(runId, 'verdict', 'a'));

    expect(error).toMatchObject({ code: 'INTERRUPT_ALREADY_RESOLVED' });
  });

  test('holds up what comes after the loop, and only that', async () => {
    const runner = createRunner();
    const ran: string[] = [];
    const after = node({
      name: 'after',
      inputs: { draft: input<string>() },
      output: 'final',
      run: ({ draft }) => {
        ran.push(draft);
        return draft;
      },
    });
    const beside = node({ name: 'beside', inputs: {}, output: 'other', run: () => 1 });
    const whole = graph({ name: 'whole', nodes: [ask, again, revise, after, beside] });
    const first = await runner.run(whole, { draft: 'v' });
    await runner.respond(first.runId, 'verdict', 'a');

    const { outputs } = await runner.respond(first.runId, 'verdict', 'ok');

    expect(first.outputs).toMatchObject({ other: 1 });
    expect(outputs).toEqual({ final: 'v+a', other: 1, verdict: 'ok' });
    expect(ran).toEqual(['v+a']);
  });

  test('holds up its round, and no other loop', async () => {
    const runner = createRunner();
    const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
    const more = ifElse({
      name: 'more',
      inputs: { n: input<number>() },
      then: 'inc',
      else: END,
      run: ({ n }) => n < 3,
    });
    const both = graph({ name: 'both', nodes: [ask, again, revise, inc, more] });

    const { status, outputs } = await runner.run(both, { draft: 'v', n: 0 });

    expect(status).toBe('paused');
    expect(outputs).toMatchObject({ n: 3 });
  });

  test('counts for the limit of iterations, whose error comes with the answer', async () => {
    const runner = createRunner({ maxIterations: 2 });
    const { runId } = await runner.run(review, { draft: 'v' });
    await runner.respond(runId, 'verdict', 'a');

    const error = await rejectionOf(runner.respond(runId, 'verdict', 'b'));

    expect(error).toMatchObject({ code: 'INFINITE_LOOP' });
  });

  test('asked by a plain node of the loop opens again under its key', async () => {
    const runner = createRunner();
    const talk = node({
      name: 'talk',
      inputs: { turns: input<number>() },
      output: 'turns',
      run: async ({ turns }, ctx) => turns + (await ctx.interrupt<number>(`Turn ${turns}`, { key: 'step' })),
    });
    const goOn = ifElse({
      name: 'goOn',
      inputs: { turns: input<number>() },
      then: 'talk',
      else: END,
      run: ({ turns }) => turns < 3,
    });
    const talking = graph({ name: 'talking', nodes: [talk, goOn] });

    const first = await runner.run(talking, { turns: 0 });
    const second = await runner.respond(first.runId, 'step', 1);
    const last = await runner.respond(first.runId, 'step', 5);

    expect([first, second].map(questionsOf)).toEqual([[['step', 'Turn 0']], [['step', 'Turn 1']]]);
    expect(last).toMatchObject({ status: 'completed', outputs: { turns: 6 } });
  });
});

describe('two questions in one loop', () => {
  const askMood = interrupt({
    name: 'askMood',
    inputs: { draft: input<string>() },
    response: 'mood',
    schema: z.string(),
    run: ({ draft }) => draft,
  });
  const rework = node({
    name: 'revise',
    inputs: { draft: input<string>(), verdict: input<string>(), mood: input<string>() },
    output: 'draft',
    run: ({ draft, verdict, mood }) => `${draft}+${verdict}/${mood}`,
  });
  const pair = graph({ name: 'pair', nodes: [ask, askMood, again, rework] });

  test.each([
    ['verdict', 'mood'],
    ['mood', 'verdict'],
  ])('are open at once in every round, and %s may be answered before %s', async (one, other) => {
    const runner = createRunner();
    const answers: Record<string, string> = { verdict: 'a', mood: 'm' };
    const first = await runner.run(pair, { draft: 'v' });

    const half = await runner.respond(first.runId, one, answers[one]);
    const next = await runner.respond(first.runId, other, answers[other]);

    expect(questionsOf(first)).toEqual([
      ['verdict', 'v'],
      ['mood', 'v'],
    ]);
    expect(questionsOf(half)).toEqual([[other, 'v']]);
    expect(questionsOf(next)).toEqual([
      ['verdict', 'v+a/m'],
      ['mood', 'v+a/m'],
    ]);
  });
});

describe('an answer up front to a question in a loop', () => {
  test('answers the first question only', async () => {
    const runner = createRunner();

    const paused = await runner.run(review, { draft: 'v', verdict: 'a' });

    expect(paused.status).toBe('paused');
    expect(questionsOf(paused)).toEqual([['verdict', 'v+a']]);
  });

  test('is the only one that is needed where the loop then ends', async () => {
    const runner = createRunner();

    const { status, outputs } = await runner.run(review, { draft: 'v', verdict: 'ok' });

    expect(status).toBe('completed');
    expect(outputs).toEqual({ draft: 'v', verdict: 'ok' });
  });

  test('is no seed: nothing that reads it runs before the question was asked', async () => {
    const order: string[] = [];
    const runner = createRunner({
      subscriber: (event) => void (event.type === 'NodeStart' && order.push(event.nodeName)),
    });
    const handle = runner.iter(
      review,
      { draft: 'v', verdict: 'a' },
      { interruptHandlers: { verdict: () => 'ok' } },
    );

    await handle.result;
    await runner.close();

    expect(order.filter((name) => name !== 'review')).toEqual(['ask', 'again', 'revise', 'ask', 'again']);
  });

  test('comes before what a handler says', async () => {
    const { asked, handler } = answering('b', 'ok');
    const runner = createRunner({ interruptHandlers: { verdict: handler } });

    const { outputs } = await runner.run(review, { draft: 'v', verdict: 'a' });

    expect(outputs).toEqual({ draft: 'v+a+b', verdict: 'ok' });
    expect(asked).toEqual(['v+a', 'v+a+b']);
  });

  test('answers the first question of that key in every run anew', async () => {
    const runner = createRunner();

    const results = [
      await runner.run(review, { draft: 'v', verdict: 'a' }),
      await runner.run(review, { draft: 'w', verdict: 'b' }),
    ];

    expect(results.map(questionsOf)).toEqual([[['verdict', 'v+a']], [['verdict', 'w+b']]]);
  });
});

describe('an interrupt handler in a loop', () => {
  test('answers once a turn, with the question of that turn', async () => {
    const { asked, handler } = answering('a', 'b', 'ok');
    const runner = createRunner({ interruptHandlers: { verdict: handler } });

    const { status, outputs } = await runner.run(review, { draft: 'v' });

    expect(status).toBe('completed');
    expect(outputs).toEqual({ draft: 'v+a+b', verdict: 'ok' });
    expect(asked).toEqual(['v', 'v+a', 'v+a+b']);
  });

  test('may answer asynchronously', async () => {
    const { handler } = answering('a', 'ok');
    const runner = createRunner({ interruptHandlers: { verdict: async (question) => handler(question) } });

    const { outputs } = await runner.run(review, { draft: 'v' });

    expect(outputs).toEqual({ draft: 'v+a', verdict: 'ok' });
  });

  test('that throws in a later turn fails the run with its error', async () => {
    const boom = new Error('boom');
    const runner = createRunner({
      interruptHandlers: {
        verdict: (question) => {
          if (question === 'v') return 'a';
          throw boom;
        },
      },
    });

    const result = await runner.run(review, { draft: 'v' }, { onFailure: 'return' });

    expect(result.error).toBe(boom);
    expect(result).toMatchObject({ status: 'failed', nodes: { ask: 'failed' } });
  });
});

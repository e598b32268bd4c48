import { END, graph, input, interrupt, node, route, type AnyNode, type PauseInfo } from 'troupe';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { rejectionOf } from '../support/deferred.ts';
import { ofType } from '../support/runs.ts';
import {
  execute,
  processOn,
  storeAfter,
  storedIn,
  WORKFLOW,
  type Conduct,
  type World,
} from './graph-crash.ts';
import { graphOf, step } from './graph-parts.ts';

function asking(name: string, reads: readonly string[] = [], schema?: z.ZodType): AnyNode {
  return interrupt({
    name: `ask${name}`,
    inputs: Object.fromEntries(reads.map((read) => [read, input<unknown>()])),
    response: name,
    run: (given) => ({ about: name, given }),
    ...(schema === undefined ? {} : { schema }),
  });
}

/** Two questions that are open at once, and one that comes after both. */
const questions = graphOf('questions', (world) => [
  asking('one', [], z.string()),
  asking('two'),
  asking('three', ['one', 'two'], z.coerce.number().int()),
  step(world, { name: 'z', reads: ['one', 'two', 'three'] }),
]);

const options = { workflowId: WORKFLOW } as const;

/** A store with a workflow that is paused at its first two questions. */
async function pausedStore() {
  const store = memoryCheckpointer();
  await using first = await processOn(store);
  const { pauses } = await first.clock.drive(first.runner.run(questions(first), {}, options));
  return { store, pauses };
}

/** A schema is another object in each process. */
const shown = ({ key, node: name, path, value, requestId }: PauseInfo): unknown => ({
  key,
  name,
  path,
  value,
  requestId,
});

describe('open questions', () => {
  test('are the same in another process, under the same requests', async () => {
    const { store, pauses } = await pausedStore();
    await using later = await processOn(store);

    const result = await later.clock.drive(later.runner.resume(questions(later), WORKFLOW));

    expect(result.status).toBe('paused');
    expect(result.pauses.map(shown)).toEqual(pauses.map(shown));
    expect(result.pauses.map(({ schema }) => schema !== undefined)).toEqual([true, false]);
  });

  test('leave the nodes of a workflow that goes on paused or pending', async () => {
    const { store } = await pausedStore();
    await using later = await processOn(store);

    const { nodes } = await later.clock.drive(later.runner.resume(questions(later), WORKFLOW));

    expect(nodes).toEqual({ askone: 'paused', asktwo: 'paused', askthree: 'pending', z: 'pending' });
  });

  test('may be answered in any order, each in a process of its own', async () => {
    const { store } = await pausedStore();
    for (const [key, answer] of [
      ['two', 2],
      ['one', '1'],
    ] as const) {
      await using each = await processOn(store);
      await each.clock.drive(each.runner.resume(questions(each), WORKFLOW, { responses: { [key]: answer } }));
    }
    await using last = await processOn(store);

    const { outputs } = await last.clock.drive(
      last.runner.resume(questions(last), WORKFLOW, { responses: { three: '3' } }),
    );

    expect(outputs).toEqual({ Z: 'z(1,2,3)' });
  });

  test('may all be answered at once, with those that come after them', async () => {
    const { store } = await pausedStore();
    await using later = await processOn(store);

    const { outputs } = await later.clock.drive(
      later.runner.resume(questions(later), WORKFLOW, { responses: { three: 3, two: 2, one: '1' } }),
    );

    expect(outputs).toEqual({ Z: 'z(1,2,3)' });
  });

  test('that are answered in part leave the others open', async () => {
    const { store } = await pausedStore();
    await using later = await processOn(store);

    const { status, pauses } = await later.clock.drive(
      later.runner.resume(questions(later), WORKFLOW, { responses: { one: '1' } }),
    );

    expect([status, pauses.map(({ key }) => key)]).toEqual(['paused', ['two']]);
  });

  test('are answered with the input of a run of the same id', async () => {
    const { store } = await pausedStore();
    await using later = await processOn(store);

    const { pauses } = await later.clock.drive(
      later.runner.run(questions(later), { one: '1', two: 2 }, options),
    );

    expect(pauses.map(({ key, value }) => [key, value])).toEqual([
      ['three', { about: 'three', given: { one: '1', two: 2 } }],
    ]);
  });

  test('are answered by the handlers that the other process has', async () => {
    const { store } = await pausedStore();
    const interruptHandlers = { one: () => '1', two: async () => Promise.resolve(2), three: () => '3' };
    await using later = await processOn(store, { interruptHandlers });

    const { outputs } = await later.clock.drive(later.runner.resume(questions(later), WORKFLOW));

    expect(outputs).toEqual({ Z: 'z(1,2,3)' });
  });

  test('are told again to whoever watches the other process', async () => {
    const { store } = await pausedStore();
    await using later = await processOn(store);

    await later.clock.drive(later.runner.resume(questions(later), WORKFLOW));
    await later.clock.settle();

    expect(ofType(later.events, 'Interrupt').map(({ key }) => key)).toEqual(['one', 'two']);
  });

  test('are asked on record once', async () => {
    const { store } = await pausedStore();
    await using later = await processOn(store);

    await later.clock.drive(later.runner.resume(questions(later), WORKFLOW));
    const { history } = await storedIn(store);

    expect(history.filter(({ type }) => type === 'Interrupt')).toHaveLength(2);
  });

  test('that were answered in an earlier process are answered', async () => {
    const { store } = await pausedStore();
    await using later = await processOn(store);
    await later.clock.drive(later.runner.resume(questions(later), WORKFLOW, { responses: { one: '1' } }));
    await using last = await processOn(store);
    await last.clock.drive(last.runner.resume(questions(last), WORKFLOW));

    const error = await rejectionOf(last.runner.respond(WORKFLOW, 'one', 'other'));

    expect(error).toMatchObject({ code: 'INTERRUPT_ALREADY_RESOLVED' });
  });

  test('that do not exist are named as before', async () => {
    const { store } = await pausedStore();
    await using later = await processOn(store);
    await later.clock.drive(later.runner.resume(questions(later), WORKFLOW));

    const error = await rejectionOf(later.runner.respond(WORKFLOW, 'onee', 'other'));

    expect(error).toMatchObject({ code: 'UNKNOWN_RESPONSE' });
  });

  test('a response for a question that the graph never asks changes nothing', async () => {
    const { store } = await pausedStore();
    const before = await storedIn(store);
    await using later = await processOn(store);

    const error = await rejectionOf(
      later.runner.resume(questions(later), WORKFLOW, { responses: { onee: 'x' } }),
    );

    expect(error).toMatchObject({ code: 'UNKNOWN_RESPONSE' });
    expect((await storedIn(store)).entries).toEqual(before.entries);
  });
});

describe('an answer that the schema refuses', () => {
  test('leaves the question open in a workflow that goes on', async () => {
    const { store } = await pausedStore();
    await using later = await processOn(store);
    await later.clock.drive(later.runner.resume(questions(later), WORKFLOW));

    const error = await rejectionOf(later.runner.respond(WORKFLOW, 'one', 1));
    const { pauses } = await later.clock.drive(later.runner.respond(WORKFLOW, 'one', '1'));

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(pauses.map(({ key }) => key)).toEqual(['two']);
  });

  test('is told to whoever resumes with it, and the question stays open', async () => {
    const { store } = await pausedStore();
    await using later = await processOn(store);

    const error = await rejectionOf(
      later.clock.drive(later.runner.resume(questions(later), WORKFLOW, { responses: { one: 1 } })),
    );
    await later.clock.settle();
    await using last = await processOn(store);
    const { pauses } = await last.clock.drive(
      last.runner.resume(questions(last), WORKFLOW, { responses: { two: 2 } }),
    );

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(pauses.map(({ key }) => key)).toEqual(['one']);
  });

  test('is not on record', async () => {
    const { store } = await pausedStore();
    await using later = await processOn(store);
    await later.clock.drive(later.runner.resume(questions(later), WORKFLOW));
    await rejectionOf(later.runner.respond(WORKFLOW, 'one', 1));
    await later.clock.settle();

    const { history } = await storedIn(store);

    expect(history.filter(({ type }) => type === 'InterruptResolved' || type === 'AnswerKept')).toEqual([]);
  });

  test('leaves the question open where it was kept until the question was asked', async () => {
    const { store } = await pausedStore();
    await using later = await processOn(store);

    const { status, pauses } = await later.clock.drive(
      later.runner.resume(questions(later), WORKFLOW, {
        responses: { one: '1', two: 2, three: 'no number' },
      }),
    );

    expect([status, pauses.map(({ key }) => key)]).toEqual(['paused', ['three']]);
  });
});

describe('an answer for a question that is not asked yet', () => {
  /** Asks about a draft until it is good. */
  const looping = graphOf('loop', (world) => [
    step(world, { name: 'a', reads: ['in'] }),
    asking('verdict', ['draft', 'A'], z.string()),
    route({
      name: 'again',
      inputs: { verdict: input<string>() },
      targets: ['revise', END],
      run: ({ verdict }) => (verdict === 'ok' ? END : 'revise'),
    }),
    node({
      name: 'revise',
      inputs: { draft: input<string>(), verdict: input<string>() },
      output: 'draft',
      run: ({ draft, verdict }) => `${draft}+${verdict}`,
    }),
  ]);

  test('is kept for it in another process', async () => {
    const { store } = await pausedStore();
    await using later = await processOn(store);
    await later.clock.drive(later.runner.resume(questions(later), WORKFLOW, { responses: { three: '3' } }));
    await using last = await processOn(store);

    const { outputs } = await last.clock.drive(
      last.runner.resume(questions(last), WORKFLOW, { responses: { one: '1', two: 2 } }),
    );

    expect(outputs).toEqual({ Z: 'z(1,2,3)' });
  });

  test('is replaced by a later one', async () => {
    const { store } = await pausedStore();
    for (const three of ['3', '4']) {
      await using each = await processOn(store);
      await each.clock.drive(each.runner.resume(questions(each), WORKFLOW, { responses: { three } }));
    }
    await using last = await processOn(store);

    const { outputs } = await last.clock.drive(
      last.runner.resume(questions(last), WORKFLOW, { responses: { one: '1', two: 2 } }),
    );

    expect(outputs).toEqual({ Z: 'z(1,2,4)' });
  });

  test('answers one question of a loop, and not the next one', async () => {
    const conduct: Conduct = { target: looping, input: { in: 1, draft: 'v' }, answer: () => 'ok' };
    const store = await storeAfter(conduct, ({ type }, name) => type === 'NodeStart' && name === 'a');
    await using later = await processOn(store);

    const { pauses } = await later.clock.drive(
      later.runner.resume(looping(later), WORKFLOW, { responses: { verdict: 'x' } }),
    );

    expect(pauses).toMatchObject([{ key: 'verdict', value: { given: { draft: 'v+x' } } }]);
  });

  test('that was used is not used again in another process', async () => {
    const conduct: Conduct = { target: looping, input: { in: 1, draft: 'v' }, answer: () => 'ok' };
    const store = await storeAfter(conduct, ({ type }, name) => type === 'NodeStart' && name === 'a');
    {
      await using later = await processOn(store);
      await later.clock.drive(later.runner.resume(looping(later), WORKFLOW, { responses: { verdict: 'x' } }));
    }
    await using last = await processOn(store);

    const { pauses } = await last.clock.drive(last.runner.resume(looping(last), WORKFLOW));

    expect(pauses).toMatchObject([{ key: 'verdict', value: { given: { draft: 'v+x' } } }]);
  });

  test('survives a crash right after it was kept', async () => {
    const { store } = await pausedStore();
    {
      await using later = await processOn(store);
      await later.clock.drive(later.runner.resume(questions(later), WORKFLOW, { responses: { three: 3 } }));
    }
    const { history } = await storedIn(store);

    const { result } = await execute(
      { target: questions, answer: ({ key }) => (key === 'three' ? 'asked again' : key) },
      store,
      'resume',
    );

    expect(history.filter(({ type }) => type === 'AnswerKept')).toHaveLength(1);
    expect(result.outputs).toEqual({ Z: 'z(one,two,3)' });
  });
});

describe('answers given up front', () => {
  const upFront: Conduct = {
    target: graphOf('asking', (world: World) => [
      step(world, { name: 'a', reads: ['in'] }),
      asking('one', ['A']),
      asking('two', ['one']),
    ]),
    input: { in: 1, one: 'given' },
    answer: () => 'asked',
  };

  test.each(['again', 'bare', 'resume'] as const)(
    'are there for a workflow that goes on: %s',
    async (way) => {
      const store = await storeAfter(upFront, ({ type }, name) => type === 'NodeStart' && name === 'a');

      const { result } = await execute(upFront, store, way);

      expect(result.outputs).toMatchObject({ two: 'asked' });
      expect([...result.info.requests].find(({ nodeName }) => nodeName === 'askone')?.output).toBe('given');
    },
  );

  test('do not answer a question that a person has answered', async () => {
    const { store } = await pausedStore();
    await using later = await processOn(store);
    await later.clock.drive(
      later.runner.resume(questions(later), WORKFLOW, { responses: { one: 'person' } }),
    );
    await using last = await processOn(store);

    const { outputs } = await last.clock.drive(
      last.runner.run(questions(last), { one: 'input', two: 2, three: 3 }, options),
    );

    expect(outputs).toEqual({ Z: 'z(person,2,3)' });
  });
});

describe('questions in nested graphs', () => {
  const nested = (world: World) => {
    const inner = graph({ name: 'inner', nodes: [asking('decision', ['in'])] as readonly AnyNode[] });
    return graph({
      name: 'outer',
      nodes: [
        inner.asNode({ namespace: true }),
        inner.asNode({ name: 'twin', namespace: true }),
        step(world, { name: 'z', reads: ['inner.decision', 'twin.decision'] }),
      ] as readonly AnyNode[],
    });
  };
  const conduct: Conduct = {
    target: nested,
    input: { 'inner.in': 1, 'twin.in': 2 },
    answer: ({ key }) => key,
  };

  test('have their paths and keys in another process', async () => {
    const store = await storeAfter(conduct, ({ type }) => type === 'RunPause');
    await using later = await processOn(store);

    const { pauses } = await later.clock.drive(later.runner.resume(nested(later), WORKFLOW));

    expect(pauses.map(({ key, path }) => [key, path])).toEqual([
      ['inner.decision', ['outer', 'inner', 'askdecision']],
      ['twin.decision', ['outer', 'twin', 'askdecision']],
    ]);
  });

  test('are answered by their paths on a resume', async () => {
    const store = await storeAfter(conduct, ({ type }) => type === 'RunPause');
    await using later = await processOn(store);

    const { outputs } = await later.clock.drive(
      later.runner.resume(nested(later), WORKFLOW, {
        responses: { 'twin.decision': 'b', 'inner.decision': 'a' },
      }),
    );

    expect(outputs).toEqual({ Z: 'z(a,b)' });
  });

  test('that are not asked yet have answers kept by their paths', async () => {
    const store = await storeAfter(conduct, ({ type }) => type === 'RequestCreation');
    await using later = await processOn(store);

    const { outputs } = await later.clock.drive(
      later.runner.resume(nested(later), WORKFLOW, {
        responses: { 'twin.decision': 'b', 'inner.decision': 'a' },
      }),
    );

    expect(outputs).toEqual({ Z: 'z(a,b)' });
  });
});

import {
  broadcast,
  call,
  callBatch,
  callSync,
  context,
  createRunner,
  currentRun,
  inject,
  node,
  NoRunError,
  type TroupeEvent,
} from 'troupe';
import { fakeClock, testContext } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred, rejectionOf, thrownBy } from '../support/deferred.ts';
import { ofType } from '../support/runs.ts';
import { requestOf } from '../support/forest.ts';

const double = node('double', (n: number) => n * 2);

const help = async (): Promise<number> => {
  await Promise.resolve();
  return call(double, 4);
};

describe('the ambient functions inside a body', () => {
  test('call runs a child of the body', async () => {
    const root = node('root', () => call(double, 21));

    const { answer, info } = await createRunner().run(root);

    expect(answer).toBe(42);
    expect(requestOf(info, 'double').sourceNodeId).toBe(requestOf(info, 'root').nodeId);
  });

  test('callBatch runs children of the body', async () => {
    const root = node('root', () => callBatch(double, [1, 2]));

    expect((await createRunner().run(root)).answer).toEqual([2, 4]);
  });

  test('context is the store of the run', async () => {
    const root = node('root', () => context().get('user'));

    expect((await createRunner({ context: { user: 'Ada' } }).run(root)).answer).toBe('Ada');
  });

  test('broadcast publishes a Broadcast event of the body', async () => {
    const clock = fakeClock();
    const events: TroupeEvent[] = [];
    const root = node('root', () => broadcast('hello'));

    await createRunner({ clock }).run(root, undefined, { subscriber: (event) => void events.push(event) });
    await clock.advance(0);

    expect(ofType(events, 'Broadcast')).toMatchObject([{ nodeName: 'root', item: 'hello' }]);
  });

  test('currentRun is the context of the body', async () => {
    const root = node('root', (_: unknown, ctx) => currentRun().requestId === ctx.requestId);

    expect((await createRunner().run(root)).answer).toBe(true);
  });

  test('work after an await, and in functions that the body calls', async () => {
    const root = node('root', async () => {
      await Promise.resolve();
      return help();
    });

    expect((await createRunner().run(root)).answer).toBe(8);
  });

  test('mean each body its own, when several run at once', async () => {
    const gate = deferred();
    const tells = node('tells', async (_: number, ctx) => {
      await gate.promise;
      return currentRun().requestId === ctx.requestId;
    });
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(tells, [1, 2, 3]));
    const running = createRunner().run(root);

    gate.resolve();

    expect((await running).answer).toEqual([true, true, true]);
  });

  test('mean the caller again when a call has returned', async () => {
    const root = node('root', async (_: unknown, ctx) => {
      await call(double, 1);
      return currentRun().requestId === ctx.requestId;
    });

    expect((await createRunner().run(root)).answer).toBe(true);
  });

  test('of a testContext are those that it gave', async () => {
    const root = node('root', async () => (await call(double, 2)) + context().get<number>('more'));
    const outer = node('outer', (_: unknown, ctx) => ctx.call(root));

    const answer = await outer.run(undefined, testContext({ context: { more: 1 } }));

    expect(answer).toBe(5);
  });
});

describe('the ambient functions outside a run', () => {
  test('call rejects with a NoRunError', async () => {
    const error = await rejectionOf(Promise.resolve().then(() => call(double, 1)));

    expect(error).toBeInstanceOf(NoRunError);
    expect(error).toMatchObject({ code: 'NO_RUN', hint: expect.stringMatching(/./) as string });
  });

  test('callBatch rejects with a NoRunError', async () => {
    const error = await rejectionOf(Promise.resolve().then(() => callBatch(double, [1])));

    expect(error).toBeInstanceOf(NoRunError);
  });

  test.each([
    ['callSync', () => callSync(double, 1)],
    ['broadcast', () => broadcast('hello')],
    ['context', () => context()],
    ['currentRun', () => currentRun()],
  ] as const)('%s throws a NoRunError', (_name, use) => {
    expect(thrownBy(use)).toBeInstanceOf(NoRunError);
  });

  test('throw a NoRunError in a subscriber, which is nobody’s body', async () => {
    const clock = fakeClock();
    const errors: unknown[] = [];
    const root = node('root', () => call(double, 1));

    await createRunner({ clock }).run(root, undefined, {
      subscriber: () => void errors.push(thrownBy(() => currentRun())),
    });
    await clock.advance(0);

    expect(errors.length).toBeGreaterThan(0);
    expect(errors.every((error) => error instanceof NoRunError)).toBe(true);
  });
});

describe('the functions of ctx', () => {
  test('may be taken out of it', async () => {
    const clock = fakeClock();
    const events: TroupeEvent[] = [];
    const root = node(
      'root',
      async (_: unknown, { call: run, callBatch: runAll, emitChunk, broadcast: tell }) => {
        emitChunk('chunk');
        tell('item');
        return [await run(double, 1), await runAll(double, [2, 3])];
      },
    );

    const { answer } = await createRunner({ clock }).run(root, undefined, {
      subscriber: (event) => void events.push(event),
    });
    await clock.advance(0);

    expect(answer).toEqual([2, [4, 6]]);
    expect(ofType(events, 'StreamingChunk')).toHaveLength(1);
    expect(ofType(events, 'Broadcast')).toHaveLength(1);
  });

  test('interrupt and callSync may be taken out of it', async () => {
    const root = node('root', async (_: unknown, { interrupt, callSync: runNow }) => [
      await interrupt('Go?', { key: 'go' }),
      runNow(double, 1),
    ]);
    const runner = createRunner();
    const { runId } = await runner.run(root);

    expect((await runner.respond(runId, 'go', 'yes')).answer).toEqual(['yes', 2]);
  });

  test('the ids of ctx are those on record', async () => {
    const root = node('root', (_: unknown, { runId, requestId, nodeId, workflowId, attempt }) => ({
      runId,
      requestId,
      nodeId,
      workflowId,
      attempt,
    }));

    const { answer, info } = await createRunner().run(root);
    const request = requestOf(info, 'root');

    expect(answer).toEqual({
      runId: info.runId,
      requestId: request.id,
      nodeId: request.nodeId,
      workflowId: undefined,
      attempt: 1,
    });
  });

  test('the signal of a body that runs undisturbed is not aborted', async () => {
    const root = node('root', (_: unknown, { signal }) => [signal instanceof AbortSignal, signal.aborted]);

    expect((await createRunner().run(root)).answer).toEqual([true, false]);
  });
});

const fill = async (text: string, values: Record<string, unknown>): Promise<string> => {
  const fills = node('fills', (_: unknown, ctx) => inject(text, ctx.context));
  return (await createRunner({ context: values }).run(fills)).answer;
};

describe('inject', () => {
  test.each([
    ['fills a key', 'Hello {user}', 'Hello Ada'],
    ['fills a key each time', '{user} and {user}', 'Ada and Ada'],
    ['leaves an unknown key as written', 'Hello {nobody}', 'Hello {nobody}'],
    ['turns {{x}} into {x}', 'Hello {{user}}', 'Hello {user}'],
    ['fills beside an escape', '{{user}} is {user}', '{user} is Ada'],
    ['writes a number', 'n = {count}', 'n = 0'],
    ['leaves lone braces alone', 'a { b } c {', 'a { b } c {'],
    ['leaves inherited names alone', '{toString}', '{toString}'],
    ['leaves a text without placeholders alone', 'plain', 'plain'],
    ['does not look through what it filled in', '{sly}', '{user}'],
    ['takes no replacement pattern of a value', '{money}', '$& $1'],
  ])('%s', async (_name, text, expected) => {
    const filled = await fill(text, { user: 'Ada', count: 0, sly: '{user}', money: '$& $1' });

    expect(filled).toBe(expected);
  });
});

import { createRunner, FatalError, input, node, type AnyNode, type TroupeEvent } from 'troupe';
import { describe, expect, test } from 'vitest';
import { watch } from '../support/watch-events.ts';

const ID = expect.any(String) as string;

const hang = node('hang', () => new Promise<void>(() => {}), { timeout: 30 });
const boom = new Error('boom');
const broken = node('broken', () => Promise.reject(boom));

const parentOf = (child: AnyNode) =>
  node('parent', (_: unknown, ctx) => ctx.call<unknown, unknown>(child).catch(() => 'caught'));

describe('a message of a request', () => {
  test('that is created has its input and what the info shows', async () => {
    const { of } = await watch(parentOf(node('child', () => 1)));

    expect(of('RequestCreation')).toMatchObject([
      { nodeName: 'parent', sourceNodeId: null, status: 'pending', attempts: 0, nodeId: ID, requestId: ID },
      { nodeName: 'child', sourceNodeId: of('RequestCreation')[0]?.nodeId, status: 'pending' },
    ]);
  });

  test('that succeeded has the output', async () => {
    const { of } = await watch(
      node('echo', (text: string) => text),
      'hi',
    );

    expect(of('RequestSuccess')).toMatchObject([
      { nodeName: 'echo', output: 'hi', status: 'succeeded', attempts: 1 },
    ]);
  });

  test('that failed has the very error', async () => {
    const { of } = await watch(parentOf(broken));

    expect(of('RequestFailure')).toMatchObject([{ nodeName: 'broken', status: 'failed' }]);
    expect(of('RequestFailure')[0]?.error).toBe(boom);
  });

  test('that was refused its input has the error, and is no RequestFailure', async () => {
    const strict = node({ name: 'strict', inputs: { n: input<number>() }, run: ({ n }) => n });

    const { of } = await watch(parentOf(strict));

    expect(of('RequestCreationFailure')).toMatchObject([
      { nodeName: 'strict', status: 'failed', error: { code: 'MISSING_INPUT' } },
    ]);
    expect(of('RequestFailure')).toEqual([]);
    expect(of('NodeStart').map(({ nodeName }) => nodeName)).toEqual(['parent']);
  });

  test('that timed out has the error', async () => {
    const { of } = await watch(parentOf(hang));

    expect(of('RequestTimedOut')).toMatchObject([
      { nodeName: 'hang', status: 'timedOut', error: { code: 'NODE_TIMEOUT' }, timestamp: 1_030 },
    ]);
  });

  test('that was stopped has a CancelledError', async () => {
    const sibling = node('sibling', () => new Promise(() => {}));
    const both = node('both', (_: unknown, ctx) => Promise.all([ctx.call(sibling), ctx.call(broken)]));

    const { of } = await watch(both);

    expect(of('RequestCancelled')).toMatchObject([
      { nodeName: 'sibling', status: 'cancelled', error: { code: 'CANCELLED' } },
    ]);
  });

  test('that was fatal says so, with the request that it came from', async () => {
    const fatal = new FatalError('enough');
    const child = node('child', () => Promise.reject(fatal));

    const { of } = await watch(parentOf(child));

    const [, created] = of('RequestCreation');
    expect(of('FatalFailure')).toMatchObject([{ nodeName: 'child', requestId: created?.requestId }]);
    expect(of('FatalFailure')[0]?.error).toBe(fatal);
  });
});

describe('the events of a run', () => {
  test('come in the order in which things happened', async () => {
    const child = node('child', () => 1);
    const parent = node('parent', (_: unknown, ctx) => ctx.call(child));

    const { events } = await watch(parent);

    expect(
      events.map((event) => ('nodeName' in event ? `${event.type} ${event.nodeName}` : event.type)),
    ).toEqual([
      'RunStart',
      'RequestCreation parent',
      'NodeStart parent',
      'RequestCreation child',
      'NodeStart child',
      'NodeEnd child',
      'RequestSuccess child',
      'NodeEnd parent',
      'RequestSuccess parent',
      'RunEnd',
    ]);
  });

  test('carry the session where one is named', async () => {
    const events: TroupeEvent[] = [];
    await using runner = createRunner({ subscriber: (event) => void events.push(event) });

    await runner.run(
      node('n', () => 1),
      undefined,
      { sessionId: 'monday' },
    );
    await runner.close();

    expect(new Set(events.map(({ sessionId }) => sessionId))).toEqual(new Set(['monday']));
  });

  test('carry no session and no workflow where none is named', async () => {
    const { events } = await watch(node('n', () => 1));

    expect(events.filter((event) => 'sessionId' in event || 'workflowId' in event)).toEqual([]);
  });

  test('are numbered for each run', async () => {
    const events: TroupeEvent[] = [];
    await using runner = createRunner({ subscriber: (event) => void events.push(event) });
    const n = node('n', () => 1);

    await Promise.all([runner.run(n), runner.run(n)]);
    await runner.close();

    const seqsOf = (id: string): number[] => events.filter(({ runId }) => runId === id).map(({ seq }) => seq);
    const runs = [...new Set(events.map(({ runId }) => runId))];
    expect(runs.map(seqsOf)).toEqual([
      [0, 1, 2, 3, 4, 5],
      [0, 1, 2, 3, 4, 5],
    ]);
  });

  test('of a synchronous run are the same', async () => {
    const events: TroupeEvent[] = [];
    await using runner = createRunner({ subscriber: (event) => void events.push(event) });

    runner.runSync(node('n', () => 1));
    await runner.close();

    expect(events.map(({ type }) => type)).toEqual([
      'RunStart',
      'RequestCreation',
      'NodeStart',
      'NodeEnd',
      'RequestSuccess',
      'RunEnd',
    ]);
  });

  test('keep what was given as it was, whatever becomes of it', async () => {
    const { of } = await watch(
      node('greedy', (list: number[], ctx) => {
        ctx.emitChunk(list);
        list.push(2);
      }),
      [1],
    );

    expect([of('RunStart')[0]?.inputs, of('NodeStart')[0]?.inputs, of('StreamingChunk')[0]?.chunk]).toEqual([
      [1],
      [1],
      [1],
    ]);
  });
});

import { createRunner, fromNode, node, type Inspector } from 'troupe';
import { describe, expect, test } from 'vitest';
import { createActor, setup, toPromise, type InspectionEvent } from 'xstate';
import { memoryLogger } from '../support/memory-logger.ts';

const leaf = node('leaf', async (n: number) => n + 1);
const tree = node('tree', async (n: number, ctx) => (await ctx.call(leaf, n)) + (await ctx.call(leaf, n)));

/** The ids of the actors that were made, and the ids of their systems' roots. */
function watch(): {
  inspect: (event: InspectionEvent) => void;
  ids: string[];
  roots: Set<string>;
  events: InspectionEvent[];
} {
  const ids: string[] = [];
  const roots = new Set<string>();
  const events: InspectionEvent[] = [];
  const inspect = (event: InspectionEvent): void => {
    events.push(event);
    roots.add(event.rootId);
    if (event.type === '@xstate.actor' && 'id' in event.actorRef) ids.push(String(event.actorRef.id));
  };
  return { inspect, ids, roots, events };
}

describe('the inspector of a person’s own machine', () => {
  test('sees the run with everything below it in the machine’s system', async () => {
    const { inspect, ids, roots } = watch();
    const machine = setup({ actors: { tree: fromNode(tree) } }).createMachine({
      initial: 'working',
      states: {
        working: { invoke: { id: 'job', src: 'tree', input: 1, onDone: 'done' } },
        done: { type: 'final' },
      },
    });

    const actor = createActor(machine, { inspect }).start();
    await toPromise(actor);

    expect(roots).toEqual(new Set([actor.sessionId]));
    expect(ids.filter((id) => ['job', 'coordinator', 'stateKeeper'].includes(id)).toSorted()).toEqual([
      'coordinator',
      'job',
      'stateKeeper',
    ]);
    expect(ids).toHaveLength(7); // the machine, the run, its two helpers, three invocations
  });

  test('sees every invocation’s chart move', async () => {
    const { inspect, events } = watch();

    await toPromise(createActor(fromNode(leaf), { input: 1, inspect }).start());

    const moves = events
      .filter((event) => event.type === '@xstate.snapshot')
      .filter(({ actorRef }) => 'id' in actorRef && String(actorRef.id).endsWith('-r0'))
      .map(({ snapshot }) => (snapshot as unknown as { value: unknown }).value);
    expect(moves).toEqual(['pending', 'running', 'succeeded']);
  });
});

describe('the inspector of a runner', () => {
  test('sees the runner, each run and everything below it in one system', async () => {
    const { inspect, ids, roots } = watch();
    await using runner = createRunner({ inspect });

    const first = await runner.run(tree, 1);
    const second = await runner.run(leaf, 1);

    expect(roots.size).toBe(1);
    expect(ids).toContain(first.runId);
    expect(ids).toContain(second.runId);
    for (const { id } of [...first.info.requests, ...second.info.requests]) expect(ids).toContain(id);
    expect(ids.filter((id) => id === 'coordinator')).toHaveLength(2);
    expect(ids.filter((id) => id === 'stateKeeper')).toHaveLength(2);
  });

  test('may be an observer', async () => {
    const { inspect, ids } = watch();
    const observer: Inspector = { next: inspect };
    await using runner = createRunner({ inspect: observer });

    await runner.run(leaf, 1);

    expect(ids).toContain('coordinator');
  });

  test('that throws disturbs nobody, and is logged', async () => {
    const { logger, lines } = memoryLogger();
    await using runner = createRunner({
      logger,
      inspect: () => {
        throw new Error('inspector');
      },
    });

    const { answer } = await runner.run(tree, 1);

    expect(answer).toBe(4);
    expect(
      lines.filter(({ level, fields }) => level === 'error' && String(fields['err']).includes('inspector')),
    ).not.toEqual([]);
  });

  test('of one runner sees nothing of another', async () => {
    const { inspect, ids } = watch();
    await using watched = createRunner({ inspect });
    await using other = createRunner();

    const { runId } = await other.run(leaf, 1);
    await watched.run(leaf, 1);

    expect(ids).not.toContain(runId);
  });

  test('sees nothing alive of a run that has ended', async () => {
    const live = new Set<string>();
    await using runner = createRunner({
      inspect: (event) => {
        const { actorRef } = event;
        if (!('id' in actorRef)) return;
        if (event.type === '@xstate.actor') live.add(String(actorRef.id));
        if (event.type === '@xstate.snapshot' && event.snapshot.status !== 'active')
          live.delete(String(actorRef.id));
      },
    });

    const { runId, info } = await runner.run(tree, 1);

    for (const id of [runId, ...Array.from(info.requests, (request) => request.id)])
      expect(live).not.toContain(id);
  });
});

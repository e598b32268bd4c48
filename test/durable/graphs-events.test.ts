import {
  createRunner,
  END,
  graph,
  input,
  interrupt,
  node,
  route,
  type AnyNode,
  type TroupeEvent,
} from 'troupe';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { requestOf, statusesOf, stepsOf } from '../support/forest.ts';
import { ofType } from '../support/runs.ts';
import { execute, processOn, storeAfter, WORKFLOW, type Conduct, type World } from './graph-crash.ts';
import { graphOf, step } from './graph-parts.ts';

const options = { workflowId: WORKFLOW } as const;

/** Skips one branch, and asks at the end of the other. */
const asking: Conduct = {
  input: { in: 1 },
  target: graphOf('asking', (world) => [
    step(world, { name: 'a', reads: ['in'] }),
    route({ name: 'gate', inputs: { A: input<string>() }, targets: ['b', 'no', END], run: () => 'b' }),
    step(world, { name: 'no', reads: ['A'] }),
    step(world, { name: 'b', reads: ['A'] }),
    interrupt({ name: 'ask', inputs: { B: input<string>() }, response: 'decision', run: ({ B }) => `${B}?` }),
    step(world, { name: 'z', reads: ['decision'] }),
  ]),
  answer: () => 'yes',
};

const duringB = (message: { readonly type: string }, name: string): boolean =>
  message.type === 'NodeStart' && name === 'b';

const shown = (events: readonly TroupeEvent[]): string[] =>
  events.map((event) => ('nodeName' in event ? `${event.type} ${event.nodeName}` : event.type));

describe('the events of a workflow that goes on', () => {
  test('tell what happens from there, and not what happened before', async () => {
    const store = await storeAfter(asking, duringB);

    const { events } = await execute(asking, store);

    expect(shown(events)).toEqual([
      'RunStart',
      'NodeStart asking',
      'NodeStart b',
      'NodeEnd b',
      'RequestSuccess b',
      'RequestCreation ask',
      'NodeStart ask',
      'Interrupt',
      'InterruptResolved',
      'NodeEnd ask',
      'RequestSuccess ask',
      'RequestCreation z',
      'NodeStart z',
      'NodeEnd z',
      'RequestSuccess z',
      'NodeEnd asking',
      'RequestSuccess asking',
      'RunEnd',
    ]);
  });

  test('are of the run that began it', async () => {
    const store = await storeAfter(asking, duringB);
    const runId = (await store.get(WORKFLOW))?.runId;

    const { events, result } = await execute(asking, store);

    expect(new Set(events.map((event) => event.runId))).toEqual(new Set([runId]));
    expect(new Set(events.map((event) => event.workflowId))).toEqual(new Set([WORKFLOW]));
    expect([result.runId, result.workflowId]).toEqual([runId, WORKFLOW]);
  });

  test('are numbered from 0 without a gap', async () => {
    const store = await storeAfter(asking, duringB);

    const { events } = await execute(asking, store);

    expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
  });

  test('begin with the input that the workflow began with', async () => {
    const store = await storeAfter(asking, duringB);

    const { events } = await execute(asking, store, 'bare');

    expect(events[0]).toMatchObject({ type: 'RunStart', target: 'asking', inputs: { in: 1 } });
  });

  test('have the spans that they had', async () => {
    const first = await execute(asking, memoryCheckpointer());
    const store = await storeAfter(asking, duringB);
    await using later = await processOn(store);
    const handle = later.runner.iter(asking.target(later), undefined, options);
    await later.clock.settle();

    const root = later.events.find(({ type }) => type === 'RunStart');
    const startOfB = ofType(later.events, 'NodeStart').find(({ nodeName }) => nodeName === 'b');

    expect(startOfB?.parentSpanId).toBe(root?.spanId);
    expect(startOfB?.requestId).toBe(requestOf(handle.info, 'b').id);
    expect(first.result.status).toBe('completed');
  });

  test('tell once that a node is skipped', async () => {
    const conduct: Conduct = {
      ...asking,
      target: graphOf('skipping', (world) => [
        route({ name: 'gate', inputs: { in: input<number>() }, targets: ['no', END], run: () => END }),
        step(world, { name: 'no', reads: ['in'] }),
        step(world, { name: 'b', reads: ['in'], takes: 10 }),
      ]),
    };
    const store = await storeAfter(conduct, ({ type }) => type === 'NodeLeftOut');

    const { events, result } = await execute(conduct, store);

    expect(ofType(events, 'NodeSkipped')).toEqual([]);
    expect(result.nodes).toMatchObject({ no: 'skipped', b: 'completed' });
    expect(result.reasons['no']).not.toBe('');
  });

  test('have the chunks of what runs again, from the first', async () => {
    const conduct: Conduct = {
      target: () => {
        const counts = node('counts', function* () {
          yield 1;
          yield 2;
        });
        return counts;
      },
    };
    const store = await storeAfter(conduct, ({ type }) => type === 'NodeStart');

    const { events } = await execute(conduct, store);

    expect(ofType(events, 'StreamingChunk').map(({ chunk, index }) => [chunk, index])).toEqual([
      [1, 0],
      [2, 1],
    ]);
  });
});

describe('a handle of a workflow that goes on', () => {
  test('has the id of the run that began it', async () => {
    const store = await storeAfter(asking, duringB);
    const runId = (await store.get(WORKFLOW))?.runId;
    await using later = await processOn(store);

    const handle = later.runner.iter(asking.target(later), undefined, options);
    await later.clock.settle();

    expect(handle.runId).toBe(runId);
  });

  test('gives all events from RunStart on', async () => {
    const store = await storeAfter(asking, duringB);
    await using later = await processOn(store);
    const handle = later.runner.iter(asking.target(later), undefined, options);
    const types: string[] = [];

    for await (const event of handle) {
      types.push(event.type);
      if (event.type === 'Interrupt') void handle.respond(event.key, 'yes');
    }

    expect([types[0], types.at(-1)]).toEqual(['RunStart', 'RunEnd']);
    expect((await handle.result).outputs).toEqual({ Z: 'z(yes)' });
  });

  test('shows and answers questions that an earlier process asked', async () => {
    const store = await storeAfter(asking, ({ type }) => type === 'RunPause');
    await using later = await processOn(store);
    const handle = later.runner.iter(asking.target(later), undefined, options);
    await later.clock.settle();
    const keys = handle.pauses.map(({ key }) => key);

    await handle.respond('decision', 'yes');

    expect(keys).toEqual(['decision']);
    expect((await handle.result).outputs).toEqual({ Z: 'z(yes)' });
  });

  test('shows the whole run, with what happened in earlier processes', async () => {
    const store = await storeAfter(asking, ({ type }) => type === 'RunPause');
    await using later = await processOn(store);
    const handle = later.runner.iter(asking.target(later), undefined, options);
    await later.clock.settle();

    expect(statusesOf(handle.info)).toEqual([
      'asking running',
      'a succeeded',
      'gate succeeded',
      'b succeeded',
      'ask interrupted',
    ]);
    expect(requestOf(handle.info, 'a').output).toBe('a(1)');
  });

  test('cancels the workflow for good', async () => {
    const store = await storeAfter(asking, duringB);
    await using later = await processOn(store);
    const handle = later.runner.iter(asking.target(later), undefined, { ...options, onFailure: 'return' });
    await later.clock.settle();

    handle.cancel('no longer wanted');
    const { status } = await handle.result;

    expect([status, (await store.get(WORKFLOW))?.status]).toEqual(['cancelled', 'cancelled']);
    const error = await rejectionOf(later.runner.resume(asking.target(later), WORKFLOW));
    expect(error).toMatchObject({ code: 'WORKFLOW_ALREADY_COMPLETED' });
  });
});

describe('the info of a workflow that went on', () => {
  test('has 2N stamps over all of its log', async () => {
    const store = await storeAfter(asking, duringB);

    const { result } = await execute(asking, store);

    expect(stepsOf(result.info).steps).toEqual(stepsOf(result.info).lawful);
    expect(result.info.stamps.map(({ identifier }) => identifier)).toEqual([
      'START CREATED asking',
      'asking CREATED a',
      'Finished executing a',
      'asking CREATED gate',
      'Finished executing gate',
      'asking CREATED b',
      'Finished executing b',
      'asking CREATED ask',
      'Finished executing ask',
      'asking CREATED z',
      'Finished executing z',
      'Finished executing asking',
    ]);
  });

  test('goes back to steps of earlier processes', async () => {
    const store = await storeAfter(asking, duringB);

    const { result } = await execute(asking, store);

    expect(statusesOf(result.info.at(3))).toEqual(['asking running', 'a succeeded', 'gate running']);
  });

  test('has the times at which it happened', async () => {
    const store = await storeAfter(asking, duringB);
    const [start] = await store.history(WORKFLOW);
    await using later = await processOn(store);
    await later.clock.advance(60_000);

    const { info } = await later.clock.drive(later.runner.resume(asking.target(later), WORKFLOW));

    expect(requestOf(info, 'a')).toMatchObject({ createdAt: start?.time, endedAt: start?.time });
    expect(requestOf(info, 'b')).toMatchObject({ createdAt: start?.time, endedAt: 60_000 });
  });

  test('is the same as the info of a run without a crash, but for times and ids', async () => {
    const bare = (world: World): AnyNode[] => [
      step(world, { name: 'a', reads: ['in'] }),
      step(world, { name: 'b', reads: ['A'] }),
    ];
    const conduct: Conduct = { input: { in: 1 }, target: graphOf('bare', bare) };
    const store = await storeAfter(conduct, ({ type }, name) => type === 'NodeStart' && name === 'b');
    const strip = (value: unknown): unknown =>
      JSON.parse(
        JSON.stringify(value, (key, each: unknown) =>
          ['id', 'runId', 'nodeId', 'sourceNodeId', 'time', 'latencyMs'].includes(key) || key.endsWith('At')
            ? undefined
            : each,
        ),
      );

    const [whole, resumed] = [await execute(conduct, memoryCheckpointer()), await execute(conduct, store)];
    const isHistory = (key: string): boolean => key === 'history';
    const withoutHistory = (value: unknown): unknown =>
      JSON.parse(JSON.stringify(strip(value), (key, each: unknown) => (isHistory(key) ? undefined : each)));

    expect(withoutHistory(resumed.result.info.toJSON())).toEqual(withoutHistory(whole.result.info.toJSON()));
  });

  test('is that of the runner too', async () => {
    const store = await storeAfter(asking, duringB);
    await using later = await processOn(store);
    const { runId } = await later.clock.drive(later.runner.resume(asking.target(later), WORKFLOW));

    expect(statusesOf(later.runner.info.run(runId))).toContain('a succeeded');
  });

  test('is not changed by a process that did not know the workflow', async () => {
    const store = await storeAfter(asking, ({ type }) => type === 'RunPause');
    const runner = createRunner({ checkpointer: store });

    expect(runner.info.runs).toEqual([]);
  });

  test('tells what became of the nodes of a graph in a graph', async () => {
    const conduct: Conduct = {
      input: { in: 1 },
      target: (world) => {
        const inner = graph({
          name: 'inner',
          nodes: [step(world, { name: 'a', reads: ['in'] }), step(world, { name: 'b', reads: ['A'] })],
        });
        return graph({
          name: 'outer',
          nodes: [inner.asNode(), step(world, { name: 'z', reads: ['B'] })] as readonly AnyNode[],
        });
      },
    };
    const store = await storeAfter(
      conduct,
      ({ type }, name) => type === 'RequestSuccess' && name === 'inner',
    );

    const { result } = await execute(conduct, store);

    expect(result.nodes).toEqual({ inner: 'completed', z: 'completed' });
    expect(statusesOf(result.info)).toEqual([
      'outer succeeded',
      'inner succeeded',
      'a succeeded',
      'b succeeded',
      'z succeeded',
    ]);
  });
});

import fc from 'fast-check';
import { createRunner, graph, input, interrupt, node, type AnyNode, type TroupeEvent } from 'troupe';
import type { LogMessage } from 'troupe/checkpoint';
import { describe, expect, test, vi } from 'vitest';
import { acyclicPlan, buildGraph, cyclicPlan, inputsFor, paces } from '../support/random-graph.ts';
import { steppedClock } from './graph-clock.ts';
import { Bodies, processOn, storeAfter, WORKFLOW } from './graph-crash.ts';
import { HeldCheckpointer } from './graph-held-store.ts';
import { graphOf, step } from './graph-parts.ts';

// Many runs a law, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 60_000 });

/** A runner on a store that holds what a test tells it to. */
function stage(durability: 'sync' | 'async' = 'sync') {
  const store = new HeldCheckpointer();
  const world = { clock: steppedClock(), bodies: new Bodies() };
  const events: TroupeEvent[] = [];
  const asked: unknown[] = [];
  const runner = createRunner({
    checkpointer: store,
    clock: world.clock,
    durability,
    subscriber: (event) => void events.push(event),
  });
  const typesSeen = (): string[] => events.map(({ type }) => type);
  return { store, ...world, world, runner, events, typesSeen, asked };
}

const options = { workflowId: WORKFLOW } as const;
const chainOf = ({ world }: Pick<ReturnType<typeof stage>, 'world'>) =>
  graph({
    name: 'chain',
    nodes: [step(world, { name: 'a', reads: ['in'] }), step(world, { name: 'b', reads: ['A'] })],
  });
const askingOf = ({ world }: Pick<ReturnType<typeof stage>, 'world'>) =>
  graph({
    name: 'asking',
    nodes: [
      interrupt({ name: 'ask', inputs: { in: input<unknown>() }, response: 'decision', run: () => 'sure?' }),
      step(world, { name: 'use', reads: ['decision'] }),
    ] as readonly AnyNode[],
  });

/** Whether a promise has settled. */
function watched(promise: Promise<unknown>): () => boolean {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  promise.then(settle, settle);
  return () => isSettled;
}

describe("under durability 'sync'", () => {
  test('nothing shows before the start of the run is written', async () => {
    const at = stage();
    at.store.hold();

    const isOver = watched(at.runner.run(chainOf(at), { in: 1 }, options));
    await at.clock.settle();

    expect([at.bodies.names, at.typesSeen(), isOver()]).toEqual([[], [], false]);
  });

  test('a body begins when its start is written', async () => {
    const at = stage();
    at.store.hold('NodeStart', 1);
    const running = at.runner.run(chainOf(at), { in: 1 }, options);
    await at.clock.settle();
    const before = at.bodies.names;

    at.store.letGo();
    await running;

    expect([before, at.bodies.names]).toEqual([[], ['a', 'b']]);
  });

  test('what depends on a result begins when that is written', async () => {
    const at = stage();
    at.store.hold('RequestSuccess', 1);
    const running = at.runner.run(chainOf(at), { in: 1 }, options);
    await at.clock.settle();
    const before = at.bodies.names;

    at.store.letGo();
    await running;

    expect([before, at.bodies.names]).toEqual([['a'], ['a', 'b']]);
  });

  test('an event is published when what it tells is written', async () => {
    const at = stage();
    at.store.hold('RequestSuccess', 1);
    const running = at.runner.run(chainOf(at), { in: 1 }, options);
    await at.clock.settle();
    const before = at.typesSeen();

    at.store.letGo();
    await running;
    await at.clock.settle();

    expect(before).toEqual(['RunStart', 'RequestCreation', 'NodeStart', 'RequestCreation', 'NodeStart']);
    expect(at.typesSeen().filter((type) => type === 'NodeEnd')).toHaveLength(3);
  });

  test('a handle shows no event before it is written', async () => {
    const at = stage();
    at.store.hold('RequestSuccess');
    const handle = at.runner.iter(chainOf(at), { in: 1 }, options);
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { type } of handle) seen.push(type);
    })();
    await at.clock.settle();
    const before = [...seen];

    at.store.letGo();
    await reading;

    expect(before).not.toContain('NodeEnd');
    expect(seen.at(-1)).toBe('RunEnd');
  });

  test('the result is given when the end is written', async () => {
    const at = stage();
    at.store.hold('RunEnd');
    const running = at.runner.run(chainOf(at), { in: 1 }, options);
    const isOver = watched(running);
    await at.clock.settle();
    const before = [isOver(), at.typesSeen().includes('RunEnd')];

    at.store.letGo();
    const { status } = await running;

    expect([before, status]).toEqual([[false, false], 'completed']);
  });

  test('a failure is told when it is written', async () => {
    const at = stage();
    const fails = node('fails', async () => {
      throw new RangeError('no');
    });
    at.store.hold('RequestFailure');
    const running = at.runner.run(fails, undefined, { ...options, onFailure: 'return' });
    const isOver = watched(running);
    await at.clock.settle();
    const before = [isOver(), at.typesSeen().includes('NodeError')];

    at.store.letGo();
    const { status } = await running;

    expect([before, status]).toEqual([[false, false], 'failed']);
  });

  test('the time of an attempt begins when its start is written', async () => {
    const at = stage();
    const quick = node('quick', () => 'in time', { timeout: 50 });
    at.store.hold('NodeStart');
    const running = at.runner.run(quick, undefined, { ...options, onFailure: 'return' });
    await at.clock.settle();
    await at.clock.advance(100);

    at.store.letGo();
    const { answer } = await running;

    expect(answer).toBe('in time');
  });

  test('a handle shows no question before it is written', async () => {
    const at = stage();
    at.store.hold('Interrupt');
    const handle = at.runner.iter(askingOf(at), { in: 1 }, options);
    await at.clock.settle();
    const before = handle.pauses.length;

    at.store.letGo();
    await at.clock.settle();

    expect([before, handle.pauses.map(({ key }) => key)]).toEqual([0, ['decision']]);
  });

  test('another attempt begins when the failure of the one before is written', async () => {
    const at = stage();
    const fails = at.bodies.watch(
      node(
        'fails',
        async () => {
          throw new RangeError('no');
        },
        { retry: { maxAttempts: 2, delay: 0 } },
      ),
    );
    at.store.hold('NodeRetry');
    const running = at.runner.run(fails, undefined, { ...options, onFailure: 'return' });
    await at.clock.settle();
    const before = at.bodies.names;

    at.store.letGo();
    await running;

    expect([before, at.bodies.names]).toEqual([['fails'], ['fails', 'fails']]);
  });

  test('a run is paused when its question is written', async () => {
    const at = stage();
    at.store.hold('Interrupt');
    const running = at.runner.run(askingOf(at), { in: 1 }, options);
    const isOver = watched(running);
    await at.clock.settle();
    const before = [isOver(), at.typesSeen().includes('Interrupt')];

    at.store.letGo();
    const { status } = await running;

    expect([before, status]).toEqual([[false, false], 'paused']);
  });

  test('a handler is asked when the question is written', async () => {
    const at = stage();
    const asked: unknown[] = [];
    const decision = (question: unknown): string => {
      asked.push(question);
      return 'yes';
    };
    at.store.hold('Interrupt');
    const running = at.runner.run(askingOf(at), { in: 1 }, { ...options, interruptHandlers: { decision } });
    await at.clock.settle();
    const before = [...asked];

    at.store.letGo();
    await running;

    expect([before, asked]).toEqual([[], ['sure?']]);
  });

  test('an answer takes effect when it is written', async () => {
    const at = stage();
    await at.runner.run(askingOf(at), { in: 1 }, options);
    at.store.hold('InterruptResolved');
    const answered = at.runner.respond(WORKFLOW, 'decision', 'yes');
    const isOver = watched(answered);
    await at.clock.settle();
    const before = [isOver(), at.bodies.names, at.typesSeen().includes('InterruptResolved')];

    at.store.letGo();
    const { outputs } = await answered;

    expect([before, outputs]).toEqual([[false, [], false], { USE: 'use(yes)' }]);
  });

  test('a body that asks goes on when the answer is written', async () => {
    const at = stage();
    const heard: unknown[] = [];
    const asks = node({
      name: 'asks',
      inputs: { in: input<unknown>() },
      output: 'heard',
      run: async (_given, ctx) => heard.push(await ctx.interrupt('sure?', { key: 'decision' })),
    });
    await at.runner.run(graph({ name: 'g', nodes: [asks] }), { in: 1 }, options);
    at.store.hold('InterruptResolved');
    const answered = at.runner.respond(WORKFLOW, 'decision', 'yes');
    await at.clock.settle();
    const before = [...heard];

    at.store.letGo();
    await answered;

    expect([before, heard]).toEqual([[], ['yes']]);
  });

  test('what is skipped is told when that is written', async () => {
    const at = stage();
    const never = node({ name: 'never', inputs: { in: input<number>() }, output: 'x', run: () => 1 });
    const fails = node({
      name: 'fails',
      output: 'in',
      run: () => {
        throw new Error('no');
      },
    });
    at.store.hold('NodeLeftOut');
    const running = at.runner.run(
      graph({ name: 'g', nodes: [fails, never] }),
      {},
      {
        ...options,
        onFailure: 'return',
        onError: 'continue',
      },
    );
    await at.clock.settle();
    const before = at.typesSeen().includes('NodeSkipped');

    at.store.letGo();
    await running;
    await at.clock.settle();

    expect([before, at.typesSeen().includes('NodeSkipped')]).toEqual([false, true]);
  });

  test('a workflow that goes on shows nothing before that is written', async () => {
    const at = stage();
    await at.runner.run(askingOf(at), { in: 1 }, options);
    await at.runner.close();
    const later = { ...stage(), store: at.store };
    const events: TroupeEvent[] = [];
    const runner = createRunner({
      checkpointer: at.store,
      clock: later.clock,
      subscriber: (event) => void events.push(event),
    });
    at.store.hold('RunContinue');

    const resumed = runner.resume(askingOf(later), WORKFLOW, { responses: { decision: 'yes' } });
    await later.clock.settle();
    const before = [events.length, later.bodies.names];
    at.store.letGo();
    const { outputs } = await resumed;

    expect([before, outputs]).toEqual([[0, []], { USE: 'use(yes)' }]);
  });
});

describe("under durability 'sync', after a crash", () => {
  test('what was in flight runs again when it is written that the workflow goes on', async () => {
    const conduct = {
      input: { in: 1 },
      target: graphOf('chain', (world) => [
        step(world, { name: 'a', reads: ['in'] }),
        step(world, { name: 'b', reads: ['A'] }),
      ]),
    };
    const crashed = await storeAfter(conduct, ({ type }, name) => type === 'NodeStart' && name === 'b');
    const store = new HeldCheckpointer(() => 0, crashed);
    await using later = await processOn(store);
    store.hold('RunContinue');

    const resumed = later.runner.resume(conduct.target(later), WORKFLOW);
    await later.clock.settle();
    const before = later.bodies.names;
    store.letGo();
    await resumed;

    expect([before, later.bodies.names]).toEqual([[], ['b']]);
  });
});

describe("under durability 'async'", () => {
  test('bodies do not wait for the store', async () => {
    const at = stage('async');
    at.store.hold();

    const isOver = watched(at.runner.run(chainOf(at), { in: 1 }, options));
    await at.clock.settle();

    expect([at.bodies.names, isOver()]).toEqual([['a', 'b'], false]);
  });

  test('the result is given when the end is written', async () => {
    const at = stage('async');
    at.store.hold();
    const running = at.runner.run(chainOf(at), { in: 1 }, options);
    await at.clock.settle();

    at.store.letGo();
    await running;

    expect((await at.store.get(WORKFLOW))?.status).toBe('completed');
  });

  test('a pause is told when it is written', async () => {
    const at = stage('async');
    at.store.hold();
    const running = at.runner.run(askingOf(at), { in: 1 }, options);
    const isOver = watched(running);
    await at.clock.settle();
    const before = isOver();

    at.store.letGo();
    const { status } = await running;

    expect([before, status]).toEqual([false, 'paused']);
  });
});

/** What of a log an event tells, and so what has to be there first. */
const TOLD: Readonly<Partial<Record<TroupeEvent['type'], readonly LogMessage['type'][]>>> = {
  RunStart: ['RunStart'],
  RequestCreation: ['RequestCreation'],
  NodeStart: ['NodeStart'],
  NodeEnd: ['RequestSuccess'],
  RequestSuccess: ['RequestSuccess'],
  NodeSkipped: ['NodeLeftOut'],
  NodeError: ['RequestFailure'],
  RequestFailure: ['RequestFailure'],
  RequestCancelled: ['RequestCancelled'],
  RunEnd: ['RunEnd'],
};

/** What was seen, for the how-manieth time, and what was written then. */
interface Sight {
  readonly what: string;
  readonly types: readonly string[];
  readonly count: number;
  readonly log: Promise<readonly LogMessage[]>;
}

describe('for every graph and however slow the store', () => {
  test('whatever is seen was written before', () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(acyclicPlan, cyclicPlan),
        paces,
        fc.array(fc.nat(6), { minLength: 1, maxLength: 9 }),
        async (plan, pace, delays) => {
          const clock = steppedClock();
          const batches: number[] = [];
          const store = new HeldCheckpointer(({ first }) => {
            batches.push(first);
            return delays[batches.length % delays.length] ?? 0;
          });
          const sights: Sight[] = [];
          const counts = new Map<string, number>();
          const see = (what: string, types: readonly string[]): void => {
            const count = (counts.get(what) ?? 0) + 1;
            counts.set(what, count);
            sights.push({ what, types, count, log: store.history(WORKFLOW) });
          };
          const { nodes } = buildGraph(plan, { clock, paces: pace });
          const bodies = new Bodies((): void => see('a body', ['NodeStart']));
          const target = graph({
            name: 'random',
            nodes: nodes.map((each) => bodies.watch(each)) as readonly AnyNode[],
          });
          const runner = createRunner({
            checkpointer: store,
            clock,
            maxIterations: 12,
            subscriber: ({ type }) => see(type, TOLD[type] ?? []),
          });

          await clock.drive(runner.run(target, inputsFor(target), { ...options, onFailure: 'return' }));
          see('the result', ['RunEnd']);
          await clock.settle();

          const early = [];
          for (const { what, types, count, log } of sights) {
            const written = (await log).filter(({ type }) => types.includes(type));
            if (types.length > 0 && written.length < count) early.push(`${what} ${count}`);
          }
          expect(early).toEqual([]);
          expect(sights.length).toBeGreaterThan(5);
        },
      ),
      { numRuns: 40, endOnFailure: true },
    ));
});

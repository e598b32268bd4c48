import fc from 'fast-check';
import { graph, type AnyNode, type RunnerOptions } from 'troupe';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test, vi } from 'vitest';
import {
  acyclicPlan,
  buildGraph,
  cyclicPlan,
  inputsFor,
  paces,
  type Pace,
  type Plan,
} from '../support/random-graph.ts';
import { survivesEveryCrash } from './graph-convergence.ts';
import {
  execute,
  processOn,
  storeAfterCrash,
  storedIn,
  WORKFLOW,
  type Conduct,
  type StoredLog,
} from './graph-crash.ts';
import { HeldCheckpointer } from './graph-held-store.ts';

// Many runs a law, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 120_000 });

// Each graph is run as often as its log has entries, and once more for each of those; a smaller one that fails too would
// take long to find.
const ENDS = ['completed', 'failed'];

const LAW = { numRuns: 10, endOnFailure: true };

interface Wiring {
  readonly plan: Plan;
  readonly pace: readonly Pace[];
  readonly failing?: ReadonlySet<string>;
  readonly options?: RunnerOptions;
  /** How a random graph stands in the one that is run. */
  readonly around?: (nodes: readonly AnyNode[]) => readonly AnyNode[];
}

function conductOf({ plan, pace, failing = new Set(), options = {}, around }: Wiring): Conduct {
  const graphOf = ({ clock, bodies }: Parameters<Conduct['target']>[0]) => {
    const { nodes } = buildGraph(plan, { clock, paces: pace, failing });
    const watched = nodes.map((node) => bodies.watch(node));
    return graph({ name: 'random', nodes: around?.(watched) ?? watched });
  };
  return {
    input: inputsFor(buildGraph(plan, { clock: fakeClock(), paces: pace })),
    options: { maxIterations: 12, ...options },
    target: graphOf,
  };
}

const settings: fc.Arbitrary<RunnerOptions> = fc.record({
  durability: fc.constantFrom('sync', 'async'),
  maxConcurrency: fc.constantFrom(1, 2, Infinity),
  validate: fc.constantFrom('boundary', 'all'),
});

const anyPlan = fc.oneof(acyclicPlan, cyclicPlan);
const pick = fc.nat(50);

/** Some nodes of a plan. */
function namesOf({ parts }: Plan, places: readonly number[]): ReadonlySet<string> {
  return new Set(places.map((place) => parts[place % parts.length]?.name ?? ''));
}

describe('after a crash at any point, and another at any later one', () => {
  test('every acyclic graph ends as it does without', () =>
    fc.assert(
      fc.asyncProperty(acyclicPlan, paces, settings, pick, async (plan, pace, options, at) => {
        const { result } = await survivesEveryCrash(conductOf({ plan, pace, options }), { pick: at });

        expect(ENDS).toContain(result.status);
      }),
      LAW,
    ));

  test('every loop ends as it does without', () =>
    fc.assert(
      fc.asyncProperty(cyclicPlan, paces, settings, pick, async (plan, pace, options, at) => {
        const { result } = await survivesEveryCrash(conductOf({ plan, pace, options }), { pick: at });

        expect(ENDS).toContain(result.status);
      }),
      LAW,
    ));

  test('every graph in a graph ends as it does without', () =>
    fc.assert(
      fc.asyncProperty(anyPlan, paces, settings, pick, async (plan, pace, options, at) => {
        const around = (nodes: readonly AnyNode[]): readonly AnyNode[] => [
          graph({ name: 'inner', nodes }).asNode(),
        ];

        const { result } = await survivesEveryCrash(conductOf({ plan, pace, options, around }), { pick: at });

        expect(ENDS).toContain(result.status);
      }),
      LAW,
    ));

  test('every graph that is mapped over a list ends as it does without', () =>
    fc.assert(
      fc.asyncProperty(acyclicPlan, paces, settings, pick, async (plan, pace, options, at) => {
        const { inputs } = buildGraph(plan, { clock: fakeClock(), paces: pace });
        const [over] = [...inputs.required, ...inputs.optional];
        fc.pre(over !== undefined && plan.parts.length < 6);
        const around = (nodes: readonly AnyNode[]): readonly AnyNode[] => [
          graph({ name: 'inner', nodes }).asNode({ mapOver: over }),
        ];
        const conduct = conductOf({ plan, pace, options, around });
        const input = { ...(conduct.input as object), [over]: [0, 1, 2] };

        const { result } = await survivesEveryCrash({ ...conduct, input }, { pick: at });

        expect(ENDS).toContain(result.status);
      }),
      LAW,
    ));

  test("every graph of which nodes fail ends as it does without, under 'continue'", () =>
    fc.assert(
      fc.asyncProperty(
        anyPlan,
        paces,
        fc.array(fc.nat(20), { minLength: 1, maxLength: 2 }),
        fc.tuple(settings, pick),
        async (plan, pace, places, [options, at]) => {
          const failing = namesOf(plan, places);
          const wiring = { plan, pace, failing, options: { ...options, onError: 'continue' } } as const;

          const { result } = await survivesEveryCrash(conductOf(wiring), { pick: at });

          expect(ENDS).toContain(result.status);
        },
      ),
      LAW,
    ));
});

/** A process whose store answers only so many times; what it leaves behind. */
async function liveFor(conduct: Conduct, answers: number, before: StoredLog) {
  let batches = 0;
  const left = await storeAfterCrash(before, before.entries.length);
  const dying = new HeldCheckpointer(() => {
    batches += 1;
    return batches > answers ? 'held' : 0;
  }, left);
  const world = await processOn(dying, conduct.options);
  void world.runner.run(conduct.target(world), conduct.input, { workflowId: WORKFLOW });
  await world.clock.exhaust();
  const ids = world.runner.info.runs.flatMap(({ requests }) => Array.from(requests, ({ id }) => id));
  const stored = await storedIn(dying);
  const succeeded = stored.history.flatMap((message) =>
    message.type === 'RequestSuccess' ? [ids[message.ordinal] ?? ''] : [],
  );
  return { stored, bodies: world.bodies.runs, succeeded, hasDied: batches > answers };
}

const NOTHING: StoredLog = { entries: [], blobs: [], history: [] };

describe('when the store stops to answer in the middle of a graph', () => {
  test('no body began that the log does not know, and another process ends it as it does without', () =>
    fc.assert(
      fc.asyncProperty(anyPlan, paces, settings, async (plan, pace, options) => {
        const conduct = conductOf({ plan, pace, options: { ...options, durability: 'sync' } });
        const whole = await execute(conduct, memoryCheckpointer());
        fc.pre(whole.result.status === 'completed');

        for (let answers = 1; ; answers += 1) {
          const { stored, bodies, hasDied } = await liveFor(conduct, answers, NOTHING);
          if (!hasDied) break;
          const started = stored.history.filter(({ type }) => type === 'NodeStart');

          const { result } = await execute(conduct, await storeAfterCrash(stored, stored.entries.length));

          expect(bodies.length).toBeLessThanOrEqual(started.length);
          expect(result.outputs).toEqual(whole.result.outputs);
          expect(result.nodes).toEqual(whole.result.nodes);
        }
      }),
      LAW,
    ));

  test('process after process comes to the end, and what was recorded ran in one of them only', () =>
    fc.assert(
      fc.asyncProperty(anyPlan, paces, settings, fc.integer({ min: 2, max: 5 }), async (...given) => {
        const [plan, pace, options, answers] = given;
        const conduct = conductOf({ plan, pace, options: { ...options, durability: 'sync' } });
        const whole = await execute(conduct, memoryCheckpointer());
        fc.pre(whole.result.status === 'completed');
        const succeeded = new Set<string>();
        const again: string[] = [];
        let stored = NOTHING;

        for (let hasDied = true; hasDied;) {
          const life = await liveFor(conduct, answers, stored);
          again.push(...life.bodies.map(({ requestId }) => requestId).filter((id) => succeeded.has(id)));
          for (const id of life.succeeded) succeeded.add(id);
          expect(life.stored.entries.length).toBeGreaterThan(stored.entries.length);
          ({ stored, hasDied } = life);
        }

        const end = stored.history.at(-1);
        expect(again).toEqual([]);
        expect(end).toMatchObject({ type: 'RunEnd', status: 'completed', answer: whole.result.answer });
      }),
      LAW,
    ));
});

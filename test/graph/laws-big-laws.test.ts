import fc from 'fast-check';
import { createRunner, graph } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test, vi } from 'vitest';
import { stepsOf, unendedOf } from '../support/forest.ts';
import {
  acyclicPlan,
  buildGraph,
  evaluate,
  inputsFor,
  order,
  paces,
  type Pace,
  type Plan,
  type Trace,
} from '../support/random-graph.ts';

// Many runs a law, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 600_000 });

interface Conduct {
  readonly plan: Plan;
  readonly paces: readonly Pace[];
  readonly order?: readonly number[];
  readonly maxConcurrency?: number;
  readonly trace?: Trace;
}

async function perform({ plan, maxConcurrency = Infinity, trace = new Map(), ...rest }: Conduct) {
  const clock = fakeClock();
  const g = buildGraph(plan, { clock, paces: rest.paces, trace }, rest.order);
  const running = createRunner({ clock, maxConcurrency }).run(g, inputsFor(g));
  await clock.runAll();
  return running;
}

const named = (nodes: Readonly<Record<string, string>>, status: string): string[] =>
  Object.keys(nodes)
    .filter((name) => nodes[name] === status)
    .toSorted();

describe('for every acyclic graph, whatever the delays', () => {
  test('the outputs and statuses are those of evaluating its nodes one after the other', () =>
    fc.assert(
      fc.asyncProperty(acyclicPlan, paces, async (plan, pace) => {
        const { status, outputs, nodes } = await perform({ plan, paces: pace });
        const g = buildGraph(plan, { clock: fakeClock(), paces: pace });
        const expected = evaluate(plan, inputsFor(g));

        expect(status).toBe('completed');
        expect(outputs).toEqual(expected.outputs);
        expect(named(nodes, 'completed')).toEqual(expected.completed.toSorted());
        expect(named(nodes, 'skipped')).toEqual(expected.skipped.toSorted());
      }),
      { numRuns: 1500 },
    ));

  test('no node runs twice, and each gets what its producers made', () =>
    fc.assert(
      fc.asyncProperty(acyclicPlan, paces, async (plan, pace) => {
        const [trace, undelayed]: [Trace, Trace] = [new Map(), new Map()];
        await perform({ plan, paces: pace, trace });
        await perform({ plan, paces: ['sync'], trace: undelayed });

        expect([...trace.values()].filter((runs) => runs.length !== 1)).toEqual([]);
        expect(trace).toEqual(undelayed);
      }),
      { numRuns: 1500 },
    ));

  test('the order of the list changes no output and no status', () =>
    fc.assert(
      fc.asyncProperty(acyclicPlan, paces, order, async (plan, pace, by) => {
        const [asListed, shuffled] = [
          await perform({ plan, paces: pace }),
          await perform({ plan, paces: pace, order: by }),
        ];

        expect(shuffled.outputs).toEqual(asListed.outputs);
        expect(shuffled.nodes).toEqual(asListed.nodes);
      }),
      { numRuns: 1500 },
    ));

  test('a budget for concurrent work changes no output and no status', () =>
    fc.assert(
      fc.asyncProperty(
        acyclicPlan,
        paces,
        fc.integer({ min: 1, max: 3 }),
        async (plan, pace, maxConcurrency) => {
          const free = await perform({ plan, paces: pace });
          const bounded = await perform({ plan, paces: pace, maxConcurrency });

          expect(bounded.outputs).toEqual(free.outputs);
          expect(bounded.nodes).toEqual(free.nodes);
        },
      ),
      { numRuns: 1500 },
    ));

  test('every node that did not complete has a reason, and no other has one', () =>
    fc.assert(
      fc.asyncProperty(acyclicPlan, paces, async (plan, pace) => {
        const { nodes, reasons } = await perform({ plan, paces: pace });

        expect(Object.keys(reasons).toSorted()).toEqual(named(nodes, 'skipped'));
        expect(Object.values(reasons)).not.toContain('');
      }),
      { numRuns: 1500 },
    ));

  test('N requests that ended have 2N stamps, and none is left', () =>
    fc.assert(
      fc.asyncProperty(acyclicPlan, paces, async (plan, pace) => {
        const { info, nodes } = await perform({ plan, paces: pace });

        expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
        expect(unendedOf(info)).toEqual([]);
        expect(info.requests.size).toBe(1 + named(nodes, 'completed').length);
      }),
      { numRuns: 1500 },
    ));

  test('runSync gives what run gives', () =>
    fc.assert(
      fc.asyncProperty(acyclicPlan, async (plan) => {
        const g = buildGraph(plan, { clock: fakeClock(), paces: ['sync'] });
        const runner = createRunner();

        const [sync, async] = [runner.runSync(g, inputsFor(g)), await runner.run(g, inputsFor(g))];

        expect(sync.outputs).toEqual(async.outputs);
        expect(sync.nodes).toEqual(async.nodes);
        expect(sync.reasons).toEqual(async.reasons);
      }),
      { numRuns: 1500 },
    ));

  test('a graph in a graph gives what it gives alone', () =>
    fc.assert(
      fc.asyncProperty(acyclicPlan, paces, async (plan, pace) => {
        const clock = fakeClock();
        const { outputs } = await perform({ plan, paces: pace });
        const inner = buildGraph(plan, { clock, paces: pace });
        const outer = graph({ name: 'outer', nodes: [inner.asNode()] });
        const running = createRunner({ clock }).run(outer, inputsFor(inner));
        await clock.runAll();

        expect((await running).outputs).toEqual(outputs);
      }),
      { numRuns: 1500 },
    ));
});

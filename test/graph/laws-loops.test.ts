import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { createRunner, graph, input, node, type AnyNode, type ExecutionInfo, type TroupeEvent } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test, vi } from 'vitest';
import { stepsOf, unendedOf } from '../support/forest.ts';
import {
  buildGraph,
  cyclicPlan,
  inputsFor,
  paces,
  type Pace,
  type Plan,
  type Trace,
} from '../support/random-graph.ts';
import { eventLog, ofType } from '../support/runs.ts';

// Many runs a law, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 60_000 });

const LIMIT = 30;

/** Runs a random loop to its end, which may be that it is endless. */
async function perform(plan: Plan, pace: readonly Pace[], maxConcurrency = Number.POSITIVE_INFINITY) {
  const clock = fakeClock();
  const trace: Trace = new Map();
  const { events, subscriber } = eventLog();
  const g = buildGraph(plan, { clock, paces: pace, trace });
  const runner = createRunner({ clock, maxConcurrency, maxIterations: LIMIT, subscriber });
  const running = runner.run(g, inputsFor(g), { onFailure: 'return' });
  await clock.runAll();
  const { status, outputs, nodes, reasons, error, info } = await running;
  return {
    status,
    outputs,
    nodes,
    reasons,
    code: codeOf(error),
    info,
    trace,
    decisions: decisionsOf(events),
  };
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : error;
}

/** What each gate decided, one decision after the other. */
function decisionsOf(events: readonly TroupeEvent[]): Map<string, unknown[]> {
  const found = new Map<string, unknown[]>();
  for (const { gate, decision } of ofType(events, 'RouteDecision'))
    found.set(gate, [...(found.get(gate) ?? []), decision]);
  return found;
}

/** At which steps each node was created, and ended, last. */
function lastStepsOf({ requests }: ExecutionInfo) {
  const starts = new Map<string, number>();
  const ends = new Map<string, number>();
  for (const { nodeName, history, stamp } of requests) {
    starts.set(nodeName, Math.max(starts.get(nodeName) ?? 0, history[0]?.stamp.step ?? 0));
    ends.set(nodeName, Math.max(ends.get(nodeName) ?? 0, stamp.step));
  }
  return { starts, ends };
}

describe('for every loop', () => {
  test('the way it takes does not depend on the delays', () =>
    fc.assert(
      fc.asyncProperty(cyclicPlan, paces, paces, async (plan, first, second) => {
        const [one, other] = [await perform(plan, first), await perform(plan, second)];
        const runs = one.status === 'completed' ? one.trace : undefined;

        expect(other.status).toBe(one.status);
        expect(other.code).toBe(one.code);
        if (runs === undefined) return;
        expect(other.trace).toEqual(runs);
        expect(other.decisions).toEqual(one.decisions);
        expect(other.outputs).toEqual(one.outputs);
        expect(other.nodes).toEqual(one.nodes);
      }),
      { numRuns: 150 },
    ));

  test('the way it takes does not depend on how much may work at once', () =>
    fc.assert(
      fc.asyncProperty(
        cyclicPlan,
        paces,
        fc.integer({ min: 1, max: 2 }),
        async (plan, pace, maxConcurrency) => {
          const [free, bounded] = [await perform(plan, pace), await perform(plan, pace, maxConcurrency)];

          expect(bounded.status).toBe(free.status);
          if (free.status !== 'completed') return;
          expect(bounded.trace).toEqual(free.trace);
          expect(bounded.outputs).toEqual(free.outputs);
        },
      ),
      { numRuns: 75 },
    ));

  test('runSync takes the same way', () =>
    fc.assert(
      fc.asyncProperty(cyclicPlan, paces, async (plan, pace) => {
        const trace: Trace = new Map();
        const g = buildGraph(plan, { clock: fakeClock(), paces: ['sync'], trace });

        const sync = createRunner({ maxIterations: LIMIT }).runSync(g, inputsFor(g), { onFailure: 'return' });
        const async = await perform(plan, pace);

        expect(sync.status).toBe(async.status);
        if (sync.status !== 'completed') return;
        expect(trace).toEqual(async.trace);
        expect(sync.outputs).toEqual(async.outputs);
        expect(sync.nodes).toEqual(async.nodes);
      }),
      { numRuns: 75 },
    ));

  test('it ends by itself, or with an InfiniteLoopError', () =>
    fc.assert(
      fc.asyncProperty(cyclicPlan, paces, async (plan, pace) => {
        const { status, code, trace } = await perform(plan, pace);

        expect([status, code]).toSatisfy(
          ([ended, why]: [string, unknown]) =>
            (ended === 'completed' && why === undefined) || (ended === 'failed' && why === 'INFINITE_LOOP'),
        );
        for (const runs of trace.values()) expect(runs.length).toBeLessThanOrEqual(LIMIT);
      }),
      { numRuns: 75 },
    ));

  test('a target runs at most once for each decision that names it, and once more if its loop may start with it', () =>
    fc.assert(
      fc.asyncProperty(cyclicPlan, paces, async (plan, pace) => {
        const { trace, decisions } = await perform(plan, pace);

        for (const name of new Set(plan.parts.flatMap(({ targets }) => targets))) {
          const chosen = [...decisions.values()]
            .flat()
            .filter((decision) => [decision].flat().includes(name)).length;
          const isOpen = plan.parts.some(
            ({ targets, isDefaultOpen }) => targets.includes(name) && isDefaultOpen,
          );
          expect(trace.get(name)?.length ?? 0).toBeLessThanOrEqual(chosen + (isOpen ? 1 : 0));
        }
      }),
      { numRuns: 75 },
    ));

  test('what a node gets was made last before it started, or is a seed', () =>
    fc.assert(
      fc.asyncProperty(cyclicPlan, async (plan) => {
        const { info } = await perform(plan, ['promise']);
        const made = new Map<string, unknown>(
          Object.entries(inputsFor(buildGraph(plan, { clock: fakeClock(), paces: ['sync'] }))),
        );
        const steps = [...info.requests]
          .filter(({ sourceNodeId }) => sourceNodeId !== null)
          .flatMap((request) => [
            { at: request.history[0]?.stamp.step ?? 0, request, isEnd: false },
            { at: request.stamp.step, request, isEnd: true },
          ])
          .toSorted((a, b) => a.at - b.at);

        const surprises = steps.filter(({ request, isEnd }) => {
          const part = plan.parts.find(({ name }) => name === request.nodeName);
          const known = Object.fromEntries((part?.reads ?? []).map((read) => [read, made.get(read)]));
          if (isEnd && part?.writes !== undefined && request.status === 'succeeded')
            made.set(part.writes, request.output);
          return !isEnd && !isDeepStrictEqual(request.input, known);
        });

        expect(surprises).toEqual([]);
      }),
      { numRuns: 75 },
    ));

  test('it ends only when nothing in it can run any more', () =>
    fc.assert(
      fc.asyncProperty(cyclicPlan, async (plan) => {
        const { status, info, decisions } = await perform(plan, ['promise']);
        fc.pre(status === 'completed');
        const { starts, ends } = lastStepsOf(info);
        const isBehind = (name: string, other: string): boolean =>
          (ends.get(other) ?? -1) > (starts.get(name) ?? -1);
        const isTarget = (name: string): boolean => plan.parts.some(({ targets }) => targets.includes(name));
        const outdated = plan.parts.filter(({ name, reads }) => {
          const others = plan.parts.filter(
            (other) => other.name !== name && reads.includes(other.writes ?? ''),
          );
          return !isTarget(name) && starts.has(name) && others.some((other) => isBehind(name, other.name));
        });
        const unused = plan.parts.filter(({ name, reads }) =>
          plan.parts.some((gate) => {
            const isLast = [decisions.get(gate.name)?.at(-1)].flat().includes(name);
            return (
              isLast &&
              !isTarget(gate.name) &&
              isBehind(name, gate.name) &&
              reads.every((read) => ends.has(read.slice(1)))
            );
          }),
        );

        expect(outdated).toEqual([]);
        expect(unused).toEqual([]);
      }),
      { numRuns: 150 },
    ));

  test('every node has a final status, and a reason if it did not complete', () =>
    fc.assert(
      fc.asyncProperty(cyclicPlan, paces, async (plan, pace) => {
        const { nodes, reasons, info } = await perform(plan, pace);

        expect(Object.keys(nodes).toSorted()).toEqual(plan.parts.map(({ name }) => name).toSorted());
        for (const [name, status] of Object.entries(nodes)) {
          expect(['completed', 'skipped', 'failed', 'cancelled', 'blocked']).toContain(status);
          expect(reasons[name] === undefined).toBe(status === 'completed');
        }
        expect(unendedOf(info)).toEqual([]);
        expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
      }),
      { numRuns: 75 },
    ));

  test('a node after it runs once, with the last values', () =>
    fc.assert(
      fc.asyncProperty(cyclicPlan, paces, async (plan, pace) => {
        const clock = fakeClock();
        const trace: Trace = new Map();
        const seen: unknown[] = [];
        const inner = buildGraph(plan, { clock, paces: pace, trace });
        const names = plan.parts.flatMap(({ writes }) => writes ?? []);
        const report: AnyNode = node({
          name: 'report',
          inputs: Object.fromEntries(names.map((name) => [name, input<unknown>({ default: 'nothing' })])),
          output: 'text',
          run: (given) => seen.push(given),
        });
        const g = graph({ name: 'g', nodes: [report, ...inner.nodes] });
        const running = createRunner({ clock, maxIterations: LIMIT }).run(g, inputsFor(inner), {
          onFailure: 'return',
        });
        await clock.runAll();
        const { status, info } = await running;
        fc.pre(status === 'completed');

        expect(seen).toHaveLength(1);
        for (const { name, writes } of plan.parts) {
          if (writes === undefined || !trace.has(name)) continue;
          const last = [...info.requests].findLast(({ nodeName }) => nodeName === name);
          expect(seen[0]).toHaveProperty([writes], last?.output);
        }
      }),
      { numRuns: 75 },
    ));
});

import fc from 'fast-check';
import { createRunner, graph, type RunResult } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test, vi } from 'vitest';
import { stepsOf, unendedOf } from '../support/forest.ts';
import {
  acyclicPlan,
  buildGraph,
  cyclicPlan,
  inputsFor,
  paces,
  type Pace,
  type Part,
  type Plan,
} from '../support/random-graph.ts';
import { eventLog } from '../support/runs.ts';

// Many runs a law, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 60_000 });

const FINAL: ReadonlySet<string> = new Set(['completed', 'skipped', 'blocked', 'failed', 'cancelled']);
const ENDED = ['completed', 'failed', 'cancelled', 'timedOut'];

const LIMIT = 20;

interface Scenario {
  readonly plan: Plan;
  readonly paces: readonly Pace[];
  /** Which nodes throw. */
  readonly failing: readonly number[];
  readonly onError: 'stop' | 'continue' | 'stopAll';
  readonly maxConcurrency: number;
  readonly timeout: number | null;
  /** When the run is cancelled, in ms, if it is. */
  readonly cancelAt: number | null;
  readonly isNested: boolean;
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  plan: fc.oneof(acyclicPlan, cyclicPlan),
  paces,
  failing: fc.array(fc.nat(13), { maxLength: 2 }),
  onError: fc.constantFrom('stop', 'continue', 'stopAll'),
  maxConcurrency: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
  timeout: fc.option(fc.integer({ min: 1, max: 60 }), { freq: 3 }),
  cancelAt: fc.option(fc.integer({ min: 0, max: 60 }), { freq: 3 }),
  isNested: fc.boolean(),
});

function failingOf({ plan, failing }: Pick<Scenario, 'plan' | 'failing'>): Set<string> {
  return new Set(failing.flatMap((index) => plan.parts[index]?.name ?? []));
}

/** Performs a scenario to its end, whatever that is. */
async function perform(given: Scenario) {
  const { plan, timeout, cancelAt, onError, maxConcurrency } = given;
  const clock = fakeClock();
  const { events, subscriber } = eventLog();
  const inner = buildGraph(plan, { clock, paces: given.paces, failing: failingOf(given) });
  const g = given.isNested ? graph({ name: 'outer', nodes: [inner.asNode()] }) : inner;
  const runner = createRunner({ clock, maxIterations: LIMIT, onError, maxConcurrency, timeout, subscriber });
  const handle = runner.iter(g, inputsFor(inner), { onFailure: 'return' });
  if (cancelAt !== null) clock.setTimeout(() => void handle.cancel('enough'), cancelAt);
  await clock.runAll();
  const result: RunResult = await handle.result;
  await runner.close();
  return { result, events, names: g.nodes.map(({ name }) => name) };
}

function law(
  holds: (performance: Awaited<ReturnType<typeof perform>>, given: Scenario) => void,
): Promise<void> {
  return fc.assert(
    fc.asyncProperty(scenario, async (given) => holds(await perform(given), given)),
    { numRuns: 150 },
  );
}

describe('for every graph that has ended, in whatever way', () => {
  test('each node has a final status', () =>
    law(({ result: { status, nodes }, names }) => {
      expect(ENDED).toContain(status);
      expect(Object.keys(nodes).toSorted()).toEqual(names.toSorted());
      expect(Object.values(nodes).filter((each) => !FINAL.has(each))).toEqual([]);
    }));

  test('each node that did not complete has a reason, and no other has one', () =>
    law(({ result: { nodes, reasons } }) => {
      const incomplete = Object.keys(nodes).filter((name) => nodes[name] !== 'completed');

      expect(Object.keys(reasons).toSorted()).toEqual(incomplete.toSorted());
      expect(Object.values(reasons).every((reason) => typeof reason === 'string' && reason !== '')).toBe(
        true,
      );
    }));

  test('the statuses of the nodes go with that of the run', () =>
    law(({ result: { status, nodes, error } }, { onError }) => {
      const statuses = new Set<string>(Object.values(nodes));
      const isWhole = [...statuses].every((each) => each === 'completed' || each === 'skipped');
      // Under 'stopAll' a nested graph is stopped from outside when something in it fails.
      const mustHaveFailed = status === 'failed' && onError !== 'stopAll';

      expect(error instanceof Error).toBe(status !== 'completed');
      expect(isWhole || status !== 'completed').toBe(true);
      expect(statuses.has('failed') || !mustHaveFailed).toBe(true);
    }));

  test('no request is left, and N of them have 2N stamps', () =>
    law(({ result: { info } }) => {
      expect(unendedOf(info)).toEqual([]);
      expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
    }));

  test('a node completed if its last request succeeded, unless it was to run once too often', () =>
    law(({ result: { nodes, info } }) => {
      const [root] = info.requests.roots;
      const children = info.requests.children(root?.nodeId ?? '');
      const isLawful = ([name, status]: [string, string]): boolean => {
        const requests = children.filter(({ nodeName }) => nodeName === name);
        const hasSucceeded = requests.at(-1)?.status === 'succeeded';
        if (status === 'completed') return hasSucceeded;
        if (status === 'skipped' || status === 'blocked') return requests.length === 0;
        return !hasSucceeded || (status === 'failed' && requests.length === LIMIT);
      };

      expect(Object.entries(nodes).filter((entry) => !isLawful(entry))).toEqual([]);
    }));

  test('the outputs are names that nodes make, never decisions or inputs', () =>
    law(({ result: { outputs } }, { plan }) => {
      const made = new Set(plan.parts.flatMap(({ writes }) => writes ?? []));

      expect(Object.keys(outputs).filter((name) => !made.has(name))).toEqual([]);
    }));

  test('the events end with RunEnd, and count without a gap', () =>
    law(({ events, result: { status } }) => {
      expect(events.at(-1)).toMatchObject({ type: 'RunEnd', status });
      expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
    }));
});

describe("for every acyclic graph under 'continue'", () => {
  const withFailures = fc.record({
    plan: acyclicPlan,
    paces,
    failing: fc.array(fc.nat(13), { minLength: 1, maxLength: 3 }),
  });

  async function both({ plan, paces: pace, failing }: Pick<Scenario, 'plan' | 'paces' | 'failing'>) {
    const clock = fakeClock();
    const runner = createRunner({ clock, onError: 'continue' });
    const healthy = buildGraph(plan, { clock, paces: pace });
    const broken = buildGraph(plan, { clock, paces: pace, failing: failingOf({ plan, failing }) });
    const runs = [healthy, broken].map((g) => runner.run(g, inputsFor(g), { onFailure: 'return' }));
    await clock.runAll();
    return { fine: await runs[0], failed: await runs[1] };
  }

  test('what does not depend on a failed node is as it would be without the failure', () =>
    fc.assert(
      fc.asyncProperty(withFailures, async (given) => {
        const { fine, failed } = await both(given);
        const { nodes = {} } = failed ?? {};
        const touched = dependents(
          given.plan,
          Object.keys(nodes).filter((name) => nodes[name] === 'failed'),
        );
        const free = given.plan.parts.filter(({ name }) => !touched.has(name));
        const isLeaf = ({ name, writes = '' }: Part): boolean =>
          fine?.nodes[name] === 'completed' && Object.hasOwn(fine.outputs, writes);
        const seen = (result: RunResult | undefined): unknown[] =>
          free.map((part) => [
            part.name,
            result?.nodes[part.name],
            isLeaf(part) && result?.outputs[part.writes ?? ''],
          ]);

        expect(seen(failed)).toEqual(seen(fine));
      }),
      { numRuns: 150 },
    ));

  test('what reads what a failed node was to make does not complete, and no request of it is made', () =>
    fc.assert(
      fc.asyncProperty(withFailures, async (given) => {
        const { failed } = await both(given);
        const bad = given.plan.parts.filter(
          ({ name }) => failed?.nodes[name] === 'failed' || failed?.nodes[name] === 'blocked',
        );

        for (const { name, reads } of given.plan.parts) {
          if (!bad.some(({ writes }) => writes !== undefined && reads.includes(writes))) continue;
          expect(['blocked', 'skipped']).toContain(failed?.nodes[name]);
          expect([...(failed?.info.requests ?? [])].filter(({ nodeName }) => nodeName === name)).toEqual([]);
        }
      }),
      { numRuns: 150 },
    ));
});

/** The nodes that depend on some, by data or by gates, at any distance; those themselves included. */
function dependents({ parts }: Plan, from: readonly string[]): Set<string> {
  const found = new Set(from);
  for (const name of found) {
    const part = parts.find((each) => each.name === name);
    for (const other of parts) {
      if (part?.targets.includes(other.name) === true) found.add(other.name);
      if (part?.writes !== undefined && other.reads.includes(part.writes)) found.add(other.name);
    }
  }
  return found;
}

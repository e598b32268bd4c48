import fc from 'fast-check';
import { createRunner, graph, input, interrupt, node, type AnyNode, type RunResult } from 'troupe';
import { describe, expect, test, vi } from 'vitest';
import { stepsOf, unendedOf } from '../support/forest.ts';

// Many runs a law, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 60_000 });

/** How a question is answered: up front in the input, by a handler of either kind, or by a person. */
type Way = 'input' | 'handler' | 'asyncHandler' | 'person';

interface Plan {
  /** For each question the earlier ones whose answers it needs. */
  readonly needs: readonly (readonly number[])[];
  readonly ways: readonly Way[];
  /** Which of the open questions a person answers next. */
  readonly picks: readonly number[];
  /** How many namespaced graphs each question lies in. */
  readonly depths: readonly number[];
}

const way = fc.constantFrom<Way>('input', 'handler', 'asyncHandler', 'person', 'person');

const plans = fc.integer({ min: 1, max: 6 }).chain((size) =>
  fc.record({
    needs: fc.tuple(
      ...Array.from({ length: size }, (_, index) =>
        fc.subarray([...Array(index).keys()], { maxLength: Math.min(2, index) }),
      ),
    ),
    ways: fc.array(way, { minLength: size, maxLength: size }),
    picks: fc.array(fc.nat(), { minLength: size, maxLength: size }),
    depths: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: size, maxLength: size }),
  }),
);

const answerTo = (index: number): string => `answer ${index}`;

/** A question for each place, each read by a node that also reads what the questions before it led to. */
function questionsOf({ needs }: Pick<Plan, 'needs'>): AnyNode {
  const nodes = needs.flatMap((before, index): AnyNode[] => {
    const wired = Object.fromEntries(before.map((each) => [`made${each}`, input<unknown>()]));
    return [
      interrupt({
        name: `ask${index}`,
        inputs: wired,
        response: `reply${index}`,
        run: (given) => ({ index, given }),
      }),
      node({
        name: `make${index}`,
        inputs: { ...wired, [`reply${index}`]: input<unknown>() },
        output: `made${index}`,
        run: (given) => JSON.stringify(given),
      }),
    ];
  });
  const all = Object.fromEntries(needs.map((_, index) => [`made${index}`, input<unknown>()]));
  const join = node({ name: 'join', inputs: all, output: 'all', run: (given) => given });
  return graph({ name: 'inner', nodes: [...nodes, join] }).asNode({ namespace: true });
}

async function answered(target: AnyNode, plan: Plan, keyOf: (index: number) => string) {
  const indexOf = new Map(plan.ways.map((_, index) => [keyOf(index), index]));
  const by = (...ways: readonly Way[]): [string, number][] =>
    [...indexOf].filter(([, index]) => ways.includes(plan.ways[index] ?? 'person'));
  const sync = by('handler').map(([key, index]) => [key, () => answerTo(index)] as const);
  const later = by('asyncHandler').map(
    ([key, index]) => [key, async () => Promise.resolve(answerTo(index))] as const,
  );
  const runner = createRunner({ interruptHandlers: Object.fromEntries([...sync, ...later]) });
  const given = Object.fromEntries(by('input').map(([key, index]) => [key, answerTo(index)]));
  const outer = graph({ name: 'outer', nodes: [target] as readonly AnyNode[] });
  let result: RunResult = await runner.run(outer, given);
  for (const pick of plan.picks) {
    const pause = result.pauses[pick % Math.max(1, result.pauses.length)];
    if (pause === undefined) break;
    result = await runner.respond(result.runId, pause.key, answerTo(indexOf.get(pause.key) ?? -1));
  }
  return result;
}

/** What comes out, computed without a graph. */
function expectedOf({ needs }: Plan): Record<string, unknown> {
  const made: Record<string, string> = {};
  for (const [index, before] of needs.entries()) {
    const wired = Object.fromEntries(before.map((each) => [`made${each}`, made[`made${each}`]]));
    made[`made${index}`] = JSON.stringify({ ...wired, [`reply${index}`]: answerTo(index) });
  }
  return made;
}

describe('for every set of questions', () => {
  test('the outputs are the same, whichever are answered how and in which order', () =>
    fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const result = await answered(questionsOf(plan), plan, (index) => `inner.reply${index}`);

        expect(result.status).toBe('completed');
        expect(result.outputs).toEqual({ 'inner.all': expectedOf(plan) });
        expect(unendedOf(result.info)).toEqual([]);
        expect(stepsOf(result.info).steps).toEqual(stepsOf(result.info).lawful);
      }),
      { numRuns: 150 },
    ));

  test('the questions that are open at a pause are those whose needs are met and that nobody has answered', () =>
    fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const runner = createRunner();
        const outer = graph({ name: 'outer', nodes: [questionsOf(plan)] as readonly AnyNode[] });
        const isAnswered = new Set<number>();
        let result: RunResult = await runner.run(outer, {});

        for (const pick of plan.picks) {
          const open = plan.needs.flatMap((before, index) =>
            !isAnswered.has(index) && before.every((each) => isAnswered.has(each)) ? [index] : [],
          );
          expect(result.pauses.map(({ key }) => key).toSorted()).toEqual(
            open.map((index) => `inner.reply${index}`).toSorted(),
          );
          const next = open[pick % open.length] ?? -1;
          isAnswered.add(next);
          result = await runner.respond(result.runId, `inner.reply${next}`, answerTo(next));
        }

        expect(result.status).toBe('completed');
      }),
      { numRuns: 100 },
    ));

  test('a key is the path of its namespaces, at any depth', () =>
    fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const runner = createRunner();
        const nodes = plan.depths.map((depth, index) => {
          const ask = interrupt({ name: `ask${index}`, response: `reply${index}`, run: () => index });
          let nested: AnyNode = ask;
          for (let level = 1; level <= depth; level += 1)
            nested = graph({ name: `g${index}_${level}`, nodes: [nested] as readonly AnyNode[] }).asNode({
              namespace: true,
            });
          return nested;
        });
        const pathOf = (index: number): string[] =>
          Array.from(
            { length: plan.depths[index] ?? 0 },
            (_, level) => `g${index}_${level + 1}`,
          ).toReversed();
        const keys = plan.depths.map((_, index) => [...pathOf(index), `reply${index}`].join('.'));

        const { pauses, runId } = await runner.run(graph({ name: 'outer', nodes }), {});
        const results = await Promise.all(keys.map((key, index) => runner.respond(runId, key, index)));

        expect(pauses.map(({ key, path }) => [key, path])).toEqual(
          expect.arrayContaining(keys.map((key, index) => [key, ['outer', ...pathOf(index), `ask${index}`]])),
        );
        expect(results.at(-1)?.outputs).toEqual(Object.fromEntries(keys.map((key, index) => [key, index])));
      }),
      { numRuns: 100 },
    ));
});

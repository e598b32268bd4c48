import fc from 'fast-check';
import { END, graph, input, interrupt, node, route, type AnyNode } from 'troupe';
import { describe, expect, test, vi } from 'vitest';
import { survivesEveryCrash } from './graph-convergence.ts';
import type { Conduct, World } from './graph-crash.ts';

// Many runs a law, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 120_000 });

// Each graph is run as often as its log has entries, and once more for each of those.
const LAW = { numRuns: 8, endOnFailure: true };

/** How a question is answered: up front in the input, by a handler of either kind, or by a person. */
type Way = 'input' | 'handler' | 'asyncHandler' | 'person';

interface Plan {
  /** For each question the earlier ones whose answers it needs. */
  readonly needs: readonly (readonly number[])[];
  readonly ways: readonly Way[];
  /** Whether the questions lie in a graph of their own. */
  readonly isNested: boolean;
  readonly maxConcurrency: number;
}

const plans: fc.Arbitrary<Plan> = fc.integer({ min: 1, max: 5 }).chain((size) =>
  fc.record({
    needs: fc.tuple(
      ...Array.from({ length: size }, (_, index) =>
        fc.subarray([...Array(index).keys()], { maxLength: Math.min(2, index) }),
      ),
    ),
    ways: fc.array(fc.constantFrom<Way>('input', 'handler', 'asyncHandler', 'person', 'person'), {
      minLength: size,
      maxLength: size,
    }),
    isNested: fc.boolean(),
    maxConcurrency: fc.constantFrom(1, 2, Infinity),
  }),
);

/** A question for each place, each read by a node that also reads what the questions before it led to. */
function questionsOf({ bodies }: World, needs: Plan['needs']): readonly AnyNode[] {
  return needs.flatMap((before, index): AnyNode[] => {
    const wired = Object.fromEntries(before.map((each) => [`made${each}`, input<unknown>()]));
    const ask = interrupt({
      name: `ask${index}`,
      inputs: wired,
      response: `reply${index}`,
      run: (given) => ({ index, given }),
    });
    const make = node({
      name: `make${index}`,
      inputs: { ...wired, [`reply${index}`]: input<unknown>() },
      output: `made${index}`,
      run: async (given) => JSON.stringify(given),
    });
    return [bodies.watch(ask), bodies.watch(make)];
  });
}

function conductOf({ needs, ways, isNested, maxConcurrency }: Plan): Conduct {
  const keyOf = (index: number): string => (isNested ? `inner.reply${index}` : `reply${index}`);
  const by = (way: Way): string[] => ways.flatMap((each, index) => (each === way ? [keyOf(index)] : []));
  const interruptHandlers = Object.fromEntries([
    ...by('handler').map((key) => [key, () => `handled ${key}`] as const),
    ...by('asyncHandler').map((key) => [key, async () => Promise.resolve(`handled ${key}`)] as const),
  ]);
  return {
    input: Object.fromEntries(by('input').map((key) => [key, `given ${key}`])),
    options: { maxConcurrency, interruptHandlers },
    answer: ({ key }) => `said ${key}`,
    target: (world) => {
      const nodes = questionsOf(world, needs);
      if (!isNested) return graph({ name: 'outer', nodes });
      return graph({ name: 'outer', nodes: [graph({ name: 'inner', nodes }).asNode({ namespace: true })] });
    },
  };
}

/** Loops that ask in each turn, one or several at a time. */
interface LoopPlan {
  readonly turns: number;
  readonly questions: number;
  readonly isGiven: boolean;
}

const loops: fc.Arbitrary<LoopPlan> = fc.record({
  turns: fc.integer({ min: 1, max: 3 }),
  questions: fc.integer({ min: 1, max: 3 }),
  isGiven: fc.boolean(),
});

function loopOf({ turns, questions, isGiven }: LoopPlan): Conduct {
  const names = Array.from({ length: questions }, (_, index) => `reply${index}`);
  return {
    input: { turn: 0, ...(isGiven ? { reply0: 'given' } : {}) },
    answer: ({ key, value }) => `${key} ${JSON.stringify(value)}`,
    target: ({ bodies }) => {
      const asks = names.map((response) =>
        bodies.watch(
          interrupt({
            name: `ask${response}`,
            inputs: { turn: input<number>() },
            response,
            run: ({ turn }) => turn,
          }),
        ),
      );
      const note = bodies.watch(
        node({
          name: 'note',
          inputs: {
            turn: input<number>(),
            ...Object.fromEntries(names.map((name) => [name, input<unknown>()])),
          },
          output: 'noted',
          run: async (given) => JSON.stringify(given),
        }),
      );
      const again = bodies.watch(
        route({
          name: 'again',
          inputs: { noted: input<string>(), turn: input<number>() },
          targets: ['next', END],
          run: ({ turn }) => (turn < turns - 1 ? 'next' : END),
        }),
      );
      const next = bodies.watch(
        node({
          name: 'next',
          inputs: { turn: input<number>() },
          output: 'turn',
          run: ({ turn }) => turn + 1,
        }),
      );
      return graph({ name: 'loop', nodes: [...asks, note, again, next] as readonly AnyNode[] });
    },
  };
}

describe('after a crash at any point, and another at any later one', () => {
  test('every set of questions leads to what it leads to without', () =>
    fc.assert(
      fc.asyncProperty(plans, fc.nat(50), async (plan, pick) => {
        const { result } = await survivesEveryCrash(conductOf(plan), { pick });

        expect(result.status).toBe('completed');
      }),
      LAW,
    ));

  test('every loop of questions leads to what it leads to without', () =>
    fc.assert(
      fc.asyncProperty(loops, fc.nat(50), async (plan, pick) => {
        const { result } = await survivesEveryCrash(loopOf(plan), { pick });

        expect(result.status).toBe('completed');
      }),
      LAW,
    ));
});

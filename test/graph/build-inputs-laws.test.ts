import fc from 'fast-check';
import { createRunner, END, GraphConfigError, route, type AnyNode } from 'troupe';
import { expect, test } from 'vitest';
import { build, step } from './build-parts.ts';

const POOL = ['a', 'b', 'c', 'd', 'e'] as const;
const LAW = { timeout: 60_000 };

interface Place {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** The nodes that it chooses among, by their places; none where it is no gate. */
  readonly targets: readonly number[];
}

const names = (maxLength: number) => fc.uniqueArray(fc.constantFrom(...POOL), { maxLength });
const plans: fc.Arbitrary<Place[]> = fc.array(
  fc.record({
    reads: names(2),
    writes: names(1),
    targets: fc.oneof(fc.constant([]), fc.uniqueArray(fc.nat({ max: 5 }), { minLength: 1, maxLength: 2 })),
  }),
  { minLength: 1, maxLength: 6 },
);

/** Nodes and gates that read and write a few names, loops included; each gate ends its branch every other time. */
function nodesOf(plan: readonly Place[]): AnyNode[] {
  return plan.map(({ reads, writes, targets }, index) => {
    const known = targets.filter((target) => target < plan.length && target !== index);
    const worker = step(`n${index}`, reads, writes);
    if (known.length === 0) return worker;
    const choices = [...known.map((target) => `n${target}`), END];
    let count = 0;
    return route({
      name: `n${index}`,
      inputs: worker.inputs ?? {},
      targets: choices,
      run: () => choices[count++ % choices.length] ?? END,
    });
  });
}

/** The graph of a plan; a plan that is refused is not looked at. */
function graphOf(plan: readonly Place[]): ReturnType<typeof build> {
  try {
    return build(nodesOf(plan), { maxIterations: 20 });
  } catch (error) {
    if (!(error instanceof GraphConfigError)) throw error;
    fc.pre(false);
    throw error;
  }
}

async function codeOf(g: ReturnType<typeof build>, given: readonly string[]): Promise<unknown> {
  const input = Object.fromEntries(given.map((name) => [name, `given ${name}`]));
  const outcome: unknown = await createRunner()
    .run(g, input)
    .catch((error: unknown) => error);
  return typeof outcome === 'object' && outcome !== null && 'code' in outcome ? outcome.code : 'none';
}

const check = (law: (plan: readonly Place[]) => Promise<void>): Promise<void> =>
  fc.assert(fc.asyncProperty(plans, law), { numRuns: 200 });

test('a run that is given all inputs is refused nothing', LAW, () =>
  check(async (plan) => {
    const g = graphOf(plan);

    const code = await codeOf(g, [...g.inputs.required, ...g.inputs.optional]);

    expect(['none', 'INFINITE_LOOP']).toContain(code);
  }),
);

test('a run that lacks a required input is refused as missing it', LAW, () =>
  check(async (plan) => {
    const g = graphOf(plan);

    for (const left of g.inputs.required) {
      const others = [...g.inputs.required, ...g.inputs.optional].filter((name) => name !== left);

      expect([left, await codeOf(g, others)]).toEqual([left, 'MISSING_INPUT']);
    }
  }),
);

test('a run that is given what is no input is refused: made by a node, or unknown', LAW, () =>
  check(async (plan) => {
    const g = graphOf(plan);
    const inputs = [...g.inputs.required, ...g.inputs.optional];
    const made = new Set(g.nodes.flatMap(({ outputs }) => outputs));

    for (const name of POOL.filter((each) => !inputs.includes(each))) {
      const code = made.has(name) ? 'CONFLICT' : 'UNKNOWN_INPUT';

      expect([name, await codeOf(g, [...inputs, name])]).toEqual([name, code]);
    }
  }),
);

test(
  'a run that ends leaves no node without a status, nor without a reason where it did not complete',
  LAW,
  () =>
    check(async (plan) => {
      const g = graphOf(plan);
      const input = Object.fromEntries([...g.inputs.required, ...g.inputs.optional].map((name) => [name, 1]));

      const { status, nodes, reasons } = await createRunner().run(g, input, { onFailure: 'return' });

      const undone = Object.keys(nodes).filter((name) => nodes[name] !== 'completed');
      expect(Object.keys(nodes).toSorted()).toEqual(g.nodes.map(({ name }) => name).toSorted());
      expect(Object.keys(reasons).toSorted()).toEqual(undone.toSorted());
      expect(Object.values(reasons)).not.toContain('');
      const inLimbo = status === 'completed' ? undone.filter((name) => nodes[name] !== 'skipped') : [];
      expect(inLimbo).toEqual([]);
    }),
);

test('an input that is bound is required no more, and comes back when it is unbound', LAW, () =>
  check(async (plan) => {
    const g = graphOf(plan);

    for (const name of [...g.inputs.required, ...g.inputs.optional]) {
      const bound = g.bind({ [name]: 'bound' });

      expect(bound.inputs).toEqual({
        required: g.inputs.required.filter((each) => each !== name),
        optional: g.inputs.optional.filter((each) => each !== name),
        bound: { [name]: 'bound' },
      });
      expect(bound.unbind(name).inputs).toEqual(g.inputs);
    }
  }),
);

test('a completed run gives no other outputs than those that the graph names', LAW, () =>
  check(async (plan) => {
    const g = graphOf(plan);
    const input = Object.fromEntries([...g.inputs.required, ...g.inputs.optional].map((name) => [name, 1]));

    const { outputs } = await createRunner().run(g, input, { onFailure: 'return' });

    expect(g.outputs).toEqual(expect.arrayContaining(Object.keys(outputs)));
  }),
);

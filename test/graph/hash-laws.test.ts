import fc from 'fast-check';
import { graph, GraphConfigError, type AnyGraph } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test, vi } from 'vitest';
import {
  acyclicPlan,
  buildGraph,
  cyclicPlan,
  order,
  paces,
  type Pace,
  type Plan,
} from '../support/random-graph.ts';

vi.setConfig({ testTimeout: 60_000 });

const plan = fc.oneof(acyclicPlan, cyclicPlan);

interface Form {
  readonly order?: readonly number[];
  readonly paces?: readonly Pace[];
}

function built(given: Plan, form: Form = {}): AnyGraph {
  return buildGraph(given, { clock: fakeClock(), paces: form.paces ?? ['sync'] }, form.order);
}

/** The graph of a plan, where it is well formed. */
function builtIfFit(given: Plan): AnyGraph | undefined {
  try {
    return built(given);
  } catch (error) {
    if (error instanceof GraphConfigError) return undefined;
    throw error;
  }
}

describe('for any graph, the hash', () => {
  test('is the same in any order of the nodes', () => {
    fc.assert(
      fc.property(plan, order, (given, ranks) => {
        expect(built(given, { order: ranks }).hash).toEqual(built(given).hash);
      }),
    );
  });

  test('is the same nested in another, in any order of its nodes', () => {
    const nested = (given: Plan, form: Form): AnyGraph => {
      const inner = buildGraph(given, { clock: fakeClock(), paces: ['sync'] }, form.order);
      return graph({ name: 'outer', nodes: [inner.asNode()] });
    };

    fc.assert(
      fc.property(plan, order, (given, ranks) => {
        expect(nested(given, { order: ranks }).hash).toEqual(nested(given, {}).hash);
      }),
    );
  });

  test('of the structure is the same whatever the bodies', () => {
    fc.assert(
      fc.property(plan, paces, (given, each) => {
        expect(built(given, { paces: each }).hash.structure).toBe(built(given).hash.structure);
      }),
    );
  });

  test('of the structure is another with an input less', () => {
    fc.assert(
      fc.property(plan, fc.nat(), (given, pick) => {
        const at = pick % given.parts.length;
        const less = given.parts.map((part, index) =>
          index === at ? { ...part, reads: part.reads.slice(1) } : part,
        );

        const other = builtIfFit({ ...given, parts: less });

        fc.pre(other !== undefined && less[at]?.reads.length !== given.parts[at]?.reads.length);
        expect(other.hash.structure).not.toBe(built(given).hash.structure);
      }),
    );
  });

  test('of the structure is another with another name of a node', () => {
    fc.assert(
      fc.property(plan, fc.nat(), (given, pick) => {
        const name = given.parts[pick % given.parts.length]?.name ?? '';
        const renamed = (each: string): string => (each === name ? 'renamed' : each);
        const parts = given.parts.map((part) => ({
          ...part,
          name: renamed(part.name),
          targets: part.targets.map(renamed),
        }));

        expect(built({ ...given, parts }).hash.structure).not.toBe(built(given).hash.structure);
      }),
    );
  });
});

import fc from 'fast-check';
import { END } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test, vi } from 'vitest';
import { acyclicPlan, buildGraph, cyclicPlan, type Plan } from '../support/random-graph.ts';
import { readFlowchart } from './mermaid-lines.ts';

vi.setConfig({ testTimeout: 60_000 });

const plan = fc.oneof(acyclicPlan, cyclicPlan);

function built(given: Plan) {
  return buildGraph(given, { clock: fakeClock(), paces: ['sync'] });
}

describe('for any graph, its JSON', () => {
  test('is the same after it was sent', () => {
    fc.assert(
      fc.property(plan, (given) => {
        const described = built(given);

        expect(JSON.parse(JSON.stringify(described))).toEqual(described.toJSON());
      }),
    );
  });

  test('has its nodes, in their order', () => {
    fc.assert(
      fc.property(plan, (given) => {
        expect(
          built(given)
            .toJSON()
            .nodes.map(({ name }) => name),
        ).toEqual(given.parts.map(({ name }) => name));
      }),
    );
  });

  test('has an edge for each name that one writes and another reads, and for each target', () => {
    fc.assert(
      fc.property(plan, (given) => {
        const data = given.parts.flatMap(({ name, writes }) =>
          given.parts
            .filter(({ reads }) => writes !== undefined && reads.includes(writes))
            .map((reader) => `${name} ${writes} ${reader.name}`),
        );
        const choices = given.parts
          .filter(({ writes }) => writes === undefined)
          .flatMap(({ name, targets }) => [...targets, END].map((target) => `${name} -> ${target}`));

        const { edges } = built(given).toJSON();

        expect(
          edges
            .map(({ from, to, kind, name }) =>
              kind === 'gate' ? `${from} -> ${to}` : `${from} ${name} ${to}`,
            )
            .toSorted(),
        ).toEqual([...data, ...choices].toSorted());
      }),
    );
  });

  test('says of each port who makes it, as the edges do', () => {
    fc.assert(
      fc.property(plan, (given) => {
        const { nodes, edges } = built(given).toJSON();

        for (const { name, inputs } of nodes) {
          for (const port of inputs) {
            const makers = edges
              .filter((edge) => edge.kind === 'data' && edge.to === name && edge.name === port.name)
              .map(({ from }) => from);
            expect(port.from).toEqual(makers);
          }
        }
      }),
    );
  });

  test('has the edges of its flowchart', () => {
    fc.assert(
      fc.property(plan, (given) => {
        const described = built(given);

        const drawn = readFlowchart(described.toMermaid()).edges.filter(({ label }) => label !== undefined);

        expect(drawn).toHaveLength(described.toJSON().edges.length);
      }),
    );
  });
});

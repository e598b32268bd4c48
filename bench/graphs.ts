import type { AnyGraph, AnyNode } from '../src/index.ts';
import { noop } from './floor.ts';
import { END, graph, input, node, route } from './troupe.ts';

/** A graph made from generated names: its type is not inferred, its inputs and outputs are numbers. */
export type Generated = AnyGraph<Record<string, unknown>, Record<string, unknown>>;

function generated(definition: { name: string; nodes: AnyNode[]; maxIterations?: number }): Generated {
  return graph(definition as never) as Generated; // the names are only known at run time
}

/** x0 -> n0 -> x1 -> n1 … */
export function chainOf(length: number): Generated {
  const nodes = Array.from({ length }, (_, at) =>
    node({
      name: `n${at}`,
      inputs: { [`x${at}`]: input<number>() },
      output: `x${at + 1}`,
      run: noop,
    }),
  );
  return generated({ name: `chain${length}`, nodes });
}

/** One source, `width` nodes that read it, and one that reads them all. */
export function fanOutOf(width: number): Generated {
  const source = node({ name: 'source', inputs: { x: input<number>() }, output: 'seed', run: ({ x }) => x });
  const leaves = Array.from({ length: width }, (_, at) =>
    node({ name: `leaf${at}`, inputs: { seed: input<number>() }, output: `y${at}`, run: noop }),
  );
  const inputs = Object.fromEntries(leaves.map((_, at) => [`y${at}`, input<unknown>()]));
  const join = node({ name: 'join', inputs, output: 'sum', run: () => width });
  return generated({ name: `fanOut${width}`, nodes: [source, ...leaves, join] });
}

/** Counts to `turns`; `onTurn` is called in each. */
export function loopOf(turns: number, onTurn: (turn: number) => void = () => undefined): Generated {
  const step = node({
    name: 'step',
    inputs: { count: input<number>() },
    output: 'count',
    run: async ({ count }) => {
      await noop();
      onTurn(count);
      return count + 1;
    },
  });
  const again = route({
    name: 'again',
    inputs: { count: input<number>() },
    targets: ['step', END],
    run: ({ count }) => (count < turns ? 'step' : END),
  });
  return generated({ name: `loop${turns}`, nodes: [step, again], maxIterations: turns + 1 });
}

/** One node. */
export function single(): Generated {
  return generated({
    name: 'single',
    nodes: [node({ name: 'only', inputs: { x: input<unknown>() }, output: 'y', run: async ({ x }) => x })],
  });
}

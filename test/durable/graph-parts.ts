import { graph, input, node, type AnyNode } from 'troupe';
import type { World } from './graph-crash.ts';

/** A node that a test makes. */
export interface Step {
  readonly name: string;
  readonly reads?: readonly string[];
  /** ms that it takes. */
  readonly takes?: number;
  readonly make?: (given: Readonly<Record<string, unknown>>) => unknown;
  readonly policies?: Parameters<typeof node>[2];
}

/** A node that makes a value of the name that it has, in capitals, out of what it reads. */
export function step(
  { clock, bodies }: World,
  { name, reads = [], takes = 0, make, policies }: Step,
): AnyNode {
  const say = (given: Readonly<Record<string, unknown>>): unknown =>
    `${name}(${Object.values(given).join(',')})`;
  return bodies.watch(
    node({
      ...(policies as object), // checked by `node`
      name,
      inputs: Object.fromEntries(reads.map((read) => [read, input<unknown>()])),
      output: name.toUpperCase(),
      run: async (given) => {
        if (takes > 0) await new Promise<void>((resolve) => void clock.setTimeout(resolve, takes));
        return (make ?? say)(given);
      },
    }),
  );
}

/** A graph that is made anew for each process. */
export const graphOf = (name: string, nodes: (world: World) => readonly AnyNode[]) => (world: World) =>
  graph({ name, nodes: nodes(world) });

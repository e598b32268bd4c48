import {
  graph,
  GraphConfigError,
  input,
  node,
  route,
  type AnyNode,
  type GraphDefinition,
  type InputDeclarations,
  type NodePolicies,
} from 'troupe';
import { thrownBy } from '../support/deferred.ts';

// TypeScript knows nothing of the names of these parts, so that it does not find a mistake before the graph is built.

type Policies = Pick<NodePolicies<never, unknown>, 'emits' | 'waitFor'>;

/** A node that takes `reads` and makes `writes`; each value tells who made it of what, as in `b(a())`. */
export function step(
  name: string,
  reads: readonly string[] = [],
  writes: readonly string[] = [],
  policies: Policies = {},
): AnyNode {
  const [only, second] = writes;
  const inputs = Object.fromEntries(reads.map((read) => [read, input<unknown>()]));
  const makes = (given: Readonly<Record<string, unknown>>): string =>
    `${name}(${reads.map((read) => String(given[read])).join(', ')})`;
  if (only !== undefined && second === undefined)
    return node({ name, inputs, output: only, ...policies, run: makes });
  return node<string, InputDeclarations, unknown, readonly string[]>({
    name,
    inputs,
    outputs: writes,
    ...policies,
    run: (given: Readonly<Record<string, unknown>>) =>
      Object.fromEntries(writes.map((write) => [write, makes(given)])),
  });
}

/** A gate that chooses its first target each time. */
export function gate(name: string, targets: readonly [string, ...string[]], reads: readonly string[] = []) {
  return route({
    name,
    inputs: Object.fromEntries(reads.map((read) => [read, input<unknown>()])),
    targets,
    run: () => targets[0],
  });
}

/** A graph called "g". */
export function build(nodes: readonly AnyNode[], more: Omit<GraphDefinition, 'name' | 'nodes'> = {}) {
  return graph({ name: 'g', nodes, ...more });
}

/** The GraphConfigError that something throws; fails when it throws another error or none. */
export function refusalOf(act: () => unknown): GraphConfigError {
  const error = thrownBy(act);
  if (error instanceof GraphConfigError) return error;
  throw error;
}

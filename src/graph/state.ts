import type { AnyNode } from '../nodes/contract.ts';

/** An explicit edge: from a node to another, and perhaps the one name that it carries. */
export type Edge = readonly [from: string, to: string, name?: string];

/** Everything that a graph was told, by `graph()` and by its modifiers. */
export interface GraphState {
  readonly name: string;
  readonly nodes: readonly AnyNode[];
  /** In place of wiring by name. */
  readonly edges: readonly Edge[] | undefined;
  readonly shared: ReadonlySet<string>;
  readonly isFixpoint: boolean;
  readonly maxIterations: number | undefined;
  readonly bound: ReadonlyMap<string, unknown>;
  /** In place of the leaf outputs. */
  readonly selected: readonly string[] | undefined;
  /** The names of nodes to start at. */
  readonly entries: readonly string[];
  /** New names by old ones. */
  readonly inputNames: ReadonlyMap<string, string>;
  readonly outputNames: ReadonlyMap<string, string>;
}

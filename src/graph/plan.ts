import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { AnyNode } from '../nodes/contract.ts';

/** One input of a node in a graph. */
export interface PlanPort {
  readonly name: string;
  /** The variable it reads. */
  readonly variable: number;
  readonly hasDefault: boolean;
  readonly default: unknown;
  /** Whether the node starts without it, although it has no default. */
  readonly isOptional: boolean;
  readonly schema: StandardSchemaV1 | undefined;
}

/** One output of a node in a graph. */
export interface PlanWrite {
  readonly name: string;
  /** The variables it writes. */
  readonly variables: readonly number[];
}

/** An announcement that a node waits for. */
export interface PlanWait {
  readonly name: string;
  /** The nodes that make it; any of them will do. */
  readonly emitters: readonly number[];
}

/** One node of a graph, wired. Nodes are known by their place in the list. */
export interface PlanMember {
  readonly index: number;
  readonly name: string;
  readonly node: AnyNode;
  readonly component: number;
  readonly ports: readonly PlanPort[];
  readonly writes: readonly PlanWrite[];
  /** The gates that choose it. */
  readonly gates: readonly number[];
  /** Of a gate: its targets by name; `END` and what was cut away are not among them. */
  readonly targets: ReadonlyMap<string, number>;
  readonly waits: readonly PlanWait[];
  /** The nodes that it comes after, without data: explicit edges. */
  readonly after: readonly number[];
  /** Whether the run starts at it. */
  readonly isEntry: boolean;
}

/** What a name stands for between its producers and its readers. */
export interface PlanVariable {
  readonly name: string;
  readonly producers: readonly number[];
  /** The nodes that run again when it is written: its readers, but of a shared name none. */
  readonly readers: readonly number[];
  /** Whether it is state: reading it is no wiring. */
  readonly isShared: boolean;
}

/** Nodes that depend on each other, or a single node. */
export interface PlanComponent {
  readonly index: number;
  /** In the order of the list. */
  readonly members: readonly number[];
  readonly isCyclic: boolean;
  /** How many other components it waits for. */
  readonly predecessors: number;
  /** The components that wait for it, in the order of the list. */
  readonly successors: readonly number[];
  /** Of a loop: the seeds with which one of its members could start, for each that could. */
  readonly starts: readonly PlanStart[];
}

/** A member with which a loop could start, and the seeds that it needs. */
export interface PlanStart {
  readonly member: number;
  readonly seeds: readonly string[];
}

/** An input of a graph. */
export interface PlanInput {
  readonly name: string;
  /** The variables that it seeds. */
  readonly variables: readonly number[];
  readonly isRequired: boolean;
  readonly hasDefault: boolean;
  readonly default: unknown;
  readonly isBound: boolean;
  readonly schemas: readonly StandardSchemaV1[];
}

/** An output of a graph. */
export interface PlanOutput {
  readonly name: string;
  /** The nodes that make it. */
  readonly producers: readonly number[];
}

/** A graph made ready to run: everything by index, nothing left to look up. */
export interface GraphPlan {
  readonly name: string;
  readonly members: readonly PlanMember[];
  readonly variables: readonly PlanVariable[];
  readonly components: readonly PlanComponent[];
  /** The components that wait for nothing, in the order of the list. */
  readonly first: readonly number[];
  readonly inputs: ReadonlyMap<string, PlanInput>;
  readonly outputs: readonly PlanOutput[];
  /** Whether the outputs were selected. */
  readonly isSelected: boolean;
  /** The names that nodes produce, for what a run may not be given. */
  readonly produced: ReadonlyMap<string, readonly number[]>;
  /** The questions inside, by the keys under which they are answered. */
  readonly answers: ReadonlyMap<string, StandardSchemaV1 | undefined>;
  /** The names of the nodes that `startAt` or `select` cut away, with the reason. */
  readonly pruned: ReadonlyMap<string, string>;
  readonly isFixpoint: boolean;
  readonly maxIterations: number | undefined;
}

/** Where a mapped graph's lists come from, and how they are combined. */
export interface Mapping {
  readonly names: readonly string[];
  readonly mode: 'zip' | 'product';
  readonly onError: 'stop' | 'continue';
}

/** A graph as one node: the root of a run, or a node of another graph. */
export interface GraphNode extends AnyNode {
  readonly kind: 'graph';
  readonly plan: GraphPlan;
  /** The graph's own input by the name of the port. */
  readonly inputNames: ReadonlyMap<string, string>;
  /** The name of the port by the graph's own output. */
  readonly outputNames: ReadonlyMap<string, string>;
  /** The ports under which questions inside may be answered up front; they are never wired. */
  readonly answers: ReadonlySet<string>;
  /** Stands before the names of what is not exposed, and before keys of questions. */
  readonly prefix: string;
  readonly maxIterations: number | undefined;
  readonly mapping: Mapping | undefined;
  /** Runs one item of a mapped graph. */
  readonly item: GraphNode | undefined;
  /** Runs it in its own way, in place of the run that it is part of. */
  readonly isForeign: boolean;
}

/** Whether a node is a graph. */
export function isGraphNode(node: AnyNode): node is GraphNode {
  return node.kind === 'graph' && 'plan' in node;
}

/** The key, outside of a graph, of a question that is asked inside of it. */
export function keyOutside(node: Pick<GraphNode, 'outputNames' | 'prefix'>, key: string): string {
  return node.outputNames.get(key) ?? `${node.prefix}${key}`;
}

import { createHash } from 'node:crypto';
import { hashOf } from '../graph/hash.ts';
import { isGraphNode, type GraphNode } from '../graph/plan.ts';
import { edgesOf } from '../graph/plan-edges.ts';
import type { AnyNode } from '../nodes/contract.ts';

/** What a workflow is known by again. */
export interface TargetFacts {
  /** The hash of names, kinds, ports and edges. */
  readonly structure: string;
  /** What that is made of, as a text, to tell what has changed. */
  readonly shape: string;
  /** The hash of all that, and of the bodies. */
  readonly definition: string;
}

/** A node of a graph: its name, kind, inputs, outputs, targets, and what is inside. */
type NodeShape = readonly [
  name: string,
  kind: string,
  inputs: readonly string[],
  outputs: readonly string[],
  targets: readonly string[] | null,
  inside: Shape | null,
];

interface Shape {
  readonly name: string;
  readonly nodes: readonly NodeShape[];
  readonly edges: readonly string[];
}

const known = new WeakMap<AnyNode, TargetFacts>();

/** What a target is known by again; worked out once. */
export function targetFacts(target: AnyNode): TargetFacts {
  const found = known.get(target);
  if (found !== undefined) return found;
  const facts = isGraphNode(target) ? ofGraph(target) : ofNode(target);
  known.set(target, facts);
  return facts;
}

/** What has changed from one shape to another, in words; empty where it cannot be said. */
export function describeChange(before: string, after: string): string {
  const [old, now] = [JSON.parse(before) as Shape, JSON.parse(after) as Shape]; // both made below
  return changesOf(old, now).slice(0, MOST_CHANGES).join('; ');
}

const MOST_CHANGES = 5;

function ofNode(target: AnyNode): TargetFacts {
  const shape: Shape = { name: target.name, nodes: [], edges: [target.kind] };
  const text = JSON.stringify(shape);
  const source = Function.prototype.toString.call(target.body ?? target.run);
  return { structure: sha256(text), shape: text, definition: sha256(`${text} ${source}`) };
}

function ofGraph(target: GraphNode): TargetFacts {
  return { ...hashOf(target), shape: JSON.stringify(shapeOf(target)) };
}

function shapeOf({ plan }: GraphNode): Shape {
  const nodes = plan.members.map(({ node, ports }): NodeShape => {
    const inputs = ports.map(({ name }) => name).toSorted();
    const targets = node.gate === undefined ? null : node.gate.targets.map(String);
    const inside = isGraphNode(node) ? shapeOf(node) : null;
    return [node.name, node.kind, inputs, node.outputs.toSorted(), targets, inside];
  });
  const nameOf = (member: number): string => plan.members[member]?.name ?? '';
  const edges = edgesOf(plan).map(
    ({ from, to, kind, name = '' }) =>
      `${kind} ${nameOf(from)} -> ${typeof to === 'number' ? nameOf(to) : to} ${name}`,
  );
  return { name: plan.name, nodes, edges: edges.toSorted() };
}

function changesOf(old: Shape, now: Shape, path = ''): string[] {
  const changes: string[] = [];
  if (old.name !== now.name) changes.push(`${path}"${old.name}" is now "${now.name}"`);
  const before = new Map(old.nodes.map((node) => [node[0], node]));
  const after = new Map(now.nodes.map((node) => [node[0], node]));
  for (const name of before.keys()) if (!after.has(name)) changes.push(`node "${path}${name}" was removed`);
  for (const [name, node] of after) {
    const was = before.get(name);
    if (was === undefined) changes.push(`node "${path}${name}" was added`);
    else changes.push(...nodeChanges(was, node, `${path}${name}`));
  }
  if (changes.length > 0) return changes;
  for (const edge of old.edges)
    if (!now.edges.includes(edge)) changes.push(`edge "${edge.trim()}" was removed`);
  for (const edge of now.edges)
    if (!old.edges.includes(edge)) changes.push(`edge "${edge.trim()}" was added`);
  return changes;
}

const PARTS = ['name', 'kind', 'inputs', 'outputs', 'targets'] as const;

function nodeChanges(was: NodeShape, is: NodeShape, name: string): string[] {
  const changes = PARTS.flatMap((part, index) => {
    const [before, after] = [was[index], is[index]].map((value) =>
      Array.isArray(value) ? value.join(', ') : JSON.stringify(value),
    );
    return before === after ? [] : [`the ${part} of node "${name}" were [${before}] and are [${after}]`];
  });
  const [inside, now] = [was[5], is[5]];
  if (inside !== null && now !== null) changes.push(...changesOf(inside, now, `${name}.`));
  return changes;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

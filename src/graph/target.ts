import type { AnyNode } from '../nodes/contract.ts';
import { isNode } from '../nodes/node.ts';
import { expected } from '../nodes/validate.ts';
import { isGraph } from './wired-graph.ts';

/**
 * What is to be run or called, as a node: a graph stands for its root.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when it is neither.
 */
export function toNode(what: string, target: unknown): AnyNode {
  if (isGraph(target)) return target.root;
  if (isNode(target)) return target;
  throw expected(what, 'a node or a graph', target, 'Define it with `node(…)` or `graph(…)`.');
}

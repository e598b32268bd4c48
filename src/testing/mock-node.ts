import type { Node, NodeContext, NodeSpec } from '../nodes/contract.ts';
import { freezeNode } from '../nodes/node.ts';

/** A node whose body is another, which remembers what it was called with. */
export type MockNode<Input, Output, Spec extends NodeSpec> = Node<Input, Output, Spec> & {
  /** The inputs that it was called with, oldest first. */
  readonly calls: readonly unknown[];
};

/**
 * The same node with another body: its name, inputs, outputs and policies stay, but it is never cached.
 *
 * @example
 * ```ts
 * import { createRunner, node } from 'troupe';
 * import { mockNode } from 'troupe/testing';
 *
 * const fetchPage = node('fetchPage', async (url: string) => (await fetch(url)).text());
 * const mocked = mockNode(fetchPage, () => '<p>hello</p>');
 * await using runner = createRunner();
 * console.log((await runner.run(mocked, 'https://example.org')).answer, mocked.calls);
 * ```
 */
export function mockNode<Input, Output, Spec extends NodeSpec>(
  node: Node<Input, Output, Spec>,
  body: (input: Input, ctx: NodeContext) => Output | Promise<Output>,
): MockNode<Input, Output, Spec> {
  const calls: unknown[] = [];
  const run = (input: never, ctx: NodeContext): Output | Promise<Output> => {
    calls.push(input);
    return body(input, ctx);
  };
  // A cached result would answer for the body, today's or that of another mock.
  // Without its plan a graph's node is one with a body, which returns its outputs by name.
  const { plan: _plan, assertGiven: _assertGiven, ...shape } = node as typeof node & { plan?: unknown };
  const isGraph = node.kind === 'graph';
  const mocked = isGraph ? { ...shape, kind: 'node' as const, returnsRecord: true } : node;
  return freezeNode({ ...mocked, policies: { ...node.policies, cache: false }, run, calls }) as never; // the same node
}

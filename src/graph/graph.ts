import type { GraphFunction } from './types.ts';
import { defineGraph } from './wired-graph.ts';

/**
 * Wires nodes by name: an input is wired to every node that outputs its name, and is an input of the graph when none
 * does. What does not fit is a compile error where TypeScript can see it, and an error when the graph is built otherwise.
 *
 * @throws {@link GraphConfigError} GRAPH_CONFIG when the graph is not well formed; {@link InvalidInputError} INVALID_INPUT
 * when a part of the definition is of the wrong form.
 *
 * @example
 * ```ts
 * import { createRunner, graph, input, node } from 'troupe';
 *
 * const embed = node({
 *   name: 'embed',
 *   inputs: { text: input<string>() },
 *   output: 'embedding',
 *   run: ({ text }) => [text.length],
 * });
 * const search = node({
 *   name: 'search',
 *   inputs: { embedding: input<number[]>(), limit: input(3) },
 *   output: 'hits',
 *   run: ({ embedding, limit }) => embedding.slice(0, limit),
 * });
 *
 * const rag = graph({ name: 'rag', nodes: [embed, search] });
 * await using runner = createRunner();
 * const { outputs } = await runner.run(rag, { text: 'hello' });
 * console.log(outputs.hits); // [ 5 ]
 * ```
 */
export const graph: GraphFunction = (definition) => defineGraph(definition) as never; // its type is computed, not checked

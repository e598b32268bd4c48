import type { NodeContext } from '../nodes/contract.ts';
import type { GraphNode } from './plan.ts';

/** What a nested graph needs of a runner of its own. */
export interface ForeignRunner {
  readonly capabilities: {
    readonly supportsCycles: boolean;
    readonly supportsGates: boolean;
    readonly supportsInterrupts: boolean;
    readonly supportsAsyncNodes: boolean;
  };
  readonly iter: (target: never, input: never, options: never) => unknown;
}

interface Handle extends AsyncIterable<{ readonly type: string }> {
  readonly result: Promise<{ readonly answer: unknown }>;
  respond(key: string, value: unknown): Promise<unknown>;
}

/** Whether a value is a runner. */
export function isForeignRunner(value: unknown): value is ForeignRunner {
  return (
    typeof value === 'object' &&
    value !== null &&
    'capabilities' in value &&
    'iter' in value &&
    typeof value.iter === 'function'
  );
}

/** Runs a nested graph in a runner of its own: it is cancelled with the node, and its questions become the node's. */
export async function runForeign(
  runner: ForeignRunner,
  node: GraphNode,
  input: unknown,
  ctx: NodeContext,
): Promise<unknown> {
  const iter = runner.iter as (target: unknown, input: unknown, options: unknown) => Handle; // a runner's own signature
  const handle = iter.call(runner, node, input, { signal: ctx.signal });
  handle.result.catch(() => undefined); // awaited below
  for await (const event of handle) {
    if (event.type === 'Interrupt') ask(handle, event as unknown as Question, ctx);
    else if (event.type === 'StreamingChunk') ctx.emitChunk((event as unknown as { chunk: unknown }).chunk);
    else if (event.type === 'Broadcast') ctx.broadcast((event as unknown as { item: unknown }).item);
  }
  return (await handle.result).answer;
}

interface Question {
  readonly key: string;
  readonly value: unknown;
}

function ask(handle: Handle, { key, value }: Question, ctx: NodeContext): void {
  ctx.interrupt(value, { key }).then(
    (answer) =>
      handle
        .respond(key, answer)
        .catch((error: unknown) => ctx.log.warn({ err: error }, 'An answer was not taken')),
    () => undefined, // the node was stopped, and so is the run inside
  );
}

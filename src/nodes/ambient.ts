import { AsyncLocalStorage } from 'node:async_hooks';
import { NoRunError } from '../errors.ts';
import type { NodeContext, RunContext } from './contract.ts';

// Bodies find their own context here; it holds nothing between runs.
const storage = new AsyncLocalStorage<NodeContext | undefined>();

/** Calls `body` so that the ambient functions inside it, also after an await, mean `ctx`. */
export function runWithin<Input, Result>(
  ctx: NodeContext,
  body: (input: Input, ctx: NodeContext) => Result,
  input: Input,
): Result {
  return storage.run(ctx, body, input, ctx);
}

/** Calls `callback` outside of every body, so that an observer's calls are nobody's children. */
export function runOutside<Result>(callback: () => Result): Result {
  // `storage.exit` would switch the runtime's promise hooks off and on again, for every promise of the process.
  return storage.run(undefined, callback);
}

/**
 * The NodeContext of the body that is running.
 *
 * @throws {@link NoRunError} NO_RUN outside a node's body.
 *
 * @example
 * ```ts
 * import { createRunner, currentRun, node } from 'troupe';
 *
 * const whoAmI = node('whoAmI', () => currentRun().attempt);
 * await using runner = createRunner();
 * console.log((await runner.run(whoAmI)).answer); // 1
 * ```
 */
export function currentRun(): NodeContext {
  const ctx = storage.getStore();
  if (ctx !== undefined) return ctx;
  throw new NoRunError('There is no run here', {
    hint: "Use the ambient functions inside a node's body, or take `ctx` there and pass it on.",
  });
}

/** `ctx.call` of the body that is running. Rejects with {@link NoRunError} outside one. */
export const call: NodeContext['call'] = (target, ...args) => later(() => currentRun().call(target, ...args));

/** `ctx.callSync` of the body that is running. */
export const callSync: NodeContext['callSync'] = (target, ...args) => currentRun().callSync(target, ...args);

/** `ctx.callBatch` of the body that is running. Rejects with {@link NoRunError} outside one. */
export const callBatch: NodeContext['callBatch'] = (...args: unknown[]) =>
  // The overloads of `callBatch` cannot be passed on one by one.
  later(() => (currentRun().callBatch as (...all: unknown[]) => Promise<never>)(...args));

/** `ctx.broadcast` of the body that is running. */
export const broadcast: NodeContext['broadcast'] = (item) => currentRun().broadcast(item);

/** `ctx.context` of the body that is running. */
export function context(): RunContext {
  return currentRun().context;
}

function later<Value>(start: () => Promise<Value>): Promise<Value> {
  try {
    return start();
  } catch (error) {
    return Promise.reject(error);
  }
}

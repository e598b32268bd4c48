import { CancelledError, ContextKeyError } from '../errors.ts';
import { createRunId, InvocationIds } from '../ids.ts';
import type { Logger } from '../logger.ts';
import { toNode } from '../graph/target.ts';
import { runWithin } from '../nodes/ambient.ts';
import type { AnyNode, NodeContext, RunContext } from '../nodes/contract.ts';
import { readBatch } from '../nodes/batch.ts';
import { resolveInputs } from '../nodes/resolve-input.ts';

/** Options of {@link testContext}. */
export interface TestContextOptions {
  /** Seeds the context store. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** Answers the questions of `ctx.interrupt` by their keys. */
  readonly answers?: Readonly<Record<string, unknown>>;
  /** Stands for the result of calls of a node, by its name: a value, or a function of the input. Other nodes run for real. */
  readonly calls?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  /** Default: 1. */
  readonly attempt?: number;
}

/** A NodeContext without a run, which remembers what the body did. */
export interface TestContext extends NodeContext {
  readonly chunks: readonly unknown[];
  readonly broadcasts: readonly unknown[];
  readonly questions: readonly unknown[];
  readonly callsMade: readonly { readonly node: string; readonly input: unknown }[];
}

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/**
 * A context to call a node's body with in a test, without a runner. The ambient functions work inside bodies that it
 * calls; the policies of nodes (retry, timeout, fallback) do not apply.
 *
 * @example
 * ```ts
 * import { node } from 'troupe';
 * import { testContext } from 'troupe/testing';
 *
 * const greet = node('greet', async (name: string, ctx) => `${await ctx.interrupt<string>('Which greeting?')}, ${name}`);
 * console.log(await greet.run('Ada', testContext({ answers: { greet: 'Good day' } }))); // Good day, Ada
 * ```
 */
export function testContext(options: TestContextOptions = {}): TestContext {
  const { answers = {}, calls = {}, signal = new AbortController().signal, attempt = 1 } = options;
  const runId = createRunId();
  const ids = new InvocationIds(runId);
  const chunks: unknown[] = [];
  const broadcasts: unknown[] = [];
  const questions: unknown[] = [];
  const callsMade: { node: string; input: unknown }[] = [];
  const invoke = (target: unknown, input: unknown): unknown => {
    const node = toNode('what is called', target);
    callsMade.push({ node: node.name, input });
    if (!Object.hasOwn(calls, node.name)) return runBody(node, input, ctx);
    const stand: unknown = calls[node.name];
    return typeof stand === 'function' ? (stand as (given: unknown) => unknown)(input) : stand;
  };
  const answer = (key: string | undefined): unknown => {
    const [only] = Object.keys(answers);
    const name = key ?? only;
    if (name !== undefined && Object.hasOwn(answers, name)) return answers[name];
    throw new CancelledError(`testContext has no answer for "${name ?? ''}"`);
  };
  const ctx = {
    chunks,
    broadcasts,
    questions,
    callsMade,
    runId,
    requestId: ids.requestId(0),
    nodeId: ids.nodeId(0),
    workflowId: undefined,
    attempt,
    idempotencyKey: `${runId}:test`,
    signal,
    log: silent,
    context: storeOf(options.context ?? {}),
    call: async (target: unknown, input: unknown) => invoke(target, input),
    callSync: invoke,
    callBatch: async (target: unknown, ...args: unknown[]) => {
      const node = toNode('what is called', target);
      const { inputs, options: batch } = readBatch(node, args);
      const results = inputs.map(async (input) => invoke(node, input));
      return batch.onError === 'return'
        ? Promise.all(results.map((each) => each.catch((error: unknown) => error)))
        : Promise.all(results);
    },
    interrupt: async (question: unknown, asked?: { readonly key?: string }) => {
      questions.push(question);
      return answer(asked?.key);
    },
    emitChunk: (chunk: unknown) => void chunks.push(chunk),
    broadcast: (item: unknown) => void broadcasts.push(item),
  } as unknown as TestContext; // the generic signatures add only types
  return ctx;
}

function runBody(node: AnyNode, given: unknown, ctx: NodeContext): unknown {
  const run = (input: unknown): unknown =>
    runWithin(ctx, (each: never, context) => node.run(each, context), input as never);
  if (node.inputs === undefined) return run(given);
  const resolved = resolveInputs(node, node.inputs, given);
  return resolved instanceof Promise ? resolved.then(run) : run(resolved);
}

function storeOf(seed: Readonly<Record<string, unknown>>): RunContext {
  const values = new Map(Object.entries(seed));
  const assertHas = (key: string): void => {
    if (!values.has(key))
      throw new ContextKeyError(`The context has no key "${key}"`, {
        hint: 'Seed it: `testContext({ context: { … } })`.',
      });
  };
  return {
    get: <Value>(...args: [key: string, fallback?: Value]): Value => {
      const [key, fallback] = args;
      if (!values.has(key) && args.length > 1) return fallback as Value;
      assertHas(key);
      return values.get(key) as Value; // the caller says what it put there
    },
    has: (key) => values.has(key),
    put: (key, value) => void values.set(key, value),
    update: (more) => {
      for (const [key, value] of Object.entries(more)) values.set(key, value);
    },
    delete: (key) => {
      assertHas(key);
      values.delete(key);
    },
    keys: () => [...values.keys()],
  };
}

import { hash } from 'node:crypto';
import type { AnyActorRef } from 'xstate';
import type { ForeignQuestion } from '../graph/foreign-runner.ts';
import type { CallOptions, InterruptOptions, NodeContext, RunContext } from '../nodes/contract.ts';
import type { Logger } from '../logger.ts';
import type { NodeId, RequestId, RunId } from '../ids.ts';
import type { Attempt, Invocation } from './invocation.ts';

/** What a body's context asks of its run. */
export interface BodyHost {
  readonly runId: RunId;
  readonly workflowId: string | undefined;
  /** What stands for the workflow, or the worker of a flow, in idempotency keys; undefined for a run of its own. */
  readonly keyBase: string | undefined;
  call(attempt: Attempt, node: unknown, input: unknown, options: CallOptions | undefined): Promise<unknown>;
  callSync(attempt: Attempt, node: unknown, input: unknown, options: CallOptions | undefined): unknown;
  callBatch(attempt: Attempt, node: unknown, args: readonly unknown[]): Promise<unknown[]>;
  interrupt(attempt: Attempt, question: unknown, options: InterruptOptions | undefined): Promise<unknown>;
  askFor(attempt: Attempt, question: ForeignQuestion): Promise<unknown>;
  broadcast(attempt: Attempt, item: unknown): void;
  contextFor(attempt: Attempt): RunContext;
  loggerFor(attempt: Attempt): Logger;
}

/** The context of one attempt's body. What most bodies never touch is made when it is first touched. */
export class BodyContext {
  readonly #attempt: Attempt;
  readonly #host: BodyHost;
  #context: RunContext | undefined;
  #log: Logger | undefined;

  constructor(attempt: Attempt, host: BodyHost) {
    this.#attempt = attempt;
    this.#host = host;
  }

  // The functions are getters, so that a body may take them out of the context.
  get call() {
    return (node: unknown, input?: unknown, options?: CallOptions) =>
      this.#host.call(this.#attempt, node, input, options);
  }

  get callSync() {
    return (node: unknown, input?: unknown, options?: CallOptions) =>
      this.#host.callSync(this.#attempt, node, input, options);
  }

  get callBatch() {
    return (node: unknown, ...args: unknown[]) => this.#host.callBatch(this.#attempt, node, args);
  }

  get interrupt() {
    return (question: unknown, options?: InterruptOptions) =>
      this.#host.interrupt(this.#attempt, question, options);
  }

  /** Asks in the name of a node of a run inside. */
  get askFor() {
    return (question: ForeignQuestion) => this.#host.askFor(this.#attempt, question);
  }

  get emitChunk() {
    return (chunk: unknown) => this.#attempt.emitChunk(chunk);
  }

  get broadcast() {
    return (item: unknown) => this.#host.broadcast(this.#attempt, item);
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  get context(): RunContext {
    return (this.#context ??= this.#host.contextFor(this.#attempt));
  }

  get log(): Logger {
    return (this.#log ??= this.#host.loggerFor(this.#attempt));
  }

  /** The invocation's actor, for work that runs as a child of it. */
  get actor(): AnyActorRef {
    return this.#attempt.invocation.ref;
  }

  get requestId(): RequestId {
    return this.#attempt.invocation.requestId;
  }

  get nodeId(): NodeId {
    return this.#attempt.invocation.nodeId;
  }

  get runId(): RunId {
    return this.#host.runId;
  }

  get workflowId(): string | undefined {
    return this.#host.workflowId;
  }

  get attempt(): number {
    return this.#attempt.number;
  }

  get idempotencyKey(): string {
    const { workflowId, runId, keyBase } = this.#host;
    const { invocation } = this.#attempt;
    return keyBase === undefined
      ? `${runId}:${invocation.requestId}`
      : `${workflowId ?? keyBase}:${hash('sha256', pathOf(keyBase, invocation), 'base64url').slice(0, KEY_CHARS)}`;
  }
}

/** Of a hash: 132 bits. */
const KEY_CHARS = 22;

/**
 * The calls that lead to an invocation. Its id would not do: one that was lost before it was written may be given again to
 * something else.
 */
function pathOf(keyBase: string, invocation: Invocation): string {
  const steps: unknown[] = [keyBase];
  for (let at: Invocation | undefined = invocation; at !== undefined; at = at.parent) steps.push(at.step);
  return JSON.stringify(steps);
}

/** A body's context as bodies see it: the types of calls are those of the nodes that are called. */
export function createBodyContext(attempt: Attempt, host: BodyHost): NodeContext {
  return new BodyContext(attempt, host) as unknown as NodeContext; // the generic signatures add only types
}

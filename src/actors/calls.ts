import { cloneData } from '../clone.ts';
import { CancelledError } from '../errors.ts';
import type { RunId } from '../ids.ts';
import type { Logger } from '../logger.ts';
import type { AnyNode, CallOptions, InterruptOptions, RunContext } from '../nodes/contract.ts';
import { readBatch } from '../nodes/batch.ts';
import type { ForeignQuestion } from '../graph/foreign-runner.ts';
import { findNode } from '../graph/graph-node.ts';
import { isGraphNode } from '../graph/plan.ts';
import { toNode } from '../graph/target.ts';
import { resolveInputs } from '../nodes/resolve-input.ts';
import { assertKnownOptions, expected } from '../nodes/validate.ts';
import { withDefaults } from './backoff.ts';
import { isAsyncFunction } from './body.ts';
import type { BodyHost } from './body-context.ts';
import { contextOf, ContextScope } from './context-store.ts';
import type { CallRequest, Coordinator } from './coordinator.ts';
import type { ActivationSeat, Attempt, Invocation, Outcome, OutcomeListener } from './invocation.ts';
import { asyncWork } from './async-work.ts';
import type { Questions } from './questions.ts';
import type { Reporter } from './reporter.ts';
import type { RunSettings } from './settings.ts';

/** What the calls of a run's bodies need. */
export interface CallsOptions {
  readonly settings: RunSettings;
  readonly coordinator: Coordinator;
  readonly questions: Questions;
  readonly reporter: Reporter;
}

/** Does what bodies ask of their run through their contexts. */
export class Calls implements BodyHost {
  readonly #options: CallsOptions;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  get runId(): RunId {
    return this.#options.settings.runId;
  }

  get keyBase(): string | undefined {
    const { keyBase, runId, workflowId } = this.#options.settings;
    return keyBase ?? (workflowId === undefined ? undefined : runId);
  }

  get workflowId(): string | undefined {
    return this.#options.settings.workflowId;
  }

  call(attempt: Attempt, node: unknown, input: unknown, options: CallOptions | undefined): Promise<unknown> {
    // In a synchronous run nobody could await the promise, so it must not be a quiet rejection.
    if (attempt.invocation.isSync) throw asyncWork(`node "${attempt.invocation.node.name}" used ctx.call`);
    const reply = new Reply();
    try {
      this.#spawn(attempt, { target: checkCall(attempt, node, options), input, options }, reply);
    } catch (error) {
      reply.settle({ ok: false, error });
    }
    return reply.promise;
  }

  callSync(attempt: Attempt, node: unknown, input: unknown, options: CallOptions | undefined): unknown {
    const target = checkCall(attempt, node, options);
    const outcome = this.#runSync(attempt, { target, input, options });
    if (outcome?.ok === true) return outcome.value;
    throw outcome === undefined ? asyncWork(`node "${target.name}" has not ended`) : outcome.error;
  }

  callBatch(attempt: Attempt, node: unknown, args: readonly unknown[]): Promise<unknown[]> {
    if (attempt.invocation.isSync)
      throw asyncWork(`node "${attempt.invocation.node.name}" used ctx.callBatch`);
    try {
      const target = checkCall(attempt, node, undefined);
      const { inputs, options } = readBatch(target, args);
      checkCallOptions({ ...options, onError: undefined }, ['onError']);
      const batch = new BatchReply(inputs.length, options.onError === 'return');
      for (const [index, input] of inputs.entries()) {
        // What stops the caller in the middle of its batch stops the rest of it.
        if (attempt.isOpen) this.#spawn(attempt, { target, input, options }, batch.listenerOf(index));
        else batch.settleAt(index, { ok: false, error: new CancelledError('The caller was stopped') });
      }
      return batch.promise;
    } catch (error) {
      const reply = new Reply();
      reply.settle({ ok: false, error });
      return reply.promise as Promise<never>; // it only rejects
    }
  }

  interrupt(attempt: Attempt, question: unknown, options: InterruptOptions | undefined): Promise<unknown> {
    const { invocation } = attempt;
    if (invocation.isSync) throw asyncWork(`node "${invocation.node.name}" asked a question`);
    try {
      assertOpen(attempt);
      return this.#options.questions.ask(attempt, question, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  askFor(attempt: Attempt, question: ForeignQuestion): Promise<unknown> {
    const { key, schema, value, node, path } = question;
    return this.#options.questions.ask(
      attempt,
      value,
      { key, ...(schema === undefined ? {} : { schema }) },
      { node, path },
    );
  }

  broadcast(attempt: Attempt, item: unknown): void {
    if (attempt.isOpen) this.#options.reporter.broadcast(attempt, item);
  }

  contextFor(attempt: Attempt): RunContext {
    const { invocation } = attempt;
    const { reporter } = this.#options;
    const onWrite = (key: string, isDelete: boolean, value: unknown): boolean => {
      if (attempt.isOpen) reporter.wroteContext(invocation, key, isDelete, value);
      return attempt.isOpen;
    };
    return contextOf(invocation.scope, onWrite, (values) => {
      for (const value of values) reporter.ready('value', value, invocation.node.name);
    });
  }

  loggerFor({ invocation, number }: Attempt): Logger {
    const { logger, runId } = this.#options.settings;
    const bindings = { runId, requestId: invocation.requestId, node: invocation.node.name, attempt: number };
    const own = logger.child?.(bindings) ?? logger;
    return activationAround(invocation)?.loggerOver(own) ?? own;
  }

  #spawn(attempt: Attempt, call: Call, reply: OutcomeListener): void {
    const { target, input } = call;
    const caller = attempt.invocation;
    const { coordinator } = this.#options;
    const open = (given: unknown, failure?: { readonly error: unknown }): void =>
      coordinator.open(requestOf(caller, { ...call, input: given }, { failure }), reply);
    if (target.inputs === undefined) {
      open(input);
      return;
    }
    let resolved: unknown;
    try {
      resolved = resolveInputs(target, target.inputs, input);
    } catch (error) {
      open(input, { error });
      return;
    }
    if (!(resolved instanceof Promise)) {
      open(resolved);
      return;
    }
    caller.callsInCheck += 1;
    coordinator.recount(caller);
    const whenChecked = (goOn: () => void): void => {
      caller.callsInCheck -= 1;
      if (attempt.isOpen) goOn();
      else reply.settle({ ok: false, error: new CancelledError('The caller was stopped') });
      coordinator.recount(caller);
      coordinator.endIfDrained(caller);
    };
    resolved.then(
      (late) => whenChecked(() => open(late)),
      (error: unknown) => whenChecked(() => open(input, { error })),
    );
  }

  #runSync({ invocation: caller }: Attempt, call: Call): Outcome | undefined {
    const { target, input } = call;
    const { coordinator } = this.#options;
    let resolved: unknown = input;
    let failure: CallRequest['failure'];
    try {
      assertSyncNode(target);
      if (target.inputs !== undefined) resolved = resolveInputs(target, target.inputs, input);
      if (target.inputs !== undefined && resolved instanceof Promise)
        throw asyncWork(`a schema of node "${target.name}" is asynchronous`);
    } catch (error) {
      failure = { error };
    }
    const given = failure === undefined ? { ...call, input: resolved } : call;
    return coordinator.openSync(requestOf(caller, given, { isSync: true, failure }));
  }
}

/** What the coordinator is asked for. */
function requestOf(
  caller: Invocation,
  { target, input, options }: Call,
  how: { readonly isSync?: boolean; readonly failure: CallRequest['failure'] },
): CallRequest {
  const { isSync = false, failure } = how;
  return {
    node: target,
    input,
    parent: caller,
    // What cannot run writes nothing.
    scope: failure === undefined ? scopeFor(caller, options) : caller.scope,
    isSync,
    key: options?.key,
    signal: isSync || failure !== undefined ? undefined : options?.signal,
    failure,
  };
}

/** What the caller of a node gets. */
class Reply implements OutcomeListener {
  readonly promise: Promise<unknown>;
  #resolve: (value: unknown) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  settle(outcome: Outcome): void {
    if (outcome.ok) {
      this.#resolve(outcome.value);
      return;
    }
    this.promise.catch(() => undefined); // a call that nobody awaits is recorded, and no unhandled rejection
    this.#reject(outcome.error);
  }
}

/** What the caller of a batch gets: one promise for all of its calls. */
class BatchReply {
  readonly promise: Promise<unknown[]>;
  readonly #reply = new Reply();
  readonly #results: unknown[];
  readonly #keepsErrors: boolean;
  #left: number;

  constructor(size: number, keepsErrors: boolean) {
    this.promise = this.#reply.promise as Promise<unknown[]>; // it is settled below, with the results
    this.#results = Array.from({ length: size });
    this.#keepsErrors = keepsErrors;
    this.#left = size;
    if (size === 0) this.#reply.settle({ ok: true, value: this.#results });
  }

  listenerOf(index: number): OutcomeListener {
    return { settle: (outcome) => this.settleAt(index, outcome) };
  }

  settleAt(index: number, outcome: Outcome): void {
    if (!outcome.ok && !this.#keepsErrors) {
      // A promise is settled once: later outcomes change nothing.
      this.#reply.settle(outcome);
      return;
    }
    this.#results[index] = outcome.ok ? outcome.value : outcome.error;
    this.#left -= 1;
    if (this.#left === 0) this.#reply.settle({ ok: true, value: this.#results });
  }
}

interface Call {
  readonly target: AnyNode;
  readonly input: unknown;
  readonly options: CallOptions | undefined;
}

/**
 * Throws where a node cannot run without waiting, as far as that shows before it runs.
 *
 * @throws {@link IncompatibleRunnerError} INCOMPATIBLE_RUNNER
 */
export function assertSyncNode(node: AnyNode): void {
  if (isGraphNode(node)) {
    const asking = findNode(node, (member) => member.question !== undefined);
    if (asking !== undefined)
      throw asyncWork(`node "${asking.path.join('.')}" asks a question (supportsInterrupts)`);
    findNode(node, (member) => {
      if (!isGraphNode(member) || member.isForeign) assertSyncNode(member);
      return false;
    });
    if (!node.isForeign) return;
    throw asyncWork(`node "${node.name}" has a runner of its own`);
  }
  if (isAsyncFunction(node.run)) throw asyncWork(`the body of node "${node.name}" is asynchronous`);
  const { retry } = node.policies;
  if (retry !== undefined && withDefaults(retry).delay > 0 && withDefaults(retry).maxAttempts > 1) {
    throw asyncWork(`node "${node.name}" waits between its attempts (give its \`retry\` a \`delay\` of 0)`);
  }
}

/** What an invocation is, or is a part of. */
function activationAround(invocation: Invocation): ActivationSeat | undefined {
  for (let each: Invocation | undefined = invocation; each !== undefined; each = each.parent)
    if (each.activation !== undefined) return each.activation;
  return undefined;
}

/** The caller's scope, or one of the callee's own. */
function scopeFor({ scope }: Invocation, options: CallOptions | undefined): ContextScope {
  return options?.context === undefined ? scope : new ContextScope(cloneData(options.context), scope);
}

function checkCall(attempt: Attempt, node: unknown, options: unknown): AnyNode {
  assertOpen(attempt);
  const target = toNode('the first argument of a call', node);
  if (options !== undefined) checkCallOptions(options);
  return target;
}

function checkCallOptions(options: unknown, more: readonly string[] = []): void {
  assertKnownOptions('a call', options, ['key', 'context', 'signal', ...more]);
  const { signal, key }: { signal?: unknown; key?: unknown } = options;
  if (key !== undefined && (typeof key !== 'string' || key === ''))
    throw expected('`key` of a call', 'a text that is not empty', key);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw expected('`signal` of a call', 'an AbortSignal', signal);
}

function assertOpen(attempt: Attempt): void {
  if (!attempt.isOpen) throw new CancelledError('The attempt that calls has ended');
}

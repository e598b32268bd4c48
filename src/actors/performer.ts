import { CancelledError, isTroupeError, NodeTimeoutError, type InvalidInputError } from '../errors.ts';
import { randomOf } from '../clock.ts';
import { isGraphNode, type GraphNode } from '../graph/plan.ts';
import { runWithin } from '../nodes/ambient.ts';
import type { AnyNode, RetryPolicy } from '../nodes/contract.ts';
import { expected } from '../nodes/validate.ts';
import { Attempt, type ActivationSeat, type AttemptListener } from './invocation.ts';
import { asyncWork } from './async-work.ts';
import { delayAfter, withDefaults } from './backoff.ts';
import { follow, isAsyncGenerator, isPromiseLike } from './body.ts';
import { createBodyContext, type BodyHost } from './body-context.ts';
import type { CacheDesk } from './cache-desk.ts';
import type { Coordinator, Ending } from './coordinator.ts';
import { Deadline } from './deadline.ts';
import type { Journal } from './journal.ts';
import type { Replay } from './replay.ts';
import { GraphMap } from './graph-map.ts';
import { GraphRun } from './graph-run.ts';
import type { Invocation } from './invocation.ts';
import type { Reporter } from './reporter.ts';
import type { RunSettings } from './settings.ts';

/** What a performer needs. */
export interface PerformerOptions {
  readonly settings: RunSettings;
  readonly reporter: Reporter;
  readonly coordinator: Coordinator;
  readonly bodyHost: BodyHost;
  /** Takes in the results of nodes that are cached. */
  readonly desk: CacheDesk | undefined;
  /** Void the open questions of an attempt that is over. */
  readonly withdrawQuestions: (invocation: Invocation) => void;
  /** Hears of attempts that are put off, and may hold them up. */
  readonly host: {
    onDelayed?(invocation: Invocation): void;
    whenOpen?(goOn: () => void): void;
  };
  /** Stops the run whose time is up although the busy thread let no timer fire; whether it did. */
  readonly stopIfLate: () => boolean;
  /** Of a durable workflow. */
  readonly journal: Journal | undefined;
  /** Of one that goes on. */
  readonly replay: Replay | undefined;
  /** The time limits that stand still while the run is paused. */
  readonly deadlines: Set<Deadline>;
}

/** Runs bodies: attempt by attempt, with their time limits, retries and fallbacks. */
export class Performer implements AttemptListener {
  readonly #options: PerformerOptions;

  constructor(options: PerformerOptions) {
    this.#options = options;
  }

  /** Begins the next attempt of a running invocation. */
  perform(invocation: Invocation): void {
    const { replay, settings } = this.#options;
    // A process that ends does not shorten the time between two attempts.
    const now = settings.clock.now();
    const delayMs =
      invocation.attempt === undefined
        ? (replay?.delayOf(invocation, now) ?? delayOf(invocation.activation, now))
        : 0;
    if (delayMs === 0) this.#attempt(invocation);
    else this.#afterDelay(invocation, delayMs, () => this.#attempt(invocation));
  }

  #afterDelay(invocation: Invocation, delayMs: number, goOn: () => void): void {
    const { settings, coordinator, host } = this.#options;
    coordinator.yieldSlot(invocation);
    const resume = (): void => {
      invocation.backoff = undefined;
      coordinator.resume(invocation, () => {
        if (!invocation.isStopping) goOn();
      });
    };
    const again = host.whenOpen === undefined ? resume : (): void => host.whenOpen?.(resume);
    if (invocation.isSync) again();
    else if (delayMs === 0) queueMicrotask(again);
    else {
      invocation.backoffUntil = settings.clock.now() + delayMs;
      invocation.backoff = settings.clock.setTimeout(again, delayMs);
      host.onDelayed?.(invocation);
    }
  }

  #attempt(invocation: Invocation): void {
    const { journal, replay } = this.#options;
    const attempt = new Attempt(invocation, nextNumber(invocation, replay), this);
    invocation.attempt = attempt;
    this.#options.reporter.started(attempt);
    const { node } = invocation;
    if (isGraphNode(node) && !node.isForeign) {
      this.#limit(attempt);
      this.#performGraph(attempt, node);
      return;
    }
    // What goes on was begun, and written, before.
    if (journal === undefined || invocation.isSync || replay?.isActive === true) this.#runBody(attempt);
    else journal.after(() => this.#runBody(attempt));
  }

  #runBody(attempt: Attempt): void {
    if (!attempt.isOpen) return;
    const { invocation } = attempt;
    // The time that its start takes to be written is not its own.
    this.#limit(attempt);
    try {
      const { bodyHost } = this.#options;
      const ctx = invocation.activation?.contextFor(attempt) ?? createBodyContext(attempt, bodyHost);
      runWithin(
        ctx,
        (input: never, context) => this.#follow(attempt, invocation.node.run(input, context)),
        invocation.input as never,
      );
    } catch (error) {
      attempt.onThrow(error);
    }
  }

  onChunk(attempt: Attempt, chunk: unknown, index: number): void {
    this.#options.reporter.chunk(attempt, chunk, index);
  }

  onReturn(attempt: Attempt, value: unknown): void {
    const { coordinator, settings, stopIfLate, desk } = this.#options;
    const { invocation } = attempt;
    if (stopIfLate()) return;
    if (invocation.node.returnsRecord === true && (typeof value !== 'object' || value === null)) {
      attempt.onThrow(noRecord(invocation.node, value));
      return;
    }
    // A body that kept the thread busy let no timer fire.
    if (attempt.deadline?.isExpired === true) {
      this.#onTimeout(attempt);
      return;
    }
    desk?.keep(invocation, value);
    if (invocation.hasLiveCalls && settings.orphans === 'wait') {
      invocation.bodyOutcome = { ok: true, value };
      return;
    }
    if (invocation.hasLiveCalls) this.#stopChildren(invocation, new CancelledError('The caller has ended'));
    coordinator.end({ invocation, event: 'SUCCEED', value });
  }

  onThrow(attempt: Attempt, error: unknown): void {
    const { settings, stopIfLate } = this.#options;
    const { invocation } = attempt;
    if (stopIfLate()) return;
    if (attempt.deadline?.isExpired === true && !isTroupeError(error, 'FATAL')) {
      this.#onTimeout(attempt);
      return;
    }
    if (invocation.hasLiveCalls) {
      if (settings.onError === 'continue' && !isTroupeError(error, 'FATAL')) {
        invocation.bodyOutcome = { ok: false, error };
        return;
      }
      attempt.isOpen = false;
      this.#stopChildren(invocation, new CancelledError(error));
    }
    this.onFailure(invocation, error);
  }

  /** Goes on after a failed attempt whose children are gone: with another one, the fallback, or the end. */
  onFailure(invocation: Invocation, error: unknown, isTimeout = false): void {
    if (invocation.hasEnded) return;
    const ending = this.#afterFailure(invocation, error, isTimeout);
    if (ending !== undefined) this.#options.coordinator.end(ending);
  }

  #afterFailure(invocation: Invocation, error: unknown, isTimeout: boolean): Ending | undefined {
    invocation.bodyOutcome = undefined;
    this.#closeAttempt(invocation, isTimeout ? error : undefined);
    const { policies } = invocation.node;
    const { retry } = policies;
    const failed: Ending = { invocation, event: isTimeout ? 'TIME_OUT' : 'FAIL', value: error };
    if (isTroupeError(error, 'FATAL')) return failed;
    if (retry !== undefined) {
      const verdict = this.#mayRetry(invocation, retry, error);
      if ('thrown' in verdict) return { invocation, event: 'FAIL', value: verdict.thrown };
      if (verdict.isWanted) {
        this.#retry(invocation, retry, error);
        return undefined;
      }
    }
    return policies.fallback === undefined
      ? failed
      : this.#fallBack(invocation, policies as HasFallback, error);
  }

  #performGraph(attempt: Attempt, node: GraphNode): void {
    const { invocation } = attempt;
    const input = (invocation.input ?? {}) as Readonly<Record<string, unknown>>; // as its declarations say
    try {
      if (node.mapping !== undefined) {
        new GraphMap(node, node.mapping, attempt, this.#options).begin(input);
        return;
      }
      const graph = new GraphRun(node, attempt, this.#options);
      invocation.graph = graph;
      graph.begin(input);
    } catch (error) {
      attempt.onThrow(error);
    }
  }

  #follow(attempt: Attempt, result: unknown): void {
    if (attempt.invocation.isSync && (isPromiseLike(result) || isAsyncGenerator(result))) {
      if (isPromiseLike(result)) result.then(undefined, () => undefined); // its end interests nobody any more
      attempt.onThrow(asyncWork(`the body of node "${attempt.invocation.node.name}" returned a promise`));
      return;
    }
    follow(result, attempt);
  }

  #limit(attempt: Attempt): void {
    const { timeout } = attempt.invocation.node.policies;
    if (timeout === undefined || timeout === null) return;
    const { settings, deadlines } = this.#options;
    attempt.deadline = new Deadline({
      clock: settings.clock,
      limitMs: timeout,
      group: deadlines,
      onExpire: () => this.#onTimeout(attempt),
    });
  }

  #onTimeout(attempt: Attempt): void {
    const { invocation } = attempt;
    if (invocation.attempt !== attempt || invocation.hasEnded) return;
    const error = new NodeTimeoutError(invocation.node.name, invocation.node.policies.timeout ?? 0);
    attempt.isOpen = false;
    invocation.bodyOutcome = undefined;
    this.#stopChildren(invocation, new CancelledError(error));
    this.onFailure(invocation, error, true);
  }

  #stopChildren(invocation: Invocation, error: CancelledError): void {
    this.#options.coordinator.stop(invocation, { error, signalReason: error, isTopKept: true });
  }

  #closeAttempt(invocation: Invocation, reason: unknown): void {
    invocation.attempt?.close(reason);
    this.#options.withdrawQuestions(invocation);
    if (invocation.status === 'interrupted') invocation.move('WITHDRAW');
    this.#options.coordinator.recount(invocation);
  }

  #mayRetry(
    invocation: Invocation,
    retry: RetryPolicy,
    error: unknown,
  ): { isWanted: boolean } | { thrown: unknown } {
    if ((invocation.attempt?.number ?? 0) >= withDefaults(retry).maxAttempts) return { isWanted: false };
    try {
      return { isWanted: retry.on?.(error) ?? true };
    } catch (thrown) {
      return { thrown };
    }
  }

  #retry(invocation: Invocation, retry: RetryPolicy, error: unknown): void {
    const { settings, reporter } = this.#options;
    const { attempt } = invocation;
    if (attempt === undefined) return;
    const delayMs = delayAfter(attempt.number, withDefaults(retry), () => randomOf(settings.clock));
    reporter.willRetry(attempt, error, delayMs);
    this.#afterDelay(invocation, delayMs, () => {
      if (invocation.move('RETRY')) this.#attempt(invocation);
    });
  }

  #fallBack(invocation: Invocation, policies: HasFallback, error: unknown): Ending | undefined {
    const { coordinator } = this.#options;
    try {
      const value = policies.fallback({ error, input: invocation.input });
      if (!isPromiseLike(value)) return { invocation, event: 'SUCCEED', value };
      if (invocation.isSync) {
        value.then(undefined, () => undefined);
        return {
          invocation,
          event: 'FAIL',
          value: asyncWork(`the fallback of node "${invocation.node.name}" returned a promise`),
        };
      }
      value.then(
        (late) => coordinator.end({ invocation, event: 'SUCCEED', value: late }),
        (thrown: unknown) => coordinator.end({ invocation, event: 'FAIL', value: thrown }),
      );
      return undefined;
    } catch (thrown) {
      return { invocation, event: 'FAIL', value: thrown };
    }
  }
}

/** A fallback as it is called: its types were checked where it was written. */
interface HasFallback {
  fallback(failure: { readonly error: unknown; readonly input: unknown }): unknown;
}

/** The error for a body that does not return its outputs by name. */
function noRecord({ name, outputs }: AnyNode, value: unknown): InvalidInputError {
  return expected(
    `what node "${name}" returns`,
    `an object with ${outputs.map((output) => `"${output}"`).join(', ')}`,
    value,
    'Return an object that has all of its `outputs`, or declare one `output`.',
  );
}

function nextNumber({ attempt, activation, ordinal }: Invocation, replay: Replay | undefined): number {
  if (attempt !== undefined) return attempt.number + 1;
  return replay?.attemptOf({ ordinal }) ?? activation?.resumption?.attempt ?? 1;
}

/** How long the next attempt of a routine that goes on is still put off. */
function delayOf(activation: ActivationSeat | undefined, now: number): number {
  return activation?.resumption === undefined ? 0 : Math.max(0, activation.resumption.at - now);
}

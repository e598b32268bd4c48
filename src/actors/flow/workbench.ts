import { CancelledError, isTroupeError, toError } from '../../errors.ts';
import type { RoutineState } from '../../flow/contract.ts';
import type { RoutineEndMessage } from '../../log/flow-messages.ts';
import type { Logger } from '../../logger.ts';
import type { AnyNode, NodeContext } from '../../nodes/contract.ts';
import type { Attempt, Invocation, Outcome } from '../invocation.ts';
import type { StoredFields } from '../journal.ts';
import type { Activation, ActivationHost } from './activation.ts';
import type { DispatchHost } from './dispatcher.ts';
import type { FlowJob } from './flow-job.ts';
import type { RoutineRecord } from './flow-state.ts';
import type { JobDesk } from './job-desk.ts';
import { jobLogger } from './job-logger.ts';
import type { PostOffice } from './post-office.ts';
import { RoutineBodyContext, type RoutineHost } from './routine-context.ts';
import { createRoutineNode } from './routine-node.ts';
import { isWithin } from './stillness.ts';
import type { WorkerCore } from './worker-core.ts';

/** What a workbench leaves to its worker. */
export interface WorkbenchHost {
  readonly isOpen: boolean;
  /** What the activations are calls of. */
  readonly root: Invocation | undefined;
  onDispatched(): void;
}

/** Lets routines work: starts their activations as invocations, and does what follows from their ends. */
export class Workbench implements DispatchHost, ActivationHost {
  readonly #core: WorkerCore;
  readonly #desk: JobDesk;
  readonly #host: WorkbenchHost;
  readonly #nodes: readonly AnyNode[];
  readonly #routineHost: RoutineHost;

  constructor(
    core: WorkerCore,
    { desk, office, host }: { desk: JobDesk; office: PostOffice; host: WorkbenchHost },
  ) {
    this.#core = core;
    this.#desk = desk;
    this.#host = host;
    this.#nodes = core.plan.routines.map(createRoutineNode);
    this.#routineHost = {
      handle: core.handle,
      bodyHost: core.engine.bodyHost,
      onAwaited: (activation) => this.giveWay(activation),
      emit: (context, event, value) => office.emit(context, event, value),
      stateOf: (activation) => stateOf(core, activation),
    };
  }

  get isOpen(): boolean {
    return this.#host.isOpen;
  }

  onDispatched(): void {
    this.#host.onDispatched();
  }

  activate(record: RoutineRecord, take: readonly number[], reason: string): void {
    const core = this.#core;
    const id = core.state.nextActivation;
    core.append({
      type: 'RoutineActivation',
      activation: id,
      routine: record.plan.index,
      take,
      reason,
      time: core.now(),
      requestId: undefined,
    });
    const activation = core.state.activations.get(id);
    if (activation === undefined) return;
    activation.host = this;
    core.traffic.letIn();
    const { journal } = core;
    if (journal === undefined) this.start(activation);
    else journal.after(() => this.start(activation));
  }

  contextFor(activation: Activation, attempt: Attempt): NodeContext {
    const { invocation } = attempt;
    activation.invocation = invocation;
    activation.begun.requestId ??= invocation.requestId;
    this.#core.traffic.withdrawOf(activation);
    const context = new RoutineBodyContext(activation, attempt, this.#routineHost);
    activation.emissions = context.emissions;
    return context as unknown as NodeContext; // the generic signatures add only types
  }

  loggerOver(activation: Activation, logger: Logger): Logger {
    const { redact } = this.#core.settings;
    return jobLogger(activation, logger, { now: () => this.#core.now(), redact });
  }

  /** A body that waits for room gives its place to those who make it. */
  giveWay({ emissions, invocation }: Activation): void {
    if (emissions?.isAwaited !== true || invocation === undefined) return;
    const core = this.#core;
    core.engine.coordinator.yieldSlot(invocation);
    core.onSettled();
  }

  /** Fails the routine that something below it makes impossible. */
  failAround(invocation: Invocation, error: unknown): void {
    const { state, engine } = this.#core;
    const signalReason = new CancelledError(error);
    for (const { invocation: own } of state.activations.values())
      if (own !== undefined && isWithin(invocation, own))
        engine.coordinator.stop(own, { error, signalReason });
  }

  onSettled(activation: Activation, outcome: Outcome): void {
    this.#core.traffic.withdrawOf(activation);
    this.#end(activation, outcome.ok ? undefined : { error: outcome.error });
    const core = this.#core;
    this.#desk.rewatch();
    core.dispatcher.wake(activation.routine.index);
    core.traffic.letIn();
    core.onSettled();
    core.dispatcher.run();
  }

  /** What waits for a routine whose policy fails is what it has failed on. */
  onPolicyFailed(record: RoutineRecord, error: unknown): void {
    const core = this.#core;
    const id = core.state.nextActivation;
    const take = record.mailboxes.map(({ size }) => size);
    const { index } = record.plan;
    const reason = 'the policy failed';
    core.append({
      type: 'RoutineActivation',
      activation: id,
      routine: index,
      take,
      reason,
      time: core.now(),
      requestId: undefined,
    });
    const activation = core.state.activations.get(id);
    if (activation === undefined) return;
    this.#end(activation, { error });
    core.traffic.letIn();
  }

  /** Starts an activation that was begun elsewhere, when it has its place. */
  restart(activation: Activation): void {
    activation.host = this;
    activation.beginAgain();
    activation.startedAt = this.#core.now();
    this.#core.meter?.onRestart(activation);
    const { slots } = this.#core.settings;
    if (slots === undefined) this.start(activation);
    else slots.acquire(() => this.start(activation), true);
  }

  /** Starts an activation that has its messages, and its place. */
  start(activation: Activation): void {
    const core = this.#core;
    const { root } = this.#host;
    if (activation.isCancelled || root === undefined || root.hasEnded) {
      this.#end(activation, undefined);
      return;
    }
    // The dispatcher has asked for a place; the callee gets its caller's.
    if (core.settings.slots !== undefined) root.holdsSlot = true;
    const node = this.#nodes[activation.routine.index];
    if (node === undefined) return;
    core.engine.coordinator.open(
      {
        node,
        input: activation.data,
        parent: root,
        scope: root.scope,
        isSync: false,
        // Known by its number, which is the same wherever it is begun again.
        step: { attempt: 1, before: activation.id, name: node.name },
        activation,
      },
      activation,
    );
  }

  #end(activation: Activation, failure: { readonly error: unknown } | undefined): void {
    const core = this.#core;
    const { id, openJobs } = activation;
    const written = this.#written(activation);
    const cause = 'error' in written ? written : failure;
    const outcome = outcomeOf(activation, cause);
    const error = outcome === 'done' || outcome === 'cancelled' ? undefined : cause?.error;
    const { value, fields } = 'error' in written ? { value: undefined, fields: undefined } : written;
    core.append({ type: 'RoutineEnd', activation: id, outcome, error, value, time: core.now() }, fields);
    if (isFailure(outcome)) this.#onFailed(activation, outcome, { error, openJobs });
    // What was stopped for others to go on with has done nothing.
    if (outcome !== 'cancelled') for (const job of openJobs) this.#desk.completeIfDone(job);
  }

  #onFailed(
    activation: Activation,
    outcome: RoutineEndMessage['outcome'],
    { error, openJobs }: { readonly error: unknown; readonly openJobs: readonly FlowJob[] },
  ): void {
    if (outcome === 'skip') this.#tellSkipped(activation, error);
    if (activation.routine.critical) this.#core.fail(error);
    else if (outcome === 'stop') for (const job of openJobs) this.#desk.end(job, 'failed', error);
  }

  #tellSkipped({ invocation, routine }: Activation, error: unknown): void {
    const { publisher } = this.#core.engine;
    const { root } = this.#host;
    if (!publisher.isObserved || invocation === undefined || root === undefined) return;
    const span = { spanId: invocation.nodeId, parentSpanId: root.nodeId, requestId: invocation.requestId };
    const reason = toError(error).message;
    publisher.publish({ type: 'NodeSkipped', ...span, nodeName: routine.name, reason }, this.#core.now());
  }

  /** What a body has written into the state of its routine, ready to be stored; it may have been changed since. */
  #written({ writes: value, routine }: Activation): Written {
    const { journal } = this.#core;
    if (value === undefined || journal === undefined) return { value, fields: undefined };
    try {
      return { value, fields: { value: journal.prepare(value, routine.name) } };
    } catch (error) {
      return { error };
    }
  }
}

type Written =
  | { readonly value: RoutineEndMessage['value']; readonly fields: StoredFields }
  | { readonly error: unknown };

function isFailure(outcome: RoutineEndMessage['outcome']): boolean {
  return outcome !== 'done' && outcome !== 'cancelled';
}

function outcomeOf(
  activation: Activation,
  failure: { readonly error: unknown } | undefined,
): RoutineEndMessage['outcome'] {
  if (activation.isCancelled) return 'cancelled';
  if (failure === undefined) return 'done';
  return isTroupeError(failure.error, 'FATAL') ? 'stop' : activation.onFailure;
}

/** What a body keeps for its routine. */
function stateOf(core: WorkerCore, activation: Activation): RoutineState {
  const { index, name } = activation.routine;
  const state = core.state.routines[index]?.state ?? new Map<string, unknown>();
  const set = (key: string, value: unknown): void => {
    if (activation.isCancelled) throw new CancelledError('The activation that writes has ended');
    core.journal?.prepare(value, name); // what cannot be stored is the body's to hear
    state.set(key, value);
    (activation.writes ??= {})[key] = value;
  };
  return {
    get: <Value>(key: string, fallback?: Value): Value =>
      (state.has(key) ? state.get(key) : fallback) as Value, // who reads knows what it wrote
    set,
    update: (values) => {
      for (const key of Object.keys(values)) set(key, values[key]);
    },
  };
}

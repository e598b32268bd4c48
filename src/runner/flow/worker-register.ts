import type { BreakpointRule } from '../../actors/flow/breakpoints.ts';
import type { MessageCounts } from '../../actors/flow/flow-state.ts';
import { FlowMeter } from '../../actors/flow/flow-meter.ts';
import type { FlowWorker } from '../../actors/flow/flow-worker.ts';
import {
  DuplicateIdError,
  FlowConfigError,
  NotStartedError,
  UnknownFlowError,
  UnknownWorkerError,
  WorkerStoppedError,
} from '../../errors.ts';
import type { AnyFlow } from '../../flow/flow-types.ts';
import { isFlow } from '../../flow/flow.ts';
import { problemsOf } from '../../flow/flow-problems.ts';
import { expected } from '../../nodes/validate.ts';
import { didYouMean } from '../../suggest.ts';

/** A flow that a runtime knows, with its workers. */
export class FlowEntry {
  readonly flow: AnyFlow;
  /** Those that have not ended, in the order in which they were started. */
  readonly workers: FlowWorker[] = [];
  /** What holds for all of its workers, also for those to come. */
  readonly breakpoints = new Set<BreakpointRule>();
  /** Counts what its routines do, in all of its workers. */
  readonly meter: FlowMeter | undefined;
  /** Whether it ever had a worker. */
  wasStarted = false;
  /** Whose turn it is. */
  turn = 0;

  constructor(flow: AnyFlow, isMonitored: boolean) {
    this.flow = flow;
    this.meter = isMonitored ? new FlowMeter(flow.plan) : undefined;
  }

  /** The first that takes posts, from the one whose turn it is. */
  next(): FlowWorker | undefined {
    const { length } = this.workers;
    for (let step = 0; step < length; step += 1) {
      const worker = this.workers[(this.turn + step) % length];
      if (worker?.takesPosts === true) return worker;
    }
    return undefined;
  }
}

// So many ended workers can still be asked for their states.
const KEPT_WORKERS = 100;

/** The flows and the workers of a runtime. */
export class WorkerRegister {
  readonly #isMonitored: boolean;
  readonly #flows = new Map<string, FlowEntry>();
  readonly #workers = new Map<string, FlowWorker>();
  readonly #ended = new Map<string, FlowWorker>();
  /** What had become of the messages of those that are not known any more. */
  readonly forgotten: MessageCounts = { posted: 0, delivered: 0, dropped: 0, deadLettered: 0 };

  constructor(flows: readonly AnyFlow[], isMonitored: boolean) {
    this.#isMonitored = isMonitored;
    for (const flow of flows) this.register(flow);
  }

  /** The flows that are known. */
  get entries(): readonly FlowEntry[] {
    return [...this.#flows.values()];
  }

  /** Those that have not ended. */
  get live(): readonly FlowWorker[] {
    return [...this.#workers.values()];
  }

  /** Those that have not ended, and the last that have. */
  get all(): readonly FlowWorker[] {
    return [...this.#ended.values(), ...this.#workers.values()];
  }

  get(id: string): FlowWorker | undefined {
    return this.#workers.get(id) ?? this.#ended.get(id);
  }

  /** The entry of a flow, which is made for a value that is new. */
  register(flow: AnyFlow | string): FlowEntry {
    if (typeof flow === 'string') return this.#named(flow);
    if (!isFlow(flow)) throw expected('a flow', 'a flow, or the name of one', flow);
    const known = this.#flows.get(flow.name);
    if (known !== undefined) {
      if (known.flow !== flow) throw another(flow.name);
      return known;
    }
    const problem = problemsOf(flow.plan.parts).find(({ level }) => level === 'error');
    if (problem !== undefined)
      throw new FlowConfigError(problem.message, { hint: 'See `validate()` of the flow.' });
    const entry = new FlowEntry(flow, this.#isMonitored);
    this.#flows.set(flow.name, entry);
    return entry;
  }

  /** A flow by value or by name; one that is new is not kept. */
  flowOf(flow: AnyFlow | string): AnyFlow {
    if (typeof flow === 'string') return this.#named(flow).flow;
    if (isFlow(flow) && this.#flows.has(flow.name)) return this.register(flow).flow;
    if (!isFlow(flow)) throw expected('a flow', 'a flow, or the name of one', flow);
    return flow;
  }

  /** Whether a flow has no worker that takes posts. */
  isIdle(flow: AnyFlow): boolean {
    return this.#flows.get(flow.name)?.workers.some(({ takesPosts }) => takesPosts) !== true;
  }

  /** Gives a post to the worker that is named, or else to the next in turn. */
  choose<Posted>(flow: AnyFlow, workerId: string | undefined, give: (worker: FlowWorker) => Posted): Posted {
    const entry = this.#flows.get(flow.name);
    if (workerId !== undefined) return give(this.#namedWorker(flow, workerId));
    const worker = entry?.next();
    if (entry === undefined || worker === undefined) {
      if (entry?.wasStarted !== true) throw notStarted(flow.name);
      throw allEnded(
        flow.name,
        [...this.#ended.values()].findLast(({ plan }) => plan === flow.plan),
      );
    }
    const posted = give(worker);
    entry.turn = entry.workers.indexOf(worker) + 1;
    return posted;
  }

  assertFree(workerId: string): void {
    if (!this.#workers.has(workerId)) return;
    throw new DuplicateIdError(`There is a worker "${workerId}" already`, {
      hint: 'Give each worker an id of its own.',
    });
  }

  add(entry: FlowEntry, worker: FlowWorker): void {
    // A durable one has what had become of its messages in its log.
    if (worker.isDurable) this.#ended.delete(worker.id);
    else this.#forget(worker.id);
    this.#workers.set(worker.id, worker);
    entry.workers.push(worker);
    entry.wasStarted = true;
    for (const rule of entry.breakpoints) worker.breakpoints.add(rule);
  }

  /** A worker has ended. */
  retire(workerId: string): void {
    const worker = this.#workers.get(workerId);
    if (worker === undefined) return;
    this.#workers.delete(workerId);
    const { workers } = this.#named(worker.plan.name);
    workers.splice(workers.indexOf(worker), 1);
    this.#ended.set(workerId, worker);
    if (this.#ended.size <= KEPT_WORKERS) return;
    for (const oldest of this.#ended.keys()) {
      this.#forget(oldest);
      break;
    }
  }

  #forget(workerId: string): void {
    const counts = this.#ended.get(workerId)?.state.counts;
    this.#ended.delete(workerId);
    for (const key of ['posted', 'delivered', 'dropped', 'deadLettered'] as const)
      this.forgotten[key] += counts?.[key] ?? 0;
  }

  #named(name: string): FlowEntry {
    const entry = this.#flows.get(name);
    if (entry !== undefined) return entry;
    throw new UnknownFlowError(`The runtime has no flow "${name}"`, {
      hint: didYouMean(name, [...this.#flows.keys()]),
    });
  }

  #namedWorker(flow: AnyFlow, workerId: string): FlowWorker {
    const worker = this.get(workerId);
    if (worker?.plan === flow.plan) return worker;
    const known = this.#flows.get(flow.name)?.workers ?? [];
    throw new UnknownWorkerError(`Flow "${flow.name}" has no worker "${workerId}"`, {
      hint: didYouMean(
        workerId,
        known.map(({ id }) => id),
      ),
    });
  }
}

function notStarted(name: string): NotStartedError {
  return new NotStartedError(`Flow "${name}" has no worker`, {
    hint: 'Call `exec` before `post`, or give the runtime `autoStart: true`.',
  });
}

function allEnded(name: string, last: FlowWorker | undefined): WorkerStoppedError {
  const { error } = last ?? {};
  return new WorkerStoppedError(
    `All workers of flow "${name}" have ${error === undefined ? 'been stopped' : 'failed or been stopped'}`,
    { hint: 'Start one with `exec`.', ...(error === undefined ? {} : { cause: error }) },
  );
}

function another(name: string): FlowConfigError {
  return new FlowConfigError(`The runtime has another flow of the name "${name}"`, {
    hint: 'Give one of them another name.',
  });
}

import type { BreakpointRule } from '../../actors/flow/breakpoints.ts';
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
  /** Whether it ever had a worker. */
  wasStarted = false;
  /** Whose turn it is. */
  turn = 0;

  constructor(flow: AnyFlow) {
    this.flow = flow;
  }

  /** Whether it has no worker. */
  get isIdle(): boolean {
    return this.workers.length === 0;
  }
}

// So many ended workers can still be asked for their states.
const KEPT_WORKERS = 100;

/** The flows and the workers of a runtime. */
export class WorkerRegister {
  readonly #flows = new Map<string, FlowEntry>();
  readonly #workers = new Map<string, FlowWorker>();
  readonly #ended = new Map<string, FlowWorker>();

  constructor(flows: readonly AnyFlow[]) {
    for (const flow of flows) this.register(flow);
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
    const entry = new FlowEntry(flow);
    this.#flows.set(flow.name, entry);
    return entry;
  }

  /** The entry of a flow to be posted to. */
  find(flow: AnyFlow | string, mayBeNew: boolean): FlowEntry {
    if (typeof flow === 'string') return this.#named(flow);
    if (isFlow(flow) && !this.#flows.has(flow.name) && !mayBeNew) throw notStarted(flow.name);
    return this.register(flow);
  }

  /** The worker that a post is for: the one that is named, or the next in turn. */
  choose(entry: FlowEntry, workerId: string | undefined): FlowWorker {
    if (workerId !== undefined) return this.#namedWorker(entry, workerId);
    const open = entry.workers.filter(({ takesPosts }) => takesPosts);
    const worker = open[entry.turn % Math.max(1, open.length)];
    if (worker !== undefined) {
      entry.turn = (entry.turn + 1) % Math.max(1, open.length);
      return worker;
    }
    if (!entry.wasStarted) throw notStarted(entry.flow.name);
    throw new WorkerStoppedError(`All workers of flow "${entry.flow.name}" have been stopped`, {
      hint: 'Start one with `exec`.',
    });
  }

  assertFree(workerId: string): void {
    if (!this.#workers.has(workerId)) return;
    throw new DuplicateIdError(`There is a worker "${workerId}" already`, {
      hint: 'Give each worker an id of its own.',
    });
  }

  add(entry: FlowEntry, worker: FlowWorker): void {
    this.#ended.delete(worker.id);
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
      this.#ended.delete(oldest);
      break;
    }
  }

  #named(name: string): FlowEntry {
    const entry = this.#flows.get(name);
    if (entry !== undefined) return entry;
    throw new UnknownFlowError(`The runtime has no flow "${name}"`, {
      hint: didYouMean(name, [...this.#flows.keys()]),
    });
  }

  #namedWorker(entry: FlowEntry, workerId: string): FlowWorker {
    const worker = this.get(workerId);
    if (worker?.plan === entry.flow.plan) return worker;
    throw new UnknownWorkerError(`Flow "${entry.flow.name}" has no worker "${workerId}"`, {
      hint: didYouMean(
        workerId,
        entry.workers.map(({ id }) => id),
      ),
    });
  }
}

function notStarted(name: string): NotStartedError {
  return new NotStartedError(`Flow "${name}" has no worker`, {
    hint: 'Call `exec` before `post`, or give the runtime `autoStart: true`.',
  });
}

function another(name: string): FlowConfigError {
  return new FlowConfigError(`The runtime has another flow of the name "${name}"`, {
    hint: 'Give one of them another name.',
  });
}

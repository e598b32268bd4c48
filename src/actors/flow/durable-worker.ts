import type { Checkpointer, Lease, StoredWorkflow } from '../../checkpoint/checkpointer.ts';
import { afterThisTurn } from '../../clock.ts';
import { CheckpointError, FlowConfigError } from '../../errors.ts';
import type { FlowPlan } from '../../flow/plan.ts';
import { decodeMessages } from '../../log/codec.ts';
import { isFlowMessage, type FlowMessage, type WorkerStartMessage } from '../../log/flow-messages.ts';
import type { AnyMessage } from '../../log/messages.ts';
import type { Logger } from '../../logger.ts';
import type { WorkerJSON } from '../../log/worker-json.ts';
import { Journal, type Durability, type StoredFields } from '../journal.ts';
import { structureOf } from './snapshot.ts';

/** What opening a durable worker needs. */
export interface DurableWorkerOptions {
  readonly checkpointer: Checkpointer;
  readonly durability: Durability;
  readonly workerId: string;
  readonly runId: string;
  readonly plan: FlowPlan;
  readonly now: () => number;
}

/** A durable worker that is ready to begin, or to go on. */
export interface OpenedWorker {
  readonly journal: Journal;
  /** What it held when its log was last shortened. */
  readonly past: WorkerJSON | undefined;
  /** What has happened since. */
  readonly messages: readonly FlowMessage[];
}

/**
 * Takes the lease of a worker and reads what is stored of it; where it cannot go on, the lease is given back.
 *
 * @throws {@link WorkflowAlreadyRunningError}, {@link CheckpointError}, {@link FlowConfigError} FLOW_CONFIG when it was a
 * worker of another flow.
 */
export async function openWorker(options: DurableWorkerOptions): Promise<OpenedWorker> {
  const { checkpointer, workerId } = options;
  const lease = await checkpointer.acquire(workerId);
  try {
    const stored = lease.isNew === true ? undefined : await checkpointer.read(workerId);
    return stored === undefined ? beginWorker(options, lease) : goOnWith(options, lease, stored);
  } catch (error) {
    await checkpointer.release(lease);
    throw error;
  }
}

function beginWorker(options: DurableWorkerOptions, lease: Lease): OpenedWorker {
  const { checkpointer, durability, runId, plan, now } = options;
  const head = { target: plan.name, runId };
  const begun = { length: 0, blobs: [], status: 'running', head } as const;
  const journal = new Journal({ checkpointer, lease, durability, ...begun });
  journal.append(startMessage(plan, now()));
  return { journal, past: undefined, messages: [] };
}

function goOnWith(options: DurableWorkerOptions, lease: Lease, stored: StoredWorkflow): OpenedWorker {
  const { checkpointer, durability, plan, now } = options;
  const { start, messages } = readLog(stored, plan);
  const { entries, blobs } = stored;
  const past = { length: entries.length, blobs: blobs.keys(), status: 'running', head: undefined } as const;
  const journal = new Journal({ checkpointer, lease, durability, ...past });
  journal.append({ type: 'RunResume', time: now() });
  return { journal, past: start.snapshot, messages };
}

// So many entries may come before a log is shortened to what the worker holds, and several for each that this takes.
const SHORTEN_AFTER = 10_000;
const ENTRIES_PER_ITEM = 4;

/** What a worker's log leaves to the worker. */
export interface DurabilityHost {
  readonly plan: FlowPlan;
  readonly settings: { readonly logger: Logger };
  /** What it holds just now. */
  snapshot(): WorkerJSON;
  /** How many things it holds. */
  readonly state: { readonly size: number };
  now(): number;
  fail(error: unknown): void;
}

/** The durable side of a worker: its log, which is kept in proportion to what the worker holds. */
export class WorkerDurability {
  readonly #host: DurabilityHost;
  #journal: Journal | undefined;
  #entries = 0;
  #isDue = false;
  #released: Promise<void> | undefined;
  readonly #waiters = new Set<(error: unknown) => void>();

  constructor(host: DurabilityHost) {
    this.#host = host;
  }

  get journal(): Journal | undefined {
    return this.#journal;
  }

  /** From here what happens is written. */
  begin({ journal, messages }: OpenedWorker): void {
    this.#journal = journal;
    this.#entries = messages.length;
    journal.host = {
      fail: (error) => {
        this.#host.fail(error);
        for (const reject of this.#waiters) reject(error);
        this.#waiters.clear();
      },
    };
  }

  append(message: FlowMessage, fields: StoredFields): void {
    this.#journal?.append(message, fields);
  }

  /** A message was appended, and has happened. */
  onAppended(): void {
    this.#entries += 1;
    if (this.#entries < SHORTEN_AFTER || this.#entries % 1_000 !== 0) return;
    // Not in the middle of what has led here.
    if (this.#isDue || this.#entries < this.#host.state.size * ENTRIES_PER_ITEM) return;
    this.#isDue = true;
    afterThisTurn(() => {
      this.#isDue = false;
      this.#shorten();
    });
  }

  #shorten(): void {
    try {
      const start = startMessage(this.#host.plan, this.#host.now(), this.#host.snapshot());
      this.#entries = 0;
      this.#journal?.replace([start]);
    } catch (err) {
      // It is tried again later; meanwhile the log is only longer.
      this.#host.settings.logger.warn({ err }, 'The log of a worker could not be shortened');
    }
  }

  /** Resolves when everything so far is written, and rejects when it cannot be. */
  written(): Promise<void> {
    const journal = this.#journal;
    if (journal === undefined) return Promise.resolve();
    if (journal.failure !== undefined) return Promise.reject(journal.failure);
    return new Promise((resolve, reject) => {
      this.#waiters.add(reject);
      journal.afterWritten(() => {
        this.#waiters.delete(reject);
        resolve();
      });
    });
  }

  /** Writes what is left, and nothing more: others may go on with the worker. */
  release(): Promise<void> {
    return (this.#released ??= this.#release());
  }

  async #release(): Promise<void> {
    const journal = this.#journal;
    if (journal === undefined || journal.failure !== undefined) return;
    journal.append({ type: 'RunPause', time: this.#host.now() });
    try {
      await journal.flush({ releases: true });
      await journal.detach();
    } catch {
      // The worker has failed with it.
    }
  }
}

/** The first entry of a worker's log: what it held then. */
function startMessage(plan: FlowPlan, time: number, snapshot?: WorkerJSON): WorkerStartMessage {
  const about = { type: 'WorkerStart', flow: plan.name, structure: structureOf(plan), time } as const;
  return snapshot === undefined ? about : { ...about, snapshot };
}

function readLog(
  { record, entries, blobs }: StoredWorkflow,
  plan: FlowPlan,
): { start: WorkerStartMessage; messages: readonly FlowMessage[] } {
  const all = decode(record.workflowId, entries, blobs);
  const [start] = all;
  if (start?.type !== 'WorkerStart')
    throw new CheckpointError(`What is stored as "${record.workflowId}" is no worker of a flow`, {
      hint: 'Give the worker another id.',
    });
  if (start.structure !== structureOf(plan))
    throw new FlowConfigError(`Worker "${record.workflowId}" is one of another flow "${start.flow}"`, {
      hint: 'Go on with the routines, slots, events and connections that it had, in the same order.',
    });
  return { start, messages: all.filter(isFlowMessage) };
}

function decode(
  workerId: string,
  entries: readonly string[],
  blobs: ReadonlyMap<string, string>,
): readonly AnyMessage[] {
  try {
    return decodeMessages(entries, blobs);
  } catch (cause) {
    throw new CheckpointError(`The log of worker "${workerId}" cannot be read`, {
      hint: 'Restore it from a backup. Nothing was changed, and nothing ran.',
      cause,
    });
  }
}

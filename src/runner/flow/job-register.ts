import type { FlowJob } from '../../actors/flow/flow-job.ts';
import type { JobBook } from '../../actors/flow/worker-core.ts';
import { Table } from '../../actors/table.ts';
import type { JobStatus } from '../../flow/contract.ts';

/** The jobs of a runtime: those that have not ended, and the last ones that have. */
export class JobRegister implements JobBook {
  readonly #retain: number;
  readonly #onChanged: () => void;
  readonly #open = new Table<string, FlowJob>();
  readonly #ended = new Table<string, FlowJob>();
  /** The ids of posts that wait for room. */
  readonly #reserved = new Set<string>();
  readonly #counts: Record<JobStatus, number> = {
    pending: 0,
    running: 0,
    completed: 0,
    failed: 0,
    cancelled: 0,
    timedOut: 0,
  };
  #waiters: (() => void)[] = [];
  #places = 0;

  /** `onChanged`: the counts are other than before. */
  constructor(retain: number, onChanged: () => void = () => undefined) {
    this.#retain = retain;
    this.#onChanged = onChanged;
  }

  /** How many are in each status; of the final ones, how many have come there so far. */
  get counts(): Readonly<Record<JobStatus, number>> {
    return { ...this.#counts };
  }

  /** How many wait for their first activation, or for room. */
  get pending(): number {
    return this.#counts.pending + this.#reserved.size;
  }

  /** Whether anything has not ended. */
  get isBusy(): boolean {
    return this.#open.size > 0 || this.#reserved.size > 0;
  }

  has(id: string): boolean {
    return this.#open.has(id) || this.#ended.has(id) || this.#reserved.has(id);
  }

  get(id: string): FlowJob | undefined {
    return this.#open.get(id) ?? this.#ended.get(id);
  }

  endedOf(workerId: string): readonly FlowJob[] {
    return this.#ended.values().filter((job) => job.workerId === workerId);
  }

  /** All, in the order in which they came. */
  list(): readonly FlowJob[] {
    return [...this.#ended.values(), ...this.#open.values()].toSorted((a, b) => a.place - b.place);
  }

  /** Keeps an id, until the function that is returned is called. */
  reserve(id: string): () => void {
    this.#reserved.add(id);
    return () => {
      this.#reserved.delete(id);
      this.#tell();
    };
  }

  onAccepted(job: FlowJob): void {
    job.place = this.#next();
    this.#open.add(job.id, job);
    this.#counts[job.status] += 1;
    this.#onChanged();
  }

  onStarted(job: FlowJob): void {
    if (!this.#open.has(job.id)) return;
    this.#counts.pending -= 1;
    this.#counts.running += 1;
    this.#onChanged();
  }

  onEnded(job: FlowJob): void {
    if (this.#open.delete(job.id)) this.#counts[job.startedAt === undefined ? 'pending' : 'running'] -= 1;
    this.#counts[job.status] += 1;
    this.#keep(job);
    this.#onChanged();
    this.#tell();
  }

  onLeft(job: FlowJob): void {
    this.#open.delete(job.id);
    this.#keep(job);
    this.#tell();
  }

  restore(job: FlowJob): void {
    job.place = this.#next();
    this.#keep(job);
  }

  #next(): number {
    this.#places += 1;
    return this.#places;
  }

  /** Resolves when all have ended. */
  async settled(): Promise<void> {
    while (this.isBusy) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  #keep(job: FlowJob): void {
    // The last one of an id counts.
    this.#ended.delete(job.id);
    this.#ended.add(job.id, job);
    const { firstKey } = this.#ended;
    if (this.#ended.size > this.#retain && firstKey !== undefined) this.#ended.delete(firstKey);
  }

  #tell(): void {
    if (this.#waiters.length === 0 || this.isBusy) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const goOn of waiters) goOn();
  }
}

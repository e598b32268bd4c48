import type { StopOptions, Worker, WorkerStatus } from '../../flow/contract.ts';

/** What users see of a worker. */
export interface WorkerSource {
  readonly id: string;
  readonly plan: { readonly name: string };
  readonly status: WorkerStatus;
  readonly error: unknown;
  readonly pauseReason: unknown;
  readonly state: { stateOf(routine: string): Readonly<Record<string, unknown>> };
  pause(reason?: unknown): Promise<void>;
  resume(): void;
  stop(options?: StopOptions): Promise<void>;
}

/** A worker as users have it. */
export class WorkerHandle implements Worker {
  readonly #source: WorkerSource;

  constructor(source: WorkerSource) {
    this.#source = source;
  }

  get id(): string {
    return this.#source.id;
  }

  get flow(): string {
    return this.#source.plan.name;
  }

  get status(): WorkerStatus {
    return this.#source.status;
  }

  get error(): unknown {
    return this.#source.error;
  }

  get pauseReason(): unknown {
    return this.#source.pauseReason;
  }

  state(routine: string): Readonly<Record<string, unknown>> {
    return this.#source.state.stateOf(routine);
  }

  pause(reason?: unknown): Promise<void> {
    return this.#source.pause(reason);
  }

  resume(): void {
    this.#source.resume();
  }

  stop(options?: StopOptions): Promise<void> {
    return this.#source.stop(options);
  }

  toJSON(): object {
    const { id, flow, status } = this;
    return { id, flow, status };
  }
}

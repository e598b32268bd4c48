import type { Job, MessageInfo, RoutineState, Worker } from '../../flow/contract.ts';
import { BodyContext, type BodyHost } from '../body-context.ts';
import type { Attempt } from '../invocation.ts';
import type { Activation } from './activation.ts';
import { Emissions } from './emission.ts';

/** What a routine's context asks of its worker. */
export interface RoutineHost {
  readonly handle: Worker;
  readonly bodyHost: BodyHost;
  /** A body waits for an emit that cannot go yet. */
  onAwaited(activation: Activation): void;
  emit(context: RoutineBodyContext, event: string, value: unknown): Promise<void>;
  stateOf(activation: Activation): RoutineState;
}

/** The context of one attempt of a routine's body. */
export class RoutineBodyContext extends BodyContext {
  readonly activation: Activation;
  readonly own: Attempt;
  readonly emissions: Emissions;
  readonly #host: RoutineHost;
  #state: RoutineState | undefined;

  constructor(activation: Activation, attempt: Attempt, host: RoutineHost) {
    super(attempt, host.bodyHost);
    this.activation = activation;
    this.own = attempt;
    this.#host = host;
    this.emissions = new Emissions(() => host.onAwaited(activation));
  }

  get emit() {
    return (event: string, value: unknown): Promise<void> => this.#host.emit(this, event, value);
  }

  get jobs(): readonly Job[] {
    return this.activation.jobs;
  }

  get job(): Job | undefined {
    return this.activation.jobs[0];
  }

  get state(): RoutineState {
    return (this.#state ??= this.#host.stateOf(this.activation));
  }

  get messages(): Readonly<Record<string, readonly MessageInfo[]>> {
    return this.activation.infos;
  }

  get reason(): string {
    return this.activation.reason;
  }

  get worker(): Worker {
    return this.#host.handle;
  }
}

import { isFlowMessage } from '../../log/flow-messages.ts';
import type { AnyMessage } from '../../log/messages.ts';
import type { MessageSink } from '../state-keeper.ts';
import type { FlowMeter } from './flow-meter.ts';
import type { FlowState } from './flow-state.ts';

/** The log of a worker: what happens to messages and jobs makes its state; each job keeps what is about it. */
export class WorkerLog implements MessageSink {
  length = 0;
  readonly #state: FlowState;
  /** Counts what happens, where that is asked for. */
  readonly #meter: FlowMeter | undefined;

  constructor(state: FlowState, meter: FlowMeter | undefined) {
    this.#state = state;
    this.#meter = meter;
  }

  append(message: AnyMessage): void {
    this.length += 1;
    // What invocations do is told by their events.
    if (!isFlowMessage(message)) return;
    this.#meter?.apply(message, this.#state);
    this.#state.apply(message);
  }
}

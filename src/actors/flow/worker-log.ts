import { isFlowMessage } from '../../log/flow-messages.ts';
import type { AnyMessage } from '../../log/messages.ts';
import type { MessageSink } from '../state-keeper.ts';
import type { FlowState } from './flow-state.ts';

/** The log of a worker: what happens to messages and jobs makes its state; each job keeps what is about it. */
export class WorkerLog implements MessageSink {
  length = 0;
  readonly #state: FlowState;

  constructor(state: FlowState) {
    this.#state = state;
  }

  append(message: AnyMessage): void {
    this.length += 1;
    // What invocations do is told by their events.
    if (isFlowMessage(message)) this.#state.apply(message);
  }
}

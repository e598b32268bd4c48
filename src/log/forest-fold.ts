import { Immer } from 'immer';
import type { MessageLog } from './message-log.ts';
import { isInvocationMessage, type InvocationMessage, type RunMessage, type RunStatus } from './messages.ts';
import { emptyList, setItems, type PersistentList } from './persistent-list.ts';
import { makesVersion, NodeRecord, RequestRecord } from './records.ts';

/** What a prefix of the log says: the two forests and the run itself. Immutable; successive states share structure. */
export interface ForestState {
  readonly requests: PersistentList<RequestRecord>;
  readonly nodes: PersistentList<NodeRecord>;
  readonly status: RunStatus;
  readonly answer: unknown;
  readonly steps: number;
}

// An instance of its own, so that an application's settings of immer change nothing here.
const { produce } = new Immer({ autoFreeze: true });

const START: ForestState = {
  requests: emptyList(),
  nodes: emptyList(),
  status: 'running',
  answer: undefined,
  steps: 0,
};

/** Folds a log into forests, from where it stopped the last time: the cost is that of what came since. */
export class ForestFold {
  readonly #log: MessageLog;
  #state = START;
  #position = 0;

  constructor(log: MessageLog) {
    this.#log = log;
  }

  /** The state after the first `length` messages; `length` never goes down from call to call. */
  advanceTo(length: number): ForestState {
    if (length <= this.#position) return this.#state;
    const changed = new Map<number, InvocationMessage>();
    let lastRunMessage: RunMessage | undefined;
    let steps = this.#state.steps;
    for (; this.#position < length; this.#position += 1) {
      const message = this.#log.message(this.#position);
      if (isInvocationMessage(message)) {
        if (message.step !== undefined) steps += 1;
        if (makesVersion(message)) changed.set(message.ordinal, message);
      } else lastRunMessage = message;
    }
    this.#state = this.#apply(changed, lastRunMessage, steps);
    return this.#state;
  }

  #apply(
    changed: ReadonlyMap<number, InvocationMessage>,
    runMessage: RunMessage | undefined,
    steps: number,
  ): ForestState {
    const known = this.#state.requests.size;
    const ordinals = [...changed.keys()].toSorted((a, b) => a - b);
    const messages = ordinals.map((ordinal) => [ordinal, changed.get(ordinal) as InvocationMessage] as const);
    const log = this.#log;
    return produce(this.#state, (draft) => {
      draft.steps = steps;
      setItems(
        draft.requests,
        messages.map(([ordinal, message]) => [ordinal, new RequestRecord(log, message)] as const),
      );
      // A node has a version when it is created and one when it has ended.
      const ofNodes = messages.filter(([ordinal, message]) => ordinal >= known || message.step !== undefined);
      setItems(
        draft.nodes,
        ofNodes.map(([ordinal, message]) => [ordinal, new NodeRecord(log, message)] as const),
      );
      if (runMessage === undefined) return;
      draft.status = statusAfter(runMessage);
      if (runMessage.type === 'RunEnd') draft.answer = runMessage.answer;
    });
  }
}

function statusAfter(message: RunMessage): RunStatus {
  switch (message.type) {
    case 'RunPause':
      return 'paused';
    case 'RunEnd':
      return message.status;
    default:
      return 'running';
  }
}

import type { Retention } from '../checkpoint/checkpointer.ts';
import { afterThisTurn } from '../clock.ts';
import { CancelledError } from '../errors.ts';
import type { StoredValue } from '../log/codec.ts';
import type { MessageLog } from '../log/message-log.ts';
import type {
  DurableFacts,
  LogMessage,
  RunContinueMessage,
  RunEndMessage,
  RunStartMessage,
} from '../log/messages.ts';
import type { RecordedRun } from '../log/recorded-run.ts';
import type { Journal, JournalHost } from './journal.ts';
import { Replay } from './replay.ts';
import type { StateKeeper } from './state-keeper.ts';

/** What makes a run durable. */
export interface DurableRun {
  readonly journal: Journal;
  /** Of a workflow that begins. */
  readonly beginning: { readonly facts: DurableFacts; readonly given: StoredValue } | undefined;
  /** Of one that goes on. */
  readonly continuation: Continuation | undefined;
}

/** How a workflow goes on. */
export interface Continuation {
  /** The log, the continuing message last. */
  readonly record: RecordedRun;
  readonly message: RunContinueMessage;
  /** Everything that was recorded has been given out. */
  readonly onReplayed: () => void;
}

/** Who is told how the durable side of a run goes. */
export interface DurabilityHost extends JournalHost {
  readonly log: MessageLog;
  /** Everything recorded has been given out. */
  onReplayed(): void;
}

/** The durable side of a run: what is written of it, and what was recorded before. */
export class RunDurability {
  readonly journal: Journal;
  /** Of a workflow that goes on. */
  readonly replay: Replay | undefined;
  readonly #durable: DurableRun;
  readonly #host: DurabilityHost;
  #detached: Promise<void> | undefined;

  constructor(durable: DurableRun, host: DurabilityHost) {
    this.journal = durable.journal;
    this.#durable = durable;
    this.#host = host;
    this.journal.host = host;
    const { continuation } = durable;
    this.replay = continuation === undefined ? undefined : this.#replayOf(continuation);
  }

  /** The answers that were kept for questions, and not used yet. */
  get keptAnswers(): ReadonlyMap<string, unknown> {
    return this.replay?.record.keptAnswers ?? new Map<string, unknown>();
  }

  /** What its first entry says, of a workflow that begins. */
  get beginning(): DurableRun['beginning'] {
    return this.#durable.beginning;
  }

  /** What was in flight, and is not called any more, ends with the run. */
  cancelUnclaimed(keeper: StateKeeper, time: number): void {
    for (const ordinal of this.replay?.unclaimed.toReversed() ?? [])
      keeper.append({
        type: 'RequestCancelled',
        ordinal,
        previous: undefined,
        step: undefined,
        error: new CancelledError('It was not called again'),
        time,
      });
  }

  /** Writes the end; rejects when that has failed. */
  async writeEnd(end: RunEndMessage): Promise<void> {
    const { journal } = this;
    journal.append(end);
    const isForGood = end.status === 'completed' || end.status === 'cancelled';
    if (isForGood && journal.retention !== 'full')
      journal.replace(retained(this.#host.log, end, journal.retention));
    journal.proceed();
    await journal.flush({ releases: true });
    await this.#detached;
  }

  /** Writes nothing more, and lets others go on with the workflow. */
  detach(options?: { readonly removes: boolean }): void {
    this.#detached ??= this.journal.detach(options);
  }

  #replayOf({ record, message, onReplayed }: Continuation): Replay {
    const { journal } = this;
    for (const each of record.messages) this.#host.log.append(each);
    journal.append(message);
    // Nothing is written until it shows that what runs is what was recorded.
    journal.hold();
    return new Replay(record, {
      onReplayed: () => {
        journal.proceed();
        onReplayed();
        // What was put off until now begins first.
        afterThisTurn(() => this.#host.onReplayed());
      },
      onChanged: (error) => {
        // Of a fork nothing but its copy is there.
        this.detach({ removes: message.reason === 'fork' });
        this.#host.fail(error);
      },
    });
  }
}

/** What is left of a log that has ended for good. */
function retained(log: MessageLog, end: RunEndMessage, retention: Retention): readonly LogMessage[] {
  const first = typeof retention === 'object' ? Math.max(log.steps - retention.steps, 0) : log.steps;
  const kept: LogMessage[] = [];
  let steps = 0;
  for (let index = 0; index < log.length; index += 1) {
    const message = log.message(index);
    const isOfRoot = 'step' in message && message.step !== undefined && message.ordinal === 0;
    const isStep = 'step' in message && message.step !== undefined;
    if (message.type === 'RunStart') kept.push(shortened(message));
    else if (isOfRoot || steps > first || (isStep && steps === first)) kept.push(message);
    if (isStep) steps += 1;
  }
  return [...kept, end];
}

function shortened(start: RunStartMessage): RunStartMessage {
  return start.durable === undefined ? start : { ...start, durable: { ...start.durable, isShortened: true } };
}

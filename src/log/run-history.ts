import type { RunId } from '../ids.ts';
import type { Redactor } from '../redact.ts';
import { ExecutionInfo } from './execution-info.ts';
import { ForestFold } from './forest-fold.ts';
import { readGraphStatus, type GraphStatus, type GraphStatusQuery } from './graph-status.ts';
import { MessageLog } from './message-log.ts';

/** All that is left of a run when it has ended: its log, and the snapshots that are read from it. */
export class RunHistory {
  readonly log: MessageLog;
  readonly #redact: Redactor | undefined;
  // Made when somebody first looks: of most runs nobody does.
  #fold: ForestFold | undefined;
  #latest: { readonly length: number; readonly info: ExecutionInfo } | undefined;

  constructor(runId: RunId, redact: Redactor | undefined) {
    this.log = new MessageLog(runId);
    this.#redact = redact;
  }

  /** The run as it is now. The same object until something happens. */
  get info(): ExecutionInfo {
    const { length } = this.log;
    this.#fold ??= new ForestFold(this.log);
    if (this.#latest?.length !== length) this.#latest = { length, info: this.#read(this.#fold, length) };
    return this.#latest.info;
  }

  /** The run as it was when the log had `length` messages. */
  infoAt(length: number): ExecutionInfo {
    return length === this.log.length ? this.info : this.#read(new ForestFold(this.log), length);
  }

  /** What became of each node of a graph. */
  graphStatus(query: GraphStatusQuery): GraphStatus {
    return readGraphStatus(this.log, query);
  }

  /** Whether a question of that key was answered. */
  wasAnswered(key: string): boolean {
    for (let index = 0; index < this.log.length; index += 1) {
      const message = this.log.message(index);
      if (message.type === 'InterruptResolved' && message.key === key) return true;
    }
    return false;
  }

  #read(fold: ForestFold, length: number): ExecutionInfo {
    return new ExecutionInfo({ log: this.log, length, state: fold.advanceTo(length), redact: this.#redact });
  }
}

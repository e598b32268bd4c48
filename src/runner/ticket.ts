import type { Run } from '../actors/run.ts';
import type { RunEnd, RunListener } from '../actors/run-end.ts';
import type { EventProcessor } from '../events/events.ts';
import { afterThisTurn } from '../clock.ts';
import type { RunId } from '../ids.ts';
import type { Logger } from '../logger.ts';
import { endedResult, pausedResult, type RunResult } from './result.ts';
import { saveState, saveStateSync, type SavePlace } from './save-state.ts';

/** What a ticket needs. */
export interface TicketOptions {
  readonly runId: RunId;
  readonly throwsOnFailure: boolean;
  readonly isSync: boolean;
  readonly save: SavePlace | undefined;
  readonly logger: Logger;
  /** Those of this run alone; closed when it has ended and they have had its events. */
  readonly processors: readonly EventProcessor[];
  readonly onPaused: (ticket: Ticket) => void;
  readonly onEnded: (ticket: Ticket) => void;
}

interface Waiter {
  readonly resolve: (result: RunResult) => void;
  readonly reject: (error: unknown) => void;
  readonly untilEnd: boolean;
}

/** The runner's side of one run: who waits for it, and what they get. */
export class Ticket implements RunListener {
  /** Of a workflow that goes on it becomes that of the run that began it. */
  runId: RunId;
  run: Run | undefined;
  readonly #options: TicketOptions;
  #waiters: Waiter[] = [];
  #save: SavePlace | undefined;
  /** While its workflow is being opened: it is refused when that is done. */
  isOpening = false;
  /** Why it is refused then. */
  refusal: { readonly error: unknown } | undefined;
  /** Of an answer that was not taken. */
  #nextFailure: { readonly error: unknown } | undefined;
  /** Whether it is known that the run is paused. */
  #isPauseShown = false;
  /** The ticket that took its place. */
  #successor: Ticket | undefined;
  #settled: { readonly result: RunResult } | { readonly error: unknown } | undefined;

  constructor(options: TicketOptions) {
    this.runId = options.runId;
    this.#options = options;
    this.#save = options.save;
  }

  /** It turns out to be for the run that began a workflow. */
  rebind(runId: RunId, save: SavePlace | undefined): void {
    this.runId = runId;
    this.#save = save;
  }

  /** Whoever waits for this run waits for another from here. */
  replaceWith(successor: Ticket): void {
    this.#successor = successor;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { resolve, reject, untilEnd } of waiters)
      (untilEnd ? successor.ended() : successor.next()).then(resolve, reject);
  }

  /** Whoever waits for the next pause or the end gets an error then, although the run goes on. */
  failNext(error: unknown): void {
    this.#nextFailure ??= { error };
    if (this.run?.status === 'paused' && this.#isPauseShown) this.#failWaiting();
  }

  /** Tells whoever waits of an answer that was not taken. */
  #failWaiting(): void {
    const failure = this.#nextFailure;
    this.#nextFailure = undefined;
    if (failure === undefined) return;
    const waiting = this.#waiters.filter((waiter) => !waiter.untilEnd);
    this.#waiters = this.#waiters.filter((waiter) => waiter.untilEnd);
    for (const { reject } of waiting) reject(failure.error);
  }

  /** Whether nothing of the run is left to happen. */
  get isOver(): boolean {
    return this.#settled !== undefined;
  }

  /** What follows an answer: the next pause or the end; the same pause where it is still paused at other questions. */
  async afterAnswer(): Promise<RunResult> {
    // What the answer sets off in this turn goes first.
    await new Promise<void>((resolve) => afterThisTurn(resolve));
    const { run } = this;
    return run?.status === 'paused' ? pausedResult(sourceOf(run), run.pauses) : this.next();
  }

  /** The next pause, or the end. */
  next(): Promise<RunResult> {
    return this.#wait(false);
  }

  /** The end. */
  ended(): Promise<RunResult> {
    return this.#wait(true);
  }

  /** The result of a run that has ended on the stack. */
  resultNow(): RunResult | undefined {
    if (this.#settled === undefined) return undefined;
    if ('result' in this.#settled) return this.#settled.result;
    throw this.#settled.error;
  }

  /** There is no run: what was given was refused. */
  refuse(error: unknown): void {
    if (this.isOpening) this.refusal ??= { error };
    else this.#settle(this.refusal ?? { error });
  }

  /** Waits until the observers have had the run's events, and closes the processors that are its own. */
  async closeObservers(): Promise<void> {
    const { processors, logger } = this.#options;
    await this.run?.drained();
    await closeProcessors(processors, logger);
  }

  onPause(): void {
    const { run } = this;
    if (run === undefined) return;
    this.#isPauseShown = true;
    this.#failWaiting();
    const waiting = this.#waiters.filter((waiter) => !waiter.untilEnd);
    this.#waiters = this.#waiters.filter((waiter) => waiter.untilEnd);
    if (waiting.length > 0) {
      const result = pausedResult(sourceOf(run), run.pauses);
      for (const { resolve } of waiting) resolve(result);
    }
    this.#options.onPaused(this);
  }

  beforeEnd(): Promise<void> | undefined {
    const { isSync, logger } = this.#options;
    const { run } = this;
    const save = this.#save;
    if (save === undefined || run === undefined) return undefined;
    const report = (error: unknown): void =>
      logger.error({ err: error, path: save.path }, 'A run could not be saved');
    if (!isSync) return saveState(save.path, save.directory, run.history.info).catch(report);
    try {
      saveStateSync(save.path, save.directory, run.history.info);
    } catch (error) {
      report(error);
    }
    return undefined;
  }

  onEnd(end: RunEnd): void {
    const { run } = this;
    if (run === undefined) return;
    this.#options.onEnded(this);
    if (this.#successor !== undefined) return;
    this.#failWaiting();
    if (end.status === 'completed' || !this.#options.throwsOnFailure)
      this.#settle({ result: endedResult(sourceOf(run), end) });
    else this.#settle({ error: end.error });
  }

  #wait(untilEnd: boolean): Promise<RunResult> {
    const successor = this.#successor;
    if (successor !== undefined) return untilEnd ? successor.ended() : successor.next();
    const settled = this.#settled;
    if (settled !== undefined)
      return 'result' in settled ? Promise.resolve(settled.result) : Promise.reject(settled.error);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject, untilEnd }));
  }

  #settle(settled: { readonly result: RunResult } | { readonly error: unknown }): void {
    this.#settled = settled;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { resolve, reject } of waiters) {
      if ('result' in settled) resolve(settled.result);
      else reject(settled.error);
    }
  }
}

function sourceOf(run: Run) {
  const { history, target, produced, settings } = run;
  return { history, target, produced, workflowId: settings.workflowId };
}

/** Closes processors; one that throws is logged, and the others are closed all the same. */
export async function closeProcessors(processors: readonly EventProcessor[], logger: Logger): Promise<void> {
  for (const processor of processors) {
    try {
      await processor.close?.();
    } catch (error) {
      logger.error({ err: error }, 'A processor could not be closed');
    }
  }
}

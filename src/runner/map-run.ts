import type { ItemInputs } from '../actors/graph-map.ts';
import type { RunEnd } from '../actors/run-end.ts';
import type { RunSettings } from '../actors/settings.ts';
import type { Slots } from '../actors/slots.ts';
import { cloneData } from '../clone.ts';
import { CancelledError, isTroupeError } from '../errors.ts';
import { createRunId, type RunId } from '../ids.ts';
import { RunHistory } from '../log/run-history.ts';
import type { AnyNode } from '../nodes/contract.ts';
import { resolveInputs } from '../nodes/resolve-input.ts';
import { MapItem, type MapItemListener } from './map-item.ts';
import { endedResult, pausedResult, type ResultSource, type RunResult } from './result.ts';
import type { Ticket, TicketOptions } from './ticket.ts';
import type { ItemWorkflows } from './workflow-items.ts';

/** What a map needs. */
export interface MapRunOptions {
  readonly target: AnyNode;
  readonly items: ItemInputs;
  /** Those of every item; its signal is the map's. */
  readonly settings: RunSettings;
  readonly stopsOnFailure: boolean;
  /** Whether a map that does not complete rejects. */
  readonly throwsOnFailure: boolean;
  /** What was given for `maxConcurrency`, or what the runner was given. */
  readonly maxConcurrency: number | undefined;
}

/** What a map's runner does for it. */
export interface MapHost {
  ticketOptions(runId: RunId): TicketOptions;
  /** Where the items are durable. */
  readonly workflows: ItemWorkflows | undefined;
  /** Starts the run of an item. */
  launch(ticket: Ticket, input: unknown, settings: RunSettings): void;
  /** Something that closing waits for. */
  track(work: Promise<unknown>): void;
  /** Nothing of the map runs, is paused, or will be started. */
  onReleased(map: MapRun): void;
}

/** Who takes the results of a map. */
export interface MapReceiver {
  /** An item has paused or ended; `isFirst`: it had not paused before. */
  onResult(index: number, result: RunResult, isFirst: boolean): void;
  /** Something has changed: an item has ended, or the map was stopped. */
  onChange(): void;
}

/** Why a map ends without being complete. */
export interface MapFault {
  /** `refused`: what was given is not accepted, and nothing has run. */
  readonly kind: 'refused' | 'failed' | 'cancelled';
  readonly error: unknown;
  /** Why the other items are cancelled. */
  readonly reason: unknown;
}

/** The items of one map: each is a run of its own. Whoever takes the results says when the next is started. */
export class MapRun implements MapItemListener {
  readonly target: AnyNode;
  readonly length: number;
  readonly throwsOnFailure: boolean;
  readonly maxConcurrency: number | undefined;
  readonly #options: MapRunOptions;
  readonly #host: MapHost;
  readonly #hasContext: boolean;
  /** The items that have not ended: they run, are paused, or their input is still being checked. */
  readonly #live = new Set<MapItem>();
  #receiver: MapReceiver | undefined;
  #next = 0;
  #inFlight = 0;
  #fault: MapFault | undefined;
  #isStopped = false;
  #isClosing = false;
  #isOver = false;
  #isReleased = false;

  constructor(options: MapRunOptions, host: MapHost) {
    const { target, items, settings, throwsOnFailure, maxConcurrency } = options;
    this.#options = options;
    this.#host = host;
    this.target = target;
    this.length = items.length;
    this.throwsOnFailure = throwsOnFailure;
    this.maxConcurrency = maxConcurrency;
    this.#hasContext = Object.keys(settings.context).length > 0;
  }

  /** The places for the leaf work of all items, where it is limited. */
  get slots(): Slots | undefined {
    return this.#options.settings.slots;
  }

  /** How many items were started, and have neither paused nor ended. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Whether there are items that may still be started. */
  get hasNext(): boolean {
    return !this.#isStopped && this.#next < this.length;
  }

  /** Whether the runner is being closed. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Why it cannot complete, once it cannot. */
  get fault(): MapFault | undefined {
    return this.#fault;
  }

  /** Whether every item has been started, or never will be, and none runs; one that was paused may run again. */
  get isSettled(): boolean {
    if (this.#inFlight > 0 || this.hasNext) return false;
    for (const { run } of this.#live) if (run?.status !== 'paused') return false;
    return true;
  }

  /** Begins to tell of results, and to heed the signal. */
  open(receiver: MapReceiver): void {
    this.#receiver = receiver;
    const { signal } = this.#options.settings;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted === true) this.#onAbort();
  }

  /** Starts the next item. */
  startNext(): void {
    const { target, items } = this.#options;
    const index = this.#next;
    this.#next += 1;
    const { workflows } = this.#host;
    const item = new MapItem(index, this.#host.ticketOptions(createRunId()), this);
    this.#live.add(item);
    this.#inFlight += 1;
    try {
      const input = items.at(index);
      // Even where it is refused, it has its place among equal ones.
      const workflowId = workflows?.idOf(input);
      const checked = resolveInputs(target, target.inputs ?? {}, input);
      if (workflows !== undefined && workflowId !== undefined) {
        this.#launchDurable(item, { workflowId, input }, workflows);
        return;
      }
      if (checked instanceof Promise) this.#launchLater(item, checked);
      else this.#launch(item, checked);
    } catch (error) {
      // The names that are given are the same for all items: if one is missing, the map itself is refused.
      if (index === 0 && isTroupeError(error, 'MISSING_INPUT'))
        this.#fault ??= { kind: 'refused', error, reason: error };
      this.#endUnrun(item, 'failed', error);
    }
  }

  /** The results have been given: each item that is still paused is on its own, but for the signal. */
  finish(): void {
    this.#receiver = undefined;
    this.#isOver = true;
    this.#releaseIfIdle();
  }

  /** Starts nothing more, and cancels these of its items, or all. */
  stop(reason: unknown, which: (item: MapItem) => boolean = () => true): void {
    this.#isStopped = true;
    // An item that ends takes itself out of the set, which does not disturb the loop.
    for (const item of this.#live) if (which(item)) this.#cancelItem(item, reason);
    this.#receiver?.onChange();
  }

  /** The runner is being closed. */
  close(isDrained: boolean): void {
    this.#isClosing = true;
    if (isDrained) this.#receiver?.onChange();
    else this.#cancel('closed');
  }

  /** The result of an item that never ran. */
  unrunResult(status: 'failed' | 'cancelled', error: unknown, runId: RunId = createRunId()): RunResult {
    const { target, settings } = this.#options;
    const history = new RunHistory(runId, settings.redact);
    const time = settings.clock.now();
    const end = { status, answer: undefined, error };
    history.log.append({ type: 'RunStart', runId, target: target.name, input: undefined, time });
    history.log.append({ type: 'RunEnd', ...end, time });
    return endedResult({ history, target, produced: {}, workflowId: undefined }, end);
  }

  onItemPaused(item: MapItem): void {
    const source = sourceOf(item);
    if (source !== undefined) this.#tell(item, pausedResult(source, item.run?.pauses ?? []));
    this.#receiver?.onChange();
  }

  onItemEnded(item: MapItem, end: RunEnd): void {
    const hasResult = end.status === 'completed' || !this.throwsOnFailure;
    const result = hasResult ? item.resultNow() : undefined;
    const source = sourceOf(item);
    if (result !== undefined) this.#conclude(item, result);
    else if (source !== undefined) this.#conclude(item, endedResult(source, end));
  }

  readonly #onAbort = (): void => this.#cancel(this.#options.settings.signal?.reason);

  #cancel(reason: unknown): void {
    this.#fault ??= { kind: 'cancelled', error: new CancelledError(reason), reason };
    this.stop(reason);
  }

  #launch(item: MapItem, input: unknown): void {
    const { settings } = this.#options;
    const { context } = settings;
    this.#host.launch(item, input, {
      ...settings,
      runId: item.runId,
      signal: undefined,
      context: this.#hasContext ? cloneData(context) : context,
    });
  }

  #launchDurable(
    item: MapItem,
    what: { readonly workflowId: string; readonly input: unknown },
    workflows: ItemWorkflows,
  ): void {
    const { settings } = this.#options;
    const context = cloneData(settings.context);
    const opened = workflows
      .launch(item, { ...what, settings: { ...settings, signal: undefined, context } })
      .then((result) => {
        if (result === undefined || !this.#live.has(item)) return;
        item.refuse(result.error);
        this.#conclude(item, result);
      })
      .catch((error: unknown) => {
        if (this.#live.has(item)) this.#endUnrun(item, 'failed', error);
      });
    this.#host.track(opened);
  }

  #launchLater(item: MapItem, checked: Promise<unknown>): void {
    const begun = checked
      .then((input) => {
        // It may have been cancelled meanwhile.
        if (this.#live.has(item)) this.#launch(item, input);
      })
      .catch((error: unknown) => {
        if (this.#live.has(item)) this.#endUnrun(item, 'failed', error);
      });
    this.#host.track(begun);
  }

  #cancelItem(item: MapItem, reason: unknown): void {
    // What the map stops, it can go on with another time.
    if (item.run?.detach(reason) === true) return;
    if (item.run !== undefined) item.run.cancel(reason);
    else if (this.#live.has(item)) this.#endUnrun(item, 'cancelled', new CancelledError(reason));
  }

  #endUnrun(item: MapItem, status: 'failed' | 'cancelled', error: unknown): void {
    item.refuse(error);
    this.#conclude(item, this.unrunResult(status, error, item.runId));
  }

  #conclude(item: MapItem, result: RunResult): void {
    this.#live.delete(item);
    const stopsOthers = result.status !== 'completed' && this.#noteFailure(result);
    this.#tell(item, result);
    if (stopsOthers) this.stop(result.error);
    this.#releaseIfIdle();
    this.#receiver?.onChange();
  }

  /** Whether the failure of an item stops the others. */
  #noteFailure({ status, error }: RunResult): boolean {
    const { stopsOnFailure } = this.#options;
    if (this.#isOver || this.#isStopped || !(stopsOnFailure || this.#fault?.kind === 'refused')) return false;
    this.#fault ??= { kind: 'failed', error, reason: error };
    // A runner that is being closed cancels what is paused, and lets the rest run to its end.
    return !(status === 'cancelled' && this.#isClosing);
  }

  #tell(item: MapItem, result: RunResult): void {
    const isFirst = !item.isTold;
    if (isFirst) {
      item.isTold = true;
      this.#inFlight -= 1;
    }
    this.#receiver?.onResult(item.index, result, isFirst);
  }

  #releaseIfIdle(): void {
    if (!this.#isOver || this.#isReleased || this.#live.size > 0) return;
    this.#isReleased = true;
    this.#options.settings.signal?.removeEventListener('abort', this.#onAbort);
    this.#host.onReleased(this);
  }
}

function sourceOf({ run }: MapItem): ResultSource | undefined {
  if (run === undefined) return undefined;
  const { history, target, produced, settings } = run;
  return { history, target, produced, workflowId: settings.workflowId };
}

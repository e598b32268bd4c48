import { createRunnerActor, type RunnerActor } from '../actors/runner-actor.ts';
import { Run } from '../actors/run.ts';
import { assertSyncNode } from '../actors/calls.ts';
import type { EventSink } from '../actors/observer.ts';
import type { RunSettings } from '../actors/settings.ts';
import { asyncWork } from '../actors/async-work.ts';
import {
  CancelledError,
  InterruptAlreadyResolvedError,
  RunnerClosedError,
  UnknownIdError,
  UnknownResponseError,
} from '../errors.ts';
import { createRunId, type RunId } from '../ids.ts';
import type { Logger } from '../logger.ts';
import type { ExecutionInfo } from '../log/execution-info.ts';
import type { RunHistory } from '../log/run-history.ts';
import type { AnyNode } from '../nodes/contract.ts';
import { toNode } from '../graph/target.ts';
import { isGraph } from '../graph/wired-graph.ts';
import { resolveInputs } from '../nodes/resolve-input.ts';
import { assertKnownOptions, expected } from '../nodes/validate.ts';
import { EventStream } from './event-stream.ts';
import { openLogFile, type LogTarget } from './logging.ts';
import { mapAll } from './map-all.ts';
import { MapIterator, type MapItems } from './map-iter.ts';
import { mapInputs, readMapOptions } from './map-options.ts';
import { MapRun, type MapHost } from './map-run.ts';
import { checkRunOptions, givesShared, type RunOptions, type RunnerOptions } from './options.ts';
import type { RunHandle } from './run-handle.ts';
import type { RunResult } from './result.ts';
import type { Capabilities, Runner, RunnerInfo } from './runner.ts';
import { savePlace, type SavePlace } from './save-state.ts';
import {
  observe,
  observeProcessor,
  ownSettings,
  runnerLogger,
  settingsOf,
  type RunnerParts,
} from './settings-of.ts';
import { closeProcessors, Ticket, type TicketOptions } from './ticket.ts';

const CAPABILITIES: Capabilities = Object.freeze({
  supportsCycles: true,
  supportsGates: true,
  supportsInterrupts: true,
  supportsAsyncNodes: true,
  supportsStreaming: true,
  supportsDistributed: false,
  returnsPromise: true,
});

/** What starting a run needs. */
interface Launch {
  readonly target: unknown;
  readonly input: unknown;
  readonly options: RunOptions;
  readonly isSync: boolean;
  readonly stream?: EventStream;
}

/** Runs nodes and graphs in this process. */
export class LocalRunner implements Runner {
  readonly capabilities = CAPABILITIES;
  readonly #parts: RunnerParts;
  readonly #logger: Logger;
  readonly #file: LogTarget | undefined;
  readonly #actor: RunnerActor;
  readonly #live = new Map<string, Ticket>();
  readonly #maps = new Set<MapRun>();
  #plain: RunSettings | undefined;
  // Inputs that are still being checked, and processors of single runs that are being closed.
  readonly #pending = new Set<Promise<unknown>>();
  readonly #ended = new Map<string, RunHistory>();
  #closing: Promise<void> | undefined;

  constructor(options: RunnerOptions) {
    this.#file = typeof options.logFile === 'string' ? openLogFile(options.logFile) : undefined;
    const fileLogger = this.#file?.logger;
    this.#logger = runnerLogger({ options, fileLogger });
    const subscriber = options.subscriber ?? undefined;
    this.#parts = {
      options,
      fileLogger,
      subscriber: subscriber === undefined ? undefined : observe(subscriber, 'subscriber', this.#logger),
      processors: (options.processors ?? []).map((processor) => observeProcessor(processor, this.#logger)),
      caches: new Map(),
    };
    this.#actor = createRunnerActor(options.inspect ?? undefined, (error) =>
      this.#logger.error({ err: error }, 'The inspector threw'),
    );
  }

  get info(): RunnerInfo {
    const histories = [...this.#ended.values(), ...this.#liveHistories()];
    const byId = new Map(histories.map((history) => [history.log.runId as string, history]));
    return {
      // Run ids sort by time.
      runs: [...byId.keys()]
        .toSorted()
        .map((runId) => byId.get(runId)?.info)
        .filter((info) => info !== undefined),
      run: (runId) => {
        const history = byId.get(runId);
        if (history === undefined) throw unknownRun(runId);
        return history.info;
      },
    };
  }

  run(target: unknown, input?: unknown, options: RunOptions = {}): Promise<never> {
    return this.#launch({ target, input, options, isSync: false }).next() as Promise<never>; // the overload says what it is
  }

  runSync(target: unknown, input?: unknown, options: RunOptions = {}): never {
    const result = this.#launch({ target, input, options, isSync: true }).resultNow();
    if (result === undefined) throw asyncWork('the run did not end on the stack');
    return result as never; // the overload says what it is
  }

  iter(target: unknown, input?: unknown, options: RunOptions = {}): RunHandle<never, never> {
    const stream = new EventStream();
    const ticket = this.#launch({ target, input, options, isSync: false, stream });
    const result = ticket.ended();
    result.catch((error: unknown) => {
      if (ticket.run === undefined) stream.fail(error);
    });
    return {
      runId: ticket.runId,
      result: result as Promise<never>, // the overload says what it is
      get pauses() {
        return ticket.run?.pauses ?? [];
      },
      get info() {
        return infoOf(ticket);
      },
      respond: (key, value) => this.respond(ticket.runId, key, value) as Promise<never>,
      cancel: (reason) => cancelTicket(ticket, reason),
      [Symbol.asyncIterator]: () => stream,
      [Symbol.asyncDispose]: async () => {
        cancelTicket(ticket, 'The handle was disposed of');
        await result.catch(() => undefined);
      },
    };
  }

  map(target: unknown, input: unknown, options: unknown): Promise<never> {
    const results = mapAll(() => this.#openMap('map', target, input, options));
    this.#track(results.catch(() => undefined));
    return results as Promise<never>; // the overload says what they are
  }

  mapIter(target: unknown, input: unknown, options: unknown): MapItems<never, never> {
    const items: MapItems = new MapIterator(() => this.#openMap('mapIter', target, input, options));
    return items as MapItems<never, never>; // the overload says what they are
  }

  respond(runId: string, key: string, value: unknown): Promise<RunResult> {
    const answered = this.#answer(runId, key, value);
    // That the run fails later is told to whoever waits for it; that the answer was not taken is the caller's own.
    return answered.then((ticket) => {
      const next = ticket.afterAnswer();
      next.catch(() => undefined);
      return next;
    });
  }

  cancel(id: string, reason?: unknown): boolean {
    const ticket = this.#live.get(id);
    if (ticket?.run !== undefined) return ticket.run.cancel(reason);
    if (this.#ended.has(id)) return false;
    for (const { run } of this.#live.values()) {
      if (run !== undefined && isRequestOf(run.history, id)) return run.cancelRequest(id, reason);
    }
    for (const history of this.#ended.values()) if (isRequestOf(history, id)) return false;
    throw new UnknownIdError(`There is no run or request "${id}"`, {
      hint: 'Use a `runId`, or the `id` of one of `info.requests`.',
    });
  }

  close(options: { readonly drain?: boolean } = {}): Promise<void> {
    assertKnownOptions('close', options, ['drain']);
    const { drain = true } = options;
    for (const map of this.#maps) map.close(drain);
    // A map that is drained still starts runs, which the actor of a closed runner would not count.
    if (this.#maps.size === 0) this.#actor.close();
    for (const { run } of this.#live.values()) if (!drain || run?.status === 'paused') run?.cancel('closed');
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #launch(launch: Launch): Ticket {
    const runId = createRunId();
    let ticket = this.#ticketFor(runId, undefined, launch);
    try {
      const target = this.#check(launch);
      ticket = this.#ticketFor(runId, target, launch);
      const checked =
        target.inputs === undefined ? launch.input : resolveInputs(target, target.inputs, launch.input);
      if (target.inputs === undefined || !(checked instanceof Promise))
        this.#begin(ticket, target, checked, launch);
      else if (launch.isSync) throw asyncWork('a schema of the input is asynchronous');
      else this.#beginLater(ticket, target, checked, launch);
    } catch (error) {
      ticket.refuse(error);
    }
    return ticket;
  }

  #check({ target, options, isSync }: Launch): AnyNode {
    if (this.#closing !== undefined) throw closed();
    checkRunOptions(options);
    const node = toNode(
      'what is run',
      options.select === undefined || options.select === null ? target : selectOf(target, options.select),
    );
    if (isSync) assertSyncNode(node);
    return node;
  }

  #ticketFor(runId: RunId, target: AnyNode | undefined, { options, isSync }: Launch): Ticket {
    return new Ticket({
      runId,
      throwsOnFailure: target === undefined || options.onFailure !== 'return',
      isSync,
      save: target === undefined ? undefined : this.#placeFor(runId, target, options),
      logger: this.#logger,
      processors: options.processors ?? [],
      onPaused: this.#cancelIfClosing,
      onEnded: (over) => this.#retire(over),
    });
  }

  readonly #cancelIfClosing = ({ run }: Ticket): void => {
    if (this.#closing !== undefined) run?.cancel('closed');
  };

  #placeFor(runId: RunId, target: AnyNode, options: RunOptions): SavePlace | undefined {
    const { options: own } = this.#parts;
    const directory = options.saveState === undefined ? own.saveState : options.saveState;
    if (directory === undefined || directory === null || directory === false) return undefined;
    return savePlace(directory, own.name ?? target.name, { runId, logger: this.#logger });
  }

  #begin(ticket: Ticket, target: AnyNode, input: unknown, { options, isSync, stream }: Launch): void {
    const { runId } = ticket;
    const settings =
      stream === undefined && !givesShared(options)
        ? this.#plainSettings(runId, options, isSync)
        : settingsOf(this.#parts, {
            runId,
            options,
            isSync,
            ...(stream === undefined ? {} : { extraSinks: [stream] }),
          });
    this.#start(ticket, target, input, settings);
  }

  /** The settings of a run that is given none of the runner's options: worked out once, and then copied. */
  #plainSettings(runId: RunId, { workflowId, sessionId, signal }: RunOptions, isSync: boolean): RunSettings {
    this.#plain ??= settingsOf(this.#parts, { runId, options: {}, isSync });
    return ownSettings(this.#plain, { runId, isSync, workflowId, sessionId, signal: signal ?? undefined });
  }

  #start(ticket: Ticket, target: AnyNode, input: unknown, settings: RunSettings): void {
    const { runId } = ticket;
    const run = this.#actor.spawn(
      runId,
      (self, actors) => new Run({ target, input, settings, self, listener: ticket, actors }),
    );
    ticket.run = run;
    this.#live.set(runId, ticket);
    this.#actor.onRunStarted();
    run.begin();
  }

  #beginLater(ticket: Ticket, target: AnyNode, checked: Promise<unknown>, launch: Launch): void {
    const begun = checked
      .then((input) => {
        if (this.#closing !== undefined) throw closed();
        // It may have been cancelled meanwhile.
        if (!ticket.isOver) this.#begin(ticket, target, input, launch);
      })
      .catch((error: unknown) => ticket.refuse(error));
    this.#track(begun);
  }

  #openMap(owner: 'map' | 'mapIter', target: unknown, input: unknown, given: unknown): MapRun {
    const { names, mode, onError, ofRuns } = readMapOptions(owner, given);
    const node = this.#check({ target, input, options: ofRuns, isSync: false });
    const items = mapInputs(node, input, { names, mode });
    const settings = settingsOf(this.#parts, { runId: createRunId(), options: ofRuns, isSync: false });
    const map = new MapRun(
      {
        target: node,
        items,
        settings,
        stopsOnFailure: onError === 'stop',
        throwsOnFailure: ofRuns.onFailure !== 'return',
        maxConcurrency: limitOfMap(ofRuns.maxConcurrency, this.#parts.options.maxConcurrency),
      },
      this.#mapHost(node, ofRuns, settings),
    );
    this.#maps.add(map);
    return map;
  }

  /** What the items of a map share is opened and closed once: they are runs of their own in everything else. */
  #mapHost(target: AnyNode, options: RunOptions, settings: RunSettings): MapHost {
    const { processors } = options;
    const hasOwnObservers = this.#hasOwnObservers(settings);
    const ticketOptions = (runId: RunId): TicketOptions => ({
      runId,
      throwsOnFailure: options.onFailure !== 'return',
      isSync: false,
      save: this.#placeFor(runId, target, options),
      logger: this.#logger,
      processors: [],
      onPaused: this.#cancelIfClosing,
      onEnded: this.#archive,
    });
    const closeObservers = async (): Promise<void> => {
      await Promise.all(settings.observers.map((observer) => observer.drained()));
      await closeProcessors(processors ?? [], this.#logger);
    };
    return {
      ticketOptions,
      launch: (ticket, input, ofItem) => this.#start(ticket, target, input, ofItem),
      track: (work) => this.#track(work),
      onReleased: (map) => {
        this.#maps.delete(map);
        if (this.#closing !== undefined && this.#maps.size === 0) this.#actor.close();
        if (hasOwnObservers) this.#track(closeObservers());
      },
    };
  }

  #retire(ticket: Ticket): void {
    this.#archive(ticket);
    const { run } = ticket;
    if (run !== undefined && this.#hasOwnObservers(run.settings)) this.#track(ticket.closeObservers());
  }

  readonly #archive = ({ runId, run }: Ticket): void => {
    this.#live.delete(runId);
    if (run === undefined) return;
    const { retain = 100 } = this.#parts.options;
    this.#ended.set(runId, run.history);
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= retain) break;
      this.#ended.delete(oldest);
    }
    this.#actor.onRunEnded();
  };

  #hasOwnObservers({ observers }: RunSettings): boolean {
    const { subscriber, processors } = this.#parts;
    const isShared = (sink: EventSink): boolean =>
      sink === subscriber || processors.some((shared) => shared === sink);
    return !observers.every(isShared);
  }

  /** Something that closing waits for. */
  #track(work: Promise<unknown>): void {
    const tracked: Promise<unknown> = work.finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
  }

  async #answer(runId: string, key: string, value: unknown): Promise<Ticket> {
    if (this.#closing !== undefined) throw closed();
    const ticket = this.#live.get(runId);
    if (ticket?.run !== undefined) {
      await ticket.run.respond(key, value);
      return ticket;
    }
    const history = this.#ended.get(runId);
    if (history === undefined) throw unknownRun(runId);
    if (history.wasAnswered(key)) {
      throw new InterruptAlreadyResolvedError(`The question "${key}" was answered before`, {
        hint: 'The first answer counts.',
      });
    }
    throw new UnknownResponseError(`No question "${key}" is open`, { hint: 'The run has ended.' });
  }

  async #shutDown(): Promise<void> {
    await Promise.all(this.#pending);
    await Promise.all([...this.#live.values()].map((ticket) => ticket.ended().catch(() => undefined)));
    await Promise.all(this.#pending);
    const { subscriber, processors, caches } = this.#parts;
    await subscriber?.drained();
    await Promise.all(processors.map((processor) => processor.drained()));
    await Promise.all([...caches.values()].map((cache) => cache.settled()));
    await closeProcessors(this.#parts.options.processors ?? [], this.#logger);
    this.#file?.close();
  }

  *#liveHistories(): Generator<RunHistory, void> {
    for (const { run } of this.#live.values()) if (run !== undefined) yield run.history;
  }
}

/** What was given for a map, else for its runner; null means no limit, as at other options. */
function limitOfMap(own: number | null | undefined, shared: number | null | undefined): number | undefined {
  const given = own === undefined ? shared : own;
  return given === null ? Number.POSITIVE_INFINITY : given;
}

/** A graph that makes only some outputs. */
function selectOf(target: unknown, names: readonly string[]): unknown {
  if (isGraph(target)) return target.select(...names);
  throw expected(
    'what is run with `select`',
    'a graph',
    target,
    'Leave `select` out: a node always returns what it returns.',
  );
}

function cancelTicket(ticket: Ticket, reason: unknown): boolean {
  if (ticket.run !== undefined) return ticket.run.cancel(reason);
  if (ticket.isOver) return false;
  ticket.refuse(new CancelledError(reason));
  return true;
}

function infoOf({ run, runId }: Ticket): ExecutionInfo {
  if (run === undefined) throw unknownRun(runId);
  return run.history.info;
}

function isRequestOf(history: RunHistory, id: string): boolean {
  const { ids, size } = history.log;
  const ordinal = ids.ordinalOfRequest(id);
  return ordinal !== -1 && ordinal < size;
}

function unknownRun(runId: string): UnknownIdError {
  return new UnknownIdError(`There is no run "${runId}"`, {
    hint: 'Ended runs are kept up to `retain`; use the `runId` of a result or a handle.',
  });
}

function closed(): RunnerClosedError {
  return new RunnerClosedError('The runner is closed', { hint: 'Create another runner.' });
}

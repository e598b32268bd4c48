import type { DurableRun } from '../actors/durable-run.ts';
import type { EventSink } from '../actors/observer.ts';
import { Run } from '../actors/run.ts';
import type { RunnerActor } from '../actors/runner-actor.ts';
import type { RunSettings } from '../actors/settings.ts';
import { UnknownIdError } from '../errors.ts';
import type { RunId } from '../ids.ts';
import type { Logger } from '../logger.ts';
import type { RunHistory } from '../log/run-history.ts';
import type { AnyNode } from '../nodes/contract.ts';
import { givesShared, type RunOptions } from './options.ts';
import type { RunnerInfo } from './runner-info.ts';
import { savePlace, type SavePlace } from './save-state.ts';
import { ownSettings, settingsOf, type RunnerParts, type RunParts } from './settings-of.ts';
import type { Ticket } from './ticket.ts';

/** What a run is started with. */
export interface RunStart {
  readonly target: AnyNode;
  /** Checked, with defaults. */
  readonly input: unknown;
  readonly settings: RunSettings;
  readonly durable?: DurableRun | undefined;
}

/** The runs of one runner: those that are live, what is left of ended ones, and what closing waits for. */
export class RunRegistry {
  readonly parts: RunnerParts;
  readonly logger: Logger;
  /** Whether the runner takes no more runs. */
  isClosing = false;
  readonly #actor: RunnerActor;
  readonly #live = new Map<string, Ticket>();
  readonly #workflows = new Map<string, Ticket>();
  readonly #ended = new Map<string, RunHistory>();
  /** The run ids of ended workflows, those of others among them that are no longer kept. */
  readonly #endedWorkflows = new Map<string, string>();
  readonly #pending = new Set<Promise<unknown>>();
  /** Of a run that is given no options. */
  #plain: RunSettings | undefined;

  constructor(parts: RunnerParts, logger: Logger, actor: RunnerActor) {
    this.parts = parts;
    this.logger = logger;
    this.#actor = actor;
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

  get live(): Iterable<Ticket> {
    return this.#live.values();
  }

  /** The live run of a run id or a workflow id. */
  find(id: string): Ticket | undefined {
    return this.#live.get(id) ?? this.#workflows.get(id);
  }

  /** The live run of a workflow. */
  workflow(workflowId: string): Ticket | undefined {
    return this.#workflows.get(workflowId);
  }

  /** What is left of a run that has ended, by its run id or its workflow id. */
  ended(id: string): RunHistory | undefined {
    return this.#ended.get(id) ?? this.#ended.get(this.#endedWorkflows.get(id) ?? '');
  }

  /** A run's settings. Those that the runner's options decide are worked out once. */
  settingsFor(run: RunParts): RunSettings {
    const { runId, options, isSync, extraSinks = [] } = run;
    if (extraSinks.length > 0 || givesShared(options)) return settingsOf(this.parts, run);
    this.#plain ??= settingsOf(this.parts, { runId, options: {}, isSync });
    const { workflowId, sessionId, signal } = options;
    return ownSettings(this.#plain, { runId, isSync, workflowId, sessionId, signal: signal ?? undefined });
  }

  start(ticket: Ticket, { target, input, settings, durable }: RunStart): void {
    const { runId } = ticket;
    const run = this.#actor.spawn(
      runId,
      (self, actors) => new Run({ target, input, settings, self, listener: ticket, actors, durable }),
    );
    ticket.run = run;
    this.#live.set(runId, ticket);
    const { workflowId } = settings;
    if (workflowId !== undefined) this.#workflows.set(workflowId, ticket);
    this.#actor.onRunStarted();
    run.begin();
  }

  /** Cancels a run or a request; see `Runner.cancel`. */
  cancel(id: string, reason: unknown): boolean {
    const ticket = this.find(id);
    if (ticket?.run !== undefined) return ticket.run.cancel(reason);
    if (this.ended(id) !== undefined) return false;
    for (const { run } of this.live)
      if (run !== undefined && isRequestOf(run.history, id)) return run.cancelRequest(id, reason);
    for (const history of this.#ended.values()) if (isRequestOf(history, id)) return false;
    throw new UnknownIdError(`There is no run or request "${id}"`, {
      hint: 'Use a `runId`, or the `id` of one of `info.requests`.',
    });
  }

  /** A run with observers of its own has ended. */
  readonly retire = (ticket: Ticket): void => {
    this.archive(ticket);
    const { run } = ticket;
    if (run !== undefined && this.hasOwnObservers(run.settings)) this.track(ticket.closeObservers());
  };

  /** A run has ended. */
  readonly archive = (ticket: Ticket): void => {
    const { runId, run } = ticket;
    const isCurrent = this.#live.get(runId) === ticket;
    if (isCurrent) this.#live.delete(runId);
    if (run === undefined) return;
    this.#actor.onRunEnded();
    // Its workflow goes on in another run, of the same id.
    if (!isCurrent) return;
    const { workflowId } = run.settings;
    const { retain = 100 } = this.parts.options;
    this.#ended.set(runId, run.history);
    if (workflowId !== undefined) this.#archiveWorkflow(workflowId, ticket, retain);
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= retain) break;
      this.#ended.delete(oldest);
    }
  };

  #archiveWorkflow(workflowId: string, ticket: Ticket, retain: number): void {
    if (this.#workflows.get(workflowId) === ticket) this.#workflows.delete(workflowId);
    this.#endedWorkflows.delete(workflowId);
    this.#endedWorkflows.set(workflowId, ticket.runId);
    for (const oldest of this.#endedWorkflows.keys()) {
      if (this.#endedWorkflows.size <= retain) break;
      this.#endedWorkflows.delete(oldest);
    }
  }

  /** A run that pauses while the runner is closed has nobody left to answer it. */
  readonly cancelIfClosing = ({ run }: Ticket): void => {
    if (this.isClosing && run !== undefined && !run.detach('closed')) run.cancel('closed');
  };

  hasOwnObservers({ observers }: RunSettings): boolean {
    const { subscriber, processors } = this.parts;
    const isShared = (sink: EventSink): boolean =>
      sink === subscriber || processors.some((shared) => shared === sink);
    return !observers.every(isShared);
  }

  /** Where a run is saved when it ends. */
  placeFor(runId: RunId, target: AnyNode, options: RunOptions): SavePlace | undefined {
    const { options: own } = this.parts;
    const directory = options.saveState === undefined ? own.saveState : options.saveState;
    if (directory === undefined || directory === null || directory === false) return undefined;
    return savePlace(directory, own.name ?? target.name, { runId, logger: this.logger });
  }

  /** Something that closing waits for. */
  track(work: Promise<unknown>): void {
    const tracked: Promise<unknown> = work.finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
  }

  /** Resolves when nothing runs, and nothing is pending. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
    await Promise.all([...this.live].map((ticket) => ticket.ended().catch(() => undefined)));
    await Promise.all(this.#pending);
  }

  *#liveHistories(): Generator<RunHistory, void> {
    for (const { run } of this.live) if (run !== undefined) yield run.history;
  }
}

function isRequestOf(history: RunHistory, id: string): boolean {
  const { ids, size } = history.log;
  const ordinal = ids.ordinalOfRequest(id);
  return ordinal !== -1 && ordinal < size;
}

/** The error for a run that a runner does not know. */
export function unknownRun(runId: string): UnknownIdError {
  return new UnknownIdError(`There is no run "${runId}"`, {
    hint: 'Ended runs are kept up to `retain`; use the `runId` of a result or a handle.',
  });
}

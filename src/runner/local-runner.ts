import { assertSyncNode } from '../actors/calls.ts';
import { createRunnerActor, type RunnerActor } from '../actors/runner-actor.ts';
import { asyncWork } from '../actors/async-work.ts';
import { CancelledError, InterruptAlreadyResolvedError, UnknownResponseError } from '../errors.ts';
import { createRunId, type RunId } from '../ids.ts';
import type { ExecutionInfo } from '../log/execution-info.ts';
import type { AnyNode } from '../nodes/contract.ts';
import { toNode } from '../graph/target.ts';
import { isGraph } from '../graph/wired-graph.ts';
import { resolveInputs } from '../nodes/resolve-input.ts';
import { assertKnownOptions, expected } from '../nodes/validate.ts';
import { EventStream } from './event-stream.ts';
import { openLogFile, type LogTarget } from './logging.ts';
import { mapAll } from './map-all.ts';
import { MapIterator, type MapItems } from './map-iter.ts';
import { MapOpening } from './map-opening.ts';
import { checkRunOptions, checkpointerOf, type RunOptions, type RunnerOptions } from './options.ts';
import type { RunHandle } from './run-handle.ts';
import { RunRegistry, unknownRun } from './run-registry.ts';
import type { RunResult } from './result.ts';
import type { Runner } from './runner.ts';
import type { Capabilities, RunnerInfo } from './runner-info.ts';
import { partsOf, runnerLogger } from './settings-of.ts';
import { closeProcessors, Ticket } from './ticket.ts';
import type { WorkflowWay } from './workflow-opening.ts';
import {
  readForkOptions,
  readResumeOptions,
  type ForkOptions,
  type ResumeOptions,
} from './workflow-options.ts';
import { closed, createWorkflowId, Workflows } from './workflows.ts';

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
  readonly #file: LogTarget | undefined;
  readonly #actor: RunnerActor;
  readonly #registry: RunRegistry;
  readonly #maps: MapOpening;
  readonly #workflows: Workflows;
  #closing: Promise<void> | undefined;

  constructor(options: RunnerOptions) {
    this.#file = typeof options.logFile === 'string' ? openLogFile(options.logFile) : undefined;
    const fileLogger = this.#file?.logger;
    const logger = runnerLogger({ options, fileLogger });
    const parts = partsOf(options, fileLogger);
    this.#actor = createRunnerActor(options.inspect ?? undefined, (error) =>
      logger.error({ err: error }, 'The inspector threw'),
    );
    this.#registry = new RunRegistry(parts, logger, this.#actor);
    this.#workflows = new Workflows(this.#registry, (target, ofRun) =>
      this.#ticketFor(createRunId(), target, { options: ofRun, isSync: false }),
    );
    this.#maps = new MapOpening(
      this.#registry,
      (target, ofRuns) => this.#check({ target, options: ofRuns, isSync: false }),
      () => {
        if (this.#registry.isClosing && this.#maps.isIdle) this.#actor.close();
      },
    );
  }

  get info(): RunnerInfo {
    return this.#registry.info;
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
      get runId() {
        return ticket.runId;
      },
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
    const results = mapAll(() => this.#maps.open('map', target, { input, options }));
    this.#registry.track(results.catch(() => undefined));
    return results as Promise<never>; // the overload says what they are
  }

  mapIter(target: unknown, input: unknown, options: unknown): MapItems<never, never> {
    const items: MapItems = new MapIterator(() => this.#maps.open('mapIter', target, { input, options }));
    return items as MapItems<never, never>; // the overload says what they are
  }

  respond(id: string, key: string, value: unknown): Promise<RunResult> {
    const answered = this.#answer(id, key, value);
    // That the run fails later is told to whoever waits for it; that the answer was not taken is the caller's own.
    return answered.then((ticket) => {
      const next = ticket.afterAnswer();
      next.catch(() => undefined);
      return next;
    });
  }

  resume(target: unknown, workflowId: string, options: ResumeOptions = {}): Promise<never> {
    return this.#goOn(target, workflowId, () => {
      const { responses, ofRun } = readResumeOptions('resume', workflowId, options);
      return { ofRun, way: { type: 'resume', responses } };
    });
  }

  retry(target: unknown, workflowId: string, options: ResumeOptions = {}): Promise<never> {
    return this.#goOn(target, workflowId, () => {
      const { responses, ofRun } = readResumeOptions('retry', workflowId, options);
      return { ofRun, way: { type: 'retry', responses } };
    });
  }

  async fork(target: unknown, workflowId: string, options: ForkOptions = {}): Promise<never> {
    const { ofRun, at, input, id = createWorkflowId() } = readForkOptions(workflowId, options);
    const node = this.#check({ target, options: ofRun, isSync: false });
    checkpointerOf(ofRun, this.#registry.parts.options);
    const ticket = this.#ticketFor(createRunId(), node, { options: ofRun, isSync: false });
    const start = { ...(at === undefined ? {} : { at }), ...(input === undefined ? {} : { input }) };
    const way: WorkflowWay = { type: 'fork', from: workflowId, ...start };
    const targetWith = this.#reselect(target, ofRun);
    this.#workflows.launch(ticket, { target: node, targetWith, workflowId: id, way, options: ofRun });
    return (await ticket.next()) as never; // the overload says what it is
  }

  cancel(id: string, reason?: unknown): boolean {
    return this.#registry.cancel(id, reason);
  }

  close(options: { readonly drain?: boolean } = {}): Promise<void> {
    assertKnownOptions('close', options, ['drain']);
    const { drain = true } = options;
    this.#registry.isClosing = true;
    this.#maps.close(drain);
    // A map that is drained still starts runs, which the actor of a closed runner would not count.
    if (this.#maps.isIdle) this.#actor.close();
    for (const { run } of this.#registry.live) {
      if (run === undefined || (drain && run.status !== 'paused')) continue;
      // A workflow stays as it is, to be resumed another time.
      if (!run.detach('closed')) run.cancel('closed');
    }
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
      const { workflowId } = launch.options;
      if (workflowId === undefined) this.#launchPlain(ticket, target, launch);
      else this.#launchDurable(ticket, target, launch, workflowId);
    } catch (error) {
      ticket.refuse(error);
    }
    return ticket;
  }

  #launchPlain(ticket: Ticket, target: AnyNode, launch: Launch): void {
    const checked =
      target.inputs === undefined ? launch.input : resolveInputs(target, target.inputs, launch.input);
    if (target.inputs === undefined || !(checked instanceof Promise))
      this.#begin(ticket, target, checked, launch);
    else if (launch.isSync) throw asyncWork('a schema of the input is asynchronous');
    else this.#beginLater(ticket, target, checked, launch);
  }

  #launchDurable(ticket: Ticket, target: AnyNode, launch: Launch, workflowId: string): void {
    const { options, stream, input } = launch;
    checkpointerOf(options, this.#registry.parts.options);
    if (launch.isSync) throw asyncWork('a durable workflow waits for its checkpointer');
    const way = { type: 'run', given: input } as const;
    const targetWith = this.#reselect(launch.target, options);
    this.#workflows.launch(ticket, { target, targetWith, workflowId, way, options, stream });
  }

  async #goOn(
    target: unknown,
    workflowId: string,
    read: () => { readonly ofRun: RunOptions; readonly way: WorkflowWay },
  ): Promise<never> {
    const { ofRun, way } = read();
    const node = this.#check({ target, options: ofRun, isSync: false });
    checkpointerOf(ofRun, this.#registry.parts.options);
    const targetWith = this.#reselect(target, ofRun);
    const result = await this.#workflows.goOn({ target: node, targetWith, workflowId, way, options: ofRun });
    return result as never; // the overload says what it is
  }

  #check({ target, options, isSync }: Pick<Launch, 'target' | 'options' | 'isSync'>): AnyNode {
    if (this.#closing !== undefined) throw closed();
    checkRunOptions(options);
    const node = toNode(
      'what is run',
      options.select === undefined || options.select === null ? target : selectOf(target, options.select),
    );
    if (options.workflowId !== undefined) checkpointerOf(options, this.#registry.parts.options);
    if (isSync) assertSyncNode(node);
    return node;
  }

  /** The same target, with other outputs asked for. */
  #reselect(target: unknown, options: RunOptions) {
    return (select: readonly string[]): AnyNode =>
      this.#check({ target, options: { ...options, select }, isSync: false });
  }

  #ticketFor(
    runId: RunId,
    target: AnyNode | undefined,
    { options, isSync }: Pick<Launch, 'options' | 'isSync'>,
  ): Ticket {
    const registry = this.#registry;
    return new Ticket({
      runId,
      throwsOnFailure: target === undefined || options.onFailure !== 'return',
      isSync,
      save: target === undefined ? undefined : registry.placeFor(runId, target, options),
      logger: registry.logger,
      processors: options.processors ?? [],
      onPaused: registry.cancelIfClosing,
      onEnded: registry.retire,
    });
  }

  #begin(ticket: Ticket, target: AnyNode, input: unknown, { options, isSync, stream }: Launch): void {
    const { runId } = ticket;
    const extraSinks = stream === undefined ? [] : [stream];
    const settings = this.#registry.settingsFor({ runId, options, isSync, extraSinks });
    this.#registry.start(ticket, { target, input, settings });
  }

  #beginLater(ticket: Ticket, target: AnyNode, checked: Promise<unknown>, launch: Launch): void {
    const begun = checked
      .then((input) => {
        if (this.#closing !== undefined) throw closed();
        // It may have been cancelled meanwhile.
        if (!ticket.isOver) this.#begin(ticket, target, input, launch);
      })
      .catch((error: unknown) => ticket.refuse(error));
    this.#registry.track(begun);
  }

  async #answer(id: string, key: string, value: unknown): Promise<Ticket> {
    if (this.#closing !== undefined) throw closed();
    const ticket = this.#registry.find(id);
    if (ticket?.run !== undefined) return this.#workflows.respond(ticket, key, value);
    const history = this.#registry.ended(id);
    if (history === undefined) throw unknownRun(id);
    if (history.wasAnswered(key)) {
      throw new InterruptAlreadyResolvedError(`The question "${key}" was answered before`, {
        hint: 'The first answer counts.',
      });
    }
    throw new UnknownResponseError(`No question "${key}" is open`, { hint: 'The run has ended.' });
  }

  async #shutDown(): Promise<void> {
    await this.#registry.settled();
    const { subscriber, processors, caches, options } = this.#registry.parts;
    await subscriber?.drained();
    await Promise.all(processors.map((processor) => processor.drained()));
    await Promise.all([...caches.values()].map((cache) => cache.settled()));
    await closeProcessors(options.processors ?? [], this.#registry.logger);
    this.#file?.close();
  }
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
  if (ticket.isOver || ticket.refusal !== undefined) return false;
  ticket.refuse(new CancelledError(reason));
  return true;
}

function infoOf({ run, runId }: Ticket): ExecutionInfo {
  if (run === undefined) throw unknownRun(runId);
  return run.history.info;
}

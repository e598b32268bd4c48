import type { DurableRun } from '../actors/durable-run.ts';
import type { EventSink } from '../actors/observer.ts';
import { createRunId } from '../ids.ts';
import { systemClock } from '../clock.ts';
import { RunnerClosedError } from '../errors.ts';
import type { AnyNode } from '../nodes/contract.ts';
import { checkpointerOf, type RunOptions } from './options.ts';
import type { RunResult } from './result.ts';
import type { RunRegistry } from './run-registry.ts';
import { targetFacts } from './target-facts.ts';
import type { Ticket } from './ticket.ts';
import {
  assertKnownAnswers,
  openWorkflow,
  type OpenedWorkflow,
  type OpeningOptions,
  type WorkflowWay,
} from './workflow-opening.ts';

/** What is asked for of a workflow. */
export interface WorkflowLaunch {
  readonly target: AnyNode;
  /** The target with other outputs asked for. */
  readonly targetWith?: OpeningOptions['targetWith'];
  readonly workflowId: string;
  readonly way: WorkflowWay;
  readonly options: RunOptions;
  readonly stream?: EventSink | undefined;
}

/** A workflow that is ready to run, and who waits for it. */
interface WorkflowStart {
  readonly ticket: Ticket;
  readonly launch: WorkflowLaunch;
  readonly workflow: OpenedWorkflow;
  readonly durable: DurableRun;
}

/** The durable workflows of one runner. */
export class Workflows {
  readonly #registry: RunRegistry;
  readonly #makeTicket: (target: AnyNode, options: RunOptions) => Ticket;
  readonly #launches = new WeakMap<Ticket, WorkflowLaunch>();

  constructor(registry: RunRegistry, makeTicket: (target: AnyNode, options: RunOptions) => Ticket) {
    this.#registry = registry;
    this.#makeTicket = makeTicket;
  }

  /** Opens a workflow and runs it; what is refused is told to the ticket. */
  launch(ticket: Ticket, launch: WorkflowLaunch): void {
    ticket.isOpening = true;
    this.#registry.track(this.#open(ticket, launch));
  }

  async #open(ticket: Ticket, launch: WorkflowLaunch): Promise<void> {
    try {
      const workflow = await openWorkflow(openingOf(this.#registry, launch));
      const { answers } = workflow;
      const isAnswer = 'isAnswer' in launch.way && launch.way.isAnswer;
      const durable = workflow.durable(() => this.#offer(ticket, answers, isAnswer));
      // Meanwhile it may have been cancelled, or the runner closed.
      if (this.#registry.isClosing || ticket.refusal !== undefined) {
        await durable.journal.detach();
        throw ticket.refusal === undefined ? closed() : ticket.refusal.error;
      }
      this.#start({ ticket, launch, workflow, durable });
    } catch (error) {
      ticket.isOpening = false;
      ticket.refuse(error);
    }
  }

  /** Goes on with a workflow: in place where it is paused here, else from its log. */
  async goOn(launch: WorkflowLaunch): Promise<RunResult> {
    const live = this.#registry.workflow(launch.workflowId);
    const run = live?.run;
    const isHere =
      run?.status === 'paused' &&
      targetFacts(run.target).definition === targetFacts(launch.target).definition &&
      (await run.retake());
    if (!isHere || live === undefined || run === undefined) {
      const ticket = this.#makeTicket(launch.target, launch.options);
      this.launch(ticket, launch);
      return ticket.next();
    }
    const { way, target } = launch;
    const responses = 'responses' in way ? Object.entries(way.responses) : [];
    try {
      assertKnownAnswers(target, run.history.log.messages(), responses);
      for (const [key, value] of responses) await run.offer(key, value);
    } finally {
      await run.release();
    }
    return live.afterAnswer();
  }

  /** Answers a question of a workflow that is live here; where another has gone on with it meanwhile, from its log. */
  async respond(ticket: Ticket, key: string, value: unknown): Promise<Ticket> {
    const { run } = ticket;
    const launch = this.#launches.get(ticket);
    if (run === undefined || launch === undefined || run.status !== 'paused' || (await run.retake())) {
      try {
        await run?.respond(key, value);
      } finally {
        await run?.release();
      }
      return ticket;
    }
    const next = this.#makeTicket(launch.target, launch.options);
    this.launch(next, { ...launch, way: { type: 'resume', responses: { [key]: value }, isAnswer: true } });
    return next;
  }

  #start({ ticket, launch, workflow, durable }: WorkflowStart): void {
    const registry = this.#registry;
    const { options, workflowId, stream } = launch;
    const { runId, target } = workflow;
    ticket.isOpening = false;
    const live = registry.workflow(workflowId);
    // A run that is paused here has nothing that is not stored.
    if (live?.run !== undefined) {
      live.replaceWith(ticket);
      live.run.detach('It goes on in another run');
    }
    ticket.rebind(runId, registry.placeFor(runId, target, options));
    const settings = registry.settingsFor({
      runId,
      options: options.workflowId === workflowId ? options : { ...options, workflowId },
      isSync: false,
      extraSinks: stream === undefined ? [] : [stream],
    });
    this.#launches.set(ticket, launch);
    registry.start(ticket, { target, input: workflow.input, settings, durable });
  }

  /** Gives the answers; the first that is not taken is told to whoever waits, and its question stays open. */
  #offer(ticket: Ticket, answers: ReadonlyMap<string, unknown>, isAnswer: boolean): void {
    const { run } = ticket;
    if (run === undefined) return;
    for (const [key, value] of answers) {
      const taken = isAnswer ? run.respond(key, value) : run.offer(key, value);
      taken.catch((error: unknown) => ticket.failNext(error));
    }
  }
}

/** The id of a new workflow. */
export function createWorkflowId(): string {
  return createRunId();
}

/** What opening a workflow needs, from what is asked for. */
export function openingOf(
  { parts }: RunRegistry,
  { target, workflowId, way, options, targetWith }: WorkflowLaunch,
): OpeningOptions {
  const { options: shared } = parts;
  return {
    checkpointer: checkpointerOf(options, shared),
    durability: options.durability ?? shared.durability ?? 'sync',
    clock: shared.clock ?? systemClock,
    target,
    workflowId,
    way,
    select: options.select ?? undefined,
    targetWith,
  };
}

/** The error for anything that is asked of a runner that is closed. */
export function closed(): RunnerClosedError {
  return new RunnerClosedError('The runner is closed', { hint: 'Create another runner.' });
}

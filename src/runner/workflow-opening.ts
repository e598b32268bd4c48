import { isDeepStrictEqual } from 'node:util';
import type { DurableRun } from '../actors/durable-run.ts';
import { Journal, type Durability } from '../actors/journal.ts';
import type { Checkpointer, Lease, StoredWorkflow } from '../checkpoint/checkpointer.ts';
import type { Clock } from '../clock.ts';
import {
  CheckpointError,
  ConflictError,
  GraphChangedError,
  InputOverrideRequiresForkError,
  InvalidInputError,
  isTroupeError,
  UnknownResponseError,
  WorkflowAlreadyCompletedError,
  WorkflowNotFoundError,
} from '../errors.ts';
import { isGraphNode } from '../graph/plan.ts';
import { createRunId, type RunId } from '../ids.ts';
import { decodeMessages } from '../log/codec.ts';
import type { DurableFacts, LogMessage, RunContinueMessage, RunStartMessage } from '../log/messages.ts';
import { RecordedRun, undone } from '../log/recorded-run.ts';
import type { AnyNode } from '../nodes/contract.ts';
import { resolveInputs, type MaybePromise } from '../nodes/resolve-input.ts';
import { cloneData } from '../clone.ts';
import { decodeValue, encodeAnyValue } from '../stored-value.ts';
import { didYouMean } from '../suggest.ts';
import { describeChange, targetFacts } from './target-facts.ts';

/** What is done with a workflow. */
export type WorkflowWay =
  /** Begins it, or goes on with it. */
  | { readonly type: 'run'; readonly given: unknown }
  | {
      readonly type: 'resume' | 'retry';
      readonly responses: Readonly<Record<string, unknown>>;
      /** The answers are for questions that are open now. */
      readonly isAnswer?: boolean;
    }
  | { readonly type: 'fork'; readonly from: string; readonly at?: number; readonly input?: unknown };

/** What opening a workflow needs. */
export interface OpeningOptions {
  readonly checkpointer: Checkpointer;
  readonly durability: Durability;
  readonly clock: Clock;
  readonly target: AnyNode;
  readonly workflowId: string;
  readonly way: WorkflowWay;
  /** The outputs that were asked for. */
  readonly select: readonly string[] | undefined;
  /** The target with the outputs that were asked for when the workflow began. */
  readonly targetWith?: ((select: readonly string[]) => AnyNode) | undefined;
}

/** A workflow that is ready to run, or to go on. */
export interface OpenedWorkflow {
  readonly runId: RunId;
  readonly target: AnyNode;
  /** Checked, with defaults. */
  readonly input: unknown;
  /** Without what happens when everything recorded has been given out, which is added by whoever runs it. */
  readonly durable: (onReplayed: () => void) => DurableRun;
  /** Answers for questions that are open, or not asked yet. */
  readonly answers: ReadonlyMap<string, unknown>;
}

/** Takes the lease of a workflow and makes it ready; where it cannot be, the lease is given back. */
export async function openWorkflow(options: OpeningOptions): Promise<OpenedWorkflow> {
  const { checkpointer, workflowId, way } = options;
  const source = way.type === 'fork' ? await readRecord(checkpointer, way.from) : undefined;
  let lease: Lease;
  try {
    lease = await checkpointer.acquire(workflowId);
  } catch (error) {
    await assertNotEnded(checkpointer, workflowId, error);
    throw error;
  }
  const opening = new Opening(options, lease);
  try {
    const stored = lease.isNew === true ? undefined : await checkpointer.read(workflowId);
    opening.stored = stored;
    if (way.type === 'fork' && source !== undefined) return await opening.fork(way, source);
    if (stored !== undefined) return opening.goOn(readStored(stored));
    if (way.type === 'run') {
      const input = opening.resolve(way.given);
      return opening.begin(way.given, input instanceof Promise ? await input : input);
    }
    throw workflowNotFound(workflowId);
  } catch (error) {
    await opening.abandon();
    throw error;
  }
}

/** Of a workflow that has ended for good it is told, also while others ask for its lease as well. */
async function assertNotEnded(checkpointer: Checkpointer, workflowId: string, why: unknown): Promise<void> {
  if (!isTroupeError(why, 'WORKFLOW_ALREADY_RUNNING')) return;
  const status = (await checkpointer.get(workflowId))?.status;
  if (status === 'completed' || status === 'cancelled') throw alreadyEnded(workflowId, status);
}

function alreadyEnded(workflowId: string, status: string): WorkflowAlreadyCompletedError {
  return new WorkflowAlreadyCompletedError(`Workflow "${workflowId}" was ${status}`, {
    hint: 'Use another id, or `fork` it from one of its steps.',
  });
}

/** The log of a workflow. Throws where there is none. */
async function readRecord(checkpointer: Checkpointer, workflowId: string): Promise<RecordedRun> {
  const stored = await checkpointer.read(workflowId);
  if (stored === undefined) throw workflowNotFound(workflowId);
  return readStored(stored);
}

/** What the log of a worker of a flow begins with. */
const WORKER_START = '{"type":"WorkerStart"';

/** The log of what is stored. */
export function readStored({ record, entries, blobs }: StoredWorkflow): RecordedRun {
  const [first = ''] = entries;
  if (first.startsWith(WORKER_START))
    throw new CheckpointError(
      `"${record.workflowId}" is a worker of flow "${record.target}", not a workflow`,
      {
        hint: 'Go on with it by `exec` of a runtime of troupe/flow, or use another id.',
      },
    );
  try {
    return new RecordedRun(decodeMessages(entries, blobs));
  } catch (cause) {
    throw new CheckpointError(`The log of workflow "${record.workflowId}" cannot be read`, {
      hint: 'Restore it from a backup. Nothing was changed, and nothing ran.',
      cause,
    });
  }
}

class Opening {
  #options: OpeningOptions;
  readonly #lease: Lease;
  stored: StoredWorkflow | undefined;
  #opened: Journal | undefined;

  constructor(options: OpeningOptions, lease: Lease) {
    this.#options = options;
    this.#lease = lease;
  }

  /** Gives the lease back. */
  async abandon(): Promise<void> {
    if (this.#opened !== undefined) await this.#opened.detach();
    // Why it could not be opened is told; a lease that cannot be given back runs out.
    else await this.#options.checkpointer.release(this.#lease).catch(() => undefined);
  }

  /** A workflow that is not there yet. */
  begin(given: unknown, input: unknown): OpenedWorkflow {
    const { target } = this.#options;
    const runId = createRunId();
    const journal = this.#journal({ runId, length: 0 });
    const facts = this.#facts(given);
    const beginning = { facts, given: journal.prepare(given, target.name) };
    return {
      runId,
      target,
      input,
      durable: () => ({ journal, beginning, continuation: undefined }),
      answers: new Map(),
    };
  }

  /** A workflow that has not ended for good. */
  goOn(record: RecordedRun): OpenedWorkflow {
    const { workflowId, way } = this.#options;
    if (record.end?.status === 'completed' || record.end?.status === 'cancelled')
      throw alreadyEnded(workflowId, record.end.status);
    this.#selectAs(record);
    this.#assertUnchanged(record);
    const answers = this.#answersFor(record);
    if (way.type === 'run') this.#assertSameInput(record, way.given);
    const reason = way.type === 'retry' ? 'retry' : 'resume';
    const message = this.#continuation(reason, record.reopened());
    const { runId } = record.start;
    const journal = this.#journal({ runId, length: this.stored?.entries.length ?? 0 });
    return this.#continued({ record, message, journal, answers });
  }

  /** A new workflow that has the steps of another. */
  async fork(way: WorkflowWay & { type: 'fork' }, source: RecordedRun): Promise<OpenedWorkflow> {
    const { workflowId } = this.#options;
    if (this.stored !== undefined)
      throw new ConflictError(`There is a workflow "${workflowId}" already`, {
        hint: 'Give the fork another `workflowId`, or none for a new one.',
      });
    this.#selectAs(source);
    const isFresh = way.input !== undefined && way.at === undefined;
    const step = isFresh ? 0 : stepOf(way, source);
    if (!isFresh) this.#assertUnchanged(source);
    const prefix = isFresh ? beginningOf(source) : source.messagesAt(step);
    const runId = createRunId();
    const given = mergedInput(source.start.durable?.given, way.input);
    const input = await this.resolve(given);
    const forkedFrom = { workflowId: way.from, step };
    const start: RunStartMessage = {
      ...source.start,
      runId,
      input,
      time: this.#options.clock.now(),
      durable: { ...this.#facts(given), forkedFrom },
    };
    const cut = new RecordedRun([start, ...prefix.slice(1).map((message) => withInput(message, way, input))]);
    const reopened = cut.end === undefined ? [] : cut.reopened();
    const journal = this.#journal({ runId, length: 0, forkedFrom });
    for (const value of way.input === undefined ? [] : [given, input])
      journal.prepare(value, this.#options.target.name);
    const message = this.#continuation('fork', reopened);
    for (const each of undone(cut.messages, new Set(reopened))) journal.append(each);
    // Before anything runs: what was in flight would have another key in the fork that is made when this one is lost.
    await journal.flush();
    return this.#continued({ record: cut, message, journal, answers: new Map(), input });
  }

  #continued({
    record,
    message,
    journal,
    answers,
    input,
  }: {
    record: RecordedRun;
    message: RunContinueMessage;
    journal: Journal;
    answers: ReadonlyMap<string, unknown>;
    input?: unknown;
  }): OpenedWorkflow {
    const whole = record.continuedBy(message);
    const [root] = whole.invocations;
    const recorded = root === undefined ? (input ?? record.start.input) : root.creation.input;
    return {
      runId: record.start.runId,
      target: this.#options.target,
      input: cloneData(recorded),
      durable: (onReplayed) => ({
        journal,
        beginning: undefined,
        continuation: { record: whole, message, onReplayed },
      }),
      answers,
    };
  }

  #continuation(reason: RunContinueMessage['reason'], reopened: readonly number[]): RunContinueMessage {
    const { clock, target } = this.#options;
    const { definition } = targetFacts(target);
    return { type: 'RunContinue', reason, reopened, definition, time: clock.now() };
  }

  #journal(of: {
    readonly runId: RunId;
    readonly length: number;
    readonly forkedFrom?: DurableFacts['forkedFrom'];
  }): Journal {
    const { checkpointer, durability, target } = this.#options;
    const { runId, length, forkedFrom } = of;
    const origin = forkedFrom === undefined ? {} : { forkedFrom };
    this.#opened = new Journal({
      checkpointer,
      lease: this.#lease,
      durability,
      length,
      blobs: this.stored?.blobs.keys() ?? [],
      status: 'running',
      head: length === 0 ? { target: target.name, runId, ...origin } : undefined,
    });
    return this.#opened;
  }

  #facts(given: unknown): DurableFacts {
    const { target, select } = this.#options;
    return { given, ...targetFacts(target), ...(select === undefined ? {} : { select }) };
  }

  /** Asks for what was asked for in the beginning. */
  #selectAs({ start }: RecordedRun): void {
    const select = start.durable?.select;
    const { targetWith } = this.#options;
    if (select === undefined || this.#options.select !== undefined || targetWith === undefined) return;
    this.#options = { ...this.#options, select, target: targetWith(select) };
  }

  /** What the target gets for what was given. */
  resolve(given: unknown): MaybePromise<unknown> {
    const { target } = this.#options;
    return target.inputs === undefined ? given : resolveInputs(target, target.inputs, given);
  }

  #assertUnchanged({ start }: RecordedRun): void {
    const { target, workflowId } = this.#options;
    const before = start.durable;
    const now = targetFacts(target);
    if (before === undefined || before.structure === now.structure) return;
    const what = describeChange(before.shape, now.shape);
    throw new GraphChangedError(
      `"${target.name}" is not what workflow "${workflowId}" began with: ${what === '' ? 'its wiring has changed' : what}`,
      { hint: 'Go on with the definition that it began with, or begin a new workflow. Bodies may change.' },
    );
  }

  /** Answers given up front are no inputs. */
  #assertSameInput(record: RecordedRun, given: unknown): void {
    if (given === undefined || (isRecord(given) && Object.keys(given).length === 0)) return;
    const recorded = this.#withoutAnswers(record.start.durable?.given);
    const now = this.#withoutAnswers(given);
    if (isRecord(now) && Object.keys(now).length === 0) return;
    if (isDeepStrictEqual(recorded, now) || isDeepStrictEqual(recorded, decodeValue(encodeAnyValue(now))))
      return;
    throw new InputOverrideRequiresForkError(
      `Workflow "${this.#options.workflowId}" began with another input`,
      { hint: 'Leave the input out to go on, or `fork` the workflow with the new input.' },
    );
  }

  #withoutAnswers(given: unknown): unknown {
    const { target } = this.#options;
    if (!isGraphNode(target) || !isRecord(given)) return given;
    return Object.fromEntries(Object.entries(given).filter(([name]) => !target.plan.answers.has(name)));
  }

  #answersFor(record: RecordedRun): ReadonlyMap<string, unknown> {
    const { way, target } = this.#options;
    if (way.type === 'run') return upFrontAnswers(target, record, way.given);
    if (way.type === 'fork') return new Map();
    const responses = Object.entries(way.responses);
    assertKnownAnswers(target, record.messages, responses);
    return new Map(responses);
  }
}

/** The answers among the inputs, that the workflow was not begun with. */
function upFrontAnswers(target: AnyNode, record: RecordedRun, given: unknown): ReadonlyMap<string, unknown> {
  if (!isGraphNode(target) || !isRecord(given)) return new Map();
  const recorded = record.start.durable?.given;
  const isNew = (name: string): boolean => !isRecord(recorded) || !Object.hasOwn(recorded, name);
  return new Map(Object.entries(given).filter(([name]) => target.plan.answers.has(name) && isNew(name)));
}

/** Throws for an answer to a question that a graph cannot ask. What bodies ask is not known before. */
export function assertKnownAnswers(
  target: AnyNode,
  messages: Iterable<LogMessage>,
  responses: readonly (readonly [key: string, value: unknown])[],
): void {
  if (!isGraphNode(target) || responses.length === 0) return;
  const known = new Set(target.plan.answers.keys());
  for (const message of messages) if (message.type === 'Interrupt') known.add(message.key);
  const unknown = responses.find(([key]) => !known.has(key));
  if (unknown === undefined) return;
  throw new UnknownResponseError(`The workflow asks no question "${unknown[0]}"`, {
    hint: didYouMean(unknown[0], [...known]),
  });
}

/** The step after which a fork begins; the last one where none is given. */
function stepOf({ at, from }: WorkflowWay & { type: 'fork' }, source: RecordedRun): number {
  const last = source.steps - 1;
  if (source.start.durable?.isShortened === true)
    throw new CheckpointError(`The steps of workflow "${from}" are gone`, {
      hint: "Its checkpointer was told not to keep them. Use `retention: 'full'`, or fork it with an `input` from its start.",
    });
  if (at === undefined) return last;
  if (Number.isSafeInteger(at) && at >= 0 && at <= last) return at;
  throw new InvalidInputError(`Workflow "${from}" has no step ${String(at)}`, {
    hint: `Its steps are 0 to ${last}.`,
  });
}

/** What there is before anything has happened. */
function beginningOf({ start, invocations: [root] }: RecordedRun): readonly LogMessage[] {
  return root === undefined ? [start] : [start, root.creation];
}

/** The input of a fork: that of the original, with what is given in its place. */
function mergedInput(recorded: unknown, given: unknown): unknown {
  if (given === undefined) return recorded;
  return isRecord(recorded) && isRecord(given) ? { ...recorded, ...given } : given;
}

function withInput(
  message: LogMessage,
  { input: given }: { readonly input?: unknown },
  input: unknown,
): LogMessage {
  const isRoot = message.type === 'RequestCreation' && message.ordinal === 0;
  return isRoot && given !== undefined ? { ...message, input } : message;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The error for a workflow that is not there. */
function workflowNotFound(workflowId: string): WorkflowNotFoundError {
  return new WorkflowNotFoundError(`There is no workflow "${workflowId}"`, {
    hint: 'Begin it with `runner.run(target, input, { workflowId })`. `checkpointer.list()` shows those that there are.',
  });
}

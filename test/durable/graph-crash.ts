import {
  createRunner,
  type Checkpointer,
  type Node,
  type NodeSpec,
  type PauseInfo,
  type Runner,
  type RunnerOptions,
  type RunOptions,
  type RunResult,
  type Target,
  type TroupeEvent,
} from 'troupe';
import { memoryCheckpointer, type Blob, type CheckpointerOptions, type LogMessage } from 'troupe/checkpoint';
import { mockNode } from 'troupe/testing';
import { eachApart } from './each-apart.ts';
import { steppedClock, type SteppedClock } from './graph-clock.ts';

export const WORKFLOW = 'workflow';

/** A body that began. */
export interface BodyRun {
  readonly name: string;
  readonly requestId: string;
  readonly idempotencyKey: string;
  readonly attempt: number;
  readonly input: unknown;
}

/** Notes which bodies begin. */
export class Bodies {
  readonly runs: BodyRun[] = [];
  readonly #onBegun: () => void;

  constructor(onBegun: () => void = () => undefined) {
    this.#onBegun = onBegun;
  }

  /** The same node, whose body is noted. */
  watch<Input, Output, Spec extends NodeSpec>(node: Node<Input, Output, Spec>): Node<Input, Output, Spec> {
    return mockNode(node, (input, ctx) => {
      const { requestId, idempotencyKey, attempt } = ctx;
      this.runs.push({ name: node.name, requestId, idempotencyKey, attempt, input: structuredClone(input) });
      this.#onBegun();
      return node.run(input as never, ctx) as Output; // as its own type says
    });
  }

  /** The names of the bodies that began, in order. */
  get names(): string[] {
    return this.runs.map(({ name }) => name);
  }
}

/** One process. */
export interface World {
  readonly clock: SteppedClock;
  readonly bodies: Bodies;
}

/** A workflow to be run in one process after another. */
export interface Conduct {
  /** Defined anew in each process. */
  readonly target: (world: World) => Target<unknown, unknown, Readonly<Record<string, unknown>>>;
  readonly input?: unknown;
  readonly options?: RunnerOptions;
  /** The outputs that are asked for. */
  readonly select?: readonly string[];
  readonly storeOptions?: CheckpointerOptions;
  /** What a person says to a question. */
  readonly answer?: (pause: PauseInfo) => unknown;
}

/** How a process begins: with the input again, with none, or without asking for one. */
export type Way = 'again' | 'bare' | 'resume';

/** What came of one process. */
export interface Execution {
  readonly result: RunResult;
  readonly bodies: readonly BodyRun[];
  readonly events: readonly TroupeEvent[];
  readonly stored: StoredLog;
  /** What the requests of the questions were each time that it was paused. */
  readonly askedBy: readonly string[];
}

/** What a store has of a workflow: an entry for each message of its history. */
export interface StoredLog {
  readonly entries: readonly string[];
  readonly blobs: readonly Blob[];
  readonly history: readonly LogMessage[];
}

export async function storedIn(store: Checkpointer, workflowId = WORKFLOW): Promise<StoredLog> {
  const stored = await store.read(workflowId);
  if (stored === undefined) return { entries: [], blobs: [], history: [] };
  const blobs = Array.from(stored.blobs, ([hash, text]) => ({ hash, text }));
  return { entries: eachApart(stored.entries), blobs, history: await store.history(workflowId) };
}

/** The store as a process leaves it that dies when so much of a log is written. */
export async function storeAfterCrash(
  { entries, blobs, history }: StoredLog,
  length: number,
): Promise<Checkpointer> {
  const store = memoryCheckpointer();
  const [start] = history;
  if (length === 0 || start?.type !== 'RunStart') return store;
  const lease = await store.acquire(WORKFLOW);
  const head = { target: start.target, runId: start.runId };
  await store.append(lease, { first: 0, entries: entries.slice(0, length), status: 'running', head, blobs });
  await store.release(lease);
  return store;
}

/** The store as a process leaves it that dies when the first entry is written of which `isLast` is true. */
export async function storeAfter(
  conduct: Conduct,
  isLast: (message: LogMessage, name: string) => boolean,
): Promise<Checkpointer> {
  const { stored } = await execute(conduct, memoryCheckpointer());
  const names = new Map<number, string>();
  const last = stored.history.findIndex((message) => {
    if (message.type === 'RequestCreation') names.set(message.ordinal, message.name);
    return isLast(message, 'ordinal' in message ? (names.get(message.ordinal) ?? '') : '');
  });
  if (last === -1) throw new Error('There is no such entry');
  return storeAfterCrash(stored, last + 1);
}

/** A process with a runner, whose clock goes on where the log of the store ends. */
export interface Process extends World, AsyncDisposable {
  readonly runner: Runner;
  readonly events: readonly TroupeEvent[];
}

export async function processOn(store: Checkpointer, options: RunnerOptions = {}): Promise<Process> {
  const { history } = await storedIn(store);
  const clock = steppedClock(Math.max(0, ...history.map(({ time }) => time)));
  const events: TroupeEvent[] = [];
  const runner = createRunner({
    ...options,
    clock,
    checkpointer: store,
    subscriber: (event) => void events.push(event),
  });
  const close = (): Promise<void> => runner.close({ drain: false });
  return { clock, bodies: new Bodies(), runner, events, [Symbol.asyncDispose]: close };
}

/** Runs, or goes on with, a workflow to its end in a process of its own; whoever is asked answers. */
export async function execute(conduct: Conduct, store: Checkpointer, way: Way = 'again'): Promise<Execution> {
  await using world = await processOn(store, conduct.options);
  const { clock, bodies, runner, events } = world;
  const target = conduct.target(world);
  const ofRun: RunOptions = {
    onFailure: 'return',
    ...(conduct.select === undefined ? {} : { select: conduct.select }),
  };
  const running =
    way === 'resume'
      ? runner.resume(target, WORKFLOW, ofRun)
      : runner.run(target, way === 'again' ? conduct.input : undefined, { ...ofRun, workflowId: WORKFLOW });
  let result: RunResult = await clock.drive(running);
  const askedBy: string[] = [];
  for (let [pause] = result.pauses; pause !== undefined; [pause] = result.pauses) {
    for (const { requestId } of result.pauses)
      askedBy.push(result.info.requests.get(requestId)?.status ?? 'gone');
    result = await clock.drive(runner.respond(WORKFLOW, pause.key, conduct.answer?.(pause)));
  }
  await clock.settle();
  return { result, bodies: bodies.runs, events, stored: await storedIn(store), askedBy };
}

import {
  createRunner,
  type Checkpointer,
  type RunnerOptions,
  type RunResult,
  type Target,
  type TroupeEvent,
} from 'troupe';
import { memoryCheckpointer, type Blob, type LogMessage } from 'troupe/checkpoint';
import { eachApart } from './each-apart.ts';

export const ID = 'workflow';

/** What a store has of a workflow: an entry for each message of its history. */
export interface StoredLog {
  readonly entries: readonly string[];
  readonly blobs: readonly Blob[];
  readonly history: readonly LogMessage[];
}

/** What one process did. */
export interface Execution {
  readonly result: RunResult;
  readonly log: StoredLog;
  readonly events: readonly TroupeEvent[];
}

/** How a process begins: it runs the target, with an input or without, or resumes or retries the workflow. */
export interface Beginning extends RunnerOptions {
  readonly way?: 'run' | 'resume' | 'retry';
  readonly input?: unknown;
  /** Answers, in the order in which they are given; of a resume or retry its `responses`. */
  readonly responses?: Readonly<Record<string, unknown>>;
  readonly store?: Checkpointer;
}

export async function logIn(store: Checkpointer, workflowId = ID): Promise<StoredLog> {
  const stored = await store.read(workflowId);
  if (stored === undefined) return { entries: [], blobs: [], history: [] };
  const blobs = Array.from(stored.blobs, ([hash, text]) => ({ hash, text }));
  return { entries: eachApart(stored.entries), blobs, history: await store.history(workflowId) };
}

/** Runs a workflow in a process of its own, to its end or its next pause. */
export async function execute(target: Target, beginning: Beginning = {}): Promise<Execution> {
  const { way = 'run', input, responses = {}, store = memoryCheckpointer(), ...options } = beginning;
  const events: TroupeEvent[] = [];
  await using runner = createRunner({
    ...options,
    checkpointer: store,
    subscriber: (event) => void events.push(event),
  });
  const running =
    way === 'run'
      ? runner.run(target, input, { workflowId: ID, onFailure: 'return' })
      : runner[way](target, ID, { responses, onFailure: 'return' });
  let result = (await running) as RunResult; // the outputs of any target have names
  for (const [key, value] of way === 'run' ? Object.entries(responses) : [])
    result = await runner.respond(ID, key, value);
  return { result, log: await logIn(store), events };
}

/** `type node` of each entry, as `RequestSuccess add`; of one about the whole run its type. */
export function labelsOf({ history }: Pick<StoredLog, 'history'>): string[] {
  const names: string[] = [];
  return history.map((message) => {
    if (message.type === 'RequestCreation') names[message.ordinal] = message.name;
    return 'ordinal' in message ? `${message.type} ${names[message.ordinal]}` : message.type;
  });
}

/** The store as a process leaves it that dies when so many entries of a log are written. */
export async function storeWith(log: StoredLog, length: number, workflowId = ID): Promise<Checkpointer> {
  const { entries, blobs, history } = log;
  const store = memoryCheckpointer();
  const [start] = history;
  if (length === 0 || start?.type !== 'RunStart') return store;
  const lease = await store.acquire(workflowId);
  const head = { target: start.target, runId: start.runId };
  await store.append(lease, {
    first: 0,
    entries: entries.slice(0, length),
    status: statusAfter(history.slice(0, length)),
    head,
    blobs,
  });
  await store.release(lease);
  return store;
}

/** The store as a process leaves it that dies right after an entry, the first of its label or a later one. */
export function storeAfter(log: StoredLog, label: string, occurrence = 1): Promise<Checkpointer> {
  let left = occurrence;
  const index = labelsOf(log).findIndex((each) => {
    if (each === label) left -= 1;
    return left === 0;
  });
  if (index === -1) throw new Error(`There is no "${label}" in ${labelsOf(log).join(', ')}`);
  return storeWith(log, index + 1);
}

/** What bodies note when they run. */
export class Notes {
  #notes: string[] = [];

  add(note: string): void {
    this.#notes.push(note);
  }

  /** What was noted since the last time. */
  take(): string[] {
    const notes = this.#notes;
    this.#notes = [];
    return notes;
  }
}

// Under 'async' what is written waits for a timer; without one, so many turns are enough by far.
const MOST_TURNS = 300_000;

/** What a promise resolves to; rejects when it has not settled although nothing is left to happen. */
export async function settled<Value>(running: Promise<Value>): Promise<Value> {
  const state = { isOver: false };
  const over = (): void => {
    state.isOver = true;
  };
  running.then(over, over);
  for (let turn = 0; turn < MOST_TURNS && !state.isOver; turn += 1) await turns(1);
  if (!state.isOver) throw new Error('It neither ends nor pauses');
  return running;
}

/** Turns of the event loop, of which a workflow knows nothing. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** The status that the last entry of a log says. */
function statusAfter(
  history: readonly LogMessage[],
): 'running' | 'completed' | 'failed' | 'cancelled' | 'timedOut' {
  const last = history.at(-1);
  return last?.type === 'RunEnd' ? last.status : 'running';
}

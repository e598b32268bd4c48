import type { RunResult } from 'troupe';
import { memoryCheckpointer, type LogMessage } from 'troupe/checkpoint';
import { expect } from 'vitest';
import { stepsOf, unendedOf } from '../support/forest.ts';
import { execute, storeAfterCrash, type Conduct, type Execution, type Way } from './graph-crash.ts';

const WAYS: readonly Way[] = ['again', 'bare', 'resume'];
const ENDS: ReadonlySet<string> = new Set([
  'RequestSuccess',
  'RequestFailure',
  'RequestCreationFailure',
  'RequestTimedOut',
  'RequestCancelled',
]);

/** Kinds of which no body is noted. */
const UNWATCHED: ReadonlySet<string> = new Set(['graph', 'machine']);

/**
 * Crashes a workflow after every entry of its log, and what goes on from there after another entry of its own: which one
 * `pick` says. Each time it ends as it does without a crash.
 */
export async function survivesEveryCrash(
  conduct: Conduct,
  { pick = 7 }: { readonly pick?: number } = {},
): Promise<Execution> {
  const whole = await execute(conduct, memoryCheckpointer(conduct.storeOptions));
  assertLawful(whole.result);
  // What is stopped half-way by a failure is not always the same.
  const isExact = whole.result.status === 'completed' || conduct.options?.onError === 'continue';
  const { length } = whole.stored.entries;
  // A workflow that has completed is finished; one that has failed would do more than it did.
  for (let at = 0; at < length; at += 1) {
    const way = at === 0 ? 'again' : (WAYS[(at + pick) % WAYS.length] ?? 'again');
    const crash = { whole, before: whole, at, way, isExact };
    const once = await afterCrash(conduct, crash);
    const later = at + 1 + ((pick * (at + 1)) % Math.max(1, once.stored.entries.length - at - 1));
    if (later < once.stored.entries.length)
      await afterCrash(conduct, { ...crash, before: once, at: later, first: at });
  }
  return whole;
}

interface Crash {
  /** The workflow without a crash. */
  readonly whole: Execution;
  /** The execution that the crash cut off. */
  readonly before: Execution;
  readonly at: number;
  readonly way: Way;
  /** Whether everything is the same, not only how it ended. */
  readonly isExact: boolean;
  /** Where it had crashed before. */
  readonly first?: number;
}

async function afterCrash(conduct: Conduct, crash: Crash): Promise<Execution> {
  const { before, at, way, first } = crash;
  const places = first === undefined ? `${at}` : `${first}, and then after ${at}`;
  const last = before.stored.history[at - 1]?.type ?? 'nothing';
  try {
    const resumed = await execute(
      conduct,
      await storeAfterCrash(before.stored, at),
      at === 0 ? 'again' : way,
    );
    assertConverged(resumed, crash);
    return resumed;
  } catch (error) {
    if (error instanceof Error)
      error.message = `After a crash after ${places} entries (${last}; ${way}): ${error.message}`;
    throw error;
  }
}

function assertConverged(resumed: Execution, crash: Crash): void {
  const { result, events, stored, askedBy } = resumed;
  const { whole, before, at, isExact } = crash;

  expect(result.status).toBe(whole.result.status);
  // Of several failures it is not always the same that comes first.
  if (result.status === 'failed') expect(failuresIn(stored.history)).toContainEqual(errorOf(result.error));
  assertLawful(result);
  if (isExact) assertSame(result, whole.result);
  if (isExact) expect(decisionsOf(stored.history)).toEqual(decisionsOf(whole.stored.history));
  expect(stored.entries.slice(0, at)).toEqual(before.stored.entries.slice(0, at));
  assertBodies(resumed, crash);
  expect(askedBy.filter((status) => status !== 'interrupted')).toEqual([]);
  expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
  expect([events[0]?.type, events.at(-1)?.type]).toEqual(['RunStart', 'RunEnd']);
}

function assertSame(result: RunResult, expected: RunResult): void {
  expect(result.outputs).toEqual(expected.outputs);
  expect(result.nodes).toEqual(expected.nodes);
  expect(result.reasons).toEqual(expected.reasons);
  expect(requestsOf(result)).toEqual(requestsOf(expected));
}

/** What tells an error from another, also where it was read back. */
function errorOf(error: unknown): unknown {
  return error instanceof Error ? [error.name, error.message] : error;
}

function failuresIn(history: readonly LogMessage[]): unknown[] {
  return history.flatMap((message) =>
    message.type === 'RequestFailure' || message.type === 'RequestTimedOut' ? [errorOf(message.error)] : [],
  );
}

/** Every request has ended, and N of them have 2N stamps. */
function assertLawful({ info }: RunResult): void {
  expect(unendedOf(info)).toEqual([]);
  expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
}

/**
 * What had ended does not run again; what was in flight does, once, as the same attempt under the key that it had, unless
 * it is stopped before.
 */
function assertBodies(resumed: Execution, { before, at }: Crash): void {
  const { bodies } = resumed;
  const { ended, inFlight } = requestsIn(before.stored.history.slice(0, at), idsOf(resumed.result));
  for (const { id } of [...resumed.result.info.requests].filter(({ status }) => status === 'cancelled'))
    inFlight.delete(id);
  const attempts = bodies.map(({ requestId, attempt }) => `${requestId} ${attempt}`);
  const keys = new Map(before.bodies.map(({ requestId, idempotencyKey }) => [requestId, idempotencyKey]));
  const inBoth = bodies.filter(({ requestId }) => inFlight.has(requestId) && keys.has(requestId));

  expect(bodies.filter(({ requestId }) => ended.has(requestId))).toEqual([]);
  expect(attempts).toEqual([...new Set(attempts)]);
  for (const [id, expected] of inFlight)
    expect(bodies.find(({ requestId }) => requestId === id)).toMatchObject(expected);
  expect(inBoth.filter(({ requestId, idempotencyKey }) => keys.get(requestId) !== idempotencyKey)).toEqual(
    [],
  );
}

function idsOf({ info }: RunResult): readonly string[] {
  return Array.from(info.requests, ({ id }) => id);
}

/** The requests of a log that had ended, and the others with what they were to do. */
function requestsIn(written: readonly LogMessage[], ids: readonly string[]) {
  const inFlight = new Map<string, { input: unknown; attempt: number }>();
  const ended = new Set<string>();
  for (const message of written) {
    if (!('ordinal' in message)) continue;
    const id = ids[message.ordinal] ?? '';
    if (message.type === 'RequestCreation' && !UNWATCHED.has(message.kind))
      inFlight.set(id, { input: message.input, attempt: 1 });
    else if (message.type === 'NodeRetry')
      inFlight.set(id, { input: inFlight.get(id)?.input, attempt: message.attempt + 1 });
    else if (ENDS.has(message.type) && inFlight.delete(id)) ended.add(id);
  }
  return { inFlight, ended };
}

/** The requests of a run, whatever their order. */
function requestsOf({ info }: RunResult): string[] {
  return Array.from(info.requests, ({ nodeName, status, input, output, attempts }) =>
    JSON.stringify([nodeName, status, input, output, attempts]),
  ).toSorted();
}

/** What is on record besides requests: who was left out, what was asked, answered and written. */
function decisionsOf(history: readonly LogMessage[]): string[] {
  return history
    .filter((message, index) => !isUndone(message, history.slice(index)))
    .flatMap((message) => {
      switch (message.type) {
        case 'NodeLeftOut':
          return JSON.stringify([message.type, message.name, message.status, message.reason]);
        case 'Interrupt':
        case 'InterruptResolved':
        case 'ContextWrite':
          return JSON.stringify([message.type, message.key, message.value]);
        case 'RunStart':
        case 'RunEnd':
          return message.type;
        default:
          return [];
      }
    })
    .toSorted();
}

/** Whether a graph runs again after it had left a node out, and so finds that again. */
function isUndone(message: LogMessage, later: readonly LogMessage[]): boolean {
  if (message.type !== 'NodeLeftOut') return false;
  return later.some((each) => each.type === 'RunContinue' && each.reopened.includes(message.ordinal));
}

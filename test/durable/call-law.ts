import { createRunner, type Checkpointer, type RunnerOptions, type RunResult } from 'troupe';
import { memoryCheckpointer, type LogMessage } from 'troupe/checkpoint';
import { expect } from 'vitest';
import { stepsOf, unendedOf } from '../support/forest.ts';
import { ID, labelsOf, logIn, settled, storeWith, type StoredLog } from './call-crash.ts';
import { Cast, World, type BodyRun, type Program } from './call-program.ts';

/** What came of one process. */
interface Process {
  readonly result: RunResult;
  readonly bodies: readonly BodyRun[];
  readonly log: StoredLog;
}

const ENDS: ReadonlySet<string> = new Set([
  'RequestSuccess',
  'RequestFailure',
  'RequestCreationFailure',
  'RequestTimedOut',
  'RequestCancelled',
]);

/**
 * Crashes a workflow after every entry of its log, and what goes on from there after another entry of its own: which one
 * `pick` says. Each time it ends as it does without a crash.
 */
export async function survivesEveryCrash(
  program: Program,
  { pick, ...options }: { readonly pick: number } & RunnerOptions,
): Promise<void> {
  const whole = await play(program, { store: memoryCheckpointer(), way: 'run', options });
  assertLawful(whole.result);
  const { length } = whole.log.entries;
  // A workflow that has completed is finished; one that has failed would do more than it did.
  for (let at = 0; at < length - 1; at += 1) {
    const way = at > 0 && (at + pick) % 2 === 0 ? 'resume' : 'run';
    const crash = { whole, before: whole.log, earlier: whole.bodies, at, way, options } as const;
    const once = await afterCrash(program, crash);
    const rest = once.log.entries.length - 2 - at;
    if (rest > 0)
      await afterCrash(program, {
        ...crash,
        before: once.log,
        earlier: [...once.bodies, ...whole.bodies],
        at: at + 1 + ((pick + at) % rest),
        first: at,
      });
  }
}

interface Crash {
  /** The workflow without a crash. */
  readonly whole: Process;
  /** The log that the crash cut off. */
  readonly before: StoredLog;
  /** What ran before, the latest first. */
  readonly earlier: readonly BodyRun[];
  readonly at: number;
  readonly way: 'run' | 'resume';
  readonly options: RunnerOptions;
  /** Where it had crashed before. */
  readonly first?: number;
}

async function play(
  program: Program,
  { store, way, options }: { store: Checkpointer } & Pick<Crash, 'way' | 'options'>,
): Promise<Process> {
  const world = new World();
  const target = new Cast(world).nodeOf(program);
  const runner = createRunner({ ...options, checkpointer: store });
  try {
    let result: RunResult = await settled(
      way === 'run'
        ? runner.run(target, 1, { workflowId: ID, onFailure: 'return' })
        : runner.resume(target, ID, { onFailure: 'return' }),
    );
    for (let [pause] = result.pauses; pause !== undefined; [pause] = result.pauses)
      result = await settled(runner.respond(ID, pause.key, { to: pause.value, key: pause.key }));
    return { result, bodies: world.bodies, log: await logIn(store) };
  } finally {
    // What neither ends nor pauses must not be waited for.
    await runner.close({ drain: false });
  }
}

async function afterCrash(program: Program, crash: Crash): Promise<Process> {
  const { before, at, first } = crash;
  const places = first === undefined ? `${at}` : `${first}, and then after ${at}`;
  try {
    const resumed = await play(program, { ...crash, store: await storeWith(before, at) });
    assertConverged(resumed, crash);
    return resumed;
  } catch (error) {
    if (error instanceof Error)
      error.message = `After a crash after ${places} entries: ${error.message}\n${labelsOf(before).slice(0, at).join('\n')}`;
    throw error;
  }
}

function assertConverged({ result, bodies, log }: Process, { whole, before, earlier, at }: Crash): void {
  expect([result.status, result.answer]).toEqual([whole.result.status, whole.result.answer]);
  expect(tellOf(result.error)).toEqual(tellOf(whole.result.error));
  assertLawful(result);
  expect(requestsOf(result)).toEqual(requestsOf(whole.result));
  expect(log.entries.slice(0, at)).toEqual(before.entries.slice(0, at));
  assertBodies({ bodies, earlier, written: before.history.slice(0, at) }, result);
}

function tellOf(error: unknown): unknown {
  return error instanceof Error ? [error.name, error.message, Reflect.get(error, 'code')] : error;
}

/** Every request has ended, and N of them have 2N stamps. */
function assertLawful({ info }: RunResult): void {
  expect(unendedOf(info)).toEqual([]);
  expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
}

/** What had ended does not run again; what was in flight does, once, under the key that it had. */
function assertBodies(
  {
    bodies,
    earlier,
    written,
  }: {
    readonly bodies: readonly BodyRun[];
    readonly earlier: readonly BodyRun[];
    readonly written: readonly LogMessage[];
  },
  { runId }: RunResult,
): void {
  const inFlight = new Map<string, unknown>();
  const ended = new Set<string>();
  const idOf = (ordinal: number): string => `${runId.slice(-17).replace('-', '')}-r${ordinal}`;
  for (const message of written) {
    if (message.type === 'RequestCreation' && message.kind !== 'graph')
      inFlight.set(idOf(message.ordinal), message.input);
    // The root gives its result again where its run had no time to say that it has ended.
    if (!('ordinal' in message) || !ENDS.has(message.type) || message.ordinal === 0) continue;
    inFlight.delete(idOf(message.ordinal));
    ended.add(idOf(message.ordinal));
  }
  const attempts = bodies.map(({ key, attempt }) => `${key} ${attempt}`);
  const owners = new Map(bodies.map(({ key, requestId }) => [key, requestId]));

  expect(bodies.filter(({ requestId }) => ended.has(requestId))).toEqual([]);
  expect(attempts).toEqual([...new Set(attempts)]);
  expect(bodies.filter(({ key, requestId }) => owners.get(key) !== requestId)).toEqual([]);
  for (const [requestId, input] of inFlight) {
    const ran = earlier.find((body) => body.requestId === requestId);
    expect(bodies.find((body) => body.requestId === requestId)).toMatchObject({
      input,
      ...(ran === undefined ? {} : { key: ran.key }),
    });
  }
}

// What names a gate of a race is another in another run.
const RUN_MARK = /[0-9a-f]{16}-r\d+/;

/** The requests of a run, whatever their order. */
function requestsOf({ info }: RunResult): string[] {
  return Array.from(info.requests, ({ nodeName, status, input, output, attempts }) =>
    JSON.stringify([nodeName, status, input, output, attempts]).replace(RUN_MARK, ''),
  ).toSorted();
}

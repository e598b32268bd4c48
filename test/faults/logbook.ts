import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as pass } from 'node:timers/promises';
import { historyOf, type Checkpointer, type LogMessage } from 'troupe/checkpoint';
import { isDeepStrictEqual } from 'node:util';
import type { Effect } from './voyage.ts';

/** An effect, and the process in which it came about. */
export interface NotedEffect extends Effect {
  readonly process: number;
}

/** What the bodies have written down so far. */
export function readEffects(path: string): readonly NotedEffect[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      // A process that is killed may leave half a line: what it was to tell of had not begun.
      if (!line.startsWith('{') || !line.endsWith('}.')) return [];
      return [JSON.parse(line.slice(0, -1)) as NotedEffect]; // as `sailor.ts` writes it
    });
}

/** What a store has of a workflow at one moment. */
export interface Recorded {
  readonly entries: readonly string[];
  readonly messages: readonly LogMessage[];
}

/** What a store has of a workflow that it does not know. */
export const NOTHING: Recorded = { entries: [], messages: [] };

/** What writes nothing for so long is at rest. */
const REST_MS = 200;

/** What a store has of a workflow; nothing for an unknown one. */
export async function recordOf(checkpointer: Checkpointer, workflowId: string): Promise<Recorded> {
  const stored = await checkpointer.read(workflowId);
  return stored === undefined ? NOTHING : { entries: stored.entries, messages: historyOf(stored) };
}

/** What a store has of a workflow whose bodies wait to be released, once all that goes on beside them has come to rest. */
export async function recordAtRest(checkpointer: Checkpointer, workflowId: string): Promise<Recorded> {
  for (let before = NOTHING; ;) {
    const record = await recordOf(checkpointer, workflowId);
    if (record.entries.length > 0 && record.entries.length === before.entries.length) return record;
    before = record;
    await pass(REST_MS);
  }
}

interface RecordedInvocation {
  readonly name: string;
  hasEnded: boolean;
  /** The last attempt that is known to have failed. */
  failedAttempt: number;
}

function invocationsOf({ messages }: Recorded): ReadonlyMap<number, RecordedInvocation> {
  const found = new Map<number, RecordedInvocation>();
  for (const message of messages) {
    if (!('ordinal' in message)) continue;
    const known = found.get(message.ordinal);
    if (message.type === 'RequestCreation')
      found.set(message.ordinal, { name: message.name, hasEnded: false, failedAttempt: 0 });
    else if (known === undefined) throw new Error(`Nothing was created before ${JSON.stringify(message)}`);
    else if (message.type === 'RequestSuccess') known.hasEnded = true;
    else if (message.type === 'NodeRetry') known.failedAttempt = message.attempt;
  }
  return found;
}

/** The place in the log of the invocation that a request id belongs to. */
function ordinalOf(request: string): number {
  const [, ordinal] = /-r(\d+)$/u.exec(request) ?? [];
  if (ordinal === undefined) throw new Error(`"${request}" is no id of a request`);
  return Number(ordinal);
}

/** What is wrong with what several processes did for one workflow, one after the other. */
export interface Offences {
  /** A body ran although it was recorded that it had succeeded, or that this attempt had failed. */
  readonly repeated: readonly NotedEffect[];
  /** A body ran before it was recorded that it would; it may be run again under another key. */
  readonly unrecorded: readonly NotedEffect[];
  /** A key stands for two bodies, or for one with two inputs. */
  readonly shared: readonly NotedEffect[];
  /** A body has another key than it had in an earlier attempt or process. */
  readonly rekeyed: readonly NotedEffect[];
  /** One process ran a body twice. */
  readonly doubled: readonly NotedEffect[];
}

/** `records`: what the store had before each of the processes, and after the last one. */
export function findOffences(effects: readonly NotedEffect[], records: readonly Recorded[]): Offences {
  const begun = effects.filter(({ at }) => at === 'begin');
  const known = records.map(invocationsOf);
  const owners = new Map(begun.toReversed().map((effect) => [effect.key, effect]));
  const keys = new Map(begun.toReversed().map(({ request, key }) => [ordinalOf(request), key]));
  const isRepeated = ({ process, request, attempt }: NotedEffect): boolean => {
    const before = known[process]?.get(ordinalOf(request));
    return before !== undefined && (before.hasEnded || attempt <= before.failedAttempt);
  };
  const isShared = ({ key, name, given }: NotedEffect): boolean =>
    owners.get(key)?.name !== name || !isDeepStrictEqual(owners.get(key)?.given, given);
  return {
    repeated: begun.filter(isRepeated),
    unrecorded: begun.filter(
      ({ process, request, name }) => known[process + 1]?.get(ordinalOf(request))?.name !== name,
    ),
    shared: begun.filter(isShared),
    rekeyed: begun.filter(({ request, key }) => keys.get(ordinalOf(request)) !== key),
    doubled: doublesOf(begun, ({ process, key, attempt }) => `${process} ${key} ${attempt}`),
  };
}

/** What comes again with the same text. */
function doublesOf<Item>(items: readonly Item[], textOf: (item: Item) => string): readonly Item[] {
  const seen = new Set<string>();
  return items.filter((item) => seen.size === seen.add(textOf(item)).size);
}

export const NO_OFFENCES: Offences = {
  repeated: [],
  unrecorded: [],
  shared: [],
  rekeyed: [],
  doubled: [],
};

/** The bodies that ran, each once for every key, whatever the order. */
export function bodiesOf(effects: readonly Effect[]): readonly string[] {
  const bodies = new Map(effects.map(({ key, name, given }) => [key, `${name} ${JSON.stringify(given)}`]));
  return [...bodies.values()].toSorted();
}

/** How many bodies were begun more often than once with the same key and attempt. */
export function countRepeats(effects: readonly Effect[]): number {
  const begun = effects.filter(({ at }) => at === 'begin');
  return doublesOf(begun, ({ key, attempt }) => `${key} ${attempt}`).length;
}

/** Whether a log is another one, with more behind it. */
export function continues(longer: Recorded, shorter: Recorded): boolean {
  return shorter.entries.every((entry, index) => entry === longer.entries[index]);
}

/** What a log had after one of its steps. */
export function untilStep({ entries, messages }: Recorded, step: number): Recorded {
  let steps = -1;
  const end = messages.findIndex(({ type }) => {
    if (STEPS.has(type)) steps += 1;
    return steps > step;
  });
  const count = end === -1 ? messages.length : end;
  return { entries: entries.slice(0, count), messages: messages.slice(0, count) };
}

const STEPS: ReadonlySet<string> = new Set(['RequestCreation', 'RequestSuccess']);

/** The effects of one workflow. */
export function effectsOf(effects: readonly NotedEffect[], workflowId: string): readonly NotedEffect[] {
  return effects.filter(({ key }) => key.startsWith(`${workflowId}:`));
}

import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import type { FlowMessage } from '../../src/log/flow-messages.ts';
import { Dice } from './dice.ts';
import { JOBS, type MillLine } from './flow-mill.ts';
import { millThroughKills, type MillOrdeal } from './flow-kills.ts';
import { newFolder } from './processes.ts';
import type { StoreKind } from './store-kinds.ts';
import { openStore } from './stores.ts';

const TEST_MS = 60_000;
const ROUTINES = ['crush', 'sift', 'bag'];

type Begin = MillLine & { readonly type: 'begin' };

async function grind(kind: StoreKind, durability: 'sync' | 'async', kills: number): Promise<MillOrdeal> {
  const seed = Number(process.env['TROUPE_FAULT_SEED'] ?? randomInt(2 ** 31));
  await using folder = await newFolder();
  await using store = kind.create(folder.dir);
  await using checkpointer = openStore(store.place);
  const settings = { store: store.place, durability, lines: join(folder.dir, 'lines') };
  const ordeal = await millThroughKills(settings, { checkpointer, dice: new Dice(seed), kills });
  const begun = ordeal.lines.filter(({ type }) => type === 'begin').length;
  console.info(
    `${kind.name}: TROUPE_FAULT_SEED=${seed} ${ordeal.kills} kills ('${durability}'), ${begun} bodies begun`,
  );
  return ordeal;
}

/** Every job in the end completed, and what came of them: once, and in order. */
function assertGround({ end, lines }: MillOrdeal): void {
  const jobs = Array.from({ length: JOBS }, (_, job) => job);
  expect(end.statuses.toSorted()).toEqual(jobs.map((job) => `job-${job} completed`).toSorted());
  expect(end.ground).toEqual(jobs.flatMap((job) => [job * 2, job * 2 + 1]));
  for (const routine of ROUTINES) {
    const first = [...new Set(beginsOf(lines, routine).flatMap(({ input }) => input))];
    expect(first).toEqual(first.toSorted((a, b) => a - b));
    expect(first).toHaveLength(routine === 'crush' ? JOBS : 2 * JOBS);
  }
}

function beginsOf(lines: readonly MillLine[], routine: string): readonly Begin[] {
  return lines.filter((line): line is Begin => line.type === 'begin' && line.routine === routine);
}

/** The activations of a routine in the order in which they began, by their keys; a store knows them by number. */
function activationsOf({ lines, records }: MillOrdeal, routine: string): ReadonlyMap<string, number> {
  const place = ROUTINES.indexOf(routine);
  const numbers = (records.at(-1) ?? []).flatMap((message) =>
    message.type === 'RoutineActivation' && message.routine === place ? [message.activation] : [],
  );
  const keys = [...new Set(beginsOf(lines, routine).map(({ key }) => key))];
  expect(keys).toHaveLength(numbers.length);
  return new Map(keys.map((key, index) => [key, numbers[index] ?? -1]));
}

/** What a store had of the activations before a process. */
function knownOf(record: readonly FlowMessage[]) {
  const ended = new Set<number>();
  const attempts = new Map<number, number>();
  for (const message of record) {
    if (message.type === 'RoutineEnd') ended.add(message.activation);
    if (message.type === 'RoutineRetry') attempts.set(message.activation, message.attempt);
  }
  return { ended, attempts };
}

/** The bodies that began although it was recorded that they had ended, or that their attempt had failed. */
function repeatedOf(ordeal: MillOrdeal): readonly Begin[] {
  const known = ordeal.records.map(knownOf);
  return ROUTINES.flatMap((routine) => {
    const activations = activationsOf(ordeal, routine);
    return beginsOf(ordeal.lines, routine).filter(({ key, attempt, process }) => {
      const number = activations.get(key) ?? -1;
      const before = known[process];
      return before?.ended.has(number) === true || attempt < (before?.attempts.get(number) ?? 1);
    });
  });
}

/** The posts that were accepted and that a later process did not find. */
function lostOf({ lines }: MillOrdeal): readonly MillLine[] {
  const accepted = new Set<number>();
  return lines.filter((line) => {
    if (line.type !== 'post') return false;
    const isLost = accepted.has(line.job) && line.outcome === 'new';
    accepted.add(line.job);
    return isLost;
  });
}

/** The bodies whose key stands for another routine, or for other messages, elsewhere. */
function rekeyedOf({ lines }: MillOrdeal): readonly Begin[] {
  const owners = new Map<string, unknown>();
  return lines.filter((line): line is Begin => {
    if (line.type !== 'begin') return false;
    const owner = owners.get(line.key) ?? [line.routine, line.input];
    owners.set(line.key, owner);
    return !isDeepStrictEqual(owner, [line.routine, line.input]);
  });
}

/** The laws that hold for a worker whose process is killed at any moment. */
export function flowKillTests(kind: StoreKind): void {
  test(
    '15 kills lose no accepted post, and run nothing again that was recorded',
    { timeout: TEST_MS },
    async () => {
      const ordeal = await grind(kind, 'sync', 15);

      expect(ordeal.kills).toBe(15);
      assertGround(ordeal);
      expect(lostOf(ordeal)).toEqual([]);
      expect(rekeyedOf(ordeal)).toEqual([]);
      expect(repeatedOf(ordeal)).toEqual([]);
    },
  );

  test('10 kills lose nothing in the middle of what is written later', { timeout: TEST_MS }, async () => {
    const ordeal = await grind(kind, 'async', 10);

    expect(ordeal.kills).toBe(10);
    assertGround(ordeal);
    // Later processes have built upon what earlier ones had written.
    expect(ordeal.lines.some((line) => line.type === 'post' && line.outcome === 'known')).toBe(true);
  });
}

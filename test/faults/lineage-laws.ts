import { setTimeout as pass } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createRunner } from 'troupe';
import type { Checkpointer } from 'troupe/checkpoint';
import { openBay, type Bay } from './bay.ts';
import { calmVoyage, prepareVoyage } from './calm.ts';
import { newDice, type Dice } from './dice.ts';
import {
  continues,
  effectsOf,
  findOffences,
  NO_OFFENCES,
  NOTHING,
  readEffects,
  recordOf,
  untilStep,
  type Recorded,
} from './logbook.ts';
import type { StoreKind } from './store-kinds.ts';
import type { Command, Outcome } from './talk.ts';
import { inspectionOf } from './voyage.ts';

const TEST_MS = 120_000;
const KILLS = 20;
const DECKS = Array.from({ length: 12 }, (_, index) => `deck ${index % 10}`);

/** One process, which is told one thing. */
interface Errand {
  readonly bay: Bay;
  readonly dice: Dice;
  readonly process: number;
  readonly command: Command;
}

/** Gives a command to a process of its own, which is killed at a random moment; undefined when it had not ended by then. */
async function interrupted({ bay, dice, process, command }: Errand): Promise<Outcome | undefined> {
  await using sailor = await bay.start({ process });
  sailor.send(command);
  let lines = dice.below(2) * dice.below(12);
  const delayMs = dice.below(lines === 0 ? 60 : 4);
  if (lines > 0)
    await sailor.find(({ type }) => {
      if (type === 'effect') lines -= 1;
      return type === 'outcome' || lines === 0 || undefined;
    });
  await pass(delayMs);
  await sailor.kill();
  return sailor.seen((report) => (report.type === 'outcome' ? report.outcome : undefined));
}

async function finished({ bay, process, command }: Errand): Promise<Outcome> {
  await using sailor = await bay.start({ process });
  sailor.send(command);
  return await sailor.next((report) => (report.type === 'outcome' ? report.outcome : undefined));
}

/** A process that is killed while it makes a workflow of another, or many at once. */
export function lineageTests(kind: StoreKind): void {
  test(
    'a process that is killed in a fork leaves all of its beginning, or nothing',
    { timeout: TEST_MS },
    async () => {
      await using bay = await openBay(kind);
      const { checkpointer } = bay;
      const dice = newDice();
      const calm = await calmVoyage();
      await prepareVoyage(checkpointer, 'original', 'end');
      const original = await recordOf(checkpointer, 'original');

      for (let kills = 0, forks = 0; kills < KILLS; forks += 1) {
        const at = dice.below(60);
        const to = `fork-${forks}`; // some end before they are killed
        const records = [untilStep(original, at)];
        let outcome: Outcome | undefined;
        while (outcome === undefined) {
          const errand = { bay, dice, process: records.length - 1, command: forkOn({ at, to }, records) };
          const isLast = records.length > 2 || kills >= KILLS;
          outcome = isLast ? await finished(errand) : await interrupted(errand);
          if (outcome === undefined) kills += 1;
          await addRecord(checkpointer, to, records);
          // It may have been killed when it had written the end, and then there is nothing to go on with.
          outcome ??= endOf(records);
        }
        expect(outcome).toMatchObject({ status: 'completed', outputs: calm.outputs });
        const effects = effectsOf(readEffects(bay.effects), to);
        expect(findOffences(effects, records)).toEqual(NO_OFFENCES);
        expect(await checkpointer.get(to)).toMatchObject({
          forkedFrom: { workflowId: 'original', step: at },
        });
      }
      expect(await recordOf(checkpointer, 'original')).toEqual(original);
    },
  );

  test(
    'a process that is killed in a map: only what had not succeeded runs again',
    { timeout: TEST_MS },
    async () => {
      await using bay = await openBay(kind);
      const dice = newDice();
      const expected = await calmInspection();
      const command = { do: 'map', workflowId: 'ship', input: { deck: DECKS } } as const;
      const records: ReadonlyMap<string, Recorded>[] = [];

      let outcome: Outcome | undefined;
      while (outcome === undefined) {
        records.push(await itemsOf(bay.checkpointer));
        const errand = { bay, dice, process: records.length - 1, command };
        outcome = records.length > KILLS ? await finished(errand) : await interrupted(errand);
      }
      records.push(await itemsOf(bay.checkpointer));

      expect(outcome).toMatchObject({ status: 'completed', outputs: expected });
      const items = [...(records.at(-1) ?? [])].map(([id]) => id);
      expect(items).toHaveLength(DECKS.length);
      for (const id of items) {
        const effects = effectsOf(readEffects(bay.effects), id);
        const ofItem = records.map((each) => each.get(id) ?? NOTHING);
        expect(findOffences(effects, ofItem)).toEqual(NO_OFFENCES);
      }
    },
  );
}

/** Makes a fork; goes on with it, once it is there. */
function forkOn(
  { at, to }: { readonly at: number; readonly to: string },
  records: readonly Recorded[],
): Command {
  return records.length > 1
    ? { do: 'resume', workflowId: to, isAnswered: true }
    : { do: 'fork', workflowId: 'original', at, to, isAnswered: true };
}

/** Adds what the store has of a fork, unless it is not there yet. */
async function addRecord(checkpointer: Checkpointer, to: string, records: Recorded[]): Promise<void> {
  const record = await recordOf(checkpointer, to);
  const before = records.at(-1) ?? NOTHING;
  if (record.entries.length === 0) return;
  // Of the original it has the steps, with other ids.
  expect(record.messages.length).toBeGreaterThanOrEqual(before.messages.length);
  expect(records.length === 1 || continues(record, before)).toBe(true);
  records.push(record);
}

/** How a fork ended, as the store has it; undefined for one that has not, or is not there yet. */
function endOf([, ...records]: readonly Recorded[]): Outcome | undefined {
  const end = records.at(-1)?.messages.findLast(({ type }) => type === 'RunEnd');
  if (end?.type !== 'RunEnd') return undefined;
  return { status: end.status, outputs: end.answer, steps: 0, requests: 0 };
}

/** What the store has of the items of the map. */
async function itemsOf(checkpointer: Checkpointer): Promise<ReadonlyMap<string, Recorded>> {
  const items = new Map<string, Recorded>();
  for (const { workflowId } of await checkpointer.list())
    items.set(workflowId, await recordOf(checkpointer, workflowId));
  return items;
}

async function calmInspection(): Promise<readonly unknown[]> {
  await using runner = createRunner();
  const inspection = inspectionOf({ note: () => {}, work: async () => {} });
  const items = await runner.map(inspection, { deck: DECKS }, { over: 'deck' });
  return items.column('mark');
}

import { expect, test } from 'vitest';
import { calmVoyage } from './calm.ts';
import { newDice, tellCounts } from './dice.ts';
import { sailThroughKills, type Ordeal, type Waters } from './kills.ts';
import { bodiesOf, continues, countRepeats, findOffences, NO_OFFENCES, NOTHING } from './logbook.ts';
import { newFolder } from './processes.ts';
import type { StoreKind } from './store-kinds.ts';
import { openStore } from './stores.ts';

const LANES = 3;
const TEST_MS = 240_000;

/** Several workflows side by side, each killed again and again, until there were so many kills. */
async function sailAll(
  kind: StoreKind,
  given: Pick<Waters, 'durability'> & { readonly kills: number },
): Promise<{ readonly ordeals: readonly Ordeal[]; readonly hit: number }> {
  await using folder = await newFolder();
  await using store = kind.create(folder.dir);
  const { place } = store;
  await using checkpointer = openStore(place);
  const kills = { hit: 0, wanted: given.kills };
  const waters = { ...given, dir: folder.dir, place, checkpointer, dice: newDice(), kills };
  const ordeals: Ordeal[] = [];
  let count = 0;
  const sailLane = async (): Promise<void> => {
    while (kills.hit < kills.wanted) {
      count += 1;
      ordeals.push(await sailThroughKills(waters, `voyage-${count}`));
    }
  };
  await Promise.all(Array.from({ length: LANES }, sailLane));
  const repeats = ordeals.reduce((sum, { effects }) => sum + countRepeats(effects), 0);
  tellCounts(
    `${kind.name}: ${kills.hit} kills in ${ordeals.length} workflows (${given.durability}), ${repeats} bodies again`,
  );
  return { ordeals, hit: kills.hit };
}

/** The laws that hold for a workflow whose process is killed at any moment. */
export function killTests(kind: StoreKind): void {
  test(
    '200 kills change no result, and run nothing again that was recorded',
    { timeout: TEST_MS },
    async () => {
      const calm = await calmVoyage();

      const { ordeals, hit } = await sailAll(kind, { durability: 'sync', kills: 200 });

      expect(hit).toBe(200);
      for (const ordeal of ordeals) {
        assertWhole(ordeal, calm.outputs);
        expect(findOffences(ordeal.effects, ordeal.records)).toEqual(NO_OFFENCES);
        expect(bodiesOf(ordeal.effects)).toEqual(bodiesOf(calm.effects));
      }
    },
  );

  test('60 kills change no result of workflows that are written later', { timeout: TEST_MS }, async () => {
    const calm = await calmVoyage();

    const { ordeals, hit } = await sailAll(kind, { durability: 'async', kills: 60 });

    expect(hit).toBe(60);
    expect(ordeals.some(isBuiltUpon)).toBe(true);
    for (const ordeal of ordeals) {
      assertWhole(ordeal, calm.outputs);
      // What was not written yet runs again, and so it was not recorded that it would.
      // Where not even its beginning was written, it begins again as another run, with other keys.
      const { unrecorded: _, rekeyed: __, ...offences } = findOffences(ordeal.effects, ordeal.records);
      expect({ ...offences, unrecorded: [], rekeyed: [] }).toEqual(NO_OFFENCES);
    }
  });
}

/** Whether a process that was killed has left something that a later one went on from. */
function isBuiltUpon({ records }: Ordeal): boolean {
  return records.slice(1, -1).some(({ entries }) => entries.length > 0);
}

/** A workflow as it must be at its end, whatever was done to it. */
function assertWhole({ outputs, outcome, records }: Ordeal, expected: unknown): void {
  const { messages } = records.at(-1) ?? NOTHING;
  const created = messages.filter(({ type }) => type === 'RequestCreation').length;
  const ended = messages.filter(({ type }) => type === 'RequestSuccess').length;
  const end = { status: 'completed', outputs: expected, requests: created, steps: created * 2 };
  expect(outputs).toEqual(expected);
  // The last process may have been killed when it had written the end.
  expect(outcome ?? end).toEqual(end);
  expect(records.every((record, index) => continues(record, records[index - 1] ?? NOTHING))).toBe(true);
  expect(ended).toBe(created);
  expect(messages.filter(({ type }) => type === 'InterruptResolved')).toHaveLength(1);
}

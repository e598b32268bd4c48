import { expect, test } from 'vitest';
import { calmVoyage } from './calm.ts';
import { newDice } from './dice.ts';
import { sailThroughKills, type Ordeal, type Waters } from './kills.ts';
import { bodiesOf, continues, countRepeats, findOffences, NO_OFFENCES } from './logbook.ts';
import { openHarbour } from './processes.ts';
import type { StoreKind } from './store-kinds.ts';
import { openStore } from './stores.ts';

const LANES = 3;
const TEST_MS = 240_000;

/** Several workflows side by side, each killed again and again, until there were so many kills. */
async function sailAll(
  kind: StoreKind,
  given: Pick<Waters, 'durability'> & { readonly kills: number },
): Promise<readonly Ordeal[]> {
  await using harbour = await openHarbour();
  await using store = kind.create(harbour.dir);
  const { place } = store;
  await using checkpointer = openStore(place);
  const kills = { hit: 0, wanted: given.kills };
  const waters = { ...given, harbour, place, checkpointer, dice: newDice(), kills };
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
  console.info(`${kills.hit} kills in ${ordeals.length} workflows (${given.durability}), ${repeats} bodies again`);
  return ordeals;
}

/** The laws that hold for a workflow whose process is killed at any moment. */
export function killTests(kind: StoreKind): void {
  test('200 kills change no result, and run nothing again that was recorded', { timeout: TEST_MS }, async () => {
    const calm = await calmVoyage();

    const ordeals = await sailAll(kind, { durability: 'sync', kills: 200 });

    for (const ordeal of ordeals) {
      assertWhole(ordeal, calm.outputs);
      expect(findOffences(ordeal.effects, ordeal.records)).toEqual(NO_OFFENCES);
      expect(bodiesOf(ordeal.effects)).toEqual(bodiesOf(calm.effects));
    }
  });

  test('60 kills change no result of workflows that are written later', { timeout: TEST_MS }, async () => {
    const calm = await calmVoyage();

    const ordeals = await sailAll(kind, { durability: 'async', kills: 60 });

    for (const ordeal of ordeals) {
      assertWhole(ordeal, calm.outputs);
      // What was not written yet runs again, and so it was not recorded that it would.
      const { unrecorded: _, ...offences } = findOffences(ordeal.effects, ordeal.records);
      expect({ ...offences, unrecorded: [] }).toEqual(NO_OFFENCES);
    }
  });
}

function assertWhole({ outputs, outcome, records }: Ordeal, expected: unknown): void {
  expect(outputs).toEqual(expected);
  if (outcome !== undefined) expect(outcome).toMatchObject({ status: 'completed', outputs: expected });
  for (const [index, record] of records.entries()) {
    const before = records[index - 1];
    if (before !== undefined) expect(continues(record, before)).toBe(true);
  }
  const { messages } = records.at(-1) ?? { messages: [] };
  const created = messages.filter(({ type }) => type === 'RequestCreation').length;
  const ended = messages.filter(({ type }) => type === 'RequestSuccess').length;
  expect(ended).toBe(created);
  expect(messages.filter(({ type }) => type === 'InterruptResolved')).toHaveLength(1);
  if (outcome?.status === 'completed') expect(outcome).toMatchObject({ requests: created, steps: created * 2 });
}

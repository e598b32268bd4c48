import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { calmVoyage } from './calm.ts';
import { findSmallTablespace, limitedStore, smallDisk, type DiskKind } from './disks.ts';
import {
  bodiesOf,
  continues,
  findOffences,
  NO_OFFENCES,
  NOTHING,
  readEffects,
  recordOf,
  type Recorded,
} from './logbook.ts';
import { newFolder, Sailor } from './processes.ts';
import { openStore, type StorePlace } from './stores.ts';
import type { Outcome } from './talk.ts';
import { PROVISIONS } from './voyage.ts';

const TEST_MS = 120_000;
const WORKFLOW = 'voyage';

/** What the store has; read by another process than the one that wrote it. */
async function readRecord(place: StorePlace): Promise<Recorded> {
  await using checkpointer = openStore(place);
  return await recordOf(checkpointer, WORKFLOW);
}

async function fillAndGrow(
  kind: DiskKind,
): Promise<{ outcomes: Outcome[]; records: Recorded[]; effects: ReturnType<typeof readEffects> }> {
  await using folder = await newFolder();
  await using disk = await kind.create(folder.dir);
  const path = join(folder.dir, 'effects');
  const records: Recorded[] = [NOTHING];
  const outcomes: Outcome[] = [];
  let { place } = disk;
  while (outcomes.at(-1)?.status !== 'completed') {
    const settings = { store: place, effects: path, process: outcomes.length };
    await using sailor = await Sailor.start(settings, disk.through?.());
    const isNew = records.at(-1)?.entries.length === 0;
    outcomes.push(
      await sailor.tell({
        do: 'run',
        workflowId: WORKFLOW,
        isAnswered: true,
        ...(isNew ? { input: PROVISIONS } : {}),
      }),
    );
    await sailor.kill();
    place = disk.grow();
    records.push(await readRecord(place));
  }
  return { outcomes, records, effects: readEffects(path) };
}

const kinds = [limitedStore, smallDisk, await findSmallTablespace()];

describe.each(kinds)('$name', (kind) => {
  test.skipIf(!kind.isThere)(
    'that is full refuses, and goes on where it was when there is room',
    { timeout: TEST_MS },
    async () => {
      const calm = await calmVoyage();

      const { outcomes, records, effects } = await fillAndGrow(kind);
      const refused = outcomes.slice(0, -1);
      expect(refused.length).toBeGreaterThan(1);
      for (const outcome of refused) expect(outcome).toMatchObject({ code: 'CHECKPOINT' });
      expect(outcomes.at(-1)).toMatchObject({ outputs: calm.outputs });
      for (const [index, record] of records.entries())
        expect(continues(record, records[index - 1] ?? NOTHING)).toBe(true);
      expect(findOffences(effects, records)).toEqual(NO_OFFENCES);
      expect(bodiesOf(effects)).toEqual(bodiesOf(calm.effects));
    },
  );
});

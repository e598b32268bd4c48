import { cpSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sql as fileSql } from '../checkpoint/file-parts.ts';
import { sql } from '../checkpoint/postgres-desk.ts';
import { openBay, type Bay } from './bay.ts';
import { calmVoyage } from './calm.ts';
import { newDice, tellCounts, type Dice } from './dice.ts';
import {
  continues,
  findOffences,
  readEffects,
  recordAtRest,
  recordOf,
  type NotedEffect,
  type Recorded,
} from './logbook.ts';
import type { Sailor } from './processes.ts';
import { fileStore, findPostgresStore } from './store-kinds.ts';
import { openStore, type StorePlace } from './stores.ts';
import type { Outcome } from './talk.ts';
import { PROVISIONS } from './voyage.ts';

const TEST_MS = 240_000;
const WORKFLOW = 'voyage';

/** A store with a workflow that is half-done, as its process was killed. */
async function leaveHalfDone(bay: Bay): Promise<Recorded> {
  await using dead = await bay.start({ holds: ['sail', 'lade'] });
  dead.send({ do: 'run', workflowId: WORKFLOW, input: PROVISIONS });
  await dead.holds('lade');
  // The watermark of an append comes after it: killed between the two, nobody could tell that the end was lost.
  await recordAtRest(bay.checkpointer, WORKFLOW);
  await dead.kill();
  return await recordOf(bay.checkpointer, WORKFLOW);
}

/** How a workflow went on from a store that was damaged. */
interface Sequel {
  readonly name: string;
  readonly outcome: Outcome;
  /** What the store has afterwards, where the workflow went on. */
  readonly record: Recorded | undefined;
}

async function goOn(sailor: Sailor, name: string, store: StorePlace): Promise<Sequel> {
  const outcome = await sailor.tell({ do: 'resume', workflowId: WORKFLOW, isAnswered: true, store });
  if ('code' in outcome) return { name, outcome, record: undefined };
  await using checkpointer = openStore(store);
  return { name, outcome, record: await recordOf(checkpointer, WORKFLOW) };
}

interface Truth {
  readonly record: Recorded;
  readonly outputs: unknown;
}

/** Says what is wrong with a sequel: it is the exact result, or the damage was named. */
function wrongOf({ name, outcome, record }: Sequel, truth: Truth): string | undefined {
  if ('code' in outcome)
    return outcome.code === 'CHECKPOINT' ? undefined : `${name}: ${outcome.code} ${outcome.message}`;
  if (JSON.stringify(outcome.outputs) !== JSON.stringify(truth.outputs)) return `${name}: another result`;
  return record !== undefined && continues(record, truth.record) ? undefined : `${name}: another history`;
}

/** What is wrong with any of them, and how often damage was named. */
function verdictOn(
  what: string,
  sequels: readonly Sequel[],
  truth: Truth,
): { wrong: readonly string[]; named: number } {
  const named = sequels.filter(({ outcome }) => 'code' in outcome).length;
  tellCounts(`${what}: ${sequels.length} damages, ${named} named, ${sequels.length - named} without effect`);
  return { wrong: sequels.flatMap((sequel) => wrongOf(sequel, truth) ?? []), named };
}

describe.each([
  ['as a killed process left it', false],
  ['that SQLite has tidied up', true],
])('a folder %s', (state, isTidy) => {
  const damages: readonly [string, number, (dice: Dice, path: string) => string][] = [
    ['a bit that is flipped', 100, flipBit],
    ['a file that was cut off', 40, cutOff],
  ];

  test.each(damages)(
    '%s gives CheckpointError or the exact result',
    async (what, count, damage) => {
      await using bay = await openBay(fileStore);
      const dice = newDice();
      const record = await leaveHalfDone(bay);
      if (isTidy && bay.place.type === 'file')
        await fileSql(bay.place.dir, 'PRAGMA wal_checkpoint(TRUNCATE)');
      const truth = { record, outputs: (await calmVoyage()).outputs };
      const source = bay.place.type === 'file' ? bay.place.dir : '';
      // Most of what is in the other files is rebuilt or says nothing.
      const main = isTidy ? 'troupe.db' : 'troupe.db-wal';
      const files = readdirSync(source).filter((file) => statSync(join(source, file)).size > 0);
      const sailor = await bay.start();
      const sequels: Sequel[] = [];

      for (let index = 0; index < count; index += 1) {
        const dir = `${source}-${index}`;
        cpSync(source, dir, { recursive: true });
        const file = (index % 4 === 0 ? files[(index / 4) % files.length] : undefined) ?? main;
        const name = `${file}: ${damage(dice, join(dir, file))}`;
        sequels.push(await goOn(sailor, name, { type: 'file', dir }));
      }

      const { wrong, named } = verdictOn(`${what} (a folder ${state})`, sequels, truth);
      expect(wrong).toEqual([]);
      expect(named).toBeGreaterThan(0);
      expect(repeatsOf(bay, record)).toEqual([]);
    },
    TEST_MS,
  );
});

const postgres = await findPostgresStore();

describe.skipIf(!postgres.isThere)('the rows of a schema', () => {
  const damages: readonly [string, number, (dice: Dice, text: string) => string][] = [
    ['a character that is another', 40, changeCharacter],
    ['a text that was cut off', 20, (dice, text) => text.slice(0, dice.below(text.length))],
    ['a row that is missing', 10, () => ''],
  ];

  test.each(damages)(
    '%s gives CheckpointError or the exact result',
    async (what, count, damage) => {
      await using bay = await openBay(postgres);
      const dice = newDice();
      const record = await leaveHalfDone(bay);
      const truth = { record, outputs: (await calmVoyage()).outputs };
      const rows = new Rows(bay.place);
      await rows.keep();
      const sailor = await bay.start();
      const sequels: Sequel[] = [];

      for (let index = 0; index < count; index += 1) {
        await rows.restore();
        const name = await rows.damage(dice, damage);
        sequels.push(await goOn(sailor, name, bay.place));
      }

      const { wrong, named } = verdictOn(`${what} (Postgres)`, sequels, truth);
      expect(wrong).toEqual([]);
      expect(named).toBeGreaterThan(0);
      expect(repeatsOf(bay, record)).toEqual([]);
    },
    TEST_MS,
  );
});

/** The bodies that had succeeded before the damage and ran again nevertheless. */
function repeatsOf({ effects }: Bay, record: Recorded): readonly NotedEffect[] {
  const later = readEffects(effects).filter(({ process }) => process > 0);
  return findOffences(later, [record, record, record]).repeated;
}

function flipBit(dice: Dice, path: string): string {
  const bytes = readFileSync(path);
  const offset = dice.below(bytes.length);
  const bit = dice.below(8);
  bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
  writeFileSync(path, bytes);
  return `bit ${bit} of byte ${offset}`;
}

function cutOff(dice: Dice, path: string): string {
  const length = dice.below(4) === 0 ? 0 : dice.below(statSync(path).size);
  truncateSync(path, length);
  return `cut off at ${length}`;
}

function changeCharacter(dice: Dice, text: string): string {
  const place = dice.below(text.length);
  const other = text[place] === '7' ? '8' : '7';
  return text.slice(0, place) + other + text.slice(place + 1);
}

/** The rows of a log in Postgres, that are damaged and put back. */
class Rows {
  readonly #connectionString: string;
  readonly #schema: string;

  constructor(place: StorePlace) {
    if (place.type !== 'postgres') throw new Error('Expected a store in Postgres');
    this.#connectionString = place.connectionString;
    this.#schema = place.schema;
  }

  async keep(): Promise<void> {
    await this.#sql('CREATE TABLE $kept_entries AS TABLE $checkpoint_entries');
    await this.#sql('CREATE TABLE $kept_workflows AS TABLE $checkpoint_workflows');
  }

  async restore(): Promise<void> {
    for (const table of ['entries', 'workflows']) {
      await this.#sql(`TRUNCATE $checkpoint_${table}`);
      await this.#sql(`INSERT INTO $checkpoint_${table} TABLE $kept_${table}`);
    }
  }

  /** Damages one text of one row; with nothing left of it, the row is removed. */
  async damage(dice: Dice, change: (dice: Dice, text: string) => string): Promise<string> {
    const rows = await this.#sql('SELECT part, text, blobs FROM $checkpoint_entries ORDER BY part');
    const row = rows[dice.below(rows.length)] ?? {};
    const column = typeof row['blobs'] === 'string' && dice.below(2) === 0 ? 'blobs' : 'text';
    const text = change(dice, String(row[column]));
    const name = `${column} of part ${String(row['part'])}, now of ${text.length} characters`;
    const where = `WHERE part = ${String(row['part'])}`;
    const value = `convert_from(decode('${Buffer.from(text).toString('hex')}', 'hex'), 'UTF8')`;
    await this.#sql(
      text === ''
        ? `DELETE FROM $checkpoint_entries ${where}`
        : `UPDATE $checkpoint_entries SET ${column} = ${value} ${where}`,
    );
    return name;
  }

  #sql(statement: string): Promise<readonly Record<string, unknown>[]> {
    return sql(this.#connectionString, statement.replaceAll('$', `${this.#schema}.`));
  }
}

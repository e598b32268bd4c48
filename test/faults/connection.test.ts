import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { findPostgres, newSchema, sql } from '../checkpoint/postgres-desk.ts';
import { Proxy, type Fault } from '../checkpoint/postgres-proxy.ts';
import { calmVoyage } from './calm.ts';
import { newDice, type Dice } from './dice.ts';
import {
  bodiesOf,
  countRepeats,
  findOffences,
  NO_OFFENCES,
  NOTHING,
  readEffects,
  recordOf,
} from './logbook.ts';
import { newFolder, Sailor } from './processes.ts';
import { openStore, type StorePlace } from './stores.ts';
import type { Outcome, Report, SailorSettings } from './talk.ts';
import { PROVISIONS } from './voyage.ts';

const TEST_MS = 120_000;
const APPEND = 'checkpoint_append';
const connectionString = (await findPostgres()) ?? '';
const BEGIN = { do: 'run', workflowId: 'voyage', input: PROVISIONS, isAnswered: true } as const;

/** A store whose connection leads through a proxy, for one process; the test reads it past the proxy. */
async function openStrait(): Promise<
  AsyncDisposable & {
    readonly proxy: Proxy;
    readonly effects: string;
    readonly start: (more?: Partial<SailorSettings>, options?: Partial<StorePlace>) => Promise<Sailor>;
    readonly record: () => ReturnType<typeof recordOf>;
  }
> {
  const folder = await newFolder();
  const { proxy, through } = await Proxy.to(`${connectionString}?application_name=strait`);
  const place = { type: 'postgres', schema: newSchema(), connectionString: through } as const;
  const checkpointer = openStore({ ...place, connectionString });
  const effects = join(folder.dir, 'effects');
  const sailors: Sailor[] = [];
  return {
    proxy,
    effects,
    start: async (more, options) => {
      const store = { ...place, ...options } as StorePlace; // of that type
      const sailor = await Sailor.start({ store, effects, process: sailors.length, ...more });
      sailors.push(sailor);
      return sailor;
    },
    record: () => recordOf(checkpointer, BEGIN.workflowId),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(sailors.map((sailor) => sailor.kill()));
      await checkpointer.close();
      await sql(connectionString, `DROP SCHEMA IF EXISTS ${place.schema} CASCADE`);
      await proxy[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** What the command came to; meanwhile `meddle` is called with each effect. */
async function outcomeOf(sailor: Sailor, meddle: (count: number) => unknown): Promise<Outcome> {
  let count = 0;
  sailor.send(BEGIN);
  return sailor.next((report: Report) => {
    if (report.type === 'effect') {
      count += 1;
      meddle(count);
    }
    return report.type === 'outcome' ? report.outcome : undefined;
  });
}

/** A cut before the request is there, in the middle of it, or after the server has committed and before its answer is there. */
function randomCut(dice: Dice): Fault {
  return dice.below(2) === 0
    ? { text: APPEND, requestBytes: dice.below(900) }
    : { text: APPEND, answerBytes: dice.below(40) };
}

describe.skipIf(connectionString === '')('a workflow whose connection to Postgres', () => {
  test('is cut in the middle of appends goes on, each step once', { timeout: TEST_MS }, async () => {
    await using strait = await openStrait();
    const { proxy } = strait;
    const calm = await calmVoyage();
    const dice = newDice();
    const sailor = await strait.start();

    const outcome = await outcomeOf(sailor, (count) => {
      if (count % 2 === 0) proxy.expect(randomCut(dice));
    });

    expect(proxy.count).toBeGreaterThan(10);
    expect(await storyOf(outcome, strait)).toEqual(calmStory(calm));
  });

  test('is gone for a while goes on when it is back, each step once', { timeout: TEST_MS }, async () => {
    await using strait = await openStrait();
    const { proxy } = strait;
    const calm = await calmVoyage();
    const sailor = await strait.start();

    const outcome = await outcomeOf(sailor, async (count) => {
      if (count % 20 !== 0) return;
      proxy.goDown();
      await pass(300);
      await proxy.comeBack();
    });

    expect(await storyOf(outcome, strait)).toEqual(calmStory(calm));
  });

  test('is ended by the server again and again goes on, each step once', { timeout: TEST_MS }, async () => {
    await using strait = await openStrait();
    const calm = await calmVoyage();
    const sailor = await strait.start();

    const ended: Promise<number>[] = [];
    const outcome = await outcomeOf(sailor, (count) => {
      if (count % 10 === 0) ended.push(endBackends());
    });

    const counts = await Promise.all(ended);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(2);
    expect(await storyOf(outcome, strait)).toEqual(calmStory(calm));
  });

  test(
    'stays away ends with CheckpointError, and another process goes on',
    { timeout: TEST_MS },
    async () => {
      await using strait = await openStrait();
      const { proxy, effects } = strait;
      const calm = await calmVoyage();
      const options = { lease: 400 };
      const lost = await strait.start({ options }, { retryFor: 500 });
      const other = await strait.start({ options }, { connectionString });

      const refused = await outcomeOf(lost, (count) => {
        if (count === 20) proxy.goDown();
      });
      const before = await strait.record();
      const outcome = await other.tellWhenFree({ ...BEGIN, do: 'resume' });

      expect(refused).toMatchObject({ code: 'CHECKPOINT' });
      expect(outcome).toMatchObject({ status: 'completed', outputs: calm.outputs });
      const records = [NOTHING, before, await strait.record()];
      expect(findOffences(readEffects(effects), records)).toEqual(NO_OFFENCES);
      expect(bodiesOf(readEffects(effects))).toEqual(bodiesOf(calm.effects));
    },
  );
});

/** As when an administrator restarts the server; how many there were. */
async function endBackends(): Promise<number> {
  const ended = await sql(
    connectionString,
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'strait'",
  );
  return ended.length;
}

/** What a workflow of one process has come to, and what its bodies did. */
async function storyOf(outcome: Outcome, strait: Awaited<ReturnType<typeof openStrait>>): Promise<unknown> {
  const effects = readEffects(strait.effects);
  return {
    status: outcome.status,
    outputs: 'outputs' in outcome ? outcome.outputs : undefined,
    offences: findOffences(effects, [NOTHING, await strait.record()]),
    repeats: countRepeats(effects),
    bodies: bodiesOf(effects),
  };
}

/** As if nothing had happened to its connection. */
function calmStory({ outputs, effects }: Awaited<ReturnType<typeof calmVoyage>>): unknown {
  return { status: 'completed', outputs, offences: NO_OFFENCES, repeats: 0, bodies: bodiesOf(effects) };
}

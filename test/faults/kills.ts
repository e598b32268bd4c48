import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import type { Checkpointer } from 'troupe/checkpoint';
import type { Dice } from './dice.ts';
import { readEffects, recordOf, type NotedEffect, type Recorded } from './logbook.ts';
import { Sailor } from './processes.ts';
import type { StorePlace } from './stores.ts';
import type { Command, Outcome, SailorSettings } from './talk.ts';
import { PROVISIONS } from './voyage.ts';

/** Where and how the processes of a workflow run. */
export interface Waters {
  readonly dir: string;
  readonly place: StorePlace;
  /** The store at that place, opened by the test. */
  readonly checkpointer: Checkpointer;
  readonly durability: 'sync' | 'async';
  readonly dice: Dice;
  /** Counts the kills that hit, in all workflows. */
  readonly kills: { hit: number; readonly wanted: number };
}

/** What became of a workflow that was killed again and again. */
export interface Ordeal {
  readonly outputs: unknown;
  readonly effects: readonly NotedEffect[];
  /** What the store had before each process, and after the last one. */
  readonly records: readonly Recorded[];
  /** What the last process said, unless it was killed after it had written the end. */
  readonly outcome: Outcome | undefined;
}

/** Runs a workflow in one process after the other, each of which is killed at a random moment, until it has ended. */
export async function sailThroughKills(waters: Waters, workflowId: string): Promise<Ordeal> {
  const { dir, place, checkpointer, durability } = waters;
  const effects = join(dir, `${workflowId}.effects`);
  const records: Recorded[] = [];
  let outcome: Outcome | undefined;
  for (;;) {
    const record = await recordOf(checkpointer, workflowId);
    records.push(record);
    const end = record.messages.findLast(({ type }) => type === 'RunEnd');
    if (end?.type === 'RunEnd' || outcome !== undefined) {
      const outputs = end?.type === 'RunEnd' ? end.answer : undefined;
      return { outputs, effects: readEffects(effects), records, outcome };
    }
    const settings = { store: place, durability, effects, process: records.length - 1 };
    outcome = await sailOn(waters, settings, commandOf(waters.dice, workflowId, record));
  }
}

function commandOf(dice: Dice, workflowId: string, { entries }: Recorded): Command {
  const isNew = entries.length === 0;
  if (isNew || dice.below(2) === 0)
    return { do: 'run', workflowId, isAnswered: true, ...(isNew ? { input: PROVISIONS } : {}) };
  return { do: 'resume', workflowId, isAnswered: true };
}

/** One process; undefined when it was killed before it said how the workflow ended. */
async function sailOn(
  waters: Waters,
  settings: SailorSettings,
  command: Command,
): Promise<Outcome | undefined> {
  const { dice, kills } = waters;
  await using sailor = await Sailor.start(settings);
  sailor.send(command);
  if (kills.hit >= kills.wanted) return await sailor.outcome(command.workflowId);
  // Some moments are in the opening of the store and in the replay, before any body runs.
  let lines = dice.below(5) === 0 ? 0 : 1 + dice.below(16);
  // Under 'async' it takes some 10 ms until anything is written.
  const delayMs = dice.below(lines === 0 ? 40 : waters.durability === 'async' ? 24 : 4);
  const outcome = await (lines === 0
    ? undefined
    : sailor.find((report) => {
        if (report.type === 'outcome') return report.outcome;
        if (report.type === 'effect') lines -= 1;
        return lines === 0 ? ('moment' as const) : undefined;
      }));
  if (typeof outcome === 'object') return outcome;
  await pass(delayMs);
  const late = sailor.seen((report) => (report.type === 'outcome' ? report.outcome : undefined));
  if (late !== undefined) return late;
  // Another lane may have had the last kill meanwhile.
  if (kills.hit >= kills.wanted) return await sailor.outcome(command.workflowId);
  sailor.signal('SIGKILL');
  kills.hit += 1;
  const { signal } = await sailor.exit;
  const end = sailor.seen((report) => (report.type === 'outcome' ? report.outcome : undefined));
  // It came too late: the workflow had ended, and its end was on its way.
  if (end !== undefined || signal !== 'SIGKILL') kills.hit -= 1;
  return end;
}

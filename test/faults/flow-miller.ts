/**
 * The process of a worker that the tests kill. It posts all jobs, those that are there already included, works until all
 * have ended, and says how they have. All that it does it writes to its output and, before it goes on, to a file.
 */
import { appendFileSync, writeSync } from 'node:fs';
import { setTimeout as pass } from 'node:timers/promises';
import { isTroupeError } from 'troupe';
import { createRuntime } from 'troupe/flow';
import { JOBS, MILL, millOf, type MillEnd, type MillLine } from './flow-mill.ts';
import { openStore, type StorePlace } from './stores.ts';

/** What it is given as its argument. */
export interface MillerSettings {
  readonly store: StorePlace;
  readonly durability: 'sync' | 'async';
  readonly lines: string;
  readonly process: number;
}

const settings = JSON.parse(process.argv[2] ?? '') as MillerSettings; // written by the tests

function note(line: object): void {
  const text = JSON.stringify({ ...line, process: settings.process });
  // The line before may be half a line.
  appendFileSync(settings.lines, `\n${text}.`);
  writeSync(1, `${text}\n`);
}

const checkpointer = openStore(settings.store);
const runtime = createRuntime({ checkpointer, durability: settings.durability });
const mill = millOf(note, () => pass(1));
const worker = runtime.exec(mill, { workerId: MILL });

async function post(job: number): Promise<MillLine & { type: 'post' }> {
  const line = { type: 'post', job, process: settings.process } as const;
  try {
    await runtime.post(mill, 'crush', 'in', job, { jobId: `job-${job}` });
    return { ...line, outcome: 'new' };
  } catch (error) {
    if (isTroupeError(error, 'DUPLICATE_ID')) return { ...line, outcome: 'known' };
    throw error;
  }
}

for (let job = 0; job < JOBS; job += 1) note(await post(job));
await runtime.shutdown();
const end: MillEnd = {
  statuses: runtime.listJobs().map(({ id, status }) => `${id} ${status}`),
  ground: worker.state('bag')['ground'] as number[], // as the routine has set it
};
writeSync(1, `${JSON.stringify({ type: 'end', end })}\n`);
await checkpointer.close();

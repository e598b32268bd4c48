import { isDeepStrictEqual } from 'node:util';

import { createRuntime, type Job, type Runtime, type Worker } from 'troupe/flow';

import { summaryOf, watch } from './live-view.ts';
import { alarmingCost, noTotals, pipelineAt, type Totals } from './pipeline.ts';
import { recount, type Findings } from './recount.ts';
import { readSettings, usage, type Settings } from './settings.ts';
import { damages, readLog, type EnrichedStrike } from './strikes.ts';

const exitCode = { right: 0, help: 0, notUnderstood: 1, notAsRecounted: 1 } as const;

async function main(args: readonly string[]): Promise<number> {
  const settings = settingsOf(args);
  if (settings === 'help' || settings === 'notUnderstood') return exitCode[settings];

  const pipeline = pipelineAt(settings.paceMs);
  await using runtime = createRuntime({ monitoring: true });
  const worker = runtime.exec(pipeline);
  const unwatch = watch(runtime, pipeline.name, process.stdout);
  const { lines, failed } = await feed(runtime, pipeline, worker).finally(unwatch);

  const totals = (worker.state('total')['totals'] ?? noTotals) as Totals;
  const alerts = (worker.state('alert')['alerts'] ?? []) as readonly EnrichedStrike[];
  console.log('What each routine got:');
  for (const line of summaryOf(runtime, pipeline.name)) console.log(line);
  showDeadLetters(failed);
  showAlerts(alerts);
  return showFindings({ ...totals, lines, malformed: failed.length, alerts: alerts.length });
}

/** Posts the log line by line, and waits until all is done. */
async function feed(runtime: Runtime, pipeline: ReturnType<typeof pipelineAt>, worker: Worker) {
  let lines = 0;
  const failed: Job[] = [];
  for await (const line of readLog()) {
    lines += 1;
    // Resolves when the slot has taken the line, so the file is read no faster than the pipeline works.
    const job = await runtime.post(pipeline, 'parse', 'input', line, { metadata: { line: lines + 1 } });
    void job.done.then((ended) => {
      if (ended.deadLetters.length > 0) failed.push(ended);
    });
  }
  await worker.stop({ drain: true }); // the last batch is not full
  return { lines, failed };
}

function showDeadLetters(failed: readonly Job[]): void {
  console.log(`\n${failed.length} lines of the log are dead letters:`);
  for (const { metadata, deadLetters } of failed)
    for (const { value, error } of deadLetters)
      console.log(`  line ${String(metadata['line'])}: ${messageOf(error)}: ${String(value).slice(0, 50)}…`);
}

function showAlerts(alerts: readonly EnrichedStrike[]): void {
  console.log(`\n${alerts.length} strikes cost ${dollars(alarmingCost)} or more:`);
  for (const { date, airport, aircraft, species, costDollars } of alerts)
    console.log(`  ${date}  ${dollars(costDollars).padStart(10)}  ${aircraft} at ${airport}: ${species}`);
}

/** Shows what was found, and whether a plain loop finds the same. */
async function showFindings(found: Findings): Promise<number> {
  console.log(
    `\n${found.lines} lines, ${found.malformed} malformed, ${found.strikes} strikes in ${found.batches} batches`,
  );
  for (const damage of damages) console.log(`  damage ${damage}: ${found.damages[damage] ?? 0}`);
  console.log(`${found.military} hit a military aircraft. All cost ${dollars(found.dollars)}.`);
  const isRight = isDeepStrictEqual(found, await recount());
  console.log(
    isRight
      ? '\nA plain loop over the log finds the same.'
      : '\nA plain loop over the log finds something else.',
  );
  return exitCode[isRight ? 'right' : 'notAsRecounted'];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function dollars(amount: number): string {
  return `$${amount.toLocaleString('en-US')}`;
}

function settingsOf(args: readonly string[]): Settings | 'help' | 'notUnderstood' {
  try {
    const settings = readSettings(args, process.stdout.isTTY);
    if (settings === 'help') console.log(usage);
    return settings;
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${usage}`);
    return 'notUnderstood';
  }
}

process.exitCode = await main(process.argv.slice(2));

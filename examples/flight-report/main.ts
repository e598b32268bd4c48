import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';

import { createRunner, progress } from 'troupe';
import { z } from 'zod';

import { AirportDirectory } from './airport-directory.ts';
import { askForApproval, describeQuestion, questionSchema, type Approval } from './approval.ts';
import { flightFiles, readDataset } from './flights.ts';
import { forestOf } from './forest.ts';
import { formatCount, formatDuration, formatShare } from './format.ts';
import { writeReport } from './report.ts';
import { readSettings, usage, type Settings } from './settings.ts';
import { reportFlights } from './workflow.ts';

const topologySchema = z.looseObject({ type: z.literal('Topology') });
const exitCode = { written: 0, help: 0, wrong: 1, notWritten: 1, notAnswered: 2 } as const;

async function main(args: readonly string[]): Promise<number> {
  const settings = settingsOf(args);
  if (settings === 'help' || settings === 'wrong') return exitCode[settings];

  await using runner = createRunner({
    name: 'flight-report',
    maxConcurrency: 8,
    context: { directory: new AirportDirectory(await readDataset('airports.csv')) },
    processors: [progress()],
  });
  const { airportCount, onTimeWithinMinutes } = settings;
  const run = runner.iter(reportFlights, { files: flightFiles, airportCount, onTimeWithinMinutes });

  const retries = new Map<string, number[]>();
  for await (const event of run) {
    if (event.type === 'NodeRetry' && event.requestId !== undefined) {
      retries.set(event.requestId, [...(retries.get(event.requestId) ?? []), event.timestamp]);
    }
    if (event.type === 'Interrupt') {
      const approval = await answer(event.value, settings);
      if (approval === undefined) return exitCode.notAnswered;
      await run.respond(event.key, approval);
    }
  }

  const { outputs: findings, info } = await run.result;
  if (!findings.approval.approved) {
    console.log('Not approved: no report was written.');
    return exitCode.notWritten;
  }

  const forest = forestOf(info, retries);
  const topology = topologySchema.parse(JSON.parse(await readDataset('us-10m.json')));
  const page = await writeReport(findings, forest, { ...settings, topology });
  const path = join(settings.outDir, 'report.html');
  await mkdir(settings.outDir, { recursive: true });
  await writeFile(path, page);

  const { overall } = findings.network;
  console.log(
    `${formatCount(overall.flights)} flights, ${formatShare(overall.onTimeShare)} on time; ` +
      `${forest.rows.length} invocations in ${formatDuration(forest.workedMs)}.\nReport: ${path}`,
  );
  return exitCode.written;
}

function settingsOf(args: readonly string[]): Settings | 'help' | 'wrong' {
  try {
    const settings = readSettings(args);
    if (settings === 'help') console.log(usage);
    return settings;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 'wrong';
  }
}

/** The answer to the open question, or `undefined` when nobody can give one. */
async function answer(value: unknown, { isApproved }: Settings): Promise<Approval | undefined> {
  const question = questionSchema.parse(value);
  console.log(`\n${describeQuestion(question)}`);
  if (isApproved) return { approved: true, by: 'by the option --yes' };
  if (!process.stdin.isTTY) {
    console.error(
      'The conclusions above need approval, and there is no terminal to ask at: no report was written.\n' +
        'Approve them with the option --yes (npm run demo -- --yes), or run this in a terminal and answer there.',
    );
    return undefined;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return await askForApproval(question, terminal);
  } finally {
    terminal.close();
  }
}

process.exitCode = await main(process.argv.slice(2));

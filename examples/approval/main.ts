import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { createRunner, isTroupeError, type Runner } from 'troupe';
import { fileCheckpointer, type Checkpointer, type LogMessage } from 'troupe/checkpoint';

import { Bank } from './bank.ts';
import { runAll } from './run-all.ts';
import { readSettings, usage, type Settings } from './settings.ts';
import { payInvoice, type Invoice } from './workflow.ts';

const invoice: Invoice = { number: 'A-17', supplier: 'Harbour Ropes', euros: 480 };
const workflowId = `invoice ${invoice.number}`;
const exitCode = { done: 0, failed: 1 } as const;
const aDayMs = 86_400_000;

/** What every command has: a store of workflows that other processes use too, and a runner on it. */
interface Tools {
  readonly checkpointer: Checkpointer;
  readonly runner: Runner;
}

/** Begins the workflow, or goes on with it, and waits as a server would. */
async function start({ runner }: Tools): Promise<void> {
  const { status, pauses } = await runner.run(payInvoice, { invoice }, { workflowId });
  for (const { value } of pauses) console.log(`waiting for an answer: ${String(value)}`);
  if (status !== 'paused') {
    console.log(`the workflow is ${status}`);
    return;
  }
  console.log(`this is process ${process.pid}; end it as you like`);
  await wait(aDayMs);
}

/** Says what is stored. Nothing runs, and no definition of the workflow is needed. */
async function showStatus({ checkpointer }: Tools): Promise<void> {
  const workflows = await checkpointer.list();
  const logs = await Promise.all(workflows.map(({ workflowId: id }) => checkpointer.history(id)));
  for (const [index, { workflowId: id, status }] of workflows.entries()) {
    console.log(`${id}: ${status}`);
    for (const question of openQuestions(logs[index] ?? [])) console.log(`  asks: ${question}`);
  }
}

function openQuestions(log: readonly LogMessage[]): readonly string[] {
  const answered = new Set(
    log.flatMap((message) => (message.type === 'InterruptResolved' ? [message.key] : [])),
  );
  return log.flatMap((message) =>
    message.type === 'Interrupt' && !answered.has(message.key) ? [String(message.value)] : [],
  );
}

/** Puts the answer on record, and leaves what follows from it to another process. */
async function answer({ checkpointer, runner }: Tools, decision: string | undefined): Promise<void> {
  const record = await checkpointer.get(workflowId);
  if (record !== undefined && record.status !== 'paused')
    throw new Error(`There is nothing to answer: the workflow is ${record.status}`);
  // An answer that does not fit the schema is refused here, and the question stays open.
  await runner.resume(payInvoice, workflowId, { responses: { decision }, onFailure: 'return' });
  const now = await checkpointer.get(workflowId);
  console.log(`answered "${decision}"; the workflow is ${now?.status}`);
}

/** Goes on with what somebody has begun and left. */
async function finish({ checkpointer, runner }: Tools): Promise<void> {
  const abandoned = await checkpointer.list({ status: 'abandoned' });
  if (abandoned.length === 0) console.log('nothing to go on with');
  const results = await Promise.all(
    abandoned.map(({ workflowId: id }) => runner.resume(payInvoice, id, { onFailure: 'return' })),
  );
  for (const { status, outputs } of results) console.log(`${status}:`, outputs);
}

async function run({ command, word, dir, replyMs }: Settings & { readonly dir: string }): Promise<void> {
  mkdirSync(dir, { recursive: true });
  await using checkpointer = fileCheckpointer({ dir: join(dir, 'workflows') });
  await using runner = createRunner({
    checkpointer,
    context: { bank: new Bank(join(dir, 'bank.jsonl'), { name: command, replyMs }) },
    subscriber: ({ type }) => {
      // It is told when it is on disk. From there the workflow could go on here; closing leaves it to others.
      if (command === 'answer' && type === 'InterruptResolved') void runner.close({ drain: false });
    },
  });
  const tools = { checkpointer, runner };
  if (command === 'start') await start(tools);
  else if (command === 'status') await showStatus(tools);
  else if (command === 'answer') await answer(tools, word);
  else await finish(tools);
}

async function main(args: readonly string[]): Promise<number> {
  const settings = settingsOf(args);
  if (settings === 'help') return exitCode.done;
  if (settings === 'wrong') return exitCode.failed;
  const { command, dir } = settings;
  if (command === 'all' || dir === undefined)
    return (await runAll(settings)) ? exitCode.done : exitCode.failed;
  try {
    await run({ ...settings, dir });
    return exitCode.done;
  } catch (error) {
    console.error(explain(error));
    return exitCode.failed;
  }
}

function explain(error: unknown): string {
  if (isTroupeError(error)) return `${error.code}: ${error.message}\n${error.hint}`;
  return error instanceof Error ? error.message : String(error);
}

function settingsOf(args: readonly string[]): Settings | 'help' | 'wrong' {
  try {
    const settings = readSettings(args);
    if (settings === 'help') console.log(usage);
    return settings;
  } catch (error) {
    console.error(`${explain(error)}\n\n${usage}`);
    return 'wrong';
  }
}

process.exitCode = await main(process.argv.slice(2));

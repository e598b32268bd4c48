/**
 * The process that the tests kill, stop and start anew. It is given its settings as an argument, reads commands from its
 * input and writes what happens to its output, all of it as lines of JSON; it ends with its input.
 */
import { appendFileSync, existsSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pass } from 'node:timers/promises';
import { createRunner, isTroupeError, type Runner, type RunResult } from 'troupe';
import { openStore } from './stores.ts';
import type { Answer, Command, Outcome, Report, SailorSettings } from './talk.ts';
import { inspectionOf, PERMISSION, voyageOf, type Effect } from './voyage.ts';

const settings = JSON.parse(process.argv[2] ?? '') as SailorSettings; // written by the tests
const checkpointer = openStore(settings.store, settings.options);
if (settings.user !== undefined) {
  // What that user may not read has to be there before.
  await import(settings.store.type === 'file' ? '@libsql/client' : 'pg');
  process.setgid?.(settings.user);
  process.setuid?.(settings.user);
}
const runner = createRunner({ checkpointer, durability: settings.durability ?? 'sync' });
const holds = new Set(settings.holds);
let release: (() => void) | undefined;

const crew = {
  note: (effect: Effect) => {
    // The line before may be half a line.
    appendFileSync(settings.effects, `\n${JSON.stringify({ ...effect, process: settings.process })}.`);
    report({ type: 'effect', effect });
  },
  work: async ({ name, request }: Effect) => {
    if (!holds.has(name)) return pass(request.length % 3);
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    report({ type: 'holds', name });
    await released;
    keepThread();
  },
};
const voyage = voyageOf(crew);
const inspection = inspectionOf(crew);

function report(line: Report): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

/** Lets no timer fire, as a body that computes does. */
function keepThread(): void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (settings.gate !== undefined && !existsSync(settings.gate)) Atomics.wait(cell, 0, 0, 5);
}

async function obey(command: Command): Promise<Outcome> {
  if (command.store === undefined) return obeyWith(runner, command);
  await using own = openStore(command.store, settings.options);
  await using ownRunner = createRunner({ checkpointer: own });
  return await obeyWith(ownRunner, command);
}

async function obeyWith(host: Runner, command: Command): Promise<Outcome> {
  const { workflowId } = command;
  switch (command.do) {
    case 'run':
      return outcomeOf(await answered(host, await host.run(voyage, command.input, { workflowId }), command));
    case 'resume':
      return outcomeOf(
        await answered(
          host,
          await host.resume(voyage, workflowId, { responses: command.responses ?? {} }),
          command,
        ),
      );
    case 'respond':
      return outcomeOf(await host.respond(workflowId, 'permission', PERMISSION));
    case 'fork': {
      const { at, to } = command;
      return outcomeOf(
        await answered(host, await host.fork(voyage, workflowId, { at, workflowId: to }), {
          ...command,
          workflowId: to,
        }),
      );
    }
    case 'map': {
      const items = await host.map(inspection, command.input, { over: 'deck', workflowId });
      return { status: items.status, outputs: items.column('mark'), steps: 0, requests: 0 };
    }
    default:
      throw new Error('There is no such command');
  }
}

async function answered(
  host: Runner,
  result: RunResult,
  { workflowId, isAnswered }: Command & Answer,
): Promise<RunResult> {
  if (isAnswered !== true || result.status !== 'paused') return result;
  return host.respond(workflowId, 'permission', PERMISSION);
}

function outcomeOf({ status, outputs, info }: RunResult): Outcome {
  return { status, outputs, steps: info.stamps.length, requests: info.requests.size };
}

function failureOf(error: unknown): Outcome {
  return {
    status: 'rejected',
    code: isTroupeError(error) ? error.code : 'OTHER',
    message: error instanceof Error ? error.message : String(error),
  };
}

report({ type: 'ready' });
const underWay = new Set<Promise<void>>();
for await (const line of createInterface(process.stdin)) {
  const command = JSON.parse(line) as Command | { readonly do: 'release' }; // written by the tests
  if (command.do === 'release') {
    release?.();
    continue;
  }
  const work = obey(command)
    .catch(failureOf)
    .then((outcome) => report({ type: 'outcome', workflowId: command.workflowId, outcome }));
  underWay.add(work);
  void work.finally(() => underWay.delete(work));
}
await Promise.all(underWay);
await runner.close({ drain: false });
await checkpointer.close();

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, existsSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as pass } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Checkpointer } from 'troupe/checkpoint';
import { build } from 'vite';
import { afterAll } from 'vitest';
import type { Dice } from './dice.ts';
import { MILL, type MillEnd, type MillLine } from './flow-mill.ts';
import type { MillerSettings } from './flow-miller.ts';
import { recordOf } from './logbook.ts';
import type { FlowMessage } from '../../src/log/flow-messages.ts';
import { newFolder, type Folder } from './processes.ts';

let building: Promise<Folder> | undefined;

/** In one file the program is there faster than from its sources. */
async function buildProgram(): Promise<Folder> {
  const folder = await newFolder();
  const root = fileURLToPath(new URL('../..', import.meta.url));
  await symlink(join(root, 'node_modules'), join(folder.dir, 'node_modules'));
  const conditions = ['@troupe/source'];
  await build({
    configFile: false,
    root,
    logLevel: 'silent',
    resolve: { conditions },
    ssr: { resolve: { conditions }, noExternal: true, external: ['@libsql/client', 'pg'] },
    build: {
      ssr: fileURLToPath(new URL('flow-miller.ts', import.meta.url)),
      outDir: join(folder.dir, 'program'),
      target: 'node20',
      rollupOptions: { output: { entryFileNames: 'miller.mjs' } },
    },
  });
  return folder;
}

afterAll(async () => {
  const folder = await building;
  await folder?.[Symbol.asyncDispose]();
});

/** What became of a worker whose processes were killed. */
export interface MillOrdeal {
  readonly lines: readonly MillLine[];
  readonly end: MillEnd;
  readonly kills: number;
  /** What the store had before each process, and after the last one. */
  readonly records: readonly (readonly FlowMessage[])[];
}

/** Runs a worker in one process after the other, each killed at a random moment, and the last one to its end. */
export async function millThroughKills(
  settings: Omit<MillerSettings, 'process'>,
  { checkpointer, dice, kills: wanted }: { checkpointer: Checkpointer; dice: Dice; kills: number },
): Promise<MillOrdeal> {
  building ??= buildProgram();
  const program = join((await building).dir, 'program', 'miller.mjs');
  const records: (readonly FlowMessage[])[] = [];
  for (let kills = 0; ; kills += 1) {
    records.push(await logOf(checkpointer));
    const moment = kills < wanted ? { lines: dice.below(36), delayMs: dice.below(6) } : undefined;
    const end = await mill(program, { ...settings, process: kills }, moment);
    if (end === undefined) continue;
    records.push(await logOf(checkpointer));
    return { lines: readLines(settings.lines), end, kills, records };
  }
}

async function logOf(checkpointer: Checkpointer): Promise<readonly FlowMessage[]> {
  const { messages } = await recordOf(checkpointer, MILL);
  return messages as readonly unknown[] as readonly FlowMessage[]; // a worker's
}

/** One process; undefined when it was killed. */
async function mill(
  program: string,
  settings: MillerSettings,
  moment: { readonly lines: number; readonly delayMs: number } | undefined,
): Promise<MillEnd | undefined> {
  const child = spawn(process.execPath, [program, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = text(child.stderr);
  const closed = once(child, 'close');
  let end: MillEnd | undefined;
  let left = moment?.lines ?? Number.POSITIVE_INFINITY;
  createInterface(child.stdout).on('line', (line) => {
    if (line.startsWith('{"type":"end"')) ({ end } = JSON.parse(line) as { end: MillEnd }); // as `flow-miller.ts` says it
    // What was posted before takes no time.
    if (line.includes('"known"')) return;
    left -= 1;
    if (left === -1) void pass(moment?.delayMs ?? 0).then(() => child.kill('SIGKILL'));
  });
  const [code, signal] = (await closed) as [number | null, string | null];
  if (end !== undefined && code === 0) return end;
  if (signal !== 'SIGKILL') throw new Error(`The process has ended with ${code}: ${await said}`);
  return undefined;
}

function readLines(path: string): readonly MillLine[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}.'))
    .map((line) => JSON.parse(line.slice(0, -1)) as MillLine); // as `flow-miller.ts` writes it
}

import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { readRequests } from './bank.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const timeoutMs = 60_000;

/** How a process is ended: it is killed as soon as it prints a line with this text; without one it ends by itself. */
interface Ending {
  readonly killAt?: string;
}

/**
 * Runs the whole story with a process for each step: one waits for an answer and is killed, another answers, a third
 * finishes. Whether every order was carried out exactly once.
 */
export async function runAll({
  dir,
  crashes,
}: {
  readonly dir: string | undefined;
  readonly crashes: boolean;
}): Promise<boolean> {
  const folder = dir ?? mkdtempSync(join(tmpdir(), 'approval-'));
  const step = (args: readonly string[], ending?: Ending): Promise<void> =>
    runProcess([...args, '--dir', folder], ending);
  try {
    await step(['start'], { killAt: 'this is process' });
    await step(['status']);
    await step(['answer', 'yes']);
    if (crashes) await step(['finish', '--reply', String(timeoutMs)], { killAt: 'bank: pay' });
    await step(['finish']);
    await step(['status']);
    return report(join(folder, 'bank.jsonl'));
  } finally {
    if (dir === undefined) rmSync(folder, { recursive: true });
  }
}

/** Runs one command as a process of its own, and prints what it prints. Rejects when it ends otherwise than it should. */
async function runProcess(args: readonly string[], { killAt }: Ending = {}): Promise<void> {
  const [command = ''] = args;
  const child = spawn(process.execPath, [...process.execArgv, main, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: timeoutMs,
  });
  const ended = endOf(child);
  console.log(`\n$ ${args.slice(0, args.indexOf('--dir')).join(' ')}`);
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(`${command} | ${line}`);
    if (killAt !== undefined && line.includes(killAt)) child.kill('SIGKILL');
  }
  const end = await ended;
  if (end === 'SIGKILL') console.log(`${command} was killed (SIGKILL)`);
  if (end !== (killAt === undefined ? 0 : 'SIGKILL')) throw new Error(`${command} ended with ${end}`);
}

function endOf(
  child: ChildProcessByStdio<null, Readable, null>,
): Promise<number | NodeJS.Signals | 'nothing'> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'nothing'));
  });
}

/** Prints what has reached the bank; whether each order was carried out exactly once. */
function report(path: string): boolean {
  const requests = readRequests(path);
  console.log('\nWhat has reached the bank:');
  for (const { order, by, key, isRepeat } of requests)
    console.log(`  ${order}, from ${by}${isRepeat ? ', again and in vain' : ''} (${key})`);
  const done = requests.filter(({ isRepeat }) => !isRepeat).map(({ order }) => order);
  const isOnce = new Set(done).size === done.length && done.length === 3;
  console.log(`\n${isOnce ? 'Each order was carried out exactly once.' : 'Not what was expected.'}`);
  return isOnce;
}

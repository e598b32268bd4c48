// Runs every bench in a process of its own, one after the other: `npm run full`, `npm run short`; names choose some.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

import { isShort, print, SHORT_ALLOWANCE } from './harness.ts';

/** How often a bench may be measured in the short form before a missed limit counts. */
const SHORT_ATTEMPTS = 3;

const names = process.argv.slice(2).filter((argument) => argument !== '--short');
const all = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.bench.ts'))
  .toSorted();
const unknown = names.filter((name) => !all.includes(`${name}.bench.ts`));
if (unknown.length > 0)
  throw new Error(`No bench is called ${unknown.join(', ')}; there are ${all.join(', ')}`);

function run(file: string): Promise<number | null> {
  const args = [
    ...process.execArgv,
    fileURLToPath(new URL(file, import.meta.url)),
    ...(isShort ? ['--short'] : []),
  ];
  return new Promise((resolve, reject) => {
    spawn(process.execPath, args, { stdio: 'inherit' }).on('error', reject).on('exit', resolve);
  });
}

const machine = `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;
print(
  isShort
    ? `short form on ${machine}; limits with an allowance of ${SHORT_ALLOWANCE}`
    : `full form on ${machine}`,
);
const start = performance.now();

/** A few rounds on shared cores can miss a limit by chance, but a slow build misses it every time. */
async function holds(file: string): Promise<boolean> {
  for (let left = isShort ? SHORT_ATTEMPTS : 1; left > 0; left -= 1) {
    if ((await run(file)) === 0) return true;
    if (left > 1) print(`${file} is measured once more`);
  }
  return false;
}

const missed: string[] = [];
for (const file of names.length > 0 ? names.map((name) => `${name}.bench.ts`) : all) {
  if (!(await holds(file))) missed.push(file);
}
print(
  `${Math.round((performance.now() - start) / 1_000)} s; ${missed.length === 0 ? 'every limit held' : `missed or failed: ${missed.join(', ')}`}`,
);
if (missed.length > 0) process.exitCode = 1;

/**
 * Runs every examples/*.ts against src/. An example in a folder needs more than one file can say, so a script in
 * package.json runs it: `example:NAME` is run from here; any other script that names the folder (the demo) is
 * somebody else's to run. A folder that no script names is an error. Where a folder has an `expected.txt`, the example
 * must print exactly that.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const timeout = 120_000;

function run(label, command, args, expected) {
  console.log(`> ${label}`);
  const { status, signal, error, stdout } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', expected === undefined ? 'inherit' : 'pipe', 'inherit'],
    encoding: 'utf8',
    timeout,
  });
  if (expected !== undefined) process.stdout.write(stdout ?? '');
  if (status !== 0)
    failed.push(`${label} (${error?.message ?? (signal ? `killed by ${signal}` : `exit ${status}`)})`);
  else if (expected !== undefined && stdout !== expected)
    failed.push(`${label} (printed other than expected)`);
}

function expectedOf(path) {
  const file = `${root}${path}/expected.txt`;
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

const failed = [];
const entries = existsSync(`${root}examples`) ? readdirSync(`${root}examples`, { withFileTypes: true }) : [];
const sorted = entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
let count = 0;

for (const entry of sorted) {
  const path = `examples/${entry.name}`;
  if (entry.isFile() && entry.name.endsWith('.ts')) {
    run(path, process.execPath, ['--conditions=@troupe/source', '--import', 'tsx', path]);
    count += 1;
  } else if (entry.isDirectory() && `example:${entry.name}` in scripts) {
    run(path, 'npm', ['run', '-s', `example:${entry.name}`], expectedOf(path));
    count += 1;
  } else if (entry.isDirectory()) {
    const runner = Object.keys(scripts).find((name) => scripts[name].includes(`${path}/`));
    if (runner) console.log(`> ${path}: left to \`npm run ${runner}\``);
    else failed.push(`${path} (add a script \`example:${entry.name}\` to package.json)`);
  }
}

console.log(`${count} examples run, ${failed.length} failed`);
for (const failure of failed) console.error(`failed: ${failure}`);
process.exitCode = failed.length > 0 ? 1 : 0;

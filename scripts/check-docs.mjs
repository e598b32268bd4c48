/**
 * Type-checks and runs every TypeScript block of README.md, docs/ and the doc comments of src/. A fence tagged `ts no-run` is only
 * type-checked; there is no way to skip a block. Blocks import `troupe` and get src/.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const workDir = `${root}.docs-check`;
const timeout = 60_000;

function pages() {
  const docs = existsSync(`${root}docs`) ? readdirSync(`${root}docs`, { recursive: true }) : [];
  const pagesInDocs = docs.filter((name) => name.endsWith('.md') && !name.includes('node_modules'));
  const sources = readdirSync(`${root}src`, { recursive: true }).filter((name) => name.endsWith('.ts'));
  return [
    'README.md',
    ...pagesInDocs.map((name) => `docs/${name}`).toSorted(),
    ...sources.map((name) => `src/${name}`).toSorted(),
  ];
}

/** The blocks of one page. Each keeps its line numbers, so that an error points into the page. */
function blocksOf(page) {
  const blocks = [];
  let open;
  for (const [index, line] of readFileSync(`${root}${page}`, 'utf8').split('\n').entries()) {
    const fence = /^(?<indent>\s*(?:\* )?)(?<ticks>`{3,})(?<info>.*)$/.exec(line)?.groups;
    if (open && fence && fence.ticks.length >= open.ticks.length && fence.info.trim() === '') {
      if (open.run !== undefined) blocks.push(open);
      open = undefined;
    } else if (open) {
      open.lines.push(
        line.startsWith(open.indent) ? line.slice(open.indent.length) : line.replace(/^\s+\*$/, ''),
      );
    } else if (fence) {
      open = {
        ...fence,
        page,
        line: index + 1,
        lines: [],
        run: modeOf(fence.info.trim(), `${page}:${index + 1}`),
      };
    }
  }
  if (open) throw new Error(`${page}:${open.line}: this fence is never closed`);
  return blocks;
}

/** true: run it; false: only type-check it; undefined: not TypeScript. */
function modeOf(info, place) {
  const [language, ...tags] = info.split(/\s+/);
  if (!['ts', 'typescript', 'tsx', 'mts'].includes(language.toLowerCase())) return undefined;
  if (info === 'ts') return true;
  if (info === 'ts no-run') return false;
  throw new Error(
    `${place}: expected the fence to be \`ts\` or \`ts no-run\`, got \`${[language, ...tags].join(' ')}\``,
  );
}

function write(block) {
  block.file = `${block.page.replaceAll(/[^\w.-]/g, '-')}-${block.line}.ts`;
  const text = '\n'.repeat(block.line) + block.lines.join('\n');
  writeFileSync(`${workDir}/${block.file}`, `${text}\nexport {};\n`);
}

function typeCheck() {
  const config = { extends: '../tsconfig.json', include: ['*.ts'], exclude: [] };
  writeFileSync(`${workDir}/tsconfig.json`, JSON.stringify(config));
  const { status } = spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', workDir], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return status === 0;
}

async function run(block) {
  const args = ['--conditions=@troupe/source', '--import', 'tsx', `${workDir}/${block.file}`];
  const child = spawn(process.execPath, args, { cwd: workDir, stdio: ['ignore', 'pipe', 'pipe'], timeout });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const [code, signal] = await new Promise((resolve, reject) => {
    child.on('close', (...result) => resolve(result));
    child.on('error', reject);
  });
  if (code === 0) return true;
  console.error(
    `${block.page}:${block.line}: the block ${signal ? `was killed by ${signal}` : `exited with ${code}`}\n${output}`,
  );
  return false;
}

async function runAll(blocks) {
  const queue = blocks.values();
  let failed = 0;
  const worker = async () => {
    for (const block of queue) if (!(await run(block))) failed += 1;
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return failed;
}

rmSync(workDir, { recursive: true, force: true });
mkdirSync(workDir);
const blocks = pages().flatMap(blocksOf);
blocks.forEach(write);
const typesOk = blocks.length === 0 || typeCheck();
const toRun = blocks.filter((block) => block.run);
const failed = typesOk ? await runAll(toRun) : 0;
if (typesOk && failed === 0) rmSync(workDir, { recursive: true });
console.log(
  `${blocks.length} blocks checked, ${typesOk ? toRun.length : 0} run, ${typesOk ? `${failed} failed` : 'types failed'}`,
);
process.exitCode = typesOk && failed === 0 ? 0 : 1;

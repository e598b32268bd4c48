import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';

import { createRunner, isTroupeError, type TroupeEvent } from 'troupe';

import { describe, reviewSchema } from './critique.ts';
import { readSettings, usage, type Settings } from './settings.ts';
import { refine } from './workflow.ts';

const exitCode = { published: 0, help: 0, wrong: 1, notPublished: 1, notAnswered: 2 } as const;

async function main(args: readonly string[]): Promise<number> {
  const settings = settingsOf(args);
  if (settings === 'help' || settings === 'wrong') return exitCode[settings];
  const { isApproved, limits, outDir } = settings;
  const source = await readFile(new URL('tides.txt', import.meta.url), 'utf8');

  await using runner = createRunner({ name: 'refine-loop' });
  const run = runner.iter(
    refine,
    { source, limits },
    { interruptHandlers: isApproved ? { decision: () => 'yes' } : {}, onFailure: 'return' },
  );
  for await (const event of run) {
    show(event);
    if (event.type !== 'Interrupt' || isApproved) continue;
    const decision = await ask();
    if (decision === undefined) return exitCode.notAnswered;
    await run.respond(event.key, decision);
  }

  const result = await run.result;
  console.log(`\nThe run has ${result.status}. What became of each node:`);
  for (const [name, status] of Object.entries(result.nodes))
    console.log(`  ${name}: ${[status, result.reasons[name]].filter(Boolean).join(', ')}`);
  if (result.error !== undefined) console.error(`\n${explain(result.error)}`);

  const isPublished = 'summary' in result.outputs; // a node that was skipped made none
  const summary = isPublished ? result.outputs.summary : '# No summary\n';
  const page = `${summary}\n## How it was made\n\n\`\`\`mermaid\n${refine.toMermaid(result)}\n\`\`\`\n`;
  const path = join(outDir, 'summary.md');
  await mkdir(outDir, { recursive: true });
  await writeFile(path, page);
  console.log(`\nWritten: ${path}`);
  return exitCode[isPublished ? 'published' : 'notPublished'];
}

/** What happens in the loop, and where a gate leads. */
function show(event: TroupeEvent): void {
  if (event.type === 'NodeEnd' && (event.nodeName === 'write' || event.nodeName === 'revise'))
    console.log(`\n${event.nodeName}: ${String(event.output)}`);
  if (event.type === 'NodeEnd' && event.nodeName === 'critique') {
    const { words, ease, findings } = reviewSchema.parse(event.output);
    const found = findings.map(describe).join('; ') || 'nothing to criticise';
    console.log(`critique: ${words} words, reading ease ${ease}: ${found}`);
  }
  if (event.type === 'RouteDecision') console.log(`${event.gate}: ${String(event.decision)}`);
}

/** The answer of the person at the terminal, a no at the end of the input; undefined when there is no terminal. */
async function ask(): Promise<'yes' | 'no' | undefined> {
  if (!process.stdin.isTTY) {
    console.error('The summary needs approval, and there is no terminal to ask at: approve it with --yes.');
    return undefined;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  terminal.setPrompt('\nPublish this summary? [y/N] ');
  terminal.prompt();
  const line = await terminal[Symbol.asyncIterator]().next();
  terminal.close();
  return line.done !== true && /^y(es)?$/i.test(line.value.trim()) ? 'yes' : 'no';
}

function explain(error: unknown): string {
  return isTroupeError(error) ? `${error.code}: ${error.message}\n${error.hint}` : String(error);
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

process.exitCode = await main(process.argv.slice(2));

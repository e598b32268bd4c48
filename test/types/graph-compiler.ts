import { execFile } from 'node:child_process';
import { mkdtemp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the compiler said of some files. */
export interface Compiled {
  /** Its messages about these files; the lines that explain one are with it. */
  readonly errors: readonly string[];
  /** How long it says that it took. */
  readonly seconds: number;
  /** How many types it made of others. */
  readonly instantiations: number;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(dirname(fileURLToPath(import.meta.resolve('typescript/package.json'))), 'lib', 'tsc.js');

/** A folder in which files can import `troupe`, compiled as this repository is. */
export async function openFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-types-'));
  await mkdir(join(folder, 'node_modules'));
  await symlink(ROOT, join(folder, 'node_modules', 'troupe'), 'dir');
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  return folder;
}

/** Removes a folder. */
export async function closeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

/** Compiles texts, by the names of their files, as a program of its own. */
export async function compile(folder: string, files: Readonly<Record<string, string>>): Promise<Compiled> {
  const names = Object.keys(files);
  const config = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      typeRoots: [join(ROOT, 'node_modules', '@types')],
      declaration: false,
      noUnusedLocals: false,
      noUnusedParameters: false,
    },
    include: [],
    files: names,
  };
  await Promise.all(names.map((name) => writeFile(join(folder, name), files[name] ?? '')));
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const printed = await run(folder, ['-p', '.', '--extendedDiagnostics', '--pretty', 'false']);
  const figure = (of: string): number => Number(new RegExp(`${of}:\\s+([\\d.]+)`).exec(printed)?.[1]);
  // Only what is about the files themselves: the sources of troupe are checked along.
  const errors = printed
    .split(/\n(?! )/)
    .filter((message) => names.some((name) => message.startsWith(`${name}(`)));
  return { errors, seconds: figure('Total time'), instantiations: figure('Instantiations') };
}

function run(folder: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const options = { cwd: folder, maxBuffer: 64_000_000 };
    // Errors in the file are a failing exit code too: what was printed tells.
    execFile(process.execPath, [TSC, ...args], options, (_error, stdout, stderr) => resolve(stdout + stderr));
  });
}

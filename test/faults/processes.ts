import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as pass } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll } from 'vitest';
import type { Command, Outcome, Report, SailorSettings } from './talk.ts';

/** A folder that is removed with all that is in it. */
export interface Folder extends AsyncDisposable {
  readonly dir: string;
}

export async function newFolder(): Promise<Folder> {
  const dir = await mkdtemp(join(tmpdir(), 'troupe-faults-'));
  await chmod(dir, 0o755); // some processes run as another user
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

let building: Promise<Folder> | undefined;

/** Hundreds of processes are started: in one file the program is there four times as fast as from its sources. */
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
      ssr: fileURLToPath(new URL('sailor.ts', import.meta.url)),
      outDir: join(folder.dir, 'program'),
      target: 'node20',
      rollupOptions: { output: { entryFileNames: 'sailor.mjs' } },
    },
  });
  return folder;
}

afterAll(async () => {
  const folder = await building;
  await folder?.[Symbol.asyncDispose]();
});

/** How a process ended. */
interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** A process of `sailor.ts`. */
export class Sailor implements AsyncDisposable {
  readonly exit: Promise<Exit>;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #reports: Report[] = [];
  #hasExited = false;
  #read = 0;
  #wake: (() => void) | undefined;

  /** Resolves when it takes commands. `through`: a command that starts it, with its arguments. */
  static async start(settings: SailorSettings, through: readonly string[] = []): Promise<Sailor> {
    building ??= buildProgram();
    const program = join((await building).dir, 'program', 'sailor.mjs');
    const [command, ...args] = [...through, process.execPath, program, JSON.stringify(settings)];
    const sailor = new Sailor(spawn(command, args, { stdio: 'pipe' }));
    await sailor.next(({ type }) => type === 'ready' || undefined);
    return sailor;
  }

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#process = child;
    const { stdin, stdout, stderr } = child;
    stdin.on('error', () => {}); // it was killed while it was written to
    createInterface(stdout).on('line', (line) => this.#take(line));
    const said = text(stderr);
    this.exit = once(this.#process, 'close').then(async ([code, signal]) => {
      this.#hasExited = true;
      this.#wake?.();
      return { code, signal, stderr: await said };
    });
  }

  send(command: Command | { readonly do: 'release' }): void {
    this.#process.stdin.write(`${JSON.stringify(command)}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** The next report for which `pick` gives something; rejects when the process has ended without one. */
  async next<Picked>(pick: (report: Report) => Picked | undefined): Promise<Picked> {
    const found = await this.find(pick);
    if (found !== undefined) return found;
    throw new Error(`The process has ended: ${JSON.stringify(await this.exit)}`);
  }

  /** As `next`; undefined when the process has ended without one. */
  async find<Picked>(pick: (report: Report) => Picked | undefined): Promise<Picked | undefined> {
    for (;;) {
      while (this.#read < this.#reports.length) {
        const report = this.#reports[this.#read];
        this.#read += 1;
        const picked = report === undefined ? undefined : pick(report);
        if (picked !== undefined) return picked;
      }
      if (this.#hasExited) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The first report that has come so far for which `pick` gives something. */
  seen<Picked>(pick: (report: Report) => Picked | undefined): Picked | undefined {
    for (const report of this.#reports) {
      const picked = pick(report);
      if (picked !== undefined) return picked;
    }
    return undefined;
  }

  /** Waits until a body waits to be released. */
  holds(name: string): Promise<true> {
    return this.next((report) => (report.type === 'holds' && report.name === name ? true : undefined));
  }

  outcome(workflowId: string): Promise<Outcome> {
    return this.next((report) =>
      report.type === 'outcome' && report.workflowId === workflowId ? report.outcome : undefined,
    );
  }

  /** What a command comes to. */
  async tell(command: Command): Promise<Outcome> {
    this.send(command);
    return this.outcome(command.workflowId);
  }

  /** Gives a command again and again, until nobody else has the workflow. */
  async tellWhenFree(command: Command): Promise<Outcome> {
    for (;;) {
      const outcome = await this.tell(command);
      if (!('code' in outcome) || outcome.code !== 'WORKFLOW_ALREADY_RUNNING') return outcome;
      await pass(20);
    }
  }

  /** Lets it end by itself. */
  async dismiss(): Promise<Exit> {
    this.#process.stdin.end();
    return this.exit;
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exit;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  #take(line: string): void {
    try {
      this.#reports.push(JSON.parse(line) as Report); // as `sailor.ts` writes it
    } catch {
      // The process was killed while it wrote it.
    }
    this.#wake?.();
  }
}

import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { randomUUID, hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createClient, type ResultSet } from '@libsql/client';
import type { Checkpointer, CheckpointBatch, Lease } from 'troupe/checkpoint';

/** What a workflow of these tests begins with. */
export const HEAD = { target: 'report', runId: 'run-1' } as const;

/** An entry of a log. */
export function line(index: number): string {
  return JSON.stringify({ type: 'AnswerKept', key: `grüße ${index}`, value: [index], time: index });
}

/** Some entries of a log, from one on. */
export function lines(first: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => line(first + index));
}

/** A large value of a log. */
export function blobOf(text: string): { readonly hash: string; readonly text: string } {
  return { hash: hash('sha256', text), text };
}

/** Begins a workflow; what is not said is as of any. */
export async function begin(
  checkpointer: Checkpointer,
  workflowId: string,
  batch: Partial<CheckpointBatch> = {},
): Promise<Lease> {
  const lease = await checkpointer.acquire(workflowId);
  const first = { first: 0, entries: [line(0)], status: 'running' as const, head: HEAD, ...batch };
  await checkpointer.append(lease, first);
  return lease;
}

/** A workflow that nobody holds any more. */
export async function write(checkpointer: Checkpointer, workflowId: string): Promise<void> {
  await begin(checkpointer, workflowId, { status: 'completed', releases: true });
}

/** Folders for tests; all are removed with it. */
export class Folders {
  readonly #root = mkdtempSync(join(tmpdir(), 'troupe-checkpoint-'));

  /** The path of a folder that is not there yet. */
  next(): string {
    return join(this.#root, `${randomUUID()}.d`);
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** Runs a statement on the database of a folder, behind the back of its checkpointers. */
export async function sql(dir: string, ...statements: readonly string[]): Promise<ResultSet | undefined> {
  const client = createClient({ url: pathToFileURL(join(dir, 'troupe.db')).href, timeout: 5_000 });
  let result: ResultSet | undefined;
  for (const statement of statements) result = await client.execute(statement);
  client.close();
  return result;
}

/** A process that works on a folder. */
export class Child {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(what: string, dir: string, { lease = 30_000, id = 'workflow' } = {}) {
    const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
    const script = fileURLToPath(new URL('file-child.ts', import.meta.url));
    const flags = ['--conditions=@troupe/source', '--import', tsx];
    this.#process = spawn(process.execPath, [...flags, script, what, dir, String(lease), id], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  /** The next line that it says; undefined when it has ended. */
  async next(): Promise<string | undefined> {
    const { done, value } = await this.#lines.next();
    return done === true ? undefined : value;
  }

  /** Lets it go on, where it waits. */
  go(): void {
    this.#process.stdin.write('go\n');
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** Kills it, and resolves when it is gone, with all that it had said. */
  async kill(): Promise<string[]> {
    this.signal('SIGKILL');
    const rest: string[] = [];
    for (let said = await this.next(); said !== undefined; said = await this.next()) rest.push(said);
    if (this.#process.exitCode === null && this.#process.signalCode === null)
      await new Promise((resolve) => {
        this.#process.once('exit', resolve);
      });
    return rest;
  }
}

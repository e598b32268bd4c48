import type { Client, Config, InStatement, InValue, ResultSet } from '@libsql/client';
import { pathToFileURL } from 'node:url';
import { systemClock } from '../clock.ts';
import { storeError } from './file-errors.ts';

/** A statement with what is put in for its question marks. */
export interface Statement {
  readonly sql: string;
  readonly args?: readonly InValue[];
}

/** How a connection is opened. */
export interface ConnectionOptions {
  readonly createClient: (config: Config) => Client;
  /** Of the database file. */
  readonly path: string;
  /** Run on every connection before anything else. */
  readonly pragmas: readonly string[];
}

/** A lock is waited for inside SQLite, where nothing else of the process can run: keep that short, and wait outside. */
const BLOCKING_WAIT_MS = 100;
const PAUSE_MS = 20;
const LONGEST_WAIT_MS = 10_000;

const LOCKED: ReadonlySet<unknown> = new Set(['SQLITE_BUSY', 'SQLITE_LOCKED', 'SQLITE_PROTOCOL']);

/**
 * One connection to the database. No transaction stays open beyond a turn of the event loop: it would lock out the other
 * connections of this process, which wait without giving it its turn.
 *
 * Text must be read as a blob (`CAST(… AS BLOB) AS name`): for text that is no UTF-8, or a name in a damaged schema that
 * is none, the package ends the whole process.
 */
export class FileConnection {
  readonly #client: Client;
  readonly #path: string;
  readonly #pragmas: readonly string[];
  #isPrepared = false;

  /** Throws {@link CheckpointError} when the file cannot be opened. */
  constructor({ createClient, path, pragmas }: ConnectionOptions) {
    this.#path = path;
    this.#pragmas = pragmas;
    try {
      // With more than one connection the pragmas would have to be set on each.
      this.#client = createClient({
        url: pathToFileURL(path).href,
        concurrency: 1,
        timeout: BLOCKING_WAIT_MS,
      });
    } catch (error) {
      throw storeError(path, error);
    }
  }

  /** Runs one statement, as a transaction of its own. Rejects with {@link CheckpointError}. */
  execute(sql: string, args: readonly InValue[] = []): Promise<ResultSet> {
    return this.#attempt(() => this.#client.execute({ sql, args: args as InValue[] })); // it only reads them
  }

  /** Runs all statements as one transaction; nothing of it stays when one fails. Rejects with {@link CheckpointError}. */
  batch(statements: readonly Statement[], mode: 'write' | 'deferred'): Promise<ResultSet[]> {
    return this.#attempt(() => this.#client.batch(statements as InStatement[], mode)); // it only reads them
  }

  /** Does something on another connection while none of any process can write. */
  async whileLocked(work: () => Promise<unknown>): Promise<void> {
    const transaction = await this.#attempt(() => this.#client.transaction('write'));
    try {
      await work();
    } finally {
      transaction.close();
    }
  }

  close(): void {
    this.#client.close();
  }

  async #attempt<Result>(work: () => Promise<Result>): Promise<Result> {
    let deadline: number | undefined;
    for (;;) {
      try {
        if (!this.#isPrepared) await this.#prepare();
        return await work();
      } catch (error) {
        this.#renew();
        deadline ??= systemClock.now() + LONGEST_WAIT_MS;
        if (!isLocked(error) || systemClock.now() > deadline) throw storeError(this.#path, error);
      }
      await pause();
    }
  }

  /**
   * A statement that failed for a lock stays in progress until it is collected as garbage, and until then what is written
   * on its connection is not committed, and is lost with the process: see tursodatabase/libsql-client-ts#352.
   */
  #renew(): void {
    this.#isPrepared = false;
    this.#client.reconnect();
  }

  async #prepare(): Promise<void> {
    for (const pragma of this.#pragmas) await this.#client.execute(pragma);
    this.#isPrepared = true;
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && 'code' in error && LOCKED.has(error.code);
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    systemClock.setTimeout(resolve, PAUSE_MS);
  });
}

import { CheckpointError } from '../errors.ts';
import { isRefusal, storeError } from './file-errors.ts';

/** What is put in for a question mark. A `number` arrives as a float, which only a column of integers turns back. */
export type Value = string | number | bigint | Buffer | null;

/** A row by the names of its columns. */
export type Row = Readonly<Record<string, unknown>>;

/** What is used of `libsql`. */
export interface Engine {
  readonly inTransaction: boolean;
  readonly prepare: (sql: string) => PreparedStatement;
  readonly exec: (sql: string) => void;
  readonly close: () => void;
}

interface PreparedStatement {
  readonly run: (args: readonly Value[]) => { readonly changes: number };
  readonly all: (args: readonly Value[]) => Row[];
}

/** How a connection is opened. */
export interface ConnectionOptions {
  readonly Engine: new (path: string, options: { readonly timeout: number }) => Engine;
  /** Of the database file. */
  readonly path: string;
  /** Run on every connection before anything else. */
  readonly pragmas: readonly string[];
}

/** A lock is waited for inside SQLite, where nothing else of the process can run: keep that short, and wait outside. */
const BLOCKING_WAIT_MS = 100;

/**
 * One connection to the database. Statements are prepared once, so that their texts must be few: what differs from one time
 * to the next is put in for a question mark. All of it happens at once; what throws has changed nothing.
 *
 * Text must be read as a blob (`CAST(… AS BLOB) AS name`): for text that is no UTF-8, or a name in a damaged schema that
 * is none, the package ends the whole process.
 */
export class FileConnection {
  readonly #options: ConnectionOptions;
  readonly #statements = new Map<string, PreparedStatement>();
  #engine: Engine | undefined;
  #openings = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** How often it was opened. */
  get openings(): number {
    return this.#openings;
  }

  /** The rows of a query. Throws {@link CheckpointError}. */
  all(sql: string, ...args: readonly Value[]): Row[] {
    return this.#attempt(() => this.#prepared(sql).all(args));
  }

  /** Runs a statement, outside of {@link transaction} as one of its own; returns how many rows it has changed. Throws {@link CheckpointError}. */
  run(sql: string, ...args: readonly Value[]): number {
    return this.#attempt(() => this.#prepared(sql).run(args).changes);
  }

  /** Runs several statements as one; nothing of them stays when one throws. Throws {@link CheckpointError}. */
  transaction<Result>(mode: 'IMMEDIATE' | 'DEFERRED', work: () => Result): Result {
    return this.#attempt(() => {
      this.#prepared(`BEGIN ${mode}`).run([]);
      const result = work();
      this.#prepared('COMMIT').run([]);
      return result;
    });
  }

  /** Does something on another connection while none of any process can write. */
  whileLocked(work: () => void): void {
    this.#attempt(() => {
      this.#prepared('BEGIN IMMEDIATE').run([]);
      work();
      this.#prepared('ROLLBACK').run([]);
    });
  }

  /** It is opened again when it is used again. */
  close(): void {
    const engine = this.#engine;
    this.#engine = undefined;
    this.#statements.clear();
    if (engine === undefined) return;
    // It goes on until its statements are collected as garbage, and must hold no lock till then.
    rollBack(engine);
    engine.close();
  }

  /** Throws {@link CheckpointError} while another writes. As no statement is prepared for it, none is left in progress. */
  assertUnlocked(): void {
    try {
      const engine = this.#engine ?? this.#open();
      engine.exec('BEGIN IMMEDIATE');
      engine.exec('ROLLBACK');
    } catch (error) {
      throw storeError(this.#options.path, error);
    }
  }

  /**
   * A statement that failed for a lock stays in progress until it is collected as garbage, and until then what is written
   * on its connection is not committed, and is lost with the process: see tursodatabase/libsql-client-ts#352. Of one that
   * was refused, or for which there was no room, nothing is left.
   */
  #attempt<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      const failure = error instanceof CheckpointError ? error : storeError(this.#options.path, error);
      if (isRefusal(failure) && this.#engine !== undefined && rollBack(this.#engine)) throw failure;
      this.close();
      throw failure;
    }
  }

  #prepared(sql: string): PreparedStatement {
    let prepared = this.#statements.get(sql);
    if (prepared === undefined) {
      prepared = (this.#engine ?? this.#open()).prepare(sql);
      this.#statements.set(sql, prepared);
    }
    return prepared;
  }

  #open(): Engine {
    const { Engine, path, pragmas } = this.#options;
    const engine = new Engine(path, { timeout: BLOCKING_WAIT_MS });
    this.#engine = engine;
    this.#openings += 1;
    for (const pragma of pragmas) engine.prepare(pragma).all([]);
    return engine;
  }
}

/** Whether no transaction is open any more. */
function rollBack(engine: Engine): boolean {
  try {
    if (engine.inTransaction) engine.exec('ROLLBACK');
    return true;
  } catch {
    return false; // why it is rolled back is told
  }
}

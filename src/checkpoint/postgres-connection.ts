import type * as Pg from 'pg';
import { afterThisTurn, randomOf, systemClock } from '../clock.ts';
import { CheckpointError } from '../errors.ts';
import { isTrouble, parametersError, storeError } from './postgres-errors.ts';
import { isClosed } from './reading.ts';

/** The columns of a row, each as the server writes it. */
export type Row = readonly (string | null)[];
export type Value = string | number | boolean | null;
export type Query = (text: string, values?: readonly Value[]) => Promise<readonly Row[]>;

export interface ConnectionOptions {
  readonly connectionString: string;
  /** How long a call tries again, from the moment at which it was made. */
  readonly retryForMs: number;
  /** Asked once, before anything else, on one connection. */
  readonly prepare: (query: Query) => Promise<void>;
}

/** How many connections one checkpointer has at most. */
const MAX_CONNECTIONS = 5;
const LONGEST_CONNECT_MS = 10_000;
/** Making the tables, or waiting until another process has. */
const PREPARE_MS = 30_000;
/** A busy machine may well take so long to answer, without anything being wrong. */
const LEAST_ANSWER_MS = 1_000;
/** A slow network takes longer for more. */
const LEAST_BYTES_PER_MS = 100;
/** For an answer of any length. */
const LONG_ANSWER_MS = 120_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;

/** As they come: an application may have set other parsers for all of its connections. */
const AS_TEXT: Pg.CustomTypesConfig = { getTypeParser: () => String };

interface QueryOptions {
  /** The answer may take long, as it may be large. */
  readonly isLong?: boolean;
  /** Called before each try but the first. */
  readonly onTryAgain?: () => void;
}

interface Opened {
  readonly pool: Pg.Pool;
  /** What the database is called in messages. */
  readonly name: string;
}

/** Connections to one database, which are made anew when they are lost. */
export class PostgresConnection {
  readonly #options: ConnectionOptions;
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosing = false;
  #opening: Promise<Opened> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /**
   * The rows that a statement gives. It may be made more than once, when the connection is lost before its answer is here.
   */
  async query(text: string, values: readonly Value[], options?: QueryOptions): Promise<readonly Row[]> {
    const work = this.#query({ text, values, ...options });
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
    }
  }

  /** Waits for what is under way, with all that it asks for in turn; nothing is tried again. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  assertOpen(): void {
    if (this.#isClosing) throw isClosed();
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    while (this.#underWay.size > 0) {
      // oxlint-disable-next-line no-await-in-loop -- what ends may begin the next, in the same turn
      await Promise.allSettled(this.#underWay).then(() => new Promise<void>(afterThisTurn));
    }
    // What could not be opened was closed at once.
    const opened = await this.#opening?.catch(() => {});
    await opened?.pool.end();
  }

  /* oxlint-disable no-await-in-loop -- one try after the other */
  async #query(statement: Statement): Promise<readonly Row[]> {
    const deadline = systemClock.now() + this.#options.retryForMs;
    const { pool, name } = await this.#open();
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        return await withClient(pool, (client) => send(client, statement, this.#answerMsOf(statement)));
      } catch (error) {
        const isLastTry = systemClock.now() + pauseMs > deadline || this.#isClosing;
        if (isLastTry || !isTrouble(error)) throw storeError(error, name);
      }
      // Not all at the same moment, where many have lost the same server.
      await pause(pauseMs * (0.5 + randomOf(systemClock) / 2));
      statement.onTryAgain?.();
    }
  }
  /* oxlint-enable no-await-in-loop */

  #answerMsOf({ values, isLong = false }: Statement): number {
    if (isLong) return Math.max(LONG_ANSWER_MS, this.#options.retryForMs);
    const size = values.reduce<number>((sum, value) => sum + String(value).length, 0);
    return Math.max(LEAST_ANSWER_MS, this.#options.retryForMs / 3) + size / LEAST_BYTES_PER_MS;
  }

  #open(): Promise<Opened> {
    this.#opening ??= this.#connect().catch((error: unknown) => {
      this.#opening = undefined; // what was wrong may be mended before the next call
      throw error;
    });
    return this.#opening;
  }

  async #connect(): Promise<Opened> {
    const pg = await loadPg();
    const { connectionString, prepare, retryForMs } = this.#options;
    const name = nameOf(pg, connectionString);
    const pool = new pg.Pool({
      Client: clientClass(pg, Math.min(Math.max(LEAST_ANSWER_MS, retryForMs), LONGEST_CONNECT_MS)),
      connectionString,
      max: MAX_CONNECTIONS,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      fallback_application_name: 'troupe',
      // A checkpointer that is not closed does not keep the process alive.
      allowExitOnIdle: true,
    });
    // Without listeners a connection that is lost would end the process. The next query finds out by itself.
    pool.on('error', () => {});
    pool.on('connect', (client) => client.on('error', () => {}));
    try {
      await withClient(pool, (client) =>
        prepare((text, values = []) => send(client, { text, values }, PREPARE_MS)),
      );
      return { pool, name };
    } catch (error) {
      await pool.end();
      throw storeError(error, name);
    }
  }
}

interface Statement extends QueryOptions {
  readonly text: string;
  readonly values: readonly Value[];
}

type PgModule = (typeof Pg)['default'];

async function loadPg(): Promise<PgModule> {
  try {
    const { default: pg } = await import('pg');
    return pg;
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    const message = isMissing
      ? 'postgresCheckpointer() needs the package "pg"'
      : 'The package "pg" cannot be loaded';
    throw new CheckpointError(message, { hint: 'npm install pg', cause: error });
  }
}

/** A limit of the pool would also count the time in which a call waits for the ones before it. */
function clientClass({ Client }: PgModule, connectionTimeoutMillis: number): new () => Pg.ClientBase {
  return class extends Client {
    constructor(config?: Pg.ClientConfig) {
      super({ ...config, connectionTimeoutMillis });
    }
  };
}

/** What the database is called in messages, without the user and the password. */
function nameOf(pg: PgModule, connectionString: string): string {
  try {
    const { host, port, database } = new pg.Client({ connectionString });
    return `"${database ?? ''}" at ${host}:${port}`;
  } catch (error) {
    throw parametersError(error);
  }
}

async function withClient<Result>(
  pool: Pg.Pool,
  work: (client: Pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  try {
    const result = await work(client);
    client.release();
    return result;
  } catch (error) {
    client.release(true); // it may be broken, inside a transaction, or still waiting for an answer
    throw error;
  }
}

async function send(
  client: Pg.PoolClient,
  { text, values }: Statement,
  timeoutMs: number,
): Promise<readonly Row[]> {
  const config = { text, values: [...values], rowMode: 'array', types: AS_TEXT } as const;
  const { rows } = await within(timeoutMs, client.query<(string | null)[]>(config));
  return rows;
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => systemClock.setTimeout(resolve, delayMs));
}

function within<Result>(timeoutMs: number, answer: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = systemClock.setTimeout(
      () => reject(new Error(`there was no answer within ${Math.ceil(timeoutMs)} ms`)),
      timeoutMs,
    );
    void answer.then(resolve, reject).finally(() => systemClock.clearTimeout(timer));
  });
}

import { isTroupeError } from 'troupe';
import type { Checkpointer, CheckpointBatch, Lease } from 'troupe/checkpoint';
import { postgresCheckpointer, type PostgresCheckpointerOptions } from 'troupe/checkpoint/postgres';
import { newSchema, sql } from './postgres-desk.ts';

/** A schema of its own, which is removed at the end with all that was opened on it. */
export class TestStore implements AsyncDisposable {
  readonly schema = newSchema();
  readonly #connectionString: string;
  readonly #opened: Checkpointer[] = [];

  constructor(connectionString: string) {
    this.#connectionString = connectionString;
  }

  open(options: Partial<PostgresCheckpointerOptions> = {}): Checkpointer {
    const { schema } = this;
    const checkpointer = postgresCheckpointer({
      connectionString: this.#connectionString,
      schema,
      ...options,
    });
    this.#opened.push(checkpointer);
    return checkpointer;
  }

  /** Sends statements in which `$schema` stands for the schema, and gives the rows of the last one. */
  sql(...statements: readonly string[]): Promise<readonly Record<string, unknown>[]> {
    const filled = statements.map((statement) => statement.replaceAll('$schema', this.schema));
    return sql(this.#connectionString, ...filled);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#opened.map((checkpointer) => checkpointer.close()));
    await this.sql('DROP SCHEMA IF EXISTS $schema CASCADE');
  }
}

/** One entry of a log that `history` can read. */
export function entry(text: string): string {
  return JSON.stringify({ type: 'AnswerKept', key: text, value: [1], time: 1 });
}

/** The batch of one entry, with what the first one of a workflow needs. */
export function batchOf(first: number, more: Partial<CheckpointBatch> = {}): CheckpointBatch {
  const head = { target: 'target', runId: 'run' };
  return {
    first,
    entries: [entry(`entry ${first}`)],
    status: 'running',
    ...(first === 0 ? { head } : {}),
    ...more,
  };
}

/** Begins a workflow with so many batches. */
export async function begin(checkpointer: Checkpointer, workflowId: string, count: number): Promise<Lease> {
  const lease = await checkpointer.acquire(workflowId);
  for (let first = 0; first < count; first += 1) await checkpointer.append(lease, batchOf(first));
  return lease;
}

/** The entries of a workflow in order, as numbers. */
export async function entriesOf(checkpointer: Checkpointer, workflowId: string): Promise<readonly string[]> {
  const messages = await checkpointer.history(workflowId);
  return messages.map((message) => ('key' in message ? message.key : message.type));
}

/** Takes the lease of a workflow as soon as the one before is over. */
export async function acquireSoon(checkpointer: Checkpointer, workflowId: string): Promise<Lease> {
  for (;;) {
    try {
      return await checkpointer.acquire(workflowId);
    } catch (error) {
      if (!isTroupeError(error, 'WORKFLOW_ALREADY_RUNNING')) throw error;
    }
  }
}

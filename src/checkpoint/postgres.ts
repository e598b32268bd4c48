/**
 * Keeps durable workflows in a Postgres database.
 *
 * @module
 */
import { CheckpointError } from '../errors.ts';
import type { Checkpointer, CheckpointerOptions } from './checkpointer.ts';
import { PostgresCheckpointer } from './postgres-checkpointer.ts';
import { PostgresConnection } from './postgres-connection.ts';
import { PostgresStatements } from './postgres-statements.ts';
import { prepareSchema } from './postgres-schema.ts';
import { settingsOf } from './settings.ts';

/** Options of {@link postgresCheckpointer}. */
export interface PostgresCheckpointerOptions extends CheckpointerOptions {
  /** Where the database is: `postgres://user:password@host:5432/database`. Never part of a message. */
  readonly connectionString: string;
  /** The schema that holds its tables; made on first use. Checkpointers of several schemas share nothing. Default: `'troupe'`. */
  readonly schema?: string | undefined;
  /**
   * How long a call tries again when the connection is lost, in ms, before it rejects. A server that does not answer for
   * a third of it, or for a second where that is longer, counts as lost. Default: as long as `lease`, but at least 10,000.
   */
  readonly retryFor?: number | undefined;
}

/** Below that, a short lease would leave no time for a server to be started anew. */
const LEAST_RETRY_MS = 10_000;
/** Postgres cuts longer names off, so that two of them would be one. */
const MAX_NAME_BYTES = 63;

/**
 * Keeps workflows in a Postgres database with the encoding UTF8, for several processes on several hosts. It needs the
 * package `pg` (`npm install pg`), which is loaded on first use. Then it makes its schema and its tables, or brings those
 * of an older version up to date; several processes may do so at once. A user that may not do that finds them made.
 *
 * An append is one round trip and one transaction, and is safe when it resolves: also where the server's default is
 * `synchronous_commit = off`. When the connection is lost, a call is made again on another one, for `retryFor` ms, and has
 * its effect once; only the first use fails at once. Leases go by the clock of the server.
 *
 * @throws {@link CheckpointError} CHECKPOINT when an option is not of the form asked for.
 *
 * @example
 * ```ts no-run
 * import { createRunner, node } from 'troupe';
 * import { postgresCheckpointer } from 'troupe/checkpoint/postgres';
 *
 * await using checkpointer = postgresCheckpointer({ connectionString: 'postgres://ada@localhost/workflows' });
 * await using runner = createRunner({ checkpointer });
 * const greet = node('greet', async (name: string) => `Hello ${name}`);
 * await runner.run(greet, 'Ada', { workflowId: 'greeting-1' });
 * console.log((await checkpointer.get('greeting-1'))?.status); // completed
 * ```
 */
export function postgresCheckpointer(options: PostgresCheckpointerOptions): Checkpointer {
  const settings = settingsOf('postgresCheckpointer', options, ['connectionString', 'schema', 'retryFor']);
  const { connectionString, schema = 'troupe' } = options;
  const { retryFor = Math.max(settings.leaseMs, LEAST_RETRY_MS) } = options;
  assertConnectionString(connectionString);
  assertSchema(schema);
  assertRetryFor(retryFor);
  const connection = new PostgresConnection({
    connectionString,
    retryForMs: retryFor,
    prepare: (query) => prepareSchema(schema, query),
  });
  return new PostgresCheckpointer(settings, connection, new PostgresStatements(schema));
}

function assertConnectionString(text: unknown): void {
  const hint = "Give `connectionString: 'postgres://user:password@host:5432/database'`.";
  if (typeof text !== 'string' || !/^(postgres(ql)?:\/\/|socket:|\/)/u.test(text))
    throw new CheckpointError('Expected `connectionString` to begin with postgres://', { hint });
  // Else what follows the character would be taken for the name of the database, and be shown in messages.
  if (/^\w+:\/\/[^/?#@]*(\/[^?]*|[?#].*)@/su.test(text))
    throw new CheckpointError(
      'The user or the password of `connectionString` has a character that must be encoded',
      {
        hint: 'Put both through `encodeURIComponent`.',
      },
    );
}

function assertSchema(schema: unknown): void {
  const isName =
    typeof schema === 'string' &&
    schema !== '' &&
    !/\0|\p{Surrogate}|^pg_/u.test(schema) &&
    Buffer.byteLength(schema) <= MAX_NAME_BYTES;
  if (isName) return;
  throw new CheckpointError(
    `Expected \`schema\` to be the name of a schema, got \`${String(schema)}\` (${typeof schema})`,
    { hint: `It has 1 to ${MAX_NAME_BYTES} bytes and does not begin with "pg_". Leave it out for "troupe".` },
  );
}

function assertRetryFor(retryFor: unknown): void {
  if (typeof retryFor === 'number' && retryFor >= 0) return;
  throw new CheckpointError(
    `Expected \`retryFor\` to be a number >= 0, got \`${String(retryFor)}\` (${typeof retryFor})`,
    { hint: 'It is in ms. Leave it out for its default.' },
  );
}

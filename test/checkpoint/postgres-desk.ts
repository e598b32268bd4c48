import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { inject } from 'vitest';
import { Client } from 'pg';

/**
 * The connection string of the server for tests; undefined where there is none, and then says so. Tests that need it are
 * skipped then, which the checks of a change do not let pass.
 */
export async function findPostgres(): Promise<string | undefined> {
  const answer = await text(connect(inject('postgresDesk'), '127.0.0.1'));
  if (answer.startsWith('postgres')) return answer;
  console.warn(
    `No Postgres for tests, they are skipped: install it, or set TROUPE_TEST_POSTGRES to a connection string. ${answer}`,
  );
  return undefined;
}

/** The name of a schema that no other test has. */
export function newSchema(): string {
  return `test_${randomBytes(8).toString('hex')}`;
}

/** Sends statements on a connection of its own, and gives the rows of the last one. */
export async function sql(
  connectionString: string,
  ...statements: readonly string[]
): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) ({ rows } = await client.query(statement));
    return rows;
  } finally {
    await client.end();
  }
}

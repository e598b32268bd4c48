import { describe, expect, test, vi } from 'vitest';
import { postgresCheckpointer } from 'troupe/checkpoint/postgres';
import { checkpointerContract } from 'troupe/testing';
import { findPostgres, newSchema, sql } from './postgres-desk.ts';

vi.setConfig({ testTimeout: 60_000 }); // of many connections, on a busy machine

const connectionString = (await findPostgres()) ?? '';

describe.skipIf(connectionString === '')('a checkpointer in Postgres', () => {
  const cases = checkpointerContract({
    createStore: () => {
      const schema = newSchema();
      return {
        open: (options) => postgresCheckpointer({ ...options, connectionString, schema }),
        [Symbol.asyncDispose]: async () => {
          await sql(connectionString, `DROP SCHEMA IF EXISTS ${schema} CASCADE`);
        },
      };
    },
  });

  test.each(cases)('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { findPostgres, newSchema, sql } from '../checkpoint/postgres-desk.ts';
import type { StorePlace } from './stores.ts';

/** A store that no other test has; it is removed with it. */
export interface NewStore extends AsyncDisposable {
  readonly place: StorePlace;
}

/** A kind of store that outlives a process. */
export interface StoreKind {
  readonly name: string;
  /** Without a server, the tests that need it are skipped. */
  readonly isThere: boolean;
  /** `dir`: a folder that is removed with all that is in it. */
  readonly create: (dir: string) => NewStore;
}

export const fileStore: StoreKind = {
  name: 'file',
  isThere: true,
  create: (dir) => ({
    place: { type: 'file', dir: join(dir, randomUUID()) },
    [Symbol.asyncDispose]: async () => {},
  }),
};

/** The store in the server of the tests. */
export async function findPostgresStore(): Promise<StoreKind> {
  const connectionString = (await findPostgres()) ?? '';
  return {
    name: 'Postgres',
    isThere: connectionString !== '',
    create: () => {
      const schema = newSchema();
      return {
        place: { type: 'postgres', connectionString, schema },
        [Symbol.asyncDispose]: async () => {
          await sql(connectionString, `DROP SCHEMA IF EXISTS ${schema} CASCADE`);
        },
      };
    },
  };
}

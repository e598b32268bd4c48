import { describe } from 'vitest';
import { lineageTests } from './lineage-laws.ts';
import { findPostgresStore } from './store-kinds.ts';

const postgres = await findPostgresStore();

describe.skipIf(!postgres.isThere)('forks and maps in Postgres', () => {
  lineageTests(postgres);
});

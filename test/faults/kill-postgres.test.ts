import { describe } from 'vitest';
import { killTests } from './kill-laws.ts';
import { findPostgresStore } from './store-kinds.ts';

const postgres = await findPostgresStore();

describe.skipIf(!postgres.isThere)('workflows in Postgres whose processes are killed', () => {
  killTests(postgres);
});

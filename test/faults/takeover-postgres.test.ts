import { describe } from 'vitest';
import { findPostgresStore } from './store-kinds.ts';
import { takeoverTests } from './takeover-laws.ts';

const postgres = await findPostgresStore();

describe.skipIf(!postgres.isThere)('workflows in Postgres and several processes', () => {
  takeoverTests(postgres);
});

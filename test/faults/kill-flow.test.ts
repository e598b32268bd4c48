import { describe } from 'vitest';
import { flowKillTests } from './flow-kill-laws.ts';
import { fileStore, findPostgresStore } from './store-kinds.ts';

const postgres = await findPostgresStore();

describe('workers in a folder whose processes are killed', () => {
  flowKillTests(fileStore);
});

describe.skipIf(!postgres.isThere)('workers in Postgres whose processes are killed', () => {
  flowKillTests(postgres);
});

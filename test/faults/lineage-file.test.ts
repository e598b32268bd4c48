import { describe } from 'vitest';
import { lineageTests } from './lineage-laws.ts';
import { fileStore } from './store-kinds.ts';

describe('forks and maps in a folder', () => {
  lineageTests(fileStore);
});

import { describe } from 'vitest';
import { killTests } from './kill-laws.ts';
import { fileStore } from './store-kinds.ts';

describe('workflows in a folder whose processes are killed', () => {
  killTests(fileStore);
});

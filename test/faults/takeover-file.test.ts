import { describe } from 'vitest';
import { fileStore } from './store-kinds.ts';
import { takeoverTests } from './takeover-laws.ts';

describe('workflows in a folder and several processes', () => {
  takeoverTests(fileStore);
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fileCheckpointer } from 'troupe/checkpoint';
import { checkpointerContract } from 'troupe/testing';

describe('a checkpointer in a folder', () => {
  const cases = checkpointerContract({
    createStore: async () => {
      const dir = await mkdtemp(join(tmpdir(), 'troupe-checkpoint-'));
      return {
        open: (options) => fileCheckpointer({ ...options, dir }),
        [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
      };
    },
  });

  test.each(cases)('$name', { timeout: 30_000 }, async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

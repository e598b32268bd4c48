import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const script = fileURLToPath(new URL('../support/map-heap.ts', import.meta.url));

test('mapIter streams 100,000 items in constant memory', { timeout: 240_000 }, async () => {
  const flags = ['--expose-gc', '--conditions=@troupe/source', '--import', 'tsx', script];

  const { stdout } = await run(process.execPath, flags);
  const { count, early, late } = JSON.parse(stdout) as { count: number; early: number; late: number };

  expect(count).toBe(100_000);
  // 80,000 runs that were kept would be some hundred MB; what the engine itself keeps is below this.
  expect(late - early).toBeLessThan(4_000_000);
});

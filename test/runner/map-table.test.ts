import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const source = fileURLToPath(new URL('../../src', import.meta.url));
const tsx = import.meta.resolve('tsx');

test('toTable without apache-arrow says how to install it', { timeout: 60_000 }, async () => {
  const away = await mkdtemp(join(tmpdir(), 'troupe-'));
  for (const part of ['runner/map-table.ts', 'errors.ts', 'json-value.ts'])
    await cp(join(source, part), join(away, 'src', part));
  await writeFile(join(away, 'package.json'), '{ "type": "module" }');
  const script = `
    import { tableOf } from './src/runner/map-table.ts';
    try { tableOf([]); } catch ({ code, hint }) { console.log(code, hint); }
  `;
  await writeFile(join(away, 'main.ts'), script);

  const { stdout } = await run(process.execPath, ['--import', tsx, join(away, 'main.ts')], { cwd: away });
  await rm(away, { recursive: true });

  expect(stdout).toBe('INCOMPATIBLE_RUNNER npm install apache-arrow\n');
});

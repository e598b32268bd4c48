import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { createRunner, node } from 'troupe';
import { diskCache } from 'troupe/cache';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventLog, ofType } from '../support/runs.ts';

const run = promisify(execFile);
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const root = fileURLToPath(new URL('../..', import.meta.url));

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-cache-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A folder that no other test has. */
function newDir(): string {
  return join(folder, randomUUID());
}

/** What a process of its own does: runs a cached node for each input, and prints how often the body ran. */
const PROGRAM = `
  import { createRunner, node } from 'troupe';
  import { diskCache } from 'troupe/cache';
  const { dir, inputs, body } = JSON.parse(process.env.TASK);
  const cache = diskCache({ dir });
  let runs = 0;
  const bodies = {
    double: async (n) => { globalThis.onBody(); return { of: new Map([[n, n * 2]]) }; },
    triple: async (n) => { globalThis.onBody(); return { of: new Map([[n, n * 3]]) }; },
  };
  globalThis.onBody = () => { runs += 1; };
  const cached = node('cached', bodies[body], { cache: true });
  const runner = createRunner({ cache });
  const results = await Promise.all(inputs.map((n) => runner.run(cached, n)));
  console.log(JSON.stringify({ runs, answers: results.map(({ answer }, at) => answer.of.get(inputs[at])) }));
  await runner.close();
  await cache.close();
`;

interface Task {
  readonly dir: string;
  readonly inputs: readonly number[];
  readonly body?: 'double' | 'triple';
}

/** Does it in a process of its own. */
async function inProcess({ dir, inputs, body = 'double' }: Task): Promise<unknown> {
  const flags = ['--conditions=@troupe/source', '--import', tsx, '--input-type=module', '--eval', PROGRAM];
  const env = { ...process.env, TASK: JSON.stringify({ dir, inputs, body }) };
  const { stdout } = await run(process.execPath, flags, { cwd: root, env });
  return JSON.parse(stdout);
}

describe('a cache on disk', () => {
  test('gives a later process the results of an earlier one', async () => {
    const dir = newDir();

    const first = await inProcess({ dir, inputs: [4, 4, 5] });
    const second = await inProcess({ dir, inputs: [4, 5, 6] });

    expect([first, second]).toEqual([
      { runs: 2, answers: [8, 8, 10] },
      { runs: 1, answers: [8, 10, 12] },
    ]);
  }, 60_000);

  test('gives a process whose body is another nothing', async () => {
    const dir = newDir();

    await inProcess({ dir, inputs: [4] });
    const changed = await inProcess({ dir, inputs: [4], body: 'triple' });

    expect(changed).toEqual({ runs: 1, answers: [12] });
  }, 60_000);

  test('serves two processes at once', async () => {
    const dir = newDir();
    const inputs = Array.from({ length: 40 }, (_, index) => index);
    const answers = inputs.map((n) => n * 2);

    const both = await Promise.all([inProcess({ dir, inputs }), inProcess({ dir, inputs })]);
    const later = await inProcess({ dir, inputs });

    expect(both).toMatchObject([{ answers }, { answers }]);
    expect(later).toEqual({ runs: 0, answers });
  }, 60_000);

  test('serves synchronous runs with what is there', async () => {
    await using cache = diskCache({ dir: newDir() });
    const { events, subscriber } = eventLog();
    await using runner = createRunner({ cache, subscriber });
    const double = node('double', (n: number) => n * 2, { cache: true });
    await runner.run(double, 4);
    const stored = await runner.run(double, 4);

    const { answer } = runner.runSync(double, 4);

    expect([stored.answer, answer]).toEqual([8, 8]);
    expect(ofType(events, 'CacheMiss')).toHaveLength(1);
  });

  test('that is closed before its runner fails no run', async () => {
    const cache = diskCache({ dir: newDir() });
    await using runner = createRunner({ cache });
    const double = node('double', (n: number) => n * 2, { cache: true });
    await runner.run(double, 4);

    await cache.close();
    const { status, answer } = await runner.run(double, 4);

    expect([status, answer]).toEqual(['completed', 8]);
  });
});

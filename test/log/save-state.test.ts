import { createRunner, fromNode, node, type RunResult } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createActor, toPromise } from 'xstate';
import { memoryLogger } from '../support/memory-logger.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-save-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const hello = node('hello', async () => 'hello');
const fail = node('fail', async () => {
  throw new Error('boom');
});
const hang = node('hang', () => new Promise<void>(() => {}));

function saved(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>;
}

describe('a saved run', () => {
  test('is under the target’s name and its id', async () => {
    await using runner = createRunner({ saveState: folder });

    const { runId } = await runner.run(hello);

    expect(readdirSync(folder)).toEqual([`hello_${runId}.json`]);
  });

  test('is under the runner’s name where it has one', async () => {
    await using runner = createRunner({ saveState: folder, name: 'nightly-2.0' });

    const { runId } = await runner.run(hello);

    expect(readdirSync(folder)).toEqual([`nightly-2.0_${runId}.json`]);
  });

  test.each(['..', '.', 'a b', '../up', 'a/b', 'a\\b', 'naïve', 'a:b', 'nul\0', ''.padEnd(3, '*')])(
    'of a target named %j is under its id alone',
    async (name) => {
      const { logger, lines } = memoryLogger();
      await using runner = createRunner({ saveState: folder, logger, logLevel: 'warn' });

      const { runId } = await runner.run(node(name, () => 1));

      expect(readdirSync(folder)).toEqual([`${runId}.json`]);
      expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    },
  );

  test('of a runner whose name is no file name is under its id alone, whatever the target’s name is', async () => {
    await using runner = createRunner({ saveState: folder, name: '../up' });

    const { runId } = await runner.run(hello);

    expect(readdirSync(folder)).toEqual([`${runId}.json`]);
  });

  test('makes its folder', async () => {
    await using runner = createRunner({ saveState: join(folder, 'deep', 'er') });

    const { runId } = await runner.run(hello);

    expect(existsSync(join(folder, 'deep', 'er', `hello_${runId}.json`))).toBe(true);
  });

  test('is what the info says', async () => {
    await using runner = createRunner({ saveState: folder });

    const { runId, info } = await runner.run(hello);

    expect(saved(`hello_${runId}.json`)).toEqual(JSON.parse(info.graphSerialization()));
  });

  test('is there before the promise of the run settles', async () => {
    await using runner = createRunner({ saveState: folder });
    const handle = runner.iter(hello);

    const names = await handle.result.then(() => readdirSync(folder));

    expect(names).toEqual([`hello_${handle.runId}.json`]);
  });

  test('is there when a synchronous run returns', () => {
    const runner = createRunner({ saveState: folder });

    const { runId } = runner.runSync(node('sync', () => 1));

    expect(saved(`sync_${runId}.json`)).toMatchObject({ status: 'completed', answer: 1 });
  });

  test('is there when a synchronous run throws', () => {
    const runner = createRunner({ saveState: folder });
    const broken = node('broken', () => {
      throw new Error('boom');
    });

    expect(() => runner.runSync(broken)).toThrow('boom');

    const [name] = readdirSync(folder);
    expect(saved(name ?? '')).toMatchObject({ status: 'failed' });
  });

  test('is there when a run fails', async () => {
    await using runner = createRunner({ saveState: folder });

    await runner.run(fail).catch(() => undefined);

    const [name] = readdirSync(folder);
    expect(saved(name ?? '')).toMatchObject({ status: 'failed', requests: [{ error: { message: 'boom' } }] });
  });

  test('is there when a run is cancelled', async () => {
    await using runner = createRunner({ saveState: folder });
    const handle = runner.iter(hang, undefined, { onFailure: 'return' });

    handle.cancel();
    await handle.result;

    expect(saved(`hang_${handle.runId}.json`)).toMatchObject({ status: 'cancelled' });
  });

  test('is there when a run has timed out', async () => {
    const clock = fakeClock();
    await using runner = createRunner({ saveState: folder, clock, timeout: 10 });
    const run = runner.run(hang, undefined, { onFailure: 'return' });

    await clock.advance(10);
    const { runId } = await run;

    expect(saved(`hang_${runId}.json`)).toMatchObject({ status: 'timedOut' });
  });

  test('is not there while a run is paused', async () => {
    await using runner = createRunner({ saveState: folder });
    const ask = node('ask', (_: void, ctx) => ctx.interrupt('?'));

    const { runId } = await runner.run(ask);

    expect(readdirSync(folder)).toEqual([]);
    await runner.respond(runId, 'ask', 1);
    expect(readdirSync(folder)).toEqual([`ask_${runId}.json`]);
  });

  test('is not there where the run’s own option says false', async () => {
    await using runner = createRunner({ saveState: folder });

    await runner.run(hello, undefined, { saveState: false });

    expect(readdirSync(folder)).toEqual([]);
  });

  test('is in the folder that the run’s own option names', async () => {
    await using runner = createRunner();

    await runner.run(hello, undefined, { saveState: folder });

    expect(readdirSync(folder)).toHaveLength(1);
  });

  test('is whole JSON whatever the values are', async () => {
    await using runner = createRunner({ saveState: folder });
    const cycle: Record<string, unknown> = { send: () => 0, big: 1n, nan: Number.NaN, symbol: Symbol('s') };
    cycle['self'] = cycle;

    const { runId } = await runner.run(node('odd', async () => cycle));

    expect(saved(`odd_${runId}.json`)).toMatchObject({ version: 1, status: 'completed' });
  });

  test('leaves no other file behind', async () => {
    await using runner = createRunner({ saveState: folder });

    await Promise.all(Array.from({ length: 20 }, () => runner.run(hello)));

    expect(readdirSync(folder).filter((name) => !/^hello_[\w-]+\.json$/.test(name))).toEqual([]);
    expect(readdirSync(folder)).toHaveLength(20);
  });

  test('of an embedded node is there when its actor is done', async () => {
    await toPromise(createActor(fromNode(hello, { saveState: folder }), { input: undefined }).start());

    expect(readdirSync(folder)).toHaveLength(1);
  });

  test('of an embedded node whose name is no file name is under its id alone, and a warning says so', async () => {
    const { logger, lines } = memoryLogger();
    const odd = node('../up', async () => 1);

    await toPromise(createActor(fromNode(odd, { saveState: folder, logger, logLevel: 'warn' })).start());

    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^[\w-]+\.json$/)]);
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });
});

async function runIntoFile(): Promise<{ result: RunResult; errors: number }> {
  const { logger, lines } = memoryLogger();
  const path = join(folder, 'file');
  await writeFile(path, 'in the way');
  await using runner = createRunner({ saveState: path, logger, logLevel: 'error' });
  const result = (await runner.run(hello)) as RunResult;
  return { result, errors: lines.filter(({ level }) => level === 'error').length };
}

describe('a save that fails', () => {
  test('changes nothing of the run', async () => {
    const { result } = await runIntoFile();

    expect(result).toMatchObject({ status: 'completed', answer: 'hello' });
  });

  test('is logged once', async () => {
    const { errors } = await runIntoFile();

    expect(errors).toBe(1);
  });

  test('leaves what was in the way as it was', async () => {
    await runIntoFile();

    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('in the way');
  });

  test('changes nothing of a synchronous run', async () => {
    const path = join(folder, 'file');
    await writeFile(path, 'in the way');
    await using runner = createRunner({ saveState: path });

    expect(runner.runSync(node('sync', () => 1)).answer).toBe(1);
  });

  test('leaves the error of a failing run as it is', async () => {
    const path = join(folder, 'file');
    await writeFile(path, 'in the way');
    await using runner = createRunner({ saveState: path });

    await expect(runner.run(fail)).rejects.toThrow('boom');
  });
});

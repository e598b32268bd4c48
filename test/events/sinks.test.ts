import { createRunner, jsonLines, node, progress, type ProgressStream, type TroupeEvent } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memoryLogger } from '../support/memory-logger.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-sinks-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const leaf = node('leaf', async (n: number) => n + 1);
const tree = node('tree', async (n: number, ctx) => (await ctx.callBatch(leaf, [n, n, n])).length);
const broken = node('broken', () => Promise.reject(new Error('broken')));

const ESCAPE = '\u001B';

class Screen implements ProgressStream {
  readonly written: string[] = [];
  readonly isTTY: boolean;
  readonly columns: number;
  constructor(isTTY: boolean, columns = 80) {
    this.isTTY = isTTY;
    this.columns = columns;
  }
  write(text: string): void {
    this.written.push(text);
  }
  get text(): string {
    return this.written.join('');
  }
}

describe('progress on a plain stream', () => {
  test('writes whole lines without control characters', async () => {
    const screen = new Screen(false);
    await using runner = createRunner({ processors: [progress({ stream: screen })] });

    await runner.run(tree, 1);
    await runner.close();

    expect(screen.text).not.toContain(ESCAPE);
    expect(screen.written.filter((text) => !text.endsWith('\n'))).toEqual([]);
    expect(screen.text.split('\n').length).toBeGreaterThan(4);
  });

  test('names the target, each node that is done, and how the run ended', async () => {
    const screen = new Screen(false);
    await using runner = createRunner({ processors: [progress({ stream: screen })] });

    await runner.run(tree, 1);
    await runner.close();

    const lines = screen.text.trim().split('\n');
    expect(lines[0]).toContain('tree');
    expect(lines.filter((line) => line.includes('leaf'))).toHaveLength(3);
    expect(lines.at(-1)).toContain('completed');
  });

  test('tells of failures and of new attempts', async () => {
    const clock = fakeClock();
    const screen = new Screen(false);
    await using runner = createRunner({ clock, processors: [progress({ stream: screen })] });
    const flaky = node('flaky', () => Promise.reject(new Error('flaky')), { retry: { maxAttempts: 2 } });

    const run = runner.run(flaky, undefined, { onFailure: 'return' });
    await clock.runAll();
    await run;

    expect(screen.text.split('\n').filter((line) => line.includes('flaky')).length).toBeGreaterThan(2);
    expect(screen.text).toContain('failed');
  });
});

describe('progress on a terminal', () => {
  test('draws a bar for each node name with how many are done', async () => {
    const screen = new Screen(true);
    await using runner = createRunner({ processors: [progress({ stream: screen })] });

    await runner.run(tree, 1);
    await runner.close();

    const last = screen.written.at(-1) ?? '';
    expect(last).toMatch(/tree.*1\/1/);
    expect(last).toMatch(/leaf.*3\/3/);
  });

  test('draws over what it drew before', async () => {
    const screen = new Screen(true);
    await using runner = createRunner({ processors: [progress({ stream: screen })] });
    const slow = node('slow', async (_: void, ctx) => {
      for (const n of [1, 2]) {
        await ctx.call(leaf, n);
        await new Promise((resolve) => setImmediate(resolve));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });

    await runner.run(slow);
    await runner.close();

    expect(screen.written.length).toBeGreaterThan(1);
    expect(screen.written.slice(1).filter((text) => !text.startsWith(ESCAPE))).toEqual([]);
  });

  test('draws a burst of events once', async () => {
    const screen = new Screen(true);
    await using runner = createRunner({ processors: [progress({ stream: screen })] });
    const wide = node('wide', (_: void, ctx) =>
      ctx.callBatch(
        leaf,
        Array.from({ length: 500 }, (_each, index) => index),
      ),
    );

    await runner.run(wide);
    await runner.close();

    expect(screen.written.length).toBeLessThan(50);
    expect(screen.written.at(-1)).toMatch(/leaf.*500\/500/);
  });

  test.each([20, 40, 200])('keeps its lines within %i columns', async (columns) => {
    const screen = new Screen(true, columns);
    await using runner = createRunner({ processors: [progress({ stream: screen })] });

    await runner.run(node('a'.repeat(60), () => 1));
    await runner.close();

    const lines = screen.text
      .replaceAll(new RegExp(`${ESCAPE}\\[[0-9]*[A-Z]`, 'g'), '')
      .split('\n')
      .map((line) => line.length);
    expect(Math.max(...lines)).toBeLessThanOrEqual(Math.max(columns, 40));
  });

  test('disturbs nobody when its stream throws', async () => {
    const stream: ProgressStream = {
      isTTY: true,
      write: () => {
        throw new Error('closed');
      },
    };
    await using runner = createRunner({ processors: [progress({ stream })] });

    expect((await runner.run(tree, 1)).answer).toBe(3);
  });
});

function linesOf(path: string): TroupeEvent[] {
  const text = readFileSync(path, 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as TroupeEvent);
}

describe('jsonLines', () => {
  test('writes each event as one line of JSON, in order', async () => {
    const path = join(folder, 'events.jsonl');
    await using runner = createRunner({ processors: [jsonLines(path)] });

    const { runId } = await runner.run(tree, 1);
    await runner.close();

    const events = linesOf(path);
    expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
    expect(new Set(events.map((event) => event.runId))).toEqual(new Set([runId]));
    expect([events[0]?.type, events.at(-1)?.type]).toEqual(['RunStart', 'RunEnd']);
  });

  test('appends to what is there', async () => {
    const path = join(folder, 'events.jsonl');
    await writeFile(path, '{"type":"mine"}\n');
    await using runner = createRunner({ processors: [jsonLines(path)] });

    await runner.run(leaf, 1);
    await runner.run(leaf, 1);
    await runner.close();

    expect(linesOf(path).filter(({ type }) => type === 'RunStart')).toHaveLength(2);
    expect(readFileSync(path, 'utf8').startsWith('{"type":"mine"}\n')).toBe(true);
  });

  test('writes valid JSON whatever the values are', async () => {
    const path = join(folder, 'events.jsonl');
    await using runner = createRunner({ processors: [jsonLines(path)] });
    const cycle: Record<string, unknown> = { send: () => 0, big: 1n, text: 'line\nbreak\u2028' };
    cycle['self'] = cycle;

    await runner.run(node('odd', async () => cycle));
    await runner.run(broken).catch(() => undefined);
    await runner.close();

    expect(linesOf(path).find(({ type }) => type === 'NodeError')).toMatchObject({
      error: { message: 'broken' },
    });
  });

  test('makes no file when there was no event', async () => {
    const path = join(folder, 'events.jsonl');
    const runner = createRunner({ processors: [jsonLines(path)] });

    await runner.close();

    expect(() => readFileSync(path)).toThrow(/ENOENT/);
  });

  test('that cannot write is logged, and disturbs nobody', async () => {
    const { logger, lines } = memoryLogger();
    const runner = createRunner({
      logger,
      logLevel: 'error',
      processors: [jsonLines(join(folder, 'no', 'such', 'folder.jsonl'))],
    });
    const slow = node('slow', async (_: void, ctx) => {
      await new Promise((resolve) => setImmediate(resolve));
      return ctx.call(leaf, 1);
    });

    const { answer } = await runner.run(slow);
    await runner.close();

    expect(answer).toBe(2);
    expect(lines.filter(({ level }) => level === 'error')).not.toEqual([]);
  });

  test('may be closed twice', async () => {
    const processor = jsonLines(join(folder, 'events.jsonl'));
    await using runner = createRunner({ processors: [processor] });
    await runner.run(leaf, 1);
    await runner.close();

    await expect(Promise.resolve(processor.close?.())).resolves.toBeUndefined();
  });
});

import { createRunner, node, type Logger } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memoryLogger } from '../support/memory-logger.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-logger-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

type Line = Readonly<Record<string, unknown>>;

/** A pino that writes into memory. */
function memoryPino(): { logger: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const logger = pino(
    { level: 'debug' },
    { write: (text: string) => void lines.push(JSON.parse(text) as Line) },
  );
  return { logger, lines };
}

const talk = node('talk', (_: void, ctx) => {
  ctx.log.debug('debugging');
  ctx.log.info({ n: 1 }, 'informing');
  ctx.log.warn('warning');
  ctx.log.error({ n: 2 }, 'failing');
});
const broken = node('broken', () => Promise.reject(new Error('broken')));

function ownOf(lines: readonly Line[]): unknown[] {
  const own = new Set(['debugging', 'informing', 'warning', 'failing']);
  return lines.map(({ msg }) => msg).filter((msg) => own.has(String(msg)));
}

describe('a pino', () => {
  test('gets what bodies log, at their levels', async () => {
    const { logger, lines } = memoryPino();
    await using runner = createRunner({ logger, logLevel: 'debug' });

    await runner.run(talk);

    const own = lines.filter(({ msg }) => ownOf(lines).includes(msg));
    expect(own.map(({ msg, level }) => [msg, level])).toEqual([
      ['debugging', 20],
      ['informing', 30],
      ['warning', 40],
      ['failing', 50],
    ]);
    expect(own[1]).toMatchObject({ n: 1 });
  });

  test('gets the ids of the invocation with each line of its body', async () => {
    const { logger, lines } = memoryPino();
    await using runner = createRunner({ logger, logLevel: 'debug' });
    const parent = node('parent', (_: void, ctx) => ctx.call(talk));

    const { runId, info } = await runner.run(parent);

    const [, request] = info.requests;
    expect(lines.find(({ msg }) => msg === 'warning')).toMatchObject({ runId, requestId: request?.id });
  });

  test('gets the failure of a call that nobody awaited', async () => {
    const { logger, lines } = memoryPino();
    await using runner = createRunner({ logger, logLevel: 'error' });
    const parent = node('parent', async (_: void, ctx) => void ctx.call(broken));

    const { status } = await runner.run(parent);
    await runner.close();

    expect(status).toBe('completed');
    expect(lines.filter((line) => JSON.stringify(line).includes('broken'))).not.toEqual([]);
  });
});

describe('the log level', () => {
  test.each([
    ['debug', ['debugging', 'informing', 'warning', 'failing']],
    ['info', ['informing', 'warning', 'failing']],
    ['warn', ['warning', 'failing']],
    ['error', ['failing']],
    ['silent', []],
  ] as const)('%s lets through what is at or above it', async (logLevel, expected) => {
    const { logger, lines } = memoryPino();
    await using runner = createRunner({ logger, logLevel });

    await runner.run(talk);

    expect(ownOf(lines)).toEqual(expected);
  });

  test('silent lets nothing through, not of a failing run either', async () => {
    const { logger, lines } = memoryPino();
    await using runner = createRunner({ logger, logLevel: 'silent' });

    await runner.run(broken, undefined, { onFailure: 'return' });
    await runner.close();

    expect(lines).toEqual([]);
  });

  test('of a run wins over that of the runner', async () => {
    const { logger, lines } = memoryPino();
    await using runner = createRunner({ logger, logLevel: 'silent' });

    await runner.run(talk, undefined, { logLevel: 'error' });

    expect(ownOf(lines)).toEqual(['failing']);
  });
});

function linesOf(path: string): Line[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

describe('the log file', () => {
  test('gets each line as JSON, after those that are there', async () => {
    const path = join(folder, 'deep', 'run.log');
    for (const turn of [1, 2]) {
      await using runner = createRunner({ logFile: path, logLevel: 'debug' });
      await runner.run(talk, undefined, { sessionId: String(turn) });
    }

    expect(ownOf(linesOf(path))).toHaveLength(8);
  });

  test('gets what the logger gets', async () => {
    const path = join(folder, 'run.log');
    const { logger, lines } = memoryPino();
    const runner = createRunner({ logFile: path, logger, logLevel: 'info' });

    await runner.run(talk);
    await runner.close();

    expect(linesOf(path).map(({ msg }) => msg)).toEqual(lines.map(({ msg }) => msg));
  });

  test('that cannot be opened is an InvalidInputError at once', () => {
    expect(() => createRunner({ logFile: '/dev/null/no.log' })).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    );
  });

  test('is not made where none is named', async () => {
    await using runner = createRunner({ logLevel: 'silent' });

    await runner.run(talk);

    expect(existsSync(join(folder, 'run.log'))).toBe(false);
  });
});

const noop = (): void => undefined;

const bad = (): never => {
  throw new Error('logger');
};

describe('a logger', () => {
  test('without child gets the ids line by line', async () => {
    const lines: object[] = [];
    const logger: Logger = {
      debug: noop,
      info: noop,
      warn: (fields: object | string) => void lines.push(typeof fields === 'object' ? fields : {}),
      error: noop,
    };
    await using runner = createRunner({ logger, logLevel: 'warn' });

    const { runId, info } = await runner.run(talk);

    expect(lines).toMatchObject([{ runId, requestId: info.requests.roots[0]?.id }]);
  });

  test('that throws disturbs no run', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    await using runner = createRunner({
      logLevel: 'debug',
      logger: { debug: bad, info: bad, warn: bad, error: bad, child: bad },
    });

    const { status } = await runner.run(talk);
    const failed = await runner.run(broken, undefined, { onFailure: 'return' });
    await runner.close();

    process.off('warning', onWarning);
    expect([status, failed.status]).toEqual(['completed', 'failed']);
  });

  test('of a run stands in for that of the runner', async () => {
    const [shared, own] = [memoryLogger(), memoryLogger()];
    await using runner = createRunner({ logger: shared.logger, logLevel: 'error' });

    await runner.run(talk, undefined, { logger: own.logger });
    await runner.close();

    expect([shared.lines.length, own.lines.length]).toEqual([0, 1]);
  });

  test('hears of each new attempt', async () => {
    const clock = fakeClock();
    const { logger, lines } = memoryLogger();
    await using runner = createRunner({ clock, logger, logLevel: 'warn' });
    const flaky = node(
      'flaky',
      (_: void, { attempt }) => {
        if (attempt === 1) throw new Error('flaky');
      },
      { retry: {} },
    );

    const run = runner.run(flaky);
    await clock.runAll();
    await run;

    expect(lines).toMatchObject([{ level: 'warn', fields: { node: 'flaky', attempt: 1 } }]);
  });
});

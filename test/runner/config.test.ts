import { createRunner, node, type TroupeEvent } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { never } from '../support/deferred.ts';
import { statusesOf } from '../support/forest.ts';

const one = node('one', () => 1);
const hangs = node('hangs', () => never());
const fails = node('fails', (): Promise<string> => Promise.reject(new Error('boom')));
const catches = node('catches', (_: unknown, ctx) => ctx.call(fails).catch(() => 'caught'));

/** A subscriber that only remembers the types of what it got. */
function listener() {
  const types: string[] = [];
  return { types, subscriber: (event: TroupeEvent) => void types.push(event.type) };
}

describe('an option of a run beside that of its runner', () => {
  test.each([
    { runner: 100, run: 50, endsAt: 50 },
    { runner: 100, run: undefined, endsAt: 100 },
    { runner: undefined, run: 50, endsAt: 50 },
    { runner: null, run: 50, endsAt: 50 },
    { runner: 50, run: 100, endsAt: 100 },
  ])('timeout $run over $runner stops the run at $endsAt ms', async ({ runner, run, endsAt }) => {
    const clock = fakeClock();
    const handle = createRunner({ clock, timeout: runner }).iter(hangs, undefined, {
      timeout: run,
      onFailure: 'return',
    });

    await clock.advance(endsAt - 1);
    const before = handle.info.status;
    await clock.advance(1);

    expect(before).toBe('running');
    expect((await handle.result).status).toBe('timedOut');
  });

  test('timeout null means none, whatever the runner says', async () => {
    const clock = fakeClock();
    const handle = createRunner({ clock, timeout: 100 }).iter(hangs, undefined, { timeout: null });

    await clock.advance(1_000_000);

    expect(handle.info.status).toBe('running');
  });

  test('onError of the run wins', async () => {
    const runner = createRunner({ onError: 'stopAll' });

    const { answer } = await runner.run(catches, undefined, { onError: 'stop' });

    expect(answer).toBe('caught');
  });

  test('onError undefined leaves that of the runner', async () => {
    const runner = createRunner({ onError: 'stopAll' });

    const { status } = await runner.run(catches, undefined, { onError: undefined, onFailure: 'return' });

    expect(status).toBe('failed');
  });

  test('a subscriber of the run gets the events instead of that of the runner', async () => {
    const clock = fakeClock();
    const [ofRunner, ofRun] = [listener(), listener()];
    const runner = createRunner({ clock, subscriber: ofRunner.subscriber });

    await runner.run(one, undefined, { subscriber: ofRun.subscriber });
    await clock.advance(0);

    expect(ofRunner.types).toEqual([]);
    expect(ofRun.types).toContain('RunEnd');
  });

  test('a subscriber null means none', async () => {
    const clock = fakeClock();
    const ofRunner = listener();
    const runner = createRunner({ clock, subscriber: ofRunner.subscriber });

    await runner.run(one, undefined, { subscriber: null });
    await clock.advance(0);

    expect(ofRunner.types).toEqual([]);
  });

  test('a subscriber undefined leaves that of the runner', async () => {
    const clock = fakeClock();
    const ofRunner = listener();
    const runner = createRunner({ clock, subscriber: ofRunner.subscriber });

    await runner.run(one, undefined, { subscriber: undefined });
    await clock.advance(0);

    expect(ofRunner.types).toContain('RunEnd');
  });

  test('processors of the run are added to those of the runner', async () => {
    const clock = fakeClock();
    const [ofRunner, ofRun] = [listener(), listener()];
    const runner = createRunner({ clock, processors: [{ onEvent: ofRunner.subscriber }] });

    await runner.run(one, undefined, { processors: [{ onEvent: ofRun.subscriber }] });
    await clock.advance(0);

    expect(ofRunner.types).toContain('RunEnd');
    expect(ofRun.types).toEqual(ofRunner.types);
  });

  test('processors of one run get nothing of the next', async () => {
    const clock = fakeClock();
    const ofRun = listener();
    const runner = createRunner({ clock });
    await runner.run(one, undefined, { processors: [{ onEvent: ofRun.subscriber }] });
    await clock.advance(0);
    const before = ofRun.types.length;

    await runner.run(one);
    await clock.advance(0);

    expect(ofRun.types).toHaveLength(before);
  });

  test('context of both is there, and the run wins key by key', async () => {
    const reads = node('reads', (_: unknown, ctx) => [ctx.context.get('a'), ctx.context.get('b')]);
    const runner = createRunner({ context: { a: 1, b: 1 } });

    const { answer } = await runner.run(reads, undefined, { context: { b: 2 } });

    expect(answer).toEqual([1, 2]);
  });

  test('a logger of the run gets the lines instead of that of the runner', async () => {
    const lines: Record<string, unknown[]> = { runner: [], run: [] };
    const loggerFor = (owner: string) => {
      const note = (...args: unknown[]): void => void lines[owner]?.push(args);
      return { debug: note, info: note, warn: note, error: note };
    };
    const says = node('says', (_: unknown, ctx) => ctx.log.info('hello'));
    const clock = fakeClock();
    const runner = createRunner({ clock, logger: loggerFor('runner'), logLevel: 'info' });

    await runner.run(says, undefined, { logger: loggerFor('run') });
    await clock.advance(0);

    expect(lines['runner']).toEqual([]);
    expect(lines['run']?.length).toBeGreaterThan(0);
  });

  test('logLevel of the run wins', async () => {
    const lines: unknown[] = [];
    const note = (...args: unknown[]): void => void lines.push(args);
    const logger = { debug: note, info: note, warn: note, error: note };
    const says = node('says', (_: unknown, ctx) => ctx.log.info('hello'));
    const clock = fakeClock();
    const runner = createRunner({ clock, logger, logLevel: 'info' });

    await runner.run(says, undefined, { logLevel: 'silent' });
    await clock.advance(0);

    expect(lines).toEqual([]);
  });

  test('the options of one run do not leak into the next', async () => {
    const clock = fakeClock();
    const runner = createRunner({ clock });
    const first = runner.run(hangs, undefined, { timeout: 10, onFailure: 'return' });
    await clock.advance(10);
    await first;

    const second = runner.iter(hangs);
    await clock.advance(1_000);

    expect(second.info.status).toBe('running');
  });

  test('sessionId is on every event of the run', async () => {
    const clock = fakeClock();
    const sessions: unknown[] = [];
    const runner = createRunner({ clock });

    await runner.run(one, undefined, {
      sessionId: 's1',
      subscriber: (event) => void sessions.push(event.sessionId),
    });
    await clock.advance(0);

    expect(new Set(sessions)).toEqual(new Set(['s1']));
  });
});

describe('what runners share', () => {
  test('runs of one runner at the same time keep apart', async () => {
    const writes = node('writes', async (value: number, ctx) => {
      ctx.context.put('value', value);
      await Promise.resolve();
      return ctx.context.get('value');
    });
    const runner = createRunner();

    const results = await Promise.all([1, 2, 3].map((value) => runner.run(writes, value)));

    expect(results.map((result) => result.answer)).toEqual([1, 2, 3]);
  });

  test('a node may be run by two runners at the same time', async () => {
    const [a, b] = [createRunner(), createRunner({ onError: 'stopAll' })];

    const [first, second] = await Promise.all([
      a.run(catches),
      b.run(catches, undefined, { onFailure: 'return' }),
    ]);

    expect(statusesOf(first.info)).toEqual(['catches succeeded', 'fails failed']);
    expect(statusesOf(second.info)).toEqual(['catches cancelled', 'fails failed']);
  });
});

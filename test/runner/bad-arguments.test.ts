import {
  createRunner,
  input,
  InvalidInputError,
  isTroupeError,
  MissingInputError,
  node,
  TroupeError,
  UnknownInputError,
  type RunnerOptions,
  type RunOptions,
} from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { rejectionOf, thrownBy } from '../support/deferred.ts';
import { eventLog } from '../support/runs.ts';

const one = node('one', () => 1);
const add = node({ name: 'add', inputs: { a: input<number>(), b: input(1) }, run: ({ a, b }) => a + b });

const hasCodeAndHint = (error: unknown): boolean =>
  isTroupeError(error) && error.code.length > 0 && error.hint.length > 0;

const SHARED = {
  'a negative timeout': { timeout: -1 },
  'a timeout of 0': { timeout: 0 },
  'a timeout that is a text': { timeout: '5s' },
  'a timeout that is NaN': { timeout: Number.NaN },
  'an unknown onError': { onError: 'ignore' },
  'maxConcurrency 0': { maxConcurrency: 0 },
  'a maxConcurrency between two integers': { maxConcurrency: 1.5 },
  'a context that is a list': { context: [1] },
  'processors that are no list': { processors: {} },
  'a processor without onEvent': { processors: [{}] },
  'a subscriber that is no function': { subscriber: 'log' },
  'a logger without methods': { logger: {} },
  'an unknown logLevel': { logLevel: 'loud' },
  'saveState true': { saveState: true },
  'an unknown orphans': { orphans: 'adopt' },
  'a redact that is a number': { redact: 7 },
  'an interrupt handler that is no function': { interruptHandlers: { go: 1 } },
  'an option that does not exist': { tymeout: 5 },
};

describe('createRunner refuses', () => {
  const cases = {
    ...SHARED,
    'a negative retain': { retain: -1 },
    'a clock without timers': { clock: { now: () => 0 } },
    'a name that is a number': { name: 5 },
    'options that are no object': 5,
  };

  test.each(Object.entries(cases))('%s', (_name, options) => {
    const error = thrownBy(() => createRunner(options as unknown as RunnerOptions));

    expect(error).toBeInstanceOf(InvalidInputError);
    expect(hasCodeAndHint(error)).toBe(true);
  });
});

describe('run refuses', () => {
  const cases = {
    ...SHARED,
    'a signal that is none': { signal: {} },
    'an unknown onFailure': { onFailure: 'shrug' },
    'a sessionId that is a number': { sessionId: 5 },
    'options that are no object': 'fast',
  };

  test.each(Object.entries(cases))('%s, and runs nothing', async (_name, options) => {
    let hasRun = false;
    const runner = createRunner();
    const target = node('target', () => {
      hasRun = true;
    });

    const error = await rejectionOf(runner.run(target, undefined, options as unknown as RunOptions));

    expect(error).toBeInstanceOf(InvalidInputError);
    expect(hasCodeAndHint(error)).toBe(true);
    expect(hasRun).toBe(false);
    expect(runner.info.runs).toHaveLength(0);
  });

  test.each([undefined, null, 'one', {}, () => 1, { name: 'one', run: () => 1 }])(
    '%j as a target',
    async (target) => {
      const runner = createRunner();

      const error = await rejectionOf(runner.run(target as unknown as typeof one));

      expect(error).toBeInstanceOf(InvalidInputError);
      expect(hasCodeAndHint(error)).toBe(true);
      expect(runner.info.runs).toHaveLength(0);
    },
  );

  test('a workflowId where there is no checkpointer', async () => {
    const error = await rejectionOf(createRunner().run(one, undefined, { workflowId: 'w1' }));

    expect(error).toMatchObject({ code: 'CHECKPOINT' });
    expect(hasCodeAndHint(error)).toBe(true);
  });

  test.each([
    ['an input that is missing', {}, MissingInputError],
    ['an input that is unknown', { a: 1, c: 1 }, UnknownInputError],
    ['an input that is no object', 5, InvalidInputError],
    ['an input that is null', null, InvalidInputError],
    ['an input that is a list', [1], TroupeError],
  ] as const)('%s', async (_name, given, expected) => {
    const runner = createRunner();

    const error = await rejectionOf(runner.run(add, given as unknown as { a: number }));

    expect(error).toBeInstanceOf(expected);
    expect(hasCodeAndHint(error)).toBe(true);
    expect(runner.info.runs).toHaveLength(0);
  });

  test('an unknown input with a hint at the one that was meant', async () => {
    const greet = node({ name: 'greet', inputs: { person: input('Ada') }, run: ({ person }) => person });

    const error = await rejectionOf(createRunner().run(greet, { persn: 'Bob' } as Record<never, never>));

    expect((error as UnknownInputError).hint).toContain('person');
  });

  test('a bad input also with onFailure return, as there is no run', async () => {
    const failing = createRunner().run(add, {} as { a: number }, { onFailure: 'return' });

    expect(await rejectionOf(failing)).toBeInstanceOf(MissingInputError);
  });

  test('a bad input without any event', async () => {
    const clock = fakeClock();
    const { events, subscriber } = eventLog();

    await rejectionOf(createRunner({ clock }).run(add, {} as { a: number }, { subscriber }));
    await clock.advance(0);

    expect(events).toEqual([]);
  });

  test('an input that an asynchronous schema refuses, and records nothing', async () => {
    const word = z.string().refine(async (text) => Promise.resolve(text === 'right'));
    const picky = node({ name: 'picky', inputs: { word }, run: ({ word: given }) => given });
    const runner = createRunner();

    const error = await rejectionOf(runner.run(picky, { word: 'wrong' }));

    expect(error).toBeInstanceOf(InvalidInputError);
    expect(runner.info.runs).toHaveLength(0);
  });
});

describe('a runner that refused something', () => {
  test('still runs', async () => {
    const runner = createRunner();
    await rejectionOf(runner.run(add, {} as { a: number }));

    const { answer } = await runner.run(add, { a: 1 });

    expect(answer).toBe(2);
  });

  test('still closes', async () => {
    const runner = createRunner();
    await rejectionOf(runner.run(one, undefined, { tymeout: 1 } as unknown as RunOptions));

    await expect(runner.close()).resolves.toBeUndefined();
  });

  test('refuses unknown options of close, and stays open', async () => {
    const runner = createRunner();

    const error = await rejectionOf(
      Promise.resolve().then(() => runner.close({ drian: true } as unknown as { drain: boolean })),
    );

    expect(error).toBeInstanceOf(InvalidInputError);
    expect((await runner.run(one)).answer).toBe(1);
  });
});

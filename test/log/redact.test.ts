import { createRunner, node, type Node, type NodeContext, type RedactOption, type TroupeEvent } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { InspectionEvent } from 'xstate';
import { findText } from '../support/find-text.ts';
import { memoryLogger, type LogLine } from '../support/memory-logger.ts';

const SECRET = 'hunter2-7f3a';
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-redact-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Everything that anybody saw of a run. */
interface Seen {
  readonly events: TroupeEvent[];
  readonly lines: LogLine[];
  readonly saved: string;
  readonly json: string;
  readonly inspected: InspectionEvent[];
  /** Where the secret stood in the inspection events when they came. */
  readonly places: Set<string | undefined>;
  readonly answer: unknown;
  readonly error: unknown;
}

type Carrier = { readonly token: unknown };

/** Puts what it is given wherever a body can. */
const tell = node({
  name: 'work',
  output: 'made',
  run: async (given: Carrier, ctx: NodeContext): Promise<unknown> => {
    ctx.emitChunk(given);
    ctx.broadcast(given);
    ctx.context.put('session', given);
    ctx.log.info(given, 'at work');
    await ctx.interrupt(given, { key: 'ask' });
    return ctx.call(
      node('child', async (again: Carrier) => ({ ...again })),
      given,
    );
  },
});

/** Throws what it is given, as part of an error. */
const fail = node('work', (given: Carrier, ctx): Promise<unknown> => {
  const broken = node('broken', () => Promise.reject(Object.assign(new Error('broken'), given)), {
    retry: { maxAttempts: 2 },
  });
  return ctx.call(broken);
});

async function leak(
  redact: RedactOption,
  token: unknown,
  target: Node<Carrier, unknown> = tell,
): Promise<Seen> {
  const clock = fakeClock();
  const events: TroupeEvent[] = [];
  const places = new Set<string | undefined>();
  const inspected: InspectionEvent[] = [];
  const { logger, lines } = memoryLogger();
  await using runner = createRunner({
    clock,
    redact,
    logger,
    logLevel: 'debug',
    saveState: folder,
    subscriber: (event) => void events.push(event),
    inspect: (event) => {
      inspected.push(event);
      places.add(findText(event, SECRET));
    },
  });
  const handle = runner.iter(target, { token }, { onFailure: 'return' });
  await clock.runAll();
  void handle.respond('ask', { token }).catch(() => undefined);
  await clock.runAll();
  const { answer, error, runId, info } = await handle.result;
  const saved = await readFile(join(folder, `work_${runId}.json`), 'utf8');
  return { events, lines, saved, json: info.graphSerialization(), inspected, places, answer, error };
}

/** Which of these hold the secret, and where. */
function leaksOf(seen: readonly object[]): unknown[] {
  const found = seen.map((each) => [{ ...each }, findText(each, SECRET)] as const);
  return found
    .filter(([, place]) => place !== undefined)
    .map(([each, place]) => ['type' in each ? each.type : 'a line', place]);
}

/** Takes a secret out of every text. */
function scrub(value: unknown): unknown {
  return typeof value === 'string' ? value.replaceAll(SECRET, '***') : value;
}

class Credentials {
  readonly token: string;
  constructor(token: string) {
    this.token = token;
  }
}

const CASES: readonly (readonly [string, RedactOption, unknown])[] = [
  ['by its key', ['token'], SECRET],
  ['by its key, whatever is under it', ['token'], [{ deep: SECRET }]],
  ['by its key in an instance of a class', ['token'], new Credentials(SECRET)],
  ['by a key below it', ['password'], { list: [{ password: SECRET }] }],
  ['by a dotted path', ['token.password'], { password: SECRET }],
  ['by a dotted path with a star', ['token.*.password'], { ada: { password: SECRET } }],
  ['by a key of a map', ['password'], new Map([['password', SECRET]])],
  ['by a function', scrub, { text: `is ${SECRET}!` }],
  ['by a function, in a map', scrub, new Map([['k', SECRET]])],
  ['by a function, in a set', scrub, new Set([SECRET])],
  ['by a function, in an array', scrub, [[SECRET]]],
];

describe.each(CASES)('what is redacted %s', (_, redact, token) => {
  test('is in no event', async () => {
    const { events } = await leak(redact, token);

    expect(leaksOf(events)).toEqual([]);
  });

  test('is in no log line', async () => {
    const { lines } = await leak(redact, token);

    expect(leaksOf(lines)).toEqual([]);
  });

  test('is not in the saved file, nor in toJSON', async () => {
    const { saved, json } = await leak(redact, token);

    expect([saved.includes(SECRET), json.includes(SECRET)]).toEqual([false, false]);
  });

  test('is nowhere that an inspector can see', async () => {
    const { places, inspected } = await leak(redact, token);

    expect([...places]).toEqual([undefined]);
    expect(leaksOf(inspected)).toEqual([]);
  });

  test('is all there in the answer', async () => {
    const { answer } = await leak(redact, token);

    expect((answer as Carrier).token).toBe(token);
  });
});

describe.each([
  ['by its key', ['token'], SECRET],
  ['by a function', scrub, SECRET],
  ['by a function, in its cause', scrub, new Error(SECRET)],
] as const)('what is redacted %s in an error', (_, redact, token) => {
  test('is in no event', async () => {
    const { events } = await leak(redact, token, fail);

    expect(leaksOf(events)).toEqual([]);
  });

  test('is in no log line', async () => {
    const { lines } = await leak(redact, token, fail);

    expect(leaksOf(lines)).toEqual([]);
  });

  test('is not in the saved file, nor in toJSON', async () => {
    const { saved, json } = await leak(redact, token, fail);

    expect([saved.includes(SECRET), json.includes(SECRET)]).toEqual([false, false]);
  });

  test('is nowhere that an inspector can see', async () => {
    const { places, inspected } = await leak(redact, token, fail);

    expect([...places]).toEqual([undefined]);
    expect(leaksOf(inspected)).toEqual([]);
  });

  test('is all there for the caller, as it is the very object', async () => {
    const { error } = await leak(redact, token, fail);

    expect(error).toMatchObject({ message: 'broken', token });
  });

  test('leaves the message and the name of the error', async () => {
    const { events } = await leak(redact, token, fail);

    const failed = events.find(({ type }) => type === 'NodeError');
    expect(failed).toMatchObject({ error: { name: 'Error', message: 'broken' } });
  });
});

describe('redact', () => {
  test('leaves what it does not mean as it was', async () => {
    const { events } = await leak(['password'], { user: 'Ada', password: SECRET });

    expect(events.find(({ type }) => type === 'RunStart')).toMatchObject({
      target: 'work',
      inputs: { token: { user: 'Ada' } },
    });
  });

  test('by a path with a star means one key in its place', async () => {
    const given = { ada: { password: 'kept', deep: { password: SECRET } } };

    const { events } = await leak(['token.*.*.password'], given);

    expect(events[0]).toMatchObject({ type: 'RunStart', inputs: { token: { ada: { password: 'kept' } } } });
    expect(findText(events, SECRET)).toBeUndefined();
  });

  test('by a function gets each value with its path', async () => {
    const paths = new Set<string>();

    await leak((value, path) => {
      if (value === SECRET) paths.add(path);
      return value;
    }, SECRET);

    expect([...paths].some((path) => path.endsWith('.token') || path === 'token')).toBe(true);
  });

  test('of a run wins over that of the runner', async () => {
    const events: TroupeEvent[] = [];
    await using runner = createRunner({ redact: ['a'], subscriber: (event) => void events.push(event) });
    const echo = node('echo', (given: { a: string; b: string }) => given);

    await runner.run(echo, { a: '1', b: '2' }, { redact: ['b'] });
    await runner.run(echo, { a: '1', b: '2' }, { redact: null });
    await runner.close();

    const starts = events.filter(({ type }) => type === 'RunStart');
    expect(starts[0]).toMatchObject({ inputs: { a: '1', b: expect.not.stringMatching('2') as unknown } });
    expect(starts[1]).toMatchObject({ inputs: { a: '1', b: '2' } });
  });

  test('that throws fails no run', async () => {
    await using runner = createRunner({
      subscriber: () => undefined,
      redact: () => {
        throw new Error('redact');
      },
    });

    const { answer } = await runner.run(
      node('echo', (n: number) => n),
      1,
    );

    expect(answer).toBe(1);
  });

  test('touches no prototype where a key is named __proto__', async () => {
    const events: TroupeEvent[] = [];
    await using runner = createRunner({ redact: ['token'], subscriber: (event) => void events.push(event) });
    const given: unknown = JSON.parse('{"__proto__":{"polluted":true}}');

    await runner.run(
      node('echo', (value: unknown) => value),
      given,
    );
    await runner.close();

    const [start] = events;
    const inputs = start?.type === 'RunStart' ? (start.inputs as object) : {};
    expect(Object.getPrototypeOf(inputs)).toBe(Object.prototype);
    expect(Object.keys(inputs)).toEqual(['__proto__']);
  });

  test('holds for what actors keep under symbols, too', async () => {
    const { inspected } = await leak(['token'], SECRET);

    expect(
      inspected.map((event) => findText(event, SECRET, true)).filter((place) => place !== undefined),
    ).toEqual([]);
  });

  test('names no secret in the names of files', async () => {
    await leak(['token'], SECRET);

    expect((await readdir(folder)).filter((name) => name.includes(SECRET))).toEqual([]);
  });
});

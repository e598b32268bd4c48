import { filter, mapRoutine, router, schemaGate, slot, splitter, type Job } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { deferred, thrownBy } from '../support/deferred.ts';
import { statusesOf } from '../support/flows.ts';
import { tryOut, type TryOut } from './ready-made-parts.ts';

async function postAll({ post }: TryOut, values: readonly unknown[]): Promise<readonly Job[]> {
  const jobs: Job[] = [];
  for (const value of values) jobs.push(await post(value));
  return jobs;
}

const double = mapRoutine('double', (n: number) => n * 2);

describe('mapRoutine', () => {
  test('makes one message of each, in order', async () => {
    const stage = tryOut(double);

    await postAll(stage, [1, 2, 3]);
    await stage.clock.advance(0);

    expect(stage.of('output')).toEqual([2, 4, 6]);
  });

  test('waits for an asynchronous function, one message after the other', async () => {
    const slow = deferred<string>();
    const stage = tryOut(mapRoutine('m', (n: number) => (n === 1 ? slow.promise : `no ${n}`)));

    await postAll(stage, [1, 2]);
    await stage.clock.advance(0);
    const before = [...stage.of('output')];
    slow.resolve('no 1');
    await stage.clock.advance(0);

    expect(before).toEqual([]);
    expect(stage.of('output')).toEqual(['no 1', 'no 2']);
  });

  test('works on several messages at once with `concurrency`', async () => {
    const slow = deferred<number>();
    const stage = tryOut(mapRoutine('m', (n: number) => (n === 1 ? slow.promise : n), { concurrency: 2 }));

    await postAll(stage, [1, 2]);
    await stage.clock.advance(0);

    expect(stage.of('output')).toEqual([2]);
  });

  test('fails only the job of the message that its function fails on', async () => {
    const careful = mapRoutine('careful', (n: number) => {
      if (n === 2) throw new Error('two');
      return n;
    });
    const stage = tryOut(careful);
    await stage.worker.pause();
    const jobs = await postAll(stage, [1, 2, 3]);

    stage.worker.resume();
    await stage.clock.advance(0);

    expect(statusesOf(jobs)).toEqual(['completed', 'failed', 'completed']);
    expect(stage.of('output')).toEqual([1, 3]);
    expect(jobs[1]?.deadLetters).toMatchObject([{ routine: 'careful', slot: 'input', value: 2 }]);
  });

  test('takes the options of routines', async () => {
    let attempts = 0;
    const flaky = mapRoutine(
      'flaky',
      () => {
        attempts += 1;
        throw new Error('always');
      },
      { retry: { maxAttempts: 3, delay: 10, jitter: 'none' }, onError: 'continue' },
    );
    const stage = tryOut(flaky);

    const job = await stage.post(1);
    await stage.clock.advance(30);

    expect(attempts).toBe(3);
    expect(job.status).toBe('completed');
  });

  test('stops a function that takes longer than `timeout`', async () => {
    const stage = tryOut(mapRoutine('m', () => new Promise<never>(() => undefined), { timeout: 50 }));

    const job = await stage.post(1);
    await stage.clock.advance(50);

    expect(job.error).toMatchObject({ code: 'NODE_TIMEOUT' });
  });

  test('has the slot that it is given', async () => {
    const bounded = mapRoutine('m', (n: number) => n, { input: slot({ capacity: 1 }) });
    const stage = tryOut(bounded);
    await stage.worker.pause();
    await stage.post(1);

    await expect(stage.post(2)).rejects.toMatchObject({ code: 'SLOT_FULL' });
  });

  test('gives its function the job and the state of its routine', async () => {
    const numbered = mapRoutine('numbered', (text: string, { job, state }) => {
      const count = state.get('count', 0) + 1;
      state.set('count', count);
      return `${count} ${text} ${job.id}`;
    });
    const { runtime, clock, of } = tryOut(numbered);

    await runtime.post('f', 'numbered', 'input', 'a', { jobId: 'j1' });
    await runtime.post('f', 'numbered', 'input', 'b', { jobId: 'j2' });
    await clock.advance(0);

    expect(of('output')).toEqual(['1 a j1', '2 b j2']);
  });
});

describe('filter', () => {
  test('passes on what its predicate holds for, and the rest as rejected', async () => {
    const stage = tryOut(filter('even', async (n: number) => n % 2 === 0));

    await postAll(stage, [1, 2, 3, 4]);
    await stage.clock.advance(0);

    expect(stage.of('output')).toEqual([2, 4]);
    expect(stage.of('rejected')).toEqual([1, 3]);
  });
});

describe('splitter', () => {
  test.each([
    ['a list', (text: string) => text.split('')],
    ['a promise of a list', async (text: string) => text.split('')],
    ['a set', (text: string) => new Set(text)],
    [
      'an asynchronous generator',
      async function* (text: string) {
        yield* text;
      },
    ],
  ])('makes a message of each piece of %s', async (_, fn) => {
    const stage = tryOut(splitter('split', fn));

    const job = await stage.post('abc');
    await job.done;

    expect(stage.of('output')).toEqual(['a', 'b', 'c']);
  });

  test('asks a generator for no more than there is room for', async () => {
    let asked = 0;
    const held = deferred();
    const endless = splitter('split', function* () {
      for (; asked < 1_000; asked += 1) yield asked;
    });
    const stage = tryOut(endless, { room: 3, receive: () => held.promise });

    await stage.post('go');
    await stage.clock.advance(0);
    const before = asked;
    held.resolve();
    await stage.clock.advance(0);

    expect(before).toBeLessThan(10);
    expect(stage.of('output')).toHaveLength(1_000);
  });

  test('closes its generator when the job is cancelled', async () => {
    let isClosed = false;
    const endless = splitter('split', function* () {
      try {
        for (;;) yield 1;
      } finally {
        isClosed = true;
      }
    });
    const stage = tryOut(endless, { room: 1, receive: () => new Promise(() => undefined) });
    const job = await stage.post('go');
    await stage.clock.advance(0);

    job.cancel('enough');
    await job.done;
    await stage.clock.advance(0);

    expect(isClosed).toBe(true);
  });

  test('keeps its job running until all pieces are done', async () => {
    const held = deferred();
    const stage = tryOut(
      splitter('split', () => [1, 2]),
      { receive: () => held.promise },
    );

    const job = await stage.post('go');
    await stage.clock.advance(0);
    const before = job.status;
    held.resolve();
    await job.done;

    expect([before, job.status]).toEqual(['running', 'completed']);
  });
});

describe('router', () => {
  const routes = { small: (n: number) => n < 10, even: async (n: number) => n % 2 === 0 };

  test('sends each message the first way that it fits, or otherwise', async () => {
    const stage = tryOut(router('route', routes));

    await postAll(stage, [4, 5, 20, 21]);
    await stage.clock.advance(0);

    expect(stage.of('small')).toEqual([4, 5]);
    expect(stage.of('even')).toEqual([20]);
    expect(stage.of('otherwise')).toEqual([21]);
  });

  test('sends it all ways that it fits with `all`', async () => {
    const stage = tryOut(router('route', routes, { all: true }));

    await postAll(stage, [4, 5, 20, 21]);
    await stage.clock.advance(0);

    expect(stage.of('small')).toEqual([4, 5]);
    expect(stage.of('even')).toEqual([4, 20]);
    expect(stage.of('otherwise')).toEqual([21]);
  });

  test('does not ask the routes after the one that it takes', async () => {
    let asked = 0;
    const stage = tryOut(router('route', { first: () => true, second: () => (asked += 1) > 0 }));

    await stage.post(1);
    await stage.clock.advance(0);

    expect(asked).toBe(0);
  });
});

describe('schemaGate', () => {
  const order = z.object({ id: z.string(), lines: z.array(z.object({ amount: z.coerce.number() })) });

  test('emits what the schema parses to', async () => {
    const stage = tryOut(schemaGate('check', order));

    await stage.post({ id: 'a', lines: [{ amount: '3' }] });
    await stage.clock.advance(0);

    expect(stage.of('valid')).toEqual([{ id: 'a', lines: [{ amount: 3 }] }]);
    expect(stage.of('invalid')).toEqual([]);
  });

  test('emits what does not fit as it came, with what is wrong where, and fails no job', async () => {
    const stage = tryOut(schemaGate('check', order));

    const job = await stage.post({ id: 'a', lines: [{ amount: 'many' }] });
    await job.done;

    const [refused] = stage.of('invalid');
    expect(refused).toMatchObject({
      value: { id: 'a', lines: [{ amount: 'many' }] },
      issues: [{ path: ['lines', 0, 'amount'] }],
    });
    expect(JSON.parse(JSON.stringify(refused))).toEqual(refused);
    expect(job.status).toBe('completed');
  });

  test('waits for an asynchronous schema, and names symbols in paths', async () => {
    const key = Symbol('secret');
    const schema = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: async () => ({ issues: [{ message: 'no', path: [{ key: 'a' }, key] }] }),
      },
    };
    const stage = tryOut(schemaGate('check', schema));

    await stage.post(1);
    await stage.clock.advance(0);

    expect(stage.of('invalid')).toEqual([
      { value: 1, issues: [{ message: 'no', path: ['a', 'Symbol(secret)'] }] },
    ]);
  });
});

describe('what is not of the form asked for', () => {
  test.each([
    ['no function', () => Reflect.apply(mapRoutine, undefined, ['m'])],
    ['a function that is none', () => Reflect.apply(splitter, undefined, ['s', 1])],
    ['no predicate', () => Reflect.apply(filter, undefined, ['f'])],
    ['an option that there is not', () => Reflect.apply(mapRoutine, undefined, ['m', () => 1, { size: 1 }])],
    ['a name with a dot', () => mapRoutine('a.b', (n: number) => n)],
    ['a slot that is none', () => Reflect.apply(filter, undefined, ['f', () => true, { input: 1 }])],
    ['a concurrency of 0', () => mapRoutine('m', (n: number) => n, { concurrency: 0 })],
    ['no routes', () => router('r', {})],
    ['a route that is called otherwise', () => router('r', { otherwise: () => true })],
    ['a route that is no function', () => Reflect.apply(router, undefined, ['r', { a: 1 }])],
    [
      'an `all` that is no boolean',
      () => Reflect.apply(router, undefined, ['r', { a: () => true }, { all: 1 }]),
    ],
    ['a schema that is none', () => Reflect.apply(schemaGate, undefined, ['g', {}])],
  ])('is an error: %s', (_, make) => {
    expect(thrownBy(make)).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

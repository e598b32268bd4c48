import {
  CancelledError,
  FatalError,
  InvalidInputError,
  node,
  NodeTimeoutError,
  type NodeContext,
} from 'troupe';
import { describe, expect, test } from 'vitest';
import { statusesOf } from '../support/forest.ts';
import { execute, Notes, storeAfter } from './call-crash.ts';

const notes = new Notes();
const next = node('next', async (value: unknown) => {
  notes.add('next');
  return value;
});

/** A body that handles the failure of its call, and then calls another; and what it handled. */
function handling(thrown: unknown) {
  const seen: unknown[] = [];
  const fails = node('fails', async () => {
    notes.add('fails');
    throw thrown;
  });
  const root = node('root', async (_: unknown, ctx) => {
    let caught: unknown;
    try {
      await ctx.call(fails);
    } catch (error) {
      caught = error;
    }
    seen.push(caught);
    return ctx.call(next, 'went on');
  });
  return { root, seen };
}

/** The failure that a body handles before a crash, and the one that it is given after it. */
async function handledTwice(thrown: unknown): Promise<readonly [before: unknown, after: unknown]> {
  const { root, seen } = handling(thrown);
  const whole = await execute(root);
  notes.take();
  await execute(root, { store: await storeAfter(whole.log, 'NodeStart next') });
  expect(notes.take()).toEqual(['next']);
  return [seen[0], seen[1]];
}

describe('a failure that a body had handled is given again', () => {
  test('with its name, message and stack', async () => {
    const thrown = new RangeError('too far');

    const [before, after] = await handledTwice(thrown);

    expect(before).toBe(thrown);
    expect(after).toMatchObject({ name: 'RangeError', message: 'too far', stack: thrown.stack });
  });

  test.each([Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError])(
    'as an instance of %o',
    async (Class) => {
      const [, after] = await handledTwice(new Class('wrong'));

      expect(after).toBeInstanceOf(Class);
      expect(Object.getPrototypeOf(after)).toBe(Class.prototype);
    },
  );

  test('with its cause, and the cause of that', async () => {
    const thrown = new Error('outer', { cause: new TypeError('middle', { cause: { code: 5 } }) });

    const [, after] = await handledTwice(thrown);

    expect(after).toMatchObject({ message: 'outer', cause: { message: 'middle', cause: { code: 5 } } });
    expect((after as Error).cause).toBeInstanceOf(TypeError);
  });

  test('with its code and fields of its own', async () => {
    const thrown = Object.assign(new Error('refused'), {
      code: 'ECONNREFUSED',
      status: 503,
      at: new Date(7),
      details: { tries: [1, 2n] },
    });

    const [, after] = await handledTwice(thrown);

    expect(after).toMatchObject({
      code: 'ECONNREFUSED',
      status: 503,
      at: new Date(7),
      details: { tries: [1, 2n] },
    });
  });

  test('with the errors of an AggregateError', async () => {
    const thrown = new AggregateError([new RangeError('one'), 'two'], 'several');

    const [, after] = await handledTwice(thrown);

    expect(after).toBeInstanceOf(AggregateError);
    expect((after as AggregateError).errors).toEqual([new RangeError('one'), 'two']);
  });

  test('with the name of a class of the user, as an Error', async () => {
    class QuotaError extends Error {
      override readonly name = 'QuotaError';
      readonly left = 3;
    }

    const [, after] = await handledTwice(new QuotaError('used up'));

    expect(after).toBeInstanceOf(Error);
    expect(after).toMatchObject({ name: 'QuotaError', message: 'used up', left: 3 });
  });

  test('as the error of Troupe that it was', async () => {
    const [, after] = await handledTwice(new InvalidInputError('no', { hint: 'Give a number.' }));

    expect(after).toBeInstanceOf(InvalidInputError);
    expect(after).toMatchObject({ code: 'INVALID_INPUT', message: 'no', hint: 'Give a number.' });
  });

  test.each([undefined, null, 0, 'a text', { plain: ['object'] }, 7n])('as %o', async (thrown) => {
    const [before, after] = await handledTwice(thrown);

    expect(before).toBe(thrown);
    expect(after).toEqual(thrown);
  });

  test('although it holds what cannot be stored, without that', async () => {
    const socket = Object.assign(() => undefined, { port: 80 });
    const thrown = Object.assign(new Error('reset'), { code: 'ECONNRESET', socket });

    const [before, after] = await handledTwice(thrown);

    expect(before).toBe(thrown);
    expect(after).toMatchObject({ message: 'reset', code: 'ECONNRESET' });
    expect((after as { socket: unknown }).socket).not.toBe(socket);
  });

  test('of a call whose input was refused', async () => {
    const seen: unknown[] = [];
    const strict = node({
      name: 'strict',
      inputs: {
        n: {
          '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'odd' }] }) },
        },
      },
      run: () => 1,
    });
    const root = node('root', async (_: unknown, ctx) => {
      seen.push(await ctx.call(strict, { n: 1 }).catch((error: unknown) => error));
      return ctx.call(next, 1);
    });
    const whole = await execute(root);

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'NodeStart next') });

    expect(seen[1]).toBeInstanceOf(InvalidInputError);
    expect(seen[1]).toMatchObject({ message: (seen[0] as Error).message });
    expect(statusesOf(result.info)).toEqual(['root succeeded', 'strict failed', 'next succeeded']);
  });

  test('of a call that took too long', async () => {
    const seen: unknown[] = [];
    let isLate = true;
    const slow = node('slow', () => (isLate ? new Promise(() => undefined) : 'in time'), { timeout: 1 });
    const root = node('root', async (_: unknown, ctx) => {
      seen.push(await ctx.call(slow).catch((error: unknown) => error));
      return ctx.call(next, 1);
    });
    const whole = await execute(root);
    isLate = false;

    await execute(root, { store: await storeAfter(whole.log, 'NodeStart next') });

    expect(seen[1]).toBeInstanceOf(NodeTimeoutError);
    expect(seen[1]).toMatchObject({ code: 'NODE_TIMEOUT', nodeName: 'slow', timeoutMs: 1 });
  });

  test('of a call that was cancelled', async () => {
    const seen: unknown[] = [];
    const hangs = node('hangs', () => new Promise(() => undefined));
    const root = node('root', async (_: unknown, ctx) => {
      const stop = new AbortController();
      const called = ctx.call(hangs, undefined, { signal: stop.signal });
      stop.abort('enough');
      seen.push(await called.catch((error: unknown) => error));
      return ctx.call(next, 1);
    });
    const whole = await execute(root);

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'NodeStart next') });

    expect(seen[1]).toBeInstanceOf(CancelledError);
    expect(seen[1]).toMatchObject({ reason: 'enough' });
    expect(statusesOf(result.info)).toEqual(['root succeeded', 'hangs cancelled', 'next succeeded']);
  });

  test('that came from further down, through bodies that had not handled it', async () => {
    const deep = node('deep', async () => {
      throw new RangeError('deep');
    });
    const middle = node('middle', async (_: unknown, ctx) => ctx.call(deep));
    const caught: unknown[] = [];
    const root = node('root', async (_: unknown, ctx) => {
      caught.push(await ctx.call(middle).catch((error: unknown) => error));
      return ctx.call(next, 1);
    });
    const whole = await execute(root);

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'NodeStart next') });

    expect(caught[1]).toBeInstanceOf(RangeError);
    expect(statusesOf(result.info)).toEqual([
      'root succeeded',
      'middle failed',
      'deep failed',
      'next succeeded',
    ]);
  });
});

describe('a failure that nobody has handled yet', () => {
  test('is given to a body that crashed before it could', async () => {
    const { root, seen } = handling(new RangeError('too far'));
    const whole = await execute(root);
    notes.take();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestFailure fails') });

    expect(result.answer).toBe('went on');
    expect(seen[1]).toBeInstanceOf(RangeError);
    expect(notes.take()).toEqual(['next']);
  });

  test('fails the run when the body passes it on after the crash', async () => {
    const fails = node('fails', async () => {
      notes.add('fails');
      throw Object.assign(new RangeError('too far'), { code: 'FAR' });
    });
    const root = node('root', (_: unknown, ctx) => ctx.call(fails));
    const whole = await execute(root);
    notes.take();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestFailure fails') });

    expect(result.status).toBe('failed');
    expect(result.error).toBeInstanceOf(RangeError);
    expect(result.error).toMatchObject({ message: 'too far', code: 'FAR' });
    expect(notes.take()).toEqual([]);
  });

  test('is the fallback of its node where that has one, and stays it', async () => {
    const tries = node(
      'tries',
      async (): Promise<string> => {
        notes.add('tries');
        throw new Error('no');
      },
      { fallback: ({ error }) => `instead of ${(error as Error).message}` },
    );
    const root = node('root', async (_: unknown, ctx) => [await ctx.call(tries), await ctx.call(next, 1)]);
    const whole = await execute(root);
    notes.take();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestSuccess tries') });

    expect(result.answer).toEqual(['instead of no', 1]);
    expect(notes.take()).toEqual(['next']);
  });
});

describe('Promise.allSettled over calls', () => {
  test('gives the failures and results that are on record, and runs the rest', async () => {
    const odd = node('odd', async (n: number, _ctx: NodeContext) => {
      notes.add(`odd ${n}`);
      if (n % 2 === 0) throw new RangeError(`${n}`);
      return n;
    });
    const root = node('root', async (_: unknown, ctx) =>
      (await Promise.allSettled([1, 2, 3, 4].map((n) => ctx.call(odd, n)))).map(({ status }) => status),
    );
    const whole = await execute(root);
    notes.take();

    const { result } = await execute(root, { store: await storeAfter(whole.log, 'RequestFailure odd') });

    expect(result.answer).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    expect(notes.take()).toEqual(['odd 3', 'odd 4']);
  });
});

test('a call that was stopped because its caller had failed stays on record as that', async () => {
  const hangs = node('hangs', () => new Promise(() => undefined));
  const fails = node('fails', async () => {
    throw new RangeError('no');
  });
  const both = node('both', (_: unknown, ctx) => Promise.all([ctx.call(hangs), ctx.call(fails)]));
  const root = node('root', async (_: unknown, ctx) => {
    await ctx.call(both).catch(() => undefined);
    return ctx.call(next, 1);
  });
  const whole = await execute(root);

  const { result } = await execute(root, { store: await storeAfter(whole.log, 'NodeStart next') });

  expect(statusesOf(result.info)).toEqual(statusesOf(whole.result.info));
  expect(statusesOf(result.info)).toContain('hangs cancelled');
});

test('a FatalError that was thrown before the crash ends the run, whatever its caller would do', async () => {
  const fatal = node('fatal', async () => {
    notes.add('fatal');
    throw new FatalError('over', { cause: 'enough' });
  });
  const root = node('root', (_: unknown, ctx) => ctx.call(fatal).catch(() => 'handled'));
  const whole = await execute(root);
  notes.take();

  const { result } = await execute(root, { store: await storeAfter(whole.log, 'FatalFailure fatal') });

  expect(whole.result.status).toBe('failed');
  expect(result.status).toBe('failed');
  expect(result.error).toBeInstanceOf(FatalError);
  expect(result.error).toMatchObject({ message: 'over', cause: 'enough' });
});

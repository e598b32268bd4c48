import { createRunner, input, InvalidInputError, node } from 'troupe';
import { testContext } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { rejectionOf } from '../support/deferred.ts';
import { requestOf } from '../support/forest.ts';

describe('the default of an input', () => {
  const collect = node({
    name: 'collect',
    inputs: { item: input<string>(), into: input<{ list: string[] }>({ default: { list: [] } }) },
    run: ({ item, into }) => {
      into.list.push(item);
      return into.list;
    },
  });

  test('is cloned for every run', async () => {
    const runner = createRunner();
    await runner.run(collect, { item: 'a' });

    const { answer } = await runner.run(collect, { item: 'b' });

    expect(answer).toEqual(['b']);
  });

  test('is cloned for every call', async () => {
    const root = node('root', async (_: unknown, ctx) => [
      await ctx.call(collect, { item: 'a' }),
      await ctx.call(collect, { item: 'b' }),
    ]);

    expect((await createRunner().run(root)).answer).toEqual([['a'], ['b']]);
  });

  test('may be a Map, a Set or a Date, and is cloned too', async () => {
    const keep = new Map([['a', new Set([1])]]);
    const grows = node({
      name: 'grows',
      inputs: { map: input({ default: keep }) },
      run: ({ map }) => {
        map.get('a')?.add(2);
        return map;
      },
    });

    const { answer } = await createRunner().run(grows);

    expect(answer.get('a')).toEqual(new Set([1, 2]));
    expect(keep.get('a')).toEqual(new Set([1]));
  });

  test('fills in for undefined', async () => {
    const count = node({ name: 'count', inputs: { n: input(5) }, run: ({ n }) => n });

    expect((await createRunner().run(count, { n: undefined })).answer).toBe(5);
  });

  test.each([null, 0, '', false])('gives way to %j', async (given) => {
    const count = node({
      name: 'count',
      inputs: { n: input<unknown>({ default: 5 }) },
      run: ({ n }) => ({ n }),
    });

    expect((await createRunner().run(count, { n: given })).answer).toEqual({ n: given });
  });

  test.each([null, 0, '', false])('may be %j', async (value) => {
    const count = node({
      name: 'count',
      inputs: { n: input<unknown>({ default: value }) },
      run: ({ n }) => ({ n }),
    });

    expect((await createRunner().run(count)).answer).toEqual({ n: value });
  });

  test('stands in the recorded input', async () => {
    const count = node({ name: 'count', inputs: { n: input(5) }, run: ({ n }) => n });

    const { info } = await createRunner().run(count);

    expect(requestOf(info, 'count').input).toEqual({ n: 5 });
  });
});

describe('an input that is given', () => {
  test('reaches the body as the same object', async () => {
    const list = [1];
    const same = node({ name: 'same', inputs: { given: input<number[]>() }, run: ({ given }) => given });

    const { answer } = await createRunner().run(same, { given: list });

    expect(answer).toBe(list);
  });

  test('may be a function or a class instance', async () => {
    class Client {
      readonly name = 'client';
    }
    const client = new Client();
    const uses = node({
      name: 'uses',
      inputs: { client: input<Client>(), format: input<(text: string) => string>() },
      run: ({ client: given, format }) => [given === client, format(given.name)],
    });

    const { answer } = await createRunner().run(uses, { client, format: (text) => text.toUpperCase() });

    expect(answer).toEqual([true, 'CLIENT']);
  });

  test('of the short form is any one argument', async () => {
    const echo = node('echo', (given: string | number[]) => given);
    const list = [1];

    const { answer } = await createRunner().run(echo, list);

    expect(answer).toBe(list);
  });

  test('of a long form without inputs is any one argument', async () => {
    const shout = node({ name: 'shout', output: 'loud', run: (text: string) => text.toUpperCase() });

    const { outputs } = await createRunner().run(shout, 'hey');

    expect(outputs).toEqual({ loud: 'HEY' });
  });
});

describe('a Standard Schema as an input', () => {
  const sized = node({
    name: 'sized',
    inputs: { size: z.coerce.number().int().positive(), unit: z.string().default('cm') },
    run: ({ size, unit }) => `${size} ${unit}`,
  });

  test('parses what a run is given', async () => {
    const { answer } = await createRunner().run(sized, { size: '5' });

    expect(answer).toBe('5 cm');
  });

  test('parses what a call is given', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.call(sized, { size: '7', unit: 'm' }));

    expect((await createRunner().run(root)).answer).toBe('7 m');
  });

  test('refuses what does not fit, with issues that name the place', async () => {
    const point = z.object({ x: z.number() });
    const draws = node({ name: 'draws', inputs: { point }, run: ({ point: { x } }) => x });

    const error = await rejectionOf(createRunner().run(draws, { point: { x: 'left' as unknown as number } }));

    expect(error).toBeInstanceOf(InvalidInputError);
    expect((error as InvalidInputError).issues).toMatchObject([{ path: ['x'] }]);
  });

  test('makes a refused call a failed request', async () => {
    const root = node('root', (_: unknown, ctx) =>
      ctx.call(sized, { size: -1 }).catch((error: unknown) => error),
    );

    const { answer, info } = await createRunner().run(root);

    expect(answer).toBeInstanceOf(InvalidInputError);
    expect(requestOf(info, 'sized')).toMatchObject({ status: 'failed', error: answer });
  });

  test('is a MissingInputError where nothing was given', async () => {
    const error = await rejectionOf(createRunner().run(sized, {}));

    expect(error).toMatchObject({ code: 'MISSING_INPUT' });
  });

  test('sees its default recorded', async () => {
    const { info } = await createRunner().run(sized, { size: '5' });

    expect(requestOf(info, 'sized').input).toEqual({ size: 5, unit: 'cm' });
  });

  test('works inside input() together with a default', async () => {
    const limited = node({
      name: 'limited',
      inputs: { n: input({ default: 3, schema: z.number().max(10) }) },
      run: ({ n }) => n,
    });
    const runner = createRunner();

    const { answer } = await runner.run(limited);
    const error = await rejectionOf(runner.run(limited, { n: 11 }));

    expect(answer).toBe(3);
    expect(error).toBeInstanceOf(InvalidInputError);
  });
});

const isFree = async (name: string): Promise<boolean> => Promise.resolve(name !== 'taken');

describe('an asynchronous Standard Schema as an input', () => {
  const claims = node({
    name: 'claims',
    inputs: { name: z.string().refine(isFree), note: input('none') },
    run: ({ name, note }) => `${name}: ${note}`,
  });

  test('is waited for by a run', async () => {
    expect((await createRunner().run(claims, { name: 'free' })).answer).toBe('free: none');
  });

  test('is waited for by a call', async () => {
    const root = node('root', (_: unknown, ctx) => ctx.call(claims, { name: 'free', note: 'mine' }));

    expect((await createRunner().run(root)).answer).toBe('free: mine');
  });

  test('makes a refused call a failed request', async () => {
    const root = node('root', (_: unknown, ctx) =>
      ctx.call(claims, { name: 'taken' }).catch((error: unknown) => error),
    );

    const { answer, info } = await createRunner().run(root);

    expect(answer).toBeInstanceOf(InvalidInputError);
    expect(requestOf(info, 'claims')).toMatchObject({ status: 'failed', error: answer });
  });

  test('is a MissingInputError where nothing was given', async () => {
    const error = await rejectionOf(createRunner().run(claims, {} as { name: string }));

    expect(error).toMatchObject({ code: 'MISSING_INPUT' });
  });

  test('keeps an unawaited call from being lost when its caller returns', async () => {
    const root = node('root', (_: unknown, ctx) => void ctx.call(claims, { name: 'free' }));

    const { info } = await createRunner().run(root);

    expect(requestOf(info, 'claims').status).toBe('succeeded');
  });
});

describe('a node called in a test', () => {
  test('runs its body with what it is given and a testContext', async () => {
    const embed = node({
      name: 'embed',
      inputs: { text: input<string>(), k: input(5) },
      run: async ({ text, k }) => Promise.resolve([text.length * k]),
    });

    expect(await embed.run({ text: 'four', k: 2 }, testContext())).toEqual([8]);
  });
});

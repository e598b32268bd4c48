import { input, node, type Node, type NodeContext } from 'troupe';
import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';

type InputOf<Of> = Of extends Node<infer Input, unknown> ? Input : never;
type OutputOf<Of> =
  Of extends Node<never, infer Output> ? Output : Of extends Node<infer _, infer Output> ? Output : never;

describe('the short form', () => {
  test('takes input and output from the body', () => {
    const length = node('length', async (text: string) => text.length);

    expectTypeOf<InputOf<typeof length>>().toEqualTypeOf<string>();
    expectTypeOf<OutputOf<typeof length>>().toEqualTypeOf<number>();
  });

  test('knows its name', () => {
    const length = node('length', (text: string) => text.length);

    expectTypeOf(length.name).toEqualTypeOf<'length'>();
  });

  test('gives the body a context', () => {
    node('length', (_: string, ctx) => {
      expectTypeOf(ctx).not.toBeAny();
      expectTypeOf(ctx).toEqualTypeOf<NodeContext>();
    });
  });

  test('takes the policies third', () => {
    node('length', (text: string) => text.length, {
      timeout: 5,
      retry: {
        on: (error) => {
          expectTypeOf(error).toEqualTypeOf<unknown>();
          return true;
        },
      },
      fallback: ({ error, input: given }) => {
        expectTypeOf(error).toEqualTypeOf<unknown>();
        expectTypeOf(given).toEqualTypeOf<string>();
        return 0;
      },
    });
  });

  test('takes no fallback of another type', () => {
    // @ts-expect-error a text is no number
    node('length', (text: string) => text.length, { fallback: () => 'none' });
  });

  test('takes no policy that there is not', () => {
    // @ts-expect-error `retries` is no policy
    node('length', (text: string) => text.length, { retries: 3 });
  });

  test('can be called in a test', () => {
    const length = node('length', (text: string) => text.length);

    expectTypeOf(length.run).parameter(0).toEqualTypeOf<string>();
    expectTypeOf(length.run).returns.toEqualTypeOf<number>();
  });
});

describe('the long form', () => {
  const embed = node({
    name: 'embed',
    inputs: { text: input<string>(), k: input(5) },
    output: 'embedding',
    run: async ({ text, k }, ctx) => {
      expectTypeOf(text).toEqualTypeOf<string>();
      expectTypeOf(k).toEqualTypeOf<number>();
      expectTypeOf(ctx).toEqualTypeOf<NodeContext>();
      return [text.length * k];
    },
  });

  test('requires what has no default', () => {
    expectTypeOf<InputOf<typeof embed>>().not.toBeAny();
    expectTypeOf<{ text: string }>().toExtend<InputOf<typeof embed>>();
    expectTypeOf<{ text: string; k: number }>().toExtend<InputOf<typeof embed>>();
    expectTypeOf<{ k: number }>().not.toExtend<InputOf<typeof embed>>();
    expectTypeOf<{ text: string; k: string }>().not.toExtend<InputOf<typeof embed>>();
  });

  test('gives what the body resolves to', () => {
    expectTypeOf<OutputOf<typeof embed>>().toEqualTypeOf<number[]>();
  });

  test('knows its name', () => {
    expectTypeOf(embed.name).toEqualTypeOf<'embed'>();
  });

  test('has the body as it was written', () => {
    expectTypeOf(embed.run).parameter(0).toEqualTypeOf<{ text: string; k: number }>();
    expectTypeOf(embed.run).returns.toEqualTypeOf<Promise<number[]>>();
  });

  test('without inputs takes one argument of any type', () => {
    const length = node({ name: 'length', run: (text: string) => text.length });

    expectTypeOf<InputOf<typeof length>>().toEqualTypeOf<string>();
    expectTypeOf<OutputOf<typeof length>>().toEqualTypeOf<number>();
  });

  test('takes the fallback of the output’s type, with the body’s input', () => {
    node({
      name: 'embed',
      inputs: { text: input<string>(), k: input(5) },
      run: ({ text, k }) => text.length * k,
      fallback: ({ input: given }) => {
        expectTypeOf(given).toEqualTypeOf<{ text: string; k: number }>();
        return given.k;
      },
    });
    const inputs = { text: input<string>() };
    // @ts-expect-error a text is no number
    node({ name: 'embed', inputs, run: ({ text }) => text.length, fallback: () => 'none' });
  });

  test('gives the cache key’s function the body’s input', () => {
    node({
      name: 'embed',
      inputs: { text: input<string>() },
      run: ({ text }) => text.length,
      cache: {
        key: (given) => {
          expectTypeOf(given).toEqualTypeOf<{ text: string }>();
          return given.text;
        },
      },
    });
  });

  test('refuses what is no declaration of an input', () => {
    // @ts-expect-error a bare value declares nothing
    node({ name: 'embed', inputs: { k: 5 }, run: () => 0 });
  });

  test('refuses a body that reads an input that is not declared', () => {
    // @ts-expect-error there is no `other`
    node({ name: 'embed', inputs: { k: input(5) }, run: ({ other }) => Number(other) });
  });
});

describe('a declared input', () => {
  test('with a type alone is required', () => {
    const declared = node({ name: 'n', inputs: { a: input<number | null>() }, run: ({ a }) => a });

    expectTypeOf<InputOf<typeof declared>>().toEqualTypeOf<{ a: number | null }>();
  });

  test('with a default has its type, widened', () => {
    const declared = node({
      name: 'n',
      inputs: { a: input(5), b: input('x'), c: input(false) },
      run: (all) => all,
    });

    expectTypeOf<OutputOf<typeof declared>>().toEqualTypeOf<{ a: number; b: string; c: boolean }>();
    expectTypeOf<Record<never, never>>().toExtend<InputOf<typeof declared>>();
  });

  test('with an object as its default has that object’s type', () => {
    const declared = node({ name: 'n', inputs: { a: input({ deep: [1] }) }, run: ({ a }) => a });

    expectTypeOf<OutputOf<typeof declared>>().toEqualTypeOf<{ deep: number[] }>();
  });

  test('with a default and a schema has the schema’s type and may be left out', () => {
    const declared = node({
      name: 'n',
      inputs: { a: input<number>({ default: 1, schema: z.number().int() }) },
      run: ({ a }) => a,
    });

    expectTypeOf<OutputOf<typeof declared>>().toEqualTypeOf<number>();
    expectTypeOf<Record<never, never>>().toExtend<InputOf<typeof declared>>();
  });

  test('by a schema has what it parses to in the body, and what it takes at the call', () => {
    const declared = node({
      name: 'n',
      inputs: { when: z.string().transform((text) => new Date(text)) },
      run: ({ when }) => when,
    });

    expectTypeOf<InputOf<typeof declared>>().toEqualTypeOf<{ when: string }>();
    expectTypeOf<OutputOf<typeof declared>>().toEqualTypeOf<Date>();
  });

  test('by a schema with a default may be left out', () => {
    const declared = node({ name: 'n', inputs: { n: z.number().default(3) }, run: ({ n }) => n });

    expectTypeOf<Record<never, never>>().toExtend<InputOf<typeof declared>>();
    expectTypeOf<OutputOf<typeof declared>>().toEqualTypeOf<number>();
  });

  test('by an optional schema may be left out, and may be undefined in the body', () => {
    const declared = node({ name: 'n', inputs: { n: z.number().optional() }, run: ({ n }) => n });

    expectTypeOf<Record<never, never>>().toExtend<InputOf<typeof declared>>();
    expectTypeOf<OutputOf<typeof declared>>().toEqualTypeOf<number | undefined>();
  });
});

describe('the output of a body that is', () => {
  test('sync', () => {
    const made = node('n', () => ({ a: 1 }));
    expectTypeOf<OutputOf<typeof made>>().toEqualTypeOf<{ a: number }>();
  });

  test('a generator that returns nothing, is the array of its chunks', () => {
    const made = node('n', function* () {
      yield 1;
      yield 2;
    });
    expectTypeOf<OutputOf<typeof made>>().toEqualTypeOf<(1 | 2)[]>();
  });

  test('an async generator that returns nothing, is the array of its chunks', () => {
    const made = node('n', async function* (): AsyncGenerator<string, void> {
      yield 'a';
    });
    expectTypeOf<OutputOf<typeof made>>().toEqualTypeOf<string[]>();
  });

  test('a generator that returns a value, is that value', () => {
    const made = node('n', function* (): Generator<number, string> {
      yield 1;
      return 'done';
    });
    expectTypeOf<OutputOf<typeof made>>().toEqualTypeOf<string>();
  });

  test('an async generator that returns a value, is that value', () => {
    const made = node('n', async function* (): AsyncGenerator<number, { total: number }> {
      yield 1;
      return { total: 1 };
    });
    expectTypeOf<OutputOf<typeof made>>().toEqualTypeOf<{ total: number }>();
  });

  test('one of several, is their union', () => {
    const made = node('n', async (flag: boolean) => (flag ? 1 : 'one'));
    expectTypeOf<OutputOf<typeof made>>().toEqualTypeOf<1 | 'one'>();
  });
});

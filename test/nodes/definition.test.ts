import { createRunner, input, InvalidInputError, isTroupeError, node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { thrownBy } from '../support/deferred.ts';

const run = (): number => 1;
const make = node as unknown as (...args: unknown[]) => unknown;

describe('a node', () => {
  test('is frozen', () => {
    const add = node({ name: 'add', inputs: { a: input(1) }, output: 'sum', run: ({ a }) => a });

    expect(Object.isFrozen(add)).toBe(true);
    expect(Object.isFrozen(add.inputs)).toBe(true);
    expect(Object.isFrozen(add.outputs)).toBe(true);
    expect(Object.isFrozen(add.policies)).toBe(true);
  });

  test('is not changed by what becomes of its definition', async () => {
    const definition = { name: 'one', output: 'n', run };
    const one = node(definition);

    definition.name = 'two';
    definition.run = () => 2;

    expect(one.name).toBe('one');
    expect((await createRunner().run(one)).answer).toBe(1);
  });

  test('takes its policies as the third argument of the short form', async () => {
    const safe = node(
      'safe',
      (): string => {
        throw new Error('boom');
      },
      { fallback: () => 'instead' },
    );

    expect((await createRunner().run(safe)).answer).toBe('instead');
  });
});

describe('node refuses', () => {
  test.each<[string, unknown[]]>([
    ['a definition without a body', [{ name: 'x' }]],
    ['a short form without a body', ['x']],
    ['a body that is no function', [{ name: 'x', run: 5 }]],
    ['a definition without a name', [{ run }]],
    ['an empty name', ['', run]],
    ['nothing', []],
    ['an option that does not exist', [{ name: 'x', run, retries: 3 }]],
    ['a policy that does not exist', ['x', run, { timeuot: 5 }]],
    ['a timeout of 0', ['x', run, { timeout: 0 }]],
    ['a negative timeout', ['x', run, { timeout: -5 }]],
    ['a timeout that is a text', ['x', run, { timeout: '5s' }]],
    ['a retry that is a number', ['x', run, { retry: 3 }]],
    ['maxAttempts 0', ['x', run, { retry: { maxAttempts: 0 } }]],
    ['a negative delay', ['x', run, { retry: { delay: -1 } }]],
    ['an unknown jitter', ['x', run, { retry: { jitter: 'some' } }]],
    ['an `on` that is no function', ['x', run, { retry: { on: true } }]],
    ['an option of retry that does not exist', ['x', run, { retry: { attempts: 3 } }]],
    ['a fallback that is no function', ['x', run, { fallback: 5 }]],
    ['inputs that are a list', [{ name: 'x', inputs: ['a'], run }]],
    ['an input that is not declared', [{ name: 'x', inputs: { a: 5 }, run }]],
    ['output and outputs', [{ name: 'x', output: 'a', outputs: ['b'], run }]],
    ['two outputs of one name', [{ name: 'x', outputs: ['a', 'a'], run }]],
    ['an empty output name', [{ name: 'x', output: '', run }]],
  ])('%s', (_name, args) => {
    const error = thrownBy(() => make(...args));

    expect(error).toBeInstanceOf(InvalidInputError);
    expect(isTroupeError(error, 'INVALID_INPUT') && error.hint.length > 0).toBe(true);
  });
});

import { describe, expect, test } from 'vitest';
import { memoryCheckpointer, type CheckpointerOptions } from 'troupe/checkpoint';
import { checkpointerContract } from 'troupe/testing';

describe('a checkpointer in memory', () => {
  const cases = checkpointerContract({
    createStore: () => ({ open: memoryCheckpointer }),
    unshared: 'each has a memory of its own',
  });

  test.each(cases.map(({ name, run }) => [name, run] as const))('%s', async (_, run) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

describe('an option of a checkpointer', () => {
  const wrong: readonly [what: string, options: unknown][] = [
    ['no object', null],
    ['an unknown one', { dir: 'somewhere' }],
    ['a negative ttl', { ttl: -1 }],
    ['a ttl of no time', { ttl: 0 }],
    ['a lease that is a text', { lease: '30s' }],
    ['a lease that is no number', { lease: Number.NaN }],
    ['a size of nothing', { maxValueBytes: 0 }],
    ['a negative size', { blobBytes: -5 }],
    ['an unknown retention', { retention: 'some' }],
    ['a retention of half a step', { retention: { steps: 0.5 } }],
    ['a retention without steps', { retention: {} }],
    ['no retention', { retention: null }],
  ];

  test.each(wrong)('is refused when it is %s', (_, options) => {
    expect(() => memoryCheckpointer(options as CheckpointerOptions)).toThrow(
      expect.objectContaining({ code: 'CHECKPOINT', hint: expect.stringMatching(/./) as string }),
    );
  });

  test.each([{}, { ttl: undefined, retention: undefined }, { retention: { steps: 0 } }, { lease: 0.5 }])(
    'may be %o',
    (options) => {
      expect(() => memoryCheckpointer(options)).not.toThrow();
    },
  );
});

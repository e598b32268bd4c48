import fc from 'fast-check';
import { graph, input, node, type AnyNode } from 'troupe';
import { describe, expect, test, vi } from 'vitest';
import { survivesEveryCrash } from './graph-convergence.ts';
import type { Conduct, World } from './graph-crash.ts';

// Many runs a law, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 120_000 });

// Each graph is run as often as its log has entries, and once more for each of those.
const LAW = { numRuns: 12, endOnFailure: true };

interface Part {
  /** Which of the nodes before it it reads. */
  readonly reads: readonly number[];
  /** How many of its attempts fail. */
  readonly failures: number;
  readonly maxAttempts: number;
  readonly delay: number;
  readonly fallback: 'none' | 'sync' | 'async';
  readonly takes: number;
  readonly timeout: number | null;
  /** Whether it waits for what the first node announces. */
  readonly isWaiting: boolean;
  readonly writesContext: boolean;
}

const part: fc.Arbitrary<Part> = fc.record({
  reads: fc.array(fc.nat(20), { maxLength: 2 }),
  failures: fc.integer({ min: 0, max: 3 }),
  maxAttempts: fc.integer({ min: 1, max: 3 }),
  delay: fc.constantFrom(0, 10),
  fallback: fc.constantFrom('none', 'sync', 'async'),
  takes: fc.constantFrom(0, 5, 60),
  timeout: fc.constantFrom(null, null, 50),
  isWaiting: fc.boolean(),
  writesContext: fc.boolean(),
});

function nodeOf({ clock, bodies }: World, each: Part, index: number): AnyNode {
  const { failures, maxAttempts, delay, fallback, takes, timeout, isWaiting, writesContext } = each;
  const reads = new Set(index === 0 ? [] : each.reads.map((read) => `v${read % index}`));
  const answers = { none: {}, sync: { fallback: () => 'instead' }, async: { fallback: async () => 'later' } };
  return bodies.watch(
    node({
      name: `n${index}`,
      inputs: Object.fromEntries([...reads].map((read) => [read, input<unknown>('nothing')])),
      output: `v${index}`,
      retry: { maxAttempts, delay, jitter: 'none' },
      timeout,
      ...(index === 0 ? { emits: ['begun'] } : {}),
      ...(index > 0 && isWaiting ? { waitFor: ['begun'] } : {}),
      ...answers[fallback],
      run: async (given, { attempt, context }) => {
        if (writesContext) context.put(`n${index}`, attempt);
        if (takes > 0) await new Promise<void>((resolve) => void clock.setTimeout(resolve, takes));
        if (attempt <= failures) throw new Error(`attempt ${attempt} of n${index} failed`);
        return JSON.stringify([given, context.get(`n${index}`, 0)]);
      },
    }),
  );
}

function conductOf(parts: readonly Part[], options: Conduct['options']): Conduct {
  return {
    input: {},
    options: { onError: 'continue', ...options },
    target: (world) =>
      graph({
        name: 'random',
        nodes: parts.map((each, index) => nodeOf(world, each, index)),
      }),
  };
}

const settings = fc.record({
  durability: fc.constantFrom('sync' as const, 'async' as const),
  maxConcurrency: fc.constantFrom(1, 2, Infinity),
});

describe('after a crash at any point, and another at any later one', () => {
  test('every graph of nodes that fail, are late, try again and fall back ends as it does without', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(part, { minLength: 1, maxLength: 5 }),
        settings,
        fc.nat(50),
        async (parts, options, pick) => {
          const { result } = await survivesEveryCrash(conductOf(parts, options), { pick });

          expect(['completed', 'failed']).toContain(result.status);
        },
      ),
      LAW,
    ));
});

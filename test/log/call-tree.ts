import fc from 'fast-check';

/** What the body of a random node does, step by step. */
export type Step =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'look' }
  | { readonly kind: 'chunk' }
  | { readonly kind: 'write' }
  | { readonly kind: 'ask'; readonly isHandled: boolean }
  | { readonly kind: 'badInput' }
  | { readonly kind: 'sync'; readonly throws: boolean }
  | { readonly kind: 'cancelChild' }
  | {
      readonly kind: 'call';
      readonly trees: readonly Tree[];
      readonly how: 'each' | 'all' | 'race' | 'leave';
      readonly catches: boolean;
    };

/** A random node. */
export interface Tree {
  readonly steps: readonly Step[];
  /** `hang` never ends by itself. */
  readonly end: 'return' | 'throw' | 'throwOnce' | 'hang' | 'fatal';
  readonly attempts: number;
  readonly timeout: number | null;
  readonly hasFallback: boolean;
}

/** A random run: its tree, its options, and a cancel from outside. */
export interface Scenario {
  readonly tree: Tree;
  readonly onError: 'stop' | 'continue' | 'stopAll';
  readonly orphans: 'wait' | 'cancel';
  readonly maxConcurrency: number;
  readonly timeout: number;
  /** When the run is cancelled, in ms, if it is. */
  readonly cancelAt: number | null;
}

const leafStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 30 }) }),
  fc.record({ kind: fc.constantFrom('look', 'chunk', 'write', 'badInput', 'cancelChild') }),
  fc.record({ kind: fc.constant('ask' as const), isHandled: fc.boolean() }),
  fc.record({ kind: fc.constant('sync' as const), throws: fc.boolean() }),
);

const { tree, calls } = fc.letrec<{ tree: Tree; step: Step; calls: Step }>((tie) => ({
  calls: fc.record({
    kind: fc.constant('call' as const),
    trees: fc.array(tie('tree'), { minLength: 1, maxLength: 3, size: 'max' }),
    how: fc.constantFrom('each', 'all', 'race', 'leave'),
    catches: fc.boolean(),
  }),
  step: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'tree' },
    { arbitrary: leafStep, weight: 3 },
    { arbitrary: tie('calls'), weight: 4 },
  ),
  tree: fc.record({
    steps: fc.array(tie('step'), { maxLength: 3, size: 'max', depthIdentifier: 'tree' }),
    end: fc.oneof(
      { arbitrary: fc.constant('return' as const), weight: 10 },
      { arbitrary: fc.constantFrom('throw', 'throwOnce', 'hang', 'fatal'), weight: 3 },
    ),
    attempts: fc.integer({ min: 1, max: 3 }),
    timeout: fc.option(fc.integer({ min: 1, max: 60 }), { freq: 2 }),
    hasFallback: fc.boolean(),
  }),
}));

/** Random runs. Each ends, as each has a time limit. */
export const scenario: fc.Arbitrary<Scenario> = fc.record({
  tree: fc.tuple(tree, calls).map(([root, call]) => ({ ...root, steps: [call, ...root.steps] })),
  onError: fc.constantFrom('stop', 'continue', 'stopAll'),
  orphans: fc.constantFrom('wait', 'cancel'),
  maxConcurrency: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constant(Number.POSITIVE_INFINITY)),
  timeout: fc.integer({ min: 20, max: 500 }),
  cancelAt: fc.option(fc.integer({ min: 0, max: 200 }), { freq: 2 }),
});

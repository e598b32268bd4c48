import { createRunner, graph, input, node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';

/** Two nodes that hand a value to each other, and halve it on the way; each round makes new objects. */
function halving(trace: number[] = []) {
  const halve = node({
    name: 'halve',
    inputs: { state: input<{ value: number }>() },
    output: 'half',
    run: ({ state }) => {
      trace.push(state.value);
      return { value: Math.floor(state.value / 2) };
    },
  });
  const pass = node({
    name: 'pass',
    inputs: { half: input<{ value: number }>() },
    output: 'state',
    run: ({ half }) => ({ value: half.value }),
  });
  return [halve, pass] as const;
}

describe("a loop with convergence 'fixpoint'", () => {
  test('needs no gate, and ends when nothing changes any more', async () => {
    const trace: number[] = [];
    const g = graph({ name: 'g', nodes: halving(trace), convergence: 'fixpoint' });

    const { outputs } = await createRunner().run(g, { state: { value: 5 } });

    expect(outputs).toEqual({ state: { value: 0 }, half: { value: 0 } });
    expect(trace).toEqual([5, 2, 1, 0]);
  });

  test('compares structurally: an equal object is no change', async () => {
    const trace: number[] = [];
    const g = graph({ name: 'g', nodes: halving(trace), convergence: 'fixpoint' });

    await createRunner().run(g, { state: { value: 0 } });

    expect(trace).toEqual([0]);
  });

  test('runs what comes after it once, with the final value', async () => {
    const seen: unknown[] = [];
    const report = node({
      name: 'report',
      inputs: { state: input<{ value: number }>() },
      output: 'text',
      run: ({ state }) => seen.push(state),
    });
    const [halve, pass] = halving();
    const g = graph({ name: 'g', nodes: [report, halve, pass], convergence: 'fixpoint' });

    await createRunner().run(g, { state: { value: 9 } });

    expect(seen).toEqual([{ value: 0 }]);
  });

  test('that does not converge is an infinite loop', async () => {
    const up = node({ name: 'up', inputs: { a: input<number>() }, output: 'b', run: ({ a }) => a + 1 });
    const over = node({ name: 'over', inputs: { b: input<number>() }, output: 'a', run: ({ b }) => b });
    const g = graph({ name: 'g', nodes: [up, over], convergence: 'fixpoint', maxIterations: 10 });

    const error = await rejectionOf(createRunner().run(g, { a: 0 }));

    expect(error).toMatchObject({
      code: 'INFINITE_LOOP',
      loop: ['up', 'over'],
      lastValues: { a: 10, b: 10 },
    });
  });

  test('finds the distances in a graph from several nodes that feed each other', async () => {
    const near = (own: number, ...others: number[]): number =>
      Math.min(own, ...others.map((each) => each + 1));
    const a = node({ name: 'a', inputs: { b: input(9) }, output: 'a', run: ({ b }) => near(0, b) });
    const b = node({
      name: 'b',
      inputs: { a: input(9), c: input(9) },
      output: 'b',
      run: (given) => near(9, given.a, given.c),
    });
    const c = node({
      name: 'c',
      inputs: { b: input(9), d: input(9) },
      output: 'c',
      run: (given) => near(9, given.b, given.d),
    });
    const d = node({ name: 'd', inputs: { c: input(9) }, output: 'd', run: (given) => near(9, given.c) });

    const { outputs } = await createRunner().run(
      graph({ name: 'g', nodes: [d, c, b, a], convergence: 'fixpoint' }),
    );

    expect(outputs).toEqual({ a: 0, b: 1, c: 2, d: 3 });
  });

  test('runs the same under runSync', () => {
    const g = graph({ name: 'g', nodes: halving(), convergence: 'fixpoint' });

    const { outputs } = createRunner().runSync(g, { state: { value: 100 } });

    expect(outputs).toEqual({ state: { value: 0 }, half: { value: 0 } });
  });
});

describe('in a graph without convergence', () => {
  test('a loop that no gate leaves is refused when it is built', () => {
    expect(() => graph({ name: 'g', nodes: halving() })).toThrowError(
      expect.objectContaining({ code: 'GRAPH_CONFIG' }) as Error,
    );
  });
});

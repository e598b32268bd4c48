import fc from 'fast-check';
import { END, graph, input, interrupt, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { build, step } from './build-parts.ts';

const inc = node({
  name: 'inc',
  inputs: { count: input<number>(), by: input(1) },
  output: 'count',
  timeout: 5_000,
  retry: { maxAttempts: 2 },
  run: ({ count, by }) => count + by,
});
const again = route({
  name: 'again',
  inputs: { count: input<number>() },
  targets: ['inc', END],
  run: ({ count }) => (count < 3 ? 'inc' : END),
});
const counter = graph({ name: 'counter', nodes: [inc, again] });

/** The lines that say something, without their indentation. */
function factsOf(described: { describe(): string }): string[] {
  return described
    .describe()
    .split('\n')
    .map((line) => line.trim());
}

/** Of a graph that has these names, some of them twice. */
function lineCount(names: readonly string[]): number {
  const [first = '', second = '', x = '', y = ''] = names;
  const described = graph({ name: first, nodes: [step(first, [x], [y]), step(second, [y])] });
  return factsOf(described.rename({ inputs: { [x]: second } })).length;
}

describe('a graph in words', () => {
  test('has inputs, nodes in their order with what they take and make, loops and outputs', () => {
    expect(counter.describe()).toMatchInlineSnapshot(`
      "graph counter
        inputs
          count (required)
          by (optional)
        nodes
          inc (node)
            count <- inc, graph input
            by <- graph input (default 1)
            -> count
            retry {"maxAttempts":2}
            timeout 5000
          again (gate)
            count <- inc, graph input
            chooses one of inc, END
        loops
          inc, again
        outputs
          count <- inc"
    `);
  });

  test('says which inputs are bound, and to what', () => {
    const text = counter.bind({ by: 2 }).describe();

    expect(text).toContain('count (required)');
    expect(text).toContain('by (bound to 2)');
  });

  test('shows no more than the beginning of a long value', () => {
    const long = build([step('use', ['text'])]).bind({ text: 'x'.repeat(1_000) });

    const line = factsOf(long).find((fact) => fact.startsWith('text (bound')) ?? '';

    expect(line.length).toBeLessThan(100);
    expect(line).toContain('…');
  });

  test('says what a gate may choose, and when', () => {
    const pick = route({
      name: 'pick',
      targets: ['a', 'b'],
      multi: true,
      fallback: 'b',
      defaultOpen: false,
      run: () => null,
    });

    expect(factsOf(build([pick, step('a'), step('b')]))).toEqual(
      expect.arrayContaining([
        'pick (gate)',
        'chooses any of a, b',
        'chooses b for null',
        'its targets wait for its first decision',
      ]),
    );
  });

  test('says what is answered', () => {
    const ask = interrupt({ name: 'ask', response: 'decision', run: () => 'Well?' });

    expect(factsOf(build([ask, step('act', ['decision'])]))).toEqual(
      expect.arrayContaining(['decision (answer)', 'ask (interrupt)', '-> decision (answer)']),
    );
  });

  test('says what comes after what without data', () => {
    const nodes = [
      step('load', [], [], { emits: ['loaded'] }),
      step('use', [], [], { waitFor: ['loaded'] }),
      step('last'),
    ];

    expect(factsOf(build(nodes, { edges: [['use', 'last']] }))).toEqual(
      expect.arrayContaining(['emits loaded', 'after loaded of load', 'after use']),
    );
  });

  test('says what is shared', () => {
    const nodes = [step('a', [], ['x', 'log']), step('b', ['x', 'log'])];

    const text = build(nodes, { shared: ['log'] }).describe();

    expect(text).toContain('  shared\n    log\n');
    expect(text).toContain('log <- shared state, graph input');
  });

  test('says what an input or an output is called inside', () => {
    const renamed = counter.rename({ inputs: { count: 'from' }, outputs: { count: 'to' } });

    expect(factsOf(renamed)).toEqual(
      expect.arrayContaining([
        'from (required), count inside',
        'count <- inc, graph input from',
        'to <- inc (count inside)',
      ]),
    );
  });

  test('says where it starts, and what is left out and why', () => {
    const started = build([step('a', [], ['x']), step('b', ['x'])]).startAt('b');

    expect(started.describe()).toContain('  starts at\n    b\n  left out\n    a: the run starts at "b"');
  });

  test('says how long its loops may go on', () => {
    const settled = build([step('a', ['x'], ['x'])], { convergence: 'fixpoint', maxIterations: 4 });

    expect(factsOf(settled)[0]).toBe('graph g, convergence fixpoint, at most 4 runs of a node in a loop');
  });
});

describe('a nested graph in words', () => {
  test('is below its node, indented, at any depth', () => {
    const square = node({
      name: 'square',
      inputs: { x: input<number>() },
      output: 'y',
      run: ({ x }) => x * x,
    });
    const inner = graph({ name: 'inner', nodes: [square] });
    const middle = graph({ name: 'middle', nodes: [inner.asNode({ namespace: true })] });

    const text = graph({
      name: 'outer',
      nodes: [middle.asNode({ name: 'squares', mapOver: 'inner.x', onError: 'continue', maxIterations: 9 })],
    }).describe();

    expect(text).toMatchInlineSnapshot(`
      "graph outer
        inputs
          inner.x (required)
        nodes
          squares (graph)
            inner.x <- graph input
            -> inner.y
            maps over inner.x (zip), goes on after failures
            at most 9 runs of a node in a loop
            graph middle
              inputs
                inner.x (required)
              nodes
                inner (graph)
                  inner.x <- graph input
                  -> inner.y
                  graph inner
                    inputs
                      inner.x (required), x inside
                    nodes
                      square (node)
                        x <- graph input inner.x
                        -> y
                    outputs
                      inner.y <- square (y inside)
              outputs
                inner.y <- inner
        outputs
          inner.y <- squares"
    `);
  });
});

describe('whatever the names', () => {
  test('a fact stays on its line', () => {
    const name = fc
      .string({ unit: 'binary', minLength: 1 })
      .filter((each) => ![END, '__proto__'].includes(each));

    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 4, maxLength: 4 }), (names) => {
        expect(lineCount(names)).toBe(lineCount(['a', 'b', 'c', 'd']));
      }),
    );
  });

  test.each(['a b', 'a, b', 'a\nb', '"a"', 'a <- b', 'graph input(s)'])('%j is quoted', (name) => {
    expect(factsOf(build([step(name)]))).toContain(`${JSON.stringify(name)} (node)`);
  });

  test.each(['fetch_page', 'inner.x', 'größer', '日本語', '$x-1'])('%j is not', (name) => {
    expect(factsOf(build([step(name)]))).toContain(`${name} (node)`);
  });
});

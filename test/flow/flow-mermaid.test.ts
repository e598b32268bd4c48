import { batchSize, event, flow, routine, slot, type Flow } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { readFlowchart, waysOf, type Flowchart } from '../graph/mermaid-lines.ts';
import { connected, part } from './definition-parts.ts';

const double = routine({
  name: 'double',
  slots: { input: slot<number>() },
  events: { output: event<number>() },
  policy: batchSize(2),
  run: () => undefined,
});
const print = routine({ name: 'print', slots: { line: slot<string>() }, run: () => undefined });
const toLine = (value: number): string => String(value);
const doubling = flow('doubling')
  .add(double)
  .add(print, 'out')
  .connect('double.output', 'out.line', { map: toLine });

/** The lines of nodes and arrows are those of a graph; only the head differs. */
function draw(drawn: { toMermaid(): string }): Flowchart {
  return readFlowchart(drawn.toMermaid().replace(/^flowchart LR$/m, 'flowchart TD'));
}

describe('a flow as a Mermaid flowchart', () => {
  test('goes from left to right, with a line for each routine and each connection', () => {
    expect(doubling.toMermaid()).toMatchInlineSnapshot(`
      "flowchart LR
        n0["double#44; batchSize#40;2#41;"]
        n1["out #40;print#41;#44; immediate"]
        n0 -->|"output #8594; line #40;toLine#41;"| n1"
    `);
  });

  test('shows each routine by its name in the flow, its own if that is another, and its policy', () => {
    expect(draw(doubling).shapes.map(({ label }) => label)).toEqual([
      'double, batchSize(2)',
      'out (print), immediate',
    ]);
  });

  test('shows each connection by its event, its slot, and the function that maps', () => {
    expect(waysOf(draw(doubling))).toEqual([
      'double, batchSize(2) -->|output → line (toLine)| out (print), immediate',
    ]);
  });

  test('shows a connection that does not map by its event and its slot', () => {
    const pair = connected(flow('f').add(part('a')).add(part('b')), 'a b');

    expect(draw(pair).edges.map(({ label }) => label)).toEqual(['out → in']);
  });

  test('tells two functions apart that are written in place', () => {
    const pair = flow('f').add(double, 'a').add(double, 'b');
    const mapped = pair
      .connect('a.output', 'b.input', { map: (n) => n + 1 })
      .connect('b.output', 'a.input', { map: (n) => n - 1 });

    expect(draw(mapped).edges.map(({ label }) => label)).toEqual([
      'output → input (map)',
      'output → input (map2)',
    ]);
  });

  test('shows a routine that sends to itself', () => {
    const [edge] = draw(flow('f').add(double).connect('double.output', 'double.input')).edges;

    expect(edge).toMatchObject({ from: 'n0', to: 'n0' });
  });

  test('shows names as they are, whatever they hold', () => {
    const odd = [
      'end',
      'a"]-->b',
      '%% no comment',
      '<script>',
      '#quot;',
      '`**x**`',
      'direction TB',
      'Grüße 你好',
    ];
    const drawn = odd.reduce<Flow>((built, name) => built.add(part(name)), flow('f'));

    expect(draw(drawn).shapes.map(({ label }) => label)).toEqual(odd.map((name) => `${name}, immediate`));
  });

  test('of nothing is a head without lines', () => {
    expect(flow('f').toMermaid()).toBe('flowchart LR');
  });

  test('is the same for the same parts', () => {
    const again = flow('other name')
      .add(double)
      .add(print, 'out')
      .connect('double.output', 'out.line', { map: toLine });

    expect(again.toMermaid()).toBe(doubling.toMermaid());
  });
});

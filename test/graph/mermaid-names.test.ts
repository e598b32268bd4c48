import fc from 'fast-check';
import { END, graph, input, interrupt, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { build, step } from './build-parts.ts';
import { readFlowchart, waysOf } from './mermaid-lines.ts';

// Names that mean something to Mermaid, to Markdown (which it reads in labels) or to HTML, and those that are hard to see.
const ODD = [
  'end',
  'graph',
  'subgraph',
  'flowchart TD',
  'direction TB',
  'style n0 fill:#fff;',
  'class',
  'classDef a b',
  'click',
  'linkStyle 0',
  'default',
  'n0',
  '%% comment',
  '%%{init: {}}%%',
  ':::failed',
  '"quoted"',
  "it's",
  '[a]',
  '(a)',
  '{a}',
  '{{a}}',
  '[/a/]',
  '|a|',
  'a --> b',
  'a -.-> b',
  '---',
  '@{ shape: rect }',
  'a;b',
  'a\nb',
  'a\r\nb',
  '\t',
  ' ',
  ' a ',
  'a  b',
  String.raw`\n`,
  '<b>bold</b>',
  '<script>alert(1)</script>',
  '&amp;',
  '#35;',
  '#quot;',
  '1. one',
  '- one',
  '# one',
  '> one',
  '`code`',
  '**bold**',
  '_slanted_',
  '~~gone~~',
  '[a](b)',
  'www.example.org',
  'https://example.org/?a=b',
  'me@example.org',
  '$$x$$',
  'fa:fa-car',
  'fetch_page-2.x',
  'größer',
  '日本語',
  'ไทย',
  '🚀',
  'e\u0301',
  '\u0000',
  '\u007F',
  '\u202E',
  '\u2028',
  '\uD800',
  'constructor',
  'x'.repeat(500),
] as const;

/** What is shown of a name: a replacement for what is no character. */
function shown(name: string): string {
  return name.replaceAll(/[\0\uD800-\uDFFF]/gu, '\u{FFFD}');
}

/** A name as a node, an input and an output of one graph. */
function drawOne(name: string): ReturnType<typeof readFlowchart> {
  return readFlowchart(build([step(name, ['in'], ['out'])]).toMermaid());
}

describe('a name in a flowchart', () => {
  test.each(ODD)('may be %j', (name) => {
    const { shapes } = drawOne(name);

    expect(shapes.map(({ label }) => label)).toEqual(['in', shown(name), 'out']);
  });

  test.each(ODD)('may be %j, of a gate, a graph, an input and an output', (name) => {
    const inner = graph({ name: 'g', nodes: [step('deep', [name], ['made'])] }).asNode({ name });
    const pick = route({ name: `${name}?`, targets: [name, END], run: () => END });
    const nodes = [step('make', [], [name]), pick, inner, step('use', [`${name}.`], [`${name}!`])];

    const chart = readFlowchart(build(nodes).toMermaid({ nodes: { [name]: 'failed' } }));

    const own = shown(name);
    expect(waysOf(chart).toSorted()).toEqual(
      [
        `${own}. --> use`,
        `make -->|${own}| deep`,
        `${own}? -.->|${own}| ${own}`,
        `${own}? -.->|END| END`,
        'deep --> made',
        `use --> ${own}!`,
      ].toSorted(),
    );
    expect([...chart.classes.values()]).toEqual(['failed']);
  });

  test('stays readable where it is a usual one', () => {
    expect(build([step('fetch_page-2.x größer 日本語')]).toMermaid()).toContain(
      '["fetch_page-2.x größer 日本語"]',
    );
  });

  test('is quoted with entity codes where it is not', () => {
    expect(build([step('a "b" <c>')]).toMermaid()).toContain('["a #34;b#34; #60;c#62;"]');
  });

  test('is no statement for the direction', () => {
    expect(build([step('a Direction TB')]).toMermaid()).toContain('["a Direction#32;TB"]');
  });

  test('is no link', () => {
    expect(build([step('www.example.org')]).toMermaid()).toContain('["www#46;example.org"]');
  });
});

describe('whatever the names', () => {
  const name = fc
    .oneof(
      fc.constantFrom<string>(...ODD),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
      fc.tuple(fc.constantFrom(...ODD), fc.constantFrom(...ODD)).map((pair) => pair.join('')),
    )
    .filter((each) => each !== END && each !== '__proto__');
  const names = fc.uniqueArray(name, { minLength: 8, maxLength: 8, selector: shown });

  test('a flowchart keeps to its grammar, and each label says its name', () => {
    fc.assert(
      fc.property(names, ([first = '', ask = '', pick = '', nested = '', a = '', b = '', c = '', d = '']) => {
        const inner = graph({ name: 'g', nodes: [step(first, [b], [c])] });
        const drawn = build([
          node({ name: first, inputs: { [a]: input<unknown>() }, emits: [d], run: () => 1 }),
          interrupt({ name: ask, response: b, waitFor: [d], run: () => 1 }),
          route({ name: pick, inputs: { [b]: input<unknown>() }, targets: [nested, END], run: () => END }),
          inner.asNode({ name: nested }),
        ]);

        const chart = readFlowchart(drawn.toMermaid());

        const [A, B, C, D] = [a, b, c, d].map(shown);
        const [First, Ask, Pick, Nested] = [first, ask, pick, nested].map(shown);
        expect(waysOf(chart)).toEqual([
          `${A} --> ${First}`,
          `${First} ==>|${D}| ${Ask}`,
          `${Ask} -->|${B}| ${Pick}`,
          `${Pick} -.->|${Nested}| ${Nested}`,
          `${Pick} -.->|END| END`,
          `${Ask} -->|${B}| ${First}`,
          `${First} --> ${C}`,
        ]);
      }),
      { numRuns: 300 },
    );
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closeFolder, compile, openFolder } from './graph-compiler.ts';

const NODES = `import { END, graph, input, node, route } from 'troupe';
const embed = node({ name: 'embed', inputs: { text: input<string>() }, output: 'embedding', run: ({ text }) => [text.length] });
const search = node({ name: 'search', inputs: { embedding: input<string>() }, output: 'hits', run: ({ embedding }) => embedding });
const again = route({ name: 'again', targets: ['embd', END], run: () => 'embd' });
const start = graph({ name: 'start', nodes: [embed] });
`;

// Each program has one wrong line, the last; the marked text is where the message has to be. Of two nodes with one name
// both are wrong; the mark is on the second.
const PROGRAMS = [
  {
    about: 'an edge whose types do not fit',
    line: `graph({ name: 'g', nodes: [embed, «search»] });`,
    message: String.raw`Input \"embedding\" of node \"search\" does not take what node \"embed\" outputs", number[], string`,
  },
  {
    about: 'an added node that does not fit',
    line: `start.add(«search»);`,
    message: String.raw`Input \"embedding\" of node \"search\" does not take what node \"embed\" outputs`,
  },
  {
    about: 'an unknown target of a gate',
    line: `graph({ name: 'g', nodes: [embed, «again»] });`,
    message: String.raw`Gate \"again\" targets \"embd\", which is no node of the graph`,
  },
  {
    about: 'two nodes of one name',
    line: `graph({ name: 'g', nodes: [embed, «embed»] });`,
    message: String.raw`Two nodes have the name \"embed\"`,
  },
  {
    about: 'an explicit edge to an unknown node',
    line: `graph({ name: 'g', nodes: [embed], edges: [«['embed', 'serch']»] });`,
    message: String.raw`An edge names \"serch\", which is no node of the graph`,
  },
  {
    about: 'an explicit edge with an unknown output',
    line: `graph({ name: 'g', nodes: [embed, search], edges: [«['embed', 'search', 'embeddings']»] });`,
    message: String.raw`Node \"embed\" has no output \"embeddings\", which an edge to node \"search\" names`,
  },
  {
    about: 'an explicit edge whose types do not fit',
    line: `graph({ name: 'g', nodes: [embed, search], edges: [«['embed', 'search']»] });`,
    message: String.raw`Input \"embedding\" of node \"search\" does not take what node \"embed\" outputs`,
  },
  {
    about: 'an unknown shared name',
    line: `graph({ name: 'g', nodes: [embed], shared: [«'embedding2'»] });`,
    message: String.raw`names \"embedding2\", which no node of the graph reads or makes`,
  },
  {
    about: 'an unknown name in bind',
    line: `start.bind({ «txt»: 'text' });`,
    message: `'txt' does not exist in type`,
  },
  {
    about: 'an unknown name in select',
    line: `start.select(«'hits'»);`,
    message: `'"hits"' is not assignable to parameter of type '"embedding"'`,
  },
  {
    about: 'an unknown port in asNode',
    line: `start.asNode({ «mapOver»: 'txt' });`,
    message: String.raw`The graph has no input \"txt\"`,
  },
];

const fileOf = (about: string): string => `${about.replaceAll(/\W+/g, '-')}.ts`;

let folder: string;
let errors: readonly string[];
beforeAll(async () => {
  folder = await openFolder();
  const files = PROGRAMS.map(({ about, line }) => [fileOf(about), NODES + line.replaceAll(/[«»]/g, '')]);
  ({ errors } = await compile(folder, Object.fromEntries(files)));
}, 120_000);
afterAll(() => closeFolder(folder));

describe('the compiler’s message', () => {
  test.each(PROGRAMS)('about $about names it, at its place', ({ line, message, about }) => {
    const [before = ''] = line.split('«');
    const place = `(${NODES.split('\n').length},${before.length + 1}): `;

    const said = errors.filter((error) => error.startsWith(fileOf(about) + place));

    expect(said).toHaveLength(1);
    expect(said[0]).toContain(message);
  });
});

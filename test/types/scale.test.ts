import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closeFolder, compile, openFolder, type Compiled } from './graph-compiler.ts';

const NODES = 200;

/** The compiler gives up on one expression at 5 million. */
const MOST_INSTANTIATIONS = 2_500_000;

interface Scale {
  /** How many names each node hands to the next. */
  readonly ports: number;
  /** How many gates lead back, each to the start of its stretch of the chain. */
  readonly gates?: number;
}

/** A chain of nodes: each reads what the one before makes. */
function chain({ ports, gates = 0 }: Scale): string {
  const names = (at: number): string[] => Array.from({ length: ports }, (_, port) => `x${at}p${port}`);
  const nodes = Array.from({ length: NODES }, (_, at) => {
    const inputs = names(at).map((name) => `${name}: input<number>()`);
    const outputs = names(at + 1);
    return `const node${at} = node({ name: 'node${at}', inputs: { ${inputs.join(', ')} }, outputs: [${outputs.map((name) => `'${name}'`).join(', ')}], run: () => ({ ${outputs.map((name) => `${name}: 1`).join(', ')} }) });`;
  });
  const stretch = NODES / gates;
  const routes = Array.from({ length: gates }, (_, at) => {
    const [first, last] = [at * stretch, (at + 1) * stretch];
    return `const gate${at} = route({ name: 'gate${at}', inputs: { x${last}p0: input<number>() }, targets: ['node${first}', END], run: () => 'node${first}' });`;
  });
  const list = [...nodes.map((_, at) => `node${at}`), ...routes.map((_, at) => `gate${at}`)];
  return `import { END, graph, input, node, route } from 'troupe';
export const used = [END, route];
${[...nodes, ...routes].join('\n')}
const g = graph({ name: 'g', nodes: [${list.join(', ')}] });
type Types = NonNullable<(typeof g)['~types']>;
export const given: Types['input']['x0p0'] = 1;
export const made: Types['outputs']['x${NODES}p0'] = 1;
// @ts-expect-error no node makes it
export type Unknown = Types['outputs']['x${NODES + 1}p0'];
`;
}

const EMPTY = `import { graph } from 'troupe';\nexport const used = graph;\n`;

let folder: string;
beforeAll(async () => {
  folder = await openFolder();
});
afterAll(() => closeFolder(folder));

/** The best of three of the time that a file takes against an empty one, as machines are noisy; fewer where it fits at once. */
async function ratioOf(text: string, enough: number): Promise<{ ratio: number; compiled: Compiled }> {
  let ratio = Number.POSITIVE_INFINITY;
  let compiled = await compile(folder, { 'scale.ts': text });
  for (let round = 0; round < 3 && ratio >= enough; round += 1) {
    const empty = await compile(folder, { 'empty.ts': EMPTY });
    compiled = await compile(folder, { 'scale.ts': text });
    ratio = Math.min(ratio, compiled.seconds / empty.seconds);
  }
  return { ratio, compiled };
}

describe('a graph of 200 nodes', { timeout: 600_000 }, () => {
  test.each<[string, number, Scale]>([
    ['in a chain', 4, { ports: 1 }],
    ['with 30 ports each', 4, { ports: 30 }],
    ['with 20 loops', 8, { ports: 1, gates: 20 }],
  ])('%s takes the compiler less than %i times an empty file', async (_, most, scale) => {
    const { ratio, compiled } = await ratioOf(chain(scale), most);

    expect(compiled.errors).toEqual([]);
    expect(ratio).toBeLessThan(most);
    expect(compiled.instantiations).toBeLessThan(MOST_INSTANTIATIONS);
  });
});

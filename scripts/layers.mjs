/**
 * Which folder of src/ may import which. This table is the only source: it becomes the import overrides in
 * .oxlintrc.json.
 *
 *   node scripts/layers.mjs           write the overrides
 *   node scripts/layers.mjs --check   fail when they are stale, or when src/ holds a folder that the table lacks
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

/** The files of a pluggable folder that state its interface, and what is the same for all of its backends. */
const contracts = ['strategies/strategy', 'cache/cache', 'cache/key', 'checkpoint/checkpointer'];

/** The backends that the runner uses when none is given. */
const defaults = ['strategies/inline', 'cache/memory', 'checkpoint/memory'];

const core = ['nodes', 'graph', 'flow', 'log', 'events', 'machines', 'actors'];

/**
 * `may`: what a folder may import besides itself and the leaves (a folder, or one module as `folder/file`).
 * `types`: what it may import with `import type` only. `xstate`: may import that package, which nobody else may.
 */
const layers = {
  log: { may: [] },
  events: { may: [], types: ['log'] },
  nodes: { may: [], types: ['log'] },
  graph: { may: ['nodes'] },
  flow: { may: ['nodes'] },
  machines: { may: ['log', 'events'], types: ['actors'], xstate: true },
  strategies: { may: ['log'] },
  cache: { may: ['log'] },
  checkpoint: { may: ['log'] },
  actors: { may: ['machines', 'log', 'events', 'nodes', 'graph', 'flow', ...contracts], xstate: true },
  runner: { may: [...core, ...contracts, ...defaults] },
  testing: { may: ['nodes', 'graph', ...contracts] },
  inspect: { may: ['index', 'log', 'events'], xstate: true },
  distributed: { may: ['index', 'log', 'events'] },
  cli: { may: ['index', 'inspect'] },
};

/** What src/index.ts may re-export: the core, never an adapter. */
const indexMay = [...core, 'runner', ...contracts, ...defaults];

const folders = Object.keys(layers);
const configUrl = new URL('../.oxlintrc.json', import.meta.url);
const srcUrl = new URL('../src/', import.meta.url);
const RULE = 'no-restricted-imports';

/** The patterns for one importer; `up` matches the way from its files to src/. */
function patterns(importer, up, { may, types = [], xstate = false }) {
  const allowed = [...may, ...types.map((name) => `${name} (types only)`), 'leaves'].join(', ');
  const message = `${importer} may import only: ${allowed}. See scripts/layers.mjs`;
  const others = folders.filter((name) => name !== importer && !may.includes(name));
  const partly = others.filter((name) => may.some((module) => module.startsWith(`${name}/`)));
  const never = others.filter((name) => !partly.includes(name) && !types.includes(name));
  const result = [{ regex: `${up}(${never.join('|')})/`, message }];
  for (const name of types) result.push({ regex: `${up}${name}/`, message, allowTypeImports: true });
  // The linter's regular expressions know no look-ahead; its globs know exceptions.
  for (const name of partly) {
    const open = may.filter((module) => module.startsWith(`${name}/`)).map((module) => `!**/${module}.ts`);
    result.push({ group: [`**/${name}/**`, ...open], message });
  }
  if (!may.includes('index')) result.push({ regex: `${up}index\\.ts$`, message });
  result.push({
    regex: '^troupe(/|$)|/[a-z-]+/index\\.ts$',
    message: 'Inside src, import the module itself',
  });
  if (!xstate) {
    result.push({ regex: '^xstate(/|$)', message: 'Only machines, actors and inspect may import xstate' });
  }
  return result;
}

function override(importer, files, up, layer) {
  return { files: [files], rules: { [RULE]: ['error', { patterns: patterns(importer, up, layer) }] } };
}

/** Files directly in src/ are leaves: everyone may import them, and they import nothing but each other. */
function overrides() {
  return [
    override('A leaf', 'src/*.ts', '^\\./', { may: [] }),
    override('index.ts', 'src/index.ts', '^\\./', { may: indexMay }),
    ...folders.map((name) => override(name, `src/${name}/**`, '^(\\.\\./)+', layers[name])),
    override('flow/index.ts', 'src/flow/index.ts', '^(\\.\\./)+', { may: [...core, 'runner'] }),
  ];
}

/** A folder of src/ without a rule would be importable by all: say so instead. */
function unknownFolders() {
  const entries = readdirSync(srcUrl, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !folders.includes(entry.name))
    .map(({ name }) => name);
}

const config = JSON.parse(readFileSync(configUrl, 'utf8'));
const handWritten = (config.overrides ?? []).filter((entry) => !(RULE in entry.rules));
const wanted = { ...config, overrides: [...handWritten, ...overrides()] };

if (process.argv.includes('--check')) {
  const unknown = unknownFolders();
  const stale = !isDeepStrictEqual(config, wanted);
  if (unknown.length > 0)
    console.error(`src/ holds folders that scripts/layers.mjs lacks: ${unknown.join(', ')}`);
  if (stale) console.error('.oxlintrc.json is stale: run `npm run layers`');
  process.exitCode = unknown.length > 0 || stale ? 1 : 0;
} else {
  writeFileSync(configUrl, `${JSON.stringify(wanted, null, 2)}\n`);
}

import { END, graph, ifElse, input, node, route, type AnyNode } from 'troupe';
import { expect, test } from 'vitest';

function worker(name: string, reads: readonly string[], output: string): AnyNode {
  return node({
    name,
    inputs: Object.fromEntries(reads.map((read) => [read, input<unknown>()])),
    output,
    run: () => 1,
  });
}

function fork(name: string, read: string, targets: readonly [string, string]): AnyNode {
  return ifElse({
    name,
    inputs: { [read]: input<unknown>() },
    then: targets[0],
    else: targets[1],
    run: () => true,
  });
}

function times<Item>(count: number, make: (index: number) => Item): Item[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

const chain = (count: number): AnyNode[] =>
  times(count, (index) => worker(`n${index}`, [`v${index}`], `v${index + 1}`));

/** One node that all others read, and one that reads them all. */
function wide(count: number): AnyNode[] {
  const middle = times(count - 2, (index) => worker(`n${index}`, ['root'], `v${index}`));
  const all = middle.flatMap(({ outputs }) => outputs);
  return [worker('first', ['x'], 'root'), ...middle, worker('last', all, 'end')];
}

/** Gates that each choose one of two nodes, after which the next gate joins them. */
const joiningLadder = (count: number): AnyNode[] =>
  times(count / 3, (index) => [
    fork(`gate${index}`, `v${index}`, [`left${index}`, `right${index}`]),
    worker(`left${index}`, [`v${index}`], `v${index + 1}`),
    worker(`right${index}`, [`v${index}`], `v${index + 1}`),
  ]).flat();

/** Gates that each choose a node or the next gate. */
const elseIfs = (count: number, output: (index: number) => string): AnyNode[] =>
  times(count / 2, (index) => [
    fork(`gate${index}`, 'x', [`n${index}`, index + 1 < count / 2 ? `gate${index + 1}` : END]),
    worker(`n${index}`, ['x'], output(index)),
  ]).flat();

/** A ring of which one gate chooses whether it goes round again. */
function loop(count: number): AnyNode[] {
  const last = count - 2;
  const ring = times(count - 1, (index) =>
    worker(`n${index}`, [`v${index}`], index === last ? 'v0' : `v${index + 1}`),
  );
  const again = route({
    name: 'again',
    inputs: { v0: input<unknown>() },
    targets: ['n0', END],
    run: () => null,
  });
  return [...ring, again];
}

/** A ring of which every other node is a gate that may leave it. */
const gatedLoop = (count: number): AnyNode[] =>
  times(count / 2, (index) => {
    const next = (index + 1) % (count / 2);
    return [
      worker(`n${index}`, [`v${index}`], `v${next}`),
      fork(`gate${index}`, `v${next}`, [`n${next}`, END]),
    ];
  }).flat();

function router(count: number): AnyNode[] {
  const targets = times(count - 1, (index) => worker(`n${index}`, ['x'], 'v'));
  const pick = route({ name: 'pick', targets: targets.map(({ name }) => name), run: () => null });
  return [pick, ...targets];
}

const ordered = (count: number): AnyNode[] =>
  times(count, (index) =>
    node({
      name: `n${index}`,
      emits: [`e${index}`],
      ...(index > 0 ? { waitFor: [`e${index - 1}`] } : {}),
      inputs: {},
      run: () => 1,
    }),
  );

/** The processor time that building takes, in µs: other processes do not count. */
function cost(nodes: readonly AnyNode[], repetitions: number): number {
  const before = process.cpuUsage();
  for (let count = 0; count < repetitions; count += 1) graph({ name: 'large', nodes });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / repetitions;
}

const MOST_ROUNDS = 40;

/**
 * How many times more a list costs than one of a tenth of its length, by the best of several rounds each: noise only
 * ever adds, so the rounds go on while the ratio is at or above `limit`. A cost that grows too fast stays there however
 * often it is measured. The short list is built ten times a round, so that both make as much garbage.
 */
function growth(short: readonly AnyNode[], long: readonly AnyNode[], limit: number): number {
  const best = { short: Infinity, long: Infinity };
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    best.short = Math.min(best.short, cost(short, 10));
    best.long = Math.min(best.long, cost(long, 1));
    if (round >= 3 && best.long / best.short < limit) break;
  }
  return best.long / best.short;
}

test.each([
  { what: 'a chain', make: chain },
  {
    what: 'a chain, listed last node first',
    make: (count: number) => chain(count).toReversed(),
  },
  { what: 'a wide graph', make: wide },
  { what: 'a ladder of joining branches', make: joiningLadder },
  { what: 'a ladder of else-ifs', make: (count: number) => elseIfs(count, (index) => `v${index}`) },
  { what: 'one big loop', make: loop },
  { what: 'one big loop with many gates', make: gatedLoop },
  { what: 'nodes that only wait for each other', make: ordered },
])('$what grows by ten and takes less than twenty times as long (500)', { timeout: 120_000 }, ({ make }) => {
  const ratio = growth(make(500), make(5_000), 20);

  expect(ratio).toBeLessThan(20);
});

// Smaller, as a cube of 5,000 would never end.
test.each([
  { what: 'a switch whose targets make one name', make: router },
  {
    what: 'a ladder of else-ifs that make one name',
    make: (count: number) => elseIfs(count, () => 'v'),
  },
])('$what grows by ten and takes less than twenty times as long (100)', { timeout: 120_000 }, ({ make }) => {
  const ratio = growth(make(100), make(1_000), 20);

  expect(ratio).toBeLessThan(20);
});

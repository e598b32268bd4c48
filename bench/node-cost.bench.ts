// What one no-op async node costs with everything on, against the same promise as a root `fromPromise` actor.
import { measureFloor } from './floor.ts';
import {
  expectEqual,
  inChild,
  interleave,
  median,
  micros,
  note,
  numbersOf,
  perItem,
  pick,
  report,
} from './harness.ts';
import { createRunner, createWatcher, leaf, node } from './troupe.ts';

const NODES = pick(10_000, 3_000);
const ROUNDS = pick({ warmup: 6, measured: 15 }, { warmup: 4, measured: 7 });

const inSequence = node('inSequence', async (count: number, ctx) => {
  for (let i = 0; i < count; i++) await ctx.call(leaf, i);
});

/** One parent calls child after child: the measure with the limit. */
async function benchCalls(name: string, isInfoRead: boolean) {
  const watcher = createWatcher();
  await using runner = createRunner({ subscriber: watcher.subscriber, retain: 3 });
  let runs = 0;
  const pairs = await interleave(
    ROUNDS,
    () =>
      perItem(NODES, async () => {
        const { info } = await runner.run(inSequence, NODES);
        await watcher.ended(++runs);
        if (isInfoRead) expectEqual('the size of the forest', info.requests.size, NODES + 1);
      }),
    () => measureFloor(NODES),
  );
  const { info } = await runner.run(inSequence, NODES);
  await watcher.ended(++runs);
  expectEqual('the number of stamps', info.stamps.length, 2 * (NODES + 1));
  expectEqual('events seen >= 2 a node', watcher.count() >= 2 * runs * NODES, true);
  note(name, { ours: micros(pairs.ours), floor: micros(pairs.theirs) });
  return pairs;
}

/** A whole run for each node. */
async function benchRuns(name: string) {
  const watcher = createWatcher();
  await using runner = createRunner({ subscriber: watcher.subscriber });
  let runs = 0;
  const pairs = await interleave(
    ROUNDS,
    () =>
      perItem(NODES, async () => {
        for (let i = 0; i < NODES; i++) await runner.run(leaf, i);
        runs += NODES;
        await watcher.ended(runs);
      }),
    () => measureFloor(NODES),
  );
  note(name, { ours: micros(pairs.ours), floor: micros(pairs.theirs) });
  return pairs;
}

const calls = await benchCalls('node-cost/calls', false);
report({ name: 'node-cost/calls', values: calls.ratios, limit: { atMost: 2 } });
report({ name: 'node-cost/calls+info', values: (await benchCalls('node-cost/calls+info', true)).ratios });
report({ name: 'node-cost/runs', values: (await benchRuns('node-cost/runs')).ratios });

/** The floor in a fresh process, before or after its first AsyncLocalStorage. */
async function freshFloor(when: 'before' | 'after'): Promise<number> {
  const answer = await inChild('fresh-floor.ts', [when, String(NODES), String(ROUNDS.measured)]);
  return median(numbersOf(answer, 'figures'));
}

const floors = await interleave(
  { warmup: 0, measured: pick(5, 1) },
  () => freshFloor('after'),
  () => freshFloor('before'),
);
note('node-cost/floor', {
  'before any AsyncLocalStorage': micros(floors.theirs),
  after: micros(floors.ours),
});
report({ name: 'node-cost/floor, after:before', values: floors.ratios });
const before = median(floors.theirs);
report({ name: 'node-cost/calls:floor before', values: calls.ours.map((figure) => figure / before) });

// What a node costs when 100,000 run at once, against 1,000 at once. Both sides start the same number of nodes in one
// run, so that only the width differs, not the length of the log.
import type { Node } from '../src/index.ts';
import { measureFloorAtOnce } from './floor.ts';
import { expectEqual, interleave, micros, note, perItem, pick, report } from './harness.ts';
import { createRunner, createWatcher, leaf, node } from './troupe.ts';

const WIDE = pick(100_000, 20_000);
const NARROW = 1_000;
const ROUNDS = pick({ warmup: 1, measured: 9 }, { warmup: 1, measured: 3 });

const batches = node('batches', async (width: number, ctx) => {
  const items = Array.from({ length: width }, (_, i) => i);
  for (let started = 0; started < WIDE; started += width) await ctx.callBatch(leaf, items);
});

const promises = node('promises', async (width: number, ctx) => {
  const items = Array.from({ length: width }, (_, i) => i);
  for (let started = 0; started < WIDE; started += width) {
    await Promise.all(items.map((i) => ctx.call(leaf, i)));
  }
});

interface Variant {
  readonly name: string;
  readonly parent: Node<number, void>;
  readonly isWatched?: boolean;
}

async function bench({ name, parent, isWatched = false }: Variant): Promise<void> {
  const watcher = createWatcher();
  await using runner = createRunner({ retain: 1, ...(isWatched && { subscriber: watcher.subscriber }) });
  let runs = 0;
  const measure = (width: number) => async () => {
    const figure = await perItem(WIDE, async () => {
      await runner.run(parent, width);
      runs++;
      if (isWatched) await watcher.ended(runs);
    });
    expectEqual('the number of nodes', runner.info.runs.at(-1)?.nodes.size, WIDE + 1);
    return figure;
  };
  const pairs = await interleave(ROUNDS, measure(WIDE), measure(NARROW));
  note(name, { wide: micros(pairs.ours), narrow: micros(pairs.theirs) });
  report({ name, values: pairs.ratios, limit: { atMost: 2 } });
}

await bench({ name: 'width/callBatch', parent: batches });
await bench({ name: 'width/Promise.all', parent: promises });
await bench({
  name: 'width/callBatch, one subscriber',
  parent: batches,
  isWatched: true,
});

/** Wide work costs more on bare xstate as well: what is alive at once is what the collector has to copy. */
async function benchFloor(name: string): Promise<void> {
  const pairs = await interleave(
    ROUNDS,
    () => measureFloorAtOnce(WIDE, WIDE),
    () => measureFloorAtOnce(WIDE, NARROW),
  );
  note(name, { wide: micros(pairs.ours), narrow: micros(pairs.theirs) });
  report({ name, values: pairs.ratios });
}

await benchFloor('width/bare fromPromise actors');

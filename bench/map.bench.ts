// What one item of a map costs, a run of a one-node graph, against the same promise as a root `fromPromise` actor.
import { measureFloor } from './floor.ts';
import { single } from './graphs.ts';
import { expectEqual, interleave, micros, note, perItem, pick, report } from './harness.ts';
import { createRunner } from './troupe.ts';

const ITEMS = 10_000;
const ROUNDS = pick({ warmup: 6, measured: 15 }, { warmup: 3, measured: 5 });

await using runner = createRunner({ retain: 3 });
const graph = single();
const x = Array.from({ length: ITEMS }, (_, i) => i);

const items = await interleave(
  ROUNDS,
  () =>
    perItem(ITEMS, async () => {
      const batch = await runner.map(graph, { x }, { over: 'x' });
      expectEqual('the status of the map', batch.status, 'completed');
      expectEqual('the last output', batch.at(-1)?.outputs['y'], ITEMS - 1);
    }),
  () => measureFloor(ITEMS),
);
note('map/one-node items', { 'an item': micros(items.ours), floor: micros(items.theirs) });
report({ name: 'map/one-node items', values: items.ratios, limit: { atMost: 4 } });

const streamed = await interleave(
  ROUNDS,
  () =>
    perItem(ITEMS, async () => {
      let count = 0;
      for await (const { result } of runner.mapIter(graph, { x }, { over: 'x' })) {
        expectEqual('the status of an item', result.status, 'completed');
        count += 1;
      }
      expectEqual('the number of items', count, ITEMS);
    }),
  () => measureFloor(ITEMS),
);
report({ name: 'map/mapIter, one-node items', values: streamed.ratios });

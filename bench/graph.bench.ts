// What a no-op node costs in a graph, against the same promise as a root `fromPromise` actor; and whether it costs the
// same in a long chain, and at the end of a long loop.
import { measureFloor } from './floor.ts';
import { chainOf, loopOf, type Generated } from './graphs.ts';
import { expectEqual, interleave, micros, note, perItem, pick, report } from './harness.ts';
import { createRunner, createWatcher } from './troupe.ts';

const ROUNDS = pick({ warmup: 5, measured: 15 }, { warmup: 3, measured: 7 });
const RUNS = pick(1_000, 300);
const LONG = 1_000;

await using runner = createRunner({ retain: 3 });

async function runChain(chain: Generated, length: number, runs: number): Promise<void> {
  for (let i = 0; i < runs; i++) {
    const { status } = await runner.run(chain, { x0: i });
    expectEqual(`the status of a chain of ${length}`, status, 'completed');
  }
}

const short = chainOf(10);
const long = chainOf(LONG);
const measureShort = (): Promise<number> => perItem(RUNS * 10, () => runChain(short, 10, RUNS));
const longRuns = Math.max(1, Math.round((RUNS * 10) / LONG));
const measureLong = (): Promise<number> => perItem(longRuns * LONG, () => runChain(long, LONG, longRuns));

const cost = await interleave(ROUNDS, measureShort, () => measureFloor(RUNS * 10));
note('graph/chain of 10', { 'a node': micros(cost.ours), floor: micros(cost.theirs) });
report({ name: 'graph/chain of 10', values: cost.ratios, limit: { atMost: 3 } });

const length = await interleave(ROUNDS, measureLong, measureShort);
note('graph/chain of 1,000:10', { 'of 1,000': micros(length.ours), 'of 10': micros(length.theirs) });
report({ name: 'graph/chain of 1,000:10', values: length.ratios, limit: { atMost: 1.5 } });

/** The same chain with a subscriber that gets every event. */
async function benchWatched() {
  const watcher = createWatcher();
  await using watched = createRunner({ subscriber: watcher.subscriber, retain: 3 });
  let runs = 0;
  return await interleave(
    ROUNDS,
    () =>
      perItem(RUNS * 10, async () => {
        for (let i = 0; i < RUNS; i++) await watched.run(short, { x0: i });
        runs += RUNS;
        await watcher.ended(runs);
      }),
    () => measureFloor(RUNS * 10),
  );
}
report({ name: 'graph/chain of 10, one subscriber', values: (await benchWatched()).ratios });

const TURNS = pick(10_000, 5_000);
const SPAN = TURNS / 10;

/** How long the last tenth of a loop's turns took, by the first tenth. */
async function measureLoop(): Promise<number> {
  const times: number[] = [];
  const { outputs } = await runner.run(
    loopOf(TURNS, () => times.push(performance.now())),
    { count: 0 },
  );
  expectEqual('what the loop counted to', outputs['count'], TURNS);
  const span = (from: number): number => (times[from + SPAN - 1] ?? 0) - (times[from] ?? 0);
  return span(TURNS - SPAN) / span(0);
}

for (let i = 0; i < ROUNDS.warmup; i++) await measureLoop();
const turns: number[] = [];
for (let i = 0; i < ROUNDS.measured; i++) turns.push(await measureLoop());
report({ name: 'graph/loop, last:first tenth', values: turns, limit: { atMost: 1.5 } });

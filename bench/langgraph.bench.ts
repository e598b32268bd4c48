// What one no-op node costs through LangGraph.js, without a checkpointer, against one here: a chain of ten on both
// sides, defined once and run many times.
import { expectEqual, interleave, micros, note, perItem, pick, report } from './harness.ts';
import { theirChain } from './langgraph-graphs.ts';
import { createRunner, leaf, node } from './troupe.ts';

const CHAIN = 10;
const RUNS = pick({ theirs: 200, ours: 2_000 }, { theirs: 50, ours: 500 });
/** Both sides need thousands of runs before they are compiled for good. */
const ROUNDS = pick({ warmup: 8, measured: 11 }, { warmup: 4, measured: 7 });

const parent = node('parent', async (value: number, ctx) => {
  for (let i = 0; i < CHAIN; i++) await ctx.call(leaf, i);
  return value;
});

// Nobody watches on either side.
await using runner = createRunner();

function measureTheirs(): Promise<number> {
  return perItem(RUNS.theirs * CHAIN, async () => {
    for (let i = 0; i < RUNS.theirs; i++)
      expectEqual('their answer', (await theirChain.invoke({ value: i })).value, i);
  });
}

function measureOurs(): Promise<number> {
  return perItem(RUNS.ours * CHAIN, async () => {
    for (let i = 0; i < RUNS.ours; i++) expectEqual('our answer', (await runner.run(parent, i)).answer, i);
  });
}

// The ratio is theirs / ours: how many nodes run here while one runs there.
const pairs = await interleave(ROUNDS, measureTheirs, measureOurs);
note('langgraph/chain of 10', { 'a node there': micros(pairs.ours), 'a node here': micros(pairs.theirs) });
report({ name: 'langgraph/chain of 10', values: pairs.ratios, limit: { atLeast: 30 } });

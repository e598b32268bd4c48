// What one no-op node costs through LangGraph.js, without a checkpointer, against one here: a chain of ten on both
// sides, defined once and run many times.
import { Annotation, END, START, StateGraph } from '@langchain/langgraph';

import { noop } from './floor.ts';
import { expectEqual, interleave, micros, note, perItem, pick, report } from './harness.ts';
import { createRunner, leaf, node } from './troupe.ts';

const CHAIN = 10;
const RUNS = pick({ theirs: 200, ours: 2_000 }, { theirs: 50, ours: 500 });
/** Both sides need thousands of runs before they are compiled for good. */
const ROUNDS = pick({ warmup: 8, measured: 11 }, { warmup: 4, measured: 7 });

const State = Annotation.Root({ value: Annotation<number> });

async function step(): Promise<Partial<typeof State.State>> {
  await noop();
  return {};
}

const chain = new StateGraph(State)
  .addNode('n0', step)
  .addNode('n1', step)
  .addNode('n2', step)
  .addNode('n3', step)
  .addNode('n4', step)
  .addNode('n5', step)
  .addNode('n6', step)
  .addNode('n7', step)
  .addNode('n8', step)
  .addNode('n9', step)
  .addEdge(START, 'n0')
  .addEdge('n0', 'n1')
  .addEdge('n1', 'n2')
  .addEdge('n2', 'n3')
  .addEdge('n3', 'n4')
  .addEdge('n4', 'n5')
  .addEdge('n5', 'n6')
  .addEdge('n6', 'n7')
  .addEdge('n7', 'n8')
  .addEdge('n8', 'n9')
  .addEdge('n9', END)
  .compile();

const parent = node('parent', async (value: number, ctx) => {
  for (let i = 0; i < CHAIN; i++) await ctx.call(leaf, i);
  return value;
});

// Nobody watches on either side.
await using runner = createRunner();

function measureTheirs(): Promise<number> {
  return perItem(RUNS.theirs * CHAIN, async () => {
    for (let i = 0; i < RUNS.theirs; i++)
      expectEqual('their answer', (await chain.invoke({ value: i })).value, i);
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

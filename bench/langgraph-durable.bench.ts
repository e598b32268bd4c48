// A chain of ten that is kept: through LangGraph.js in memory (its package for SQLite needs a native addon), a new thread
// for each run; and here in files, a new workflow for each run. Both write while the next node runs ('async').
import { createFolder, fileCheckpointer, whenStored } from './durable-store.ts';
import { chainOf } from './graphs.ts';
import { expectEqual, interleave, micros, note, perItem, pick, report } from './harness.ts';
import { MemorySaver, theirChain } from './langgraph-graphs.ts';
import { createRunner } from './troupe.ts';

const CHAIN = 10;
const RUNS = pick({ theirs: 100, ours: 200 }, { theirs: 30, ours: 100 });
/** Both sides need thousands of runs before they are compiled for good. */
const ROUNDS = pick({ warmup: 5, measured: 11 }, { warmup: 3, measured: 5 });

await using folder = await createFolder();
await using checkpointer = fileCheckpointer({ dir: folder.path });
// Nobody watches on either side.
await using runner = createRunner({ checkpointer, durability: 'async', retain: 3 });
const ourChain = chainOf(CHAIN);
let workflows = 0;

function measureTheirs(): Promise<number> {
  // What earlier rounds have left in memory would slow it down.
  const saver = new MemorySaver();
  theirChain.checkpointer = saver;
  return perItem(RUNS.theirs * CHAIN, async () => {
    for (let i = 0; i < RUNS.theirs; i++) {
      const config = { configurable: { thread_id: String(i) }, durability: 'async' } as const;
      expectEqual('their value', (await theirChain.invoke({ value: i }, config)).value, i);
    }
    const last = await saver.getTuple({ configurable: { thread_id: String(RUNS.theirs - 1) } });
    expectEqual('the last step that they kept', last?.metadata?.step, CHAIN);
  });
}

function measureOurs(): Promise<number> {
  return perItem(RUNS.ours * CHAIN, async () => {
    for (let i = 0; i < RUNS.ours; i++) {
      const workflowId = `workflow-${(workflows += 1)}`;
      const { status } = await runner.run(ourChain, { x0: i }, { workflowId });
      expectEqual('our status', status, 'completed');
    }
    await whenStored(checkpointer, `workflow-${workflows}`);
  });
}

// The ratio is theirs / ours: how many nodes run here while one runs there.
const pairs = await interleave(ROUNDS, measureTheirs, measureOurs);
note('langgraph-durable/chain of 10', {
  'a node there': micros(pairs.ours),
  'a node here': micros(pairs.theirs),
});
report({ name: 'langgraph-durable/chain of 10', values: pairs.ratios, limit: { atLeast: 10 } });

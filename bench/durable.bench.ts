// What durability adds to a no-op node in a chain of ten. Under 'sync': against one durable write of the same bytes to
// the bare store. Under 'async': against the same chain without a checkpointer. Each run is awaited, and is a new workflow.
import {
  createBareStore,
  createPreparedStore,
  createFolder,
  entriesOf,
  fileCheckpointer,
  memoryCheckpointer,
  whenStored,
  type BareStore,
  type Store,
} from './durable-store.ts';
import { chainOf } from './graphs.ts';
import { expectEqual, format, interleave, micros, note, perItem, pick, report, type Row } from './harness.ts';
import { createRunner, leaf, node } from './troupe.ts';

const CHAIN = 10;
const SYNC_ROUNDS = pick({ warmup: 15, measured: 25 }, { warmup: 2, measured: 7 });
const SYNC_RUNS = pick(60, 20);
const WRITES = pick(600, 200);
const ASYNC_ROUNDS = pick({ warmup: 6, measured: 15 }, { warmup: 3, measured: 7 });
/** The side without a checkpointer needs thousands of runs before it is compiled for good. */
const ASYNC_RUNS = pick({ ours: 200, plain: 1_000 }, { ours: 100, plain: 500 });

type Runner = ReturnType<typeof createRunner>;
/** What is said of a measure before it is taken. */
type Heading = Pick<Row, 'name' | 'goal'>;
type Run = (runner: Runner, workflowId: string) => Promise<{ readonly status: string }>;

const chain = chainOf(CHAIN);
const calls = node('calls', async (value: number, ctx) => {
  for (let i = 0; i < CHAIN; i++) await ctx.call(leaf, i);
  return value;
});
const runChain: Run = (runner, workflowId) => runner.run(chain, { x0: 1 }, { workflowId });
const runCalls: Run = (runner, workflowId) => runner.run(calls, 1, { workflowId });

await using folder = await createFolder();
using bare = await createBareStore(folder);
using prepared = createPreparedStore(folder);

let workflows = 0;
const newId = (): string => `workflow-${(workflows += 1)}`;

/** Microseconds per node of so many workflows, the last of which is stored by then. */
async function measureWorkflows(runner: Runner, store: Store, run: Run, runs: number): Promise<number> {
  return perItem(runs * CHAIN, async () => {
    let workflowId = '';
    for (let i = 0; i < runs; i++) {
      workflowId = newId();
      expectEqual('the status of a workflow', (await run(runner, workflowId)).status, 'completed');
    }
    await whenStored(store, workflowId);
  });
}

/** A text of as many bytes as the store has for each node of a workflow. */
async function textOfOneNode(runner: Runner, store: Store, run: Run): Promise<string> {
  const workflowId = newId();
  await run(runner, workflowId);
  const text = (await entriesOf(store, workflowId)).join('\n');
  return text.slice(0, Math.round(text.length / CHAIN));
}

async function benchSync(heading: Heading, run: Run, floor: BareStore = bare): Promise<void> {
  await using store = fileCheckpointer({ dir: folder.path });
  await using runner = createRunner({ checkpointer: store, durability: 'sync', retain: 3 });
  const text = await textOfOneNode(runner, store, run);
  const pairs = await interleave(
    SYNC_ROUNDS,
    () => measureWorkflows(runner, store, run, SYNC_RUNS),
    () =>
      perItem(WRITES, async () => {
        for (let i = 0; i < WRITES; i++) await floor.write(text);
      }),
  );
  const of = { 'a node': micros(pairs.ours), 'a bare write': micros(pairs.theirs) };
  note(heading.name, { ...of, 'of bytes': format(text.length) });
  report({ ...heading, values: pairs.ratios });
}

async function benchAsync(heading: Heading, open: () => Store): Promise<void> {
  await using plain = createRunner({ retain: 3 });
  const pairs = await interleave(
    ASYNC_ROUNDS,
    async () => {
      // A store in memory would get larger, and its collection slower, with each round.
      await using store = open();
      await using runner = createRunner({ checkpointer: store, durability: 'async', retain: 3 });
      await runChain(runner, newId());
      return await measureWorkflows(runner, store, runChain, ASYNC_RUNS.ours);
    },
    () =>
      perItem(ASYNC_RUNS.plain * CHAIN, async () => {
        for (let i = 0; i < ASYNC_RUNS.plain; i++)
          expectEqual('the status of a run', (await plain.run(chain, { x0: 1 })).status, 'completed');
      }),
  );
  note(heading.name, { 'a node': micros(pairs.ours), 'without a checkpointer': micros(pairs.theirs) });
  report({ ...heading, values: pairs.ratios });
}

await benchSync({ name: 'durable/sync, chain of 10', goal: { atMost: 1.5 } }, runChain);
await benchSync({ name: 'durable/sync, chain / prepared write' }, runChain, prepared);
await benchSync({ name: 'durable/sync, 10 calls' }, runCalls);
await benchAsync({ name: 'durable/async, chain of 10', goal: { atMost: 3 } }, () =>
  fileCheckpointer({ dir: folder.path }),
);
await benchAsync({ name: 'durable/async, store in memory' }, () => memoryCheckpointer());

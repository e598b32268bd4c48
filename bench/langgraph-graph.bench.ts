// The same graphs through LangGraph.js, without a checkpointer, and here: a chain of ten, a fan-out of 1,000 that joins,
// and a loop of 1,000 turns; each defined once and run many times. The ratio is theirs / ours.
import { Annotation, END, Send, START, StateGraph } from '@langchain/langgraph';

import { noop } from './floor.ts';
import { chainOf, fanOutOf, loopOf } from './graphs.ts';
import { expectEqual, interleave, micros, note, perItem, pick, report } from './harness.ts';
import { createRunner } from './troupe.ts';

const WIDTH = 1_000;
const TURNS = 1_000;
const ROUNDS = pick({ warmup: 6, measured: 11 }, { warmup: 2, measured: 3 });

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

/** Their way to run one node many times at once; what each makes is added up. */
const FanState = Annotation.Root({
  seed: Annotation<number>,
  sum: Annotation<number>({ reducer: (a, b) => a + b, default: () => 0 }),
});
const fanOut = new StateGraph(FanState)
  .addNode('source', async () => {
    await noop();
    return {};
  })
  .addNode('leaf', async () => {
    await noop();
    return { sum: 1 };
  })
  .addNode('join', async () => ({}))
  .addEdge(START, 'source')
  .addConditionalEdges('source', () => Array.from({ length: WIDTH }, (_, seed) => new Send('leaf', { seed })))
  .addEdge('leaf', 'join')
  .addEdge('join', END)
  .compile();

const loop = new StateGraph(State)
  .addNode('step', async ({ value }) => {
    await noop();
    return { value: value + 1 };
  })
  .addEdge(START, 'step')
  .addConditionalEdges('step', ({ value }) => (value < TURNS ? 'step' : END))
  .compile();

// Nobody watches on either side.
await using runner = createRunner({ retain: 3 });
const ours = { chain: chainOf(10), fanOut: fanOutOf(WIDTH), loop: loopOf(TURNS) };

interface Peer {
  readonly name: string;
  /** Nodes in one run. */
  readonly nodes: number;
  readonly runs: { readonly theirs: number; readonly ours: number };
  readonly theirs: () => Promise<void>;
  readonly ours: () => Promise<void>;
}

const peers: readonly Peer[] = [
  {
    name: 'chain of 10',
    nodes: 10,
    runs: pick({ theirs: 200, ours: 2_000 }, { theirs: 50, ours: 500 }),
    theirs: async () => expectEqual('their value', (await chain.invoke({ value: 1 })).value, 1),
    ours: async () => {
      const { status } = await runner.run(ours.chain, { x0: 1 });
      expectEqual('our status', status, 'completed');
    },
  },
  {
    name: 'fan-out of 1,000',
    nodes: WIDTH,
    runs: pick({ theirs: 1, ours: 10 }, { theirs: 1, ours: 5 }),
    theirs: async () => expectEqual('their sum', (await fanOut.invoke({ seed: 1, sum: 0 })).sum, WIDTH),
    ours: async () => expectEqual('our sum', (await runner.run(ours.fanOut, { x: 1 })).outputs['sum'], WIDTH),
  },
  {
    name: 'loop of 1,000',
    nodes: TURNS,
    runs: pick({ theirs: 1, ours: 10 }, { theirs: 1, ours: 5 }),
    theirs: async () => {
      const { value } = await loop.invoke({ value: 0 }, { recursionLimit: TURNS + 10 });
      expectEqual('what they counted to', value, TURNS);
    },
    ours: async () =>
      expectEqual('what we counted to', (await runner.run(ours.loop, { count: 0 })).outputs['count'], TURNS),
  },
];

for (const peer of peers) {
  const repeat = (times: number, run: () => Promise<void>): Promise<number> =>
    perItem(times * peer.nodes, async () => {
      for (let i = 0; i < times; i++) await run();
    });
  const pairs = await interleave(
    ROUNDS,
    () => repeat(peer.runs.theirs, peer.theirs),
    () => repeat(peer.runs.ours, peer.ours),
  );
  note(`langgraph-graph/${peer.name}`, { there: micros(pairs.ours), here: micros(pairs.theirs) });
  report({ name: `langgraph-graph/${peer.name}`, values: pairs.ratios, limit: { atLeast: 30 } });
}

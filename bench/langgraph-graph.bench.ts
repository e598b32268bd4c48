// The same graphs through LangGraph.js, without a checkpointer, and here: a chain of ten, a fan-out of 1,000 that joins,
// and a loop of 1,000 turns; each defined once and run many times. The ratio is theirs / ours.
import { chainOf, fanOutOf, loopOf } from './graphs.ts';
import { expectEqual, interleave, micros, note, perItem, pick, report } from './harness.ts';
import { FAN_OUT, LOOP, theirChain, theirFanOut, theirLoop } from './langgraph-graphs.ts';
import { createRunner } from './troupe.ts';

const ROUNDS = pick({ warmup: 6, measured: 11 }, { warmup: 2, measured: 3 });

// Nobody watches on either side.
await using runner = createRunner({ retain: 3 });
const ours = { chain: chainOf(10), fanOut: fanOutOf(FAN_OUT), loop: loopOf(LOOP) };

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
    theirs: async () => expectEqual('their value', (await theirChain.invoke({ value: 1 })).value, 1),
    ours: async () => {
      const { status } = await runner.run(ours.chain, { x0: 1 });
      expectEqual('our status', status, 'completed');
    },
  },
  {
    name: 'fan-out of 1,000',
    nodes: FAN_OUT,
    runs: pick({ theirs: 1, ours: 10 }, { theirs: 1, ours: 5 }),
    theirs: async () =>
      expectEqual('their sum', (await theirFanOut.invoke({ seed: 1, sum: 0 })).sum, FAN_OUT),
    ours: async () =>
      expectEqual('our sum', (await runner.run(ours.fanOut, { x: 1 })).outputs['sum'], FAN_OUT),
  },
  {
    name: 'loop of 1,000',
    nodes: LOOP,
    runs: pick({ theirs: 1, ours: 10 }, { theirs: 1, ours: 5 }),
    theirs: async () => {
      const { value } = await theirLoop.invoke({ value: 0 }, { recursionLimit: LOOP + 10 });
      expectEqual('what they counted to', value, LOOP);
    },
    ours: async () =>
      expectEqual('what we counted to', (await runner.run(ours.loop, { count: 0 })).outputs['count'], LOOP),
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

import { Annotation, END, Send, START, StateGraph } from '@langchain/langgraph';

export { MemorySaver } from '@langchain/langgraph';

import { noop } from './floor.ts';

/** How many nodes the fan-out runs at once, and how many turns the loop takes. */
export const FAN_OUT = 1_000;
export const LOOP = 1_000;

const State = Annotation.Root({ value: Annotation<number> });

async function step(): Promise<Partial<typeof State.State>> {
  await noop();
  return {};
}

/** A chain of ten. */
export const theirChain = new StateGraph(State)
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
export const theirFanOut = new StateGraph(FanState)
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
  .addConditionalEdges('source', () =>
    Array.from({ length: FAN_OUT }, (_, seed) => new Send('leaf', { seed })),
  )
  .addEdge('leaf', 'join')
  .addEdge('join', END)
  .compile();

/** Counts to `LOOP`. */
export const theirLoop = new StateGraph(State)
  .addNode('step', async ({ value }) => {
    await noop();
    return { value: value + 1 };
  })
  .addEdge(START, 'step')
  .addConditionalEdges('step', ({ value }) => (value < LOOP ? 'step' : END))
  .compile();

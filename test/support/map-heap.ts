import { createRunner, input, node } from 'troupe';

// Streams 100,000 items and prints the heap in use after 20,000 and after all of them. Needs --expose-gc.
const square = node({ name: 'square', inputs: { n: input<number>() }, output: 'sq', run: ({ n }) => n * n });
const n = Array.from({ length: 100_000 }, (_, index) => index);
const heap = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

await using runner = createRunner({ retain: 0 });
let count = 0;
let early = 0;
for await (const { result } of runner.mapIter(square, { n }, { over: 'n' })) {
  if (result.status === 'completed') count += 1;
  if (count === 20_000) early = heap();
}
console.log(JSON.stringify({ count, early, late: heap() }));

// Run by node-cost.bench.ts in a process of its own: once an AsyncLocalStorage was active, Node 20 keeps a hook on
// every promise of the process, and the floor without it can no longer be measured there.
import { AsyncLocalStorage } from 'node:async_hooks';

import { measureFloor, noop } from './floor.ts';
import { print } from './harness.ts';

const [when, ...sizes] = process.argv.slice(2);
const [actors = 1_000, rounds = 5] = sizes.map(Number);

if (when === 'after') await new AsyncLocalStorage<number>().run(1, noop);

const figures: number[] = [];
for (let round = -3; round < rounds; round++) {
  const figure = await measureFloor(actors);
  if (round >= 0) figures.push(figure);
}
print(JSON.stringify({ figures }));

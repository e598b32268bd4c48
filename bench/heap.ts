// Run by memory.bench.ts with --expose-gc, in a process of its own for every figure.
import { setImmediate } from 'node:timers/promises';

import type { ExecutionInfo, Node } from '../src/index.ts';
import { expectEqual, print } from './harness.ts';
import { createRunner, createWatcher, leaf, node } from './troupe.ts';

/** Bytes in use after a full collection; typed arrays live outside the heap proper and count as well. */
async function bytesInUse(): Promise<number> {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('Expected node to be started with --expose-gc');
  for (let i = 0; i < 4; i++) {
    await setImmediate();
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const inSequence = node('inSequence', async (count: number, ctx) => {
  for (let i = 0; i < count; i++) await ctx.call(leaf, i);
});

const atOnce = node('atOnce', async (count: number, ctx) => {
  await ctx.callBatch(
    leaf,
    Array.from({ length: count }, (_, i) => i),
  );
});

/** Every request, node and stamp, with every field a reader would look at. */
function readAll(info: ExecutionInfo): number {
  let read = 0;
  for (const request of info.requests) {
    read += request.history.length + request.stamp.step + request.status.length + request.attempts;
    read += (request.endedAt ?? 0) - request.createdAt;
    if (request.input !== undefined || request.output !== undefined) read++;
  }
  for (const item of info.nodes)
    read += item.history.length + item.stamp.step + item.kind.length + (item.latencyMs ?? 0);
  for (const stamp of info.stamps) read += stamp.identifier.length + stamp.time;
  return read;
}

/** Bytes per finished node of one run, its info kept: untouched, and after reading all of it once. */
async function perNode(shape: string, count: number) {
  const runner = createRunner();
  const parent: Node<number, void> = shape === 'at-once' ? atOnce : inSequence;
  await runner.run(parent, 1_000);
  const before = await bytesInUse();
  const { info } = await runner.run(parent, count);
  const untouched = ((await bytesInUse()) - before) / count;
  expectEqual('the number of stamps', info.stamps.length, 2 * (count + 1));
  expectEqual('something was read', readAll(info) > 0, true);
  const read = ((await bytesInUse()) - before) / count;
  expectEqual('the size of the forest', info.requests.size, count + 1);
  await runner.close();
  return { untouched, read };
}

/** Bytes in use after every `step` runs of a parent with one child, once `warmup` runs are done. */
async function overRuns(warmup: number, further: number, step: number) {
  const watcher = createWatcher();
  const runner = createRunner({ subscriber: watcher.subscriber, retain: 10 });
  const samples: number[] = [];
  for (let runs = 1; runs <= warmup + further; runs++) {
    await runner.run(inSequence, 1);
    if (runs < warmup || (runs - warmup) % step !== 0) continue;
    await watcher.ended(runs);
    // The very first collection of a process leaves more behind than all later ones.
    if (runs === warmup) await bytesInUse();
    samples.push(await bytesInUse());
  }
  expectEqual('the number of retained runs', runner.info.runs.length, 10);
  await runner.close();
  return { samples };
}

const [what = '', ...args] = process.argv.slice(2);
const [first = 0, second = 0, third = 0] = args.map(Number);
print(JSON.stringify(what === 'growth' ? await overRuns(first, second, third) : await perNode(what, first)));

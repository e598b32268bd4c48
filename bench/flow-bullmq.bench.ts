// One hop, kept on disk: a job through a BullMQ queue on a Redis on loopback, which puts its log on disk each second; and a
// job through a routine here, in files, 'async' (as late) and 'sync' (before it is accepted). A hundred are posted at once.
import { inBatches, throughBullMQ } from './bullmq-hop.ts';
import { createFolder, fileCheckpointer } from './durable-store.ts';
import { expectEqual, interleave, micros, note, perItem, pick, print, report } from './harness.ts';
import { hasRedis, startRedis } from './redis.ts';
import { createRuntime, flow, routine, slot } from './troupe-flow.ts';

const JOBS = pick(4_000, 500);
const ROUNDS = pick({ warmup: 1, measured: 7 }, { warmup: 1, measured: 3 });

async function measureOurs(durability: 'sync' | 'async'): Promise<number> {
  let seen = 0;
  const work = routine({
    name: 'work',
    slots: { input: slot<number>({ overflow: 'block' }) },
    run: async ({ input }) => {
      seen += input.length;
    },
  });
  const hop = flow('hop').add(work);
  await using folder = await createFolder();
  await using checkpointer = fileCheckpointer({ dir: folder.path });
  await using runtime = createRuntime({ checkpointer, durability, maxQueueSize: null, retain: 100 });
  runtime.exec(hop, { workerId: 'worker' });
  const figure = await perItem(JOBS, async () => {
    await inBatches(JOBS, (n) => runtime.post(hop, 'work', 'input', n));
    await runtime.waitUntilAllJobsFinished();
  });
  expectEqual('our jobs', seen, JOBS);
  return figure;
}

if (hasRedis()) {
  await using redis = await startRedis();
  for (const durability of ['async', 'sync'] as const) {
    const name = `flow-bullmq/a job, BullMQ / here '${durability}'`;
    const pairs = await interleave(
      ROUNDS,
      () => throughBullMQ(JOBS, redis.port),
      () => measureOurs(durability),
    );
    note(name, { BullMQ: micros(pairs.ours), here: micros(pairs.theirs) });
    report({ name, values: pairs.ratios });
  }
} else print('flow-bullmq: skipped, as there is no redis-server (of Debian: apt-get install redis-server)');

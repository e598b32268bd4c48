import { Queue, Worker } from 'bullmq';
import { Redis as Client } from 'ioredis';

import { perItem } from './harness.ts';

const AT_ONCE = 100;

/** Posts so many jobs, a hundred at once. */
export async function inBatches(jobs: number, post: (n: number) => Promise<unknown>): Promise<void> {
  for (let first = 0; first < jobs; first += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => post(first + i)));
}

/** Microseconds per job through a queue and a worker of BullMQ. */
export async function throughBullMQ(jobs: number, port: number): Promise<number> {
  const connection = new Client({ host: '127.0.0.1', port, maxRetriesPerRequest: null });
  const queue = new Queue('hop', { connection, defaultJobOptions: { removeOnComplete: 100 } });
  let seen = 0;
  let allSeen: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    allSeen = resolve;
  });
  const worker = new Worker('hop', async () => undefined, { connection });
  worker.on('completed', () => {
    seen += 1;
    if (seen === jobs) allSeen();
  });
  await worker.waitUntilReady();
  const figure = await perItem(jobs, async () => {
    await inBatches(jobs, (n) => queue.add('job', { n }));
    await done;
  });
  await worker.close();
  await queue.obliterate({ force: true });
  await queue.close();
  connection.disconnect();
  return figure;
}

import { historyOf, memoryCheckpointer, type Checkpointer } from 'troupe/checkpoint';
import type { AnyFlow, Job, Runtime, RuntimeOptions, Worker } from 'troupe/flow';
import type { FakeClock } from 'troupe/testing';
import type { FlowMessage } from '../../src/log/flow-messages.ts';
import { flowStage } from './flows.ts';

/** The id of the workers of these tests. */
export const ID = 'w';

/** Lets everything happen that needs no time. */
export async function settled(clock: FakeClock): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await clock.advance(0);
}

/** What a process has. */
export interface Process {
  readonly runtime: Runtime;
  readonly clock: FakeClock;
  readonly worker: Worker;
}

/** A process that runs a durable worker on a clock that starts at 1,000, or goes on with it. */
export function begin(flow: AnyFlow, checkpointer: Checkpointer, options: RuntimeOptions = {}): Process {
  const stage = flowStage({ checkpointer, ...options });
  return { ...stage, worker: stage.runtime.exec(flow, { workerId: ID }) };
}

/** As {@link begin}, when it goes on. */
export async function goOn(
  flow: AnyFlow,
  checkpointer: Checkpointer,
  options: RuntimeOptions = {},
): Promise<Process> {
  const process = begin(flow, checkpointer, options);
  await settled(process.clock);
  return process;
}

/** A store that has what another has of a worker just now, or its first entries: what a crash leaves. */
export async function crashed(
  checkpointer: Checkpointer,
  count: number = Number.POSITIVE_INFINITY,
): Promise<Checkpointer> {
  const stored = await checkpointer.read(ID);
  const left = memoryCheckpointer();
  if (stored === undefined || count === 0) return left;
  const { record, entries, blobs } = stored;
  const lease = await left.acquire(ID);
  await left.append(lease, {
    first: 0,
    entries: entries.slice(0, count),
    status: 'running',
    head: { target: record.target, runId: record.runId },
    blobs: [...blobs].map(([hash, text]) => ({ hash, text })),
    releases: true,
  });
  return left;
}

/** What is in the log of a worker. */
export async function logOf(checkpointer: Checkpointer): Promise<readonly FlowMessage[]> {
  const stored = await checkpointer.read(ID);
  return stored === undefined ? [] : (historyOf(stored) as readonly unknown[] as readonly FlowMessage[]); // a worker's
}

/** How many entries a store has of a worker. */
export async function entriesOf(checkpointer: Checkpointer): Promise<number> {
  return (await checkpointer.read(ID))?.entries.length ?? 0;
}

/** The jobs of a runtime, as `id status`. */
export function jobsOf(runtime: Runtime): readonly string[] {
  return runtime.listJobs().map(({ id, status }: Job) => `${id} ${status}`);
}

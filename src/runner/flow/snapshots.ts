import type { FlowJob, JobHost } from '../../actors/flow/flow-job.ts';
import type { FlowWorker } from '../../actors/flow/flow-worker.ts';
import { jobJSON, readJob, type JobJSON, type WorkerJSON } from '../../actors/flow/snapshot.ts';
import { CancelledError } from '../../errors.ts';
import { expected } from '../../nodes/validate.ts';

/** Everything that a runtime holds, as plain JSON. To be given to `createRuntime`, not to be read. */
export interface RuntimeSnapshot {
  readonly version: 1;
  readonly workers: readonly WorkerJSON[];
  /** Those that have ended and are kept. */
  readonly jobs: readonly { readonly flow: string; readonly workerId: string; readonly job: JobJSON }[];
}

/** What the workers of a runtime hold, and the jobs that have ended. */
export function takeSnapshot(workers: readonly FlowWorker[], ended: readonly FlowJob[]): RuntimeSnapshot {
  return {
    version: 1,
    workers: workers.map((worker) => worker.snapshot()),
    jobs: ended.map((job) => ({ flow: job.flow, workerId: job.workerId, job: jobJSON(job) })),
  };
}

/** A snapshot that was given, as an object or as text. Throws for what is none. */
export function readSnapshot(given: unknown): RuntimeSnapshot {
  const read: unknown = typeof given === 'string' ? parse(given) : given;
  const isSnapshot =
    typeof read === 'object' &&
    read !== null &&
    'version' in read &&
    'workers' in read &&
    Array.isArray(read.workers) &&
    'jobs' in read &&
    Array.isArray(read.jobs);
  if (!isSnapshot) throw expected('`snapshot`', 'what `snapshot()` of a runtime gave', given);
  if (read.version !== 1)
    throw expected('the version of `snapshot`', '1', read.version, 'Use the version of Troupe that made it.');
  return read as RuntimeSnapshot; // what is inside was written by `takeSnapshot`
}

/** A job that had ended elsewhere. */
export function endedJob(json: JobJSON, about: { flow: string; workerId: string }): FlowJob {
  const host: JobHost = {
    plan: { name: about.flow, routines: [], slots: [] },
    id: about.workerId,
    cancelJob: () => false,
    setJobValue: () => {
      throw new CancelledError('The job has ended');
    },
    onJobStarted: () => undefined,
  };
  return readJob(json, host);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw expected('`snapshot`', 'JSON', text, `It cannot be read: ${String(cause)}`);
  }
}

import type { FlowWorker } from '../../actors/flow/flow-worker.ts';
import type { WorkerJSON } from '../../log/worker-json.ts';
import { expected } from '../../nodes/validate.ts';

/** Everything that a runtime holds, as plain JSON. To be given to `createRuntime`, not to be read. */
export interface RuntimeSnapshot {
  readonly version: 1;
  readonly workers: readonly WorkerJSON[];
}

/** What the workers of a runtime hold. */
export function takeSnapshot(workers: readonly FlowWorker[]): RuntimeSnapshot {
  return { version: 1, workers: workers.map((worker) => worker.snapshot()) };
}

/** A snapshot that was given, as an object or as text. Throws for what is none. */
export function readSnapshot(given: unknown): RuntimeSnapshot {
  const read: unknown = typeof given === 'string' ? parse(given) : given;
  const isSnapshot =
    typeof read === 'object' &&
    read !== null &&
    'version' in read &&
    'workers' in read &&
    Array.isArray(read.workers);
  if (!isSnapshot) throw expected('`snapshot`', 'what `snapshot()` of a runtime gave', given);
  if (read.version !== 1)
    throw expected('the version of `snapshot`', '1', read.version, 'Use the version of Troupe that made it.');
  return read as RuntimeSnapshot; // what is inside was written by `takeSnapshot`
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw expected('`snapshot`', 'JSON', text, `It cannot be read: ${String(cause)}`);
  }
}

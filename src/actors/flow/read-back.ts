import type { FlowMessage } from '../../log/flow-messages.ts';
import type { WorkerJSON } from '../../log/worker-json.ts';
import type { FlowJob, JobHost } from './flow-job.ts';
import type { FlowState } from './flow-state.ts';
import { loadSnapshot, readJob } from './snapshot.ts';
import type { JobBook } from './worker-core.ts';

/** Fills a new worker with what is known of it: what it held once, and what has happened since. */
export function readBack(
  { past, messages }: { readonly past: WorkerJSON | undefined; readonly messages: readonly FlowMessage[] },
  { state, book, host }: { readonly state: FlowState; readonly book: JobBook; readonly host: JobHost },
): void {
  const restore = (job: FlowJob): void => {
    job.settle();
    book.restore(job);
  };
  if (past !== undefined) {
    loadSnapshot(state, past, host);
    for (const job of past.ended) restore(readJob(job, host));
  }
  for (const message of messages) {
    const job = message.type === 'JobEnd' ? state.jobs.get(message.job) : undefined;
    state.apply(message);
    if (job !== undefined) restore(job);
  }
  state.onRead();
}

import type { BreakpointRule } from '../../actors/flow/breakpoints.ts';
import type { FlowWorker } from '../../actors/flow/flow-worker.ts';
import { UnknownIdError } from '../../errors.ts';
import type { Breakpoint } from './runtime.ts';
import type { FlowEntry } from './worker-register.ts';

/** Sets a breakpoint in all workers of a flow, also in those to come. */
export function setBreakpoint(entry: FlowEntry, rule: BreakpointRule): Breakpoint {
  entry.breakpoints.add(rule);
  for (const worker of entry.workers) worker.breakpoints.add(rule);
  const byAge = (): readonly { worker: FlowWorker; at: number }[] =>
    entry.workers
      .flatMap((worker) => worker.breakpoints.parkedBy(rule).map(({ at }) => ({ worker, at })))
      .toSorted((a, b) => a.at - b.at);
  const meant = (id: number, workerId: string | undefined): FlowWorker => {
    const found = entry.workers.find(
      (worker) =>
        (workerId === undefined || worker.id === workerId) &&
        worker.breakpoints.parkedBy(rule).some((message) => message.id === id),
    );
    if (found !== undefined) return found;
    throw new UnknownIdError(`No message ${id} is parked here`, { hint: 'Use the `id` of one of `parked`.' });
  };
  return {
    get parked() {
      return entry.workers
        .flatMap((worker) => worker.breakpoints.parkedBy(rule))
        .toSorted((a, b) => a.at - b.at);
    },
    step: () => {
      const [oldest] = byAge();
      return oldest !== undefined && oldest.worker.breakpoints.release(rule, 1) === 1;
    },
    resume: () => entry.workers.reduce((sum, worker) => sum + worker.breakpoints.release(rule), 0),
    edit: (id, value, workerId) => void meant(id, workerId).breakpoints.edit(rule, id, value),
    drop: (id, workerId) => meant(id, workerId).dropParked(rule, id),
    remove: () => {
      entry.breakpoints.delete(rule);
      for (const worker of entry.workers) worker.breakpoints.remove(rule);
    },
  };
}

import { FlowWorker } from '../../actors/flow/flow-worker.ts';
import { createWorkerLogic, type WorkerCommand, type WorkerLogic } from '../../actors/flow/worker-logic.ts';
import { Slots } from '../../actors/slots.ts';
import { FlowConfigError } from '../../errors.ts';
import type { AnyFlow } from '../../flow/flow-types.ts';
import { isFlow } from '../../flow/flow.ts';
import { createRunId } from '../../ids.ts';
import type { WorkerJSON } from '../../log/worker-json.ts';
import { assertKnownOptions, expected } from '../../nodes/validate.ts';
import { partsOf, settingsOf } from '../settings-of.ts';
import { JobRegister } from './job-register.ts';
import { Posts, readPosting, slotOf } from './posts.ts';
import { EMBEDDED_FLOW_OPTIONS, readRuntimeOptions, type RuntimeOptions } from './runtime-options.ts';

/** Options of {@link fromFlow}: a runtime's, as far as they concern one worker. */
export type FlowEmbeddingOptions = Pick<RuntimeOptions, (typeof EMBEDDED_FLOW_OPTIONS)[number]>;

/**
 * Actor logic that runs a worker of a flow, to be invoked or spawned by any XState machine. It takes
 * `{ type: 'post', routine, slot, data }` (and perhaps `jobId`, `metadata`), `pause`, `resume`, `{ type: 'respond', key,
 * value }`, `drain` and `{ type: 'cancel', reason }`. A drained worker is done, with the states of its routines as its
 * output; a cancel, or the failure of a `critical` routine, is its error. It emits every event, and its snapshot's context
 * shows `status`, `jobs` (how many are in each status) and `pauses`.
 *
 * A persisted snapshot holds queues, jobs, timers and states: restored, it goes on where it was; what was at work runs again.
 * A post that is refused is told by the logger.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when the flow or an option is not of the form asked for;
 * {@link FlowConfigError} FLOW_CONFIG when the flow cannot run.
 *
 * @example
 * ```ts
 * import { flow, fromFlow, routine, slot } from 'troupe/flow';
 * import { createActor, toPromise } from 'xstate';
 *
 * const count = routine({
 *   name: 'count',
 *   slots: { word: slot<string>() },
 *   run: ({ word }, ctx) => ctx.state.set('seen', ctx.state.get('seen', 0) + word.length),
 * });
 * const actor = createActor(fromFlow(flow('counting').add(count)));
 * actor.start();
 * actor.send({ type: 'post', routine: 'count', slot: 'word', data: 'one' });
 * actor.send({ type: 'drain' });
 * console.log(await toPromise(actor)); // { count: { seen: 1 } }
 * ```
 */
export function fromFlow(flow: AnyFlow, options: FlowEmbeddingOptions = {}): WorkerLogic {
  if (!isFlow(flow)) throw expected('what is run', 'a flow', flow, 'Define it with `flow(…)`.');
  assertKnownOptions('fromFlow', options, EMBEDDED_FLOW_OPTIONS);
  const settings = readRuntimeOptions(options);
  const problem = flow.validate().find(({ level }) => level === 'error');
  if (problem !== undefined)
    throw new FlowConfigError(problem.message, { hint: 'See `validate()` of the flow.' });
  return createWorkerLogic((past, { self, emit }) => {
    const { shared, concurrency, retain, maxHops, jobTimeoutMs, maxQueueSize } = settings;
    const runId = createRunId();
    const own = settingsOf(partsOf(shared, undefined), { runId, options: {}, isSync: false, emit });
    const slots = concurrency === Number.POSITIVE_INFINITY ? undefined : new Slots(concurrency);
    const id = (past as WorkerJSON | undefined)?.id ?? runId; // as this logic has persisted it
    const register = new JobRegister(retain, () => worker.onJobsChanged());
    const worker: FlowWorker = new FlowWorker({
      id,
      plan: flow.plan,
      settings: { ...own, slots, keyBase: id },
      self,
      limits: { maxHops, jobTimeoutMs },
      book: register,
      past: past as WorkerJSON | undefined, // as this logic has persisted it
      isInspected: true,
      onEnded: () => undefined,
    });
    const posts = new Posts(register, maxQueueSize);
    const post = async (command: WorkerCommand & { readonly type: 'post' }): Promise<void> => {
      const { routine, slot, data, jobId, metadata } = command;
      try {
        const about = { jobId, metadata };
        const posting = readPosting({ flow, routine, slot, value: data }, about);
        await posts.deliver(posting, slotOf(flow, routine, slot), (give) => give(worker));
      } catch (error) {
        own.logger.warn({ err: error, routine, slot }, 'A post was refused');
      }
    };
    // Bodies do not run inside a transition of whoever started the actor.
    queueMicrotask(() => worker.begin());
    return { worker, post, jobs: () => register.counts };
  });
}

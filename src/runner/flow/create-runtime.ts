import { FlowRuntime } from './flow-runtime.ts';
import { readRuntimeOptions, type RuntimeOptions } from './runtime-options.ts';
import type { Runtime } from './runtime.ts';

/**
 * Creates a runtime for flows. Runtimes know nothing of each other.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when an option is unknown or of the wrong form;
 * {@link FlowConfigError} FLOW_CONFIG when a snapshot does not fit the flows.
 *
 * @example
 * ```ts
 * import { createRuntime, flow, routine, slot } from 'troupe/flow';
 *
 * const count = routine({
 *   name: 'count',
 *   slots: { word: slot<string>() },
 *   run: ({ word }, ctx) => ctx.state.set('seen', ctx.state.get('seen', 0) + word.length),
 * });
 * const counting = flow('counting').add(count);
 *
 * await using runtime = createRuntime();
 * const worker = runtime.exec(counting);
 * for (const word of ['one', 'two', 'three']) await runtime.post(counting, 'count', 'word', word);
 * await runtime.waitUntilAllJobsFinished({ timeout: 10_000 });
 * console.log(worker.state('count')); // { seen: 3 }
 * ```
 */
export function createRuntime(options: RuntimeOptions = {}): Runtime {
  return new FlowRuntime(readRuntimeOptions(options));
}

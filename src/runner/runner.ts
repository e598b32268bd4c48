import type { Target } from '../nodes/contract.ts';
import type { MapItems } from './map-iter.ts';
import type { InputName, MapInput, MapOptions } from './map-options.ts';
import type { MapResult } from './map-result.ts';
import type { RunHandle } from './run-handle.ts';
import type { RunOptions } from './options.ts';
import type { RunResult } from './result.ts';
import type { Capabilities, RunnerInfo } from './runner-info.ts';
import type { ForkOptions, ResumeOptions } from './workflow-options.ts';

/** The arguments of a run behind its target: the input may be left out where nothing in it is required. */
export type RunArguments<Input> = undefined extends Input
  ? [input?: Input, options?: RunOptions]
  : Record<never, never> extends Input
    ? [input?: Input, options?: RunOptions]
    : [input: Input, options?: RunOptions];

/** Runs nodes. Made by `createRunner`; closed by `close`, or at the end of its block with `await using`. */
export interface Runner extends AsyncDisposable {
  readonly capabilities: Capabilities;
  readonly info: RunnerInfo;
  /**
   * Runs a target; resolves when it has completed, or is paused at questions.
   *
   * @throws the very error that was thrown when the run fails; {@link CancelledError} CANCELLED, {@link RunTimeoutError}
   * RUN_TIMEOUT when it is stopped; {@link MissingInputError}, {@link UnknownInputError}, {@link InvalidInputError} when
   * what was given is refused, and then there is no run; {@link RunnerClosedError} RUNNER_CLOSED.
   */
  run<Input, Output, Outputs>(
    target: Target<Input, Output, Outputs>,
    ...args: RunArguments<NoInfer<Input>>
  ): Promise<RunResult<Output, Outputs>>;
  /**
   * Runs a synchronous target on the stack, without a promise anywhere.
   *
   * @throws {@link IncompatibleRunnerError} INCOMPATIBLE_RUNNER when anything in it is asynchronous; else as `run`.
   */
  runSync<Input, Output, Outputs>(
    target: Target<Input, Output, Outputs>,
    ...args: RunArguments<NoInfer<Input>>
  ): RunResult<Output, Outputs>;
  /** Starts a run at once and gives a handle to watch it. What is refused is the rejection of `handle.result`. */
  iter<Input, Output, Outputs>(
    target: Target<Input, Output, Outputs>,
    ...args: RunArguments<NoInfer<Input>>
  ): RunHandle<Output, Outputs>;
  /**
   * Runs a target once for each item of one or several lists, each item a run of its own: answer and cancel it by its own
   * `runId`. The input has a list for each name in `over`; every other value goes to all items. The results come in the
   * order of the input. An item that pauses is not waited for any longer: it is a result of status `paused`.
   *
   * @throws what the first item that did not complete threw, under `onError: 'stop'` (default), when the others have been
   * stopped; {@link CancelledError} CANCELLED when the `signal` or the runner stopped the map. With `onFailure: 'return'` it
   * resolves in all these cases. When the lists or a name are refused, nothing runs: {@link InvalidInputError},
   * {@link UnknownInputError}, {@link MissingInputError}, {@link ConflictError}; {@link RunnerClosedError} RUNNER_CLOSED.
   *
   * @example
   * ```ts
   * import { createRunner, graph, input, node } from 'troupe';
   * const add = node({
   *   name: 'add',
   *   inputs: { a: input<number>(), b: input<number>() },
   *   output: 'sum',
   *   run: ({ a, b }) => a + b,
   * });
   * await using runner = createRunner();
   * const sums = await runner.map(graph({ name: 'adding', nodes: [add] }), { a: [1, 2, 3], b: 10 }, { over: 'a' });
   * console.log(sums.status, sums.column('sum')); // completed [ 11, 12, 13 ]
   * ```
   */
  map<Input, Output, Outputs, const Over extends InputName<Input> | readonly InputName<Input>[]>(
    target: Target<Input, Output, Outputs>,
    input: MapInput<NoInfer<Input>, Over>,
    options: MapOptions<Over>,
  ): Promise<MapResult<Output, Outputs>>;
  /**
   * As `map`, giving each result when its item has ended or paused. Items are started as results are asked for: at most
   * `maxConcurrency` (default 64) are in flight or not taken yet, whatever the length of the lists. Leaving the loop cancels
   * what has not been yielded, and starts nothing more.
   *
   * @throws as `map`, from the iteration: what had ended before is yielded first. With `onFailure: 'return'` the results of
   * the failed item and of those that it stopped are yielded instead.
   *
   * @example
   * ```ts
   * import { createRunner, input, node } from 'troupe';
   * const square = node({ name: 'square', inputs: { n: input<number>() }, run: ({ n }) => n * n });
   * await using runner = createRunner();
   * const n = Array.from({ length: 100_000 }, (_, index) => index);
   * let total = 0;
   * for await (const { result } of runner.mapIter(square, { n }, { over: 'n' })) total += result.answer;
   * console.log(total); // 333328333350000
   * ```
   */
  mapIter<Input, Output, Outputs, const Over extends InputName<Input> | readonly InputName<Input>[]>(
    target: Target<Input, Output, Outputs>,
    input: MapInput<NoInfer<Input>, Over>,
    options: MapOptions<Over>,
  ): MapItems<Output, Outputs>;
  /**
   * Answers a question of a run, or of a workflow that is live here; resolves, or rejects, as `run` would at its next pause or its end.
   *
   * @throws {@link UnknownIdError} UNKNOWN_ID, {@link UnknownResponseError} UNKNOWN_RESPONSE,
   * {@link InterruptAlreadyResolvedError} INTERRUPT_ALREADY_RESOLVED, {@link InvalidInputError} INVALID_INPUT
   */
  respond(id: string, key: string, value: unknown): Promise<RunResult>;
  /**
   * Goes on with a workflow that has not ended for good, here or in another process: what has completed does not run again,
   * answers that were given are kept, and what was in flight runs again with the same `idempotencyKey`. Resolves, or
   * rejects, as `run` does. The options of its `run` are to be given again, but for `select`.
   *
   * @throws {@link WorkflowNotFoundError} WORKFLOW_NOT_FOUND, {@link WorkflowAlreadyRunningError} WORKFLOW_ALREADY_RUNNING,
   * {@link WorkflowAlreadyCompletedError} WORKFLOW_ALREADY_COMPLETED, {@link GraphChangedError} GRAPH_CHANGED,
   * {@link UnknownResponseError} UNKNOWN_RESPONSE, {@link InvalidInputError} INVALID_INPUT when an answer is not taken (its
   * question stays open), {@link CheckpointError} CHECKPOINT.
   *
   * @example
   * ```ts
   * import { createRunner, graph, interrupt, node } from 'troupe';
   * import { memoryCheckpointer } from 'troupe/checkpoint';
   *
   * const draft = node({ name: 'draft', inputs: {}, output: 'text', run: () => 'Dear all' });
   * const approve = interrupt({ name: 'approve', inputs: {}, response: 'decision', run: () => 'Send it?' });
   * const letter = graph({ name: 'letter', nodes: [draft, approve] });
   *
   * await using runner = createRunner({ checkpointer: memoryCheckpointer() });
   * const paused = await runner.run(letter, {}, { workflowId: 'letter-1' });
   * const done = await runner.resume(letter, 'letter-1', { responses: { decision: 'yes' } });
   * console.log(paused.status, done.outputs.decision); // paused yes
   * ```
   */
  resume<Input, Output, Outputs>(
    target: Target<Input, Output, Outputs>,
    workflowId: string,
    options?: ResumeOptions,
  ): Promise<RunResult<Output, Outputs>>;
  /** Runs again what failed or timed out in a workflow, under the same id; otherwise as `resume`. */
  retry<Input, Output, Outputs>(
    target: Target<Input, Output, Outputs>,
    workflowId: string,
    options?: ResumeOptions,
  ): Promise<RunResult<Output, Outputs>>;
  /**
   * Begins a new workflow with the steps of another up to one of them, and goes on from there. The other stays as it is.
   *
   * @throws {@link WorkflowNotFoundError} WORKFLOW_NOT_FOUND, {@link GraphChangedError} GRAPH_CHANGED,
   * {@link ConflictError} CONFLICT when there is a workflow of the new id,
   * {@link InvalidInputError} INVALID_INPUT for a step that it does not have, {@link CheckpointError} CHECKPOINT.
   *
   * @example
   * ```ts
   * import { createRunner, graph, input, node } from 'troupe';
   * import { memoryCheckpointer } from 'troupe/checkpoint';
   *
   * const double = node({ name: 'double', inputs: { n: input<number>() }, output: 'twice', run: ({ n }) => n * 2 });
   * const doubling = graph({ name: 'doubling', nodes: [double] });
   *
   * await using runner = createRunner({ checkpointer: memoryCheckpointer() });
   * await runner.run(doubling, { n: 1 }, { workflowId: 'one' });
   * const { outputs } = await runner.fork(doubling, 'one', { input: { n: 5 }, workflowId: 'five' });
   * console.log(outputs.twice); // 10
   * ```
   */
  fork<Input, Output, Outputs>(
    target: Target<Input, Output, Outputs>,
    workflowId: string,
    options?: ForkOptions<NoInfer<Input>>,
  ): Promise<RunResult<Output, Outputs>>;
  /**
   * Cancels a run by its run id or workflow id, or one request with everything below it. Whether it stopped something:
   * false when it had ended.
   *
   * @throws {@link UnknownIdError} UNKNOWN_ID
   */
  cancel(id: string, reason?: unknown): boolean;
  /**
   * Takes no new runs, lets the running ones end (or cancels them with `drain: false`; paused ones are cancelled in any
   * case), and resolves when nothing runs and every observer has had its events. May be called again. A durable workflow
   * that would be cancelled is left as it is, to be resumed: only whoever waits for it here gets the error.
   */
  close(options?: { readonly drain?: boolean }): Promise<void>;
}

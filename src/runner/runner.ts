import type { ExecutionInfo } from '../log/execution-info.ts';
import type { Target } from '../nodes/contract.ts';
import type { RunHandle } from './run-handle.ts';
import type { RunOptions } from './options.ts';
import type { RunResult } from './result.ts';

/** What a runner can do. */
export interface Capabilities {
  readonly supportsCycles: boolean;
  readonly supportsGates: boolean;
  readonly supportsInterrupts: boolean;
  readonly supportsAsyncNodes: boolean;
  readonly supportsStreaming: boolean;
  readonly supportsDistributed: boolean;
  readonly returnsPromise: boolean;
}

/** The runs that a runner knows: running, paused, and the last `retain` ended ones. */
export interface RunnerInfo {
  readonly runs: readonly ExecutionInfo[];
  /** @throws {@link UnknownIdError} UNKNOWN_ID */
  run(runId: string): ExecutionInfo;
}

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
   * Answers a question of a run; resolves, or rejects, as `run` would at its next pause or its end.
   *
   * @throws {@link UnknownIdError} UNKNOWN_ID, {@link UnknownResponseError} UNKNOWN_RESPONSE,
   * {@link InterruptAlreadyResolvedError} INTERRUPT_ALREADY_RESOLVED, {@link InvalidInputError} INVALID_INPUT
   */
  respond(runId: string, key: string, value: unknown): Promise<RunResult>;
  /**
   * Cancels a run, or one request with everything below it. Whether it stopped something: false when it had ended.
   *
   * @throws {@link UnknownIdError} UNKNOWN_ID
   */
  cancel(id: string, reason?: unknown): boolean;
  /**
   * Takes no new runs, lets the running ones end (or cancels them with `drain: false`; paused ones are cancelled in any
   * case), and resolves when nothing runs and every observer has had its events. May be called again.
   */
  close(options?: { readonly drain?: boolean }): Promise<void>;
}

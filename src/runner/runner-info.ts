import type { ExecutionInfo } from '../log/execution-info.ts';

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

import type { PauseInfo } from '../actors/settings.ts';
import type { TroupeEvent } from '../events/events.ts';
import type { ExecutionInfo } from '../log/execution-info.ts';
import type { RunResult } from './result.ts';

/**
 * A run that goes on while it is watched. Iterating gives its events from `RunStart` on; they are kept until they are
 * read, and leaving the loop early cancels nothing. With `await using` the run is cancelled, if it still runs.
 */
export interface RunHandle<Answer = unknown, Outputs = Readonly<Record<string, unknown>>>
  extends AsyncIterable<TroupeEvent>, AsyncDisposable {
  readonly runId: string;
  /** Settles at the end as `run` would; a pause is only an event here. Never an unhandled rejection. */
  readonly result: Promise<RunResult<Answer, Outputs>>;
  /** Every open question. */
  readonly pauses: readonly PauseInfo[];
  /**
   * The run as it is now.
   *
   * @throws {@link UnknownIdError} UNKNOWN_ID when there is no run, because its input was refused or is still being checked.
   */
  readonly info: ExecutionInfo;
  /**
   * Answers a question; resolves at the run's next pause or its end.
   *
   * @throws {@link UnknownResponseError} UNKNOWN_RESPONSE, {@link InterruptAlreadyResolvedError}
   * INTERRUPT_ALREADY_RESOLVED, {@link InvalidInputError} INVALID_INPUT when the answer is not taken.
   */
  respond(key: string, value: unknown): Promise<RunResult<Answer, Outputs>>;
  /** Cancels the run; false when it had ended. */
  cancel(reason?: unknown): boolean;
}

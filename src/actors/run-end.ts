import { cloneData } from '../clone.ts';
import type { EndMessage, RunStatus } from '../log/messages.ts';

/** The statuses in which a run ends. */
export type EndStatus = Exclude<RunStatus, 'running' | 'paused'>;

/** How a run ended. */
export interface RunEnd {
  readonly status: EndStatus;
  /** What the root returned. */
  readonly answer: unknown;
  /** The very object that was thrown, or the typed error of the stop. */
  readonly error: unknown;
}

/** Who is told what becomes of a run. */
export interface RunListener {
  onPause(): void;
  /** Before anybody is told of the end: the log is complete. A promise is waited for; it must not reject. */
  beforeEnd(): Promise<void> | undefined;
  onEnd(end: RunEnd): void;
}

/** How a run ends that is concluded from the recorded end of its root. */
export function endOf(end: EndMessage): RunEnd {
  if (end.type === 'RequestSuccess')
    return { status: 'completed', answer: cloneData(end.output), error: undefined };
  const status = end.type === 'RequestCancelled' ? 'cancelled' : 'failed';
  return { status, answer: undefined, error: end.error };
}

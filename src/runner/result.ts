import type { RunEnd } from '../actors/run.ts';
import { namedOutputs } from '../actors/reporter.ts';
import type { PauseInfo } from '../actors/settings.ts';
import type { ExecutionInfo } from '../log/execution-info.ts';
import type { RunStatus } from '../log/messages.ts';
import type { RunHistory } from '../log/run-history.ts';

/** What became of a run, at its end or where it paused. */
export interface RunResult<Answer = unknown, Outputs = Readonly<Record<string, unknown>>> {
  readonly status: Exclude<RunStatus, 'running'>;
  /** What the target returned, the very object; undefined unless the run completed. */
  readonly answer: Answer;
  /** The target's outputs by the names that it declares; of a run that did not complete, what was produced. */
  readonly outputs: Outputs;
  /** Every open question. */
  readonly pauses: readonly PauseInfo[];
  /** The very object that was thrown, or the typed error of the stop. */
  readonly error?: unknown;
  readonly runId: string;
  readonly workflowId?: string;
  /** Of a graph: what became of each node. */
  readonly nodes: Readonly<Record<string, string>>;
  /** Of a graph: why a node was skipped, blocked or cancelled. */
  readonly reasons: Readonly<Record<string, string>>;
  /** The run as it was then. */
  readonly info: ExecutionInfo;
}

/** Where a result comes from. */
export interface ResultSource {
  readonly history: RunHistory;
  readonly outputNames: readonly string[];
  readonly workflowId: string | undefined;
}

/** The result of a run that has ended. */
export function endedResult(source: ResultSource, end: RunEnd): RunResult {
  const { status, answer, error } = end;
  const outputs = status === 'completed' ? namedOutputs(source.outputNames, answer) : {};
  const failure = status === 'completed' ? {} : { error };
  return resultOf(source, { status, answer, outputs, pauses: [], ...failure });
}

/** The result of a run that is paused. */
export function pausedResult(source: ResultSource, pauses: readonly PauseInfo[]): RunResult {
  return resultOf(source, { status: 'paused', answer: undefined, outputs: {}, pauses });
}

function resultOf(
  { history, workflowId }: ResultSource,
  facts: Pick<RunResult, 'status' | 'answer' | 'outputs' | 'pauses' | 'error'>,
): RunResult {
  const { length, runId } = history.log;
  return Object.freeze({
    ...facts,
    runId,
    ...(workflowId === undefined ? {} : { workflowId }),
    nodes: {},
    reasons: {},
    // Folded when it is first read: most results are only asked for their answer.
    get info() {
      return history.infoAt(length);
    },
  });
}

import type { RunEnd } from '../actors/run-end.ts';
import { namedOutputs } from '../actors/reporter.ts';
import type { PauseInfo } from '../actors/settings.ts';
import type { ExecutionInfo } from '../log/execution-info.ts';
import type { RunStatus } from '../log/messages.ts';
import type { AnyNode } from '../nodes/contract.ts';
import { isGraphNode } from '../graph/plan.ts';
import type { GraphStatus, NodeStatus } from '../log/graph-status.ts';
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
  readonly nodes: Readonly<Record<string, NodeStatus>>;
  /** Of a graph: why a node was skipped, blocked or cancelled. */
  readonly reasons: Readonly<Record<string, string>>;
  /** The run as it was then. */
  readonly info: ExecutionInfo;
}

/** Where a result comes from. */
export interface ResultSource {
  readonly history: RunHistory;
  readonly target: AnyNode;
  /** What was produced so far, by name. */
  readonly produced: Readonly<Record<string, unknown>>;
  readonly workflowId: string | undefined;
}

/** The result of a run that has ended. */
export function endedResult(source: ResultSource, end: RunEnd): RunResult {
  const { status, answer, error } = end;
  const outputs = status === 'completed' ? namedOutputs(source.target, answer) : source.produced;
  const failure = status === 'completed' ? {} : { error };
  return resultOf(source, { status, answer, outputs, pauses: [], ...failure });
}

/** The result of a run that is paused. */
export function pausedResult(source: ResultSource, pauses: readonly PauseInfo[]): RunResult {
  return resultOf(source, { status: 'paused', answer: undefined, outputs: source.produced, pauses });
}

/** The facts that tell one result from another. */
type Facts = Pick<RunResult, 'status' | 'answer' | 'outputs' | 'pauses'> & { readonly error?: unknown };

function resultOf(source: ResultSource, facts: Facts): RunResult {
  return Object.freeze(new Result(source, facts));
}

const NOT_A_GRAPH: GraphStatus = Object.freeze({ nodes: Object.freeze({}), reasons: Object.freeze({}) });

/** A result whose info is folded when it is first read: most are only asked for their answer. */
class Result implements RunResult {
  readonly status: RunResult['status'];
  readonly answer: unknown;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly pauses: readonly PauseInfo[];
  declare readonly error?: unknown;
  readonly runId: string;
  declare readonly workflowId?: string;
  readonly #history: RunHistory;
  readonly #length: number;
  readonly #target: AnyNode;

  constructor({ history, workflowId, target }: ResultSource, facts: Facts) {
    this.status = facts.status;
    this.answer = facts.answer;
    this.outputs = facts.outputs;
    this.pauses = facts.pauses;
    if ('error' in facts) this.error = facts.error;
    this.runId = history.log.runId;
    if (workflowId !== undefined) this.workflowId = workflowId;
    this.#history = history;
    this.#length = history.log.length;
    this.#target = target;
  }

  get nodes(): RunResult['nodes'] {
    return this.#graphStatus().nodes;
  }

  get reasons(): RunResult['reasons'] {
    return this.#graphStatus().reasons;
  }

  get info(): ExecutionInfo {
    return this.#history.infoAt(this.#length);
  }

  #graphStatus(): GraphStatus {
    const target = this.#target;
    if (!isGraphNode(target)) return NOT_A_GRAPH;
    const { members, pruned } = target.plan;
    const names = [...members.map(({ name }) => name), ...pruned.keys()];
    return this.#history.graphStatus({
      ordinal: 0,
      length: this.#length,
      status: this.status,
      names,
      pruned,
    });
  }
}

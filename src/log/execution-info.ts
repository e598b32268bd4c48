import { InvalidInputError, UnknownIdError } from '../errors.ts';
import type { RunId } from '../ids.ts';
import type { Redactor } from '../redact.ts';
import { ForestFold, type ForestState } from './forest-fold.ts';
import { Forest, type ForestSource, type NodeForest, type RequestForest } from './forest.ts';
import { toJsonValue } from '../json-value.ts';
import type { MessageLog, Stamp } from './message-log.ts';
import type { RunStatus } from './messages.ts';
import { itemAt, type PersistentList } from './persistent-list.ts';
import type { NodeRecord, RequestRecord } from './records.ts';

/** A run as a graph: its node invocations, and the requests that led from one to the next. */
export interface ExecutionGraph {
  readonly vertices: readonly NodeRecord[];
  /** `source` is null for the root's request. */
  readonly edges: readonly {
    readonly id: string;
    readonly source: string | null;
    readonly target: string;
    readonly request: RequestRecord;
  }[];
}

/** The plain form of an {@link ExecutionInfo}. */
export interface ExecutionInfoJSON {
  readonly version: 1;
  readonly runId: string;
  readonly status: RunStatus;
  readonly answer: unknown;
  readonly steps: number;
  readonly requests: readonly unknown[];
  readonly nodes: readonly unknown[];
  readonly stamps: readonly Stamp[];
}

/**
 * What happened in a run up to one moment: an immutable snapshot, safe to keep. Reading one costs in proportion to what
 * changed since the one before; snapshots share the rest.
 */
export class ExecutionInfo {
  readonly runId: RunId;
  readonly status: RunStatus;
  /** A copy of what the root returned, once the run has completed. */
  readonly answer: unknown;
  readonly requests: RequestForest;
  readonly nodes: NodeForest;
  /** How many stamps there are: two for each request that has ended, one for each that has not. */
  readonly steps: number;
  readonly #view: View;
  #stamps: readonly Stamp[] | undefined;

  /** @internal */
  constructor(view: View) {
    const { log, state, only } = view;
    this.runId = log.runId;
    this.status = state.status;
    this.answer = state.answer;
    this.requests = new Forest(
      source(view, state.requests, only?.requests, (id) => log.ids.ordinalOfRequest(id)),
    );
    this.nodes = new Forest(source(view, state.nodes, only?.nodes, (id) => log.ids.ordinalOfNode(id)));
    this.steps = only === undefined ? state.steps : stampsOf(view).length;
    this.#view = view;
    Object.freeze(this);
  }

  /** All stamps in the order of their steps. */
  get stamps(): readonly Stamp[] {
    return (this.#stamps ??= stampsOf(this.#view));
  }

  /**
   * The same snapshot with just those requests and nodes, and their stamps.
   *
   * @throws {@link UnknownIdError} UNKNOWN_ID when one of the ids is neither a request's nor a node's of this snapshot.
   */
  subset(ids: Iterable<string>): ExecutionInfo {
    const requests = new Set<number>();
    const nodes = new Set<number>();
    const { ids: naming } = this.#view.log;
    for (const id of ids) {
      if (this.requests.has(id)) requests.add(naming.ordinalOfRequest(id));
      else if (this.nodes.has(id)) nodes.add(naming.ordinalOfNode(id));
      else
        throw new UnknownIdError(`There is no request or node "${id}" in this run`, {
          hint: 'Use ids of `info.requests` or `info.nodes`.',
        });
    }
    return new ExecutionInfo({
      ...this.#view,
      only: { requests: ascending(requests), nodes: ascending(nodes) },
    });
  }

  /**
   * The run as it was after a step, before the next one.
   *
   * @throws {@link InvalidInputError} INVALID_INPUT when there is no such step.
   */
  at(step: number): ExecutionInfo {
    const { log, state, only } = this.#view;
    if (!Number.isInteger(step) || step < 0 || step >= state.steps) {
      throw new InvalidInputError(`There is no step ${step} in this run`, {
        hint: `Steps go from 0 to ${state.steps - 1}.`,
      });
    }
    const length = Math.min(log.endOfStep(step), this.#view.length);
    const earlier = new ForestFold(log).advanceTo(length);
    const until = (ordinals: readonly number[]): number[] =>
      ordinals.filter((ordinal) => ordinal < earlier.requests.size);
    const shown =
      only === undefined ? {} : { only: { requests: until(only.requests), nodes: until(only.nodes) } };
    return new ExecutionInfo({ ...this.#view, length, state: earlier, ...shown });
  }

  /** The run as a graph of node invocations. */
  toGraph(): ExecutionGraph {
    const edges = Array.from(this.requests, (request) => ({
      id: request.id,
      source: request.sourceNodeId,
      target: request.nodeId,
      request,
    }));
    return { vertices: [...this.nodes], edges };
  }

  /** Plain data of version 1, redacted as the runner says. */
  toJSON(): ExecutionInfoJSON {
    const { redact } = this.#view;
    const records = (forest: Iterable<RequestRecord | NodeRecord>): unknown[] =>
      Array.from(forest, (record) => toJsonRecord(record.toJSON(), redact));
    return {
      version: 1,
      runId: this.runId,
      status: this.status,
      answer: toJsonValue(this.answer, 'answer', redact) ?? null,
      steps: this.steps,
      requests: records(this.requests),
      nodes: records(this.nodes),
      stamps: this.stamps,
    };
  }

  /** {@link ExecutionInfo.toJSON} as a text. */
  graphSerialization(): string {
    return JSON.stringify(this);
  }
}

/** @internal What a snapshot is made of: a prefix of a log, what it folds to, and which part of it is shown. */
export interface View {
  readonly log: MessageLog;
  readonly length: number;
  readonly state: ForestState;
  readonly redact: Redactor | undefined;
  readonly only?: { readonly requests: readonly number[]; readonly nodes: readonly number[] };
}

function toJsonRecord(
  record: Record<string, unknown>,
  redact: Redactor | undefined,
): Record<string, unknown> {
  const entries = Object.entries(record).map(([key, value]) => {
    // A version in the history has the same properties, at the same paths.
    if (key === 'history' && Array.isArray(value))
      return [key, value.map((version) => toJsonRecord(version as Record<string, unknown>, redact))];
    return [key, toJsonValue(value, key, redact)];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function source<Record>(
  view: View,
  list: PersistentList<Record>,
  only: readonly number[] | undefined,
  ordinalOf: (id: string) => number,
): ForestSource<Record> {
  const { lineage, ids } = view.log;
  const parentOrdinal = (nodeId: string): number | undefined => {
    const ordinal = ids.ordinalOfNode(nodeId);
    return ordinal === -1 || ordinal >= view.state.nodes.size ? undefined : ordinal;
  };
  if (only === undefined) {
    return {
      size: list.size,
      at: (position) => itemAt(list, position),
      position: (id) => within(ordinalOf(id), list.size),
      children: (nodeId) => {
        const parent = parentOrdinal(nodeId);
        return parent === undefined ? undefined : lineage.children(parent, list.size);
      },
      roots: () => lineage.roots(list.size),
    };
  }
  const positions = new Map(only.map((ordinal, position) => [ordinal, position]));
  const present = (ordinals: Iterable<number>): number[] =>
    Array.from(ordinals, (ordinal) => positions.get(ordinal)).filter((position) => position !== undefined);
  return {
    size: only.length,
    at: (position) => itemAt(list, only[position] ?? 0),
    position: (id) => positions.get(ordinalOf(id)) ?? -1,
    children: (nodeId) => {
      const parent = parentOrdinal(nodeId);
      return parent === undefined ? undefined : present(lineage.children(parent, list.size));
    },
    roots: () => present(lineage.roots(list.size)),
  };
}

function within(ordinal: number, size: number): number {
  return ordinal < size ? ordinal : -1;
}

function stampsOf({ log, state, only }: View): readonly Stamp[] {
  if (only === undefined) return log.stamps(state.steps);
  const shown = new Set([...only.requests, ...only.nodes]);
  const steps = Array.from({ length: state.steps }, (_, step) => step);
  return Object.freeze(
    steps.filter((step) => shown.has(log.ordinalOfStep(step))).map((step) => log.stamp(step)),
  );
}

function ascending(ordinals: ReadonlySet<number>): readonly number[] {
  return [...ordinals].toSorted((a, b) => a - b);
}

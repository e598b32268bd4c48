import type { ExecutionInfo, NodeId, RequestRecord } from 'troupe';

import { groupBy } from './group-by.ts';

/** One invocation of a run, with times in ms since the run began. */
export interface ForestRow {
  /** The id of the invocation's node; `parentId` is that of its caller. */
  readonly id: NodeId;
  readonly parentId: NodeId | null;
  readonly depth: number;
  readonly nodeName: string;
  /** What it worked on, where that tells it from its siblings. */
  readonly subject: string;
  readonly status: string;
  readonly attempts: number;
  readonly createdMs: number;
  readonly startedMs: number;
  readonly endedMs: number;
  /** When an attempt failed and another was to follow. */
  readonly retriesMs: readonly number[];
}

export interface Forest {
  readonly rows: readonly ForestRow[];
  /** When the last invocation ended that calls nobody: from then on the run only waited for the answer. */
  readonly workedMs: number;
  readonly totalMs: number;
}

/** When attempts failed, in ms since the epoch, by the id of the request. */
export type RetryTimes = ReadonlyMap<string, readonly number[]>;

/** The run's requests as a tree in depth-first order. */
export function forestOf(info: ExecutionInfo, retries: RetryTimes): Forest {
  const requests = [...info.requests];
  const childrenOf = groupBy(requests, (request) => request.sourceNodeId);
  const start = Math.min(...requests.map((request) => request.createdAt));

  const rows: ForestRow[] = [];
  const addRowsBelow = (sourceNodeId: NodeId | null, depth: number): void => {
    for (const request of childrenOf.get(sourceNodeId) ?? []) {
      rows.push(toRow(request, { depth, start, retries: retries.get(request.id) ?? [] }));
      addRowsBelow(request.nodeId, depth + 1);
    }
  };
  addRowsBelow(null, 0);

  const workers = rows.filter((row) => {
    const isWaiting = info.nodes.get(row.id)?.kind === 'interrupt';
    return !isWaiting && !childrenOf.has(row.id);
  });
  return {
    rows,
    workedMs: Math.max(0, ...workers.map((row) => row.endedMs)),
    totalMs: Math.max(0, ...rows.map((row) => row.endedMs)),
  };
}

interface Placement {
  readonly depth: number;
  readonly start: number;
  readonly retries: readonly number[];
}

function toRow(request: RequestRecord, { depth, start, retries }: Placement): ForestRow {
  const startedAt = request.startedAt ?? request.createdAt;
  return {
    id: request.nodeId,
    parentId: request.sourceNodeId,
    depth,
    nodeName: request.nodeName,
    subject: codeIn(request.input),
    status: request.status,
    attempts: request.attempts,
    createdMs: request.createdAt - start,
    startedMs: startedAt - start,
    endedMs: (request.endedAt ?? startedAt) - start,
    retriesMs: retries.map((time) => time - start),
  };
}

function codeIn(value: unknown): string {
  if (typeof value !== 'object' || value === null || !('code' in value)) return '';
  return typeof value.code === 'string' ? value.code : '';
}

import type { MessageLog } from './message-log.ts';
import { isEndMessage, isInvocationMessage, type InvocationMessage, type RunStatus } from './messages.ts';

/** What became of a node of a graph. `pending`: its turn has not come yet; only of a run that is paused. */
export type NodeStatus =
  | 'completed'
  | 'skipped'
  | 'blocked'
  | 'failed'
  | 'cancelled'
  | 'paused'
  | 'running'
  | 'pending';

/** What became of each node of a graph, and why, where it did not complete. */
export interface GraphStatus {
  readonly nodes: Readonly<Record<string, NodeStatus>>;
  readonly reasons: Readonly<Record<string, string>>;
}

/** What to read. */
export interface GraphStatusQuery {
  /** The invocation of the graph. */
  readonly ordinal: number;
  /** How much of the log to read. */
  readonly length: number;
  readonly status: RunStatus;
  /** The names of the graph's nodes. */
  readonly names: readonly string[];
  /** Those that did not take part, with the reason. */
  readonly pruned: ReadonlyMap<string, string>;
}

/** What became of each node of a graph: a fold over the log. */
export function readGraphStatus(log: MessageLog, query: GraphStatusQuery): GraphStatus {
  const found = lastChanges(log, query);
  const nodes: [string, NodeStatus][] = [];
  const reasons: [string, string][] = [];
  for (const name of query.names) {
    const { status, reason } = found.get(name) ?? untouched(name, query);
    nodes.push([name, status]);
    if (reason !== undefined) reasons.push([name, reason]);
  }
  return {
    nodes: Object.freeze(Object.fromEntries(nodes)),
    reasons: Object.freeze(Object.fromEntries(reasons)),
  };
}

interface Change {
  readonly status: NodeStatus;
  readonly reason?: string;
}

function lastChanges(log: MessageLog, { ordinal, length, status }: GraphStatusQuery): Map<string, Change> {
  const found = new Map<string, Change>();
  const names = new Map<number, string>();
  for (let index = 0; index < length; index += 1) {
    const message = log.message(index);
    if (!isInvocationMessage(message)) continue;
    if (message.type === 'RequestCreation' && message.source === ordinal)
      names.set(message.ordinal, message.name);
    const isSkip = message.type === 'NodeLeftOut' && message.ordinal === ordinal;
    const name = isSkip ? message.name : names.get(message.ordinal);
    const change = isSkip ? message : statusAfter(message, status);
    if (name !== undefined && change !== undefined) found.set(name, change);
  }
  return found;
}

function untouched(
  name: string,
  { pruned, status }: GraphStatusQuery,
): { status: NodeStatus; reason: string } {
  const reason = pruned.get(name);
  if (reason !== undefined) return { status: 'skipped', reason };
  if (status === 'paused' || status === 'running')
    return { status: 'pending', reason: 'what it depends on is not there yet' };
  return { status: 'cancelled', reason: 'the run ended before its turn came' };
}

function statusAfter(message: InvocationMessage, run: RunStatus): Change | undefined {
  if (isEndMessage(message)) {
    if (message.type === 'RequestSuccess') return { status: 'completed' };
    const status = message.type === 'RequestCancelled' ? 'cancelled' : 'failed';
    return { status, reason: describeError(message.error) };
  }
  if (message.type !== 'RequestCreation' && message.type !== 'Interrupt') return undefined;
  // What has not ended in a run that is paused waits for a person, itself or below.
  return run === 'paused'
    ? { status: 'paused', reason: 'a question of it waits for an answer' }
    : { status: 'running' };
}

function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { CheckpointError, WorkflowAlreadyRunningError, WorkflowNotFoundError } from '../errors.ts';
import { decodeMessages } from '../log/codec.ts';
import type { LogMessage } from '../log/messages.ts';
import type { StoredWorkflow, WorkflowPage, WorkflowQuery, WorkflowRecord } from './checkpointer.ts';

/**
 * The log of a stored workflow, oldest entry first.
 *
 * @throws {@link CheckpointError} CHECKPOINT when an entry cannot be read.
 */
export function historyOf({ record, entries, blobs }: StoredWorkflow): readonly LogMessage[] {
  try {
    return decodeMessages(entries, blobs);
  } catch (cause) {
    throw damaged(record.workflowId, 'an entry of its log cannot be read', cause);
  }
}

/** The error for a workflow whose store is not what was written. */
export function damaged(workflowId: string, what: string, cause?: unknown): CheckpointError {
  return new CheckpointError(`The store of workflow "${workflowId}" is damaged: ${what}`, {
    hint: 'Restore it from a backup. Nothing was changed, and nothing ran.',
    cause,
  });
}

/** The error for a workflow that another has. */
export function alreadyRunning(workflowId: string): WorkflowAlreadyRunningError {
  return new WorkflowAlreadyRunningError(`Workflow "${workflowId}" is run by another execution`, {
    hint: 'Wait until it has ended or paused, or until its process is gone.',
  });
}

/** The error for a workflow that is not there. */
export function notFound(workflowId: string): WorkflowNotFoundError {
  return new WorkflowNotFoundError(`There is no workflow "${workflowId}"`, {
    hint: 'Look for it with `list()`. One that has ended may have been removed after its `ttl`.',
  });
}

/** The error for anything that is asked of a checkpointer that is closed. */
export function isClosed(): CheckpointError {
  return new CheckpointError('The checkpointer is closed', { hint: 'Open another one.' });
}

/** A position in the list of workflows, after which the next page begins. */
export interface PagePosition {
  readonly createdAt: number;
  readonly workflowId: string;
}

/** What a query asks for, checked. */
export function readQuery(query: WorkflowQuery = {}): {
  readonly status: WorkflowQuery['status'];
  readonly limit: number;
  readonly after: PagePosition | undefined;
} {
  const { status, limit = 100, cursor } = query;
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new CheckpointError(`Expected \`limit\` to be an integer >= 1, got \`${String(limit)}\``, {
      hint: 'Leave it out for 100.',
    });
  return { status, limit, after: cursor === undefined ? undefined : readCursor(cursor) };
}

function readCursor(cursor: string): PagePosition {
  const [, time = '', workflowId = ''] = /^(\d+):(.*)$/su.exec(cursor) ?? [];
  if (time === '')
    throw new CheckpointError(`"${cursor}" is no cursor`, { hint: 'Give the `cursor` of the page before.' });
  return { createdAt: Number(time), workflowId };
}

/** A page of at most `limit` of these records; `found` has one more where there is another page. */
export function pageOf(found: readonly WorkflowRecord[], limit: number): WorkflowPage {
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  if (found.length <= limit || last === undefined) return shown;
  return Object.assign(shown, { cursor: `${last.createdAt}:${last.workflowId}` });
}

/** Whether one workflow comes before another in a list. */
export function comparePositions(a: PagePosition, b: PagePosition): number {
  if (a.createdAt !== b.createdAt) return a.createdAt - b.createdAt;
  if (a.workflowId === b.workflowId) return 0;
  return a.workflowId < b.workflowId ? -1 : 1;
}

/** Whether a status is one in which a workflow has ended. */
export function isEnd(status: string): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled' || status === 'timedOut';
}

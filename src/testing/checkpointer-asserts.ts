import assert from 'node:assert/strict';
import type { Checkpointer, WorkflowRecord } from '../checkpoint/checkpointer.ts';
import { isTroupeError, type ErrorCode } from '../errors.ts';

/** Demands that something is rejected with an error of this code. */
export async function assertRefused(work: Promise<unknown>, code: ErrorCode): Promise<void> {
  const reason: unknown = await work.then(
    () => assert.fail(`Expected a rejection with ${code}, but it was fulfilled`),
    (error: unknown) => error,
  );
  if (isTroupeError(reason, code)) return;
  const message = `Expected a rejection with ${code}, got ${String(reason)}`;
  throw Object.assign(new assert.AssertionError({ message, actual: reason }), { cause: reason });
}

/** Does something, and demands that nothing of the workflow is another than before. */
export async function assertUnchanged(
  checkpointer: Checkpointer,
  workflowId: string,
  act: () => Promise<void>,
): Promise<void> {
  const before = await checkpointer.read(workflowId);

  await act();

  assert.deepEqual(await checkpointer.read(workflowId), before);
}

/** All workflows, read page by page. */
export async function listAll(
  checkpointer: Checkpointer,
  query: Parameters<Checkpointer['list']>[0] = {},
): Promise<WorkflowRecord[]> {
  const all: WorkflowRecord[] = [];
  for (let cursor: string | undefined, pages = 0; pages === 0 || cursor !== undefined; pages += 1) {
    assert.ok(pages < 1_000, 'Expected the last page to have no cursor');
    const page = await checkpointer.list({ ...query, cursor });
    all.push(...page);
    cursor = page.cursor;
  }
  return all;
}

/** The ids of workflows, in their order. */
export function idsOf(records: readonly WorkflowRecord[]): string[] {
  return records.map(({ workflowId }) => workflowId);
}

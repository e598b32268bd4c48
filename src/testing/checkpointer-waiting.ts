import assert from 'node:assert/strict';
import type { Checkpointer, Lease } from '../checkpoint/checkpointer.ts';
import { afterThisTurn, systemClock } from '../clock.ts';
import { isTroupeError } from '../errors.ts';
import { ID } from './checkpointer-writer.ts';

/** How long a case waits for what must come, in ms: less than test runners wait for a case. */
const PATIENCE_MS = 4_000;

/** Clocks of stores may cut off parts of a ms, when a lease begins and when it ends. */
export const CLOCK_SLACK_MS = 2;

/** Asks until there is an answer. */
export async function eventually<Answer>(
  what: string,
  ask: () => Promise<Answer | undefined>,
): Promise<Answer> {
  const deadline = systemClock.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    assert.ok(systemClock.now() < deadline, `Expected within ${PATIENCE_MS} ms: ${what}`);
    await nextTurn();
  }
}

/** Lets so many ms pass. */
export async function pass(ms: number): Promise<void> {
  const until = systemClock.now() + ms;
  while (systemClock.now() < until) await nextTurn();
}

/** Lets everything that is ready happen. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    afterThisTurn(resolve);
  });
}

/** The lease, or undefined while another has it. */
export async function tryAcquire(
  checkpointer: Checkpointer,
  workflowId: string = ID,
): Promise<Lease | undefined> {
  try {
    return await checkpointer.acquire(workflowId);
  } catch (error) {
    if (isTroupeError(error, 'WORKFLOW_ALREADY_RUNNING')) return undefined;
    throw error;
  }
}

/** Acquires a workflow as soon as the time of its lease is up. */
export function takeOver(checkpointer: Checkpointer, workflowId: string = ID): Promise<Lease> {
  return eventually(`the lease of "${workflowId}" can be taken over`, () =>
    tryAcquire(checkpointer, workflowId),
  );
}

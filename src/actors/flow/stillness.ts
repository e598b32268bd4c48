import type { Invocation } from '../invocation.ts';
import type { Activation } from './activation.ts';

/** Whether a routine's work stands still: it waits for a person, for room, for its next attempt, or for what stands still. */
export function isStill({ invocation, emissions }: Activation): boolean {
  if (invocation === undefined) return false;
  const isBlocked = emissions !== undefined && emissions.blocked > 0;
  return isBlocked ? emissions.blocked === emissions.waiting : standsStill(invocation);
}

function standsStill(invocation: Invocation): boolean {
  if (invocation.hasEnded || invocation.openQuestions > 0 || invocation.backoff !== undefined) return true;
  if (!invocation.hasLiveCalls || invocation.callsInCheck > 0) return false;
  for (const child of invocation.children) if (!standsStill(child)) return false;
  return true;
}

import type { Invocation } from '../invocation.ts';
import type { Activation } from './activation.ts';

/** Whether a routine's work stands still: it waits for a person, for room, for its next attempt, or for what stands still. */
export function isStill({ invocation, emissions }: Activation): boolean {
  if (invocation === undefined) return false;
  if (emissions !== undefined && emissions.waiting > 0) return emissions.isAwaited;
  return standsStill(invocation);
}

/** Whether an attempt of it, or of what it has called, is put off: it goes on by itself. */
export function isPutOff({ invocation }: Activation): boolean {
  return invocation?.subtree().some(({ backoff }) => backoff !== undefined) === true;
}

/** Whether nothing of it goes on before a person has answered. */
export function waitsForPerson({ invocation }: Pick<Activation, 'invocation'>): boolean {
  const live = invocation?.subtree() ?? [];
  return (
    live.some(({ openQuestions }) => openQuestions > 0) &&
    live.every((each) => each.openQuestions > 0 || (each.hasLiveCalls && each.callsInCheck === 0))
  );
}

function standsStill(invocation: Invocation): boolean {
  if (invocation.hasEnded || invocation.openQuestions > 0 || invocation.backoff !== undefined) return true;
  if (!invocation.hasLiveCalls || invocation.callsInCheck > 0) return false;
  for (const child of invocation.children) if (!standsStill(child)) return false;
  return true;
}

/** Whether an invocation is another one, or below it. */
export function isWithin(invocation: Invocation, top: Invocation | undefined): boolean {
  if (top === undefined) return false;
  for (let each: Invocation | undefined = invocation; each !== undefined; each = each.parent)
    if (each === top) return true;
  return false;
}

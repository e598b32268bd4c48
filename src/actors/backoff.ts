import type { RetryPolicy } from '../nodes/contract.ts';

/** A retry policy with its defaults. */
export interface FullRetryPolicy {
  readonly maxAttempts: number;
  readonly delay: number;
  readonly backoff: number;
  readonly maxDelay: number;
  readonly jitter: 'full' | 'none';
}

export function withDefaults(policy: RetryPolicy): FullRetryPolicy {
  return {
    maxAttempts: policy.maxAttempts ?? 3,
    delay: policy.delay ?? 1_000,
    backoff: policy.backoff ?? 2,
    maxDelay: policy.maxDelay ?? 60_000,
    jitter: policy.jitter ?? 'full',
  };
}

/** How long to wait, in ms, after the given failed attempt. Full jitter as in Brooker, "Exponential Backoff and Jitter", 2015. */
export function delayAfter(attempt: number, policy: FullRetryPolicy, random: () => number): number {
  const delay = Math.min(policy.maxDelay, policy.delay * policy.backoff ** (attempt - 1));
  return policy.jitter === 'full' ? delay * random() : delay;
}

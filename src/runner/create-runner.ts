import { LocalRunner } from './local-runner.ts';
import { checkRunnerOptions, type RunnerOptions } from './options.ts';
import type { Runner } from './runner.ts';

/**
 * Creates a runner. Runners know nothing of each other.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when an option is unknown or of the wrong form.
 *
 * @example
 * ```ts
 * import { createRunner, node } from 'troupe';
 *
 * const add = node('add', ([a, b]: [number, number]) => a + b);
 * const sum = node('sum', async (numbers: number[], ctx) => {
 *   let total = 0;
 *   for (const n of numbers) total = await ctx.call(add, [total, n]);
 *   return total;
 * });
 *
 * await using runner = createRunner({ timeout: 10_000 });
 * const { answer, info } = await runner.run(sum, [1, 2, 3]);
 * console.log(answer, info.requests.size); // 6 4
 * ```
 */
export function createRunner(options: RunnerOptions = {}): Runner {
  checkRunnerOptions(options);
  return new LocalRunner(options);
}

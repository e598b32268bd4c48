import { CacheError } from '../errors.ts';

/** Refuses a limit that is no positive number; `Infinity` is no limit. */
export function assertLimit(name: string, value: number | undefined): void {
  if (value === undefined || (typeof value === 'number' && value > 0)) return;
  throw new CacheError(
    `Expected \`${name}\` to be a number > 0, got \`${String(value)}\` (${typeof value})`,
    {
      hint: `Leave \`${name}\` out for its default, or give \`Infinity\` for no limit.`,
    },
  );
}

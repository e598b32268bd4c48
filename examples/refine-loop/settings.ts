import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import type { Limits } from './critique.ts';

export interface Settings {
  readonly isApproved: boolean;
  readonly limits: Limits;
  readonly outDir: string;
}

export const usage = `Usage: npm run refine -- [options]

  --yes         approve the summary without being asked
  --words N     the most words it may have (default 80)
  --ease N      how easy to read it must be, 0 to 100 by Flesch (default 85)
  --out DIR     where to write it (default ./refine-loop-out)
  --help        show this text`;

/**
 * The settings that the arguments ask for, or `'help'`.
 *
 * @throws TypeError or RangeError when an argument is unknown or out of range
 */
export function readSettings(args: readonly string[]): Settings | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      yes: { type: 'boolean', default: false },
      words: { type: 'string', default: '80' },
      ease: { type: 'string', default: '85' },
      out: { type: 'string', default: 'refine-loop-out' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    isApproved: values.yes,
    limits: {
      words: integerWithin('--words', values.words, [1, 1_000]),
      ease: integerWithin('--ease', values.ease, [0, 100]),
      repeats: 2,
    },
    outDir: resolve(values.out),
  };
}

function integerWithin(option: string, text: string, [low, high]: readonly [number, number]): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new RangeError(`Expected ${option} to be an integer from ${low} to ${high}, got '${text}'`);
}

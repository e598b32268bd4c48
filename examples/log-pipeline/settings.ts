import { parseArgs } from 'node:util';

export interface Settings {
  /** How long each batch takes, in ms. */
  readonly paceMs: number;
}

export const usage = `Usage: npm run log-pipeline -- [options]

  --pace MS     how long each batch of 500 takes, 0 to 10000 ms (default 100 at a terminal, else 0)
  --help        show this text`;

/**
 * The settings that the arguments ask for, or `'help'`.
 *
 * @throws TypeError or RangeError when an argument is unknown or out of range
 */
export function readSettings(args: readonly string[], isTerminal: boolean): Settings | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      pace: { type: 'string', default: isTerminal ? '100' : '0' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const paceMs = Number(values.pace);
  if (Number.isInteger(paceMs) && paceMs >= 0 && paceMs <= 10_000) return { paceMs };
  throw new RangeError(`Expected --pace to be an integer from 0 to 10000, got '${values.pace}'`);
}

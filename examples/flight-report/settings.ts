import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export interface Settings {
  readonly isApproved: boolean;
  readonly outDir: string;
  readonly airportCount: number;
  readonly onTimeWithinMinutes: number;
}

export const usage = `Usage: npm run demo -- [options]

  --yes            approve the conclusions without being asked
  --out DIR        where to write the report (default ./flight-report-out)
  --airports N     how many of the busiest airports to analyse, 2 to 100 (default 40)
  --on-time MIN    on time is less than MIN minutes late, 1 to 240 (default 15)
  --help           show this text`;

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
      out: { type: 'string', default: 'flight-report-out' },
      airports: { type: 'string', default: '40' },
      'on-time': { type: 'string', default: '15' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    isApproved: values.yes,
    outDir: resolve(values.out),
    airportCount: integerWithin('--airports', values.airports, [2, 100]),
    onTimeWithinMinutes: integerWithin('--on-time', values['on-time'], [1, 240]),
  };
}

function integerWithin(option: string, text: string, [low, high]: readonly [number, number]): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new RangeError(`Expected ${option} to be an integer from ${low} to ${high}, got '${text}'`);
}

import { open } from 'node:fs/promises';

/** How much a strike has damaged the aircraft. */
export const damages = ['None', 'Minor', 'Medium', 'Substantial'] as const;

export type Damage = (typeof damages)[number];

/** A bird that has hit an aircraft: a line of the log. */
export interface Strike {
  /** `YYYY-MM-DD` */
  readonly date: string;
  readonly airport: string;
  readonly aircraft: string;
  readonly damage: Damage;
  readonly species: string;
  readonly costDollars: number;
}

/** A strike, and what the pipeline has found out about it. */
export interface EnrichedStrike extends Strike {
  readonly isMilitary: boolean;
}

const COLUMNS = 14;

/** The lines of the log, without its header, as they are read: `birdstrikes.csv` of the `vega-datasets` package. */
export async function* readLog(): AsyncGenerator<string> {
  const path = new URL('../data/birdstrikes.csv', import.meta.resolve('vega-datasets'));
  await using file = await open(path);
  let isHeader = true;
  for await (const line of file.readLines()) {
    if (!isHeader) yield line;
    isHeader = false;
  }
}

/**
 * Reads a line of the log.
 *
 * @throws RangeError when it is not of the form that the log is to have
 */
export function parseLine(line: string): Strike & { readonly operator: string } {
  const fields = line.split(',');
  if (fields.length !== COLUMNS) throw new RangeError(`${fields.length} columns, not ${COLUMNS}`);
  const [airport = '', aircraft = '', damage, date = '', operator = '', , , , species = ''] = fields;
  const costDollars = Number(fields[12]);
  if (!isDamage(damage)) throw new RangeError(`no damage is called "${damage}"`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) throw new RangeError(`"${date}" is no date`);
  if (!Number.isInteger(costDollars) || costDollars < 0) throw new RangeError(`"${fields[12]}" is no cost`);
  return { date, airport, aircraft, damage, species, costDollars, operator };
}

function isDamage(text: string | undefined): text is Damage {
  return damages.some((damage) => damage === text);
}

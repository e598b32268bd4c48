import { readFile } from 'node:fs/promises';

import { FatalError } from 'troupe';

/** One flight that landed; `hour` and `date` are those of the actual departure, local time. */
export interface Flight {
  readonly date: string;
  readonly hour: number;
  readonly origin: string;
  readonly destination: string;
  readonly delayMinutes: number;
  readonly distanceMiles: number;
}

export interface DroppedRecords {
  readonly reason: string;
  readonly count: number;
}

export interface CleanedFlights {
  readonly flights: readonly Flight[];
  readonly recordsRead: number;
  readonly dropped: readonly DroppedRecords[];
}

export interface Period {
  readonly from: string;
  readonly to: string;
}

/** The sample files of `vega-datasets` whose records say where and when: 2,000 to 20,000 flights each. */
export const flightFiles = [
  'flights-2k.json',
  'flights-5k.json',
  'flights-10k.json',
  'flights-20k.json',
] as const;

const datePattern = /^(\d{4})\/(\d{2})\/(\d{2}) (\d{2}):(\d{2})$/;
const airportPattern = /^[A-Z0-9]{3}$/;
const longestPlausibleDelayMinutes = 24 * 60;
const longestDomesticMiles = 6_000;

/** Reads a file of the `vega-datasets` package as text. */
export async function readDataset(fileName: string): Promise<string> {
  return readFile(new URL(`../data/${fileName}`, import.meta.resolve('vega-datasets')), 'utf8');
}

/** Turns raw records into flights and counts, by reason, those that are not usable. */
export function cleanFlights(records: readonly unknown[]): CleanedFlights {
  const flights = new Map<string, Flight>();
  const dropped = new Map<string, number>();
  const drop = (reason: string): void => void dropped.set(reason, (dropped.get(reason) ?? 0) + 1);

  for (const record of records) {
    const flight = toFlight(record);
    if (typeof flight === 'string') {
      drop(flight);
      continue;
    }
    const key = JSON.stringify(record);
    if (flights.has(key)) drop('the same flight again (the samples overlap)');
    else flights.set(key, flight);
  }

  return {
    flights: [...flights.values()],
    recordsRead: records.length,
    dropped: [...dropped].map(([reason, count]) => ({ reason, count })),
  };
}

/** The first and the last day with a flight. */
export function periodOf(flights: readonly Flight[]): Period {
  const dates = flights.map((flight) => flight.date).toSorted();
  const [from, to] = [dates.at(0), dates.at(-1)];
  if (from === undefined || to === undefined) throw new FatalError('No record is a usable flight');
  return { from, to };
}

/** A flight, or the reason why the record is none. */
function toFlight(record: unknown): Flight | string {
  if (!isFields(record)) return 'not a record';
  const { date, delay, distance, origin, destination } = record;

  const departure = typeof date === 'string' ? departureOf(date) : undefined;
  if (departure === undefined) return 'no readable departure date';
  if (!isAirportCode(origin) || !isAirportCode(destination)) return 'no origin or destination';
  if (origin === destination) return 'origin and destination are the same';
  if (!isWithin(delay, -longestPlausibleDelayMinutes, longestPlausibleDelayMinutes))
    return 'no plausible delay';
  if (!isWithin(distance, 1, longestDomesticMiles)) return 'no plausible distance';

  return { ...departure, origin, destination, delayMinutes: delay, distanceMiles: distance };
}

function departureOf(text: string): Pick<Flight, 'date' | 'hour'> | undefined {
  const match = datePattern.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour] = match;
  const date = `${year}-${month}-${day}`;
  const isRealDay = new Date(`${date}T00:00:00Z`).toJSON()?.startsWith(date) ?? false;
  return isRealDay && Number(hour) < 24 ? { date, hour: Number(hour) } : undefined;
}

interface FlightFields {
  readonly date?: unknown;
  readonly delay?: unknown;
  readonly distance?: unknown;
  readonly origin?: unknown;
  readonly destination?: unknown;
}

function isFields(value: unknown): value is FlightFields {
  return typeof value === 'object' && value !== null;
}

function isAirportCode(value: unknown): value is string {
  return typeof value === 'string' && airportPattern.test(value);
}

function isWithin(value: unknown, low: number, high: number): value is number {
  return typeof value === 'number' && value >= low && value <= high;
}

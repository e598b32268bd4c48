import { setTimeout as wait } from 'node:timers/promises';
import { read } from 'vega';
import { z } from 'zod';

export interface Airport {
  readonly code: string;
  readonly name: string;
  readonly city: string;
  readonly state: string;
  readonly latitude: number;
  readonly longitude: number;
}

export class DirectoryBusyError extends Error {
  override readonly name = 'DirectoryBusyError';
}

class UnknownAirportError extends Error {
  override readonly name = 'UnknownAirportError';
}

const rowSchema = z.object({
  iata: z.string().min(1),
  name: z.string(),
  city: z.string(),
  state: z.string(),
  latitude: z.coerce.number(),
  longitude: z.coerce.number(),
});

const answerTimeMs = 25;

/**
 * Stands in for a remote service with bad days: it takes its time, and the first requests for an airport
 * (none, one or two, by its code and never by chance) are refused.
 */
export class AirportDirectory {
  readonly #airports: ReadonlyMap<string, Airport>;

  constructor(csv: string) {
    const rows = z.array(rowSchema).parse(read(csv, { type: 'csv' }));
    this.#airports = new Map(rows.map(({ iata, ...details }) => [iata, { code: iata, ...details }]));
  }

  /**
   * @throws {@link DirectoryBusyError} while `attempt` (from 1) is one of those that are refused
   * @throws {@link UnknownAirportError} when no airport has the code
   */
  async find(code: string, attempt: number, signal: AbortSignal): Promise<Airport> {
    await wait(answerTimeMs, undefined, { signal });
    if (attempt <= refusals(code))
      throw new DirectoryBusyError(`The directory is busy (request ${attempt} for ${code})`);
    const airport = this.#airports.get(code);
    if (airport === undefined) throw new UnknownAirportError(`No airport has the code ${code}`);
    return airport;
  }
}

export function unlistedAirport(code: string): Airport {
  return { code, name: code, city: '', state: '', latitude: Number.NaN, longitude: Number.NaN };
}

function refusals(code: string): number {
  return Number.parseInt(code, 36) % 3;
}

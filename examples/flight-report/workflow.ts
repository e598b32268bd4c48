import { FatalError, input, node } from 'troupe';
import { z } from 'zod';

import { AirportDirectory, DirectoryBusyError, unlistedAirport } from './airport-directory.ts';
import { approvalSchema, type Question } from './approval.ts';
import { drawConclusions, type AirportAnalysis } from './conclusions.ts';
import { cleanFlights, readDataset, type CleanedFlights, type Flight } from './flights.ts';
import { analyseDepartures, analyseNetwork, busiestAirports, type NetworkAnalysis } from './statistics.ts';

const loadFlights = node({
  name: 'loadFlights',
  inputs: { files: input<readonly string[]>() },
  output: 'cleaned',
  run: async ({ files }, ctx): Promise<CleanedFlights> => {
    const records = await Promise.all(files.map(readRecords));
    const cleaned = cleanFlights(records.flat());
    const dates = cleaned.flights.map((flight) => flight.date).toSorted();
    ctx.context.put('period', { from: dates.at(0), to: dates.at(-1) });
    return cleaned;
  },
});

const lookUpAirport = node({
  name: 'lookUpAirport',
  inputs: { code: input<string>() },
  output: 'airport',
  retry: { maxAttempts: 4, delay: 40, backoff: 2, on: (error) => error instanceof DirectoryBusyError },
  timeout: 2_000,
  fallback: ({ input: { code } }) => unlistedAirport(code),
  run: ({ code }, ctx) => directoryOf(ctx.context.get('directory')).find(code, ctx.attempt, ctx.signal),
});

const analyseAirport = node({
  name: 'analyseAirport',
  inputs: { code: input<string>(), departures: input<readonly Flight[]>() },
  output: 'analysis',
  run: async ({ code, departures }, ctx): Promise<AirportAnalysis> => {
    const airport = await ctx.call(lookUpAirport, { code });
    return { airport, ...analyseDepartures(code, departures, ctx.context.get('onTimeWithinMinutes', 15)) };
  },
});

const analyseWholeNetwork = node({
  name: 'analyseWholeNetwork',
  inputs: { flights: input<readonly Flight[]>() },
  output: 'network',
  run: ({ flights }, ctx) => analyseNetwork(flights, ctx.context.get('onTimeWithinMinutes', 15)),
});

const conclude = node({
  name: 'conclude',
  inputs: { network: input<NetworkAnalysis>(), airports: input<readonly AirportAnalysis[]>() },
  output: 'conclusions',
  run: ({ network, airports }, ctx) =>
    drawConclusions(network, airports, ctx.context.get('onTimeWithinMinutes', 15)),
});

export const reportFlights = node({
  name: 'reportFlights',
  inputs: { files: input<readonly string[]>(), airportCount: input(40) },
  output: 'findings',
  run: async ({ files, airportCount }, ctx) => {
    const cleaned = await ctx.call(loadFlights, { files });
    const busiest = busiestAirports(cleaned.flights, airportCount);

    const [network, airports] = await Promise.all([
      ctx.call(analyseWholeNetwork, { flights: cleaned.flights }),
      ctx.callBatch(
        analyseAirport,
        busiest.map(([code]) => code),
        busiest.map(([, departures]) => departures),
      ),
    ]);
    const conclusions = await ctx.call(conclude, { network, airports });

    const question: Question = { prompt: 'Publish these conclusions?', conclusions };
    const approval = await ctx.interrupt(question, { key: 'approval', schema: approvalSchema });
    return {
      approval,
      conclusions,
      network,
      airports,
      source: { files, recordsRead: cleaned.recordsRead, dropped: cleaned.dropped },
      period: periodSchema.parse(ctx.context.get('period')),
    };
  },
});

const periodSchema = z.object({ from: z.string(), to: z.string() });

async function readRecords(file: string): Promise<readonly unknown[]> {
  const records: unknown = JSON.parse(await readDataset(file));
  if (!Array.isArray(records)) throw new FatalError(`${file} is not a list of records`);
  return records;
}

function directoryOf(value: unknown): AirportDirectory {
  if (!(value instanceof AirportDirectory)) throw new FatalError('The context has no airport directory');
  return value;
}

import { FatalError, graph, input, interrupt, node } from 'troupe';

import { AirportDirectory, DirectoryBusyError, unlistedAirport, type Airport } from './airport-directory.ts';
import { approvalSchema, type Question } from './approval.ts';
import { drawConclusions, type AirportAnalysis, type Conclusion } from './conclusions.ts';
import { cleanFlights, periodOf, readDataset, type Flight } from './flights.ts';
import { analyseDepartures, analyseNetwork, busiestAirports, type NetworkAnalysis } from './statistics.ts';

const lookUpAirport = node({
  name: 'lookUpAirport',
  inputs: { code: input<string>() },
  output: 'airport',
  retry: { maxAttempts: 4, delay: 40, backoff: 2, on: (error) => error instanceof DirectoryBusyError },
  timeout: 2_000,
  fallback: ({ input: { code } }) => unlistedAirport(code),
  run: ({ code }, ctx): Promise<Airport> =>
    directoryOf(ctx.context.get('directory')).find(code, ctx.attempt, ctx.signal),
});

const judgeDepartures = node({
  name: 'judgeDepartures',
  inputs: {
    airport: input<Airport>(),
    departures: input<readonly Flight[]>(),
    onTimeWithinMinutes: input<number>(),
  },
  output: 'analysis',
  run: ({ airport, departures, onTimeWithinMinutes }): AirportAnalysis => ({
    airport,
    ...analyseDepartures(airport.code, departures, onTimeWithinMinutes),
  }),
});

const analyseAirport = graph({ name: 'analyseAirport', nodes: [lookUpAirport, judgeDepartures] });

const loadFlights = node({
  name: 'loadFlights',
  inputs: { files: input<readonly string[]>() },
  outputs: ['flights', 'period', 'source'],
  run: async ({ files }) => {
    const records = await Promise.all(files.map(readRecords));
    const { flights, ...source } = cleanFlights(records.flat());
    return { flights, period: periodOf(flights), source: { files, ...source } };
  },
});

const pickAirports = node({
  name: 'pickAirports',
  inputs: { flights: input<readonly Flight[]>(), airportCount: input(40) },
  outputs: ['code', 'departures'], // a list of each: the analysis is mapped over them
  run: ({ flights, airportCount }) => {
    const busiest = busiestAirports(flights, airportCount);
    return {
      code: busiest.map(([code]) => code),
      departures: busiest.map(([, departures]) => departures),
    };
  },
});

const analyseWholeNetwork = node({
  name: 'analyseWholeNetwork',
  inputs: { flights: input<readonly Flight[]>(), onTimeWithinMinutes: input<number>() },
  output: 'network',
  run: ({ flights, onTimeWithinMinutes }) => analyseNetwork(flights, onTimeWithinMinutes),
});

const conclude = node({
  name: 'conclude',
  inputs: {
    network: input<NetworkAnalysis>(),
    airports: input<readonly AirportAnalysis[]>(),
    onTimeWithinMinutes: input<number>(),
  },
  output: 'conclusions',
  run: ({ network, airports, onTimeWithinMinutes }) =>
    drawConclusions(network, airports, onTimeWithinMinutes),
});

const approve = interrupt({
  name: 'approve',
  inputs: { conclusions: input<Conclusion[]>() },
  response: 'approval',
  schema: approvalSchema,
  run: ({ conclusions }): Question => ({ prompt: 'Publish these conclusions?', conclusions }),
});

/** Takes `files`, `airportCount` and `onTimeWithinMinutes`; gives everything that the report shows. */
export const reportFlights = graph({
  name: 'reportFlights',
  nodes: [
    loadFlights,
    pickAirports,
    analyseAirport.asNode({ mapOver: ['code', 'departures'], expose: { analysis: 'airports' } }),
    analyseWholeNetwork,
    conclude,
    approve,
  ],
}).select('source', 'period', 'network', 'airports', 'conclusions', 'approval');

async function readRecords(file: string): Promise<readonly unknown[]> {
  const records: unknown = JSON.parse(await readDataset(file));
  if (!Array.isArray(records)) throw new FatalError(`${file} is not a list of records`);
  return records;
}

function directoryOf(value: unknown): AirportDirectory {
  if (!(value instanceof AirportDirectory)) throw new FatalError('The context has no airport directory');
  return value;
}

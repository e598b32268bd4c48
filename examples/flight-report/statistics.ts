import type { Flight } from './flights.ts';
import { groupBy } from './group-by.ts';

/** Arrival delays in minutes (negative: early); shares are 0 to 1. */
export interface DelaySummary {
  readonly flights: number;
  readonly mean: number;
  /** Half the width of the 95 % confidence interval of the mean. */
  readonly margin: number;
  readonly lowerQuartile: number;
  readonly median: number;
  readonly upperQuartile: number;
  readonly p90: number;
  readonly onTimeShare: number;
}

export interface HourSummary extends DelaySummary {
  readonly hour: number;
}

export interface DaySummary extends DelaySummary {
  readonly date: string;
}

interface RouteSummary extends DelaySummary {
  readonly destination: string;
}

interface DistanceBand extends DelaySummary {
  readonly fromMiles: number;
  readonly toMiles: number;
}

interface DelayBin {
  readonly fromMinutes: number;
  readonly toMinutes: number;
  readonly flights: number;
}

export interface DepartureAnalysis {
  readonly code: string;
  readonly departures: DelaySummary;
  readonly hours: readonly HourSummary[];
  readonly worstHour: HourSummary | undefined;
  readonly worstDay: DaySummary | undefined;
  readonly worstRoute: RouteSummary | undefined;
}

export interface NetworkAnalysis {
  readonly overall: DelaySummary;
  readonly hours: readonly HourSummary[];
  readonly days: readonly DaySummary[];
  readonly distances: readonly DistanceBand[];
  readonly delays: readonly DelayBin[];
  readonly airports: number;
  readonly routes: number;
  readonly distanceCorrelation: number;
}

/** Fewer flights than this say nothing about one hour, day or route of an airport. */
export const fewestFlightsOfGroup = 8;

const fewestDays = 10;
const bandMiles = 500;
const longestBandMiles = 2_500;
const binMinutes = 5;
const shownDelays = { low: -40, high: 120 };

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Linear interpolation between the closest ranks; `sorted` ascends and is not empty. */
function quantile(sorted: readonly number[], share: number): number {
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position % 1);
}

/** Pearson's r of pairs. */
function correlation(pairs: readonly (readonly [number, number])[]): number {
  const meanX = mean(pairs.map(([x]) => x));
  const meanY = mean(pairs.map(([, y]) => y));
  let [xy, xx, yy] = [0, 0, 0];
  for (const [x, y] of pairs) {
    xy += (x - meanX) * (y - meanY);
    xx += (x - meanX) ** 2;
    yy += (y - meanY) ** 2;
  }
  return xy / Math.sqrt(xx * yy);
}

/** A flight is on time when it arrives less than `onTimeWithinMinutes` late, as the US authorities count. */
function summariseDelays(flights: readonly Flight[], onTimeWithinMinutes: number): DelaySummary {
  const delays = flights.map((flight) => flight.delayMinutes).toSorted((a, b) => a - b);
  const average = mean(delays);
  const squares = delays.reduce((sum, delay) => sum + (delay - average) ** 2, 0);
  const deviation = Math.sqrt(squares / Math.max(1, delays.length - 1));
  return {
    flights: delays.length,
    mean: average,
    margin: (1.96 * deviation) / Math.sqrt(delays.length),
    lowerQuartile: quantile(delays, 0.25),
    median: quantile(delays, 0.5),
    upperQuartile: quantile(delays, 0.75),
    p90: quantile(delays, 0.9),
    onTimeShare: delays.filter((delay) => delay < onTimeWithinMinutes).length / delays.length,
  };
}

/** The airports with most departures, busiest first, each with its departures. */
export function busiestAirports(flights: readonly Flight[], count: number): [code: string, Flight[]][] {
  return [...groupBy(flights, (flight) => flight.origin)]
    .toSorted(([codeA, a], [codeB, b]) => b.length - a.length || codeA.localeCompare(codeB))
    .slice(0, count);
}

export function analyseDepartures(
  code: string,
  flights: readonly Flight[],
  onTimeWithinMinutes: number,
): DepartureAnalysis {
  const hours = summariseHours(flights, onTimeWithinMinutes);
  const routes = [...groupBy(flights, (flight) => flight.destination)].map(([destination, group]) =>
    summariseGroup({ destination }, group, onTimeWithinMinutes),
  );
  return {
    code,
    departures: summariseDelays(flights, onTimeWithinMinutes),
    hours,
    worstHour: worst(hours),
    worstDay: worst(summariseDays(flights, onTimeWithinMinutes), fewestDays),
    worstRoute: worst(routes),
  };
}

export function analyseNetwork(flights: readonly Flight[], onTimeWithinMinutes: number): NetworkAnalysis {
  return {
    overall: summariseDelays(flights, onTimeWithinMinutes),
    hours: summariseHours(flights, onTimeWithinMinutes),
    days: summariseDays(flights, onTimeWithinMinutes),
    distances: summariseDistances(flights, onTimeWithinMinutes),
    delays: binDelays(flights),
    airports: new Set(flights.flatMap(({ origin, destination }) => [origin, destination])).size,
    routes: new Set(flights.map(({ origin, destination }) => `${origin}-${destination}`)).size,
    distanceCorrelation: correlation(flights.map((flight) => [flight.distanceMiles, flight.delayMinutes])),
  };
}

/**
 * The group with the highest mean among those that are large enough to judge, or `undefined` where these are
 * fewer than `fewestGroups`.
 */
function worst<Group extends DelaySummary>(groups: readonly Group[], fewestGroups = 2): Group | undefined {
  const judged = groups.filter((group) => group.flights >= fewestFlightsOfGroup);
  if (judged.length < fewestGroups) return undefined;
  return judged.toSorted((a, b) => b.mean - a.mean).at(0);
}

function summariseGroup<Label extends object>(
  label: Label,
  flights: readonly Flight[],
  onTimeWithinMinutes: number,
): Label & DelaySummary {
  return { ...label, ...summariseDelays(flights, onTimeWithinMinutes) };
}

function summariseHours(flights: readonly Flight[], onTimeWithinMinutes: number): HourSummary[] {
  return [...groupBy(flights, (flight) => flight.hour)]
    .toSorted(([a], [b]) => a - b)
    .map(([hour, group]) => summariseGroup({ hour }, group, onTimeWithinMinutes));
}

function summariseDays(flights: readonly Flight[], onTimeWithinMinutes: number): DaySummary[] {
  return [...groupBy(flights, (flight) => flight.date)]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([date, group]) => summariseGroup({ date }, group, onTimeWithinMinutes));
}

function summariseDistances(flights: readonly Flight[], onTimeWithinMinutes: number): DistanceBand[] {
  return [...groupBy(flights, bandOf)]
    .toSorted(([a], [b]) => a - b)
    .map(([fromMiles, group]) => {
      const toMiles = fromMiles === longestBandMiles ? Number.POSITIVE_INFINITY : fromMiles + bandMiles;
      return summariseGroup({ fromMiles, toMiles }, group, onTimeWithinMinutes);
    });
}

function bandOf({ distanceMiles }: Flight): number {
  return Math.min(longestBandMiles, Math.floor(distanceMiles / bandMiles) * bandMiles);
}

/** Delays past either end are counted in the outermost bin. */
function binDelays(flights: readonly Flight[]): DelayBin[] {
  const { low, high } = shownDelays;
  const binOf = ({ delayMinutes }: Flight): number =>
    Math.floor(Math.min(high - 1, Math.max(low, delayMinutes)) / binMinutes) * binMinutes;
  return [...groupBy(flights, binOf)]
    .toSorted(([a], [b]) => a - b)
    .map(([fromMinutes, group]) => ({
      fromMinutes,
      toMinutes: fromMinutes + binMinutes,
      flights: group.length,
    }));
}

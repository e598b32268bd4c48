import type { Airport } from './airport-directory.ts';
import { formatCount, formatDay, formatHour, formatMinutes, formatShare } from './format.ts';
import type { DepartureAnalysis, HourSummary, NetworkAnalysis } from './statistics.ts';

export interface Conclusion {
  readonly headline: string;
  readonly detail: string;
}

export interface AirportAnalysis extends DepartureAnalysis {
  readonly airport: Airport;
}

const fewestFlightsOfHour = 100;

/** What the figures say, in sentences that a person can approve or not. */
export function drawConclusions(
  network: NetworkAnalysis,
  airports: readonly AirportAnalysis[],
  onTimeWithinMinutes: number,
): Conclusion[] {
  return [
    concludeOnTime(network, onTimeWithinMinutes),
    concludeHours(network),
    concludeAirports(network, airports),
    concludeDays(network),
    concludeDistance(network),
  ].filter((conclusion) => conclusion !== undefined);
}

function concludeOnTime({ overall }: NetworkAnalysis, onTimeWithinMinutes: number): Conclusion {
  const late = Math.round((1 - overall.onTimeShare) * 100);
  return {
    headline: `${late} of 100 flights arrived late`,
    detail:
      `${formatShare(overall.onTimeShare)} of ${formatCount(overall.flights)} flights arrived less than ` +
      `${onTimeWithinMinutes} minutes late. The median flight was ${describeLateness(overall.median)}; ` +
      `the mean of ${formatMinutes(overall.mean)} min comes from few long delays: ` +
      `one flight in ten was more than ${formatMinutes(overall.p90)} min late.`,
  };
}

function concludeHours({ hours }: NetworkAnalysis): Conclusion | undefined {
  const byMean = hours
    .filter((hour) => hour.flights >= fewestFlightsOfHour)
    .toSorted((a, b) => a.mean - b.mean);
  const [best, worst] = [byMean.at(0), byMean.at(-1)];
  if (best === undefined || worst === undefined || best === worst) return undefined;
  return {
    headline: 'Delays build up through the day',
    detail:
      `Departures after ${describeHour(best)} do best, those after ${describeHour(worst)} worst: ` +
      `a difference of ${formatMinutes(worst.mean - best.mean)} min on average.`,
  };
}

function concludeAirports(
  network: NetworkAnalysis,
  airports: readonly AirportAnalysis[],
): Conclusion | undefined {
  const byMean = airports.toSorted((a, b) => a.departures.mean - b.departures.mean);
  const [best, worst] = [byMean.at(0), byMean.at(-1)];
  if (best === undefined || worst === undefined || best === worst) return undefined;
  const clear = airports.filter(
    ({ departures }) => Math.abs(departures.mean - network.overall.mean) > departures.margin,
  );
  return {
    headline: `Flights from ${worst.airport.code} arrived latest, from ${best.airport.code} earliest`,
    detail:
      `Of the ${airports.length} busiest airports, flights from ${describeAirport(worst)} were latest on average ` +
      `and from ${describeAirport(best)} earliest. For ${clear.length} of the ${airports.length}, the distance from the ` +
      `overall mean of ${formatMinutes(network.overall.mean)} min is more than the 95% margin of the sample; ` +
      `the order of the others should not be read as a ranking.`,
  };
}

function concludeDays({ days, overall }: NetworkAnalysis): Conclusion | undefined {
  const byMean = days.toSorted((a, b) => b.mean - a.mean);
  const [worst, second] = byMean;
  if (worst === undefined || second === undefined) return undefined;
  return {
    headline: `${formatDay(worst.date)} was the worst day`,
    detail:
      `Its flights were ${formatMinutes(worst.mean)} min late on average and only ` +
      `${formatShare(worst.onTimeShare)} on time; next is ${formatDay(second.date)} with ` +
      `${formatMinutes(second.mean)} min. ${days.filter((day) => day.mean > 2 * overall.mean).length} of ` +
      `${days.length} days had more than twice the overall mean.`,
  };
}

function concludeDistance({ distanceCorrelation }: NetworkAnalysis): Conclusion {
  const explained = distanceCorrelation ** 2;
  return {
    headline: explained < 0.01 ? 'Distance does not explain delay' : 'Distance explains a part of the delay',
    detail:
      `The correlation of distance and delay is ${distanceCorrelation.toFixed(3).replace('-', '−')}, ` +
      `which explains ${explained < 0.001 ? 'less than 0.1%' : formatShare(explained)} ` +
      `of the differences between flights.`,
  };
}

function describeLateness(minutes: number): string {
  if (Math.abs(minutes) < 0.5) return 'on time to the minute';
  return `${formatMinutes(Math.abs(minutes))} min ${minutes < 0 ? 'early' : 'late'}`;
}

function describeHour({ hour, mean, onTimeShare }: HourSummary): string {
  return `${formatHour(hour)} (mean ${formatMinutes(mean)} min, ${formatShare(onTimeShare)} on time)`;
}

function describeAirport({ airport, departures }: AirportAnalysis): string {
  return `${airport.name} (${airport.code}, ${formatMinutes(departures.mean)} ± ${formatMinutes(departures.margin)} min)`;
}

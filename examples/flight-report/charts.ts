import type { TopLevelSpec } from 'vega-lite';

import { colours, drawLite, heatColours, heatSteps } from './chart-theme.ts';
import type { AirportAnalysis } from './conclusions.ts';
import { formatCount, formatDay } from './format.ts';
import {
  fewestFlightsOfGroup,
  type DaySummary,
  type HourSummary,
  type NetworkAnalysis,
} from './statistics.ts';

const fullWidth = 980;
const halfWidth = 440;

const dayBreakHour = 4;
const hourLabels = {
  p90: 'one flight in ten is later',
  upperQuartile: 'middle half of the flights',
  median: 'median',
};

const heat = { domain: heatSteps, range: heatColours, type: 'threshold' } as const;
const heatLegend = {
  title: 'Mean arrival delay (minutes)',
  orient: 'top',
  direction: 'horizontal',
  gradientLength: 260,
} as const;
const weekMs = 7 * 24 * 60 * 60 * 1_000;

/** The median, the middle half and the slowest tenth of the flights by hour of departure. */
export function drawHours({ hours }: NetworkAnalysis): Promise<string> {
  const values = hours
    .filter((summary) => summary.flights >= 50)
    .map(afterDayBreak)
    .toSorted((a, b) => a.hour - b.hour);
  const labelled = values.filter(({ hour }) => hour === 17);
  const y = { type: 'quantitative', title: 'Arrival delay (minutes)' } as const;
  const label = { type: 'text', align: 'right', baseline: 'bottom', dy: -6, dx: 4 } as const;
  const spec: TopLevelSpec = {
    width: fullWidth,
    height: 260,
    data: { values },
    encoding: {
      x: {
        field: 'hour',
        type: 'quantitative',
        title: 'Hour of departure (local time)',
        scale: { zero: false, nice: false },
        axis: {
          grid: false,
          tickCount: 12,
          labelExpr: "format(datum.value % 24, '02') + ':00'",
          labelFlush: false,
        },
      },
    },
    layer: [
      {
        mark: { type: 'area', color: colours.mainPale, interpolate: 'monotone' },
        encoding: { y: { ...y, field: 'lowerQuartile' }, y2: { field: 'upperQuartile' } },
      },
      {
        mark: { type: 'line', color: colours.strong, strokeDash: [4, 3], interpolate: 'monotone' },
        encoding: { y: { ...y, field: 'p90' } },
      },
      {
        mark: { type: 'line', color: colours.main, strokeWidth: 2.5, interpolate: 'monotone' },
        encoding: { y: { ...y, field: 'median' } },
      },
      ...(['p90', 'upperQuartile', 'median'] as const).map((field) => ({
        data: { values: labelled },
        mark: { ...label, text: hourLabels[field] },
        encoding: { y: { ...y, field } },
      })),
    ],
  };
  return drawLite(spec);
}

/** The hours after midnight counted on from 24, as the end of the day before. */
function afterDayBreak(summary: HourSummary): HourSummary {
  return { ...summary, hour: summary.hour < dayBreakHour ? summary.hour + 24 : summary.hour };
}

/** The mean delay of every day, the worst three named. */
export function drawDays({ days, overall }: NetworkAnalysis): Promise<string> {
  const named = peaksOf(days).map(({ date, mean }) => ({
    date,
    mean,
    label: formatDay(date).replace(/ \d{4}$/, ''),
  }));
  const x = {
    field: 'date',
    type: 'temporal',
    timeUnit: 'utcyearmonthdate',
    title: null,
    scale: { type: 'utc' },
    axis: { format: '%b %-d', grid: false, tickCount: 8 },
  } as const;
  const spec: TopLevelSpec = {
    width: fullWidth,
    height: 190,
    layer: [
      {
        data: { values: [...days] },
        mark: { type: 'bar', width: { band: 0.75 } },
        encoding: {
          x,
          y: { field: 'mean', type: 'quantitative', title: 'Mean arrival delay (minutes)' },
          color: { field: 'mean', type: 'quantitative', scale: heat, legend: null },
        },
      },
      {
        data: { values: [{ mean: overall.mean }] },
        mark: { type: 'rule', color: colours.ink, strokeDash: [2, 3] },
        encoding: { y: { field: 'mean', type: 'quantitative' } },
      },
      {
        data: { values: named },
        mark: { type: 'text', dy: -8, fontWeight: 'bold' },
        encoding: { x, y: { field: 'mean', type: 'quantitative' }, text: { field: 'label' } },
      },
    ],
  };
  return drawLite(spec);
}

/** The worst days, three at most and none within a week of a worse one. */
function peaksOf(days: readonly DaySummary[]): DaySummary[] {
  const peaks: DaySummary[] = [];
  for (const day of days.toSorted((a, b) => b.mean - a.mean)) {
    const isApart = peaks.every((peak) => Math.abs(Date.parse(peak.date) - Date.parse(day.date)) > weekMs);
    if (isApart && peaks.length < 3) peaks.push(day);
  }
  return peaks;
}

/** Every airport, latest first: its mean delay with the 95 % interval, and beside it the mean by hour. */
export function drawAirports(airports: readonly AirportAnalysis[], overallMean: number): Promise<string> {
  const ordered = airports.toSorted((a, b) => b.departures.mean - a.departures.mean);
  const labels = ordered.map(labelOf);
  const y = { field: 'label', type: 'nominal', sort: labels, title: null } as const;
  const spec: TopLevelSpec = {
    spacing: 12,
    hconcat: [
      { width: 330, height: { step: 16 }, layer: intervalLayers(ordered, overallMean, y) },
      {
        width: { step: 26 },
        height: { step: 16 },
        data: { values: ordered.flatMap(hourCells) },
        mark: { type: 'rect', stroke: colours.paper, strokeWidth: 1 },
        encoding: {
          x: {
            field: 'hour',
            type: 'ordinal',
            title: 'Hour of departure (local time)',
            axis: { labelAngle: 0, ticks: false, domain: false },
          },
          y: { ...y, axis: null },
          color: { field: 'mean', type: 'quantitative', scale: heat, legend: heatLegend },
        },
      },
    ],
  };
  return drawLite(spec);
}

type Layers = Extract<TopLevelSpec, { layer: unknown }>['layer'];

function intervalLayers(airports: readonly AirportAnalysis[], overallMean: number, y: object): Layers {
  const values = airports.map((analysis) => ({
    label: labelOf(analysis),
    mean: analysis.departures.mean,
    low: analysis.departures.mean - analysis.departures.margin,
    high: analysis.departures.mean + analysis.departures.margin,
  }));
  const x = {
    type: 'quantitative',
    title: 'Mean arrival delay (minutes)',
    axis: { tickCount: 6 },
  } as const;
  const axis = { ticks: false, domain: false, labelPadding: 8, maxExtent: 130 } as const;
  return [
    {
      data: { values: [{ mean: overallMean }] },
      mark: { type: 'rule', color: colours.ink, strokeDash: [2, 3] },
      encoding: { x: { ...x, field: 'mean' } },
    },
    {
      data: { values },
      mark: { type: 'rule', color: colours.muted, strokeWidth: 1.5 },
      encoding: { x: { ...x, field: 'low' }, x2: { field: 'high' }, y: { ...y, axis } },
    },
    {
      data: { values },
      mark: { type: 'circle', opacity: 1, size: 60 },
      encoding: {
        x: { ...x, field: 'mean' },
        y,
        color: { field: 'mean', type: 'quantitative', scale: heat, legend: heatLegend },
      },
    },
  ];
}

function hourCells(analysis: AirportAnalysis): { label: string; hour: string; mean: number }[] {
  return analysis.hours
    .filter(({ hour, flights }) => hour > dayBreakHour && flights >= fewestFlightsOfGroup)
    .map(({ hour, mean }) => ({ label: labelOf(analysis), hour: String(hour).padStart(2, '0'), mean }));
}

function labelOf({ airport }: AirportAnalysis): string {
  return `${airport.city} ${airport.code}`;
}

/** How many flights had which delay. */
export function drawDistribution({ delays }: NetworkAnalysis, onTimeWithinMinutes: number): Promise<string> {
  const values = delays.map((bin) => ({
    ...bin,
    late: bin.fromMinutes >= onTimeWithinMinutes ? 'late' : 'on time',
  }));
  const spec: TopLevelSpec = {
    width: halfWidth,
    height: 220,
    data: { values },
    mark: { type: 'bar', binSpacing: 1 },
    encoding: {
      x: {
        field: 'fromMinutes',
        type: 'quantitative',
        bin: { binned: true, step: 5 },
        title: 'Arrival delay (minutes)',
      },
      x2: { field: 'toMinutes' },
      y: { field: 'flights', type: 'quantitative', title: 'Flights' },
      color: {
        field: 'late',
        type: 'nominal',
        scale: { domain: ['on time', 'late'], range: [colours.main, colours.strong] },
        legend: { title: null, orient: 'top-right' },
      },
    },
  };
  return drawLite(spec);
}

/** Share on time by length of the flight. */
export function drawDistances({ distances }: NetworkAnalysis): Promise<string> {
  const values = distances.map((band) => ({
    ...band,
    label: Number.isFinite(band.toMiles)
      ? `${formatCount(band.fromMiles)}–${formatCount(band.toMiles)}`
      : `over ${formatCount(band.fromMiles)}`,
    share: band.onTimeShare * 100,
  }));
  const x = {
    field: 'label',
    type: 'ordinal',
    sort: null,
    title: 'Distance (miles)',
    axis: { labelAngle: 0 },
  } as const;
  const y = {
    field: 'share',
    type: 'quantitative',
    title: 'On time (% of flights)',
    scale: { domainMin: 0, domainMax: 100 },
  } as const;
  const spec: TopLevelSpec = {
    width: halfWidth,
    height: 220,
    data: { values },
    layer: [
      { mark: { type: 'bar', color: colours.main, width: { band: 0.6 } }, encoding: { x, y } },
      {
        mark: { type: 'text', dy: -7 },
        encoding: { x, y, text: { field: 'share', type: 'quantitative', format: '.1f' } },
      },
    ],
  };
  return drawLite(spec);
}

/** The airports on the map: size by departures, colour by mean delay. `topology` is `us-10m.json`. */
export function drawMap(airports: readonly AirportAnalysis[], topology: object): Promise<string> {
  const values = airports.map(({ airport, departures }) => ({ ...airport, ...departures }));
  const spec: TopLevelSpec = {
    width: fullWidth,
    height: 480,
    projection: { type: 'albersUsa' },
    layer: [
      {
        data: { values: topology, format: { type: 'topojson', feature: 'states' } },
        mark: { type: 'geoshape', fill: colours.land, stroke: colours.paper, strokeWidth: 0.7 },
      },
      {
        data: { values },
        mark: { type: 'circle', opacity: 0.95, stroke: colours.paper },
        encoding: {
          longitude: { field: 'longitude', type: 'quantitative' },
          latitude: { field: 'latitude', type: 'quantitative' },
          size: {
            field: 'flights',
            type: 'quantitative',
            scale: { range: [30, 700] },
            legend: {
              title: 'Departures',
              orient: 'bottom-right',
              values: [200, 500, 1_000],
              symbolFillColor: colours.muted,
              symbolStrokeWidth: 0,
            },
          },
          color: { field: 'mean', type: 'quantitative', scale: heat, legend: heatLegend },
        },
      },
      {
        data: { values: values.filter((airport) => airport.flights >= 500) },
        mark: { type: 'text', dy: -20, fontWeight: 'bold' },
        encoding: {
          longitude: { field: 'longitude', type: 'quantitative' },
          latitude: { field: 'latitude', type: 'quantitative' },
          text: { field: 'code' },
        },
      },
    ],
  };
  return drawLite(spec);
}

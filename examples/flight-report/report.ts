import { drawAirports, drawDays, drawDistances, drawDistribution, drawHours, drawMap } from './charts.ts';
import type { AirportAnalysis, Conclusion } from './conclusions.ts';
import { showFigure } from './figure.ts';
import type { DroppedRecords, Period } from './flights.ts';
import type { Forest } from './forest.ts';
import { formatCount, formatDay, formatHour, formatMinutes, formatShare } from './format.ts';
import { html, Markup, type Content } from './html.ts';
import { reportStyle } from './report-style.ts';
import { showRun } from './run-report.ts';
import { fewestFlightsOfGroup, type DelaySummary, type NetworkAnalysis } from './statistics.ts';

export interface Findings {
  readonly approval: { readonly by: string; readonly note: string };
  readonly conclusions: readonly Conclusion[];
  readonly network: NetworkAnalysis;
  readonly airports: readonly AirportAnalysis[];
  readonly period: Period;
  readonly source: {
    readonly files: readonly string[];
    readonly recordsRead: number;
    readonly dropped: readonly DroppedRecords[];
  };
}

export interface ReportOptions {
  readonly onTimeWithinMinutes: number;
  /** The outlines of the states, as `us-10m.json` has them. */
  readonly topology: object;
}

/** The whole report as one HTML page that needs nothing else. */
export async function writeReport(
  findings: Findings,
  forest: Forest,
  options: ReportOptions,
): Promise<string> {
  const title = `Flight delays at the ${findings.airports.length} busiest US airports`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${new Markup(reportStyle)}
        </style>
      </head>
      <body>
        <main>
          ${showSummary(title, findings, options)} ${showConclusions(findings)}
          ${await showTimes(findings.network)} ${await showPlaces(findings, options)}
          ${await showFlights(findings.network, options)} ${showTable(findings.airports)}
          ${showSource(findings, options)} ${await showRun(forest)}
          <footer>
            Flight records: US Bureau of Transportation Statistics, from the package vega-datasets. Charts:
            Vega and Vega-Lite. Workflow: troupe.
          </footer>
        </main>
      </body>
    </html>`;
  return page.toString();
}

function showSummary(title: string, { network, period }: Findings, options: ReportOptions): Markup {
  const { overall } = network;
  const figures: [label: string, value: string, unit: string][] = [
    ['Flights', formatCount(overall.flights), ''],
    ['Airports and routes', formatCount(network.airports), `and ${formatCount(network.routes)}`],
    [`Less than ${options.onTimeWithinMinutes} min late`, formatShare(overall.onTimeShare), ''],
    ['Mean delay', formatMinutes(overall.mean), 'min'],
    ['Median delay', formatMinutes(overall.median), 'min'],
    ['90th percentile', formatMinutes(overall.p90), 'min'],
  ];
  return html`<header>
    <p class="kicker">${formatDay(period.from)} to ${formatDay(period.to)}</p>
    <h1>${title}</h1>
    <p class="lede">
      How late flights arrived, by the hour, day and airport of their departure, in a random sample of
      ${formatCount(overall.flights)} domestic flights.
    </p>
    <dl class="figures">
      ${figures.map(
        ([label, value, unit]) =>
          html`<div>
            <dt>${label}</dt>
            <dd>${value} <small>${unit}</small></dd>
          </div>`,
      )}
    </dl>
  </header>`;
}

function showConclusions({ approval, conclusions }: Findings): Markup {
  return html`<section>
    <h2>Conclusions</h2>
    <p class="approval">
      <b>Approved</b> ${approval.by}${approval.note === '' ? '' : html`: “${approval.note}”`}
    </p>
    <ol class="conclusions">
      ${conclusions.map(
        ({ headline, detail }) =>
          html`<li>
            <h3>${headline}</h3>
            <p>${detail}</p>
          </li>`,
      )}
    </ol>
  </section>`;
}

async function showTimes(network: NetworkAnalysis): Promise<Markup> {
  const [hours, days] = await Promise.all([drawHours(network), drawDays(network)]);
  return html`<section>
    <h2>When</h2>
    <p>
      The first flights of the morning arrive early or on time; from there, delays grow until after midnight.
    </p>
    ${showFigure(
      'Delay through the day',
      'Arrival delay in minutes by hour of departure. The hours after midnight stand at the end of the day they belong to.',
      hours,
    )}
    ${showFigure('Every day of the period', 'Mean arrival delay in minutes; dotted: the overall mean.', days)}
  </section>`;
}

async function showPlaces({ airports, network }: Findings, options: ReportOptions): Promise<Markup> {
  const [map, comparison] = await Promise.all([
    drawMap(airports, options.topology),
    drawAirports(airports, network.overall.mean),
  ]);
  return html`<section>
    <h2>Where</h2>
    <p>
      Flights are counted at the airport they left from. A sample has a margin: where the interval of an
      airport crosses the dotted line, it may well be like the rest.
    </p>
    ${showFigure('On the map', 'Size: departures in the sample. Colour: mean arrival delay.', map)}
    ${showFigure(
      'Airports compared, and by the hour',
      'Mean arrival delay in minutes. Left: with its 95% interval; dotted: all flights. Right: by hour of departure; blank: too few flights to tell.',
      comparison,
    )}
  </section>`;
}

async function showFlights(network: NetworkAnalysis, options: ReportOptions): Promise<Markup> {
  const [distribution, distances] = await Promise.all([
    drawDistribution(network, options.onTimeWithinMinutes),
    drawDistances(network),
  ]);
  return html`<section>
    <h2>How late</h2>
    <p>Most flights arrive early or close to their time; the mean is made by few that do not.</p>
    <div class="columns">
      ${showFigure('Distribution of delays', 'Flights by arrival delay, in steps of 5 minutes; the last bar has all that were later.', distribution)}
      ${showFigure('Short and long flights', `Share of flights less than ${options.onTimeWithinMinutes} minutes late, by distance.`, distances)}
    </div>
  </section>`;
}

function showTable(airports: readonly AirportAnalysis[]): Markup {
  return html`<section>
    <h2>All airports</h2>
    <p>
      By departures in the sample. Delays in minutes. Worst hour, day and route: by mean delay, of those with
      at least ${fewestFlightsOfGroup} flights.
    </p>
    <div class="table">
      <table>
        <thead>
          <tr>
            <th class="text">Code</th>
            <th class="text">Airport</th>
            <th>Flights</th>
            <th>Mean</th>
            <th>Median</th>
            <th>90th<br />percentile</th>
            <th>On time</th>
            <th>Worst hour</th>
            <th>Worst day</th>
            <th>Worst route</th>
          </tr>
        </thead>
        <tbody>
          ${airports.map(showAirport)}
        </tbody>
      </table>
    </div>
  </section>`;
}

function showAirport({ airport, departures, worstHour, worstDay, worstRoute }: AirportAnalysis): Markup {
  const place = [airport.city, airport.state].filter((part) => part !== '').join(', ');
  return html`<tr>
    <td class="text code">${airport.code}</td>
    <td class="text name" title="${place}">${airport.name}</td>
    <td>${formatCount(departures.flights)}</td>
    <td>${formatMinutes(departures.mean)}</td>
    <td>${formatMinutes(departures.median)}</td>
    <td>${formatMinutes(departures.p90)}</td>
    <td>
      ${formatShare(departures.onTimeShare)}<span class="meter"
        ><i style="width:${Math.round(departures.onTimeShare * 100)}%"></i
      ></span>
    </td>
    <td>${showWorst(worstHour, (group) => formatHour(group.hour))}</td>
    <td>${showWorst(worstDay, (group) => formatDay(group.date).replace(/ \d{4}$/, ''))}</td>
    <td>${showWorst(worstRoute, (group) => group.destination)}</td>
  </tr>`;
}

function showWorst<Group extends DelaySummary>(
  group: Group | undefined,
  nameOf: (group: Group) => string,
): Content {
  if (group === undefined) return '–';
  return html`${nameOf(group)} <span class="name">${formatMinutes(group.mean)}</span>`;
}

function showSource({ source, network }: Findings, { onTimeWithinMinutes }: ReportOptions): Markup {
  return html`<section>
    <h2>The data</h2>
    <p>
      Real flights of US airlines, as reported to the Bureau of Transportation Statistics; cancelled flights
      are not in the sample. Delay is that of the arrival, hour and day are those of the actual departure, and
      a flight is on time when it arrives less than ${onTimeWithinMinutes} minutes late.
    </p>
    <div class="table">
      <table>
        <thead>
          <tr>
            <th class="text">Records</th>
            <th>Count</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <td class="text">Read from ${source.files.join(', ')}</td>
            <td>${formatCount(source.recordsRead)}</td>
          </tr>
          ${source.dropped.map(
            ({ reason, count }) =>
              html`<tr>
                <td class="text">Dropped: ${reason}</td>
                <td>−${formatCount(count)}</td>
              </tr>`,
          )}
          <tr>
            <td class="text code">Analysed</td>
            <td class="code">${formatCount(network.overall.flights)}</td>
          </tr>
        </tbody>
      </table>
    </div>
  </section>`;
}

import { showFigure } from './figure.ts';
import type { Forest, ForestRow } from './forest.ts';
import { formatCount, formatDuration } from './format.ts';
import { groupBy } from './group-by.ts';
import { html, type Markup } from './html.ts';
import { drawTimeline, drawTree, nodeColours } from './run-charts.ts';

/** How the report was made: every invocation of the run, in time and as a tree. */
export async function showRun(forest: Forest): Promise<Markup> {
  const [timeline, tree] = await Promise.all([drawTimeline(forest), drawTree(forest)]);
  const retries = forest.rows.reduce((sum, row) => sum + row.attempts - 1, 0);
  const waitedMs = forest.totalMs - forest.workedMs;
  return html`<section>
    <h2>How this report was made</h2>
    <p>
      By a workflow of ${formatCount(forest.rows.length)} invocations. It worked for
      ${formatDuration(forest.workedMs)}, in which ${formatCount(retries)} attempts failed and were repeated,
      and then waited ${formatDuration(waitedMs)} for the approval. All below is drawn from the run’s own
      record.
    </p>
    <div class="columns wide-left">
      ${showFigure('Timeline', 'One row per invocation, below its caller. Line: waiting for a slot; bar: from start to end; mark: an attempt failed.', timeline)}
      <div>
        ${showFigure('Who called whom', 'The root is in the middle; a ring marks those that needed more than one attempt.', tree)}
        ${showNodes(forest)}
      </div>
    </div>
  </section>`;
}

function showNodes(forest: Forest): Markup {
  const byName = nodeColours(forest);
  return html`<div class="table">
    <table class="compact">
      <thead>
        <tr>
          <th class="text">Node</th>
          <th>Calls</th>
          <th>Attempts</th>
          <th>Failed</th>
          <th>Median<br />time</th>
        </tr>
      </thead>
      <tbody>
        ${[...groupBy(forest.rows, (row) => row.nodeName)].map(
          ([name, rows]) =>
            html`<tr>
              <td class="text">
                <span class="key" style="background:${byName.get(name) ?? ''}"></span>${name}
              </td>
              <td>${rows.length}</td>
              <td>${rows.reduce((sum, row) => sum + row.attempts, 0)}</td>
              <td>${rows.filter((row) => row.status !== 'succeeded').length}</td>
              <td>${formatDuration(medianTime(rows))}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function medianTime(rows: readonly ForestRow[]): number {
  const times = rows.map((row) => row.endedMs - row.startedMs).toSorted((a, b) => a - b);
  return times[Math.floor(times.length / 2)] ?? 0;
}

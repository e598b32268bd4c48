import type { Mark, Transforms } from 'vega';
import type { TopLevelSpec } from 'vega-lite';

import { colours, draw, drawLite, kindColours } from './chart-theme.ts';
import type { Forest, ForestRow } from './forest.ts';

/** The colour of each kind of node, by its name in order of first appearance. */
export function nodeColours({ rows }: Forest): Map<string, string> {
  const names = new Set(rows.map((row) => row.nodeName));
  return new Map(
    [...names].map((name, index) => [name, kindColours[index % kindColours.length] ?? colours.main]),
  );
}

/** When each invocation waited (line), worked (bar) and had to try again (mark), one row each. */
export function drawTimeline(forest: Forest): Promise<string> {
  const shownMs = Math.max(1, forest.workedMs) * 1.02;
  const byName = nodeColours(forest);
  const values = forest.rows.map((row, position) => toBar(row, position, shownMs));
  const retries = values.flatMap(({ retriesMs, position }) => retriesMs.map((atMs) => ({ position, atMs })));

  const x = {
    type: 'quantitative',
    title: 'Time since the run began (ms)',
    scale: { domainMin: 0, domainMax: shownMs, nice: false },
    axis: { orient: 'top', tickCount: 8 },
  } as const;
  const y = { field: 'position', type: 'ordinal', title: null, axis: timelineAxis } as const;
  const color = {
    field: 'nodeName',
    type: 'nominal',
    scale: { domain: [...byName.keys()], range: [...byName.values()] },
    legend: null,
  } as const;
  const spec: TopLevelSpec = {
    width: 500,
    height: { step: 12 },
    params: [{ name: 'labels', value: values.map(({ label }) => label) }],
    layer: [
      {
        data: { values },
        mark: { type: 'rule', color: colours.muted },
        encoding: { x: { ...x, field: 'createdMs' }, x2: { field: 'startedMs' }, y },
      },
      {
        data: { values },
        mark: { type: 'bar', height: { band: 0.7 }, cornerRadius: 1.5 },
        encoding: { x: { ...x, field: 'startedMs' }, x2: { field: 'endedMs' }, y, color },
      },
      {
        data: { values: retries },
        mark: { type: 'tick', color: colours.strong, thickness: 2, size: 11 },
        encoding: { x: { ...x, field: 'atMs' }, y },
      },
    ],
  };
  return drawLite(spec);
}

const timelineAxis = {
  labelExpr: 'labels[datum.value]',
  labelAlign: 'left',
  labelPadding: 140,
  labelFontSize: 9.5,
  labelOverlap: false,
  ticks: false,
  domain: false,
} as const;

/** The row as it is drawn: indented, cut off where the work ended, and never too short to be seen. */
function toBar(
  row: ForestRow,
  position: number,
  shownMs: number,
): ForestRow & { position: number; label: string } {
  // Vega trims labels: the zero-width space in front keeps the indent.
  const indent = `\u200B${'\u2003'.repeat(row.depth)}`;
  const endedMs = Math.min(shownMs, Math.max(row.endedMs, row.startedMs + shownMs / 250));
  return { ...row, endedMs, position, label: `${indent}${row.nodeName} ${row.subject}` };
}

/** Who called whom: the root in the middle, an edge per request. */
export function drawTree(forest: Forest): Promise<string> {
  const byName = nodeColours(forest);
  const callers = new Set(forest.rows.map((row) => row.parentId));
  const values = forest.rows.map(({ id, parentId, nodeName, subject, attempts }) => ({
    id,
    parentId,
    colour: byName.get(nodeName),
    label: callers.has(id) ? '' : subject,
    isRepeated: attempts > 1,
  }));
  return draw({
    width: treeSize,
    height: treeSize,
    padding: 36,
    autosize: 'none',
    data: [
      { name: 'tree', values, transform: radialLayout },
      { name: 'links', source: 'tree', transform: radialLinks },
    ],
    marks: treeMarks,
  });
}

const treeSize = 380;
const centre = treeSize / 2;

const radialLayout: Transforms[] = [
  { type: 'stratify', key: 'id', parentKey: 'parentId' },
  { type: 'tree', method: 'cluster', size: [1, 1], as: ['turn', 'height', 'level', 'children'] },
  // Squared: what fans out is near the middle, and there is room where the many are.
  { type: 'formula', expr: `${centre} * pow(datum.height, 2)`, as: 'radius' },
  { type: 'formula', expr: '360 * datum.turn - 90', as: 'angle' },
  { type: 'formula', expr: 'PI * datum.angle / 180', as: 'radians' },
  { type: 'formula', expr: 'cos(datum.radians) < -1e-9', as: 'isLeft' },
  { type: 'formula', expr: `${centre} + datum.radius * cos(datum.radians)`, as: 'x' },
  { type: 'formula', expr: `${centre} + datum.radius * sin(datum.radians)`, as: 'y' },
];

const radialLinks: Transforms[] = [
  { type: 'treelinks' },
  {
    type: 'linkpath',
    shape: 'line',
    orient: 'radial',
    sourceX: { expr: 'datum.source.radians' },
    sourceY: { expr: 'datum.source.radius' },
    targetX: { expr: 'datum.target.radians' },
    targetY: { expr: 'datum.target.radius' },
  },
];

const treeMarks: Mark[] = [
  {
    type: 'path',
    from: { data: 'links' },
    encode: {
      update: {
        x: { value: centre },
        y: { value: centre },
        path: { field: 'path' },
        stroke: { value: colours.rule },
        strokeWidth: { value: 1.2 },
      },
    },
  },
  {
    type: 'symbol',
    from: { data: 'tree' },
    encode: {
      update: {
        x: { field: 'x' },
        y: { field: 'y' },
        size: { signal: 'datum.level == 0 ? 170 : 46' },
        fill: { field: 'colour' },
        stroke: { signal: `datum.isRepeated ? '${colours.strong}' : null` },
        strokeWidth: { value: 2 },
      },
    },
  },
  {
    type: 'text',
    from: { data: 'tree' },
    encode: {
      update: {
        text: { field: 'label' },
        x: { field: 'x' },
        y: { field: 'y' },
        dx: { signal: '(datum.isLeft ? -1 : 1) * 8' },
        angle: { signal: 'datum.isLeft ? datum.angle + 180 : datum.angle' },
        align: { signal: "datum.isLeft ? 'right' : 'left'" },
        baseline: { value: 'middle' },
        font: { value: 'inherit' },
        fontSize: { value: 9.5 },
        fill: { value: colours.ink },
      },
    },
  },
];

import { parse, View, type Spec } from 'vega';
import { compile, type Config, type TopLevelSpec } from 'vega-lite';

/** Colours are CSS variables of the page, so that one drawing serves the light and the dark scheme. */
export const colours = {
  ink: 'var(--ink)',
  muted: 'var(--muted)',
  rule: 'var(--rule)',
  paper: 'var(--paper)',
  main: 'var(--blue)',
  mainPale: 'var(--blue-pale)',
  strong: 'var(--red)',
  land: 'var(--land)',
} as const;

/** From early to very late; one colour more than `heatSteps` has bounds. */
export const heatColours = [0, 1, 2, 3, 4, 5, 6].map((step) => `var(--heat-${step})`);
export const heatSteps = [0, 5, 10, 15, 20, 30];

export const kindColours = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((kind) => `var(--kind-${kind})`);

const config: Config = {
  aria: false,
  background: 'transparent',
  font: 'inherit',
  view: { stroke: null },
  padding: 2,
  axis: {
    labelColor: colours.muted,
    titleColor: colours.muted,
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: 'normal',
    titlePadding: 8,
    gridColor: colours.rule,
    domainColor: colours.rule,
    tickColor: colours.rule,
    labelLimit: 0,
    titleLimit: 0,
  },
  legend: {
    labelColor: colours.muted,
    titleColor: colours.muted,
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: 'normal',
    labelLimit: 0,
    titleLimit: 0,
  },
  text: { color: colours.ink, fontSize: 11 },
};

/** Draws a Vega-Lite chart as an SVG element, without a browser. */
export function drawLite(spec: TopLevelSpec): Promise<string> {
  return draw(compile(spec, { config }).spec);
}

/** Draws a Vega chart as an SVG element, without a browser. */
export async function draw(spec: Spec): Promise<string> {
  const view = new View(parse(spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return shortenNumbers(svg);
}

/** Vega writes up to 16 decimals; two are finer than a pixel and halve the file. */
function shortenNumbers(svg: string): string {
  return svg.replaceAll(/\d+\.\d{3,}/g, (number) => String(Number(Number(number).toFixed(2))));
}

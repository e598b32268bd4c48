import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Small sizes, few rounds, ratios only: what CI runs. */
export const isShort = process.argv.includes('--short');

/**
 * How far past its limit a measure may be in the short form before it counts as missed. A shared CI
 * core and a handful of rounds are noisy; the limit itself is held by the full form.
 */
export const SHORT_ALLOWANCE = 1.5;

export type Limit = { readonly atMost: number } | { readonly atLeast: number };

export interface Row {
  readonly name: string;
  /** One figure per round. */
  readonly values: readonly number[];
  /** What the figures are counted in; a plain ratio if left out. */
  readonly unit?: string;
  /** Without one the row is only reported. */
  readonly limit?: Limit;
  /** What a measure is to reach and does not reach yet: shown, and not held against a change. */
  readonly goal?: Limit;
}

export interface Pairs {
  readonly ours: number[];
  readonly theirs: number[];
  /** `ours / theirs`, round by round, so that a slow moment of the machine touches both. */
  readonly ratios: number[];
}

type Measure = () => number | Promise<number>;

export function pick<Value>(full: Value, short: Value): Value {
  return isShort ? short : full;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Absolute figures behind a ratio; they depend on the machine, so the short form leaves them out. */
export function note(name: string, figures: Record<string, string>): void {
  if (isShort) return;
  const parts = Object.entries(figures).map(([label, value]) => `${label} ${value}`);
  print(`  ${name}: ${parts.join(', ')}`);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function format(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
}

export function micros(values: readonly number[]): string {
  return `${format(median(values))} µs`;
}

/** Microseconds per item of one timed piece of work. */
export async function perItem(items: number, work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return ((performance.now() - start) * 1_000) / items;
}

/** Warm-up rounds, then measured rounds in the order A B A B; the ratio is taken within a round. */
export async function interleave(
  rounds: { readonly warmup: number; readonly measured: number },
  measureOurs: Measure,
  measureTheirs: Measure,
): Promise<Pairs> {
  const pairs: Pairs = { ours: [], theirs: [], ratios: [] };
  for (let round = -rounds.warmup; round < rounds.measured; round++) {
    const ours = await measureOurs();
    const theirs = await measureTheirs();
    if (round < 0) continue;
    pairs.ours.push(ours);
    pairs.theirs.push(theirs);
    pairs.ratios.push(ours / theirs);
  }
  return pairs;
}

/** Prints the one line of a measure; a missed limit makes the process exit with 1. */
export function report({ name, values, unit, limit, goal }: Row): void {
  const suffix = unit === undefined ? '' : ` ${unit}`;
  const range = `(${format(Math.min(...values))}..${format(Math.max(...values))})`;
  const figure = `${format(median(values))}${suffix}`.padEnd(14);
  print(`${name.padEnd(36)} ${figure} ${range.padEnd(20)} ${verdict(median(values), limit, goal)}`.trimEnd());
}

function verdict(value: number, limit: Limit | undefined, goal: Limit | undefined): string {
  if (limit === undefined && goal !== undefined)
    return `${textOf('goal', goal)} ${holds(value, goal) ? 'reached' : 'not reached yet'}`;
  if (limit === undefined) return 'reported, no limit';
  const isHeld = holds(value, limit);
  if (!isHeld) process.exitCode = 1;
  return `${textOf('limit', limit)} ${isHeld ? 'ok' : 'MISSED'}`;
}

function textOf(what: string, limit: Limit): string {
  return ('atMost' in limit ? `${what} <= ${limit.atMost}` : `${what} >= ${limit.atLeast}`).padEnd(14);
}

/** NaN holds no limit. */
function holds(value: number, limit: Limit): boolean {
  const allowance = isShort ? SHORT_ALLOWANCE : 1;
  return 'atMost' in limit ? value <= limit.atMost * allowance : value >= limit.atLeast / allowance;
}

/** Runs a script of this folder in a process of its own and reads the JSON it prints. */
export async function inChild(
  script: string,
  args: readonly string[],
  flags: readonly string[] = [],
): Promise<unknown> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...process.execArgv, ...flags, file, ...args],
    {
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  return JSON.parse(stdout) as unknown;
}

/** What `inChild` scripts answer with: numbers by name, or a list of numbers by name. */
export function numbersOf(answer: unknown, key: string): number[] {
  const value: unknown = typeof answer === 'object' && answer !== null ? Reflect.get(answer, key) : undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item) => {
    if (typeof item !== 'number')
      throw new TypeError(`Expected a number at \`${key}\`, got \`${String(item)}\``);
    return item;
  });
}

/** A measure that did not do the work it claims to time is worse than none. */
export function expectEqual(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected)
    throw new Error(`Expected ${what} to be \`${String(expected)}\`, got \`${String(actual)}\``);
}

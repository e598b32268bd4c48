import type { AnyFlow } from '../../flow/flow-types.ts';
import { isFlow } from '../../flow/flow.ts';
import { assertInteger, assertKnownOptions, assertTimeout, expected } from '../../nodes/validate.ts';
import { checkRunnerOptions, type RunnerOptions } from '../options.ts';

/** Options that a runtime shares with a runner. */
type SharedRuntimeOptions = Pick<
  RunnerOptions,
  | 'name'
  | 'context'
  | 'processors'
  | 'subscriber'
  | 'logger'
  | 'logLevel'
  | 'logFile'
  | 'cache'
  | 'checkpointer'
  | 'durability'
  | 'maxIterations'
  | 'validate'
  | 'orphans'
  | 'redact'
  | 'interruptHandlers'
  | 'inspect'
  | 'clock'
>;

/** Options of {@link createRuntime}. */
export interface RuntimeOptions extends SharedRuntimeOptions {
  /** How many bodies may work at once, in all workers together; one that waits does not count. Default: Infinity. */
  readonly concurrency?: number | null | undefined;
  /** The most jobs that may be pending; past it a post rejects with `QueueFullError`. Default: 1,000. */
  readonly maxQueueSize?: number | null | undefined;
  /** Whether each routine's counts, durations and queues are measured, for `metrics()`. Default: false. */
  readonly monitoring?: boolean | undefined;
  /** Flows that are known by their names from the beginning. */
  readonly flows?: readonly AnyFlow[] | undefined;
  /** What `snapshot()` gave, here or elsewhere, as an object or as JSON text: its workers go on. Its flows must be among `flows`. */
  readonly snapshot?: unknown;
  /** Whether a post starts a worker where its flow has none. Default: false, and it rejects with `NotStartedError`. */
  readonly autoStart?: boolean | undefined;
  /** How many ended jobs stay readable. Default: 1,000. */
  readonly retain?: number | undefined;
  /** How many events may lead to a message of a job; past it the job fails with `HopLimitError`. Default: 10,000. */
  readonly maxHops?: number | null | undefined;
  /** The longest that a job may take, in ms; the time in which its worker is paused, or all that is left of it waits for a person, does not count. Default: null, no limit. */
  readonly jobTimeout?: number | null | undefined;
}

const OWN = [
  'concurrency',
  'maxQueueSize',
  'monitoring',
  'flows',
  'snapshot',
  'autoStart',
  'retain',
  'maxHops',
  'jobTimeout',
] as const satisfies readonly (keyof RuntimeOptions)[];

const SHARED = [
  'name',
  'context',
  'processors',
  'subscriber',
  'logger',
  'logLevel',
  'logFile',
  'cache',
  'checkpointer',
  'durability',
  'maxIterations',
  'validate',
  'orphans',
  'redact',
  'interruptHandlers',
  'inspect',
  'clock',
] as const satisfies readonly (keyof SharedRuntimeOptions)[];

/** The options of a runtime that concern an embedded worker. */
export const EMBEDDED_FLOW_OPTIONS = [
  'name',
  'context',
  'processors',
  'subscriber',
  'logger',
  'logLevel',
  'cache',
  'maxIterations',
  'validate',
  'orphans',
  'redact',
  'interruptHandlers',
  'clock',
  'concurrency',
  'maxQueueSize',
  'retain',
  'maxHops',
  'jobTimeout',
] as const satisfies readonly (keyof RuntimeOptions)[];

/** The options of a runtime, checked, with their defaults. */
export interface RuntimeSettings {
  readonly concurrency: number;
  readonly maxQueueSize: number;
  readonly monitoring: boolean;
  readonly flows: readonly AnyFlow[];
  readonly snapshot: unknown;
  readonly autoStart: boolean;
  readonly retain: number;
  readonly maxHops: number;
  readonly jobTimeoutMs: number | null;
  /** As those of a runner. */
  readonly shared: RunnerOptions;
}

/** Reads the options of a runtime. Throws where one is unknown or of the wrong form. */
export function readRuntimeOptions(options: RuntimeOptions): RuntimeSettings {
  assertKnownOptions('createRuntime', options, [...OWN, ...SHARED]);
  const given = Object.entries(options).filter(([key]) => SHARED.some((known) => known === key));
  const shared: RunnerOptions = Object.fromEntries(given);
  checkRunnerOptions(shared);
  checkOwn(options);
  return {
    concurrency: limitOf(options.concurrency, Number.POSITIVE_INFINITY),
    maxQueueSize: limitOf(options.maxQueueSize, 1_000),
    monitoring: options.monitoring ?? false,
    flows: options.flows ?? [],
    snapshot: options.snapshot ?? undefined,
    autoStart: options.autoStart ?? false,
    retain: options.retain ?? 1_000,
    maxHops: limitOf(options.maxHops, 10_000),
    jobTimeoutMs: options.jobTimeout ?? null,
    shared,
  };
}

function checkOwn(options: RuntimeOptions): void {
  for (const key of ['concurrency', 'maxQueueSize'] as const)
    if (options[key] !== null) assertInteger(`\`${key}\``, options[key], 1, true);
  if (options.maxHops !== null) assertInteger('`maxHops`', options.maxHops, 0, true);
  assertInteger('`retain`', options.retain, 0, true);
  assertTimeout('`jobTimeout`', options.jobTimeout);
  for (const key of ['monitoring', 'autoStart'] as const) {
    const value: unknown = options[key];
    if (value !== undefined && typeof value !== 'boolean')
      throw expected(`\`${key}\``, 'true or false', value);
  }
  checkFlows(options);
}

function checkFlows({ flows, snapshot, checkpointer }: RuntimeOptions): void {
  if (flows !== undefined && (!Array.isArray(flows) || !flows.every(isFlow)))
    throw expected('`flows`', 'an array of flows', flows);
  const isBoth = (snapshot ?? undefined) !== undefined && (checkpointer ?? undefined) !== undefined;
  if (!isBoth) return;
  throw expected(
    '`snapshot`',
    'left out where there is a `checkpointer`',
    snapshot,
    'A durable worker goes on from its own log: start it with `exec(flow, { workerId })`.',
  );
}

function limitOf(given: number | null | undefined, fallback: number): number {
  return given === null ? Number.POSITIVE_INFINITY : (given ?? fallback);
}

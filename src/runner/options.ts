import type { Inspector } from '../actors/inspector.ts';
import type { ErrorPolicy, InterruptHandler } from '../actors/settings.ts';
import type { Durability } from '../actors/journal.ts';
import type { Cache } from '../cache/cache.ts';
import type { Checkpointer } from '../checkpoint/checkpointer.ts';
import type { Clock } from '../clock.ts';
import type { EventProcessor, Subscriber } from '../events/events.ts';
import { CheckpointError } from '../errors.ts';
import type { Logger, LogLevel } from '../logger.ts';
import {
  assertFunction,
  assertInteger,
  assertKnownOptions,
  assertOneOf,
  assertTimeout,
  expected,
} from '../nodes/validate.ts';
import type { RedactOption } from '../redact.ts';

/** Options of a runner that may be given again for one run, and then win. `undefined` means not given, `null` means none. */
export interface SharedOptions {
  /** The longest that a run may take, in ms, without the time in which it is paused. Default: null, no limit. */
  readonly timeout?: number | null | undefined;
  /**
   * `'stop'` (default): an uncaught failure fails the run, and what still runs below it is cancelled. `'continue'`: it
   * runs to its end first. `'stopAll'`: the first failure anywhere stops the run, even one that a parent would catch.
   */
  readonly onError?: ErrorPolicy | undefined;
  /** How many bodies may work at once in one run; one that waits for its calls does not count. Default: Infinity. */
  readonly maxConcurrency?: number | null | undefined;
  /** Seeds the context; plain data is cloned. A run's values are added to the runner's, and win. */
  readonly context?: Readonly<Record<string, unknown>> | null | undefined;
  /** Added to the runner's where given for a run. */
  readonly processors?: readonly EventProcessor[] | null | undefined;
  readonly subscriber?: Subscriber | null | undefined;
  /** A pino-compatible logger. Default: none; with `logLevel` or `logFile` a pino of our own. */
  readonly logger?: Logger | null | undefined;
  /** Default: `'silent'`; `'info'` where a `logFile` is given, and the logger's own level where a `logger` is. */
  readonly logLevel?: LogLevel | undefined;
  /** A folder in which each run is saved as JSON when it ends. Default: false. */
  readonly saveState?: string | false | null | undefined;
  /** The most runs of one node within one loop of a graph; past it, the run fails with `InfiniteLoopError`. Default: 1,000. */
  readonly maxIterations?: number | null | undefined;
  /** Keeps the results of nodes with a `cache` policy; see `troupe/cache`. Default: none, and nothing is cached. */
  readonly cache?: Cache | null | undefined;
  /** Keeps the workflows that are given a `workflowId`; see `troupe/checkpoint`. Default: none. */
  readonly checkpointer?: Checkpointer | null | undefined;
  /**
   * `'sync'` (default): what a workflow does is on disk before anybody sees it. `'async'`: it is written some ms later,
   * in order, so that a crash may lose the last of it; pauses and ends are waited for.
   */
  readonly durability?: Durability | undefined;
  /**
   * `'boundary'` (default): schemas check what comes in from outside: run inputs, inputs of calls, answers. `'all'`: the
   * values between the nodes of a graph as well.
   */
  readonly validate?: 'boundary' | 'all' | undefined;
  /** Calls that still run when their caller has returned: waited for (`'wait'`, default) or cancelled. */
  readonly orphans?: 'wait' | 'cancel' | undefined;
  /** Kept out of what is logged, saved, published or inspected. */
  readonly redact?: RedactOption | null | undefined;
  /** Answer the questions of a key without a person. */
  readonly interruptHandlers?: Readonly<Record<string, InterruptHandler>> | null | undefined;
}

/** Options of {@link createRunner}. */
export interface RunnerOptions extends SharedOptions {
  /** Used in the names of saved files. Default: the target's name. */
  readonly name?: string | undefined;
  /** A file to which log lines are appended. Default: none. */
  readonly logFile?: string | null | undefined;
  /** How many ended runs `runner.info` keeps. Default: 100. */
  readonly retain?: number | undefined;
  /** Gets XState's inspection events of the runner's actors; one that throws disturbs nobody. */
  readonly inspect?: Inspector | null | undefined;
  /** The source of time and chance. Default: the machine's. */
  readonly clock?: Clock | undefined;
}

/** Options of one run. */
export interface RunOptions extends SharedOptions {
  /** Cancels the run when it aborts. */
  readonly signal?: AbortSignal | null | undefined;
  /** `'throw'` (default): a run that does not complete rejects; `'return'`: it resolves to its result. */
  readonly onFailure?: 'throw' | 'return' | undefined;
  /**
   * Makes the run a durable workflow of that id: begins it, or goes on where it was left. Of `map` the items are workflows.
   * Needs a checkpointer.
   */
  readonly workflowId?: string | undefined;
  /** The outputs that a graph is to make; what they do not need does not run. Default: its own. */
  readonly select?: readonly string[] | null | undefined;
  /** Marks all events of the run. */
  readonly sessionId?: string | undefined;
}

const SHARED = [
  'timeout',
  'onError',
  'maxConcurrency',
  'maxIterations',
  'validate',
  'cache',
  'checkpointer',
  'durability',
  'context',
  'processors',
  'subscriber',
  'logger',
  'logLevel',
  'saveState',
  'orphans',
  'redact',
  'interruptHandlers',
] as const;

/** The options of a run. */
export const RUN_OPTIONS = [
  ...SHARED,
  'signal',
  'onFailure',
  'workflowId',
  'sessionId',
  'select',
] as const satisfies readonly (keyof RunOptions)[];

/** The options of a runner that concern an embedded run. */
export const EMBEDDED_OPTIONS = [...SHARED, 'name', 'clock'] as const;

/** Whether options of a run hold any that a runner has as well. */
export function givesShared(options: RunOptions): boolean {
  return SHARED.some((key) => options[key] !== undefined);
}

/** Throws unless these are options of a runner. */
export function checkRunnerOptions(options: unknown): asserts options is RunnerOptions {
  assertKnownOptions('createRunner', options, [...SHARED, 'name', 'logFile', 'retain', 'inspect', 'clock']);
  const given: { readonly [Key in keyof RunnerOptions]?: unknown } = options;
  checkShared(given);
  for (const key of ['name', 'logFile'] as const) checkText(key, given[key]);
  assertInteger('`retain`', given.retain, 0, true);
  checkInspect(given.inspect);
  checkClock(given.clock);
}

/** Throws unless these are options of a run. */
export function checkRunOptions(options: unknown): asserts options is RunOptions {
  assertKnownOptions('a run', options, RUN_OPTIONS);
  const given: { readonly [Key in keyof RunOptions]?: unknown } = options;
  checkShared(given);
  for (const key of ['workflowId', 'sessionId'] as const) checkText(key, given[key]);
  assertOneOf('`onFailure`', given.onFailure, ['throw', 'return']);
  const { signal, select } = given;
  const isSelection = select === undefined || select === null;
  if (!isSelection && !(Array.isArray(select) && select.every((name) => typeof name === 'string')))
    throw expected('`select`', 'an array of names of outputs', select);
  if (signal !== undefined && signal !== null && !(signal instanceof AbortSignal))
    throw expected('`signal`', 'an AbortSignal', signal);
}

function checkShared(given: { readonly [Key in keyof SharedOptions]?: unknown }): void {
  assertTimeout('`timeout`', given.timeout);
  assertOneOf('`onError`', given.onError, ['stop', 'continue', 'stopAll']);
  for (const key of ['maxConcurrency', 'maxIterations'] as const)
    if (given[key] !== null) assertInteger(`\`${key}\``, given[key], 1, true);
  assertOneOf('`validate`', given.validate, ['boundary', 'all']);
  checkCache(given.cache);
  checkCheckpointer(given.checkpointer);
  assertOneOf('`durability`', given.durability, ['sync', 'async']);
  checkRecord('context', given.context);
  checkRecord('interruptHandlers', given.interruptHandlers);
  for (const [key, handler] of Object.entries(given.interruptHandlers ?? {}))
    assertFunction(`the interrupt handler of "${key}"`, handler);
  if (given.subscriber !== null) assertFunction('`subscriber`', given.subscriber);
  checkProcessors(given.processors);
  checkLogger(given.logger);
  assertOneOf('`logLevel`', given.logLevel, ['debug', 'info', 'warn', 'error', 'silent']);
  if (given.saveState !== false) checkText('saveState', given.saveState);
  assertOneOf('`orphans`', given.orphans, ['wait', 'cancel']);
  const { redact } = given;
  const isPatterns = Array.isArray(redact) && redact.every((pattern) => typeof pattern === 'string');
  if (redact !== undefined && redact !== null && typeof redact !== 'function' && !isPatterns) {
    throw expected('`redact`', 'an array of keys and paths, or a function', redact);
  }
}

function checkInspect(inspect: unknown): void {
  const isObject = typeof inspect === 'object' && inspect !== null;
  if (
    inspect === undefined ||
    inspect === null ||
    typeof inspect === 'function' ||
    (isObject && 'next' in inspect)
  )
    return;
  throw expected('`inspect`', 'a function or an observer', inspect);
}

function checkClock(clock: unknown): void {
  if (clock === undefined) return;
  const isClock =
    typeof clock === 'object' &&
    clock !== null &&
    'now' in clock &&
    'setTimeout' in clock &&
    'clearTimeout' in clock;
  if (!isClock) throw expected('`clock`', 'an object with now, setTimeout and clearTimeout', clock);
}

function checkText(key: string, value: unknown): void {
  if (value === undefined || value === null || (typeof value === 'string' && value !== '')) return;
  throw expected(`\`${key}\``, 'a text that is not empty', value);
}

function checkRecord(key: string, value: unknown): void {
  if (value === undefined || value === null || (typeof value === 'object' && !Array.isArray(value))) return;
  throw expected(`\`${key}\``, 'an object', value);
}

function checkProcessors(processors: unknown): void {
  if (processors === undefined || processors === null) return;
  if (!Array.isArray(processors) || !processors.every(isProcessor)) {
    throw expected('`processors`', 'an array of objects with `onEvent`', processors);
  }
}

function isProcessor(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && 'onEvent' in value && typeof value.onEvent === 'function'
  );
}

function checkCache(cache: unknown): void {
  if (cache === undefined || cache === null) return;
  const has = (method: string): boolean => typeof (cache as Record<string, unknown>)[method] === 'function';
  if (typeof cache === 'object' && ['get', 'set'].every(has)) return;
  throw expected(
    '`cache`',
    'a cache backend with `get` and `set`',
    cache,
    'Use `memoryCache()` of troupe/cache.',
  );
}

const CHECKPOINTER_METHODS = ['acquire', 'renew', 'release', 'append', 'read', 'get'];

function checkCheckpointer(checkpointer: unknown): void {
  if (checkpointer === undefined || checkpointer === null) return;
  const has = (method: string): boolean =>
    typeof (checkpointer as Record<string, unknown>)[method] === 'function';
  if (typeof checkpointer === 'object' && CHECKPOINTER_METHODS.every(has)) return;
  throw expected(
    '`checkpointer`',
    'a checkpointer',
    checkpointer,
    'Use `fileCheckpointer({ dir })` of troupe/checkpoint.',
  );
}

/** The checkpointer of a workflow. Throws where there is none. */
export function checkpointerOf(options: RunOptions, shared: SharedOptions): Checkpointer {
  const given = options.checkpointer === undefined ? shared.checkpointer : options.checkpointer;
  if (given !== undefined && given !== null) return given;
  throw new CheckpointError('A durable workflow was asked for, but the runner has no checkpointer', {
    hint: 'Leave `workflowId` out, or give the runner one: `createRunner({ checkpointer: fileCheckpointer({ dir }) })`.',
  });
}

function checkLogger(logger: unknown): void {
  if (logger === undefined || logger === null) return;
  const has = (level: string): boolean => typeof (logger as Record<string, unknown>)[level] === 'function';
  if (typeof logger !== 'object' || !['debug', 'info', 'warn', 'error'].every(has)) {
    throw expected('`logger`', 'an object with debug, info, warn and error, such as a pino', logger);
  }
}

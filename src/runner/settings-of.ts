import { Observer, type EventSink } from '../actors/observer.ts';
import { ResultCache } from '../actors/result-cache.ts';
import type { RunSettings } from '../actors/settings.ts';
import { Slots } from '../actors/slots.ts';
import type { Cache } from '../cache/cache.ts';
import { systemClock, type Clock } from '../clock.ts';
import { cloneData } from '../clone.ts';
import type { EventProcessor, TroupeEvent } from '../events/events.ts';
import { logEvent } from '../events/log-events.ts';
import type { RunId } from '../ids.ts';
import type { Logger } from '../logger.ts';
import { createRedactor } from '../redact.ts';
import { guardLogger, standardOutput } from './logging.ts';
import type { RunOptions, RunnerOptions, SharedOptions } from './options.ts';

/** What a runner has opened for all of its runs. */
export interface RunnerParts {
  readonly options: RunnerOptions;
  /** The logger of the file, where there is one. */
  readonly fileLogger: Logger | undefined;
  /** Those of the runner's own subscriber and processors; one queue each, over all runs. */
  readonly subscriber: Observer | undefined;
  readonly processors: readonly Observer[];
  /** One for each backend, as concurrent misses of one key run once over all runs. */
  readonly caches: Map<Cache, ResultCache>;
}

/** What the options of a runner open. */
export function partsOf(options: RunnerOptions, fileLogger: Logger | undefined): RunnerParts {
  const logger = runnerLogger({ options, fileLogger });
  const subscriber = options.subscriber ?? undefined;
  return {
    options,
    fileLogger,
    subscriber: subscriber === undefined ? undefined : observe(subscriber, 'subscriber', logger),
    processors: (options.processors ?? []).map((processor) => observeProcessor(processor, logger)),
    caches: new Map(),
  };
}

/** What one run is given besides. */
export interface RunParts {
  readonly runId: RunId;
  readonly options: RunOptions;
  readonly isSync: boolean;
  readonly extraSinks?: readonly EventSink[];
  readonly emit?: (event: TroupeEvent) => void;
}

/** A run's settings: what was given for the run, else for the runner, else the defaults. */
export function settingsOf(parts: RunnerParts, run: RunParts): RunSettings {
  const { options: shared } = parts;
  const { options: own } = run;
  const pick = <Key extends keyof SharedOptions>(key: Key): SharedOptions[Key] =>
    own[key] === undefined ? shared[key] : own[key];
  const redact = createRedactor(pick('redact'));
  const logger = loggerOf(parts, pick('logger'), pick('logLevel'), redact);
  const maxConcurrency = limitOf(pick('maxConcurrency'), Number.POSITIVE_INFINITY);
  return {
    runId: run.runId,
    workflowId: own.workflowId,
    sessionId: own.sessionId,
    clock: clockOf(shared),
    timeoutMs: pick('timeout') ?? null,
    onError: pick('onError') ?? 'stop',
    slots: maxConcurrency === Number.POSITIVE_INFINITY ? undefined : new Slots(maxConcurrency),
    maxIterations: limitOf(pick('maxIterations'), 1_000),
    validate: pick('validate') ?? 'boundary',
    orphans: pick('orphans') ?? 'wait',
    context: cloneData({ ...shared.context, ...own.context }),
    interruptHandlers: pick('interruptHandlers') ?? {},
    redact,
    logger: logger.guarded,
    observers: [
      ...(logger.isOn ? [loggingObserver(logger.guarded)] : []),
      ...sinksOf(parts, run, logger.guarded),
    ],
    emit: run.emit,
    signal: own.signal ?? undefined,
    cache: resultCache(parts, pick('cache')),
    isSync: run.isSync,
  };
}

/** A limit that was given, where null means none. */
function limitOf(given: number | null | undefined, fallback: number): number {
  return given === null ? Number.POSITIVE_INFINITY : (given ?? fallback);
}

/** The settings of one run, from those that it shares with others: what must not be shared is made anew. */
export function ownSettings(
  common: RunSettings,
  own: Pick<RunSettings, 'runId' | 'isSync' | 'workflowId' | 'sessionId' | 'signal'>,
): RunSettings {
  const { context, slots } = common;
  return { ...common, ...own, context: cloneData(context), slots: slots?.another() };
}

function resultCache({ caches }: RunnerParts, backend: SharedOptions['cache']): ResultCache | undefined {
  if (backend === undefined || backend === null) return undefined;
  const known = caches.get(backend) ?? new ResultCache(backend);
  caches.set(backend, known);
  return known;
}

/** The clock of a runner. */
function clockOf(options: RunnerOptions): Clock {
  return options.clock ?? systemClock;
}

/** The logger for what a runner itself has to say. */
export function runnerLogger(parts: Pick<RunnerParts, 'options' | 'fileLogger'>): Logger {
  const { logger, logLevel, redact } = parts.options;
  return loggerOf(parts, logger, logLevel, createRedactor(redact)).guarded;
}

/** An observer of a subscriber or a processor, whose troubles go to a logger. */
function observe(handle: (event: TroupeEvent) => unknown, name: string, logger: Logger): Observer {
  return new Observer(handle, {
    failed: (error) => logger.error({ err: error }, `A ${name} threw`),
    droppedChunks: (count) => logger.warn({ count }, `A slow ${name} missed chunks`),
    detached: () => logger.error(`A ${name} was detached: its queue was full`),
  });
}

/** An observer of a processor. */
function observeProcessor(processor: EventProcessor, logger: Logger): Observer {
  return observe((event) => processor.onEvent(event), 'processor', logger);
}

function sinksOf(parts: RunnerParts, { options, extraSinks = [] }: RunParts, logger: Logger): EventSink[] {
  const { subscriber, processors } = options;
  const sinks: EventSink[] = [];
  if (subscriber !== undefined && subscriber !== null) sinks.push(observe(subscriber, 'subscriber', logger));
  else if (subscriber === undefined && parts.subscriber !== undefined) sinks.push(parts.subscriber);
  if (processors !== null) sinks.push(...parts.processors);
  for (const processor of processors ?? []) sinks.push(observeProcessor(processor, logger));
  return [...sinks, ...extraSinks];
}

function loggingObserver(logger: Logger): Observer {
  return observe((event) => logEvent(logger, event), 'logger', logger);
}

function loggerOf(
  { fileLogger }: Pick<RunnerParts, 'fileLogger'>,
  logger: SharedOptions['logger'],
  level: SharedOptions['logLevel'],
  redact: ReturnType<typeof createRedactor>,
): { guarded: Logger; isOn: boolean } {
  const targets = [
    ...(logger === undefined || logger === null ? [] : [logger]),
    ...(fileLogger === undefined ? [] : [fileLogger]),
  ];
  if (targets.length === 0 && level !== undefined && level !== 'silent') targets.push(standardOutput());
  const shown = level ?? (fileLogger === undefined ? undefined : 'info');
  return { guarded: guardLogger(targets, shown, redact), isOn: targets.length > 0 && level !== 'silent' };
}

import { pino, type DestinationStream } from 'pino';
import { InvalidInputError } from '../errors.ts';
import type { Logger, LogLevel, LogMethod } from '../logger.ts';
import type { Redactor } from '../redact.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof LEVELS)[number];

/** What a runner's logger is made of. */
export interface LogTarget {
  readonly logger: Logger | undefined;
  readonly close: () => void;
}

/** Opens the file that log lines are appended to. */
export function openLogFile(path: string): LogTarget {
  try {
    const destination = pino.destination({ dest: path, sync: true, mkdir: true, append: true });
    return { logger: ownPino(destination), close: () => destination.end() };
  } catch (error) {
    throw new InvalidInputError(`The \`logFile\` "${path}" cannot be opened`, {
      cause: error,
      hint: 'Give a path that can be written.',
    });
  }
}

/** The machine's standard output as a logger. */
export function standardOutput(): Logger {
  return ownPino();
}

// What is shown is decided by `logLevel`, so pino itself lets everything pass.
function ownPino(destination?: DestinationStream): Logger {
  const options = { level: 'debug', name: 'troupe' };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Several loggers as one that redacts, keeps to a level, and never throws. */
export function guardLogger(
  targets: readonly Logger[],
  level: LogLevel | undefined,
  redact: Redactor | undefined,
): Logger {
  const threshold =
    level === 'silent' || targets.length === 0 ? LEVELS.length : LEVELS.indexOf(level ?? 'debug');
  const method = (name: Level): LogMethod => {
    if (LEVELS.indexOf(name) < threshold) return () => undefined;
    return (first: object | string, message?: string) => {
      const shown = typeof first === 'object' && redact !== undefined ? redact(first, 'log') : first;
      for (const target of targets) write(target, name, shown as object, message);
    };
  };
  return {
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    child: (bindings) =>
      guardLogger(
        targets.map((target) => childOf(target, shownBindings(bindings, redact))),
        level,
        redact,
      ),
  };
}

function shownBindings(
  bindings: Record<string, unknown>,
  redact: Redactor | undefined,
): Record<string, unknown> {
  return redact === undefined ? bindings : { ...(redact(bindings, 'log') as object) };
}

function write(target: Logger, level: Level, first: object | string, message: string | undefined): void {
  try {
    if (typeof first === 'string') target[level](first);
    else if (message === undefined) target[level](first);
    else target[level](first, message);
  } catch (error) {
    reportThrow(error);
  }
}

function childOf(target: Logger, bindings: Record<string, unknown>): Logger {
  try {
    return target.child?.(bindings) ?? withFields(target, bindings);
  } catch (error) {
    reportThrow(error);
    return withFields(target, bindings);
  }
}

/** A logger without `child` of its own gets the fields line by line. */
function withFields(target: Logger, bindings: Record<string, unknown>): Logger {
  const method =
    (name: Level): LogMethod =>
    (first: object | string, message?: string) => {
      if (typeof first === 'string') target[name](bindings, first);
      else if (message === undefined) target[name]({ ...bindings, ...first });
      else target[name]({ ...bindings, ...first }, message);
    };
  return { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') };
}

/** There is no logger to tell that a logger throws; the process can say it without stopping anything. */
function reportThrow(error: unknown): void {
  process.emitWarning(
    `A logger threw: ${error instanceof Error ? error.message : String(error)}`,
    'TroupeWarning',
  );
}

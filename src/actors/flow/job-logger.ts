import { recordOf } from '../../clone.ts';
import type { JobLogLine } from '../../flow/contract.ts';
import type { Logger, LogMethod } from '../../logger.ts';
import type { Redactor } from '../../redact.ts';
import type { Activation } from './activation.ts';

/** A logger that keeps each line with the jobs that an activation works for, and passes it on. */
export function jobLogger(
  activation: Activation,
  logger: Logger,
  { now, redact }: { readonly now: () => number; readonly redact: Redactor | undefined },
): Logger {
  const method =
    (level: JobLogLine['level']): LogMethod =>
    (first: object | string, message?: string) => {
      const isText = typeof first === 'string';
      const line: JobLogLine = {
        level,
        message: isText ? first : (message ?? (first instanceof Error ? first.message : '')),
        fields: isText ? {} : fieldsOf(first instanceof Error ? { err: first } : first, redact),
        routine: activation.routine.name,
        at: now(),
      };
      for (const job of activation.jobs) job.noteLine(line);
      if (isText) logger[level](first);
      else if (message === undefined) logger[level](first);
      else logger[level](first, message);
    };
  return {
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    child: (bindings) => jobLogger(activation, logger.child?.(bindings) ?? logger, { now, redact }),
  };
}

function fieldsOf(fields: object, redact: Redactor | undefined): Readonly<Record<string, unknown>> {
  const shown = redact === undefined ? fields : redact(fields, 'log');
  return recordOf(shown) as Readonly<Record<string, unknown>>; // an object stays one
}

import type { Logger, LogMethod } from 'troupe';

/** One line of a log. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A logger that keeps its lines. */
export function memoryLogger(): { readonly logger: Logger; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const make = (bindings: Record<string, unknown>): Logger => {
    const method =
      (level: LogLine['level']): LogMethod =>
      (first: object | string, message?: string) => {
        if (typeof first === 'string') lines.push({ level, fields: bindings, message: first });
        else lines.push({ level, fields: { ...bindings, ...first }, message: message ?? '' });
      };
    return {
      debug: method('debug'),
      info: method('info'),
      warn: method('warn'),
      error: method('error'),
      child: (more) => make({ ...bindings, ...more }),
    };
  };
  return { logger: make({}), lines };
}

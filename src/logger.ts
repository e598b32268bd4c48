/** One level of a {@link Logger}: a text, or fields and a text. */
export interface LogMethod {
  (message: string): void;
  (fields: object, message?: string): void;
}

/** A pino-compatible logger; a pino instance fits as it is. */
export interface Logger {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  /** A logger that adds `bindings` to every line. Without it the fields are added line by line. */
  child?(bindings: Record<string, unknown>): Logger;
}

/** From the most to the least talkative. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

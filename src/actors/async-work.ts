import { IncompatibleRunnerError } from '../errors.ts';

/** The error for anything asynchronous where nothing may be. */
export function asyncWork(what: string): IncompatibleRunnerError {
  return new IncompatibleRunnerError(`A synchronous run cannot wait: ${what}`, {
    hint: 'Use `runner.run` and `ctx.call` instead of `runSync` and `callSync`, or make the body synchronous.',
  });
}

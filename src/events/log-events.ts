import type { Logger } from '../logger.ts';
import type { TroupeEvent } from './events.ts';

/** Writes a run's events to a logger: the run's own at `info`, failures at `error`, retries at `warn`, all else at `debug`. */
export function logEvent(logger: Logger, event: TroupeEvent): void {
  const { type, runId, requestId } = event;
  const fields = { runId, ...(requestId === undefined ? {} : { requestId }), event: type };
  switch (event.type) {
    case 'RunStart':
      logger.info({ ...fields, target: event.target }, `Run of ${event.target} started`);
      return;
    case 'RunEnd':
      logger.info(
        { ...fields, status: event.status, durationMs: event.durationMs, ...errorField(event) },
        `Run ${event.status}`,
      );
      return;
    case 'NodeError':
      logger.error(
        { ...fields, node: event.nodeName, attempt: event.attempt, err: event.error },
        `Node ${event.nodeName} failed`,
      );
      return;
    case 'RequestCreationFailure':
      logger.error(
        { ...fields, node: event.nodeName, err: event.error },
        `Node ${event.nodeName} was not started`,
      );
      return;
    case 'NodeRetry':
      logger.warn(
        { ...fields, node: event.nodeName, attempt: event.attempt, delayMs: event.delayMs, err: event.error },
        `Node ${event.nodeName} is tried again`,
      );
      return;
    default:
      logger.debug({ ...fields, ...('nodeName' in event ? { node: event.nodeName } : {}) }, type);
  }
}

function errorField(event: { readonly error?: unknown }): { err?: unknown } {
  return 'error' in event ? { err: event.error } : {};
}

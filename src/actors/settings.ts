import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Clock } from '../clock.ts';
import type { TroupeEvent } from '../events/events.ts';
import type { RequestId, RunId } from '../ids.ts';
import type { Logger } from '../logger.ts';
import type { Redactor } from '../redact.ts';
import type { EventSink } from './observer.ts';
import type { Slots } from './slots.ts';
import type { ResultCache } from './result-cache.ts';

/** What becomes of the other work when a node fails. */
export type ErrorPolicy = 'stop' | 'continue' | 'stopAll';

/** An open question of a paused or running run. */
export interface PauseInfo {
  /** The name under which it is answered. */
  readonly key: string;
  /** The name of the node that asks. */
  readonly node: string;
  /** The names from the root to the node. */
  readonly path: readonly string[];
  /** The question. */
  readonly value: unknown;
  readonly requestId: RequestId;
  readonly schema?: StandardSchemaV1;
}

/** Answers the questions of one key without a person. */
export type InterruptHandler = (question: unknown) => unknown;

/** Everything that a run needs to know, options and defaults resolved. */
export interface RunSettings {
  readonly runId: RunId;
  readonly workflowId: string | undefined;
  readonly sessionId: string | undefined;
  /** What idempotency keys begin with, where runs of several ids go on with each other. Default: the run's id. */
  readonly keyBase?: string;
  readonly clock: Clock;
  readonly timeoutMs: number | null;
  readonly onError: ErrorPolicy;
  /** The places for leaf work; the runs of one map share them. Undefined where there is no limit. */
  readonly slots: Slots | undefined;
  /** The most runs of one node within one loop. */
  readonly maxIterations: number;
  /** Whether schemas check only what comes in from outside, or the values between the nodes of a graph as well. */
  readonly validate: 'boundary' | 'all';
  readonly orphans: 'wait' | 'cancel';
  /** Already cloned. */
  readonly context: Readonly<Record<string, unknown>>;
  readonly interruptHandlers: Readonly<Record<string, InterruptHandler>>;
  readonly redact: Redactor | undefined;
  readonly logger: Logger;
  readonly observers: readonly EventSink[];
  readonly emit: ((event: TroupeEvent) => void) | undefined;
  readonly signal: AbortSignal | undefined;
  readonly cache: ResultCache | undefined;
  /** Whether nothing may be asynchronous. */
  readonly isSync: boolean;
}

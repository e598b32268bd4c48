import { recordOf } from '../clone.ts';
import { isTroupeError } from '../errors.ts';
import type { EventBody, RouteDecisionEvent } from '../events/events.ts';
import type { EndMessage, LogMessage } from '../log/messages.ts';
import type { AnyNode } from '../nodes/contract.ts';
import { returnsRecord } from '../nodes/node.ts';
import type { Attempt, Invocation } from './invocation.ts';
import type { Publisher, Unnumbered } from './publisher.ts';
import type { StoredFields } from './journal.ts';
import type { Replay } from './replay.ts';
import type { StateKeeper } from './state-keeper.ts';

/** The types of the messages that end a request other than well. */
export type BadEnd = Exclude<EndMessage['type'], 'RequestSuccess'>;

/** Writes what happens to an invocation into the log, and then publishes the events that say it. */
export class Reporter {
  readonly #keeper: StateKeeper;
  readonly #publisher: Publisher;
  readonly #now: () => number;
  readonly #replay: Replay | undefined;

  constructor(keeper: StateKeeper, publisher: Publisher, now: () => number, replay?: Replay) {
    this.#replay = replay;
    this.#keeper = keeper;
    this.#publisher = publisher;
    this.#now = now;
  }

  /** The input of a call as it is in the log. What an activation gets is its own, and stays as it is. */
  recordedInput({ input, activation }: { readonly input: unknown; readonly activation?: unknown }): unknown {
    return activation === undefined || this.#publisher.isObserved ? recordOf(input) : input;
  }

  created(invocation: Invocation): void {
    const { ordinal, parent, node, recordedInput: input, createdAt: time, durable } = invocation;
    const source = parent?.ordinal ?? -1;
    const message: LogMessage = {
      type: 'RequestCreation',
      ordinal,
      previous: undefined,
      step: undefined,
      source,
      name: node.name,
      kind: node.kind,
      input,
      time,
    };
    if (durable === undefined) this.#append(message);
    else this.#append({ ...message, ...durable.place }, durable.input && { input: durable.input });
    if (!this.#publisher.isObserved) return;
    const { nodeId, requestId } = invocation;
    const sourceNodeId = parent?.nodeId ?? null;
    this.#publisher.publish(
      {
        type: 'RequestCreation',
        runId: undefined,
        seq: 0,
        timestamp: time,
        spanId: nodeId,
        parentSpanId: sourceNodeId,
        requestId,
        nodeId,
        nodeName: node.name,
        sourceNodeId,
        status: invocation.status,
        attempts: 0,
        input,
      },
      time,
    );
  }

  started(attempt: Attempt): void {
    const { invocation, number } = attempt;
    const time = this.#now();
    invocation.startedAt ??= time;
    // What goes on stays in the status that it had.
    if (this.#replay?.hasBegun(attempt) !== true)
      this.#append({
        type: 'NodeStart',
        ordinal: invocation.ordinal,
        previous: undefined,
        step: undefined,
        attempt: number,
        time,
      });
    if (!this.#publisher.isObserved) return;
    const { nodeId, requestId, parent, node, recordedInput: inputs } = invocation;
    this.#publisher.publish(
      {
        type: 'NodeStart',
        runId: undefined,
        seq: 0,
        timestamp: time,
        spanId: nodeId,
        parentSpanId: parent?.nodeId ?? null,
        requestId,
        nodeId,
        nodeName: node.name,
        inputs,
        attempt: number,
      },
      time,
    );
  }

  willRetry(attempt: Attempt, error: unknown, delayMs: number): void {
    const { invocation, number } = attempt;
    const time = this.#now();
    this.#append({
      type: 'NodeRetry',
      ordinal: invocation.ordinal,
      previous: undefined,
      step: undefined,
      attempt: number,
      error,
      delayMs,
      time,
    });
    this.#publish({ type: 'NodeRetry', ...nodeFields(invocation), error, attempt: number, delayMs }, time);
  }

  chunk(attempt: Attempt, chunk: unknown, index: number): void {
    if (!this.#publisher.isObserved) return;
    this.#publish(
      { type: 'StreamingChunk', ...nodeFields(attempt.invocation), chunk: recordOf(chunk), index },
      this.#now(),
    );
  }

  broadcast(attempt: Attempt, item: unknown): void {
    if (!this.#publisher.isObserved) return;
    this.#publish(
      { type: 'Broadcast', ...nodeFields(attempt.invocation), item: recordOf(item) },
      this.#now(),
    );
  }

  /** A result is in the cache. */
  hit(invocation: Invocation, key: string): void {
    invocation.isFromCache = true;
    this.#publish({ type: 'CacheHit', ...nodeFields(invocation), key }, this.#now());
  }

  /** A result is not in the cache, or cannot be. */
  missed(invocation: Invocation, key: string | undefined, reason: string): void {
    const shown = key === undefined ? {} : { key };
    this.#publish({ type: 'CacheMiss', ...nodeFields(invocation), ...shown, reason }, this.#now());
  }

  /** A node of a graph will not run, or not once more. */
  leftOut(
    graph: Invocation,
    node: { name: string; status: 'skipped' | 'blocked' | 'failed'; reason: string },
  ): void {
    const { name, status, reason } = node;
    if (this.#replay?.takeLeftOut(graph, name) === true) return;
    const time = this.#now();
    this.#append({
      type: 'NodeLeftOut',
      ordinal: graph.ordinal,
      previous: undefined,
      step: undefined,
      name,
      status,
      reason,
      time,
    });
    // That it failed is told by the failure of the graph.
    if (status !== 'failed')
      this.#publish({ type: 'NodeSkipped', ...spanFields(graph), nodeName: name, reason }, time);
  }

  wroteContext(invocation: Invocation, key: string, isDelete: boolean, value: unknown): void {
    if (this.#replay?.takeWrite(invocation, key) === true) return;
    const fields = this.ready('value', value, invocation.node.name);
    this.#append(
      {
        type: 'ContextWrite',
        ordinal: invocation.ordinal,
        previous: undefined,
        step: undefined,
        key,
        isDelete,
        value: recordOf(value),
        time: this.#now(),
      },
      fields,
    );
  }

  asked(
    invocation: Invocation,
    question: { key: string; value: unknown; node: string; path: readonly string[] },
    how: { readonly isRecorded: boolean; readonly fields: StoredFields },
  ): void {
    const { key, value, node, path } = question;
    const time = this.#now();
    if (!how.isRecorded)
      this.#append(
        {
          type: 'Interrupt',
          ordinal: invocation.ordinal,
          previous: undefined,
          step: undefined,
          key,
          value,
          time,
        },
        how.fields,
      );
    this.#publish({ type: 'Interrupt', ...spanFields(invocation), key, node, path, value }, time);
  }

  answered(
    invocation: Invocation,
    answer: { key: string; value: unknown; open: number },
    fields: StoredFields,
  ): void {
    const { key, value, open } = answer;
    const time = this.#now();
    this.#append(
      {
        type: 'InterruptResolved',
        ordinal: invocation.ordinal,
        previous: undefined,
        step: undefined,
        key,
        value,
        open,
        time,
      },
      fields,
    );
    this.#publish({ type: 'InterruptResolved', ...spanFields(invocation), key, value }, time);
  }

  /** A question will get no answer; the body is told why. */
  withdrawn(invocation: Invocation, question: { key: string; error: unknown; open: number }): void {
    this.#append({
      type: 'InterruptWithdrawn',
      ordinal: invocation.ordinal,
      previous: undefined,
      step: undefined,
      ...question,
      time: this.#now(),
    });
  }

  succeeded(invocation: Invocation, recordedOutput: unknown, fields?: StoredFields): void {
    const time = this.#now();
    this.#append(
      {
        type: 'RequestSuccess',
        ordinal: invocation.ordinal,
        previous: undefined,
        step: undefined,
        output: recordedOutput,
        time,
      },
      fields,
    );
    if (!this.#publisher.isObserved) return;
    const { startedAt = time, node, nodeId, requestId, parent, attempt } = invocation;
    const span = parent?.nodeId ?? null;
    if (node.gate !== undefined) {
      const decision = recordedOutput as RouteDecisionEvent['decision']; // as the gate checked it
      this.#publish({ type: 'RouteDecision', ...spanFields(invocation), gate: node.name, decision }, time);
    }
    this.#publisher.publish(
      {
        type: 'NodeEnd',
        runId: undefined,
        seq: 0,
        timestamp: time,
        spanId: nodeId,
        parentSpanId: span,
        requestId,
        nodeId,
        nodeName: node.name,
        output: recordedOutput,
        outputs: namedOutputs(node, recordedOutput),
        durationMs: time - startedAt,
        cached: invocation.isFromCache,
      },
      time,
    );
    this.#publisher.publish(
      {
        type: 'RequestSuccess',
        runId: undefined,
        seq: 0,
        timestamp: time,
        spanId: nodeId,
        parentSpanId: span,
        requestId,
        nodeId,
        nodeName: node.name,
        sourceNodeId: span,
        status: invocation.status,
        attempts: attempt?.number ?? 0,
        output: recordedOutput,
      },
      time,
    );
  }

  endedBadly(invocation: Invocation, type: BadEnd, error: unknown): void {
    const time = this.#now();
    const isFatal = type === 'RequestFailure' && isTroupeError(error, 'FATAL');
    this.#append({ type, ordinal: invocation.ordinal, previous: undefined, step: undefined, error, time });
    if (isFatal)
      this.#append({
        type: 'FatalFailure',
        ordinal: invocation.ordinal,
        previous: undefined,
        step: undefined,
        error,
        time,
      });
    if (!this.#publisher.isObserved) return;
    if (type === 'RequestFailure' || type === 'RequestTimedOut') {
      const attempt = invocation.attempt?.number ?? 0;
      this.#publisher.publish({ type: 'NodeError', ...nodeFields(invocation), error, attempt }, time);
    }
    const event = { type, ...requestFields(invocation), error } as Unnumbered; // one of four events of one shape
    this.#publisher.publish(event, time);
    if (isFatal) this.#publisher.publish({ type: 'FatalFailure', ...requestFields(invocation), error }, time);
  }

  /**
   * A value of a user, made ready to be stored where that is asked for.
   *
   * @throws {@link CheckpointError} CHECKPOINT
   */
  ready(field: 'input' | 'output' | 'value', value: unknown, node: string): StoredFields {
    const { journal } = this.#keeper;
    return journal === undefined ? undefined : { [field]: journal.prepare(value, node) };
  }

  #append(message: LogMessage, fields?: StoredFields): void {
    this.#keeper.append(message, fields);
  }

  #publish(body: EventBody, time: number): void {
    if (this.#publisher.isObserved) this.#publisher.publish(body, time);
  }
}

/** A node's outputs by the names that it declares. */
export function namedOutputs(node: AnyNode, output: unknown): Record<string, unknown> {
  // A graph returns its outputs by name, and only those that were produced.
  if (node.kind === 'graph') return output as Record<string, unknown>;
  const { outputs: names } = node;
  const [only] = names;
  if (only === undefined) return {};
  if (!returnsRecord(node)) return { [only]: output };
  const values: Record<string, unknown> = typeof output === 'object' && output !== null ? { ...output } : {};
  return Object.fromEntries(
    names.map((name) => [name, Object.hasOwn(values, name) ? values[name] : undefined]),
  );
}

function spanFields({ nodeId, requestId, parent }: Invocation) {
  return { spanId: nodeId, parentSpanId: parent?.nodeId ?? null, requestId };
}

function nodeFields(invocation: Invocation) {
  const { nodeId, requestId, parent, node } = invocation;
  return { spanId: nodeId, parentSpanId: parent?.nodeId ?? null, requestId, nodeId, nodeName: node.name };
}

function requestFields(invocation: Invocation) {
  const { nodeId, requestId, parent, node, status, attempt } = invocation;
  const source = parent?.nodeId ?? null;
  return {
    spanId: nodeId,
    parentSpanId: source,
    requestId,
    nodeId,
    nodeName: node.name,
    sourceNodeId: source,
    status,
    attempts: attempt?.number ?? 0,
  };
}

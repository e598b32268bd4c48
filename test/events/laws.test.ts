import fc from 'fast-check';
import type { TroupeEvent } from 'troupe';
import { describe, expect, test, vi } from 'vitest';
import { scenario } from '../log/call-tree.ts';
import { perform, type Performance } from '../log/perform-scenario.ts';

// Many runs a law, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 60_000 });

const STATUS_OF_END: Readonly<Record<string, string>> = {
  RequestSuccess: 'succeeded',
  RequestFailure: 'failed',
  RequestCreationFailure: 'failed',
  RequestTimedOut: 'timedOut',
  RequestCancelled: 'cancelled',
};

const ENDS = new Set(Object.keys(STATUS_OF_END));

// fast-check prints the seed of a law that does not hold.
function law(holds: (performance: Performance) => void): Promise<void> {
  return fc.assert(
    fc.asyncProperty(scenario, async (random) => holds(await perform(random))),
    { numRuns: 100 },
  );
}

function typesByRequest(events: readonly TroupeEvent[]): Map<string, string[]> {
  const types = new Map<string, string[]>();
  for (const { type, requestId } of events) {
    if (requestId === undefined) continue;
    const known = types.get(requestId) ?? [];
    types.set(requestId, [...known, type]);
  }
  return types;
}

describe('for every call tree', () => {
  test('events are numbered from 0 without a gap', () =>
    law(({ events }) => {
      expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
    }));

  test('the first event is RunStart, the last is RunEnd, and there is one of each', () =>
    law(({ events }) => {
      expect([events[0]?.type, events.at(-1)?.type]).toEqual(['RunStart', 'RunEnd']);
      expect(events.filter(({ type }) => type === 'RunStart' || type === 'RunEnd')).toHaveLength(2);
    }));

  test('times never go back', () =>
    law(({ events }) => {
      const times = events.map(({ timestamp }) => timestamp);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }));

  test('all events carry the run’s id', () =>
    law(({ events, info }) => {
      expect(new Set(events.map(({ runId }) => runId))).toEqual(new Set([info.runId]));
    }));

  test('the parent span of an event is the span of the request’s caller', () =>
    law(({ events, info }) => {
      const spans = new Map<string | undefined, string>();
      for (const event of events) if (event.type === 'RequestCreation') spans.set(event.nodeId, event.spanId);
      for (const { requestId, parentSpanId, spanId } of events) {
        const request = requestId === undefined ? undefined : info.requests.get(requestId);
        if (request === undefined) continue;
        expect(spanId).toBe(spans.get(request.nodeId));
        expect(parentSpanId).toBe(request.sourceNodeId === null ? null : spans.get(request.sourceNodeId));
      }
    }));

  test('each request is created first and ended once, after which nothing is said of it', () =>
    law(({ events, info }) => {
      const byRequest = typesByRequest(events);
      expect([...byRequest.keys()].toSorted()).toEqual(Array.from(info.requests, ({ id }) => id).toSorted());
      for (const types of byRequest.values()) {
        const said = types.filter((type) => type !== 'FatalFailure');
        expect(said[0]).toBe('RequestCreation');
        expect(said.filter((type) => ENDS.has(type))).toEqual([said.at(-1)]);
      }
    }));

  test('the end that events tell is the end on record', () =>
    law(({ events, info }) => {
      const ends = events.filter(({ type }) => ENDS.has(type));
      const told = ends.map(({ type, requestId }) => [requestId, STATUS_OF_END[type]]);
      expect(new Map(told as [string, string][])).toEqual(
        new Map(Array.from(info.requests, ({ id, status }) => [id as string, status as string])),
      );
    }));

  test('there is a NodeStart for each attempt', () =>
    law(({ events, info }) => {
      const starts = events.filter((event) => event.type === 'NodeStart');
      for (const { id, attempts } of info.requests) {
        const own = starts.filter(({ requestId }) => requestId === id).map(({ attempt }) => attempt);
        expect(own).toEqual(Array.from({ length: attempts }, (_, index) => index + 1));
      }
    }));

  test('there is one NodeError for each node that failed or timed out after it was started, and no other', () =>
    law(({ events, info }) => {
      const failed = Array.from(info.requests).filter(
        ({ status, startedAt }) => ['failed', 'timedOut'].includes(status) && startedAt !== undefined,
      );
      const told = events.filter(({ type }) => type === 'NodeError').map(({ requestId }) => requestId);
      expect(told).toHaveLength(failed.length);
      expect(new Set(told)).toEqual(new Set(failed.map(({ id }) => id)));
    }));

  test('there is one NodeEnd for each node that succeeded, and no other', () =>
    law(({ events, info }) => {
      const succeeded = Array.from(info.requests).filter(({ status }) => status === 'succeeded');
      const told = events.filter(({ type }) => type === 'NodeEnd').map(({ requestId }) => requestId);
      expect(told).toHaveLength(succeeded.length);
      expect(new Set(told)).toEqual(new Set(succeeded.map(({ id }) => id)));
    }));

  test('what an event tells is on record when it comes', () =>
    law(({ looks }) => {
      // Each look was taken by a body or by the subscriber; stamps only ever grow from one to the next.
      const steps = looks.map(({ info }) => info.steps);
      expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    }));
});

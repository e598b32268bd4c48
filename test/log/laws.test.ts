import fc from 'fast-check';
import type { ExecutionInfo, NodeRecord, RequestRecord } from 'troupe';
import { describe, expect, test, vi } from 'vitest';
import { scenario } from './call-tree.ts';
import { perform, textOf, type Performance } from './perform-scenario.ts';

// Many runs a law, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 60_000 });

const TERMINAL = new Set<string>(['succeeded', 'failed', 'cancelled', 'timedOut']);

// fast-check prints the seed of a law that does not hold.
function law(holds: (performance: Performance) => void): Promise<void> {
  return fc.assert(
    fc.asyncProperty(scenario, async (random) => holds(await perform(random))),
    { numRuns: 100 },
  );
}

function creationStep({ history }: RequestRecord | NodeRecord): number | undefined {
  return history[0]?.stamp.step;
}

function lengths(info: ExecutionInfo): Map<string, number> {
  return new Map(Array.from(info.requests, ({ id, history }) => [id, history.length]));
}

describe('for every call tree', () => {
  test('N invocations have 2N stamps, steps 0 to 2N-1 without a gap', () =>
    law(({ info }) => {
      expect(info.stamps.map(({ step }) => step)).toEqual([...Array(2 * info.requests.size).keys()]);
      expect(info.steps).toBe(2 * info.requests.size);
      expect(info.nodes.size).toBe(info.requests.size);
    }));

  test('every request is terminal at the end', () =>
    law(({ info }) => {
      expect(Array.from(info.requests, ({ status }) => status).filter((each) => !TERMINAL.has(each))).toEqual(
        [],
      );
      expect(Array.from(info.requests, ({ endedAt }) => endedAt)).not.toContain(undefined);
    }));

  test('nothing is added when the run has ended', () =>
    law(({ info, later }) => {
      expect(later.graphSerialization()).toBe(info.graphSerialization());
    }));

  test('parents are created before their children and end after them', () =>
    law(({ info }) => {
      for (const request of info.requests) {
        for (const child of info.requests.children(request.nodeId)) {
          expect(creationStep(child)).toBeGreaterThan(creationStep(request) ?? Number.NaN);
          expect(child.stamp.step).toBeLessThan(request.stamp.step);
        }
      }
    }));

  test('forests iterate in order of creation', () =>
    law(({ info }) => {
      for (const forest of [info.requests, info.nodes]) {
        const steps = Array.from<RequestRecord | NodeRecord, number | undefined>(forest, creationStep);
        expect(steps).toEqual(steps.toSorted((a, b) => (a ?? 0) - (b ?? 0)));
      }
    }));

  test('a node and its request share the creation stamp', () =>
    law(({ info }) => {
      for (const { nodeId, history } of info.requests)
        expect(info.nodes.get(nodeId)?.history[0]?.stamp).toEqual(history[0]?.stamp);
    }));

  test('stamps, times and statuses of a record only go forward', () =>
    law(({ info }) => {
      for (const { history, attempts } of info.requests) {
        const steps = history.map(({ stamp }) => stamp.step);
        expect(steps).toEqual(steps.toSorted((a, b) => a - b));
        expect(history.slice(0, -1).filter(({ status }) => TERMINAL.has(status))).toEqual([]);
        expect(attempts).toBe(Math.max(...history.map((version) => version.attempts)));
      }
    }));

  test('what a snapshot said when it was read it says for ever', () =>
    law(({ looks }) => {
      for (const { info, text } of looks) expect(textOf(info)).toBe(text);
    }));

  test('a snapshot shares the unchanged records with every later one', () =>
    law(({ looks, info }) => {
      const infos = [...looks.map((look) => look.info), info];
      for (const [index, earlier] of infos.slice(0, -1).entries()) {
        const later = infos[index + 1];
        const versions = later === undefined ? new Map<string, number>() : lengths(later);
        const unchanged = [...earlier.requests].filter(
          ({ id, history }) => versions.get(id) === history.length,
        );
        expect(unchanged.filter((record) => later?.requests.get(record.id) !== record)).toEqual([]);
      }
    }));

  test('folding up to the last step of a snapshot gives that snapshot', () =>
    law(({ looks }) => {
      for (const { info, text } of looks) expect(textOf(info.at(info.steps - 1))).toBe(text);
    }));

  test('folding the finished run up to a step gives what was read at that step, or what followed before the next', () =>
    law(({ looks, info }) => {
      for (const { info: read } of looks) {
        const folded = info.at(read.steps - 1);
        expect(folded.stamps).toEqual(read.stamps);
        expect(Array.from(folded.requests, ({ id }) => id)).toEqual(
          Array.from(read.requests, ({ id }) => id),
        );
        for (const record of read.requests) {
          const history = folded.requests.get(record.id)?.history ?? [];
          expect(history.slice(0, record.history.length).map(({ status }) => status)).toEqual(
            record.history.map(({ status }) => status),
          );
        }
      }
    }));

  test("the record's status is the state of the invocation's machine", () =>
    law(({ looks }) => {
      for (const { info, states } of looks)
        expect(new Map(Array.from(info.requests, ({ id, status }) => [id, status]))).toEqual(states);
    }));
});

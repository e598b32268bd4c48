import fc from 'fast-check';
import { FlowConfigError } from 'troupe';
import { describe, expect, test, vi } from 'vitest';
import { Conduct, hasEnded, scenarioOf, stepsOf, type Scenario } from '../support/flow-scenario.ts';
import { messagesOf, nameAt, type FlowPlan, type Form } from '../support/random-flow.ts';

// Many runs a law, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 60_000 });

const anySteps = stepsOf('advance', 'turn', 'pause', 'resume', 'cancel', 'stop', 'break', 'step', 'unbreak');
const calmSteps = stepsOf('advance', 'turn', 'pause', 'resume');

/** Slots that never refuse and never drop. */
const LOSSLESS: Form = { overflows: ['reject'], capacities: [1_000], hasFailures: false };
const BLOCKING: Form = { overflows: ['block'], capacities: [1, 2, 3], hasFailures: false };
/** No message waits for another one for ever. */
const PROMPT = ['immediate', 'timeInterval', 'custom'] as const;

/** A scenario from its beginning to its end. */
async function conducted(scenario: Scenario): Promise<Conduct> {
  const conduct = new Conduct(scenario);
  await conduct.perform();
  await conduct.release();
  expect(await conduct.shutDown()).toBe(true);
  return conduct;
}

/** How many messages come into each slot, for all posts that were taken. */
function expectedOf(plan: FlowPlan, conduct: Conduct): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { routine, slot } of conduct.taken)
    for (const [name, count] of messagesOf(plan, { routine, slot })) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

function arrivedIn(conduct: Conduct): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { routine, slot } of conduct.deliveries)
    sums[`${routine}.${slot}`] = (sums[`${routine}.${slot}`] ?? 0) + 1;
  return sums;
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((each, index) => each !== b[index]);
  return at === -1 ? a.length - b.length : (a[at] ?? 0) - (b[at] ?? 0);
}

describe('for every flow, whatever is done to it', () => {
  test('each job ends exactly once, and nothing runs or arrives for it afterwards', () =>
    fc.assert(
      fc.asyncProperty(scenarioOf({}, anySteps), fc.boolean(), async (scenario, isReleased) => {
        const conduct = new Conduct(scenario);
        await conduct.perform();
        if (isReleased) await conduct.release();

        expect(await conduct.shutDown()).toBe(true);
        expect(conduct.faults).toEqual([]);
        expect(conduct.openPosts).toBe(0);
        expect(conduct.jobs.filter((job) => !hasEnded(job))).toEqual([]);
        expect([...conduct.ends.keys()].toSorted()).toEqual(conduct.jobs.map(({ id }) => id).toSorted());
        expect([...conduct.ends.values()].filter((times) => times !== 1)).toEqual([]);
        for (const { trace, status } of conduct.jobs) {
          expect(trace.filter(({ type }) => type === 'ended').map(({ reason }) => reason)).toEqual([status]);
          const times = (...types: readonly string[]) =>
            trace.filter(({ type }) => types.includes(type)).length;
          expect(times('finished', 'failed', 'skipped')).toBe(times('activated'));
        }
      }),
      { numRuns: 150 },
    ));

  test('the counts of its messages add up at every moment, and in the end none is left', () =>
    fc.assert(
      fc.asyncProperty(scenarioOf({}, anySteps), fc.boolean(), async (scenario, isDrained) => {
        const conduct = new Conduct(scenario);
        await conduct.perform();
        await conduct.shutDown(isDrained);

        expect(conduct.miscounts).toEqual([]);
        expect(conduct.runtime.metrics().messages).toMatchObject({ queued: 0, running: 0, parked: 0 });
        const counts: Record<string, number> = { pending: 0, running: 0 };
        for (const { status } of conduct.jobs) counts[status] = (counts[status] ?? 0) + 1;
        expect(conduct.runtime.metrics().jobs).toMatchObject(counts);
      }),
      { numRuns: 150 },
    ));

  test('no more bodies work at once than the runtime allows, and of each routine no more than it allows', () =>
    fc.assert(
      fc.asyncProperty(scenarioOf({}, anySteps), async (scenario) => {
        const { mostAtWork, mostOf } = await conducted(scenario);

        expect(mostAtWork).toBeLessThanOrEqual(scenario.concurrency ?? Infinity);
        for (const [place, routine] of scenario.plan.routines.entries())
          expect(mostOf.get(nameAt(place)) ?? 0).toBeLessThanOrEqual(routine.concurrency);
      }),
      { numRuns: 150 },
    ));
});

describe('for every flow that drops nothing', () => {
  const orderly: Form = {
    overflows: ['block', 'reject'],
    capacities: [2, 1_000],
    concurrency: { min: 1, max: 1 },
  };

  test('messages keep their order along each path when its routines do one thing at a time', () =>
    fc.assert(
      fc.asyncProperty(scenarioOf({ ...orderly, hasFailures: false }, calmSteps), async (scenario) => {
        const { deliveries } = await conducted(scenario);
        const paths = new Map<string, (readonly number[])[]>();
        for (const { worker, routine, slot, parcel } of deliveries) {
          const path = `${worker} ${parcel.way.join(' ')} ${routine}.${slot}`;
          paths.set(path, [...(paths.get(path) ?? []), parcel.order]);
        }

        for (const [path, orders] of paths) expect([path, orders]).toEqual([path, orders.toSorted(compare)]);
      }),
      { numRuns: 150 },
    ));

  test('each message arrives as often as there are ways for it, loops included', () =>
    fc.assert(
      fc.asyncProperty(scenarioOf(LOSSLESS, calmSteps), async (scenario) => {
        const conduct = await conducted(scenario);

        expect(arrivedIn(conduct)).toEqual(expectedOf(scenario.plan, conduct));
        expect(conduct.jobs.filter(({ status }) => status !== 'completed')).toEqual([]);
      }),
      { numRuns: 150 },
    ));

  test('back-pressure loses nothing and stops nothing where there is no cycle', () =>
    fc.assert(
      fc.asyncProperty(
        scenarioOf({ ...BLOCKING, isCyclic: false, policies: PROMPT }, calmSteps),
        async (scenario) => {
          const conduct = new Conduct(scenario);
          await conduct.perform();
          await conduct.release();

          expect(conduct.openPosts).toBe(0);
          expect(conduct.jobs.filter(({ status }) => status !== 'completed')).toEqual([]);
          expect(arrivedIn(conduct)).toEqual(expectedOf(scenario.plan, conduct));
          await conduct.shutDown();
        },
      ),
      { numRuns: 150 },
    ));
});

/** Whether routines lead to each other in this order, and back to the first. */
function isRing({ links }: FlowPlan, names: readonly string[]): boolean {
  return (
    names.length > 1 &&
    names[0] === names.at(-1) &&
    names
      .slice(1)
      .every((name, at) => links.some(({ from, to }) => nameAt(from) === names[at] && nameAt(to) === name))
  );
}

describe('for every flow in which senders wait for room, cycles included', () => {
  test('no job waits for ever: it completes, or fails with the ring that waits for itself', () =>
    fc.assert(
      fc.asyncProperty(scenarioOf({ ...BLOCKING, policies: PROMPT }, calmSteps), async (scenario) => {
        const conduct = new Conduct(scenario);
        await conduct.perform();
        await conduct.release();

        expect(conduct.openPosts).toBe(0);
        expect(conduct.jobs.filter((job) => !hasEnded(job))).toEqual([]);
        for (const { error } of conduct.jobs.filter(({ status }) => status !== 'completed')) {
          expect(error).toBeInstanceOf(FlowConfigError);
          const names = (error as FlowConfigError).message.split(': ')[1]?.split(' → ') ?? [];
          expect([names, isRing(scenario.plan, names)]).toEqual([names, true]);
        }
        await conduct.shutDown();
      }),
      { numRuns: 200 },
    ));

  test('no ring is found where each routine may begin with all that comes', () =>
    fc.assert(
      fc.asyncProperty(
        scenarioOf({ ...BLOCKING, policies: PROMPT, concurrency: { min: 500, max: 500 } }, calmSteps),
        async (scenario) => {
          const conduct = new Conduct(scenario);
          await conduct.perform();
          await conduct.release();

          expect(conduct.openPosts).toBe(0);
          expect(conduct.jobs.filter(({ status }) => status !== 'completed')).toEqual([]);
          expect(arrivedIn(conduct)).toEqual(expectedOf(scenario.plan, conduct));
          await conduct.shutDown();
        },
      ),
      { numRuns: 150 },
    ));

  test('a drain comes to its end, with policies that leave messages waiting as well', () =>
    fc.assert(
      fc.asyncProperty(scenarioOf(BLOCKING, calmSteps), async (scenario) => {
        const conduct = await conducted(scenario);

        expect(conduct.faults).toEqual([]);
        expect(conduct.jobs.filter((job) => !hasEnded(job))).toEqual([]);
      }),
      { numRuns: 150 },
    ));
});

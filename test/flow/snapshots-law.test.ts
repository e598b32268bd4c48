import fc from 'fast-check';
import {
  allSlotsReady,
  batchSize,
  createRuntime,
  flow,
  immediate,
  timeInterval,
  type AnyFlow,
  type Policy,
} from 'troupe/flow';
import { fakeClock } from 'troupe/testing';
import { expect, test, vi } from 'vitest';
import { settled } from '../support/durable-flows.ts';
import { flowStage, step, type StepBody } from '../support/flows.ts';

vi.setConfig({ testTimeout: 60_000 });

const POLICIES: Readonly<Record<string, Policy>> = {
  immediate: immediate(),
  one: batchSize(1),
  two: batchSize(2),
  each: allSlotsReady({ flush: true }),
  often: timeInterval(10),
};

interface Plan {
  readonly policies: readonly string[];
  readonly wires: readonly (readonly [from: number, to: number])[];
  readonly posts: readonly (readonly [routine: number, pause: number])[];
  /** Before which post the snapshot is taken. */
  readonly at: number;
}

const SIZE = 4;
const plans = fc.record<Plan>({
  policies: fc.array(fc.constantFrom(...Object.keys(POLICIES)), { minLength: SIZE, maxLength: SIZE }),
  wires: fc.uniqueArray(fc.tuple(fc.nat(SIZE - 2), fc.integer({ min: 1, max: SIZE - 1 })), {
    maxLength: 5,
    selector: ([from, to]) => `${Math.min(from, to)} ${to}`,
  }),
  posts: fc.array(fc.tuple(fc.nat(SIZE - 1), fc.nat(15)), { minLength: 1, maxLength: 10 }),
  at: fc.nat(10),
});

/** Keeps what comes, and passes on twice as much. */
const body: StepBody = async (input, ctx) => {
  ctx.state.set('seen', [...ctx.state.get<number[]>('seen', []), ...input]);
  for (const value of input) await ctx.emit('output', value * 100);
};

/** Messages only go to routines behind. */
function flowOf({ policies, wires }: Plan): AnyFlow {
  const routines = policies.map((name, at) =>
    step(`r${at}`, body, { policy: POLICIES[name] ?? immediate() }),
  );
  const [first, ...others] = routines;
  if (first === undefined) throw new Error('There is a routine');
  let built: any = flow('f').add(first); // oxlint-disable-line typescript/no-explicit-any -- built as plain JavaScript does
  for (const each of others) built = built.add(each);
  for (const [from, to] of wires) if (from < to) built = built.connect(`r${from}.output`, `r${to}.input`);
  return built as AnyFlow;
}

/** Posts all, with a snapshot between two of them or without, and gives what came of it. */
async function outcomeOf(plan: Plan, { isMoved, isCalm }: { isMoved: boolean; isCalm: boolean }) {
  const f = flowOf(plan);
  let { runtime, clock } = flowStage();
  runtime.exec(f, { workerId: 'w' });
  for (const [index, [routine, pause]] of plan.posts.entries()) {
    if (isMoved && index === plan.at % plan.posts.length) {
      const snapshot = JSON.stringify(await runtime.snapshot());
      clock = fakeClock({ now: clock.now() });
      runtime = createRuntime({ snapshot, flows: [f], clock });
    }
    await runtime.post(f, `r${routine}`, 'input', index + 1, { jobId: `${index}` });
    if (!isCalm && pause < 7) continue;
    await settled(clock);
    await clock.advance(pause);
  }
  const ended = runtime.shutdown();
  await clock.runAll();
  await ended;
  return {
    jobs: runtime
      .listJobs()
      .map(({ id, status }) => `${id} ${status}`)
      .toSorted(),
    seen: plan.policies.map((_, at) => (runtime.worker('w')?.state(`r${at}`)['seen'] ?? []) as number[]), // as bodies set it
    messages: runtime.metrics().messages,
  };
}

test('a snapshot between what happens changes nothing of what comes of a flow', () =>
  fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      const moved = await outcomeOf(plan, { isMoved: true, isCalm: true });

      expect(moved).toEqual(await outcomeOf(plan, { isMoved: false, isCalm: true }));
      expect(moved.jobs).toEqual(plan.posts.map((_, id) => `${id} completed`).toSorted());
    }),
    { numRuns: 100 },
  ));

test('a snapshot at any moment loses nothing, doubles nothing, and keeps the order of each way', () =>
  fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      const moved = await outcomeOf(plan, { isMoved: true, isCalm: false });
      const left = await outcomeOf(plan, { isMoved: false, isCalm: false });

      expect([moved.jobs, moved.messages]).toEqual([left.jobs, left.messages]);
      // What comes by different ways may come in another order: a snapshot waits for what works.
      expect(moved.seen.map(sorted)).toEqual(left.seen.map(sorted));
      for (const values of moved.seen) {
        const posted = values.filter((value) => value <= plan.posts.length);
        expect(posted).toEqual(sorted(posted));
      }
    }),
    { numRuns: 150 },
  ));

function sorted(values: readonly number[]): readonly number[] {
  return values.toSorted((a, b) => a - b);
}

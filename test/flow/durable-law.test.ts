import fc from 'fast-check';
import { memoryCheckpointer, type CheckpointBatch, type Lease } from 'troupe/checkpoint';
import { batchSize, flow, immediate, type AnyFlow, type Policy } from 'troupe/flow';
import { describe, expect, test, vi } from 'vitest';
import { PassingStore } from '../durable/passing-store.ts';
import { begin, crashed, entriesOf, goOn, logOf, settled } from '../support/durable-flows.ts';
import { passOn, step, type StepBody } from '../support/flows.ts';

vi.setConfig({ testTimeout: 60_000 });

/** Knows after how many entries something was written in one piece. */
class PieceStore extends PassingStore {
  readonly pieces: number[] = [0];

  override async append(lease: Lease, batch: CheckpointBatch): Promise<void> {
    await super.append(lease, batch);
    this.pieces.push(batch.first + batch.entries.length);
  }
}

interface Plan {
  readonly a: string;
  readonly b: string;
  readonly c: string;
  readonly posts: number;
  /** Each so manieth value fails in the middle. */
  readonly failing: number;
  readonly cut: number;
}

const POLICIES: Readonly<Record<string, Policy>> = {
  immediate: immediate(),
  one: batchSize(1),
  two: batchSize(2),
  three: batchSize(3),
};
const policy = fc.constantFrom(...Object.keys(POLICIES));
const plans = fc.record<Plan>({
  a: policy,
  b: policy,
  c: policy,
  posts: fc.integer({ min: 1, max: 7 }),
  failing: fc.integer({ min: 2, max: 5 }),
  cut: fc.nat(1_000),
});

const DETOUR = 1_000;
const keep: StepBody = (input, ctx) =>
  ctx.state.set('seen', [...ctx.state.get<number[]>('seen', []), ...input]);

/** What came to the last routine, by the way that it took. */
interface Flowing {
  readonly flow: AnyFlow;
  /** The activations that began, by their keys. */
  readonly begun: string[];
}

/** A flow with a way straight on and one round, of which the latter may fail. */
function flowOf(plan: Plan, onError: 'continue' | 'stop'): Flowing {
  const begun: string[] = [];
  const noted =
    (body: StepBody): StepBody =>
    (input, ctx) => {
      begun.push(`${ctx.idempotencyKey} ${input.join(' ')}`);
      return body(input, ctx);
    };
  const detour: StepBody = async ([value = 0], ctx) => {
    if (value % plan.failing === 0) throw new Error('not that');
    await ctx.emit('output', value + DETOUR);
  };
  const of = (name: string): Policy => POLICIES[name] ?? immediate();
  return {
    begun,
    flow: flow('f')
      .add(step('a', noted(passOn), { policy: of(plan.a) }))
      .add(step('b', noted(detour), { policy: batchSize(1), onError }))
      .add(step('c', noted(keep), { policy: of(plan.c) }))
      .connect('a.output', 'b.input')
      .connect('a.output', 'c.input')
      .connect('b.output', 'c.input'),
  };
}

/** Runs the plan, and opens what was written up to a cut; what comes of it. */
async function cutAt(
  plan: Plan,
  onError: 'continue' | 'stop',
  cutOf: (pieces: number[], all: number) => number,
) {
  const store = new PieceStore(memoryCheckpointer());
  const { flow: f, begun } = flowOf(plan, onError);
  const before = begin(f, store);
  for (let value = 1; value <= plan.posts; value += 1)
    await before.runtime.post(f, 'a', 'input', value, { jobId: `${value}` });
  await settled(before.clock);
  const cut = cutOf(store.pieces, await entriesOf(store));
  const left = await crashed(store, cut);
  const accepted = (await logOf(left)).flatMap((message) =>
    message.type === 'JobPost' ? [Number(message.job)] : [],
  );
  begun.splice(0);
  const next = await goOn(f, left);
  await next.runtime.shutdown();
  const seen = (next.worker.state('c')['seen'] ?? []) as number[]; // as the routine has set it
  return { ...next, accepted, seen, begun };
}

const each = (plan: Plan) => (_: number[], all: number) => plan.cut % (all + 1);
const piece = (plan: Plan) => (pieces: number[]) => pieces[plan.cut % pieces.length] ?? 0;

/** Those for which the way round does not fail. */
const round = ({ failing }: Plan, values: readonly number[]): readonly number[] =>
  values.filter((value) => value % failing !== 0).map((value) => value + DETOUR);

describe('wherever the log of a worker is cut', () => {
  test('every job that was accepted completes, and what comes of it is there once and in order', () =>
    fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const { runtime, accepted, seen } = await cutAt(plan, 'continue', each(plan));

        expect(runtime.listJobs().map(({ status }) => status)).toEqual(accepted.map(() => 'completed'));
        expect(seen.filter((value) => value < DETOUR)).toEqual(accepted);
        expect(seen.filter((value) => value >= DETOUR)).toEqual(round(plan, accepted));
      }),
      { numRuns: 120 },
    ));

  test('the counts of its messages add up', () =>
    fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const { runtime, accepted } = await cutAt(plan, 'continue', each(plan));

        const rounds = round(plan, accepted).length;
        expect(runtime.metrics().messages).toEqual({
          posted: accepted.length * 3 + rounds,
          delivered: accepted.length * 2 + rounds * 2,
          deadLettered: accepted.length - rounds,
          dropped: 0,
          parked: 0,
          queued: 0,
          running: 0,
        });
      }),
      { numRuns: 60 },
    ));

  test('each failure is a dead letter of its job, once', () =>
    fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        // A batch belongs to all of its jobs.
        const { runtime, accepted } = await cutAt({ ...plan, a: 'one' }, 'continue', each(plan));

        expect(accepted.map((id) => runtime.getJob(`${id}`)?.deadLetters.map(({ value }) => value))).toEqual(
          accepted.map((value) => (value % plan.failing === 0 ? [value] : [])),
        );
      }),
      { numRuns: 60 },
    ));

  test('nothing runs twice that runs again there', () =>
    fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const { begun } = await cutAt(plan, 'continue', each(plan));

        expect(new Set(begun).size).toBe(begun.length);
      }),
      { numRuns: 60 },
    ));
});

describe('wherever a crash comes between two pieces that were written', () => {
  test('the jobs that a failure ends have failed, and the others complete', () =>
    fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const { runtime, accepted } = await cutAt({ ...plan, a: 'one' }, 'stop', piece(plan));

        const found = runtime.listJobs().map(({ id, status }): [number, string] => [Number(id), status]);
        expect(found.toSorted(([a], [b]) => a - b)).toEqual(
          accepted.map((id) => [id, id % plan.failing === 0 ? 'failed' : 'completed']),
        );
      }),
      { numRuns: 100 },
    ));

  test("no job of a batch that has failed completes, under 'async'", async () => {
    const store = new PieceStore(memoryCheckpointer());
    const many = 2_100;
    const f = flow('f').add(
      step('bad', () => Promise.reject(new Error('bad')), { slot: { capacity: Number.POSITIVE_INFINITY } }),
    );
    const options = { durability: 'async', maxQueueSize: null, retain: Number.POSITIVE_INFINITY } as const;
    const { runtime, clock, worker } = begin(f, store, options);
    await settled(clock);
    await worker.pause();
    await Promise.all(Array.from({ length: many }, (_, n) => runtime.post(f, 'bad', 'input', n)));
    const before = store.pieces.length;
    worker.resume();
    await runtime.waitUntilAllJobsFinished();
    await runtime.shutdown();

    const statuses = new Set<string>();
    for (const cut of store.pieces.slice(before)) {
      const next = await goOn(f, await crashed(store, cut), options);
      for (const { status } of next.runtime.listJobs()) statuses.add(status);
    }

    expect([...statuses]).toEqual(['failed']);
  });
});

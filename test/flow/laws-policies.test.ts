import fc from 'fast-check';
import {
  allSlotsReady,
  batchSize,
  createRuntime,
  custom,
  flow,
  immediate,
  routine,
  slot,
  timeInterval,
  type Policy,
} from 'troupe/flow';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test, vi } from 'vitest';

// Many runs a law, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 60_000 });

/** A message comes into a slot, so many ms after the one before. */
interface Coming {
  readonly slot: number;
  readonly afterMs: number;
}

/** One routine, and what comes to it. */
interface Scene {
  readonly slots: number;
  /** How long its body takes, or not at all. */
  readonly paceMs: number | null;
  readonly concurrency: number;
  readonly comings: readonly Coming[];
  /** How many bodies may work at once; where that is one, another routine works every second time something comes. */
  readonly limit: number | null;
}

/** What it took. */
interface Taken {
  readonly at: number;
  /** When it ended. */
  endAt: number;
  readonly reason: string;
  readonly slots: Readonly<Record<string, readonly number[]>>;
}

const scene = (slots: number, concurrency = 1): fc.Arbitrary<Scene> =>
  fc.record({
    limit: concurrency === 1 ? fc.constant(null) : fc.constantFrom(null, 1, 2),
    slots: fc.constant(slots),
    paceMs: fc.option(fc.integer({ min: 0, max: 12 })),
    concurrency: fc.integer({ min: 1, max: concurrency }),
    comings: fc.array(
      fc.record({
        slot: fc.nat(slots - 1),
        afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 15 })),
      }),
      { minLength: 1, maxLength: 24 },
    ),
  });

const someMs = fc.integer({ min: 1, max: 20 });
const someSize = fc.integer({ min: 1, max: 5 });
const someSlots = fc.integer({ min: 1, max: 3 });

/** Lets a routine of a policy work on what comes to it; then, where it is said, what is left is drained. */
async function play(
  policy: Policy,
  { slots, paceMs, concurrency, comings, limit }: Scene,
  isDrained = false,
) {
  const clock = fakeClock();
  const taken: Taken[] = [];
  const names = Array.from({ length: slots }, (_, at) => `s${at}`);
  const only = routine({
    name: 'only',
    slots: Object.fromEntries(names.map((name) => [name, slot<number>()])),
    policy,
    concurrency,
    run: (data, { reason }) => {
      const entry: Taken = { at: clock.now(), endAt: clock.now(), reason, slots: data };
      taken.push(entry);
      if (paceMs === null) return undefined;
      return new Promise<void>((resolve) => void clock.setTimeout(resolve, paceMs)).then(() => {
        entry.endAt = clock.now();
      });
    },
  });
  const other = routine({
    name: 'other',
    slots: { in: slot<number>() },
    run: () => new Promise<void>((resolve) => void clock.setTimeout(resolve, 5)),
  });
  const both = flow('both').add(only).add(other);
  const runtime = createRuntime({ clock, concurrency: limit });
  runtime.exec(both);
  const cameAt: number[] = [];
  for (const [number, coming] of comings.entries()) {
    await clock.advance(coming.afterMs);
    cameAt.push(clock.now());
    if (limit === 1 && number % 2 === 0) await runtime.post(both, 'other', 'in', number);
    await runtime.post('both', 'only', `s${coming.slot}`, number);
  }
  await clock.runAll();
  const down = runtime.shutdown({ wait: isDrained });
  await clock.runAll();
  await down;
  return { taken, cameAt };
}

/** What came into a slot, in its order. */
const into = ({ comings }: Scene, at: number): number[] =>
  [...comings.keys()].filter((number) => comings[number]?.slot === at);

const takenOf = (taken: readonly Taken[], at: number): number[] =>
  taken.flatMap(({ slots }) => slots[`s${at}`] ?? []);

/** When the first of what was taken came. */
const firstOf = (slots: Taken['slots'], cameAt: readonly number[]): number =>
  Math.min(...Object.values(slots).flatMap((numbers) => numbers.map((number) => cameAt[number] ?? Infinity)));

const slotsOf = ({ slots }: Scene): number[] => Array.from({ length: slots }, (_, at) => at);

describe('every policy', () => {
  const anyPolicy = fc.oneof(
    fc.constant(() => immediate()),
    someSize.map((size) => () => batchSize(size)),
    someMs.map((ms) => () => timeInterval(ms)),
    fc.constant(() => allSlotsReady({ flush: true })),
    someSize.map(
      (most) => () => custom(({ slots: { s0 } }) => (s0?.size ?? 0) > 0 && { take: { s0: most } }),
    ),
  );

  test('gets each message once and in order, those that a drain flushes included', () =>
    fc.assert(
      fc.asyncProperty(
        anyPolicy,
        someSlots.chain((slots) => scene(slots, 3)),
        async (policy, given) => {
          const { taken } = await play(policy(), given, true);

          for (const at of slotsOf(given)) expect(takenOf(taken, at)).toEqual(into(given, at));
        },
      ),
      { numRuns: 150 },
    ));

  test('is never activated with nothing, and gets every slot', () =>
    fc.assert(
      fc.asyncProperty(
        anyPolicy,
        someSlots.chain((slots) => scene(slots, 3)),
        async (policy, given) => {
          const { taken } = await play(policy(), given, true);

          for (const { slots } of taken) {
            expect(Object.keys(slots)).toEqual(slotsOf(given).map((at) => `s${at}`));
            expect(Object.values(slots).flat()).not.toEqual([]);
          }
        },
      ),
      { numRuns: 100 },
    ));
});

describe('immediate', () => {
  test('takes all that has come, as soon as its routine is free', () =>
    fc.assert(
      fc.asyncProperty(
        someSlots.chain((slots) => scene(slots)),
        async (given) => {
          const { taken, cameAt } = await play(immediate(), given);

          let [lastAt, freeAt] = [-Infinity, 0];
          for (const { at, endAt, slots } of taken) {
            const first = firstOf(slots, cameAt);
            expect(at).toBe(Math.max(first, freeAt));
            expect(first).toBeGreaterThanOrEqual(lastAt);
            [lastAt, freeAt] = [at, endAt];
          }
          for (const at of slotsOf(given)) expect(takenOf(taken, at)).toEqual(into(given, at));
        },
      ),
      { numRuns: 150 },
    ));
});

describe('batchSize', () => {
  test('takes exactly so many of each slot, in order, and leaves only what makes no batch', () =>
    fc.assert(
      fc.asyncProperty(
        someSize,
        someSlots.chain((slots) => scene(slots, 3)),
        async (size, given) => {
          const { taken } = await play(batchSize(size), given);

          const batches = Math.min(...slotsOf(given).map((at) => Math.floor(into(given, at).length / size)));
          expect(taken).toHaveLength(batches);
          for (const { slots } of taken)
            expect(Object.values(slots).map(({ length }) => length)).toEqual(slotsOf(given).map(() => size));
          for (const at of slotsOf(given))
            expect(takenOf(taken, at)).toEqual(into(given, at).slice(0, batches * size));
        },
      ),
      { numRuns: 150 },
    ));

  test('flushes at a drain only what makes no batch, and says so', () =>
    fc.assert(
      fc.asyncProperty(someSize, scene(1, 3), async (size, given) => {
        const { taken } = await play(batchSize(size), given, true);

        const rest = given.comings.length % size;
        const flushed = taken.filter(({ reason }) => reason === 'drain');
        expect(flushed.map(({ slots }) => slots['s0']?.length)).toEqual(rest === 0 ? [] : [rest]);
        expect(taken).toHaveLength(Math.ceil(given.comings.length / size));
      }),
      { numRuns: 150 },
    ));
});

describe('allSlotsReady', () => {
  test('brings together the first of each slot, the second of each, and so on', () =>
    fc.assert(
      fc.asyncProperty(
        someSlots.chain((slots) => scene(slots, 3)),
        async (given) => {
          const { taken } = await play(allSlotsReady(), given);

          const all = slotsOf(given).map((at) => into(given, at));
          const pairs = Array.from({ length: Math.min(...all.map(({ length }) => length)) }, (_, row) =>
            Object.fromEntries(all.map((numbers, at) => [`s${at}`, [numbers[row]]])),
          );
          expect(taken.map(({ slots }) => slots)).toEqual(pairs);
        },
      ),
      { numRuns: 150 },
    ));

  test('keeps at a drain what has no partner', () =>
    fc.assert(
      fc.asyncProperty(scene(2, 3), async (given) => {
        const [left, drained] = [
          await play(allSlotsReady(), given),
          await play(allSlotsReady(), given, true),
        ];

        expect(drained.taken.map(({ slots }) => slots)).toEqual(left.taken.map(({ slots }) => slots));
      }),
      { numRuns: 100 },
    ));
});

describe('timeInterval', () => {
  test('never activates twice within its time', () =>
    fc.assert(
      fc.asyncProperty(
        someMs,
        someSlots.chain((slots) => scene(slots, 3)),
        async (ms, given) => {
          const { taken } = await play(timeInterval(ms), given);

          for (const [place, { at }] of taken.entries())
            expect(at - (taken[place - 1]?.at ?? -Infinity)).toBeGreaterThanOrEqual(ms);
        },
      ),
      { numRuns: 150 },
    ));

  test('takes all that has come, at once or as soon as its time has passed and its routine is free', () =>
    fc.assert(
      fc.asyncProperty(
        someMs,
        someSlots.chain((slots) => scene(slots)),
        async (ms, given) => {
          const { taken, cameAt } = await play(timeInterval(ms), given);

          let [lastAt, freeAt] = [-Infinity, 0];
          for (const { at, endAt, slots } of taken) {
            const first = firstOf(slots, cameAt);
            expect(at).toBe(Math.max(first, freeAt, lastAt + ms));
            expect(first).toBeGreaterThanOrEqual(lastAt);

            [lastAt, freeAt] = [at, endAt];
          }
          for (const at of slotsOf(given)) expect(takenOf(taken, at)).toEqual(into(given, at));
        },
      ),
      { numRuns: 150 },
    ));
});

describe('a routine that was held', () => {
  test('begins at once with as many batches as it may work on', () =>
    fc.assert(
      fc.asyncProperty(
        someSize,
        fc.nat(20),
        fc.integer({ min: 1, max: 4 }),
        async (size, count, concurrency) => {
          const clock = fakeClock();
          let begun = 0;
          const held = routine({
            name: 'held',
            slots: { in: slot<number>() },
            policy: batchSize(size),
            concurrency,
            run: () => {
              begun += 1;
              return new Promise<void>((resolve) => void clock.setTimeout(resolve, 1));
            },
          });
          const alone = flow('alone').add(held);
          const runtime = createRuntime({ clock });
          const worker = runtime.exec(alone);
          await worker.pause();
          for (let number = 0; number < count; number += 1) await runtime.post(alone, 'held', 'in', number);
          worker.resume();
          await clock.advance(0);

          expect(begun).toBe(Math.min(concurrency, Math.floor(count / size)));
          await runtime.shutdown({ wait: false });
        },
      ),
      { numRuns: 100 },
    ));
});

describe('custom', () => {
  test('is asked until it says no, and gets at most what is there', () =>
    fc.assert(
      fc.asyncProperty(someSize, scene(1), async (most, given) => {
        const policy = custom(
          ({ slots: { s0 } }) => (s0?.size ?? 0) > 0 && { take: { s0: most }, reason: 'some' },
        );
        const { taken, cameAt } = await play(policy, given);

        let freeAt = 0;
        for (const { at, endAt, reason, slots } of taken) {
          const numbers = slots['s0'] ?? [];
          expect(reason).toBe('some');
          expect(numbers.length).toBeLessThanOrEqual(most);
          expect(at).toBe(Math.max(cameAt[numbers[0] ?? -1] ?? Infinity, freeAt));
          freeAt = endAt;
        }
        expect(takenOf(taken, 0)).toEqual(into(given, 0));
      }),
      { numRuns: 150 },
    ));

  test('is asked again at the time that it names', () =>
    fc.assert(
      fc.asyncProperty(someMs, scene(1, 3), async (ms, given) => {
        const late = custom(({ slots: { s0 }, now }) => {
          if (s0?.oldestAt === undefined) return false;
          return now - s0.oldestAt >= ms ? { take: { s0: 1 } } : { askAt: s0.oldestAt + ms };
        });
        const { taken, cameAt } = await play(late, { ...given, paceMs: null, limit: null });

        expect(taken.map(({ at }) => at)).toEqual(cameAt.map((at) => at + ms));
      }),
      { numRuns: 150 },
    ));
});
